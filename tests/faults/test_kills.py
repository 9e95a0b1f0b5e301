"""A worker, its database or Odoo may die at any moment: after the task is cleared the end state is that of an undisturbed load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import psutil
import psycopg
import pytest
from dying_loader import POINTS
from oracle import ROWS, assert_sound, fault_world, load, plan, small_batches
from tenacity import wait_random

from crm2odoo.ledger.batches import ChunkLedger, ChunkTakenOver
from crm2odoo.odoo import client as client_module
from crm2odoo.odoo import loader
from crm2odoo.odoo.client import OdooClient
from crm2odoo.odoo.errors import OdooUnreachable, UnclearAnswer, WrongCredentials
from crm2odoo.odoo.load_action import ActionTier
from crm2odoo.reconcile.field_diff import diff
from crm2odoo.sandbox import Base, postgres
from crm2odoo.sandbox import server as odoo_process
from crm2odoo.sandbox.odoo_program import find_odoo
from crm2odoo.sandbox.postgres_program import Server
from crm2odoo.staging import StagingUnreachable
from load_world import World
from odoo_server import OdooDatabase

pytestmark = [pytest.mark.odoo, pytest.mark.promise("R01")]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "BatchSize", small_batches)
    monkeypatch.setattr(client_module, "_BACK_OFF", wait_random(0, 0.02))


@pytest.fixture
def world(tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> Iterator[World]:
    with fault_world(tmp_path, staging_dsn, odoo) as world:
        plan(world)
        yield world


def start_child(world: World, point: str) -> subprocess.Popen[str]:
    c = world.client.credentials
    script = Path(__file__).parent / "dying_loader.py"
    arguments = [world.ws.bundle.root, world.ws.dsn, c.url, c.database, c.login, c.secret, world.ws.bundle.project.project, world.plan_id, point]
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def killed(world: World, point: str) -> None:
    child = start_child(world, point)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, errors


@pytest.mark.parametrize("point", POINTS)
def test_kill_9_of_a_worker(world: World, point: str) -> None:
    killed(world, point)
    done = len(world.ids("company"))
    assert 0 < done < ROWS, "it died in the middle"
    load(world)
    assert_sound(world)
    # The same while records are changed: what they held before must survive as well.
    plan(world, 2)
    killed(world, point)
    load(world)
    assert_sound(world, 2)


def test_a_worker_that_dies_a_second_time(world: World) -> None:
    killed(world, "after Odoo's commit")
    killed(world, "in the middle of the ledger")
    load(world)
    assert_sound(world)


def test_kill_9_of_odoo(world: World, odoo_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    postgres, folder = Server(host=odoo_base.postgres_host, port=odoo_base.postgres_port), tmp_path / "server"
    folder.mkdir()
    running = odoo_process.start(folder, postgres, find_odoo(), lambda message: None, database=world.client.database)
    real, state = ActionTier.create, {"calls": 0}

    def shoot(self: ActionTier, *args: Any) -> Any:
        state["calls"] += 1
        if state["calls"] == 2:
            threading.Timer(0.02, os.kill, (running.pid, signal.SIGKILL)).start()
        return real(self, *args)

    monkeypatch.setattr(ActionTier, "create", shoot)
    try:
        with OdooClient.connect(replace(world.client.credentials, url=running.url)) as client, pytest.raises((OdooUnreachable, UnclearAnswer)):
            load(replace(world, target=replace(world.target, client=client)))
        assert any("When Odoo answers again, clear this task" in r.message for r in caplog.records)
    finally:
        odoo_process.stop(folder)
    load(world)
    assert_sound(world)


@pytest.mark.promise("R03")
def test_two_copies_of_a_task_at_the_same_time(world: World) -> None:
    children = [start_child(world, "wait for a line") for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    said = [(child.communicate(timeout=60)[1], child.returncode) for child in children]
    for errors, code in said:
        assert code == 0 or "ChunkTakenOver" in errors, errors
    assert any(code == 0 for _, code in said)
    load(world)
    assert_sound(world)


@pytest.mark.promise("R03")
def test_the_older_copy_may_not_write_any_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real, state = ActionTier.create, {"calls": 0}

    def overtaken(self: ActionTier, *args: Any) -> Any:
        state["calls"] += 1
        answer = real(self, *args)
        if state["calls"] == 2:
            # Airflow lost sight of this worker while its call was in Odoo, and started another one, which does all the work.
            monkeypatch.setattr(ActionTier, "create", real)
            load(world)
        return answer

    monkeypatch.setattr(ActionTier, "create", overtaken)
    with pytest.raises(ChunkTakenOver, match="another copy of this task"):
        load(world)
    assert_sound(world)


def test_the_staging_database_goes_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settle, state = ChunkLedger.settle, {"calls": 0}

    def cut_off(self: ChunkLedger, *args: Any, **named: Any) -> None:
        state["calls"] += 1
        if state["calls"] == 2:
            pid = self._connection.info.backend_pid
            with psycopg.connect(world.ws.dsn, autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s)", [pid])
            time.sleep(0.05)
        settle(self, *args, **named)

    monkeypatch.setattr(ChunkLedger, "settle", cut_off)
    with pytest.raises(StagingUnreachable, match=r"(?s)Nothing is lost.*clear this task"):
        load(world)
    load(world)
    assert_sound(world)


def test_kill_9_of_the_staging_postgresql(odoo: OdooDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server dies between Odoo's answer and the ledger. Recovery empties the plan, which is made again; the ledger stays."""
    settle, state = ChunkLedger.settle, {"calls": 0}
    with tempfile.TemporaryDirectory(prefix="c2o-pg-", dir="/var/tmp") as name:  # a socket's path must be short
        home = Path(name)
        Path(name).chmod(0o755)
        postgres.start(home, home / "postgres-facts.json", None, lambda message: None)

        def shoot(self: ChunkLedger, *args: Any, **named: Any) -> None:
            state["calls"] += 1
            if state["calls"] == 2:
                pid = postgres.running(home)
                assert pid
                family = [psutil.Process(pid), *psutil.Process(pid).children()]
                for process in family:
                    process.kill()
                psutil.wait_procs(family, timeout=10)
            settle(self, *args, **named)

        monkeypatch.setattr(ChunkLedger, "settle", shoot)
        try:
            with fault_world(home / "project", f"postgresql://crm2odoo@/crm2odoo?host={quote_plus(str(home / 'pg'))}", odoo) as world:
                plan(world)
                with pytest.raises(StagingUnreachable, match=r"(?s)Nothing is lost.*clear this task"):
                    load(world)
                postgres.start(home, home / "postgres-facts.json", None, lambda message: None)
                assert world.sql("select count(*) as n from {target}.plan") == [{"n": 0}]
                plan(world)
                load(world)
                assert_sound(world)
        finally:
            postgres.stop(home, lambda message: None)


