"""What Airflow is told about this package when it is installed with pip: the connection type and its form."""

from __future__ import annotations

from typing import Any

from crm2odoo import __version__


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, as ``airflow providers list`` reads it."""
    return {
        "package-name": "crm2odoo",
        "name": "crm2odoo",
        "description": "Migrations from CRM exports into Odoo",
        "versions": [__version__],
        "connection-types": [
            {
                "hook-class-name": "crm2odoo.airflow.hook.OdooHook",
                "hook-name": "Odoo",
                "connection-type": "odoo",
                "ui-field-behaviour": {
                    # The Test button in Airflow's list sends 0 for a port that is not set, and is refused then (3.3): so people set it.
                    "hidden-fields": ["extra"],
                    "relabeling": {"host": "URL", "schema": "Database", "login": "Login", "password": "API key"},
                    "placeholders": {
                        "host": "https://example.odoo.com",
                        "port": "443 (80 for http); the Test button needs it",
                        "schema": "the database's name",
                        "login": "migration@example.com",
                        "password": "Preferences → Account Security → New API Key",
                    },
                },
            }
        ],
    }
