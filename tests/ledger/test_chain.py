"""The audit chain: nobody changes, removes or inserts an entry unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.ledger import chain
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace
from load_world import write_project

pytestmark = pytest.mark.promise("P185")


@pytest.fixture
def ws(tmp_path: Path, staging_dsn: str, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    name = "c_" + re.sub("[^a-z]", "", request.node.name)[4:30]
    write_project(tmp_path, name)
    return Workspace.open(load_bundle(tmp_path, name), staging_dsn)


def do(ws: Workspace, statement: str, *values: Any) -> None:
    with ws.connect() as connection:
        connection.execute(ws.sql(statement), values)


def enter(ws: Workspace, *xids: str) -> None:
    """One batch of entries."""
    do(ws, "insert into {log}.target (target_id, url, database, kind, version, edition, hosting) values ('t', '', '', 'sandbox', '', '', '') on conflict do nothing")
    do(
        ws, "insert into {log}.entry (target_id, run_id, entity, model, xid, res_id, action, before) "
        "select 't', 'r', 'deal', 'crm.lead', x, 1, 'create', '{{\"a\": 1.50}}' from unnest(%s::text[]) as x", list(xids),
    )


def test_every_batch_is_a_link(ws: Workspace) -> None:
    assert chain.verify(ws) == chain.Chain(0, 0, "")
    enter(ws, "a", "b")
    first = chain.verify(ws).head
    enter(ws, "c")
    found = chain.verify(ws, first)
    assert (found.seals, found.entries) == (2, 3)
    assert found.head != first


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("update {log}.entry set res_id = 2 where xid = 'b'", "the batch from entry 1 on, .* was changed"),
        ("update {log}.entry set before = '{{\"a\": 2}}' where xid = 'c'", "was changed"),
        ("delete from {log}.entry where xid = 'a'", "entry 1 was removed"),
        ("alter table {log}.entry disable trigger user; insert into {log}.entry (target_id, run_id, entity, model, xid, action) "
         "values ('t', 'r', 'deal', 'crm.lead', 'x', 'create')", "entry 5 .* put in without a seal"),
        ("delete from {log}.seal where seal_id = 2; delete from {log}.entry where xid = 'c'", "does not follow the one before"),
    ],
    ids=["value", "before", "removed", "inserted", "batch"],
)
def test_tampering_is_seen(ws: Workspace, deed: str, said: str) -> None:
    enter(ws, "a", "b")
    enter(ws, "c")
    enter(ws, "d")
    do(ws, deed)
    with pytest.raises(chain.LedgerTampered, match=said):
        chain.verify(ws)
    do(ws, "drop schema {log} cascade")


def test_a_ledger_cut_off_at_its_end_is_seen_by_its_printed_head(ws: Workspace) -> None:
    enter(ws, "a")
    enter(ws, "b")
    head = chain.verify(ws).head
    do(ws, "delete from {log}.entry where xid = 'b'; delete from {log}.seal where seal_id = 2")
    assert chain.verify(ws).seals == 1
    with pytest.raises(chain.LedgerTampered, match="its end was cut off"):
        chain.verify(ws, head)