@pytest.mark.promise("R07")
def test_the_staging_disk_is_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    end, state = ChunkLedger._end, {"calls": 0}

    def full(self: ChunkLedger, *args: Any) -> None:
        state["calls"] += 1
        if state["calls"] == 2:
            raise psycopg.errors.DiskFull("could not extend file: No space left on device")
        end(self, *args)

    monkeypatch.setattr(ChunkLedger, "_end", full)
    with pytest.raises(StagingUnreachable, match=r"(?s)No space left.*has room on its disk"):
        load(world)
    load(world)
    assert_sound(world)


def test_a_key_revoked_in_the_middle(world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    real, state = ActionTier.create, {"calls": 0}

    def revoke(self: ActionTier, *args: Any) -> Any:
        state["calls"] += 1
        if state["calls"] == 2:
            self._target.client._transport._headers["Authorization"] = "bearer revoked"  # type: ignore[attr-defined]
        return real(self, *args)

    monkeypatch.setattr(ActionTier, "create", revoke)
    with OdooClient.connect(world.client.credentials) as client:
        other = replace(world, target=replace(world.target, client=client))
        with pytest.raises(WrongCredentials, match="a key may have expired or been revoked"):
            load(other)
    assert any("what=WrongCredentials" in r.message and "safe to clear this task: yes" in r.message for r in caplog.records)
    load(world)
    assert_sound(world)


@pytest.mark.promise("R04")
def test_odoo_changes_its_model_in_the_middle(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What installing a module or a custom field does to a load: the registry is built anew on every worker."""
    real, state = ActionTier.create, {"calls": 0}
    model = world.client.xml_ids(["base.model_res_partner"])["base.model_res_partner"]
    field = {"model_id": model, "name": "x_new_field", "field_description": "New", "ttype": "char", "state": "manual"}

    def change(self: ActionTier, *args: Any) -> Any:
        state["calls"] += 1
        if state["calls"] == 2:
            adding = threading.Thread(target=world.client.call, args=("ir.model.fields", "create"), kwargs={"vals_list": [field]})
            adding.start()
            try:
                return real(self, *args)
            finally:
                adding.join()
        return real(self, *args)

    monkeypatch.setattr(ActionTier, "create", change)
    load(world)
    assert_sound(world)


def test_a_batch_that_a_time_limit_cuts_off_again_and_again_is_sent_in_smaller_ones(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker that exceeds ``limit_time_cpu`` closes the connection, and would do so for ever. Its last try is carried out all the same."""
    monkeypatch.setattr(loader, "SLOW_SECONDS", 0.0)
    run, tries = ActionTier._run, {"n": 0}

    def limited(self: ActionTier, task: dict[str, Any]) -> dict[str, Any]:
        if len(task["rows"]) == 1:
            return run(self, task)
        tries["n"] += 1
        if tries["n"] % loader.CUT_OFF == 0:
            run(self, task)
        raise UnclearAnswer("Server disconnected without sending a response.")

    monkeypatch.setattr(ActionTier, "_run", limited)
    load(world)
    assert_sound(world)
    plan(world, 2)
    load(world)
    assert_sound(world, 2)


@pytest.mark.promise("R13")
def test_a_person_edits_a_loaded_record_in_the_middle(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The edit stays, and the comparison before the gate names it, with the record and the field."""
    real, state = ActionTier.create, {"calls": 0}

    def edit(self: ActionTier, *args: Any) -> Any:
        state["calls"] += 1
        if state["calls"] == 3:
            res_id = world.client.xml_ids([f"{world.target.xid_module}.company_0"])[f"{world.target.xid_module}.company_0"]
            world.client.call("res.partner", "write", ids=[res_id], vals={"function": "Edited by hand"})
        return real(self, *args)

    monkeypatch.setattr(ActionTier, "create", edit)
    load(world)
    assert world.read("company", "function")["company_0"]["function"] == "Edited by hand"
    diff(world.target, world.run_id, world.plan_id)
    assert world.sql("select xid, field, expected, found from {log}.difference") == [
        {"xid": "company_0", "field": "function", "expected": "Maker 0 v1", "found": "Edited by hand"}
    ]
