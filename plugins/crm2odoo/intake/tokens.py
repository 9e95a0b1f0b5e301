"""Reads one CSV record at a time out of bytes, carefully: for the places where a file is not well-formed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

# A quoted cell that is still open after so many bytes was never meant to be one.
OPEN_CELL_LIMIT = 64 * 2**20


@dataclass(frozen=True)
class Dialect:
    """How a file separates and quotes. All single bytes; ``escape`` is empty when nothing is escaped with a backslash."""

    delimiter: bytes = b","
    quote: bytes = b'"'
    escape: bytes = b""


@dataclass
class Record:
    """One logical record. ``end`` is the position after its line end; ``lines`` the physical lines that it takes."""

    cells: list[bytes]
    end: int
    lines: int
    stray_quote: bool = False
    open_quote: bool = False


class NeedMore(Exception):
    """The buffer ends inside the record."""


@lru_cache(maxsize=64)
def _stop(dialect: Dialect) -> re.Pattern[bytes]:
    return re.compile(b"[" + re.escape(dialect.delimiter) + rb"\r\n]")


@lru_cache(maxsize=64)
def _line_end(dialect: Dialect) -> re.Pattern[bytes]:
    return re.compile(re.escape(dialect.quote) + rb"|\r\n|\n|\r")


def read_record(buffer: bytes, start: int, dialect: Dialect, final: bool) -> Record:
    """The record that starts at ``start``. ``final``: nothing comes after the buffer; otherwise NeedMore may be raised.

    A quote opens a quoted cell only at the start of a cell, and closes it only before a delimiter, a line end or the end of the
    file; any other quote is a character. A quote that never closes is a character too, so that it swallows no further line.
    """
    line = _line_end(dialect).search(buffer, start)
    if line and line.group() != dialect.quote and not dialect.escape and (final or line.end() < len(buffer) or line.group() == b"\n"):
        # Nothing is quoted before the line ends.
        return Record(buffer[start : line.start()].split(dialect.delimiter), line.end(), 1)
    record = _read(buffer, start, dialect, final, honour_quotes=True)
    if record is None:
        record = _read(buffer, start, dialect, final, honour_quotes=False)
        assert record is not None
        record.open_quote = True
    return record


def _read(buffer: bytes, start: int, dialect: Dialect, final: bool, honour_quotes: bool) -> Record | None:
    """None when a quoted cell stays open."""
    delimiter, quote, escape = dialect.delimiter, dialect.quote, dialect.escape
    stop, size = _stop(dialect), len(buffer)
    cells: list[bytes] = []
    position, stray, inner = start, False, 0
    while True:
        opens = _quote_after_blanks(buffer, position, dialect, final) if honour_quotes else -1
        if opens >= 0:
            cell, position, was_stray, lines = _quoted(buffer, opens, dialect, final)
            if cell is None:
                return None
            stray |= was_stray
            inner += lines
        else:
            parts = []
            while True:
                found = stop.search(buffer, position)
                at = found.start() if found else size
                parts.append(buffer[position:at])
                if escape and parts[-1].endswith(escape) and at < size and buffer[at : at + 1] == delimiter:
                    parts[-1] = parts[-1][:-1] + delimiter
                    position = at + 1
                    continue
                break
            if found is None and not final:
                raise NeedMore
            cell, position = b"".join(parts), at
            stray |= quote in cell
        cells.append(cell)
        if position >= size:
            if not final:
                raise NeedMore
            return Record(cells, size, 1 + inner, stray)
        byte = buffer[position : position + 1]
        position += 1
        if byte == delimiter:
            continue
        if byte == b"\r":
            if position >= size and not final:
                raise NeedMore
            if buffer[position : position + 1] == b"\n":
                position += 1
        return Record(cells, position, 1 + inner, stray)


def _quote_after_blanks(buffer: bytes, position: int, dialect: Dialect, final: bool) -> int:
    """Where the quote of a quoted cell opens, -1 when the cell is not quoted. Blanks before the quote are allowed if all is well after it."""
    quote = dialect.quote
    if buffer.startswith(quote, position):
        return position
    at = position
    while buffer.startswith(b" ", at):
        at += 1
    if at == position or not buffer.startswith(quote, at):
        return -1
    cell, _, stray, lines = _quoted(buffer, at, dialect, final)
    return at if cell is not None and not stray and not lines else -1


def _quoted(buffer: bytes, start: int, dialect: Dialect, final: bool) -> tuple[bytes | None, int, bool, int]:
    """The cell whose quote opens at ``start``, the position after it, whether it holds stray quotes, and its inner line ends."""
    quote, escape, size = dialect.quote, dialect.escape, len(buffer)
    closers = dialect.delimiter + b"\r\n"
    position, stray = start + 1, False
    while True:
        at = buffer.find(quote, position)
        if at < 0:
            if not final and size - start < OPEN_CELL_LIMIT:
                raise NeedMore
            return None, size, stray, 0
        if escape and buffer[at - 1 : at] == escape and at - 1 > start:
            position = at + 1
            continue
        after = buffer[at + 1 : at + 2]
        if after == quote:
            position = at + 2
            continue
        if not after and not final:
            raise NeedMore
        if not after or after in closers:
            break
        stray = True
        position = at + 1
    raw = buffer[start + 1 : at]
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    cell = raw.replace(quote + quote, quote)
    if escape:
        cell = cell.replace(escape + quote, quote)
    return cell, at + 1, stray, lines


@dataclass
class Taken:
    """Records read from the head of a file, for looking at."""

    records: list[Record] = field(default_factory=list)
    complete: bool = True


def take(buffer: bytes, dialect: Dialect, limit: int, final: bool) -> Taken:
    """Up to ``limit`` records from the start of a buffer."""
    taken, position = Taken(), 0
    while position < len(buffer) and len(taken.records) < limit:
        try:
            record = read_record(buffer, position, dialect, final)
        except NeedMore:
            taken.complete = False
            break
        taken.records.append(record)
        position = record.end
    return taken


def write_cell(cell: bytes, dialect: Dialect) -> bytes:
    """A cell as COPY reads it back, under the dialect's delimiter and double quotes."""
    if not cell:
        return b""
    if b'"' in cell or dialect.delimiter in cell or b"\n" in cell or b"\r" in cell:
        return b'"' + cell.replace(b'"', b'""') + b'"'
    return cell
