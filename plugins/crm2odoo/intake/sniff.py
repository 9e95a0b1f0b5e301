"""What a file is written in: encoding, delimiter, quotes, and where its header stands."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from typing import BinaryIO

from crm2odoo.intake.errors import UnknownEncoding
from crm2odoo.intake.headers import missing_columns
from crm2odoo.intake.recognise import Recognition, recognise
from crm2odoo.intake.tokens import Dialect, Taken, take
from crm2odoo.project import Source

HEAD = 1 << 18
DELIMITERS = (b",", b";", b"\t", b"|")
# UTF-32 first: its little-endian mark starts as that of UTF-16 does.
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How files begin that are no table, whatever their name says.
_BEGINNINGS = (
    (re.compile(rb"PK(\x03\x04|\x05\x06)"), "an Excel workbook (.xlsx) or a zip"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Excel workbook (.xls), or one with a password"),
    (re.compile(rb"\x1f\x8b"), "a gzip archive"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c|Rar!\x1a|BZh[1-9]1AY&SY|\xfd7zXZ|\x28\xb5\x2f\xfd"), "an archive"),
    (re.compile(rb"%PDF-"), "a PDF"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(!doctype html|html|head|body|table|\?xml)\b", re.I), "a web page or XML"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*(\[\s*)?\{\s*\x22[^\x22]*\x22\s*:"), "JSON"),
)
UNDEFINED_IN_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")


@dataclass(frozen=True)
class Head:
    """The start of a table file. ``start`` is the byte after the header, in UTF-8; lines are 1-based."""

    dialect: Dialect
    header: list[str]
    header_line: int
    start: int
    lines_before: int
    preamble: list[tuple[int, str]]
    recognition: Recognition


def quick_encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark or the pattern of NULs tells; None when only the bytes themselves can."""
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    even, odd = head[:4000:2], head[1:4000:2]
    if len(head) >= 4 and odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if len(head) >= 4 and even.count(0) > 0.7 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    return None


def disguised(head: bytes) -> str | None:
    """What a file is by its first bytes, in words, when that is no table."""
    return next((what for beginning, what in _BEGINNINGS if beginning.match(head)), None)


