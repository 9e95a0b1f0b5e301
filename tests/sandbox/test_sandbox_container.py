"""The script of terraform/modules/odoo-container, on a real Odoo and PostgreSQL: what differs from a container is where files lie."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from crm2odoo.sandbox import Base, processes
from crm2odoo.sandbox.home import checkout
from crm2odoo.sandbox.odoo_program import find_odoo, odoo_environment

pytestmark = [
    pytest.mark.odoo,
    pytest.mark.skipif(not os.environ.get("CRM2ODOO_PROVIDERS"), reason="takes a minute: `make check-terraform` runs it"),
]
DATABASE = "container_sandbox"
# As /entrypoint.sh of Odoo's image does: adds how to reach the database.
ENTRYPOINT = """#!/bin/bash
shift
command=server
case "$1" in neutralize|shell) command=$1; shift ;; esac
exec {odoo} "$command" "$@" --db_host "$HOST" --db_port "$PORT" --db_user "$USER" --data-dir {data} {port}
"""


@pytest.fixture
def place(odoo_base: Base, tmp_path: Path) -> Iterator[Path]:
    def drop() -> None:
        with psycopg.connect(host=odoo_base.postgres_host, port=odoo_base.postgres_port, user="postgres", dbname="postgres", autocommit=True) as there:
            there.execute(f"drop database if exists {DATABASE} with (force)")

    drop()
    yield tmp_path
    for pid in processes.all_pids():
        if str(tmp_path) in processes.command_line(pid):
            processes.stop(pid)
    drop()


def start(base: Base, place: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The script runs; returns it and Odoo's address once Odoo answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    odoo = find_odoo()
    entrypoint, script = place / "entrypoint.sh", place / "start.sh"
    options = f'$([ "$command" = neutralize ] || echo --http-port {port} --http-interface 127.0.0.1)'
    entrypoint.write_text(ENTRYPOINT.format(odoo=shlex.join(odoo.command), data=place / "data", port=options))
    entrypoint.chmod(0o755)
    text = (checkout() / "terraform" / "modules" / "odoo-container" / "start.sh").read_text()
    script.write_text(text.replace("/entrypoint.sh", str(entrypoint)).replace("/var/lib/odoo", str(place / "store")))
    (place / "store").mkdir(exist_ok=True)
    environment = odoo_environment(odoo.environment) | {
        "HOST": base.postgres_host, "PORT": str(base.postgres_port), "USER": "odoo", "PASSWORD": "not-used",
        "SANDBOX_DATABASE": DATABASE, "SANDBOX_MODULES": "base_setup", "PATH": f"{Path(odoo.command[0]).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    with open(place / "log", "ab") as log:
        running = subprocess.Popen(["/bin/bash", str(script)], env=environment, cwd=place, stdout=log, stderr=log)
    end = time.monotonic() + 240
    while True:
        assert running.poll() is None, (place / "log").read_text()[-3000:]
        assert time.monotonic() < end, (place / "log").read_text()[-3000:]
        try:
            if httpx.get(f"http://127.0.0.1:{port}/web/health", timeout=5).status_code == 200:
                return running, f"http://127.0.0.1:{port}"
        except httpx.HTTPError:
            time.sleep(0.2)


def login(url: str, password: str) -> object:
    call = {"service": "common", "method": "authenticate", "args": [DATABASE, "admin", password, {}]}
    return httpx.post(f"{url}/jsonrpc", json={"jsonrpc": "2.0", "method": "call", "params": call}, timeout=60).json()["result"]


def test_it_installs_neutralises_and_locks_once_and_serves_at_every_start(odoo_base: Base, place: Path) -> None:
    running, url = start(odoo_base, place)
    secret = place / "store" / "crm2odoo" / "admin_password"
    password = secret.read_text()
    assert secret.stat().st_mode & 0o777 == 0o600
    assert login(url, password)
    assert not login(url, "admin")
    assert password not in (place / "log").read_text()
    with psycopg.connect(host=odoo_base.postgres_host, port=odoo_base.postgres_port, user="odoo", dbname=DATABASE) as there:
        parameters = dict(there.execute("select key, value from ir_config_parameter").fetchall())
        assert parameters["database.is_neutralized"] == "true"
        assert parameters["ir_attachment.location"] == "db"
        assert {name for (name,) in there.execute("select cron_name from ir_cron where active")} <= {"Base: Auto-vacuum internal data"}
        assert there.execute("select count(*) from ir_attachment where store_fname is not null").fetchone() == (0,)
    running.send_signal(signal.SIGTERM)
    running.wait(30)
    began = time.monotonic()
    running, url = start(odoo_base, place)
    assert time.monotonic() - began < 60, "nothing is installed again"
    assert secret.read_text() == password
    assert login(url, password)
    running.send_signal(signal.SIGTERM)
    running.wait(30)
