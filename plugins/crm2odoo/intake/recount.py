"""The raw files counted once more, by other means than those that read them: the first leg of the proof.

Nothing here looks at the landed rows. The bytes are taken from the delivery again, and must still have the sha256 under which they were
registered; Python's csv module counts the rows, json the elements of a dump.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, cast

from crm2odoo.intake.delivery import Delivery, open_delivery
from crm2odoo.intake.errors import NoExport
from crm2odoo.intake.scan import utf8_blocks
from crm2odoo.staging import Connection, Workspace

BESIDE = ("preamble", "repeated_header", "footer")
"""Filled rows that are no records: titles, repeated headings, totals. The completeness checklist lists them."""


@dataclass(frozen=True)
class RawCount:
    """One file. ``filled``: rows with something in them; ``beside``: those of them that are no records, the header among them.

    ``records`` is None for method ``lines``: a file with stray quotes means something else to every reader, so only its lines are counted.
    """

    file_no: int
    name: str
    object: str
    method: Literal["csv", "json", "lines"]
    filled: int | None
    beside: int
    lines: int
    sha256: str

    @property
    def records(self) -> int | None:
        return None if self.filled is None else self.filled - self.beside


def recount(ws: Workspace, export_id: str) -> list[RawCount]:
    """Counts every landed file of an export again and keeps the figures in ``<p>_log.raw_count``. Repeating replaces them.

    Memory: a block of a file; a dump as a whole. Raises NoExport.
    """
    with ws.connect() as connection:
        export = connection.execute(ws.sql("select location from {log}.export where export_id = %s"), (export_id,)).fetchone()
        if export is None:
            raise NoExport(f"the export {export_id} is not registered")
        rows = connection.execute(ws.sql("select * from {log}.file where export_id = %s order by file_no"), (export_id,)).fetchall()
        names = {r["file_no"]: r["name"] for r in rows}
        dumps: dict[str, tuple[Any, str]] = {}
        with open_delivery(export["location"]) as delivery:
            counts = [
                _of_dump(delivery, row, names[row["notes"]["member_of"]], dumps)
                if "member_of" in row["notes"]
                else _of_text(delivery, row, _reads_differently(ws, connection, row, export_id))
                for row in rows
                if row["status"] in ("recognised", "assigned") and row["table_name"]
            ]
        connection.execute(ws.sql("delete from {log}.raw_count where export_id = %s"), (export_id,))
        with connection.cursor() as cursor:
            cursor.executemany(
                ws.sql(
                    "insert into {log}.raw_count (export_id, file_no, object, method, filled, beside, records, lines, sha256)"
                    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
                ),
                [(export_id, c.file_no, c.object, c.method, c.filled, c.beside, c.records, c.lines, c.sha256) for c in counts],
            )
    return counts


def _reads_differently(ws: Workspace, connection: Connection, row: dict[str, Any], export_id: str) -> bool:
    """Whether the csv module must be expected to see other rows than a person: quotes in the middle of a cell, or never closed."""
    odd = connection.execute(
        ws.sql(
            "select 1 from {land}.defect where export_id = %s and file_no = %s and (code = 'stray_quote' or column_name like 'a quote%%') limit 1"
        ),
        (export_id, row["file_no"]),
    ).fetchone()
    return bool(odd or row["notes"]["escape"] or row["notes"]["quote"] != '"')


def _of_text(delivery: Delivery, row: dict[str, Any], only_lines: bool) -> RawCount:
    beside = 1 + sum(row["notes"]["kinds"].get(kind, 0) for kind in BESIDE)
    with delivery.open(row["name"]) as raw:
        hashed = _Hashed(raw)
        lines = _Lines()
        blocks = lines.counted(utf8_blocks(cast(BinaryIO, hashed), row["encoding"]))
        filled = None
        if only_lines:
            for _ in blocks:
                pass
        else:
            filled = _filled_rows(blocks, row["delimiter"])
        return RawCount(row["file_no"], row["name"], row["object"], "lines" if only_lines else "csv", filled, beside, lines.number, hashed.digest())


def _filled_rows(blocks: Iterator[bytes], delimiter: str) -> int:
    csv.field_size_limit(2**31 - 1)
    text = io.TextIOWrapper(cast(Any, _Stream(blocks)), encoding="utf-8", newline="")
    reader = csv.reader((line.replace("\0", "") for line in text), delimiter=delimiter)
    return sum(any(c.strip(" \t\xa0") for c in cells) for cells in reader)


def _of_dump(delivery: Delivery, row: dict[str, Any], name: str, dumps: dict[str, tuple[Any, str]]) -> RawCount:
    if name not in dumps:
        with delivery.open(name) as raw:
            content = raw.read()
        text = content.decode("utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig")
        try:
            found = dict(_lists(json.loads(text), ()))
        except ValueError:
            found = {"": len([json.loads(line) for line in text.split("\n") if line.strip()])}
        dumps[name] = found, hashlib.sha256(content).hexdigest()
    counts, digest = dumps[name]
    return RawCount(row["file_no"], row["name"], row["object"], "json", counts[row["name"].split("#", 1)[1]], 0, 0, digest)


def _lists(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """The lists of a dump by their paths, and how many elements each has."""
    if isinstance(value, list):
        yield ".".join(path), len(value)
    elif isinstance(value, dict) and len(path) < 4:
        for key, inner in value.items():
            yield from _lists(inner, (*path, key))


class _Lines:
    """Counts physical lines of blocks that pass through; a last line without a line end counts."""

    def __init__(self) -> None:
        self.number = 0

    def counted(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        last = b""
        for block in blocks:
            if block:
                if last == b"\r" and block.startswith(b"\n"):
                    self.number -= 1
                self.number += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
                last = block[-1:]
            yield block
        self.number += last not in (b"\n", b"\r", b"")


class _Hashed:
    """A stream that knows the sha256 of what was read from it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw, self._hash = raw, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        return self._hash.hexdigest()


class _Stream(io.RawIOBase):
    """Blocks of bytes as a stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = block
        size = min(len(target), len(self._rest))
        target[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
