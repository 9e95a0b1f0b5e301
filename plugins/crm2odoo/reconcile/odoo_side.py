"""What Odoo itself says about our records: asked by external id, never taken from our own counters."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from crm2odoo.odoo.context import READING
from crm2odoo.odoo.errors import RowRefused
from crm2odoo.odoo.export_files import ExportFiles
from crm2odoo.odoo.target import Target
from crm2odoo.reconcile.fields import ComparedField
from crm2odoo.reconcile.html_text import verdict
from crm2odoo.staging import Connection
from crm2odoo.staging.vault import holds_token

T = TypeVar("T")
R = TypeVar("R")

PAGE = 20_000
"""External ids per call: about 1 MB of JSON."""
RECORDS_PAGE = 1000
PAGES_AHEAD = 5
"""Pages that are kept ready while others are stored."""
READERS = 3
"""Requests at a time while reading back. Odoo answers them in parallel when it has workers; the client keeps to the pace of Odoo Online."""


def record_link(url: str, model: str, res_id: int | None) -> str:
    """Address of a record's form that works from Odoo 16 to 19; empty without an id."""
    return f"{url.rstrip('/')}/web#id={res_id}&model={model}&view_type=form" if res_id else ""


def external_ids(target: Target, model: str) -> Iterator[list[tuple[str, int]]]:
    """Pages of (xid, database id): every external id of this project on records of ``model``, whether or not the record still exists."""
    ours = [["module", "=", target.xid_module], ["model", "=", model]]

    def edge(order: str) -> int:
        found: list[int] = target.client.call("ir.model.data", "search", domain=ours, order=order, limit=1)
        return found[0] if found else 0

    def page_of(first: int) -> list[tuple[str, int]]:
        domain = [*ours, ["id", ">=", first], ["id", "<", first + step]]
        if target.version >= 19:
            # Two lists out of one row of SQL: Odoo makes no record of each, which takes five times as long.
            lists = ["name:array_agg", "res_id:array_agg"]
            groups = target.client.call("ir.model.data", "formatted_read_group", domain=domain, groupby=["model"], aggregates=lists)
            return [pair for group in groups for pair in zip(*(group[one] for one in lists), strict=True)]
        rows = target.client.call("ir.model.data", "search_read", domain=domain, fields=["name", "res_id"])
        return [(row["name"], row["res_id"]) for row in rows]

    first, last = edge("id"), edge("id desc")
    # Ids of one load lie close together; where they do not, wider steps keep the number of calls small.
    step = max(PAGE, (last - first) // 500)
    if last:
        for _, page in _ahead(page_of, iter(range(first, last + 1, step))):
            yield page


def existing(target: Target, model: str, ids: list[int]) -> set[int]:
    """Those of ``ids`` that exist, archived ones included. At most PAGE ids."""
    found: list[int] = target.client.call(model, "search", domain=[["id", "in", ids]], context={"active_test": False})
    return set(found)


def read_external_ids(target: Target, connection: Connection, entity: str, alive: bool = True) -> None:
    """Fills ``<p>_target.odoo_xid`` with the external ids that Odoo has for the entity's model.

    ``alive``: also asks whether each record behind them exists, and the matched ones (rows without xid).
    """
    ws, model = target.ws, target.entities[entity].model
    ws.run(connection, "reconcile/odoo_xid_table.sql.j2", entity=entity)
    with connection.cursor() as cursor, cursor.copy(ws.sql("copy {target}.odoo_xid (entity, xid, res_id, alive) from stdin")) as copy:
        for page in external_ids(target, model):
            there = existing(target, model, [res_id for _, res_id in page]) if alive else set()
            for xid, res_id in page:
                copy.write_row((entity, xid, res_id, res_id in there if alive else None))
    if alive:
        matched = connection.execute(
            ws.sql("select distinct res_id from {log}.record where target_id = %s and entity = %s and not ours and res_id is not null"),
            (target.target_id, entity),
        ).fetchall()
        for ids in _pages((int(row["res_id"]) for row in matched), PAGE):
            there = existing(target, model, ids)
            with connection.cursor() as cursor, cursor.copy(ws.sql("copy {target}.odoo_xid (entity, res_id, alive) from stdin")) as copy:
                for res_id in ids:
                    copy.write_row((entity, res_id, res_id in there))
    connection.execute(ws.sql("analyze {target}.odoo_xid"))


def read_fields(target: Target, connection: Connection, entity: str, fields: list[ComparedField]) -> None:
    """Fills ``<p>_target.odoo_<entity>`` with every compared field of every loaded record.

    Values stay as Odoo gave them; of a file there is the checksum (sha1). ``_foreign``: the record's last change was made by another
    user than the migration's. Memory: a few pages of records.
    """
    read_external_ids(target, connection, entity, alive=False)
    target.ws.run(connection, "reconcile/place_of_records.sql.j2", entity=entity, target_id=target.target_id)
    _read(target, connection, entity, fields, part_of=None, lines_key=None)


def read_lines(target: Target, connection: Connection, parent: str, key: str, entity: str, fields: list[ComparedField]) -> None:
    """Fills ``<p>_target.odoo_<entity>`` with the lines of records that ``read_fields`` has read: line n of a record is ``<xid>#n``."""
    target.ws.run(connection, "reconcile/place_of_lines.sql.j2", parent=parent, key=key)
    _read(target, connection, entity, fields, part_of=parent, lines_key=key)


def _read(target: Target, connection: Connection, entity: str, fields: list[ComparedField], part_of: str | None, lines_key: str | None) -> None:
    """Reads the records of ``<p>_target.odoo_place`` and stores them. One that is gone is left out.

    Odoo answers in several threads while PostgreSQL takes the pages apart that are there; Python only hands the text on.
    """
    ws, model = target.ws, target.entities[entity].model
    names = {f.key: "checksum" if f.type == "binary" else f.name for f in fields if f.type != "binary" or f.compare != "none"}
    asked = sorted({*names.values(), "write_uid"})

    def page_of(ids: list[int]) -> str:
        # Not `search_read`: it would leave archived records out of many2many fields.
        try:
            return target.client.call_text(model, "read", ids=ids, fields=asked, load="", context=READING)
        except RowRefused:
            # One that is gone, or that we may not see, makes Odoo refuse the whole page. To look first would cost every page a second call.
            there = sorted(existing(target, model, ids))
            return target.client.call_text(model, "read", ids=there, fields=asked, load="", context=READING) if there else "[]"

    ws.run(connection, "reconcile/odoo_table.sql.j2", entity=entity, fields=fields)
    private = _encrypted(target, connection, entity, part_of, lines_key)
    (store,) = ws.statements("reconcile/odoo_rows.sql.j2", entity=entity, fields=fields, names=names, asked=asked)
    with connection.cursor(name="places") as places:
        places.execute(ws.sql("select distinct res_id from {target}.odoo_place order by res_id"))
        for _, page in _ahead(page_of, _pages((row["res_id"] for row in places), RECORDS_PAGE)):
            text = _sealed(target, page, names, private) if private else page
            connection.execute(store.encode(), {"page": text, "uid": target.client.uid})
    ws.run(connection, "reconcile/odoo_index.sql.j2", entity=entity)


def _encrypted(target: Target, connection: Connection, entity: str, part_of: str | None, lines_key: str | None) -> dict[int, dict[str, Any]]:
    """Database id → field → value, for records of the plan that hold encrypted values: what Odoo says of those must not lie open either."""
    ws = target.ws
    if not ws.vault.key:
        return {}
    about = {"entity": entity, "target_id": target.target_id, "part_of": part_of, "lines_key": lines_key}
    (statement,) = ws.statements("reconcile/encrypted.sql.j2", **about)
    rows = connection.execute(statement.encode())
    return {r["res_id"]: {k: v for k, v in r["vals"].items() if holds_token(v)} for r in rows}


def _sealed(target: Target, page: str, names: dict[str, str], private: dict[int, dict[str, Any]]) -> str:
    """A page of records with their private values sealed again."""
    records = json.loads(page)
    for record in records:
        for key, known in private.get(record["id"], {}).items():
            if key in names and names[key] in record:
                record[names[key]] = target.ws.vault.as_known(known, record[names[key]], _says_the_same)
    return json.dumps(records)


def _says_the_same(expected: str, found: str) -> bool:
    return expected == found or verdict(expected, found) == "transformed"


def _ahead(work: Callable[[T], R], items: Iterator[T]) -> Iterator[tuple[T, R]]:
    """Each item with its result, in order, while a few further ones are being worked on."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[tuple[T, Future[R]]] = deque()
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > READERS + PAGES_AHEAD:
                first, result = waiting.popleft()
                yield first, result.result()
        while waiting:
            first, result = waiting.popleft()
            yield first, result.result()


def resolve_references(target: Target, connection: Connection, entity: str, fields: list[ComparedField], names: dict[str, set[str]]) -> None:
    """Fills ``<p>_target.odoo_reference`` for fields whose references are XML ids, or count through a field of the record referred to.

    ``names``: field → the values that the plan has for it.
    """
    ws = target.ws
    connection.execute(ws.sql("delete from {target}.odoo_reference where entity = %s"), (entity,))
    for field in fields:
        if not field.resolved or not names.get(field.key):
            continue
        declared = target.entities[entity].fields[field.key]
        found: dict[str, int] = {}
        if declared.relation:
            found = target.client.xml_ids(sorted(names[field.key]))
        for other, through in declared.through.items():
            rows = connection.execute(
                ws.sql("select xid, res_id from {log}.record where target_id = %s and entity = %s and xid = any(%s) and res_id is not null"),
                (target.target_id, other, sorted(names[field.key])),
            ).fetchall()
            ids = {row["res_id"]: row["xid"] for row in rows}
            model = target.entities[other].model
            for record in (
                target.client.call(model, "search_read", domain=[["id", "in", sorted(ids)]], fields=[through], load="", context=READING)
                if ids
                else []
            ):
                if record[through]:
                    found[ids[record["id"]]] = record[through]
        with connection.cursor() as cursor, cursor.copy(ws.sql("copy {target}.odoo_reference (entity, field, name, res_id) from stdin")) as copy:
            for name, res_id in found.items():
                copy.write_row((entity, field.key, name, res_id))


def hash_files(target: Target, connection: Connection, plan_id: int, paths: Iterable[str]) -> None:
    """Fills ``<p>_target.file_hash`` with sha1 and size of files of the export, read from the delivery itself. Memory: one block."""
    ws = target.ws
    connection.execute(ws.sql("truncate {target}.file_hash"))
    files = ExportFiles(ws, plan_id)
    try:
        with connection.cursor() as cursor, cursor.copy(ws.sql("copy {target}.file_hash (path, sha1, bytes) from stdin")) as copy:
            for path in sorted(set(paths)):
                digest, size = hashlib.sha1(usedforsecurity=False), 0
                with files.open(path) as stream:
                    while block := stream.read(1 << 20):
                        digest.update(block)
                        size += len(block)
                copy.write_row((path, digest.hexdigest(), size))
    finally:
        files.close()


def _pages(items: Iterator[T], size: int) -> Iterator[list[T]]:
    page: list[T] = []
    for item in items:
        page.append(item)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page
