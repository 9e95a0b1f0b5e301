"""Who the target is, and what its fields are called there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crm2odoo.odoo.target import TargetProblem, hosting_of, open_target, parse_release, refresh_names, resolve, unresolved
from crm2odoo.project import Entity, OdooField
from odoo_server import OdooDatabase
from target_world import World, custom_field, rows

pytestmark = pytest.mark.odoo


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> World:
    return World(tmp_path_factory.mktemp("root"), staging_dsn, odoo)


@pytest.mark.promise("P037")
def test_it_knows_version_edition_and_hosting_and_keeps_them(world: World) -> None:
    target = world.target()
    assert (target.target_id, target.version, target.edition, target.hosting) == (world.odoo.database_uuid, 19, "community", "self_hosted")
    kept = rows(target.ws, "select * from {log}.target")
    assert [(r["target_id"], r["kind"], r["database"], r["edition"]) for r in kept] == [(target.target_id, "sandbox", world.odoo.database, "community")]
    assert kept[0]["version"].startswith("19.")
    assert kept[0]["names"]["stage"]["team_ids"] == "team_ids"


def test_its_text_holds_no_secret_and_no_project(world: World) -> None:
    target = world.target()
    assert world.odoo.api_key not in repr(target)
    assert len(repr(target)) < 300


def test_opening_it_again_changes_nothing(world: World) -> None:
    first, second = world.target(), world.target()
    assert (first.names, first.shapes) == (second.names, second.shapes)
    assert len(rows(first.ws, "select 1 from {log}.target")) == 1


@pytest.mark.promise("P132")
def test_a_known_sandbox_cannot_be_opened_as_production(world: World) -> None:
    world.target("sandbox")
    with pytest.raises(TargetProblem, match=r"known to this project as sandbox, and is now opened as production"):
        world.target("production")


def test_a_user_without_the_right_to_settings_is_told_what_to_do(world: World) -> None:
    admin = world.client()
    admin.call("res.users", "create", vals_list=[{"name": "Poor", "login": "poor", "password": "poor-and-honest"}], context={"no_reset_password": True})
    with pytest.raises(TargetProblem, match=r"poor may not read the settings(.|\n)*Administration: Settings"):
        open_target(world.workspace(), world.client("poor", "poor-and-honest"), "sandbox")


def test_custom_fields_count_from_the_moment_they_exist(world: World) -> None:
    target = world.target()
    custom_field(target.ws, "company", "x_shoe_size", "integer", "Shoe size")
    assert refresh_names(target).names["company"]["x_shoe_size"] is None
    model = target.client.call("ir.model", "search", domain=[["model", "=", "res.partner"]])[0]
    vals = {"model_id": model, "name": "x_shoe_size", "field_description": "Shoe size", "ttype": "integer", "state": "manual"}
    target.client.call("ir.model.fields", "create", vals_list=[vals])
    after = refresh_names(target)
    assert after.names["company"]["x_shoe_size"] == "x_shoe_size"
    assert rows(target.ws, "select names from {log}.target")[0]["names"]["company"]["x_shoe_size"] == "x_shoe_size"


def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that opening the target takes, after the login."""
    seen: list[str] = []
    with world.client() as client, monkeypatch.context() as patch:
        real = client.call
        patch.setattr(client, "call", lambda model, method, **named: (seen.append(f"{model}.{method}"), real(model, method, **named))[1])
        open_target(world.workspace(), client, "sandbox")
    return seen


def test_a_task_starts_with_three_calls_when_nothing_has_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run has hundreds of tasks, and each opens the target; a customer's Odoo Online answers one call a second."""
    first = world.target()
    assert asked(world, monkeypatch) == ["ir.config_parameter.search_read", "ir.module.module.search_read", "ir.model.fields.search_read"]
    assert world.target().shapes == first.shapes


