"""A document as data: title, sections, tables. The same paper becomes HTML, PDF, DOCX, XLSX and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal["text", "number", "amount", "time", "place", "code", "link", "tick", "note", "choice"]
"""``link``: a (text, address) pair. ``tick``, ``note`` and ``choice``: empty for people to fill in; ``choice`` from the column's options."""


@dataclass(frozen=True)
class Column:
    """One column of a table. ``width``: share of the table, 1 is usual."""

    label: str
    kind: Kind = "text"
    width: float = 1
    options: tuple[str, ...] = ()
    once: bool = False
    """On pages, said once for rows that follow each other and are alike in all such columns. Sheets say it in each row: people filter there."""

    @property
    def for_people(self) -> bool:
        """Whether people fill it in."""
        return self.kind in ("tick", "note", "choice")


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, and a table. Rows are as long as ``columns``; ``query`` names the query behind the figures."""

    title: str
    about: str = ""
    columns: tuple[Column, ...] = ()
    rows: list[list[Any]] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    empty: str = "Nothing to list."
    query: str = ""
    steady: bool = False
    """On paper, columns are as wide as declared. For long tables: to measure every cell first takes half of the printing."""


@dataclass(frozen=True)
class Paper:
    """A document. ``name``: file name without ending; ``ending``: the forms it is handed over in besides JSON."""

    name: str
    title: str
    about: str
    sections: list[Section]
    forms: tuple[str, ...] = ("html",)
    headline: str = ""
    """One line that says it all, shown large."""
    queries: dict[str, str] = field(default_factory=dict)
    """Name → the SQL behind the figures."""
    charts: list[Any] = field(default_factory=list)
    """Bars of deliveries, shown above the tables on pages; their figures stand in a table, too."""

    def asked_by(self, queries: dict[str, str]) -> Paper:
        """The paper with the SQL of each query that its sections name."""
        return replace(self, queries={s.query: queries[s.query] for s in self.sections if s.query in queries})

    def as_data(self) -> dict[str, Any]:
        """For JSON: columns by label, rows as objects; what people fill in is left out."""
        return {
            "title": self.title,
            "about": self.about,
            "headline": self.headline,
            "queries": self.queries,
            "sections": [
                {
                    "title": s.title,
                    "about": s.about,
                    "paragraphs": s.paragraphs,
                    "steps": s.steps,
                    "query": s.query,
                    "rows": [{c.label: v for c, v in zip(s.columns, row, strict=True) if not c.for_people} for row in s.rows],
                }
                for s in self.sections
            ],
        }
