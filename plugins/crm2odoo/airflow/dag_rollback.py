"""The DAG ``<project>.rollback``: takes back what loads did to an Odoo, first on paper."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, TaskGroup, TriggerRule, task

from crm2odoo.airflow.forms import connection_param
from crm2odoo.airflow.frame import project_dag
from crm2odoo.airflow.signoff import SignOff
from crm2odoo.airflow.steps import POOL_PROBE, Steps
from crm2odoo.airflow.undo_steps import UndoSteps
from crm2odoo.project import Bundle

RUNBOOK = """
Takes back what loads did to an Odoo: deletes what they made, restores what they changed, and leaves alone what people changed or use since.

**When.** The reconciliation failed, or the customer says no. At any time: during a load (which then stops by itself at its next batch),
after a killed load, weeks later.

| parameter | meaning |
|---|---|
| `way` | `logical`: record by record, what people did stays. `snapshot`: the whole database and its files as they were before a load |
| `snapshot` | number of the snapshot, as the dry run lists them; empty: the newest. Only for the way *snapshot* |
| `dry_run` | on: only list what would happen. Nothing is written to Odoo |
| `target` | `connection`: the project's Odoo. `test`: the Odoo of the connection below. `sandbox`: the project's kept sandbox |
| `connection` | for the target *test*: its Airflow connection of type *Odoo* |
| `run` | the run to undo, as the report names it; empty for everything |
| `schema` | on: take custom fields and features out, too, as far as nothing uses them. Off: they stay, empty |

**Do this.**
1. Trigger with `dry_run` on. The log of `list_undo` shows what would be deleted, archived, restored, and what stays with the reason.
2. Trigger with `dry_run` off. The same list is made anew and waits under *Required actions*. Approve it: the approval is bound to this list.
3. `undo` works newest first, in the reverse order of loading. `verify_undo` compares every model with the picture taken before the first load.

**The way *snapshot*.** Self-hosted Odoo only, where the project file names the database server (`snapshot`); on Odoo Online and Odoo.sh the task
`check.needs` says what there is instead. Everything since the snapshot goes, also what people did: the dry run counts it. The database that is
replaced is kept under another name, and nobody is let in; drop it when nobody needs it. `settings`, `schema` and single runs do not matter:
all of it is in the snapshot. Refused after the cutover, until the project is unlocked.

**What stays, and is listed.** (The way *logical*.) Records that somebody else changed, or that records of others refer to, with everything
they need; users, who are archived; what Odoo refuses to delete (it is archived when it can be). Look at the list, settle those by hand, and
trigger again.

**Measured time.** Logical: about as many records a second as the load wrote. Snapshot: as rehearsed when it was taken; the page says how long.

**When it fails.** The log of the red task says what, where and what to do. `RollbackChanged`: somebody loaded after the list was made:
trigger again. `RollbackIncomplete`: records nothing explains; the message lists them.

**Is it safe to clear a task?** Always. What is undone is in the ledger, and is not done twice. Afterwards `{project}.load` can run again.
"""


def build(bundle: Bundle, _: Steps) -> DAG:
    """The DAG for one project."""
    steps = UndoSteps(bundle)
    params = {
        "way": Param(
            "logical",
            type="string",
            enum=["logical", "snapshot"],
            title="Way",
            values_display={"logical": "Record by record", "snapshot": "The whole database, from a snapshot"},
        ),
        "snapshot": Param("", type="string", pattern="^[0-9]*$", title="Snapshot", description_md="Its number; empty: the newest one."),
        "dry_run": Param(True, type="boolean", title="Dry run", description_md="On: only list what would be undone."),
        "target": Param(
            "connection",
            type="string",
            enum=["connection", "test", "sandbox"],
            title="Target",
            values_display={"connection": "The project's Odoo", "test": "A test database of your own", "sandbox": "The project's kept sandbox"},
        ),
        "connection": connection_param(bundle),
        "run": Param("", type="string", title="Run", description_md="Run to undo, as the report names it. Empty: everything that was loaded."),
        "schema": Param(
            False, type="boolean", title="Custom fields, too", description_md="On: take out custom fields and features that nothing uses."
        ),
    }
    with project_dag(bundle, "rollback", "rollback", RUNBOOK, params) as dag:
        with TaskGroup("check", tooltip="Connections, pool, Odoo"):
            task(task_id=POOL_PROBE.rpartition(".")[2], pool=bundle.project.pool)(steps.pool_slot)()
            ready = task(task_id="needs", retries=0)(steps.needs_for_undo)()
        listed: Any = task(steps.list_undo)()
        go = task.short_circuit(task_id="wanted")(steps.wanted)()
        sign_off = SignOff(
            task_id="sign_off",
            bundle=bundle,
            shown_by="list_undo",
            subject=f"{bundle.project.title}: undo this?",
            doc_md="Waits for a person. Bound to the hash of the list: what was loaded after it cannot be undone with it.",
        )
        undone = task(pool=bundle.project.pool)(steps.undo)(listed)
        settings = task(steps.put_back_settings)()
        removed = task(steps.remove_schema)()
        verified = task(trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)(steps.verify_undo)()
        ready >> listed >> go >> sign_off >> undone >> settings >> removed >> verified
    return dag
