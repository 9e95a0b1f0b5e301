"""A snapshot is taken, its restore rehearsed, and the database put back as it was, with its files and with the ledger."""

from __future__ import annotations

import base64
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from crm2odoo.ledger import approvals, chain, fresh
from crm2odoo.odoo import audit, picture, settings, snapshot
from crm2odoo.odoo.database_server import DatabaseServer, SnapshotFailed
from crm2odoo.sandbox import Base
from odoo_server import OdooDatabase
from proof_world import FIRMS, REPS, Proof, deals, proof_world

pytestmark = [pytest.mark.odoo, pytest.mark.promise("P187", "P190")]


@pytest.fixture(scope="module")
def server(odoo_base: Base, odoo: OdooDatabase) -> Iterator[DatabaseServer]:
    dsn = psycopg.conninfo.make_conninfo(host=odoo_base.postgres_host, port=odoo_base.postgres_port, user="postgres", dbname="postgres")
    filestore = odoo_base.home / "servers" / str(os.getpid()) / "data" / "filestore"
    yield DatabaseServer(dsn, filestore)
    with psycopg.connect(dsn, autocommit=True) as connection:
        left = [r[0] for r in connection.execute("select datname from pg_database where datname like %s", (f"{odoo.database}\\_\\_c2o\\_%",)).fetchall()]
    for name in left:
        DatabaseServer(dsn, filestore).drop(name)


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Iterator[Proof]:
    with proof_world(tmp_path_factory.mktemp("snap"), staging_dsn, odoo, "snap") as world:
        yield world


def attach(proof: Proof, name: str, content: bytes) -> int:
    made = proof.target.client.call("ir.attachment", "create", vals_list=[{"name": name, "datas": base64.b64encode(content).decode()}])
    return int(made[0])


def content(proof: Proof, attachment: int) -> bytes:
    [row] = proof.target.client.call("ir.attachment", "read", ids=[attachment], fields=["datas"])
    return base64.b64decode(row["datas"] or "")


def leads(proof: Proof) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = proof.target.client.call("crm.lead", "search_read", domain=[], fields=["name", "expected_revenue"], order="id")
    return found


ODOO_SEES = "select datname from pg_database where not datistemplate and datallowconn and datname like %s"
"""As Odoo lists the databases in which its scheduled actions run."""
_kept: dict[str, Any] = {}


def test_a_snapshot_is_proved_and_its_restore_rehearsed(proof: Proof, server: DatabaseServer) -> None:
    proof.run(proof.deliver("first", rep=REPS, firm=FIRMS, deal=deals(4)), "one")
    _kept["file"] = attach(proof, "before.txt", b"what was there before " * 5000)
    _kept["leads"] = leads(proof)
    taken = snapshot.take(proof.target, "two", server)
    assert taken.proof is not None
    assert taken.proof.tables["crm_lead"][0] == len(_kept["leads"])
    assert taken.proof.files > 0
    assert snapshot.take(proof.target, "two", server) == taken, "once per run"
    assert snapshot.rehearse(proof.target, taken, server) < 120
    assert not server.has(f"{proof.target.client.database}__c2o_rehearsal")
    assert leads(proof) == _kept["leads"], "Odoo works on"


def test_the_database_goes_back_with_files_settings_and_ledger(proof: Proof, server: DatabaseServer) -> None:
    changed = [{**row, "amount": "5.00"} if row["id"] == "1" else row for row in deals(7)]
    before = {r["xid"]: r["hash"] for r in proof.rows("select xid, hash from {log}.record")}
    settings.park(proof.target, "two")
    proof.run(proof.deliver("second", rep=REPS, firm=FIRMS, deal=changed), "two")
    late = attach(proof, "late.txt", b"made after the snapshot")
    proof.target.client.call("ir.attachment", "unlink", ids=[_kept["file"]])
    person = {"name": "Late Comer", "login": "late@work.example", "password": "late-works-here"}
    proof.target.client.call("res.users", "create", vals_list=[person], context={"no_reset_password": True})
    assert len(leads(proof)) > len(_kept["leads"])

    found = snapshot.find(proof.target, None)
    done = snapshot.restore(proof.target, "back", found, server)
    assert done.restored_at is not None
    assert snapshot.restore(proof.target, "back", found, server).restored_at == done.restored_at, "repeating it does nothing"
    assert leads(proof) == _kept["leads"]
    assert content(proof, _kept["file"]) == b"what was there before " * 5000
    assert not proof.target.client.call("ir.attachment", "search_count", domain=[["id", "=", late]])
    assert done.replaced is not None
    assert server.has(done.replaced), "what was replaced is kept"
    with psycopg.connect(server.dsn) as connection:
        seen = connection.execute(ODOO_SEES, (f"{proof.target.client.database}%",)).fetchall()
    assert seen == [(proof.target.client.database,)], "Odoo's scheduled actions run in no copy"

    assert {r["xid"]: r["hash"] for r in proof.rows("select xid, hash from {log}.record")} == before
    assert all(s.holds for s in audit.sums(proof.target)), audit.sums(proof.target)
    assert settings.parked(proof.target) == []
    assert chain.verify(proof.ws).entries > 0
    proof.plan(proof.root / "first", "again")
    planned = {r["action"]: r["n"] for r in proof.rows("select action, count(*) as n from {target}.plan where entity = 'deal' group by 1")}
    assert planned == {"unchanged": 4}, "loading goes on from there"


