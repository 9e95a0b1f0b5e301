"""Sheets that come back from people: choices about owners, and what becomes of the customer's own columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from crm2odoo.handoff.papers.decisions import CHOICES
from crm2odoo.project.project_file import CustomColumn
from crm2odoo.staging import Workspace


class SheetProblem(ValueError):
    """A returned sheet says something that cannot be. The message names the row, and what may stand there."""


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


def _text(value: object) -> str:
    # An apostrophe in front keeps a spreadsheet from taking the text for a formula (see paper_xlsx.safe).
    return str(value or "").strip().removeprefix("'")
