"""One sandbox: its folder, its database, its server and its credentials. What Terraform's module odoo-local calls."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from . import api_key, credentials, databases, server
from .credentials import Sandbox
from .errors import SandboxError
from .odoo_program import OdooProgram
from .postgres import connect
from .postgres_program import Log, Server
from .private_files import check_folder, claim_folder, write_private


def comment_of(owner: str) -> str:
    return f"crm2odoo sandbox {owner}"


def create(folder: Path, owner: str, name: str, postgres: Server, template: str, template_data: Path, log: Log) -> None:
    """Clone the template for this sandbox."""
    claim_folder(folder, owner)
    attempt = f"{name}__{owner[:8]}"
    clone = databases.clone_database(
        postgres, template, template_data, name, folder / server.DATA, comment_of(owner), attempt
    )
    credentials.write(
        folder,
        Sandbox(
            name, "", name, clone.database_uuid, clone.login, clone.password, "", "", str(folder / server.LOG_FILE)
        ),
    )
    log(f"database {name} cloned from {template}")


def start(
    folder: Path, owner: str, name: str, postgres: Server, odoo: OdooProgram, facts: Path, log: Log,
    http_port: int | None, workers: int, timeout: float,
) -> None:  # fmt: skip
    """Start the sandbox's server, make an API key if there is no fresh one, write `facts` (JSON without secrets)."""
    if not check_folder(folder, owner):
        raise SandboxError(f"{folder} is gone; take the sandbox down and bring it up again")
    sandbox = credentials.read(folder)
    before = int(sandbox.url.rpartition(":")[2]) if sandbox.url else None
    running = server.start(
        folder, postgres, odoo, log, database=name, port=http_port, preferred=before, workers=workers, timeout=timeout
    )
    try:
        key, expires = sandbox.api_key, sandbox.api_key_expires
        if not sandbox.key_is_fresh:
            key, end = api_key.make_api_key(running.url, name, sandbox.login, sandbox.password)
            expires = end.isoformat()
    except BaseException:
        server.stop(folder)
        raise
    credentials.write(folder, dataclasses.replace(sandbox, url=running.url, api_key=key, api_key_expires=expires))
    for old in folder.glob("facts-*.json"):
        old.unlink()
    known: dict[str, Any] = {"url": running.url, "database": name, "database_uuid": sandbox.database_uuid}
    write_private(facts, json.dumps(known))


def stop(folder: Path, owner: str, log: Log) -> None:
    if check_folder(folder, owner) and server.stop(folder):
        log("Odoo stopped")


def destroy(folder: Path, owner: str, name: str, postgres: Server, log: Log) -> None:
    """Undo everything, however far the sandbox came; leave alone what another one made."""
    ours = check_folder(folder, owner)
    if ours:
        stop(folder, owner, log)
    if Path(postgres.host).exists():
        with connect(postgres) as cursor:
            for database in (name, f"{name}__{owner[:8]}"):
                found = databases.comment(cursor, database)
                # Until it has its comment, only the name tells that an attempt is ours.
                if found == comment_of(owner) or (found == "" and database != name):
                    databases.drop(cursor, database)
                    log(f"database {database} dropped")
    if ours:
        shutil.rmtree(folder)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()  # only if it is empty
