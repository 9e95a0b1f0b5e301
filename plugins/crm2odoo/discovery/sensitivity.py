"""Columns that look as if they held data of people which nobody has declared: proposals for the privacy part of the project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from crm2odoo.intake.headers import words
from crm2odoo.project import OWN_ROOT
from crm2odoo.project.source_file import Sensitivity
from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.findings import Finding, replace_findings

STEP = "sensitivity"
LOOKED_AT = 2000
"""Distinct values per column whose form is looked at."""
SHARE = 0.5
"""Share of the values that must have a form before the form counts."""


@dataclass(frozen=True)
class Suspicion:
    """A column that is more sensitive than declared. ``because``: in words, without a value."""

    object: str
    column: str
    header: str
    sensitivity: Sensitivity
    because: str
    values: int


def propose_sensitivity(ws: Workspace, export_id: str) -> list[Suspicion]:
    """Looks at headers and at the form of values of every column that the project simply keeps. Writes one finding for each suspicion.

    Safe to repeat. No value leaves the database but for its form being checked, and none is kept.
    """
    with ws.connect() as connection:
        found = list(_suspicions(ws, connection, export_id))
        replace_findings(ws, connection, export_id, STEP, [_finding(ws, s) for s in found])
    return found


def by_header(header: str) -> tuple[Sensitivity, str] | None:
    """The class that a header suggests, and the words that do; None when it suggests nothing."""
    own = words(header)
    for sensitivity, phrases in _phrases().items():
        for phrase in phrases:
            if any(own[i : i + len(phrase)] == phrase for i in range(len(own) - len(phrase) + 1)):
                return sensitivity, " ".join(phrase)
    return None


def by_values(values: Iterable[str]) -> str | None:
    """What most of the values are in the form of: payment card, IBAN, or US social security number."""
    values = [v for v in values if v]
    for name, matches in (("payment cards", _is_card), ("IBANs", _is_iban), ("US social security numbers", _is_ssn)):
        if values and sum(map(matches, values)) >= max(3, SHARE * len(values)):
            return name
    return None


def _suspicions(ws: Workspace, connection: Connection, export_id: str) -> Iterator[Suspicion]:
    privacy, source = ws.bundle.project.privacy, ws.bundle.source
    rows = connection.execute(
        ws.sql("select object, header from {log}.file where export_id = %s and object is not null and table_name is not null order by file_no"),
        (export_id,),
    ).fetchall()
    seen: set[tuple[str, str]] = set()
    for row in rows:
        for cell in row["header"]:
            name, column = row["object"], cell["column"]
            if column is None or (name, column) in seen:
                continue
            seen.add((name, column))
            known = source.objects[name].columns.get(column)
            decided = column in privacy.columns.get(name, {})
            if decided or (known and known.sensitivity != "open") or privacy.treatment(source, name, column) != "keep":
                continue
            values = _values(ws, connection, name, column)
            named, formed = by_header(cell["header"]), by_values(values)
            if formed:
                yield Suspicion(name, column, cell["header"], "secret", f"most of its values have the form of {formed}", len(values))
            elif named:
                yield Suspicion(name, column, cell["header"], named[0], f"its header says {named[1]!r}", len(values))


def _values(ws: Workspace, connection: Connection, name: str, column: str) -> list[str]:
    there = connection.execute(
        "select 1 from information_schema.columns where table_schema = %s and table_name = %s and column_name = %s",
        (f"{ws.bundle.project.project}_clean", name, column),
    ).fetchone()
    if there is None:
        return []
    query = "select distinct {column}::text as value from {clean}.{object} where {column} is not null order by 1 limit %s"
    return [r["value"] for r in connection.execute(ws.sql(query, column=column, object=name), (LOOKED_AT,))]


def _finding(ws: Workspace, s: Suspicion) -> Finding:
    project = ws.bundle.project
    how = f"privacy: {{columns: {{{s.object}: {{{s.column}: exclude}}}}}}"
    title = (
        f"{s.object}: {s.header!r} looks like {s.sensitivity} data: {s.because}\n"
        f"Decide in mappings/projects/{project.project}.yaml: `{how}`, or encrypt, or keep."
    )
    return Finding("warning", "sensitive_column", title, s.values, {"object": s.object, "column": s.column, "sensitivity": s.sensitivity})


@lru_cache(maxsize=1)
def _phrases() -> dict[Sensitivity, list[tuple[str, ...]]]:
    text = (Path(OWN_ROOT) / "mappings" / "sensitivity.yaml").read_text(encoding="utf-8")
    return {sensitivity: [words(phrase) for phrase in phrases] for sensitivity, phrases in yaml.safe_load(text).items()}


def _is_card(value: str) -> bool:
    digits = re.sub(r"[ -]", "", value)
    if not re.fullmatch(r"[3-6]\d{12,18}", digits):
        return False
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _is_iban(value: str) -> bool:
    text = value.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def _is_ssn(value: str) -> bool:
    return re.fullmatch(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}", value) is not None
