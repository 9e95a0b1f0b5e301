"""Snapshots of a whole Odoo database before a load, a rehearsal of their restore, and the restore.

Only where the database server can be reached: on one's own server. Each step may be repeated, also after a kill: what was done is seen
in the server and in ``<p>_log.snapshot``. Nothing is thrown away by a restore: the database that it replaces is kept under another name.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from crm2odoo.ledger import fresh
from crm2odoo.odoo.context import READING
from crm2odoo.odoo.database_server import DatabaseServer, Proof, SnapshotFailed
from crm2odoo.odoo.errors import OdooError
from crm2odoo.odoo.references import ROOT_UID
from crm2odoo.odoo.target import Target

log = logging.getLogger(__name__)

LIMIT = 63
"""Characters of a database's name in PostgreSQL."""


class SnapshotImpossible(RuntimeError):
    """This Odoo's database cannot be copied from here. The message says why, and what there is instead."""


class NoSnapshot(LookupError):
    """There is no such snapshot. The message lists those that there are."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as ``<p>_log.snapshot`` knows it; times in UTC.

    ``restoring_run``: the rollback that restored it last, or is at it; ``replaced``: the database that this put aside.
    """

    snapshot_id: int
    run_id: str
    database: str
    copy: str
    entry_id: int
    proof: Proof | None
    bytes: int | None
    taken_at: datetime | None
    take_seconds: float | None
    rehearse_seconds: float | None
    restoring_run: str | None
    replaced: str | None
    restored_at: datetime | None
    restore_seconds: float | None


@dataclass(frozen=True)
class Lost:
    """Work of people since a snapshot, which a restore takes away: records of a model that others made or changed after it."""

    model: str
    records: int


def why_impossible(target: Target, named: bool) -> str | None:
    """Why this target's database cannot be copied; None when it can. ``named``: the project names a database server."""
    project = target.ws.bundle.project.project
    if target.hosting == "online":
        return (
            "Odoo Online gives nobody access to its database, so no snapshot can be taken or restored from here.\n"
            f"Use {project}.rollback with `way` = logical; or restore a backup in Odoo's own database manager (odoo.com, My Databases), where "
            "each database has daily backups."
        )
    if target.hosting == "odoo_sh":
        return (
            "Odoo.sh gives no access to its database server, so no snapshot can be taken or restored from here.\n"
            f"Use {project}.rollback with `way` = logical; or Odoo.sh's own backups (Branches, Backups: Create, later Restore)."
        )
    if not named:
        return (
            f"The project does not name the server that holds Odoo's database. Add to mappings/projects/{project}.yaml:\n"
            "snapshot: {connection: AIRFLOW_POSTGRES_CONNECTION, filestore: /path/to/filestore}\n"
            "Without it a rollback is logical: record by record, through Odoo's API."
        )
    return None


def take(target: Target, run_id: str, server: DatabaseServer) -> Snapshot:
    """Copies the target's database and files, once per run, and proves the copy. Odoo's sessions are ended for a moment. Raises SnapshotFailed."""
    ws, database = target.ws, target.client.database
    server.check(database)
    with ws.connect() as connection:
        number = connection.execute(ws.sql("select count(*) + 1 as n from {log}.snapshot")).fetchone()
        assert number is not None
        connection.execute(
            ws.sql(
                "insert into {log}.snapshot (target_id, run_id, database, copy, entry_id) "
                "select %(target)s, %(run)s, %(database)s, %(copy)s, "
                "(select coalesce(max(entry_id), 0) from {log}.entry where target_id = %(target)s) "
                "on conflict do nothing"
            ),
            {"target": target.target_id, "run": run_id, "database": database, "copy": _name(database, f"snapshot_{number['n']}")},
        )
    [snapshot] = [s for s in snapshots(target) if s.run_id == run_id]
    if snapshot.taken_at is not None:
        return snapshot
    started = time.monotonic()
    server.copy(database, snapshot.copy, f"crm2odoo: snapshot of {database} before {run_id}", again=True)
    seconds = time.monotonic() - started
    proof = server.proof(snapshot.copy)
    server.close(snapshot.copy)
    with ws.connect() as connection:
        connection.execute(ws.sql("delete from {log}.snapshot_record where snapshot_id = %s"), (snapshot.snapshot_id,))
        connection.execute(
            ws.sql(
                "insert into {log}.snapshot_record (snapshot_id, xid, entity, model, res_id, ours, hash, vals, second_done, run_id) "
                "select %s, xid, entity, model, res_id, ours, hash, vals, second_done, run_id from {log}.record where target_id = %s"
            ),
            (snapshot.snapshot_id, target.target_id),
        )
        connection.execute(
            ws.sql(
                "update {log}.snapshot set proof = %s, bytes = %s, taken_at = clock_timestamp(), take_seconds = %s where snapshot_id = %s"
            ),
            (Jsonb(proof.as_json()), server.size(snapshot.copy) + proof.bytes, seconds, snapshot.snapshot_id),
        )
    log.info("snapshot taken copy=%s seconds=%.1f tables=%d rows=%d files=%d", snapshot.copy, seconds, len(proof.tables), proof.rows, proof.files)
    return find(target, snapshot.snapshot_id)


