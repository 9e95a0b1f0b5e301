"""Says how far it is, while something takes long: nobody should have to guess whether a program still works."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

Log = Callable[[str], None]

EVERY = 15.0
"""Seconds between two lines."""


@contextlib.contextmanager
def told(log: Log, how_far: Callable[[], str], every: float = EVERY) -> Iterator[None]:
    """Calls `log` with what `how_far` says, every so many seconds, until the block ends. An empty text is not said."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(every):
            if text := how_far():
                log(text)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def modules_installed(odoo_log: Path) -> str:
    """How many of its modules Odoo has come to, by its log; empty before it knows."""
    try:
        with open(odoo_log, errors="replace") as lines:
            # It begins with "(1/1)": the module that finds out which others there are.
            places = [found for line in lines if (found := re.search(r": Loading module \S+ \((\d+)/(?!1\))(\d+)\)", line))]
    except FileNotFoundError:
        return ""
    return f"Odoo installs its apps: module {places[-1][1]} of {places[-1][2]}" if places else ""


def megabytes(folder: Path) -> int:
    """How much lies below a folder, which others may be filling or emptying meanwhile."""
    sizes = {}  # uv links what is in its cache: one file in two places counts once
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                about = os.lstat(os.path.join(place, name))
                sizes[about.st_dev, about.st_ino] = about.st_size
    return sum(sizes.values()) // 1_000_000
