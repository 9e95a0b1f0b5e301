"""What one delivery changes: created, updated, unchanged, gone, with the fields that changed."""

from __future__ import annotations

from crm2odoo.handoff.charts import convergence
from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.view import label_of
from crm2odoo.handoff.wording import Style
from crm2odoo.project import Bundle

ACTIONS = ("create", "update", "unchanged", "found", "held", "skipped")


def delta_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """Records by entity and action; fields by entity."""
    counts = {(r["entity"], r["action"]): r["records"] for r in facts.rows("records")}
    entities = [e for e in bundle.build_order if any(x == e for x, _ in counts)]
    rows = [[bundle.entities[e].title, *[counts.get((e, a), 0) for a in ACTIONS]] for e in entities]
    changed = [[bundle.entities[c["entity"]].title, label_of(facts, c["entity"], c["field"]), c["records"]] for c in facts.rows("changes")]
    created, updated = (sum(n for (_, a), n in counts.items() if a == action) for action in ("create", "update"))
    return Paper(
        "delta",
        "What this delivery changes",
        "Compared with what the ledger knows of this Odoo.",
        [
            Section("Records", "", (Column("Entity", width=2), *[Column(a.capitalize(), "number") for a in ACTIONS]), rows, query="records"),
            Section(
                "Deliveries",
                "Every plan for this Odoo that was loaded, the latest one last.",
                (
                    Column("Received", "time", 1.6),
                    Column("Plan", "number", 0.6),
                    Column("New", "number"),
                    Column("Changed", "number"),
                    Column("Unchanged", "number"),
                    Column("Rows gone", "number"),
                    Column("Changed on both sides", "number"),
                ),
                [
                    [d["received_at"], d["plan_id"], *[int(d[k]) for k in ("creates", "updates", "unchanged", "vanished", "conflicts")]]
                    for d in facts.rows("deliveries")
                ],
                query="deliveries",
            ),
            Section(
                "Changed fields",
                "",
                (Column("Entity", width=2), Column("Field", width=2), Column("Records", "number")),
                changed,
                empty="No field of a known record changes.",
                query="changes",
            ),
        ],
        ("html", "pdf"),
        f"{style.rows(created, 'record')} to create, {style.rows(updated, 'record')} to update.",
        charts=convergence(facts, style),
    )
