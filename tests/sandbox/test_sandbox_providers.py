"""The roots that need Terraform's providers: `docker` and `aws`. tests/sandbox/providers/README.md says what they are checked with."""

from __future__ import annotations

import gzip
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from crm2odoo.sandbox import terraform
from crm2odoo.sandbox.home import checkout, tools_dir

PROVIDERS = Path(__file__).parent / "providers"
STAND_INS = {"aws": ("hashicorp", "6.25.0"), "docker": ("kreuzwerker", "3.6.2")}
CHOICE = os.environ.get("CRM2ODOO_PROVIDERS")
REGISTRY = CHOICE == "registry"
ASKED = pytest.mark.skipif(CHOICE not in ("registry", "stand-in"), reason="takes a minute: `make check-terraform` runs it")
ROOTS = ("modules/odoo-docker", "sandbox/docker", "sandbox/aws")
Run = Callable[..., subprocess.CompletedProcess[str]]


def stand_in(folder: Path) -> Path:
    """A folder with a stand-in for each provider, and the configuration that has Terraform look there."""
    python = tools_dir() / "terraform" / "bin" / "python"
    system = f"linux_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine()) }"
    for name, (owner, version) in STAND_INS.items():
        schema = folder / f"{name}.json"
        schema.write_bytes(gzip.decompress((PROVIDERS / f"{name}.json.gz").read_bytes()))
        program = folder / "mirror" / "registry.terraform.io" / owner / name / version / system / f"terraform-provider-{name}_v{version}"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\nSTUB_SCHEMA={schema} exec {python} {PROVIDERS / 'stub.py'}\n")
        program.chmod(0o755)
    configuration = folder / "terraformrc"
    configuration.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder / "mirror"}"\n  }}\n}}\n')
    return configuration


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs Terraform in a copy of terraform/, because a lock file is written beside the code."""
    folder = tmp_path_factory.mktemp("providers")
    shutil.copytree(checkout() / "terraform", folder / "terraform")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")} | {"CHECKPOINT_DISABLE": "1"}
    if not REGISTRY:
        environment["TF_CLI_CONFIG_FILE"] = str(stand_in(folder))

    def run(root: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [*terraform.terraform_command(), f"-chdir={folder / 'terraform' / root}", *words, "-no-color"]
        return subprocess.run(command, env=environment | more, capture_output=True, text=True)

    for root in ROOTS:
        done = run(root, "init")
        assert done.returncode == 0, done.stdout + done.stderr
    return run


@ASKED
@pytest.mark.parametrize("root", ROOTS)
def test_the_code_is_valid_and_formatted(root: str, run: Run) -> None:
    done = run(root, "validate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert run(root, "fmt", "-check", "-recursive").stdout == ""


@ASKED
@pytest.mark.parametrize(("root", "cases"), [("modules/odoo-docker", 7), ("sandbox/aws", 6)])
def test_their_own_tests_pass(root: str, cases: int, run: Run) -> None:
    done = run(root, "test")
    assert f"{cases} passed, 0 failed" in done.stdout, done.stdout + done.stderr


@ASKED
def test_the_stand_ins_know_every_argument(run: Run, tmp_path: Path) -> None:
    """Else a mistake in the code would pass."""
    if REGISTRY:
        pytest.skip("the real providers are used")
    code = Path(run("modules/odoo-docker", "version").args[-3].removeprefix("-chdir=")) / "main.tf"
    before = code.read_text()
    code.write_text(before.replace("memory       =", "memmory      ="))
    done = run("modules/odoo-docker", "validate")
    code.write_text(before)
    assert done.returncode != 0
    assert 'argument named "memmory" is not expected' in done.stderr + done.stdout


@ASKED
def test_aws_is_planned_applied_and_destroyed(run: Run) -> None:
    """Against moto, an AWS of this machine."""
    if not REGISTRY:
        pytest.skip("the provider hashicorp/aws is needed: set CRM2ODOO_PROVIDERS=registry where registry.terraform.io can be reached")
    pytest.importorskip("cfnlint", reason="moto[all,server] is needed")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_S3_USE_PATH_STYLE": "true",
        "TF_VAR_domain_name": "crm.example.com", "TF_VAR_allowed_cidrs": '["203.0.113.0/24"]', "TF_VAR_wait_for_steady_state": "false",
        "TF_VAR_certificate_arn": "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555",
    }
    try:
        for words in (("plan",), ("apply", "-auto-approve"), ("plan", "-detailed-exitcode"), ("destroy", "-auto-approve")):
            done = run("sandbox/aws", *words, **settings)
            assert done.returncode == 0, done.stdout + done.stderr
    finally:
        server.stop()


@pytest.mark.parametrize("path", sorted((checkout() / "terraform").rglob("variables.tf")), ids=lambda path: path.parent.name)
def test_every_variable_has_a_type_and_a_description_and_is_in_the_readme(path: Path) -> None:
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', path.read_text(), re.M | re.S)
    assert len(blocks) == path.read_text().count('variable "')
    readme = (path.parent / "README.md").read_text()
    for name, body in blocks:
        assert re.search(r"^  type\s+= ", body, re.M), name
        assert re.search(r'^  description\s+= "', body, re.M), name
        assert f"`{name}`" in readme or "variables.tf" in readme, name


def test_no_secret_is_made_or_taken_by_terraform() -> None:
    """What Terraform makes or takes is in its state."""
    code = {path: path.read_text() for path in (checkout() / "terraform").rglob("*.tf")}
    for path, text in code.items():
        assert not re.search(r'random_password|secretsmanager_random|secret_string|^variable "[^"]*password', text, re.M), path
        assert not re.search(r'^\s*(master_)?password\s*=', text, re.M), path


@ASKED
def test_checkov_finds_nothing() -> None:
    program = [str(tools_dir() / "terraform" / "bin" / "python"), "-m", "checkov.main"]
    command = [*program, "-d", str(checkout()), "--framework", "terraform", "--skip-path", r"(^|/)\.tools/", "--quiet", "--compact", "--skip-download", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"LOG_LEVEL": "CRITICAL"})
    found = json.loads(done.stdout)
    assert found["summary"]["failed"] == 0, done.stdout
    assert found["summary"]["passed"] > 150
