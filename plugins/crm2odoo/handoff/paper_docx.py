"""Papers as Word documents, for people who go on writing in them."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.shared import Pt, RGBColor

from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.paper_html import shown
from crm2odoo.handoff.wording import Style

_MADE = datetime(2000, 1, 1)
_ILLEGAL = dict.fromkeys(c for c in range(32) if c not in (9, 10, 13))


def as_docx(paper: Paper, project_title: str, style: Style) -> bytes:
    """A4, landscape when a table is wide. The same paper gives the same bytes."""
    document = Document()
    document.core_properties.title = paper.title
    document.core_properties.author = "crm2odoo"
    document.core_properties.created = document.core_properties.modified = _MADE
    page = document.sections[0]
    page.page_width, page.page_height = (Pt(842), Pt(595)) if _wide(paper) else (Pt(595), Pt(842))
    page.orientation = WD_ORIENT.LANDSCAPE if _wide(paper) else WD_ORIENT.PORTRAIT
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Pt(50)
    document.styles["Normal"].font.size = Pt(10)
    document.add_paragraph(_clean(project_title)).runs[0].font.color.rgb = RGBColor(0x59, 0x61, 0x6C)
    document.add_heading(_clean(paper.title), 0)
    if paper.headline:
        document.add_paragraph(_clean(paper.headline)).runs[0].bold = True
    document.add_paragraph(_clean(paper.about))
    for section in paper.sections:
        document.add_heading(_clean(section.title), 1)
        if section.about:
            document.add_paragraph(_clean(section.about))
        for text in section.paragraphs:
            document.add_paragraph(_clean(text))
        for text in section.steps:
            document.add_paragraph(_clean(text), style="List Number")
        if section.columns and section.rows:
            _table(document, section, page.page_width - page.left_margin - page.right_margin, style)
        elif section.columns:
            document.add_paragraph(section.empty)
        if section.query in paper.queries:
            note = document.add_paragraph().add_run(f"query {section.query}, in {paper.name}.json")
            note.font.size, note.font.color.rgb = Pt(8), RGBColor(0x59, 0x61, 0x6C)
    buffer = io.BytesIO()
    document.save(buffer)
    return _without_times(buffer.getvalue())


def _table(document: Any, section: Section, width: int, style: Style) -> None:
    """Columns as wide as declared; the heading comes again on every page, and no row is cut by its end."""
    table = document.add_table(rows=1 + len(section.rows), cols=len(section.columns), style="Light Grid Accent 1")
    table.style.font.size = Pt(9)
    table.autofit = False
    share = width / sum(c.width for c in section.columns)
    lines = [[c.label for c in section.columns], *([_text(c, v, style) for c, v in zip(section.columns, row, strict=True)] for row in section.rows)]
    # Word goes by the cells, LibreOffice by the grid.
    for drawn, column in zip(table.columns, section.columns, strict=True):
        drawn.width = int(share * column.width)
    for place, (row, line) in enumerate(zip(table.rows, lines, strict=True)):
        about = row._tr.get_or_add_trPr()
        about.append(OxmlElement("w:cantSplit"))
        if place == 0:
            about.append(OxmlElement("w:tblHeader"))
        for cell, column, text in zip(row.cells, section.columns, line, strict=True):
            cell.width = int(share * column.width)
            cell.text = text
            if column.kind in ("number", "amount"):
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _text(column: Column, value: Any, style: Style) -> str:
    if column.kind == "tick" and not value:
        return "☐"
    return _clean((value or [""])[0] if column.kind == "link" else shown(column, value, style))


def _wide(paper: Paper) -> bool:
    return any(sum(c.width for c in s.columns) > 6 for s in paper.sections)


def _clean(text: str) -> str:
    """XML refuses control characters."""
    return str(text).translate(_ILLEGAL)


def _without_times(content: bytes) -> bytes:
    """The same archive with the same time on every member, so that it can be compared."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(zipfile.ZipInfo(item.filename, (2000, 1, 1, 0, 0, 0)), old.read(item), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
