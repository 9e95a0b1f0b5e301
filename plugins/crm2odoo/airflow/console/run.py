"""One run: its phases as they go on, how fast it loads, what was refused, and whether the numbers agree."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from crm2odoo.airflow.console import runs, show
from crm2odoo.airflow.console.desk import Desk, ReadDesk, dag_ids
from crm2odoo.airflow.console.documents import listed, papers
from crm2odoo.ledger.dispositions import DISPOSITIONS

router = APIRouter()


@router.get("/p/{project}/runs/{key}")
def run(request: Request, key: str, desk: ReadDesk) -> Response:
    """The page of a run. ``key``: the ledger's id of it."""
    ours = desk.one("run", {"run": key})
    there = runs.by_key(dag_ids(desk.project), key)
    if ours is None and there is None:
        raise HTTPException(404, "There is no such run.")
    stamp = desk.one("stamp", {"export": ours["export_id"], "target": ours["target_id"]}) if ours else None
    found = runs.tasks(there.dag_id, there.run_id) if there else []
    waits = [w for w in runs.waiting([there.dag_id]) if w.run_id == there.run_id] if there else []
    return show.page(
        request, "run.html.j2", desk, tab="runs", key=key, run=ours, there=there, waits=waits,
        phases=runs.phases(there.dag_id, found) if there else [],
        failed=[t for t in found if t.state == "failed"], retrying=[t for t in found if t.state == "up_for_retry"],
        loads=loads(desk, key, ours, stamp) if ours else [],
        refusals=desk.counted("refusals", {"run": key}, stamp) if ours else [],
        checks=checks(desk, key) if ours else [], cells=cells(desk, key) if ours else [],
        objects=objects(desk, ours["export_id"], ours["target_id"], stamp) if ours and ours["settled"] else [],
        documents=papers(listed(desk, key) if ours else []),
        dispositions=DISPOSITIONS, live=bool(there and there.state in ("running", "queued")),
    )  # fmt: skip


def loads(desk: Desk, key: str, ours: dict[str, Any], stamp: object) -> list[dict[str, Any]]:
    """Per entity: records to write, written, refused; records per second over the whole, and over the last minute while it goes on."""
    summary = ours["summary"] or {}
    done = {r["entity"]: r for r in desk.counted("progress", {"run": key, "plan": ours["plan_id"]}, stamp)}
    result = []
    for entity in desk.bundle.load_order:
        planned = sum(summary.get(entity, {}).get(a, 0) for a in ("create", "update"))
        b = done.get(entity)
        if not planned and b is None:
            continue
        written, refused = (b["written"], b["refused"]) if b else (0, 0)
        left = max(0, planned - written - refused)
        rate = (b["last_minute"] / 60 if b["last_minute"] and left else b["written"] / b["seconds"] if b["seconds"] else None) if b else None
        result.append(
            {
                "entity": entity, "planned": planned, "written": written, "refused": refused, "left": left, "seconds": b["seconds"] if b else None,
                "rate": rate, "eta": left / rate if rate and left and written else None, "troubled": b["troubled"] if b else 0,
            }
        )  # fmt: skip
    return result


def checks(desk: Desk, key: str) -> list[dict[str, Any]]:
    """Checks by phase, those that failed first."""
    phases: dict[str, dict[str, Any]] = {}
    for c in desk.rows("checks", {"run": key}):
        phase = phases.setdefault(c["phase"], {"phase": c["phase"], "passed": 0, "checks": []})
        phase["passed"] += c["passed"]
        phase["checks"].append(c)
    return sorted(phases.values(), key=lambda p: p["passed"] == len(p["checks"]))


def cells(desk: Desk, key: str) -> list[dict[str, Any]]:
    """Per entity: values read back and compared."""
    return desk.rows("cells", {"run": key})


def objects(desk: Desk, export_id: str, target_id: str, stamp: object) -> list[dict[str, Any]]:
    """Per object: how many rows ended how, in the order of the source file."""
    counted: dict[str, dict[str, int]] = {}
    about = {"export": export_id, "target": target_id}
    for r in desk.counted("disposition_counts", about, stamp):
        counted.setdefault(r["object"], {})[r["disposition"]] = r["n"]
    return [
        {"object": name, "rows": sum(counted[name].values()), "counts": counted[name], "parts": parts(counted[name])}
        for name in desk.bundle.source.objects
        if name in counted
    ]


def parts(counts: dict[str, int]) -> list[tuple[str, int, float, float]]:
    """(disposition, rows, start, width) of a stacked bar, in thousandths."""
    whole, start, result = sum(counts.values()), 0.0, []
    for name in DISPOSITIONS:
        if counts.get(name) and whole:
            width = 1000 * counts[name] / whole
            result.append((name, counts[name], round(start, 1), round(width, 1)))
            start += width
    return result
