"""The field-level diff as a document: every entity, every field that differs, what the differences have in common, what was not compared."""

from __future__ import annotations

from typing import Any

from crm2odoo.handoff.facts import Facts, Rows
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.view import groups_of, label_of
from crm2odoo.handoff.wording import Style
from crm2odoo.project import Bundle

COUNTS = ("compared", "equal", "transformed", "different", "not_comparable")


def diff_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """Figures for all entities, then the differences with their first cases; ``differences.csv`` has all of them."""
    by_entity: dict[str, Rows] = {}
    for c in facts.rows("cells"):
        by_entity.setdefault(c["entity"], []).append(c)
    entities = [e for e in bundle.build_order if e in by_entity]
    totals = [sum(c[k] for cells in by_entity.values() for c in cells) for k in COUNTS]
    rows: list[list[Any]] = [[bundle.entities[e].title, len(by_entity[e]), *[sum(c[k] for c in by_entity[e]) for k in COUNTS]] for e in entities]
    groups = groups_of(bundle, facts)
    found = [[g.entity, g.field, g.kind, g.cells, g.cause, g.advice] for g in groups]
    cases = [
        [g.entity, g.field, (c["xid"], c["link"]), c["place"], c["expected"], c["found"]]
        for g in groups
        for c in g.cases
    ]  # fmt: skip
    left_out = [
        [bundle.entities[c["entity"]].title, label_of(facts, c["entity"], c["field"]), c["not_comparable"], c["compared"], _why(bundle, c)]
        for e in entities
        for c in by_entity[e]
        if c["not_comparable"]
    ]
    figures = (Column("Read back", "number"), Column("Equal", "number"), Column("Equal after a declared change", "number"),
               Column("Different", "number"), Column("Not comparable", "number"))  # fmt: skip
    return Paper(
        "diff",
        "Field-level diff",
        "Every mapped field of every loaded record, read back from Odoo and compared with the source. differences.csv lists every case.",
        [
            Section(
                "Entities",
                "The four counts on the right add up to what was read back: records × fields.",
                (Column("Entity", width=1.5), Column("Fields", "number", 0.6), *figures),
                [*rows, ["Together", sum(len(c) for c in by_entity.values()), *totals]] if rows else [],
                empty="Nothing was compared.",
                query="cells",
            ),
            Section(
                "Differences by field and kind",
                "",
                (Column("Entity"), Column("Field", width=1.2), Column("Kind"), Column("Values", "number", 0.6),
                 Column("Most of them have in common", width=2), Column("What to do", width=2.4)),
                found,
                empty="No value differs.",
                query="difference_groups",
            ),
            Section(
                "The first cases",
                "",
                (Column("Entity", width=0.9), Column("Field", width=1), Column("Record", "link", 1.3), Column("Source", "place", 1.2),
                 Column("Expected", width=1.8), Column("In Odoo", width=1.8)),
                cases,
                empty="No value differs.",
                query="differences",
            ),
            Section(
                "What was not compared, and why",
                "These values count as not comparable, never as equal.",
                (Column("Entity"), Column("Field", width=1.4), Column("Values", "number", 0.6), Column("of", "number", 0.6), Column("Why", width=3)),
                left_out,
                empty="Every value was compared.",
                query="cells",
            ),
        ],
        ("html", "pdf", "xlsx"),
        f"{style.number(totals[3]) if totals[3] else 'None'} of {style.rows(totals[0] - totals[4], 'compared value')}"
        f" differ{'' if totals[3] else 's'}; {style.number(totals[4])} had nothing to be compared with.",
    )  # fmt: skip


def _why(bundle: Bundle, cell: dict[str, Any]) -> str:
    declared = bundle.entities[cell["entity"]].fields.get(cell["field"])
    if declared and declared.compare == "none":
        return declared.compare_note or "declared so in the mapping"
    return "the record was in Odoo before, or the source has no value and Odoo fills the field in itself"
