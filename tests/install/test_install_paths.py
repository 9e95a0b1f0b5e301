"""The ways in which the package gets into an Airflow: a copied folder, a git bundle, a wheel, an image. docs/install.md describes them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import tomllib
import yaml

ROOT = Path(__file__).resolve().parents[2]
SQLITE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
PROJECT = "project: acme\ntitle: Acme\nsource: flash_lead_sales\nexport: exports/2026-11\ntimezone: Europe/London\nowners: {undecided: provision}\n"

# What a program sees that has nothing of this repository on its paths: which DAGs there are, and whether their SQL and Terraform are found.
LOOK = """
import json, sys
from pathlib import Path
import crm2odoo
from crm2odoo.airflow.versions import dag_bag
from crm2odoo.project import load_bundle
from crm2odoo.sandbox.terraform import Root
bag = dag_bag(sys.argv[1])
root = Path(sys.argv[2])
bundle = load_bundle(root, "acme")
print("SEEN " + json.dumps({
    "package": crm2odoo.__file__, "dags": sorted(bag.dags), "errors": bag.import_errors,
    "source": bundle.source.title, "sql": (bundle.root_of("sql") / "log" / "schema.sql.j2").exists(), "sql_root": str(bundle.root_of("sql")),
    "terraform": Root("local", root).source.is_dir(), "terraform_root": str(Root("local", root).source),
}))
"""


def look(python: str, dags: Path, root: Path, home: Path, **environment: str) -> dict[str, object]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "CRM2ODOO", "PYTHON"))}
    settings = {
        "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__DAGS_FOLDER": str(dags), SQLITE: f"sqlite:///{home}/a.db",
    }  # fmt: skip
    done = subprocess.run([python, "-c", LOOK, str(dags), str(root)], env=kept | settings | environment, cwd=home, capture_output=True, text=True)
    seen = [line for line in done.stdout.splitlines() if line.startswith("SEEN ")]
    assert seen, done.stdout + done.stderr
    return json.loads(seen[0].removeprefix("SEEN "))


def copy(folder: Path, *parts: str) -> None:
    for part in parts:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "demo_*", ".terraform"))


def add_project(root: Path) -> None:
    (root / "mappings" / "projects").mkdir(parents=True, exist_ok=True)
    (root / "mappings" / "projects" / "acme.yaml").write_text(PROJECT)


def check(seen: dict[str, object]) -> None:
    assert seen["errors"] == {}
    assert {"acme.discover", "acme.sample", "acme.load"} <= set(seen["dags"])  # type: ignore[call-overload]
    assert seen["sql"]
    assert seen["terraform"]
    assert not str(seen["package"]).startswith(str(ROOT)), "the repository was found instead of the installed package"


def test_a_copied_folder(tmp_path: Path) -> None:
    """Airflow itself puts plugins/ on the path of its processes; here PYTHONPATH does."""
    copy(tmp_path, "dags", "plugins", "sql", "mappings", "terraform")
    add_project(tmp_path)
    seen = look(sys.executable, tmp_path / "dags", tmp_path, tmp_path, PYTHONPATH=str(tmp_path / "plugins"))
    check(seen)
    assert "crm2odoo_janitor" in seen["dags"]  # type: ignore[operator]


def test_a_copied_folder_in_an_airflow_home_is_on_the_path_of_airflow(tmp_path: Path) -> None:
    copy(tmp_path, "dags", "plugins", "sql", "mappings", "terraform")
    add_project(tmp_path)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "CRM2ODOO", "PYTHON"))}
    settings = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", SQLITE: f"sqlite:///{tmp_path}/a.db"}
    program = "import airflow.plugins_manager, airflow.settings as s; s.prepare_syspath_for_config_and_plugins(); import crm2odoo; print(crm2odoo.__file__)"
    done = subprocess.run([sys.executable, "-c", program], env=kept | settings, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == [str(tmp_path / "plugins" / "crm2odoo" / "__init__.py")], done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as by somebody who has the repository and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    copy(folder, "dags", "plugins", "sql", "mappings", "terraform")
    program = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder / "plugins", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]


def test_a_wheel_holds_everything_and_nothing_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in names if not name.startswith(("crm2odoo/bundled/", "crm2odoo-"))}
    tracked = subprocess.run(["git", "ls-files", "plugins"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    beside = {".airflowignore", "pyproject.toml"}
    assert {name.removeprefix("plugins/") for name in tracked} - beside == inside
    for part in ("sql", "mappings/odoo", "mappings/sources", "terraform", "dags"):
        files = subprocess.run(["git", "ls-files", part], cwd=ROOT, capture_output=True, text=True).stdout.split()
        assert {f"crm2odoo/bundled/{name}" for name in files} <= set(names), part
    assert not [name for name in names if "demo_" in name or "__pycache__" in name]
    text = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert "provider_info = crm2odoo.airflow.provider:get_provider_info" in text
    assert "crm2odoo = crm2odoo_plugin:Crm2OdooPlugin" in text


def test_an_installed_wheel_needs_no_repository(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    packages = next((environment / "lib").glob("python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(packages)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")  # what pip would download
    root = tmp_path / "root"
    add_project(root)
    (root / "dags").mkdir()
    shutil.copy(packages / "crm2odoo" / "bundled" / "dags" / "migrations.py", root / "dags")
    seen = look(str(environment / "bin" / "python"), root / "dags", root, tmp_path, CRM2ODOO_ROOT=str(root))
    check(seen)
    assert str(seen["sql_root"]).startswith(str(packages))
    assert str(seen["terraform_root"]).startswith(str(packages))


def test_a_git_bundle_serves_the_files_of_its_commit(tmp_path: Path, wheel: Path) -> None:
    pytest.importorskip("airflow.providers.git", reason="apache-airflow-providers-git")
    work, bare, home = tmp_path / "work", tmp_path / "bare.git", tmp_path / "home"
    home.mkdir()
    work.mkdir()
    copy(work, "dags", "sql", "mappings")
    add_project(work)
    (tmp_path / "site").mkdir()
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")  # plugins are not part of a bundle: they are installed

    def git(*words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
        return subprocess.run(["git", *identity, *words], cwd=work, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    first = git("rev-parse", "HEAD")
    git("clone", "-q", "--bare", str(work), str(bare))
    git("remote", "add", "origin", str(bare))
    project = work / "mappings" / "projects" / "acme.yaml"
    project.write_text(PROJECT.replace("title: Acme", "title: Renamed"))
    git("commit", "-qam", "two")
    git("push", "-q", "origin", "main")
    program = f"""
