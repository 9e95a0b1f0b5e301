"""One set of DAGs for each file below mappings/projects/. Nothing else lives here.

A project file with a mistake becomes the DAG ``<project>.config_error``, which shows the mistake; the other projects keep their DAGs.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import get_parsing_context

from crm2odoo.airflow.factory import dags_below

ROOT = Path(os.environ.get("CRM2ODOO_ROOT") or Path(__file__).resolve().parents[1])

# A task process, and a rehearsal, name the one DAG that they need.
for dag in dags_below(ROOT, only=get_parsing_context().dag_id or os.environ.get("CRM2ODOO_ONLY_DAG")):
    globals()[dag.dag_id.replace(".", "__")] = dag
