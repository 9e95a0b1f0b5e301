"""Runs: which DAG run did what, with which code, on which export and target. Every batch belongs to one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from crm2odoo import __version__
from crm2odoo.staging import Workspace

State = Literal["running", "success", "failed"]


def start(ws: Workspace, run_id: str, *, kind: str, dag_id: str | None, details: dict[str, Any] | None = None) -> None:
    """Enters a run. Safe to repeat: a cleared run is running again, with the code that is now installed."""
    with ws.connect() as connection:
        connection.execute(
            ws.sql(
                "insert into {log}.run (run_id, kind, dag_id, code, details) values (%s, %s, %s, %s, %s) "
                "on conflict (run_id) do update set state = 'running', ended_at = null, code = excluded.code"
            ),
            (run_id, kind, dag_id, code_version(), json.dumps(details or {})),
        )


def bind(ws: Workspace, run_id: str, *, export_id: str | None = None, target_id: str | None = None) -> None:
    """Notes what the run works on, as soon as that is known."""
    with ws.connect() as connection:
        connection.execute(
            ws.sql("update {log}.run set export_id = coalesce(%s, export_id), target_id = coalesce(%s, target_id) where run_id = %s"),
            (export_id, target_id, run_id),
        )


def finish(ws: Workspace, run_id: str, state: State) -> None:
    """Notes how the run ended."""
    with ws.connect() as connection:
        connection.execute(ws.sql("update {log}.run set state = %s, ended_at = now() where run_id = %s"), (state, run_id))


def found_over(ws: Workspace, run_id: str) -> None:
    """Notes as failed a run that is over and never said so: it was stopped, or its worker died."""
    with ws.connect() as connection:
        connection.execute(ws.sql("update {log}.run set state = 'failed', ended_at = now() where run_id = %s and state = 'running'"), (run_id,))


def code_version() -> str:
    """The package's version and the first 12 digits of the sha256 over its Python files, which a version alone would not tell apart."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"
