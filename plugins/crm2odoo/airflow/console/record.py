"""One record side by side: the row it comes from, what Odoo should hold, what Odoo holds, and every write to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from crm2odoo.airflow.console import show
from crm2odoo.airflow.console.desk import Desk, ReadDesk
from crm2odoo.airflow.console.rows import cells
from crm2odoo.handoff.lineage import origins_of
from crm2odoo.handoff.masking import masked
from crm2odoo.reconcile.odoo_side import record_link

router = APIRouter()


@router.get("/p/{project}/records/{entity}/{xid:path}")
def record(request: Request, desk: ReadDesk, entity: str, xid: str, run: str = "") -> Response:
    """``run``: whose comparison is shown; the last one when left out."""
    if entity not in desk.bundle.entities:
        raise HTTPException(404, "There is no such record.")
    plan = desk.one("plan_record", {"entity": entity, "xid": xid}) if ("target", "plan") in desk.tables else None
    known = desk.one("record", {"entity": entity, "xid": xid, "run": run or None})
    if plan is None and known is None:
        raise HTTPException(404, "There is no such record.")
    members = desk.rows("record_members", {"entity": entity, "xid": xid}) if ("target", "member") in desk.tables else []
    differing = {d["field"]: d for d in desk.rows("record_differences", {"entity": entity, "xid": xid, "run": run or None})}
    return show.page(
        request, "record.html.j2", desk, tab="differences", entity=entity, xid=xid, plan=plan, known=known, members=members, run=run,
        link=record_link(known["url"] or "", known["model"], known["res_id"]) if known else "",
        fields=fields(desk, entity, xid, (plan or known or {})["vals"], members, differing, known),
        history=desk.rows("record_history", {"xid": xid, "target": known["target_id"]}) if known else [],
        gone=differing.get("*") or next((d for d in differing.values() if d["found"] == "the record is gone"), None),
    )  # fmt: skip


def fields(
    desk: Desk, entity: str, xid: str, vals: dict[str, Any], members: list[dict[str, Any]], differing: dict[str, dict[str, Any]],
    known: dict[str, Any] | None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Field by field, those that differ first. Empty on all sides is left out."""
    declared = desk.bundle.entities[entity].fields
    odoo: dict[str, Any] = {}
    if ("target", f"odoo_{entity}") in desk.tables:
        odoo = (desk.one("odoo_row", {"xid": xid}, table=f"odoo_{entity}") or {}).get("cells") or {}
    source = _source(desk, members)
    names = {n for key, v in vals.items() if key in declared and declared[key].type in ("many2one", "many2many") for n in _xids(v)}
    refers = {r["xid"]: r for r in desk.rows("references", {"xids": sorted(names), "target": known["target_id"] if known else None})} if names else {}
    result = []
    for key in dict.fromkeys([*vals, *differing]):
        if key == "*":
            continue
        expected, found = vals.get(key), odoo.get(key)
        level = desk.masks.field(entity, key)
        linked = [(n, refers[n]["entity"] if n in refers else None) for n in _xids(expected)] if key in declared and names else []
        linked = linked if key in declared and declared[key].type in ("many2one", "many2many") else []
        difference = differing.get(key)
        shown = _text(difference["found"]) if difference else _found(found, linked, refers)
        from_: list[dict[str, Any]] = [
            {"object": o.object, "value": source[o.object, o.column]}
            for o in origins_of(desk.bundle, entity, key)
            if o.use == "value" and (o.object, o.column) in source
        ]
        if expected in (None, "", [], False) and not shown and not difference and not any(o["value"]["landed"] for o in from_):
            continue
        result.append(
            {
                "field": key, "expected": masked(_text(expected), level), "found": masked(shown, level) if key in odoo or difference else None,
                "agrees": key in odoo and difference is None and _same(_text(expected), shown),
                "read": key in odoo or difference is not None, "difference": difference, "linked": linked, "from": from_, "hidden": level != "open",
            }
        )  # fmt: skip
    return sorted(result, key=lambda f: f["difference"] is None)


def _source(desk: Desk, members: Iterable[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """(object, column) → cell, of the row that stands for the record; of a row that only adds to it where that has none."""
    result: dict[tuple[str, str], dict[str, Any]] = {}
    for m in list(members)[:5]:
        file = desk.one("file", {"export": m["export_id"], "file": m["file_no"]})
        if file and m["object"] in desk.bundle.source.objects:
            for cell in cells(desk, file, m["object"], m["rec"]):
                result.setdefault((m["object"], cell["column"]), cell)
    return result


def _found(value: Any, linked: list[tuple[str, str | None]], refers: dict[str, dict[str, Any]]) -> str | None:
    """Odoo's value; database ids of the records that were meant as their external ids."""
    if not linked or value in (None, False):
        return _text(value)
    ids = value if isinstance(value, list) else [value]
    by_id = {refers[n]["res_id"]: n for n, _ in linked if n in refers}
    return ", ".join(by_id.get(i, f"id {i}") for i in ids)


def _same(one: str | None, other: str | None) -> bool:
    """Whether two texts say the same to a reader; references in any order."""
    if one == other:
        return True
    try:
        return float(one or 0) == float(other or 0)
    except ValueError:
        return sorted((one or "").split(", ")) == sorted((other or "").split(", "))


def _xids(value: Any) -> list[str]:
    if isinstance(value, list):
        return [v for v in value if isinstance(v, str)]
    return [value] if isinstance(value, str) else []


def _text(value: Any) -> str | None:
    if value is None or value is False or value == []:
        return None
    if value is True:
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
