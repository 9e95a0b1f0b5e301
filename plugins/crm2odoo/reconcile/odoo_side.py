"""What Odoo itself says about our records: asked by external id, never taken from our own counters."""

from __future__ import annotations

import hashlib
import itertools
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

PAGE = 5000
"""External ids per call: about 0.4 MB of JSON."""
RECORDS_PAGE = 1000
PAGES_AT_ONCE = 5
"""Pages that are stored together; as many are kept ready meanwhile."""
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
    user than the migration's. Memory: the ids of the entity, and a few pages of records.
    """
    read_external_ids(target, connection, entity, alive=False)
    (statement,) = target.ws.statements("reconcile/loaded_ids.sql.j2", entity=entity, target_id=target.target_id)
    places = [(row["xid"], row["res_id"], row["res_id"]) for row in connection.execute(statement.encode())]
    _read(target, connection, entity, target.entities[entity].model, fields, places)


def read_lines(target: Target, connection: Connection, parent: str, key: str, entity: str, fields: list[ComparedField]) -> None:
    """Fills ``<p>_target.odoo_<entity>`` with the lines of records that ``read_fields`` has read: line n of a record is ``<xid>#n``."""
    records = connection.execute(
        target.ws.sql(
            "select _xid, _res_id, {key} as ids from {target}.{table} where jsonb_typeof({key}) = 'array' order by _xid",
            key=key,
            table=f"odoo_{parent}",
        )
    ).fetchall()
    places = [(f"{row['_xid']}#{n}", row["_res_id"], line) for row in records for n, line in enumerate(row["ids"], 1)]
    _read(target, connection, entity, target.entities[entity].model, fields, places)


def _read(target: Target, connection: Connection, entity: str, model: str, fields: list[ComparedField], places: list[tuple[str, int, int]]) -> None:
    """Reads the records of ``places`` (xid, id of the form to link to, id to read) and stores them. One that is gone is left out."""
    ws = target.ws
    names = {f.key: "checksum" if f.type == "binary" else f.name for f in fields if f.type != "binary" or f.compare != "none"}
    asked = sorted({*names.values(), "write_uid"})

    def page_of(page: list[tuple[str, int, int]]) -> dict[int, dict[str, Any]]:
        # Not `search_read`: it would leave archived records out of many2many fields.
        ids = sorted({res_id for _, _, res_id in page})
        try:
            rows = target.client.call(model, "read", ids=ids, fields=asked, load="", context=READING)
        except RowRefused:
            # One that is gone, or that we may not see, makes Odoo refuse the whole page. To look first would cost every page a second call.
            there = sorted(existing(target, model, ids))
            rows = target.client.call(model, "read", ids=there, fields=asked, load="", context=READING) if there else []
        return {r["id"]: r for r in rows}

    private = _encrypted(target, connection, entity)
    about = {"entity": entity, "fields": fields, "names": names, "asked": asked}
    ws.run(connection, "reconcile/odoo_table.sql.j2", **about)
    pages = _ahead(page_of, _pages(iter(places), RECORDS_PAGE))
    # PostgreSQL takes the values apart while the next pages are on their way.
    while batch := list(itertools.islice(pages, PAGES_AT_ONCE)):
        with connection.cursor() as cursor, cursor.copy(ws.sql("copy {target}.odoo_raw from stdin")) as copy:
            for page, found in batch:
                for xid, shown_id, res_id in page:
                    record = found.get(res_id)
                    if record is not None:
                        for key, known in private.get(xid, {}).items():
                            if key in names and names[key] in record:
                                record[names[key]] = ws.vault.as_known(known, record[names[key]], _says_the_same)
                        foreign = bool(record["write_uid"]) and record["write_uid"] != target.client.uid
                        copy.write_row((xid, shown_id, foreign, json.dumps(record)))
        ws.run(connection, "reconcile/odoo_rows.sql.j2", **about)
    ws.run(connection, "reconcile/odoo_index.sql.j2", entity=entity)


def _encrypted(target: Target, connection: Connection, entity: str) -> dict[str, dict[str, Any]]:
    """xid → field → value, for records of the plan that hold encrypted values: what Odoo says of those must not lie open either."""
    if not target.ws.vault.key:
        return {}
    rows = connection.execute(
        target.ws.sql("select xid, vals from {target}.plan where entity = %s and strpos(vals::text, 'enc1.') > 0"), (entity,)
    )
    return {r["xid"]: {k: v for k, v in r["vals"].items() if holds_token(v)} for r in rows}


def _says_the_same(expected: str, found: str) -> bool:
    return expected == found or verdict(expected, found) == "transformed"


def _ahead(work: Callable[[T], R], items: Iterator[T]) -> Iterator[tuple[T, R]]:
    """Each item with its result, in order, while a few further ones are being worked on."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[tuple[T, Future[R]]] = deque()
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > READERS + PAGES_AT_ONCE:
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
