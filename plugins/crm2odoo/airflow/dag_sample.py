"""The DAG ``<project>.sample``: the whole migration into a throw-away Odoo, compared field by field, and signed."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, TaskGroup, TriggerRule, task

from crm2odoo.airflow.checks import add_checks
from crm2odoo.airflow.dag_discover import add_intake
from crm2odoo.airflow.forms import connection_param, export_param, fresh_sandbox_param, keep_days_param, keep_sandbox_param, reset_param, target_param
from crm2odoo.airflow.frame import project_dag
from crm2odoo.airflow.load_phases import add_load
from crm2odoo.airflow.signoff import SignOff
from crm2odoo.airflow.steps import Steps
from crm2odoo.project import Bundle

RUNBOOK = """
The whole migration into an Odoo that may be thrown away: everything is loaded, read back, compared field by field, and shown in a report to
be signed.

## Before you start

`{project}.discover` must have been signed for this export and this mapping. For the target *sandbox*, Terraform must work on the workers
(`make tools`); for the target *connection*, its Airflow connection must lead to a neutralised test database, not to production.

| parameter | meaning |
|---|---|
| `export` | the delivery to load; the project's when left as it is |
| `target` | `sandbox`: an Odoo made for this run. `connection`: a test database of your own |
| `connection` | for the target *connection*: its Airflow connection of type *Odoo* |
| `reset` | on: what earlier runs loaded into the test database is taken back first, so that an adjusted mapping starts from nothing |
| `fresh_sandbox` | off: use the project's kept sandbox again, with what is in it |
| `keep_sandbox` | on: do not destroy the sandbox at the end |
| `keep_days` | for how many days; then `crm2odoo_janitor` destroys it |

## What happens

`check` looks whether the run can start. `sandbox_up` makes the Odoo. `intake` reads the export. `target` checks the Odoo and sets up custom
fields and features (`schema_plan` shows them first, and writes them as a module to install and a checklist for an administrator); `reset`
takes back earlier runs when the form says so. `staging` makes one row per Odoo record to be, and the plan: creates, updates, unchanged, held.
After `approve_plan`, `park_settings` switches off what disturbs a load, and `load` writes entity by entity: `chunks` → `records` (one mapped
task per chunk) → `second_pass` → `gate`. `vanished` follows the policy for rows that are gone. `restore_settings` puts the settings back,
also after a failure. `settle` gives every source row its disposition, `diff` reads every field back and compares it, `report` writes it
down, `documents` writes reconciliation, spot check, handoff, lists and evidence beside it, and `sandbox_down` destroys the sandbox, also
after a failure.

After a change of the mapping: trigger it again. The page of `sign_off` begins with what is different since the last sample: records, rows,
differences.

## The gates

- `approve_plan` (a person): are mapping and plan right? Bound to the hash of both; each task that writes checks it again.
- `load.<entity>.gate`: counts in Odoo equal the plan, and nothing happened that should not (mail, activities, automations). A failure stops
  the next entity.
- `sign_off` (a person): does the report show what the customer wants? Bound to the report's hash. `{project}.load` refuses to start without
  it.

## When it fails

The log of the red task says what, where and what to do. A refused record does not stop a run unless too many are refused: it is in the
report with Odoo's own message and its source line. Odoo unreachable: the task tries again by itself, three times.

## Is it safe to clear a task?

