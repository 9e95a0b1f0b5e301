"""Whether a plan still says what a load would do, and whether the target may be written at all. Asked by every task that writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from crm2odoo.ledger.plan import Plan, decisions_hash, get_plan, names_hash
from crm2odoo.ledger.purge import refuse_purged
from crm2odoo.staging import Connection, Workspace

LOCK = "lock:"
"""Decision ``lock:<target_id>``: ``{"locked": true}`` after the cutover."""
UNLOCK = "unlock"
"""Subject of the approval that opens a lock again; bound to that lock."""


class StalePlan(RuntimeError):
    """Something that the plan follows from has changed since it was made. Nothing was written."""


class Locked(RuntimeError):
    """The migration was cut over: Odoo is the system of record, and nothing is loaded into it any more."""


def require(ws: Workspace, plan_id: int, run_id: str) -> Plan:
    """The plan, if it still holds and its target may be written. ``run_id``: whose own writes do not make it stale.

    Raises StalePlan, Locked, NoPlan.
    """
    plan = get_plan(ws, plan_id)
    with ws.connect() as connection:
        refuse_locked(ws, connection, plan.target_id)
        changed = list(_changes(ws, connection, plan, run_id))
    if changed:
        raise StalePlan(
            f"Plan {plan_id} is stale, so nothing is written:\n"
            + "\n".join(f"- {line}" for line in changed)
            + "\nTrigger the DAG again: it makes a new plan, which shows what is different, and has it approved."
        )
    return plan


def _changes(ws: Workspace, connection: Connection, plan: Plan, run_id: str) -> list[str]:
    bound, found = plan.bound_to, []
    newer = connection.execute(
        ws.sql("select plan_id, created_at from {log}.plan where plan_id > %s order by plan_id desc limit 1"), (plan.plan_id,)
    ).fetchone()
    if newer is not None:
        found.append(f"plan {newer['plan_id']} was made after it, at {newer['created_at']:%Y-%m-%d %H:%M} UTC: there is one plan at a time")
    kept = connection.execute(ws.sql("select exists (select from {target}.plan) as found")).fetchone()
    if any(plan.summary.values()) and not (kept and kept["found"]):
        # Without this a task would find nothing to do, and call that done.
        found.append("its rows are gone from the staging database: a crash of PostgreSQL empties the tables that can be made again")
    if bound.get("mapping") != ws.bundle.mapping_hash:
        found.append("the mapping changed (a file below mappings/)")
    if bound.get("decisions") != decisions_hash(ws, connection):
        rows = connection.execute(
            ws.sql("select name, decided_by from {log}.decision where at > (select created_at from {log}.plan where plan_id = %s) order by 1"),
            (plan.plan_id,),
        ).fetchall()
        names = ", ".join(f"{r['name']} by {r['decided_by']}" for r in rows) or "a decision"
        found.append(f"somebody decided since: {names}")
    sha256 = connection.execute(ws.sql("select sha256 from {log}.export where export_id = %s"), (plan.export_id,)).fetchone()
    if "sha256" in bound and (sha256 is None or sha256["sha256"] != bound["sha256"]):
        found.append("the export is another one")
    if "names" in bound and bound["names"] != names_hash(ws, connection, plan.target_id):
        found.append("fields of Odoo that the mapping uses came, went or were renamed")
    if "ledger" in bound:
        row = connection.execute(
            ws.sql(
                "select e.run_id, max(e.at) as at from {log}.entry as e left join {log}.batch as b using (batch_id) "
                "where e.target_id = %s and e.entry_id > %s and e.entity not in ('schema', 'parked') and e.run_id <> %s "
                "and b.plan_id is distinct from %s group by 1 order by 2 desc limit 1"
            ),
            (plan.target_id, int(bound["ledger"]), run_id, plan.plan_id),
        ).fetchone()
        if row is not None:
            found.append(f"the run {row['run_id']} wrote to this Odoo, at {row['at']:%Y-%m-%d %H:%M} UTC")
    return found


def lock(ws: Workspace, target_id: str, by: str, details: Mapping[str, Any]) -> None:
    """From now on nothing is loaded into this target, until somebody approves ``UNLOCK``."""
    with ws.connect() as connection:
        connection.execute(
            ws.sql("insert into {log}.decision (name, value, decided_by, comment) values (%s, %s, %s, 'cut over')"),
            (LOCK + target_id, json.dumps({"locked": True, **details}), by),
        )


def lock_hash(ws: Workspace, connection: Connection, target_id: str) -> str | None:
    """What an approval to unlock is bound to; None when the target is not locked."""
    row = connection.execute(
        ws.sql("select decision_id, value from {log}.decision where name = %s order by decision_id desc limit 1"), (LOCK + target_id,)
    ).fetchone()
    if row is None or not row["value"].get("locked"):
        return None
    digest = hashlib.sha256(f"{ws.bundle.project.project} {target_id} {row['decision_id']}".encode()).hexdigest()
    verdict = connection.execute(
        ws.sql("select verdict from {log}.approval where subject = %s and hash = %s order by approval_id desc limit 1"), (UNLOCK, digest)
    ).fetchone()
    return None if verdict and verdict["verdict"] == "approved" else digest


def locked_by(ws: Workspace, target_id: str) -> str | None:
    """By whom and when a target was cut over; None when it is not locked."""
    with ws.connect() as connection:
        if lock_hash(ws, connection, target_id) is None:
            return None
        row = connection.execute(
            ws.sql("select decided_by, at from {log}.decision where name = %s order by decision_id desc limit 1"), (LOCK + target_id,)
        ).fetchone()
    return f"by {row['decided_by']} on {row['at']:%Y-%m-%d %H:%M} UTC" if row else None


def refuse_locked(ws: Workspace, connection: Connection, target_id: str) -> None:
    """Raises Locked; Purged when the project's values are gone."""
    refuse_purged(ws, connection)
    if lock_hash(ws, connection, target_id) is None:
        return
    row = connection.execute(
        ws.sql("select decided_by, at from {log}.decision where name = %s order by decision_id desc limit 1"), (LOCK + target_id,)
    ).fetchone()
    assert row is not None
    project = ws.bundle.project.project
    raise Locked(
        f"{project} was cut over by {row['decided_by']} on {row['at']:%Y-%m-%d %H:%M} UTC: Odoo is the system of record, and nothing is written.\n"
        f"If there must be one more load, trigger {project}.cutover with `action` = unlock and have it approved."
    )