@pytest.mark.parametrize("change", ["module", "new field", "new choice", "field gone", "another user", "upgrade"])
def test_a_change_of_the_target_in_the_middle_of_a_run_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    target = world.target()
    call = target.client.call
    model = call("ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]
    choices = [[0, 0, {"value": "a", "name": "A"}]]
    vals = {"model_id": model, "name": "x_midway", "field_description": "x", "ttype": "selection", "state": "manual", "selection_ids": choices}
    field = call("ir.model.fields", "create", vals_list=[vals]) if change in ("new choice", "field gone") else []
    before = world.target()
    assert "crm.lead.fields_get" not in asked(world, monkeypatch)
    if change == "module":
        module = call("ir.module.module", "search", domain=[["name", "=", "crm_livechat"]]) or call("ir.module.module", "search", domain=[["name", "=", "crm_sms"]])
        call("ir.module.module", "button_immediate_install", ids=module)
    elif change == "new field":
        field = call("ir.model.fields", "create", vals_list=[vals])
    elif change == "new choice":
        call("ir.model.fields.selection", "create", vals_list=[{"field_id": field[0], "value": "b", "name": "B"}])
    elif change == "field gone":
        call("ir.model.fields", "unlink", ids=field)
        field = []
    elif change == "another user":
        rights = [[6, 0, [target.need("base.group_user"), target.need("base.group_system")]]]
        call("res.users", "create", vals_list=[{"name": "Other", "login": "other", "password": "other-and-other", "group_ids": rights}], context={"no_reset_password": True})
        open_target(world.workspace(), world.client("other", "other-and-other"), "sandbox")
    elif change == "upgrade":
        module = call("ir.module.module", "search", domain=[["name", "=", "contacts"]])
        call("ir.module.module", "write", ids=module, vals={"latest_version": "19.0.9.9"})
    assert "crm.lead.fields_get" in asked(world, monkeypatch)
    after = world.target()
    if change == "new choice":
        assert after.shapes["crm.lead"]["x_midway"]["selection"] == [["a", "A"], ["b", "B"]]
    elif change == "new field":
        assert "x_midway" in after.shapes["crm.lead"]
    elif change == "field gone":
        assert "x_midway" in before.shapes["crm.lead"]
        assert "x_midway" not in after.shapes["crm.lead"]
    if field:
        call("ir.model.fields", "unlink", ids=field)


def test_a_reference_finds_a_record_of_odoo_or_says_that_it_is_not_there(world: World) -> None:
    target = world.target()
    assert target.reference("base.us") == target.need("base.us")
    assert target.reference("base.atlantis") is None
    with pytest.raises(TargetProblem, match=r"has no record base\.atlantis"):
        target.need("base.atlantis")


@pytest.mark.parametrize(
    ("url", "rolling", "declared", "expected"),
    [
        ("http://localhost:8069", False, "online", "self_hosted"),
        ("https://acme.odoo.com", False, "self_hosted", "online"),
        ("https://acme.odoo.com", False, "odoo_sh", "odoo_sh"),
        ("https://acme-staging-1.dev.odoo.com", False, "self_hosted", "odoo_sh"),
        ("https://crm.acme.com", True, "self_hosted", "online"),
        ("https://crm.acme.com", False, "odoo_sh", "odoo_sh"),
    ],
)
def test_hosting_is_read_from_the_host_where_it_tells(url: str, rolling: bool, declared: str, expected: str) -> None:
    assert hosting_of(url, rolling, declared) == expected


@pytest.mark.parametrize(("release", "expected"), [("19.0.1.3", (False, 19)), ("saas~18.3.1.3", (True, 18)), ("16.0.1.3", (False, 16))])
def test_releases(release: str, expected: tuple[bool, int]) -> None:
    assert parse_release(release) == expected


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(TargetProblem, match="'master'"):
        parse_release("master")


def entity(**fields: OdooField) -> Entity:
    return Entity(entity="thing", model="x.thing", title="Things", inputs={}, fields=fields)


def test_the_first_name_that_the_target_has_is_used() -> None:
    thing = entity(tax_ids=OdooField(type="many2many", value=None, names=["tax_id"]))
    assert resolve(thing, {"tax_id": {"type": "many2many"}, "tax_ids": {"type": "many2many"}}) == {"tax_ids": "tax_ids"}
    assert resolve(thing, {"tax_id": {"type": "many2many"}}) == {"tax_ids": "tax_id"}
    assert resolve(thing, {}) == {"tax_ids": None}


def test_what_the_target_cannot_hold_is_said_with_what_to_do() -> None:
    thing = entity(
        here=OdooField(type="char", value=None), gone=OdooField(type="char", value=None, names=["lost"]), luxury=OdooField(type="char", value=None, optional=True),
        kind=OdooField(type="selection", value="gold"), amount=OdooField(type="monetary", value=1),
    )
    shape = {"here": {"type": "char"}, "kind": {"type": "selection", "selection": [["a", "A"], ["b", "B"]]}, "amount": {"type": "many2one"}}
    said = list(unresolved(thing, resolve(thing, shape), shape))
    assert said == [
        "thing: x.thing has no field gone or lost; add this version's name under `names` in mappings/odoo/thing.yaml, or mark it `optional`",
        "thing: x.thing.kind does not take 'gold'; it takes 'a', 'b'",
        "thing: x.thing.amount is of type many2one in this Odoo, and the entity file says monetary",
    ]
    assert list(unresolved(replace_requires(thing), {}, None)) == [
        "thing: the database has no model x.thing; install helpdesk, or leave the objects that feed it out of the project"
    ]


def replace_requires(thing: Entity) -> Entity:
    return thing.model_copy(update={"requires": ["helpdesk"]})


def test_the_xid_module_cannot_collide_with_a_real_module(world: World, tmp_path: Path) -> None:
    target = world.target()
    assert target.xid_module == "__migration_small__"
    assert replace(target, version=16).xid_module == target.xid_module
