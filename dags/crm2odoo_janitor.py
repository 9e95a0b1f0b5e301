"""The DAG that destroys sandboxes whose time is over. Leave this file out where no sandboxes are made on the workers."""

from __future__ import annotations

from airflow.sdk import get_parsing_context

if get_parsing_context().dag_id in (None, "crm2odoo_janitor"):
    from crm2odoo.airflow.dag_janitor import build

    dag = build()
