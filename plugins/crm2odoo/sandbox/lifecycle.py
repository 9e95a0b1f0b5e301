"""Bring the base and sandboxes up, and down again. All of it goes through Terraform.

ensure_base()   PostgreSQL, and the template database            a minute the first time, then a second
up("demo")      a clone of the template with an Odoo server      seconds
stop()          no process left, all data kept                   `up` starts it again
down("demo")    that sandbox is gone
keep("demo", …) it may live until a date; `up` takes one, too
remove_expired  those whose date has passed are gone             the DAG crm2odoo_janitor calls it
destroy_base()  PostgreSQL and the template are gone             refused while a sandbox lives
remove_home()   nothing is left
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import credentials, lease, postgres_program, processes, progress, server
from . import home as homes
from .credentials import Sandbox
from .errors import SandboxError
from .odoo_program import find_odoo
from .postgres_program import Log
from .terraform import Root


@dataclass(frozen=True)
class Base:
    """A running PostgreSQL with a template. The DSNs are URLs as psycopg takes them.

    `airflow_url` is the same as `airflow_dsn` in the form that SQLAlchemy, and so Airflow's configuration, takes.
    """

    home: Path
    postgres_host: str
    postgres_port: int
    staging_dsn: str
    airflow_dsn: str
    airflow_url: str
    template: str
    template_data: Path


def _base_root(home: Path) -> Root:
    return Root("base", home / "terraform" / "base")


def _sandbox_root(home: Path, name: str) -> Root:
    return Root("local", home / "terraform" / "sandboxes" / name)


def _folder(home: Path, name: str) -> Path:
    return home / "sandboxes" / name


def _base(home: Path) -> Base:
    def url(name: str, scheme: str = "postgresql") -> str:
        return f"{scheme}://{name}@/{name}?host={quote(str(home / 'pg'), safe='')}&port=5432"

    return Base(
        home=home,
        postgres_host=str(home / "pg"),
        postgres_port=5432,
        staging_dsn=url("crm2odoo"),
        airflow_dsn=url("airflow"),
        airflow_url=url("airflow", "postgresql+psycopg2"),
        template="odoo_template",
        template_data=home / "template-data",
    )


def ensure_base(home: Path | None = None, log: Log = print) -> Base:
    """PostgreSQL runs and the template is there and current. Safe to call at any time, by several processes at once.

    Raises SandboxError with what a person can do about it.
    """
    home = homes.make_home(home or homes.sandbox_home())
    with homes.locked(home / "base.lock"):
        root, odoo = _base_root(home), find_odoo()
        if not root.applied():
            log("PostgreSQL and a template database with Odoo's apps: about a minute, the first time only")
        down = root.applied() and postgres_program.running(home) is None
        odoo_log = home / homes.TEMPLATE_LOG
        before = progress.modules_installed(odoo_log)  # of the build before this one
        with progress.told(log, lambda: now if (now := progress.modules_installed(odoo_log)) != before else ""):
            root.apply(
                {
                    "home": str(home),
                    "helper": {"python": sys.executable, "path": str(Path(__file__).resolve().parents[2])},
                    "odoo": dataclasses.asdict(odoo),
                },
                replace=["module.postgres.terraform_data.server"] if down else [],
            )
    return _base(home)


def up(
    name: str,
    *,
    home: Path | None = None,
    workers: int = 0,
    http_port: int | None = None,
    until: datetime | None = None,
    log: Log = print,
    **more: Any,
) -> Sandbox:
    """A sandbox of that name runs, with an API key that serves for two more days at least.

    Brings the base up first. `until` is when it may be removed, even if nobody takes it down; None leaves that as it was.
    `more` is passed on to terraform/sandbox/local (start_timeout, odoo).
    Raises SandboxError with what a person can do about it.
    """
    base = ensure_base(home, log)
    root, folder = _sandbox_root(base.home, name), _folder(base.home, name)
    with homes.locked(base.home / "terraform" / "sandboxes" / f"{name}.lock"):
        if until is not None:
            root.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lease.write(root.folder, until)  # first, so that what is cut off half-way is removed one day, too
        replace = []
        if root.applied():
            with contextlib.suppress(SandboxError):
                if server.running(folder) is None or not credentials.read(folder).key_is_fresh:
                    replace = ["module.odoo.terraform_data.server"]
        root.apply(
            {"base_state": str(_base_root(base.home).state), "name": name, "workers": workers, "http_port": http_port}
            | more,
            replace=replace,
        )
        sandbox = credentials.read(folder)
    log(f"Odoo {name} is up: {sandbox.url}")
    return sandbox


def list_sandboxes(home: Path | None = None) -> list[Sandbox]:
    """Those that were brought up and not taken down, by name; their servers may be stopped."""
    found = []
    for file in sorted(((home or homes.sandbox_home()) / "sandboxes").glob(f"*/{credentials.CREDENTIALS}")):
        with contextlib.suppress(SandboxError):
            found.append(credentials.read(file.parent))
    return found


def down(name: str, home: Path | None = None, log: Log = print) -> None:
    """Take a sandbox down: its server, database, files and credentials. Nothing happens if there is none.

    Raises SandboxError with what a person can do about it.
    """
    _down(name, home or homes.sandbox_home(), log)


def _down(name: str, home: Path, log: Log, only_expired: bool = False) -> bool:
    """Whether it was taken down. With `only_expired`, one whose life was prolonged meanwhile is left alone."""
    root = _sandbox_root(home, name)
    if not root.folder.exists():
        return False
    if root.applied() and (home / "pg").exists() and postgres_program.running(home) is None:
        ensure_base(home, log)  # its database can only be dropped by a server that runs
    lock = home / "terraform" / "sandboxes" / f"{name}.lock"
    with homes.locked(lock):
        if only_expired and not lease.expired(root.folder):
            return False
        root.destroy()
        lock.unlink(missing_ok=True)
    log(f"Odoo {name} is down")
    return True


def keep(name: str, until: datetime, home: Path | None = None, log: Log = print) -> None:
    """A sandbox lives until then, and is removed by `remove_expired` after it. Nothing happens if there is none."""
    home = home or homes.sandbox_home()
    folder = _sandbox_root(home, name).folder
    if not folder.exists():
        return
    with homes.locked(home / "terraform" / "sandboxes" / f"{name}.lock"):
        lease.write(folder, until)
    log(f"Odoo {name} is kept until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC")


def remove_expired(home: Path | None = None, log: Log = print) -> list[str]:
    """Take down every sandbox whose time is over; their names.

    One that cannot be taken down does not hinder the others. Raises SandboxError at the end, which names those.
    """
    home = home or homes.sandbox_home()
    removed, problems = [], []
    for folder in sorted((home / "terraform" / "sandboxes").glob("*/")):
        if not lease.expired(folder):
            continue
        try:
            if _down(folder.name, home, log, only_expired=True):
                removed.append(folder.name)
        except SandboxError as error:
            problems.append(f"{folder.name}: {error}")
    if problems:
        raise SandboxError("These sandboxes are over their time and cannot be taken down:\n" + "\n".join(problems))
    return removed


def stop(home: Path | None = None, log: Log = print) -> None:
    """Stop every process of the home and keep all data."""
    home = home or homes.sandbox_home()
    stop_airflow(home, log)
    for config in sorted(home.glob(f"*/*/{server.CONFIG}")):
        if server.stop(config.parent):
            log(f"Odoo {config.parent.name} stopped")
    postgres_program.stop(home, log)


def stop_airflow(home: Path, log: Log) -> None:
    """Stop the local Airflow that `make up` started in this home (crm2odoo.airflow.local); it uses our PostgreSQL."""
    for pid_file in sorted((home / "airflow").glob("*.pid")):
        if (pid := processes.noted(pid_file)) is not None:
            processes.stop(pid)
            log(f"Airflow's {pid_file.stem} stopped")
        pid_file.unlink(missing_ok=True)


def destroy_base(home: Path | None = None, log: Log = print) -> None:
    """Remove PostgreSQL and the template. Raises SandboxError while a sandbox lives."""
    home = home or homes.sandbox_home()
    if not homes.is_home(home):
        return
    with homes.locked(home / "base.lock"):
        _base_root(home).destroy()
    log("PostgreSQL and the template are gone")


def remove_home(home: Path | None = None, log: Log = print) -> None:
    """Take everything down and delete the home.

    What Terraform cannot take down, because the programs it needs are gone, is stopped and deleted without it.
    """
    home = home or homes.sandbox_home()
    if not homes.is_home(home):
        log(f"nothing in {home}")
        return
    stop_airflow(home, log)
    try:
        for folder in sorted((home / "terraform" / "sandboxes").glob("*/")):
            down(folder.name, home, log)
        destroy_base(home, log)
    except (SandboxError, ImportError) as error:
        log(f"without Terraform: {error}")
    stop(home, log)
    shutil.rmtree(home)
    log(f"{home} is gone")
