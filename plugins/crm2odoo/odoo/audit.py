"""Whether the ledger's sums are Odoo's state: what we made and did not take back is there, under its external id, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass

from crm2odoo.odoo.reader import count_by_xid, gone
from crm2odoo.odoo.target import Target


@dataclass(frozen=True)
class Sum:
    """One entity: entries that made a record less those that deleted one, records that the ledger knows as ours, those that Odoo has."""

    entity: str
    made: int
    known: int
    there: int
    missing: list[str]

    @property
    def holds(self) -> bool:
        return self.made == self.known == self.there


def sums(target: Target) -> list[Sum]:
    """Every entity with records of ours, in load order. Reads only."""
    ws = target.ws
    with ws.connect() as connection:
        made = {
            r["entity"]: r["n"]
            for r in connection.execute(
                ws.sql(
                    "select entity, count(*) as n from (select distinct on (xid) xid, entity, action from {log}.entry "
                    "where target_id = %s and action in ('create', 'delete') and res_id is not null order by xid, entry_id desc) as last "
                    "where action = 'create' group by 1"
                ),
                (target.target_id,),
            )
        }
        known = {
            r["entity"]: r["n"]
            for r in connection.execute(
                ws.sql("select entity, count(*) as n from {log}.record where target_id = %s and ours group by 1"), (target.target_id,)
            )
        }
        matched = {
            r["entity"]: r["n"]
            for r in connection.execute(
                ws.sql("select entity, count(*) as n from {log}.record where target_id = %s and not ours group by 1"), (target.target_id,)
            )
        }
    found = []
    for entity in ws.bundle.load_order:
        if entity in made or entity in known:
            missing = [xid for xid, _ in gone(target, entity)]
            there = count_by_xid(target, entity) - matched.get(entity, 0)
            found.append(Sum(entity, made.get(entity, 0), known.get(entity, 0), there, missing[:20]))
    return found
