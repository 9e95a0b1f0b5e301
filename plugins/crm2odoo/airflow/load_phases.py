"""The tasks that write records, one group per entity in load order. Sample and production share them: one code path."""

from __future__ import annotations

from typing import Any

from airflow.sdk import TaskGroup, TriggerRule, chain, task

from crm2odoo.airflow.steps import Steps
from crm2odoo.project import Bundle


def add_load(bundle: Bundle, steps: Steps, plan_id: Any) -> tuple[Any, Any]:
    """Adds a group per entity and returns the first and the last of its groups' ends: (first task, last gate).

    Inside a group: cut chunks → load each chunk (one mapped task, at most 1,000) → second pass → gate. A failed gate stops the next group.
    """
    first: Any = None
    gate: Any = None
    with TaskGroup("load", tooltip="Records into Odoo, entity by entity"):
        for entity in bundle.load_order:
            with TaskGroup(entity, tooltip=bundle.entities[entity].title):
                chunks = task(steps.chunks)(entity, plan_id)
                loaded = (
                    task(
                        steps.load_chunk, task_id="records", pool=bundle.project.pool, map_index_template="{{ chunk_label }}",
                    )
                    .partial(entity=entity, plan_id=plan_id)
                    .expand(chunk=chunks)
                )
                # An entity with nothing to write has no chunks: its mapped task is skipped, and the gate still runs.
                second = task(steps.second_pass, pool=bundle.project.pool, trigger_rule=TriggerRule.NONE_FAILED)(entity, plan_id)
                passed = task(steps.gate, retries=1)(entity, plan_id)
                chain(loaded, second, passed)
            if gate is None:
                first = chunks
            else:
                gate >> chunks
            gate = passed
    return first, gate
