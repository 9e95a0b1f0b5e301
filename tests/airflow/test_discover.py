"""``<p>.discover``: reads the export, has the scope signed, and says clearly what is missing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from projects import good

from conftest import World, add_connection, add_odoo, add_staging
from crm2odoo.airflow.versions import AWAITS_INPUT
from odoo_server import OdooDatabase

SMALL_WORLD = True
NewProject = Callable[..., str]


def asked(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.promise("P043")
def test_the_scope_is_signed_with_who_when_and_what(world: World, new_project: NewProject, staging_dsn: str) -> None:
    new_project("signed")
    done = world.run("signed.discover")
    assert done.causes == {}
    assert done.state == "success"
    assert set(done.states.values()) == {"success"}
    [(subject, verdict, by, comment, run_id, body)] = asked(
        staging_dsn, "select subject, verdict, approved_by, comment, run_id, seen->>'body' from signed_log.approval where at > now() - interval '5 minutes'"
    )
    assert (subject, verdict, by, comment) == ("scope", "approved", "tester", "as expected")
    assert run_id == f"signed.discover/{done.run_id}"
    [(records,)] = asked(staging_dsn, "select records from signed_log.file where object = 'contact'")
    plain = body.replace("\\", "")
    assert f"| contacts.csv | Contact | table | {records} |" in plain
    assert re.search(r"^In short: [\d,]+ rows, \*\*\d+ of them cannot be loaded as they are\*\*; ", plain, re.MULTILINE), "before any table"
    assert "| Contact | A value that must be there is empty (missing_required) |" in plain, "words, and the code to look up"


@pytest.mark.skipif(not AWAITS_INPUT, reason="before 3.3 a trigger waits for the answer, and none is lost")
def test_an_answer_that_airflow_loses_is_given_again(world: World, new_project: NewProject, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models import trigger

    submit, given = trigger.handle_event_submit, []

    def first_is_lost(*args: Any, **more: Any) -> None:
        given.append(args)
        if len(given) > 1:
            submit(*args, **more)

    monkeypatch.setattr(trigger, "handle_event_submit", first_is_lost)
    new_project("unheard")
    assert world.run("unheard.discover").state == "success"
    assert len(given) == 2


def test_a_rejection_fails_the_run_and_is_kept(world: World, new_project: NewProject, staging_dsn: str) -> None:
    new_project("rejected")
    done = world.run("rejected.discover", answers={"sign_off": ("Reject", "the invoices of May are missing")})
    assert done.state == "failed"
    assert done.states["sign_off"] == "failed"
    assert "tester rejected" in done.causes["sign_off"]
    assert "the invoices of May are missing" in done.causes["sign_off"]
    assert asked(staging_dsn, "select verdict, comment from rejected_log.approval") == [("rejected", "the invoices of May are missing")]


def test_a_missing_staging_connection_is_named_with_the_command_that_adds_it(world: World) -> None:
    world.write("nostaging", good("nostaging"))
    cause = world.run("nostaging.discover").causes["check.needs"]
    assert "The Airflow connection 'nostaging_staging' (the staging PostgreSQL) is missing. Add it:\n" in cause
    assert "airflow connections add nostaging_staging --conn-type postgres --conn-host HOST" in cause


def test_an_unreachable_staging_database_is_named(world: World, new_project: NewProject) -> None:
    new_project("nopostgres")
    add_connection("nopostgres_staging", conn_type="postgres", host="127.0.0.1", port=1, schema="x", login="y")
    cause = world.run("nopostgres.discover").causes["check.needs"]
    assert "cannot reach the staging PostgreSQL" in cause
    assert "Check the connection 'nopostgres_staging'" in cause


def test_a_missing_pool_is_named_with_the_command_that_adds_it(world: World, staging_dsn: str) -> None:
    world.write("nopool", good("nopool"))
    add_staging("nopool_staging", staging_dsn)
    cause = world.run("nopool.discover").causes["check.needs"]
    assert "The pool 'nopool_odoo' is missing. Add it" in cause
    assert "airflow pools set nopool_odoo 4" in cause


def test_a_missing_export_is_named(world: World, new_project: NewProject, tmp_path: Path) -> None:
    new_project("noexport")
    done = world.run("noexport.discover", {"export": str(tmp_path / "not there")})
    assert f"there is nothing at {tmp_path / 'not there'}" in done.causes["check.needs"]


def test_a_misspelt_parameter_is_refused_with_a_suggestion(world: World, new_project: NewProject, staging_dsn: str) -> None:
    new_project("misspelt")
    done = world.run("misspelt.discover", {"exprot": "/x"})
    assert "unknown parameter 'exprot'. Did you mean 'export'?" in done.causes["check.needs"]
    assert done.states["intake.register"] == "upstream_failed"


def test_a_missing_mandatory_column_is_named_with_its_file(world: World, new_project: NewProject, tmp_path: Path) -> None:
    export = shutil.copytree(world.export, tmp_path / "export")
    companies = export / "companies.csv"
    head, _, rows = companies.read_text(encoding="utf-8-sig").partition("\n")
    assert "Company Name" in head
    companies.write_text(head.replace("Company Name", "Something else") + "\n" + rows)
    new_project("nocolumn", export=str(export))
    done = world.run("nocolumn.discover")
    assert done.state == "failed"
    cause = done.causes["findings"]
    assert "companies.csv: the mandatory column name (any of: name, company," in cause
    assert "'Something else'" in cause
    assert done.states["sign_off"] == "upstream_failed"


def test_a_wrong_odoo_password_and_an_unreachable_odoo_are_told_apart(world: World, new_project: NewProject, odoo: OdooDatabase) -> None:
    new_project("wrongodoo")
    add_odoo("wrongodoo_odoo_test", odoo, password="not the key")
    cause = world.run("wrongodoo.sample", {"target": "connection"}).causes["check.needs"]
    assert "password or the API key" in cause or "refuses" in cause
    assert odoo.url in cause
    assert "not the key" not in cause
    add_odoo("wrongodoo_odoo_test", odoo, url="http://127.0.0.1:1")
    cause = world.run("wrongodoo.sample", {"target": "connection"}).causes["check.needs"]
    assert "127.0.0.1:1" in cause
    assert "Traceback" not in cause


def test_a_missing_odoo_connection_is_named_with_the_command_that_adds_it(world: World, new_project: NewProject) -> None:
    new_project("noodoo")
    cause = world.run("noodoo.sample", {"target": "connection", "connection": "elsewhere"}).causes["check.needs"]
    assert "airflow connections add elsewhere --conn-type odoo --conn-host https://YOUR.odoo.com" in cause


def test_a_flaw_of_the_program_is_told_as_such_and_not_tried_again(world: World, new_project: NewProject, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm2odoo import intake

    new_project("flaw")
    tries = []
    monkeypatch.setattr(intake, "land", lambda *_: tries.append(1) or {}["nothing"])
    done = world.run("flaw.discover")
    assert "KeyError: 'nothing'\nThis is a flaw of the program" in done.causes["intake.land"]
    assert len(tries) == 1


def test_a_run_waits_for_no_other_but_says_who_works_on_the_project(world: World, new_project: NewProject, staging_dsn: str) -> None:
    """The other run is alive as long as Airflow says so; deleted or ended, it is followed."""
    from airflow.models.dagrun import DagRun
    from airflow.sdk.timezone import utcnow
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import delete

    new_project("busy")
    held = "insert into busy_log.project_lock (run_id, dag_id, dag_run) values ('busy.load.manual__1', 'busy.load', 'manual__1')"
    with create_session() as session:
        session.add(
            DagRun(
                dag_id="busy.load", run_id="manual__1", run_type=DagRunType.MANUAL, state="running", run_after=utcnow(), logical_date=utcnow(),
                triggered_by=DagRunTriggeredByType.UI,
            )
        )
    with psycopg.connect(staging_dsn) as connection:
        from crm2odoo.project import load_bundle
        from crm2odoo.staging import Workspace

        Workspace.open(load_bundle(world.root, "busy"), staging_dsn)
        connection.execute(held)
    refused = world.run("busy.discover")
    assert refused.state == "failed"
    assert "Run manual__1 of busy.load is working on the project busy since" in refused.causes["check.needs"]
    assert refused.states["intake.register"] == "upstream_failed"
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.run_id == "manual__1", DagRun.dag_id == "busy.load"))
    assert world.run("busy.discover").causes == {}
    assert asked(staging_dsn, "select count(*) from busy_log.project_lock") == [(0,)], "who waits for a person has given the project back"


@pytest.mark.promise("P049")
def test_the_scope_shows_what_each_answer_comes_to(world: World, new_project: NewProject, staging_dsn: str) -> None:
    new_project("asked")
    assert world.run("asked.discover").causes == {}
    [(body,)] = asked(staging_dsn, "select seen->>'body' from asked_log.approval")
    assert "**Decisions**" in body
    assert asked(staging_dsn, "select answer, chosen from asked_log.decision_effect where name = 'company_key' order by 1") == [("domain", False), ("name", True)]
    assert "different ones: " in body
