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
        where = obj.export_from or ("written by hand: take the template" if by_hand else ASK)
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


ASK = "ask the vendor's support"


def as_markdown(source: Source, lines: list[GuideLine]) -> str:
    """The guide for the customer's admin: what the vendor documents, what to ask its support for, the list, the checks on arrival."""
    parts = [f"# Export guide: {source.title}\n", "## 1. What the vendor says itself\n"]
    if source.documented:
        parts.append("This is all that its public pages say about getting data out; no menu is added to it:\n")
        parts += [f"- {d.says} ({d.at})" for d in source.documented]
        parts.append("\nWhere that does not give a file for an object of the list below, ask support, as follows.\n")
    else:
        parts.append("No public page of the vendor says how to get the data out. So ask its support.\n")
    parts += ["## 2. What to write to the vendor's support\n", *(f"> {line}".rstrip() for line in letter(source, lines)), ""]
    parts.append("## 3. The files, to be ticked off\n")
    parts.append("Put everything into one folder, exactly as it arrived. Where an export is cut off, send it in parts.\n")
    for line in lines:
        tick = "x" if line.state == "delivered" else " "
        parts.append(f"- [{tick}] **{line.title}** → `{line.file_name}` ({line.export_from})")
        if line.needed:
            parts.append(f"  - must have: {_and(line.needed)}")
        if line.useful:
            parts.append(f"  - worth having: {_and(line.useful)}")
        if line.why:
            parts.append(f"  - without it: {line.why}")
        if line.state not in ("missing", "by hand"):
            parts.append(f"  - {line.state}: {line.files} file(s), {line.records:,} records")
    parts += ["\n## 4. When the files are there\n", *(f"{i}. {check}" for i, check in enumerate(CHECKS, 1))]
    if source.cautions:
        parts.append("\n## 5. Before you cancel anything\n")
        parts += [f"- {c.what} {c.do} ({c.owner}, {c.due})" for c in source.cautions.values()]
    return "\n".join(parts) + "\n"


CHECKS = (
    "Look at the product's own screen: how many records does it show for each object? Write the number beside the file's number of rows.",
    "A file with exactly 500, 1,000, 5,000 or 10,000 rows was probably cut off. Ask for the rest, by creation date.",
    "Look at the files with a text editor, never with Excel: Excel drops leading zeros, turns long ids into 1.2E+15 and dates into its own. "
    "If somebody has saved a file from Excel, export it again.",
    "The first line names the columns. Every record has its id, and names with accents read right.",
    "Each list of attachments names the record that the file belongs to, and the file itself is there and opens.",
    "Nothing is renamed, sorted, cleaned or merged. What is wrong in the data is found and listed; mend it in the product, then export again.",
    "Then `discover` counts everything again, ticks off this list, and says what is missing.",
)


def letter(source: Source, lines: list[GuideLine]) -> list[str]:
    """What to ask the vendor's support for, line by line, to be copied into a ticket."""
    wanted = [line for line in lines if line.state != "by hand"]
    return [
        f"Subject: full export of our {source.title} account",
        "",
        "Please give us a complete export of our account, for our own use, as follows.",
        "- Format: CSV, UTF-8, one file per object, column names in the first line. A full JSON dump will do instead.",
        "- All records of all users and all years, without a filter: also archived, inactive, closed and deleted ones (marked as deleted).",
        "- All columns: the id of every record, the ids of the records it belongs to, custom fields, who owns it, when it was created and changed.",
        "- Dates with their time zone; amounts with their currency; pick-lists as they are shown.",
        "- Attachments as files, with a list that says for each file the record that it belongs to, its name and its size.",
        "- The number of records of each object, as your system counts them, so that we can check that nothing is missing.",
        "- If an export is limited to a number of rows: please tell us the limit, and send the rest in parts.",
        f"Objects: {'; '.join(f'{w.title} (at least {_and(w.needed)})' if w.needed else w.title for w in wanted)}.",
        "If one of these cannot be exported, please say which and why. Until when can we get it, and how long do you keep it after our contract?",
    ]


def _and(columns: list[str]) -> str:
    return ", ".join(columns).replace("_", " ")


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
