"""From the load to the rollback, as DAGs on a real Odoo: one small project, in the order in which it lives."""

from __future__ import annotations

import csv
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import YES, World, add_connection, add_odoo
from crm2odoo.airflow import steps
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.database_server import DatabaseServer
from crm2odoo.odoo.errors import SchemaMismatch
from crm2odoo.sandbox import Base
from odoo_server import OdooDatabase

SMALL_WORLD = True
pytestmark = pytest.mark.odoo
_documents: list[Path] = []
MODELS = ("res.partner", "res.partner.industry", "res.users", "mail.message")
TEST = {"target": "test"}


@pytest.fixture(scope="module")
def project(
    world: World, new_project: Callable[..., str], odoo: OdooDatabase, odoo_base: Base, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A project whose test database is neutralised, and in which one person works besides us."""
    folder = tmp_path_factory.mktemp("life")
    _documents.append(folder / "documents")
    new_project("life", documents=str(folder / "documents"))
    add_odoo("life_odoo_test", odoo)
    with there(odoo) as admin:
        groups = list(admin.xml_ids(["base.group_user", "base.group_partner_manager"]).values())
        person = {"name": "Sam Sales", "login": "sam@work.example", "password": "sam-works-here", "group_ids": [[6, 0, groups]]}
        admin.call("res.users", "create", vals_list=[person], context={"no_reset_password": True})
    yield "life"
    server = psycopg.conninfo.make_conninfo(host=odoo_base.postgres_host, port=odoo_base.postgres_port, user="postgres", dbname="postgres")
    with psycopg.connect(server, autocommit=True) as connection:
        left = connection.execute("select datname from pg_database where starts_with(datname, %s)", (f"{odoo.database}__c2o_",)).fetchall()
    for (name,) in left:
        DatabaseServer(server, Path("/nonexistent")).drop(name)


def there(odoo: OdooDatabase) -> OdooClient:
    return OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key))


@pytest.fixture
def sam(odoo: OdooDatabase) -> Iterator[OdooClient]:
    with OdooClient.connect(OdooCredentials(odoo.url, odoo.database, "sam@work.example", "sam-works-here"), "jsonrpc") as client:
        yield client


@pytest.fixture
def ask(staging_dsn: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    with psycopg.connect(staging_dsn, autocommit=True) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


def ids(odoo: OdooDatabase) -> dict[str, set[int]]:
    """Ids in Odoo, archived ones too."""
    with there(odoo) as client:
        return {m: set(client.call(m, "search", domain=[], context={"active_test": False})) for m in MODELS}


def contacts(ask: Callable[..., Any]) -> dict[str, int]:
    """Key of the source → id in Odoo."""
    rows = ask("select i.key, r.res_id from life_log.record as r join life_log.identity as i using (entity, xid) where i.key like 'contact:%%'")
    return {key.removeprefix("contact:"): res_id for key, res_id in rows}


def state(ask: Callable[..., Any], done: Any, dag: str) -> tuple[str, dict[str, Any]]:
    """What the log of runs says about a run."""
    [(found, details)] = ask("select state, details from life_log.run where kind = %s order by started_at desc limit 1", dag)
    assert done.state == ("success" if found == "success" else "failed")
    return found, details


def the_delta(world: World) -> str:
    """A later export: the source changed two job titles, and deleted a contact."""
    folder = world.export.parent / "delta"
    if not folder.exists():
        shutil.copytree(world.export, folder)
        with open(folder / "contacts.csv", newline="", encoding="utf-8-sig") as file:
            head, *rows = csv.reader(file)
        for row in rows:
            if row[0] in ("P-5001", "P-5002"):
                row[head.index("Job Title")] = "Chief of Everything"
        with open(folder / "contacts.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *(r for r in rows if r[0] != "P-5004")])
    return str(folder)


_before: dict[str, set[int]] = {}
WRITES = "select count(*) from life_log.entry where action in ('create', 'update', 'second', 'archive', 'delete')"


@pytest.mark.promise("P186", "P188", "P190")
def test_a_load_that_fails_in_the_middle_is_listed_and_taken_back(
    world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.run("life.discover").causes == {}
    _before.update(ids(odoo))
    real = steps.load_chunk

    def half(target: Any, run_id: str, plan_id: int, chunk: Any) -> Any:
        if chunk.entity != "contact":
            return real(target, run_id, plan_id, chunk)
        real(target, run_id, plan_id, dataclasses.replace(chunk, last_seq=chunk.last_seq // 2))
        raise SchemaMismatch("somebody took a field away")

    monkeypatch.setattr(steps, "load_chunk", half)
    failed = world.run("life.sample", {"target": "connection"})
    monkeypatch.undo()
    assert "somebody took a field away" in failed.causes["load.contact.records"]
    assert failed.states["restore_settings"] == "success"
    found, details = state(ask, failed, "sample")
    assert (found, details["failed_task"]) == ("failed", "load.contact.records")
    loaded = ids(odoo)
    assert len(loaded["res.partner"]) > len(_before["res.partner"]) + 40

    listed = world.run("life.rollback", TEST)
    assert listed.causes == {}
    assert listed.states["sign_off"] == listed.states["undo"] == "skipped"
    assert state(ask, listed, "rollback")[0] == "success"
    assert ids(odoo) == loaded, "a dry run writes nothing"
    done = world.run("life.rollback", {**TEST, "dry_run": False})
    assert done.causes == {}
    now = ids(odoo)
    archived = {i for (i,) in ask("select res_id from life_log.undo where action = 'archive' and model = 'res.users'")}
    assert now["res.users"] - _before["res.users"] <= archived
    assert now["res.partner"] - _before["res.partner"] <= user_contacts(odoo)


def test_the_project_is_loaded(world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    done = world.run("life.sample", {"target": "connection"})
    assert done.causes == {}
    assert state(ask, done, "sample")[0] == "success"


@pytest.mark.promise("P171", "P173", "P174", "P175")
def test_a_delta_with_edits_on_both_sides(world: World, project: str, sam: OdooClient, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    delta = the_delta(world)
    assert world.run("life.discover", {"export": delta}).causes == {}
    both, source = contacts(ask)["P-5001"], contacts(ask)["P-5002"]
    sam.call("res.partner", "write", ids=[both], vals={"function": "Sam's friend"})
    done = world.run("life.delta", {"export": delta, **TEST})
    assert done.causes == {}
    with there(odoo) as client:
        now = {r["id"]: r["function"] for r in client.call("res.partner", "read", ids=[both, source], fields=["function"])}
    assert now == {both: "Sam's friend", source: "Chief of Everything"}
    [(plan,)] = ask("select seen ->> 'body' from life_log.approval where subject = 'plan' order by approval_id desc limit 1")
    assert "measured on this Odoo" in plan
    assert "| Contacts | update | function | 2 |" in plan
    assert "| contact | function | sam@work.example | waits | 1 |" in plan.replace("\\", "")
    assert ask("select res_id, field, changed_by, choice from life_log.conflict") == [(both, "function", "sam@work.example", None)]
    assert ask("select i.key, p.reason from life_target.plan as p join life_log.identity as i using (entity, xid) where p.reason like '%%row is gone' and i.key not like '=%%'") == [
        ("contact:P-5004", "keep: its row is gone")
    ]


@pytest.mark.promise("P170")
def test_a_cutover_stops_when_the_source_still_moves(world: World, project: str, ask: Callable[..., Any]) -> None:
    done = world.run("life.cutover", {"export": the_delta(world), "proof": str(world.export), **TEST})
    assert list(done.causes) == ["freeze"]
    assert "somebody still writes in the source:\n- contacts.csv" in done.causes["freeze"]
    assert done.states["target.schema_apply"] == "upstream_failed"
    found, details = state(ask, done, "cutover")
    assert (found, details["failed_task"]) == ("failed", "freeze")
    assert "somebody still writes" in details["why"]


CUTOVER = {**YES, "freeze_statement": ("Approve", "read-only since noon"), "go_no_go": ("Approve", "go")}


@pytest.mark.promise("P171", "P176", "P177")
def test_a_red_gate_stops_the_cutover_and_a_final_delta_without_changes_writes_nothing(world: World, project: str, ask: Callable[..., Any]) -> None:
    before = ask(WRITES)
    done = world.run("life.cutover", {"export": the_delta(world), **TEST}, {**CUTOVER, "waive_gates": ("Reject", "settle Sam's edit first")})
    assert ask(WRITES) == before, "0 writes when nothing changed"
    assert list(done.causes) == ["waive_gates"]
    assert "settle Sam's edit first" in done.causes["waive_gates"]
    assert done.states["lock"] == "upstream_failed"
    assert state(ask, done, "cutover")[1]["failed_task"] == "waive_gates"
    assert ("gate:conflicts", "rejected") in ask("select subject, verdict from life_log.approval where subject like 'gate:%%'")
    assert ask("select 1 from life_log.decision where name like 'lock:%%'") == []


@pytest.mark.promise("P177", "P178")
def test_a_waived_gate_is_named_and_the_project_is_locked(world: World, project: str, ask: Callable[..., Any], odoo_base: Base) -> None:
    """From now on the project names the database server, so a snapshot is taken first."""
    add_connection("life_server", conn_type="postgres", host=odoo_base.postgres_host, port=odoo_base.postgres_port, schema="postgres", login="postgres")
    filestore = odoo_base.home / "servers" / str(os.getpid()) / "data" / "filestore"
    file = world.root / "mappings" / "projects" / "life.yaml"
    file.write_text(f"{file.read_text()}snapshot: {{connection: life_server, filestore: {filestore}}}\n")
    done = world.run("life.cutover", {"export": the_delta(world), **TEST}, {**CUTOVER, "waive_gates": ("Approve", "Sam knows")})
    assert done.causes == {}
    assert state(ask, done, "cutover")[0] == "success"
    [(seen, by)] = ask("select seen ->> 'body', approved_by from life_log.approval where subject = 'go_no_go' and verdict = 'approved'")
    assert "waived by tester" in seen
    assert by == "tester"
    [(run, rehearsed)] = ask("select run_id, rehearse_seconds from life_log.snapshot")
    assert run.startswith("life.cutover")
    assert rehearsed > 0
    assert set(dict(ask("select name, done_at from life_log.runbook where done_at is not null"))) == {"freeze", "delta", "gates", "go_no_go", "lock"}
    refused = world.run("life.delta", {"export": the_delta(world), **TEST})
    assert list(refused.causes) == ["check_lock"]
    assert "life was cut over by tester" in refused.causes["check_lock"]


def test_unlocking_is_an_approval_of_its_own(world: World, project: str, ask: Callable[..., Any]) -> None:
    kept = world.run("life.cutover", {"action": "unlock", **TEST}, {"unlock": ("Reject", "no")})
    assert list(kept.causes) == ["unlock"]
    done = world.run("life.cutover", {"action": "unlock", **TEST}, {"unlock": ("Approve", "one more delta")})
    assert done.causes == {}
    assert (done.states["unlock"], done.states["load.company.records"]) == ("success", "skipped")
    again = world.run("life.cutover", {"action": "unlock", **TEST})
    assert "there is nothing to unlock" in again.causes["show_lock"]


@pytest.mark.promise("P179")
def test_hypercare_lists_what_is_gone_and_changed_and_closes_with_a_report(
    world: World, project: str, sam: OdooClient, odoo: OdooDatabase, ask: Callable[..., Any]
) -> None:
    gone = contacts(ask)["P-5003"]
    with there(odoo) as client:
        client.call("res.partner", "unlink", ids=[gone])
    done = world.run("life.hypercare", {"close": True, **TEST})
    assert done.causes == {}
    assert state(ask, done, "hypercare")[0] == "success"
    [(kind, entity, text)] = ask("select kind, entity, text from life_log.issue")
    assert (kind, entity, text) == ("gone", "contact", "Odoo has it no more")
    drift = ask("select field, kind from life_log.difference where run_id like 'life.hypercare%%' and field = 'function'")
    assert drift, "what Sam changed is on the list"
    [report] = _documents[0].glob("*/hypercare.md")
    assert "| gone | contact |" in report.read_text()


@pytest.mark.promise("P187")
def test_the_database_goes_back_to_its_snapshot(world: World, project: str, sam: OdooClient, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    edited = contacts(ask)["P-5002"]
    sam.call("res.partner", "write", ids=[edited], vals={"function": "Retired"})
    done = world.run("life.rollback", {**TEST, "way": "snapshot", "dry_run": False})
    assert done.causes == {}
    assert state(ask, done, "rollback")[0] == "success"
    [(seen,)] = ask("select seen ->> 'body' from life_log.approval where subject = 'rollback' order by approval_id desc limit 1")
    assert "| res.partner | 1 |" in seen.replace("\\", ""), "what people did since is listed before anybody signs"
    with there(odoo) as client:
        found = client.call("res.partner", "read", ids=[edited, contacts(ask)["P-5003"]], fields=["function"])
    assert found[0]["function"] == "Chief of Everything"
    assert len(found) == 2, "what was deleted after the snapshot is back"
    [(replaced,)] = ask("select replaced from life_log.snapshot")
    assert replaced.startswith(odoo.database)


@pytest.mark.promise("P186", "P189", "P190")
def test_a_rollback_that_is_signed_leaves_what_was_there_before(world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    rejected = world.run("life.rollback", {**TEST, "dry_run": False}, {"sign_off": ("Reject", "not yet")})
    assert "not yet" in rejected.causes["sign_off"]
    assert state(ask, rejected, "rollback")[0] == "failed"
    done = world.run("life.rollback", {**TEST, "dry_run": False, "schema": True})
    assert done.causes == {}
    assert state(ask, done, "rollback")[0] == "success"
    listed = {(m, i) for m, i in ask("select model, res_id from life_log.undo where action in ('archive', 'keep')")}
    sams = contacts(ask)["P-5001"]
    assert ("res.partner", sams) in listed, "Sam works with it"
    now = ids(odoo)
    for model in MODELS:
        assert _before[model] <= now[model], model
        extra = {(model, i) for i in now[model] - _before[model]}
        if model != "mail.message":
            assert extra <= listed | {("res.partner", i) for i in user_contacts(odoo)}, model
    with there(odoo) as client:
        left = client.call("ir.model.fields", "search_read", domain=[["state", "=", "manual"], ["name", "like", "x_%"]], fields=["model", "name"])
        filled = {f["name"]: client.call(f["model"], "search", domain=[[f["name"], "!=", False]], context={"active_test": False}) for f in left}
    assert {("res.partner", i) for found in filled.values() for i in found} <= listed, "custom fields go unless a record that stays has them"


def user_contacts(odoo: OdooDatabase) -> set[int]:
    """Contacts of users: an archived user keeps its own."""
    with there(odoo) as client:
        return {u["partner_id"] for u in client.call("res.users", "search_read", domain=[], fields=["partner_id"], load="", context={"active_test": False})}


