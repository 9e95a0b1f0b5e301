"""Checklists that people work through: is the export complete, what has to be cleaned, what was set up in Odoo."""

from __future__ import annotations

import re
from typing import Any

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.wording import Style, words
from crm2odoo.project import Bundle

TICK = (Column("Done", "tick", 0.5), Column("Comment", "note", 1.5))


def completeness_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """Files and rows of the export, object by object; what is missing; lines that are no records."""
    files = facts.rows("files")
    counts = {o.object: o for o in facts.objects}
    objects = []
    for name, obj in bundle.source.objects.items():
        mine = [f for f in files if f["object"] == name]
        rows = sum(f["records"] or 0 for f in mine)
        objects.append([obj.title, len(mine), rows, None, "" if mine else "No file: is there nothing, or was it not exported?"])
    listed = [
        [
            f["name"],
            bundle.source.objects[f["object"]].title if f["object"] in bundle.source.objects else "",
            words()["files"].get(f.get("kind") if f["status"] == "excluded" else f["status"]) or f["status"],
            f["records"],
            style.bytes(f["bytes"]),
            f["sha256"][:16],
        ]
        for f in files
    ]
    skipped = [
        [f["name"], str(n.get("line", "")), n.get("why") or n.get("kind") or n.get("text", "")]
        for f in files
        for n in f["non_records"]
        if isinstance(n, dict)
    ]
    missing = [bundle.source.objects[n].title for n in bundle.source.objects if not any(f["object"] == n for f in files)]
    return Paper(
        "completeness",
        "Completeness checklist",
        "Compare the number of rows with what the source shows on screen for the same object. An export that was cut off at a limit looks complete.",
        [
            Section(
                "Objects",
                "",
                (
                    Column("Object", width=1.5),
                    Column("Files", "number", 0.6),
                    Column("Rows", "number", 0.8),
                    Column("Rows on screen", "note", 1),
                    Column("Remark", width=2),
                    *TICK,
                ),
                [[*row, None, None] for row in objects],
                query="files",
            ),
            Section(
                "Files",
                "",
                (
                    Column("File", width=2),
                    Column("Object", width=1.2),
                    Column("Taken as", width=1.2),
                    Column("Rows", "number", 0.8),
                    Column("Size", width=0.8),
                    Column("sha256", "code", 1.3),
                ),
                listed,
                query="files",
            ),
            Section(
                "Lines that are no records",
                "Titles, totals, blank lines and repeated headings.",
                (Column("File", width=2), Column("Line"), Column("What", width=2)),
                skipped,
            ),
        ],
        ("html", "xlsx"),
        f"{style.rows(len(files), 'file')}, {style.rows(sum(o.rows for o in counts.values()))}."
        + (f" Nothing was delivered for: {', '.join(missing)}." if missing else ""),
    )


def cleansing_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """What to mend in the source, the most frequent first, with the first places."""
    files = {f["file_no"]: f["name"] for f in facts.rows("files")}
    titles = {n: o.title for n, o in bundle.source.objects.items()}
    rejects = [
        [
            titles.get(r["object"], r["object"]),
            r["column_name"] or "",
            words()["rejects"].get(r["code"], r["code"]),
            r["rows"],
            r["hint"] or "",
            "\n".join(
                f"{files.get(c['file_no'], '?')}:{c['line']}"
                for c in facts.rows("reject_cases")
                if (c["object"], c["code"], c["column_name"]) == (r["object"], r["code"], r["column_name"])
            ),
            None,
            None,
        ]
        for r in facts.rows("rejects")
    ]
    warnings = [
        [titles.get(w["object"], w["object"]), w["column_name"] or "", w["code"].replace("_", " "), w["cells"], None, None]
        for w in facts.rows("warnings")
    ]
    total, every = sum(r["rows"] for r in facts.rows("rejects")), sum(o.rows for o in facts.objects)
    return Paper(
        "cleansing",
        "Cleansing checklist",
        "Mend these in the source and export again, or accept that they stay behind.",
        [
            Section(
                "Rows that cannot be loaded",
                "",
                (
                    Column("Object", width=1.2),
                    Column("Column", width=1.2),
                    Column("What is wrong", width=2),
                    Column("Rows", "number", 0.6),
                    Column("What to do", width=2.4),
                    Column("Where", "place", 1.8),
                    *TICK,
                ),
                rejects,
                query="rejects",
            ),
            Section(
                "Values that were loaded with a remark",
                "",
                (Column("Object", width=1.2), Column("Column", width=1.2), Column("Remark", width=2), Column("Values", "number", 0.8), *TICK),
                warnings,
                query="warnings",
            ),
        ],
        ("html", "xlsx"),
        f"{style.number(total)} of {style.rows(every)} cannot be loaded as they are." if total else "Nothing has to be mended.",
    )


