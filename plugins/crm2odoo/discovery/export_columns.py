"""The columns of an export that no source file describes yet: headers, values, and which kind of record each file holds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from crm2odoo.discovery.header_words import words
from crm2odoo.discovery.proposer import ColumnIn, Proposer
from crm2odoo.discovery.synonym_packs import KINDS, Kind, Language
from crm2odoo.intake.delivery import Delivery, among_attachments, open_delivery
from crm2odoo.intake.errors import NoExport
from crm2odoo.intake.sniff import HEAD, disguised, find_encoding, quick_encoding, sniff
from crm2odoo.project import Column, Source, SourceObject

VALUES = 2_000
"""Values of a column that are looked at, spread over the whole file; what is counted is counted over all rows."""
_TABLES = (".csv", ".tsv", ".tab", ".txt")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.\w+$")
_FIGURE = re.compile(r"[-+\d.,:/ ]+$")
_NOBODY = Source(source="unknown", title="Unknown", objects={"row": SourceObject(title="Row", files=[], columns={"id": Column(type="id")})})


@dataclass
class FileColumns:
    """One table file. ``filled``: rows with a value, per column; ``distinct``: different values, counted up to 1,000."""

    name: str
    header: list[str]
    records: int = 0
    filled: list[int] = field(default_factory=list)
    distinct: list[set[str]] = field(default_factory=list)
    values: list[list[str]] = field(default_factory=list)

    def columns(self) -> list[ColumnIn]:
        """As the proposer wants them."""
        return [ColumnIn(h, self.values[i], self.filled[i]) for i, h in enumerate(self.header)]

    def is_key(self, place: int) -> bool:
        """Whether every row has a value in a column, and no two rows the same (as far as counted)."""
        return self.records > 0 and self.filled[place] == self.records and len(self.distinct[place]) >= min(self.records, 1_000)


def read_files(location: str | Path) -> list[FileColumns]:
    """Every table file of an export: folder, zip, tar.gz or single file. Raises NoExport, HostileArchive, UnknownEncoding.

    Files in folders of attachments are none, and neither is a .txt in any folder: it is a note.
    """
    with open_delivery(location) as delivery:
        names = [e.name for e in delivery.files if _is_table(e.name)]
        return [found for name in sorted(names) if (found := _read(delivery, name)) is not None]


def _is_table(name: str) -> bool:
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    return suffix in _TABLES and not among_attachments(name) and not (len(path.parts) > 1 and suffix == ".txt")


def _read(delivery: Delivery, name: str) -> FileColumns | None:
    with delivery.open(name) as stream:
        start = stream.read(HEAD)
    if what := disguised(start):
        raise NoExport(f"{name} is {what}, although its name says otherwise\nAsk for it as CSV (UTF-8), or take it out of the export.")
    encoding = quick_encoding(start)
    if encoding is None:
        try:
            start.decode("utf-8")
            encoding = "utf-8-sig"
        except UnicodeDecodeError:
            with delivery.open(name) as stream:
                encoding = _or_utf8(stream.read(), name, delivery)
    with delivery.open(name) as stream:
        text = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
        body = text.read()
    raw = body.encode("utf-8", "replace")
    head = sniff(raw[:HEAD], len(raw) <= HEAD, name, _NOBODY)
    if len([h for h in head.header if h]) < 2:
        return None
    filled = [h for h in head.header if h]
    if any(_ADDRESS.match(h) for h in filled) or all(_FIGURE.match(h) for h in filled):
        raise NoExport(f"{name}: its first line looks like a record, and not like the names of columns\nPut a line with the names above it.")
    found = FileColumns(name, head.header)
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader(io.StringIO(raw[head.start :].decode("utf-8"), newline=""), delimiter=head.dialect.delimiter.decode())
    _count(found, rows)
    return found


def _or_utf8(whole: bytes, name: str, delivery: Delivery) -> str:
    try:
        whole.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        with delivery.open(name) as stream:
            return find_encoding(stream, name)


def _count(found: FileColumns, rows: Iterable[Sequence[str]]) -> None:
    width = len(found.header)
    found.filled = [0] * width
    found.distinct = [set() for _ in range(width)]
    found.values = [[] for _ in range(width)]
    every = 1
    for row in rows:
        if len(row) != width:
            continue
        found.records += 1
        for place, cell in enumerate(row):
            value = cell.strip()
            if not value:
                continue
            found.filled[place] += 1
            if len(found.distinct[place]) < 1_000:
                found.distinct[place].add(value)
            # Every second, fourth, eighth value once there are many: a sample of the whole file, and the same one every time.
            if found.filled[place] % every == 0:
                found.values[place].append(value)
        if len(max(found.values, key=len, default=[])) > VALUES:
            found.values = [v[1::2] for v in found.values]
            every *= 2


def kind_of(found: FileColumns, proposer: Proposer) -> Kind | Literal["user"] | None:
    """What kind of record a file holds; None when it is none of contact, company, lead, deal and user.

    The name of the file decides when it says one kind; else the kind whose own columns the file has.
    """
    stem = re.sub(r"\.[a-z]+$", "", PurePosixPath(found.name).name, flags=re.I)
    told = set(words(stem)) | set(words(re.sub(r"\d+", " ", stem)))
    named = [kind for kind in KINDS if any(_says(language, kind, told) for language in proposer.languages)]
    if told & set(proposer.targets.file_words["other"]):
        return None
    if told & set(proposer.targets.file_words["user"]):
        return "user"
    if len(named) == 1:
        return named[0]
    has = {p.concept for kind in KINDS for p in proposer.propose(kind, found.columns()) if p.confidence >= 0.8}
    if {"stage", "amount"} <= has or {"probability", "close_date"} & has:
        return "deal"
    if {"first_name", "last_name"} & has:
        return "lead" if {"source", "status"} <= has or "lead" in named else "contact"
    if {"company_name", "name"} & has and {"email", "phone", "street", "address", "website"} & has:
        return "contact" if "function" in has or "full_name" in has else "company"
    return None


def _says(language: Language, kind: Kind, told: set[str]) -> bool:
    return any(word in told for word, of in language.objects.items() if of == kind)


def object_name(found: FileColumns) -> str:
    """A name for the object of a file that nobody named: its words, without dates and part numbers."""
    stem = re.sub(r"\.[a-z]+$", "", PurePosixPath(found.name).name, flags=re.I)
    told = [w for w in words(re.sub(r"\d+", " ", stem)) if w.isascii() and w not in ("export", "number", "part", "all", "csv", "final")]
    name = re.sub(r"[^a-z0-9]+", "_", "_".join(told)).strip("_")[:40] or "table"
    return name if name[0].isalpha() else f"t_{name}"[:40]


def date_order(files: Iterable[FileColumns]) -> str | None:
    """``dmy`` or ``mdy``, when a date somewhere can only be read one way; None when none can, or two contradict each other."""
    seen = set()
    for value in _all_values(files):
        if parts := re.match(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(\D|$)", value):
            first, second = int(parts[1]), int(parts[2])
            if first > 12 >= second:
                seen.add("dmy")
            elif second > 12 >= first:
                seen.add("mdy")
    return seen.pop() if len(seen) == 1 else None


def decimal_mark(files: Iterable[FileColumns]) -> str | None:
    """``,`` or ``.``, when an amount somewhere can only be read one way; None when none can, or two contradict each other."""
    seen = set()
    for value in _all_values(files):
        if re.match(r"^[^\w\s]?\s?-?\d{1,3}(\.\d{3})+(,\d{1,2})?\D*$|^[^\w\s]?\s?-?\d+,\d{1,2}\s?[^\w\s]?$", value):
            seen.add(",")
        elif re.match(r"^[^\w\s]?\s?-?\d{1,3}(,\d{3})+(\.\d{1,2})?\D*$|^[^\w\s]?\s?-?\d+\.\d{1,2}\s?[^\w\s]?$", value):
            seen.add(".")
    return seen.pop() if len(seen) == 1 else None


def _all_values(files: Iterable[FileColumns]) -> Iterator[str]:
    for found in files:
        for values in found.values:
            yield from values[:300]
