"""The cutover runbook: who does what, in which order, and how to go back."""

from __future__ import annotations

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.wording import Style
from crm2odoo.project import Bundle

_STEPS: list[tuple[str, list[tuple[str, str]]]] = [
    (
        "A week before",
        [
            ("Everybody who owns records has decided about the owner queue", "document owners"),
            ("The sample is signed; mapping and scope are signed", "{p}.sample"),
            ("Odoo's production database is backed up, and the backup was restored once for trial", "hosting"),
            ("The users know when the source becomes read-only", "customer"),
        ],
    ),
    (
        "The evening",
        [
            ("The source is made read-only; the last export is taken; nobody writes any more", "customer"),
            ("The last export is delivered; the plan shows only what changed since the load before", "{p}.cutover"),
            ("The load runs; each phase passes its gate", "{p}.cutover"),
            ("Read-back, control totals and links agree", "document report"),
            ("The records of the spot-check sheet are looked at by people who know them", "document spot_check"),
            ("Go or no-go: no gate is red, or a named person let it pass", "{p}.cutover"),
        ],
    ),
    (
        "The morning after",
        [
            ("Automations of Odoo that were parked are active again", "{p}.cutover"),
            ("Users log in; owners see their leads", "customer"),
            ("The evidence bundle is filed", "evidence.zip"),
        ],
    ),
    (
        "If it has to go back",
        [
            ("Stop the load: clear nothing, pause the DAG", "platform team"),
            ("Undo the run: only records that nobody changed since are removed, the rest is listed", "{p}.rollback"),
            ("Or put the snapshot back, when no work was done in Odoo since", "{p}.rollback"),
        ],
    ),
]


def runbook_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """To be filled in and printed; the steps name the DAGs of this project."""
    project = bundle.project.project
    columns = (
        Column("Step", width=3.4),
        Column("Where", "code", 1.3),
        Column("Who", "note", 1),
        Column("When", "note", 0.8),
        Column("Done", "tick", 0.5),
    )
    writes = sum(r["records"] for r in facts.rows("records") if r["action"] in ("create", "update"))
    seconds = sum(b["ms"] for b in facts.rows("batches")) / 1000
    kept = facts.rows("runbook")
    happened = [
        Section(
            "Planned and actual" + (" (rehearsal)" if kept[0]["rehearsal"] else ""),
            "As the tasks of the cutover noted it.",
            (
                Column("Step", width=0.9),
                Column("Who", width=1),
                Column("What", width=2.6),
                Column("Expected", width=1.6),
                Column("Planned", "time", 1.1),
                Column("Done", "time", 1.1),
            ),
            [[r["name"].replace("_", " "), r["who"], r["what"], r["expected"], r["planned_at"], r["done_at"]] for r in kept],
            query="runbook",
        )
    ] if kept else []  # fmt: skip
    sections = [*happened, *_to_fill_in(project, columns)]
    done = sum(r["done_at"] is not None for r in kept)
    return Paper(
        "runbook",
        "Cutover runbook",
        "Fill in names and times, print it, and tick it off on the evening.",
        sections,
        ("html", "pdf", "docx"),
        f"{done} of {style.rows(len(kept), 'step')} done."
        if kept
        else f"{style.rows(writes, 'record')} to write; the sample took {style.seconds(seconds)} in Odoo."
        if writes
        else "",
    )


def _to_fill_in(project: str, columns: tuple[Column, ...]) -> list[Section]:
    return [Section(title, "", columns, [[step, where.format(p=project), None, None, None] for step, where in steps]) for title, steps in _STEPS]
