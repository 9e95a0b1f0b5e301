"""A second export: only what changed is written, what people changed in Odoo is never overwritten unasked, what is gone follows the policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.ledger import runs
from crm2odoo.odoo import rollback
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.reconcile.conflicts import Conflict, find_conflicts, settle_conflicts
from crm2odoo.reconcile.gate import check_entity
from odoo_server import OdooDatabase
from proof_world import FIRMS, REPS, Proof, deals, proof_world

pytestmark = pytest.mark.odoo
DEALS = 8


@pytest.fixture(scope="module")
def sam(odoo: OdooDatabase) -> Iterator[OdooClient]:
    """A salesperson at work in the same Odoo."""
    admin = OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key))
    groups = list(admin.xml_ids(["base.group_user", "sales_team.group_sale_manager"]).values())
    person = {"name": "Sam Sales", "login": "sam@work.example", "password": "sam-works-here", "group_ids": [[6, 0, groups]]}
    admin.call("res.users", "create", vals_list=[person], context={"no_reset_password": True})
    client = OdooClient.connect(OdooCredentials(odoo.url, odoo.database, "sam@work.example", "sam-works-here"), "jsonrpc")
    yield client
    client.close()
    admin.close()


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Iterator[Proof]:
    """A loaded project."""
    with proof_world(tmp_path_factory.mktemp("delta"), staging_dsn, odoo, "delta") as world:
        world.run(world.deliver("first", rep=REPS, firm=FIRMS, deal=deals(DEALS)), "first")
        yield world


def rows(**changes: dict[str, str]) -> list[dict[str, str]]:
    """The deals with some cells changed: ``n1={"amount": …}``."""
    return [{**row, **changes.get(f"n{row['id']}", {})} for row in deals(DEALS)]


def deliver(proof: Proof, run_id: str, deal: list[dict[str, str]], **more: Any) -> list[Conflict]:
    """Plans a new export and looks for conflicts."""
    proof.plan(proof.deliver(run_id, rep=REPS, firm=FIRMS, deal=deal, **more), run_id)
    return find_conflicts(proof.target, run_id, proof.plan_id)


def load(proof: Proof) -> int:
    proof.load()
    return settle_conflicts(proof.target, proof.run_id, proof.plan_id)


def lead(proof: Proof, xid: str, *fields: str) -> dict[str, Any]:
    [row] = proof.target.client.call("crm.lead", "read", ids=[proof.id(xid)], fields=list(fields), load="")
    return {f: row[f] for f in fields}


def planned(proof: Proof) -> dict[str, list[str]]:
    return {
        r["xid"]: r["changed"] for r in proof.rows("select xid, changed from {target}.plan where entity = 'deal' and action = 'update' order by 1")
    }


def writes(proof: Proof) -> int:
    return int(proof.rows("select count(*) as n from {log}.entry where action in ('create', 'update', 'second', 'delete', 'archive')")[0]["n"])


@pytest.mark.promise("P171", "P172", "P174")
def test_unchanged_rows_cause_no_write_and_changed_ones_only_their_fields(proof: Proof) -> None:
    before, dates = writes(proof), {x: lead(proof, x, "write_date") for x in ("deal_1", "deal_2")}
    assert deliver(proof, "same", rows()) == []
    load(proof)
    assert writes(proof) == before
    deliver(proof, "other", rows(n2={"amount": "77.00"}))
    assert planned(proof) == {"deal_2": ["expected_revenue"]}
    load(proof)
    assert writes(proof) == before + 1
    assert lead(proof, "deal_1", "write_date") == dates["deal_1"]
    assert lead(proof, "deal_2", "expected_revenue") == {"expected_revenue": 77.0}


@pytest.mark.promise("P175")
def test_a_persons_edit_is_overwritten_only_by_decision(proof: Proof, sam: OdooClient) -> None:
    sam.call("crm.lead", "write", ids=[proof.id("deal_1")], vals={"expected_revenue": 5.0})
    sam.call("crm.lead", "write", ids=[proof.id("deal_3")], vals={"name": "Sam's name for it"})
    changed = rows(n1={"amount": "9.00", "due": "2026-01-01"}, n3={"amount": "8.00"}, n4={"amount": "7.00"}, n2={"amount": "77.00"})
    [conflict] = deliver(proof, "both", changed)
    assert (conflict.xid, conflict.field, conflict.loaded, conflict.source, conflict.odoo) == ("deal_1", "expected_revenue", 1001.25, 9, 5.0)
    assert (conflict.changed_by, conflict.choice) == ("sam@work.example", None)
    assert planned(proof) == {"deal_1": ["date_deadline"], "deal_3": ["expected_revenue"], "deal_4": ["expected_revenue"]}
    assert load(proof) == 1
    assert lead(proof, "deal_1", "expected_revenue", "date_deadline") == {"expected_revenue": 5.0, "date_deadline": "2026-01-01"}
    assert lead(proof, "deal_3", "name", "expected_revenue") == {"name": "Sam's name for it", "expected_revenue": 8.0}

    proof.plan(proof.root / "both", "again")
    [open_one] = find_conflicts(proof.target, "again", proof.plan_id)
    assert (open_one.xid, planned(proof)) == ("deal_1", {"deal_1": []}), "it comes up again until somebody decides"
    before = proof.rows("select hash from {log}.plan where plan_id = %s", proof.plan_id)

    proof.rows(
        "insert into {log}.decision (name, value, decided_by) values ('conflict:deal:deal_1:expected_revenue', '{{\"choice\": \"keep_odoo\"}}', 'Olga')"
    )
    proof.plan(proof.root / "both", "kept")
    find_conflicts(proof.target, "kept", proof.plan_id)
    assert proof.rows("select hash from {log}.plan where plan_id = %s", proof.plan_id) != before, "what is approved changed"
    assert load(proof) == 0
    assert lead(proof, "deal_1", "expected_revenue") == {"expected_revenue": 5.0}
    proof.plan(proof.root / "both", "quiet")
    assert planned(proof) == {}, "settled"

    proof.rows("insert into {log}.decision (name, value, decided_by) values ('conflict:deal', '{{\"choice\": \"take_source\"}}', 'Olga')")
    sam.call("crm.lead", "write", ids=[proof.id("deal_4")], vals={"expected_revenue": 6.0})
    [taken] = deliver(
        proof, "source", rows(n1={"amount": "9.00", "due": "2026-01-01"}, n3={"amount": "8.00"}, n4={"amount": "70.00"}, n2={"amount": "77.00"})
    )
    assert (taken.xid, taken.choice) == ("deal_4", "take_source")
    load(proof)
    assert lead(proof, "deal_4", "expected_revenue") == {"expected_revenue": 70.0}


@pytest.mark.promise("P173")
def test_vanished_rows_are_listed_and_follow_the_policy(proof: Proof, sam: OdooClient) -> None:
    proof.rows("insert into {log}.decision (name, value, decided_by) values ('vanished:deal', '\"archive\"', 'Olga')")
    sam.call("crm.lead", "message_post", ids=[proof.id("deal_7")], body="Still talking to them")
    left = [row for row in rows() if row["id"] not in ("6", "7", "8")]
    # Row 8 is there and broken; the firms' file is missing altogether.
    place = proof.deliver("gone", rep=REPS, deal=[*left, {"id": "8", "name": ""}])
    (place / "firms.csv").unlink(missing_ok=True)
    proof.plan(place, "gone")
    found = {(r["entity"], r["xid"]): r["reason"] for r in proof.rows("select entity, xid, reason from {target}.plan where action = 'vanished'")}
    assert found.pop(("deal", "deal_6")) == found.pop(("deal", "deal_7")) == "archive: its row is gone"
    assert found.pop(("deal", "deal_8")) == "keep: its row is rejected now"
    assert {reason for (entity, _), reason in found.items() if entity == "firm"} == {"keep: the export has no file of firm"}
    load(proof)
    check_entity(proof.target, "gone", proof.plan_id, "deal")  # the gate does not stumble over them
    done = rollback.vanish(proof.target, "gone", proof.plan_id)
    assert done.counts["deal"] == {"archive": 1, "keep": 1}
    assert lead(proof, "deal_6", "active") == {"active": False}
    assert lead(proof, "deal_7", "active") == {"active": True}, "somebody works with it"
    proof.plan(place, "gone2")
    [reason] = proof.rows("select reason from {target}.plan where xid = 'deal_6'")
    assert reason["reason"] == "keep: archived already"
    deliver(proof, "back", rows())
    assert rollback.revive(proof.target, "back", "deal") == 1
    assert rollback.revive(proof.target, "back", "deal") == 0
    load(proof)
    assert lead(proof, "deal_6", "active") == {"active": True}, "its row is back"


def test_a_leads_dates_survive_a_change_of_its_state(proof: Proof) -> None:
    closed = lead(proof, "deal_4", "date_closed")
    assert closed["date_closed"]
    deliver(proof, "state", rows(n4={"chance": "50"}))
    load(proof)
    assert lead(proof, "deal_4", "probability", "date_closed") == {"probability": 50, **closed}, "Odoo empties the date with such a write"


@pytest.mark.promise("P175")
def test_what_people_deleted_or_joined_waits_for_a_decision_and_nothing_is_written_in_its_place(
    tmp_path: Path, staging_dsn: str, new_odoo: Callable[[], OdooDatabase]
) -> None:
    zeta = {"id": "6", "name": "Zeta", "site": "zeta.example"}
    with proof_world(tmp_path, staging_dsn, new_odoo(), "gone") as world:
        call = world.target.client.call
        world.run(world.deliver("first", rep=REPS, firm=[*FIRMS, zeta], deal=deals(4)), "first")
        acme, old = world.id("firm_2"), world.id("firm_1")
        both = {"partner_ids": [[6, 0, [acme, world.id("firm_6")]]], "dst_partner_id": acme, "state": "selection"}
        merge = call("base.partner.merge.automatic.wizard", "create", vals_list=[both])
        call("base.partner.merge.automatic.wizard", "action_merge", ids=merge)
        call("res.partner", "unlink", ids=[old])
        call("crm.lead", "unlink", ids=[world.id("deal_1")])

        new = {"id": "9", "name": "A new deal of Zeta", "firm": "6"}
        firms = [{**f, "site": f"new-{f['id']}.example"} if f["id"] in ("1", "6") else f for f in [*FIRMS, zeta]]
        place = world.deliver("second", rep=REPS, firm=firms, deal=[{**d, "amount": "5.00"} if d["id"] == "1" else d for d in [*deals(4), new]])

        def delta(run_id: str) -> dict[str, tuple[str, str | None]]:
            """Plan, conflicts, load, gates. What the plan does with each record but the unchanged ones, and the choice."""
            world.plan(place, run_id)
            found = {c.xid: (str(c.odoo), c.choice) for c in find_conflicts(world.target, run_id, world.plan_id)}
            load(world)
            for entity in ("firm", "deal"):
                check_entity(world.target, run_id, world.plan_id, entity)
            return found

        def actions() -> dict[str, str]:
            rows = world.rows("select xid, action from {target}.plan where action not in ('unchanged', 'found') order by 1")
            return {r["xid"]: r["action"] for r in rows}

        # A record is made again only when it is named.
        world.rows("insert into {log}.decision (name, value, decided_by) values ('conflict', '{{\"choice\": \"take_source\"}}', 'Olga')")
        waiting = {"firm_1": ("deleted", None), "firm_6": ("joined with another record", None), "deal_1": ("deleted", None)}
        assert delta("second") == waiting
        assert actions() == {**dict.fromkeys(waiting, "held"), "deal_9": "create"}
        assert call("res.partner", "read", ids=[acme], fields=["website"])[0]["website"] == "https://acme.example/", "not that of the row that was joined"
        assert call("crm.lead", "read", ids=[world.id("deal_9")], fields=["partner_id"], load="")[0]["partner_id"] == acme
        for name, choice in {"firm:firm_1": "take_source", "deal:deal_1:record": "keep_odoo", "firm:firm_6": "keep_odoo"}.items():
            world.rows("insert into {log}.decision (name, value, decided_by) values (%s, %s::jsonb, 'Olga')", f"conflict:{name}", f'{{"choice": "{choice}"}}')
        assert {c for _, c in delta("decided").values()} == {"take_source", "keep_odoo"}
        assert actions() == {"firm_1": "create", "firm_6": "skipped", "deal_1": "skipped", "deal_3": "update"}
        assert call("crm.lead", "read", ids=[world.id("deal_3")], fields=["partner_id"], load="")[0]["partner_id"] == world.id("firm_1") != old
        before = writes(world)
        delta("settled")
        assert (actions(), writes(world)) == ({"firm_6": "skipped", "deal_1": "skipped"}, before)

        runs.start(world.ws, "back", kind="rollback", dag_id=None)
        rollback.carry_out(world.target, "back", rollback.dry_run(world.target, "back").hash)
        assert call("crm.lead", "search", domain=[], context={"active_test": False}) == []
        assert call("res.partner", "search", domain=[["website", "like", ".example"]], context={"active_test": False}) == []


@pytest.mark.promise("P121", "P125")
def test_a_decision_about_an_owner_or_a_new_user_releases_the_held_rows_and_nothing_else(
    tmp_path: Path, staging_dsn: str, new_odoo: Callable[[], OdooDatabase]
) -> None:
    with proof_world(tmp_path, staging_dsn, new_odoo(), "queue", owners={"decisions": {"ann@proof.example": "provision"}, "undecided": "hold"}) as world:
        carl = {"name": "Carl Coe", "email": "carl@proof.example"}
        rows = [{**row, "owner": carl["email"]} if row["id"] == "6" else row for row in deals(6)]
        place = world.deliver("first", rep=[*REPS, carl], firm=FIRMS, deal=rows)
        world.run(place, "one")

        def actions() -> dict[str, str]:
            return {r["xid"]: r["action"] for r in world.rows("select xid, action from {target}.plan where entity = 'deal'")}

        assert {x for x, action in actions().items() if action == "held"} == {"deal_1", "deal_3", "deal_6"}
        bobs = {"deal_1", "deal_3"}
        world.rows("insert into {log}.decision (name, value, decided_by) values ('owner:bob@proof.example', '{{\"choice\": \"provision\"}}', 'Olga')")
        before = writes(world)
        world.plan(place, "two")
        assert {x: a for x, a in actions().items() if a != "unchanged"} == {**dict.fromkeys(bobs, "create"), "deal_6": "held"}
        world.load()
        assert writes(world) == before + len(bobs) + 1, "the held deals and their owner"

        user = {"name": "Carl Coe", "login": "carl@proof.example", "password": "carl-works-here"}
        world.target.client.call("res.users", "create", vals_list=[user], context={"no_reset_password": True})
        world.plan(place, "three")
        assert {x: a for x, a in actions().items() if a != "unchanged"} == {"deal_6": "create"}
        world.load()
        assert writes(world) == before + len(bobs) + 2, "an administrator made the user: one deal is released"
