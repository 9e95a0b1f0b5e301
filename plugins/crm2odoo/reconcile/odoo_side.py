"""What Odoo itself says about our records: asked by external id, never taken from our own counters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from crm2odoo.odoo.reader import read_back
from crm2odoo.odoo.target import Target
from crm2odoo.reconcile.fields import ComparedField
from crm2odoo.staging import Connection

PAGE = 5000
"""External ids per call: about 0.4 MB of JSON."""


def record_link(url: str, model: str, res_id: int | None) -> str:
    """Address of a record's form that works from Odoo 16 to 19; empty without an id."""
    return f"{url.rstrip('/')}/web#id={res_id}&model={model}&view_type=form" if res_id else ""


def external_ids(target: Target, model: str) -> Iterator[tuple[str, int]]:
    """(xid, database id) of every external id of this project on records of ``model``, whether or not the record still exists."""
    last = 0
    while True:
        page = target.client.call(
            "ir.model.data", "search_read",
            domain=[["module", "=", target.xid_module], ["model", "=", model], ["id", ">", last]],
            fields=["name", "res_id"], order="id", limit=PAGE,
        )
        for row in page:
            yield row["name"], row["res_id"]
        if len(page) < PAGE:
            return
        last = page[-1]["id"]


def existing(target: Target, model: str, ids: list[int]) -> set[int]:
    """Those of ``ids`` that exist, archived ones included. At most PAGE ids."""
    found: list[int] = target.client.call(model, "search", domain=[["id", "in", ids]], context={"active_test": False})
    return set(found)


def read_external_ids(target: Target, connection: Connection, entity: str) -> None:
    """Fills ``<p>_target.odoo_xid`` with what Odoo has for the entity's model: ``xid, res_id, alive``; an xid of ``found`` records is null."""
    ws, model = target.ws, target.entities[entity].model
    ws.run(connection, "reconcile/odoo_xid_table.sql.j2", entity=entity)
    with connection.cursor() as cursor, cursor.copy(ws.sql("copy {target}.odoo_xid (entity, xid, res_id, alive) from stdin")) as copy:
        for page in _pages(external_ids(target, model)):
            alive = existing(target, model, [res_id for _, res_id in page])
            for xid, res_id in page:
                copy.write_row((entity, xid, res_id, res_id in alive))
    matched = connection.execute(
        ws.sql("select distinct res_id from {log}.record where target_id = %s and entity = %s and not ours and res_id is not null"), (target.target_id, entity)
    ).fetchall()
    for page in _pages(iter([row["res_id"] for row in matched])):
        alive = existing(target, model, page)
        with connection.cursor() as cursor, cursor.copy(ws.sql("copy {target}.odoo_xid (entity, res_id, alive) from stdin")) as copy:
            for res_id in page:
                copy.write_row((entity, res_id, res_id in alive))


def read_fields(target: Target, connection: Connection, entity: str, fields: list[ComparedField]) -> int:
    """Fills ``<p>_target.odoo_<entity>`` with every compared field of every loaded record; returns the number of records.

    Values stay as Odoo gave them. ``_foreign``: the record's last change was made by another user than the migration's.
    Memory: one page of the reader.
    """
    ws = target.ws
    ws.run(connection, "reconcile/odoo_table.sql.j2", entity=entity, fields=fields)
    # Columns of the table are those of the template, in its order.
    statement = ws.sql("copy {target}.{table} from stdin", table=f"odoo_{entity}")
    records = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for xid, res_id, values in read_back(target, entity, [f.key for f in fields], extra=["write_uid"]):
            changed_by = values.get("write_uid")
            foreign = bool(changed_by) and changed_by != target.client.uid
            copy.write_row((xid, res_id, foreign, *(_as_json(values, f.key) for f in fields)))
            records += 1
    ws.run(connection, "reconcile/odoo_index.sql.j2", entity=entity)
    connection.execute(ws.sql("analyze {log}.record"))
    return records


def _as_json(values: dict[str, Any], key: str) -> str | None:
    return json.dumps(values[key], ensure_ascii=False) if key in values else None


def _pages(items: Iterator[Any]) -> Iterator[list[Any]]:
    page: list[Any] = []
    for item in items:
        page.append(item)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
