"""The proof that nothing disappeared: the raw files are counted once more, by other means than those that read them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, cast

from crm2odoo.intake.clean import FileCount, count_files, landed_files
from crm2odoo.intake.delivery import Delivery, open_delivery
from crm2odoo.intake.errors import CountsDiffer, NoExport
from crm2odoo.intake.scan import utf8_blocks
from crm2odoo.staging import Connection, Workspace


def verify_counts(ws: Workspace, export_id: str) -> list[FileCount]:
    """Proves, for every file of a cleaned export, that records = valid + merged + exact duplicates + deleted + rejected.

    The number of records is counted anew from the raw file: Python's csv module counts its rows (files with stray quotes apart, which it
    reads differently), every physical line must belong to a record or a non-record, and json counts the elements of a dump.
    Raises CountsDiffer, which names each file and what differs.
    """
    with ws.connect() as connection:
        export = connection.execute(ws.sql("select location, status from {log}.export where export_id = %s"), (export_id,)).fetchone()
        if export is None or export["status"] != "cleaned":
            raise NoExport(f"the export {export_id} is not cleaned\nRun the cleaning first.")
        files = landed_files(ws, connection, export_id)
        counts = count_files(ws, connection, files)
        rows = {r["file_no"]: r for r in connection.execute(ws.sql("select * from {log}.file where export_id = %s"), (export_id,))}
        problems: list[str] = []
        dumps: dict[str, Any] = {}
        with open_delivery(export["location"]) as delivery:
            for count in counts:
                row = rows[count.file_no]
                problems += [f"{count.name}: {p}" for p in _of_tables(ws, connection, count, row)]
                if "member_of" in row["notes"]:
                    problems += [f"{count.name}: {p}" for p in _of_dump(delivery, row, rows[row["notes"]["member_of"]]["name"], dumps)]
                else:
                    problems += [f"{count.name}: {p}" for p in _of_text(ws, connection, delivery, row, export_id)]
    if problems:
        raise CountsDiffer(
            "the counts of the export do not agree\n" + "\n".join(problems) + "\nClean the export again; if it stays, report the file."
        )
    return counts


def _of_tables(ws: Workspace, connection: Connection, count: FileCount, row: dict[str, Any]) -> Iterator[str]:
    landed = connection.execute(
        ws.sql("select count(*) as n, count(distinct rec) as d, coalesce(max(rec), 0) as m from {land}.{table}", table=row["table_name"])
    ).fetchone()
    assert landed is not None
    if landed["n"] + row["notes"]["ragged"] != row["records"] or landed["d"] != landed["n"] or landed["m"] > row["records"]:
        yield f"{landed['n']} landed and {row['notes']['ragged']} ragged records, {row['records']} read"
    if not count.balanced:
        yield (
            f"{count.records} records, but {count.valid} valid, {count.merged} merged, {count.exact_duplicates} exact duplicates, "
            f"{count.deleted} deleted, {count.rejected} rejected"
        )
    rejects = connection.execute(
        ws.sql("select count(*) as n from {clean}.reject where object = %s and file_no = %s"), (count.object, count.file_no)
    ).fetchone()
    if rejects and rejects["n"] != count.rejected:
        yield f"{count.rejected} rejected records, but {rejects['n']} rejects"


def _of_text(ws: Workspace, connection: Connection, delivery: Delivery, row: dict[str, Any], export_id: str) -> Iterator[str]:
    notes, kinds = row["notes"], row["notes"]["kinds"]
    lines = csv_rows = 0
    with delivery.open(row["name"]) as raw:
        lines = _physical_lines(utf8_blocks(raw, row["encoding"]))
    if lines != notes["lines"]:
        yield f"{lines} physical lines, but {notes['lines']} belong to a record or a non-record"
    odd = connection.execute(
        ws.sql(
            "select 1 from {land}.defect where export_id = %s and file_no = %s and (code = 'stray_quote' or column_name like 'a quote%%') limit 1"
        ),
        (export_id, row["file_no"]),
    ).fetchone()
    if odd or notes["escape"] or notes["quote"] != '"':
        return
    csv.field_size_limit(2**31 - 1)
    with delivery.open(row["name"]) as raw:
        text = io.TextIOWrapper(cast(Any, _Blocks(utf8_blocks(raw, row["encoding"]))), encoding="utf-8", newline="")
        reader = csv.reader((line.replace("\0", "") for line in text), delimiter=row["delimiter"])
        for cells in reader:
            if any(c.strip(" \t\xa0") for c in cells):
                csv_rows += 1
    expected = row["records"] + sum(kinds.get(k, 0) for k in ("preamble", "repeated_header", "footer")) + 1
    if csv_rows != expected:
        yield f"Python's csv module counts {csv_rows} filled rows, but {expected} were read: {row['records']} records, a header, and {kinds}"


def _of_dump(delivery: Delivery, row: dict[str, Any], name: str, dumps: dict[str, Any]) -> Iterator[str]:
    if name not in dumps:
        with delivery.open(name) as raw:
            text = raw.read().decode("utf-8-sig")
        try:
            dumps[name] = json.loads(text)
        except ValueError:
            dumps[name] = [json.loads(line) for line in text.splitlines() if line.strip()]
    found: Any = dumps[name]
    for part in row["name"].split("#", 1)[1].split(".") if row["name"].split("#", 1)[1] else []:
        found = found[part]
    if len(found) != row["records"]:
        yield f"{len(found)} elements in the dump, {row['records']} read"


def _physical_lines(blocks: Iterator[bytes]) -> int:
    """Lines of a text; a last line without a line end counts."""
    lines, last = 0, b""
    for block in blocks:
        if not block:
            continue
        if last == b"\r" and block.startswith(b"\n"):
            lines -= 1
        lines += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
        last = block[-1:]
    return lines + (last not in (b"\n", b"\r", b""))


class _Blocks(io.RawIOBase):
    """Blocks of bytes as a stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = block
        size = min(len(target), len(self._rest))
        target[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
