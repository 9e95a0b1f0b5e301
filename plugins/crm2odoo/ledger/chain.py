"""The ledger tells when somebody tampered with it: every batch of entries is sealed together with the seal before (sql/log/schema.sql.j2).

Who can write to the database could forge the whole chain anew; therefore its head is printed in every report that a person signs, and
``verify`` compares with such a head.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm2odoo.staging import Workspace


class LedgerTampered(RuntimeError):
    """The ledger is not as it was written. The message says which entries."""


@dataclass(frozen=True)
class Chain:
    """A ledger whose chain holds. ``head``: hash of its last link, '' when it is empty."""

    seals: int
    entries: int
    head: str


def verify(ws: Workspace, head: str | None = None) -> Chain:
    """Recomputes the whole chain. ``head``: a head that was printed earlier and must still be in it.

    Raises LedgerTampered when an entry was changed, removed or inserted behind the program's back.
    """
    with ws.connect() as connection:
        [statement] = ws.statements("audit/chain.sql.j2")
        broken = connection.execute(statement.encode()).fetchall()
        row = connection.execute(
            ws.sql(
                "select count(*) as seals, (select count(*) from {log}.entry) as entries, "
                "coalesce((select hash from {log}.seal order by seal_id desc limit 1), '') as head from {log}.seal"
            )
        ).fetchone()
        known = head is None or not head or connection.execute(ws.sql("select 1 from {log}.seal where hash = %s"), (head,)).fetchone()
    assert row is not None
    lines = [
        {
            "removed": "entry {entry_id} was removed from the batch sealed {at}",
            "changed": "an entry of the batch from entry {entry_id} on, sealed {at}, was changed",
            "link": "the seal {seal_id} of {at} does not follow the one before: seals were removed or put in",
            "inserted": "entry {entry_id} of {at} was put in without a seal",
        }[b["what"]].format(**{**b, "at": f"{b['at']:%Y-%m-%d %H:%M:%S} UTC"})
        for b in broken
    ]
    if not known:
        lines.append(f"the head {str(head)[:12]}… that was printed earlier is not in the chain: its end was cut off or written anew")
    if lines:
        raise LedgerTampered(
            f"The ledger of {ws.bundle.project.project} is not as it was written:\n"
            + "\n".join(f"- {line}" for line in lines)
            + "\nKeep the database as it is, find out who wrote to the schema, and compare with a backup."
        )
    return Chain(**row)
