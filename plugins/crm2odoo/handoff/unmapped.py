"""Columns of the export that hold values and that no line of the mapping takes: nobody may sign a scope without seeing them."""

from __future__ import annotations

from crm2odoo.handoff.facts import collect
from crm2odoo.handoff.papers.mapping import ColumnFate, column_fates
from crm2odoo.staging import Workspace
from crm2odoo.staging.findings import Finding, replace_findings

STEP = "handoff.columns"


def note_unmapped(ws: Workspace, run_id: str) -> list[ColumnFate]:
    """Keeps a finding for each object that has such columns; replaces those of an earlier look at the same export. Returns the columns."""
    facts = collect(ws, run_id, everything=True)
    lost = [f for f in column_fates(ws.bundle, facts) if f.fate == "unmapped" and f.filled]
    by_object: dict[str, list[ColumnFate]] = {}
    for fate in lost:
        by_object.setdefault(fate.object, []).append(fate)
    findings = []
    for name, columns in by_object.items():
        listed = ", ".join(f"{c.header} ({c.filled})" for c in columns)
        advice = (
            f"Who signs the scope agrees that {'it stays' if len(columns) == 1 else 'they stay'} behind. To keep one, add a line to `map` in"
            f" mappings/projects/{ws.bundle.project.project}.yaml and run discover again."
        )
        title = f"{ws.bundle.source.objects[name].title}: filled columns without a place in Odoo, with their values: {listed}"
        evidence = {"advice": advice, "columns": {c.header: c.filled for c in columns}}
        findings.append(Finding("warning", "unmapped_column", title, sum(c.filled for c in columns), evidence))
    with ws.connect() as connection:
        replace_findings(ws, connection, facts.run["export_id"], STEP, findings)
    return lost
