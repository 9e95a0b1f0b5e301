"""Clean tables made by hand, as intake would leave them, for tests of what comes after intake."""

from __future__ import annotations

from typing import Any

from crm2odoo.intake.clean import make_functions
from crm2odoo.staging import Workspace

SQL = {"date": "date", "datetime": "timestamp", "money": "numeric", "number": "numeric", "percent": "numeric", "integer": "bigint", "boolean": "boolean", "list": "text[]"}


def fill(ws: Workspace, rows: dict[str, list[dict[str, Any]]], export_id: str = "e1") -> None:
    """Creates ``<p>_clean.<object>`` for every object of the source and inserts ``rows``; ``_key``, ``_status`` may be given."""
    schema = f"{ws.bundle.project.project}_clean"
    with ws.connect() as connection:
        make_functions(ws, connection)
        connection.execute(ws.sql("insert into {log}.export (export_id, sha256, location, files, bytes) values (%s, %s, 'x', 1, 1) on conflict do nothing"), [export_id, export_id])
        for number, (name, source_object) in enumerate(ws.bundle.source.objects.items(), 1):
            columns = {"_file": "int", "_rec": "bigint", "_line": "bigint", "_key": "text", "_status": "text", "_into": "text"}
            for column, declared in source_object.columns.items():
                columns[column] = SQL.get(declared.type, "text")
                if declared.type in ("email", "url", "domain", "name", "enum"):
                    columns[f"{column}__key"] = "text"
                if declared.type == "money":
                    columns[f"{column}__currency"] = "text"
            mine = rows.get(name, [])
            columns |= {c: "text" for row in mine for c in row if c not in columns}
            listed = ", ".join(f'"{c}" {t}' for c, t in columns.items())
            connection.execute(f'drop table if exists "{schema}"."{name}"; create table "{schema}"."{name}" ({listed})'.encode())  # type: ignore[arg-type]
            for rec, row in enumerate(mine, 1):
                full = {"_file": number, "_rec": rec, "_line": rec + 1, "_key": f"{number}:{rec}", "_status": "valid", **row}
                if "_key" not in row and source_object.key:
                    full["_key"] = "\x1f".join(str(row[k]) for k in source_object.key)
                for column, declared in source_object.columns.items():
                    if declared.type in ("email", "url", "domain") and row.get(column):
                        full.setdefault(f"{column}__key", str(row[column]).lower() if "@" in row[column] or declared.type != "email" else None)
                names = ", ".join(f'"{c}"' for c in full)
                marks = ", ".join(["%s"] * len(full))
                connection.execute(f'insert into "{schema}"."{name}" ({names}) values ({marks})'.encode(), list(full.values()))  # type: ignore[arg-type]
            header = [{"position": i, "header": c, "column": c, "known": c in source_object.columns} for i, c in enumerate(columns) if not c.startswith("_") and "__" not in c]
            from psycopg.types.json import Json

            connection.execute(
                ws.sql("insert into {log}.file (export_id, file_no, name, sha256, bytes, object, status, header) values (%s, %s, %s, 'x', 1, %s, 'recognised', %s) on conflict (export_id, file_no) do update set header = excluded.header"),
                [export_id, number, f"{name}.csv", name, Json(header)],
            )
