"""Files of an export become tables of text: recognised, read, and counted. Nothing is changed but the encoding."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from psycopg import sql
from psycopg.types.json import Jsonb

from crm2odoo.intake.ahead import ahead
from crm2odoo.intake.defects import Defects
from crm2odoo.intake.delivery import ARCHIVES, Delivery, among_attachments, open_delivery
from crm2odoo.intake.errors import ExportChanged, NoExport, UnknownEncoding
from crm2odoo.intake.headers import Assignment, assign, missing_columns, shown
from crm2odoo.intake.json_dump import BrokenJson, Collection, Element, ManyValues, elements, rows, survey
from crm2odoo.intake.private_columns import private_columns, protected, tell
from crm2odoo.intake.readers import WORTH, usable_readers
from crm2odoo.intake.recognise import Recognition, recognise
from crm2odoo.intake.scan import NotUtf8, Scan, Scanner, utf8_blocks, with_line_feeds
from crm2odoo.intake.sniff import HEAD, Head, disguised, find_encoding, quick_encoding, sniff
from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.findings import Finding, replace_findings, storable

log = logging.getLogger(__name__)

TABLES = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson")
DUMPS = (".json", ".jsonl", ".ndjson")
MAYBE_TABLES = (".txt", ".dat", "")
SHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
MAX_COLUMNS = 1500


@dataclass
class Landed:
    """What became of one file."""

    status: str
    object: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: list[dict[str, Any]] = field(default_factory=list)
    table: str | None = None
    records: int | None = None
    non_records: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


class Hashing:
    """A stream that hashes what is read through it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


def table_name(object_name: str, export_id: str, file_no: int) -> str:
    """Name of a file's table in ``<p>_land``."""
    return f"{object_name}_{export_id[:8]}_{file_no:03d}"


def land(ws: Workspace, export_id: str) -> None:
    """Lands every file of a registered export and fills ``<p>_log.file``. Safe to repeat: each file's table is made anew.

    Raises NoExport when the export is not registered or gone, ExportChanged when a file is not the registered one. A file that
    cannot be read becomes a blocking finding, and so does one that nobody can name.
    """
    with ws.connect() as connection:
        export = connection.execute(ws.sql("select location from {log}.export where export_id = %s"), (export_id,)).fetchone()
        if export is None:
            raise NoExport(f"the export {export_id} is not registered\nRun the registration first.")
        ws.run(connection, "land/shared.sql.j2")
        files = connection.execute(
            ws.sql("select file_no, name, sha256, bytes from {log}.file where export_id = %s and not notes ? 'member_of' order by file_no"),
            (export_id,),
        ).fetchall()
        choices = _choices(ws, connection)
        tables = []
        for file in files:
            kind = _no_table(file["name"], choices.get(file["sha256"]))
            if kind is None:
                tables.append(file)
            else:
                _save(ws, export_id, file["file_no"], Landed("excluded", notes={"kind": kind}), connection)
    findings: list[Finding] = []
    with open_delivery(export["location"]) as delivery:
        names = {e.name for e in delivery.files}
        if names != {f["name"] for f in files}:
            raise ExportChanged(
                f"{export['location']} no longer holds the files that were registered as export {export_id}\nA changed delivery is a new export: "
                f"register it."
            )
        for file in tables:
            findings += _land_file(ws, delivery, export_id, file["file_no"], file["name"], file["sha256"], file["bytes"], choices.get(file["sha256"]))
    with ws.connect() as connection:
        replace_findings(ws, connection, export_id, "intake", findings)
        connection.execute(ws.sql("update {log}.export set status = 'landed' where export_id = %s"), (export_id,))