def rehearse(target: Target, snapshot: Snapshot, server: DatabaseServer) -> float:
    """Restores a snapshot under another name, compares every row and file with it, and drops that again. Returns the seconds of the restore.

    Raises SnapshotFailed when what comes back is not what was taken.
    """
    assert snapshot.proof is not None
    name = _name(snapshot.database, "rehearsal")
    started = time.monotonic()
    try:
        server.copy(snapshot.copy, name, f"crm2odoo: rehearsal of a restore of {snapshot.database}", again=True)
        seconds = time.monotonic() - started
        _same(snapshot, server.proof(name), name)
    finally:
        server.drop(name)
    with target.ws.connect() as connection:
        connection.execute(
            target.ws.sql("update {log}.snapshot set rehearsed_at = clock_timestamp(), rehearse_seconds = %s where snapshot_id = %s"),
            (seconds, snapshot.snapshot_id),
        )
    log.info("restore rehearsed copy=%s seconds=%.1f: every row and file is there", snapshot.copy, seconds)
    return seconds


def snapshots(target: Target) -> list[Snapshot]:
    """Those of a target that were not dropped, newest first."""
    with target.ws.connect() as connection:
        rows = connection.execute(
            target.ws.sql(
                "select snapshot_id, run_id, database, copy, entry_id, proof, bytes, taken_at, take_seconds, rehearse_seconds, "
                "restoring_run, replaced, restored_at, restore_seconds from {log}.snapshot "
                "where target_id = %s and dropped_at is null order by snapshot_id desc"
            ),
            (target.target_id,),
        ).fetchall()
    return [Snapshot(**{**r, "proof": Proof.from_json(r["proof"]) if r["proof"] else None}) for r in rows]


def find(target: Target, snapshot_id: int | None) -> Snapshot:
    """A complete snapshot by its number; the newest one for None. Raises NoSnapshot."""
    known = [s for s in snapshots(target) if s.taken_at is not None]
    for snapshot in known:
        if snapshot_id in (None, snapshot.snapshot_id):
            return snapshot
    listed = "\n".join(f"- {s.snapshot_id}: before {s.run_id}, {s.taken_at:%Y-%m-%d %H:%M} UTC" for s in known) or "- none"
    wanted = "no snapshot" if snapshot_id is None else f"no snapshot {snapshot_id}"
    raise NoSnapshot(f"There is {wanted} of {target.client.database!r}. Those that there are:\n{listed}")


def lost(target: Target, snapshot: Snapshot) -> list[Lost]:
    """What people did in Odoo since the snapshot, by model, most first. Reads only."""
    assert snapshot.taken_at is not None
    since, call, found = f"{snapshot.taken_at:%Y-%m-%d %H:%M:%S}", target.client.call, []
    domain = [["write_date", ">", since], ["write_uid", "not in", [target.client.uid, ROOT_UID]]]
    logged = call("ir.model.fields", "search_read", domain=[["name", "=", "write_uid"], ["store", "=", True]], fields=["model"])
    models = sorted({r["model"] for r in logged})
    lasting = call("ir.model", "search_read", domain=[["model", "in", models], ["transient", "=", False]], fields=["model"])
    for model in sorted(r["model"] for r in lasting):
        try:
            count = call(model, "search_count", domain=domain, context=READING)
        except OdooError:
            continue  # reports and models that this user may not read
        if count:
            found.append(Lost(model, count))
    return sorted(found, key=lambda x: (-x.records, x.model))


