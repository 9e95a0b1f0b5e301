"""Attachments of an export: where the content of each row is, and whether it is what the row says.

Content lies beside the tables as a file of the delivery, in the row as base64, or behind an address. Files were hashed when the
export was registered, so that nothing is read again here. ``<p>_clean.attachment_content`` keeps the answer for every good row.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

from psycopg import sql

from crm2odoo.intake.delivery import Delivery, open_delivery
from crm2odoo.intake.errors import NoExport, Rejected
from crm2odoo.intake.fetch import Fetcher, FetchRefused, check_address
from crm2odoo.project import SourceObject
from crm2odoo.staging import Connection, Workspace

HASHES = {32: "md5", 40: "sha1", 64: "sha256"}


class FileOfExport(NamedTuple):
    """A file of the delivery, as it was registered."""

    file_no: int
    name: str
    bytes: int
    sha256: str


class Located(NamedTuple):
    """Where the content of a row is. ``kind``: ``file``, ``base64`` or ``url``; size and sha256 are None for an address."""

    kind: str
    file_no: int | None
    url: str | None
    bytes: int | None
    sha256: str | None


class Unusable(Exception):
    """A row without usable content: its reject code, the column, and the value to show."""

    def __init__(self, code: str, column: str | None, value: str | None) -> None:
        super().__init__(code)
        self.code, self.column, self.value = code, column, value


@dataclass(frozen=True)
class Files:
    """The files of a delivery, to be found by what rows call them."""

    by_name: dict[str, FileOfExport]
    by_folded: dict[str, FileOfExport]

    @classmethod
    def of(cls, files: list[FileOfExport]) -> Files:
        folded: dict[str, FileOfExport] = {}
        for file in files:
            folded.setdefault(file.name.casefold(), file)
        return cls({f.name: f for f in files}, folded)

    def find(self, path: str, table: str) -> FileOfExport | None:
        """The file at ``path``, from the top of the delivery or from the folder of the table that names it."""
        folder = posixpath.dirname(table.split("#")[0])
        for candidate in (path, posixpath.join(folder, path), unquote(path)):
            found = self.by_name.get(candidate) or self.by_folded.get(candidate.casefold())
            if found:
                return found
        return None


_STORE = re.compile(r"vpimg:/*|\\\\|//", re.IGNORECASE)


def in_store(path: str, folder: str | None) -> str:
    """Where the file of a locator into an image store lies, when the delivery has a folder for such files; any other path as it is."""
    match = _STORE.match(path.strip()) if folder else None
    return f"{folder}/{path.strip()[match.end() :]}" if match else path


def safe_path(path: str) -> str:
    """A relative path with ``/`` and without ``.``; raises Unusable for one that leads out of the delivery, and for stores of images."""
    text = path.strip()
    if text.lower().startswith("vpimg:") or text.startswith(("\\\\", "//")):
        raise Unusable("imaging_store", None, text)
    text = text.replace("\\", "/")
    parts = [p for p in text.split("/") if p not in ("", ".")]
    if (
        text.startswith(("/", "~"))
        or re.match(r"[a-zA-Z]:", text)
        or ".." in parts
        or "\0" in text
        or not parts
        or any(".." in unquote(p).split("/") for p in parts)
    ):
        raise Unusable("unsafe_path", None, path)
    return "/".join(parts)


def locate(row: dict[str, Any], spec: SourceObject, files: Files, table: str, hosts: list[str] | None) -> Located:
    """Where the content of a row is. Raises Unusable."""
    columns = spec.attachment
    assert columns is not None

    def cell(name: str | None) -> str:
        return str(row[name] or "") if name else ""

    path, url, content = in_store(cell(columns.path), columns.store), cell(columns.url), cell(columns.content)
    size, checksum = cell(columns.size), cell(columns.checksum).lower()
    url_column = columns.url
    if ("://" in path or re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:", path)) and not path.lower().startswith("vpimg:"):
        # The column of paths holds an address.
        path, url, url_column = "", url or path, columns.url if url else columns.path
    if path:
        try:
            found = files.find(safe_path(path), table)
        except Unusable as error:
            raise Unusable(error.code, columns.path, path) from None
        if found is None:
            raise Unusable("file_missing", columns.path, path)
        if not found.bytes:
            raise Unusable("empty_attachment", columns.path, path)
        located = Located("file", found.file_no, None, found.bytes, found.sha256)
        digests = {"sha256": found.sha256}
    elif content:
        data = from_base64(content)
        if data is None:
            raise Unusable("bad_base64", columns.content, content[:40])
        if not data:
            raise Unusable("empty_attachment", columns.content, None)
        digests = {name: hashlib.new(name, data, usedforsecurity=False).hexdigest() for name in HASHES.values()}
        located = Located("base64", None, None, len(data), digests["sha256"])
    elif url:
        try:
            check_address(url, hosts)
        except FetchRefused:
            raise Unusable("bad_url", url_column, url) from None
        return Located("url", None, url, None, None)
    else:
        raise Unusable("no_content", columns.path, None)
    stated = re.fullmatch(r"(\d+)(?:\.0+)?(?:\s*(?:b|bytes))?", size.strip().replace(",", ""), re.IGNORECASE)
    if stated and int(stated.group(1)) != located.bytes:
        raise Unusable("size_mismatch", columns.size, f"{size} instead of {located.bytes}")
    checksum = re.sub(r"^(sha-?256|sha1|md5)[:=]", "", checksum)
    kind = HASHES.get(len(checksum)) if re.fullmatch(r"[0-9a-f]+", checksum) else None
    if checksum and (kind in digests and digests[str(kind)] != checksum):
        raise Unusable("checksum_mismatch", columns.checksum, checksum)
    return located


def from_base64(text: str) -> bytes | None:
    """The decoded content; None when the text is no base64. A ``data:`` prefix and line ends are allowed."""
    text = re.sub(r"^data:[^,]*;base64,", "", text.strip())
    text = re.sub(r"\s+", "", text).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def allowed_hosts(ws: Workspace) -> list[str] | None:
    """Hosts that addresses may name (decision ``attachment_hosts``, separated by blanks or commas); None when nobody listed any."""
    listed = ws.bundle.project.decisions.get("attachment_hosts")
    return re.split(r"[\s,;]+", str(listed).strip().lower()) if listed else None


def check_attachments(ws: Workspace, connection: Connection, export_id: str, name: str, spec: SourceObject) -> None:
    """Rejects the rows of an object of attachments that have no usable content, and writes down where the others have it.

    A row whose file is optional (the PDF of an invoice) loses only the file, with a warning. Paths are kept as the delivery spells them.
    """
    assert spec.attachment is not None
    files = Files.of(
        [
            FileOfExport(**f)
            for f in connection.execute(
                ws.sql("select file_no, name, bytes, sha256 from {log}.file where export_id = %s and not notes ? 'member_of'"), (export_id,)
            )
        ]
    )
    tables = {f["file_no"]: f["name"] for f in connection.execute(ws.sql("select file_no, name from {log}.file where export_id = %s"), (export_id,))}
    wanted, path_column = spec.attachment.named, spec.attachment.path
    names = {f.file_no: f.name for f in files.by_name.values()}
    hosts = allowed_hosts(ws)
    query = sql.SQL("select _file, _rec, {} from ").format(sql.SQL(", ").join(map(sql.Identifier, wanted))) + ws.sql(
        "{clean}.{name} where _status = 'valid' order by _file, _rec", name=name
    )
    unusable: list[tuple[Any, ...]] = []
    located: list[tuple[Any, ...]] = []
    without: list[tuple[Any, ...]] = []
    paths: list[tuple[Any, ...]] = []
    with connection.cursor("attachments") as cursor:
        cursor.itersize = 200
        for row in cursor.execute(query):
            try:
                found = locate(row, spec, files, tables[row["_file"]], hosts)
            except Unusable as error:
                if spec.attachment.optional and error.code == "no_content":
                    continue
                issue = f"{error.code}\x1f{error.column or ''}\x1f{(error.value or '')[:500]}"
                (without if spec.attachment.optional else unusable).append((issue, row["_file"], row["_rec"]))
                continue
            located.append((name, row["_file"], row["_rec"], *found))
            if found.kind == "file" and path_column and names[found.file_no or 0] != row[path_column]:
                paths.append((names[found.file_no or 0], row["_file"], row["_rec"]))
    with connection.cursor() as write:
        write.executemany(ws.sql("update {clean}.{name} set _status = 'rejected', _reject = %s where _file = %s and _rec = %s", name=name), unusable)
        if path_column:
            write.executemany(ws.sql("update {clean}.{name} set {path} = %s where _file = %s and _rec = %s", name=name, path=path_column), paths)
            statement = "update {clean}.{name} set {path} = null, _warn = array_append(_warn, %s) where _file = %s and _rec = %s"
            write.executemany(ws.sql(statement, name=name, path=path_column), without)
        with write.copy(ws.sql("copy {clean}.attachment_content from stdin")) as copy:
            for line in located:
                copy.write_row(line)


@dataclass
class Contents:
    """The content of attachments, for whoever loads them."""

    ws: Workspace
    delivery: Delivery
    export_id: str
    fetcher: Fetcher

    def read(self, object_name: str, file_no: int, rec: int) -> bytes:
        """The content of one row. Raises NoExport when the row has none, Rejected when it is not what it was, FetchRefused for an address."""
        with self.ws.connect() as connection:
            where = connection.execute(
                self.ws.sql(
                    "select kind, content_file_no, url, sha256 from {clean}.attachment_content where object = %s and file_no = %s and rec = %s"
                ),
                (object_name, file_no, rec),
            ).fetchone()
            if where is None:
                raise NoExport(f"{object_name}, file {file_no}, record {rec} has no content\nLook at the rejects of the cleaning.")
            if where["kind"] == "url":
                return self.fetcher.get(where["url"])
            if where["kind"] == "base64":
                column = self.ws.bundle.source.objects[object_name].attachment.content  # type: ignore[union-attr]
                row = connection.execute(
                    self.ws.sql(
                        "select {column} as content from {clean}.{name} where _file = %s and _rec = %s", column=str(column), name=object_name
                    ),
                    (file_no, rec),
                ).fetchone()
                data = from_base64(row["content"]) if row else None
            else:
                file = connection.execute(
                    self.ws.sql("select name from {log}.file where export_id = %s and file_no = %s"), (self.export_id, where["content_file_no"])
                ).fetchone()
                assert file is not None
                with self.delivery.open(file["name"]) as stream:
                    data = stream.read()
        if data is None or hashlib.sha256(data).hexdigest() != where["sha256"]:
            raise Rejected(
                f"the content of {object_name}, file {file_no}, record {rec} changed after the export was registered\nRegister the delivery again."
            )
        return data


@contextmanager
def open_contents(ws: Workspace, export_id: str, fetcher: Fetcher | None = None) -> Iterator[Contents]:
    """Opens the delivery of an export for reading attachments."""
    with ws.connect() as connection:
        export = connection.execute(ws.sql("select location from {log}.export where export_id = %s"), (export_id,)).fetchone()
    if export is None:
        raise NoExport(f"the export {export_id} is not registered")
    with open_delivery(export["location"]) as delivery:
        yield Contents(ws, delivery, export_id, fetcher or Fetcher(allowed_hosts(ws) or []))