def _no_table(name: str, choice: str | None) -> str | None:
    """``excluded`` or ``attachment`` for a file that is not read as a table; None for one that is, or that hides some: an archive.

    Text in a folder is an attachment, and so is an archive in a folder of attachments.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if choice is not None:
        return "excluded" if choice == "excluded" else None
    if suffix in ARCHIVES:
        return "attachment" if among_attachments(name) else None
    return None if suffix in TABLES or (suffix in (*MAYBE_TABLES, *SHEETS) and "/" not in name) else "attachment"


def _land_file(
    ws: Workspace, delivery: Delivery, export_id: str, file_no: int, name: str, sha256: str, size: int, choice: str | None
) -> list[Finding]:
    """Lands one file in one transaction; UTF-8 is assumed until a byte says otherwise."""
    if PurePosixPath(name).suffix.lower() in SHEETS:
        finding = Finding(
            "blocking",
            "spreadsheet",
            f"{name} is a spreadsheet; an export is CSV or JSON\nSave each of its sheets as CSV (UTF-8) and deliver those, or exclude the file.",
            evidence={"file": name},
        )
        return _save(ws, export_id, file_no, Landed("unknown", findings=[finding]))
    if PurePosixPath(name).suffix.lower() in ARCHIVES:
        finding = Finding(
            "blocking",
            "archive",
            f"{name} is an archive inside of the delivery: what it holds was not read\nUnpack it and deliver its files beside the others. "
            f"If it is an attachment, put it into a folder `attachments`, or exclude it.",
            evidence={"file": name},
        )
        return _save(ws, export_id, file_no, Landed("unknown", findings=[finding]))
    if PurePosixPath(name).suffix.lower() in DUMPS:
        return _land_dump(ws, delivery, export_id, file_no, name, sha256, choice)
    encoding = "utf-8"
    while True:
        try:
            with ws.connect() as connection, delivery.open(name) as raw:
                stream = Hashing(raw)
                landed = _land_table(ws, connection, cast(BinaryIO, stream), export_id, file_no, name, size, encoding, choice)
                while stream.read(1 << 20):
                    pass
                if stream.digest.hexdigest() != sha256:
                    raise ExportChanged(f"{name} changed after it was registered\nA changed delivery is a new export: register it.")
                return _save(ws, export_id, file_no, landed, connection)
        except NotUtf8 as error:
            try:
                with delivery.open(name) as raw:
                    encoding = find_encoding(raw, name)
            except UnknownEncoding as unknown:
                finding = Finding("blocking", "unknown_encoding", str(unknown), evidence={"file": name, "offset": error.offset})
                return _save(ws, export_id, file_no, Landed("refused", notes={"kind": "unreadable", "offset": unknown.offset}, findings=[finding]))


def _land_dump(ws: Workspace, delivery: Delivery, export_id: str, file_no: int, name: str, sha256: str, choice: str | None) -> list[Finding]:
    """Lands the collections of a JSON dump, each as a file of its own: ``dump.json#contacts``."""
    whole = Landed("recognised", encoding="utf-8", notes={"kind": "dump"})
    try:
        try:
            lines = False
            maps: list[str] = []
            with delivery.open(name) as raw:
                collections = survey(raw, name, maps=maps)
        except ManyValues:
            lines = True
            with delivery.open(name) as raw:
                collections = survey(raw, name, lines)
        whole.findings += _unread(ws, name, collections, maps)
        with ws.connect() as connection, delivery.open(name) as raw:
            connection.execute(ws.sql("delete from {log}.file where export_id = %s and (notes ->> 'member_of')::int = %s"), (export_id, file_no))
            last = connection.execute(ws.sql("select max(file_no) as n from {log}.file where export_id = %s"), (export_id,)).fetchone()
            number = last["n"] if last else 0
            stream = Hashing(raw)
            grouped = itertools.groupby(elements(cast(BinaryIO, stream), name, lines), key=lambda e: e.collection)
            for (collection_name, items), collection in zip(grouped, collections, strict=True):
                if not collection.header and recognise(collection.name, [], ws.bundle.source).by_name < 0.5:
                    # A list of words inside the dump's own settings.
                    for _ in items:
                        pass
                    continue
                number += 1
                member = f"{name}#{collection_name}" if collection_name else name + "#"
                connection.execute(
                    ws.sql("insert into {log}.file (export_id, file_no, name, sha256, bytes) values (%s, %s, %s, %s, 0)"),
                    (export_id, number, member, sha256),
                )
                landed = _land_collection(ws, connection, collection, items, export_id, number, member if collection_name else name, choice)
                landed.notes["member_of"] = file_no
                whole.findings += _save(ws, export_id, number, landed, connection)
            while stream.read(1 << 20):
                pass
            if stream.digest.hexdigest() != sha256:
                raise ExportChanged(f"{name} changed after it was registered\nA changed delivery is a new export: register it.")
            return _save(ws, export_id, file_no, whole, connection)
    except BrokenJson as error:
        finding = Finding("blocking", "broken_json", str(error), evidence={"file": name})
        return _save(ws, export_id, file_no, Landed("refused", notes={"kind": "unreadable"}, findings=[finding]))


