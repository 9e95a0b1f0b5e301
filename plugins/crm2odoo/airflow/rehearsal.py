"""Runs a DAG in this process, without a scheduler, and answers its sign-offs. For the demo and for tests, never for a migration."""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.timezone import utcnow
from sqlalchemy.exc import SQLAlchemyError

from crm2odoo.airflow.failures import NEXT
from crm2odoo.airflow.versions import AWAITS_INPUT

log = logging.getLogger(__name__)

ONLY = "CRM2ODOO_ONLY_DAG"
PARSED = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"
NAP = 0.05
"""Seconds between two looks at a run in which nothing is ready."""
LOST = timedelta(seconds=3)
"""After which an answer to a task that still waits was lost."""
Answer = tuple[str, str | None]
"""The chosen option (``Approve`` or ``Reject``) and a comment."""


@dataclass(frozen=True)
class TaskDone:
    """A task instance that ended. ``label`` names the chunk of a mapped one; ``seconds`` is its run time."""

    task_id: str
    label: str
    state: str
    seconds: float


@dataclass
class Rehearsal:
    """What became of a run.

    ``states``: task id → state; a mapped task has the worst state of its instances. ``causes``: task id → what its log says at the end.
    """

    run_id: str
    state: str
    states: dict[str, str]
    causes: dict[str, str]


def rehearse(
    dag: DAG,
    conf: Mapping[str, Any] | None = None,
    answers: Mapping[str, Answer] | None = None,
    user: str = "rehearsal",
    on_task: Callable[[TaskDone], None] | None = None,
    on_answer: Callable[[str, Answer], None] | None = None,
) -> Rehearsal:
    """Runs ``dag`` to its end. ``answers``: task id → answer, given in the name of ``user``; other sign-offs wait for ever."""
    causes = _Causes()
    watcher = _Watcher(dag.dag_id, dict(answers or {}), user, on_task, on_answer)
    with only(dag.dag_id), _alone(dag.dag_id), causes, watcher, _answered_inline(watcher), _one_api(), _awake():
        run = dag.test(run_conf=dict(conf or {}))
    states: dict[str, str] = {}
    for ti in run.get_task_instances():
        state = str(ti.state)
        if states.get(ti.task_id) in (None, "success", "skipped"):
            states[ti.task_id] = state
    return Rehearsal(run.run_id, str(run.state), states, causes.found)


