"""A project's state outlives versions of the package: made once, upgraded step by step, never touched by an older version."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest
from small_world import write

from crm2odoo.project import OWN_ROOT, load_bundle
from crm2odoo.staging import NewerLog, UnsafeSql, Workspace

STRUCTURE = """
select 'column' as what, table_name || '.' || column_name || ' ' || data_type || ' ' || coalesce(column_default, '') || ' ' || is_nullable as text
  from information_schema.columns where table_schema = 'small_test_log'
union all select 'index', indexdef from pg_indexes where schemaname = 'small_test_log'
union all select 'check', conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'small_test_log'::regnamespace
order by 1, 2
"""


@pytest.fixture
def place(tmp_path: Path, staging_dsn: str) -> Path:
    """Mappings with an ``sql`` folder of their own, and no schema of the project."""
    with psycopg.connect(staging_dsn, autocommit=True) as connection:
        for part in ("land", "clean", "target", "log"):
            connection.execute(f"drop schema if exists small_test_{part} cascade".encode())
    return write(tmp_path)


def opened(place: Path, dsn: str) -> Workspace:
    return Workspace.open(load_bundle(place, "small_test"), dsn)


def look(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


def versions(dsn: str) -> list[tuple[object, ...]]:
    return look(dsn, "select step from small_test_log.version order by id")


def change(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def with_upgrade(place: Path, name: str, text: str) -> None:
    if not (place / "sql").is_dir():
        shutil.copytree(OWN_ROOT / "sql", place / "sql")
    (place / "sql" / "log" / "upgrades" / name).write_text(text)


def test_it_is_made_once(place: Path, staging_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(place, staging_dsn)
    first = versions(staging_dsn)
    assert len(first) == 1
    monkeypatch.setattr(Workspace, "run", lambda *_, **__: pytest.fail("a statement was run though nothing was to do"))
    opened(place, staging_dsn)
    assert versions(staging_dsn) == first


def test_a_database_from_before_versions_gets_the_structure_of_today_and_keeps_its_rows(place: Path, staging_dsn: str) -> None:
    opened(place, staging_dsn)
    today = look(staging_dsn, STRUCTURE)
    change(
        staging_dsn,
        "drop table small_test_log.version, small_test_log.raw_count",
        "drop index small_test_log.difference_page",
        *(f"alter table small_test_log.document drop column {name}" for name in ("kind", "format", "title", "masked")),
        "insert into small_test_log.export (export_id, sha256, location, files, bytes) values ('x1', 'abc', 'here', 1, 2)",
    )
    assert look(staging_dsn, STRUCTURE) != today
    opened(place, staging_dsn)
    assert set(look(staging_dsn, STRUCTURE)) == set(today)
    assert look(staging_dsn, "select export_id, bytes from small_test_log.export") == [("x1", 2)]


def test_a_step_is_taken_once_and_a_check_may_be_widened(place: Path, staging_dsn: str) -> None:
    opened(place, staging_dsn)
    add = "insert into small_test_log.export (export_id, sha256, location, files, bytes, status) values ('x1', 'abc', 'here', 1, 2, 'archived')"
    with pytest.raises(psycopg.errors.CheckViolation):
        change(staging_dsn, add)
    with_upgrade(
        place,
        "900_exports_are_archived.sql.j2",
        """
        alter table if exists {{ log }}.export drop constraint if exists export_status_check;
        alter table if exists {{ log }}.export add constraint export_status_check check (status in ('registered', 'landed', 'cleaned', 'archived'));
        alter table if exists {{ log }}.export add column if not exists archive text;
        """,
    )
    opened(place, staging_dsn)
    change(staging_dsn, add)
    opened(place, staging_dsn)
    assert [step for (step,) in versions(staging_dsn)][-1:] == [900]
    assert len(versions(staging_dsn)) == 2


def test_a_failing_step_leaves_everything_as_it_was(place: Path, staging_dsn: str) -> None:
    opened(place, staging_dsn)
    before = look(staging_dsn, STRUCTURE)
    with_upgrade(
        place,
        "901_half.sql.j2",
        """
        alter table if exists {{ log }}.export add column if not exists archive text;
        alter table if exists {{ log }}.export add constraint archived check (archive is not null or never);
        """,
    )
    with pytest.raises(psycopg.errors.UndefinedColumn):
        opened(place, staging_dsn)
    assert look(staging_dsn, STRUCTURE) == before


def test_a_step_may_not_take_anything_away(place: Path, staging_dsn: str) -> None:
    opened(place, staging_dsn)
    with_upgrade(place, "902_bad.sql.j2", "alter table {{ log }}.entry drop column hash;")
    with pytest.raises(UnsafeSql, match="902_bad"):
        opened(place, staging_dsn)


def test_an_older_package_refuses_and_says_what_to_install(place: Path, staging_dsn: str) -> None:
    opened(place, staging_dsn)
    change(staging_dsn, "insert into small_test_log.version (step, schema_sha256) values (999, 'later')")
    with pytest.raises(NewerLog, match=r"step 999 by a newer crm2odoo.*Install the newer one"):
        opened(place, staging_dsn)
