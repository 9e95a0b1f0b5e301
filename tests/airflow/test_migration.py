"""``<p>.sample`` and ``<p>.load`` from end to end, on a real PostgreSQL and real Odoos, in the order in which a project runs them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest

from conftest import YES, World, add_odoo
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from odoo_server import OdooDatabase

SMALL_WORLD = True
pytestmark = pytest.mark.odoo
TEST_DATABASE = {"target": "connection"}


@pytest.fixture(scope="module")
def project(world: World, new_project: Callable[..., str], odoo: OdooDatabase, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project whose test connection is a neutralised Odoo."""
    new_project("acme", documents=str(tmp_path_factory.mktemp("documents")))
    add_odoo("acme_odoo_test", odoo)
    return "acme"


@pytest.fixture
def ask(staging_dsn: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    with psycopg.connect(staging_dsn, autocommit=True) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


def client(odoo: OdooDatabase) -> OdooClient:
    return OdooClient.connect(OdooCredentials(url=odoo.url, database=odoo.database, login=odoo.login, secret=odoo.api_key))


def counts(odoo: OdooDatabase) -> dict[str, int]:
    """Records in Odoo, with the archived ones; for the models that the sample export fills."""
    models = ("res.partner", "res.partner.industry", "res.users", "mail.message", "mail.mail", "ir.model.data")
    with client(odoo) as there:
        return {m: there.call(m, "search_count", domain=[], context={"active_test": False}) for m in models}


@pytest.mark.promise("P043")
def test_nothing_is_set_up_in_odoo_before_the_scope_is_signed(world: World, project: str, odoo: OdooDatabase) -> None:
    before = counts(odoo)
    done = world.run("acme.sample", TEST_DATABASE)
    assert done.states["target.schema_plan"] == "success"
    assert "scope (hash " in done.causes["target.schema_apply"]
    assert "nobody has signed it. It is signed in the DAG acme.discover." in done.causes["target.schema_apply"]
    assert list(done.causes) == ["target.schema_apply"]
    assert counts(odoo) == before


def test_a_rejected_plan_loads_nothing(world: World, project: str, odoo: OdooDatabase) -> None:
    assert world.run("acme.discover").state == "success"
    partners = counts(odoo)["res.partner"]
    done = world.run("acme.sample", TEST_DATABASE, {"approve_plan": ("Reject", "too many contacts")})
    assert done.state == "failed"
    assert "too many contacts" in done.causes["approve_plan"]
    assert done.states["park_settings"] == "upstream_failed"
    assert counts(odoo)["res.partner"] == partners


def test_a_first_sample_holds_records_of_owners_about_whom_nobody_decided(world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    path = world.root / "mappings" / "projects" / "acme.yaml"
    decided = path.read_text()
    path.write_text(decided.replace("undecided: provision", "undecided: null"))
    assert world.run("acme.discover").state == "success"
    done = world.run("acme.sample", TEST_DATABASE)
    path.write_text(decided)
    assert done.causes == {}
    assert ask("select count(*) from acme_log.disposition where disposition = 'held'")[0][0] > 50
    assert ask("select count(*) from acme_log.record where entity = 'company'")[0][0] > 0


@pytest.mark.promise("P003", "P009", "P140")
def test_the_adjusted_sample_starts_from_nothing_loads_everything_and_ends_signed(
    world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any]
) -> None:
    first = [res_id for (res_id,) in ask("select res_id from acme_log.record where entity = 'company'")]
    done = world.run("acme.sample", {**TEST_DATABASE, "reset": True})
    assert done.causes == {}
    with client(odoo) as there:
        assert there.call("res.partner", "search_count", domain=[["id", "in", first]], context={"active_test": False}) == 0, "taken back"
    [(page,)] = ask("select seen ->> 'body' from acme_log.approval where subject = 'report' order by approval_id desc limit 1")
    news = page.replace("\\", "").partition("**Since the last run of this kind**")[2].partition("**What became")[0]
    assert "- The mapping changed: " in news
    assert re.search(r"- Contact: \d+ → 0 rows held", news), news
    assert done.state == "success"
    rows = dict(ask("select object, count(*) from acme_log.disposition group by 1"))
    assert rows == dict(ask("select object, sum(records) from acme_log.file where status = 'recognised' group by 1"))
    assert ask("select count(*) from acme_log.disposition where disposition = 'held'") == [(0,)]
    contacts = dict(ask("select disposition, count(*) from acme_log.disposition where object = 'contact' group by 1"))
    assert contacts["loaded"] > 80
    [(compared, different)] = ask(
        "select sum(compared), sum(different) from acme_log.cell_count where run_id = "
        "(select run_id from acme_log.run where kind = 'sample' order by started_at desc limit 1)"
    )
    assert compared > 1000
    assert different == 0
    signed = {(subject, hash_) for subject, hash_ in ask("select subject, hash from acme_log.approval where verdict = 'approved'")}
    [(sha256, location)] = ask("select sha256, location from acme_log.document where name = 'report.html' order by created_at desc limit 1")
    assert ("report", sha256) in signed
    assert Path(location).read_bytes()
    assert {"crm2odoo_acme.zip", "set-up-checklist.docx"} <= {name for name, in ask("select name from acme_log.document where run_id like 'acme.sample%%'")}
    kinds = {kind for [kind] in ask("select kind from acme_log.document where run_id like 'acme.sample%%'")}
    assert {"report", "reconciliation", "spot_check", "handoff", "not_loaded", "evidence", "manifest"} <= kinds
    assert len([k for k in kinds if k.startswith("phase_")]) == len([t for t in done.states if t.endswith(".gate")]), "one for each phase"
    discovered = {kind for [kind] in ask("select kind from acme_log.document where run_id like 'acme.discover%%'")}
    assert {"scope", "completeness", "cleansing", "fields", "decisions", "mapping", "owners"} <= discovered
    [(unmapped,)] = ask("select title from acme_log.finding where code = 'unmapped_column' and evidence -> 'columns' ? 'Role'")
    assert unmapped.startswith("Team member: filled columns without a place in Odoo"), "nobody signs a scope without seeing it"
    text = Path(location).read_text()
    assert "What was planned, and signed" in text
    assert "Calls, expected" in text
    assert {"scope", "mapping", "owners", "plan", "sample", "sample_data", "report"} <= {subject for subject, _ in signed}


@pytest.mark.promise("P003", "P004")
def test_production_refuses_until_the_sample_of_this_mapping_is_signed(world: World, project: str, new_odoo: Callable[[], OdooDatabase], ask: Callable[..., Any]) -> None:
    path = world.root / "mappings" / "projects" / "acme.yaml"
    add_odoo("acme_odoo", new_odoo())
    signed = path.read_text()
    path.write_text(signed + "default_team: Another\n")
    done = world.run("acme.load")
    assert list(done.causes) == ["check.needs"]
    assert "sample (hash " in done.causes["check.needs"]
    assert "it changed since tester signed it" in done.causes["check.needs"]
    path.write_text(signed)


def test_production_is_loaded_by_the_same_tasks(world: World, project: str, new_odoo: Callable[[], OdooDatabase], odoo: OdooDatabase) -> None:
    production = new_odoo()
    with client(production) as there:
        [parameter] = there.call("ir.config_parameter", "search", domain=[["key", "=", "database.is_neutralized"]])
        there.call("ir.config_parameter", "unlink", ids=[parameter])
    add_odoo("acme_odoo", production)
    done = world.run("acme.load", answers=YES)
    assert done.causes == {}
    assert done.state == "success"
    ours, sample = counts(production), counts(odoo)
    for model in ("res.partner", "res.partner.industry", "res.users"):
        assert ours[model] == sample[model], model


def test_a_fresh_sandbox_is_made_for_the_run_and_gone_after_its_failure(world: World, project: str, odoo_base: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm2odoo import sandbox

    monkeypatch.setitem(os.environ, "CRM2ODOO_HOME", str(odoo_base.home))
    seen = []
    up = sandbox.up
    monkeypatch.setattr(sandbox, "up", lambda name, **more: seen.append(up(name, **more)))
    done = world.run("acme.sample", answers={"approve_plan": ("Reject", None)})
    assert done.state == "failed"
    assert done.states["target.schema_apply"] == "success"
    assert done.states["sandbox_down"] == "success"
    assert len(seen) == 1
    assert seen[0].name not in [s.name for s in sandbox.list_sandboxes(odoo_base.home)]


def test_documents_are_made_again_at_any_time_and_filled_in_sheets_come_back(world: World, project: str, ask: Callable[..., Any], tmp_path: Path) -> None:
    [(sheet,)] = ask(
        "select d.location from acme_log.document as d join acme_log.run as r using (run_id) "
        "where d.name = 'owners.xlsx' and r.kind = 'sample' and r.state = 'success' order by r.started_at desc limit 1"
    )
    book = openpyxl.load_workbook(sheet)
    head = [c.value for c in book.worksheets[0][2]]
    login = book.worksheets[0].cell(3, head.index("E-mail") + 1).value
    book.worksheets[0].cell(3, head.index("Choice") + 1).value = "provision"
    book.save(tmp_path / "owners back from the customer.xlsx")
    about = Path(sheet).parent.name
    done = world.run("acme.handoff", {"run": about, "sheets": str(tmp_path), "filled_in_by": "maria", "documents": ["report", "decisions", "evidence"], "unmasked": True})
    assert done.causes == {}
    assert ask("select value ->> 'choice', decided_by from acme_log.decision where name = %s", f"owner:{login}") == [("provision", "maria")]
    assert ask("select distinct masked from acme_log.document where run_id = %s and kind = 'report' order by 1", about) == [(False,), (True,)]
    assert ask("select count(*) from acme_log.document where run_id = %s and name like 'signed/%%-report.html'", about) == [(1,)]
    assert "asked_by" in ask("select details from acme_log.run where kind = 'handoff'")[0][0]
    refused = world.run("acme.handoff", {"run": "last week"})
    assert "There is no run 'last week' in this project. The runs there are:" in refused.causes["needs"]
    assert about in refused.causes["needs"]
