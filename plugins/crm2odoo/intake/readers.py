"""Several processes that read stretches of one large file, each while the others do.

A stretch ends where a record seems to end, and is numbered by what seems to stand before it. Its reader finds out whether that was so.
If not, what was read from there on is thrown away, and the caller reads these bytes himself, carefully.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

STRETCH = 1 << 19
WORTH = 1 << 24
"""Bytes of a file from which on the start of processes pays."""
TRIES = 200


class Counted(Protocol):
    """What reading a stretch brought to light: above all, how far the records and lines are counted at its end."""

    records: int
    line: int


Found = TypeVar("Found", bound=Counted)
Read = Callable[[bytes, int, int], "tuple[bytes, Found] | None"]
"""Reads a stretch whose first record and line have these numbers; None when it is not made of well-formed records."""


class Asked(NamedTuple):
    """A stretch that a reader has, and the numbers of record and line that it should end with."""

    reader: Connection
    stretch: bytes
    records: int
    line: int


def usable_readers() -> int:
    """How many readers this machine has room for beside the caller and PostgreSQL; 0 when it has not enough processors."""
    free = len(os.sched_getaffinity(0)) - 2 if hasattr(os, "sched_getaffinity") else 0
    return min(free, 3) if free > 1 else 0


class Readers(Generic[Found]):
    """Child processes that read. To be started before threads are: a child holds a copy of this process, touches nothing of it but
    ``read``, and ends when its pipe is closed, thus also when this process is killed."""

    def __init__(self, read: Read[Found], count: int) -> None:
        self._idle: deque[Connection] = deque()
        self._asked: deque[Asked] = deque()
        self.processes: list[int] = []
        """Their process ids."""
        for _ in range(count):
            ours, theirs = Pipe()
            child = os.fork()
            if child == 0:
                try:
                    for other in (*self._idle, ours):
                        other.close()
                    _answer(theirs, read)
                finally:
                    os._exit(0)
            theirs.close()
            self._idle.append(ours)
            self.processes.append(child)

    @property
    def any(self) -> bool:
        """Whether there are readers; one that was killed is none."""
        return bool(self._idle or self._asked)

    @property
    def asked(self) -> bool:
        return bool(self._asked)

    @property
    def busy(self) -> bool:
        return not self._idle

    def ask(self, stretch: bytes, records: int, line: int) -> None:
        """Gives a stretch to an idle reader. ``records``, ``line``: the numbers before it, unless stretches are still being read."""
        if self._asked:
            records, line = self._asked[-1].records, self._asked[-1].line
        reader = self._idle.popleft()
        ends = b"".join(stretch.split(b'"')[::2]).count(b"\n")
        self._asked.append(Asked(reader, stretch, records + ends, line + stretch.count(b"\n")))
        with suppress(OSError):  # of a reader that is gone; it will be noticed when its answer is missing
            reader.send((records, line))
            reader.send_bytes(stretch)

    def take(self) -> tuple[bytes, Found, bytes] | bytes:
        """The rows of the oldest stretch, what reading it brought to light, and what has to be read again after it.
        Bytes alone when the stretch itself has to be read carefully."""
        reader, stretch, records, line = self._asked.popleft()
        answer = self._answer_of(reader)
        if answer is None:
            return stretch + self._forget()
        rows, scan = answer
        # A blank line among them counts as no record: all that was asked after it has wrong numbers.
        return rows, scan, b"" if (scan.records, scan.line) == (records, line) else self._forget()

    def _forget(self) -> bytes:
        """Drops what is being read; gives its bytes back."""
        left = []
        while self._asked:
            reader, stretch, _, _ = self._asked.popleft()
            self._answer_of(reader)
            left.append(stretch)
        return b"".join(left)

    def _answer_of(self, reader: Connection) -> tuple[bytes, Found] | None:
        """None when the stretch is not well-formed, and when the reader is gone (killed for want of memory, say)."""
        try:
            scan: Found | None = reader.recv()
            rows = b"" if scan is None else reader.recv_bytes()
        except (EOFError, OSError):
            reader.close()
            return None
        self._idle.append(reader)
        return None if scan is None else (rows, scan)

    def close(self) -> None:
        """Ends the readers. Safe to call twice."""
        for reader in (*self._idle, *(a.reader for a in self._asked)):
            reader.close()
        self._idle.clear()
        self._asked.clear()
        for child in self.processes:
            with suppress(ChildProcessError):
                os.waitpid(child, 0)
        self.processes.clear()


def _answer(pipe: Connection, read: Read[Any]) -> None:
    """The life of a child. Whoever started it is gone when the pipe is closed."""
    with suppress(EOFError, OSError):
        while True:
            records, line = pipe.recv()
            found = read(pipe.recv_bytes(), records, line)
            if found is None:
                pipe.send(None)
            else:
                pipe.send(found[1])
                pipe.send_bytes(found[0])


def whole_records(buffer: bytes, until: int) -> int:
    """Where the last record before ``until`` seems to end, going by nothing but the number of quotes before it; 0 when nowhere near."""
    end, after = until, 0
    quotes = buffer.count(b'"', 0, until)
    for _ in range(TRIES):
        place = buffer.rfind(b"\n", 0, end)
        if place < 0:
            return 0
        after += buffer.count(b'"', place, end)
        if (quotes - after) % 2 == 0:
            return place + 1
        end = place
    return 0
