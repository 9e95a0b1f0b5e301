"""Virtual environments from lists of exact versions: by uv in seconds, or by pip where uv does not get through."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import SandboxError

Log = Callable[[str], None]


def bootstrap(folder: Path, log: Log) -> Path | None:
    """The program uv, installed into `folder` by pip; None if that fails, and then pip has to do."""
    uv = folder / "bin" / "uv"
    if uv.exists():
        return uv
    shutil.rmtree(folder, ignore_errors=True)
    attempts = (
        [
            [sys.executable, "-m", "venv", str(folder)],
            [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--no-cache-dir", "uv"],
        ],
        # Without python3-venv, pip alone may be there.
        [[sys.executable, "-m", "pip", "install", "-q", "--no-cache-dir", "--target", str(folder), "uv"]],
    )
    for commands in attempts:
        if all(_try(command) for command in commands) and uv.exists():
            return uv
    log("uv cannot be installed; going on with pip, which is slower")
    return None


def install(folder: Path, requirements: Path, uv: Path | None, log: Log) -> None:
    """Make the environment hold what the list says, and nothing else. Raises SandboxError if no way works."""
    python = folder / "bin" / "python"
    if uv and (index := _index(uv.with_name("python"))) is not None:
        # A cache beside the environment: links instead of copies, and it goes when .tools goes.
        environment = {"UV_CACHE_DIR": str(folder.parent / "uv-cache")} | os.environ | index
        made = (python.exists() and _try([str(python), "-c", ""])) or _try(
            [str(uv), "venv", "-q", "--clear", "--python", sys.executable, str(folder)]
        )
        if made and _try([str(uv), "pip", "sync", "-q", "--python", str(python), str(requirements)], environment):
            return
        log(f"uv could not install {requirements.name}; going on with pip")
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "-q", "--no-cache-dir", "--no-deps", "-r", str(requirements)],
    )
    for command in commands:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise SandboxError(f"{' '.join(command[:4])} failed:\n{(done.stdout + done.stderr).strip()[-3000:]}")


def _try(command: list[str], environment: dict[str, str] | None = None) -> bool:
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def _index(python: Path) -> dict[str, str] | None:
    """pip's settings in uv's words, since uv does not read pip's files; None if pip is told to use no index.

    `python` is one that has pip; else the one that runs us is asked.
    """
    asked = str(python) if python.exists() else sys.executable
    shown = subprocess.run([asked, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    settings: dict[str, str] = {}
    for line in shown.splitlines():  # global.index-url='...'; a later line, such as :env:, wins
        key, _, value = line.partition("=")
        settings[key.rpartition(".")[2]] = value.strip("'\"")
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return None
    words = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    return {words[key]: value for key, value in settings.items() if key in words and words[key] not in os.environ}
