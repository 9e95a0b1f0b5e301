"""From project files to DAGs. One project with a mistake never takes the DAGs of another away."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, task

from crm2odoo.airflow import dag_cutover, dag_delta, dag_discover, dag_handoff, dag_hypercare, dag_load, dag_purge, dag_rollback, dag_sample
from crm2odoo.airflow.frame import TAG
from crm2odoo.airflow.steps import Steps
from crm2odoo.project import ConfigError, load_bundle, project_names

log = logging.getLogger(__name__)

BUILDERS = {
    "discover": dag_discover.build,
    "sample": dag_sample.build,
    "load": dag_load.build,
    "delta": dag_delta.build,
    "cutover": dag_cutover.build,
    "hypercare": dag_hypercare.build,
    "rollback": dag_rollback.build,
    "handoff": dag_handoff.build,
    "purge": dag_purge.build,
}


def dags_below(root: Path, only: str | None = None) -> Iterator[DAG]:
    """The DAGs of every active project below ``<root>/mappings/projects``; only the one with the DAG id ``only`` when given."""
    wanted, _, step = (only or "").rpartition(".")
    for name in project_names(root):
        if wanted and _dag_name(name) != wanted:
            continue
        try:
            yield from project_dags(root, name, step or None)
        except ConfigError as error:
            yield config_error_dag(name, str(error))
        except Exception as error:
            # Whatever goes wrong here must not take the other projects' DAGs away; the stub shows it.
            log.exception("The DAGs of the project %s cannot be built", name)
            yield config_error_dag(name, f"{root / 'mappings' / 'projects' / (name + '.yaml')}: {type(error).__name__}: {error}")


def project_dags(root: Path, name: str, step: str | None = None) -> list[DAG]:
    """The DAGs of one project, or the one of a step; none when it is not active. Raises ConfigError."""
    bundle = load_bundle(root, name)
    if not bundle.project.active:
        return []
    return [build(bundle, Steps(bundle)) for key, build in BUILDERS.items() if step in (None, key)]


def dag_ids(root: Path) -> list[str]:
    """The ids of the DAGs that ``dags_below`` makes, without making them."""
    ids = []
    for name in project_names(root):
        try:
            if load_bundle(root, name).project.active:
                ids += [f"{name}.{step}" for step in BUILDERS]
        except ConfigError:
            ids.append(f"{_dag_name(name)}.config_error")
    return ids


def config_error_dag(name: str, message: str) -> DAG:
    """Stands in for the DAGs of a project whose files have a mistake."""
    dag = DAG(
        dag_id=f"{_dag_name(name)}.config_error",
        dag_display_name=f"{name}: mistake in the project's files",
        schedule=None,
        catchup=False,
        max_active_runs=1,
        tags=[TAG, "config-error", f"project:{_dag_name(name)}"],
        doc_md=f"# The files of the project {name} have a mistake\n\n```text\n{message}\n```\n\n"
        "Correct the file. This DAG then disappears, and the project's DAGs come back, when Airflow reads the files again.",
    )

    def show_mistake() -> None:
        """Fails with the mistake in the project's files, as the page of the DAG shows it."""
        raise AirflowFailException(message)

    with dag:
        task(show_mistake)()
    return dag


def _dag_name(name: str) -> str:
    """A file name as part of a DAG id, which allows fewer characters."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
