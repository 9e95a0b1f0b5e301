"""The evidence bundle: one archive that proves, years later and without this program, what a run did."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crm2odoo.handoff.documents import Document, as_json, read
from crm2odoo.staging import Connection, Workspace

START = "0" * 64
"""What the first write of a chain names as the one before."""
TIME = (1980, 1, 1, 0, 0, 0)
"""One time for every member, so that the same evidence is the same archive."""

README = """Evidence of the run {run} of the migration {project}.

To check it, unpack the archive and run:  python3 verify.py
It needs Python 3 and nothing else. It reads manifest.json, computes the sha256 of every file again, and follows the chain of writes.

Who can change a file can write a new manifest.json, too. So compare the archive with what was noted elsewhere:
    python3 verify.py evidence.zip SHA256
SHA256 is the archive's own, from manifest.json in the folder of the run's documents, or from the table {project}_log.document of the
staging database. Best is a verify.py that did not come with the archive.
"""

TABLES = {
    "run": "select * from {log}.run where run_id = %(run)s",
    "target": "select target_id, url, database, kind, version, edition, hosting from {log}.target where target_id = %(target)s",
    "export": "select * from {log}.export where export_id = %(export)s",
    "file": "select export_id, file_no, name, sha256, bytes, object, status, records from {log}.file where export_id = %(export)s order by file_no",
    "raw_count": "select * from {log}.raw_count where export_id = %(export)s order by file_no",
    "plan": "select * from {log}.plan where export_id = %(export)s and target_id = %(target)s order by plan_id",
    "approval": "select * from {log}.approval order by approval_id",
    "decision": "select * from {log}.decision order by decision_id",
    "reconciliation": "select * from {log}.reconciliation where run_id = %(run)s order by reconciliation_id",
    "cell_count": "select * from {log}.cell_count where run_id = %(run)s order by entity, field",
    "disposition": "select * from {log}.disposition where export_id = %(export)s and target_id = %(target)s order by object, file_no, rec",
}
LEDGER = (
    "select e.entry_id, e.batch_id, e.entity, e.model, e.xid, e.res_id, e.action, e.hash, e.at from {log}.entry as e"
    " where e.run_id = %(run)s and e.target_id = %(target)s order by e.entry_id"
)


def evidence_bundle(ws: Workspace, run_id: str, documents: list[Document]) -> bytes:
    """A zip with the run's documents, its records from the ledger, the chained list of every write to Odoo, and a verifier.

    Values of the customer's records are not in it, only their hashes. The same stored data gives the same bytes. Memory: the archive.
    """
    members: dict[str, bytes] = {f"documents/{d.name}": read(d) for d in documents}
    with ws.connect() as connection:
        connection.execute("set transaction isolation level repeatable read read only")
        row = connection.execute(ws.sql("select export_id, target_id from {log}.run where run_id = %s"), (run_id,)).fetchone()
        about = {"run": run_id, "export": row["export_id"] if row else None, "target": row["target_id"] if row else None}
        for name, query in TABLES.items():
            members[f"ledger/{name}.jsonl"] = b"".join(_lines(ws, connection, query, about))
        writes = list(chained(_rows(ws, connection, LEDGER, about)))
    return sealed(run_id, ws.bundle.project.project, members, writes)


def sealed(run_id: str, project: str, members: dict[str, bytes], writes: list[bytes]) -> bytes:
    """The archive: ``members`` by their path, ``writes`` as ``chained`` gives them, the verifier, and the manifest over all of it."""
    verifier = (Path(__file__).parent / "verify_evidence.py").read_bytes()
    readme = README.format(run=run_id, project=project).encode()
    everything = members | {"ledger/writes.jsonl": b"".join(writes), "verify.py": verifier, "README.txt": readme}
    manifest = {
        "run": run_id,
        "project": project,
        "writes": {"count": len(writes), "head": json.loads(writes[-1])["sha256"] if writes else START},
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(everything.items())},
    }
    everything["manifest.json"] = as_json(manifest)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(everything.items()):
            archive.writestr(zipfile.ZipInfo(name, TIME), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def chained(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """One JSON line for each write; each carries the hash of the one before, so that none can be changed, left out or moved unseen."""
    previous = START
    for row in rows:
        body = json.dumps({**row, "previous": previous}, sort_keys=True, ensure_ascii=False, default=str)
        previous = hashlib.sha256(body.encode()).hexdigest()
        yield (json.dumps({"write": json.loads(body), "sha256": previous}, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _rows(ws: Workspace, connection: Connection, query: str, about: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with connection.cursor(name="evidence") as cursor:
        cursor.execute(ws.sql(query), about)
        yield from cursor


def _lines(ws: Workspace, connection: Connection, query: str, about: dict[str, Any]) -> Iterator[bytes]:
    for row in _rows(ws, connection, query, about):
        yield (json.dumps(row, sort_keys=True, ensure_ascii=False, default=str) + "\n").encode()
