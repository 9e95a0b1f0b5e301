"""Connections that a task uses again: to open one costs PostgreSQL 5 ms, to read its catalog anew 5 more, and a small task opens a dozen."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

Connection = psycopg.Connection[dict[str, Any]]


class _Kept:
    """Idle connections by connection string, of one process. Several threads may take and give."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._idle: dict[str, list[Connection]] | None = {}

    def take(self, dsn: str) -> Connection | None:
        """One that PostgreSQL still answers on, as it was when it was opened: no settings, and no statement prepared for tables of before."""
        while connection := self._one_of(dsn):
            try:
                connection.execute("select")
                connection.rollback()  # with which psycopg, in all its versions, forgets the statements that it prepared
                connection.autocommit = True
                connection.execute("reset all")
                connection.autocommit = False
            except psycopg.Error:  # the server was started again, or ended the session
                connection.close()
            else:
                return connection
        return None

    def _one_of(self, dsn: str) -> Connection | None:
        with self._lock:
            # A forked process must not speak on the connections of the one that it came from.
            found = self._idle.get(dsn) if self._idle and self._process == os.getpid() else None
            return found.pop() if found else None

    def give(self, dsn: str, connection: Connection) -> None:
        """After the end of a transaction."""
        usable = not connection.closed and not connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE
        with self._lock:
            if usable and self._idle is not None and self._process == os.getpid():
                self._idle.setdefault(dsn, []).append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            left, self._idle = self._idle or {}, None
        for connections in left.values():
            for connection in connections:
                connection.close()


_kept: _Kept | None = None


@contextmanager
def kept_connections() -> Iterator[None]:
    """Inside, ``connection_to`` uses a connection again whose transaction was committed; at the end all are closed. Inner blocks do nothing."""
    global _kept
    if _kept:
        yield
        return
    mine = _kept = _Kept()
    try:
        yield
    finally:
        _kept = None
        mine.close()


@contextmanager
def connection_to(dsn: str, connect: Callable[[], Connection]) -> Iterator[Connection]:
    """One transaction: committed at the end of the block, rolled back on an error. ``connect`` opens a connection where none is kept."""
    kept = _kept
    connection = (kept.take(dsn) if kept else None) or connect()
    if not kept:
        with connection:
            yield connection
        return
    try:
        yield connection
        if not connection.closed:
            connection.commit()
    except BaseException as error:
        connection.__exit__(type(error), error, error.__traceback__)  # rolls back, and closes
        raise
    kept.give(dsn, connection)
