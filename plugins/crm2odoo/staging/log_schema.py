"""The project's state (``<p>_log``) outlives versions of this package: it is made once, and upgraded step by step.

``sql/log/schema.sql.j2`` is the whole of it today; each of its statements may be repeated. What a repeat does not do to a database of an
earlier version (a new column, a wider check) is a numbered file of ``sql/log/upgrades``: repeatable too, run before the schema, and silent
about a table that is not there yet. ``<p>_log.version`` keeps which of them were applied, with which text of the schema, and when.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[dict[str, Any]]

SCHEMA = "log/schema.sql.j2"
UPGRADES = "log/upgrades"


class NewerLog(RuntimeError):
    """A newer version of this package has worked on the project. The message says which, and what to install."""


def ensure(project: str, schemas: Mapping[str, str], folder: Path, connection: Connection, run: Callable[..., object]) -> list[str]:
    """Makes what is missing of the four schemas and of ``_log``; returns the names of the upgrades applied. Raises NewerLog.

    ``schemas``: quoted names by part; ``folder``: the templates; ``run(connection, template, missing=…)`` runs one of them.
    One query when nothing is to be done, which is nearly always: every task comes through here.
    """
    upgrades = {int(file.name[:3]): f"{UPGRADES}/{file.name}" for file in sorted((folder / UPGRADES).glob("[0-9][0-9][0-9]_*.sql.j2"))}
    newest, text = max(upgrades, default=0), hashlib.sha256((folder / SCHEMA).read_bytes()).hexdigest()
    versions = sql.Identifier(f"{project}_log", "version")
    now = _applied(connection, versions, f"{schemas['log']}.version")
    if now and now[0] > newest:
        raise NewerLog(
            f"the state of {project} was upgraded to step {now[0]} by a newer crm2odoo; this one knows {newest} steps. "
            f"Install the newer one again: going back would lose what it wrote."
        )
    query = "select s from unnest(%s::text[]) as s where to_regnamespace(s) is null"
    missing = [row["s"] for row in connection.execute(query, (list(schemas.values()),))]
    if now == (newest, text) and not missing:
        return []
    is_new = schemas["log"] in missing
    done = [] if is_new else [name for number, name in upgrades.items() if not now or number > now[0]]
    for template in (*done, SCHEMA):
        run(connection, template, missing=missing)
    connection.execute(sql.SQL("insert into {} (step, schema_sha256) values (%s, %s)").format(versions), (newest, text))
    return [Path(name).name.removesuffix(".sql.j2") for name in done]


def _applied(connection: Connection, versions: sql.Identifier, name: str) -> tuple[int, str] | None:
    """Number of the last upgrade, and hash of the schema's text; None for a database that is new or of a time before versions."""
    exists = connection.execute("select to_regclass(%s) is not null as there", (name,)).fetchone()
    if not exists or not exists["there"]:
        return None
    row = connection.execute(sql.SQL("select step, schema_sha256 from {} order by id desc limit 1").format(versions)).fetchone()
    return (row["step"], row["schema_sha256"]) if row else None
