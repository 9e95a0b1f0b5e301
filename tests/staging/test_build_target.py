"""From clean rows to records: who refers to whom, what is made on demand, which rows are one record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from clean_tables import fill
from psycopg.types.json import Jsonb
from small_world import PROJECT, SOURCE, write

from crm2odoo.ledger import make_plan
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace, build_target

ROWS: dict[str, list[dict[str, Any]]] = {
    "rep": [{"name": "Ann Lee", "email": "Ann@x.example"}],
    "company": [
        {"id": "C1", "name": "Acme", "city": "Ghent"},
        {"id": "C2", "name": "Acme Labs", "parent": "ACME"},
        {"id": "0C", "name": "Nullnull", "parent": "Nobody"},
    ],
    "contact": [
        {"id": "P1", "name": "Jo", "email": "jo@acme.example", "company": "C1", "city": "Ghent"},
        {"id": "P2", "name": "Jo too", "email": "JO@acme.example", "company": "acme ", "_status": "merged", "_into": "P1"},
        {"id": "P3", "name": "Mo", "company": "New Co", "city": "Bruges"},
        {"id": "P4", "name": "Mo", "company": "new  co", "city": "Bruges"},
    ],
    "deal": [
        {"id": "D1", "name": "One", "contact": "Jo", "pipeline": "A", "stage": "Won", "owner": "Ann Lee", "tags": ["Hot", "hot ", "VIP"], "amount": "10.50"},
        {"id": "D2", "name": "Two", "contact": "P2", "pipeline": "A", "stage": "LOST", "owner": "sam@x.example"},
        {"id": "D3", "name": "Three", "contact": "Mo", "pipeline": "B", "stage": "Won"},
        {"id": "D4", "name": "Four", "_status": "rejected"},
    ],
}


@pytest.fixture
def ws(tmp_path: Path, staging_dsn: str) -> Workspace:
    return open_workspace(write(tmp_path), staging_dsn)


def open_workspace(root: Path, dsn: str) -> Workspace:
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        for part in ("land", "clean", "target", "log"):
            connection.execute(f"drop schema if exists small_test_{part} cascade".encode())
    workspace = Workspace.open(load_bundle(root, "small_test"), dsn)
    fill(workspace, ROWS)
    return workspace


def table(ws: Workspace, name: str) -> dict[str, dict[str, Any]]:
    with ws.connect() as connection:
        return {r["_xid"]: r for r in connection.execute(ws.sql("select * from {target}.{t}", t=name))}


def plan_rows(ws: Workspace, entity: str) -> dict[str, tuple[str, str | None]]:
    with ws.connect() as connection:
        rows = connection.execute(ws.sql("select xid, action, reason from {target}.plan where entity = %s order by seq"), [entity])
        return {r["xid"]: (r["action"], r["reason"]) for r in rows}


def register_target(ws: Workspace) -> str:
    with ws.connect() as connection:
        connection.execute(ws.sql("insert into {log}.target (target_id, url, database, kind, version, edition, hosting) values ('t1', 'u', 'd', 'sandbox', '19', 'c', 's') on conflict do nothing"))
    return "t1"


@pytest.mark.promise("P145")
def test_entities_are_loaded_after_those_they_refer_to(ws: Workspace) -> None:
    order = ws.bundle.load_order
    for earlier, later in (("team", "stage"), ("company", "contact"), ("contact", "opportunity"), ("user", "opportunity"), ("tag", "opportunity")):
        assert order.index(earlier) < order.index(later)


def test_only_valid_rows_become_records(ws: Workspace) -> None:
    counts = build_target(ws, "e1")
    assert counts["opportunity"] == 3
    assert counts["contact"] == 3


@pytest.mark.promise("P005")
def test_a_reference_tries_the_source_key_first_and_the_name_next(ws: Workspace) -> None:
    build_target(ws, "e1")
    contacts = table(ws, "contact")
    companies = {r["name"]: r["_xid"] for r in table(ws, "company").values()}
    parents = {r["name"]: r["parent_id"] for r in contacts.values()}
    assert parents["Jo"] == companies["Acme"]
    assert parents["Mo"] == companies["New Co"]


def test_a_company_named_by_a_contact_only_is_made_on_demand_once(ws: Workspace) -> None:
    build_target(ws, "e1")
    assert sorted(r["name"] for r in table(ws, "company").values()) == ["Acme", "Acme Labs", "New Co", "Nullnull"]


def test_a_reference_to_the_entity_itself_is_resolved(ws: Workspace) -> None:
    build_target(ws, "e1")
    by_name = {r["name"]: r for r in table(ws, "company").values()}
    assert by_name["Acme Labs"]["parent_id"] == by_name["Acme"]["_xid"]
    assert by_name["Nullnull"]["parent_id"] is None
    assert by_name["Nullnull"]["_unfound_parent"] == "=nobody"


def test_references_to_a_merged_row_go_to_the_survivor(ws: Workspace) -> None:
    build_target(ws, "e1")
    deals = {r["name"]: r for r in table(ws, "opportunity").values()}
    assert deals["Two"]["partner_id"] == deals["One"]["partner_id"]


def test_two_people_of_one_name_are_no_answer(ws: Workspace) -> None:
    build_target(ws, "e1")
    deals = {r["name"]: r for r in table(ws, "opportunity").values()}
    assert deals["Three"]["partner_id"] is None


def unfound(ws: Workspace) -> dict[tuple[str, str], tuple[str, int, dict[str, Any]]]:
    with ws.connect() as connection:
        rows = connection.execute(ws.sql("select severity, count, evidence from {log}.finding where code = 'reference_not_found'")).fetchall()
    return {(r["evidence"]["entity"], r["evidence"]["input"]): (r["severity"], r["count"], r["evidence"]) for r in rows}


def test_a_reference_that_finds_no_record_is_told_unless_its_value_is_kept_elsewhere(ws: Workspace) -> None:
    """Without the finding nobody would learn of it: the empty field is what Odoo is compared with."""
    build_target(ws, "e1")
    build_target(ws, "e1")
    found = unfound(ws)
    assert set(found) == {("company", "parent"), ("opportunity", "contact")}, "each is told once, and those that find theirs are not"
    severity, count, evidence = found["opportunity", "contact"]
    assert (severity, count, evidence["found"], evidence["records"]) == ("warning", 1, 2, ["D3"])


def test_a_reference_whose_value_is_kept_is_told_when_no_row_finds_its_record(tmp_path: Path, staging_dsn: str) -> None:
    kept = SOURCE.replace("          name: name\n          contact: {from: contact, object: contact, by: [name], or_else", '          name: {sql: "name || contact"}\n          contact: {from: contact, object: contact, by: [email], or_else')
    workspace = open_workspace(write(tmp_path, source=kept), staging_dsn)
    build_target(workspace, "e1")
    assert ("opportunity", "contact") not in unfound(workspace), "one of three is found by its key"
    fill(workspace, {**ROWS, "deal": [{**row, "contact": "Nobody"} for row in ROWS["deal"]]})
    build_target(workspace, "e1")
    severity, count, evidence = unfound(workspace)["opportunity", "contact"]
    assert (severity, count, evidence["found"]) == ("info", 3, 0)


def test_labels_that_differ_in_case_and_blanks_are_one_tag(ws: Workspace) -> None:
    build_target(ws, "e1")
    tags = {r["name"]: r["_xid"] for r in table(ws, "tag").values()}
    assert sorted(tags) == ["Hot", "VIP"]
    deals = {r["name"]: r for r in table(ws, "opportunity").values()}
    assert deals["One"]["tag_ids"] == sorted(tags.values())


def test_one_stage_set_per_pipeline_and_no_lost_stage(ws: Workspace) -> None:
    build_target(ws, "e1")
    assert sorted((r["name"], r["is_won"]) for r in table(ws, "stage").values()) == [("Won", True), ("Won", True)]
    deals = {r["name"]: r for r in table(ws, "opportunity").values()}
    assert (deals["Two"]["stage_id"], deals["Two"]["active"]) == (None, False)
    assert (deals["One"]["stage_id"] is not None, deals["One"]["active"]) == (True, True)
    assert deals["One"]["stage_id"] != deals["Three"]["stage_id"]


def test_an_owner_given_by_name_is_the_team_member(ws: Workspace) -> None:
    build_target(ws, "e1")
    users = {r["login"]: r["_xid"] for r in table(ws, "user").values()}
    assert sorted(users) == ["ann@x.example", "sam@x.example"]
    deals = {r["name"]: r for r in table(ws, "opportunity").values()}
    assert deals["One"]["user_id"] == users["ann@x.example"]


def test_what_a_referred_record_knows_can_be_used(ws: Workspace) -> None:
    build_target(ws, "e1")
    types = {r["name"]: r["type"] for r in table(ws, "contact").values() if r["name"] == "Jo"}
    assert types == {"Jo": "contact"}


def test_the_project_decides_about_a_stage(tmp_path: Path, staging_dsn: str) -> None:
    project = PROJECT + "stages:\n  - {pipeline: A, stage: Won, to: Gewonnen, outcome: open}\n"
    ws = open_workspace(write(tmp_path, project=project), staging_dsn)
    build_target(ws, "e1")
    assert sorted((r["name"], r["is_won"]) for r in table(ws, "stage").values()) == [("Gewonnen", False), ("Won", True)]


def test_an_xid_stays_when_the_surviving_row_vanishes(ws: Workspace) -> None:
    build_target(ws, "e1")
    make_plan(ws, register_target(ws), "e1")
    before = {r["name"]: r["_xid"] for r in table(ws, "contact").values()}
    survivor = ROWS["contact"][1] | {"_status": "valid", "_into": None}
    fill(ws, {**ROWS, "contact": [survivor, ROWS["contact"][2]]}, "e1")
    # The first row of the group, after which the record was named, is gone; the second one stands for it now.
    with ws.connect() as connection:
        connection.execute(ws.sql("insert into {log}.identity values ('contact', 'contact:P2', %s) on conflict (entity, key) do update set xid = excluded.xid"), [before["Jo"]])
    build_target(ws, "e1")
    after = {r["name"]: r["_xid"] for r in table(ws, "contact").values()}
    assert after["Jo too"] == before["Jo"]


@pytest.mark.promise("R10")
def test_the_same_input_gives_the_same_target(ws: Workspace) -> None:
    build_target(ws, "e1")
    first = {e: table(ws, e) for e in ws.bundle.load_order}
    build_target(ws, "e1")
    assert {e: table(ws, e) for e in ws.bundle.load_order} == first


@pytest.mark.promise("P121", "R11")
def test_an_owner_nobody_decided_about_holds_what_it_owns(ws: Workspace) -> None:
    build_target(ws, "e1")
    plan = make_plan(ws, register_target(ws), "e1")
    assert set(plan_rows(ws, "user").values()) == {("held", "nobody decided yet")}
    deals = plan_rows(ws, "opportunity")
    assert [a for a, _ in deals.values()].count("held") == 2
    assert plan.summary["opportunity"] == {"create": 1, "held": 2}


@pytest.mark.promise("P122")
@pytest.mark.parametrize(
    ("choice", "user", "deal"), [("provision", "create", "create"), ("empty", "skipped", "create"), ("hold", "held", "held")]
)
def test_each_choice_about_an_owner_has_its_effect(tmp_path: Path, staging_dsn: str, choice: str, user: str, deal: str) -> None:
    ws = open_workspace(write(tmp_path, project=PROJECT + f"owners: {{decisions: {{SAM@x.example: {choice}}}, undecided: provision}}\n"), staging_dsn)
    build_target(ws, "e1")
    make_plan(ws, register_target(ws), "e1")
    users = {x: a for x, (a, _) in plan_rows(ws, "user").items()}
    sam = next(x for x in users if "sam" in x)
    assert users[sam] == user
    deals = {r["name"]: r["_xid"] for r in table(ws, "opportunity").values()}
    assert plan_rows(ws, "opportunity")[deals["Two"]][0] == deal
    with ws.connect() as connection:
        vals = connection.execute(ws.sql("select vals from {target}.plan where xid = %s"), [deals["Two"]]).fetchone()
    assert vals is not None
    assert (vals["vals"]["user_id"] is None) == (choice == "empty")


@pytest.mark.promise("P066", "P065")
def test_a_tag_that_odoo_has_is_found_not_made(ws: Workspace) -> None:
    build_target(ws, "e1")
    with ws.connect() as connection:
        ws.run(connection, "plan/1_existing.sql.j2")
        connection.execute(ws.sql("insert into {target}.existing values ('tag', 'vip', 7, 'VIP')"))
    plan = make_plan(ws, register_target(ws), "e1")
    assert plan.summary["tag"] == {"create": 1, "found": 1}


@pytest.mark.promise("P171")
def test_a_plan_lists_only_changed_fields_of_changed_rows(ws: Workspace) -> None:
    build_target(ws, "e1")
    make_plan(ws, register_target(ws), "e1")
    with ws.connect() as connection:
        connection.execute(ws.sql("insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id) select 't1', xid, entity, 'm', seq, true, hash, vals, 'r' from {target}.plan where entity in ('company', 'tag')"))
        connection.execute(ws.sql("update {log}.record set hash = 'old', vals = vals || %s where vals ->> 'name' = 'Acme'"), [Jsonb({"city": "Paris"})])
    build_target(ws, "e1")
    plan = make_plan(ws, "t1", "e1")
    assert plan.summary["company"] == {"unchanged": 3, "update": 1}
    assert plan.summary["tag"] == {"unchanged": 2}
    with ws.connect() as connection:
        changed = connection.execute(ws.sql("select changed from {target}.plan where entity = 'company' and action = 'update'")).fetchone()
    assert changed == {"changed": ["city"]}


def test_the_plan_has_the_same_hash_for_the_same_content_and_another_for_another(ws: Workspace) -> None:
    build_target(ws, "e1")
    first = make_plan(ws, register_target(ws), "e1")
    assert make_plan(ws, "t1", "e1").hash == first.hash
    with ws.connect() as connection:
        connection.execute(ws.sql("insert into {log}.decision (name, value, decided_by) values ('tag_length', '32', 'me')"))
    assert make_plan(ws, "t1", "e1").hash != first.hash
