"""The tasks that write records, one group per entity in load order. Sample and production share them: one code path."""

from __future__ import annotations

from typing import Any

from airflow.sdk import TaskGroup, TriggerRule, chain, task

from crm2odoo.airflow.steps import Steps, only_looked_up
from crm2odoo.project import Bundle


def add_load(bundle: Bundle, steps: Steps, plan_id: Any) -> tuple[Any, Any]:
    """Adds the group ``load`` and returns its first and its last task.

    First one task for the entities that are only looked up (countries …). Then a group per entity: cut chunks → load each chunk (one mapped
    task, at most 1,000) → second pass → gate. A failed gate stops the next group.
    """
    with TaskGroup("load", tooltip="Records into Odoo, entity by entity"):
        first = last = task(steps.looked_up)(plan_id)
        for entity in bundle.load_order:
            if only_looked_up(bundle, entity):
                continue
            with TaskGroup(entity, tooltip=bundle.entities[entity].title):
                chunks = task(steps.chunks)(entity, plan_id)
                loaded = (
                    task(
                        task_id="records",
                        pool=bundle.project.pool,
                        map_index_template="{{ chunk_label }}",
                        doc_md=steps.load_chunk.__doc__,  # Airflow takes the docstring by itself for tasks that are not mapped
                    )(steps.load_chunk)
                    .partial(entity=entity, plan_id=plan_id)
                    .expand(chunk=chunks)
                )
                # An entity with nothing to write has no chunks: its mapped task is skipped, and the gate still runs.
                second = task(pool=bundle.project.pool, trigger_rule=TriggerRule.NONE_FAILED)(steps.second_pass)(entity, plan_id)
                passed = task(retries=1)(steps.gate)(entity, plan_id)
                chain(loaded, second, passed)
            last >> chunks
            last = passed
    return first, last
