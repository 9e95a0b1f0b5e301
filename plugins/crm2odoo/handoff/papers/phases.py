"""Phase reconciliation: for each phase of the load, what the export has, what was planned, what the ledger and Odoo hold, and every check."""

from __future__ import annotations

from typing import Any

from crm2odoo.handoff.facts import Facts, Rows
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.wording import Style
from crm2odoo.project import Bundle

LEGS = (
    Column("Phase", width=1.3),
    Column("Rows in the files", "number", 0.8),
    Column("Records of them", "number", 0.8),
    Column("To be in Odoo", "number", 0.8),
    Column("Ours, in the ledger", "number", 0.8),
    Column("Ours, found in Odoo", "number", 0.8),
    Column("Refused", "number", 0.6),
    Column("Checks", width=1),
)
LEGS_READ = (
    "To be in Odoo are all records but those that are held back or left out. Ours are those that the migration made; the others were in Odoo"
    " before."
)
CHECKS = (
    Column("Check", width=3.2),
    Column("Expected", "number", 0.7),
    Column("Found", "number", 0.7),
    Column("Result", width=0.7),
    Column("Cases and what to do", width=3),
)


def phases_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """Raw files, then one section for each phase in the order in which they ran."""
    phases = _phases(bundle, facts)
    failed = [c for _, checks in phases for c in checks if not c["passed"]]
    total = sum(len(checks) for _, checks in phases)
    sections = [
        _raw_files(bundle, facts),
        Section("The legs of each phase", LEGS_READ, LEGS,
                [_legs(bundle, phase, checks) for phase, checks in phases], query="checks"),
        *(_checks(bundle, phase, checks) for phase, checks in phases),
    ]  # fmt: skip
    headline = "No phase was reconciled." if not total else (
        f"{style.number(len(failed))} of {style.rows(total, 'check')} failed." if failed else f"All {style.rows(total, 'check')} agree."
    )  # fmt: skip
    about = "Three legs that know nothing of each other: the raw files, counted again; the ledger; and Odoo, asked for each external id."
    return Paper("reconciliation", "Phase reconciliation", about, sections, ("html", "xlsx"), headline)


def phase_paper(bundle: Bundle, facts: Facts, style: Style, phase: str) -> Paper:
    """The same for one phase, as its gate left it."""
    checks = [c for c in facts.rows("checks") if c["phase"] == phase]
    failed = [c for c in checks if not c["passed"]]
    place = 1 + bundle.load_order.index(phase)
    return Paper(
        f"phase_{place:02d}_{phase}",
        f"Phase {place}: {bundle.entities[phase].title}",
        "What the gate of this phase counted before the next one could start.",
        [Section("The legs", LEGS_READ, LEGS, [_legs(bundle, phase, checks)]), _checks(bundle, phase, checks)],
        ("html",),
        f"{style.rows(len(failed), 'check')} failed: the next phase does not start." if failed else f"All {style.rows(len(checks), 'check')} agree.",
    )


def _phases(bundle: Bundle, facts: Facts) -> list[tuple[str, Rows]]:
    found: dict[str, Rows] = {}
    for c in facts.rows("checks"):
        if c["name"] != "fields_equal":
            found.setdefault(c["phase"], []).append(c)
    order = {name: n for n, name in enumerate(bundle.load_order)}
    return sorted(found.items(), key=lambda item: order.get(item[0], len(order)))


def _legs(bundle: Bundle, phase: str, checks: Rows) -> list[Any]:
    by_name = {c["name"]: c for c in checks}

    def figure(name: str, side: str) -> Any:
        return by_name[name][side] if name in by_name else None

    rows = [c["expected"] for c in checks if c["name"].startswith("rows_")]
    failed = sum(not c["passed"] for c in checks)
    return [
        bundle.entities[phase].title if phase in bundle.entities else phase,
        sum(rows) if rows else None,
        figure("records_from_rows", "found"),
        figure("in_ledger", "expected"),
        figure("in_odoo", "expected"),
        figure("in_odoo", "found"),
        figure("refused", "found"),
        f"{failed} of {len(checks)} failed" if failed else f"{len(checks)} passed",
    ]


def _checks(bundle: Bundle, phase: str, checks: Rows) -> Section:
    rows = [
        [
            c["details"].get("title", c["name"]),
            c["expected"],
            c["found"],
            "agrees" if c["passed"] else "DIFFERS",
            "" if c["passed"] else _told(c["details"]),
        ]
        for c in checks
    ]
    return Section(bundle.entities[phase].title if phase in bundle.entities else phase, "", CHECKS, rows, query="checks")


def _told(details: dict[str, Any]) -> str:
    cases = [" ".join(filter(None, (x.get("source"), x.get("xid"), x.get("odoo"), x.get("message")))) for x in details.get("cases", [])]
    return "\n".join([*cases, *([details["advice"]] if details.get("advice") else [])])


def _raw_files(bundle: Bundle, facts: Facts) -> Section:
    """The first leg: what the files hold, counted apart from their landing."""
    files = {f["file_no"]: f for f in facts.rows("files")}
    ways = {
        "csv": "rows, by Python's csv module",
        "json": "elements, by Python's json module",
        "lines": "lines only: stray quotes, every reader sees other rows",
    }
    rows = []
    for r in facts.rows("raw_counts"):
        file = files.get(r["file_no"], {})
        known = file.get("records")
        told = "only lines" if r["records"] is None else "agrees" if r["records"] == known else "DIFFERS"
        title = bundle.source.objects[r["object"]].title if r["object"] in bundle.source.objects else r["object"]
        rows.append([file.get("name", "?"), title, ways[r["method"]], r["filled"], r["beside"], r["records"], known, told])
    columns = (
        Column("File", width=1.7),
        Column("Object"),
        Column("Counted", width=1.6),
        Column("Filled rows", "number", 0.7),
        Column("Heading, titles, totals", "number", 0.8),
        Column("Records", "number", 0.7),
        Column("Landed", "number", 0.7),
        Column("Result", width=0.7),
    )
    about = "Every file was read once more, from the delivery itself, and still has the sha256 under which it was registered."
    return Section("Raw files, counted again", about, columns, rows, empty="The files were not counted again.", query="raw_counts")
