"""Processes that outlive us: note them, find them again, stop them; never another one that got the same number."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from .errors import SandboxError
from .private_files import write_private


def born(pid: int) -> str | None:
    """A text that differs when the number is used again; None when the process is gone or only a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True
    ).stdout.strip()
    return None if not shown or shown.startswith("Z") else shown.split(None, 1)[1]


def command_line(pid: int) -> str:
    """The words of the command joined by blanks; empty when the process is gone."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()


def all_pids() -> list[int]:
    if Path("/proc/self").exists():
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [int(n) for n in subprocess.run(["ps", "-eo", "pid="], capture_output=True, text=True).stdout.split()]


def note(pid_file: Path, pid: int) -> None:
    write_private(pid_file, json.dumps({"pid": pid, "born": born(pid)}))


def noted(pid_file: Path) -> int | None:
    """The number in the file, if that very process still runs."""
    try:
        record = json.loads(pid_file.read_text())
        pid = int(record["pid"])
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return pid if record["born"] is not None and born(pid) == record["born"] else None


def stop(pid: int, *, first: signal.Signals = signal.SIGTERM, patience: float = 15, group: bool = True) -> None:
    """Ask, wait `patience` seconds, then kill; with `group`, the process group that the process leads goes too.

    Raises SandboxError if the process survives.
    """
    birth = born(pid)

    def alive() -> bool:
        return birth is not None and born(pid) == birth

    for number, wait in ((first, patience), (signal.SIGKILL, 5.0)):
        if not alive():
            return
        with contextlib.suppress(ProcessLookupError):
            if group and os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)
        end = time.monotonic() + wait
        while alive() and time.monotonic() < end:
            time.sleep(0.03)
    if alive():
        raise SandboxError(f"process {pid} would not stop")
