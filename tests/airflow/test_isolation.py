"""Celery and Kubernetes: no task relies on what another one left on a disk. Each task runs in a process, a home and a temporary folder of its own,
which are empty before and gone after it; files come from S3 and go there."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from conftest import YES, World, add_odoo
from crm2odoo.airflow.factory import BUILDERS
from odoo_server import OdooDatabase

pytest.importorskip("flask", reason="moto's server, an S3 for all processes, needs it")

SMALL_WORLD = True
pytestmark = pytest.mark.odoo
LONGEST_TASK = 120
POOL_PROBE = "check.pool_slot"


class Apart:
    """Stands in for the function with which ``dag.test()`` runs a task: forks, as a worker does, into an empty place."""

    def __init__(self, run_task: Callable[..., Any]) -> None:
        self.run_task = run_task
        self.lock = threading.RLock()
        self.ran: list[str] = []
        self.left: dict[str, list[str]] = {}

    def __call__(self, *, ti: Any, task: Any, **more: Any) -> None:
        if task.task_id == POOL_PROBE:  # it does nothing: run here, it has Python import what every task needs, once
            self.run_task(ti=ti, task=task, **more)
            return
        place = Path(tempfile.mkdtemp(prefix="c2o-worker-"))
        with self.lock:  # nobody else speaks to the database while the process is copied
            child = os.fork()
        if child == 0:
            self._work(place, ti=ti, task=task, **more)
        _, status = os.waitpid(child, 0)
        if status:  # else dag.test() would try it for ever
            ti.set_state("failed")
            self.left[task.task_id] = [f"the process died: {os.waitstatus_to_exitcode(status)}"]
        self.ran.append(task.task_id)
        if found := [str(p.relative_to(place)) for p in place.rglob("*") if p.is_file()]:
            self.left[task.task_id] = found
        shutil.rmtree(place)

    def _work(self, place: Path, **task: Any) -> None:
        """In the child; never returns."""
        code = 1
        try:
            from airflow.sdk.execution_time.supervisor import in_process_api_server

            from airflow import settings

            signal.alarm(LONGEST_TASK)
            for name in ("home", "tmp", "work"):
                (place / name).mkdir()
            os.environ.update(HOME=str(place / "home"), TMPDIR=str(place / "tmp"), CRM2ODOO_HOME=str(place / "sandboxes"))
            tempfile.tempdir = None
            os.chdir(place / "work")
            settings.engine.dispose(close=False)
            api = in_process_api_server()
            _kept = api.transport
            del api.transport  # its thread is not in this process: it is made anew
            self.run_task(**task)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Apart:
    from airflow.sdk.definitions import dag

    from crm2odoo.airflow import rehearsal

    found = Apart(dag._run_task)
    look = rehearsal._Watcher._look

    def looks_alone(watcher: Any) -> None:
        with found.lock:
            look(watcher)

    monkeypatch.setattr(rehearsal._Watcher, "_look", looks_alone)
    monkeypatch.setattr(dag, "_run_task", found)
    return found


@pytest.fixture
def s3(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket with the export in it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-west-1",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="acme", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for file in world.export.iterdir():
        client.upload_file(str(file), "acme", f"exports/2026-11/{file.name}")
    yield client
    server.stop()


def files(folder: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


TEST = {"target": "test"}
LIFE: list[tuple[str, dict[str, Any]]] = [
    ("discover", {}), ("sample", {"target": "connection"}), ("cutover", TEST), ("hypercare", {"close": True, **TEST}), ("handoff", {}),
    ("rollback", {**TEST, "dry_run": False}), ("purge", {}),
]  # fmt: skip
ANSWERS = {**YES, "freeze_statement": ("Approve", "read-only"), "go_no_go": ("Approve", "go"), "waive_gates": ("Approve", "a test"), "waive_owners": ("Approve", "a test")}


def test_every_task_of_every_dag_runs_in_an_empty_place_of_its_own(
    world: World, new_project: Callable[..., str], odoo: OdooDatabase, apart: Apart, s3: Any
) -> None:
    new_project("acme", export="s3://acme/exports/2026-11", documents="s3://acme/documents")
    add_odoo("acme_odoo_test", odoo)
    before = files(world.root)
    for step, conf in LIFE:
        done = world.run(f"acme.{step}", conf, ANSWERS)
        assert {task: state for task, state in done.states.items() if state not in ("success", "skipped")} == {}, done.causes
        assert done.state == "success", step
    # A cutover has every task of a load and of a delta, and some more.
    assert {step for step, _ in LIFE} == set(BUILDERS) - {"load", "delta"}
    assert apart.left == {}
    assert files(world.root) == before
    assert {"intake.land", "load.contact.records", "diff", "report", "sign_off", "lock", "undo", "prove"} <= set(apart.ran)
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket="acme", Prefix="documents/")["Contents"]]
    assert any(key.endswith("report.html") for key in keys)
