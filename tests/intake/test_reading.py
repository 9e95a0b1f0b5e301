"""Reading of table files: whatever the form of a file, no record is lost, shifted or invented."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import crm2odoo.intake.scan as scan_module
from crm2odoo.intake.errors import UnknownEncoding
from crm2odoo.intake.recognise import recognise
from crm2odoo.intake.scan import NotUtf8, Scanner, utf8_blocks, with_line_feeds
from crm2odoo.intake.sniff import Head, find_encoding, quick_encoding, sniff
from crm2odoo.intake.tokens import Dialect, NeedMore, read_record
from crm2odoo.project import Source, YamlFile

SOURCE = YamlFile(Path(__file__).resolve().parents[2] / "mappings/sources/flash_lead_sales.yaml").model(Source)
csv.field_size_limit(10_000_000)
CELL = st.text(alphabet=st.sampled_from('ab ,;"\n\r\té’-0'), max_size=8).map(lambda s: s.replace("\r", "\r\n") if "\r" in s else s)


def scanned(body: bytes, width: int, dialect: Dialect | None = None, block: int = 64, tail: int = 16) -> tuple[list[list[str]], Scanner]:
    """The rows that COPY would read, with record number and line in front, and the scanner that made them."""
    dialect = dialect or Dialect()
    header = [f"h{i}" for i in range(width)]
    head = Head(dialect, header, 1, 0, 1, [], recognise("x.csv", header, SOURCE))
    scanner = Scanner(head, tail)
    out = b"".join(scanner.rows(iter([body[i : i + block] for i in range(0, len(body), block)])))
    rows = list(csv.reader(io.StringIO(out.decode(), newline=""), delimiter=dialect.delimiter.decode(), strict=True))
    return rows, scanner


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=12), newline=st.sampled_from(["\n", "\r\n"]), delimiter=st.sampled_from(",;|\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), block=st.integers(1, 200), tail=st.sampled_from([0, 16, 4096]),
)
def test_a_well_formed_file_is_read_as_it_was_written(rows: list[list[str]], newline: str, delimiter: str, quoting: int, block: int, tail: int) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows([["k", *r] for r in rows])  # type: ignore[arg-type]
    body = out.getvalue().encode()
    read, scanner = scanned(body, 4, Dialect(delimiter.encode()), block, tail)
    assert [r[2:] for r in read] == [["k", *r] for r in rows]
    assert [r[0] for r in read] == [str(n) for n in range(1, len(rows) + 1)]
    starts, line = [], 2
    for r in rows:
        starts.append(str(line))
        line += 1 + sum(c.count("\n") for c in r)
    assert [r[1] for r in read] == starts
    assert scanner.scan.rejected == 0


@settings(max_examples=500, deadline=None)
@given(body=st.binary(max_size=200).map(lambda b: b.replace(b"\xff", b'"').replace(b"\xfe", b"\n").replace(b"\xfd", b",")) | st.text(alphabet='a,"\n\r\0\x01 ', max_size=120).map(str.encode), block=st.integers(1, 64))
@example(body=b'a,"b\nc,d\n', block=8)
@example(body=b'"a"b,c\n"x\n"y,z\n', block=64)
def test_no_bytes_make_it_crash_or_lose_a_line(body: bytes, block: int) -> None:
    body = body.decode("utf-8", "replace").encode()
    rows, scanner = scanned(body, 2, block=block)
    lines = body.count(b"\n") + body.count(b"\r") - body.count(b"\r\n") + (not body.endswith((b"\n", b"\r")) and body != b"")
    assert scanner.scan.line - 2 == lines
    assert len(rows) + scanner.scan.rejected == scanner.scan.records
    assert all(len(r) == 4 for r in rows)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["1,2", "1,2,3", "1", "", ",", '"a\nb",c', '"a""b",c', " x ,y", "1,2,", '1,5" x', "1,a\0b", '"1"x,2', 'a"b,"c"']), st.sampled_from(["\n", "\r\n"])), max_size=30), st.integers(1, 300), st.integers(1, 60))
def test_whole_blocks_and_single_records_are_judged_alike(lines: list[tuple[str, str]], block: int, piece: int) -> None:
    body = "".join(a + b for a, b in lines).encode()
    before, scan_module.PIECE = scan_module.PIECE, piece
    try:
        fast_rows, fast = scanned(body, 2, block=block, tail=0)
    finally:
        scan_module.PIECE = before
    slow_rows, slow = scanned(body, 2, block=1 << 20, tail=1 << 20)
    assert fast_rows == slow_rows
    assert (fast.scan.records, fast.scan.rejected, fast.scan.defects, fast.scan.kinds, fast.scan.line) == (slow.scan.records, slow.scan.rejected, slow.scan.defects, slow.scan.kinds, slow.scan.line)
    assert fast.scan.padded == slow.scan.padded


def test_a_quote_that_stays_open_swallows_no_other_line() -> None:
    rows, scanner = scanned(b'1,"a\n2,b\n3,"c"\n4,5" pipe\n', 2)
    assert [r[2:] for r in rows] == [["2", "b"], ["3", "c"], ["4", '5" pipe']]
    assert [(d.rec, d.line, d.code) for d in scanner.scan.defects] == [(1, 2, "field_count"), (4, 5, "stray_quote")]


def test_nul_bytes_go_and_are_reported() -> None:
    rows, scanner = scanned(b"1,a\0b\n", 2)
    assert rows[0][2:] == ["1", "ab"]
    assert [(d.code, d.column) for d in scanner.scan.defects] == [("nul_byte", "h1")]


def test_a_megabyte_in_a_cell() -> None:
    big = b"x" * 1_500_000
    rows, _ = scanned(b'1,"' + big + b'\n"\n2,b\n', 2, block=1 << 16, tail=1 << 14)
    assert [len(r[3]) for r in rows] == [1_500_001, 1]


def test_the_end_of_the_buffer_is_not_the_end_of_the_file() -> None:
    with pytest.raises(NeedMore):
        read_record(b'a,"b', 0, Dialect(), final=False)
    with pytest.raises(NeedMore):
        read_record(b"a,b\r", 0, Dialect(), final=False)


@pytest.mark.parametrize(("encoding", "name"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be"), ("cp1252", "cp1252"), ("latin-1", "latin-1")])
def test_encodings(encoding: str, name: str) -> None:
    text = "Lead ID,Lead Name\n1,Jürgen Müller, é è à ç\n" + ("2,“Ana”\n" if encoding not in ("latin-1",) else "")
    data = ("\ufeff" + text if encoding.startswith("utf-16") else text).encode(encoding)
    found = quick_encoding(data)
    if found is None:
        try:
            list(utf8_blocks(io.BytesIO(data), "utf-8"))
            found = "utf-8"
        except NotUtf8:
            found = find_encoding(io.BytesIO(data), "x.csv")
    assert found == name
    assert b"".join(utf8_blocks(io.BytesIO(data), found, 7)).decode() == text


def test_utf16_without_a_mark_is_seen() -> None:
    assert quick_encoding("Lead ID,Name\n".encode("utf-16-le")) == "utf-16-le"
    assert quick_encoding("Lead ID,Name\n".encode("utf-16-be")) == "utf-16-be"


@pytest.mark.parametrize(("data", "offset"), [
    ("naïve café “x” ".encode() * 20 + b"\xff\xfe more", 420), (b"abc\x81\x8d,\xe9\n", 3), ("名前,住所\n東京,".encode("shift_jis") * 5, 0),
])
def test_an_encoding_nobody_can_name_is_told_with_its_offset(data: bytes, offset: int) -> None:
    with pytest.raises(UnknownEncoding, match="byte") as caught:
        find_encoding(io.BytesIO(data), "x.csv")
    assert caught.value.offset == offset


def test_carriage_returns_alone_end_lines() -> None:
    assert b"".join(with_line_feeds(iter([b"a\rb\r", b"\nc\r"]))) == b"a\nb\nc\n"


@pytest.mark.parametrize(("text", "delimiter", "header_line"), [
    ("Lead ID;Lead Name;Status\n1;a, b;c\n", b";", 1), ("Lead ID\tLead Name\tStatus\n1\ta\tb\n", b"\t", 1), ("Lead ID|Lead Name|Status\n", b"|", 1),
    ('sep=;\n"Lead ID";"Lead Name";Status\n', b";", 2), ("Leads, all of them\nas of today\n\nLead ID,Lead Name,Status\n1,a,b\n", b",", 4),
    ('Lead ID,"Lead\nName",Status\n1,"a;b;c;d","e;f"\n', b",", 1),
])
def test_delimiter_and_header_are_found(text: str, delimiter: bytes, header_line: int) -> None:
    head = sniff(text.encode(), True, "leads.csv", SOURCE)
    assert (head.dialect.delimiter, head.header_line, len(head.header)) == (delimiter, header_line, 3)


def test_backslashes_escape_where_the_file_uses_them_so() -> None:
    head = sniff(b"Lead ID,Lead Name,Status\n1,Dr. Seltsam\\, oder,New\n2,b,New\n", True, "leads.csv", SOURCE)
    assert head.dialect.escape == b"\\"
    rows, _ = scanned(b"1,Dr. Seltsam\\, oder,New\n", 3, head.dialect)
    assert rows[0][2:] == ["1", "Dr. Seltsam, oder", "New"]
