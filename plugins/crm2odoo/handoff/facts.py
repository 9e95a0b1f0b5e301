"""Everything that a document says, asked from the staging database: each figure comes from a named query that is handed over with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from crm2odoo.ledger.dispositions import DISPOSITIONS, ObjectDispositions, disposition_table
from crm2odoo.staging import Connection, Workspace

CASES = 8
"""Examples of each group of differences and rejects in a document. The counts are always of all."""


class NothingToReport(LookupError):
    """There is no such run. The message says what to run first."""


Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Facts:
    """One run, as plain data. ``answers``: query id → rows; ``queries``: query id → the SQL that gave them."""

    run_id: str
    run: dict[str, Any]
    export: dict[str, Any] | None
    target: dict[str, Any] | None
    plan: dict[str, Any] | None
    objects: list[ObjectDispositions]
    answers: dict[str, Rows] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)

    def rows(self, query: str) -> Rows:
        """The answer to a query; empty when it could not be asked (no export, no target)."""
        return self.answers.get(query, [])


def collect(ws: Workspace, run_id: str, cases: int = CASES) -> Facts:
    """Asks all queries below ``sql/reconcile/facts`` in one read-only view of the database. Raises NothingToReport."""
    with ws.connect() as connection:
        connection.execute("set transaction isolation level repeatable read read only")
        asked = _Asked(ws, connection)
        run = asked.one("run", run_id=run_id)
        if run is None:
            raise NothingToReport(
                f"there is no run {run_id!r} in project {ws.bundle.project.project}; documents are made for a run of its DAGs.\n"
                f"Look into {ws.bundle.project.project}_log.run for the runs there are."
            )
        about = {"run_id": run_id, "export_id": run["export_id"] or "", "target_id": run["target_id"] or ""}
        export, target, plan = asked.one("export", **about), asked.one("target", **about), asked.one("plan", **about)
        for name in ("files", "dispositions", "cells", "difference_groups", "checks", "findings", "approvals", "decisions", "batches", "custom_fields"):
            asked.many(name, **about)
        asked.many("differences", limit=cases, **about)
        asked.many("kept_back", limit=200, **about)
        there = _tables(ws, connection)
        if ("clean", "reject") in there:
            asked.many("rejects")
            asked.many("reject_cases", limit=cases)
        if ("clean", "warning") in there:
            asked.many("warnings")
        if ("target", "plan") in there:
            asked.many("records")
            owners = [n for n, e in ws.bundle.entities.items() if e.create == "decision"]
            if owners:
                asked.many("owners", owner_entities=owners, **about)
            stage = next((n for n, e in ws.bundle.entities.items() if e.model == "crm.stage"), None)
            if stage and ("target", f"identity_{stage}") in there:
                asked.many("stages", stage_entity=stage)
    return Facts(run_id, run, export, target, plan, disposition_table(ws, run_id), asked.answers, asked.queries)


@dataclass
class _Asked:
    ws: Workspace
    connection: Connection
    answers: dict[str, Rows] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)

    def many(self, name: str, **values: Any) -> Rows:
        (statement,) = self.ws.statements(f"reconcile/facts/{name}.sql.j2", **values)
        self.queries[name] = statement
        self.answers[name] = [dict(row) for row in self.connection.execute(statement.encode()).fetchall()]
        return self.answers[name]

    def one(self, name: str, **values: Any) -> dict[str, Any] | None:
        rows = self.many(name, **values)
        return rows[0] if rows else None


def _tables(ws: Workspace, connection: Connection) -> set[tuple[str, str]]:
    project = ws.bundle.project.project
    rows = connection.execute("select table_schema, table_name from information_schema.tables where table_schema = any(%s)", ([f"{project}_clean", f"{project}_target"],))
    return {(row["table_schema"].removeprefix(f"{project}_"), row["table_name"]) for row in rows}


def query_hash(text: str) -> str:
    """Short name of a query's text, for footnotes."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


__all__ = ["CASES", "DISPOSITIONS", "Facts", "NothingToReport", "Rows", "collect", "query_hash"]
