"""One run at a time works on a project, from its first task to its end, whatever becomes of its workers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from crm2odoo.ledger import project_lock, runs
from crm2odoo.ledger.project_lock import Holder, ProjectBusy
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace
from target_world import write_project


@pytest.fixture
def ws(tmp_path: Path, staging_dsn: str) -> Workspace:
    ws = Workspace.open(load_bundle(write_project(tmp_path, "small"), "small"), staging_dsn)
    with ws.connect() as connection:
        connection.execute(ws.sql("delete from {log}.project_lock"))
    return ws


def alive(holder: Holder) -> bool:
    return False


def over(holder: Holder) -> bool:
    return True


def never_asked(holder: Holder) -> bool:
    raise AssertionError("nobody else holds the lock")


def test_a_second_run_is_told_who_works_and_what_to_do(ws: Workspace) -> None:
    project_lock.hold(ws, "load-1", "small.load", "manual__1", never_asked)
    with pytest.raises(ProjectBusy, match=r"Run manual__1 of small\.load is working on the project small since \d{4}-") as error:
        project_lock.hold(ws, "delta-1", "small.delta", "manual__2", alive)
    assert "Wait for it, or stop it" in str(error.value)


def test_the_lock_outlives_the_tasks_of_its_run(ws: Workspace) -> None:
    """Each task opens a workspace of its own; the lock is the run's, not the connection's."""
    project_lock.hold(ws, "load-1", "small.load", "manual__1", never_asked)
    next_task = Workspace.open(ws.bundle, ws.dsn)
    assert project_lock.hold(next_task, "load-1", "small.load", "manual__1", never_asked) is None
    with pytest.raises(ProjectBusy):
        project_lock.hold(ws, "delta-1", "small.delta", "manual__2", alive)


def test_it_is_free_once_it_is_given_back(ws: Workspace) -> None:
    project_lock.hold(ws, "load-1", "small.load", "manual__1", never_asked)
    project_lock.release(ws, "delta-1")  # nobody gives back what another has
    assert project_lock.holder(ws) is not None
    project_lock.release(ws, "load-1")
    assert project_lock.hold(ws, "delta-1", "small.delta", "manual__2", never_asked) is None


def test_a_run_that_ended_without_a_word_is_followed_by_the_next(ws: Workspace) -> None:
    runs.start(ws, "load-1", kind="load", dag_id="small.load")
    project_lock.hold(ws, "load-1", "small.load", "manual__1", never_asked)
    before = project_lock.hold(ws, "delta-1", "small.delta", "manual__2", over)
    assert before is not None
    assert (before.run_id, before.dag_run) == ("load-1", "manual__1")
    runs.found_over(ws, before.run_id)
    with ws.connect() as connection:
        assert connection.execute(ws.sql("select state from {log}.run where run_id = 'load-1'")).fetchone() == {"state": "failed"}


def test_a_rollback_takes_over_from_a_living_load_which_then_stops(ws: Workspace) -> None:
    project_lock.hold(ws, "load-1", "small.load", "manual__1", never_asked)
    assert project_lock.hold(ws, "undo-1", "small.rollback", "manual__2", never_asked, take_over=True) is not None
    with pytest.raises(ProjectBusy, match=r"small\.rollback is working"):
        project_lock.hold(ws, "load-1", "small.load", "manual__1", alive)


def test_of_many_that_find_a_dead_run_one_takes_over(ws: Workspace) -> None:
    project_lock.hold(ws, "dead", "small.load", "manual__0", never_asked)
    together, won, refused = threading.Barrier(6), [], []

    def only_the_dead_one_is_over(holder: Holder) -> bool:
        if holder.run_id != "dead":
            return False
        together.wait(10)  # all have found it dead before one acts on it
        return True

    def start(number: int) -> None:
        try:
            project_lock.hold(ws, f"run-{number}", "small.delta", f"manual__{number}", only_the_dead_one_is_over)
            won.append(f"run-{number}")
        except ProjectBusy:
            refused.append(number)

    threads = [threading.Thread(target=start, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = project_lock.holder(ws)
    assert held is not None
    assert won == [held.run_id]
    assert len(refused) == 5


def test_two_projects_do_not_wait_for_each_other(ws: Workspace, tmp_path: Path) -> None:
    project_lock.hold(ws, "load-1", "small.load", "manual__1", never_asked)
    other = Workspace.open(load_bundle(write_project(tmp_path, "other"), "other"), ws.dsn)
    project_lock.hold(other, "load-1b", "other.load", "manual__1", never_asked)
    assert project_lock.holder(ws) != project_lock.holder(other)
