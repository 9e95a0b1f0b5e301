"""Records that people deleted in Odoo, or joined with others there, since we loaded them. Nobody's work is undone unasked.

Such a record is a conflict about the whole of it, on the field ``record``: its row is held until somebody decides. ``keep_odoo`` leaves it
as it is in Odoo. ``take_source`` makes a deleted record again and links it as it was; that counts only when the record itself is named
(``conflict:<entity>:<xid>`` or ``conflict:<entity>:<xid>:record``). What was joined cannot be taken apart by a load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm2odoo.odoo.target import Target
from crm2odoo.reconcile.odoo_side import existing, read_external_ids
from crm2odoo.staging import Connection

FIELD = "record"
DELETED, JOINED = "deleted", "joined with another record"


@dataclass(frozen=True)
class Departed:
    """``res_id``: the database id that it had; ``now``: of the record that stands for it in Odoo, None when it was deleted."""

    entity: str
    xid: str
    res_id: int | None
    now: int | None

    @property
    def what(self) -> str:
        return JOINED if self.now else DELETED


def find_departed(target: Target, connection: Connection) -> list[Departed]:
    """Every record of the plan that is gone from Odoo, and marks it so in the ledger: nothing is written to what stands in its place.

    Reads from Odoo only: the external ids of every entity that was loaded before. Safe to repeat.
    """
    ws, found = target.ws, []
    rows = connection.execute(ws.sql("select distinct entity from {log}.record where target_id = %s and ours"), (target.target_id,))
    loaded = {row["entity"] for row in rows}
    for entity in (e for e in ws.bundle.load_order if e in loaded):
        read_external_ids(target, connection, entity)
        (statement,) = ws.statements("reconcile/departed.sql.j2", entity=entity, target_id=target.target_id)
        gone = connection.execute(statement.encode()).fetchall()
        # Somebody took the external id away and left the record: making it again would double it. The gate tells.
        nameless = [r["res_id"] for r in gone if r["now"] is None and r["res_id"]]
        there = existing(target, target.entities[entity].model, nameless) if nameless else set()
        for row in gone:
            if row["now"] is None and row["res_id"] in there:
                continue
            back = row["hash"] == "gone" and row["alive"]
            one = Departed(entity, row["xid"], row["res_id"], row["now"] if row["alive"] else None)
            connection.execute(
                ws.sql("update {log}.record set res_id = %s, hash = %s where target_id = %s and xid = %s"),
                (one.now, "back" if back else "joined" if one.now else "gone", target.target_id, one.xid),
            )
            if not back:
                found.append(one)
    return found


def take_out(target: Target, connection: Connection, found: Sequence[tuple[Departed, str | None]]) -> None:
    """Takes what is gone out of the plan, or has it made again where somebody decided so. ``found``: with what was decided. Safe to repeat."""
    ws = target.ws
    again: list[str] = []
    for one, chosen in found:
        action = "held"
        reason = f"{one.what} in Odoo after it was loaded: waits for the decision conflict:{one.entity}:{one.xid}:{FIELD}"
        if chosen == "keep_odoo":
            action, reason = "skipped", f"{one.what} in Odoo after it was loaded, and stays so by decision"
        elif chosen == "take_source" and one.now is None:
            action, reason = "create", "deleted in Odoo after it was loaded, and made again by decision"
            again.append(one.xid)
        connection.execute(
            ws.sql("update {target}.plan set action = %s, reason = %s, changed = '{{}}' where entity = %s and xid = %s"),
            (action, reason, one.entity, one.xid),
        )
    if again:
        for statement in ws.statements("reconcile/relink.sql.j2", target_id=target.target_id):
            connection.execute(statement.encode(), {"xids": again})
