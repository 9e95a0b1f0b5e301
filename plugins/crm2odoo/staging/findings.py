"""What a person should know about an export, written so that a repeated step does not say it twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from psycopg.types.json import Jsonb

from crm2odoo.staging.kept_connections import Connection
from crm2odoo.staging.workspace import Workspace


@dataclass(frozen=True)
class Finding:
    """One thing to know. ``title`` says what, where and what to do; ``evidence`` holds no personal data."""

    severity: Literal["blocking", "warning", "info"]
    code: str
    title: str
    count: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


def storable(value: Any) -> Any:
    """A value without NUL characters, which PostgreSQL has no place for; headers and texts of damaged files may hold them."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {storable(k): storable(v) for k, v in value.items()}
    return [storable(v) for v in value] if isinstance(value, (list, tuple)) else value


def replace_findings(ws: Workspace, connection: Connection, export_id: str, step: str, findings: Iterable[Finding]) -> None:
    """Puts the findings of a step in the place of those that it left last time."""
    connection.execute(ws.sql("delete from {log}.finding where export_id = %s and step = %s"), (export_id, step))
    with connection.cursor() as cursor:
        cursor.executemany(
            ws.sql("insert into {log}.finding (export_id, step, severity, code, title, count, evidence) values (%s, %s, %s, %s, %s, %s, %s)"),
            [(export_id, step, f.severity, f.code, storable(f.title), f.count, Jsonb(storable(f.evidence))) for f in findings],
        )
