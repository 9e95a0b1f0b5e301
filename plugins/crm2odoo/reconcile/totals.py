"""Control totals: the sums of amounts in the export, in the plan and in Odoo, as an accountant would compare them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import sqlglot
from sqlglot import exp

from crm2odoo.odoo.target import Target
from crm2odoo.project import Bundle, OdooField
from crm2odoo.reconcile.check import Check
from crm2odoo.reconcile.fields import ComparedField
from crm2odoo.staging import Connection

AMOUNTS = ("monetary",)
CENT = Decimal("0.005")


@dataclass(frozen=True)
class _Dimension:
    name: str
    key: str
    kind: str
    none: str = "none"
    zone: str = ""


def control_totals(target: Target, connection: Connection, entity: str, fields: list[ComparedField], values: dict[str, Any]) -> Iterator[Check]:
    """One check for each amount of an entity. It passes when the whole and every part agree to the cent.

    ``values`` name the records (see sql/reconcile/compare.sql.j2). A field that is declared as rounded may differ by half a cent a record.
    """
    ws = target.ws
    dimensions = _dimensions(ws.bundle, entity, fields)
    for field in fields:
        if field.type not in AMOUNTS or field.compare == "none":
            continue
        (statement,) = ws.statements(
            "reconcile/totals.sql.j2", key=field.key, computed=field.computed, dimensions=[asdict(d) for d in dimensions], **values
        )
        parts = connection.execute(statement.encode()).fetchall()
        whole = next((p for p in parts if p["dimension"] == "all"), None)
        if whole is None:
            continue
        allowance = CENT * whole["records"] if field.compare == "rounded" else CENT
        wrong = [p for p in parts if abs(p["expected"] - p["found"]) > allowance]
        export = _export_leg(target, connection, entity, field)
        agrees = not wrong and (export is None or abs(export["loaded"] - whole["expected"]) <= CENT)
        yield Check(
            entity,
            f"total_{field.key}",
            f"Sum of {field.label}: export and Odoo",
            export["loaded"] if export else whole["expected"],
            whole["found"],
            agrees,
            {
                "plan": whole["expected"],
                "records": whole["records"],
                "not_loaded": export["kept_back"] if export else None,
                "parts": [dict(p) for p in parts if p["dimension"] != "all"],
                "currency": ws.bundle.project.currency,
                "advice": "Look at the differences of this field: each record that is off is listed there with its source line.",
            },
        )


def _dimensions(bundle: Bundle, entity: str, fields: list[ComparedField]) -> list[_Dimension]:
    result = []
    for field in fields:
        if field.reference == "crm.stage":
            result.append(_Dimension("stage", field.key, "reference"))
        elif field.is_owner:
            result.append(_Dimension("owner", field.key, "reference"))
        elif field.key.endswith("currency"):
            result.append(_Dimension("currency", field.key, "text", bundle.project.currency))
    dates = {f.key: f.type for f in fields if f.type in ("date", "datetime")}
    preferred: list[str] = [k for k in ("date_deadline", "date_order", "invoice_date", "date") if k in dates] or list(dates)
    if preferred:
        # The month that a moment has on the clocks of the project: the first of a month begins in the month before, in UTC, for all of Asia.
        zone = bundle.project.timezone if dates[preferred[0]] == "datetime" else ""
        result.append(_Dimension("month", preferred[0], "month", zone=zone))
    return result


def _export_leg(target: Target, connection: Connection, entity: str, field: ComparedField) -> dict[str, Decimal] | None:
    """Sums over the clean rows, where the amount comes straight from one column of each object; None where it is computed."""
    ws, declared = target.ws, target.entities[entity].fields.get(field.key)
    source = _plain_input(declared) if declared else None
    feeds = [f for f in ws.bundle.feeds(entity) if f.mapping.primary]
    if source is None or not feeds:
        return None
    sums = {"loaded": Decimal(0), "kept_back": Decimal(0)}
    for feed in feeds:
        line = feed.mapping.fields.get(source)
        if line is None:
            continue
        if (
            line.from_ is None
            or line.or_else is not None
            or ws.bundle.source.objects[feed.object].columns[line.from_].type not in ("money", "number")
        ):
            return None
        (statement,) = ws.statements(
            "reconcile/total_of_export.sql.j2", column=line.from_, object=feed.object, entity=entity, target_id=target.target_id
        )
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        sums = {key: sums[key] + (row[key] or 0) for key in sums}
    return sums


def _plain_input(field: OdooField) -> str | None:
    """The input that a field is, or that it is with zero for empty."""
    if field.from_:
        return field.from_
    tree = sqlglot.parse_one(f"select {field.sql}", dialect="postgres").expressions[0] if field.sql else None
    if (
        isinstance(tree, exp.Coalesce)
        and isinstance(tree.this, exp.Column)
        and all(isinstance(e, exp.Literal) and e.name == "0" for e in tree.expressions)
    ):
        return tree.this.name
    return None
