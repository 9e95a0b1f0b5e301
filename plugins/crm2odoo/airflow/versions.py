"""What differs between the versions of Airflow that this package runs on, 3.1 and later."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from airflow import __version__

VERSION: tuple[int, ...] = tuple(int(part) for part in __version__.split(".")[:2])

BACKOFF: bool | float = 2.0 if VERSION >= (3, 2) else True
"""Each retry waits twice as long as the one before. Airflow 3.1 knows no other factor, and takes no number."""

AWAITS_INPUT = VERSION >= (3, 3)
"""Whether a task that waits for a person has a state of its own. Before, a trigger looked for the answer, and the triggerer must run."""


def dag_bag(folder: str) -> Any:
    """The DAGs of a folder, as Airflow's dag-processor finds them (a ``DagBag``)."""
    here = "airflow.dag_processing.dagbag"
    return import_module(here if find_spec(here) else "airflow.models.dagbag").DagBag(folder)
