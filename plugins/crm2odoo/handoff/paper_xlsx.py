"""Papers as spreadsheets, safe to open: nothing from the source is ever a formula."""

from __future__ import annotations

import io
import re
import textwrap
from datetime import datetime, timezone
from typing import Any

import xlsxwriter

from crm2odoo.handoff.paper import Column, Paper
from crm2odoo.handoff.paper_html import shown
from crm2odoo.handoff.wording import Style

# Excel, LibreOffice and Sheets read these as the start of a formula, also in their full-width forms, and after blanks.
_FORMULA = re.compile(r"^[\s\u0000-\u0020]*[=+\-@\t\r\n＝＋－＠]")
RUN_MARK = "crm2odoo run "
_MADE = datetime(2000, 1, 1, tzinfo=timezone.utc)


def safe(value: str) -> str:
    """Text that no spreadsheet takes for a formula; what could be one gets an apostrophe in front."""
    return f"'{value}" if _FORMULA.match(value) and not re.fullmatch(r"[+-]?\d+([.,]\d+)?", value.strip()) else value


def as_xlsx(paper: Paper, style: Style, run_id: str = "") -> bytes:
    """One sheet for each section, with filters, frozen headings, and boxes to tick. The same paper gives the same bytes.

    ``run_id``: noted in the file, so that a sheet that comes back is known.
    """
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    # No time of making: the same data must give the same file.
    book.set_properties({"title": paper.title, "comments": paper.about, "keywords": f"{RUN_MARK}{run_id}", "created": _MADE})
    formats = {
        "head": book.add_format(
            {
                "bold": True,
                "text_wrap": True,
                "valign": "vcenter",
                "bg_color": "#0b5f95",
                "font_color": "#ffffff",
                "border": 1,
                "border_color": "#ffffff",
            }
        ),
        "text": book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"}),
        # One format for both would show whole numbers as "10.".
        "whole": book.add_format({"align": "right", "indent": 1, "valign": "top", "num_format": "#,##0"}),
        "number": book.add_format({"align": "right", "indent": 1, "valign": "top", "num_format": "#,##0.###"}),
        "amount": book.add_format({"align": "right", "indent": 1, "valign": "top", "num_format": "#,##0.00"}),
        "fill": book.add_format({"text_wrap": True, "valign": "top", "bg_color": "#fff7df", "border": 1, "border_color": "#e3d9b8", "locked": False}),
        "link": book.add_format({"text_wrap": True, "valign": "top", "font_color": "#174f86", "underline": 1}),
        "about": book.add_format({"text_wrap": True, "valign": "top", "font_color": "#59616c"}),
    }
    names: set[str] = set()
    for section in paper.sections:
        if not section.columns:
            continue
        sheet = book.add_worksheet(_sheet_name(section.title, names))
        last = len(section.columns) - 1
        about = safe(f"{paper.title}. {section.about or paper.about}".strip())
        sheet.merge_range(0, 0, 0, max(last, 1), about, formats["about"])
        # A merged row does not grow by itself. One line holds about as many characters as its columns are wide.
        sheet.set_row(0, 16 * (1 + len(about) // int(14 * sum(c.width for c in section.columns))))
        _fit(sheet, 1, [(c.label, 14 * c.width) for c in section.columns])
        for n, column in enumerate(section.columns):
            sheet.set_column(n, n, 14 * column.width)
            sheet.write_string(1, n, column.label, formats["head"])
        for r, row in enumerate(section.rows, 2):
            _fit(sheet, r, [(_read(c, v, style), 14 * c.width) for c, v in zip(section.columns, row, strict=True)])
            for n, (column, value) in enumerate(zip(section.columns, row, strict=True)):
                _cell(sheet, r, n, column, value, formats, style)
        if section.rows:
            sheet.autofilter(1, 0, 1 + len(section.rows), last)
            for n, column in enumerate(section.columns):
                choices = ["yes", "no"] if column.kind == "tick" else list(column.options)
                if choices and column.for_people:
                    sheet.data_validation(2, n, 1 + len(section.rows), n, {"validate": "list", "source": choices})
        sheet.freeze_panes(2, 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(1)
    if paper.queries:
        sheet = book.add_worksheet(_sheet_name("Queries", names))
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 120)
        for r, (name, text) in enumerate(paper.queries.items()):
            sheet.write_string(r, 0, name, formats["text"])
            sheet.write_string(r, 1, safe(text)[:32000], formats["text"])
    book.close()
    return buffer.getvalue()


def _cell(sheet: Any, row: int, number: int, column: Column, value: Any, formats: dict[str, Any], style: Style) -> None:
    if column.for_people:
        sheet.write_string(row, number, safe(str(value)) if value else "", formats["fill"])
    elif value is None:
        sheet.write_blank(row, number, None, formats["text"])
    elif column.kind in ("number", "amount"):
        kind = "whole" if column.kind == "number" and float(value).is_integer() else column.kind
        sheet.write_number(row, number, float(value), formats[kind])
    elif column.kind == "link":
        text, address = value
        # Excel takes at most 65,530 links on a sheet and 2,079 characters in each.
        if address and len(address) < 2000 and row < 60000:
            sheet.write_url(row, number, address, formats["link"], safe(str(text)))
        else:
            sheet.write_string(row, number, safe(str(text)), formats["text"])
    else:
        sheet.write_string(row, number, safe(shown(column, value, style))[:32000], formats["text"])


def _read(column: Column, value: Any, style: Style) -> str:
    """What a cell shows."""
    return str((value or [""])[0]) if column.kind == "link" else shown(column, value, style)


def _fit(sheet: Any, row: int, cells: list[tuple[str, float]]) -> None:
    """A height for a row with more than one line: LibreOffice finds none by itself, and lets the lines of two rows run into each other.

    ``cells``: text, and the width of the column in characters. Excel shows 409 points at most.
    """
    lines = max((sum(_lines(part, max(int(width), 1)) for part in text.split("\n")) for text, width in cells if text), default=1)
    if lines > 1:
        sheet.set_row(row, min(15 * lines, 409))


def _lines(text: str, width: int) -> int:
    # Most cells fit: wrapping each of a long sheet takes longer than writing it.
    return 1 if len(text.expandtabs()) <= width else len(textwrap.wrap(text, width)) or 1


def _sheet_name(title: str, taken: set[str]) -> str:
    """At most 31 characters, none that Excel refuses, and no name twice."""
    name = re.sub(r"[\[\]:*?/\\']", " ", title)[:31].strip() or "Sheet"
    n = 2
    while name.lower() in taken:
        name = f"{name[:28]} {n}"
        n += 1
    taken.add(name.lower())
    return name
