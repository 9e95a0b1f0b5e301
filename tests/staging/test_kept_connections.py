"""Within a task, connections to the staging database are used again, and nothing of one transaction is left for the next."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace, kept_connections

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ws(staging_dsn: str) -> Workspace:
    return Workspace.open(load_bundle(ROOT, "demo_flash"), staging_dsn)


def session(ws: Workspace) -> int:
    """The server's process behind a connection."""
    with ws.connect() as connection:
        return connection.info.backend_pid


def test_one_connection_serves_a_task_and_is_closed_with_it(ws: Workspace) -> None:
    with kept_connections():
        with ws.connect() as connection:
            first = connection.info.backend_pid
        with kept_connections():
            assert session(ws) == first
        assert session(ws) == first
        assert not connection.closed
    assert connection.closed


def test_what_was_done_is_committed_and_what_failed_is_rolled_back_at_once(ws: Workspace) -> None:
    with kept_connections():
        with ws.connect() as connection:
            connection.execute("create table kept (n int)")
            connection.execute("insert into kept values (1)")
        with pytest.raises(psycopg.errors.DivisionByZero), ws.connect() as connection:  # noqa: PT012 - the block is what is tested
            failed = connection.info.backend_pid
            connection.execute("insert into kept values (2)")
            connection.execute("select 1 / 0")
        with psycopg.connect(ws.dsn) as other:
            other.execute("set lock_timeout = 1000; lock table kept")
            assert other.execute("select n from kept").fetchall() == [(1,)]
        assert session(ws) != failed, "a session in which something failed is not used again"


def test_two_at_a_time_are_two(ws: Workspace) -> None:
    def lasting(_: int) -> int:
        with ws.connect() as connection:
            connection.execute("select pg_sleep(0.05)")
            return connection.info.backend_pid

    with kept_connections():
        with ws.connect() as outer:
            assert session(ws) != outer.info.backend_pid
        with ThreadPoolExecutor(3) as pool, ws.connect() as outer:
            assert outer.info.backend_pid not in set(pool.map(lasting, range(9)))


def test_settings_of_one_use_are_not_those_of_the_next(ws: Workspace) -> None:
    with kept_connections():
        with ws.connect() as connection:
            first = connection.info.backend_pid
            connection.execute("set work_mem = '1MB'; set timezone = 'Asia/Tokyo'")
        with ws.connect() as connection:
            assert connection.info.backend_pid == first
            [(memory, zone)] = [tuple(r.values()) for r in connection.execute("select current_setting('work_mem') as m, current_setting('timezone') as z")]
    assert (memory == "1MB", zone) == (False, "UTC")


def test_a_statement_is_not_prepared_for_a_table_that_was_made_anew(ws: Workspace) -> None:
    """psycopg prepares what is executed often, and PostgreSQL refuses it when the result has another shape."""
    with psycopg.connect(ws.dsn, autocommit=True) as other, kept_connections():
        for columns in ("n int", "n int, m int"):
            other.execute(f"drop table if exists anew; create table anew ({columns}); insert into anew values (1)")
            with ws.connect() as connection:
                first = connection.info.backend_pid
                found = [connection.execute("select * from anew").fetchone() for _ in range(8)][-1]
        assert found == {"n": 1, "m": None}
        assert session(ws) == first


def test_one_that_the_server_ended_is_replaced(ws: Workspace) -> None:
    with kept_connections():
        first = session(ws)
        with psycopg.connect(ws.dsn) as other:
            other.execute("select pg_terminate_backend(%s, 5000)", (first,))
        assert session(ws) != first


def test_one_outside_of_transactions_is_not_kept(ws: Workspace) -> None:
    with kept_connections():
        with ws.connect() as connection:
            first = connection.info.backend_pid
            connection.commit()
            connection.autocommit = True
        assert session(ws) != first


def test_a_forked_process_opens_its_own(ws: Workspace) -> None:
    with kept_connections():
        first = session(ws)
        read, write = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.write(write, str(session(ws)).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert int(os.read(read, 20)) != first
        assert session(ws) == first, "and leaves this one alone"
