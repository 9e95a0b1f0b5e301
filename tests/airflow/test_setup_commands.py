"""What a run lacks is named at once, and the commands that the message holds are right: they are run here as they stand."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from projects import good

from conftest import World, add_connection
from crm2odoo.project import load_bundle

SMALL_WORLD = True


def commands(cause: str) -> list[str]:
    return [line for line in cause.splitlines() if line.startswith("airflow ")]


def run(line: str, values: dict[str, str]) -> None:
    """What a shell would do with the line, its placeholders filled in."""
    from airflow.cli.cli_parser import get_parser

    for placeholder, value in values.items():
        line = line.replace(placeholder, value)
    arguments = get_parser().parse_args(shlex.split(line)[1:])
    arguments.func(arguments)


def test_the_commands_that_are_named_add_what_is_missing(world: World, staging_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write("bare", good("bare", export=str(world.export)))
    cause = world.run("bare.sample", {"target": "connection", "connection": "bare_odoo"}).causes["check.needs"]
    staging, odoo, pool = commands(cause)
    assert staging.startswith("airflow connections add bare_staging --conn-type postgres ")
    assert odoo.startswith("airflow connections add bare_odoo --conn-type odoo ")
    assert pool.startswith("airflow pools set bare_odoo ")
    parts = {k: str(v) for k, v in psycopg.conninfo.conninfo_to_dict(staging_dsn).items()}
    run(staging, {"HOST": shlex.quote(parts["host"]), "DATABASE": parts["dbname"], "USER": parts["user"], "PASSWORD": "''"})
    run(odoo, {"https://YOUR.odoo.com": "http://127.0.0.1:1", "DATABASE": "acme", "LOGIN": "admin", "API_KEY": "secret-key"})
    run(pool, {})
    done = world.run("bare.sample", {"target": "connection", "connection": "bare_odoo"})
    cause = done.causes["check.needs"]
    assert "missing" not in cause, cause
    assert "127.0.0.1:1" in cause, "the connection is there, and only its Odoo is not"
    assert "secret-key" not in cause


def test_a_kept_sandbox_becomes_a_connection_by_the_command_in_the_log(
    world: World, new_project: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from crm2odoo.airflow.steps import Steps
    from crm2odoo.sandbox import credentials

    monkeypatch.setenv("CRM2ODOO_HOME", str(tmp_path))
    monkeypatch.setattr(Steps, "param", lambda self, name: {"target": "sandbox", "keep_sandbox": True, "keep_days": 2}.get(name))
    (tmp_path / "sandboxes" / "acme").mkdir(parents=True)
    made = credentials.Sandbox("acme", "http://127.0.0.1:8069", "acme", "u", "admin", "pass-word", "api-key 'x'", "2030-01-01T00:00:00", "")
    credentials.write(tmp_path / "sandboxes" / "acme", made)
    caplog.set_level("INFO", "crm2odoo")
    Steps(load_bundle(world.root, new_project("acme"))).sandbox_down()
    [line] = commands(caplog.text)
    assert "api-key" not in caplog.text
    (tmp_path / "airflow").write_text(f'#!/bin/sh\nexec {sys.executable} -m airflow "$@"\n')
    (tmp_path / "airflow").chmod(0o755)
    shell = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "AIRFLOW__CORE__FERNET_KEY": ""}  # this process has no key
    add_connection("sandbox_acme", conn_type="odoo", host="http://an.older.one")
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=shell)
    assert done.returncode == 0, done.stderr
    assert "api-key" not in done.stdout + done.stderr
    with create_session() as session:
        [found] = session.scalars(select(Connection).where(Connection.conn_id == "sandbox_acme"))
        assert (found.conn_type, found.host, found.schema, found.login, found.password) == ("odoo", made.url, "acme", "admin", made.api_key)


def test_a_failed_task_says_what_to_do_and_leads_to_the_page_of_its_run(world: World, new_project: Callable[..., str], caplog: Any) -> None:
    name = new_project("lost")
    add_connection("lost_staging", conn_type="http", host="x")
    done = world.run(f"{name}.discover")
    said = next(r.getMessage() for r in caplog.records if r.name == "crm2odoo.next")
    assert "it needs 'postgres'" in said
    assert "clear this task" in said
    assert f"/crm2odoo/run/lost.discover/{done.run_id.replace(':', '%3A').replace('+', '%2B')}" in said
    assert os.environ["AIRFLOW_HOME"] not in said


@pytest.mark.parametrize(
    ("url", "port", "meant"),
    [
        ("https://acme.odoo.com", 443, "https://acme.odoo.com"), ("http://odoo.local", 8069, "http://odoo.local:8069"), ("http://odoo:8069", 443, "http://odoo:8069"),
        ("https://a.example/odoo", 8443, "https://a.example:8443/odoo"), ("https://a.example", None, "https://a.example"), ("http://a:b", 1, "http://a:b"), ("", 443, ""),
    ],
)  # fmt: skip
def test_the_port_of_a_connection_counts_when_its_url_has_none(url: str, port: int | None, meant: str) -> None:
    from crm2odoo.airflow.hook import with_port

    assert with_port(url, port) == meant
