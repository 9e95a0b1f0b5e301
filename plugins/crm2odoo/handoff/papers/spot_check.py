"""The spot check: some forty records, the risky ones first, for people who know them; and what they found."""

from __future__ import annotations

from datetime import date, datetime, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.view import label_of
from crm2odoo.handoff.wording import Style
from crm2odoo.ledger import approvals
from crm2odoo.project import Bundle
from crm2odoo.reconcile.html_text import canonical
from crm2odoo.reconcile.odoo_side import record_link
from crm2odoo.staging import Workspace


class SpotCheckIncomplete(ValueError):
    """The sheet cannot be stored. The message says which row is not ticked."""


def spot_check_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """One row for each record and field, with a link to the record."""
    url = (facts.target or {}).get("url", "")
    rows: list[list[Any]] = []
    records = set()
    zone = ZoneInfo(bundle.project.timezone)
    for r in facts.rows("spot_check"):
        entity = r["entity"]
        # Where the source says nothing there is nothing to compare, unless the diff calls it a difference.
        if r["expected"] in (None, "") and not r.get("kind"):
            continue
        records.add((entity, r["xid"]))
        field = bundle.entities[entity].fields.get(r["field"])
        kind = field.type if field else "char"
        found = None if r["found"] == "false" else r["found"]
        rows.append(
            [
                bundle.entities[entity].title,
                (_called(r["xid"], r["name"]), record_link(url, bundle.entities[entity].model, r["res_id"])),
                r["place"],
                "risk" if r["risky"] else "random",
                label_of(facts, entity, r["field"]),
                _cut(as_read(r["expected"], kind, style, zone)),
                _cut(as_read(found, kind, style, zone)),
                None,
                None,
            ]
        )
    columns = (
        Column("What", width=1.1, once=True),
        Column("Record", "link", 1.6, once=True),
        Column("Source", "place", 1.2, once=True),
        Column("Chosen by", width=0.7, once=True),
        Column("Field", width=1),
        Column("In the source", width=2),
        Column("In Odoo", width=2),
        Column("Right", "tick", 0.5),
        Column("Comment", "note", 1.4),
    )
    return Paper(
        "spot_check",
        "Spot check",
        "Open each record in Odoo, compare, and tick yes or no. Give the sheet back: the answers are kept with the run. Chosen by risk: something may"
        f" be wrong, or much can be. Times are those of {bundle.project.timezone}.",
        [Section("Records", "", columns, rows, query="spot_check")],
        ("xlsx", "html"),
        f"{style.rows(len(records), 'record')} to look at, {style.rows(len(rows), 'value')}." if rows else "There is no record to look at.",
    )


def store_spot_check(ws: Workspace, run_id: str, path: str | Path, by: str) -> dict[str, int]:
    """Keeps the ticks of a returned sheet as a verdict on ``spot_check`` of the run. Every row must be ticked. Returns yes and no.

    Raises SpotCheckIncomplete.
    """
    sheet = openpyxl.load_workbook(path, read_only=True).worksheets[0]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    head = [str(c or "") for c in rows[0]]
    answers = []
    for n, row in enumerate(rows[1:], 3):
        cell = dict(zip(head, row, strict=False))
        tick = str(cell.get("Right") or "").strip().lower()
        if tick not in ("yes", "no"):
            raise SpotCheckIncomplete(
                f"{path}: row {n} ({cell.get('Record')}, {cell.get('Field')}) is not ticked.\nWrite yes or no into the column Right of every row."
            )
        answers.append({"record": cell.get("Record"), "field": cell.get("Field"), "right": tick == "yes", "comment": cell.get("Comment") or ""})
    wrong = [a for a in answers if not a["right"]]
    approvals.record(
        ws,
        subject="spot_check",
        hash=run_id,
        verdict="rejected" if wrong else "approved",
        by=by,
        comment=f"{len(answers)} values looked at, {len(wrong)} wrong",
        run_id=run_id,
        seen={"answers": answers},
    )
    return {"yes": len(answers) - len(wrong), "no": len(wrong)}


def as_read(value: str | None, kind: str, style: Style, zone: tzinfo) -> str | None:
    """A value of the plan or of Odoo as people read it: amounts and dates in the locale, times by their own clock, of HTML the text.

    ``kind``: type of the field. What is no such value, because it is hidden or wrong, stays as it is.
    """
    if value in (None, ""):
        return value
    assert value is not None
    try:
        if kind in ("monetary", "float"):
            return style.amount(Decimal(value)) if kind == "monetary" else style.number(Decimal(value))
        if kind == "date":
            return style.date(date.fromisoformat(value))
        if kind == "datetime":
            return style.moment(datetime.fromisoformat(value).replace(tzinfo=timezone.utc), zone)
    except (ValueError, InvalidOperation):
        return value
    return canonical(value).text if kind == "html" else value


def _called(xid: str, name: str | None) -> str:
    """What people know a record by, and what we do."""
    return f"{name} ({xid})" if name and len(name) <= 80 else xid


def _cut(value: str | None) -> str | None:
    return None if value is None else value if len(value) <= 400 else value[:399] + "…"
