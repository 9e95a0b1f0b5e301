"""Deliveries as people really make them: what cannot be read is told, and nothing is left out or guessed without a word."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from crm2odoo.discovery import suspicions
from crm2odoo.intake import NoExport, clean, land, register, verify_counts
from crm2odoo.intake.delivery import Delivery, open_delivery
from crm2odoo.intake.errors import ExportChanged
from crm2odoo.intake.headers import assign
from crm2odoo.project import Source, YamlFile
from crm2odoo.staging import Workspace

ROOT = Path(__file__).resolve().parents[2]
LEADS = b"Lead ID,Lead Name,Status\n1,Anna,New\n2,Bob,New\n"
LEAD = "Lead ID,Lead Name,Email,Status,Estimated Value,Created\n"


def zipped(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


WORKBOOK = zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"})


def test_a_file_that_is_no_table_is_told_for_what_it_is(take_in: Any) -> None:
    taken = take_in(
        {
            "leads.csv": WORKBOOK, "companies.csv": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "contacts.csv": gzip.compress(LEADS),
            "deals.csv": b"\xef\xbb\xbf<!DOCTYPE html><html><body>Please log in</body></html>", "tags.csv": b'[\n {"Tag": "Hot"}]',
            "activity_log.csv": b"", "lead_sources.csv": b"\xff\xfe", "team_members.csv": b"\n \n",
            "more.csv.gz": gzip.compress(LEADS), "rest.zip": zipped({"leads.csv": LEADS}), "attachments/plans.zip": zipped({"a.txt": b"a"}),
        }
    )  # fmt: skip
    told = {r["evidence"]["file"]: (r["code"], r["title"]) for r in taken.rows("select * from {log}.finding where severity = 'blocking'")}
    codes = {name: code for name, (code, _) in told.items()}
    assert codes == dict.fromkeys(["leads.csv", "companies.csv", "contacts.csv", "deals.csv", "tags.csv"], "no_table") | dict.fromkeys(
        ["activity_log.csv", "lead_sources.csv", "team_members.csv"], "empty_file"
    ) | dict.fromkeys(["more.csv.gz", "rest.zip"], "archive")
    for name, word in (("leads.csv", "Excel"), ("contacts.csv", "gzip"), ("deals.csv", "web page"), ("tags.csv", "JSON"), ("rest.zip", "Unpack")):
        assert word in told[name][1]


def test_a_workbook_in_the_place_of_an_export_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "export.xlsx").write_bytes(WORKBOOK)
    with pytest.raises(NoExport, match="Excel workbook"), open_delivery(tmp_path / "export.xlsx"):
        pass


@pytest.fixture
def bucket() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="exports")
        yield client


def test_paths_with_the_other_slash_are_paths(new_workspace: Callable[..., Workspace], tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    invoices = b"Invoice No,Deal ID,Amount,Status,PDF File\n"
    files = {"crm\\leads.csv": LEADS, "crm\\attachments\\note.txt": b"a note", "crm\\attachments\\": b"", "crm\\invoices.csv": invoices}
    (tmp_path / "export.zip").write_bytes(zipped(files))
    for name, content in files.items():
        bucket.put_object(Bucket="exports", Key=f"acme/{name}", Body=content)
    for place in (tmp_path / "export.zip", "s3://exports/acme/"):
        with open_delivery(place) as delivery:
            assert [f.name for f in delivery.files] == ["crm/attachments/note.txt", "crm/invoices.csv", "crm/leads.csv"]
            with delivery.open("crm/leads.csv") as stream:
                assert stream.read() == LEADS
    exports = set()
    for place in (tmp_path / "export.zip", "s3://exports/acme/"):
        ws = new_workspace()
        exports.add(register(ws, place))
        land(ws, max(exports))
        with ws.connect() as connection:
            kinds = connection.execute(ws.sql("select name, status from {log}.file order by name")).fetchall()
        assert [k["status"] for k in kinds] == ["excluded", "recognised", "recognised"]
    assert len(exports) == 1


def test_a_file_that_grows_or_goes_while_it_is_read_is_told(
    new_workspace: Callable[..., Workspace], tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    ws, path = new_workspace(), tmp_path / "leads.csv"
    path.write_bytes(LEADS)
    bucket.put_object(Bucket="exports", Key="acme/leads.csv", Body=LEADS)
    opened = Delivery.open
    with monkeypatch.context() as patched:
        patched.setattr(Delivery, "open", lambda self, name: (path.write_bytes(LEADS + b"3,Cleo,New\n"), opened(self, name))[1])
        with pytest.raises(ExportChanged, match="still writes to it\nWait"):
            register(ws, tmp_path)
    export = register(ws, tmp_path)
    for place in (tmp_path, "s3://exports/acme/"):
        with open_delivery(place) as delivery:
            path.unlink() if place == tmp_path else bucket.delete_object(Bucket="exports", Key="acme/leads.csv")
            with pytest.raises(ExportChanged, match=r"leads\.csv is gone"), delivery.open("leads.csv"):
                pass
    with pytest.raises((ExportChanged, NoExport)):
        land(ws, export)


def test_blanks_and_marks_that_nobody_sees_change_no_value(take_in: Any) -> None:
    rows = ["1,\u2003,a@x.com,New,,", "\u202a2\u202c,\u2067Anna\u2069\u205f,\u202ab@x.com\u202c,New,\u200910,", "3,\u0085\u2002,c@x.com,New,,"]
    taken = take_in({"leads.csv": LEAD + "\n".join(rows) + "\n"})
    assert taken.rows("select id, name, email__key, value from {clean}.lead where _status = 'valid'") == [
        {"id": "2", "name": "Anna", "email__key": "b@x.com", "value": 10}
    ]
    assert taken.rejects("lead") == [(1, "missing_required", "name"), (3, "missing_required", "name")]


def test_the_first_day_of_the_calendar_is_no_date_and_a_named_month_is_in_no_order(take_in: Any) -> None:
    """Year 1 is what programs write when they have no date; it is not the year 2001."""
    dates = ["0001-01-01", "1/1/0001 12:00:00 AM", "31-Dec-2023", "31 December 2023", "13/12/2023"]
    taken = take_in({"leads.csv": LEAD + "".join(f"{n},Ann,,New,,{d}\n" for n, d in enumerate(dates, 1))})
    read = [str(r["created_at"])[:10] for r in taken.rows("select created_at from {clean}.lead order by _rec")]
    assert read == ["None", "None", "2023-12-31", "2023-12-31", "2023-12-13"]
    assert taken.warnings("lead") == [(1, "bad_optional_date", "created_at"), (2, "bad_optional_date", "created_at"), (5, "date_order_flipped", "created_at")]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        # Three days can only be dmy, and two could be either: they would be read as the other month. 1.234 would be a thousandth of itself.
        (
            [("13/05/2024", '"1.234,50"'), ("25/05/2024", '"12,5"'), ("30/5/24 10:00", "1.234"), ("02/05/2024", "€ 2.500"), ("03/05/2024", '"7,25"')],
            [("blocking", "wrong_decimal_mark", 2), ("blocking", "wrong_date_order", 2)],
        ),
        ([("05/13/2024", '"1,234.50"'), ("25/05/2024", "12.5"), ("05/30/2024", '"1,234"'), ("02/05/2024", '"3,5"')], []),
        ([("13/05/2024", '"0,5"'), ("25/05/2024", '"0,25"')], []),
        # Some bear out what is declared: a person may know better, and must be able to go on.
        ([("13/05/2024", ""), ("25/05/2024", ""), ("05/30/2024", ""), ("02/05/2024", "")], [("warning", "wrong_date_order", 1)]),
        # No cell tells: a person is asked.
        ([("03/04/2024", "1.234"), ("05/06/2024", "")], [("warning", "unproven_date_order", 2), ("warning", "unproven_decimal_mark", 1)]),
    ],
)
def test_cells_that_contradict_the_declared_format_stop_those_that_could_be_either(
    take_in: Any, cells: list[tuple[str, str]], told: list[tuple[str, str, int]]
) -> None:
    taken = take_in({"leads.csv": LEAD + "".join(f"{n},Ann,,New,{value},{date}\n" for n, (date, value) in enumerate(cells, 1))})
    with taken.ws.connect() as connection:
        found = list(suspicions.formats(taken.ws, connection, taken.export))
    assert [(f.severity, f.code, f.count) for f in found] == told
    assert all("formats: {" in f.title for f in found)


def test_thousands_of_equal_headers_are_numbered_in_one_go() -> None:
    """They took twenty seconds when each looked for a free number from the start."""
    lead = YamlFile(ROOT / "mappings/sources/flash_lead_sales.yaml").model(Source).objects["lead"]
    cells = assign(["x"] * 20_000 + ["x 2", "Lead ID"], "lead", lead).cells
    assert len({c.column for c in cells}) == len(cells)
    assert [c.column for c in cells[:3]] == ["u_x", "u_x_2", "u_x_3"]


def test_names_that_differ_by_case_alone_are_parts_of_one_object(take_in: Any) -> None:
    taken = take_in({"leads.csv": LEADS, "Leads.csv": LEADS.replace(b"Bob", b"Rob"), "LEADS.CSV": b"Lead ID,Lead Name,Status\n3,Cleo,New\n"})
    assert sorted(taken.statuses("lead")) == ["exact_duplicate", "rejected", "valid", "valid", "valid"]
    assert ("warning", "parts_overlap") in taken.findings()
    clean(taken.ws, taken.export)
    verify_counts(taken.ws, taken.export)


ANN = '{"id": 1, "first_name": "Ann", "email": "a@x.com"}'


@pytest.mark.parametrize(
    ("dump", "encoding", "told"),
    [
        # As PowerShell writes it; and names with dots in them.
        ('{"contacts": [ANN]}', "utf-16", None), ('{"crm.export": {"contacts": [ANN]}}', "utf-8", None),
        # Records by their id: nothing of them is read, and nobody may overlook that.
        ('{"data": {"contacts": {"1": ANN}}, "settings": {"a": {"b": 1}}}', "utf-8", "no_list"),
        ('{"contacts": [ANN], "deals": [], "contacts": [ANN]}', "utf-8", "broken_json"), ('{"contacts": []}', "utf-8", "empty_file"),
    ],
)  # fmt: skip
def test_a_dump_is_counted_or_told(new_workspace: Callable[..., Workspace], tmp_path: Path, dump: str, encoding: str, told: str | None) -> None:
    (tmp_path / "dump.json").write_bytes(dump.replace("ANN", ANN).encode(encoding))
    ws = new_workspace("smartdesk")
    export = register(ws, tmp_path)
    land(ws, export)
    with ws.connect() as connection:
        found = connection.execute(ws.sql("select severity, code from {log}.finding")).fetchall()
    assert [(f["severity"], f["code"]) for f in found] == ([("blocking", told)] if told else [])
    if not told:
        assert [(f.records, f.valid) for f in clean(ws, export).files if f.records] == [(1, 1)]
        verify_counts(ws, export)


def test_a_title_above_the_table_is_no_header_and_a_deleted_mark_that_nobody_understands_is_told(take_in: Any) -> None:
    taken = take_in({"leads.csv": "Leads,,,\nLead ID,Lead Name,Status,Deleted\n1,Anna,New,yes\n2,Bob,New,gelöscht\n3,Cleo,New,no\n4,Dan,New,\n"})
    assert taken.statuses("lead") == ["deleted", "valid", "valid", "valid"]
    assert taken.warnings("lead") == [(2, "bad_boolean", "deleted")]
    assert taken.findings() == []


def test_a_folder_of_a_bucket_brings_no_other_along_that_begins_alike(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for key in ("acme/2026-1/leads.csv", "acme/2026-11/leads.csv", "acme/2026-1-old/leads.csv", "acme/deals_1.csv", "acme/deals_2.csv"):
        bucket.put_object(Bucket="exports", Key=key, Body=LEADS)
    for place, names in (("2026-1", ["leads.csv"]), ("2026-1/", ["leads.csv"]), ("deals_", ["deals_1.csv", "deals_2.csv"]), ("deals_1.csv", ["deals_1.csv"])):
        with open_delivery(f"s3://exports/acme/{place}") as delivery:
            assert [f.name for f in delivery.files] == names
