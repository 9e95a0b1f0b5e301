"""The hypercare report: every daily look after the cutover, every issue with when it was seen and closed, and what people changed since."""

from __future__ import annotations

from typing import Any

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.view import label_of
from crm2odoo.handoff.wording import Style, words
from crm2odoo.project import Bundle
from crm2odoo.reconcile.odoo_side import record_link

KINDS = {"gone": "Gone", "archived": "Archived", "sums": "Count differs"}


def hypercare_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """Issues first, the open ones on top."""
    issues, looks = facts.rows("issues"), facts.rows("looks")
    still_open = [i for i in issues if i["closed_at"] is None]
    window = bundle.project.hypercare
    days = f"Window: {style.date(window.first)} to {style.date(window.last)}. " if window else ""
    changed = [
        [
            bundle.entities[g["entity"]].title,
            label_of(facts, g["entity"], g["field"]),
            words()["kinds"][g["kind"]]["label"],
            g["records"] if g["field"] == "*" else g["cells"],
        ]
        for g in facts.rows("difference_groups")
    ]
    if still_open:
        headline = f"{style.rows(len(still_open), 'issue')} of {style.number(len(issues))} still open."
    else:
        headline = f"No open issue; {style.rows(len(issues), 'issue')} in all." if looks else "Nobody looked yet."
    return Paper(
        "hypercare",
        "Hypercare report",
        f"{days}People work in Odoo now: a changed value is no fault, a record that is gone or archived is an issue until it is back.",
        [
            Section(
                "Issues",
                "",
                (
                    Column("What", width=0.8),
                    Column("Entity"),
                    Column("Record", "link", 1.2),
                    Column("Details", width=2.4),
                    Column("Seen", "time", 1.1),
                    Column("Closed", "time", 1.1),
                    Column("Took", width=0.7),
                ),
                [_issue(bundle, facts, style, i) for i in issues],
                empty="No issue was found.",
                query="issues",
            ),
            Section(
                "Looks",
                "Each reads every migrated record back from Odoo.",
                (
                    Column("When", "time", 1.4),
                    Column("Values compared", "number"),
                    Column("Other than agreed", "number"),
                    Column("New issues", "number"),
                    Column("Closed", "number"),
                    Column("Open then", "number"),
                ),
                [[x["started_at"], x["compared"], x["different"], x["found"], x["closed"], x["still_open"]] for x in looks],
                empty="Nobody looked yet.",
                query="looks",
            ),
            Section(
                "Values that are other than agreed today",
                "Against the plan of the last load.",
                (Column("Entity"), Column("Field"), Column("Kind"), Column("Values", "number")),
                changed,
                empty="Every value is as agreed.",
                query="difference_groups",
            ),
        ],
        ("html", "pdf", "docx"),
        headline,
    )


def _issue(bundle: Bundle, facts: Facts, style: Style, i: dict[str, Any]) -> list[Any]:
    known = bundle.entities.get(i["entity"])
    title, model = (known.title, known.model) if known else (i["entity"], "")
    record = (i["xid"] or "–", record_link((facts.target or {}).get("url", ""), model, i["res_id"]))
    took = style.seconds((i["closed_at"] - i["seen_at"]).total_seconds()) if i["closed_at"] else "open"
    return [KINDS.get(i["kind"], i["kind"]), title, record, i["text"], i["seen_at"], i["closed_at"], took]