def test_a_restore_killed_between_its_steps_goes_on(proof: Proof, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    picture.take(proof.target, "again")
    taken = snapshot.take(proof.target, "three", server)
    proof.run(proof.deliver("third", rep=REPS, firm=FIRMS, deal=deals(6)), "three")
    rename, calls = DatabaseServer.rename, []

    def dying(self: DatabaseServer, old: str, new: str) -> None:
        rename(self, old, new)
        calls.append(new)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(DatabaseServer, "rename", dying)
    with pytest.raises(KeyboardInterrupt):
        snapshot.restore(proof.target, "back2", taken, server)
    snapshot.restore(proof.target, "back2", taken, server)
    assert leads(proof) == _kept["leads"]
    assert {c.model: (c.extra, c.missing) for c in picture.compare(proof.target) if c.extra or c.missing} == {}


def test_a_damaged_snapshot_is_not_restored(proof: Proof, server: DatabaseServer) -> None:
    taken = snapshot.find(proof.target, None)
    file = next(p for p in (server.filestore / taken.copy).glob("*/*") if p.stat().st_size > 100)
    damaged = file.read_bytes()[:-1]
    file.unlink()
    file.write_bytes(damaged)
    with pytest.raises(SnapshotFailed, match="is not what its name says"):
        snapshot.rehearse(proof.target, taken, server)
    with pytest.raises(SnapshotFailed, match="is not what its name says"):
        snapshot.restore(proof.target, "back3", taken, server)
    assert leads(proof) == _kept["leads"], "nothing was replaced"


def test_a_locked_project_is_not_put_back(proof: Proof, server: DatabaseServer) -> None:
    fresh.lock(proof.ws, proof.target.target_id, "Carla", {})
    with pytest.raises(fresh.Locked):
        snapshot.restore(proof.target, "back4", snapshot.find(proof.target, None), server)
    with proof.ws.connect() as connection:
        seal = fresh.lock_hash(proof.ws, connection, proof.target.target_id)
    assert seal
    approvals.record(proof.ws, subject=fresh.UNLOCK, hash=seal, verdict="approved", by="Carla")


def test_only_the_first_and_the_newest_are_kept(proof: Proof, server: DatabaseServer) -> None:
    assert snapshot.drop_old(proof.target, server, keep=2) == []
    assert len(snapshot.snapshots(proof.target)) == 2
    snapshot.take(proof.target, "four", server)
    [gone] = snapshot.drop_old(proof.target, server, keep=1)
    assert not server.has(gone)
    assert not (server.filestore / gone).exists()


def test_it_is_said_where_it_cannot_be(proof: Proof, tmp_path: Path, server: DatabaseServer) -> None:
    online, platform = (dataclasses.replace(proof.target, hosting=h) for h in ("online", "odoo_sh"))
    assert "Odoo Online gives nobody access to its database" in str(snapshot.why_impossible(online, True))
    assert "Odoo.sh's own backups" in str(snapshot.why_impossible(platform, True))
    assert "snapshot: {connection:" in str(snapshot.why_impossible(proof.target, False))
    assert snapshot.why_impossible(proof.target, True) is None
    with pytest.raises(SnapshotFailed, match="Mount Odoo's filestore"):
        DatabaseServer(server.dsn, tmp_path / "nowhere").check(proof.target.client.database)
    with pytest.raises(SnapshotFailed, match="has no database 'another'"):
        server.check("another")
