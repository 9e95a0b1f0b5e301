"""What Odoo itself has to do with loaded records: post invoices, register payments.

A step asks Odoo first which records are done already (``Step.done``), so it may be repeated at any time: a lost answer or a killed task
is settled by the next try. One task per entity runs the steps, because numbers of a journal are given in a row.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from crm2odoo.odoo.context import READING, SILENT
from crm2odoo.odoo.errors import OdooUnreachable, RowRefused, TransientError, UnclearAnswer
from crm2odoo.odoo.target import Target
from crm2odoo.project import InOwnCurrency, Step
from crm2odoo.staging.target import OWN_PART

log = logging.getLogger(__name__)

PAGE = 100


def run_steps(target: Target, run_id: str, plan_id: int, entity: str) -> dict[str, int]:
    """Runs every step of an entity for the records that want it. Returns step → records done by this call.

    Records for which Odoo refuses a step are noted as refusals of the kind ``step``, with Odoo's message; the others go on.
    """
    return {step.name: _Run(target, run_id, plan_id, entity, step).run() for step in target.entities[entity].steps}


class _Run:
    """One step of one entity."""

    def __init__(self, target: Target, run_id: str, plan_id: int, entity: str, step: Step) -> None:
        self.target, self.run_id, self.plan_id, self.entity, self.step = target, run_id, plan_id, entity, step
        self.model = target.entities[entity].model
        self.context = {**SILENT, **target.entities[entity].context}
        self.decimals: dict[int, int] = {}

    def run(self) -> int:
        started, done = time.monotonic(), 0
        rows = self._wanted()
        for start in range(0, len(rows), PAGE):
            page = rows[start : start + PAGE]
            for attempt in Retrying(
                retry=retry_if_exception_type((TransientError, UnclearAnswer, OdooUnreachable)),
                stop=stop_after_attempt(6), wait=wait_random_exponential(max=30), reraise=True,
            ):
                with attempt:
                    done += self._page(page)
        if rows:
            seconds = time.monotonic() - started
            log.info("step done entity=%s step=%s records=%d new=%d seconds=%.1f", self.entity, self.step.name, len(rows), done, seconds)
        return done

    def _wanted(self) -> list[dict[str, Any]]:
        ws = self.target.ws
        with ws.connect() as connection:
            return connection.execute(
                ws.sql(
                    "select t._xid as xid, r.res_id, t.{column} as values from {target}.{entity} as t "
                    "join {log}.record as r on r.target_id = %s and r.xid = t._xid and r.ours and r.res_id is not null "
                    "where t.{column} is not null order by t._seq",
                    column=f"_step_{self.step.name}", entity=self.entity,
                ),
                [self.target.target_id],
            ).fetchall()

    def _page(self, page: list[dict[str, Any]]) -> int:
        open_rows = self._not_done(page)
        if not open_rows:
            return 0
        if self.step.wizard is None:
            self._call_together(open_rows)
        else:
            for row in open_rows:
                self._refusable([row], lambda row=row: self._wizard(row))
        still = {row["xid"] for row in self._not_done(open_rows)}
        finished = [row for row in open_rows if row["xid"] not in still]
        self._enter(finished)
        return len(finished)

    def _not_done(self, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = self.target.client.call(
            self.model, "search_read", domain=[["id", "in", [row["res_id"] for row in page]]], fields=sorted(self.step.done), load="", context=READING
        )
        state = {r["id"]: r for r in found}
        return [
            row for row in page
            if row["res_id"] in state and not any(str(state[row["res_id"]][field]) in values for field, values in self.step.done.items())
        ]

    def _call_together(self, rows: list[dict[str, Any]]) -> None:
        """All at once; where Odoo refuses, halves, down to the record that it refuses."""
        ids = [row["res_id"] for row in rows]
        if not self._refusable(rows, lambda: self.target.client.call(self.model, self.step.call, ids=ids, context=self.context)) and len(rows) > 1:
            self._call_together(rows[: len(rows) // 2])
            self._call_together(rows[len(rows) // 2 :])

    def _wizard(self, row: dict[str, Any]) -> None:
        assert self.step.wizard is not None
        context = {**self.context, "active_model": self.model, "active_ids": [row["res_id"]], "active_id": row["res_id"]}
        values = dict(row["values"])
        if own := self.step.wizard.in_own_currency:
            context |= self._in_own_currency(own, row["res_id"], values)
        for field, xml_id in self.step.wizard.xml_ids.items():
            values[field] = self.target.need(xml_id)
        values |= self._references(values)
        made = self.target.client.call(self.step.wizard.model, "create", vals_list=[values], context=context)
        self.target.client.call(self.step.wizard.model, self.step.call, ids=made, context=context)

    def _in_own_currency(self, own: InOwnCurrency, res_id: int, values: dict[str, Any]) -> dict[str, Any]:
        """Turns a foreign amount among the values of a wizard into the company's money. Returns what the context has to say about it."""
        part, foreign = values.pop(OWN_PART), values[own.amount]
        if part is None:
            return {}
        [record] = self.target.client.call(self.model, "read", ids=[res_id], fields=[own.open, own.own], load="", context=READING)
        values[own.amount] = round(record[own.open] * part, self._decimals(record[own.own]))
        values[own.currency] = record[own.own]
        return {own.rate: foreign / values[own.amount]} if values[own.amount] else {}

    def _decimals(self, currency: int) -> int:
        """Decimal places of a currency; one look each."""
        if currency not in self.decimals:
            [money] = self.target.client.call("res.currency", "read", ids=[currency], fields=["decimal_places"], context=READING)
            self.decimals[currency] = money["decimal_places"]
        return self.decimals[currency]

    def _references(self, values: dict[str, Any]) -> dict[str, int]:
        """Values that are xids of our own records, as database ids."""
        texts = [v for v in values.values() if isinstance(v, str)]
        ws = self.target.ws
        with ws.connect() as connection:
            rows = connection.execute(
                ws.sql("select xid, res_id from {log}.record where target_id = %s and xid = any(%s)"), [self.target.target_id, texts]
            ).fetchall()
        known = {r["xid"]: r["res_id"] for r in rows}
        return {field: known[v] for field, v in values.items() if isinstance(v, str) and v in known}

    def _refusable(self, rows: list[dict[str, Any]], send: Any) -> bool:
        """Sends; a refusal of a single record is noted. False when Odoo refused."""
        try:
            send()
        except RowRefused as error:
            if len(rows) == 1:
                self._refuse(rows[0]["xid"], error.reason)
            return False
        return True

    def _refuse(self, xid: str, reason: str) -> None:
        log.warning("step refused entity=%s step=%s xid=%s because=%s", self.entity, self.step.name, xid, " ".join(reason.split())[:300])
        ws = self.target.ws
        with ws.connect() as connection:
            connection.execute(
                ws.sql("insert into {log}.refusal (run_id, target_id, plan_id, entity, xid, kind, message) values (%s, %s, %s, %s, %s, 'step', %s)"),
                [self.run_id, self.target.target_id, self.plan_id, self.entity, xid, f"{self.step.name}: {reason}"],
            )

    def _enter(self, rows: list[dict[str, Any]]) -> None:
        ws = self.target.ws
        with ws.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(
                ws.sql(
                    "insert into {log}.entry (target_id, run_id, entity, model, xid, res_id, action, before) "
                    "values (%s, %s, %s, %s, %s, %s, 'second', jsonb_build_object('step', %s::text))"
                ),
                [(self.target.target_id, self.run_id, self.entity, self.model, row["xid"], row["res_id"], self.step.name) for row in rows],
            )
