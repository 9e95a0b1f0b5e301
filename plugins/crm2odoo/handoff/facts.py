"""Everything that a document says, asked from the staging database: each figure comes from a named query that is handed over with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm2odoo.handoff.lineage import origins_of
from crm2odoo.ledger.dispositions import DISPOSITIONS, ObjectDispositions, disposition_table
from crm2odoo.project import Bundle
from crm2odoo.staging import Connection, Workspace

CASES = 8
"""Examples of each group of differences and rejects in a document. The counts are always of all."""


class NothingToReport(LookupError):
    """There is no such run. The message says what to run first."""


Rows = list[dict[str, Any]]

RULES = "handoff.rules"
"""Step under which checked automations are kept among the findings."""
SPOT_ENTITIES, SPOT_FIELDS = 5, 7
RISKY, RANDOM = 5, 4
"""Records of the spot check for each of the largest entities: forty at most with five entities."""


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


def collect(ws: Workspace, run_id: str, cases: int = CASES, everything: bool = False) -> Facts:
    """Asks the queries below ``sql/reconcile/facts`` in one read-only view of the database. Raises NothingToReport.

    ``everything``: also what only the papers need: fill of columns, inventories, set-up, changed fields, records for the spot check.
    """
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
        for name in (
            "files",
            "dispositions",
            "cells",
            "difference_groups",
            "checks",
            "findings",
            "approvals",
            "decisions",
            "batches",
            "custom_fields",
        ):
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
        if everything:
            _more(asked, there, about)
    return Facts(run_id, run, export, target, plan, disposition_table(ws, run_id), asked.answers, asked.queries)


def _more(asked: _Asked, there: set[tuple[str, str]], about: dict[str, str]) -> None:
    ws, bundle = asked.ws, asked.ws.bundle
    cleaned = [name for name in bundle.source.objects if ("clean", name) in there]
    if cleaned:
        asked.many("column_fill", objects=[{"name": name, "columns": _columns(ws, asked.connection, name)} for name in cleaned])
    for name in cleaned:
        if bundle.only_documents(name):
            asked.many("inventory", answer=f"inventory_{name}", object=name)
    asked.many("set_up", **about)
    asked.many("rules", step=RULES, **about)
    if ("target", "plan") not in there:
        return
    asked.many("changes")
    loaded = {r["entity"]: r["records"] for r in asked.answers["records"] if r["action"] in ("create", "update", "unchanged")}
    largest = sorted((e for e in loaded if ("target", f"odoo_{e}") in there and bundle.entities[e].create == "yes"), key=lambda e: -loaded[e])[
        :SPOT_ENTITIES
    ]
    checks: Rows = []
    for entity in largest:
        fields = _spot_fields(bundle, entity, _columns(ws, asked.connection, f"odoo_{entity}", "target"))
        rows = asked.many("spot_check", answer=f"spot_check_{entity}", entity=entity, fields=fields, risky=RISKY, random=RANDOM, **about)
        checks += [{"entity": entity, **row} for row in rows]
    asked.answers["spot_check"] = checks


def _spot_fields(bundle: Bundle, entity: str, read: list[str]) -> list[str]:
    """What a person looks at: names, amounts, dates, texts; at most SPOT_FIELDS, in the order of the entity file."""
    fields = bundle.entities[entity].fields
    kinds = ("char", "monetary", "date", "datetime", "html")
    usable = [
        k
        for t in kinds
        for k, f in fields.items()
        if f.type == t and k in read and not k.startswith("x_") and f.compare != "none" and origins_of(bundle, entity, k)
    ]
    return sorted(usable[:SPOT_FIELDS], key=list(fields).index)


def _columns(ws: Workspace, connection: Connection, table: str, part: str = "clean") -> list[str]:
    rows = connection.execute(
        "select column_name from information_schema.columns where table_schema = %s and table_name = %s and column_name !~"
        " '(^_|__key$|__currency$)' order by ordinal_position",
        (f"{ws.bundle.project.project}_{part}", table),
    )
    return [row["column_name"] for row in rows]


@dataclass
class _Asked:
    ws: Workspace
    connection: Connection
    answers: dict[str, Rows] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)

    def many(self, name: str, answer: str | None = None, **values: Any) -> Rows:
        answer = answer or name
        (statement,) = self.ws.statements(f"reconcile/facts/{name}.sql.j2", **values)
        self.queries[answer] = statement
        self.answers[answer] = [dict(row) for row in self.connection.execute(statement.encode()).fetchall()]
        return self.answers[answer]

    def one(self, name: str, **values: Any) -> dict[str, Any] | None:
        rows = self.many(name, **values)
        return rows[0] if rows else None


def _tables(ws: Workspace, connection: Connection) -> set[tuple[str, str]]:
    project = ws.bundle.project.project
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables where table_schema = any(%s)", ([f"{project}_clean", f"{project}_target"],)
    )
    return {(row["table_schema"].removeprefix(f"{project}_"), row["table_name"]) for row in rows}


__all__ = ["CASES", "DISPOSITIONS", "RULES", "Facts", "NothingToReport", "Rows", "collect"]
