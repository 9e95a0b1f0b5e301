"""Runs: which DAG run did what, with which code, on which export and target. Every batch belongs to one."""

from __future__ import annotations

import hashlib
import json
from functools import cache
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


def target_of(ws: Workspace, run_id: str) -> str | None:
    """The target to which the run was bound; None before that."""
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select target_id from {log}.run where run_id = %s"), (run_id,)).fetchone()
    return row["target_id"] if row else None


def wait(ws: Workspace, run_id: str, what: str) -> None:
    """Notes that the run waits for a person. ``what``: the task that asks. It is still running; its work ended now."""
    _write(ws, run_id, "running", {"waits_for": what})


def resume(ws: Workspace, run_id: str) -> None:
    """A run that had failed goes on: somebody cleared a task of it."""
    with ws.connect() as connection:
        connection.execute(
            ws.sql(
                "update {log}.run set state = 'running', ended_at = null, details = details - 'why' - 'failed_task' "
                "where run_id = %s and state = 'failed'"
            ),
            (run_id,),
        )


def finish(ws: Workspace, run_id: str, state: State, why: str | None = None, task: str | None = None) -> None:
    """Notes how the run ended. ``why``, ``task``: of a failure or a rejection."""
    _write(ws, run_id, state, {k: v for k, v in (("why", why), ("failed_task", task)) if v})


def _write(ws: Workspace, run_id: str, state: State, details: dict[str, Any]) -> None:
    with ws.connect() as connection:
        connection.execute(
            ws.sql(
                "update {log}.run set state = %(state)s, ended_at = clock_timestamp(), "
                "details = (details - 'waits_for' - 'why' - 'failed_task') || %(details)s::jsonb where run_id = %(run)s"
            ),
            {"state": state, "details": json.dumps(details), "run": run_id},
        )


@cache
def program_hash(sql_root: Path) -> str:
    """sha256 over the program that decides what is written: packages up to the loader, and the SQL. Pages and documents do not count.

    ``sql_root``: the folder that holds ``sql/``.
    """
    digest, package = hashlib.sha256(), Path(__file__).resolve().parents[1]
    for folder, pattern in [*((package / name, "*.py") for name in ("project", "staging", "ledger", "intake", "odoo")), (sql_root / "sql", "*.j2")]:
        for path in sorted(p for p in folder.rglob(pattern) if p.parent.name != "console"):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


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
