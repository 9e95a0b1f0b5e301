"""What to ask the customer for, object by object; and templates for what no product exports."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from crm2odoo.project import Source
from crm2odoo.staging import Connection, Workspace


@dataclass(frozen=True)
class GuideLine:
    """One object of the export. ``files``, ``records``: what was delivered; ``state``: delivered, refused, missing or by hand."""

    object: str
    title: str
    export_from: str
    file_name: str
    needed: list[str]
    useful: list[str]
    state: str = "missing"
    files: int = 0
    records: int = 0
    why: str = ""


def guide(source: Source) -> list[GuideLine]:
    """Every object of a source: the file that is expected, the columns that it must have, and those that are worth having."""
    lines = []
    for name, obj in source.objects.items():
        needed = sorted({c for c, about in obj.columns.items() if about.required} | {" or ".join(group) for group in obj.required_any})
        useful = [c for c in obj.columns if c not in needed]
        by_hand = bool(obj.documentation_only or obj.inventory)
        where = obj.export_from or ("written by hand: take the template" if by_hand else "ask where the product exports it, and note it here")
        first = obj.files[0] if obj.files else name
        lines.append(
            GuideLine(
                name, obj.title, where, f"{first.replace(' ', '_')}.csv", needed, useful, "by hand" if by_hand else "missing", why=obj.without or ""
            )
        )
    return lines


def checklist(ws: Workspace, connection: Connection, export_id: str) -> list[GuideLine]:
    """The guide with a tick for every object of which a file passed intake."""
    rows = connection.execute(
        ws.sql("select object, status, coalesce(records, 0) as records from {log}.file where export_id = %s and object is not null"), [export_id]
    ).fetchall()
    ticked = []
    for line in guide(ws.bundle.source):
        mine = [r for r in rows if r["object"] == line.object]
        passed = [r for r in mine if r["status"] in ("recognised", "assigned")]
        state = "delivered" if passed else "refused" if mine else line.state
        ticked.append(GuideLine(**{**line.__dict__, "state": state, "files": len(mine), "records": sum(r["records"] for r in passed)}))
    return ticked


def as_markdown(source: Source, lines: list[GuideLine]) -> str:
    """The guide for a person who clicks through the product."""
    parts = [
        f"# Export guide: {source.title}\n",
        "Export every object as CSV with all columns and all records: no filter, no view, also archived ones. When the product cuts an export "
        "off at a number of rows, export it in parts by creation date, and put all parts into the same folder.\n",
    ]
    for line in lines:
        tick = "x" if line.state == "delivered" else " "
        parts.append(f"- [{tick}] **{line.title}** → `{line.file_name}` ({line.export_from})")
        if line.needed:
            parts.append(f"  - must have: {', '.join(line.needed)}")
        if line.useful:
            parts.append(f"  - worth having: {', '.join(line.useful)}")
        if line.why:
            parts.append(f"  - without it: {line.why}")
        if line.state not in ("missing", "by hand"):
            parts.append(f"  - {line.state}: {line.files} file(s), {line.records:,} records")
    return "\n".join(parts) + "\n"


def write_templates(source: Source, folder: Path) -> list[Path]:
    """One CSV with headers for each object that people list by hand: automations, reports, custom fields.

    Filled and put into the export, it is read like any other file. A file that is there is left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for line in guide(source):
        obj = source.objects[line.object]
        if not (obj.documentation_only or obj.inventory):
            continue
        path = folder / line.file_name
        if path.exists():
            continue
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerow([about.title or name.replace("_", " ").capitalize() for name, about in obj.columns.items()])
        written.append(path)
    return written
