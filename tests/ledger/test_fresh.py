"""A plan that no longer says what would happen is refused, with the reason; so is a target that was cut over."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from crm2odoo.ledger import approvals, fresh, runs
from crm2odoo.odoo.target import refresh_names
from odoo_server import OdooDatabase
from proof_world import FIRMS, REPS, Proof, deals, proof_world

pytestmark = [pytest.mark.odoo, pytest.mark.promise("R11")]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Iterator[Proof]:
    with proof_world(tmp_path_factory.mktemp("fresh"), staging_dsn, odoo, "fresh") as world:
        world.plan(world.deliver("first", rep=REPS, firm=FIRMS, deal=deals(4)), "planner")
        yield world


def refused(proof: Proof) -> str:
    with pytest.raises(fresh.StalePlan) as error:
        fresh.require(proof.ws, proof.plan_id, "loader")
    return str(error.value)


def replan(proof: Proof) -> None:
    proof.plan(proof.root / "first", "planner")


def test_a_plan_holds_while_its_own_run_writes(planned: Proof) -> None:
    assert fresh.require(planned.ws, planned.plan_id, "planner").plan_id == planned.plan_id
    planned.load()
    assert fresh.require(planned.ws, planned.plan_id, "planner").plan_id == planned.plan_id


@pytest.mark.promise("R01")
def test_a_plan_whose_rows_a_crash_of_postgresql_took_is_not_taken_for_done(planned: Proof) -> None:
    planned.rows("truncate {target}.plan")  # what recovery does to an unlogged table
    assert "its rows are gone from the staging database" in refused(planned)
    replan(planned)
    fresh.require(planned.ws, planned.plan_id, "loader")


def test_a_changed_mapping_decision_export_field_or_ledger_makes_it_stale(planned: Proof) -> None:
    replan(planned)
    first = planned.plan_id
    replan(planned)
    second, planned.plan_id = planned.plan_id, first
    assert f"plan {second} was made after it" in refused(planned)
    planned.plan_id = second

    planned.rows("insert into {log}.decision (name, value, decided_by) values ('owner:x', '{{\"choice\": \"hold\"}}', 'Olga')")
    assert "somebody decided since: owner:x by Olga" in refused(planned)
    replan(planned)
    planned.rows("insert into {log}.decision (name, value, decided_by) values ('pause_load', 'true', 'Olga')")
    fresh.require(planned.ws, planned.plan_id, "loader")  # a pause does not change what would be written

    planned.rows("update {log}.target set names = jsonb_set(names, '{{deal,x_hot}}', 'null')")
    assert "fields of Odoo that the mapping uses came, went or were renamed" in refused(planned)
    refresh_names(planned.target)
    fresh.require(planned.ws, planned.plan_id, "loader")

    planned.rows("update {log}.export set sha256 = 'x' || sha256")
    assert "the export is another one" in refused(planned)
    planned.rows("update {log}.export set sha256 = substr(sha256, 2)")

    runs.start(planned.ws, "other", kind="load", dag_id=None)
    planned.rows(
        "insert into {log}.entry (target_id, run_id, entity, model, xid, action) values (%s, 'other', 'deal', 'crm.lead', 'deal_1', 'update')",
        planned.target.target_id,
    )
    assert "the run other wrote to this Odoo" in refused(planned)

    replan(planned)
    planned.rows("update {log}.plan set bound_to = bound_to || '{{\"mapping\": \"old\"}}' where plan_id = %s", planned.plan_id)
    assert "the mapping changed" in refused(planned)


@pytest.mark.promise("P177", "P178")
def test_after_the_cutover_nothing_is_loaded_until_unlocking_is_approved(planned: Proof) -> None:
    replan(planned)
    ws, target_id = planned.ws, planned.target.target_id
    fresh.lock(ws, target_id, "Carla", {})
    with pytest.raises(fresh.Locked, match=r"fresh was cut over by Carla on .*: Odoo is the system of record, and nothing is written"):
        fresh.require(ws, planned.plan_id, "loader")
    with ws.connect() as connection:
        seal = fresh.lock_hash(ws, connection, target_id)
    assert seal
    approvals.record(ws, subject=fresh.UNLOCK, hash=seal, verdict="approved", by="Carla")
    assert fresh.require(ws, planned.plan_id, "loader")
    fresh.lock(ws, target_id, "Carla", {"again": True})
    with pytest.raises(fresh.Locked):  # an approval opens one lock, not the next
        fresh.require(ws, planned.plan_id, "loader")
    assert json.dumps(planned.rows("select name from {log}.decision where name like 'lock:%%'")).count("lock:") == 2
