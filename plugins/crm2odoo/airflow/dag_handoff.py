"""The DAG ``<project>.handoff``: the documents of any run once more, and filled-in sheets back."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from crm2odoo import handoff
from crm2odoo.airflow.frame import project_dag
from crm2odoo.airflow.handoff_steps import HandoffSteps
from crm2odoo.airflow.steps import Steps
from crm2odoo.project import Bundle

RUNBOOK = """
Makes the documents of a run again, at any time, from stored data alone, and takes back the sheets that people filled in. Writes nothing to Odoo.

**Before you start.** There must have been a run of `{project}.discover`, `{project}.sample`, `{project}.load` or a later DAG.

| parameter | meaning |
|---|---|
| `run` | the run the documents are about, as in its folder's name; the latest one when empty |
| `documents` | which ones; all of that kind of run when empty |
| `sheets` | folder, archive or `s3://` prefix with filled-in sheets (owner queue, spot check, completeness checklist, custom fields) |
| `filled_in_by` | who filled them in; whoever triggers this run when empty |
| `unmasked` | on: also a pack with every value readable, in a folder of its own. Who asked is noted |

**What happens.** `needs` finds the run. `take_sheets` puts owners' choices into the decision register, keeps the ticks of the spot check as a
verdict, and shows the lines for the project file that follow from the sheet of custom fields. `check_rules` counts on the run's Odoo how many
records each proposed automation would match. `documents` writes everything with a manifest of sha256, and the evidence bundle; its log says where.

**The gate.** There is none. A document that somebody signed stays as it was signed, in the folder `signed`.

**When it fails.** The log of the red task says what, where and what to do: a sheet with a mistake is named with its row.

**Is it safe to clear a task?** Always.
"""

NAMES = [*handoff.PAPERS, "report", "lists", "evidence"]


def build(bundle: Bundle, _: Steps) -> DAG:
    """The DAG for one project."""
    steps = HandoffSteps(bundle)
    params = {
        "run": Param("", type="string", title="Run", description_md="Empty: the latest run that ended well."),
        "documents": Param(
            [], type="array", items={"type": "string", "enum": NAMES}, examples=NAMES, title="Documents", description_md="Empty: all of them."
        ),
        "sheets": Param("", type="string", title="Filled-in sheets", description_md="Folder, archive or `s3://` prefix. Empty: none."),
        "filled_in_by": Param("", type="string", title="Filled in by", description_md="Empty: whoever triggers this run."),
        "unmasked": Param(False, type="boolean", title="Unmasked", description_md="Also a pack with every value readable. Handle with care."),
    }
    with project_dag(bundle, "handoff", "handoff", RUNBOOK, params) as dag:
        about: Any = task(task_id="needs", retries=0)(steps.needs_for_documents)()
        taken = task(retries=0)(steps.take_sheets)(about)
        checked = task(steps.check_rules)(about)
        written = task(task_id="documents")(steps.make_again)(about)
        taken >> checked >> written
    return dag
