"""The register of decisions: what people decided, in their name. The newest entry under a name counts; none is ever changed."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from crm2odoo.staging import Workspace


def decide(ws: Workspace, name: str, value: Any, by: str, comment: str | None = None) -> None:
    """Adds a decision. ``value``: JSON; its readers say what it means under which name: ``owner:…``, ``conflict:…``, ``pause_load`` …"""
    with ws.connect() as connection:
        connection.execute(
            ws.sql("insert into {log}.decision (name, value, decided_by, comment) values (%s, %s, %s, %s)"), (name, Jsonb(value), by, comment)
        )
