"""What would act on a load is parked and put back, also after a crash; and nothing that Odoo does beside the load goes unseen."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crm2odoo.odoo import guard, settings
from crm2odoo.odoo.context import SILENT
from crm2odoo.odoo.errors import TransientError
from crm2odoo.odoo.guard import SideEffectDetected
from crm2odoo.odoo.schema_ledger import note
from crm2odoo.odoo.target import Target
from odoo_server import OdooDatabase
from target_world import World, rows, start_run

pytestmark = pytest.mark.odoo


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> World:
    return World(tmp_path_factory.mktemp("root"), staging_dsn, odoo)


@pytest.fixture(scope="module")
def target(world: World) -> Target:
    """An Odoo with the Automation Rules app, one rule that posts a message on every new lead, and an assignment cron that runs."""
    target = world.target()
    call = target.client.call
    app = call("ir.module.module", "search", domain=[["name", "=", "base_automation"]])
    call("ir.module.module", "button_immediate_install", ids=app)
    lead = call("ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]
    action = {"name": "Shout", "model_id": lead, "state": "code", "usage": "base_automation", "code": "record.message_post(body='A new lead!')"}
    call("base.automation", "create", vals_list=[{"name": "Shout at new leads", "model_id": lead, "trigger": "on_create", "action_server_ids": [[0, 0, action]]}])
    call("ir.cron", "write", ids=[target.need("crm.ir_cron_crm_lead_assign")], vals={"active": True})
    return target


def state(target: Target) -> dict[str, Any]:
    """Everything that parking may touch."""
    call = target.client.call
    return {
        "parameters": call("ir.config_parameter", "search_read", domain=[], fields=["key", "value"], order="key"),
        "automations": call("base.automation", "search_read", domain=[], fields=["active"], context={"active_test": False}),
        "crons": call("ir.cron", "search_read", domain=[], fields=["active"], context={"active_test": False}),
    }


def value(target: Target, key: str) -> str | None:
    found = target.client.call("ir.config_parameter", "search_read", domain=[["key", "=", key]], fields=["value"])
    return str(found[0]["value"]) if found else None


@pytest.mark.promise("P152")
def test_parking_and_restoring_leaves_odoo_as_it_was(target: Target) -> None:
    before = state(target)
    done = settings.park(target, "run")
    assert {"automation rule 'Shout at new leads' paused", "scheduled action 'CRM: Lead Assignment' paused"} <= set(done)
    assert value(target, "crm.iap.lead.enrich.setting") == "manual"
    assert value(target, "mail.activity.gc.delete_overdue_years") == "0"
    assert value(target, "crm.pls_start_date") == "2999-01-01"
    assert "lead scoring computed anew" in settings.restore(target, "run")
    assert without_ids(state(target)) == without_ids(before)


def without_ids(found: dict[str, Any]) -> dict[str, Any]:
    """A parameter that was deleted and made again has another id."""
    return {**found, "parameters": [(p["key"], p["value"]) for p in found["parameters"]]}


def test_restoring_twice_does_nothing_the_second_time(target: Target) -> None:
    settings.park(target, "run")
    settings.restore(target, "run", rebuild_scoring=False)
    before = state(target)
    assert settings.restore(target, "run") == []
    assert state(target) == before


@pytest.mark.promise("P152")
def test_after_a_crash_the_next_run_puts_back_what_the_first_found(target: Target) -> None:
    before = state(target)
    settings.park(target, "crashed")
    settings.park(target, "next")
    assert settings.parked(target)
    settings.restore(target, "next", rebuild_scoring=False)
    assert without_ids(state(target)) == without_ids(before)
    assert settings.parked(target) == []


def test_a_crash_between_the_note_and_the_change_is_restored_too(target: Target) -> None:
    """The before-image is committed first; the setting itself was never written."""
    before = state(target)
    note(target, "crashed", "setting", "parked", "ir.config_parameter", "parameter mail.activity.gc.delete_overdue_years", {"value": "3", "parked": "0"})
    assert settings.restore(target, "next") == ["mail.activity.gc.delete_overdue_years = 3"]
    assert state(target) == before


def test_what_somebody_changed_during_the_load_stays_as_it_is(target: Target) -> None:
    settings.park(target, "run")
    target.client.call("ir.config_parameter", "set_param", key="mail.activity.gc.delete_overdue_years", value="7")
    said = settings.restore(target, "run", rebuild_scoring=False)
    assert "mail.activity.gc.delete_overdue_years stays '7': somebody changed it during the load" in said
    assert value(target, "mail.activity.gc.delete_overdue_years") == "7"
    target.client.call("ir.config_parameter", "set_param", key="mail.activity.gc.delete_overdue_years", value="3")


def test_what_cannot_be_put_back_is_listed_and_can_be_tried_again(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(target)
    settings.park(target, "run")
    real = target.client.call

    def busy(model: str, method: str, **named: Any) -> Any:
        if (model, method) == ("ir.cron", "write"):
            raise TransientError("This cron task is currently being executed")
        return real(model, method, **named)

    with monkeypatch.context() as patch:
        patch.setattr(target.client, "call", busy)
        with pytest.raises(settings.SettingsNotRestored, match=r"cron crm\.ir_cron_crm_lead_assign(.|\n)*currently being executed"):
            settings.restore(target, "run")
    assert settings.parked(target) == ["cron crm.ir_cron_crm_lead_assign"]
    settings.restore(target, "run")
    assert without_ids(state(target)) == without_ids(before)


def killed_at(world: World, name: str, number: int, after: bool, do: Callable[[Target], Any]) -> bool:
    """Runs ``do`` in a process that is killed (SIGKILL) before or after its write number ``number`` to Odoo. False when it makes fewer writes."""
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"{name} failed by itself"
        return os.WIFSIGNALED(status)
    try:
        target = replace(world, name=name).target()
        real, count = target.client.call, 0

        def call(model: str, method: str, **named: Any) -> Any:
            nonlocal count
            writes = method in ("write", "set_param", "create")
            count += writes
            if writes and count == number and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(model, method, **named)
            if writes and count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        target.client.call = call  # type: ignore[method-assign]
        do(target)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


@pytest.mark.promise("P152")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_moment_of_parking_the_next_run_puts_everything_back(world: World, target: Target, after: bool) -> None:
    before, number = without_ids(state(target)), 1
    while killed_at(world, "small", number, after, lambda t: settings.park(t, "killed")):
        settings.restore(target, "next", rebuild_scoring=False)
        assert without_ids(state(target)) == before, f"killed at write {number}"
        number += 1
    assert number > 6, "three parameters, a rule, a scheduled action and the mark"
    settings.restore(target, "next", rebuild_scoring=False)
    assert without_ids(state(target)) == before


@pytest.mark.promise("P152")
def test_killed_at_any_moment_of_putting_back_the_next_try_ends_it(world: World, target: Target) -> None:
    before, number = without_ids(state(target)), 1
    settings.park(target, "run")
    while killed_at(world, "small", number, True, lambda t: settings.restore(t, "killed", rebuild_scoring=False)):
        settings.restore(target, "next", rebuild_scoring=False)
        assert without_ids(state(target)) == before, f"killed at write {number}"
        settings.park(target, "run")
        number += 1
    assert number > 6
    settings.restore(target, "next", rebuild_scoring=False)
    assert without_ids(state(target)) == before


@pytest.fixture
def second(world: World) -> Target:
    """Another project that loads into the same Odoo."""
    return replace(world, name="second").target()


@pytest.mark.parametrize("first_to_end", ["the first", "the second"])
def test_of_two_projects_in_one_odoo_the_last_one_puts_back_how_it_was_before_both(target: Target, second: Target, first_to_end: str) -> None:
    before = without_ids(state(target))
    settings.park(target, "a")
    said = settings.park(second, "b")
    assert any(line.startswith("parked by project small (run a, since ") for line in said)
    parked = {k: v for k, v in state(target).items() if k != "parameters"}
    one, other = (target, second) if first_to_end == "the first" else (second, target)
    assert all("everything stays parked for project" in line for line in settings.restore(one, "end"))
    assert {k: v for k, v in state(target).items() if k != "parameters"} == parked
    assert value(target, "crm.pls_start_date") == "2999-01-01"
    assert settings.parked(one) == []
    assert "automation rule" not in str(settings.restore(one, "again")), "nothing is left for it to do"
    settings.restore(other, "end", rebuild_scoring=False)
    assert without_ids(state(target)) == before


def test_a_rule_that_only_the_second_project_found_is_put_back_by_the_first(target: Target, second: Target) -> None:
    before = without_ids(state(target))
    settings.park(target, "a")
    lead = target.client.call("ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]
    late = target.client.call("base.automation", "create", vals_list=[{"name": "Late", "model_id": lead, "trigger": "on_create"}])
    with pytest.raises(settings.NotParked, match="'Late'"):
        settings.require_parked(target)
    settings.park(second, "b")
    settings.require_parked(target)
    settings.restore(second, "b")
    settings.require_parked(target)
    settings.restore(target, "a", rebuild_scoring=False)
    assert target.client.call("base.automation", "read", ids=late, fields=["active"])[0]["active"]
    target.client.call("base.automation", "unlink", ids=late)
    assert without_ids(state(target)) == before


def test_a_project_that_was_killed_is_named_until_its_own_restore(world: World, target: Target, second: Target) -> None:
    before = without_ids(state(target))
    settings.park(second, "dead")
    settings.park(target, "a")
    assert settings.restore(target, "a")[0].startswith("everything stays parked for project second (run dead, since ")
    settings.restore(second, "after the crash", rebuild_scoring=False)
    assert without_ids(state(target)) == before


@pytest.mark.promise("P152")
def test_a_silent_load_passes_the_guard(target: Target) -> None:
    run = start_run(target.ws, "silent")
    settings.park(target, run)
    guard.snapshot(target, run, "lead")
    target.client.call("crm.lead", "create", vals_list=[{"name": "Quiet", "user_id": target.client.uid}], context=SILENT)
    guard.check(target, run, "lead")
    settings.restore(target, run, rebuild_scoring=False)
    kept = rows(target.ws, "select name, found, passed from {log}.reconciliation where run_id = 'silent'")
    assert [(r["name"], r["found"], r["passed"]) for r in kept] == [("side effects", 0, True)]


@pytest.mark.promise("P152")
def test_trap_2_16_an_automation_rule_fires_for_api_writes_and_fails_the_phase(target: Target) -> None:
    run = start_run(target.ws, "loud automation")
    guard.snapshot(target, run, "lead")
    lead = target.client.call("crm.lead", "create", vals_list=[{"name": "Loud", "user_id": False}], context=SILENT)
    with pytest.raises(SideEffectDetected, match=r"1 new messages in chatters, 0 explained") as error:
        guard.check(target, run, "lead")
    message = target.client.call("mail.message", "search", domain=[["model", "=", "crm.lead"], ["res_id", "in", lead]])
    assert f"the newest ids: {message[0]}" in str(error.value)


@pytest.mark.promise("P152")
def test_an_assignment_mail_fails_the_phase(target: Target) -> None:
    call = target.client.call
    rep = call("res.users", "create", vals_list=[{"name": "Rep", "login": "rep@example.com", "email": "rep@example.com"}], context=SILENT)
    run = start_run(target.ws, "loud")
    guard.snapshot(target, run, "lead")
    call("crm.lead", "create", vals_list=[{"name": "Loud", "user_id": rep[0]}])
    with pytest.raises(SideEffectDetected) as error:
        guard.check(target, run, "lead")
    said = str(error.value)
    assert "1 new e-mails in the queue, 0 explained" in said
    assert "1 new notifications to persons, 0 explained" in said
    assert "new followers, 0 explained" in said


def test_what_was_loaded_explains_its_own_traces(target: Target) -> None:
    """A loaded message is a message; what comes on top of the ledger's count is not explained."""
    call, run = target.client.call, start_run(target.ws, "messages")
    lead = call("crm.lead", "search", domain=[], limit=1)[0]
    guard.snapshot(target, run, "message")
    vals = {"model": "crm.lead", "res_id": lead, "message_type": "comment", "body": "x"}
    for xid in ("message_1", "message_2"):
        made = call("mail.message", "create", vals_list=[vals], context=SILENT)
        rows(
            target.ws, "insert into {log}.entry (target_id, run_id, entity, model, xid, res_id, action) values (%s, %s, 'message', 'mail.message', %s, %s, 'create') returning 1",
            target.target_id, run, xid, made[0],
        )
    guard.check(target, run, "message")
    call("mail.message", "create", vals_list=[vals], context=SILENT)
    with pytest.raises(SideEffectDetected, match="3 new messages in chatters, 2 explained"):
        guard.check(target, run, "message")


def test_a_repeated_phase_keeps_its_first_mark(target: Target) -> None:
    """What a first try of the phase did is not forgiven by clearing the task."""
    run = start_run(target.ws, "repeated")
    first = guard.snapshot(target, run, "lead")
    target.client.call("crm.lead", "create", vals_list=[{"name": "Loud", "user_id": False}], context=SILENT)
    assert guard.snapshot(target, run, "lead") == first
    assert guard.snapshot(target, run, "another phase") != first
