"""Packages of the system that pip cannot bring: found out by trying, installed where we may, else named."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable

Log = Callable[[str], None]

# WeasyPrint draws PDF documents with these.
LIBRARIES = {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}


def missing() -> list[str]:
    """Names of Debian packages without which something will not work."""
    wanted = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if importlib.util.find_spec("ensurepip") is None:
        wanted.append("python3-venv")
    if not shutil.which("fc-list") or not subprocess.run(["fc-list"], capture_output=True).stdout:
        wanted.append("fonts-dejavu-core")
    return wanted


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def ensure(log: Log) -> None:
    """Install what is missing if we are root, or sudo asks for no password; else say what to install and go on."""
    if not (wanted := missing()):
        return
    command = f"apt-get install --no-install-recommends {' '.join(wanted)}"
    sudo: list[str] | None = None
    if shutil.which("apt-get"):
        if os.geteuid() == 0:
            sudo = []
        elif shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
            sudo = ["sudo", "-n"]
    if sudo is None:
        log(f"missing: {', '.join(wanted)}. Have them installed ({command}), or some documents cannot be made")
        return
    log(f"installing {', '.join(wanted)}")
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    install = [*apt, "install", "--no-install-recommends", *wanted]
    if subprocess.run(install, stdin=subprocess.DEVNULL, capture_output=True).returncode:
        subprocess.run(
            [*apt, "update"], stdin=subprocess.DEVNULL, capture_output=True
        )  # a fresh container has no lists
        subprocess.run(install, stdin=subprocess.DEVNULL, capture_output=True)
    if left := missing():
        log(f"still missing after `{command}`: {', '.join(left)}")