def restore(target: Target, run_id: str, snapshot: Snapshot, server: DatabaseServer) -> Snapshot:
    """Puts the snapshot in the place of the database, which is kept under another name; then the ledger goes back as well.

    Safe to repeat at any moment. Raises SnapshotFailed; Locked after the cutover.
    """
    ws, database = target.ws, snapshot.database
    with ws.connect() as connection:
        fresh.refuse_locked(ws, connection, target.target_id)
        connection.execute(
            ws.sql(
                "update {log}.snapshot set restoring_run = %s, replaced = %s, restored_at = null "
                "where snapshot_id = %s and restoring_run is distinct from %s"
            ),
            (run_id, _name(database, f"replaced_{time.strftime('%m%d_%H%M%S', time.gmtime())}"), snapshot.snapshot_id, run_id),
        )
        # Whoever loads now loses its chunk at its next batch.
        connection.execute(ws.sql("update {log}.fence set token = token + 1, run_id = %s where target_id = %s"), (run_id, target.target_id))
    snapshot = find(target, snapshot.snapshot_id)
    replaced, incoming, started = snapshot.replaced, _name(database, "incoming"), time.monotonic()
    assert replaced is not None
    assert snapshot.proof is not None
    if snapshot.restored_at is not None:
        return snapshot
    if not server.has(replaced):
        server.copy(snapshot.copy, incoming, f"crm2odoo: {database} as it was before {snapshot.run_id}", again=True)
        _same(snapshot, server.proof(incoming), incoming)
        server.signal(incoming, database)
        server.hide(database)  # under its next name no scheduled action of Odoo may run in it
        server.rename(database, replaced)
    if not server.has(database):
        server.rename(incoming, database)
    server.hide(database, False)
    if not (server.filestore / replaced).exists():
        server.rename_files(database, replaced)
    server.rename_files(incoming, database)
    seconds = time.monotonic() - started
    server.close(replaced)
    with ws.connect() as connection:
        about = {"snapshot_id": snapshot.snapshot_id, "entry_id": snapshot.entry_id, "target_id": target.target_id, "run_id": run_id}
        ws.run(connection, "rollback/snapshot.sql.j2", **about)
        connection.execute(
            ws.sql("update {log}.snapshot set restored_at = clock_timestamp(), restore_seconds = %s where snapshot_id = %s"),
            (seconds, snapshot.snapshot_id),
        )
    log.info("snapshot restored database=%s seconds=%.1f; what it held before is kept as %s", database, seconds, replaced)
    return find(target, snapshot.snapshot_id)


def drop_old(target: Target, server: DatabaseServer, keep: int) -> list[str]:
    """Drops complete snapshots but for the first and the newest ``keep``; returns their names. Replaced databases are for a person to drop."""
    complete = [s for s in snapshots(target) if s.taken_at is not None]
    gone = complete[keep:-1]
    for snapshot in gone:
        server.drop(snapshot.copy)
        with target.ws.connect() as connection:
            connection.execute(
                target.ws.sql("update {log}.snapshot set dropped_at = clock_timestamp() where snapshot_id = %s"), (snapshot.snapshot_id,)
            )
    return [s.copy for s in gone]


def _same(snapshot: Snapshot, found: Proof, name: str) -> None:
    assert snapshot.proof is not None
    if wrong := snapshot.proof.differences(found):
        raise SnapshotFailed(
            f"{name} is not what the snapshot {snapshot.copy} held when it was taken:\n"
            + "\n".join(f"- {line}" for line in wrong[:20])
            + "\nDo not count on this snapshot. Look at the disk and the log of the database server."
        )


def _name(database: str, what: str) -> str:
    end = f"__c2o_{what}"
    return database[: LIMIT - len(end)] + end
