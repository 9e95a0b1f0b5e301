"""Everything that a document says, asked from the staging database: each figure comes from a named query that is handed over with it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import Any

from crm2odoo.handoff import snapshot
from crm2odoo.handoff.lineage import origins_of
from crm2odoo.ledger.dispositions import DISPOSITIONS, ObjectDispositions, disposition_table
from crm2odoo.odoo.owners import owned_columns
from crm2odoo.project import Bundle
from crm2odoo.reconcile.attribution import causes_of
from crm2odoo.reconcile.source_side import places
from crm2odoo.staging import Connection, Workspace

CASES = 8
"""Examples of each group of differences and rejects in a document. The counts are always of all."""


class NothingToReport(LookupError):
    """There is no such run. The message says what to run first."""


Rows = list[dict[str, Any]]

RULES = "handoff.rules"
"""Step under which checked automations are kept among the findings."""
LOGGED = (
    "files",
    "raw_counts",
    "cells",
    "difference_groups",
    "checks",
    "findings",
    "decisions",
    "decision_effects",
    "batches",
    "custom_fields",
    "deliveries",
    "throughput",
    "issues",
    "looks",
    "runbook",
    "set_up",
    "rules",
    "plan_details",
)
"""Queries that ask the ledger alone."""
SPOT_ENTITIES, SPOT_FIELDS = 5, 7
RISKY, RANDOM = 5, 3
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
    What the clean and target tables say is kept in ``<p>_log.fact``, and taken from there once they hold a later export or plan.
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
        about: dict[str, Any] = {"run_id": run_id, "export_id": run["export_id"] or "", "target_id": run["target_id"] or ""}
        export, target, plan = asked.one("export", **about), asked.one("target", **about), asked.one("plan", **about)
        about |= {"plan_id": plan["plan_id"] if plan else 0, "step": RULES}
        for name in LOGGED:
            asked.many(name, **about)
        asked.many("approvals", run_id=run_id, hashes=_bound_to(ws, run_id, export, plan))
        asked.many("differences", limit=cases, **about)
        staged = _Asked(ws, connection)
        if _settled_by(ws, connection, about):
            staged.many("kept_back", limit=200, **about)
            staged.many("dispositions", **about)
            staged.answers["objects"] = [asdict(o) for o in disposition_table(ws, run_id)]
        if export and export["status"] == "cleaned":
            _of_clean_tables(staged, cases)
            if everything:
                _more_of_clean_tables(staged)
            if _is_latest(ws, connection, plan):
                _of_target_tables(staged, about, plan is not None)
                if plan is not None:
                    _about_differences(staged, run_id, asked.answers["differences"])
                if everything and plan is not None:
                    _more_of_target_tables(staged, about)
    snapshot.keep(ws, run_id, staged.answers, staged.queries)
    answers, queries = snapshot.kept(ws, run_id)
    objects = [ObjectDispositions(**{**o, "reasons": [tuple(r) for r in o["reasons"]]}) for o in answers.pop("objects", [])]
    return Facts(run_id, run, export, target, plan, objects, {**answers, **asked.answers}, {**queries, **asked.queries})


def _settled_by(ws: Workspace, connection: Connection, about: dict[str, Any]) -> bool:
    """Whether the dispositions of this export on this Odoo are this run's: a later run of the same export settles them anew."""
    row = connection.execute(
        ws.sql(
            "select count(*) filter (where run_id = %(run_id)s) as ours, count(*) as every from {log}.disposition"
            " where export_id = %(export_id)s and target_id = %(target_id)s"
        ),
        about,
    ).fetchone()
    return bool(row and row["ours"] == row["every"])


def checks_of(ws: Workspace, run_id: str) -> Facts:
    """The reconciliation checks of a run and nothing else."""
    with ws.connect() as connection:
        asked = _Asked(ws, connection)
        run = asked.one("run", run_id=run_id) or {}
        asked.many("checks", run_id=run_id)
    return Facts(run_id, run, None, None, None, [], asked.answers, asked.queries)


def _bound_to(ws: Workspace, run_id: str, export: dict[str, Any] | None, plan: dict[str, Any] | None) -> list[str]:
    """Hashes of what this run works on: signatures on them are signatures on this run."""
    scope = scope_hash(export["sha256"], ws.bundle.mapping_hash) if export else ""
    return [run_id, ws.bundle.mapping_hash, *([scope] if scope else []), *([plan["hash"]] if plan else [])]


def scope_hash(export_sha256: str, mapping_hash: str) -> str:
    """What the scope's approval is bound to: the files of the export and the mapping. Every figure of the scope follows from these two."""
    return hashlib.sha256(f"{export_sha256} {mapping_hash}".encode()).hexdigest()


def _is_latest(ws: Workspace, connection: Connection, plan: dict[str, Any] | None) -> bool:
    """Whether the target tables are those of the run: there is one ``<p>_target``, and every plan builds it anew."""
    row = connection.execute(ws.sql("select max(plan_id) as latest from {log}.plan")).fetchone()
    return plan is None or bool(row and row["latest"] == plan["plan_id"])


