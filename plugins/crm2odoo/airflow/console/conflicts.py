"""Fields that were changed in Odoo and in the source: somebody decides whose value stays."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from crm2odoo.airflow.console import paging, show
from crm2odoo.airflow.console.desk import EditDesk, ReadDesk
from crm2odoo.airflow.console.forms import Name, Text, back, tidy
from crm2odoo.handoff.masking import masked
from crm2odoo.ledger.decisions import decide
from crm2odoo.reconcile.departed import DELETED, FIELD
from crm2odoo.reconcile.odoo_side import record_link

router = APIRouter()

CHOICES = {"keep_odoo": "Odoo's value stays", "take_source": "the source's value is written"}
OF_RECORD = {"keep_odoo": "it stays as it is in Odoo", "take_source": "it is made again"}


@router.get("/p/{project}/conflicts")
def conflicts(request: Request, desk: ReadDesk, entity: str = "", all: bool = False, after: str = "") -> Response:
    """Of the last plan; without ``all`` only those that nobody decided."""
    (place,) = paging.after(after, [int])
    values = {"entity": entity or None, "all": all, "after": place, "limit": paging.SIZE + 1}
    part = paging.part(desk.rows("conflicts", values), ["conflict_id"])
    for row in part.rows:
        entity_of = desk.bundle.entities.get(row["entity"])
        level = desk.masks.field(row["entity"], row["field"]) if entity_of else "partial"
        for side in ("loaded", "source", "odoo"):
            row[side] = _text(row[side]) if row["field"] == FIELD else masked(_text(row[side]), level)
        row["choices"] = OF_RECORD if row["field"] == FIELD else CHOICES
        row["offered"] = ["keep_odoo"] if row["field"] == FIELD and row["odoo"] != DELETED else list(CHOICES)
        row["link"] = record_link(row["url"], entity_of.model, row["res_id"]) if entity_of else ""
    return show.page(
        request, "conflicts.html.j2", desk, tab="conflicts", part=part, groups=desk.rows("conflict_groups"), entity=entity, all=all, first=not after,
    )  # fmt: skip


@router.post("/p/{project}/conflicts")
def decide_conflict(
    request: Request, desk: EditDesk, choice: Name, entity: Name, xid: Name = "", field: Name = "", comment: Text = ""
) -> Response:
    """Keeps a choice for one field, or for all fields of an entity. It takes effect with the next plan."""
    known = desk.one("conflict", {"entity": entity, "xid": xid or None, "field": field or None})
    if choice not in CHOICES or known is None:
        raise HTTPException(400, "There is no such conflict or choice. Nothing was written. Load the page again.")
    name = ":".join(["conflict", *(p for p in (entity, xid, field) if p)])
    decide(desk.ws, name, {"choice": choice}, desk.who, tidy(comment))
    what = f"{field} of {xid}" if xid else f"all conflicts of {show.titles(desk)[entity]}"
    chosen = (OF_RECORD if field == FIELD else CHOICES)[choice]
    return back(request, desk.project, "conflicts", f"{what}: {chosen}. It takes effect with the next plan.")


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
