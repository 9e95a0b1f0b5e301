"""What the export says: rows of files, of clean tables and of the target table, and where a record came from."""

from __future__ import annotations

from typing import Any

from crm2odoo.intake import recount
from crm2odoo.reconcile.check import Check, same
from crm2odoo.staging import Connection, Workspace

CASES = 10


def places(ws: Workspace, connection: Connection, entity: str, xids: list[str]) -> dict[str, str]:
    """xid → ``file.csv:line`` of the row that stands for the record, with the number of further rows behind it."""
    if not xids:
        return {}
    rows = connection.execute(
        ws.sql(
            "select distinct on (xid) xid, object, file_no, rec, count(*) over (partition by xid) as rows from {target}.member"
            " where entity = %s and xid = any(%s) order by xid, survives desc, is_primary desc, file_no, rec"
        ),
        (entity, xids),
    ).fetchall()
    files = file_names(ws, connection)
    result = {}
    for row in rows:
        line = connection.execute(
            ws.sql("select _line from {clean}.{object} where _file = %s and _rec = %s", object=row["object"]), (row["file_no"], row["rec"])
        ).fetchone()
        place = f"{files.get(row['file_no'], '?')}:{line['_line'] if line else '?'}"
        result[row["xid"]] = place + (f" (+{row['rows'] - 1} rows)" if row["rows"] > 1 else "")
    return result


def file_names(ws: Workspace, connection: Connection) -> dict[int, str]:
    """File number → name, for the export that the clean tables hold: the latest one."""
    return {
        row["file_no"]: row["name"]
        for row in connection.execute(
            ws.sql(
                "select distinct on (f.file_no) f.file_no, f.name from {log}.file as f join {log}.export as e using (export_id) order"
                " by f.file_no, e.received_at desc"
            )
        )
    }


def clean_objects(ws: Workspace, connection: Connection) -> list[str]:
    """Objects of the source that have a clean table, in the order of the source file."""
    schema = f"{ws.bundle.project.project}_clean"
    there = {row["table_name"] for row in connection.execute("select table_name from information_schema.tables where table_schema = %s", (schema,))}
    return [name for name in ws.bundle.source.objects if name in there]


def source_checks(ws: Workspace, connection: Connection, plan_id: int, entity: str) -> list[Check]:
    """Rows of the files that feed the entity, all accounted for; rows → records; records → plan."""
    export = connection.execute(ws.sql("select export_id from {log}.plan where plan_id = %s"), (plan_id,)).fetchone()
    assert export is not None, f"plan {plan_id} does not exist"
    if not recounted(ws, connection, export["export_id"]):
        recount(ws, export["export_id"])
    checks: list[Check] = []
    objects = clean_objects(ws, connection)
    for feed in ws.bundle.feeds(entity):
        if feed.mapping.primary and feed.object in objects:
            checks.append(rows_of_object(ws, connection, export["export_id"], entity, feed.object))
    counts = connection.execute(
        ws.sql(
            "select (select count(distinct xid) from {target}.member where entity = %(e)s and skipped is null) as members,"
            " (select count(*) from {target}.{entity}) as target, (select count(*) from {target}.plan where entity = %(e)s and action <> "
            "'vanished') as plan",
            entity=entity,
        ),
        {"e": entity},
    ).fetchone()
    assert counts is not None
    rebuild = "Clear staging.build_target and what follows it: the target tables are not those of this export any more."
    checks.append(same(entity, "records_from_rows", "Records that the source rows make", counts["members"], counts["target"], advice=rebuild))
    checks.append(same(entity, "planned", "Records with a planned action", counts["target"], counts["plan"], advice=rebuild))
    return checks


def rows_of_object(ws: Workspace, connection: Connection, export_id: str, phase: str, name: str) -> Check:
    """Records that the raw files of the object have, counted apart from the landing = clean rows of every status + rows that never landed."""
    row = connection.execute(
        ws.sql(
            "select (select coalesce(sum(coalesce(r.records, f.records)), 0) from {log}.file as f left join {log}.raw_count as r using"
            " (export_id, file_no) where f.export_id = %(x)s and f.object = %(o)s and f.status in ('recognised', 'assigned')) as counted,"
            " (select array_agg(f.name order by f.file_no) from {log}.file as f join {log}.raw_count as r using (export_id, file_no)"
            "    where f.export_id = %(x)s and f.object = %(o)s and r.records is null) as only_lines,"
            " (select count(*) from {clean}.{object}) as clean,"
            " (select count(*) from {clean}.reject as r where r.object = %(o)s and not exists"
            "    (select 1 from {clean}.{object} as c where c._file = r.file_no and c._rec = r.rec)) as ragged",
            object=name,
        ),
        {"x": export_id, "o": name},
    ).fetchone()
    assert row is not None
    more: dict[str, Any] = {"only_lines": row["only_lines"]} if row["only_lines"] else {}
    if int(row["counted"]) != row["clean"] + row["ragged"]:
        more["cases"] = _unaccounted(ws, connection, export_id, name)
    return same(
        phase,
        f"rows_{name}",
        f"Rows of {ws.bundle.source.objects[name].title}: counted again in the raw files, and accounted for",
        int(row["counted"]),
        row["clean"] + row["ragged"],
        clean=row["clean"],
        never_landed=row["ragged"],
        advice="Run the landing and cleaning tasks again for this export; if it persists, the file changed after it was registered.",
        **more,
    )


def _unaccounted(ws: Workspace, connection: Connection, export_id: str, name: str) -> list[dict[str, str]]:
    """The first ten rows of an object's files that are neither in its clean table nor rejected; files whose counts differ without such rows."""
    files = connection.execute(
        ws.sql(
            "select f.file_no, f.name, f.table_name, coalesce(r.records, f.records) as counted from {log}.file as f left join {log}.raw_count as r"
            " using (export_id, file_no) where f.export_id = %s and f.object = %s and f.table_name is not null order by f.file_no"
        ),
        (export_id, name),
    ).fetchall()
    cases: list[dict[str, str]] = []
    for file in files:
        lost = connection.execute(
            ws.sql(
                "select l.line from {land}.{table} as l where not exists (select 1 from {clean}.{object} as c where c._file = %(f)s and c._rec ="
                " l.rec) and not exists (select 1 from {clean}.reject as r where r.object = %(o)s and r.file_no = %(f)s and r.rec = l.rec)"
                " order by l.rec limit %(n)s",
                table=file["table_name"],
                object=name,
            ),
            {"f": file["file_no"], "o": name, "n": CASES - len(cases)},
        ).fetchall()
        cases += [{"xid": "", "source": f"{file['name']}:{row['line']}", "message": "neither in the clean table nor rejected"} for row in lost]
        there = connection.execute(
            ws.sql("select (select count(*) from {clean}.{object} where _file = %s) as n", object=name), (file["file_no"],)
        ).fetchone()
        if not lost and there and there["n"] != file["counted"] and len(cases) < CASES:
            message = f"{file['counted']} records counted in the file, {there['n']} in the clean table"
            cases.append({"xid": "", "source": file["name"], "message": message})
    return cases


def recounted(ws: Workspace, connection: Connection, export_id: str) -> bool:
    """Whether every landed file of the export was counted again."""
    row = connection.execute(
        ws.sql(
            "select not exists (select 1 from {log}.file as f where f.export_id = %(x)s and f.status in ('recognised', 'assigned') and"
            " f.table_name is not null and not exists (select 1 from {log}.raw_count as r where r.export_id = f.export_id and r.file_no ="
            " f.file_no)) as done"
        ),
        {"x": export_id},
    ).fetchone()
    return bool(row and row["done"])
