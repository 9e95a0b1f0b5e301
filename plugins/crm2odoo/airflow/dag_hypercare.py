"""The DAG ``<project>.hypercare``: a look at the migrated records every day of the project's window."""

from __future__ import annotations

from airflow.sdk import DAG, Param, TaskGroup, task

from crm2odoo.airflow.dag_delta import target_of_live
from crm2odoo.airflow.forms import connection_param
from crm2odoo.airflow.frame import project_dag
from crm2odoo.airflow.live_steps import LiveSteps
from crm2odoo.airflow.steps import POOL_PROBE, Steps
from crm2odoo.project import Bundle

RUNBOOK = """
Every day of the window (`hypercare` in the project file): are the migrated records still in Odoo, and as agreed? Writes nothing to Odoo.

**Before you start.** Name the window in `mappings/projects/{project}.yaml`: `hypercare: {first: 2026-01-12, last: 2026-01-16}`. Unpause this DAG
after the cutover.

| parameter | meaning |
|---|---|
| `target` | `production`, or `test`: a test database |
| `connection` | for the target *test*: its Airflow connection of type *Odoo* |
| `close` | on: write the closing report now, before the window ends |

**What happens.** `check`; `in_window` ends the run quietly outside of the window, unless a person triggered it; `drift` looks at every migrated
record by its external id: gone or archived by somebody is an issue (register `_log.issue`: seen, closed), a change by a person is counted.
Sums of the ledger must equal Odoo's state. `closing` writes the closing report on the last day, `documents` the
hypercare report, every day anew.

**The gate.** There is none: people work in Odoo now, and a change is no fault. Read the issues. An issue closes by itself when the record is
as agreed again; or a person accepts it with the decision `issue:<kind>:<entity>:<external id>` = accepted, and is named in the register.

**When it fails.** The log of the red task says what, where and what to do.

**Is it safe to clear a task?** Always.
"""


def build(bundle: Bundle, _: Steps) -> DAG:
    """The DAG for one project."""
    steps = LiveSteps(bundle)
    params = {
        "target": target_of_live(),
        "connection": connection_param(bundle),
        "close": Param(False, type="boolean", title="Close", description_md="Write the closing report now."),
    }
    with project_dag(bundle, "hypercare", "hypercare", RUNBOOK, params, schedule="@daily" if bundle.project.hypercare else None) as dag:
        with TaskGroup("check", tooltip="Connections, pool, Odoo"):
            task(task_id=POOL_PROBE.rpartition(".")[2], pool=bundle.project.pool)(steps.pool_slot)()
            ready = task(task_id="needs", retries=0)(steps.needs_for_look)()
        window = task.short_circuit(task_id="in_window")(steps.in_window)()
        drift = task(steps.drift)()
        closing = task(steps.closing)()
        documents = task(task_id="documents")(steps.last_documents)()
        ready >> window >> drift >> closing >> documents
    return dag
