"""What discovery says about an export: custom fields with evidence, stage table, owners."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "staging"))
from clean_tables import fill
from small_world import PROJECT, write

from crm2odoo.discovery import Proposal, owner_table, propose_custom_fields, stage_table
from crm2odoo.discovery.custom_fields import field_name, selection_options
from crm2odoo.project import Column, load_bundle
from crm2odoo.staging import Workspace, build_target


def workspace(root: Path, dsn: str, deals: list[dict[str, Any]], project: str = PROJECT) -> Workspace:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for part in ("land", "clean", "target", "log"):
            connection.execute(f"drop schema if exists small_test_{part} cascade".encode())
    ws = Workspace.open(load_bundle(write(root, project=project), "small_test"), dsn)
    fill(ws, {"deal": [{"id": f"D{i}", "name": "x", **d} for i, d in enumerate(deals)], "rep": [{"name": "Ann", "email": "ann@x.example"}]})
    return ws


def proposal(ws: Workspace, column: str) -> Proposal:
    return next(p for p in propose_custom_fields(ws, "e1") if p.column == column)


@pytest.mark.promise("P034")
@pytest.mark.parametrize(
    ("values", "header", "kind"),
    [
        (["1", "20", "300"], "seats", "integer"),
        (["1.5", "2,000", "3"], "area", "float"),
        (["02139", "10001", "94105"], "seats", "char"),
        (["12345", "54321", "11111"], "u_zip_code", "char"),
        (["2024-01-31", "2024-02-29"], "visit", "date"),
        (["01/31/2024", "2/29/2024"], "visit", "date"),
        (["2024-02-30", "2024-01-31"], "visit", "char"),
        (["Yes", "no", "YES"], "financing", "boolean"),
        (["a", "b", "A", "b", "a", "b", "a"], "tier", "selection"),
        (["one\ntwo"], "memo", "text"),
        (["Acme", "Beta", "Gamma"], "memo", "char"),
    ],
)
def test_the_type_is_the_one_that_holds_every_value(tmp_path: Path, staging_dsn: str, values: list[str], header: str, kind: str) -> None:
    ws = workspace(tmp_path, staging_dsn, [{header: v} for v in values])
    assert proposal(ws, header).type == kind


@pytest.mark.promise("P032")
def test_one_value_in_the_last_row_decides(tmp_path: Path, staging_dsn: str) -> None:
    ws = workspace(tmp_path, staging_dsn, [{"u_size": str(i)} for i in range(50)] + [{"u_size": "11-50"}])
    assert proposal(ws, "u_size").type == "char"


@pytest.mark.promise("P001", "P161")
def test_a_column_without_values_is_dropped_and_says_so(tmp_path: Path, staging_dsn: str) -> None:
    ws = workspace(tmp_path, staging_dsn, [{"u_empty": None}, {"u_empty": "  "}])
    assert proposal(ws, "u_empty").dropped == "no row has a value"


@pytest.mark.promise("P006", "P058")
def test_a_time_in_an_unknown_column_is_one_of_the_projects_zone_unless_it_names_its_own(tmp_path: Path, staging_dsn: str) -> None:
    rows = [{"u_seen": "2024-02-29 22:30:00"}, {"u_seen": "2024-02-29T22:30:00+02:00"}, {"u_seen": "2024-02-29T22:30:00Z"}]
    ws = workspace(tmp_path, staging_dsn, rows, PROJECT + "timezone: America/New_York\n")
    assert proposal(ws, "u_seen").type == "datetime"
    build_target(ws, "e1")
    with ws.connect() as connection:
        seen = connection.execute(ws.sql("select x_u_seen::text from {target}.opportunity order by _seq")).fetchall()
    assert [r["x_u_seen"] for r in seen] == ["2024-03-01 03:30:00", "2024-02-29 20:30:00", "2024-02-29 22:30:00"]


@pytest.mark.promise("P058", "P116")
def test_custom_values_reach_the_record_in_their_type(tmp_path: Path, staging_dsn: str) -> None:
    ws = workspace(tmp_path, staging_dsn, [
        {"u_visit": "2/29/2024", "u_area": "2,000", "u_ok": "no", "u_tier": "Gold"}, {"u_tier": "gold "}, {"u_tier": "Gold"},
    ])
    propose_custom_fields(ws, "e1")
    build_target(ws, "e1")
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select x_u_visit::text, x_u_area, x_u_ok, x_u_tier from {target}.opportunity order by _seq limit 1")).fetchone()
        tiers = connection.execute(ws.sql("select distinct x_u_tier from {target}.opportunity")).fetchall()
    assert row == {"x_u_visit": "2024-02-29", "x_u_area": 2000, "x_u_ok": False, "x_u_tier": "gold"}
    assert tiers == [{"x_u_tier": "gold"}]


def test_the_project_file_wins(tmp_path: Path, staging_dsn: str) -> None:
    project = PROJECT + "columns:\n  deal:\n    u_a: {field: x_alpha, type: text, label: Alpha}\n    u_b: {drop: internal only}\n"
    ws = workspace(tmp_path, staging_dsn, [{"u_a": "1", "u_b": "2"}], project)
    a, b = proposal(ws, "u_a"), proposal(ws, "u_b")
    assert (a.field, a.type, a.label) == ("x_alpha", "text", "Alpha")
    assert (b.field, b.dropped) == (None, "internal only")


def test_a_column_that_the_source_file_gives_a_title_is_called_by_it(tmp_path: Path, staging_dsn: str) -> None:
    ws = workspace(tmp_path, staging_dsn, [{"founded": "1999"}])
    known = ws.bundle.source.objects["deal"]
    titled = known.model_copy(update={"columns": {**known.columns, "founded": Column(title="Year established")}})
    ws.bundle.source.objects["deal"] = titled
    assert (proposal(ws, "founded").label, proposal(ws, "founded").field) == ("Year established", "x_founded")


@pytest.mark.parametrize(("header", "name"), [("Roof Area (sq ft)", "x_roof_area_sq_ft"), ("Größe", "x_große"), ("日本", "x_column"), ("a" * 90, "x_" + "a" * 61)])
def test_field_names_are_what_odoo_allows(header: str, name: str) -> None:
    made = field_name(header)
    assert len(made) <= 63
    assert made == name.replace("ß", "").replace("ö", "o")


def test_options_of_other_spelling_are_one_and_of_other_meaning_are_two() -> None:
    assert selection_options(["Gold", "gold", "GOLD ", "C++", "C", "日本", "中国"]) == [
        {"value": "gold", "label": "Gold"}, {"value": "c", "label": "C++"}, {"value": "c_2", "label": "C"}, {"value": "option", "label": "日本"},
        {"value": "option_2", "label": "中国"},
    ]


@pytest.mark.promise("P022", "P050")
def test_the_stage_table_counts_records_and_says_where_each_stage_goes(tmp_path: Path, staging_dsn: str) -> None:
    ws = workspace(tmp_path, staging_dsn, [{"pipeline": "A", "stage": "New"}, {"pipeline": "A", "stage": "new"}, {"pipeline": "A", "stage": "Lost"}])
    build_target(ws, "e1")
    assert [(r.pipeline, r.stage, r.team, r.to, r.outcome, r.records) for r in stage_table(ws)] == [
        ("A", "Lost", "A", None, "lost", 1), ("A", "New", "A", "New", "open", 2),
    ]


@pytest.mark.promise("P023")
def test_owners_are_counted_per_object_and_those_not_in_the_team_are_told_apart(tmp_path: Path, staging_dsn: str) -> None:
    ws = workspace(tmp_path, staging_dsn, [{"owner": "ann@x.example"}, {"owner": "sam@x.example"}, {"owner": "sam@x.example"}])
    build_target(ws, "e1")
    assert [(o.login, o.declared, o.records) for o in owner_table(ws)] == [("ann@x.example", True, {"deal": 1}), ("sam@x.example", False, {"deal": 2})]
