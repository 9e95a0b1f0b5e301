"""Takes the customer's values out of a project's database when the job is done, and proves it. What was done stays: counts, ids, hashes.

Odoo is not touched, nor is the export itself, which belongs to the customer. After a purge nothing more can be loaded or rolled back.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from psycopg.types.json import Jsonb

from crm2odoo.staging import Connection, Workspace

SUBJECT = "purge"
DECISION = "purged"
REBUILT = ("land", "clean", "target")
"""Schemas that hold nothing but values: they go as a whole."""

EMPTIED: dict[str, tuple[str, str]] = {
    "approval": ("seen = seen - 'body'", "seen ? 'body'"),
    "batch": ("before = null, message = null", "before is not null or message is not null"),
    "conflict": ("loaded = null, source = null, odoo = null", "coalesce(loaded, source, odoo) is not null"),
    "custom_field": ("evidence = '{{}}', options = '[]'", "evidence <> '{{}}' or options <> '[]'"),
    "difference": ("expected = null, found = null", "coalesce(expected, found) is not null"),
    "disposition": ("source_key = null, reason = null", "coalesce(source_key, reason) is not null"),
    "entry": ("before_hash = encode(sha256(convert_to(before::text, 'UTF8')), 'hex'), before = null", "before is not null"),
    "fact": ("answer = '[]'", "answer <> '[]'"),
    "file": ("header = '[]', non_records = '[]', notes = '{{}}'", "header <> '[]' or non_records <> '[]' or notes <> '{{}}'"),
    "finding": ("title = code, evidence = '{{}}'", "title <> code or evidence <> '{{}}'"),
    "identity": ("key = 'sha256:' || encode(sha256(convert_to(key, 'UTF8')), 'hex')", "not starts_with(key, 'sha256:')"),
    "issue": ("text = kind", "text <> kind"),
    "reconciliation": ("details = '{{}}'", "details <> '{{}}'"),
    "record": ("vals = '{{}}'", "vals <> '{{}}'"),
    "refusal": ("message = kind", "message <> kind"),
    "undo": ("before = null, reason = null", "before is not null or reason is not null"),
}
"""Table of ``_log``: what empties its values, and which rows have any."""


class Purged(RuntimeError):
    """The project's values were purged: there is nothing left that could be loaded or compared."""


@dataclass(frozen=True)
class Item:
    """A table of the project, and how many of its rows hold values."""

    table: str
    rows: int


@dataclass(frozen=True)
class Proof:
    """What was purged: tables with their rows before, files of the exports with their hashes, the fingerprint of the key."""

    project: str
    at: str
    by: str
    run_id: str
    emptied: list[dict[str, Any]]
    rows_left: int
    exports: list[dict[str, Any]]
    documents: list[dict[str, Any]]
    key_fingerprint: str
    to_do: list[str]


def due(ws: Workspace, now: datetime | None = None) -> datetime | None:
    """When the values must be gone: the retention of the project after its last delivery. None: no retention, no delivery, or purged."""
    days = ws.bundle.project.privacy.days
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select max(received_at) as at from {log}.export")).fetchone()
        if not days or row is None or row["at"] is None or _purged(ws, connection):
            return None
    last: datetime = row["at"]
    return last + timedelta(days=days)


def overdue(ws: Workspace, now: datetime | None = None) -> str | None:
    """A sentence for the log when the purge is due."""
    when = due(ws)
    if when is None or when > (now or datetime.now(timezone.utc)):
        return None
    project = ws.bundle.project
    return f"The values of {project.project} should have been purged by {when:%Y-%m-%d} ({project.privacy.regime}): trigger {project.project}.purge"


def items(ws: Workspace) -> list[Item]:
    """Every table that holds values, with the number of its rows that do; empty when nothing is left."""
    with ws.connect() as connection:
        return _items(ws, connection)


