"""The scope: what moves, how well it fits, what it needs, how hard it is, how long it may take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from crm2odoo.discovery.cautions import cautions
from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.lineage import lineage
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.papers.handoff import OUT_OF_SCOPE
from crm2odoo.handoff.papers.mapping import ColumnFate, column_fates
from crm2odoo.handoff.wording import Style, what_and_what_to_do, words
from crm2odoo.project import Bundle

FIT = (
    "1:1: one row becomes one record, and every filled column has its place. many:1, 1:many: several objects share one kind of record, or one"
    " object becomes several. lossy: something stays behind, named beside it."
)
APPS = {"crm": "CRM", "sale_management": "Sales", "account": "Invoicing", "project": "Project", "calendar": "Calendar", "helpdesk": "Helpdesk"}
"""What Odoo's menu calls its apps. Others go by their technical name."""


@dataclass(frozen=True)
class Fit:
    """How one object fits into Odoo."""

    object: str
    title: str
    rows: int
    goes_to: list[str]
    fit: str
    """``1:1``, ``1:many``, ``many:1``, ``lossy`` or ``not migrated``."""
    loss: str
    apps: list[str]
    on_demand: list[str]
    """Records that its rows make besides: tags, sources, companies named in a cell."""


def fits(bundle: Bundle, facts: Facts, fates: list[ColumnFate]) -> list[Fit]:
    """One line for each object of the source. Objects that are only documented never count as supported."""
    feeds = {name: [f for e in bundle.entities for f in bundle.feeds(e) if f.object == name] for name in bundle.source.objects}
    shared = {e: {f.object for f in bundle.feeds(e) if f.mapping.primary} for e in bundle.entities}
    rows = {o.object: o.rows for o in facts.objects}
    result = []
    for name, obj in bundle.source.objects.items():
        primary = [f.mapping.entity for f in feeds[name] if f.mapping.primary]
        lost = [f for f in fates if f.object == name and f.fate in ("dropped", "unmapped") and f.filled]
        if not primary:
            fit, loss = "not migrated", "listed in the handoff" if obj.documentation_only else "no place in Odoo in this project"
        elif lost:
            fit, loss = "lossy", "columns left behind: " + ", ".join(f.header for f in lost)
        elif any(bundle.entities[e].skip for e in primary):
            fit, loss = "lossy", "; ".join(s.reason for e in primary if (s := bundle.entities[e].skip))
        elif len(set(primary)) > 1:
            fit, loss = "1:many", ""
        elif any(len(shared[e]) > 1 for e in primary):
            fit, loss = "many:1", ""
        else:
            fit, loss = "1:1", ""
        apps = sorted({app for e in primary for app in bundle.entities[e].requires})
        also = [f.mapping.entity for f in feeds[name] if not f.mapping.primary and bundle.entities[f.mapping.entity].create == "yes"]
        result.append(Fit(name, obj.title, rows.get(name, 0), _titles(bundle, primary), fit, loss, apps, _titles(bundle, also)))
    return result


def _title(bundle: Bundle, name: str) -> str:
    return bundle.source.objects[name].title if name in bundle.source.objects else name.replace("_", " ")


def _titles(bundle: Bundle, entities: list[str]) -> list[str]:
    return [bundle.entities[e].title for e in dict.fromkeys(entities)]


@dataclass(frozen=True)
class Grade:
    """How hard a migration is: 1 (plain) to 5 (hard), and the four figures it follows from."""

    grade: int
    compatible: float
    clear: float
    limits: int
    rows: int


def grade_of(found: list[Fit], fates: list[ColumnFate], limits: int) -> Grade:
    """A pure function of what discovery stored: the same export and mapping give the same grade.

    One point to begin with; one more for each: less than 70 % of the objects fit without loss, less than 95 % of the filled columns have a
    place, an open limit of the source or of Odoo, more than 100,000 rows.
    """
    moved = [f for f in found if f.fit != "not migrated"]
    compatible = sum(f.fit != "lossy" for f in moved) / len(moved) if moved else 0.0
    filled = [f for f in fates if f.filled and f.fate not in ("inventory", "not delivered")]
    clear = sum(f.fate != "unmapped" for f in filled) / len(filled) if filled else 1.0
    rows = sum(f.rows for f in found)
    return Grade(1 + (compatible < 0.7) + (clear < 0.95) + (limits > 0) + (rows > 100_000), compatible, clear, limits, rows)


