"""Sheets that come back from people: choices about owners, and what becomes of the customer's own columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import yaml
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from crm2odoo.handoff.paper_xlsx import RUN_MARK
from crm2odoo.handoff.papers.decisions import CHOICES
from crm2odoo.handoff.papers.spot_check import store_spot_check
from crm2odoo.ledger import approvals
from crm2odoo.project.project_file import CustomColumn
from crm2odoo.staging import Workspace

OWNERS, SPOT_CHECK, COMPLETENESS, FIELDS = "Owner queue", "Spot check", "Completeness checklist", "Custom fields"
"""How the headings of the sheets begin that come back."""
COMPLETENESS_STEP = "handoff.completeness"


class SheetProblem(ValueError):
    """A returned sheet says something that cannot be. The message names the row, and what may stand there."""


def take_sheets(ws: Workspace, paths: Iterable[Path], by: str, run_id: str) -> list[str]:
    """Takes back sheets of the pack that people filled in, each known by its heading. ``run_id``: run of a sheet that does not name its own.

    Returns a sentence for each. Sheets that nobody fills in are told so. Raises SheetProblem, SpotCheckIncomplete.
    """
    said = []
    for path in sorted(paths):
        book = openpyxl.load_workbook(path, read_only=True)
        heading = _text(book.worksheets[0].cell(1, 1).value)
        about_run = (book.properties.keywords or "").removeprefix(RUN_MARK) or run_id
        if heading.startswith(OWNERS):
            choices = store_owner_choices(ws, path, by)
            said.append(f"{path.name}: {len(choices)} choices about owners are in the decision register. They count from the next plan on.")
        elif heading.startswith(SPOT_CHECK):
            answers = store_spot_check(ws, about_run, path, by)
            said.append(f"{path.name}: {answers['yes']} values right, {answers['no']} wrong; kept with the run {about_run}.")
        elif heading.startswith(COMPLETENESS):
            said += [f"{path.name}: {text}" for text in store_completeness(ws, path, by)]
        elif heading.startswith(FIELDS):
            columns = read_field_inventory(path)
            text = yaml.safe_dump(as_project_key(columns), allow_unicode=True, sort_keys=False)
            said.append(f"{path.name}: put this into the project file, then trigger the sample again:\n{text}")
        else:
            said.append(f"{path.name}: not taken, because nothing of it comes back: {heading or 'no heading'}")
    return said


def as_project_key(columns: dict[str, dict[str, CustomColumn]]) -> dict[str, Any]:
    """The key ``columns`` of a project file."""
    return {"columns": {o: {h: c.model_dump(exclude_defaults=True) for h, c in headers.items()} for o, headers in columns.items()}}


def store_completeness(ws: Workspace, path: str | Path, by: str) -> list[str]:
    """Compares the rows that people saw on screen with those of the export. Each difference is a finding; the answers are kept as a verdict.

    Raises SheetProblem for something that is no number.
    """
    wrong, answers = [], []
    for number, row in _rows(path, "Objects"):
        seen = _whole(row.get("Rows on screen"))
        if not seen:
            continue
        if not seen.isdigit():
            raise SheetProblem(
                f"{path}: row {number} ({row.get('Object')}) says {seen!r} under Rows on screen.\nWrite the number that the source shows."
            )
        delivered = int(row.get("Rows") or 0)
        answers.append({"object": row.get("Object"), "delivered": delivered, "seen": int(seen), "comment": _text(row.get("Comment"))})
        if int(seen) != delivered:
            wrong.append(f"{row.get('Object')}: the source shows {int(seen)} rows, the export has {delivered}")
    with ws.connect() as connection:
        export = connection.execute(ws.sql("select export_id, sha256 from {log}.export order by received_at desc limit 1")).fetchone()
        connection.execute(ws.sql("delete from {log}.finding where step = %s"), (COMPLETENESS_STEP,))
        with connection.cursor() as cursor:
            cursor.executemany(
                ws.sql(
                    "insert into {log}.finding (export_id, step, severity, code, title, evidence)"
                    " values (%s, %s, 'warning', 'rows_on_screen', %s, %s)"
                ),
                [
                    (export["export_id"] if export else None, COMPLETENESS_STEP, text, Jsonb({"advice": "Export the object again, without a limit."}))
                    for text in wrong
                ],
            )
    if answers:
        approvals.record(
            ws, subject="completeness", hash=export["sha256"] if export else "", verdict="rejected" if wrong else "approved", by=by,
            comment=f"{len(answers)} objects compared, {len(wrong)} differ", seen={"answers": answers},
        )  # fmt: skip
    return wrong or [f"{len(answers)} objects compared with the screen, all agree"]


def store_owner_choices(ws: Workspace, path: str | Path, by: str) -> dict[str, str]:
    """Keeps the choices of a returned owner queue in the decision register. Rows without a choice change nothing. Returns owner → choice.

    Raises SheetProblem.
    """
    choices: dict[str, str] = {}
    comments: dict[str, str | None] = {}
    for number, row in _rows(path, "Owners"):
        choice = _text(row.get("Choice")).lower()
        if not choice:
            continue
        owner = (_text(row.get("E-mail")) or _text(row.get("Name"))).lower()
        if choice not in CHOICES or not owner:
            raise SheetProblem(f"{path}: row {number} ({owner or 'nobody'}) says {choice!r}.\nThe column Choice takes {', '.join(CHOICES)}.")
        choices[owner], comments[owner] = choice, _text(row.get("Comment")) or None
    with ws.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            ws.sql("insert into {log}.decision (name, value, decided_by, comment) values (%s, %s, %s, %s)"),
            [(f"owner:{owner}", Jsonb({"choice": choice}), by, comments[owner]) for owner, choice in choices.items()],
        )
    return choices


def read_field_inventory(path: str | Path) -> dict[str, dict[str, CustomColumn]]:
    """Object → header → what becomes of the column, as the key ``columns`` of a project file holds it. Raises SheetProblem."""
    result: dict[str, dict[str, CustomColumn]] = {}
    for number, row in _rows(path, "Fields from the customer's own"):
        name, _, header = _text(row.get("Comes from")).partition(": ")
        keep = _text(row.get("Keep")).lower()
        if not header or keep not in ("yes", "no"):
            raise SheetProblem(f"{path}: row {number} needs `object: column` under Comes from, and yes or no under Keep.")
        values: dict[str, Any] = {"drop": _text(row.get("Why not")) or "not wanted"}
        if keep == "yes":
            options = [line for line in _text(row.get("Options")).splitlines() if line]
            values = {
                "field": _text(row.get("Field")) or None,
                "type": _text(row.get("Type")) or None,
                "label": _text(row.get("Label")) or None,
                "options": options,
            }
        try:
            result.setdefault(name, {})[header] = CustomColumn.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            raise SheetProblem(f"{path}: row {number} ({header}): {first['loc'][0]}: {first['msg']}") from None
    return result


def _rows(path: str | Path, sheet_name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row numbers and cells by heading, of the sheet whose name begins so."""
    book = openpyxl.load_workbook(path, read_only=True)
    sheet = next((s for s in book.worksheets if s.title.startswith(sheet_name[:20].replace("'", " "))), None)
    if sheet is None:
        raise SheetProblem(f"{path} has no sheet {sheet_name!r}; it has {', '.join(book.sheetnames)}.")
    lines = sheet.iter_rows(min_row=2, values_only=True)
    head = [_text(cell) for cell in next(lines, ())]
    for number, line in enumerate(lines, 3):
        if any(cell is not None for cell in line):
            yield number, dict(zip(head, line, strict=False))


def _whole(value: object) -> str:
    """A number as digits, however it was typed: 1,234 or 1.234 as text, or a number, which some programs save with a fraction of 0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return re.sub(r"[,.'’\s]", "", _text(value)) if not isinstance(value, float) else str(value)


def _text(value: object) -> str:
    # An apostrophe in front keeps a spreadsheet from taking the text for a formula (see paper_xlsx.safe).
    return str(value or "").strip().removeprefix("'")
