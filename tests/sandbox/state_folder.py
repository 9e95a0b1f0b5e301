"""A state folder as tests look at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crm2odoo.sandbox import processes
from crm2odoo.sandbox.postgres import connect
from crm2odoo.sandbox.postgres_program import Server

STANDARD = {"postgres", "template0", "template1", "odoo_template", "crm2odoo", "airflow"}


@dataclass(frozen=True)
class Home:
    path: Path

    @property
    def server(self) -> Server:
        return Server(host=str(self.path / "pg"))

    def databases(self) -> set[str]:
        """Those that are not part of the base."""
        with connect(self.server) as cursor:
            found = cursor.execute("select datname from pg_database").fetchall()
        return {row[0] for row in found} - STANDARD

    def odoo_processes(self) -> list[int]:
        return [pid for pid in processes.all_pids() if f"server -c {self.path}" in processes.command_line(pid)]

    def check_nothing_is_left(self) -> None:
        assert not (self.path / "sandboxes").exists()
        assert self.odoo_processes() == []
        assert self.databases() == set()
        assert list((self.path / "terraform" / "sandboxes").glob("*")) == []
