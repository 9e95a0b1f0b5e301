"""What the accounts of all five products have in common: draws, and rows that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .chance import Chance
from .export import Export, Plant, Table

Cells = list[Any]
Value = str | int | float | None | Callable[[Cells], Any]
Then = Callable[[Cells], None]


class Account:
    """One account of one product. ``leads`` is its size; everything else grows with it."""

    source = ""
    sections: Sequence[str] = ()  # `leads` is written by `write_leads`; parents stand before their children
    emails: Sequence[str] = ()
    gone = ""  # e-mail of somebody who owns records but stands in no list of users

    def __init__(self, export: Export, seed: int, leads: int) -> None:
        self.export, self.truth, self.seed, self.leads = export, export.truth, seed, leads
        self.spare = 0
        self.fact: Any = None  # what the record made last means, for the truth
        self.known: dict[str, str] = {}  # `rejected lead`, `deleted contact` …: key of such a row, for its orphans

    def write(self, only: Sequence[str] = ()) -> None:
        """Fill the export; what was planted goes into its truth. ``only`` names the sections to write, with all their parents."""
        for section in self.sections:
            if not only or section in only:
                getattr(self, f"write_{section}")()

    def chance(self, object: str) -> Chance:
        return Chance(self.seed, self.source, object)

    def spare_id(self) -> str:
        """An id for a planted row: rows that came out of an older list bear such ids."""
        self.spare += 1
        return f"IMP-{self.spare:05d}"

    def owner(self, chance: Chance) -> str:
        """Mostly a user, sometimes in another spelling, somebody who left, or nobody."""
        draw = chance.random()
        if draw < 0.06:
            return ""
        if draw < 0.09:
            return self.gone
        email = self.emails[int(draw * 997) % len(self.emails)]
        return email if draw < 0.97 else f" {email.title()}"

    def _fresh(self, table: Table, cells: Cells, values: dict[str, Value]) -> Cells:
        new = list(cells)
        new[table.key] = self.spare_id()
        return self._changed(table, new, values)

    @staticmethod
    def _changed(table: Table, cells: Cells, values: dict[str, Value]) -> Cells:
        new = list(cells)
        for title, value in values.items():
            new[table.column[title]] = value(cells) if callable(value) else value
        return new

    # Each of these makes a plant for `Export.deliver`. `values` are by header.

    def copy(self, table: Table) -> Plant:
        def plant(_: int, cells: Cells) -> None:
            table.plant(cells, "exact_duplicate", "exact_duplicate", into=cells[table.key])

        return plant

    def cut(self, table: Table, fields: int) -> Plant:
        """The row breaks off after ``fields`` fields."""

        def plant(_: int, cells: Cells) -> None:
            table.plant([self.spare_id(), *cells[1:fields]], "field_count", "rejected")

        return plant

    def bad(self, table: Table, code: str, values: dict[str, Value], *, remember: str = "") -> Plant:
        """A new row that must be rejected with ``code``. ``remember`` names the object whose orphans will refer to it."""

        def plant(_: int, cells: Cells) -> None:
            new = self._fresh(table, cells, values)
            if remember:
                self.known[f"rejected {remember}"] = new[table.key]
            table.plant(new, code, "rejected")

        return plant

    def conflict(self, table: Table, values: dict[str, Value]) -> Plant:
        """The id of the row before with other content: for review."""

        def plant(_: int, cells: Cells) -> None:
            table.plant(self._changed(table, cells, values), "id_conflict", "rejected")

        return plant

    def deleted(self, table: Table, values: dict[str, Value], *, remember: str = "") -> Plant:
        def plant(_: int, cells: Cells) -> None:
            new = self._fresh(table, cells, values)
            if remember:
                self.known[f"deleted {remember}"] = new[table.key]
            table.plant(new, "deleted", "deleted")

        return plant

    def merged(self, table: Table, values: dict[str, Value], *, by: str) -> Plant:
        """A second row for the same thing, known by the column ``by``; a mere copy where that column is empty."""
        copy = self.copy(table)

        def plant(index: int, cells: Cells) -> None:
            if not cells[table.column[by]]:
                copy(index, cells)
                return
            table.plant(self._fresh(table, cells, values), "merged", "merged", into=cells[table.key])

        return plant

    def odd(self, table: Table, kind: str, then: Then, values: dict[str, Value], *, warning: bool = True) -> Plant:
        """A new row that is strange but valid; ``then`` counts it into the truth."""

        def plant(_: int, cells: Cells) -> None:
            new = self._fresh(table, cells, values)
            table.plant(new, kind, "valid", warning=warning)
            then(new)

        return plant
