"""Writing an export, and the truth about it.

A ``Table`` writes one CSV file row by row and counts what it writes. Whatever is wrong with a row is planted on purpose
through ``Table.plant``, which says at once what a correct migration must make of it; so the truth comes from the
intention, not from reading the file.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["valid", "merged", "exact_duplicate", "deleted", "rejected"]
LISTED = 5000  # objects with more rows than this are only counted: the truth must fit into memory


class Truth:
    """What a correct migration of the export must end with."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.about = about
        self.files: dict[str, dict[str, Any]] = {}
        self.counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self.sums: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self.links: dict[str, dict[str, Any]] = {}
        self.lists: dict[str, Any] = {}

    def count(self, object: str, by: str, value: str, times: int = 1) -> None:
        self.counts[object][by][value] += times

    def add(self, object: str, by: str, value: str, cents: int) -> None:
        """Add an amount, in hundredths of its currency, to a control total."""
        self.sums[object][by][value] += cents

    def link(self, name: str, child: str, parent: str | None) -> None:
        """``child`` must end up linked to ``parent``, or to nothing."""
        entry = self.links.setdefault(name, {"linked": 0, "unlinked": 0, "pairs": []})
        entry["linked" if parent is not None else "unlinked"] += 1
        if entry["linked"] <= LISTED and parent is not None:
            entry["pairs"].append([child, parent])
        elif entry["linked"] > LISTED:
            entry["pairs"] = None

    def as_json(self) -> str:
        def money(cents: int) -> str:
            return f"{Decimal(cents) / 100:.2f}"

        content = {
            **self.about,
            "files": self.files,
            "counts": {o: {by: dict(sorted(c.items())) for by, c in g.items()} for o, g in self.counts.items()},
            "sums": {o: {by: {k: money(v) for k, v in sorted(c.items())} for by, c in g.items()} for o, g in self.sums.items()},
            "links": self.links,
            "lists": self.lists,
        }
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


class Table:
    """One CSV file of an export. ``object`` is the source's word for what its rows are."""

    def __init__(
        self,
        export: Export,
        object: str,
        name: str,
        header: Sequence[str],
        *,
        key: str | None = None,
        separator: str = ",",
        encoding: str = "utf-8",
        newline: str = "\r\n",
    ) -> None:
        self.export, self.object, self.name, self.header = export, object, name, list(header)
        self.key = self.header.index(key) if key else 0
        self.records = self.non_records = 0
        self.column = {title: n for n, title in enumerate(self.header)}
        self._outcomes: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._warned: Counter[str] = Counter()
        self._planted: list[dict[str, Any]] = []
        path = export.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("w", encoding=encoding, newline="")
        self._newline = newline
        writer = csv.writer(self._file, delimiter=separator, lineterminator=newline)
        self._write: Callable[[Iterable[Any]], Any] = writer.writerow
        self._write(self.header)

    def row(self, cells: Sequence[Any]) -> None:
        """A row with nothing wrong with it."""
        self.records += 1
        self._write(cells)

    def plant(self, cells: Sequence[Any], kind: str, outcome: Outcome, *, into: str = "", warning: bool = False) -> None:
        """A row with something wrong. ``kind`` is the reject or warning code, or the outcome; ``into`` the row that stands for it."""
        self.row(cells)
        if outcome != "valid":
            self._outcomes[outcome] += 1
        if outcome == "rejected":
            self._rejected[kind] += 1
        if warning:
            self._warned[kind] += 1
        if len(self._planted) < LISTED:
            entry = {"record": self.records, "kind": kind, "outcome": outcome, "key": str(cells[self.key])}
            self._planted.append({**entry, "into": str(into)} if into else entry)

    def difference(self, before: Sequence[Any], after: Sequence[Any]) -> dict[str, Any]:
        """``{"key": ..., "columns": {header: [before, after]}}``"""
        columns = {h: [b, a] for h, b, a in zip(self.header, before, after, strict=True) if b != a}
        return {"key": str(after[self.key]), "columns": columns}

    def non_record(self, line: str) -> None:
        """A physical line that is no record: a blank line, a repeated header, a footer."""
        self.non_records += 1
        self._file.write(line + self._newline)

    def close(self) -> None:
        self._file.close()
        size, hashed = 0, sha256()
        with self._path.open("rb") as file:
            while block := file.read(1 << 20):
                size += len(block)
                hashed.update(block)
        taken = {o: self._outcomes[o] for o in ("merged", "exact_duplicate", "deleted", "rejected")}
        self.export.truth.files[self.name] = {
            "object": self.object,
            "records": self.records,
            "valid": self.records - sum(taken.values()),
            "merged": taken["merged"],
            "exact_duplicates": taken["exact_duplicate"],
            "deleted": taken["deleted"],
            "rejected": taken["rejected"],
            "rejected_by_code": dict(sorted(self._rejected.items())),
            "planted_warnings": dict(sorted(self._warned.items())),
            "non_records": self.non_records,
            "planted": self._planted,
            "bytes": size,
            "sha256": hashed.hexdigest(),
        }

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