class _Causes(logging.Handler):
    """Listens to what failed tasks say."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.found[getattr(record, "task_id", "")] = getattr(record, "cause", "")

    def __enter__(self) -> None:
        NEXT.addHandler(self)

    def __exit__(self, *_: object) -> None:
        NEXT.removeHandler(self)


@contextmanager
def only(dag_id: str) -> Iterator[None]:
    """``dag.test()`` reads the DAG folder again; with this dags/migrations.py builds nothing but our DAG."""
    os.environ[ONLY] = dag_id
    try:
        yield
    finally:
        del os.environ[ONLY]
        os.environ.pop(PARSED, None)  # Airflow 3.1 leaves the id of the DAG that it ran, and the next one would not be built


@contextmanager
def _alone(dag_id: str) -> Iterator[None]:
    """Keeps a scheduler of the same database away from our run, by pausing the DAG meanwhile; ends what killed rehearsals of the project left."""
    from airflow.configuration import AIRFLOW_HOME
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType
    from sqlalchemy import select, update

    def pause(paused: bool) -> None:
        with create_session() as session:
            session.execute(update(DagModel).where(DagModel.dag_id == dag_id).values(is_paused=paused))

    @contextmanager
    def claim(of: str, mode: int) -> Iterator[None]:
        """The system takes the lock back when the process dies."""
        with open(Path(AIRFLOW_HOME) / f"rehearsal-{of}.lock", "a") as file:
            fcntl.flock(file, mode)
            yield

    with claim(dag_id, fcntl.LOCK_EX):
        with create_session() as session:
            left = (DagRun.state == "running", DagRun.triggered_by == DagRunTriggeredByType.TEST)
            same = DagRun.dag_id.startswith(dag_id.rpartition(".")[0] + ".", autoescape=True)
            for other in set(session.scalars(select(DagRun.dag_id).where(*left, same))):
                with suppress(BlockingIOError), nullcontext() if other == dag_id else claim(other, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    session.execute(update(DagRun).where(DagRun.dag_id == other, *left).values(state="failed"))
        pause(True)
        try:
            yield
        finally:
            pause(False)


class _Watcher:
    """Looks into Airflow's database five times a second: reports tasks that ended, answers tasks that wait."""

    def __init__(
        self, dag_id: str, answers: dict[str, Answer], user: str,
        on_task: Callable[[TaskDone], None] | None, on_answer: Callable[[str, Answer], None] | None,
    ) -> None:
        self.dag_id, self.answers, self.user, self.on_task, self.on_answer = dag_id, answers, user, on_task, on_answer
        self._since = utcnow()  # what earlier runs did is not news
        self._stop = threading.Event()
        self._seen: set[Any] = set()
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def __enter__(self) -> _Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _loop(self) -> None:
        while not self._stop.wait(0.2):
            try:
                self._look()
            except SQLAlchemyError as error:  # SQLite is locked by whoever writes; without this nobody would answer any more
                log.info("Airflow's database is asked again: %s", error)

    def _look(self) -> None:
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import select

        TI: Any = TaskInstance
        ours = (TI.dag_id == self.dag_id, TI.updated_at >= self._since)
        with create_session() as session:
            if self.on_task:
                columns = (TI.id, TI.try_number, TI.task_id, TI.rendered_map_index, TI.state, TI.duration)
                ended = ("success", "failed", "skipped", "upstream_failed")
                query = select(*columns).where(*ours, TI.state.in_(ended)).order_by(TI.end_date)
                for id_, tries, task_id, label, state, seconds in session.execute(query):
                    if (id_, tries) not in self._seen:
                        self._seen.add((id_, tries))
                        self.on_task(TaskDone(task_id, label or "", state, seconds or 0.0))
            if self.answers:
                for ti in session.scalars(select(TI).where(*ours, TI.state == "awaiting_input", TI.task_id.in_(list(self.answers)))):
                    self._answer(session, ti, self.answers[ti.task_id])

    def _answer(self, session: Any, ti: Any, answer: Answer) -> None:
        from airflow.models.hitl import HITLDetail
        from airflow.models.trigger import handle_event_submit
        from airflow.triggers.base import TriggerEvent
        from sqlalchemy import select

        detail: Any = session.scalar(select(HITLDetail).where(HITLDetail.ti_id == ti.id))
        if detail is None:
            return
        first = detail.responded_at is None
        if first:
            self._fill_in(detail, answer)
        elif utcnow() - detail.responded_at < LOST:
            return
        # Airflow loses an answer that comes while the task is being parked (apache/airflow#66374): then it is given once more.
        event: Any = TriggerEvent
        handle_event_submit(event(detail.as_resume_event_payload()), task_instance=ti, session=session)
        if first and self.on_answer:
            self.on_answer(ti.task_id, answer)

    def _fill_in(self, detail: Any, answer: Answer) -> None:
        option, comment = answer
        detail.responded_by = {"id": self.user, "name": self.user}
        detail.responded_at = utcnow()
        detail.chosen_options = [option]
        detail.params_input = {"comment": comment}

    def answer_trigger(self, trigger: Any, ti: Any) -> Any:
        """In place of the trigger that waits for the answer to the task ``ti``, until Airflow 3.3: returns its event."""
        from airflow.models.hitl import HITLDetail
        from airflow.triggers.base import TriggerEvent
        from airflow.utils.session import create_session
        from sqlalchemy import select

        while True:
            with create_session() as session:
                detail: Any = session.scalar(select(HITLDetail).where(HITLDetail.ti_id == str(ti.id)))
                if detail.responded_at is None and ti.task_id in self.answers:
                    self._fill_in(detail, self.answers[ti.task_id])
                    if self.on_answer:
                        self.on_answer(ti.task_id, self.answers[ti.task_id])
                if detail.responded_at is not None:
                    event: Any = TriggerEvent
                    said = {key: getattr(detail, key) for key in ("chosen_options", "params_input", "responded_at")}
                    return event({**said, "responded_by_user": detail.responded_by})
            self._stop.wait(0.2)


@contextmanager
def _one_api() -> Iterator[None]:
    """Before 3.3, ``dag.test()`` builds the whole execution API anew for each task, which takes longer than most tasks."""
    from airflow.sdk.execution_time import supervisor

    module: Any = supervisor
    original = module.in_process_api_server
    if not AWAITS_INPUT:
        module.in_process_api_server = cache(original)
    try:
        yield
    finally:
        module.in_process_api_server = original


@contextmanager
def _answered_inline(watcher: _Watcher) -> Iterator[None]:
    """Before 3.3, ``dag.test()`` runs the trigger of a waiting task in this process, where it cannot ask for the answer: it is given one."""
    from airflow.sdk.definitions import dag

    module: Any = dag
    original = module._run_inline_trigger
    if not AWAITS_INPUT:
        module._run_inline_trigger = watcher.answer_trigger
    try:
        yield
    finally:
        module._run_inline_trigger = original


@contextmanager
def _awake() -> Iterator[None]:
    """``dag.test()`` sleeps a second whenever nothing is ready, so also after it has cut a mapped task into its instances."""
    sleep = time.sleep

    def nap(seconds: Any) -> None:
        asks = sys._getframe(1).f_globals.get("__name__")
        sleep(min(seconds, NAP) if asks == DAG.__module__ else seconds)

    time.sleep = nap
    try:
        yield
    finally:
        time.sleep = sleep
