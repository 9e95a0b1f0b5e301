"""Papers as self-contained HTML pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm2odoo.handoff.page import environment, page_head
from crm2odoo.handoff.paper import Column, Paper
from crm2odoo.handoff.wording import Style


def as_html(paper: Paper, project_title: str, footer: str, style: Style, printed: bool = False) -> str:
    """One page without scripts or outside requests. ``printed``: for PDF, columns as wide as declared, without the queries."""
    values = {"project_title": project_title, "footer": footer, "style": style, "printed": printed}
    how = {"repeats": repeats, "shown": lambda c, v: shown(c, v, style)}
    return environment().get_template("paper.html.j2").render(paper=paper, **values, **how, **page_head())


def repeats(columns: Sequence[Column], row: Sequence[Any], before: Sequence[Any]) -> bool:
    """Whether a row says the same as the one before in all columns that are said once."""
    return all(row[n] == before[n] for n, c in enumerate(columns) if c.once)


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
