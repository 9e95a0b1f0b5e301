"""The DAG ``<project>.discover``: read the export, say what is in it, have the scope signed."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, TaskGroup, task

from crm2odoo.airflow.checks import add_checks
from crm2odoo.airflow.forms import export_param
from crm2odoo.airflow.frame import project_dag
from crm2odoo.airflow.signoff import SignOff
from crm2odoo.airflow.steps import Steps
from crm2odoo.project import Bundle

RUNBOOK = """
Reads an export of the source, counts and checks every row, and asks for the scope to be signed. Writes nothing to Odoo.

## Before you start

Put the export where the project file says (`export`), or name another place in the form. The Airflow connections and the pool of the
project must exist; the task `check.needs` says what is missing and with which command to add it.

| parameter | meaning |
|---|---|
| `export` | the delivery to read; the project's when left as it is |

## What happens

`check` looks at connections, pool, database and export. `intake` registers the files by their hash, lands every row as delivered, types and
checks it, and proves that no row was lost: records = valid + merged + exact duplicates + deleted + rejected, for every file. `findings`
lists what a person should know. `build_target` makes the records to be, so that stages and owners can be shown before anything is set up.
`decisions` counts what other answers to each question would come to. `inventory` counts labels and columns without a place, and looks for
signs that the export was cut off, is incomplete or of another product. `look_at_target` looks at the Odoo of the project's connection, when there
is one already. `documents` writes scope, mapping, checklists, custom fields, decisions and owner queue. `scope` puts it together.

## The gate

`sign_off` waits under *Required actions*. Approve when the numbers are what the customer expects: the approval is bound to this export and
this mapping, and `{project}.sample` refuses to touch an Odoo without it. Reject, with a comment, when files are missing or wrong: the run
then ends as failed.

## When it fails

The log of the red task says what, where and what to do. A missing column or an unknown file: correct the export, or name the column in
`mappings/projects/{project}.yaml`, and trigger again.

## Is it safe to clear a task?

Always. The same delivery is read to the same rows; a changed one is a new export.
"""


def build(bundle: Bundle, steps: Steps) -> DAG:
    """The DAG for one project."""
    with project_dag(bundle, "discover", "1 discovery", RUNBOOK, {"export": export_param(bundle)}) as dag:
        ready = add_checks(bundle, steps, needs="staging")
        export_id, verified = add_intake(steps)
        findings = task(steps.findings)(export_id)
        built = task(steps.build_target)(export_id)
        inventory = task(steps.inventory)(export_id)
        documents = task(task_id="documents")(steps.write_documents)()
        decisions = task(steps.decisions)(export_id)
        target = task(steps.look_at_target)()
        scope = task(steps.scope)(export_id)
        sign_off = SignOff(
            task_id="sign_off",
            bundle=bundle,
            ends_run=True,
            shown_by="scope",
            subject=f"{bundle.project.title}: is this the scope of the migration?",
            doc_md="Waits for a person who knows what the export should hold. The verdict is kept with the hashes of what was shown; "
            "a rejection fails the run.",
        )
        ready >> export_id
        verified >> findings >> built >> decisions >> inventory >> documents >> scope
        ready >> target >> scope >> sign_off
    return dag


def add_intake(steps: Steps) -> tuple[Any, Any]:
    """The tasks that bring an export into the staging database; the same in every DAG that may get a new one."""
    with TaskGroup("intake", tooltip="From files to typed rows, and the proof that none was lost"):
        export_id: Any = task(steps.register)()
        landed = task(steps.land)(export_id)
        cleaned = task(steps.clean)(export_id)
        verified = task(steps.verify)(export_id)
        profiled = task(steps.profile)(export_id)
        landed >> cleaned >> verified >> profiled
    return export_id, profiled
