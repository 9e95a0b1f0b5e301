"""The day of the cutover and the week after it, on a real Odoo: freeze, gates, sums, drift."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm2odoo import intake
from crm2odoo.ledger import approvals, runbook
from crm2odoo.ledger.dispositions import settle_dispositions
from crm2odoo.odoo import audit, drift
from crm2odoo.reconcile.cutover import NotFrozen, freeze_proof, gate_states
from crm2odoo.reconcile.field_diff import diff
from crm2odoo.reconcile.gate import check_entity
from odoo_server import OdooDatabase
from proof_world import FIRMS, REPS, Proof, deals, proof_world

pytestmark = pytest.mark.odoo


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Iterator[Proof]:
    """A project after its final delta, with all checks done."""
    with proof_world(tmp_path_factory.mktemp("cut"), staging_dsn, odoo, "cut") as world:
        # One firm name is empty in the proof's export: cleaning rejects it, nothing is held.
        world.run(world.deliver("final", rep=REPS, firm=FIRMS, deal=deals(6)), "final")
        for entity in world.ws.bundle.load_order:
            check_entity(world.target, "final", world.plan_id, entity)
        settle_dispositions(world.ws, "final", world.plan_id)
        diff(world.target, "final", world.plan_id)
        yield world


def gates(proof: Proof) -> dict[str, tuple[bool, str, str | None]]:
    return {g.name: (g.passed, g.text, g.waived_by) for g in gate_states(proof.target, "final", proof.plan_id)}


@pytest.mark.promise("P170")
def test_the_source_stands_still_when_two_deliveries_are_equal_or_somebody_signs(proof: Proof) -> None:
    export = proof.rows("select export_id from {log}.plan where plan_id = %s", proof.plan_id)[0]["export_id"]
    same = intake.register(proof.ws, str(proof.deliver("later", rep=REPS, firm=FIRMS, deal=deals(6))))
    assert freeze_proof(proof.ws, export, same).proven
    other = intake.register(proof.ws, str(proof.deliver("moved", rep=REPS, firm=FIRMS, deal=deals(7))))
    with pytest.raises(NotFrozen, match=r"somebody still writes in the source:\n- deals.csv"):
        freeze_proof(proof.ws, export, other)
    stated = freeze_proof(proof.ws, export, None)
    assert not stated.proven
    assert "By approving you state" in stated.page


@pytest.mark.promise("P176", "P177", "P185")
def test_every_gate_is_green_after_a_good_load_and_sums_are_odoos_state(proof: Proof) -> None:
    found = gates(proof)
    assert {name for name, (passed, _, _) in found.items() if not passed} == set(), found
    assert set(found) == {"reconciliation", "read_back", "refusals", "conflicts", "held", "settings", "ledger", "sums"}
    assert {s.entity: s.there for s in audit.sums(proof.target)} == {"user": 2, "firm": 2, "label": 3, "deal": 6}


@pytest.mark.promise("P177")
def test_a_red_gate_says_why_and_a_waiver_is_named(proof: Proof) -> None:
    gone = proof.id("deal_2")
    proof.rows("insert into {log}.refusal (run_id, target_id, plan_id, entity, xid, kind, message) values ('final', %s, %s, 'deal', 'deal_1', 'odoo', 'no')",
               proof.target.target_id, proof.plan_id)
    proof.target.client.call("crm.lead", "unlink", ids=[gone])
    found = gates(proof)
    assert found["refusals"] == (False, "1 records refused by Odoo", None)
    assert found["sums"] == (False, "deal: made 6, known 6, in Odoo 5", None)
    red = next(g for g in gate_states(proof.target, "final", proof.plan_id) if g.name == "refusals")
    approvals.record(proof.ws, subject="gate:refusals", hash=red.hash, verdict="waived", by="Carla")
    assert gates(proof)["refusals"] == (False, "1 records refused by Odoo", "Carla")
    proof.rows("insert into {log}.refusal (run_id, target_id, plan_id, entity, xid, kind, message) values ('final', %s, %s, 'deal', 'deal_3', 'odoo', 'no')",
               proof.target.target_id, proof.plan_id)
    assert gates(proof)["refusals"] == (False, "2 records refused by Odoo", None), "a waiver is for what was seen"
    proof.rows("delete from {log}.refusal where xid = 'deal_3'")


@pytest.mark.promise("P179")
def test_the_daily_look_keeps_a_register_of_what_is_gone_and_closes_it(proof: Proof) -> None:
    first = drift.look(proof.target, "day1")
    assert (first.new, first.open) == (1, 1)
    assert proof.rows("select kind, entity, xid, text from {log}.issue") == [{"kind": "gone", "entity": "deal", "xid": "deal_2", "text": "Odoo has it no more"}]
    assert (drift.look(proof.target, "day2").new, drift.look(proof.target, "day2").open) == (0, 1)
    proof.rows("insert into {log}.decision (name, value, decided_by) values ('issue:gone:deal:deal_2', '{{\"choice\": \"accepted\"}}', 'Olga')")
    assert drift.look(proof.target, "day3").closed == 1
    assert proof.rows("select closed_by from {log}.issue") == [{"closed_by": "Olga"}]
    assert drift.look(proof.target, "day4").open == 0, "accepted for good"
    report = drift.close(proof.target, "day3")
    assert "| gone | deal | deal_2 | Odoo has it no more |" in report
    assert "0 still open" in report or "Nobody looked yet" in report


def test_the_runbook_has_owners_expected_results_planned_and_actual_times(proof: Proof) -> None:
    runbook.start(proof.ws, "cutover", proof.ws.bundle, rehearsal=True)
    runbook.done(proof.ws, "cutover", "freeze")
    text = runbook.as_markdown(proof.ws, "cutover")
    assert text.startswith("# Runbook (rehearsal): cutover\n")
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert lines["freeze"].count("20") >= 2, "planned and done"
    assert "else cut.rollback" in lines["go_no_go"]
