"""The DAG ``<project>.load``: what the sample did, into the customer's Odoo."""

from __future__ import annotations

from airflow.sdk import DAG

from crm2odoo.airflow.checks import add_checks
from crm2odoo.airflow.dag_sample import add_migration
from crm2odoo.airflow.forms import export_param
from crm2odoo.airflow.frame import project_dag
from crm2odoo.airflow.signoff import SignOff
from crm2odoo.airflow.steps import Steps
from crm2odoo.project import Bundle

RUNBOOK = """
Loads the export into the customer's Odoo: the same tasks as `{project}.sample`, against the Odoo of the project's connection.

## Before you start

`{project}.discover` and `{project}.sample` must have been signed for this mapping; `check.needs` says if not. The project's Odoo connection
(type *Odoo*) must lead to the customer's database, with the API key of a user who may administer it. Have a backup; where the project file
names the database server (`snapshot: {connection: …, filestore: …}`), `target.take_snapshot` copies database and files by itself, and
`target.rehearse_snapshot` measures how long a restore takes. Both end Odoo's sessions for a moment: people log in as before, but lose a
click.

| parameter | meaning |
|---|---|
| `export` | the delivery to load; the project's when left as it is |

## What happens

The same tasks as in the sample: `check`, `intake`, `target` (set-up), `staging` (plan), `approve_plan`, `park_settings`, `load` entity by
entity, `vanished`, `restore_settings`, `settle`, `diff`, `report`, `documents` (reconciliation, spot check, handoff, runbook, evidence).
Before `approve_plan`, `owner_queue` lists owners of the source about whom nobody decided.

## The gates

- `waive_owners` (a person), only when the owner queue is not empty: *Reject*, decide about each owner (`owner:<e-mail>` = provision, fallback,
  hold or empty) or make the user in Odoo, and trigger again. *Approve* lets the load start, waived in your name; their records stay held.
- `approve_plan` (a person): the plan against production. Bound to the hashes of mapping and plan. Besides, each task that writes requires
  the signatures of discovery (scope) and of a sample of this export, for the present mapping and program, and refuses otherwise.
- `load.<entity>.gate`: counts in Odoo equal the plan, and nothing happened that should not. A failure stops the next entity.
- `sign_off` (a person): the report. Bound to its hash.

## When it fails

The log of the red task says what, where and what to do. Parked settings are restored also after a failure.

## Is it safe to clear a task?

Always. What was written is known in the ledger and is not written twice. Clearing one map index of `records` loads that chunk only.
"""


def build(bundle: Bundle, steps: Steps) -> DAG:
    """The DAG for one project."""
    with project_dag(bundle, "load", "3 load into production", RUNBOOK, {"export": export_param(bundle)}) as dag:
        ready = add_checks(bundle, steps, needs="load")
        report = add_migration(bundle, steps, after=ready, subject=f"{bundle.project.title}: load this into PRODUCTION?", live=True)
        sign_off = SignOff(
            task_id="sign_off",
            bundle=bundle,
            ends_run=True,
            shown_by="report",
            subject=f"{bundle.project.title}: accept the migration?",
            doc_md="Waits for the customer's decision on the final report. Bound to the report's hash.",
        )
        report >> sign_off
    return dag
