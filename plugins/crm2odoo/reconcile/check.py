"""One reconciliation check: what was expected, what was found, and where it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from crm2odoo.staging import Connection, Workspace

Figure = int | Decimal | None


@dataclass(frozen=True)
class Check:
    """``name`` is for machines, ``title`` for people. ``details`` holds cases, queries and what to do; it is kept as JSON."""

    phase: str
    name: str
    title: str
    expected: Figure
    found: Figure
    passed: bool
    details: dict[str, Any] = field(default_factory=dict)


def same(phase: str, name: str, title: str, expected: Figure, found: Figure, **details: Any) -> Check:
    """A check that passes when both figures are equal."""
    return Check(phase, name, title, expected, found, expected == found, details)


def keep(ws: Workspace, connection: Connection, run_id: str, target_id: str, checks: Iterable[Check]) -> None:
    """Writes checks to ``<p>_log.reconciliation``. A repeated check of the same run and phase replaces the earlier one."""
    rows = [(run_id, target_id, c.phase, c.name, c.expected, c.found, c.passed, Jsonb({"title": c.title, **c.details}, dumps=_json)) for c in checks]
    with connection.cursor() as cursor:
        cursor.executemany(
            ws.sql("delete from {log}.reconciliation where run_id = %s and target_id = %s and phase = %s and name = %s"),
            [row[:4] for row in rows],
        )
        cursor.executemany(
            ws.sql(
                "insert into {log}.reconciliation (run_id, target_id, phase, name, expected, found, passed, details)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s)"
            ),
            rows,
        )


def _json(value: object) -> str:
    import json

    return json.dumps(value, default=str, ensure_ascii=False)
