"""What a project needs from Airflow: connections and a pool. Reads them, or says with which command they are made."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowNotFoundException, BaseHook
from psycopg import conninfo

from crm2odoo.odoo.client import OdooCredentials
from crm2odoo.project import Project
from crm2odoo.sandbox import sandbox_home
from crm2odoo.staging.vault import Vault

# Keys of a Postgres connection's extra that libpq understands and that are not about one query.
LIBPQ_EXTRAS = {"sslmode", "sslcert", "sslkey", "sslrootcert", "host", "options", "target_session_attrs", "connect_timeout"}
POOL_WAIT_SECONDS = 90


class MissingSetup(RuntimeError):
    """A connection or a pool is missing or incomplete. The message holds the command that adds it."""


def staging_dsn(project: Project) -> str:
    """The libpq connection string of the project's staging database."""
    return postgres_dsn(project.connections.staging, "the staging PostgreSQL")


def postgres_dsn(name: str, what: str) -> str:
    """The libpq connection string of a connection of type ``postgres``. ``what``: for the message when it is missing."""
    connection = _connection(name, staging_command(name), what)
    if connection.conn_type != "postgres":
        problem = f"The connection {name!r} ({what}) has the type {connection.conn_type!r}; it needs 'postgres'."
        raise MissingSetup(f"{problem} Replace it:\n{staging_command(name)}")
    parts: dict[str, Any] = {
        "host": connection.host, "port": connection.port, "dbname": connection.schema, "user": connection.login, "password": connection.password,
    }
    parts |= {k: v for k, v in _extra(connection).items() if k in LIBPQ_EXTRAS}
    return conninfo.make_conninfo("", **{k: str(v) for k, v in parts.items() if v not in (None, "")})


def odoo_credentials(name: str) -> OdooCredentials:
    """An Odoo, from its connection of type ``odoo``."""
    from crm2odoo.airflow.hook import OdooHook

    _connection(name, odoo_command(name), "the target Odoo")
    credentials = OdooHook(name).credentials()
    values = {"host": credentials.url, "schema": credentials.database, "login": credentials.login, "password": credentials.secret}
    empty = [field for field, value in values.items() if not value]
    if empty:
        problem = f"The connection {name!r} lacks {', '.join(empty)}. Host is the URL, schema the database, password the API key."
        raise MissingSetup(f"{problem} Replace it:\n{odoo_command(name)}")
    return credentials


def vault(project: Project) -> Vault:
    """What opens the project's encrypted columns: the key of its connection, unwrapped by a key service where the connection names one.

    While the key is changed, the extra has the one before as ``old_password``.
    """
    name = project.privacy.key
    if name is None:
        return Vault()
    connection = _connection(name, key_command(name), "the key of the encrypted columns")
    key, extra = connection.password or "", _extra(connection)
    old = str(extra.get("old_password") or "") or None
    if unwrap := extra.get("unwrap"):
        module, _, function = str(unwrap).partition(":")
        open_ = getattr(import_module(module), function)
        key, old = open_(key), open_(old) if old else None
    return Vault.of(key, name, old)


def key_command(name: str) -> str:
    """The command that adds the key's connection."""
    make = "$(python -c 'from crm2odoo.staging.vault import new_key; print(new_key())')"
    return f'airflow connections add {shlex.quote(name)} --conn-type generic --conn-password "{make}"'


def has_connection(name: str) -> bool:
    """Whether Airflow knows the connection."""
    try:
        BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return False
    return True


def require_setup(project: Project, context: Any, probe: str, odoo: str | None = None) -> None:
    """Raises MissingSetup with everything that is missing at once. ``odoo``: name of the run's Odoo connection, when it needs one."""
    wanted: list[Callable[[], object]] = [lambda: staging_dsn(project), lambda: vault(project)]
    if odoo is not None:
        wanted.append(lambda: odoo_credentials(odoo))
    wanted.append(lambda: check_pool(project, context, probe))
    missing = []
    for look in wanted:
        try:
            look()
        except MissingSetup as error:
            missing.append(str(error))
    if missing:
        raise MissingSetup("\n\n".join(missing))


def check_pool(project: Project, context: Any, probe: str) -> None:
    """Raises MissingSetup when the project's pool does not exist.

    A task cannot ask Airflow for its pools. But the scheduler never starts a task whose pool does not exist, so the task ``probe`` of the
    same run, which does nothing in that pool, tells. Under ``dag.test()`` there is no scheduler, and the database can be asked.
    """
    known = _pool_in_database(project.pool)
    if known is None:
        run = context["dag_run"]
        deadline = time.monotonic() + POOL_WAIT_SECONDS
        while time.monotonic() < deadline:
            states = context["ti"].get_task_states(dag_id=run.dag_id, task_ids=[probe], run_ids=[run.run_id]).get(run.run_id, {})
            if states.get(probe) not in (None, "scheduled", "none"):
                return
            time.sleep(2)
    if not known:
        doubt = "" if known is False else f"No task got a slot of it within {POOL_WAIT_SECONDS} seconds; if the pool exists, it is full. "
        add = f"Add it (as many slots as Odoo has workers; 1 for Odoo Online):\n{pool_command(project.pool)}"
        raise MissingSetup(f"The pool {project.pool!r} is missing. {doubt}{add}")


def _pool_in_database(name: str) -> bool | None:
    """None when this process may not ask the database, which is the rule in Airflow 3."""
    try:
        from airflow.models.pool import Pool

        return Pool.get_pool(name) is not None
    except (RuntimeError, AttributeError, ImportError, AirflowException):
        return None


def staging_command(name: str) -> str:
    """The command that adds the staging connection."""
    add = f"airflow connections add {shlex.quote(name)} --conn-type postgres"
    return f"{add} --conn-host HOST --conn-port 5432 --conn-schema DATABASE --conn-login USER --conn-password PASSWORD"


def odoo_command(name: str) -> str:
    """The command that adds the Odoo connection."""
    add = f"airflow connections add {shlex.quote(name)} --conn-type odoo"
    return f"{add} --conn-host https://YOUR.odoo.com --conn-port 443 --conn-schema DATABASE --conn-login LOGIN --conn-password API_KEY"


def sandbox_connection(name: str) -> str:
    """The id under which a kept sandbox becomes a connection."""
    return f"sandbox_{name}"


def sandbox_command(name: str) -> str:
    """The commands that make a kept sandbox a connection. They hold no secret: the inner one reads it from the sandbox's credentials file.

    For a shell on the worker that has the sandbox, with the environment of its Airflow.
    """
    settings = {"CRM2ODOO_HOME": str(sandbox_home())}
    plugins = Path(__file__).resolve().parents[2]
    if (plugins / "crm2odoo_plugin.py").exists():  # not installed with pip
        settings["PYTHONPATH"] = str(plugins)
    shell = " ".join(f"{key}={shlex.quote(value)}" for key, value in settings.items())
    read = f"{shell} {shlex.quote(sys.executable)} -m crm2odoo.sandbox.cli connection {shlex.quote(name)}"
    found = shlex.quote(sandbox_connection(name))
    return f'airflow connections delete {found}; airflow connections add {found} --conn-json "$({read})"'


def pool_command(name: str) -> str:
    """The command that adds the pool."""
    return f"airflow pools set {shlex.quote(name)} 4 'calls to Odoo at the same time'"


def _connection(name: str, command: str, what: str) -> Any:
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        raise MissingSetup(f"The Airflow connection {name!r} ({what}) is missing. Add it:\n{command}") from None


def _extra(connection: Any) -> dict[str, Any]:
    try:
        value = json.loads(connection.extra or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
