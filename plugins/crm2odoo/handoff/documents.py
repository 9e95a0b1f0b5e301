"""Documents on disk or on S3, with their hashes, and where they are kept in the ledger."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from crm2odoo.project import Bundle
from crm2odoo.staging import Connection, Workspace

MANIFEST = "manifest.json"
UNMASKED = "unmasked/"


class CannotWrite(RuntimeError):
    """The place for documents cannot be written. The message says which, and why."""


@dataclass(frozen=True)
class Document:
    """A written document. ``location``: path, or s3:// address."""

    name: str
    location: str
    sha256: str
    bytes: int
    title: str = ""
    masked: bool = True

    @property
    def kind(self) -> str:
        """``report``, ``scope``, ``phase_03_company``: the name without folder and ending."""
        return self.name.rpartition("/")[2].partition(".")[0]

    @property
    def format(self) -> str:
        return self.name.rpartition(".")[2]


class Content(NamedTuple):
    """A document to be written. ``title``: what people call it."""

    name: str
    content: bytes
    title: str = ""


def as_json(value: Any) -> bytes:
    """JSON for machines and for people's eyes: sorted, indented, UTF-8. Counts are numbers; amounts are text, so that no cent is rounded."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    whole = isinstance(value, Decimal) and value == value.to_integral_value() and value.as_tuple().exponent == 0
    return int(value) if whole else str(value)


def documents_folder(bundle: Bundle) -> str:
    """Where the documents of a project go; relative paths start at $CRM2ODOO_DOCUMENTS, else at the folder that holds mappings/."""
    told = bundle.project.documents
    return told if "://" in told else str(Path(os.environ.get("CRM2ODOO_DOCUMENTS") or bundle.root) / told)


def write(
    ws: Workspace, run_id: str, folder: str | Path, contents: Iterable[Content | tuple[str, bytes]], unmasked: bool = False
) -> list[Document]:
    """Writes documents to ``<folder>/<project>/<run>``, then the manifest over all that the run has there, and registers each.

    ``folder``: a path or an s3:// prefix. ``unmasked``: into a folder of that name, with a manifest of its own. Safe to repeat: a document
    that is written again replaces the earlier one; one that somebody signed is kept beside it as ``signed/…``. Raises CannotWrite.
    """
    place = f"{str(folder).rstrip('/')}/{ws.bundle.project.project}/{run_id}"
    inside = UNMASKED if unmasked else ""
    documents: list[Document] = []
    with ws.connect() as connection:
        before = {d.name: d for d in registered(ws, connection, run_id) if d.location == f"{place}/{d.name}"}
        signed = {row["hash"] for row in connection.execute(ws.sql("select distinct hash from {log}.approval"))}
        for told in contents:
            content = told if isinstance(told, Content) else Content(*told)
            name, digest = inside + content.name, hashlib.sha256(content.content).hexdigest()
            documents += _kept_if_signed(place, before.get(name), digest, signed)
            documents.append(_put(place, name, content.content, content.title, not unmasked))
        every = {d.name: d for d in [*before.values(), *documents] if d.masked != unmasked and not d.name.endswith(MANIFEST)}
        files = [{"name": d.name, "sha256": d.sha256, "bytes": d.bytes} for _, d in sorted(every.items())]
        manifest = as_json({"project": ws.bundle.project.project, "run": run_id, "documents": files})
        documents.append(_put(place, inside + MANIFEST, manifest, "Manifest", not unmasked))
        with connection.cursor() as cursor:
            cursor.executemany(
                ws.sql(
                    "insert into {log}.document (run_id, name, location, sha256, bytes, kind, format, title, masked)"
                    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
                    " on conflict (run_id, name) do update set location = excluded.location, sha256 = excluded.sha256, bytes = excluded.bytes,"
                    " kind = excluded.kind, format = excluded.format, title = excluded.title, masked = excluded.masked, created_at = now()"
                ),
                [(run_id, d.name, d.location, d.sha256, d.bytes, d.kind, d.format, d.title, d.masked) for d in documents],
            )
    return documents


def read(document: Document) -> bytes:
    """The content of a document, wherever it is."""
    if not document.location.startswith("s3://"):
        return Path(document.location).read_bytes()
    bucket, key = _address(document.location)
    content: bytes = _s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def registered(ws: Workspace, connection: Connection, run_id: str) -> list[Document]:
    """What the ledger knows of a run's documents, by name."""
    rows = connection.execute(
        ws.sql("select name, location, sha256, bytes, title, masked from {log}.document where run_id = %s order by name"), (run_id,)
    )
    return [Document(r["name"], r["location"], r["sha256"], r["bytes"], r["title"], r["masked"]) for r in rows]


def _kept_if_signed(place: str, old: Document | None, new_sha256: str, signed: set[str]) -> list[Document]:
    """A document that somebody signed must stay readable as it was signed, whatever is made later."""
    if old is None or old.sha256 == new_sha256 or old.sha256 not in signed:
        return []
    folder, _, name = old.name.rpartition("/")
    kept = "/".join(part for part in (folder, "signed", f"{old.sha256[:12]}-{name}") if part)
    return [_put(place, kept, read(old), f"{old.title}, as signed", old.masked)]


def _put(place: str, name: str, content: bytes, title: str, masked: bool) -> Document:
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
    return Document(name, location, hashlib.sha256(content).hexdigest(), len(content), title, masked)


def _address(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key


def _s3() -> Any:
    # Only projects that keep documents on S3 need boto3. Credentials: as boto3 finds them.
    import boto3

    return boto3.client("s3")
