"""What most differences of a kind have in common: a file, a stage, an owner, a month, a shift, a length."""

from __future__ import annotations

from dataclasses import dataclass

from crm2odoo.staging import Workspace

MOST = 0.8
"""Share of the differences that must agree before it is called their common point."""


@dataclass(frozen=True)
class Cause:
    """A common point of the differences of one field and kind. ``usual``: share of all loaded records that have it."""

    entity: str
    field: str
    kind: str
    cells: int
    points: list[tuple[str, str, float, float | None]]
    """(dimension, value, share among the differences, share among all records)"""

    def __str__(self) -> str:
        if not self.points:
            return ""
        share = min(p[2] for p in self.points)
        return f"{share:.0%} of them: " + ", ".join(f"{dimension} {value}" for dimension, value, _, _ in self.points) + "."


def causes_of(ws: Workspace, run_id: str) -> list[Cause]:
    """One Cause for each field and kind of a run's differences that have something in common, most cells first.

    A point counts when at least four fifths of the differences share it and it is clearly rarer among all records: that every lead
    comes from the only file there is explains nothing.
    """
    with ws.connect() as connection:
        there = connection.execute("select to_regclass(%s) is not null as there", (f'{ws.schemas["target"]}."plan"',)).fetchone()
        if not there or not there["there"]:
            return []
        (statement,) = ws.statements("reconcile/attribution.sql.j2", run_id=run_id, most=MOST)
        rows = connection.execute(statement.encode()).fetchall()
    causes: dict[tuple[str, str, str], Cause] = {}
    for row in rows:
        key = (row["entity"], row["field"], row["kind"])
        cause = causes.setdefault(key, Cause(*key, cells=row["cells"], points=[]))
        cause.points.append((row["dimension"], row["value"], float(row["share"]), None if row["usual"] is None else float(row["usual"])))
    return sorted(causes.values(), key=lambda c: (-c.cells, c.entity, c.field, c.kind))


def attribute(ws: Workspace, run_id: str) -> list[str]:
    """The causes as sentences, for a task's log."""
    return [f"{c.entity}.{c.field}, {c.kind}, {c.cells} values: {c}" for c in causes_of(ws, run_id)]