def _of_clean_tables(asked: _Asked, cases: int) -> None:
    there = _tables(asked.ws, asked.connection)
    if ("clean", "reject") in there:
        asked.many("rejects")
        asked.many("reject_cases", limit=cases)
    if ("clean", "warning") in there:
        asked.many("warnings")


def _more_of_clean_tables(asked: _Asked) -> None:
    bundle, there = asked.ws.bundle, _tables(asked.ws, asked.connection)
    cleaned = [name for name in bundle.source.objects if ("clean", name) in there]
    if cleaned:
        asked.many("column_fill", objects=[{"name": name, "columns": _columns(asked.ws, asked.connection, name)} for name in cleaned])
    for name in cleaned:
        if bundle.only_documents(name):
            asked.many("inventory", answer=f"inventory_{name}", object=name)


def _of_target_tables(asked: _Asked, about: dict[str, Any], planned: bool) -> None:
    """``planned``: without a plan, owners and stages are told as the export names them."""
    bundle, there = asked.ws.bundle, _tables(asked.ws, asked.connection)
    owners = bundle.owner_entities
    stage = next((n for n, e in bundle.entities.items() if e.model == "crm.stage"), None)
    binaries = [(n, k) for n, e in bundle.entities.items() for k, f in e.fields.items() if f.type == "binary" and bundle.feeds(n)]
    if planned and ("target", "plan") in there:
        asked.many("records")
        if binaries:
            asked.many("loaded_files", binaries=binaries)
        if owners:
            asked.many("owners", owner_entities=owners, owned=owned_columns(bundle, {name for part, name in there if part == "target"}), **about)
    elif owners and all(("target", f"identity_{name}") in there for name in owners):
        asked.many("owners_named", answer="owners", owner_entities=owners)
    if stage and ("target", f"identity_{stage}") in there:
        asked.many("stages" if planned else "stages_named", answer="stages", stage_entity=stage)


def _about_differences(asked: _Asked, run_id: str, differences: Rows) -> None:
    """Where the records stand in the export, and what most differences of a kind have in common."""
    xids: dict[str, set[str]] = {}
    for d in differences:
        xids.setdefault(d["entity"], set()).add(d["xid"])
    asked.answers["places"] = [
        {"entity": entity, "xid": xid, "place": place}
        for entity in sorted(xids)
        for xid, place in places(asked.ws, asked.connection, entity, sorted(xids[entity])).items()
    ]
    asked.answers["causes"] = [{"entity": c.entity, "field": c.field, "kind": c.kind, "text": str(c)} for c in causes_of(asked.ws, run_id)]


def _more_of_target_tables(asked: _Asked, about: dict[str, Any]) -> None:
    ws, bundle, there = asked.ws, asked.ws.bundle, _tables(asked.ws, asked.connection)
    if ("target", "plan") not in there:
        return
    asked.many("changes")
    template = next((n for n, e in bundle.entities.items() if e.model == "mail.template"), None)
    if template:
        asked.many("templates", template_entity=template, **about)
    loaded = {r["entity"]: r["records"] for r in asked.answers["records"] if r["action"] in ("create", "update", "unchanged")}
    # People judge best what they work with: entities of many fields first, then those of many records.
    read = [e for e in loaded if ("target", f"odoo_{e}") in there and bundle.entities[e].create == "yes"]
    largest = sorted(read, key=lambda e: (-len(bundle.entities[e].fields), -loaded[e]))[:SPOT_ENTITIES]
    checks: Rows = []
    for entity in largest:
        fields = _spot_fields(bundle, entity, _columns(ws, asked.connection, f"odoo_{entity}", "target"))
        rows = asked.many("spot_check", answer=f"spot_check_{entity}", entity=entity, fields=fields, risky=RISKY, random=RANDOM, **about)
        where = places(ws, asked.connection, entity, sorted({row["xid"] for row in rows}))
        checks += [{"entity": entity, "place": where.get(row["xid"], ""), **row} for row in rows]
    asked.answers["spot_check"] = checks
    asked.queries["spot_check"] = "\n".join(asked.queries[f"spot_check_{entity}"] for entity in largest)


def _spot_fields(bundle: Bundle, entity: str, read: list[str]) -> list[str]:
    """What a person looks at: names, amounts, dates, texts, some of each; at most SPOT_FIELDS, in the order of the entity file."""
    fields = bundle.entities[entity].fields
    kinds = ("char", "monetary", "date", "datetime", "html")
    usable = {
        t: [
            k
            for k, f in fields.items()
            if f.type == t and k in read and not k.startswith("x_") and k != "message_id" and f.compare != "none" and origins_of(bundle, entity, k)
        ]
        for t in kinds
    }
    # The first of each kind, then the second: six texts alone would say nothing about amounts and dates.
    taken = [k for rank in zip_longest(*usable.values()) for k in rank if k is not None]
    return sorted(taken[:SPOT_FIELDS], key=list(fields).index)


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


__all__ = ["CASES", "DISPOSITIONS", "RULES", "Facts", "NothingToReport", "Rows", "collect", "scope_hash"]
