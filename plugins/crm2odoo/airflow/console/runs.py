"""What Airflow's own database says about a project: runs, how far each is, and the sign-offs that wait for a person."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import func, select

from crm2odoo.airflow.run_state import run_key

WAITING = ("awaiting_input", "deferred")
WORST = (
    "failed", "upstream_failed", "running", "awaiting_input", "deferred", "up_for_retry", "up_for_reschedule", "restarting", "queued",
    "scheduled",
)  # fmt: skip
"""Which state of its tasks a phase shows: the first of these that there is."""


@dataclass(frozen=True)
class Run:
    """A run of Airflow. ``key`` is the id under which the ledger knows it."""

    dag_id: str
    run_id: str
    state: str
    queued: datetime | None
    start: datetime | None
    end: datetime | None
    by: str

    @property
    def key(self) -> str:
        return run_key(self.dag_id, self.run_id)

    @property
    def step(self) -> str:
        return self.dag_id.rpartition(".")[2]


@dataclass(frozen=True)
class Task:
    """A task instance. ``label`` names the chunk of a mapped one."""

    task_id: str
    map_index: int
    state: str
    start: datetime | None
    end: datetime | None
    tries: int
    label: str

    @property
    def group(self) -> str:
        return self.task_id.split(".")[0]


@dataclass(frozen=True)
class Phase:
    """A group of tasks at the top of the DAG, or a task of its own."""

    name: str
    state: str
    done: int
    tasks: int
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Wait:
    """A sign-off that waits. ``assigned``: who may answer; empty when anybody may who can edit the DAG."""

    dag_id: str
    run_id: str
    task_id: str
    subject: str
    body: str
    options: tuple[str, ...]
    since: datetime
    assigned: tuple[str, ...]
    assigned_ids: tuple[str, ...]

    @property
    def key(self) -> str:
        return run_key(self.dag_id, self.run_id)


def latest(dag_ids: Iterable[str], each: int = 1) -> list[Run]:
    """The last ``each`` runs of each DAG, newest first."""
    run: Any = DagRun
    with create_session() as session:
        place = func.row_number().over(partition_by=run.dag_id, order_by=run.run_after.desc()).label("place")
        inner = select(run.id.label("id"), place).where(run.dag_id.in_(list(dag_ids))).subquery()
        found = session.scalars(select(run).join(inner, inner.c.id == run.id).where(inner.c.place <= each).order_by(run.run_after.desc()))
        return [_run(r) for r in found]


def by_key(dag_ids: Iterable[str], key: str) -> Run | None:
    """The run that the ledger knows under ``key``."""
    run: Any = DagRun
    with create_session() as session:
        for dag_id in dag_ids:
            if key.startswith(f"{dag_id}."):
                ids = session.execute(select(run.run_id).where(run.dag_id == dag_id)).scalars()
                found = next((r for r in ids if run_key(dag_id, r) == key), None)
                if found is not None:
                    return _run(session.scalars(select(run).where(run.dag_id == dag_id, run.run_id == found)).one())
    return None


def one(dag_id: str, run_id: str) -> Run | None:
    """A run by Airflow's own id."""
    run: Any = DagRun
    with create_session() as session:
        found = session.scalars(select(run).where(run.dag_id == dag_id, run.run_id == run_id)).first()
        return _run(found) if found else None


def tasks(dag_id: str, run_id: str) -> list[Task]:
    """The task instances of a run."""
    ti: Any = TaskInstance
    columns = (ti.task_id, ti.map_index, ti.state, ti.start_date, ti.end_date, ti.try_number, ti.rendered_map_index)
    with create_session() as session:
        found = session.execute(select(*columns).where(ti.dag_id == dag_id, ti.run_id == run_id).order_by(ti.start_date, ti.task_id, ti.map_index))
        return [Task(t, m, str(s) if s else "none", b, e, n, label or "") for t, m, s, b, e, n, label in found]


def phases(dag_id: str, found: Iterable[Task]) -> list[Phase]:
    """The tasks by the groups at the top of the DAG, in the order in which they run."""
    groups: dict[str, list[Task]] = {}
    for task in found:
        groups.setdefault(task.group, []).append(task)
    order = {name: n for n, name in enumerate(_order(dag_id))}
    return [_phase(name, groups[name]) for name in sorted(groups, key=lambda g: (order.get(g, len(order)), g))]


def waiting(dag_ids: Iterable[str]) -> list[Wait]:
    """The sign-offs that wait, the one that waits longest first. A run that was ended by hand waits for nobody."""
    ti: Any = TaskInstance
    run: Any = DagRun
    detail: Any = HITLDetail
    statement = (
        select(ti.dag_id, ti.run_id, ti.task_id, detail)
        .join(detail, detail.ti_id == ti.id)
        .join(run, (run.dag_id == ti.dag_id) & (run.run_id == ti.run_id))
        .where(run.state.in_(("running", "queued")), ti.dag_id.in_(list(dag_ids)), ti.state.in_(WAITING), detail.responded_at.is_(None))
        .order_by(detail.created_at)
    )
    with create_session() as session:
        return [
            Wait(
                dag_id, run_id, task_id, d.subject, d.body or "", tuple(d.options), d.created_at,
                tuple(str(a.get("name") or a.get("id")) for a in d.assignees or ()), tuple(str(a["id"]) for a in d.assignees or ()),
            )
            for dag_id, run_id, task_id, d in session.execute(statement)
        ]


def _run(r: Any) -> Run:
    by = getattr(r, "triggering_user_name", None) or str(r.run_type).rpartition(".")[2].lower()
    by = "a rehearsal" if by == "dag_test" else by
    return Run(r.dag_id, r.run_id, str(r.state), r.queued_at or r.run_after, r.start_date, r.end_date, by)


def _phase(name: str, found: list[Task]) -> Phase:
    states = {t.state for t in found}
    state = next((s for s in WORST if s in states), None)
    done = sum(t.state in ("success", "skipped") for t in found)
    if state is None:
        state = "success" if done == len(found) and "success" in states else "skipped" if done == len(found) else "running" if done else "none"
    begun = [t.start for t in found if t.start]
    ended = [t.end for t in found if t.end]
    return Phase(name, state, done, len(found), min(begun, default=None), max(ended, default=None) if len(ended) == len(found) else None)


def _order(dag_id: str) -> list[str]:
    """The groups at the top of a DAG in the order in which their first tasks may run: two groups may wait for each other's tasks."""
    with create_session() as session:
        serialized = SerializedDagModel.get(dag_id, session=session)
        data: Mapping[str, Any] = serialized.data if serialized else {}  # type: ignore[assignment]
    before: dict[str, set[str]] = {}
    for entry in data.get("dag", {}).get("tasks", []):
        task = entry.get("__var", entry)
        before.setdefault(task["task_id"], set())
        for other in task.get("downstream_task_ids", []):
            before.setdefault(other, set()).add(task["task_id"])
    depth: dict[str, int] = {}
    first: dict[str, int] = {}
    for task_id in graphlib.TopologicalSorter(before).static_order():
        depth[task_id] = max((depth[b] + 1 for b in before[task_id]), default=0)
        group = task_id.split(".")[0]
        first[group] = min(first.get(group, depth[task_id]), depth[task_id])
    return sorted(first, key=lambda group: (first[group], group))
