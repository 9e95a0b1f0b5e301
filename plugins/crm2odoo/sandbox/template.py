"""The template: an Odoo database with the apps installed and neutralised, built once, cloned many times."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from pathlib import Path

from psycopg import sql

from . import databases, postgres
from .errors import SandboxError
from .home import TEMPLATE_LOG
from .odoo_program import OdooProgram, configuration, odoo_environment
from .postgres import Cursor, connect
from .postgres_program import Log, Server
from .private_files import tail, write_private

DATA = "template-data"
BUILD_TIMEOUT = 1800.0
"""Seconds after which a build that still runs is given up."""


def ensure(
    home: Path, server: Server, name: str, modules: list[str], demo: bool, odoo: OdooProgram, fingerprint: str, log: Log
) -> None:
    """Build the template unless one with this fingerprint is there; a second caller waits for the first.

    Raises SandboxError if Odoo fails, or a database of that name is not ours.
    """
    with connect(server) as cursor:
        cursor.execute("select pg_advisory_lock(hashtext(%s))", (f"crm2odoo {name}",))
        have = databases.comment(cursor, name)
        if have == fingerprint:
            log(f"template {name} is ready")
            return
        if have is not None:
            _check_ours(name, have)
        began = time.monotonic()
        build = f"{name}__build"
        databases.drop(cursor, build)
        shutil.rmtree(home / DATA / "filestore" / build, ignore_errors=True)
        log(f"building template {name}: {', '.join(modules)}")
        try:
            _build(home, server, build, modules, demo, odoo)
        except SandboxError:
            databases.drop(cursor, build)
            raise
        _drop(cursor, name)
        filestore = home / DATA / "filestore"
        shutil.rmtree(filestore / name, ignore_errors=True)
        if (filestore / build).exists():
            (filestore / build).rename(filestore / name)
        databases.rename(cursor, build, name)
        cursor.execute(
            sql.SQL("alter database {} with is_template true allow_connections false").format(sql.Identifier(name))
        )
        databases.mark(cursor, name, fingerprint)
        log(f"template {name} built in {time.monotonic() - began:.0f} s")


def _build(home: Path, server: Server, database: str, modules: list[str], demo: bool, odoo: OdooProgram) -> None:
    data = home / DATA
    data.mkdir(exist_ok=True, mode=0o700)
    config, log_file = home / "template.conf", home / TEMPLATE_LOG
    log_file.unlink(missing_ok=True)
    write_private(config, configuration(server, data, log_file))
    _odoo(odoo, log_file, "server", "-c", str(config), "-d", database, "--stop-after-init", "--no-http",
          "-i", ",".join(modules), "--with-demo" if demo else "--without-demo=true")  # fmt: skip
    with connect(server, database) as inside:
        installed = {row[0] for row in inside.execute("select name from ir_module_module where state = 'installed'")}
        if missing := sorted(set(modules) - installed):
            raise SandboxError(f"Odoo did not install {', '.join(missing)}\n{tail(log_file)}")
        if (
            "account" in installed
            and inside.execute("select 1 from res_company where chart_template is null").fetchone()
        ):
            raise SandboxError(f"Odoo loaded no chart of accounts\n{tail(log_file)}")
    _odoo(odoo, log_file, "neutralize", "-c", str(config), "-d", database)
    with connect(server, database) as inside:
        inside.execute("vacuum (analyze, freeze)")  # so that no clone has to


def _odoo(odoo: OdooProgram, log_file: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(
            [*odoo.command, *arguments], env=odoo_environment(odoo.environment), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=BUILD_TIMEOUT,
        )  # fmt: skip
    except OSError as error:
        raise SandboxError(f"cannot run Odoo: {error}") from None
    except subprocess.TimeoutExpired:
        raise SandboxError(f"Odoo was still busy after {BUILD_TIMEOUT:.0f} s\n{tail(log_file)}") from None
    if done.returncode:
        raise SandboxError(f"Odoo failed (exit {done.returncode})\n{done.stderr[-1500:]}\n{tail(log_file)}")


def _check_ours(name: str, text: str) -> None:
    if not text.startswith("crm2odoo template "):
        raise SandboxError(f"database {name} exists already and is not a template of ours")


def _drop(cursor: Cursor, name: str) -> None:
    if databases.comment(cursor, name) is not None:
        cursor.execute(sql.SQL("alter database {} with is_template false").format(sql.Identifier(name)))
        databases.drop(cursor, name)


def drop(home: Path, server: Server, name: str, log: Log) -> None:
    """Drop the template and its files. Raises SandboxError while a sandbox lives on the same server."""
    postgres.refuse_while_used(home)
    with contextlib.suppress(SandboxError), connect(server) as cursor:
        databases.drop(cursor, f"{name}__build")
        if (databases.comment(cursor, name) or "").startswith("crm2odoo template "):
            _drop(cursor, name)
            log(f"template {name} dropped")
    shutil.rmtree(home / DATA, ignore_errors=True)
    for file in ("template.conf", TEMPLATE_LOG):
        (home / file).unlink(missing_ok=True)
