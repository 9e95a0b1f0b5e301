"""The field-level diff: every mapped field of every loaded record, read back from Odoo and compared."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from crm2odoo.odoo.target import Target
from crm2odoo.reconcile.check import Check, keep, same
from crm2odoo.reconcile.fields import ComparedField, compared_fields
from crm2odoo.reconcile.html_text import verdict
from crm2odoo.reconcile.odoo_side import read_fields
from crm2odoo.staging import Connection

log = logging.getLogger(__name__)


class DiffIncomplete(RuntimeError):
    """The diff did not look at every cell. Its figures must not be used; the message says which entity and by how many."""


@dataclass(frozen=True)
class EntityDiff:
    """Cells of one entity. ``compared`` is the sum of the four counts below it."""

    entity: str
    records: int
    fields: int
    compared: int
    equal: int
    transformed: int
    different: int
    not_comparable: int
    seconds: float


@dataclass(frozen=True)
class DiffSummary:
    """The diff of a run. ``kinds``: kind of difference → number of cells."""

    run_id: str
    entities: list[EntityDiff] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)

    def total(self, count: str) -> int:
        """Sum over the entities of ``compared``, ``equal``, ``transformed``, ``different`` or ``not_comparable``."""
        return sum(int(getattr(e, count)) for e in self.entities)


def diff(target: Target, run_id: str, plan_id: int, entities: Iterable[str] | None = None) -> DiffSummary:
    """Reads back and compares; writes ``<p>_log.cell_count`` and ``<p>_log.difference`` of the run. Repeating replaces them.

    ``entities``: those to compare, all of the plan when left out. Raises DiffIncomplete when a cell was left out.
    """
    ws = target.ws
    with ws.connect() as connection:
        ws.run(connection, "reconcile/cell_table.sql.j2")
        planned = {row["entity"] for row in connection.execute(ws.sql("select distinct entity from {target}.plan"))}
    wanted = planned if entities is None else planned & set(entities)
    results = []
    for entity in ws.bundle.load_order:
        if entity in wanted:
            with ws.connect() as connection:
                result = _diff_entity(target, connection, run_id, plan_id, entity)
                if result is not None:
                    results.append(result)
                    log.info("%s: %d records, %d cells compared, %d different, %.1f s", entity, result.records, result.compared, result.different, result.seconds)
    with ws.connect() as connection:
        kinds = connection.execute(
            ws.sql("select kind, count(*) as n from {log}.difference where run_id = %s group by kind order by n desc, kind"), (run_id,)
        ).fetchall()
    return DiffSummary(run_id, results, {row["kind"]: row["n"] for row in kinds})


def _diff_entity(target: Target, connection: Connection, run_id: str, plan_id: int, entity: str) -> EntityDiff | None:
    ws, start = target.ws, time.monotonic()
    fields = compared_fields(target, entity)
    if not fields:
        return None
    _all_sent_fields_are_compared(target, connection, entity, fields)
    read_fields(target, connection, entity, fields)
    values = {"entity": entity, "fields": fields, "target_id": target.target_id, "run_id": run_id}
    ws.run(connection, "reconcile/cell.sql.j2", **values)
    _settle_html(target, connection, entity)
    ws.run(connection, "reconcile/cell_count.sql.j2", **values)
    ws.run(connection, "reconcile/difference.sql.j2", **values)
    result = _summary(target, connection, run_id, entity, len(fields), start)
    keep(ws, connection, run_id, target.target_id, [_check(result, fields)])
    return result


def _all_sent_fields_are_compared(target: Target, connection: Connection, entity: str, fields: list[ComparedField]) -> None:
    """A field that the plan sends and nobody compares would be a hole in the promise that every cell is looked at."""
    names = target.names.get(entity, {})
    known = {f.key for f in fields} | {key for key, name in names.items() if name is None}
    sent = connection.execute(
        target.ws.sql("select distinct k.key from {target}.plan as p cross join lateral jsonb_object_keys(p.vals) as k(key) where p.entity = %s"), (entity,)
    ).fetchall()
    holes = sorted({row["key"] for row in sent} - known)
    if holes:
        raise DiffIncomplete(
            f"{entity}: the plan sends {', '.join(holes)}, which the diff does not know.\n"
            f"Add the field to mappings/odoo/{entity}.yaml, or to the custom fields of the export, and run the diff again."
        )


def _settle_html(target: Target, connection: Connection, entity: str) -> None:
    """Decides on HTML cells that are not equal as they stand, by their canonical forms."""
    ws = target.ws
    connection.execute("create temporary table html_verdict (xid text, field text, verdict text) on commit drop")
    with connection.cursor(name="html_cells") as reader, connection.cursor() as writer:
        reader.execute(ws.sql("select xid, field, expected, found, foreign_write from {target}.cell where entity = %s and verdict = 'html'"), (entity,))
        while rows := reader.fetchmany(2000):
            decided = []
            for row in rows:
                kind = verdict(row["expected"], row["found"])
                decided.append((row["xid"], row["field"], "changed_in_odoo" if row["foreign_write"] and kind != "transformed" else kind))
            with writer.copy("copy html_verdict from stdin") as copy:
                for line in decided:
                    copy.write_row(line)
    connection.execute(
        ws.sql("update {target}.cell as c set verdict = h.verdict from html_verdict as h where c.entity = %s and c.verdict = 'html' and c.xid = h.xid and c.field = h.field"),
        (entity,),
    )
    connection.execute("drop table html_verdict")


def _summary(target: Target, connection: Connection, run_id: str, entity: str, fields: int, start: float) -> EntityDiff:
    ws = target.ws
    row = connection.execute(
        ws.sql(
            "select coalesce(sum(compared), 0)::bigint as compared, coalesce(sum(equal), 0)::bigint as equal, coalesce(sum(transformed), 0)::bigint as transformed,"
            " coalesce(sum(different), 0)::bigint as different, coalesce(sum(not_comparable), 0)::bigint as not_comparable,"
            " (select count(*) from {target}.plan as p join {log}.record as r on r.target_id = %(t)s and r.xid = p.xid and r.entity = p.entity"
            "  where p.entity = %(e)s and p.action in ('create', 'update', 'unchanged', 'found')) as records"
            " from {log}.cell_count where run_id = %(r)s and entity = %(e)s"
        ),
        {"t": target.target_id, "e": entity, "r": run_id},
    ).fetchone()
    assert row is not None
    return EntityDiff(entity, row.pop("records"), fields, **row, seconds=time.monotonic() - start)


def _check(result: EntityDiff, fields: list[ComparedField]) -> Check:
    cells = result.records * result.fields
    parts = result.equal + result.transformed + result.different + result.not_comparable
    if not cells == result.compared == parts:
        raise DiffIncomplete(
            f"{result.entity}: {result.records} records of {result.fields} fields are {cells} cells, but {result.compared} were compared and {parts} counted.\n"
            "This is a flaw of the diff itself; keep the database as it is and report it."
        )
    return same(
        result.entity, "fields_equal", "Fields that differ from the source after declared changes", 0, result.different,
        compared=result.compared, equal=result.equal, transformed=result.transformed, not_comparable=result.not_comparable, records=result.records, fields=result.fields,
        labels={f.key: f.label for f in fields},
    )
