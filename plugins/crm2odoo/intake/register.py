"""An export gets its identity: the hash of its files."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
import zlib
from pathlib import Path

from crm2odoo.intake.delivery import Limits, open_delivery
from crm2odoo.intake.errors import ExportChanged, HostileArchive
from crm2odoo.staging import Workspace

BLOCK = 1 << 20


def register(ws: Workspace, location: str | Path, limits: Limits | None = None) -> str:
    """Hashes every file at ``location`` and returns the export's id. The same delivery gets the same id, and nothing is written again.

    ``location``: folder, zip, tar.gz, single file, or ``s3://bucket/prefix``. Raises NoExport or HostileArchive; then nothing was written.
    """
    files: list[tuple[str, str, int]] = []
    with open_delivery(location, limits) as delivery:
        for entry in delivery.files:
            digest, size = hashlib.sha256(), 0
            try:
                with delivery.open(entry.name) as stream:
                    while block := stream.read(BLOCK):
                        digest.update(block)
                        size += len(block)
            except (zipfile.BadZipFile, zlib.error, tarfile.TarError, EOFError) as error:
                raise HostileArchive(f"{location}: {entry.name} is damaged: {error}\nAsk for the export again.") from None
            if size != entry.size and delivery.live:
                raise ExportChanged(
                    f"{location}: {entry.name} had {entry.size:,} bytes when it was listed, and {size:,} when it was read: "
                    f"somebody still writes to it\nWait until the delivery is complete, then start again."
                )
            if size != entry.size:
                raise HostileArchive(f"{location}: {entry.name} has {size:,} bytes, its entry says {entry.size:,}\nAsk for the export again.")
            files.append((entry.name, digest.hexdigest(), size))
    whole = hashlib.sha256("".join(f"{name}\0{sha}\n" for name, sha, _ in sorted(files)).encode("utf-8", "surrogatepass")).hexdigest()
    export_id = whole[:16]
    with ws.connect() as connection:
        # The place may be a new one; the content is the same by its hash.
        connection.execute(
            ws.sql(
                "insert into {log}.export (export_id, sha256, location, files, bytes) values (%s, %s, %s, %s, %s) "
                "on conflict (export_id) do update set location = excluded.location"
            ),
            (export_id, whole, str(location), len(files), sum(size for _, _, size in files)),
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                ws.sql("insert into {log}.file (export_id, file_no, name, sha256, bytes) values (%s, %s, %s, %s, %s) on conflict do nothing"),
                [(export_id, number, name, sha, size) for number, (name, sha, size) in enumerate(files, 1)],
            )
    return export_id
