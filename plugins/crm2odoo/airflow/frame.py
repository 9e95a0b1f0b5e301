"""What all DAGs of a project have in common: id, tags, owner, retries, and the failure message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param

from crm2odoo.airflow.failures import tell_what_next
from crm2odoo.airflow.run_state import note_failure
from crm2odoo.airflow.versions import BACKOFF
from crm2odoo.project import Bundle

TAG = "crm2odoo"


def project_dag(bundle: Bundle, step: str, title: str, runbook: str, params: dict[str, Param], schedule: str | None = None) -> DAG:
    """An empty DAG ``<project>.<step>``, started by hand, one run at a time. ``runbook`` is Markdown with ``{project}`` and ``{title}``."""
    project = bundle.project
    more: dict[str, Any] = {"owner_links": {project.owner: project.owner_url}} if project.owner_url else {}
    return DAG(
        dag_id=f"{project.project}.{step}",
        dag_display_name=f"{project.title}: {title}",
        description=runbook.strip().splitlines()[0].format(project=project.project, title=project.title),
        schedule=schedule,
        catchup=False,
        max_active_runs=1,
        # A DAG that is only half built when an error comes must not show up.
        auto_register=False,
        tags=[TAG, f"project:{project.project}", f"source:{project.source}", f"step:{step}", *project.tags],
        default_args={
            "owner": project.owner,
            "retries": 3,
            "retry_delay": timedelta(seconds=20),
            "retry_exponential_backoff": BACKOFF,
            "max_retry_delay": timedelta(minutes=10),
            "on_failure_callback": [tell_what_next, note_failure(bundle)],
        },
        params=params,
        doc_md=f"# {project.title}: {title}\n\n" + runbook.strip().replace("{project}", project.project).replace("{title}", project.title),
        **more,
    )