def _unread(ws: Workspace, name: str, collections: list[Collection], maps: list[str]) -> Iterator[Finding]:
    """What a dump holds beside lists of records that looks like records; and a dump without any."""
    for path in maps:
        if recognise(path.replace(".", "/"), [], ws.bundle.source).by_name >= 0.5:
            yield Finding(
                "blocking",
                "no_list",
                f"{name}: {path!r} is an object of objects and no list of records; nothing of it was read\n"
                "Ask for the dump with lists, each record with its id in it.",
                evidence={"file": name, "path": path},
            )
    if not collections and not maps:
        title = f"{name} holds not one record\nIf there are none, exclude the file; if there are, ask for the dump again, with a list of each."
        yield Finding("blocking", "empty_file", title, evidence={"file": name})


def _land_collection(
    ws: Workspace,
    connection: Connection,
    collection: Collection,
    items: Iterator[Element],
    export_id: str,
    file_no: int,
    name: str,
    choice: str | None,
) -> Landed:
    header = list(collection.header)
    recognition = _decided(recognise(name, header, ws.bundle.source), header, ws, choice)
    landed = Landed(
        "recognised", encoding="utf-8", notes={"by_name": recognition.by_name, "by_header": round(recognition.by_header, 3), "format": "json"}
    )
    if recognition.object is None or recognition.assignment is None:
        for _ in items:
            pass
        return _unknown(landed, name, header, recognition)
    landed.object, landed.status = recognition.object, "assigned" if choice else "recognised"
    scan = Scan()
    columns = [c.column for c in recognition.assignment.cells]
    defects = Defects.of_file(ws, export_id, file_no, recognition.assignment)
    chosen = private_columns(ws, recognition.object, columns)
    found = defects.spilled(protected(ws, rows(items, header, scan), ",", chosen, scan), scan)
    copy_rows(ws, connection, table_name(recognition.object, export_id, file_no), columns, ",", found)
    landed.findings += tell(name, chosen)
    scan.line = 1
    finish(ws, connection, landed, recognition.object, recognition.assignment, scan, defects, export_id, file_no, name)
    return landed


def _choices(ws: Workspace, connection: Connection) -> dict[str, str]:
    """What people said files are, by sha256: the name of an object, or ``excluded``. The last word counts."""
    rows = connection.execute(ws.sql("select name, value from {log}.decision where name like 'file:%' order by decision_id"))
    return {r["name"].removeprefix("file:"): str(r["value"]) for r in rows}


def assign_file(ws: Workspace, export_id: str, name: str, object_name: str | None, decided_by: str, comment: str = "") -> None:
    """Records a person's word on what a file is: an object of the source, or None to exclude it. Land the export again afterwards."""
    if object_name is not None and object_name not in ws.bundle.source.objects:
        raise KeyError(f"{ws.bundle.source.source} has no object {object_name!r}; it has {', '.join(ws.bundle.source.objects)}")
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select sha256 from {log}.file where export_id = %s and name = %s"), (export_id, name)).fetchone()
        if row is None:
            raise NoExport(f"the export {export_id} has no file {name!r}")
        connection.execute(
            ws.sql("insert into {log}.decision (name, value, decided_by, comment) values (%s, %s, %s, %s)"),
            (f"file:{row['sha256']}", Jsonb(object_name or "excluded"), decided_by, comment),
        )


def _land_table(
    ws: Workspace, connection: Connection, stream: BinaryIO, export_id: str, file_no: int, name: str, size: int, encoding: str, choice: str | None
) -> Landed:
    may_be_none = PurePosixPath(name).suffix.lower() in MAYBE_TABLES or among_attachments(name)
    first = stream.read(HEAD)
    if what := disguised(first):
        if may_be_none:
            return Landed("excluded", notes={"kind": "attachment"})
        return _disguised(name, what)
    encoding = quick_encoding(first) or encoding
    blocks = utf8_blocks(cast(BinaryIO, _Joined(first, stream)), encoding)
    start = next(blocks, b"")
    returns_only = b"\r" in start and b"\n" not in start
    if returns_only:
        blocks = with_line_feeds(itertools.chain([start], blocks))
        start = next(blocks, b"")
    source = ws.bundle.source
    head = sniff(start, len(start) < HEAD, name, source)
    recognition = _decided(head.recognition, head.header, ws, choice)
    landed = Landed("recognised", encoding=encoding, delimiter=head.dialect.delimiter.decode())
    landed.notes = {
        "by_name": recognition.by_name,
        "by_header": round(recognition.by_header, 3),
        "quote": head.dialect.quote.decode(),
        "escape": head.dialect.escape.decode(),
        "header_line": head.header_line,
        "newlines": "CR" if returns_only else "CRLF" if b"\r\n" in start else "LF",
    }
    if recognition.object is None or recognition.assignment is None:
        if may_be_none:
            return Landed("excluded", notes={"kind": "attachment"})
        return _unknown(landed, name, head.header, recognition)
    landed.object, landed.status = recognition.object, "assigned" if choice else "recognised"
    return _land_rows(
        ws,
        connection,
        landed,
        recognition.object,
        recognition.assignment,
        head,
        itertools.chain([start[head.start :]], blocks),
        export_id,
        file_no,
        name,
        size,
    )


