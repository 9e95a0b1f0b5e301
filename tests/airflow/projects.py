"""Folders with projects for the DAG tests: the repository's mappings, and project files of the test's own."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

EXPORT = ROOT / "samples" / "flash_lead_sales" / "export"

GOOD = """
project: {name}
title: {title}
source: flash_lead_sales
export: {export}
timezone: America/New_York
owners: {{undecided: provision}}
owner_url: https://example.com/team
connections: {{staging: {name}_staging, odoo: {name}_odoo}}
pool: {name}_odoo
documents: {documents}
"""


def project_root(folder: Path, projects: dict[str, str]) -> Path:
    """A folder like a checkout: the repository's sources, entities and SQL, and ``projects`` (name → YAML)."""
    for part in ("sources", "odoo"):
        shutil.copytree(ROOT / "mappings" / part, folder / "mappings" / part, dirs_exist_ok=True)
    (folder / "sql").symlink_to(ROOT / "sql")
    (folder / "mappings" / "projects").mkdir(parents=True, exist_ok=True)
    for name, text in projects.items():
        (folder / "mappings" / "projects" / f"{name}.yaml").write_text(text)
    return folder


def good(name: str, title: str = "A project", export: str = "", documents: str = "documents") -> str:
    """YAML of a project that is right."""
    return GOOD.format(name=name, title=title, export=export or EXPORT, documents=documents)
