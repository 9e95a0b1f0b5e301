"""Documents on disk or on S3, with their hashes, and where they are kept in the ledger."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm2odoo.project import Bundle
from crm2odoo.staging import Connection, Workspace

MANIFEST = "manifest.json"


class CannotWrite(RuntimeError):
    """The place for documents cannot be written. The message says which, and why."""


@dataclass(frozen=True)
class Document:
    """A written document. ``location``: path, or s3:// address."""

    name: str
    location: str
    sha256: str
    bytes: int


def as_json(value: Any) -> bytes:
    """JSON for machines and for people's eyes: sorted, indented, UTF-8."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n").encode()


def documents_folder(bundle: Bundle) -> str:
    """Where the documents of a project go; relative paths start at $CRM2ODOO_DOCUMENTS, else at the folder that holds mappings/."""
    told = bundle.project.documents
    return told if "://" in told else str(Path(os.environ.get("CRM2ODOO_DOCUMENTS") or bundle.root) / told)


def write(ws: Workspace, run_id: str, folder: str | Path, contents: Iterable[tuple[str, bytes]]) -> list[Document]:
    """Writes documents to ``<folder>/<project>/<run>``, then the manifest over all that the run has there, and registers each.

    ``folder``: a path or an s3:// prefix. Safe to repeat: a document that is written again replaces the earlier one. Raises CannotWrite.
    """
    place = f"{str(folder).rstrip('/')}/{ws.bundle.project.project}/{run_id}"
    documents = [_put(place, name, content) for name, content in contents]
    with ws.connect() as connection:
        every = {d.name: d for d in [*_registered(ws, connection, run_id, place), *documents] if d.name != MANIFEST}
        files = [{"name": d.name, "sha256": d.sha256, "bytes": d.bytes} for _, d in sorted(every.items())]
        documents.append(_put(place, MANIFEST, as_json({"project": ws.bundle.project.project, "run": run_id, "documents": files})))
        with connection.cursor() as cursor:
            cursor.executemany(
                ws.sql(
                    "insert into {log}.document (run_id, name, location, sha256, bytes) values (%s, %s, %s, %s, %s)"
                    " on conflict (run_id, name) do update set location = excluded.location, sha256 = excluded.sha256,"
                    " bytes = excluded.bytes, created_at = now()"
                ),
                [(run_id, d.name, d.location, d.sha256, d.bytes) for d in documents],
            )
    return documents


def read(document: Document) -> bytes:
    """The content of a document, wherever it is."""
    if not document.location.startswith("s3://"):
        return Path(document.location).read_bytes()
    bucket, key = _address(document.location)
    content: bytes = _s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def _registered(ws: Workspace, connection: Connection, run_id: str, place: str) -> list[Document]:
    """What earlier calls wrote to the same place."""
    rows = connection.execute(ws.sql("select name, location, sha256, bytes from {log}.document where run_id = %s"), (run_id,))
    return [Document(r["name"], r["location"], r["sha256"], r["bytes"]) for r in rows if r["location"] == f"{place}/{r['name']}"]


def _put(place: str, name: str, content: bytes) -> Document:
    location = f"{place}/{name}"
    try:
        if location.startswith("s3://"):
            bucket, key = _address(location)
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            _s3().put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind)
        else:
            path = Path(location)
            path.parent.mkdir(parents=True, exist_ok=True)
            # A reader never sees half a document.
            part = path.with_suffix(path.suffix + ".part")
            part.write_bytes(content)
            part.replace(path)
    except Exception as error:
        raise CannotWrite(
            f"cannot write {location}: {error}\nCheck `documents` in the project file, and that the workers may write there."
        ) from error
    return Document(name, location, hashlib.sha256(content).hexdigest(), len(content))


def _address(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key


def _s3() -> Any:
    # Only projects that keep documents on S3 need boto3. Credentials: as boto3 finds them.
    import boto3

    return boto3.client("s3")
