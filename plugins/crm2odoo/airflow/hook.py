"""The Airflow connection to an Odoo: URL, database, login and API key, with a Test button."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from airflow.providers.common.compat.sdk import BaseHook

from crm2odoo.odoo.client import OdooClient, OdooCredentials

DEFAULT_PORTS = {"http": 80, "https": 443}


def with_port(url: str, port: int | None) -> str:
    """The address with the port of the connection's own field, unless it has one itself or it is the usual one of the scheme."""
    parts = urlsplit(url)
    try:
        known = parts.port is not None
    except ValueError:
        return url  # the client says what is wrong with it
    if not parts.netloc or not port or known or port == DEFAULT_PORTS.get(parts.scheme):
        return url
    return urlunsplit(parts._replace(netloc=f"{parts.netloc}:{port}"))


class OdooHook(BaseHook):
    """Reads a connection of type ``odoo``. The host is the whole URL (https://acme.odoo.com), the schema is the database."""

    conn_name_attr = "odoo_conn_id"
    default_conn_name = "crm2odoo_odoo"
    conn_type = "odoo"
    hook_name = "Odoo"

    def __init__(self, odoo_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.odoo_conn_id = odoo_conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The form, for an Airflow that reads it from the class and not from the provider's metadata."""
        from crm2odoo.airflow.provider import get_provider_info

        behaviour = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
        return {key.replace("-", "_"): value for key, value in behaviour.items()}

    def credentials(self) -> OdooCredentials:
        """What the client needs. Raises AirflowNotFoundException when there is no such connection."""
        connection = self.get_connection(self.odoo_conn_id)
        host = (connection.host or "").strip().rstrip("/")
        if host and "://" not in host:
            host = f"https://{host}"
        host = with_port(host, connection.port)
        return OdooCredentials(url=host, database=connection.schema or "", login=connection.login or "", secret=connection.password or "")

    def get_conn(self) -> OdooClient:
        """A client that has logged in. Raises the client's errors, which say what to do."""
        return OdooClient.connect(self.credentials())

    def test_connection(self) -> tuple[bool, str]:
        """What the Test button of the connection form shows."""
        try:
            client = self.get_conn()
        except Exception as error:
            return False, str(error)
        return True, f"Odoo {client.version} answered; logged in as user {client.uid}."