def _items(ws: Workspace, connection: Connection) -> list[Item]:
    found = []
    for schema, table in _rebuilt(ws, connection):
        rows = _count(connection, ws, "select count(*) as n from {schema}.{table}", schema=schema, table=table)
        found.append(Item(f"{schema}.{table}", rows))
    for table, (_, holds) in EMPTIED.items():
        rows = _count(connection, ws, f"select count(*) as n from {{log}}.{{table}} where {holds}", table=table)
        if rows:
            found.append(Item(f"{ws.bundle.project.project}_log.{table}", rows))
    return found


def _rebuilt(ws: Workspace, connection: Connection) -> list[tuple[str, str]]:
    schemas = [f"{ws.bundle.project.project}_{part}" for part in REBUILT]
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables where table_schema = any(%s) and table_type = 'BASE TABLE' order by 1, 2",
        (schemas,),
    )
    return [(r["table_schema"], r["table_name"]) for r in rows]


def _count(connection: Connection, ws: Workspace, query: str, **names: str) -> int:
    row = connection.execute(ws.sql(query, **names)).fetchone()
    return int(row["n"]) if row else 0


def list_hash(found: list[Item]) -> str:
    """What an approval to purge is bound to. The approval itself adds a row to its table."""
    return hashlib.sha256(json.dumps([asdict(i) for i in found if not i.table.endswith("_log.approval")]).encode()).hexdigest()


def purge(ws: Workspace, run_id: str, by: str) -> Proof:
    """Empties everything in one transaction and counts what is left, which is nothing. Safe to repeat."""
    project = ws.bundle.project.project
    with ws.connect() as connection:
        before = _items(ws, connection)
        exports = connection.execute(
            ws.sql(
                "select e.location, f.name, f.sha256, f.bytes from {log}.export as e join {log}.file as f using (export_id) "
                "where not f.notes ? 'member_of' order by e.received_at, f.file_no"
            )
        ).fetchall()
        documents = connection.execute(ws.sql("select location, sha256, bytes from {log}.document order by run_id, name")).fetchall()
        for schema, table in _rebuilt(ws, connection):
            connection.execute(ws.sql("drop table {schema}.{table} cascade", schema=schema, table=table))
        for table, (empty, holds) in EMPTIED.items():
            connection.execute(ws.sql(f"update {{log}}.{{table}} set {empty} where {holds}", table=table))
        fingerprint = ws.vault.fingerprint
        # Without it, no copy of a token that somebody kept can be opened again.
        connection.execute(ws.sql("delete from {log}.data_key"))
        connection.execute(
            ws.sql("insert into {log}.decision (name, value, decided_by, comment) values (%s, %s, %s, %s)"),
            (DECISION, Jsonb({"run": run_id, "tables": len(before)}), by, "values purged"),
        )
        left = sum(i.rows for i in _items(ws, connection))
    # Dead rows would keep the values on disk until PostgreSQL gets round to them.
    _vacuum(ws)
    to_do = [f"Delete the export itself, where the customer wants that: {place}" for place in sorted({e["location"] for e in exports})]
    if fingerprint:
        to_do.append(f"Destroy the key {fingerprint}: airflow connections delete {ws.bundle.project.privacy.key}")
    return Proof(
        project, f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC", by, run_id, [asdict(i) for i in before], left,
        [dict(e) for e in exports], [dict(d) for d in documents], fingerprint, to_do,
    )  # fmt: skip


def _vacuum(ws: Workspace) -> None:
    with ws.connect() as connection:
        connection.commit()
        connection.autocommit = True
        for table in EMPTIED:
            connection.execute(ws.sql("vacuum (full) {log}.{table}", table=table))


def refuse_purged(ws: Workspace, connection: Connection) -> None:
    """Raises Purged."""
    row = _purged(ws, connection)
    if row:
        raise Purged(
            f"the values of {ws.bundle.project.project} were purged by {row['decided_by']} on {row['at']:%Y-%m-%d %H:%M} UTC: "
            "nothing can be loaded, compared or rolled back any more.\nA new migration is a new project."
        )


def _purged(ws: Workspace, connection: Connection) -> dict[str, Any] | None:
    return connection.execute(
        ws.sql("select decided_by, at from {log}.decision where name = %s order by decision_id desc limit 1"), (DECISION,)
    ).fetchone()
