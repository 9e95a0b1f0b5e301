"""The face of crm2odoo in Airflow's own pages. Thin on purpose.

The api-server, the scheduler and the dag-processor import this file once and keep it; therefore nothing that builds DAGs
is imported here, or a changed factory would not be seen until they are started again.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class Crm2OdooPlugin(AirflowPlugin):
    """Console pages and links will be registered here."""

    name = "crm2odoo"
