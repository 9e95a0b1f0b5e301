"""The project's state (``<p>_log``) outlives versions of this package: it is made once, and upgraded step by step.

``sql/log/schema.sql.j2`` is the whole of it today; each of its statements may be repeated. What a repeat does not do to a database of an
earlier version (a new column, a wider check) is a numbered file of ``sql/log/upgrades``: repeatable too, run before the schema, and silent
about a table that is not there yet. ``<p>_log.version`` keeps which of them were applied, with which text of the schema, and when.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm2odoo.staging.workspace import Connection, Workspace

SCHEMA = "log/schema.sql.j2"
UPGRADES = "log/upgrades"


class NewerLog(RuntimeError):
    """A newer version of this package has worked on the project. The message says which, and what to install."""


def ensure(ws: Workspace, connection: Connection) -> list[str]:
    """Makes what is missing of the four schemas and of ``_log``; returns the names of the upgrades applied. Raises NewerLog.

    One query when nothing is to be done, which is nearly always: every task comes through here.
    """
    folder = ws.bundle.root_of("sql")
    upgrades = {int(file.name[:3]): f"{UPGRADES}/{file.name}" for file in sorted((folder / UPGRADES).glob("[0-9][0-9][0-9]_*.sql.j2"))}
    newest, text = max(upgrades, default=0), hashlib.sha256((folder / SCHEMA).read_bytes()).hexdigest()
    now = _applied(ws, connection)
    if now and now[0] > newest:
        raise NewerLog(
            f"the state of {ws.bundle.project.project} was upgraded to step {now[0]} by a newer crm2odoo; this one knows {newest} steps. "
            f"Install the newer one again: going back would lose what it wrote."
        )
    query = "select s from unnest(%s::text[]) as s where to_regnamespace(s) is null"
    missing = [row["s"] for row in connection.execute(query, (list(ws.schemas.values()),))]
    if now == (newest, text) and not missing:
        return []
    is_new = ws.schemas["log"] in missing
    done = [] if is_new else [name for number, name in upgrades.items() if not now or number > now[0]]
    for template in (*done, SCHEMA):
        ws.run(connection, template, missing=missing)
    connection.execute(ws.sql("insert into {log}.version (step, schema_sha256) values (%s, %s)"), (newest, text))
    return [Path(name).name.removesuffix(".sql.j2") for name in done]


def _applied(ws: Workspace, connection: Connection) -> tuple[int, str] | None:
    """Number of the last upgrade, and hash of the schema's text; None for a database that is new or of a time before versions."""
    exists = connection.execute("select to_regclass(%s) is not null as there", (f"{ws.schemas['log']}.version",)).fetchone()
    if not exists or not exists["there"]:
        return None
    row = connection.execute(ws.sql("select step, schema_sha256 from {log}.version order by id desc limit 1")).fetchone()
    return (row["step"], row["schema_sha256"]) if row else None

