"""The field-level diff: every mapped field of every loaded record, read back from Odoo and compared.

Control totals and links are checked with it, because they need the same read-back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from crm2odoo.odoo.target import Target
from crm2odoo.reconcile.check import Check, keep, same
from crm2odoo.reconcile.fields import ComparedField, compared_fields
from crm2odoo.reconcile.files import check_files
from crm2odoo.reconcile.html_text import verdict
from crm2odoo.reconcile.links import check_links
from crm2odoo.reconcile.odoo_side import hash_files, read_fields, read_lines, resolve_references
from crm2odoo.reconcile.totals import control_totals
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
    """Reads back and compares; writes ``<p>_log.cell_count``, ``difference`` and ``reconciliation`` of the run. Repeating replaces them.

    ``entities``: those to compare, all of the plan when left out. Raises DiffIncomplete when a cell was left out.
    """
    ws = target.ws
    with ws.connect() as connection:
        ws.run(connection, "reconcile/cell_table.sql.j2")
        connection.execute(ws.sql("analyze {log}.record"))
        planned = {row["entity"] for row in connection.execute(ws.sql("select distinct entity from {target}.plan"))}
    wanted = planned if entities is None else planned & set(entities)
    results: list[EntityDiff] = []
    for entity in ws.bundle.load_order:
        if entity in wanted:
            with ws.connect() as connection:
                results += _diff_entity(target, connection, run_id, plan_id, entity)
    for e in results:
        log.info("%s: %d records, %d cells compared, %d different, %.1f s", e.entity, e.records, e.compared, e.different, e.seconds)
    with ws.connect() as connection:
        kinds = connection.execute(
            ws.sql("select kind, count(*) as n from {log}.difference where run_id = %s group by kind order by n desc, kind"), (run_id,)
        ).fetchall()
    return DiffSummary(run_id, results, {row["kind"]: row["n"] for row in kinds})


@dataclass(frozen=True)
class _Part:
    """Lines that are compared like records of their own."""

    of: str
    key: str


def _diff_entity(target: Target, connection: Connection, run_id: str, plan_id: int, entity: str) -> Iterator[EntityDiff]:
    """The entity's own cells, then those of its lines."""
    start = time.monotonic()
    fields = compared_fields(target, entity)
    if not fields:
        return
    _prepare(target, connection, plan_id, entity, fields, None)
    read_fields(target, connection, entity, fields)
    yield _compare(target, connection, run_id, entity, fields, None, start)
    for f in fields:
        if f.lines:
            start, part = time.monotonic(), _Part(entity, f.key)
            line_fields = compared_fields(target, f.lines)
            _prepare(target, connection, plan_id, f.lines, line_fields, part)
            read_lines(target, connection, entity, f.key, f.lines, line_fields)
            yield _compare(target, connection, run_id, f.lines, line_fields, part, start)


def _prepare(target: Target, connection: Connection, plan_id: int, entity: str, fields: list[ComparedField], part: _Part | None) -> None:
    """What must be known before values can be compared: that no field is forgotten, what special references mean, checksums of files."""
    names: dict[str, set[str]] = {}
    values = _values(target, entity, part)
    sent = {row["key"] for row in _rows(target, connection, "reconcile/sent_fields.sql.j2", **values)}
    _all_sent_fields_are_compared(target, entity, fields, sent)
    for f in fields:
        if f.resolved or (f.type == "binary" and f.compare != "none"):
            names[f.key] = {row["value"] for row in _rows(target, connection, "reconcile/field_values.sql.j2", key=f.key, **values)}
    resolve_references(target, connection, entity, fields, names)
    files = [f.key for f in fields if f.type == "binary" and f.compare != "none"]
    if files:
        hash_files(target, connection, plan_id, {path for key in files for path in names[key]})


