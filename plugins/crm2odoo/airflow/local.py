"""An Airflow of our own on this machine, for the demo and for looking around. It lives in the home of the sandboxes.

    python -m crm2odoo.airflow.local up      api-server, scheduler and dag-processor on 127.0.0.1

``make stop`` stops it: the numbers of the processes are in ``<home>/airflow/*.pid``.

Nothing here is meant for production: there you add this package to the Airflow that you have.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import httpx
import psycopg

from crm2odoo import __version__
from crm2odoo.ledger.runs import code_version
from crm2odoo.project import OWN_ROOT, ConfigError, load_bundle, package_root, project_names
from crm2odoo.sandbox import Base, ensure_base, list_sandboxes, processes
from crm2odoo.sandbox import up as sandbox_up
from crm2odoo.sandbox.lifecycle import stop_airflow
from crm2odoo.sandbox.private_files import write_private

USER = PASSWORD = "admin"  # noqa: S105 the api-server listens on 127.0.0.1 only
# The scheduler's log server would listen on every address; the api-server reads the files by itself here.
PROGRAMS = {"api-server": ["--workers", "1"], "scheduler": ["--skip-serve-logs"], "dag-processor": []}
Log = Callable[[str], None]


@dataclass(frozen=True)
class LocalAirflow:
    """Where our Airflow is. ``url`` answers only after ``up``."""

    folder: Path
    url: str
    base: Base

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to be part of it; the rest is in airflow.cfg.

        Settings of another Airflow (``AIRFLOW__…``) that stand in our environment would win over airflow.cfg, and lead to its database.
        """
        plugins = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [plugins, str(self.folder / "site"), os.environ.get("PYTHONPATH")]))
        home = str(self.base.home)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW__", "AIRFLOW_CONFIG"))}
        return {**ours, "AIRFLOW_HOME": str(self.folder), "PYTHONPATH": path, "CRM2ODOO_HOME": home, "CRM2ODOO_DOCUMENTS": home}

    def enter(self) -> None:
        """Makes this process part of it. Only before Airflow is imported for the first time: it reads its settings once."""
        found = self.environment
        os.environ.clear()
        os.environ.update(found)


