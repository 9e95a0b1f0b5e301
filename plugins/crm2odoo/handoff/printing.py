"""Pages as PDF, several at a time: printing is the slow part of a pack of documents."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

PRINTER = Path(__file__).with_name("print_pdf.py")
PRINTERS = 3
"""Processes at most. One takes about 150 MB, and a second to start."""
SHORT = 80_000
"""Characters of HTML that are printed in about a second: fewer are not worth a process of their own."""


class CannotPrint(RuntimeError):
    """WeasyPrint failed. The message has its last lines."""


class Printing:
    """A with-block in which pages are printed while other work goes on. ``pages``: name → HTML; ``pdf`` waits for one of them.

    Processes rather than threads, because WeasyPrint is Python; not ``multiprocessing``, which a task of Airflow may not use.
    """

    def __init__(self, pages: Mapping[str, str]) -> None:
        self._pool = ThreadPoolExecutor(PRINTERS)
        self._at: dict[str, tuple[int, int]] = {}
        shares = _shares(pages)
        for n, share in enumerate(shares):
            self._at |= {name: (n, place) for place, name in enumerate(share)}
        self._printed = [self._pool.submit(_print, [pages[name] for name in share]) for share in shares]

    def pdf(self, name: str) -> bytes:
        """A4 pages. The same HTML gives the same bytes. Raises CannotPrint."""
        share, place = self._at[name]
        return self._printed[share].result()[place]

    def __enter__(self) -> Printing:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)


def as_pdf(html: str) -> bytes:
    """One page. Raises CannotPrint."""
    with Printing({"page": html}) as printing:
        return printing.pdf("page")


def _shares(pages: Mapping[str, str]) -> list[list[str]]:
    """Names for each process, about equally long together: the longest go first, each to whoever has least."""
    count = min(PRINTERS, os.cpu_count() or 1, 1 + sum(map(len, pages.values())) // SHORT, len(pages))
    shares: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(pages, key=lambda n: -len(pages[n])):
        min(shares, key=lambda share: sum(len(pages[n]) for n in share)).append(name)
    return shares


def _print(pages: list[str]) -> list[bytes]:
    # The packages are where this process has them, which need not be where a bare Python looks.
    paths = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, str(PRINTER)], input=json.dumps(pages), capture_output=True, text=True, encoding="utf-8", env=os.environ | paths
    )
    if done.returncode:
        told = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise CannotPrint(f"WeasyPrint could not print (exit code {done.returncode}):\n{told}\nIt needs the system library Pango.")
    return [base64.b64decode(page) for page in json.loads(done.stdout)]
