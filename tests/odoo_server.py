"""Fixtures with a real PostgreSQL and a real Odoo 19.

    odoo_base     session   PostgreSQL with the template; made once, kept between runs, stopped when the last session ends
    staging_dsn   module    an empty database of its own
    odoo          module    a cloned Odoo database of its own
    new_odoo      module    a function that makes one more of these

One Odoo process per session serves all its databases, because a clone costs half a second and a server three. Sessions
may run side by side (pytest-xdist, or another terminal): each has its own server and its own databases.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crm2odoo.sandbox import Base, SandboxError, ensure_base, stop
from crm2odoo.sandbox import server as odoo_process
from crm2odoo.sandbox.api_key import make_api_key
from crm2odoo.sandbox.databases import clone_database, create_database, drop_database, owned_databases
from crm2odoo.sandbox.home import home_for_tests, make_home
from crm2odoo.sandbox.odoo_program import find_odoo
from crm2odoo.sandbox.postgres_program import Server

COMMENT = "crm2odoo test"
STAND_INS = Path(__file__).parent / "odoo" / "stand_ins"
"""Modules that define models of Odoo Enterprise, for tests of what is written to them. Nobody installs them unless a test does."""


@dataclass(frozen=True)
class OdooDatabase:
    """JSON-RPC names the database in each call; JSON-2 needs the header X-Odoo-Database. The user is an administrator."""

    url: str
    database: str
    database_uuid: str
    login: str
    password: str
    api_key: str


def log_path() -> Path:
    """The log of this session's Odoo, for a test that looks into it."""
    return home_for_tests() / "servers" / str(os.getpid()) / odoo_process.LOG_FILE


def _postgres(base: Base) -> Server:
    return Server(host=base.postgres_host, port=base.postgres_port)


@pytest.fixture(scope="session")
def odoo_base() -> Iterator[Base]:
    home = make_home(home_for_tests())
    # Each session holds a shared lock. Whoever can have it alone is the only one: then what killed sessions left
    # behind is swept away, and at the end everything is stopped.
    with open(home / "sessions.lock", "a") as sessions:
        alone = _alone(sessions.fileno())
        if not alone:
            fcntl.flock(sessions, fcntl.LOCK_SH)
        base = ensure_base(home, lambda message: None)
        if alone:
            _sweep(base)
            fcntl.flock(sessions, fcntl.LOCK_SH)
        yield base
        fcntl.flock(sessions, fcntl.LOCK_UN)
        if _alone(sessions.fileno()):
            stop(home, lambda message: None)


def _alone(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sweep(base: Base) -> None:
    for config in (base.home / "servers").glob(f"*/{odoo_process.CONFIG}"):
        odoo_process.stop(config.parent)
    shutil.rmtree(base.home / "servers", ignore_errors=True)
    for name in owned_databases(_postgres(base), COMMENT):
        drop_database(_postgres(base), name, COMMENT)


@pytest.fixture(scope="session")
def _odoo_server(odoo_base: Base) -> Iterator[tuple[str, Path]]:
    folder = odoo_base.home / "servers" / str(os.getpid())
    folder.mkdir(parents=True)
    # Odoo looks for modules there as well, when it starts.
    shutil.copytree(STAND_INS, folder / odoo_process.DATA / "addons" / "19.0", ignore=shutil.ignore_patterns("*.md", "__pycache__"))
    try:
        yield odoo_process.start(folder, _postgres(odoo_base), find_odoo(), lambda message: None).url, folder
    finally:
        odoo_process.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def staging_dsn(odoo_base: Base) -> Iterator[str]:
    name = f"staging_{secrets.token_hex(6)}"
    create_database(_postgres(odoo_base), name, "crm2odoo", COMMENT)
    yield odoo_base.staging_dsn.replace("/crm2odoo?", f"/{name}?")
    drop_database(_postgres(odoo_base), name, COMMENT)


@pytest.fixture(scope="module")
def new_odoo(odoo_base: Base, _odoo_server: tuple[str, Path]) -> Iterator[Callable[[], OdooDatabase]]:
    (url, folder), made = _odoo_server, []
    server, data = _postgres(odoo_base), folder / odoo_process.DATA

    def make() -> OdooDatabase:
        name = f"odoo_{secrets.token_hex(6)}"
        made.append(name)
        clone = clone_database(
            server, odoo_base.template, odoo_base.template_data, name, data, owner=COMMENT, attempt=f"{name}_new"
        )
        try:
            key, _ = make_api_key(url, name, clone.login, clone.password)
        except SandboxError as error:
            log = (folder / odoo_process.LOG_FILE).read_text(errors="replace")
            raise SandboxError(f"{error}\n{log[-3000:]}") from None
        return OdooDatabase(url, name, clone.database_uuid, clone.login, clone.password, key)

    yield make
    for name in made:
        drop_database(server, name, COMMENT, data)


@pytest.fixture(scope="module")
def odoo(new_odoo: Callable[[], OdooDatabase]) -> OdooDatabase:
    return new_odoo()
