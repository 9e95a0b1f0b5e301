"""The proof that nothing disappeared: the raw files are counted once more, by other means than those that read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm2odoo.intake.clean import FileCount, count_files, landed_files
from crm2odoo.intake.errors import CountsDiffer, NoExport
from crm2odoo.intake.recount import RawCount, recount
from crm2odoo.staging import Connection, Workspace


def verify_counts(ws: Workspace, export_id: str) -> list[FileCount]:
    """Proves, for every file of a cleaned export, that records = valid + merged + exact duplicates + deleted + rejected.

    The number of records is counted anew from the raw file: Python's csv module counts its rows (files with stray quotes apart, which it
    reads differently), every physical line must belong to a record or a non-record, and json counts the elements of a dump.
    Raises CountsDiffer, which names each file and what differs.
    """
    with ws.connect() as connection:
        export = connection.execute(ws.sql("select status from {log}.export where export_id = %s"), (export_id,)).fetchone()
        if export is None or export["status"] != "cleaned":
            raise NoExport(f"the export {export_id} is not cleaned\nRun the cleaning first.")
        files = landed_files(ws, connection, export_id)
        counts = count_files(ws, connection, files)
        rows = {r["file_no"]: r for r in connection.execute(ws.sql("select * from {log}.file where export_id = %s"), (export_id,))}
        problems = [f"{count.name}: {p}" for count in counts for p in _of_tables(ws, connection, count, rows[count.file_no])]
    problems += [f"{raw.name}: {p}" for raw in recount(ws, export_id) for p in _of_raw(raw, rows[raw.file_no])]
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


def _of_raw(raw: RawCount, row: dict[str, Any]) -> Iterator[str]:
    notes = row["notes"]
    if raw.method == "json":
        if raw.records != row["records"]:
            yield f"{raw.records} elements in the dump, {row['records']} read"
        return
    if raw.sha256 != row["sha256"]:
        yield f"the file has another content than when it was registered: sha256 {raw.sha256}, registered {row['sha256']}"
    if raw.lines != notes["lines"]:
        yield f"{raw.lines} physical lines, but {notes['lines']} belong to a record or a non-record"
    if raw.filled is not None and raw.records != row["records"]:
        yield (
            f"Python's csv module counts {raw.filled} filled rows, but {row['records'] + raw.beside} were read: {row['records']} records, "
            f"a header, and {notes['kinds']}"
        )
