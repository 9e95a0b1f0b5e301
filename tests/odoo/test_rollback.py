"""A rollback takes back what we did, and nothing else: proved on a real Odoo against a picture taken before the load."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.ledger import runs
from crm2odoo.ledger.batches import ChunkLedger
from crm2odoo.odoo import picture, rollback
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from odoo_server import OdooDatabase
from proof_world import FIRMS, REPS, Proof, deals, proof_world

DEALS = 12
MODELS = ["res.partner", "res.users", "crm.tag", "crm.lead"]


@pytest.fixture
def proof(request: pytest.FixtureRequest, tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> Iterator[Proof]:
    """A project of its own per test, on an Odoo that the tests share: each must leave it as it was."""
    name = "rb_" + request.node.name[5:].split("[")[0][:20].rstrip("_")
    with proof_world(tmp_path, staging_dsn, odoo, name) as world:
        yield world


@pytest.fixture(scope="module")
def somebody(odoo: OdooDatabase) -> Iterator[OdooClient]:
    """A salesperson at work in the same Odoo."""
    admin = OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key))
    groups = list(admin.xml_ids(["base.group_user", "base.group_partner_manager", "sales_team.group_sale_manager"]).values())
    person = {"name": "Sam Sales", "login": "sam@work.example", "password": "sam-works-here", "group_ids": [[6, 0, groups]]}
    admin.call("res.users", "create", vals_list=[person], context={"no_reset_password": True})
    client = OdooClient.connect(OdooCredentials(odoo.url, odoo.database, "sam@work.example", "sam-works-here"), "jsonrpc")
    yield client
    client.close()
    admin.close()


def ids(proof: Proof) -> dict[str, list[int]]:
    """Model → all ids, asked directly."""
    return {m: proof.target.client.call(m, "search", domain=[], order="id", context={"active_test": False}) for m in MODELS}


def content(proof: Proof) -> list[Any]:
    """What Odoo holds of our deals, without database ids."""
    fields = ["name", "expected_revenue", "date_deadline", "description", "date_closed", "priority", "x_size", "active"]
    found = proof.target.client.call("crm.lead", "search_read", domain=[["name", "like", "Deal number"]], fields=fields, context={"active_test": False})
    return sorted(str({k: v for k, v in row.items() if k != "id"}) for row in found)


def load(proof: Proof, folder: str = "first", run_id: str = "run", count: int = DEALS) -> None:
    picture.take(proof.target, run_id)
    proof.run(proof.deliver(folder, rep=REPS, firm=FIRMS, deal=deals(count)), run_id)


def dry_run(proof: Proof, run_id: str = "back", *undo: str) -> rollback.Summary:
    runs.start(proof.ws, run_id, kind="rollback", dag_id="proof.rollback")
    return rollback.dry_run(proof.target, run_id, undo)


def undo(proof: Proof, run_id: str = "back", *of: str) -> rollback.Summary:
    return rollback.carry_out(proof.target, run_id, dry_run(proof, run_id, *of).hash)


@pytest.mark.promise("P186", "P188", "P190")
def test_everything_goes_and_loading_again_gives_the_same(proof: Proof) -> None:
    before = ids(proof)
    load(proof)
    loaded, contents = ids(proof), content(proof)
    assert len(contents) == DEALS
    listed = dry_run(proof)
    assert ids(proof) == loaded, "a dry run writes nothing"
    assert listed.spared == []
    assert listed.counts == {"deal": {"delete": DEALS}, "firm": {"delete": 2}, "label": {"delete": 3}, "user": {"delete": 2}}
    done = rollback.carry_out(proof.target, "back", listed.hash)
    assert ids(proof) == before
    assert rollback.verify(proof.target, "back").listed == []
    assert done.total("delete") == DEALS + 7
    assert proof.rows("select xid from {log}.record where ours") == []
    assert proof.rows("select count(*) as n from {log}.entry where action = 'delete' and run_id = 'back'")[0]["n"] == DEALS + 7
    assert dry_run(proof, "again").counts == {}, "a second rollback has nothing to do"
    proof.plan(proof.root / "first", "second")
    proof.load()
    assert content(proof) == contents
    undo(proof, "tidy")
    assert ids(proof) == before


@pytest.mark.promise("P188")
def test_what_a_person_changed_or_uses_stays_with_all_it_needs(proof: Proof, somebody: OdooClient) -> None:
    before = ids(proof)
    load(proof)
    edited, used = proof.id("deal_1"), proof.id("deal_3")
    somebody.call("crm.lead", "write", ids=[edited], vals={"expected_revenue": 7})
    somebody.call("crm.lead", "message_post", ids=[used], body="They called back")
    green = proof.rows("select res_id from {log}.record where entity = 'label' and vals ->> 'name' = 'green'")[0]["res_id"]
    own = somebody.call("crm.lead", "create", vals_list=[{"name": "Sam's own lead", "tag_ids": [[6, 0, [green]]]}])
    done = undo(proof)
    kept = {(i.model, i.res_id): i.reason or "" for i in done.spared}
    assert "changed by sam@work.example" in kept["crm.lead", edited]
    assert "mail.message" in kept["crm.lead", used]
    assert f"crm.lead {own[0]} refers to it (tag_ids)" in kept["crm.tag", green]
    assert f"crm.lead {edited} refers to it" in " ".join(kept.values())
    left = proof.target.client.call("crm.lead", "search_read", domain=[["id", "in", [edited, used]]], fields=["partner_id", "user_id", "tag_ids"])
    assert len(left) == 2
    assert all(lead["partner_id"] and lead["user_id"] and lead["tag_ids"] for lead in left), "what they refer to is there too"
    verified = rollback.verify(proof.target, "back")
    assert f"crm.lead {own[0]}: made by somebody else" in verified.listed
    assert len([line for line in verified.listed if line.startswith("crm.lead")]) == 3
    call = proof.target.client.call
    call("crm.lead", "unlink", ids=[edited, used, *own])
    undo(proof, "tidy")
    assert ids(proof) == before


@pytest.mark.promise("P188", "R01")
@pytest.mark.parametrize("where", ["before_odoo", "after_odoo"])
def test_a_rollback_killed_by_kill_9_goes_on_where_it_stopped(proof: Proof, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    before = ids(proof)
    load(proof, "first" + where, count=8)
    monkeypatch.setattr(rollback, "PAGE", 3)
    listed = dry_run(proof, "back" + where)
    child = os.fork()
    if child == 0:
        _die_at_the_second_page(proof, "back" + where, listed.hash, where)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    left = len(ids(proof)["crm.lead"]) - len(before["crm.lead"])
    assert left == (5 if where == "before_odoo" else 2), "it died in the middle"
    done = rollback.carry_out(proof.target, "back" + where, listed.hash)
    assert ids(proof) == before
    assert done.total("forget") == (3 if where == "after_odoo" else 0)
    assert rollback.verify(proof.target, "back" + where).listed == []


def _die_at_the_second_page(proof: Proof, run_id: str, signed: str, where: str) -> None:
    """In a process of its own, with a connection of its own."""
    unlink, calls = rollback._Deed._unlink, []

    def dying(deed: Any, model: str, records: list[int]) -> None:
        calls.append(model)
        if len(calls) == 2 and where == "before_odoo":
            os.kill(os.getpid(), signal.SIGKILL)
        unlink(deed, model, records)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        rollback._Deed._unlink = dying  # type: ignore[method-assign]
        client = OdooClient.connect(proof.target.client.credentials)
        rollback.carry_out(dataclasses.replace(proof.target, client=client), run_id, signed)
    finally:
        os._exit(1)


@pytest.mark.promise("P188", "R01")
def test_a_load_that_died_halfway_is_taken_back_with_the_batch_whose_answer_was_lost(proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ids(proof)
    settle = ChunkLedger.settle

    def dies_at_deals(ledger: ChunkLedger, *args: Any, **named: Any) -> None:
        if ledger.chunk.entity == "deal":
            raise KeyboardInterrupt
        settle(ledger, *args, **named)

    monkeypatch.setattr(ChunkLedger, "settle", dies_at_deals)
    with pytest.raises(KeyboardInterrupt):
        load(proof)
    assert len(ids(proof)["crm.lead"]) == len(before["crm.lead"]) + DEALS, "Odoo has them, the ledger does not"
    assert undo(proof).counts["deal"] == {"delete": DEALS}
    assert ids(proof) == before


@pytest.mark.promise("P188")
def test_one_run_alone_is_taken_back_field_by_field(proof: Proof) -> None:
    before = ids(proof)
    load(proof, run_id="one")
    first, contents = ids(proof), content(proof)
    changed = [{**row, "amount": "5.00", "labels": "violet"} if row["id"] == "1" else row for row in deals(DEALS + 1)]
    place = proof.deliver("second", rep=REPS, firm=FIRMS, deal=changed)
    proof.run(place, "two")
    assert content(proof) != contents
    done = undo(proof, "back", "two")
    assert done.counts == {"deal": {"restore": 1, "delete": 1}, "label": {"delete": 1}}
    assert (ids(proof), content(proof)) == (first, contents)
    proof.plan(place, "three")
    planned = proof.rows("select action, count(*) as n from {target}.plan where entity = 'deal' group by 1 order by 1")
    assert planned == [{"action": "create", "n": 1}, {"action": "unchanged", "n": DEALS - 1}, {"action": "update", "n": 1}]
    proof.load()
    assert len(content(proof)) == DEALS + 1
    assert [i.reason for i in dry_run(proof, "oldest", "one").spared if i.xid == "deal_1"] == ["the run three wrote it later: undo that one first"]
    undo(proof, "all")
    assert ids(proof) == before


def test_a_list_that_somebody_loaded_after_is_refused(proof: Proof) -> None:
    before = ids(proof)
    load(proof, run_id="one")
    listed = dry_run(proof)
    proof.run(proof.deliver("second", rep=REPS, firm=FIRMS, deal=deals(DEALS + 1)), "two")
    with pytest.raises(rollback.RollbackChanged, match="not the one that was signed"):
        rollback.carry_out(proof.target, "back", listed.hash)
    undo(proof, "tidy")
    assert ids(proof) == before
