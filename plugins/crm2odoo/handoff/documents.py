"""Documents on disk, with their hashes, and where they are kept in the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm2odoo.staging import Workspace

MANIFEST = "manifest.json"


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


def write(ws: Workspace, run_id: str, folder: str | Path, contents: Iterable[tuple[str, bytes]]) -> list[Document]:
    """Writes documents below ``folder/<run>``, then the manifest over all that the run has there, and registers each; safe to repeat.

    A document that is written again replaces the earlier one. Raises OSError when the folder cannot be written.
    """
    place = Path(folder) / ws.bundle.project.project / run_id
    place.mkdir(parents=True, exist_ok=True)
    documents = [_put(place, name, content) for name, content in contents]
    with ws.connect() as connection:
        earlier = {
            row["name"]: Document(row["name"], row["location"], row["sha256"], row["bytes"])
            for row in connection.execute(ws.sql("select name, location, sha256, bytes from {log}.document where run_id = %s"), (run_id,))
        }
    every = {d.name: d for d in [*earlier.values(), *documents] if d.name != MANIFEST}
    listing = {"project": ws.bundle.project.project, "run": run_id, "documents": [{"name": d.name, "sha256": d.sha256, "bytes": d.bytes} for _, d in sorted(every.items())]}
    documents.append(_put(place, MANIFEST, as_json(listing)))
    with ws.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            ws.sql("insert into {log}.document (run_id, name, location, sha256, bytes) values (%s, %s, %s, %s, %s) on conflict (run_id, name) do update set"
                   " location = excluded.location, sha256 = excluded.sha256, bytes = excluded.bytes, created_at = now()"),
            [(run_id, d.name, d.location, d.sha256, d.bytes) for d in documents],
        )
    return documents


def _put(place: Path, name: str, content: bytes) -> Document:
    path = place / name
    # A reader never sees half a document.
    part = path.with_suffix(path.suffix + ".part")
    part.write_bytes(content)
    part.replace(path)
    return Document(name, str(path), hashlib.sha256(content).hexdigest(), len(content))
