"""What Odoo holds otherwise than planned: by field and kind, down to the single value."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from crm2odoo.airflow.console import paging, show
from crm2odoo.airflow.console.desk import ReadDesk
from crm2odoo.handoff.masking import masked
from crm2odoo.reconcile.odoo_side import record_link

router = APIRouter()


@router.get("/p/{project}/differences")
def differences(
    request: Request, desk: ReadDesk, run: str = "", entity: str = "", field: str = "", kind: str = "",
    xid: Annotated[str, Query(max_length=300)] = "", after: str = "",
) -> Response:  # fmt: skip
    """The differences of a run; of the last one that compared when it is left out."""
    compared = desk.rows("compared")
    about = next((r for r in compared if r["run_id"] == run), None) if run else next(iter(compared), None)
    groups, fields, part = [], [], paging.Part([], None)
    if about:
        mark = paging.after(after, [str, str, str, str])
        filters = {"run": about["run_id"], "entity": entity or None, "field": field or None, "kind": kind or None, "xid": xid.strip() or None}
        values = {
            **filters, "after_entity": mark[0], "after_field": mark[1], "after_xid": mark[2], "after_kind": mark[3], "limit": paging.SIZE + 1,
        }  # fmt: skip
        stamp = desk.one("stamp", {"export": about["export_id"], "target": about["target_id"]})
        # Counting them all takes a while when there are a million, so that is done for the first page only.
        groups = desk.counted("difference_groups", {"run": about["run_id"]}, stamp) if not (after or any(list(filters.values())[1:])) else []
        fields = desk.rows("difference_fields", {"run": about["run_id"]})
        part = paging.part(desk.rows("differences", values), ["entity", "field", "xid", "kind"])
    for row in part.rows:
        level = desk.masks.field(row["entity"], row["field"]) if row["entity"] in desk.bundle.entities else "partial"
        row["expected"], row["found"] = masked(row["expected"], level), masked(row["found"], level)
        row["link"] = record_link(about["url"] or "", desk.bundle.entities[row["entity"]].model, row["res_id"]) if about else ""
    return show.page(
        request, "differences.html.j2", desk, tab="differences", about=about, compared=compared, groups=groups, fields=fields, part=part,
        first=not after, entity=entity, field=field, kind=kind, xid=xid,
    )  # fmt: skip
