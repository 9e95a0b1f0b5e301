"""A project's role owns its four schemas and nothing else: that is enough for everything, and reaches nobody else's data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

from crm2odoo import staging
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace
from intake.conftest import take_in_folder
from load_world import write_project

PASSWORD = "only for this test"


@pytest.fixture(scope="module")
def role_dsn(staging_dsn: str) -> Iterator[str]:
    """The connection string of a role that docs/threat-model.md tells to make."""
    name = "crm2odoo_least"
    database = conninfo.conninfo_to_dict(staging_dsn)["dbname"]
    with psycopg.connect(conninfo.make_conninfo(staging_dsn, user="postgres"), autocommit=True) as owner:
        owner.execute(sql.SQL("create role {} login password {} nosuperuser nocreatedb nocreaterole").format(sql.Identifier(name), sql.Literal(PASSWORD)))
        owner.execute(sql.SQL("grant connect, create on database {} to {}").format(sql.Identifier(str(database)), sql.Identifier(name)))
        owner.execute("create schema another_log")
        owner.execute("create table another_log.secret as select 1 as x")
        yield conninfo.make_conninfo(staging_dsn, user=name, password=PASSWORD)
        owner.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(name)))
        owner.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.mark.promise("P211")
def test_a_role_without_rights_but_on_its_own_schemas_does_all_the_work(role_dsn: str, staging_dsn: str, tmp_path: Path) -> None:
    write_project(tmp_path, "least")
    (tmp_path / "export").mkdir()
    ws = Workspace.open(load_bundle(tmp_path, "least"), role_dsn)
    name = next(iter(ws.bundle.source.objects))
    columns = list(ws.bundle.source.objects[name].columns)
    (tmp_path / "export" / f"{ws.bundle.source.objects[name].files[0]}.csv").write_text(",".join(columns) + "\n")
    taken = take_in_folder(ws, tmp_path / "export")
    staging.build_target(ws, taken.export)
    database = conninfo.conninfo_to_dict(staging_dsn)["dbname"]
    with psycopg.connect(conninfo.make_conninfo(staging_dsn, user="postgres"), autocommit=True) as owner:
        owner.execute(sql.SQL("revoke create on database {} from crm2odoo_least").format(sql.Identifier(str(database))))
    again = Workspace.open(load_bundle(tmp_path, "least"), role_dsn)
    staging.build_target(again, taken.export)
    with again.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from another_log.secret")
