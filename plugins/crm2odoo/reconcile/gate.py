"""The gate after each phase: three legs that must agree before the next phase may start.

1. the export: rows of the files, clean tables and target table; 2. the ledger; 3. Odoo, asked for our external ids.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from crm2odoo.odoo.loader import SMALLEST_BUDGET
from crm2odoo.odoo.target import Target
from crm2odoo.reconcile.check import Check, keep, same
from crm2odoo.reconcile.odoo_side import read_external_ids, record_link
from crm2odoo.reconcile.source_side import CASES, places, source_checks
from crm2odoo.staging import Connection

log = logging.getLogger(__name__)


class GateFailed(RuntimeError):
    """The counts of a phase do not agree. The message says what differs, by how many, shows cases, and says what to do."""

    def __init__(self, message: str, checks: list[Check]) -> None:
        super().__init__(message)
        self.checks = checks


@dataclass(frozen=True)
class _Fault:
    title: str
    advice: str


FAULTS = {
    "not_in_ledger": _Fault(
        "Planned records that were never written",
        "Clear the failed load tasks of this phase and run the gate again; what is already in Odoo is not loaded twice.",
    ),
    "not_in_odoo": _Fault(
        "Records in the ledger whose external id Odoo does not have",
        "Somebody deleted them, or the database was put back to an earlier state. Make a new plan: it lists them, and a decision makes them again.",
    ),
    "record_gone": _Fault(
        "External ids in Odoo whose record is gone",
        "Somebody deleted the records in Odoo. Make a new plan: it lists them, and a decision makes them again.",
    ),
    "another_record": _Fault(
        "External ids that now point to another record",
        "Records were merged or external ids were edited in Odoo. Make a new plan: it lists them and leaves them alone.",
    ),
    "matched_gone": _Fault(
        "Existing records of Odoo that were matched and are gone",
        "Make a new plan: it looks for existing records again.",
    ),
    "shared_record": _Fault(
        "Different source records that share one record in Odoo",
        "Two records of the source were joined in Odoo. Look at the cases before anything else is loaded.",
    ),
    "unknown_to_ledger": _Fault(
        "Records in Odoo under our external ids that the ledger does not know",
        "The ledger was lost or belongs to another run. Do not load again: settle the open batches first (clear the load tasks), or ask for help.",
    ),
}


def check_entity(target: Target, run_id: str, plan_id: int, entity: str) -> list[Check]:
    """Compares the three legs for one entity and keeps every check in ``<p>_log.reconciliation``, whether or not it passes.

    Raises GateFailed when a check fails; the checks are kept all the same.
    """
    ws = target.ws
    with ws.connect() as connection:
        read_external_ids(target, connection, entity)
        ws.run(connection, "reconcile/gate.sql.j2", entity=entity, model=target.entities[entity].model, target_id=target.target_id, plan_id=plan_id)
        checks = [*source_checks(ws, connection, plan_id, entity), *_odoo_checks(target, connection, entity)]
        keep(ws, connection, run_id, target.target_id, checks)
    failed = [c for c in checks if not c.passed]
    for check in checks:
        log.info("%s %s: expected %s, found %s", "ok  " if check.passed else "FAIL", check.title, check.expected, check.found)
    if failed:
        raise GateFailed(_message(target, entity, failed, len(checks)), checks)
    return checks


def _odoo_checks(target: Target, connection: Connection, entity: str) -> list[Check]:
    ws = target.ws
    actions = {
        row["action"]: row["n"]
        for row in connection.execute(ws.sql("select action, count(*) as n from {target}.plan where entity = %s group by action"), (entity,))
    }
    faults = {row["fault"]: row["n"] for row in connection.execute(ws.sql("select fault, count(*) as n from {target}.gate_case group by fault"))}
    refused, waiting = faults.pop("refused", 0), faults.pop("waits", 0)
    active = sum(actions.get(a, 0) for a in ("create", "update", "unchanged"))
    found = actions.get("found", 0)
    counted = connection.execute(
        ws.sql(
            "select count(*) filter (where k.ours) as ours, count(*) filter (where not k.ours) as matched, "
            "count(*) filter (where k.ours and o.alive and o.res_id = k.res_id) as alive, "
            "(select count(*) from {target}.gate_case where fault in ('refused', 'waits') and res_id is null) as explained "
            "from {target}.plan as p join {log}.record as k on k.target_id = %s and k.xid = p.xid and k.entity = p.entity "
            "left join {target}.odoo_xid as o on o.entity = p.entity and o.xid = p.xid "
            "where p.entity = %s and p.action in ('create', 'update', 'unchanged', 'found')"
        ),
        (target.target_id, entity),
    ).fetchone()
    assert counted is not None
    checks = [
        same(
            entity,
            "in_ledger",
            "Planned records that the ledger has, or says why not",
            active + found,
            counted["ours"] + counted["matched"] + counted["explained"],
            actions=actions,
            refused=refused,
            waiting=waiting,
            advice="The checks below name the records.",
        ),
        same(
            entity,
            "in_odoo",
            "Records of the ledger found in Odoo by external id",
            counted["ours"],
            counted["alive"],
            advice="The checks below name the records.",
        ),
    ]
    for name, fault in FAULTS.items():
        cases = _cases(target, connection, entity, name) if faults.get(name) else []
        checks.append(same(entity, name, fault.title, 0, faults.get(name, 0), advice=fault.advice, cases=cases))
    return [*checks, _refused(target, connection, entity, refused, active)]


def _refused(target: Target, connection: Connection, entity: str, refused: int, planned: int) -> Check:
    """Refusals of Odoo pass up to the project's error budget: each is a disposition of its own, with Odoo's message."""
    budget = target.ws.bundle.project.error_budget_percent
    allowed = max(SMALLEST_BUDGET, int(planned * budget / 100))
    cases = _cases(target, connection, entity, "refused") if refused else []
    return Check(
        entity,
        "refused",
        f"Records refused by Odoo (budget {budget:g} %)",
        allowed,
        refused,
        refused <= allowed,
        {"advice": "Read Odoo's messages in the report, mend the mapping or the data, and load again.", "cases": cases},
    )


def _cases(target: Target, connection: Connection, entity: str, fault: str) -> list[dict[str, Any]]:
    """The first ten cases: xid, link to Odoo, and the place in the export."""
    ws, model = target.ws, target.entities[entity].model
    url = target.client.credentials.url
    rows = connection.execute(
        ws.sql("select xid, res_id from {target}.gate_case where fault = %s order by length(xid), xid limit %s"), (fault, CASES)
    ).fetchall()
    where = places(ws, connection, entity, [row["xid"] for row in rows])
    messages = {}
    if fault == "refused":
        messages = {
            row["xid"]: row["message"]
            for row in connection.execute(
                ws.sql(
                    "select distinct on (xid) xid, message from {log}.refusal where target_id = %s and entity = %s and xid = any(%s)"
                    " order by xid, refusal_id desc"
                ),
                (target.target_id, entity, [row["xid"] for row in rows]),
            )
        }
    return [
        {
            "xid": row["xid"],
            "odoo": record_link(url, model, row["res_id"]),
            "source": where.get(row["xid"], ""),
            **({"message": messages[row["xid"]]} if row["xid"] in messages else {}),
        }
        for row in rows
    ]


def _message(target: Target, entity: str, failed: list[Check], total: int) -> str:
    title = target.entities[entity].title
    lines = [f"{title}: {len(failed)} of {total} checks of this phase failed, so the next phase does not start."]
    for check in failed:
        off = abs((check.found or 0) - (check.expected or 0))
        lines.append(f"\n- {check.title}: expected {check.expected:,}, found {check.found:,}: {off:,} off.")
        for case in check.details.get("cases", []):
            parts = [case.get(key, "") for key in ("xid", "source", "odoo", "message")]
            lines.append("    " + "  ".join(p for p in parts if p))
        more = (check.found or 0) - len(check.details.get("cases", []))
        if check.details.get("cases") and more > 0 and check.name in {*FAULTS, "refused"}:
            lines.append(
                f"    … and {more} more; all of them: select * from {target.ws.bundle.project.project}_target.gate_case where fault = '{check.name}'"
            )
        if check.details.get("advice"):
            lines.append(f"  → {check.details['advice']}")
    return "\n".join(lines)
