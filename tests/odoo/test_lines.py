"""Lines of a record have no identity of their own: they are compared and replaced as a whole, and come back with what they held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm2odoo.ledger import runs
from crm2odoo.ledger.batches import chunks
from crm2odoo.odoo import loader, rollback
from crm2odoo.odoo.client import OdooCredentials
from crm2odoo.reconcile.conflicts import find_conflicts
from load_world import World, open_world, write_project
from odoo_server import OdooDatabase

pytestmark = pytest.mark.odoo
PERSON = {"_xid": "person_1", "name": "Jane", "email": "jane@lines.example"}


@pytest.fixture
def world(tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> World:
    return open_world(write_project(tmp_path, "lines"), staging_dsn, OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key), "lines")


def load(world: World, run_id: str, **prices: list[float]) -> list[str]:
    """Plans and loads orders with lines at these prices, as a run of its own. Returns the fields in conflict."""
    world.run_id = run_id
    runs.start(world.ws, run_id, kind="delta", dag_id=None)
    lines = {xid: [{"name": f"at {p}", "price_unit": p, "tax_ids": []} for p in found] for xid, found in prices.items()}
    world.plan(person=[PERSON], order=[{"_xid": xid, "name": xid, "partner_id": "person_1", "order_line": found} for xid, found in lines.items()])
    world.sql("update {log}.plan set summary = '{{\"order\": {{\"update\": 2}}}}' where plan_id = %s", world.plan_id)
    conflicts = [f"{c.xid}.{c.field}" for c in find_conflicts(world.target, run_id, world.plan_id)]
    for entity in ("person", "order"):
        for chunk in chunks(world.ws, world.plan_id, entity):
            loader.load_chunk(world.target, run_id, world.plan_id, chunk)
    return conflicts


def lines(world: World, order: int) -> list[tuple[Any, ...]]:
    fields = ["name", "price_unit", "product_uom_qty", "discount"]
    rows = world.client.call("sale.order.line", "search_read", domain=[["order_id", "=", order]], fields=[*fields, "sequence"], order="sequence, id")
    return [tuple(r[f] for f in fields) for r in rows]


@pytest.mark.promise("P175", "P188")
def test_a_persons_lines_are_a_conflict_and_replaced_lines_come_back(world: World) -> None:
    assert load(world, "one", order_1=[10, 20.5], order_2=[7]) == []
    orders = world.ids("order")
    first = lines(world, orders["order_1"])
    edited = world.client.call("sale.order.line", "search", domain=[["order_id", "=", orders["order_2"]]])
    world.client.call("sale.order.line", "write", ids=edited, vals={"price_unit": 8, "discount": 10})
    # Our own last write hides who wrote before it, so the values alone tell.
    world.sql("update {log}.entry set at = at - interval '1 minute' where xid = 'order_2'")
    assert load(world, "two", order_1=[1, 2, 3], order_2=[9]) == ["order_2.order_line"]
    assert [price for _, price, _, _ in lines(world, orders["order_1"])] == [1, 2, 3]
    assert lines(world, orders["order_2"]) == [("at 7", 8, 1, 10)], "nobody decided"

    world.sql("insert into {log}.decision (name, value, decided_by) values ('conflict:order', '{{\"choice\": \"take_source\"}}', 'Olga')")
    world.sql("update {log}.record set hash = 'conflict' where xid = 'order_2'")
    assert load(world, "three", order_1=[1, 2, 3], order_2=[9]) == ["order_2.order_line"]
    assert [price for _, price, _, _ in lines(world, orders["order_2"])] == [9]

    for back, run in (("back_three", "three"), ("back_two", "two")):
        runs.start(world.ws, back, kind="rollback", dag_id=None)
        done = rollback.carry_out(world.target, back, rollback.dry_run(world.target, back, [run]).hash)
        assert done.counts == {"order": {"restore": 1}}, done
    assert lines(world, orders["order_2"]) == [("at 7", 8, 1, 10)], "as the person left it, discount and all"
    assert lines(world, orders["order_1"]) == first
