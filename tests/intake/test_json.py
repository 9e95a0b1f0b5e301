"""JSON dumps: every element is a record, in whatever form the dump comes, and a damaged one is refused whole."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crm2odoo.intake.json_dump as json_dump
from crm2odoo.intake.json_dump import BrokenJson, Element, ManyValues, elements, flat
from crm2odoo.intake.scan import Scan

SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
RECORD = st.dictionaries(st.text(alphabet="abcdef", min_size=1, max_size=3), SCALAR | st.lists(SCALAR, max_size=3) | st.dictionaries(st.text(max_size=3), SCALAR, max_size=2), max_size=4)


def read(text: str | bytes) -> list[tuple[str, int, Any]]:
    data = text.encode() if isinstance(text, str) else text
    try:
        return [tuple(e) for e in elements(io.BytesIO(data), "dump.json")]  # type: ignore[misc]
    except ManyValues:
        return [tuple(e) for e in elements(io.BytesIO(data), "dump.json", lines=True)]  # type: ignore[misc]


@settings(max_examples=200, deadline=None)
@given(dump=st.dictionaries(st.sampled_from(["contacts", "deals", "tasks"]), st.lists(RECORD | SCALAR, max_size=6), min_size=1), indent=st.sampled_from([None, 1]), block=st.integers(1, 40), wrapped=st.booleans())
def test_every_element_is_found_whatever_the_blocks(dump: dict[str, list[Any]], indent: int | None, block: int, wrapped: bool) -> None:
    before, json_dump.READ = json_dump.READ, block
    try:
        found = read(json.dumps({"version": 1, "data": dump} if wrapped else dump, indent=indent))
    finally:
        json_dump.READ = before
    prefix = "data." if wrapped else ""
    expected = [(prefix + name, json.loads(json.dumps(v), parse_int=str, parse_float=str)) for name, values in dump.items() for v in values]
    assert [(c, v) for c, _, v in found] == expected


@settings(max_examples=100, deadline=None)
@given(items=st.lists(RECORD | SCALAR, max_size=8))
def test_every_element_is_a_row_or_a_reject(items: list[Any]) -> None:
    values = [json.loads(json.dumps(v), parse_int=str, parse_float=str) for v in items]
    header = list(dict.fromkeys(name for v in values if isinstance(v, dict) for name in json_dump.flat(v)))
    scan = Scan()
    data = b"".join(json_dump.rows(iter([Element("", n, v) for n, v in enumerate(values, 1)]), header, scan))
    read = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    assert scan.records == len(items)
    assert [int(r[0]) for r in read] == [n for n, v in enumerate(values, 1) if isinstance(v, dict)]
    assert {d.rec for d in scan.defects if d.fatal} == {n for n, v in enumerate(values, 1) if not isinstance(v, dict)}
    shown = [{h: c for h, c in zip(header, r[2:], strict=True) if c} for r in read] if header else [{} for _ in read]
    assert shown == [{h: c.replace("\0", "") for h, c in flat(v).items() if c and c.replace("\0", "")} for v in values if isinstance(v, dict)]


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet='{}[]:,"a1\\ \nnulltrue', max_size=60) | st.binary(max_size=60))
def test_no_text_makes_it_crash(text: str | bytes) -> None:
    try:
        read(text)
    except BrokenJson as error:
        assert "dump.json, line" in str(error)


def test_forms_of_dumps() -> None:
    assert read('[{"a": 1}, 2]') == [("", 1, {"a": "1"}), ("", 1, "2")]
    assert read('{"a": 1, "b": "x"}\n{"a": 2}\n') == [("", 1, {"a": "1", "b": "x"}), ("", 2, {"a": "2"})]
    assert read('\ufeff{\n "contacts": [\n  {"a": 1},\n  {"a": 2}]}') == [("contacts", 3, {"a": "1"}), ("contacts", 4, {"a": "2"})]
    assert read("\ufeff[1]".encode("utf-16-le")) == [("", 1, "1")]


def test_cells() -> None:
    record = json.loads('{"id": 7, "tags": ["a", "b, c", "say \\"x\\""], "owner": {"email": "a@x"}, "customFields": {"NPS": 5}, "ok": true, "none": null, "who": [{"email": "a@x"}, {"name": "B"}]}', parse_int=str)
    assert flat(record) == {"id": "7", "tags": 'a, "b, c", "say ""x"""', "owner.email": "a@x", "NPS": "5", "ok": "true", "none": None, "who": "a@x, B"}


@pytest.mark.promise("P031", "R08")
def test_a_dump_with_every_fault_of_single_records(take_in: Any) -> None:
    dump = {"contacts": [{"id": 7, "email": "a@x.com"}, {"id": "8", "firstName": "B\u0000o", "email": "x"}, "oops", {"id": 9, "lastName": "\ud83d", "zzz": 1}], "deals": [{"id": 1, "dealName": "D", "stage": "Won", "contactId": "7"}]}
    done = take_in({"dump.json": json.dumps(dump)}, source="smartdesk")
    assert done.statuses("contact") == ["valid"] * 3
    assert done.rejects("contact") == [(3, "not_an_object", None)]
    assert done.warnings("contact") == [(2, "invalid_email", "email"), (2, "nul_byte", "first_name"), (4, "lone_surrogate", "last_name")]
    assert done.rows("select last_name, u_zzz from {clean}.contact where id = '9'") == [{"last_name": "\ufffd", "u_zzz": "1"}]
    assert done.warnings("deal") == []


def test_a_dump_that_is_cut_off_is_refused_whole(take_in: Any) -> None:
    done = take_in({"dump.json": '{"contacts": [{"id": 7, "email": "a@x.com"}, {"id": 8, "ema'}, source="smartdesk")
    assert done.findings() == [("blocking", "broken_json")]
    assert "line 1" in done.rows("select title from {log}.finding")[0]["title"]
    assert done.statuses("contact") == []
