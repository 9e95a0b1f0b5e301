"""Traps of the source product, with who sees to each and by when: what a scope must say before somebody cancels something too early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crm2odoo.project import Bundle
from crm2odoo.staging.findings import Finding


@dataclass(frozen=True)
class OpenCaution:
    """One trap. ``owner``: a name, or a role as long as the project names nobody; ``due``: a day as 2026-11-30, or words."""

    name: str
    what: str
    do: str
    owner: str
    due: str
    named: bool
    settled: str | None


def cautions(bundle: Bundle) -> list[OpenCaution]:
    """Every caution of the source, as the project file answers it; the earliest day first, those without a day last."""
    found = []
    for name, caution in bundle.source.cautions.items():
        seen = bundle.project.cautions.get(name)
        owner, due = (seen.owner, seen.due.isoformat()) if seen else (caution.owner, caution.due)
        found.append(OpenCaution(name, caution.what, caution.do, owner, due, seen is not None, seen.settled if seen else None))
    return sorted(found, key=lambda c: (not c.named, c.due if c.named else ""))


def caution_findings(bundle: Bundle) -> Iterator[Finding]:
    """One line for each trap that nobody has settled."""
    for caution in cautions(bundle):
        if caution.settled:
            continue
        who = f"{caution.owner}, by {caution.due}" if caution.named else f"{caution.owner}, {caution.due}: the project names nobody and no day yet"
        title = f"{caution.what}\n{caution.do} ({who}). Write it into the project file: cautions.{caution.name}"
        yield Finding("info", "caution", title, None, {"caution": caution.name})