def prepare(log: Log = print, home: Path | None = None) -> LocalAirflow:
    """PostgreSQL runs, Airflow is configured and its database is migrated. Safe to repeat; under a second when nothing is to do.

    ``home``: that of the sandboxes when left out. Raises SandboxError, or CalledProcessError when the migration fails.
    """
    base = ensure_base(home, log)
    folder = base.home / "airflow"
    folder.mkdir(mode=0o700, exist_ok=True)
    airflow = LocalAirflow(folder, f"http://127.0.0.1:{_port(folder)}", base)
    _configure(airflow)
    if not _migrated(base):
        log("Airflow's database: about ten seconds, the first time only")
        subprocess.run([*_airflow(), "db", "migrate"], env=airflow.environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _mark(base).write_text(version("apache-airflow-core"))
    return airflow


def add_setup(airflow: LocalAirflow) -> None:
    """Adds the connections and pools that the projects name, as far as they are missing. The process must already be part of ``airflow``."""
    from airflow.models.connection import Connection
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select

    parts = psycopg.conninfo.conninfo_to_dict(airflow.base.staging_dsn)
    root = package_root()
    for name in project_names(root):
        try:
            project = load_bundle(root, name).project
        except ConfigError:
            continue  # its stub DAG shows the mistake
        with create_session() as session:
            if session.scalar(select(Connection).where(Connection.conn_id == project.connections.staging)) is None:
                session.add(
                    Connection(
                        conn_id=project.connections.staging, conn_type="postgres", host=str(parts["host"]), port=int(str(parts.get("port") or 5432)),
                        schema=str(parts["dbname"]), login=str(parts["user"]), description="The embedded PostgreSQL of the sandboxes",
                    )
                )
            if Pool.get_pool(project.pool, session=session) is None:
                Pool.create_or_update_pool(project.pool, 4, "Calls to Odoo at the same time", include_deferred=False, session=session)


def up(log: Log = print, home: Path | None = None) -> LocalAirflow:
    """Starts what does not run yet, and waits until the api-server answers and every project's DAGs are there."""
    airflow = prepare(log, home)
    # Airflow's processes keep what they have imported: a changed program needs new ones.
    mark = airflow.folder / "program"
    if not mark.exists() or mark.read_text() != code_version():
        stop_airflow(airflow.base.home, log)
        mark.write_text(code_version())
    wanted = _set_up(airflow)
    with psycopg.connect(airflow.base.airflow_dsn) as connection:
        since = connection.execute("select now()").fetchone()
    fresh = False
    for program, options in PROGRAMS.items():
        pid_file = airflow.folder / f"{program}.pid"
        if processes.noted(pid_file) is not None:
            continue
        fresh = fresh or program == "dag-processor"
        with open(airflow.folder / f"{program}.log", "ab") as output:
            started = subprocess.Popen(
                [*_airflow(), program, *options], env=airflow.environment, cwd=airflow.folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )
        processes.note(pid_file, started.pid)
        log(f"{program} started, log in {output.name}")
    for found in list_sandboxes(airflow.base.home):
        sandbox_up(found.name, home=airflow.base.home, log=log)
    _wait(airflow, log, "to be healthy", 300, lambda: _unhealthy(airflow))
    # A DAG that was read by an earlier dag-processor may be that of an earlier checkout.
    parsed_since = since[0] if fresh and since else None
    _wait(airflow, log, "to have read the DAGs", 300, lambda: _missing_dags(airflow, wanted, parsed_since))
    return airflow


def _set_up(airflow: LocalAirflow) -> list[str]:
    """Adds connections and pools, in a process of its own: this one may be part of another Airflow. Returns the ids of all DAGs to be."""
    command = [sys.executable, "-m", "crm2odoo.airflow.local", "set-up"]
    done = subprocess.run(command, env=airflow.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Airflow's connections and pools could not be added:\n{done.stderr[-3000:]}")
    return list(json.loads(done.stdout.splitlines()[-1]))


def _wait(airflow: LocalAirflow, log: Log, what: str, seconds: float, open_points: Callable[[], list[str]]) -> None:
    """Until nothing is open any more. A program that died ends the wait."""
    begin = said = time.monotonic()
    while left := open_points():
        dead = [name for name in PROGRAMS if processes.noted(airflow.folder / f"{name}.pid") is None]
        if dead or time.monotonic() - begin > seconds:
            why = f"{dead[0]} ended" if dead else f"it takes longer than {seconds:.0f} s"
            logs = "\n".join([*(_tail(airflow.folder / f"{name}.log") for name in dead), *_import_errors(airflow)])
            raise SystemExit(f"Waited for Airflow {what}, but {why}. Open: {', '.join(left[:10])}.\n{logs}")
        if time.monotonic() - said > 10:
            said = time.monotonic()
            log(f"waiting for Airflow {what}: {', '.join(left[:3])}{' …' if len(left) > 3 else ''} ({len(left)} open)")
        time.sleep(0.5)


def _unhealthy(airflow: LocalAirflow) -> list[str]:
    """The parts of Airflow that do not answer yet."""
    parts = ["metadatabase", "scheduler", "dag_processor"]
    try:
        health = httpx.get(f"{airflow.url}/api/v2/monitor/health", timeout=5).json()
        return [part for part in parts if health[part]["status"] != "healthy"]
    except (httpx.HTTPError, ValueError, KeyError):
        return ["api-server", *parts]


def _missing_dags(airflow: LocalAirflow, wanted: list[str], since: datetime | None) -> list[str]:
    """DAGs that Airflow has not read yet, or not ``since`` then."""
    with psycopg.connect(airflow.base.airflow_dsn) as connection:
        rows = connection.execute(
            "select dag_id from dag where not is_stale and (%s::timestamptz is null or last_parsed_time >= %s::timestamptz) "
            "and exists (select 1 from serialized_dag as s where s.dag_id = dag.dag_id)",
            (since, since),
        ).fetchall()
    found = {row[0] for row in rows}
    # When the DAGs of a project cannot be built, one DAG stands in for all of them.
    return sorted(dag_id for dag_id in wanted if not {dag_id, f"{dag_id.rpartition('.')[0]}.config_error"} & found)


def _import_errors(airflow: LocalAirflow) -> list[str]:
    """Why files of the DAGs folder could not be read."""
    with psycopg.connect(airflow.base.airflow_dsn) as connection:
        rows = connection.execute("select filename, stacktrace from import_error order by filename").fetchall()
    return [f"{filename}:\n{stacktrace[-1500:]}" for filename, stacktrace in rows]


def _tail(path: Path) -> str:
    """The end of a log, under its name."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join([f"{path}:", *lines[-15:]])


def _airflow() -> list[str]:
    return [sys.executable, "-m", "airflow"]


def _port(folder: Path) -> int:
    """$CRM2ODOO_AIRFLOW_PORT, or the port of last time, or the first free one from 8080 on."""
    if told := os.environ.get("CRM2ODOO_AIRFLOW_PORT"):
        return int(told)
    kept = folder / "port"
    if kept.exists() and (processes.noted(folder / "api-server.pid") is not None or _free(int(kept.read_text()))):
        return int(kept.read_text())
    for port in range(8080, 8180):
        if _free(port):
            kept.write_text(str(port))
            return port
    raise SystemExit("No free port between 8080 and 8179: set CRM2ODOO_AIRFLOW_PORT")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _configure(airflow: LocalAirflow) -> None:
    folder = airflow.folder
    write_private(folder / "passwords.json", json.dumps({USER: PASSWORD}))
    port = airflow.url.rpartition(":")[2]
    text = f"""[core]
dags_folder = {OWN_ROOT / "dags"}
plugins_folder = {Path(__file__).resolve().parents[2]}
load_examples = False
executor = LocalExecutor
parallelism = 4
max_active_tasks_per_dag = 4
dags_are_paused_at_creation = False
test_connection = Enabled
fernet_key = {_secret(folder / "fernet.key")}
simple_auth_manager_users = {USER}:admin
simple_auth_manager_passwords_file = {folder / "passwords.json"}
execution_api_server_url = {airflow.url}/execution/

[database]
sql_alchemy_conn = {airflow.base.airflow_url.replace("%", "%%")}

[api]
host = 127.0.0.1
port = {port}
base_url = {airflow.url}
secret_key = {_secret(folder / "secret.key")}
instance_name = crm2odoo on this machine

[api_auth]
jwt_secret = {_secret(folder / "jwt.key", 64)}

[logging]
base_log_folder = {folder / "logs"}

[dag_processor]
refresh_interval = 30
min_file_process_interval = 15

[usage_data_collection]
enabled = False
"""
    for path, content in ((folder / "airflow.cfg", text), *_provider_files(folder)):
        if not path.exists() or path.read_text() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, content)


def _provider_files(folder: Path) -> list[tuple[Path, str]]:
    """What ``pip install`` would note about this package: with it Airflow finds the provider, and so the form of the connection type Odoo."""
    noted = folder / "site" / f"crm2odoo-{__version__}.dist-info"
    return [
        (noted / "METADATA", f"Metadata-Version: 2.1\nName: crm2odoo\nVersion: {__version__}\n"),
        (noted / "entry_points.txt", "[apache_airflow_provider]\nprovider_info = crm2odoo.airflow.provider:get_provider_info\n"),
    ]


def _secret(path: Path, size: int = 32) -> str:
    if not path.exists():
        write_private(path, base64.urlsafe_b64encode(secrets.token_bytes(size)).decode())
    return path.read_text()


def _migrated(base: Base) -> bool:
    """Whether the database is at the revision that the installed Airflow wants."""
    with psycopg.connect(base.airflow_dsn) as connection:
        exists = connection.execute("select to_regclass('alembic_version') is not null").fetchone() == (True,)
    mark = _mark(base)
    return exists and mark.exists() and mark.read_text() == version("apache-airflow-core")


def _mark(base: Base) -> Path:
    """Holds the version of Airflow whose migration went through."""
    return base.home / "airflow" / "migrated"


def main() -> int:
    """The command line; see the top of this file."""
    action = sys.argv[1] if len(sys.argv) == 2 else ""
    if action == "set-up":
        from crm2odoo.airflow.factory import dag_ids

        add_setup(prepare(lambda _: None))
        print(json.dumps(dag_ids(package_root())))
    elif action == "up":
        airflow = up()
        print(f"\nAirflow  {airflow.url}   login {USER}   password {PASSWORD}")
        for found in list_sandboxes(airflow.base.home):
            print(f"Odoo     {found.url}   login {found.login}   password {found.password}   ({found.name})")
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