Always. What was written is known in the ledger and is not written twice. Clearing one map index of `records` loads that chunk only.
After the end of a run its sandbox is gone. A task that is cleared then refuses to judge the new and empty one: trigger the DAG again, or keep
the sandbox next time.
"""


def build(bundle: Bundle, steps: Steps) -> DAG:
    """The DAG for one project."""
    params = {
        "export": export_param(bundle), "target": target_param(), "connection": connection_param(bundle),
        "reset": reset_param(), "fresh_sandbox": fresh_sandbox_param(), "keep_sandbox": keep_sandbox_param(bundle),
        "keep_days": keep_days_param(),
    }
    with project_dag(bundle, "sample", "2 sample run", RUNBOOK, params) as dag:
        ready = add_checks(bundle, steps, needs="sample")
        up: Any = task(retries=1)(steps.sandbox_up)().as_setup()
        down = task(steps.sandbox_down)().as_teardown(setups=up)
        ready >> up
        report = add_migration(bundle, steps, after=up, subject=f"{bundle.project.title}: load this into the sample Odoo?")
        taken_back = task(steps.reset)()
        dag.task_dict["target.preflight"] >> taken_back >> dag.task_dict["target.schema_plan"]
        sign_off = SignOff(
            task_id="sign_off",
            bundle=bundle,
            ends_run=True,
            shown_by="report",
            subject=f"{bundle.project.title}: is the sample right?",
            doc_md="Waits for the customer's decision on the report. Bound to the report's hash and to the mapping; "
            "production refuses to start without it.",
        )
        report >> sign_off >> down
    return dag


def add_migration(bundle: Bundle, steps: Steps, after: Any, subject: str, live: bool = False) -> Any:
    """Everything between a reachable Odoo and the report. The same for sample and production. Returns the task that writes the
    documents.

    ``live``: what production sees, or a rehearsal of it: a snapshot is taken where that is possible, and owners about whom nobody decided
    stop it, or a named person waives that.
    """
    # Custom fields follow from the export's columns, so the export is read before Odoo is set up.
    export_id, verified = add_intake(steps)
    with TaskGroup("target", tooltip="Check Odoo and set it up"):
        preflight = task(steps.preflight)()
        schema_plan: Any = task(steps.schema_plan)()
        schema_apply = task(steps.schema_apply)(export_id, schema_plan)
        preflight >> schema_plan >> schema_apply
        if live:
            snapshot = task(steps.take_snapshot)(export_id)
            rehearsed = task(steps.rehearse_snapshot)()
            schema_plan >> snapshot >> rehearsed >> schema_apply
    with TaskGroup("staging", tooltip="What Odoo shall hold, and what to do for it"):
        built = task(steps.build_target)(export_id)
        existing = task(steps.existing)()
        plan_id: Any = task(steps.make_plan)(export_id)
        conflicts = task(steps.conflicts)(plan_id)
        shown = task(steps.show_plan)(plan_id)
        built >> existing >> plan_id
        conflicts >> shown
    approve = SignOff(
        task_id="approve_plan",
        bundle=bundle,
        shown_by="staging.show_plan",
        subject=subject,
        doc_md="Waits for a person. Bound to the hashes of mapping, owners and plan: each task that writes to Odoo checks them again, "
        "and refuses when one has changed.",
        trigger_rule=TriggerRule.NONE_FAILED,
    )
    if live:
        queue = task(steps.owner_queue)(plan_id)
        waiver = SignOff(
            task_id="waive_owners",
            bundle=bundle,
            shown_by="owner_queue",
            waives=True,
            subject=f"{bundle.project.title}: start with undecided owners?",
            doc_md="Only when the owner queue is not empty. Approve: the queue is waived in your name, and the records of these owners stay held.",
        )
        queue >> waiver >> approve
    park: Any = task(steps.park_settings)(plan_id).as_setup()
    first, last_gate = add_load(bundle, steps, plan_id)
    restore = task(steps.restore_settings)().as_teardown(setups=park)
    vanished = task(steps.vanished)(plan_id)
    settle = task(steps.settle)(plan_id)
    diff = task(steps.diff)(plan_id)
    report = task(steps.report)(plan_id)
    documents = task(task_id="documents")(steps.write_documents)()
    after >> [preflight, export_id]
    verified >> schema_plan
    schema_apply >> built
    shown >> approve >> park >> first
    last_gate >> vanished >> restore
    [vanished, restore] >> settle >> diff >> report >> documents
    return documents
