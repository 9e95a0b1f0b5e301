"""A project's place in PostgreSQL: its four schemas and the way to run SQL in them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from crm2odoo.project import Bundle
from crm2odoo.staging import log_schema, render
from crm2odoo.staging.data_key import open_data_key
from crm2odoo.staging.kept_connections import Connection, connection_to
from crm2odoo.staging.vault import Vault

log = logging.getLogger(__name__)


class StagingUnreachable(RuntimeError):
    """PostgreSQL does not answer, or refuses the login. The message says where and what to do."""


@dataclass(frozen=True)
class Workspace:
    """A project and the staging database it lives in. Connections are in UTC and return rows as dicts.

    ``vault``: opens the values of columns that the project encrypts.
    """

    bundle: Bundle
    dsn: str = field(repr=False)
    vault: Vault = field(default_factory=Vault)

    @classmethod
    def open(cls, bundle: Bundle, dsn: str, vault: Vault | None = None) -> Workspace:
        """Connects once and creates what is missing of the four schemas and of ``_log``. Raises StagingUnreachable, NewerLog, VaultClosed."""
        workspace = cls(bundle, dsn, vault or Vault())
        with workspace.connect() as connection:
            # Two tasks may start together: the first makes the schemas, the other waits.
            connection.execute("select pg_advisory_xact_lock(hashtext(%s))", (f"crm2odoo:{bundle.project.project}",))
            for name in log_schema.ensure(bundle.project.project, workspace.schemas, bundle.root_of("sql"), connection, workspace.run):
                log.info("upgraded the state of %s: %s", bundle.project.project, name)
            return replace(workspace, vault=open_data_key(connection, workspace.sql, workspace.vault))

    @property
    def schemas(self) -> dict[str, str]:
        """Quoted names of the schemas ``land``, ``clean``, ``target`` and ``log``."""
        return {part: render.quote(f"{self.bundle.project.project}_{part}") for part in ("land", "clean", "target", "log")}

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back on an error."""
        with connection_to(self.dsn, self._connect) as connection:
            yield connection

    def _connect(self) -> Connection:
        # A killed task's query would run on, and keep its locks, if the server did not look for its client.
        try:
            return psycopg.connect(
                self.dsn, row_factory=dict_row, options="-c timezone=UTC -c client_connection_check_interval=5s", connect_timeout=10
            )
        except psycopg.OperationalError as error:
            raise StagingUnreachable(
                f"cannot reach the staging PostgreSQL: {str(error).strip()}\nCheck the connection {self.bundle.project.connections.staging!r}."
            ) from None

    def sql(self, text: str, **names: str) -> sql.Composed:
        """A statement for psycopg: ``{log}`` and the other schemas, and identifiers given as keywords, are quoted."""
        project = self.bundle.project.project
        schemas = {part: sql.Identifier(f"{project}_{part}") for part in ("land", "clean", "target", "log")}
        return sql.SQL(text).format(**schemas, **{k: sql.Identifier(v) for k, v in names.items()})

    def statements(self, template: str, **values: Any) -> list[str]:
        """The checked statements of a template below ``sql/``."""
        text = render.render(self.bundle.root_of("sql"), template, {**self.schemas, "bundle": self.bundle, **values})
        project = self.bundle.project.project
        return render.check(text, [f"{project}_{part}" for part in ("land", "clean", "target", "log")], template)

    def run(self, connection: Connection, template: str, **values: Any) -> int:
        """Renders, checks and runs a template; returns the row count of its last statement. Logs the time at debug level."""
        rows = 0
        for statement in self.statements(template, **values):
            start = time.monotonic()
            cursor = connection.execute(statement.encode())
            rows = cursor.rowcount
            log.debug("%s: %d rows in %.3f s", template, rows, time.monotonic() - start)
        return rows
