"""The run's state in ``<p>_log.run`` follows what Airflow sees: it runs, it waits for a person, it failed, it succeeded."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import psycopg

from crm2odoo.airflow.connections import MissingSetup, staging_dsn
from crm2odoo.ledger import runs
from crm2odoo.project import Bundle
from crm2odoo.staging import StagingUnreachable, Workspace

log = logging.getLogger(__name__)


def run_key(dag_id: str, airflow_run_id: str) -> str:
    """Our id of an Airflow run: unique over all DAGs, and fit for a folder's name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{dag_id}.{airflow_run_id}")


def note_failure(bundle: Bundle) -> Callable[[Any], None]:
    """A failure callback for every task: a failed or rejected task ends the run, and its log says why.

    A run whose start was refused is not in the log of runs; there is nothing to note then.
    """

    def note(context: Any) -> None:
        run, cause = context["dag_run"], str(context.get("exception") or "no message")
        try:
            ws = Workspace.open(bundle, staging_dsn(bundle.project))
            runs.finish(ws, run_key(run.dag_id, run.run_id), "failed", cause[:2000], context["ti"].task_id)
        except (StagingUnreachable, MissingSetup, psycopg.Error) as error:
            log.warning("The failure could not be noted in the log of runs: %s", error)

    return note


def go_on(ws: Workspace, context: Any) -> None:
    """A task that runs once more, because somebody cleared it, takes up a run that had failed. Tasks that only tidy up do not."""
    ti, run = context["ti"], context["dag_run"]
    if ti.try_number > 1 and not getattr(context.get("task"), "is_teardown", False):
        runs.resume(ws, run_key(run.dag_id, run.run_id))
