"""The small load of the fault tests, and what must be true after it whatever happened on the way."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crm2odoo.odoo import loader
from crm2odoo.odoo.batch_size import BatchSize
from load_world import World, world_of
from odoo_server import OdooDatabase

ROWS, ROWS_PER_BATCH = 9, 3
_numbers = itertools.count()


def small_batches(start: int) -> BatchSize:
    """Three rows a batch, whatever the entity says and however fast Odoo is."""
    size = BatchSize(ROWS_PER_BATCH)
    size._largest = ROWS_PER_BATCH
    return size


@contextlib.contextmanager
def fault_world(root: Path, dsn: str, odoo: OdooDatabase, tier: str = "A", transport: str = "auto") -> Iterator[World]:
    """A project of its own; its name is in the name of each of its records, so that doubles are found without external ids."""
    with world_of(root, dsn, odoo, f"f{next(_numbers)}", transport, decisions={"load_tier": tier}) as world:
        yield world


def plan(world: World, version: int = 1) -> None:
    """Version 1 creates the companies; version 2 changes all of them. Each has a parent, so there is a second pass."""
    label = world.ws.bundle.project.project
    world.plan(company=[
        {"_xid": f"company_{n}", "name": f"{label} company {n}", "function": f"Maker {n} v{version}", "comment": f"<p>v{version}</p>",
         "website": f"http://v{version}.example", "parent_id": f"company_{(n + version) % ROWS}" if n % 2 else None}
        for n in range(ROWS)
    ])  # fmt: skip


def load(world: World) -> loader.ChunkResult:
    """All of the plan, as the DAG does it."""
    total = loader.ChunkResult()
    for chunk in world.chunks("company"):
        total = loader.load_chunk(world.target, world.run_id, world.plan_id, chunk)
    loader.load_second(world.target, world.run_id, world.plan_id, "company")
    return total


def content(version: int) -> dict[str, dict[str, Any]]:
    """What an undisturbed load of a version leaves in Odoo, parents as xids."""
    return {
        f"company_{n}": {
            "name": f"company {n}", "function": f"Maker {n} v{version}", "comment": f"<p>v{version}</p>", "website": f"http://v{version}.example",
            "parent_id": f"company_{(n + version) % ROWS}" if n % 2 else None, "is_company": True,
        }
        for n in range(ROWS)
    }  # fmt: skip


def assert_sound(world: World, version: int = 1) -> None:
    """Odoo holds exactly what the undisturbed load leaves, nothing twice; the ledger says the same; no mail was made."""
    label = world.ws.bundle.project.project
    ids = world.ids("company")
    xid_of = {res_id: xid for xid, res_id in ids.items()}
    found = world.read("company", "name", "function", "comment", "website", "parent_id", "is_company")
    for record in found.values():
        record["name"] = record["name"].removeprefix(f"{label} ")
        record["parent_id"] = xid_of[record["parent_id"]] if record["parent_id"] else None
    assert found == content(version)
    named = world.client.call("res.partner", "search_count", domain=[["name", "=like", f"{label} %"]], context={"active_test": False})
    assert named == ROWS, "records without an external id, or twice"

    module = world.target.xid_module
    assert {f"{module}.{xid}": res_id for xid, res_id in ids.items()} == world.client.xml_ids([f"{module}.{xid}" for xid in ids])
    behind = world.sql(
        "select p.xid from {target}.plan as p left join {log}.record as r on r.xid = p.xid and r.hash = p.hash and r.vals = p.vals and r.second_done where r.xid is null"
    )
    assert behind == []
    assert world.sql("select batch_id from {log}.batch where state = 'intent'") == []
    made = world.sql("select xid, count(*) as n from {log}.entry where action = 'create' group by 1")
    assert {(m["xid"], m["n"]) for m in made} == {(f"company_{n}", 1) for n in range(ROWS)}
    if version == 2:
        assert befores(world) == {
            f"company_{n}": {"function": f"Maker {n} v1", "comment": "<p>v1</p>", "website": "http://v1.example"} for n in range(ROWS)
        }
    assert world.sql("select xid from {log}.refusal") == []
    assert world.client.call("mail.mail", "search_count", domain=[]) == 0


def befores(world: World) -> dict[str, dict[str, Any]]:
    """xid → what an undo would put back for the updates."""
    found: dict[str, dict[str, Any]] = {}
    for entry in world.sql("select xid, before from {log}.entry where action = 'update' order by entry_id desc"):
        found[entry["xid"]] = found.get(entry["xid"], {}) | entry["before"]
    return found
