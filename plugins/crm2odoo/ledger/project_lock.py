"""One run at a time works on a project: two would rebuild each other's staging tables and write to one Odoo side by side.

The lock is a row in ``<p>_log``, so that it outlives tasks and workers. Whoever holds it and has ended is not asked to give it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from crm2odoo.staging import Workspace


class ProjectBusy(RuntimeError):
    """Another run works on this project. The message says which, since when, and what to do."""


@dataclass(frozen=True)
class Holder:
    """The run that works on the project. ``dag_run``: Airflow's own id of it."""

    run_id: str
    dag_id: str
    dag_run: str
    taken_at: datetime


def holder(ws: Workspace) -> Holder | None:
    """Who holds the lock, dead or alive."""
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select run_id, dag_id, dag_run, taken_at from {log}.project_lock")).fetchone()
    return Holder(**row) if row else None


def hold(ws: Workspace, run_id: str, dag_id: str, dag_run: str, ended: Callable[[Holder], bool], *, take_over: bool = False) -> Holder | None:
    """Takes the lock for a run; a run that has it already goes on. Returns the run it was taken from: one that ended without giving it back.

    ``ended`` tells whether a run is over; it is asked only when another one holds the lock. ``take_over``: take it from a living run too, whose
    next task then finds itself without it. Raises ProjectBusy.
    """
    while True:
        found = holder(ws)
        if found is not None and found.run_id == run_id:
            return None
        if found is not None and not take_over and not ended(found):
            project = ws.bundle.project.project
            raise ProjectBusy(
                f"Run {found.dag_run} of {found.dag_id} is working on the project {project} since {found.taken_at:%Y-%m-%d %H:%M} UTC, "
                "so this run does nothing: both would use the same tables and the same Odoo.\n"
                f"Wait for it, or stop it (mark the run as failed in Airflow), then clear this task. {project}.rollback takes over from a "
                "running load by itself."
            )
        # Two may find the same dead run: only one of them takes it over, the other looks again.
        with ws.connect() as connection:
            taken = connection.execute(
                ws.sql(
                    "insert into {log}.project_lock as l (run_id, dag_id, dag_run) values (%s, %s, %s) "
                    "on conflict (only_one) do update set run_id = excluded.run_id, dag_id = excluded.dag_id, dag_run = excluded.dag_run, "
                    "taken_at = clock_timestamp() where l.run_id = %s returning 1"
                ),
                (run_id, dag_id, dag_run, found.run_id if found else ""),
            ).fetchone()
        if taken:
            return found


def release(ws: Workspace, run_id: str) -> None:
    """Gives the lock back, if the run has it: its work is done, whatever else it waits for."""
    with ws.connect() as connection:
        connection.execute(ws.sql("delete from {log}.project_lock where run_id = %s"), (run_id,))