class _Joined:
    """Bytes that were read already, and the rest of the stream."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = first, rest

    def read(self, size: int = -1) -> bytes:
        if self._first:
            data, self._first = self._first, b""
            return data
        return self._rest.read(size)


def _decided(recognition: Recognition, header: list[str], ws: Workspace, choice: str | None) -> Recognition:
    if choice is None:
        return recognition
    return Recognition(choice, assign(header, choice, ws.bundle.source.objects[choice]), 1.0, 1.0, [(choice, 2.0)])


def _disguised(name: str, what: str) -> Landed:
    finding = Finding(
        "blocking",
        "no_table",
        f"{name} is {what}, although its name says otherwise\n"
        "Ask for the export again as CSV (UTF-8), or exclude the file; JSON must be called .json.",
        evidence={"file": name},
    )
    return Landed("unknown", findings=[finding])


def _unknown(landed: Landed, name: str, header: list[str], recognition: Recognition) -> Landed:
    landed.status = "unknown"
    landed.header = [{"position": i, "header": h, "column": None, "known": False} for i, h in enumerate(header, 1)]
    if not any(h.strip() for h in header):
        title = f"{name} is empty: it has not even a header\nIf there are no such records, exclude the file; if there are, ask for the export again."
        landed.findings.append(Finding("blocking", "empty_file", title, evidence={"file": name}))
        return landed
    likely = ", ".join(f"{o} ({s:.2f})" for o, s in recognition.candidates)
    landed.findings.append(
        Finding(
            "blocking",
            "unknown_file",
            f"{name} is no object that the source file knows\nIt may be {likely}. Say which, or exclude it, before the sign-off.",
            evidence={"file": name, "header": [shown(h) for h in header[:60]], "candidates": [list(c) for c in recognition.candidates]},
        )
    )
    return landed


def _land_rows(
    ws: Workspace,
    connection: Connection,
    landed: Landed,
    object_name: str,
    assignment: Assignment,
    head: Head,
    blocks: Iterable[bytes],
    export_id: str,
    file_no: int,
    name: str,
    size: int,
) -> Landed:
    """Creates the table and copies the rows into it."""
    if len(assignment.cells) > MAX_COLUMNS:
        finding = Finding(
            "blocking",
            "too_many_columns",
            f"{name} has {len(assignment.cells):,} columns; PostgreSQL takes {MAX_COLUMNS:,}\nExport fewer columns, or check the delimiter.",
            evidence={"file": name},
        )
        return Landed("refused", notes=landed.notes, findings=[finding])
    scanner = Scanner(head)
    columns = [c.column for c in assignment.cells]
    defects = Defects.of_file(ws, export_id, file_no, assignment)
    delimiter = head.dialect.delimiter.decode()
    chosen = private_columns(ws, object_name, columns)
    found = defects.spilled(protected(ws, scanner.rows(iter(blocks)), delimiter, chosen, scanner.scan), scanner.scan)
    with scanner.readers(usable_readers() if size >= WORTH else 0):
        copy_rows(ws, connection, table_name(object_name, export_id, file_no), columns, delimiter, found)
    landed.findings += tell(name, chosen)
    finish(ws, connection, landed, object_name, assignment, scanner.scan, defects, export_id, file_no, name)
    return landed


def copy_rows(ws: Workspace, connection: Connection, table: str, columns: list[str], delimiter: str, rows: Iterator[bytes]) -> None:
    """Makes the table anew and copies numbered rows into it. An empty cell is null, quoted or not."""
    ws.run(connection, "land/file.sql.j2", table=table, columns=columns)
    names = sql.SQL(", ").join(map(sql.Identifier, ["rec", "line", *columns]))
    options = sql.SQL("format csv, delimiter {}").format(sql.Literal(delimiter))
    if columns:
        options += sql.SQL(", force_null ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    statement = ws.sql("copy {land}.{table} ", table=table) + sql.SQL("({}) from stdin with ({})").format(names, options)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in ahead(rows):
            if block:
                copy.write(block)
    index_landed(ws, connection, table)


def index_landed(ws: Workspace, connection: Connection, table: str) -> None:
    """The console shows single rows. They lie in the order of the file, so that an index of a few kB finds them."""
    connection.execute(ws.sql("create index on {land}.{table} using brin (rec) with (pages_per_range = 32)", table=table))


def finish(
    ws: Workspace,
    connection: Connection,
    landed: Landed,
    object_name: str,
    assignment: Assignment,
    scan: Scan,
    defects: Defects,
    export_id: str,
    file_no: int,
    name: str,
) -> None:
    """Writes down what reading the file brought to light."""
    obj = ws.bundle.source.objects[object_name]
    landed.table = table_name(object_name, export_id, file_no)
    landed.header = [asdict(c) for c in assignment.cells]
    landed.records = scan.records
    landed.non_records = [{"line": line, "kind": kind, "text": text} for line, kind, text in scan.non_records]
    missing = missing_columns(assignment.known, obj)
    landed.notes |= {
        "flags": sorted(scan.flags),
        "padded": [c.column for c in assignment.cells if scan.padded & {0, c.position}],
        "ragged": scan.rejected,
        "kinds": dict(scan.kinds),
        "lines": scan.line - 1,
        "missing": missing,
        "without": sorted({"tab", "return"} - scan.flags),
    }
    defects.write(connection, scan)
    before = connection.execute(ws.sql("select table_name from {log}.file where export_id = %s and file_no = %s"), (export_id, file_no)).fetchone()
    if before and before["table_name"] and before["table_name"] != landed.table:
        # The file was taken for another object before.
        connection.execute(ws.sql("drop table if exists {land}.{table}", table=before["table_name"]))
    if missing:
        headers = ", ".join(repr(shown(c.header)) for c in assignment.cells)
        looked = "; ".join(f"{m} (any of: {', '.join([m, *obj.columns[m].headers])})" if m in obj.columns else m for m in missing)
        landed.findings.append(
            Finding(
                "blocking",
                "missing_column",
                f"{name}: the mandatory column {looked} is missing; all {scan.records:,} records are rejected\nThe file has the headers {headers}. "
                f"Export the column, or add its header to the source file.",
                scan.records,
                {"file": name, "missing": missing, "headers": [shown(c.header) for c in assignment.cells]},
            )
        )
    if assignment.repeated:
        landed.findings.append(
            Finding(
                "warning",
                "duplicate_header",
                f"{name}: the headers {', '.join(repr(shown(h)) for h in assignment.repeated)} stand there more than once\n"
                f"The first of each counts; the others "
                f"are kept as columns of their own.",
                len(assignment.repeated),
                {"file": name},
            )
        )
    for header, column, winner in assignment.contested:
        landed.findings.append(
            Finding(
                "warning",
                "contested_header",
                f"{name}: {shown(header)!r} could be {column} too, which {shown(winner)!r} already is\n"
                f"It is kept as a column of its own. Check which of the two "
                f"is meant.",
                1,
                {"file": name, "header": shown(header), "column": column, "winner": winner},
            )
        )


@contextmanager
def _transaction(ws: Workspace, connection: Connection | None) -> Iterator[Connection]:
    if connection is not None:
        yield connection
    else:
        with ws.connect() as own:
            yield own


def _save(ws: Workspace, export_id: str, file_no: int, landed: Landed, connection: Connection | None = None) -> list[Finding]:
    with _transaction(ws, connection) as c:
        c.execute(
            ws.sql(
                "update {log}.file set object = %s, status = %s, encoding = %s, delimiter = %s, header = %s, table_name = %s, records = %s, "
                "non_records = %s, notes = %s "
                "where export_id = %s and file_no = %s"
            ),
            (
                landed.object,
                landed.status,
                landed.encoding,
                landed.delimiter,
                Jsonb(storable(landed.header)),
                landed.table,
                landed.records,
                Jsonb(storable(landed.non_records)),
                Jsonb(storable(landed.notes)),
                export_id,
                file_no,
            ),
        )
    return landed.findings