def scope_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """Compatibility table, scorecard, grade, limits, estimate."""
    fates = column_fates(bundle, facts)
    found = fits(bundle, facts, fates)
    moved = [f for f in found if f.fit != "not migrated"]
    whole = sum(f.fit == "1:1" for f in found)
    open_limits = [f for f in facts.rows("findings") if f["severity"] in ("blocking", "warning") and f["evidence"].get("verdict", "hit") == "hit"]
    grade = grade_of(found, fates, len(open_limits))
    fields = sum(1 for f in lineage(bundle) if f.origins)
    sections = [
        Section(
            "Objects",
            FIT,
            (
                Column("Object", width=1.3),
                Column("Rows", "number", 0.7),
                Column("In Odoo as", width=1.4),
                Column("On demand also", width=1.3),
                Column("Fit", width=0.8),
                Column("What is lost", width=2.6),
                Column("Apps needed", width=1.3),
            ),
            [
                [f.title, f.rows, ", ".join(f.goes_to), ", ".join(f.on_demand), f.fit, f.loss, ", ".join(APPS.get(a, a) for a in f.apps)]
                for f in found
            ],
            query="dispositions",
        ),
        Section(
            "How hard it is",
            "Each figure follows from the export and the mapping alone.",
            (Column("Figure", width=3), Column("Value")),
            [
                ["Objects that fit without loss", style.percent(sum(f.fit != "lossy" for f in moved), len(moved))],
                ["Filled columns with a place or a reason", style.percent(grade.clear, 1)],
                ["Open limits and warnings", style.number(grade.limits)],
                ["Rows", style.number(grade.rows)],
                ["Grade (1 plain to 5 hard)", style.number(grade.grade)],
            ],
        ),
        Section(
            "Limits and warnings",
            "",
            (Column("Weight", width=0.7), Column("What", width=3), Column("Count", "number", 0.6), Column("What to do", width=3)),
            [[f["severity"], *_told(f)] for f in open_limits],
            query="findings",
        ),
        _cautions(bundle),
        *_agreed_before(bundle, facts),
        _estimate(bundle, facts, style),
        Section("Out of scope", "", paragraphs=[OUT_OF_SCOPE]),
    ]
    return Paper(
        "scope",
        "Scope",
        f"What moves from {bundle.source.title} into Odoo.",
        sections,
        ("html", "pdf", "docx"),
        f"{whole} of {len(found)} objects map 1:1; {style.rows(fields, 'field')} of Odoo are filled from the export.",
    )


def _cautions(bundle: Bundle) -> Section:
    return Section(
        "Before anything is cancelled or switched off",
        "Traps of the product itself: who sees to each, and by when.",
        (Column("What can go wrong", width=2.6), Column("What to do", width=2.4), Column("Who"), Column("By when"), Column("Settled")),
        [[c.what, c.do, c.owner, c.due, c.settled or ""] for c in cautions(bundle)],
        empty="None is known of this product.",
    )


def _told(finding: dict[str, Any]) -> list[str | int | None]:
    """What, how often, what to do."""
    what, to_do = what_and_what_to_do(finding["title"], finding["evidence"].get("advice"))
    return [what, finding["count"], to_do]


def _agreed_before(bundle: Bundle, facts: Facts) -> list[Section]:
    """What is set up by these tables once the scope is signed: stages, owners, the customer's own columns, files."""
    stages = [
        [g["pipeline"] or "", g["stage"], g["odoo_stage"] or "lost: a state, not a stage", g["outcome"] or "open", g["probability"], g["records"]]
        for g in facts.rows("stages")
    ]
    owners = [[o["name"] or o["email"], o["email"], o["records"], words()["actions"][o["action"]]] for o in facts.rows("owners")]
    own = [
        [c["header"], _title(bundle, c["object"]), f"not migrated: {c['dropped']}" if c["dropped"] else f"{c['field']} ({c['type']})", c["filled"]]
        for c in facts.rows("custom_fields")
    ]
    files: dict[str, list[int]] = {}
    for f in facts.rows("files"):
        if f["status"] == "excluded":
            files.setdefault(PurePosixPath(f["name"]).suffix.lower() or "no ending", []).append(f["bytes"])
    volume = [[ending, len(sizes), round(sum(sizes) / 1e6, 2)] for ending, sizes in sorted(files.items(), key=lambda x: -len(x[1]))]
    return [
        Section(
            "Stages",
            "Every stage of the source has exactly one place in Odoo.",
            (Column("Pipeline"), Column("Stage in the source", width=1.5), Column("Stage in Odoo", width=1.5), Column("Means", width=0.7),
             Column("Probability, %", "number", 0.8), Column("Records", "number", 0.7)),
            stages,
            empty="The source has no stages.",
            query="stages",
        ),
        Section(
            "Owners",
            "Whose records there are. The owner queue asks for a decision about everybody whom Odoo does not know.",
            (Column("Name", width=1.5), Column("E-mail", width=2), Column("Records", "number", 0.7), Column("In Odoo")),
            owners,
            empty="No record names an owner.",
            query="owners",
        ),
        Section(
            "The customer's own columns",
            "",
            (Column("Column", width=1.6), Column("Object"), Column("Becomes", width=2.6), Column("Filled", "number", 0.7)),
            own,
            empty="Every column of the export is known.",
            query="custom_fields",
        ),
        Section(
            "Files beside the tables",
            "Attachments and the like, by kind.",
            (Column("Kind"), Column("Files", "number"), Column("Megabytes", "number")),
            volume,
            empty="There are none.",
            query="files",
        ),
    ]  # fmt: skip


def _estimate(bundle: Bundle, facts: Facts, style: Style) -> Section:
    """From the rates of this run; a range, because another server is not this one."""
    rows = []
    low = high = 0.0
    for b in facts.rows("batches"):
        seconds = b["ms"] / 1000
        rate = b["records"] / seconds if seconds else 0
        low, high = low + seconds, high + seconds * 4
        rows.append(
            [
                bundle.entities[b["entity"]].title if b["entity"] in bundle.entities else b["entity"],
                b["step"],
                b["records"],
                f"{style.number(round(rate))} per second",
                style.seconds(seconds),
            ]
        )
    about = (
        f"Odoo worked for {style.seconds(low)} on this run. Expect {style.seconds(low)} to {style.seconds(high)} for the same rows on another server."
        if rows
        else ""
    )
    return Section(
        "Time",
        about,
        (Column("Entity"), Column("Step"), Column("Records", "number"), Column("Measured rate"), Column("Time in Odoo")),
        rows,
        empty="Measured by the first sample run.",
        query="batches",
    )
