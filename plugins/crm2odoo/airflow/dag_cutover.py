"""The DAG ``<project>.cutover``: freeze, final delta, gates, go or no-go, lock."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, TaskGroup, TriggerRule, task

from crm2odoo.airflow.dag_delta import target_of_live
from crm2odoo.airflow.dag_sample import add_migration
from crm2odoo.airflow.forms import connection_param, export_param
from crm2odoo.airflow.frame import project_dag
from crm2odoo.airflow.live_steps import LiveSteps
from crm2odoo.airflow.signoff import SignOff
from crm2odoo.airflow.steps import POOL_PROBE, Steps
from crm2odoo.project import Bundle

RUNBOOK = """
The day of the cutover: proves that the source stands still, loads the last changes, shows every gate, asks go or no-go, and locks the project.

**Before you start.** Announce it. Close the source for writing. Have it delivered, and once more a quarter of an hour later: two equal
deliveries are the proof. Rehearse with `target` = *test* first; the runbook of a rehearsal says so.

| parameter | meaning |
|---|---|
| `action` | `cutover`, or `unlock`: open a project that was cut over, by an approval of its own |
| `export` | the final delivery; signed in `{project}.discover` |
| `proof` | the second delivery of the same; empty: somebody signs a statement instead |
| `target` | `production`, or `test`: a rehearsal on the connection below |
| `connection` | for the target *test*: its Airflow connection of type *Odoo* |

**What happens.** `check` and `check_lock`; the final delta with the same tasks as `{project}.delta` (`intake`, `target`, `staging`, `owner_queue`,
`waive_owners`, `approve_plan`, `park_settings`, `load`, `vanished`, `restore_settings`, `settle`, `diff`, `report`, `documents`);
`freeze` and `freeze_statement` before anything is written; then `gates`, `waive_gates` when one is red, `decision`, `go_no_go`, `lock`,
`runbook`, and `final_documents` (final report, handoff, evidence, with every signature).
For unlocking: `wants_unlock`, `show_lock`, `unlock`; `wants_cutover` keeps the two apart.

| step | who | command | expected |
|---|---|---|---|
| announce | project lead | mail | everybody confirmed |
| freeze | source owner | `freeze_statement` under Required actions | approved |
| delta | migration engineer | `approve_plan` under Required actions | every `load.<entity>.gate` green |
| gates | migration engineer | log of `gates`; `waive_gates` if one is red | no gate is red, or each red one is waived by name |
| go or no-go | customer | `go_no_go` under Required actions | approved; else `{project}.rollback` |
| lock | migration engineer | log of `lock` | load tasks refuse from now on |
| users | administrator | mail servers on, invitations | a user finds own records |
| hypercare | migration engineer | unpause `{project}.hypercare` | first daily look |

`runbook` writes this table with names (`runbook_owners` in the project file), planned and actual times.

**The gate that is red.** `waive_gates` waits under Required actions and names it. *Reject*, settle it, and clear `gates`: it looks again. Or
*Approve*: the gate is waived in your name, for exactly what it says now, and every later page and report prints that. Nothing is locked
before `go_no_go`, and the source can be opened again.

**When it fails.** Before `lock` nothing is final. `{project}.rollback` with this `run` takes the final delta back.

**Is it safe to clear a task?** Always.
"""


NEEDS: Any = "load"


def build(bundle: Bundle, _: Steps) -> DAG:
    """The DAG for one project."""
    steps = LiveSteps(bundle)
    params = {
        "action": Param("cutover", type="string", enum=["cutover", "unlock"], title="Action"),
        "export": export_param(bundle),
        "proof": Param(
            "", type="string", title="Second delivery", description_md="Delivered after the freeze; must equal the export. Empty: a statement."
        ),
        "target": target_of_live(),
        "connection": connection_param(bundle),
    }
    with project_dag(bundle, "cutover", "cutover", RUNBOOK, params) as dag:
        with TaskGroup("check", tooltip="Connections, pool, database, export"):
            task(task_id=POOL_PROBE.rpartition(".")[2], pool=bundle.project.pool)(steps.pool_slot)()
            ready = task(task_id="needs", retries=0)(steps.needs)(NEEDS)
        ready >> _unlock(bundle, steps)
        wanted = task.short_circuit(task_id="wants_cutover")(steps.wants_cutover)()
        unlocked = task(task_id="check_lock")(steps.refuse_cut_over)()
        ready >> wanted >> unlocked
        report = add_migration(bundle, steps, after=unlocked, subject=f"{bundle.project.title}: load the last changes?", live=True)
        export_id: Any = dag.task_dict["intake.register"].output
        plan_id: Any = dag.task_dict["staging.make_plan"].output
        freeze = task(steps.freeze)(export_id)
        statement = SignOff(
            task_id="freeze_statement",
            bundle=bundle,
            shown_by="freeze",
            marks="freeze",
            subject=f"{bundle.project.title}: does the source stand still?",
            doc_md="Waits for whoever owns the source. Bound to the hash of the delivery; nothing is written to Odoo before.",
        )
        freeze >> statement >> [dag.task_dict["target.take_snapshot"], dag.task_dict["target.schema_apply"]]
        gates: Any = task(retries=0)(steps.gates)(plan_id)
        waiver = SignOff(
            task_id="waive_gates",
            bundle=bundle,
            shown_by="gates",
            waives=True,
            subject=f"{bundle.project.title}: gates are red. Waive them?",
            doc_md="Only when a gate is red. Approve: it is waived in your name, for exactly what it says now. Reject, settle it, and clear `gates`.",
        )
        decision: Any = task(retries=0, trigger_rule=TriggerRule.NONE_FAILED)(steps.decision)(plan_id)
        go = SignOff(
            task_id="go_no_go",
            bundle=bundle,
            shown_by="decision",
            marks="go_no_go",
            subject=f"{bundle.project.title}: GO or NO-GO?",
            doc_md="Waits for the customer. Bound to the state of every gate. After Approve, Odoo is the system of record.",
        )
        locked = task(steps.lock)(decision, plan_id)
        shown = task(task_id="runbook")(steps.show_runbook)()
        final = task(task_id="final_documents")(steps.last_documents)()
        report >> gates >> waiver >> decision >> go >> locked >> shown >> final
    return dag


def _unlock(bundle: Bundle, steps: LiveSteps) -> Any:
    wanted: Any = task.short_circuit(task_id="wants_unlock")(steps.wants_unlock)()
    shown = task(steps.show_lock)()
    unlock = SignOff(
        task_id="unlock",
        bundle=bundle,
        shown_by="show_lock",
        ends_run=True,
        subject=f"{bundle.project.title}: UNLOCK after the cutover?",
        doc_md="Waits for a person. Bound to this one lock: a later cutover locks anew.",
    )
    wanted >> shown >> unlock
    return wanted
