"""The tasks around the day of the cutover: freeze, go or no-go, lock, and the daily look after it."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import get_current_context

from crm2odoo import intake
from crm2odoo.airflow import connections, forms, pages
from crm2odoo.airflow.failures import person_readable
from crm2odoo.airflow.steps import POOL_PROBE, Steps
from crm2odoo.ledger import approvals, fresh, project_lock, runbook, runs
from crm2odoo.odoo.drift import close, look
from crm2odoo.odoo.target import Kind
from crm2odoo.reconcile.cutover import GateState, freeze_proof, gate_states
from crm2odoo.reconcile.field_diff import diff
from crm2odoo.staging import Workspace

log = logging.getLogger("crm2odoo")


class LiveSteps(Steps):
    """Steps of the DAGs that work on the Odoo of the project, or rehearse on a test database."""

    def kind(self) -> Kind:
        return "production" if self.param("target") in (None, "production") else "sandbox"

    def connection(self) -> str:
        if self.param("target") == "test":
            return str(self.param("connection"))
        return self.project.connections.odoo

    def live(self) -> bool:
        return True

    def sample_needed(self, ws: Workspace, export_id: str) -> list[approvals.Seen]:
        """A later delivery is signed by its own plan; mapping and program must be those of the sample."""
        return [self.sample_seen()] if self.kind() == "production" else []

    def slice_records(self) -> int | None:
        """A rehearsal takes everything, as production does."""
        return None

    # ---- cutover

    @person_readable
    def refuse_cut_over(self) -> None:
        """Looks whether this Odoo may still be loaded: after a cutover it may not, until somebody approves to unlock it."""
        ws = self.workspace()
        target = self.target(ws)
        with ws.connect() as connection:
            fresh.refuse_locked(ws, connection, target.target_id)

    @person_readable
    def freeze(self, export_id: str) -> dict[str, Any]:
        """Shows that the source has stopped: a second delivery (`proof`) with the same rows, or else a statement that somebody signs.

        Fails when the two deliveries differ: somebody still writes in the source. The message names the files.
        """
        ws = self.workspace()
        runbook.start(ws, self.run_id(), self.bundle, rehearsal=self.kind() == "sandbox")
        told = str(self.param("proof") or "").strip()
        second = None
        if told:
            second = intake.register(ws, told if "://" in told else str(self.bundle.root / told))
        proof = freeze_proof(ws, export_id, second)
        return {"body": proof.page, "hashes": {"freeze": proof.hash}}

    @person_readable
    def gates(self, plan_id: int) -> dict[str, Any]:
        """Looks at every gate. When one is red and nobody waived it, `waive_gates` waits for a named person; else that task is skipped.

        A waiver holds for what the gate says now: when more goes wrong, it is red again.
        """
        ws = self.workspace()
        runbook.done(ws, self.run_id(), "delta")
        states = gate_states(self.target(ws), self.run_id(), plan_id)
        log.info("%s", pages.gate_table(states))
        red = [s for s in states if not s.passed and not s.waived_by]
        for s in red:
            log.warning("red: %s: %s", s.name, s.text)
        body = "\n\n".join(
            [
                f"**{len(red)} gate(s) are red.** *Approve* waives them in your name, for exactly what they say here; every later report prints it. "
                "*Reject*, settle them, and clear the task `gates`: it looks again.",
                pages.gate_table(states),
            ]
        )
        return {"body": body, "hashes": {f"gate:{s.name}": s.hash for s in red}}

    @person_readable
    def decision(self, plan_id: int) -> dict[str, Any]:
        """Looks at every gate once more and puts them on the page of `go_no_go`. Fails while one is red and not waived."""
        ws = self.workspace()
        states = gate_states(self.target(ws), self.run_id(), plan_id)
        red = [s for s in states if not s.passed and not s.waived_by]
        if red:
            raise AirflowFailException(
                "No-go: these gates are red:\n" + "\n".join(f"- {s.name}: {s.text}" for s in red) + "\nSettle them, then clear the task `gates`."
            )
        runbook.done(ws, self.run_id(), "gates")
        runs.wait(ws, self.run_id(), "go_no_go")
        project_lock.release(ws, self.run_id())
        body = "\n\n".join(
            [
                "**Go or no-go.** After *Approve*, Odoo is the system of record and this project is locked: nothing is loaded into it any more.",
                pages.gate_table(states),
                f"Rollback until then: the DAG `{self.project.project}.rollback` with `run` = `{self.run_id()}` (this delta) or empty (everything).",
            ]
        )
        return {"body": body, "hashes": {"go_no_go": self._state_of_gates(plan_id, states)}}

    @staticmethod
    def _state_of_gates(plan_id: int, states: list[GateState]) -> str:
        return hashlib.sha256(json.dumps([plan_id, *[[s.name, s.passed, s.waived_by, s.text] for s in states]]).encode()).hexdigest()

    @person_readable
    def lock(self, listed: dict[str, Any], plan_id: int) -> None:
        """Locks the project: from now on every task that would load into this Odoo refuses. Unlocking is an approval of its own.

        Refuses when a gate is not as it was signed.
        """
        ws = self.workspace()
        target = self.target(ws)
        with ws.connect() as connection:
            if fresh.lock_hash(ws, connection, target.target_id) is not None:
                log.info("The project is locked already")
                return
        now = self._state_of_gates(plan_id, gate_states(target, self.run_id(), plan_id))
        if now != listed["hashes"]["go_no_go"]:
            raise AirflowFailException("A gate changed since go or no-go was decided. Nothing is locked. Clear the task `gates`.")
        approvals.require(ws, [approvals.Seen("go_no_go", now, f"{self.project.project}.cutover")])
        with ws.connect() as connection:
            row = connection.execute(
                ws.sql("select approved_by from {log}.approval where subject = 'go_no_go' and hash = %s order by approval_id desc limit 1"),
                (now,),
            ).fetchone()
        fresh.lock(ws, target.target_id, row["approved_by"] if row else "unknown", {"run": self.run_id()})
        runbook.done(ws, self.run_id(), "lock")

    @person_readable
    def show_runbook(self) -> None:
        """Writes the runbook with planned and actual times into the log and next to the report."""
        ws = self.workspace()
        text = runbook.as_markdown(ws, self.run_id())
        log.info("%s", text)
        folder = self.documents()
        if "://" not in folder:
            place = Path(folder) / self.run_id() / "runbook.md"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
            log.info("Runbook: %s", place)

    @person_readable
    def last_documents(self) -> list[str]:
        """Writes every document of this phase: papers, lists, evidence with every signature, manifest; and ends the run.

        Repeating it replaces the documents; those that somebody signed are kept.
        """
        places = self.write_documents()
        self.ended(self.workspace())
        return places

    # ---- unlock

    @person_readable
    def wants_unlock(self) -> bool:
        """Goes on only when the form asks to unlock."""
        return bool(self.param("action") == "unlock")

    @person_readable
    def wants_cutover(self) -> bool:
        """Goes on only when the form asks for the cutover."""
        return bool(self.param("action") == "cutover")

    @person_readable
    def show_lock(self) -> dict[str, Any]:
        """Shows the lock that would be opened. The approval is bound to this one lock."""
        ws = self.workspace()
        target = self.target(ws)
        with ws.connect() as connection:
            seal = fresh.lock_hash(ws, connection, target.target_id)
        if seal is None:
            raise AirflowFailException(f"{self.project.project} is not locked for {target.client.database!r}: there is nothing to unlock.")
        return {
            "body": f"Unlock `{target.client.database}` at {target.client.url}? Loads can write into the system of record again, over what people "
            "do there now; conflicts wait for a decision, as in every delta.",
            "hashes": {fresh.UNLOCK: seal},
        }

    # ---- hypercare

    @person_readable
    def needs_for_look(self) -> None:
        """Looks whether the run can start: connections, pool, staging database, Odoo."""
        context = get_current_context()
        run = context["dag_run"]
        forms.refuse_unknown(run.conf, context["dag"].params)
        connections.require_setup(self.project, context, POOL_PROBE)
        ws = self.workspace()
        runs.start(ws, self.run_id(), kind=run.dag_id.rpartition(".")[2], dag_id=run.dag_id)

    @person_readable
    def in_window(self) -> bool:
        """Goes on only within the project's window (`hypercare`), or when the run was triggered by hand."""
        window, today = self.project.hypercare, datetime.now(UTC).date()
        by_hand = get_current_context()["dag_run"].run_type.value == "manual"
        if window is None:
            log.info("The project file names no hypercare window")
        looks = by_hand or (window is not None and window.first <= today <= window.last)
        if not looks:
            self.ended(self.workspace())
        return looks

    @person_readable
    def drift(self) -> dict[str, Any]:
        """Looks at every migrated record: is it still there, under its external id, and does it hold what was agreed?

        What changed is listed and entered into the issue register; what is as agreed again is closed there. Writes nothing to Odoo.
        """
        ws = self.workspace()
        target = self.target(ws)
        runs.bind(ws, self.run_id(), target_id=target.target_id)
        found = look(target, self.run_id())
        log.info("%s", found.text)
        with ws.connect() as connection:
            last = connection.execute(ws.sql("select plan_id, target_id from {log}.plan order by plan_id desc limit 1")).fetchone()
        if last is not None and last["target_id"] == target.target_id:
            # Field by field, against the plan of the last load: `_log.difference` of this run is the drift list.
            compared = diff(target, self.run_id(), last["plan_id"])
            log.info("%d cells compared, %d differ from what was agreed: %s", compared.total("compared"), compared.total("different"), compared.kinds)
        runbook.done_last(ws, "hypercare")
        return {"new": found.new, "open": found.open}

    @person_readable
    def closing(self) -> None:
        """On the last day of the window: writes the closing report with every issue, when it was seen and when it was closed."""
        ws, window = self.workspace(), self.project.hypercare
        last: date | None = window.last if window else None
        if not self.param("close") and (last is None or datetime.now(UTC).date() < last):
            log.info("The window is open until %s: no closing report yet", last or "somebody closes it")
            return
        text = close(self.target(ws), self.run_id())
        log.info("%s", text)
        folder = self.documents()
        if "://" not in folder:
            place = Path(folder) / self.run_id() / "hypercare.md"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