Changes = dict[str, list[Any]]
Maker = Callable[[int, bool], list[Any]]
Plant = Callable[[int, list[Any]], None]


class Export:
    """A folder that is being filled with one export."""

    def __init__(self, folder: Path, truth: Truth, *, messy: float, delta: bool) -> None:
        self.folder, self.truth, self.messy, self.delta = folder, truth, messy, delta
        self.changes: dict[str, Changes] = {}  # by object; only in a delta
        self.fates: dict[str, dict[int, str]] = defaultdict(dict)
        folder.mkdir(parents=True, exist_ok=True)

    def table(self, object: str, name: str, header: Sequence[str], **options: Any) -> Table:
        return Table(self, object, name, header, **options)

    def file(self, name: str, content: bytes) -> int:
        """Write an attachment; returns its size."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return len(content)

    def changes_of(self, object: str) -> Changes | None:
        """What a delta differs in from the export before it: ``added``, ``changed`` and ``vanished``. None in a first export."""
        return self.changes.setdefault(object, {"added": [], "changed": [], "vanished": []}) if self.delta else None

    def total(self, count: int) -> int:
        """How many records of an object there are: in a delta one more per 40."""
        return count + (max(1, count // 40) if self.delta else 0)

    def deliver(
        self, table: Table, count: int, make: Maker, plants: Sequence[Plant] = (), *, can_vanish: bool = True, begin: int = 0, end: int | None = None
    ) -> Iterator[tuple[int, list[Any]]]:
        """Write records 0 to ``count - 1`` and the planted rows among them; yields (index, cells) of each record that is not planted.

        ``make(index, changed)`` gives the cells; in a delta one record in 29 is made with ``changed`` True,
        one in 31 vanishes, and some come. A plant is called as ``plant(index, cells)`` with the record before it: every
        plant at least once, all together ``messy`` of the rows, none when ``messy`` is 0. ``begin`` and ``end`` give one
        of several partial files; the last one has no end.
        """
        span = (end or count) - begin
        wanted = len(plants) * max(1, round(span * self.messy / len(plants))) if plants and self.messy and span else 0
        planted = 0
        notes = self.changes_of(table.object)
        for index in range(begin, end or self.total(count)):
            due = (index - begin + 1) * wanted // span if index < count and wanted else planted
            fate = "same"
            if notes is not None and due == planted:
                fate = "added" if index >= count else "changed" if index % 29 == 17 else "vanished" if can_vanish and index % 31 == 23 else "same"
            before = make(index, False) if fate == "changed" else []
            cells = make(index, fate == "changed")
            if notes is not None and fate != "same" and cells != before:
                self.fates[table.object][index] = fate
                self._note(notes, fate, table, cells, before)
                if fate == "vanished":
                    continue
            table.row(cells)
            yield index, cells
            while planted < due:
                plants[planted % len(plants)](index, cells)
                planted += 1

    @staticmethod
    def _note(notes: Changes, fate: str, table: Table, cells: list[Any], before: list[Any]) -> None:
        if len(notes[fate]) >= LISTED:
            return
        notes[fate].append(table.difference(before, cells) if fate == "changed" else str(cells[table.key]))
