"""A small slice of an export that still shows everything: deterministic, with all parents, at least one of every class.

Classes: each entity, each field that is filled anywhere, each record of a short list (stages, owners, tags) by whom it is used.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from crm2odoo.staging import Connection, Workspace

log = logging.getLogger(__name__)

SHORT = 200
"""Entities without a form of their own and with at most so many records are lists, of which every used one should be seen."""
POOL = 25
"""Records of each class among which the slice is chosen."""
REASON = "outside the sample"


@dataclass(frozen=True)
class Slice:
    """``counts``: entity → records; ``not_covered``: classes that nothing loadable can show, as sentences."""

    records: int
    counts: dict[str, int]
    not_covered: list[str]


def cut(ws: Workspace, connection: Connection, edges: list[dict[str, Any]], records: int, seed: int) -> Slice:
    """Marks everything in ``<p>_target.plan`` outside of a slice of about ``records`` records as skipped. Writes nothing else.

    ``edges``: entity, field, many, line (field of the entity whose lines hold the reference, or None). More than ``records`` are taken
    when the classes and their parents need more.
    """
    ws.run(connection, "plan/5_slice.sql.j2", edges=edges, seed=f"{seed}:", pool=POOL, lists=_lists(ws, connection))
    chosen = _cover(ws, connection)
    with connection.cursor() as cursor:
        cursor.executemany(ws.sql("insert into {target}.slice (entity, xid, why) values (%s, %s, 'class')"), chosen)
    _close(ws, connection)
    while (missing := records - _count(ws, connection)) > 0:
        # What belongs to records of the slice first, so that a record is seen with its history.
        added = connection.execute(
            ws.sql(
                "insert into {target}.slice (entity, xid, why) select p.entity, p.xid, 'fill' from {target}.plan as p "
                "where p.action in ('create', 'update', 'unchanged') and not exists (select 1 from {target}.slice as s where s.xid = p.xid) "
                "order by exists (select 1 from {target}.edge as e join {target}.slice as s on s.xid = e.to_xid where e.xid = p.xid "
                "and s.entity <> all(%s)) desc, md5(%s || p.xid) limit %s"
            ),
            (_lists(ws, connection), f"{seed}:", max(1, missing // 2)),
        ).rowcount
        if not added:
            break
        _close(ws, connection)
    connection.execute(
        ws.sql(
            "update {target}.plan as p set action = 'skipped', reason = %s where p.action in ('create', 'update', 'held') "
            "and not exists (select 1 from {target}.slice as s where s.xid = p.xid)"
        ),
        (REASON,),
    )
    counts = {
        r["entity"]: r["n"] for r in connection.execute(ws.sql("select entity, count(*) as n from {target}.slice group by 1 order by 1")).fetchall()
    }
    empty = [f"{name}: no record can be loaded" for name in ws.bundle.load_order if name not in counts and ws.bundle.entities[name].create != "never"]
    unfilled = connection.execute(
        ws.sql(
            "select p.entity || '.' || f.key || ': never filled' as text from {target}.plan as p cross join lateral jsonb_each(p.vals) as f "
            "where starts_with(f.key, 'x_') group by p.entity, f.key having bool_and(f.value in ('null', '\"\"', '[]')) order by 1"
        )
    ).fetchall()
    unused = connection.execute(
        ws.sql(
            "select p.entity || ' ' || p.xid || ': nothing that can be loaded uses it' as text from {target}.plan as p "
            "where p.entity = any(%s) and p.entity in (select u.entity from {target}.edge as e join {target}.plan as u on u.xid = e.to_xid) "
            "and p.action in ('create', 'update', 'unchanged', 'held', 'skipped') "
            "and not exists (select 1 from {target}.class as c where c.class like 'link %%' "
            "and right(c.class, length(p.xid) + 1) = ' ' || p.xid) order by 1"
        ),
        ([name for name in _lists(ws, connection) if ws.bundle.entities[name].create == "yes"],),
    ).fetchall()
    found = Slice(sum(counts.values()), counts, [r["text"] for r in unused] + [*empty, *(r["text"] for r in unfilled)])
    log.info("slice of %d records (seed %d): %s", found.records, seed, ", ".join(f"{e} {n}" for e, n in counts.items()))
    for line in found.not_covered:
        log.info("not coverable: %s", line)
    return found


def _lists(ws: Workspace, connection: Connection) -> list[str]:
    rows = connection.execute(ws.sql("select entity from {target}.plan group by 1 having count(*) <= %s"), (SHORT,)).fetchall()
    few = {r["entity"] for r in rows}
    return [name for name in ws.bundle.load_order if name in few and ws.bundle.entities[name].form_view is None]


def _cover(ws: Workspace, connection: Connection) -> list[tuple[str, str]]:
    """(entity, xid) of few records that show every class: each time the one that shows most of what was not seen yet."""
    members: dict[str, set[str]] = {}
    entity_of: dict[str, str] = {}
    place: dict[str, str] = {}
    for row in connection.execute(ws.sql("select class, entity, xid, place from {target}.class")):
        members.setdefault(row["xid"], set()).add(row["class"])
        entity_of[row["xid"]], place[row["xid"]] = row["entity"], row["place"]
    left = set().union(*members.values())
    chosen = []
    while left:
        best = min(members, key=lambda xid: (-len(members[xid] & left), place[xid]))
        left -= members.pop(best)
        chosen.append((entity_of[best], best))
    return chosen


def _close(ws: Workspace, connection: Connection) -> None:
    """Adds what the slice refers to, until nothing is missing."""
    while connection.execute(
        ws.sql(
            "insert into {target}.slice (entity, xid, why) select distinct p.entity, p.xid, 'parent' from {target}.slice as s "
            "join {target}.edge as e on e.xid = s.xid join {target}.plan as p on p.xid = e.to_xid "
            "where not exists (select 1 from {target}.slice as t where t.xid = p.xid) on conflict do nothing"
        )
    ).rowcount:
        pass


def _count(ws: Workspace, connection: Connection) -> int:
    row = connection.execute(ws.sql("select count(*) as n from {target}.slice")).fetchone()
    return int(row["n"]) if row else 0
