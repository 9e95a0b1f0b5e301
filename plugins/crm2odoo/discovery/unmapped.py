"""Columns that no mapping line uses, and fields of Odoo that nothing fills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm2odoo.discovery.proposer import ColumnIn, Proposer
from crm2odoo.discovery.synonym_packs import Kind
from crm2odoo.project import Bundle
from crm2odoo.staging import Connection, Workspace

KIND: dict[str, Kind] = {"contact": "contact", "company": "company", "lead": "lead", "opportunity": "deal"}


@dataclass(frozen=True)
class Unmapped:
    """One column without a line. ``filled``: rows with a value of ``rows``; ``becomes``: what is proposed, or why nothing."""

    object: str
    header: str
    entity: str
    filled: int
    rows: int
    type: str | None
    becomes: str
    dropped: bool

    @property
    def fill_rate(self) -> float:
        return self.filled / self.rows if self.rows else 0.0


def unmapped_columns(ws: Workspace, connection: Connection, export_id: str) -> list[Unmapped]:
    """Every column that no mapping line uses, with what the profile of all rows made of it. Reads ``<p>_log.custom_field``.

    A header that another field of Odoo answers to says so: then an alias in the source file is better than a custom field.
    """
    rows = connection.execute(
        ws.sql(
            "select object, header, entity, field, type, filled, dropped, evidence from {log}.custom_field where export_id = %s "
            "order by object, entity, column_name"
        ),
        [export_id],
    ).fetchall()
    totals = {
        name: connection.execute(ws.sql("select count(*) as n from {clean}.{o} where _status in ('valid', 'merged')", o=name)).fetchone()
        for name in {r["object"] for r in rows}
    }
    hints = _field_hints(ws.bundle, rows)
    found = []
    for row in rows:
        total = totals[row["object"]]
        becomes = row["dropped"] or f"custom field {row['field']} ({row['type']}) on {ws.bundle.entities[row['entity']].model}"
        if hint := hints.get((row["object"], row["entity"], row["header"])):
            becomes += f"; {hint}"
        variants = (row["evidence"] or {}).get("variants") or {}
        if len(variants) > 1:
            becomes += f"; one field for the spellings {', '.join(sorted(variants))}"
        found.append(
            Unmapped(
                row["object"],
                row["header"],
                row["entity"],
                row["filled"],
                total["n"] if total else 0,
                row["type"],
                becomes,
                row["dropped"] is not None,
            )
        )
    return found


def _field_hints(bundle: Bundle, rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], str]:
    proposer = Proposer(bundle.root)
    by_object: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["entity"] in KIND and not row["dropped"]:
            by_object.setdefault((row["object"], row["entity"]), []).append(row["header"])
    hints = {}
    for (name, entity), headers in by_object.items():
        kind = KIND[entity]
        fed = {i for f in bundle.feeds(entity) if f.object == name for i in f.mapping.fields}
        for proposal in proposer.propose(kind, [ColumnIn(h) for h in headers]):
            target = proposer.targets.concepts[proposal.concept].target(kind) if proposal.concept else None
            if proposal.decision == "field" and target and target.input and target.input not in fed and proposal.confidence >= 0.8:
                hints[name, entity, proposal.header] = f"it looks like {entity}.{target.input}, which nothing fills: name it in the source file"
    return hints


def inputs_without_source(bundle: Bundle) -> list[tuple[str, str]]:
    """(entity, input) that the entity needs and no mapping line gives, for entities that the source feeds."""
    missing = []
    for name, entity in bundle.entities.items():
        feeds = bundle.feeds(name)
        needed = [i for i, declared in entity.inputs.items() if declared.required]
        missing += [(name, i) for i in needed if feeds and not any(i in f.mapping.fields for f in feeds)]
    return missing


def required_but_unfilled(
    bundle: Bundle, shapes: Mapping[str, Mapping[str, Mapping[str, Any]]], defaults: Mapping[str, set[str]]
) -> list[tuple[str, str]]:
    """(model, field) that the live target requires, that has no default there, and that no entity of this project writes.

    ``shapes``: model → field → ``fields_get``; ``defaults``: model → fields for which ``default_get`` gives a value.
    """
    written: dict[str, set[str]] = {}
    for name in bundle.build_order:
        if bundle.makes(name):
            entity = bundle.entities[name]
            written.setdefault(entity.model, set()).update(entity.fields)
    found = []
    for model, fields in sorted(written.items()):
        for field, shape in sorted(shapes.get(model, {}).items()):
            needed = shape.get("required") and shape.get("store", True) and not shape.get("readonly")
            if needed and field not in fields and field not in defaults.get(model, set()):
                found.append((model, field))
    return found
