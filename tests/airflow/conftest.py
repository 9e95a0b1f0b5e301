"""Airflow for tests: a migrated SQLite, connections, and projects whose DAGs are run in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from projects import EXPORT, ROOT, good, project_root, small_world

if TYPE_CHECKING:
    from crm2odoo.airflow.rehearsal import Answer, Rehearsal
    from odoo_server import OdooDatabase

YES: Mapping[str, Answer] = {"sign_off": ("Approve", "as expected"), "approve_plan": ("Approve", None)}


@pytest.fixture(scope="session", autouse=True)
def airflow_database() -> None:
    from airflow.utils.db import initdb

    initdb()


def add_connection(name: str, **fields: Any) -> None:
    """Adds or replaces an Airflow connection."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    remove_connection(name)
    with create_session() as session:
        session.add(Connection(conn_id=name, **fields))


def remove_connection(name: str) -> None:
    """Of another module's project, whose Odoo is gone."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id == name))


def add_staging(name: str, dsn: str) -> None:
    """The staging connection of a test project."""
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    add_connection(name, conn_type="postgres", host=str(parts["host"]), port=5432, schema=str(parts["dbname"]), login=str(parts["user"]))


def add_odoo(name: str, odoo: OdooDatabase, password: str | None = None, url: str | None = None) -> None:
    """The Odoo connection of a test project; ``password`` and ``url`` may be wrong ones."""
    add_connection(name, conn_type="odoo", host=url or odoo.url, schema=odoo.database, login=odoo.login, password=password or odoo.api_key)


def add_pool(name: str) -> None:
    """A pool with four slots."""
    from airflow.models.pool import Pool

    Pool.create_or_update_pool(name, 4, "test", include_deferred=False)


class World:
    """A checkout with projects of the test's own, an export for them, and the DAGs that Airflow makes of it."""

    def __init__(self, root: Path, export: Path) -> None:
        self.root, self.export = root, export

    def write(self, name: str, text: str) -> None:
        """Writes a project file, in place of those before: every run reads all of them."""
        folder = self.root / "mappings" / "projects"
        for old in folder.glob("*.yaml"):
            old.unlink()
        (folder / f"{name}.yaml").write_text(text)

    def run(self, dag_id: str, conf: dict[str, Any] | None = None, answers: Mapping[str, Answer] = YES) -> Rehearsal:
        """Runs a DAG as Airflow finds it now, and answers its sign-offs as "tester"."""
        from crm2odoo.airflow.rehearsal import only, rehearse
        from crm2odoo.airflow.versions import dag_bag

        with only(dag_id):
            bag = dag_bag(str(ROOT / "dags"))
        assert bag.import_errors == {}
        return rehearse(bag.dags[dag_id], conf, answers, user="tester")


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A module that says ``SMALL_WORLD = True`` gets a source with three objects only, and an export to match."""
    folder = tmp_path_factory.mktemp("world")
    small = getattr(request.module, "SMALL_WORLD", False)
    root, export = small_world(folder) if small else (project_root(folder / "checkout", {}), EXPORT)
    before = os.environ.get("CRM2ODOO_ROOT")
    os.environ["CRM2ODOO_ROOT"] = str(root)
    yield World(root, export)
    if before is None:
        del os.environ["CRM2ODOO_ROOT"]
    else:
        os.environ["CRM2ODOO_ROOT"] = before


@pytest.fixture(scope="module")
def new_project(world: World, staging_dsn: str) -> Callable[..., str]:
    """Makes a project that has all it needs but an Odoo connection; returns its name."""

    def make(name: str, **more: str) -> str:
        world.write(name, good(name, **{"export": str(world.export), **more}))
        for left in ("odoo", "odoo_test"):
            remove_connection(f"{name}_{left}")
        add_staging(f"{name}_staging", staging_dsn)
        add_pool(f"{name}_odoo")
        return name

    return make
