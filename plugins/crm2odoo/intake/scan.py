"""Turns the bytes of a table file into numbered rows for COPY, as fast as the file's form allows.

Each row that leaves here is ``rec, line, <the record's own bytes>``. Blocks that are proved well-formed by a few whole-block
operations pass as they are; single records that are not are read one by one (``tokens``); only a block whose quotes make no sense
is read from start to end that way. Nothing is dropped: what is no row becomes a non-record or a defect, with its line.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from crm2odoo.intake.errors import UnknownEncoding
from crm2odoo.intake.headers import folded
from crm2odoo.intake.readers import STRETCH, Readers, whole_records
from crm2odoo.intake.sniff import Head
from crm2odoo.intake.tokens import NeedMore, Record, read_record, write_cell

# Blocks that stay in the processor's cache.
BLOCK = 1 << 18
TAIL = 1 << 16
# Of a block that needs care.
PIECE = 1 << 11
# Cells with blanks around them, after which all columns are taken to have some.
PADDED = 5_000
LISTED = 10_000
# Stands for a line end inside a quoted cell while a block is cut into records; files that hold it are read carefully.
INNER = b"\x01"
# Blanks that are no ASCII blank, and characters that nobody sees: what `tidy` of sql/clean/functions.sql.j2 changes.
ODD_BLANKS = re.compile(
    rb"\xc2[\x85\xa0\xad]|\xe1\x9a\x80|\xe2\x80[\x80-\x8f\xa8-\xaf]|\xe2\x81[\x9f\xa0\xa6-\xa9]|\xe3\x80\x80|\xef\xbb\xbf"
)

# Anything but Latin letters, punctuation and currency signs may have more than one spelling in Unicode.
COMPOSING = re.compile(rb"[^\x80-\xbf\xc2-\xc5\xe2]|\xe2[^\x80\x82]")
ASCII = bytes(range(128))

FOOTER = re.compile(r"(grand\s+|sub\s*)?totals?|sum|summe|totaux|count|records?|average|avg|end of (report|file|export)", re.IGNORECASE)
FOOTER_LINE = re.compile(
    r"((grand\s+|sub\s*)?totals?|sum|count|records?|number of \w+)\s*[:=(].*"
    r"|\(?\d[\d,. ]*\s+(records?|rows?|results?|entries|items|lines|leads|contacts|deals)\b.*"
    r"|(report|export|file)\s+(was\s+)?(created|generated|exported|run)\b.*"
    r"|(generated|exported|created|printed)\s+(on|by|at|from|with)\b.*"
    r"|(end of|copyright|©|confidential)\b.*|(source|notes?|filters?|criteria|disclaimer)\s*:.*",
    re.IGNORECASE,
)


FIRST_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")
BLANKS = b" \t\r\n\x0b\x0c\0\xc2\xa0"


def is_blank(cells: list[bytes]) -> bool:
    """Whether no cell of a record holds anything; a no-break space is nothing."""
    return not any(c.strip(BLANKS) for c in cells)


class NotUtf8(UnknownEncoding):
    """The file turned out to be in another encoding than its start promised."""


class Defect(NamedTuple):
    """Something wrong with one record, found while reading. A ``fatal`` one keeps the record out of its table."""

    rec: int
    line: int
    column: str | None
    code: str
    value: str | None
    fatal: bool


@dataclass
class Scan:
    """What reading a file brought to light. ``flags`` say which repairs its cells may need; ``padded`` the places (1-based) of
    columns whose cells have blanks around them, all when it holds 0."""

    records: int = 0
    line: int = 1
    rejected: int = 0
    non_records: list[tuple[int, str, str]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    defects: list[Defect] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    padded: set[int] = field(default_factory=set)

    def add(self, later: Scan) -> None:
        """Takes over what a stretch that follows brought to light; its numbers go on from these."""
        self.records, self.line = later.records, later.line
        self.rejected += later.rejected
        self.non_records += later.non_records[: max(LISTED - len(self.non_records), 0)]
        self.kinds.update(later.kinds)
        self.defects += later.defects
        self.flags |= later.flags
        self.padded |= later.padded


def utf8_blocks(stream: BinaryIO, encoding: str, block: int = BLOCK) -> Iterator[bytes]:
    """The file as blocks of UTF-8 without a byte order mark. Raises NotUtf8 with the offset of the first byte that is not."""
    if encoding in ("utf-8", "utf-8-sig"):
        decoder = codecs.getincrementaldecoder("utf-8")()
        offset = 0
        for data in _marked(stream, block):
            pending = len(decoder.getstate()[0])
            if pending or not data.isascii():
                try:
                    decoder.decode(data)
                except UnicodeDecodeError as error:
                    raise NotUtf8("not UTF-8", offset - pending + error.start) from None
            yield data if offset else data.removeprefix(codecs.BOM_UTF8)
            offset += len(data)
        if decoder.getstate()[0]:
            raise NotUtf8("not UTF-8", offset - len(decoder.getstate()[0]))
        return
    text_decoder = codecs.getincrementaldecoder(encoding)("replace" if encoding.startswith(("utf-16", "utf-32")) else "strict")
    held = ""
    for number, data in enumerate(_marked(stream, block)):
        if number:
            yield held.encode("utf-8", "replace")
        held = text_decoder.decode(data) if number else text_decoder.decode(data).removeprefix("\ufeff")
    # Half a character at the end of a file belongs to its last block: alone it would pass for a row.
    yield (held + text_decoder.decode(b"", True)).encode("utf-8", "replace")


def _marked(stream: BinaryIO, block: int) -> Iterator[bytes]:
    """The blocks of a stream, the first of them long enough to hold a byte order mark."""
    data = stream.read(block)
    while 0 < len(data) < 4 and (more := stream.read(block)):
        data += more
    while data:
        yield data
        data = stream.read(block)


def with_line_feeds(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """A file of carriage returns, as lines."""
    held = b""
    for block in blocks:
        block = held + block
        held = b"\r" if block.endswith(b"\r") else b""
        yield block[: len(block) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if held:
        yield b"\n"


class Scanner:
    """Reads the records of one file after its header. ``scan`` fills while ``rows`` is consumed."""

    def __init__(self, head: Head, tail: int = TAIL) -> None:
        self.head, self._tail = head, tail
        self.dialect = head.dialect
        self.width = len(head.header)
        self.scan = Scan(line=head.lines_before + 1)
        self.scan.non_records = [(line, "preamble", text) for line, text in head.preamble]
        self.scan.kinds["preamble"] = sum(bool(text) for _, text in head.preamble)
        self._unit = self.dialect.delimiter * (self.width - 1) + b"\n"
        self._units = self._unit * (2 * BLOCK // len(self._unit) + 1)
        self._keep = bytes(b for b in range(256) if b not in self.dialect.delimiter + b"\n")
        # What may stand before and after a quoted cell; nothing at all stands between the halves of a doubled quote.
        self._before = {b"", self.dialect.delimiter, b"\n"}
        self._after = {b"", self.dialect.delimiter, b"\n", b"\r"}
        # How a line may start that holds nothing.
        self._blank_starts = (b"\r", b" ", b"\t", b'""', self.dialect.delimiter)
        self._row = b"%d" + self.dialect.delimiter + b"%d" + self.dialect.delimiter + b"%b\n"
        self._folded_header = [folded(h) or h for h in head.header]
        first = head.header[0].encode() if head.header else b""
        after = self.dialect.delimiter if self.width > 1 else b""
        self._header_starts = tuple(s + after for s in (first, b'"' + first + b'"') if first)
        self._fast = self.dialect.quote == b'"' and not self.dialect.escape and self.width > 0
        self._padded_cells = 0
        self._careful_until = 0
        self._readers = Readers(self._read_stretch, 0)
        self._stretch = STRETCH
        # Bytes to read before others are asked to, and how many that will be the next time.
        self._alone, self._patience = 0, STRETCH
        self._pending: deque[tuple[Record, int, bytes]] = deque()

    @contextmanager
    def readers(self, count: int, stretch: int = STRETCH) -> Iterator[Readers[Scan]]:
        """Lets ``count`` processes do the reading where a file is well-formed, while the block lasts. To be entered before threads start."""
        readers = Readers(self._read_stretch, count if self._fast else 0)
        self._readers, self._stretch = readers, stretch
        try:
            yield readers
        finally:
            readers.close()

    def rows(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The records as COPY data, from blocks that start right after the header."""
        buffer = b""
        for block in itertools.chain(blocks, [b""]):
            buffer += block
            while self._readers.any and self._alone <= 0 and len(buffer) > self._stretch + self._tail:
                cut = whole_records(buffer, min(2 * self._stretch, len(buffer) - self._tail))
                if not cut:
                    self._read_alone()
                elif self._readers.busy:
                    rows, buffer = self._taken(buffer)
                    yield rows
                else:
                    self._readers.ask(buffer[:cut], self.scan.records, self.scan.line)
                    buffer = buffer[cut:]
            if block and self._readers.any and self._alone <= 0:
                continue
            while self._readers.asked:
                # What they have stands before the buffer.
                rows, buffer = self._taken(buffer)
                yield rows
            size = len(buffer)
            rows, buffer = self._by_itself(buffer)
            self._alone -= size - len(buffer)
            yield rows
        yield self._one_by_one(buffer, len(buffer), final=True)[0]

    def _taken(self, buffer: bytes) -> tuple[bytes, bytes]:
        """The rows of the oldest stretch that is being read, and the buffer with what has to be read again."""
        found = self._readers.take()
        if isinstance(found, bytes):
            self._read_alone()
            return b"", found + buffer
        rows, scan, left = found
        self.scan.add(scan)
        return rows, left + buffer

    def _read_alone(self) -> None:
        """Where one stretch needs care, the next ones often do: the longer so, the more is read without asking others."""
        self._patience = min(2 * self._patience, 1 << 26)
        self._alone = self._patience

    def _read_stretch(self, stretch: bytes, records: int, line: int) -> tuple[bytes, Scan] | None:
        """Reads whole records in another process."""
        self.scan = Scan(records=records, line=line)
        out, position = [], 0
        while position < len(stretch):
            done = self._well_formed(stretch[position : position + BLOCK])
            if done is None:
                return None
            out.append(done[0])
            position += done[1]
        return b"".join(out), self.scan

    def _by_itself(self, buffer: bytes) -> tuple[bytes, bytes]:
        """Rows of the buffer but for its end, and the rest of it."""
        out = []
        while len(buffer) > max(2 * self._tail, self._careful_until):
            until = len(buffer) - self._tail
            done = self._well_formed(buffer[:until]) or self._in_pieces(buffer, until) if self._fast else self._one_by_one(buffer, until, final=False)
            if not done[1]:
                # One record larger than the buffer: wait until there is twice as much.
                self._careful_until = 2 * len(buffer)
                break
            self._careful_until = 0
            out.append(done[0])
            buffer = buffer[done[1] :]
        return b"".join(out), buffer

    def _in_pieces(self, buffer: bytes, until: int) -> tuple[bytes, int]:
        """A block that needs care somewhere: small pieces of it may not."""
        out: list[bytes] = []
        position = 0
        while position < until:
            piece = buffer[position : min(position + PIECE, until)]
            done = self._well_formed(piece)
            if done is None:
                rows, end = self._one_by_one(buffer, position + len(piece), final=False, start=position)
                if end == position:
                    break
                out.append(rows)
                position = end
            else:
                out.append(done[0])
                position += done[1]
        return b"".join(out), position

    # -- whole blocks ---------------------------------------------------------------------------------------------------------

    def _well_formed(self, buffer: bytes) -> tuple[bytes, int] | None:
        """Rows of the buffer up to its last whole record, and how far that is; None when its quotes or bytes need care."""
        if INNER in buffer:
            return None
        if b'"' in buffer:
            pieces = buffer.split(b'"')
            last = len(pieces) - 1 - (len(pieces) - 1) % 2
            while last >= 0 and b"\n" not in pieces[last]:
                last -= 2
            if last < 0:
                return None
            del pieces[last + 1 :]
            pieces[last] = pieces[last][: pieces[last].rfind(b"\n") + 1]
            unquoted = pieces[::2]
            if not {p[-1:] for p in unquoted[:-1]} <= self._before or not {p[:1] for p in unquoted[1:]} <= self._after:
                return None
            outside = b'"'.join(unquoted)
            consumed = sum(map(len, pieces)) + len(pieces) - 1
            inside = pieces[1::2]
            inner = buffer.count(b"\n", 0, consumed) != outside.count(b"\n")
            if inner:
                pieces[1::2] = inside = [p.replace(b"\n", INNER) if b"\n" in p else p for p in inside]
                chunk = b'"'.join(pieces)
            else:
                chunk = buffer[:consumed]
        else:
            consumed = buffer.rfind(b"\n") + 1
            if not consumed:
                return None
            outside = chunk = buffer[:consumed]
            inner = False
            unquoted, inside = [outside], []
        if b"\r" in chunk:
            returns = outside.count(b"\r")
            if returns != outside.count(b"\r\n") or (chunk.count(b"\r") != returns and not inner):
                return None
            if inner and b"\r" in b"".join(p for p in inside if b"\r" in p).replace(b"\r" + INNER, b""):
                return None
            chunk = chunk.replace(b"\r\n", b"\n")
        lines = chunk.split(b"\n")
        lines.pop()
        self._note(chunk)
        starts = {text[:2] for text in lines}
        self._note_padding(outside, lines, starts, unquoted, inside)
        marks = outside.translate(None, self._keep)
        odd: set[int] = set()
        if marks != self._units[: len(marks)] or len(marks) % len(self._unit):
            unit = self._unit[:-1]
            odd.update(i for i, mark in enumerate(marks.split(b"\n")[:-1]) if mark != unit)
        if b"" in starts or any(start.startswith(self._blank_starts) for start in starts):
            nothing = self.dialect.delimiter + b'" \t\r'
            odd.update(i for i, text in enumerate(lines) if not text.strip(nothing))
        if any(start[:2] in starts for start in self._header_starts):
            odd.update(i for i, text in enumerate(lines) if text.startswith(self._header_starts))
        if b"\0" in chunk:
            odd.update(i for i, text in enumerate(lines) if b"\0" in text)
        if odd:
            return self._with_odd_ones(lines, odd, inner), consumed
        scan = self.scan
        rec, line, count, row = scan.records + 1, scan.line, len(lines), self._row
        if inner:
            places: list[int] = []
            for index, text in enumerate(lines):
                if INNER in text:
                    places.extend(range(line + len(places), line + index + 1))
                    line += text.count(INNER)
            places.extend(range(line + len(places), line + count))
            scan.line = line + count
            out = b"".join([row % t for t in zip(range(rec, rec + count), places, lines, strict=True)]).replace(INNER, b"\n")
        else:
            out = b"".join([row % t for t in zip(range(rec, rec + count), range(line, line + count), lines, strict=True)])
            scan.line += count
        scan.records += count
        return out, consumed

    def _with_odd_ones(self, lines: list[bytes], odd: set[int], inner: bool) -> bytes:
        """Rows of well-quoted records, of which some have another width, are blank, or repeat the header."""
        out, scan, row = [], self.scan, self._row
        for index, text in enumerate(lines):
            if inner:
                text = text.replace(INNER, b"\n")
            if index in odd:
                record = read_record(text, 0, self.dialect, final=True)
                out.append(self._judge(record, text))
            else:
                scan.records += 1
                out.append(row % (scan.records, scan.line, text))
                scan.line += 1 + (text.count(b"\n") if inner else 0)
        return b"".join(out)

    def _note(self, chunk: bytes) -> None:
        """Remembers which kinds of dirt the file holds, so that the cleaning looks for no others."""
        flags = self.scan.flags
        if b"\t" in chunk:
            flags.add("tab")
        if b"\r" in chunk:
            flags.add("return")
        if not chunk.isascii():
            flags.add("non_ascii")
            if not {"odd_blanks", "composing"} <= flags:
                high = chunk.translate(None, ASCII)
                if "odd_blanks" not in flags and ODD_BLANKS.search(high):
                    flags.add("odd_blanks")
                if "composing" not in flags and COMPOSING.search(high):
                    flags.add("composing")

    def _note_padding(self, outside: bytes, lines: list[bytes], starts: set[bytes], unquoted: list[bytes], inside: list[bytes]) -> None:
        """Remembers the columns in which some cell has blanks around it. ``outside``: the block with a mark for each quoted cell."""
        padded, delimiter = self.scan.padded, self.dialect.delimiter
        if 0 in padded:
            return
        blank = b" \t" if delimiter != b"\t" else b" "
        ends = {text[-1:] for text in lines} | {start[:1] for start in starts}
        if delimiter + b" " in outside or b" " + delimiter in outside or b" " in ends or b"\t" in ends or (b"\t" in outside and delimiter != b"\t"):
            edge = re.escape(delimiter)
            pattern = re.compile(b"(?:(?<=[\n" + edge + b"])|\\A)[" + blank + b"]|[" + blank + b"](?=[\r\n" + edge + b"])")
            for match in pattern.finditer(outside):
                self._padded_cells += 1
                if self._padded_cells > PADDED:
                    padded.add(0)
                    return
                start = outside.rfind(b"\n", 0, match.start()) + 1
                padded.add(outside.count(delimiter, start, match.start() + 1) + 1)
        # Nothing between two pieces is a doubled quote: the cell goes on.
        edges = {p[:1] for p in itertools.compress(inside, unquoted)} | {p[-1:] for p in itertools.compress(inside, unquoted[1:])}
        if edges & {b" ", b"\t", b"\r", b"\n", INNER}:
            blanks = b" \t\r\n" + INNER
            column = 1
            for piece, quoted, after in zip(unquoted, inside, unquoted[1:], strict=False):
                end = piece.rfind(b"\n")
                column = 1 + piece.count(delimiter, end + 1) if end >= 0 else column + piece.count(delimiter)
                if quoted and ((piece and quoted[0] in blanks) or (after and quoted[-1] in blanks)):
                    padded.add(column)

    # -- one record after the other -------------------------------------------------------------------------------------------

    def _one_by_one(self, buffer: bytes, until: int, final: bool, start: int = 0) -> tuple[bytes, int]:
        """Rows of the records that start between ``start`` and ``until``, and where the next one starts."""
        out: list[bytes] = []
        position = start
        while position < until:
            try:
                record = read_record(buffer, position, self.dialect, final)
            except NeedMore:
                break
            raw = buffer[position : record.end]
            if record.lines > 1 and record.stray_quote and (len(record.cells) != self.width or self._swallowed(raw)):
                # A quote that was left open swallowed the lines after it: they are records of their own.
                raw = FIRST_LINE.match(raw).group(0)  # type: ignore[union-attr]
                record = read_record(raw.rstrip(b"\r\n"), 0, self.dialect, final=True)
                record.end, record.open_quote, record.lines = position + len(raw), True, 1
            position = record.end
            self._note(raw)
            if final:
                self._pending.append((record, len(out), raw))
                out.append(b"")
            else:
                out.append(self._judge(record, raw))
        if final:
            self._settle_tail(out)
        return b"".join(out), position

    def _swallowed(self, raw: bytes) -> bool:
        """Whether the second line of a record is a whole record itself."""
        rest = raw[FIRST_LINE.match(raw).end() :]  # type: ignore[union-attr]
        return bool(rest) and len(read_record(rest, 0, self.dialect, final=True).cells) == self.width

    def _settle_tail(self, out: list[bytes]) -> None:
        """Judges the records of the file's end, now that it is known which of them are the last."""
        footers = 0
        for record, _, _ in reversed(self._pending):
            if not is_blank(record.cells):
                if not self._is_footer(record):
                    break
                footers += 1
        filled = sum(not is_blank(record.cells) for record, _, _ in self._pending)
        seen = 0
        for record, index, raw in self._pending:
            is_filled = not is_blank(record.cells)
            seen += is_filled
            if is_filled and seen > filled - footers:
                self._non_record("footer", raw, record.lines)
            else:
                out[index] = self._judge(record, raw)
        self._pending.clear()

    def _is_footer(self, record: Record) -> bool:
        cells = [c.decode("utf-8", "replace").strip() for c in record.cells]
        filled = [c for c in cells if c]
        if not filled:
            return False
        text = filled[0]
        if len(filled) == 1:
            return bool(FOOTER.fullmatch(text.rstrip(":")) or FOOTER_LINE.fullmatch(text)) and (self.width > 1 or bool(FOOTER_LINE.fullmatch(text)))
        numbers = all(re.fullmatch(r"[-+(]?[^\w\s]{0,3}\s?[\d.,' ]+\)?\s?(%|[A-Z]{3})?", c) for c in filled[1:])
        return bool(FOOTER.fullmatch(text.rstrip(":")) or FOOTER_LINE.fullmatch(text)) and numbers

    def _judge(self, record: Record, raw: bytes) -> bytes:
        """A row, or nothing when the record is none; notes what is wrong with it."""
        scan, cells = self.scan, record.cells
        if is_blank(cells):
            self._non_record("blank", raw, record.lines)
            return b""
        if len(cells) >= self.width and self._repeats_header(cells):
            self._non_record("repeated_header", raw, record.lines)
            return b""
        scan.records += 1
        rec, line = scan.records, scan.line
        scan.line += record.lines
        if b"\0" in raw:
            for index, cell in enumerate(cells):
                if b"\0" in cell:
                    column = self.head.header[index] if index < self.width else None
                    scan.defects.append(Defect(rec, line, column, "nul_byte", None, False))
            cells = [c.replace(b"\0", b"") for c in cells]
        surplus = cells[self.width :]
        if record.open_quote or len(cells) < self.width or not is_blank(surplus):
            scan.rejected += 1
            what = "a quote is never closed" if record.open_quote else f"{len(cells)} fields instead of {self.width}"
            scan.defects.append(Defect(rec, line, what, "field_count", raw.rstrip(b"\r\n").replace(b"\0", b"").decode("utf-8", "replace"), True))
            return b""
        if surplus:
            scan.defects.append(Defect(rec, line, None, "surplus_empty_fields", str(len(surplus)), False))
        if record.stray_quote:
            scan.defects.append(Defect(rec, line, None, "stray_quote", None, False))
        scan.padded.update(i for i, c in enumerate(cells, 1) if c and (c[0] in b" \t\r\n\x0b\x0c" or c[-1] in b" \t\r\n\x0b\x0c"))
        return self._row % (rec, line, self.dialect.delimiter.join([write_cell(c, self.dialect) for c in cells[: self.width]]))

    def _repeats_header(self, cells: list[bytes]) -> bool:
        if folded(cells[0].decode("utf-8", "replace")) not in (self._folded_header[0], ""):
            return False
        return [folded(c.decode("utf-8", "replace")) or c.decode("utf-8", "replace") for c in cells[: self.width]] == self._folded_header

    def _non_record(self, kind: str, raw: bytes, lines: int) -> None:
        scan = self.scan
        scan.kinds[kind] += 1
        if len(scan.non_records) < LISTED:
            scan.non_records.append((scan.line, kind, raw.strip().replace(b"\0", b"")[:200].decode("utf-8", "replace")))
        scan.line += lines
