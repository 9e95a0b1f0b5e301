"""Every source row and what became of it, down to the row as it was delivered."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response

from crm2odoo.airflow.console import paging, show
from crm2odoo.airflow.console.desk import Desk, ReadDesk
from crm2odoo.handoff.masking import masked
from crm2odoo.ledger.dispositions import DISPOSITIONS

router = APIRouter()


@router.get("/p/{project}/rows")
def rows(
    request: Request, desk: ReadDesk, run: str = "", object: str = "", disposition: str = "",
    key: Annotated[str, Query(max_length=300)] = "", after: str = "",
) -> Response:  # fmt: skip
    """Dispositions. ``run``: whose export and target; the last run that settled them when left out."""
    about = desk.one("settled", {"run": run or None})
    part = paging.Part([], None)
    if about:
        mark = paging.after(after, [str, int, int])
        values = {
            "export": about["export_id"], "target": about["target_id"], "object": object or None, "disposition": disposition or None,
            "key": key.strip() or None, "after_object": mark[0], "after_file": mark[1], "after_rec": mark[2], "limit": paging.SIZE + 1,
        }  # fmt: skip
        part = paging.part(desk.rows("dispositions", values), ["object", "file_no", "rec"])
    return show.page(
        request, "rows.html.j2", desk, tab="rows", about=about, runs=desk.rows("settled", {"run": None}), part=part, first=not after,
        object=object, disposition=disposition, key=key, dispositions=DISPOSITIONS,
    )  # fmt: skip


@router.get("/p/{project}/rows/{export}/{object}/{file_no}/{rec}")
def row(request: Request, desk: ReadDesk, export: str, object: str, file_no: int, rec: int) -> Response:
    """One row: as delivered, as read, and what it became."""
    file = desk.one("file", {"export": export, "file": file_no})
    if file is None or object not in desk.bundle.source.objects:
        raise HTTPException(404, "There is no such row.")
    return show.page(
        request, "row.html.j2", desk, tab="rows", file=file, object=object, rec=rec, cells=cells(desk, file, object, rec),
        fates=desk.rows("row_fates", {"export": export, "object": object, "file": file_no, "rec": rec}),
        notes=desk.rows("row_notes", {"object": object, "file": file_no, "rec": rec}) if ("clean", "reject") in desk.tables else [],
        members=desk.rows("row_members", {"object": object, "file": file_no, "rec": rec}) if ("target", "member") in desk.tables else [],
    )  # fmt: skip


def cells(desk: Desk, file: dict[str, Any], object: str, rec: int) -> list[dict[str, Any]]:
    """Column by column: header, the cell as delivered, and the value that was read from it. Masked for who may only read."""
    landed: dict[str, Any] = {}
    clean: dict[str, Any] = {}
    if file["table_name"] and ("land", file["table_name"]) in desk.tables:
        landed = (desk.one("landed_row", {"rec": rec}, table=file["table_name"]) or {}).get("cells") or {}
    if ("clean", object) in desk.tables:
        clean = (desk.one("clean_row", {"file": file["file_no"], "rec": rec}, table=object) or {}).get("cells") or {}
    headers = {h["column"]: h for h in file["header"] if isinstance(h, dict) and h.get("column")}
    columns = desk.bundle.source.objects[object].columns
    result = []
    for name in dict.fromkeys([*headers, *(c for c in landed if c not in ("rec", "line"))]):
        level = desk.masks.column(object, name)
        known = columns.get(name)
        result.append(
            {
                "column": name, "header": (headers.get(name) or {}).get("header") or name, "title": known.title if known and known.title else "",
                "known": name in columns, "type": known.type if known else "", "landed": masked(_text(landed.get(name)), level),
                "clean": masked(_text(clean.get(name)), level), "hidden": level != "open",
            }
        )  # fmt: skip
    return result


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