SET_UP = {
    "ir.model.fields": "Custom field",
    "ir.ui.view": "Form that shows it",
    "ir.model": "List of choices",
    "x_crm2odoo_option": "Choice of a field",
    "res.currency": "Currency",
}


def _done(entry: dict[str, Any]) -> tuple[str, str, str]:
    """One thing that was set up: what it is, which one, in which model of Odoo."""
    what, which = SET_UP.get(entry["model"], "Setting"), entry["xid"]
    if entry["entity"] == "parked":
        what = "Setting, put back after the load"
    if field := re.fullmatch(r"field_(.+?)_(x_.+)", which):
        which = f"{field[2]} on {field[1].replace('_', '.')}"
    return what, re.sub(r"^(setting|parameter|view|option|model)[ _]", "", which), entry["model"]


def _each_once(rows: list[list[Any]]) -> list[list[Any]]:
    return [list(row) for row in dict.fromkeys(tuple(row) for row in rows)]


def schema_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """Custom fields and settings in Odoo, with where each comes from. The sheet of fields comes back: see `read_field_inventory`."""
    own = [
        [bundle.entities[e].model, f"x_{k.removeprefix('x_')}", c.label, c.type, "\n".join(c.options), "the migration"]
        for e in bundle.build_order
        if bundle.feeds(e)
        for k, c in bundle.entities[e].custom_fields.items()
    ]
    found = [
        [
            bundle.entities[c["entity"]].model if c["entity"] in bundle.entities else c["entity"],
            c["field"] or "",
            c["label"] or c["header"],
            c["type"] or "",
            "",
            f"{c['object']}: {c['header']}",  # by the object's name: the sheet comes back
            c["filled"],
            "no" if c["dropped"] else "yes",
            c["dropped"],
        ]
        for c in facts.rows("custom_fields")
    ]
    # Entities that share a model share its fields.
    own, found = _each_once(own), _each_once(found)
    set_up = [[*line, None, None] for line in dict.fromkeys(_done(e) for e in facts.rows("set_up"))]
    columns = (
        Column("Model", "code", 1.1),
        Column("Field", "code", 1.4),
        Column("Label", width=1.5),
        Column("Type", "code", 0.8),
        Column("Options", width=1.2),
        Column("Comes from", width=1.6),
        Column("Filled", "number", 0.6),
        Column("Keep", "choice", 0.6, ("yes", "no")),
        Column("Why not", "note", 1.4),
    )
    return Paper(
        "fields",
        "Custom fields and set-up",
        "Fields that the migration adds to Odoo, and settings that it changes.",
        [
            Section(
                "Fields from the customer's own columns",
                "Change label, type or the decision to keep, and give the sheet back.",
                columns,
                found,
                query="custom_fields",
            ),
            Section("Fields of the migration", "They keep what Odoo has no place for. Nothing is to be decided about them.", columns[:6], own),
            Section(
                "Set-up of Odoo",
                "In the order in which it was done.",
                (Column("What"), Column("Which", width=2.5), Column("Model", "code"), *TICK),
                set_up,
                query="set_up",
            ),
        ],
        ("html", "xlsx"),
        f"{style.rows(len(found), 'column')} of the customer's own, {style.rows(len(own), 'field')} of the migration.",
    )
