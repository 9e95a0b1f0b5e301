"""What is different since the last run of the same kind: the difference between two samples, after somebody adjusted the mapping."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm2odoo.ledger.plan import get_plan
from crm2odoo.staging import Workspace

EXAMPLES = 3


@dataclass(frozen=True)
class Since:
    """``before``: the run compared with, ``at``: its start in UTC; ``lines``: what is different, as sentences; none when nothing is."""

    before: str
    at: datetime
    lines: list[str]


def keep(ws: Workspace, run_id: str, plan_id: int) -> None:
    """Notes the figures of a run, after its dispositions are settled and its records compared. Repeating it replaces them."""
    plan = get_plan(ws, plan_id)
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql(
                "select object, disposition, count(*) as n from {log}.disposition where export_id = %s and target_id = %s group by 1, 2 order by 1, 2"
            ),
            (plan.export_id, plan.target_id),
        ).fetchall()
        dispositions: dict[str, dict[str, int]] = {}
        for r in rows:
            dispositions.setdefault(r["object"], {})[r["disposition"]] = r["n"]
        there = ("create", "update", "unchanged", "found")
        records = {entity: sum(n for action, n in actions.items() if action in there) for entity, actions in plan.summary.items()}
        found = {"mapping": plan.bound_to["mapping"], "export": plan.export_id, "records": records, "dispositions": dispositions}
        connection.execute(
            ws.sql("update {log}.run set details = details || jsonb_build_object('figures', %s::jsonb) where run_id = %s"),
            (json.dumps(found), run_id),
        )


def changes(ws: Workspace, run_id: str) -> Since | None:
    """This run against the one before it of its kind that came as far; None when there is none."""
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql(
                "select r.run_id, r.started_at, r.details -> 'figures' as figures from {log}.run as r "
                "join {log}.run as me on me.run_id = %s and me.kind = r.kind and r.started_at <= me.started_at "
                "where jsonb_exists(r.details, 'figures') order by r.started_at desc, r.run_id = me.run_id desc limit 2"
            ),
            (run_id,),
        ).fetchall()
        if len(rows) < 2 or rows[0]["run_id"] != run_id:
            return None
        now, before = rows
        differences = connection.execute(
            ws.sql(
                "select entity, field, kind, count(*) filter (where run_id = %(now)s) as now, count(*) filter (where run_id = %(before)s) as before, "
                "(array_agg(xid order by xid) filter (where run_id = %(now)s))[1:%(few)s] as such from {log}.difference "
                "where run_id in (%(now)s, %(before)s) group by 1, 2, 3 order by 1, 2, 3"
            ),
            {"now": now["run_id"], "before": before["run_id"], "few": EXAMPLES},
        ).fetchall()
    lines = list(_figures(ws, before["figures"], now["figures"]))
    for d in differences:
        if d["now"] != d["before"]:
            such = f", such as {', '.join(d['such'])}" if d["such"] else ""
            lines.append(f"Differences in {d['entity']}.{d['field']} ({d['kind']}): {d['before']} → {d['now']}{such}")
    return Since(before["run_id"], before["started_at"], lines)


def _figures(ws: Workspace, before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    if before["mapping"] != now["mapping"]:
        yield f"The mapping changed: {before['mapping'][:12]} → {now['mapping'][:12]}"
    if before["export"] != now["export"]:
        yield f"The export is another one: {before['export']} → {now['export']}"
    for name in ws.bundle.load_order:
        if (old := before["records"].get(name, 0)) != (new := now["records"].get(name, 0)):
            yield f"{ws.bundle.entities[name].title}: {old} → {new} records"
    for name, source_object in ws.bundle.source.objects.items():
        old_counts, new_counts = before["dispositions"].get(name, {}), now["dispositions"].get(name, {})
        for disposition in sorted(old_counts.keys() | new_counts.keys()):
            # Whether a row was loaded, or was there from the run before, is no difference between two samples.
            if disposition in ("loaded", "updated", "unchanged"):
                continue
            if (old := old_counts.get(disposition, 0)) != (new := new_counts.get(disposition, 0)):
                yield f"{source_object.title}: {old} → {new} rows {disposition}"
        there = [sum(c.get(d, 0) for d in ("loaded", "updated", "unchanged")) for c in (old_counts, new_counts)]
        if there[0] != there[1]:
            yield f"{source_object.title}: {there[0]} → {there[1]} rows in Odoo"
