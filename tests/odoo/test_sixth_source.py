"""A sixth source is YAML alone: the blocks of docs/add-a-source.md, written into files as they stand there, carry an export into a real Odoo 19."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import source_world
from odoo_server import OdooDatabase
from source_world import Loaded

PAGE = source_world.ROOT / "docs" / "add-a-source.md"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Loaded:
    root = tmp_path_factory.mktemp("oakline")
    for path, text in re.findall(r'^```\w+ title="(\S+)"\n(.*?)^```$', PAGE.read_text(), re.MULTILINE | re.DOTALL):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    assert not list(root.rglob("*.py"))
    return source_world.migrate("oakline", root, "oakline_acme", staging_dsn, odoo)


def test_every_row_has_its_fate_and_every_field_reads_back(loaded: Loaded) -> None:
    fates = {r.object: {k: n for k, n in r.counts.items() if n} for r in loaded.rows}
    assert fates == {
        "account": {"loaded": 2, "merged": 1}, "person": {"loaded": 2}, "sale": {"loaded": 2, "rejected": 1}, "touch": {"loaded": 3},
    }
    assert loaded.unexplained() == []
    with loaded.ws.connect() as connection:
        [reject] = connection.execute(loaded.ws.sql("select code, line, column_name, value from {clean}.reject")).fetchall()
    assert reject == {"code": "bad_amount", "line": 4, "column_name": "value", "value": "about 900"}


def test_links_amounts_and_outcomes_are_the_source_s(loaded: Loaded) -> None:
    sales = loaded.read("opportunity", "name", "type", "partner_id", "expected_revenue", "won_status", "date_closed", "x_machine", "team_id")
    people = loaded.read("contact", "name", "parent_id")
    first, second = sales["sale_S-1"], sales["sale_S-2"]
    assert (first["name"], first["type"], first["expected_revenue"], first["won_status"]) == ("Bottling line", "opportunity", 1250.5, "pending")
    assert (second["won_status"], second["date_closed"], second["x_machine"]) == ("won", "2024-03-04 23:00:00", "EB-1"), "5 March in Berlin"
    assert first["partner_id"] == people["person_P-1"]["id"]
    assert people["person_P-2"]["parent_id"] == loaded.ids["company"]["account_A-2"]
    assert [t["name"] for t in loaded.search("crm.team", [["id", "=", first["team_id"]]], "name")] == ["Machines"]


def test_an_entity_of_the_project_s_own_and_two_fields_more_on_a_bundled_one(loaded: Loaded) -> None:
    sales = loaded.read("opportunity", "recurring_revenue", "recurring_plan", "x_source_stage")
    plans = {r["id"]: r["name"] for r in loaded.search("crm.recurring.plan", [], "name")}
    assert (sales["sale_S-1"]["recurring_revenue"], plans[sales["sale_S-1"]["recurring_plan"]]) == (99.0, "Yearly")
    assert (sales["sale_S-2"]["recurring_revenue"], sales["sale_S-2"]["recurring_plan"]) == (0.0, False)
    assert sales["sale_S-1"]["x_source_stage"] == "Offer", "the rest of the bundled entity holds as well"


def test_times_are_in_utc_and_authors_those_of_the_source(loaded: Loaded) -> None:
    messages = loaded.read("message", "date", "author_id", "body", "res_id")
    assert [messages[f"touch_{n}"]["date"] for n in ("T-1", "T-3")] == ["2024-03-05 13:30:00", "2024-07-10 06:15:00"]
    authors = {u["partner_id"]: u["login"] for u in loaded.search("res.users", [], "login", "partner_id")}
    assert authors[messages["touch_T-3"]["author_id"]] == "tom@oakline.example"
    assert "<b>today</b>" in messages["touch_T-3"]["body"], "a text with the end of a tag is HTML"
    [todo] = loaded.read("activity", "summary", "date_deadline", "res_id").values()
    assert (todo["summary"], todo["date_deadline"]) == ("Send the offer again", "2030-03-31")
    assert todo["res_id"] == messages["touch_T-1"]["res_id"] == loaded.ids["opportunity"]["sale_S-1"]


def test_a_second_plan_has_nothing_to_write(loaded: Loaded) -> None:
    assert not {"create", "update"} & set(source_world.planned_again(loaded))


def test_no_python_knows_the_source() -> None:
    code = [p for p in (source_world.ROOT / "plugins").rglob("*.py") if "oakline" in p.read_text().lower()]
    assert code == []
    assert not (source_world.ROOT / "mappings" / "sources" / Path("oakline.yaml")).exists()
