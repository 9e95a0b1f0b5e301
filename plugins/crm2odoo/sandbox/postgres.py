"""A PostgreSQL of our own: one folder, one Unix socket in it, no TCP port.

The folder is readable by its account alone, and that is the access control: whoever can reach the socket is trusted.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from . import postgres_program
from .errors import SandboxError
from .home import make_home
from .postgres_program import Log, Server, running, stop
from .private_files import OWNER, tail, write_private

Cursor = psycopg.Cursor[tuple[Any, ...]]

# Speed over safety: a sandbox may be lost in a power cut, and is then made again. It survives the kill of its server, though. For that
# synchronous_commit stays on (without fsync it costs next to nothing: a commit is handed to the system, not to the disk), and wal_level must
# not be minimal: after recovery a sequence would give out again what it gave in and right after its first transaction.
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
timezone = 'UTC'
max_connections = 200
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
max_wal_size = 4GB
checkpoint_timeout = 30min
wal_level = replica
max_wal_senders = 0
fsync = off
full_page_writes = off
jit = off
"""

# role -> (may create databases, its own database)
ROLES = {"odoo": (True, None), "crm2odoo": (False, "crm2odoo"), "airflow": (False, "airflow")}


@contextlib.contextmanager
def connect(server: Server, database: str = "postgres", user: str | None = None) -> Iterator[Cursor]:
    """A cursor that commits each statement. Raises SandboxError if the server cannot be reached."""
    try:
        connection = psycopg.connect(
            host=server.host, port=server.port, dbname=database, user=user or server.admin_user,
            connect_timeout=10, application_name="crm2odoo.sandbox", autocommit=True,
        )  # fmt: skip
    except psycopg.OperationalError as error:
        raise SandboxError(f"cannot reach PostgreSQL in {server.host}: {str(error).strip()}") from None
    with connection, connection.cursor() as cursor:
        yield cursor


def start(home: Path, facts: Path, bin_dir: str | None, log: Log) -> Server:
    """Create the data folder if need be, start the server, make roles and their databases, write `facts` (JSON)."""
    began = time.monotonic()
    make_home(home)
    folder = home / "pg"
    server = Server(host=str(folder))
    if running(home) is None:
        binaries = postgres_program.programs(home, bin_dir)
        _create(folder, binaries, home)
        _run(home, binaries / "pg_ctl", "-w", "-D", folder, "-l", folder / "server.log", "start")
    with connect(server) as cursor:
        for role, (creates, database) in ROLES.items():
            _ensure_role(cursor, role, creates, database)
        version = cursor.execute("show server_version").fetchone()
    for old in home.glob("postgres-*.json"):
        old.unlink()
    write_private(
        facts, json.dumps({"host": server.host, "port": server.port, "version": version[0] if version else ""})
    )
    log(f"PostgreSQL answers in {folder} after {time.monotonic() - began:.1f} s")
    return server


def _create(folder: Path, binaries: Path, home: Path) -> None:
    who = postgres_program.account()
    if not (folder / "PG_VERSION").exists():
        shutil.rmtree(folder, ignore_errors=True)  # an initdb that was cut off
        folder.mkdir(mode=0o700)
        if who:
            shutil.chown(folder, who.pw_uid, who.pw_gid)
        _run(home, binaries / "initdb", "-D", folder, "-U", "postgres", "--auth=trust", "--encoding=UTF8",
             "--locale=C.UTF-8", "--no-sync", "--no-instructions")  # fmt: skip
    (folder / "postgresql.auto.conf").write_text(SETTINGS.format(folder=folder))


def _run(home: Path, *command: str | Path) -> None:
    words = [str(word) for word in command]
    output = home / "pg_ctl.log"
    if postgres_program.run(words, output):
        raise SandboxError(f"{Path(words[0]).name} failed:\n{tail(output)}\n{tail(home / 'pg' / 'server.log')}")


def _ensure_role(cursor: Cursor, role: str, creates: bool, database: str | None) -> None:
    name = sql.Identifier(role)
    if not cursor.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
        cursor.execute(
            sql.SQL("create role {} login {}").format(name, sql.SQL("createdb" if creates else "nocreatedb"))
        )
    if database and not cursor.execute("select 1 from pg_database where datname = %s", (database,)).fetchone():
        cursor.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), name))


def remove(home: Path, log: Log) -> None:
    """Stop the server and delete its data. Raises SandboxError while a sandbox lives in it."""
    refuse_while_used(home)
    stop(home, log)
    for folder in (home / "pg", home / "pgsql"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (*home.glob("postgres-*.json"), home / "pg_ctl.log"):
        file.unlink(missing_ok=True)
    log("PostgreSQL's data removed")


def refuse_while_used(home: Path) -> None:
    """Raises SandboxError if a sandbox lives in this home: its folder, or its database on the running server."""
    left = {mark.parent.name for mark in (home / "sandboxes").glob(f"*/{OWNER}")}
    if running(home) is not None:
        with connect(Server(host=str(home / "pg"))) as cursor:
            left |= {row[0] for row in cursor.execute(
                "select datname from pg_database where shobj_description(oid, 'pg_database') like 'crm2odoo sandbox %%'"
            )}  # fmt: skip
    if left:
        raise SandboxError(f"sandboxes still live here: {', '.join(sorted(left))}; take them down first")
