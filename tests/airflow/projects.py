"""Folders with projects for the DAG tests: the repository's mappings, and project files of the test's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

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


# Three objects are enough to see every task at work, and keep the runs short.
OBJECTS = {"team_member": "team_members.csv", "company": "companies.csv", "contact": "contacts.csv"}


def small_world(folder: Path) -> tuple[Path, Path]:
    """A checkout whose source knows the three OBJECTS only, and an export with their files. Returns (checkout, export)."""
    root = project_root(folder / "checkout", {})
    source = root / "mappings" / "sources" / "flash_lead_sales.yaml"
    content = yaml.safe_load(source.read_text())
    content["objects"] = {name: content["objects"][name] for name in OBJECTS}
    source.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    export = folder / "export"
    export.mkdir()
    for file in OBJECTS.values():
        shutil.copy(EXPORT / file, export)
    return root, export


def project_root(folder: Path, projects: dict[str, str]) -> Path:
    """A folder like a checkout: the repository's sources, entities and SQL, and ``projects`` (name → YAML)."""
    folder.mkdir(exist_ok=True)
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
