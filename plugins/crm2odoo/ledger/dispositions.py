"""Every source row ends with exactly one disposition, and the numbers add up to the rows of the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from crm2odoo.ledger.plan import get_plan
from crm2odoo.project import Bundle
from crm2odoo.staging import Connection, Workspace

DISPOSITIONS = ("loaded", "updated", "unchanged", "merged", "rejected", "held", "excluded")


class DispositionsDoNotAddUp(RuntimeError):
    """A source row has no disposition, or two. The message names the object, the file and the first rows."""


@dataclass(frozen=True)
class ObjectDispositions:
    """One object: rows counted in its files, and how many of them ended how. The sum of ``counts`` is ``rows``."""

    object: str
    title: str
    rows: int
    counts: dict[str, int]
    reasons: list[tuple[str, str, int]]
    """(disposition, reason, rows), most frequent first, for everything that did not simply load."""


def settle_dispositions(ws: Workspace, run_id: str, plan_id: int) -> list[ObjectDispositions]:
    """Gives every row of the plan's export its disposition on the plan's target, in ``<p>_log.disposition``; safe to repeat.

    Raises DispositionsDoNotAddUp when a row would have none or two; then nothing is changed.
    """
    plan = get_plan(ws, plan_id)
    with ws.connect() as connection:
        objects = _objects(ws, connection)
        try:
            ws.run(
                connection,
                "reconcile/disposition.sql.j2",
                objects=objects,
                export_id=plan.export_id,
                target_id=plan.target_id,
                plan_id=plan_id,
                run_id=run_id,
            )
        except psycopg.errors.UniqueViolation as error:
            raise DispositionsDoNotAddUp(
                f"a source row would have two dispositions: {error.diag.message_detail or error}\n"
                "It stands in a clean table and among the rejects at once. Clean the export again; if it stays, this is a flaw of the cleaning step."
            ) from None
        _every_row_has_one(ws, connection, plan.export_id, plan.target_id)
        return _table(ws, connection, plan.export_id, plan.target_id)


def disposition_table(ws: Workspace, run_id: str) -> list[ObjectDispositions]:
    """The dispositions that a run settled, per object in the order of the source file."""
    with ws.connect() as connection:
        row = connection.execute(
            ws.sql(
                "select export_id, target_id from {log}.disposition where run_id = %(r)s union select export_id, target_id from"
                " {log}.run where run_id = %(r)s limit 1"
            ),
            {"r": run_id},
        ).fetchone()
        return _table(ws, connection, row["export_id"], row["target_id"]) if row else []


def _objects(ws: Workspace, connection: Connection) -> list[dict[str, Any]]:
    schema = f"{ws.bundle.project.project}_clean"
    there = {row["table_name"] for row in connection.execute("select table_name from information_schema.tables where table_schema = %s", (schema,))}
    return [{"name": name, "left_out": _left_out(ws.bundle, name)} for name in ws.bundle.source.objects if name in there]


def _left_out(bundle: Bundle, name: str) -> str | None:
    """Why valid rows of an object that stand behind no record do not; None when each of them must."""
    obj = bundle.source.objects[name]
    if any(f.object == name and f.mapping.primary for e in bundle.entities for f in bundle.feeds(e)):
        return None
    if obj.documentation_only:
        return "goes into the handoff inventory"
    if obj.inventory is not None:
        return "describes custom fields: compared with the columns of the export"
    return "has no place in Odoo in this project"


def _counted(ws: Workspace, connection: Connection, export_id: str) -> dict[tuple[str, int], dict[str, Any]]:
    rows = connection.execute(
        ws.sql(
            "select object, file_no, name, records from {log}.file where export_id = %s and object is not null and records is not null"
            " and status in ('recognised', 'assigned', 'refused')"
        ),
        (export_id,),
    )
    return {(row["object"], row["file_no"]): row for row in rows}


def _every_row_has_one(ws: Workspace, connection: Connection, export_id: str, target_id: str) -> None:
    settled = {
        (row["object"], row["file_no"]): row["n"]
        for row in connection.execute(
            ws.sql("select object, file_no, count(*) as n from {log}.disposition where export_id = %s and target_id = %s group by object, file_no"),
            (export_id, target_id),
        )
    }
    wrong = []
    for place, file in _counted(ws, connection, export_id).items():
        if settled.get(place, 0) != file["records"]:
            wrong.append(
                f"- {file['name']} ({place[0]}): {file['records']} rows, {settled.get(place, 0)}"
                f" dispositions{_examples(ws, connection, export_id, target_id, *place)}"
            )
    if wrong:
        raise DispositionsDoNotAddUp(
            "Not every source row has a disposition:\n"
            + "\n".join(wrong)
            + "\nA valid row without one is taken by no mapping line: look at the `when` conditions of its object in the source file."
        )


def _examples(ws: Workspace, connection: Connection, export_id: str, target_id: str, name: str, file_no: int) -> str:
    if not any(o["name"] == name for o in _objects(ws, connection)):
        return "; the object was never cleaned"
    rows = connection.execute(
        ws.sql(
            "select _line from {clean}.{object} as c where _file = %s and not exists (select 1 from {log}.disposition as d"
            " where d.export_id = %s and d.target_id = %s and d.object = %s and d.file_no = c._file and d.rec = c._rec) order by _rec limit 10",
            object=name,
        ),
        (file_no, export_id, target_id, name),
    ).fetchall()
    return f"; without one: line {', '.join(str(r['_line']) for r in rows)}" if rows else ""


def _table(ws: Workspace, connection: Connection, export_id: str, target_id: str) -> list[ObjectDispositions]:
    rows = connection.execute(
        ws.sql(
            "select object, disposition, reason, count(*) as n from {log}.disposition where export_id = %s and target_id = %s group by"
            " object, disposition, reason order by n desc, reason"
        ),
        (export_id, target_id),
    ).fetchall()
    files = _counted(ws, connection, export_id)
    result = []
    for name, obj in ws.bundle.source.objects.items():
        mine = [r for r in rows if r["object"] == name]
        counted = sum(f["records"] for (o, _), f in files.items() if o == name)
        if mine or counted:
            counts = {d: sum(r["n"] for r in mine if r["disposition"] == d) for d in DISPOSITIONS}
            reasons = [(r["disposition"], _short(r["reason"]), r["n"]) for r in mine if r["reason"]]
            result.append(ObjectDispositions(name, obj.title, counted, counts, _grouped(reasons)))
    return result


def _short(reason: str) -> str:
    """The kind of a reason: without the key of the one record that it names."""
    for prefix in ("merged into", "exact duplicate of", "one record with"):
        if reason.startswith(prefix):
            return {
                "merged into": "merged into another row",
                "exact duplicate of": "exact duplicate",
                "one record with": "one record with another row",
            }[prefix]
    return reason


def _grouped(reasons: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    sums: dict[tuple[str, str], int] = {}
    for disposition, reason, n in reasons:
        sums[disposition, reason] = sums.get((disposition, reason), 0) + n
    return sorted(((d, r, n) for (d, r), n in sums.items()), key=lambda x: (-x[2], x[0], x[1]))
