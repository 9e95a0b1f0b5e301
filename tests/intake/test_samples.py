"""The five sample exports are taken in with exactly the counts that their generator planted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from crm2odoo.intake import clean, land, register, verify_counts
from crm2odoo.intake.sniff import sniff
from crm2odoo.project import Source, YamlFile
from crm2odoo.staging import Workspace

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
SOURCES = ["flash_lead_sales", "leadforce", "visual_practice", "customer_factor", "smartdesk"]
# Only the target knows its products: such lines are rejected when the target's records are read.
LATER = {"unmatched_product"}


@pytest.mark.promise("P020", "P021", "R08")
@pytest.mark.parametrize("source", SOURCES)
def test_sample_is_counted_as_planted(source: str, new_workspace: Callable[..., Workspace]) -> None:
    truth = json.loads((SAMPLES / source / "TRUTH.json").read_text())
    ws = new_workspace(source, timezone=truth["timezone"])
    export = register(ws, SAMPLES / source / "export")
    land(ws, export)
    report = clean(ws, export)
    verify_counts(ws, export)
    with ws.connect() as connection:
        files = connection.execute(ws.sql("select name, object, status, header from {log}.file where status <> 'excluded'")).fetchall()
        rejects = connection.execute(ws.sql("select file_no, code, count(*) as n from {clean}.reject group by 1, 2")).fetchall()
    assert {f["name"]: (f["status"], f["object"]) for f in files} == {name: ("recognised", t["object"]) for name, t in truth["files"].items()}
    for count in report.files:
        planted = truth["files"][count.name]
        later = sum(n for code, n in planted["rejected_by_code"].items() if code in LATER)
        found = {r["code"]: r["n"] for r in rejects if r["file_no"] == count.file_no}
        assert found == {code: n for code, n in planted["rejected_by_code"].items() if code not in LATER}, count.name
        assert (count.records, count.merged, count.exact_duplicates, count.deleted) == tuple(planted[k] for k in ("records", "merged", "exact_duplicates", "deleted")), count.name
        assert (count.valid, count.rejected) == (planted["valid"] + later, planted["rejected"] - later), count.name


@pytest.mark.promise("P021")
@pytest.mark.parametrize("source", SOURCES)
def test_every_file_is_recognised_by_its_headers_alone(source: str) -> None:
    known = YamlFile(SAMPLES.parent / "mappings" / "sources" / f"{source}.yaml").model(Source)
    truth = json.loads((SAMPLES / source / "TRUTH.json").read_text())
    found = {}
    for name in truth["files"]:
        start = (SAMPLES / source / "export" / name).read_bytes()[:20_000].decode("utf-8-sig", "replace")
        found[name] = sniff(start.encode(), False, "download (3).csv", known).recognition.object
    assert found == {name: file["object"] for name, file in truth["files"].items()}


@pytest.mark.promise("P031")
def test_json_dump_and_csv_set_give_the_same_tables(new_workspace: Callable[..., Workspace]) -> None:
    tables = []
    for folder in ("export", "export_json"):
        ws = new_workspace("smartdesk")
        export = register(ws, SAMPLES / "smartdesk" / folder)
        land(ws, export)
        clean(ws, export)
        verify_counts(ws, export)
        content = {}
        with ws.connect() as connection:
            for name in ws.bundle.source.objects:
                rows = connection.execute(ws.sql("select * from {clean}.{name} order by _file, _rec", name=name)).fetchall()
                content[name] = [{k: v for k, v in sorted(r.items()) if k not in ("_file", "_line")} for r in rows]
        tables.append(content)
    assert sum(map(len, tables[0].values())) > 500
    assert tables[0] == tables[1]


@pytest.mark.parametrize("source", ["flash_lead_sales", "smartdesk"])
def test_an_object_without_a_file_has_the_table_that_it_has_with_one(source: str, new_workspace: Callable[..., Workspace], tmp_path: Path) -> None:
    columns = "select table_name, column_name, data_type from information_schema.columns where table_schema = %s and column_name not like 'u\\_%%' and table_name not in ('reject', 'warning') order by 1, ordinal_position"
    found = []
    (tmp_path / "unknown.csv").write_text("Foo,Bar\n1,2\n")
    for location in (SAMPLES / source / "export", tmp_path):
        ws = new_workspace(source)
        export = register(ws, location)
        land(ws, export)
        clean(ws, export)
        with ws.connect() as connection:
            found.append(connection.execute(columns, (f"{ws.bundle.project.project}_clean",)).fetchall())
    assert found[0] == found[1]
