"""What must be true before Odoo becomes the system of record: the source stands still, and every gate is green or waived by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from crm2odoo.ledger import chain
from crm2odoo.ledger.plan import get_plan
from crm2odoo.odoo import audit, settings
from crm2odoo.odoo.target import Target
from crm2odoo.staging import Workspace


class NotFrozen(RuntimeError):
    """Two deliveries that should be equal differ: somebody still writes in the source. The message names the files."""


@dataclass(frozen=True)
class FreezeProof:
    """``page``: what is signed, Markdown; ``proven``: two equal deliveries, so that the signature only confirms it."""

    page: str
    hash: str
    proven: bool


@dataclass(frozen=True)
class GateState:
    """One gate. ``hash``: what a waiver is bound to, the plan and what the gate says; ``waived_by``: who waived exactly that."""

    name: str
    passed: bool
    text: str
    hash: str
    waived_by: str | None


def freeze_proof(ws: Workspace, export_id: str, second: str | None) -> FreezeProof:
    """Compares the export with a second delivery of it, file by file; without one, asks for a statement. Raises NotFrozen."""
    with ws.connect() as connection:
        files = {
            e: {
                r["name"]: r["sha256"]
                for r in connection.execute(ws.sql("select name, sha256 from {log}.file where export_id = %s order by file_no"), (e,))
            }
            for e in {export_id, second or export_id}
        }
        known = connection.execute(ws.sql("select sha256, location, received_at from {log}.export where export_id = %s"), (export_id,)).fetchone()
    assert known is not None
    if second is not None:
        one, two = files[export_id], files[second]
        differing = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
        if differing:
            raise NotFrozen(
                "The two deliveries differ, so somebody still writes in the source:\n"
                + "\n".join(f"- {name}" for name in differing[:20])
                + "\nClose the source for writing, have it delivered again twice, and trigger the cutover with these deliveries."
            )
        page = (
            f"**The source stands still.** Two deliveries of {len(one)} files are equal, byte by byte (`{known['sha256'][:12]}`).\n\n"
            "Approve to confirm that nobody writes in the source any more."
        )
    else:
        page = (
            "**There is no second delivery to prove it.** By approving you state that since the delivery "
            f"`{known['sha256'][:12]}` of {known['received_at']:%Y-%m-%d %H:%M} UTC nobody can write in the source."
        )
    digest = hashlib.sha256(f"{known['sha256']} {'equal' if second else 'statement'}".encode()).hexdigest()
    return FreezeProof(page, digest, second is not None)


def gate_states(target: Target, run_id: str, plan_id: int) -> list[GateState]:
    """Every gate of the cutover, green ones too. Reads only."""
    ws, plan = target.ws, get_plan(target.ws, plan_id)
    states: list[tuple[str, bool, str]] = []

    def count(statement: str, *values: object) -> int:
        with ws.connect() as connection:
            row = connection.execute(ws.sql(statement), values).fetchone()
        return int(row["n"]) if row else 0

    with ws.connect() as connection:
        # A check that was repeated counts by its last answer. Cells are a gate of their own (read_back), which knows whose edit it was.
        checks = connection.execute(
            ws.sql(
                "select distinct on (phase, name) phase, name, passed from {log}.reconciliation where run_id = %s and name <> 'fields_equal' "
                "order by phase, name, reconciliation_id desc"
            ),
            (run_id,),
        ).fetchall()
    red = [f"{c['phase']}: {c['name']}" for c in checks if not c["passed"]]
    states.append(
        (
            "reconciliation",
            bool(checks) and not red,
            f"{len(checks) - len(red)} of {len(checks)} checks passed" + (f"; red: {', '.join(red[:5])}" if red else ""),
        )
    )
    different = count("select count(*) as n from {log}.difference where run_id = %s and kind <> 'changed_in_odoo'", run_id)
    compared = count("select coalesce(sum(compared), 0) as n from {log}.cell_count where run_id = %s", run_id)
    states.append(("read_back", compared > 0 and different == 0, f"{compared:,} cells compared, {different:,} different"))
    refused = count("select count(distinct xid) as n from {log}.refusal where plan_id = %s and kind in ('odoo', 'step')", plan_id)
    states.append(("refusals", refused == 0, f"{refused} records refused by Odoo"))
    waiting = count("select count(distinct (entity, xid)) as n from {log}.conflict where plan_id = %s and choice is null", plan_id)
    states.append(("conflicts", waiting == 0, f"{waiting} records changed on both sides wait for a decision"))
    held = count(
        "select count(*) as n from {log}.disposition where export_id = %s and target_id = %s and disposition = 'held'",
        plan.export_id,
        target.target_id,
    )
    states.append(("held", held == 0, f"{held} rows are held (owner queue, missing references)"))
    parked = settings.parked(target)
    states.append(("settings", not parked, "all settings are as they were" if not parked else f"still parked: {', '.join(parked)}"))
    try:
        links = chain.verify(ws)
        states.append(("ledger", True, f"{links.entries:,} entries in {links.seals:,} sealed batches, head {links.head[:12]}"))
    except chain.LedgerTampered as error:
        states.append(("ledger", False, str(error).splitlines()[1].removeprefix("- ")))
    wrong = [s for s in audit.sums(target) if not s.holds]
    text = "; ".join(f"{s.entity}: made {s.made}, known {s.known}, in Odoo {s.there}" for s in wrong) or "made = known = in Odoo, for every entity"
    states.append(("sums", not wrong, text))
    return [_state(ws, plan.hash, name, passed, text) for name, passed, text in states]


def _state(ws: Workspace, plan_hash: str, name: str, passed: bool, text: str) -> GateState:
    digest = hashlib.sha256(f"{plan_hash} {name} {text}".encode()).hexdigest()
    return GateState(name, passed, text, digest, None if passed else _waived(ws, name, digest))


def _waived(ws: Workspace, name: str, digest: str) -> str | None:
    with ws.connect() as connection:
        row = connection.execute(
            ws.sql("select verdict, approved_by from {log}.approval where subject = %s and hash = %s order by approval_id desc limit 1"),
            (f"gate:{name}", digest),
        ).fetchone()
    return str(row["approved_by"]) if row and row["verdict"] == "waived" else None
