"""From the load to the rollback, as DAGs on a real Odoo: one small project, in the order in which it lives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from projects import ROOT

from conftest import YES, World, add_odoo
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from odoo_server import OdooDatabase

sys.path.insert(0, str(ROOT / "samples"))
from generate import generate

pytestmark = [pytest.mark.odoo, pytest.mark.usefixtures("no_long_sleeps")]
MODELS = ("res.partner", "crm.lead", "crm.team", "crm.stage", "crm.tag", "res.users", "mail.message", "sale.order", "product.product", "ir.attachment")
TEST = {"target": "connection"}


@pytest.fixture(scope="module")
def project(world: World, new_project: Callable[..., str], odoo: OdooDatabase, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project with a small export and its delta; the test database is neutralised."""
    folder = tmp_path_factory.mktemp("life")
    first = generate("flash_lead_sales", folder, leads=14)
    generate("flash_lead_sales", folder, leads=14, delta=True)
    new_project("life", export=str(first), documents=str(folder / "documents"))
    add_odoo("life_odoo_test", odoo)
    return "life"


@pytest.fixture
def ask(staging_dsn: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    with psycopg.connect(staging_dsn, autocommit=True) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


def ids(odoo: OdooDatabase) -> dict[str, set[int]]:
    """Ids in Odoo, archived ones too. Attachments: those that are files of their own."""
    with OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key)) as there:
        return {m: set(there.call(m, "search", domain=[], context={"active_test": False})) for m in MODELS}


def delta_of(ask: Callable[..., Any]) -> str:
    [(location,)] = ask("select location from life_log.export order by received_at limit 1")
    return str(Path(location).parent / "delta")


_before: dict[str, set[int]] = {}


def test_the_project_is_loaded(world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    assert world.run("life.discover").causes == {}
    _before.update(ids(odoo))
    done = world.run("life.sample", TEST)
    assert done.causes == {}
    assert done.state == "success"


@pytest.mark.promise("P186")
def test_a_dry_run_lists_and_writes_nothing(world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    loaded = ids(odoo)
    done = world.run("life.rollback", {"target": "test"})
    assert done.causes == {}
    assert done.states["sign_off"] == done.states["undo"] == "skipped"
    assert ids(odoo) == loaded
    assert ask("select count(*) from life_log.undo where done_at is not null") == [(0,)]


@pytest.mark.promise("P186", "P189", "P190")
def test_a_rollback_that_is_signed_leaves_what_was_there_before(world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    rejected = world.run("life.rollback", {"target": "test", "dry_run": False}, {"sign_off": ("Reject", "not yet")})
    assert rejected.state == "failed"
    assert "not yet" in rejected.causes["sign_off"]
    done = world.run("life.rollback", {"target": "test", "dry_run": False, "schema": True})
    assert done.causes == {}
    assert done.state == "success"
    archived = {(m, i) for m, i in ask("select model, res_id from life_log.undo where action = 'archive'")}
    now = ids(odoo)
    for model in MODELS:
        assert _before[model] <= now[model], model
        extra = {(model, i) for i in now[model] - _before[model]}
        if model not in ("res.partner", "mail.message"):  # an archived user keeps its contact, and the contact its welcome note
            assert extra <= archived, model
    assert not ask("select 1 from life_log.record where ours and model <> 'res.users'")
    with OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key)) as there:
        assert there.call("ir.model.fields", "search_count", domain=[["state", "=", "manual"], ["name", "like", "x_source%"]]) == 0


@pytest.mark.promise("P190")
def test_loading_again_works(world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    done = world.run("life.sample", TEST, YES)
    assert done.causes == {}
    assert ask("select sum(different) from life_log.cell_count where run_id = (select max(run_id) from life_log.run where kind = 'sample')") == [(0,)]
    with OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key)) as there:
        users = [i for (i,) in ask("select res_id from life_log.record where entity = 'user' and ours and (vals ->> 'active')::boolean")]
        assert users
        assert there.call("res.users", "search_count", domain=[["id", "in", users]]) == len(users), "archived users are back at work"
