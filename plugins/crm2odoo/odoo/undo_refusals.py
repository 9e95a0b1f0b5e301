"""What Odoo wants to be done to a record before it lets it go (odoo19.md §5)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm2odoo.odoo.context import READING, SILENT
from crm2odoo.odoo.errors import AccessRefused, RowRefused
from crm2odoo.odoo.target import Target
from crm2odoo.project import Entity

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class First:
    """Records whose field ``on`` holds one of ``values`` (all of them when none is given) need ``call``, or ``write``, before."""

    on: str
    values: tuple[Any, ...]
    call: str = ""
    write: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)


FIRST: dict[str, list[First]] = {
    "account.move": [First("state", ("posted",), "button_draft")],
    "account.payment": [First("state", ("in_process", "paid", "posted", "sent", "reconciled"), "action_draft")],
    "sale.order": [
        First("locked", (True,), write={"locked": False}),
        First("state", ("sent", "sale", "done"), "action_cancel", context={"disable_cancel_warning": True}),
    ],
}
# A numbered invoice or payment goes only with this.
UNLINK_CONTEXT = {**SILENT, "force_delete": True}


def prepare(target: Target, entity: Entity | None, model: str, ids: list[int], since: str) -> None:
    """Brings records into a state in which Odoo deletes them. Safe to repeat. ``since``: when our first load began, UTC."""
    if model == "account.move":
        _remove_payments(target, ids, since)
    _remove_wizards(target, entity)
    steps = [First(f, tuple(v), s.undo) for s in (entity.steps if entity else []) if s.undo for f, v in s.done.items() if f == "state"]
    for first in [*FIRST.get(model, []), *steps]:
        _do(target, model, ids, first)


def _do(target: Target, model: str, ids: list[int], first: First) -> None:
    call = target.client.call
    shape = call(model, "fields_get", allfields=[first.on], attributes=["type"])
    if first.on not in shape:
        return
    due = call(model, "search", domain=[["id", "in", ids], [first.on, "in", list(first.values)]], context=READING)
    if due and first.write:
        call(model, "write", ids=due, vals=dict(first.write), context=SILENT)
    elif due:
        call(model, first.call, ids=due, context={**SILENT, **first.context})


def _remove_wizards(target: Target, entity: Entity | None) -> None:
    """Windows that steps of our loads opened (registering a payment): Odoo throws them away after an hour only, and until then they hold partners.

    Nobody may delete some of them; those let go of what they refer to.
    """
    call = target.client.call
    for model in sorted({s.wizard.model for s in (entity.steps if entity else []) if s.wizard}):
        ours = call(model, "search", domain=[["create_uid", "=", target.client.uid]])
        if not ours:
            continue
        try:
            call(model, "unlink", ids=ours)
        except (AccessRefused, RowRefused):
            shape = call(model, "fields_get", attributes=["type", "store", "required"])
            links = [name for name, f in shape.items() if f["type"] == "many2one" and f.get("store") and not f.get("required")]
            call(model, "write", ids=ours, vals=dict.fromkeys(sorted(set(links) - {"create_uid", "write_uid"}), False))


def _remove_payments(target: Target, moves: list[int], since: str) -> None:
    """Payments that our loads registered for these invoices: without their invoice they would stay, unreconciled."""
    call = target.client.call
    if not call("ir.model", "search_count", domain=[["model", "=", "account.payment"]]):
        return
    shape = call("account.payment", "fields_get", attributes=["type"])
    linked = next((name for name in ("reconciled_invoice_ids", "invoice_ids") if name in shape), None)
    if linked is None:
        return
    ours = [["create_uid", "=", target.client.uid], ["create_date", ">=", since], [linked, "in", moves]]
    payments = call("account.payment", "search", domain=ours, context=READING)
    if payments:
        for first in FIRST["account.payment"]:
            _do(target, "account.payment", payments, first)
        call("account.payment", "unlink", ids=payments, context=UNLINK_CONTEXT)
        log.info("payments removed with their invoices records=%d", len(payments))
