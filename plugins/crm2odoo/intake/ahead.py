"""Works ahead in a thread, so that reading a file and writing to the database take place at the same time."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(items: Iterator[Item], depth: int = 4) -> Iterator[Item]:
    """The same items, made by another thread up to ``depth`` in advance. Its exception is raised here; leaving early stops it."""
    made: queue.Queue[object] = queue.Queue(depth)
    stopped = threading.Event()
    failure: list[BaseException] = []

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                made.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:  # told to the thread that waits for the items
            failure.append(error)
        put(_END)

    worker = threading.Thread(target=make, name="intake-reader", daemon=True)
    # The reader seldom gives up the interpreter by itself; at Python's 5 ms per turn the writer would starve.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    worker.start()
    try:
        while (item := made.get()) is not _END:
            yield item  # type: ignore[misc]
        if failure:
            raise failure[0]
    finally:
        stopped.set()
        worker.join()
        sys.setswitchinterval(interval)
