"""One Odoo server process: started, waited for, stopped."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .errors import SandboxError
from .odoo_program import OdooProgram, configuration, odoo_environment
from .postgres_program import Log, Server
from .private_files import tail, write_private

CONFIG, PID_FILE, LOG_FILE, DATA = "odoo.conf", "odoo.pid.json", "odoo.log", "data"


@dataclass(frozen=True)
class Running:
    url: str
    port: int
    pid: int


def port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    folder: Path, server: Server, odoo: OdooProgram, log: Log, *,
    database: str | None = None, port: int | None = None, preferred: int | None = None, workers: int = 0,
    timeout: float = 90,
) -> Running:  # fmt: skip
    """Start Odoo in `folder` (configuration, log, pid file, data) on 127.0.0.1 and wait until it answers.

    With `database` it serves that one alone, else every database of its role; `port` is kept to, `preferred` is taken
    if free, else a free one is picked. `timeout` is in seconds.

    Raises SandboxError if the port is taken, or Odoo exits or hangs; then no process is left.
    """
    stop(folder)  # left by a start that was cut off
    if port and not port_free(port):
        raise SandboxError(f"port {port} is taken: choose another http_port, or leave it out to have a free one picked")
    deadline = time.monotonic() + timeout
    for attempt in range(1 if port else 5):
        wanted = port or (preferred if preferred and attempt == 0 and port_free(preferred) else _any_port())
        if running := _attempt(folder, server, odoo, log, database, wanted, workers, deadline):
            return running
        if port:
            break
        log(f"port {wanted} was taken in between; trying another")
    raise SandboxError(f"Odoo got no port\n{tail(folder / LOG_FILE)}")


def _attempt(
    folder: Path,
    server: Server,
    odoo: OdooProgram,
    log: Log,
    database: str | None,
    port: int,
    workers: int,
    deadline: float,
) -> Running | None:
    """None if another program took the port first."""
    only = {"db_name": database, "dbfilter": f"^{database}$"} if database else {}
    log_file, pid_file, url = folder / LOG_FILE, folder / PID_FILE, f"http://127.0.0.1:{port}"
    write_private(
        folder / CONFIG,
        configuration(
            server, folder / DATA, log_file, http_port=port, gevent_port=_any_port(), workers=workers, **only
        ),
    )
    began, seen = time.monotonic(), log_file.stat().st_size if log_file.exists() else 0
    try:
        # Its output never goes to our pipe: Terraform waits until the last holder of that has gone.
        with open(log_file, "a") as out:
            process = subprocess.Popen(
                [*odoo.command, "server", "-c", str(folder / CONFIG)],
                env=odoo_environment(odoo.environment), cwd=folder,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
    except OSError as error:
        raise SandboxError(f"cannot run Odoo: {error}") from None
    processes.note(pid_file, process.pid)
    try:
        while process.poll() is None:
            if _healthy(url):
                log(f"Odoo answers on {url} after {time.monotonic() - began:.1f} s")
                return Running(url, port, process.pid)
            if time.monotonic() > deadline:
                raise SandboxError(f"Odoo did not answer on {url} in time\n{tail(log_file)}")
            time.sleep(0.1)
    except BaseException:
        stop(folder)
        raise
    pid_file.unlink(missing_ok=True)
    with open(log_file, errors="replace") as text:
        text.seek(seen)
        if "Address already in use" in text.read():
            return None
    raise SandboxError(f"Odoo stopped at start (exit {process.returncode}); the end of its log:\n{tail(log_file)}")


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/web/health", timeout=5) as answer:  # noqa: S310 - always http
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def running(folder: Path) -> int | None:
    """The process number of the server that was started in this folder, if it runs."""
    if (pid := processes.noted(folder / PID_FILE)) is not None:
        return pid
    # Cut off between the start and the note of it: Odoo's own command line tells.
    wanted = f" server -c {folder / CONFIG}"
    return next((pid for pid in processes.all_pids() if processes.command_line(pid).endswith(wanted)), None)


def stop(folder: Path) -> bool:
    """Stop the server of this folder, with its workers; whether there was one. Its port is free afterwards."""
    pid = running(folder)
    if pid is not None:
        processes.stop(pid, patience=5)
    with contextlib.suppress(FileNotFoundError):
        (folder / PID_FILE).unlink()
    return pid is not None
