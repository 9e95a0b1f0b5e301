"""Set-up of a real Odoo: planned before it is done, done once, visible on the forms, taken back when unused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.handoff.set_up import set_up_paper, write_set_up
from crm2odoo.odoo import manifest_module, schema, schema_ledger
from crm2odoo.odoo.schema_wish import SchemaConflict, option_xid, wanted_fields
from crm2odoo.odoo.target import Target, TargetProblem, refresh_names
from odoo_server import OdooDatabase
from target_world import World, custom_field, rows, start_run

pytestmark = pytest.mark.odoo
FORM = "crm.crm_lead_view_form"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> World:
    """A project with one custom field of every type that discovery may propose."""
    world = World(tmp_path_factory.mktemp("root"), staging_dsn, odoo, "schema")
    ws = world.workspace()
    custom_field(ws, "lead", "x_tier", "selection", "Discount tier", ["Gold", "Silver"])
    custom_field(ws, "opportunity", "x_tier", "selection", "Discount tier", ["Bronze"])
    custom_field(ws, "lead", "x_interests", "many2many", "Interests", ["Yoga", "Rowing"])
    custom_field(ws, "lead", "x_budget", "monetary", "Budget")
    custom_field(ws, "lead", "x_story", "html", "Story <1>")
    custom_field(ws, "contact", "x_vip", "boolean", "V.I.P. & friends")
    custom_field(ws, "contact", "x_height", "float", "Height")
    custom_field(ws, "contact", "x_born", "date", "Born")
    custom_field(ws, "stage", "x_quota", "monetary", "Quota")
    return world


@pytest.fixture(scope="module")
def done(world: World) -> Target:
    """The target after set-up."""
    target = world.target()
    return schema.apply_schema(target, "run1", schema.plan_schema(target))


def call(target: Target, model: str, method: str, **named: Any) -> Any:
    return target.client.call(model, method, **named)


def everything(target: Target) -> list[Any]:
    """What Odoo holds of fields, views, external ids and settings, to see that nothing was written."""
    return [
        call(target, "ir.model.fields", "search_count", domain=[]), call(target, "ir.ui.view", "search_count", domain=[]),
        call(target, "ir.model.data", "search_count", domain=[]), call(target, "ir.config_parameter", "search_read", domain=[], fields=["key", "value"]),
    ]


@pytest.mark.promise("P051", "P056")
def test_the_plan_says_everything_and_writes_nothing(world: World) -> None:
    target = world.target()
    before = everything(target)
    plan = schema.plan_schema(target)
    assert everything(target) == before
    said = "\n".join(plan)
    for line in (
        "Switch on the Leads feature",
        "Create the field crm.lead.x_tier “Discount tier” (selection with 3 choices), shown on crm.crm_lead_view_form",
        "Create the model x_crm2odoo_option",
        "Create 2 choices of crm.lead.x_interests",
        "Create the field crm.stage.x_currency_id “Currency” (many2one of res.currency), on no form",
        "Show on the form crm.crm_lead_view_form, page “Source data”: ",
    ):
        assert line in said
    assert plan.hash == schema.plan_schema(target).hash
    assert schema.SchemaPlan.from_json(plan.to_json()) == plan


@pytest.mark.promise("P055", "P056", "P058", "P059")
def test_after_set_up_every_field_is_there_and_on_its_form(done: Target) -> None:
    shape = done.client.call("crm.lead", "fields_get", attributes=["type", "string", "selection", "relation", "currency_field"])
    assert shape["x_tier"]["selection"] == [["gold", "Gold"], ["silver", "Silver"], ["bronze", "Bronze"]]
    assert (shape["x_interests"]["type"], shape["x_interests"]["relation"]) == ("many2many", "x_crm2odoo_option")
    assert (shape["x_budget"]["type"], shape["x_budget"]["currency_field"]) == ("monetary", "company_currency")
    assert (shape["x_story"]["type"], shape["x_story"]["string"]) == ("html", "Story <1>")
    arch = call(done, "crm.lead", "get_views", views=[[done.need(FORM), "form"]])["views"]["form"]["arch"]
    page = arch.split('name="x_crm2odoo_source_data"')[1]
    for field in wanted_fields(done):
        if field.form == FORM:
            assert f'name="{field.name}"' in page
    assert call(done, "res.users", "has_group", ids=[done.client.uid], group_ext_id="crm.group_use_lead")
    assert done.names["lead"]["x_tier"] == "x_tier"


def test_values_of_every_type_can_be_stored(done: Target) -> None:
    tier = done.client.xml_ids([f"{done.xid_module}.{option_xid('crm.lead', 'x_interests', v)}" for v in ("yoga", "rowing")])
    vals = {"name": "x", "x_tier": "bronze", "x_interests": [[6, 0, sorted(tier.values())]], "x_budget": 12.5, "x_story": "<p>é</p>"}
    lead = call(done, "crm.lead", "create", vals_list=[vals])
    read = call(done, "crm.lead", "read", ids=lead, fields=["x_tier", "x_interests", "x_budget", "x_story"])[0]
    assert (read["x_tier"], sorted(read["x_interests"]), read["x_budget"], str(read["x_story"])) == ("bronze", sorted(tier.values()), 12.5, "<p>é</p>")
    person = call(done, "res.partner", "create", vals_list=[{"name": "x", "x_vip": True, "x_height": 1.5, "x_born": "1980-02-29"}])
    stage = call(done, "crm.stage", "create", vals_list=[{"name": "x", "x_quota": 9.99, "x_currency_id": done.need("base.USD")}])
    assert call(done, "crm.stage", "read", ids=stage, fields=["x_quota"])[0]["x_quota"] == 9.99
    for model, ids in (("crm.lead", lead), ("res.partner", person), ("crm.stage", stage)):
        call(done, model, "unlink", ids=ids)


def test_the_loader_finds_the_choices_of_a_vocabulary_in_the_ledger(done: Target) -> None:
    found = rows(done.ws, "select xid, model, res_id from {log}.record where entity = 'option' order by xid")
    assert [r["xid"] for r in found] == ["option_crm_lead_x_interests_rowing", "option_crm_lead_x_interests_yoga"]
    assert {r["res_id"] for r in found} == set(call(done, "x_crm2odoo_option", "search", domain=[]))


@pytest.mark.promise("P052", "P056")
def test_a_second_time_nothing_is_left_to_do(done: Target) -> None:
    before = everything(done)
    plan = schema.plan_schema(done)
    assert plan.actions == ()
    schema.apply_schema(done, "run2", plan)
    assert everything(done) == before


def test_applying_the_first_plan_again_changes_nothing(world: World, done: Target) -> None:
    before, entries = everything(done), rows(done.ws, "select count(*) as n from {log}.entry")
    schema.apply_schema(world.target(), "run3")
    assert (everything(done), rows(done.ws, "select count(*) as n from {log}.entry")) == (before, entries)


def test_only_the_settings_that_the_plan_names_were_changed(done: Target) -> None:
    """The wizard of the settings page would have written others too, the one of lead enrichment among them."""
    found = {r["key"] for r in call(done, "ir.config_parameter", "search_read", domain=[], fields=["key"])}
    assert "sales_team.membership_multi" in found
    assert "crm.iap.lead.enrich.setting" not in found


def test_a_plan_for_another_database_is_refused(done: Target) -> None:
    with pytest.raises(TargetProblem, match="was made for the database elsewhere"):
        schema.apply_schema(done, "run", replace(schema.plan_schema(done), target_id="elsewhere"))


def test_a_later_export_adds_its_choices_and_fields(done: Target) -> None:
    custom_field(done.ws, "lead", "x_tier", "selection", "Discount tier", ["Gold", "Platinum"], export="e2")
    custom_field(done.ws, "lead", "x_interests", "many2many", "Interests", ["Chess"], export="e2")
    custom_field(done.ws, "lead", "x_late", "char", "Late", export="e2")
    plan = schema.plan_schema(done)
    assert [a.key for a in plan.actions] == [
        "field crm.lead.x_late", "options crm.lead.x_tier", "choices crm.lead.x_interests", f"view {FORM}",
    ]
    after = schema.apply_schema(done, "run4", plan)
    assert [v for v, _ in after.shapes["crm.lead"]["x_tier"]["selection"]] == ["gold", "silver", "bronze", "platinum"]
    assert schema.plan_schema(after).actions == ()


def test_a_field_that_is_there_with_another_meaning_is_named(world: World, done: Target) -> None:
    ws = world.workspace()
    custom_field(ws, "contact", "x_vip", "char", "V.I.P.", export="e9", column="other")
    with pytest.raises(SchemaConflict, match=r"res.partner already has a field x_vip(.|\n)*give ours another name"):
        schema.plan_schema(done)
    rows(ws, "delete from {log}.custom_field where export_id = 'e9' returning 1")


def test_two_entities_that_want_one_name_for_different_things_are_told(done: Target) -> None:
    custom_field(done.ws, "company", "x_vip", "char", "V.I.P.", export="e9", column="other")
    with pytest.raises(SchemaConflict, match=r"x_vip of res.partner is wanted as (boolean|char)"):
        wanted_fields(done)
    rows(done.ws, "delete from {log}.custom_field where export_id = 'e9' returning 1")


def test_a_field_whose_creation_broke_off_is_taken_over_and_not_made_twice(done: Target) -> None:
    """The field was created, and the answer was lost: no external id, only the intent in the ledger."""
    custom_field(done.ws, "lead", "x_crash", "char", "Crash", export="e3")
    model = call(done, "ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]
    vals = {"model_id": model, "name": "x_crash", "field_description": "Crash", "ttype": "char", "state": "manual"}
    schema_ledger.note(done, "crashed", "schema", "schema", "ir.model.fields", "field_crm_lead_x_crash", {"existed": False, "vals": vals})
    field = call(done, "ir.model.fields", "create", vals_list=[vals])[0]
    schema.apply_schema(done, "run5")
    assert done.need(f"{done.xid_module}.field_crm_lead_x_crash") == field


def test_an_intent_that_came_to_nothing_is_done_by_the_next_run(done: Target) -> None:
    custom_field(done.ws, "lead", "x_never", "char", "Never", export="e3")
    model = call(done, "ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]
    vals = {"model_id": model, "name": "x_never"}
    schema_ledger.note(done, "crashed", "schema", "schema", "ir.model.fields", "field_crm_lead_x_never", {"existed": False, "vals": vals})
    assert schema.apply_schema(done, "run5").names["lead"]["x_never"] == "x_never"


def test_a_form_that_loses_our_page_is_noticed(done: Target) -> None:
    view = done.need(f"{done.xid_module}.view_crm_crm_lead_view_form")
    call(done, "ir.ui.view", "write", ids=[view], vals={"active": False})
    with pytest.raises(schema.SchemaNotApplied, match=f"the form {FORM} does not show x_tier"):
        schema.verify_schema(done)
    schema.apply_schema(done, "run6")
    schema.verify_schema(done)


@pytest.mark.promise("P057", "P060", "P061")
def test_the_module_makes_the_same_fields_on_a_clean_database(world: World, done: Target, new_odoo: Callable[[], OdooDatabase]) -> None:
    """Installed the way a person does it, through Apps ▸ Import Module; compared with what set-up makes through the API."""
    by_api = schema.verify_schema(done)
    clean = World(world.root, world.dsn, new_odoo(), "schema").target()
    archive = manifest_module.zip_module(clean)
    wizard = call(clean, "base.import.module", "create", vals_list=[{"module_file": base64.b64encode(archive).decode()}])
    call(clean, "base.import.module", "import_module", ids=wizard)
    clean = schema.verify_schema(clean)
    for field in wanted_fields(by_api):
        by_module, by_us = (dict(t.shapes[field.model][field.name]) for t in (clean, by_api))
        # Choices that a later export added stand last in one and in their place in the other.
        assert sorted(by_module.pop("selection", [])) == sorted(by_us.pop("selection", []))
        assert by_module == by_us, field
    assert [a.kind for a in schema.plan_schema(clean).actions] == ["leads", "parameter"]


@pytest.mark.promise("P060")
def test_the_checklist_ticks_itself(world: World, done: Target, new_odoo: Callable[[], OdooDatabase], tmp_path: Path) -> None:
    items = manifest_module.checklist(refresh_names(done))
    assert all(item.done for item in items)
    assert len(items) > 20
    assert all(item.where for item in items)
    before = manifest_module.checklist(World(world.root, world.dsn, new_odoo(), "schema").target())
    assert {i.sentence for i in before if not i.done} >= {i.sentence for i in items if i.sentence.startswith("Create the field")}
    paper = set_up_paper(before, "crm2odoo_schema")
    assert f"{len(before)} to do" in paper.headline
    lines = {row[0]: row[1] for row in paper.sections[0].rows}
    assert lines[next(s for s in lines if s.startswith("Switch on the Leads feature"))] == "CRM ▸ Configuration ▸ Settings ▸ Leads"


@pytest.mark.promise("P057", "P060")
def test_module_and_checklist_are_documents_of_the_run(done: Target, tmp_path: Path) -> None:
    start_run(done.ws, "setup")
    archive = manifest_module.zip_module(done)
    write_set_up(done.ws, "setup", tmp_path, manifest_module.module_name(done), archive, manifest_module.checklist(done))
    kept = {r["name"]: r for r in rows(done.ws, "select name, sha256, location from {log}.document where run_id = 'setup'")}
    assert set(kept) == {"crm2odoo_schema.zip", "set-up-checklist.html", "set-up-checklist.docx", "set-up-checklist.json", "manifest.json"}
    assert Path(kept["crm2odoo_schema.zip"]["location"]).read_bytes() == archive
    assert "Discount tier" in Path(kept["set-up-checklist.html"]["location"]).read_text()


@pytest.mark.promise("P189")
def test_what_is_used_stays_and_the_rest_is_taken_back(done: Target) -> None:
    lead = call(done, "crm.lead", "create", vals_list=[{"name": "x", "type": "lead", "x_tier": "gold"}])
    removals = schema.remove_schema(done, "undo")
    kept = {r.what: r.reason for r in removals if not r.removed}
    assert kept == {"field crm.lead.x_tier": "1 records hold a value", "Leads feature": "1 leads would become invisible"}
    left = refresh_names(done).shapes["crm.lead"]
    assert [name for name in left if name.startswith("x_")] == ["x_tier"]
    call(done, "crm.lead", "unlink", ids=lead)
    assert all(r.removed for r in schema.remove_schema(done, "undo"))
    assert schema.remove_schema(done, "undo") == []
    assert call(done, "ir.model.data", "search_count", domain=[["module", "=", done.xid_module]]) == 0
    assert not call(done, "res.users", "has_group", ids=[done.client.uid], group_ext_id="crm.group_use_lead")
