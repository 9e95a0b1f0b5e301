"""The plan: what a load would do, entity by entity, down to the single record."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from crm2odoo.airflow.console import paging, show
from crm2odoo.airflow.console.desk import ReadDesk
from crm2odoo.ledger.plan import ACTIONS

router = APIRouter()

COLUMNS = {
    "create": "Create", "update": "Update", "unchanged": "Unchanged", "found": "Already there", "held": "Held", "skipped": "Left out",
    "vanished": "Vanished", "conflict": "Conflict",
}  # fmt: skip


@router.get("/p/{project}/plan")
def plan(request: Request, desk: ReadDesk) -> Response:
    """The last plan and those before it."""
    plans = desk.rows("plans")
    current = plans[0] if plans and ("target", "plan") in desk.tables else None
    entities = {"entities": list(desk.bundle.entities)}
    return show.page(
        request, "plan.html.j2", desk, tab="plan", plans=plans, actions=[*ACTIONS, "conflict"], columns=COLUMNS,
        rows=[(e, plans[0]["summary"].get(e, {})) for e in desk.bundle.load_order if plans and plans[0]["summary"].get(e)],
        changed=desk.rows("plan_changed", entities) if current else [], gone=desk.rows("plan_vanished", entities) if current else [],
        held=desk.rows("plan_held", entities) if current else [], current=current, mapping_hash=desk.bundle.mapping_hash,
    )  # fmt: skip


@router.get("/p/{project}/plan/{entity}")
def records(
    request: Request, desk: ReadDesk, entity: str, action: str = "", field: Annotated[str, Query(max_length=64)] = "", after: str = ""
) -> Response:
    """The records of an entity in the last plan."""
    if entity not in desk.bundle.entities or ("target", "plan") not in desk.tables:
        raise HTTPException(404, "The plan has no such entity.")
    (place,) = paging.after(after, [int])
    action = action or ("update" if field else "")  # no other action changes fields
    values = {"entity": entity, "action": action or None, "field": field or None, "after": place, "limit": paging.SIZE + 1}
    return show.page(
        request, "plan_records.html.j2", desk, tab="plan", entity=entity, action=action, field=field, actions=ACTIONS,
        part=paging.part(desk.rows("plan_records", values), ["seq"]), first=not after,
    )  # fmt: skip
