"""The sandbox of a sample run: there for the run, harmless, silent about its secrets, and gone after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import World
from crm2odoo import sandbox
from crm2odoo.airflow.versions import AWAITS_INPUT
from crm2odoo.odoo.errors import SchemaMismatch
from crm2odoo.sandbox import Base, lease

SMALL_WORLD = True
pytestmark = pytest.mark.odoo
_before: list[tuple[str, str]] = []
"""Of the first test, for the second: run id and name of the sandbox."""


class Seen:
    """Looks at each sandbox when it is up."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.sandboxes: list[Any] = []
        self.leases: list[Any] = []
        self.state = ""
        self.crons: list[str] = []
        self.mail_hosts: list[str] = []

    def look(self, found: Any) -> None:
        self.sandboxes.append(found)
        folder = self.base.home / "terraform" / "sandboxes" / found.name
        self.leases.append(lease.read(folder))
        self.state += "".join(p.read_text(errors="replace") for p in folder.rglob("*") if p.is_file())
        with psycopg.connect(host=self.base.postgres_host, port=self.base.postgres_port, user="odoo", dbname=found.database) as there:
            self.crons = [name for (name,) in there.execute("select cron_name from ir_cron where active")]
            self.mail_hosts = [host for (host,) in there.execute("select smtp_host from ir_mail_server where active")]
            self.mail_hosts += [host for (host,) in there.execute("select 'fetch' from fetchmail_server where active")] if _has(there, "fetchmail_server") else []


def _has(there: psycopg.Connection[Any], table: str) -> bool:
    return there.execute("select to_regclass(%s) is not null", (table,)).fetchone() == (True,)


@pytest.fixture(scope="module")
def project(world: World, new_project: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    new_project("acme", documents=str(tmp_path_factory.mktemp("documents")))
    assert world.run("acme.discover").state == "success"
    return "acme"


@pytest.fixture
def seen(odoo_base: Base, monkeypatch: pytest.MonkeyPatch) -> Seen:
    monkeypatch.setenv("CRM2ODOO_HOME", str(odoo_base.home))
    found, up = Seen(odoo_base), sandbox.up

    def up_and_look(name: str, **more: Any) -> Any:
        made = up(name, **more)
        found.look(made)
        return made

    monkeypatch.setattr(sandbox, "up", up_and_look)
    return found


def left(base: Base, name: str) -> bool:
    """Whether anything of it is still there."""
    with psycopg.connect(host=base.postgres_host, port=base.postgres_port, user="postgres", dbname="postgres") as there:
        database = there.execute("select 1 from pg_database where datname = %s", (name,)).fetchone()
    return bool(database) or (base.home / "sandboxes" / name).exists() or (base.home / "terraform" / "sandboxes" / name).exists()


def run_again(dag: Any, run_id: str, task_id: str) -> dict[str, str]:
    """Clears one task as Airflow's pages do, and runs what is to be run again. Task id → state."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import clear_task_instances
    from airflow.sdk.definitions import dag as sdk
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.session import create_session
    from sqlalchemy import select

    scheduled = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag.dag_id, DagRun.run_id == run_id))
        cleared = set(scheduled.partial_subset(task_id, include_downstream=False, include_upstream=False).task_dict)
        clear_task_instances([ti for ti in run.get_task_instances(session=session) if ti.task_id in cleared], session)
        run.dag, run.state = scheduled, "running"
        session.commit()
        while run.state == "running":
            session.expire_all()
            run.dag = scheduled
            for ti in run.update_state(session=session)[0]:
                ti.try_number += 1
                ti.state = "scheduled"
                session.commit()
                sdk._run_task(ti=ti, task=dag.task_dict[ti.task_id])
        return {ti.task_id: str(ti.state) for ti in run.get_task_instances(session=session) if ti.task_id in cleared}


def test_it_is_there_for_the_run_and_gone_after_it(world: World, project: str, seen: Seen, capfd: pytest.CaptureFixture[str]) -> None:
    done = world.run("acme.sample", {"target": "sandbox"})
    assert done.causes == {}
    assert done.state == "success"
    [made] = seen.sandboxes
    assert not left(seen.base, made.name)
    assert seen.leases[0] is not None, "it would live for ever if the run were cut off"
    assert set(seen.crons) <= {"Base: Auto-vacuum internal data"}
    assert set(seen.mail_hosts) <= {"invalid"}
    # The secrets are in the credentials file alone.
    said = capfd.readouterr()
    for secret in (made.password, made.api_key):
        assert secret not in said.out + said.err
        assert secret not in seen.state
    _before.append((done.run_id, made.name))


@pytest.mark.skipif(not AWAITS_INPUT, reason="clears a task as Airflow 3.3 does it inside")
def test_a_cleared_task_gets_a_new_one_refuses_to_judge_it_and_it_is_gone(
    world: World, project: str, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    from crm2odoo.airflow.rehearsal import only
    from crm2odoo.airflow.versions import dag_bag

    [(run_id, name)] = _before
    with only("acme.sample"):
        dag = dag_bag(str(Path(__file__).resolve().parents[2] / "dags")).dags["acme.sample"]
    states = run_again(dag, run_id, "diff")
    assert states == {"sandbox_up": "success", "diff": "failed", "sandbox_down": "success"}
    assert "new and empty" in caplog.text
    assert "Trigger the DAG again" in caplog.text
    assert [s.name for s in seen.sandboxes] == [name]
    assert not left(seen.base, name)


def test_it_is_gone_after_a_failure(world: World, project: str, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm2odoo.airflow.failures import person_readable
    from crm2odoo.airflow.steps import Steps

    def preflight(self: Steps) -> None:
        """Stands in for the first task that opens the target."""
        raise SchemaMismatch("this Odoo is not as it should be")

    monkeypatch.setattr(Steps, "preflight", person_readable(preflight))
    done = world.run("acme.sample", {"target": "sandbox"})
    assert done.state == "failed"
    assert done.causes == {"target.preflight": "this Odoo is not as it should be"}
    assert done.states["sandbox_down"] == "success"
    [made] = seen.sandboxes
    assert not left(seen.base, made.name)
