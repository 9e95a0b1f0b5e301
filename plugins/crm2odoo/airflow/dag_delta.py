"""The DAG ``<project>.delta``: what changed in the source since the last load, into the same Odoo."""

from __future__ import annotations

from airflow.sdk import DAG, Param, task

from crm2odoo.airflow.checks import add_checks
from crm2odoo.airflow.dag_sample import add_migration
from crm2odoo.airflow.forms import connection_param, export_param
from crm2odoo.airflow.frame import project_dag
from crm2odoo.airflow.live_steps import LiveSteps
from crm2odoo.airflow.signoff import SignOff
from crm2odoo.airflow.steps import Steps
from crm2odoo.project import Bundle

RUNBOOK = """
Loads what changed in the source since the last load: from a new, complete export alone, no date of change is needed. Any number of times.

**Before you start.** `{project}.load` must have run. The new export must have been signed in `{project}.discover`. A full export: a row that is
missing in it counts as deleted in the source (a missing file does not).

| parameter | meaning |
|---|---|
| `export` | the new delivery |
| `target` | `production`: the project's Odoo. `test`: a rehearsal on the connection below |
| `connection` | for the target *test*: its Airflow connection of type *Odoo* |

**What happens.** `check`, and `check_lock` refuses after the cutover. Then the same tasks as in `{project}.load`: `intake`, `target`,
`staging`, `approve_plan`, `park_settings`, `load`, `vanished`, `restore_settings`, `settle`, `diff`, `report`, `documents`, `sign_off`. Only
changed fields of changed records are written; where nothing changed, nothing is written. The plan's page shows which fields would change, which
rows are gone and what becomes of their records (`vanished` in the project file: keep, archive or delete), and which fields somebody
changed in Odoo meanwhile.

**Conflicts.** A field that both sides changed is left alone and comes up in every delta until somebody decides: record the decision
`conflict:<entity>:<xid>:<field>` (or `conflict:<entity>`, or `conflict`) as `keep_odoo` or `take_source`, and trigger again. A record that
somebody deleted in Odoo, or merged into another, is held in the same way (the field is called `record`): `keep_odoo` leaves it so,
`take_source` makes a deleted one again, with its links, and counts only when it names the record.

**Owners.** Somebody who was held because Odoo had no such user: make the user, or decide (`owner:<e-mail>`), and trigger this DAG with the same
export: `owner_queue` looks again, and only the records that were held are written. While one is undecided, `waive_owners` asks a person.

**The gates.** As in `{project}.load`: `approve_plan`, `load.<entity>.gate`, `sign_off`.

**When it fails.** The log of the red task says what, where and what to do. *Plan … is stale*: something changed since the plan; trigger again.
To take this one delta back: `{project}.rollback` with its `run`.

**Is it safe to clear a task?** Always. What was written is known in the ledger and is not written twice.
"""


def target_of_live() -> Param:
    """Production, or a rehearsal."""
    return Param(
        "production",
        type="string",
        enum=["production", "test"],
        title="Target",
        values_display={"production": "The project's Odoo", "test": "A rehearsal on a test database"},
        description_md="**production**: the Odoo of the project's connection. **test**: the connection below, as loaded by a sample run.",
    )


def build(bundle: Bundle, _: Steps) -> DAG:
    """The DAG for one project."""
    steps = LiveSteps(bundle)
    params = {"export": export_param(bundle), "target": target_of_live(), "connection": connection_param(bundle)}
    with project_dag(bundle, "delta", "delta", RUNBOOK, params) as dag:
        ready = add_checks(bundle, steps, needs="load")
        unlocked = task(task_id="check_lock")(steps.refuse_cut_over)()
        ready >> unlocked
        report = add_migration(bundle, steps, after=unlocked, subject=f"{bundle.project.title}: load these changes?", live=True)
        sign_off = SignOff(
            task_id="sign_off",
            bundle=bundle,
            ends_run=True,
            shown_by="report",
            subject=f"{bundle.project.title}: accept this delta?",
            doc_md="Waits for the customer's decision on the report of this delta. Bound to the report's hash.",
        )
        report >> sign_off
    return dag