import sys
from airflow.providers.git.bundles.git import GitDagBundle
def path(version):
    bundle = GitDagBundle(name="crm2odoo", repo_url={str(bare)!r}, tracking_ref="main", subdir="dags", version=version)
    bundle.initialize()
    return bundle.path
print("PATHS", path({first!r}), path(None))
"""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "CRM2ODOO", "PYTHON"))}
    settings = {"AIRFLOW_HOME": str(home), SQLITE: f"sqlite:///{home}/a.db", "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles")}
    done = subprocess.run([sys.executable, "-c", program], env=kept | settings, cwd=home, capture_output=True, text=True)
    found = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("PATHS")]
    assert found, done.stderr
    old, new = map(Path, found[0])
    assert "title: Acme" in (old.parent / "mappings" / "projects" / "acme.yaml").read_text()
    assert "title: Renamed" in (new.parent / "mappings" / "projects" / "acme.yaml").read_text()
    seen = look(sys.executable, old, old.parent, home, PYTHONPATH=str(tmp_path / "site"))
    check(seen)
    assert seen["sql_root"] == str(old.parent / "sql"), "the SQL of the commit is used, not that of the installed package"


def test_both_lists_of_requirements_say_the_same() -> None:
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == tomllib.loads((ROOT / "plugins" / "pyproject.toml").read_text())["project"]["dependencies"]


# ---- image and compose file: no Docker engine is needed to see that they fit together


def instructions(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", " ", text)
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line and not line.startswith("#")]


def test_the_image_copies_what_the_wheel_is_built_from_and_runs_as_airflow() -> None:
    lines = instructions((ROOT / "Dockerfile").read_text())
    copied = {words.split()[-2] for name, words in lines if name == "COPY"}
    assert copied == {"dags", "sql", "mappings", "terraform", "plugins"}
    assert [words for name, words in lines if name == "USER"][-1] == "airflow"
    base = next(words for name, words in lines if name == "FROM")
    assert re.fullmatch(r"apache/airflow:\$\{AIRFLOW_VERSION\}-python3\.1\d", base)
    version = next(words for name, words in lines if name == "ARG").partition("=")[2]
    assert f"apache-airflow=={version}\n" in (ROOT / "requirements-pinned.txt").read_text()
    for name, words in lines:
        if name == "RUN" and "apt-get" in words:
            assert "--no-install-recommends" in words
            assert "rm -rf /var/lib/apt/lists" in words
        if name == "RUN" and "pip install" in words:
            assert "--no-cache-dir" in words
            assert '"apache-airflow==${AIRFLOW_VERSION}"' in words, "pip may not change the image's Airflow"


def test_the_compose_file_runs_every_part_and_holds_no_secret() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert {"postgres", "migrate", "api-server", "scheduler", "dag-processor", "triggerer"} == set(compose["services"])
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert asked == {line.partition("=")[0] for line in (ROOT / ".env.example").read_text().splitlines() if line and not line.startswith("#")}
    assert all(not line.partition("=")[2] for line in (ROOT / ".env.example").read_text().splitlines() if not line.startswith("#"))
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    used = {v.partition(":")[0] for s in compose["services"].values() for v in s.get("volumes", []) if not v.startswith(".")}
    assert used == set(compose["volumes"])


@pytest.mark.skipif(not shutil.which("docker"), reason="no docker client")
def test_docker_accepts_the_compose_file(tmp_path: Path) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("no docker compose")
    settings = tmp_path / "env"
    settings.write_text("".join(f"{line}x\n" for line in (ROOT / ".env.example").read_text().splitlines() if "=" in line and line[0] != "#"))
    done = subprocess.run(["docker", "compose", "--env-file", str(settings), "config", "-q"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.environ.get("CRM2ODOO_DOCKER") != "build", reason="needs a Docker engine and ten minutes: CRM2ODOO_DOCKER=build")
def test_the_image_is_built_and_has_the_dags() -> None:
    subprocess.run(["docker", "build", "-t", "crm2odoo-test", "."], cwd=ROOT, check=True)
    program = "import crm2odoo; print(crm2odoo.OWN_ROOT)"
    done = subprocess.run(["docker", "run", "--rm", "--entrypoint", "python", "crm2odoo-test", "-c", program], capture_output=True, text=True)
    assert done.stdout.strip().endswith("crm2odoo/bundled")
