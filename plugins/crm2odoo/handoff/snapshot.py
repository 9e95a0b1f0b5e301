"""What staging tables said about a run, kept in ``<p>_log.fact``: they are rebuilt by every export, and documents must outlive that."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm2odoo.staging import Workspace

Rows = list[dict[str, Any]]


def keep(ws: Workspace, run_id: str, answers: dict[str, Rows], queries: dict[str, str]) -> None:
    """Keeps answers with the queries that gave them; a newer one of the same name replaces the older."""
    with ws.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            ws.sql(
                "insert into {log}.fact (run_id, name, query, answer) values (%s, %s, %s, %s) on conflict (run_id, name) do update"
                " set query = excluded.query, answer = excluded.answer, asked_at = clock_timestamp()"
            ),
            [(run_id, name, queries.get(name, ""), json.dumps(rows, default=_tagged)) for name, rows in answers.items()],
        )


def kept(ws: Workspace, run_id: str) -> tuple[dict[str, Rows], dict[str, str]]:
    """The answers and queries that a run's documents had."""
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql("select name, query, answer::text as answer from {log}.fact where run_id = %s order by name"), (run_id,)
        ).fetchall()
    return {r["name"]: json.loads(r["answer"], object_hook=_untagged) for r in rows}, {r["name"]: r["query"] for r in rows}


def _tagged(value: Any) -> dict[str, str]:
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    raise TypeError(f"{type(value).__name__} in an answer")


def _untagged(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        ((tag, text),) = value.items()
        if tag == "$decimal":
            return Decimal(text)
        if tag == "$time":
            return datetime.fromisoformat(text)
        if tag == "$date":
            return date.fromisoformat(text)
    return value
