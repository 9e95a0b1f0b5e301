"""The tasks that make documents again, and take back sheets that people filled in."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context

from crm2odoo import handoff
from crm2odoo.airflow import connections, forms, pages
from crm2odoo.airflow.failures import person_readable
from crm2odoo.airflow.steps import Steps
from crm2odoo.intake.delivery import open_delivery
from crm2odoo.ledger import runs
from crm2odoo.odoo.client import OdooClient
from crm2odoo.odoo.errors import OdooError
from crm2odoo.odoo.target import open_target
from crm2odoo.staging import Workspace

log = logging.getLogger("crm2odoo")


class NoSuchRun(LookupError):
    """There is no run to make documents of. The message lists those there are."""


class HandoffSteps(Steps):
    """Steps of ``<project>.handoff``."""

    @person_readable
    def needs_for_documents(self) -> str:
        """Looks whether the run can start, and which run the documents are about: the one named in the form, else the latest one that ended.

        Returns its id.
        """
        context = get_current_context()
        forms.refuse_unknown(context["dag_run"].conf, context["dag"].params)
        ws = self.workspace(alone=False)
        about = self._about(ws, str(self.param("run") or "").strip())
        runs.start(ws, self.run_id(), kind="handoff", dag_id=context["dag_run"].dag_id, details={"about": about, "asked_by": self.asked_by()})
        log.info("Documents of the run %s", about)
        return about

    def _about(self, ws: Workspace, told: str) -> str:
        with ws.connect() as connection:
            known = [
                row["run_id"]
                for row in connection.execute(
                    ws.sql("select run_id from {log}.run where kind = any(%s) order by state = 'success' desc, started_at desc"),
                    (list(handoff.PHASES),),
                )
            ]
        if told and told in known:
            return told
        if told or not known:
            listed = "\n".join(f"- {run}" for run in known[:20]) or "none yet: run discover first"
            raise NoSuchRun(f"There is no run {told!r} in this project. The runs there are:\n{listed}")
        return str(known[0])

    def asked_by(self) -> str:
        """Who triggered this run, as Airflow knows it."""
        run: Any = get_current_context()["dag_run"]
        return str(getattr(run, "triggering_user_name", None) or "unknown")

    @person_readable
    def take_sheets(self, about: str) -> list[str]:
        """Reads the filled-in sheets of the folder in the form: owner queue, spot check, completeness checklist, custom fields.

        Choices go into the decision register, ticks are kept as a verdict with the run. A mistake names sheet and row, and nothing of that
        sheet is taken. Safe to repeat.
        """
        folder = str(self.param("sheets") or "").strip()
        if not folder:
            log.info("No sheets to take")
            return []
        with tempfile.TemporaryDirectory() as place, open_delivery(folder if "://" in folder else str(self.bundle.root / folder)) as delivery:
            paths = []
            for entry in delivery.files:
                if entry.name.lower().endswith(".xlsx"):
                    path = Path(place) / entry.name.replace("/", "_")
                    with delivery.open(entry.name) as source, open(path, "wb") as copy:
                        shutil.copyfileobj(source, copy)
                    paths.append(path)
            said = handoff.take_sheets(self.workspace(alone=False), paths, str(self.param("filled_in_by") or self.asked_by()), about)
        pages.log_list("Sheets", said)
        return said

    @person_readable
    def check_rules(self, about: str) -> None:
        """Evaluates the proposed automations on the run's Odoo, so that the handoff says how many records each would match today.

        Reads only. When that Odoo cannot be reached any more, the figures of the last time stay.
        """
        ws = self.workspace(alone=False)
        with ws.connect() as connection:
            row = connection.execute(ws.sql("select target_id from {log}.run where run_id = %s"), (about,)).fetchone()
        if not row or not row["target_id"] or not handoff.rule_objects(ws):
            log.info("There is nothing to evaluate")
            return
        for name in (self.project.connections.odoo, f"{self.project.connections.odoo}_test"):
            if not connections.has_connection(name):
                continue
            try:
                target = open_target(ws, OdooClient.connect(connections.odoo_credentials(name)), "production")
            except OdooError as error:
                log.warning("%s", error)
                continue
            if target.target_id == row["target_id"]:
                log.info("%d automations evaluated", len(handoff.check_rules(target)))
                return
        log.warning("The Odoo of the run %s is behind none of the project's connections: the figures of the last time stay", about)

    @person_readable
    def make_again(self, about: str) -> list[str]:
        """Writes the documents of the run again, beside the first ones, with what was signed and decided since. Returns where they are.

        Everything comes from stored data: the same data gives the same bytes. What somebody signed is kept as it was signed. With `unmasked`
        a second pack with every value readable goes into the folder `unmasked`; who asked for it is noted with this run.
        """
        ws, only = self.workspace(alone=False), self.param("documents") or None
        written = handoff.write_pack(ws, about, self.documents(), only)
        if self.param("unmasked"):
            log.warning("%s asked for the unmasked documents", self.asked_by())
            written += handoff.write_pack(ws, about, self.documents(), only, unmasked=True)
        pages.log_list("Documents", [d.location for d in written])
        runs.finish(ws, self.run_id(), "success")
        return [d.location for d in written]
