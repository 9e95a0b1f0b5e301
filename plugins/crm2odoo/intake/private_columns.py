"""Columns that are excluded or encrypted: their values are gone or sealed before the first of them reaches the database."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from crm2odoo.intake.scan import Defect, Scan
from crm2odoo.intake.sealed_cells import cleaned
from crm2odoo.project import Column
from crm2odoo.project.privacy import Treatment
from crm2odoo.staging import Workspace
from crm2odoo.staging.findings import Finding

NUMBERS_BEFORE = 2
"""``rec`` and ``line`` stand before the cells of a row."""


@dataclass
class Private:
    """A column that is not simply kept. ``values``: how many cells of the file held something."""

    column: str
    treatment: Treatment
    known: Column | None = None
    values: int = 0


def private_columns(ws: Workspace, object_name: str, columns: list[str]) -> dict[int, Private]:
    """The columns of a file that are excluded or encrypted, by their place (0-based)."""
    privacy = ws.bundle.project.privacy
    source = ws.bundle.source
    known = source.objects[object_name].columns
    chosen = {i: Private(c, privacy.treatment(source, object_name, c), known.get(c)) for i, c in enumerate(columns)}
    return {i: c for i, c in chosen.items() if c.treatment != "keep"}


def protected(ws: Workspace, rows: Iterator[bytes], delimiter: str, chosen: dict[int, Private], scan: Scan) -> Iterator[bytes]:
    """The same rows with the cells of ``chosen`` columns emptied or sealed, and nothing quoted from records that could not be split.

    ``rows``: blocks of whole records as COPY reads them. ``chosen`` counts along. Costs about 1 µs a cell, and nothing when no column is
    chosen.
    """
    if not chosen:
        yield from rows
        return
    for block in rows:
        text = io.StringIO(block.decode(), newline="")
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        for cells in csv.reader(text, delimiter=delimiter):
            for place, private in chosen.items():
                cell = cells[place + NUMBERS_BEFORE].strip()
                if cell:
                    private.values += 1
                    # A token cannot be cleaned any more.
                    clean = "" if private.treatment == "exclude" else cleaned(cell, private.known, ws.bundle.formats)
                    cells[place + NUMBERS_BEFORE] = ws.vault.seal(clean) if clean else ""
            writer.writerow(cells)
        hide_texts(scan)
        yield out.getvalue().encode()
    hide_texts(scan)


def tell(name: str, chosen: dict[int, Private]) -> list[Finding]:
    """What a person signs: which columns of a file do not migrate in the open, and how many values that is."""
    if not chosen:
        return []
    listed = ", ".join(f"{p.column} ({p.treatment}d, {p.values:,} values)".replace("encryptd", "encrypted") for p in chosen.values())
    advice = "Excluded values are nowhere in the database and not in Odoo. `privacy: {columns: …}` in the project file decides."
    evidence = {"file": name, "columns": {p.column: {"treatment": p.treatment, "values": p.values} for p in chosen.values()}}
    excluded = sum(p.values for p in chosen.values() if p.treatment == "exclude")
    return [Finding("warning" if excluded else "info", "private_columns", f"{name}: {listed}\n{advice}", excluded, evidence)]


def hide_texts(scan: Scan) -> None:
    """A record that could not be split may hold anything: only its length is kept."""
    scan.defects[:] = [d if d.value is None else Defect(d.rec, d.line, d.column, d.code, _hidden(d.value), d.fatal) for d in scan.defects]
    scan.non_records[:] = [(line, kind, _hidden(text)) for line, kind, text in scan.non_records]


def _hidden(text: str) -> str:
    return text if text.startswith("hidden (") or text.isdecimal() else f"hidden ({len(text)} characters)"
