"""An export in a folder, taken in by the real steps into a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.intake import CleanReport, clean, land, register, verify_counts
from crm2odoo.project import Bundle, Project, Source, YamlFile
from crm2odoo.staging import Workspace

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Intake:
    """An export that was taken in, and its tables."""

    ws: Workspace
    export: str
    report: CleanReport

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query in which ``{clean}``, ``{land}`` and ``{log}`` stand for the project's schemas."""
        with self.ws.connect() as connection:
            return connection.execute(self.ws.sql(query)).fetchall()

    def statuses(self, name: str) -> list[str]:
        return [r["_status"] for r in self.rows(f"select _status from {{clean}}.{name} order by _file, _rec")]

    def rejects(self, name: str) -> list[tuple[int, str, str]]:
        """(record, code, column) of every reject of an object."""
        return [(r["rec"], r["code"], r["column_name"]) for r in self.rows(f"select * from {{clean}}.reject where object = '{name}' order by file_no, rec")]

    def warnings(self, name: str) -> list[tuple[int, str, str]]:
        return [(r["rec"], r["code"], r["column_name"]) for r in self.rows(f"select * from {{clean}}.warning where object = '{name}' order by file_no, rec, code")]

    def findings(self) -> list[tuple[str, str]]:
        return [(r["severity"], r["code"]) for r in self.rows("select * from {log}.finding order by severity, code")]


def bundle(project: str, source: str = "flash_lead_sales", **settings: Any) -> Bundle:
    """A project over the real source file; entities play no part in intake."""
    known = YamlFile(ROOT / "mappings" / "sources" / f"{source}.yaml").model(Source)
    return Bundle(Project(project=project, title="Test", source=source, export="-", **settings), known, {}, ROOT)


@pytest.fixture(scope="module")
def new_workspace(staging_dsn: str) -> Callable[..., Workspace]:
    numbers = itertools.count(1)
    return lambda source="flash_lead_sales", **settings: Workspace.open(bundle(f"p{next(numbers)}", source, **settings), staging_dsn)


@pytest.fixture
def take_in(new_workspace: Callable[..., Workspace], tmp_path: Path) -> Callable[..., Intake]:
    """``take_in({"leads.csv": "…"}, source=…)``: writes the files, takes them in, and proves the counts."""

    def run(files: dict[str, str | bytes], source: str = "flash_lead_sales", **settings: Any) -> Intake:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return take_in_folder(new_workspace(source, **settings), tmp_path)

    return run


def take_in_folder(ws: Workspace, folder: Path) -> Intake:
    export = register(ws, folder)
    land(ws, export)
    report = clean(ws, export)
    verify_counts(ws, export)
    return Intake(ws, export, report)