def _compare(
    target: Target, connection: Connection, run_id: str, entity: str, fields: list[ComparedField], part: _Part | None, start: float
) -> EntityDiff:
    ws, values = target.ws, _values(target, entity, part) | {"fields": fields, "run_id": run_id}
    ws.run(connection, "reconcile/cell.sql.j2", **values)
    _settle_html(target, connection, entity)
    ws.run(connection, "reconcile/cell_count.sql.j2", **values)
    ws.run(connection, "reconcile/difference.sql.j2", **values)
    result = _summary(target, connection, run_id, entity, len(fields), part, start)
    checks = [
        _check(result, fields),
        *control_totals(target, connection, entity, fields, _values(target, entity, part)),
        *check_files(target, connection, entity, fields, _values(target, entity, part)),
        *(check_links(target, connection, entity, fields) if part is None else []),
    ]
    keep(ws, connection, run_id, target.target_id, checks)
    return result


def _rows(target: Target, connection: Connection, template: str, **values: Any) -> list[dict[str, Any]]:
    (statement,) = target.ws.statements(template, **values)
    return connection.execute(statement.encode()).fetchall()


def _values(target: Target, entity: str, part: _Part | None) -> dict[str, Any]:
    """What sql/reconcile/compare.sql.j2 needs to find the records of an entity, or the lines of another one."""
    return {"entity": entity, "target_id": target.target_id, "part_of": part.of if part else None, "lines_key": part.key if part else None}


def _all_sent_fields_are_compared(target: Target, entity: str, fields: list[ComparedField], sent: set[str]) -> None:
    """A field that the plan sends and nobody compares would be a hole in the promise that every cell is looked at."""
    names = target.names.get(entity, {})
    known = {f.key for f in fields} | {key for key, name in names.items() if name is None}
    holes = sorted(sent - known)
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
        reader.execute(
            ws.sql("select xid, field, expected, found, foreign_write from {target}.cell where entity = %s and verdict = 'html'"), (entity,)
        )
        while rows := reader.fetchmany(2000):
            decided = []
            for row in rows:
                kind = verdict(row["expected"], row["found"])
                decided.append((row["xid"], row["field"], "changed_in_odoo" if row["foreign_write"] and kind != "transformed" else kind))
            with writer.copy("copy html_verdict from stdin") as copy:
                for line in decided:
                    copy.write_row(line)
    connection.execute(
        ws.sql(
            "update {target}.cell as c set verdict = h.verdict from html_verdict as h where c.entity = %s and c.verdict = 'html' and"
            " c.xid = h.xid and c.field = h.field"
        ),
        (entity,),
    )
    connection.execute("drop table html_verdict")


def _summary(target: Target, connection: Connection, run_id: str, entity: str, fields: int, part: _Part | None, start: float) -> EntityDiff:
    ws = target.ws
    records = _rows(target, connection, "reconcile/work_count.sql.j2", **_values(target, entity, part))[0]["records"]
    row = connection.execute(
        ws.sql(
            "select coalesce(sum(compared), 0)::bigint as compared, coalesce(sum(equal), 0)::bigint as equal,"
            " coalesce(sum(transformed), 0)::bigint as transformed,"
            " coalesce(sum(different), 0)::bigint as different, coalesce(sum(not_comparable), 0)::bigint as not_comparable"
            " from {log}.cell_count where run_id = %s and entity = %s"
        ),
        (run_id, entity),
    ).fetchone()
    assert row is not None
    return EntityDiff(entity, records, fields, **row, seconds=time.monotonic() - start)


def _check(result: EntityDiff, fields: list[ComparedField]) -> Check:
    cells = result.records * result.fields
    parts = result.equal + result.transformed + result.different + result.not_comparable
    if not cells == result.compared == parts:
        raise DiffIncomplete(
            f"{result.entity}: {result.records} records of {result.fields} fields are {cells} cells, but {result.compared} were compared"
            f" and {parts} counted.\n"
            "This is a flaw of the diff itself; keep the database as it is and report it."
        )
    return same(
        result.entity,
        "fields_equal",
        "Fields that differ from the source after declared changes",
        0,
        result.different,
        compared=result.compared,
        equal=result.equal,
        transformed=result.transformed,
        not_comparable=result.not_comparable,
        records=result.records,
        fields=result.fields,
        labels={f.key: f.label for f in fields},
    )
