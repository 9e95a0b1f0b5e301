"""One project, opened for one request: what a page may ask of the staging database, and in whose name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException

from crm2odoo.airflow import connections
from crm2odoo.airflow.console import access
from crm2odoo.airflow.factory import BUILDERS
from crm2odoo.handoff.masking import Masks
from crm2odoo.project import OWN_ROOT, Bundle, load_bundle, package_root, project_names
from crm2odoo.staging import Connection, Workspace

PATIENCE = "20s"
"""A page that takes longer is given up: the staging database has more important work during a load."""


class NotStarted(LookupError):
    """The project has no tables yet. ``dag_id``: the DAG with which it begins."""

    def __init__(self, bundle: Bundle) -> None:
        self.title, self.dag_id = bundle.project.title, f"{bundle.project.project}.discover"
        super().__init__(f"Nothing was read yet. Trigger {self.dag_id}: it reads the export and asks for the scope to be signed.")


class NoMigration(LookupError):
    """A DAG of this Airflow that is none of ours."""


@dataclass(frozen=True)
class Desk:
    """``connection`` is one read-only transaction, so that all numbers of a page are of the same moment."""

    ws: Workspace
    connection: Connection
    user: Any
    may_edit: bool

    @property
    def project(self) -> str:
        return self.ws.bundle.project.project

    @property
    def bundle(self) -> Bundle:
        return self.ws.bundle

    @property
    def who(self) -> str:
        """The name under which a decision is kept; the same that a sign-off in Airflow keeps."""
        return str(self.user.get_name() or self.user.get_id())

    @cached_property
    def masks(self) -> Masks:
        """Who may only read sees no values of sensitive columns."""
        return Masks(self.bundle, unmasked=self.may_edit)

    @cached_property
    def tables(self) -> frozenset[tuple[str, str]]:
        """(schema part, table) of everything that there is."""
        rows = self.connection.execute(
            # The view of the standard asks for the rights to every column, which takes longer than the rest of a page.
            "select n.nspname as s, c.relname as t from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
            "where n.nspname = any(%s) and c.relkind in ('r', 'p')",
            ([f"{self.project}_{part}" for part in ("land", "clean", "target", "log")],),
        )
        return frozenset((r["s"].removeprefix(f"{self.project}_"), r["t"]) for r in rows)

    def rows(self, template: str, values: Mapping[str, Any] | None = None, **names: Any) -> list[dict[str, Any]]:
        """The answer of ``sql/console/<template>.sql.j2``. ``values`` go to the server as parameters, ``names`` into the template."""
        return self.connection.execute(statement(self.ws, template, **names).encode(), dict(values or {})).fetchall()

    def counted(self, template: str, values: Mapping[str, Any], stamp: object) -> list[dict[str, Any]]:
        """An answer that counts very many rows, kept while ``stamp`` stays the same; with the stamp None it is asked for each time."""
        key = (self.ws.dsn, self.project, template, repr(sorted(values.items())))
        if stamp is None:
            return self.rows(template, values)
        if key not in _counts or _counts[key][0] != stamp:
            if len(_counts) > MOST_COUNTS:
                _counts.clear()
            _counts[key] = (stamp, self.rows(template, values))
        return [dict(row) for row in _counts[key][1]]

    def one(self, template: str, values: Mapping[str, Any] | None = None, **names: Any) -> dict[str, Any] | None:
        """The first row of the answer."""
        return next(iter(self.rows(template, values, **names)), None)


def dag_ids(project: str) -> list[str]:
    """The DAGs of a project."""
    return [f"{project}.{step}" for step in BUILDERS]


def project_of(dag_id: str) -> str:
    """The project of one of our DAGs. Raises NoMigration for any other DAG."""
    name = dag_id.rpartition(".")[0]
    if name not in project_names(package_root()):
        raise NoMigration(dag_id)
    return name


def read_desk(project: str, user: GetUserDep) -> Iterator[Desk]:
    """For pages: a user who may read the project's DAGs."""
    if project not in project_names(package_root()):
        # The same answer whether or not there is such a project: names are not given away.
        access.require(user, "GET", [f"{project}.discover"])
        raise HTTPException(404, "There is no such project.")
    ids = dag_ids(project)
    access.require(user, "GET", ids)
    yield from _opened(project, user, access.allowed(user, "PUT", ids))


def edit_desk(project: str, user: GetUserDep, _: Annotated[None, Depends(access.check_token)]) -> Iterator[Desk]:
    """For forms: a user who may edit the project's DAGs, and the token of the form."""
    ids = dag_ids(project)
    access.require(user, "PUT", ids)
    if project not in project_names(package_root()):
        raise HTTPException(404, "There is no such project.")
    yield from _opened(project, user, True)


_counts: dict[tuple[str, str, str, str], tuple[object, list[dict[str, Any]]]] = {}
MOST_COUNTS = 200

_statements: dict[tuple[str, str, str], str] = {}
"""Rendered and checked statements. Their templates belong to the program: whoever changes them starts the api-server again."""


def statement(ws: Workspace, template: str, **names: Any) -> str:
    """``sql/console/<template>.sql.j2``, rendered and checked, which takes some hundredths of a second the first time."""
    key = (ws.bundle.project.project, template, repr(sorted(names.items())))
    if key not in _statements:
        [_statements[key]] = ws.statements(f"console/{template}.sql.j2", **names)
    return _statements[key]


Stamp = tuple[tuple[str, int, int], ...]


def stamp_of_files() -> Stamp:
    """Changes when one of the projects' files does. Takes some milliseconds."""
    files = sorted({p for place in {package_root(), OWN_ROOT} for p in (place / "mappings").rglob("*.yaml")})
    return tuple((str(p), s.st_mtime_ns, s.st_size) for p in files for s in [p.stat()])


def bundle_of(project: str, stamp: Stamp | None = None) -> Bundle:
    """The project's files as they are now. Reading them takes 0.1 s, so they are read again only when one has changed. Raises ConfigError."""
    return _bundle(package_root(), project, stamp or stamp_of_files())


@lru_cache(maxsize=64)
def _bundle(root: Path, project: str, stamp: Stamp) -> Bundle:
    return load_bundle(root, project)


def _opened(project: str, user: Any, may_edit: bool) -> Iterator[Desk]:
    bundle = bundle_of(project)
    ws = Workspace(bundle, connections.staging_dsn(bundle.project))
    with ws.connect() as connection:
        connection.execute("set transaction isolation level repeatable read read only")
        connection.execute(f"set local statement_timeout = '{PATIENCE}'")
        there = connection.execute("select to_regclass(%s) is not null as there", (f"{ws.schemas['log']}.run",)).fetchone()
        if not there or not there["there"]:
            raise NotStarted(bundle)
        yield Desk(ws, connection, user, may_edit)


ReadDesk = Annotated[Desk, Depends(read_desk)]
EditDesk = Annotated[Desk, Depends(edit_desk)]
