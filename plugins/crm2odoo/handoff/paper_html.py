"""Papers as self-contained HTML pages and as PDF."""

from __future__ import annotations

import logging
from typing import Any

from crm2odoo.handoff.page import environment, page_head
from crm2odoo.handoff.paper import Column, Paper
from crm2odoo.handoff.wording import Style


def as_html(paper: Paper, project_title: str, footer: str, style: Style) -> str:
    """One page without scripts or outside requests."""
    return (
        environment()
        .get_template("paper.html.j2")
        .render(paper=paper, project_title=project_title, footer=footer, style=style, shown=lambda c, v: shown(c, v, style), **page_head())
    )


def as_pdf(html: str) -> bytes:
    """A4 pages. The same HTML gives the same bytes."""
    # WeasyPrint loads slowly and needs system libraries: only those who ask for a PDF pay for it.
    from weasyprint import HTML

    # It warns of every line of the style sheet that is for screens only.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    return bytes(HTML(string=html).write_pdf(pdf_identifier=b"crm2odoo"))


def shown(column: Column, value: Any, style: Style) -> str:
    """A cell's value as people read it."""
    if value is None:
        return ""
    if column.kind == "number":
        return style.number(value)
    if column.kind == "amount":
        return style.amount(value)
    if column.kind == "time":
        return style.time(value)
    return str(value)
