"""From the load to the rollback, as DAGs on a real Odoo: one small project, in the order in which it lives."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from projects import ROOT

from conftest import World, add_odoo
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from odoo_server import OdooDatabase

sys.path.insert(0, str(ROOT / "samples"))
from generate import generate

pytestmark = [pytest.mark.odoo, pytest.mark.usefixtures("no_long_sleeps")]
MODELS = ("res.partner", "crm.lead", "crm.team", "crm.stage", "crm.tag", "res.users", "mail.message", "sale.order", "product.product", "ir.attachment")
TEST = {"target": "connection"}
TEST_LIVE = {"target": "test"}


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


def edit_delta(delta: Path) -> None:
    """The source changes two amounts and deletes a deal."""
    with open(delta / "deals.csv", newline="", encoding="utf-8-sig") as file:
        head, *rows = csv.reader(file)
    for row in rows:
        if row[0] in ("D-3002", "D-3003"):
            row[head.index("Amount")] = "1234.00"
    with open(delta / "deals.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *(r for r in rows if r[0] != "D-3005")])


@pytest.mark.promise("P171", "P173", "P174", "P175")
def test_a_delta_with_edits_on_both_sides(world: World, project: str, odoo: OdooDatabase, ask: Callable[..., Any]) -> None:
    delta = delta_of(ask)
    edit_delta(Path(delta))
    assert world.run("life.discover", {"export": delta}).causes == {}
    deal = dict(ask("select i.key, r.res_id from life_log.record as r join life_log.identity as i using (entity, xid) where r.model = 'crm.lead'"))
    both, source = deal["deal:D-3002"], deal["deal:D-3003"]
    with OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key)) as there:
        time.sleep(6)  # a change by our own user counts as a person's only when it is later than the load
        there.call("crm.lead", "write", ids=[both], vals={"expected_revenue": 5}, context={"tracking_disable": True})
        done = world.run("life.delta", {"export": delta, **TEST_LIVE})
        assert done.causes == {}
        assert done.state == "success"
        now = {r["id"]: r["expected_revenue"] for r in there.call("crm.lead", "read", ids=[both, source], fields=["expected_revenue"])}
    assert now == {both: 5, source: 1234}
    assert ask("select res_id, field, changed_by is not null, choice from life_log.conflict") == [(both, "expected_revenue", True, None)]
    assert ask("select i.key, p.reason from life_target.plan as p join life_log.identity as i using (entity, xid) where p.reason like '%%row is gone'") == [
        ("deal:D-3005", "keep: its row is gone")
    ]
    written = "select count(*) from life_log.entry where action in ('create', 'update', 'second', 'archive', 'delete')"
    before = ask(written)
    assert world.run("life.delta", {"export": delta, **TEST_LIVE}).causes == {}
    assert ask(written) == before, "0 writes when nothing changed"


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
