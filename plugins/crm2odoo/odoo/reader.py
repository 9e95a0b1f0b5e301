"""What Odoo holds of our records, asked by external id."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from crm2odoo.odoo.context import READING
from crm2odoo.odoo.target import Target

log = logging.getLogger(__name__)

PAGE = 1000


def read_back(target: Target, entity: str, fields: Sequence[str], extra: Sequence[str] = ()) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """(xid, database id, values) of every loaded record of ``entity``, in xid order, archived ones included.

    ``fields`` are fields of the entity file; ``extra`` are fields of Odoo. Values are raw: a many2one is an id or False, a many2many a
    list of ids, dates are text in UTC. A field that this Odoo does not have is missing from the values. Our own records are found by
    their external id in Odoo, matched ones by the id in the ledger; a record that Odoo has no more is left out (see ``gone``).
    Memory: one page of 1,000 records.
    """
    names = {key: name for key in fields if (name := target.names[entity].get(key))}
    asked = sorted({*names.values(), *extra})
    for page in _pages(target, entity):
        found = _read(target, entity, list({res_id for _, res_id in page if res_id}), asked)
        lost = 0
        for xid, res_id in page:
            record = found.get(res_id or 0)
            if record is None:
                lost += 1
                continue
            yield xid, record["id"], {**{key: record[name] for key, name in names.items()}, **{name: record[name] for name in extra}}
        if lost:
            log.warning("records gone entity=%s rows=%d: they are in the ledger, but not in Odoo any more", entity, lost)


def gone(target: Target, entity: str) -> Iterator[tuple[str, int | None]]:
    """(xid, database id that its external id still names) of records that were loaded and that Odoo does not have any more."""
    for page in _pages(target, entity):
        found = _read(target, entity, list({res_id for _, res_id in page if res_id}), ["id"])
        yield from ((xid, res_id) for xid, res_id in page if res_id not in found)


def count_by_xid(target: Target, entity: str) -> int:
    """How many of the loaded records of ``entity`` Odoo has."""
    return sum(1 for _ in read_back(target, entity, []))


def _pages(target: Target, entity: str) -> Iterator[list[tuple[str, int | None]]]:
    """The ledger's xids of an entity with the database id that Odoo (for our own records) or the ledger (for matched ones) gives them."""
    ws, module = target.ws, target.xid_module
    last = ""
    while True:
        with ws.connect() as connection:
            rows = connection.execute(
                ws.sql("select xid, res_id, ours from {log}.record where target_id = %s and entity = %s and xid > %s order by xid limit %s"),
                [target.target_id, entity, last, PAGE],
            ).fetchall()
        if not rows:
            return
        last = rows[-1]["xid"]
        ours = target.client.xml_ids([f"{module}.{row['xid']}" for row in rows if row["ours"]])
        yield [(row["xid"], ours.get(f"{module}.{row['xid']}") if row["ours"] else row["res_id"]) for row in rows]


def _read(target: Target, entity: str, ids: list[int], names: list[str]) -> dict[int, dict[str, Any]]:
    model, context = target.entities[entity].model, READING
    # `read` refuses the whole page when one record is gone, and `search_read` leaves archived records out of many2many fields.
    there = target.client.call(model, "search", domain=[["id", "in", ids]], context=context) if ids else []
    found = target.client.call(model, "read", ids=there, fields=names or ["id"], load="", context=context) if there else []
    return {record["id"]: record for record in found}
