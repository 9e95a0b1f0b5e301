"""A small project on the real entity files, with an Odoo and a staging database of its own: for tests of the target side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm2odoo.ledger import runs
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.target import Kind, Target, open_target
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace
from odoo_server import OdooDatabase

ROOT = Path(__file__).resolve().parents[1]

# Companies and contacts are part of the project because deals refer to them.
SOURCE = """
source: small
title: Small CRM
objects:
  person:
    title: Person
    files: [persons]
    key: [id]
    columns: {id: {type: id}, name: {}, email: {type: email}, firm: {}}
    entities:
      - {entity: tag, fields: {name: firm}}
  deal:
    title: Deal
    files: [deals]
    key: [id]
    columns: {id: {type: id}, name: {}, pipeline: {}, stage: {}, owner: {type: email}}
    entities:
      - {entity: lead, when: "stage is null", fields: {name: name}}
      - {entity: opportunity, fields: {name: name, owner: owner, team: pipeline, stage: {keys: [pipeline, stage]}}}
"""


def write_project(root: Path, name: str, mappings: Path = ROOT / "mappings" / "odoo", **settings: Any) -> Path:
    """``<root>/mappings`` with a project, the small source, and the entity files of ``mappings``."""
    folder = root / "mappings"
    for part, file, text in (
        ("sources", "small", SOURCE),
        ("projects", name, json.dumps({"project": name, "title": name.title(), "source": "small", "export": "nowhere", **settings})),
    ):
        (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / part / f"{file}.yaml").write_text(text)
    if not (folder / "odoo").exists():
        (folder / "odoo").symlink_to(mappings)
    return root


@dataclass
class World:
    """The project ``name`` below ``root``; ``settings`` go into the project file."""

    root: Path
    dsn: str
    odoo: OdooDatabase
    name: str = "small"

    def workspace(self, **settings: Any) -> Workspace:
        return Workspace.open(load_bundle(write_project(self.root, self.name, **settings), self.name), self.dsn)

    def client(self, login: str | None = None, secret: str | None = None) -> OdooClient:
        return OdooClient.connect(OdooCredentials(self.odoo.url, self.odoo.database, login or self.odoo.login, secret or self.odoo.api_key))

    def target(self, kind: Kind = "sandbox", **settings: Any) -> Target:
        return open_target(self.workspace(**settings), self.client(), kind)


def custom_field(ws: Workspace, entity: str, field: str, kind: str, label: str, options: Sequence[str] = (), export: str = "e1", column: str = "") -> None:
    """What discovery would have proposed for one column."""
    with ws.connect() as connection:
        connection.execute(
            ws.sql("insert into {log}.export (export_id, sha256, location, files, bytes) values (%s, %s, 'x', 1, 1) on conflict do nothing"), (export, export)
        )
        connection.execute(
            ws.sql(
                "insert into {log}.custom_field (export_id, object, column_name, header, entity, field, type, label, options, filled) "
                "values (%s, 'person', %s, %s, %s, %s, %s, %s, %s, 1)"
            ),
            (export, column or field, label, entity, field, kind, label, json.dumps([{"value": o.lower().replace(" ", "_"), "label": o} for o in options])),
        )


def start_run(ws: Workspace, run_id: str) -> str:
    runs.start(ws, run_id, kind="load", dag_id=None)
    return run_id


def rows(ws: Workspace, statement: str, *values: Any) -> list[dict[str, Any]]:
    with ws.connect() as connection:
        return connection.execute(ws.sql(statement), values).fetchall()