def find_encoding(stream: BinaryIO, name: str) -> str:
    """Reads a whole file that is no UTF-8 and says what it is: ``cp1252`` or ``latin-1``.

    Raises UnknownEncoding with the first offending byte when the file is mostly UTF-8 with a fault in it, or no text of Western Europe.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    high: Counter[int] = Counter()
    offset, first_fault, good = 0, -1, 0
    strict_ok = codecs.getincrementaldecoder("utf-8")()
    marked = False
    while block := stream.read(1 << 20):
        marked |= not offset and block.startswith(codecs.BOM_UTF8)
        high.update(b for b in block if b >= 0x80)
        if first_fault < 0:
            try:
                pending = len(strict_ok.getstate()[0])
                strict_ok.decode(block)
            except UnicodeDecodeError as error:
                first_fault = offset - pending + error.start
        text = decoder.decode(block)
        good += sum(1 for c in text if c > "\x7f" and not "\udc80" <= c <= "\udcff")
        offset += len(block)
    if first_fault < 0:
        first_fault = max(offset - 1, 0)
    faults = sum(high.values())
    if marked:
        raise UnknownEncoding(
            f"{name}: byte {first_fault:,} is not UTF-8, although the file says by its first bytes that it is\n"
            "The file was cut or mixed from several. Ask for the export again, as UTF-8.", first_fault)
    if good >= 3 and good * 2 > faults - good * 2:
        raise UnknownEncoding(
            f"{name}: byte {first_fault:,} is not UTF-8, although the rest of the file is\n"
            "The file was cut or mixed from several. Ask for the export again, as UTF-8.", first_fault)
    undefined = [b for b in high if b in UNDEFINED_IN_CP1252]
    controls = sum(n for b, n in high.items() if b < 0xA0)
    if undefined or not _looks_western(high):
        raise UnknownEncoding(
            f"{name}: byte {first_fault:,} is neither UTF-8 nor UTF-16, and the file is no cp1252 or latin-1 text\n"
            "Ask for the export again, saved as UTF-8.", first_fault)
    return "cp1252" if controls else "latin-1"


def _looks_western(high: Counter[int]) -> bool:
    """Whether the high bytes are those of Western letters and typographic marks, and not halves of Asian characters or noise."""
    total = sum(high.values())
    usual = set(range(0xC0, 0x100)) | {0x80, 0x82, 0x84, 0x85, 0x8A, 0x8C, 0x8E, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x99,
                                       0x9A, 0x9C, 0x9E, 0x9F} | {
        0xA0, 0xA1, 0xA3, 0xA7, 0xA9, 0xAA, 0xAB, 0xAD, 0xAE, 0xB0, 0xB2, 0xB4, 0xB7, 0xBA, 0xBB, 0xBD, 0xBF, 0xB1, 0xB5, 0xBC, 0xBE}
    return total < 3 or sum(n for b, n in high.items() if b in usual) >= 0.8 * total


def sniff(head: bytes, final: bool, name: str, source: Source) -> Head:
    """Finds dialect and header in the first bytes (UTF-8, no BOM). ``final``: the head is the whole file."""
    skip = b""
    announced = re.match(rb'(?i)"?sep=(.)"?[ \t]*(\r\n|\n|\r)', head)
    if announced:
        skip = announced.group(0)
    body = head[len(skip) :]
    best: tuple[float, Dialect, Taken] | None = None
    for dialect in ([Dialect(announced.group(1))] if announced else _dialects(body)):
        taken = take(body, dialect, 200, final)
        score = _score(taken, dialect)
        if best is None or score > best[0] + 1e-9:
            best = (score, dialect, taken)
    assert best is not None
    _, dialect, taken = best
    index, recognition = _header_row(taken, name, source)
    records = taken.records
    lines_before = sum(r.lines for r in records[:index]) + (1 if announced else 0)
    preamble, line = ([(1, skip.decode("utf-8", "replace").strip())] if announced else []), 1 + (1 if announced else 0)
    for record in records[:index]:
        preamble.append((line, dialect.delimiter.join(record.cells).decode("utf-8", "replace").strip()[:200]))
        line += record.lines
    if not records:
        return Head(dialect, [], 0, len(head), lines_before, preamble, recognise(name, [], source))
    header = [c.decode("utf-8", "replace").replace("\0", "").strip() for c in records[index].cells]
    return Head(dialect, header, line, len(skip) + records[index].end, lines_before + records[index].lines, preamble, recognition)


def _dialects(body: bytes) -> list[Dialect]:
    result = [Dialect(d) for d in DELIMITERS if d in body]
    result += [Dialect(d.delimiter, escape=b"\\") for d in list(result) if b"\\" + d.delimiter in body or b'\\"' in body]
    for delimiter in DELIMITERS:
        # Single quotes count only where they enclose cells that hold the delimiter; apostrophes are everywhere.
        enclosed = re.findall(rb"(?:^|[\n" + delimiter + rb"])'[^'\n]*'(?=[" + delimiter + rb"\r\n])", body[:65536])
        if delimiter in body and len(enclosed) >= 2 and body.count(b'"') == 0:
            result.append(Dialect(delimiter, quote=b"'"))
    return result or [Dialect()]


def _score(taken: Taken, dialect: Dialect) -> float:
    """High when the records have one width, greater than one, and quotes stand where quotes may stand."""
    widths = Counter(len(r.cells) for r in taken.records if r.cells != [b""])
    if not widths:
        return 0.0
    width, count = max(widths.items(), key=lambda w: (w[1] * (w[0] > 1), w[0]))
    if width == 1:
        return 0.01
    total = sum(widths.values())
    stray = sum(r.stray_quote or r.open_quote for r in taken.records) / total
    return count / total + min(width, 40) / 100 - stray * 0.6 - (0.002 if dialect.escape else 0) + (0.05 if dialect.quote == b"'" else 0)


def _header_row(taken: Taken, name: str, source: Source) -> tuple[int, Recognition]:
    """The record that is the header: the first that an object recognises, else the first as wide as most records."""
    rows = taken.records
    widths = Counter(len(r.cells) for r in rows if any(c.strip() for c in r.cells))
    usual = max(widths.items(), key=lambda w: (w[1], w[0]))[0] if widths else 1
    first_wide: tuple[int, Recognition] | None = None
    best: tuple[float, int, Recognition] | None = None
    for index, record in enumerate(rows[:30]):
        cells = [c.decode("utf-8", "replace").strip() for c in record.cells]
        if not any(cells):
            continue
        recognition = recognise(name, cells, source)
        if recognition.object and recognition.assignment:
            known = len(recognition.assignment.known)
            score = known + recognition.by_header
            if known >= 2 or len([c for c in cells if c]) <= 2:
                if best is None or score > best[0] + 1:
                    best = (score, index, recognition)
                # "Leads" above the table is a title, although a column may be called so: the row below it has the mandatory columns too.
                if recognition.by_header >= 0.6 and not missing_columns(recognition.assignment.known, source.objects[recognition.object]):
                    break
        # A title with nothing beside it, as spreadsheets save it, is no header.
        named = len([c for c in cells if c])
        if first_wide is None and (len(rows) == 1 or (len(cells) >= usual and named >= min(usual, 2) and 2 * named >= min(len(cells), usual))):
            first_wide = (index, recognition)
    if best is not None:
        return best[1], best[2]
    if first_wide is not None:
        return first_wide
    first = next((i for i, r in enumerate(rows) if any(c.strip() for c in r.cells)), 0)
    return first, recognise(name, [c.decode("utf-8", "replace").strip() for c in rows[first].cells] if rows else [], source)
