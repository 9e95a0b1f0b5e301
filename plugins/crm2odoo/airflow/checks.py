"""The first tasks of every DAG: is everything there that the run needs?"""

from __future__ import annotations

from typing import Any

from airflow.sdk import TaskGroup, task

from crm2odoo.airflow.steps import POOL_PROBE, Needs, Steps
from crm2odoo.project import Bundle


def add_checks(bundle: Bundle, steps: Steps, needs: Needs) -> Any:
    """Adds the group ``check`` and returns the task after which all is there."""
    with TaskGroup("check", tooltip="Connections, pool, database, export"):
        task(task_id=POOL_PROBE.rpartition(".")[2], pool=bundle.project.pool)(steps.pool_slot)()
        return task(retries=0)(steps.needs)(needs)
