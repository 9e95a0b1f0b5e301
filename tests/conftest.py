"""What all tests share: an Airflow home of their own, and the real servers.

The environment is set before anything imports Airflow, because Airflow reads it once.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

_home = tempfile.mkdtemp(prefix="crm2odoo-test-airflow-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ.update(
    AIRFLOW_HOME=_home,
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{_home}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
)

if find_spec("hypothesis"):  # not beside Airflow 3.1, where only the DAGs are tested
    from hypothesis import settings

    # A run of the suite tries the same examples each time, so that red means a change; HYPOTHESIS_PROFILE=search looks for new ones.
    settings.register_profile("same", derandomize=True)
    settings.register_profile("search", print_blob=True)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

pytest_plugins = ["odoo_server", "promise_results"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which workers get the modules: one makes the template of Odoo, the others do meanwhile what needs none."""
    needs: dict[str, bool] = {}
    for item in items:
        module = item.nodeid.partition("::")[0]
        needs[module] = needs.get(module, False) or "odoo_base" in getattr(item, "fixturenames", ())
    maker = next((module for module, odoo in needs.items() if odoo), "")
    items.sort(key=lambda item: (0 if (module := item.nodeid.partition("::")[0]) == maker else 1 + needs[module]))


# Airflow is 800,000 objects, and Python's collector looks at all of them again and again: every seventh second of a run of a DAG.
gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="module", autouse=True)
def _what_is_there_stays() -> None:
    """From now on the collector looks at what is made in this module only. A task's process, forked from here, copies fewer pages, too."""
    gc.collect()
    gc.freeze()
