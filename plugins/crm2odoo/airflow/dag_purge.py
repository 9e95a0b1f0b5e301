"""The DAG ``<project>.purge``: takes the customer's values out of the staging database when the job is done."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, get_current_context, task

from crm2odoo.airflow import forms, pages
from crm2odoo.airflow.failures import person_readable
from crm2odoo.airflow.frame import project_dag
from crm2odoo.airflow.signoff import SignOff
from crm2odoo.airflow.steps import Steps
from crm2odoo.handoff import documents
from crm2odoo.ledger import approvals, purge, runs
from crm2odoo.project import Bundle

log = logging.getLogger("crm2odoo")

RUNBOOK = """
Takes the customer's values out of the staging database, and writes the proof. Odoo is not touched. There is no way back.

**When.** The hypercare is over, or the retention of the project (`privacy: {retention_days: …}`) ends. Until then every other DAG says so in
the log of `check.needs`.

**Do this.** Make the last documents (`{project}.handoff`) and keep them. Trigger; `list_values` shows the tables that hold values; approve
under *Required actions*. `purge` drops the landed, clean and target tables, empties the values in the ledger, and vacuums, so that nothing is
left in PostgreSQL's files. `prove` counts again and writes `purge.json`: tables, rows, files of the exports with their hashes, and what is
left for a person to do: delete the export, destroy the key.

**What stays.** Who decided what and when, counts, external ids, database ids, hashes: the audit chain still verifies.

**What goes with it.** Deltas, rollbacks and new reports of this project: each of them refuses from now on.

**When it fails.** The log of the red task says what, where and what to do. The purge is one transaction: it happened or it did not.

**Is it safe to clear a task?** Always.
"""


class PurgeSteps(Steps):
    """What a purge does, besides what all DAGs do."""

    @person_readable
    def list_values(self) -> dict[str, Any]:
        """Lists every table that holds values, with its rows. Changes nothing."""
        context = get_current_context()
        run = context["dag_run"]
        forms.refuse_unknown(run.conf, context["dag"].params)
        ws = self.workspace()
        runs.start(ws, self.run_id(), kind="purge", dag_id=run.dag_id)
        found = purge.items(ws)
        rows = [(i.table, i.rows) for i in found]
        body = "\n\n".join(
            [
                f"### Purge the values of {self.project.title}",
                "Odoo stays as it is. Deltas, rollbacks and new reports are not possible afterwards.",
                pages._table(("table", "rows with values"), rows) if rows else "Nothing is left that holds values.",
            ]
        )
        log.info("%s", body)
        return {"body": body, "hashes": {purge.SUBJECT: purge.list_hash(found)}}

    @person_readable
    def purge(self, listed: dict[str, Any]) -> dict[str, Any]:
        """Empties the tables in one transaction and writes the proof. Refuses when more was landed or loaded since it was signed."""
        ws = self.workspace()
        signed = listed["hashes"][purge.SUBJECT]
        approvals.require(ws, [approvals.Seen(purge.SUBJECT, signed, f"{self.project.project}.purge")])
        found = purge.items(ws)
        if found and purge.list_hash(found) != signed:
            raise AirflowFailException("Somebody landed or loaded since the list was signed: trigger the DAG again.")
        proof = asdict(purge.purge(ws, self.run_id(), approvals.signer(ws, purge.SUBJECT, signed)))
        written = documents.write(ws, self.run_id(), self.documents(), [("purge.json", documents.as_json(proof))])
        log.info("Purged %d tables; the proof is %s", len(proof["emptied"]), written[0].location)
        return {"left": proof["rows_left"], "to_do": proof["to_do"]}

    @person_readable
    def prove(self, purged: dict[str, Any]) -> None:
        """Counts once more, from the database alone. Fails unless nothing is left. Lists what is left for a person to do."""
        ws = self.workspace()
        left = purge.items(ws)
        if left or purged["left"]:
            raise AirflowFailException("Values are left: " + ", ".join(f"{i.table} ({i.rows})" for i in left) + ". Clear the task purge.")
        pages.log_list("For a person to do", purged["to_do"])
        runs.finish(ws, self.run_id(), "success")


def build(bundle: Bundle, _: Steps) -> DAG:
    """The DAG for one project."""
    steps = PurgeSteps(bundle)
    with project_dag(bundle, "purge", "purge", RUNBOOK, {}) as dag:
        listed: Any = task(retries=0)(steps.list_values)()
        sign_off = SignOff(
            task_id="sign_off",
            bundle=bundle,
            shown_by="list_values",
            subject=f"{bundle.project.title}: purge these values?",
            doc_md="Waits for a person. Bound to the hash of the list: what is landed or loaded after it is not purged with it.",
        )
        purged: Any = task(steps.purge)(listed)
        listed >> sign_off >> purged
        task(steps.prove)(purged)
    return dag
