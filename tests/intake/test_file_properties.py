"""Properties of what reads files, headers, paths and addresses: nothing crashes, nothing leads out, what was written is what is read."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from crm2odoo.intake.attachments import Unusable, from_base64, safe_path
from crm2odoo.intake.errors import UnknownEncoding
from crm2odoo.intake.fetch import FetchRefused, check_address
from crm2odoo.intake.headers import assign
from crm2odoo.intake.recognise import recognise
from crm2odoo.intake.scan import NotUtf8, Scanner, utf8_blocks
from crm2odoo.intake.sniff import find_encoding, quick_encoding, sniff
from crm2odoo.intake.tokens import Dialect, read_record, write_cell
from crm2odoo.project import Source, YamlFile

SOURCE = YamlFile(Path(__file__).resolve().parents[2] / "mappings/sources/smartdesk.yaml").model(Source)
LEAD = SOURCE.objects["lead"]
HEADERS = st.sampled_from([h for c, of in LEAD.columns.items() for h in (c, *of.headers)]) | st.text(max_size=12)


@settings(max_examples=80, deadline=None)
@given(st.lists(HEADERS, max_size=15))
def test_no_two_headers_are_one_column(header: list[str]) -> None:
    assignment = assign(header, "lead", LEAD)
    columns = [c.column for c in assignment.cells]
    assert len(columns) == len(set(columns)) == len(header)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", c) for c in columns)
    assert assignment.known <= set(LEAD.columns)
    again = assign(list(reversed(header)), "lead", LEAD)
    assert again.known == assignment.known, "the order of the headers decides nothing"


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=20), st.lists(HEADERS, max_size=8))
def test_recognition_never_fails_and_never_guesses_from_a_name_alone(name: str, header: list[str]) -> None:
    found = recognise(name, header, SOURCE)
    assert found.object is None or (found.assignment is not None and found.assignment.known)


CELL = st.text(alphabet='ab1 ,;|\t"\né', max_size=6)


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=2, max_size=8), delimiter=st.sampled_from(",;|\t"), newline=st.sampled_from(["\n", "\r\n"]))
def test_a_table_is_read_without_being_told_how_it_is_written(rows: list[list[str]], delimiter: str, newline: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL).writerows([["Lead ID", "Lead Name", "Status", "Phone"], *[[str(n), *r, "x"] for n, r in enumerate(rows)]])
    body = out.getvalue().encode()
    head = sniff(body, True, "leads.csv", SOURCE)
    assert (head.dialect.delimiter.decode(), head.recognition.object) == (delimiter, "lead")
    data = b"".join(Scanner(head).rows(iter([body[head.start :]])))
    assert [r[3:5] for r in csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter)] == rows


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet='a,;|\t"\'\n\r\\=sep\0', max_size=80).map(str.encode))
def test_no_start_of_a_file_makes_the_sniffing_fail(data: bytes) -> None:
    text = data.decode("utf-8", "replace").encode()
    head = sniff(text, True, "x.csv", SOURCE)
    assert 0 <= head.start <= len(text)
    scanner = Scanner(head)
    b"".join(scanner.rows(iter([text[head.start :]])))
    lines = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n") + (text[-1:] not in (b"", b"\n", b"\r"))
    assert scanner.scan.line - 1 == lines, "every physical line belongs to something"


@settings(max_examples=80, deadline=None)
@given(text=st.text(alphabet="aé ü,\n€ñÖç1", min_size=12, max_size=60), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp1252"]), block=st.integers(1, 20))
def test_text_survives_its_encoding_and_any_blocks(text: str, encoding: str, block: int) -> None:
    text = "Lead ID,Name\n" * 3 + text
    data = ("\ufeff" + text if encoding.startswith("utf-16") else text).encode(encoding)
    found = quick_encoding(data) or "utf-8"
    try:
        read = b"".join(utf8_blocks(io.BytesIO(data), found, block))
    except NotUtf8:
        try:
            found = find_encoding(io.BytesIO(data), "x.csv")
        except UnknownEncoding as error:
            assert data[error.offset] >= 0x80
            return
        read = b"".join(utf8_blocks(io.BytesIO(data), found, block))
    assert read.decode() == text


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\0", b"")), min_size=1, max_size=5), st.sampled_from([b",", b";", b"\t", b"|"]))
def test_a_written_cell_is_the_cell_that_is_read(cells: list[bytes], delimiter: bytes) -> None:
    dialect = Dialect(delimiter)
    line = delimiter.join(write_cell(c, dialect) for c in cells) + b"\n"
    assert read_record(line, 0, dialect, final=True).cells == cells or any(c.startswith(b" ") for c in cells)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="a./\\:~%2eE \0Cvpimg", max_size=20) | st.text(max_size=20))
def test_a_path_stays_inside_the_delivery_or_is_refused(path: str) -> None:
    try:
        found = safe_path(path)
    except Unusable as error:
        assert error.code in ("unsafe_path", "imaging_store")
        return
    assert not Path(found).is_absolute()
    assert ".." not in Path(found).parts
    assert "\\" not in found


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([0, 4, 76]))
def test_base64_is_read_as_it_was_written(data: bytes, width: int) -> None:
    text = base64.b64encode(data).decode()
    lines = "\r\n".join("".join(chunk) for chunk in itertools.batched(text, width)) if width and hasattr(itertools, "batched") else text
    assert from_base64(lines) == data
    assert from_base64(base64.urlsafe_b64encode(data).decode()) == data


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="htps:/.@files.example.com0127[]#?\\ \n", max_size=40) | st.builds("http://{}/".format, st.ip_addresses()) | st.builds("http://[{}]/".format, st.ip_addresses(v=6)) | st.text(max_size=30))
def test_no_address_is_fetched_from_a_host_that_is_not_listed(url: str) -> None:
    try:
        host, _ = check_address(url, ["files.example.com", "*.cdn.example.com"])
    except FetchRefused:
        return
    assert host == "files.example.com" or host.endswith(".cdn.example.com")
