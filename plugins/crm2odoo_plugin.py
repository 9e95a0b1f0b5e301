"""The face of crm2odoo in Airflow's own pages. Thin on purpose.

The api-server, the scheduler, the dag-processor and every task import this file once and keep it; therefore nothing that builds DAGs or pages
is imported here: the console makes itself when the api-server has started.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from crm2odoo.airflow.console import Console
from crm2odoo.airflow.console_address import PREFIX

BELOW = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + PREFIX
"""Where the console's pages are when Airflow itself is served below a path."""


CONSOLE = Console()


def _view(name: str, destination: str, path: str, **more: Any) -> dict[str, Any]:
    icons = {"icon": f"{BELOW}/static/mark.svg", "icon_dark_mode": f"{BELOW}/static/mark_dark.svg"}
    return {"name": name, "href": f"{BELOW}{path}", "destination": destination, "url_route": f"crm2odoo_{destination}", **icons, **more}


OURS = {"applies_to": {"dag_tags": ["crm2odoo"]}}
"""Keeps the tab to our DAGs in an Airflow that knows the key (apache/airflow#69148). Airflow 3.1 to 3.3 ignore it, and show the tab on every DAG."""


class Crm2OdooPlugin(AirflowPlugin):
    """The console: an entry in the navigation, and a tab on each DAG and each run."""

    name = "crm2odoo"
    fastapi_apps = [{"app": CONSOLE, "url_prefix": PREFIX, "name": "crm2odoo console"}]
    # Not a middleware at all: Airflow calls it once in each process that serves pages, when the process starts.
    fastapi_root_middlewares = [{"middleware": CONSOLE.get_ready, "name": "crm2odoo console, made at the start"}]
    external_views = [
        _view("Migrations", "nav", "/"),
        _view("Migration", "dag", "/dag/{DAG_ID}", **OURS),
        _view("Migration", "dag_run", "/run/{DAG_ID}/{RUN_ID}", **OURS),
    ]
