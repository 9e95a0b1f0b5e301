"""Whatever happens to an answer on its way, the load ends in the same state as without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from oracle import assert_sound, fault_world, load, plan, small_batches
from tenacity import wait_random

from crm2odoo.odoo import client as client_module
from crm2odoo.odoo import loader
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.load_action import ensure_load_action
from fault_proxy import FAULTS, fault_proxy
from load_world import World
from odoo_server import OdooDatabase

pytestmark = [pytest.mark.odoo, pytest.mark.promise("R01", "R02", "R04")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_BACK_OFF", wait_random(0, 0.02))
    monkeypatch.setattr(loader, "BatchSize", small_batches)


# Every fault on the main way; on the others those in which they differ.
HIDDEN = ["drop after", "truncate", "html after"]
CASES = [
    *(("A json2", fault) for fault in sorted(set(FAULTS) - {"pass", "413"})),
    *(("B json2", fault) for fault in [*HIDDEN, "duplicate", "twice at once", "slow"]),
    *(("A jsonrpc", fault) for fault in [*HIDDEN, "429"]),
]


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> Iterator[World]:
    tier, transport = request.param.split()
    with fault_world(tmp_path, staging_dsn, odoo, tier, transport) as world:
        yield world


def through(world: World, url: str, patience: float = 60.0) -> World:
    """The same world, seen through a proxy by a client that waits ``patience`` seconds. The load action is there already."""
    ensure_load_action(world.target)
    old = world.client.credentials
    client = OdooClient.connect(OdooCredentials(url, old.database, old.login, old.secret), world.client.transport, timeout=patience)  # type: ignore[arg-type]
    return replace(world, target=replace(world.target, client=client))


@pytest.mark.parametrize(("world", "fault"), CASES, indirect=["world"])
def test_the_end_state_is_that_of_an_undisturbed_load(world: World, odoo: OdooDatabase, fault: str) -> None:
    with fault_proxy(odoo.url) as proxy:
        disturbed = through(world, proxy.url, patience=proxy.slow_seconds * 0.6 if fault == "slow" else 60.0)
        with disturbed.client:
            for version in (1, 2):
                plan(world, version)
                disturbed.plan_id = world.plan_id
                proxy.faults.extend(["pass", fault, "pass", fault])
                load(disturbed)
                assert fault in proxy.seen
                proxy.seen.clear()
                assert_sound(world, version)


@pytest.mark.parametrize("world", ["A json2", "B json2"], indirect=True)
def test_a_request_that_a_proxy_finds_too_large_is_sent_in_smaller_ones(world: World, odoo: OdooDatabase) -> None:
    with fault_proxy(odoo.url, "413") as proxy:
        disturbed = through(world, proxy.url)
        with disturbed.client:
            plan(world)
            disturbed.plan_id = world.plan_id
            load(disturbed)
    assert_sound(world)
    assert {r["state"] for r in world.sql("select distinct state from {log}.batch")} == {"done", "split"}
