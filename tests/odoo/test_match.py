"""Records that Odoo has already are found by natural key and never picked at random; owners wait for a person, and get no more rights than they need."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm2odoo.odoo import match
from crm2odoo.odoo.context import SILENT
from crm2odoo.odoo.owners import owner_queue, suggest
from crm2odoo.odoo.provision import provision_rights, rights_of
from crm2odoo.odoo.target import Target, TargetProblem
from crm2odoo.project import Match
from crm2odoo.staging.mapping_sql import constants
from crm2odoo.staging.render import expression
from odoo_server import OdooDatabase
from target_world import ROOT, World, rows

pytestmark = pytest.mark.odoo


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> World:
    return World(tmp_path_factory.mktemp("root"), staging_dsn, odoo)


@pytest.fixture(scope="module")
def target(world: World) -> Target:
    return world.target()


def create(target: Target, model: str, *vals: dict[str, Any]) -> list[int]:
    return list(target.client.call(model, "create", vals_list=list(vals), context=SILENT))


def existing(target: Target, entity: str) -> dict[str, int]:
    match.read_existing(target, entity)
    return {r["natural"]: r["res_id"] for r in rows(target.ws, 'select "natural", res_id from {target}.existing where entity = %s', entity)}


def test_names_are_compared_without_case_and_blanks(target: Target) -> None:
    team = create(target, "crm.team", {"name": "  Große   Kunden "})[0]
    assert existing(target, "team")["grosse kunden"] == team


def test_archived_records_count(target: Target) -> None:
    team = create(target, "crm.team", {"name": "Sleeping", "active": False})[0]
    assert existing(target, "team")["sleeping"] == team


def test_countries_are_found_by_code_and_by_name(target: Target) -> None:
    found = existing(target, "country")
    assert found["de"] == found["germany"] == target.need("base.de")
    assert len(found) > 490


def test_states_are_told_apart_by_country(target: Target) -> None:
    found = existing(target, "state")
    assert found["us\x1fca"] == found["united states\x1fcalifornia"] == target.need("base.state_us_5")
    assert found["au\x1fwa"] != found["us\x1fwa"]


@pytest.mark.promise("P067")
def test_a_source_that_odoo_ships_is_used(target: Target) -> None:
    assert existing(target, "source")["facebook"] == target.need("utm.utm_source_facebook")


@pytest.mark.promise("P065")
def test_labels_of_odoo_are_taken_or_left_apart_as_the_project_says(world: World, target: Target) -> None:
    theirs = create(target, "crm.tag", {"name": "VIP firm"})[0]
    assert existing(target, "tag")["vip firm"] == theirs
    apart = world.target(decisions={"tag_conflict": "rename"})
    assert existing(apart, "tag") == {}
    title = apart.ws.bundle.source.title
    [named] = rows(apart.ws, f"select {expression(apart.entities['tag'].let['named'], ['name'], constants=constants(apart.ws.bundle))} as x from (values ('VIP firm')) as t(name)")
    assert named["x"] == f"VIP firm ({title})"
    assert world.target().entities["tag"].match is not None


@pytest.mark.promise("P063", "P065", "P066")
def test_several_records_with_one_name_are_nobodys_match_until_a_person_decides(target: Target) -> None:
    north = create(target, "crm.team", {"name": "North"}, {"name": "north "})
    assert "north" not in existing(target, "team")
    found = rows(target.ws, "select title, count, evidence from {log}.finding where step = 'match:team'")
    assert found[0]["count"] == 1
    assert found[0]["evidence"]["keys"] == [{"key": "north", "ids": north, "names": ["North", "north "]}]
    rows(target.ws, "insert into {log}.decision (name, value, decided_by) values ('match:team:north', %s, 'ann') returning 1", json.dumps({"res_id": north[1]}))
    assert existing(target, "team")["north"] == north[1]
    assert rows(target.ws, "select 1 from {log}.finding where step = 'match:team'") == []
    rows(target.ws, "insert into {log}.decision (name, value, decided_by) values ('match:team:north', %s, 'ann') returning 1", json.dumps({"create": True}))
    assert "north" not in existing(target, "team")
    assert rows(target.ws, "select 1 from {target}.ambiguous where entity = 'team'") == []


def test_of_labels_the_first_one_serves(target: Target) -> None:
    first, _ = create(target, "crm.lost.reason", {"name": "No budget"}, {"name": "no budget"})
    assert existing(target, "lost_reason")["no budget"] == first


@pytest.mark.promise("P120", "P126")
def test_users_are_found_by_login_or_address_and_portal_users_never(target: Target) -> None:
    group = target.need("base.group_portal")
    ann, bob, _ = create(
        target, "res.users", {"name": "Ann", "login": "ann", "email": "Ann@Acme.com"}, {"name": "Bob", "login": "BOB@acme.com", "email": "b@home.org", "active": False},
        {"name": "Port", "login": "port@acme.com", "email": "port@acme.com", "group_ids": [[6, 0, [group]]]},
    )
    found = existing(target, "user")
    assert found["ann@acme.com"] == found["ann"] == ann
    assert found["bob@acme.com"] == bob
    assert "port@acme.com" not in found


@pytest.mark.promise("P120")
def test_an_alias_leads_to_the_user_it_stands_for(world: World) -> None:
    target = world.target(owners={"aliases": {"ann.old@src.com": "ANN@acme.com"}})
    found = existing(target, "user")
    assert found["ann.old@src.com"] == found["ann@acme.com"]


@pytest.mark.promise("P064")
def test_addresses_and_websites_are_compared_by_what_counts_of_them(target: Target) -> None:
    """First address in lower case; bare domain."""
    with target.ws.connect() as connection:
        for name in ("email", "domain"):
            connection.execute(target.ws.sql(_function(name)).as_bytes(connection))
    create(target, "res.partner", {"name": "Acme", "website": "https://www.Acme.com/en"}, {"name": "Jo", "email": "JO@Acme.com, jo2@acme.com"})
    bundle = target.ws.bundle
    for entity, key, field in (("company", "website", "website"), ("contact", "email", "email")):
        before = bundle.entities[entity]
        bundle.entities[entity] = before.model_copy(update={"identity": [key], "match": Match(keys=[{key: field}])})
        found = existing(target, entity)
        bundle.entities[entity] = before
        assert ("acme.com" if key == "website" else "jo@acme.com") in found


def _function(name: str) -> str:
    """One function of sql/clean/functions.sql.j2, which the cleaning step has made in real life."""
    text = (ROOT / "sql" / "clean" / "functions.sql.j2").read_text()
    body = text.split(f"create or replace function {{{{ clean }}}}.{name}_key", 1)[1].split("$f$;", 1)[0]
    return "create or replace function {clean}." + name + "_key" + body.replace("{", "{{").replace("}", "}}") + "$f$"


def test_reading_again_gives_the_same(target: Target) -> None:
    assert existing(target, "country") == existing(target, "country")


def test_many_records_are_read_page_by_page(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = existing(target, "country")
    monkeypatch.setattr(match, "PAGE", 100)
    assert existing(target, "country") == whole


def test_a_field_that_odoo_lacks_is_named(target: Target) -> None:
    bundle = target.ws.bundle
    team = bundle.entities["team"]
    assert team.match is not None
    broken = team.model_copy(update={"match": team.match.model_copy(update={"keys": [{"name": "nickname"}]})})
    bundle.entities["team"] = broken
    try:
        with pytest.raises(TargetProblem, match=r"team is matched by nickname, and crm\.team has no such field"):
            match.read_existing(target, "team")
    finally:
        bundle.entities["team"] = team


def staged(target: Target) -> None:
    """What the transform would have made of two owners, a team and three deals."""
    with target.ws.connect() as connection:
        for statement in (
            "drop table if exists {target}.identity_user",
            "create table {target}.identity_user (_xid text, _natural text, _place int, _skipped bool, login text, name text, email text, role text, active bool)",
            "insert into {target}.identity_user values "
            "('user_ann', 'ann@acme.com', 1, false, 'ann@acme.com', 'Ann', 'ann@acme.com', 'manager', true),"
            "('user_carla', 'carla.diaz@src.com', 1, false, 'carla.diaz@src.com', 'Carla Diaz', 'carla.diaz@src.com', 'Manager', true),"
            "('user_zoe', 'zoe', 1, false, 'zoe', 'Zoe', null, 'agent', true)",
            "drop table if exists {target}.opportunity",
            "create table {target}.opportunity (_xid text, user_id text, team_id text)",
            "insert into {target}.opportunity values ('d1', 'user_carla', 'team_west'), ('d2', 'user_carla', 'team_west'), ('d3', 'user_zoe', null)",
            "drop table if exists {target}.lead", "create table {target}.lead (_xid text, user_id text, team_id text)",
            "drop table if exists {target}.company", "create table {target}.company (_xid text, user_id text)",
            "drop table if exists {target}.contact", "create table {target}.contact (_xid text, user_id text)",
            "insert into {target}.contact values ('c1', 'user_carla')",
        ):
            connection.execute(target.ws.sql(statement))


@pytest.mark.promise("P121", "P122", "P125")
def test_the_owner_queue_shows_who_is_missing_what_they_own_and_who_may_be_meant(world: World) -> None:
    target = world.target(owners={"decisions": {"Zoe": "fallback"}})
    carla = create(target, "res.users", {"name": "Carla Díaz", "login": "cdiaz@acme.com"})[0]
    staged(target)
    match.read_existing(target, "user")
    queue = owner_queue(target)
    assert [(o.login, o.records, o.counts, o.choice) for o in queue] == [
        ("carla.diaz@src.com", 3, {"Opportunities": 2, "Contacts": 1}, None),
        ("zoe", 1, {"Opportunities": 1}, "fallback"),
    ]
    assert queue[0].suggestion == (carla, "Carla Díaz", "cdiaz@acme.com")
    rows(target.ws, "insert into {log}.decision (name, value, decided_by) values ('owner:carla.diaz@src.com', %s, 'ann') returning 1", json.dumps({"choice": "provision"}))
    assert owner_queue(target)[0].choice == "provision"


def test_a_suggestion_needs_likeness() -> None:
    users = [{"id": 7, "name": "Carla Diaz", "login": "cdiaz@acme.com"}, {"id": 8, "name": "Bob Stone", "login": "bob@acme.com"}]
    assert suggest("x@src.com", "Diaz Carla", users) == (7, "Carla Diaz", "cdiaz@acme.com")
    assert suggest("bob@src.com", "", users) == (8, "Bob Stone", "bob@acme.com")
    assert suggest("quentin@src.com", "Quentin Marlowe", users) is None


@pytest.mark.promise("P069")
def test_least_rights_unless_the_project_follows_the_roles() -> None:
    assert rights_of("manager", roles=False) == ["base.group_user"]
    assert rights_of(" Manager", roles=True) == ["base.group_user", "sales_team.group_sale_salesman_all_leads"]
    assert rights_of("janitor", roles=True) == ["base.group_user"]


@pytest.mark.promise("P069", "P121")
def test_provisioned_users_get_their_role_and_their_teams_without_a_mail(world: World) -> None:
    target = world.target(owners={"roles": True})
    staged(target)
    made = create(target, "res.users", {"name": "Carla", "login": "carla.diaz@src.com"}, {"name": "Ann", "login": "ann2"})
    team = create(target, "crm.team", {"name": "West"})[0]
    for xid, model, res_id, ours in (("user_carla", "res.users", made[0], True), ("user_ann", "res.users", made[1], False), ("team_west", "crm.team", team, True)):
        rows(
            target.ws, "insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id) values (%s, %s, 'x', %s, %s, %s, '', '{{}}', 'r') returning 1",
            target.target_id, xid, model, res_id, ours,
        )
    before = target.client.call("mail.mail", "search_count", domain=[]), target.client.call("res.users", "read", ids=[made[1]], fields=["group_ids"])
    grants = [(g.login, g.what) for g in provision_rights(target, "r")]
    assert grants == [
        ("carla.diaz@src.com", "base.group_user, sales_team.group_sale_salesman_all_leads"), ("carla.diaz@src.com", "member of West"),
    ]
    groups = target.client.call("res.users", "read", ids=[made[0]], fields=["group_ids"])[0]["group_ids"]
    assert target.need("sales_team.group_sale_salesman_all_leads") in groups
    assert (target.client.call("mail.mail", "search_count", domain=[]), target.client.call("res.users", "read", ids=[made[1]], fields=["group_ids"])) == before
    member = {"crm_team_id": team, "user_id": made[0]}
    found = target.client.call("crm.team.member", "search_read", domain=[["crm_team_id", "=", team]], fields=["crm_team_id", "user_id"], load="")
    assert [{k: m[k] for k in member} for m in found] == [member]
    provision_rights(target, "r")
    assert target.client.call("crm.team.member", "search_count", domain=[["crm_team_id", "=", team]]) == 1
    noted = rows(target.ws, "select action, model, before from {log}.entry where run_id = 'r' order by entry_id")
    assert [(n["action"], n["model"]) for n in noted] == [("update", "res.users"), ("create", "crm.team.member")]
    assert "group_ids" in noted[0]["before"]
