"""Reports and papers to look at and to take away. Only what the ledger lists, only from the project's own place, and only as it was written."""

from __future__ import annotations

import hashlib
import mimetypes
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response

from crm2odoo.airflow.console import show
from crm2odoo.airflow.console.desk import Desk, ReadDesk
from crm2odoo.handoff.documents import Document, documents_folder, read

router = APIRouter()

# A page of ours that is opened as it is: it may style itself and show its own pictures, and nothing else.
INERT = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
ENDINGS = ("html", "pdf", "docx", "xlsx", "csv", "zip", "json")
FIRST = ("report", "scope", "handoff", "reconciliation", "diff", "not_loaded", "differences", "checks", "spot_check", "delta", "mapping", "fields",
         "decisions", "owners", "completeness", "cleansing", "set-up-checklist")  # fmt: skip
SHOWN = {".html": "text/html; charset=utf-8", ".pdf": "application/pdf", ".json": "text/plain; charset=utf-8", ".md": "text/plain; charset=utf-8"}


@router.get("/p/{project}/documents")
def documents(request: Request, desk: ReadDesk) -> Response:
    """All documents, run by run."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for d in listed(desk):
        runs.setdefault(d["run_id"], []).append(d)
    return show.page(request, "documents.html.j2", desk, tab="documents", runs=[(key, found, papers(found)) for key, found in runs.items()])


@router.get("/p/{project}/documents/{run}/{name:path}")
def document(desk: ReadDesk, run: str, name: str, look: bool = False) -> Response:
    """One document to save; with ``look``, to look at where browsers can."""
    found = next((d for d in listed(desk, run) if d["name"] == name), None)
    if found is None:
        raise HTTPException(404, "There is no such document.")
    content = content_of(desk, Document(found["name"], found["location"], found["sha256"], found["bytes"]))
    suffix = Path(name).suffix
    if look and suffix in SHOWN:
        return Response(content, media_type=SHOWN[suffix], headers={"Content-Security-Policy": INERT})
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(content, media_type=kind, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(Path(name).name)}"})


@dataclass(frozen=True)
class Paper:
    """A document in all its formats, the one to look at first. ``kind``: its name without folder and ending."""

    title: str
    kind: str
    masked: bool
    formats: list[dict[str, Any]]

    @property
    def look(self) -> dict[str, Any] | None:
        """The format to look at in a browser."""
        return next((f for f in self.formats if f["shown"] and f["ending"] in ("html", "pdf")), None)


def papers(found: Iterable[dict[str, Any]]) -> dict[str, list[Paper]]:
    """The documents of a run, one line each: ``main`` in the order in which people ask for them, and ``phases``."""
    together: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for d in found:
        folder, _, name = d["name"].rpartition("/")
        stem, _, ending = name.rpartition(".")
        together.setdefault((folder, stem), []).append({**d, "ending": ending, "shown": f".{ending}" in SHOWN})
    result: dict[str, list[Paper]] = {"main": [], "phases": []}
    for (folder, stem), formats in together.items():
        formats.sort(key=lambda f: _place(ENDINGS, f["ending"]))
        paper = Paper(formats[0]["title"] or formats[0]["name"], stem, formats[0]["masked"] and not folder, formats)
        result["phases" if stem.startswith("phase_") else "main"].append(paper)
    result["main"].sort(key=lambda p: (_place(FIRST, p.kind), p.title, p.formats[0]["name"]))
    result["phases"].sort(key=lambda p: p.formats[0]["name"])
    return result


def _place(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)


def listed(desk: Desk, run: str | None = None) -> list[dict[str, Any]]:
    """What the ledger lists, of one run or of all. Documents with every value readable are there only for people who may edit."""
    return desk.rows("documents", {"run": run, "unmasked": desk.may_edit})


def content_of(desk: Desk, document: Document) -> bytes:
    """The bytes of a document. Raises HTTPException when its place is not the project's, or when it is not as it was written."""
    place = f"{documents_folder(desk.bundle)}/{desk.project}"
    if not within(document.location, place):
        raise HTTPException(403, f"The document {document.name} is not kept where this project keeps its documents, so the console does not open it.")
    try:
        content = read(document)
    except FileNotFoundError:
        raise HTTPException(404, f"The document {document.name} is no longer at its place. Make it again with the DAG of its run.") from None
    except OSError as error:
        raise HTTPException(503, f"The document {document.name} cannot be read by the api-server: {error.strerror or error}.") from None
    if hashlib.sha256(content).hexdigest() != document.sha256:
        changed = f"The document {document.name} was changed after it was written: its hash differs from the ledger's."
        raise HTTPException(409, f"{changed} It is not shown.")
    return content


def within(location: str, place: str) -> bool:
    """Whether a location lies below a folder or an s3:// prefix, links and dots resolved."""
    if place.startswith("s3://"):
        return location.startswith("s3://") and posixpath.normpath(location[5:]).startswith(posixpath.normpath(place[5:]) + "/")
    return "://" not in location and Path(location).resolve().is_relative_to(Path(place).resolve())
