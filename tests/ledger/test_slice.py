"""The sample's slice: the same for the same seed, with all parents, one of every class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm2odoo import intake, ledger, staging
from crm2odoo.ledger import forecast
from crm2odoo.ledger.slice import REASON
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace

ROOT = Path(__file__).resolve().parents[2]
SIZE = 150


@pytest.fixture(scope="module")
def export(staging_dsn: str) -> tuple[Workspace, str]:
    """The bundled sample of Flash Lead Sales, as records to be, for a target that has nothing."""
    ws = Workspace.open(load_bundle(ROOT, "demo_flash"), staging_dsn)
    export_id = intake.register(ws, str(ROOT / "samples/flash_lead_sales/export"))
    intake.land(ws, export_id)
    intake.clean(ws, export_id)
    staging.build_target(ws, export_id)
    with ws.connect() as connection:
        connection.execute(ws.sql("insert into {log}.target (target_id, url, database, kind, version, edition, hosting) values ('t', '', '', 'sandbox', '19', '', '')"))
        # Owners and countries would be found in Odoo.
        connection.execute(ws.sql("insert into {log}.decision (name, value, decided_by) select 'owner:' || _natural, '{{\"choice\": \"provision\"}}', 'me' from {target}.identity_user"))
    return ws, export_id


def rows(ws: Workspace, statement: str, *values: Any) -> list[Any]:
    with ws.connect() as connection:
        return [tuple(r.values()) for r in connection.execute(ws.sql(statement), values).fetchall()]


@pytest.mark.promise("P130")
def test_the_slice_is_deterministic_closed_and_shows_one_of_everything(export: tuple[Workspace, str]) -> None:
    ws, export_id = export
    full = ledger.make_plan(ws, "t", export_id)
    stages = dict(rows(ws, "select vals ->> 'stage_id', count(*) from {target}.plan where entity = 'opportunity' and action = 'create' group by 1"))
    owners = {x for (x,) in rows(ws, "select vals ->> 'user_id' from {target}.plan where entity in ('lead', 'opportunity') and action = 'create'")}
    tags = {x for (x,) in rows(ws, "select jsonb_array_elements_text(vals -> 'tag_ids') from {target}.plan where action = 'create' and jsonb_typeof(vals -> 'tag_ids') = 'array'")}
    filled = rows(ws, "select p.entity, f.key from {target}.plan as p, jsonb_each(p.vals) as f where action = 'create' and f.value not in ('null', '\"\"', '[]') group by 1, 2")

    plan = ledger.make_plan(ws, "t", export_id, SIZE, 7)
    chosen = rows(ws, "select entity, xid from {target}.plan where action = 'create' order by 1, 2")
    assert SIZE * 0.8 <= len(chosen) <= SIZE * 2 < full.writes
    again = ledger.make_plan(ws, "t", export_id, SIZE, 7)
    assert rows(ws, "select entity, xid from {target}.plan where action = 'create' order by 1, 2") == chosen
    assert again.hash == plan.hash
    assert ledger.make_plan(ws, "t", export_id, SIZE, 8).hash != plan.hash
    assert plan.bound_to["slice"] == f"{SIZE} records, seed 7"
    told = forecast.slice_of(ws, plan.plan_id)
    assert told is not None
    assert told["seed"] == 7
    assert [line for line in told["not_covered"] if ": no record can be loaded" in line], "what a sample cannot show is kept with its plan"
    sums: dict[str, int] = {}
    for group in forecast.groups(ws, plan.plan_id):
        sums[group.entity] = sums.get(group.entity, 0) + group.records
    assert sums["company"] == sum(plan.summary["company"].values())
    assert {c.basis for c in forecast.costs(ws, plan.plan_id)} == {forecast.DECLARED}
    assert sum(c.records for c in forecast.costs(ws, plan.plan_id)) == plan.writes

    ledger.make_plan(ws, "t", export_id, SIZE, 7)
    open_ends = rows(
        ws, "select e.xid, e.to_xid from {target}.edge as e join {target}.plan as p on p.xid = e.xid join {target}.plan as t on t.xid = e.to_xid "
        "where p.action = 'create' and t.action = 'skipped' and t.reason = %s", REASON,
    )
    assert open_ends == [], "every record comes with the records it refers to"
    now = {x for (x,) in rows(ws, "select vals ->> 'stage_id' from {target}.plan where entity = 'opportunity' and action = 'create'")}
    assert now == set(stages)
    assert {x for (x,) in rows(ws, "select vals ->> 'user_id' from {target}.plan where entity in ('lead', 'opportunity') and action = 'create'")} == owners
    assert {x for (x,) in rows(ws, "select jsonb_array_elements_text(vals -> 'tag_ids') from {target}.plan where action = 'create' and jsonb_typeof(vals -> 'tag_ids') = 'array'")} == tags
    assert rows(ws, "select p.entity, f.key from {target}.plan as p, jsonb_each(p.vals) as f where action = 'create' and f.value not in ('null', '\"\"', '[]') group by 1, 2") == filled
