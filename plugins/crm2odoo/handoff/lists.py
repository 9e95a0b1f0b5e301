"""Lists as CSV: every case of what the report shows by example. Safe to open in a spreadsheet, masked as the report is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.masking import Masks, masked
from crm2odoo.handoff.paper_xlsx import safe
from crm2odoo.reconcile.odoo_side import record_link
from crm2odoo.staging import Workspace

LISTS = {
    "differences": "Every difference",
    "not_loaded": "Every row that was not loaded",
    "checks": "Every reconciliation check",
}
PAGE = 5000


def list_of(ws: Workspace, facts: Facts, name: str, unmasked: bool = False) -> bytes:
    """One of LISTS as CSV: UTF-8 with a byte order mark, commas, CRLF. Memory: the list."""
    heading, rows = {"differences": _differences, "not_loaded": _not_loaded, "checks": _checks}[name](ws, facts, Masks(ws.bundle, unmasked))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heading)
    for row in rows:
        writer.writerow(["" if cell is None else safe(str(cell)) for cell in row])
    return text.getvalue().encode("utf-8-sig")


Listed = tuple[list[str], Iterator[list[Any]]]


def _differences(ws: Workspace, facts: Facts, masks: Masks) -> Listed:
    def rows() -> Iterator[list[Any]]:
        url = (facts.target or {}).get("url", "")
        for r in _asked(ws, "every_difference", **_about(facts)):
            level = masks.field(r["entity"], r["field"])
            if masks.unmasked:
                r = {k: ws.vault.unseal_value(v) for k, v in r.items()}
            place = f"{r['file']}:{r['line']}" if r["file"] else None
            link = record_link(url, ws.bundle.entities[r["entity"]].model, r["res_id"])
            yield [r["entity"], r["field"], r["kind"], masked(r["expected"], level), masked(r["found"], level), place, r["xid"], link]

    return ["entity", "field", "kind", "expected", "in Odoo", "source", "external id", "link"], rows()


def _not_loaded(ws: Workspace, facts: Facts, masks: Masks) -> Listed:
    def rows() -> Iterator[list[Any]]:
        for r in _asked(ws, "every_row_not_loaded", **_about(facts)):
            yield [r["object"], r["disposition"], f"{r['file']}:{r['line']}", r["reason"], r["entity"], r["xid"]]

    return ["object", "disposition", "source", "reason", "entity", "external id"], rows()


def _checks(ws: Workspace, facts: Facts, masks: Masks) -> Listed:
    def rows() -> Iterator[list[Any]]:
        for c in facts.rows("checks"):
            yield [c["phase"], c["name"], c["details"].get("title", ""), c["expected"], c["found"], "passed" if c["passed"] else "FAILED", c["at"]]

    return ["phase", "check", "title", "expected", "found", "result", "at (UTC)"], rows()


def _about(facts: Facts) -> dict[str, str]:
    return {"run_id": facts.run_id, "export_id": facts.run["export_id"] or "", "target_id": facts.run["target_id"] or ""}


def _asked(ws: Workspace, query: str, **values: str) -> Iterator[dict[str, Any]]:
    (statement,) = ws.statements(f"reconcile/facts/{query}.sql.j2", **values)
    with ws.connect() as connection, connection.cursor(name="list") as cursor:
        cursor.itersize = PAGE
        cursor.execute(statement.rstrip().rstrip(";").encode())
        yield from cursor
