"""Attachments: how many files, how many bytes, and each one's checksum, in the delivery and in Odoo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm2odoo.odoo.context import READING
from crm2odoo.odoo.target import Target
from crm2odoo.reconcile.check import Check
from crm2odoo.reconcile.fields import ComparedField
from crm2odoo.reconcile.odoo_side import RECORDS_PAGE, existing, record_link
from crm2odoo.reconcile.source_side import CASES, places
from crm2odoo.staging import Connection


def check_files(target: Target, connection: Connection, entity: str, fields: list[ComparedField], values: dict[str, Any]) -> Iterator[Check]:
    """Three checks for each field that holds files. Both sides are asked anew: the delivery's own bytes, and what Odoo keeps of each record.

    ``values`` name the records (see sql/reconcile/compare.sql.j2); ``read_fields`` and ``hash_files`` have run. Memory: one page.
    """
    ws, model = target.ws, target.entities[entity].model
    for field in fields:
        if field.type != "binary" or field.compare == "none":
            continue
        (statement,) = ws.statements("reconcile/files.sql.j2", key=field.key, **values)
        count = {"expected": 0, "found": 0}
        size = {"expected": 0, "found": 0}
        same = 0
        wrong: dict[str, dict[str, str]] = {}
        with connection.cursor(name="files") as files:
            files.execute(statement.encode())
            while page := files.fetchmany(RECORDS_PAGE):
                kept = _kept(target, model, [row["res_id"] for row in page if row["res_id"]])
                for row in page:
                    found = kept.get(row["res_id"], {"file_size": 0, "checksum": False})
                    count["expected"] += 1
                    count["found"] += bool(found["checksum"])
                    size["expected"] += row["bytes"]
                    size["found"] += found["file_size"]
                    same += found["checksum"] == row["sha1"]
                    if found["checksum"] != row["sha1"] and len(wrong) < CASES:
                        message = f"{row['path']}: {row['bytes']:,} bytes in the delivery, {found['file_size']:,} in Odoo"
                        wrong[row["xid"]] = {"xid": row["xid"], "message": message, "odoo": record_link(target.client.url, model, row["res_id"])}
        where = places(ws, connection, entity, list(wrong))
        about = {
            "cases": [{**case, "source": where.get(xid, "")} for xid, case in wrong.items()],
            "advice": "Open the record in Odoo and the file of the delivery. Clear the load of attachments to write those that are missing.",
        }
        yield _check(entity, f"files_{field.key}", "Files of the delivery, and attachments with content in Odoo", **count, about=about)
        yield _check(entity, f"bytes_{field.key}", "Bytes of these files, and as Odoo counts them", **size, about=about)
        yield _check(entity, f"checksums_{field.key}", "Files whose checksum (SHA-1) is the same in Odoo", count["expected"], same, about)


def _kept(target: Target, model: str, ids: list[int]) -> dict[int, dict[str, Any]]:
    there = sorted(existing(target, model, ids)) if ids else []
    rows = target.client.call(model, "read", ids=there, fields=["file_size", "checksum"], load="", context=READING) if there else []
    return {row["id"]: row for row in rows}


def _check(entity: str, name: str, title: str, expected: int, found: int, about: dict[str, Any]) -> Check:
    return Check(entity, name, title, expected, found, expected == found, about if expected != found else {})
