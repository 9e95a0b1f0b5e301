"""What the live target requires beyond what this project fills is told before anything is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.required import unfilled
from crm2odoo.odoo.target import open_target
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace
from odoo_server import OdooDatabase
from source_world import ROOT, project

pytestmark = pytest.mark.odoo


@pytest.mark.promise("P161")
def test_a_required_field_that_nothing_fills_is_told_and_those_with_defaults_are_not(tmp_path: Path, odoo: OdooDatabase, staging_dsn: str) -> None:
    client = OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.password))
    [model] = client.call("ir.model", "search", domain=[["model", "=", "crm.lead"]])
    shop = {"name": "x_branch", "model_id": model, "ttype": "char", "field_description": "Branch", "required": True, "state": "manual"}
    client.call("ir.model.fields", "create", vals_list=[shop])
    root = project(tmp_path, "leadforce", "needy", ROOT / "samples" / "leadforce" / "export")
    target = open_target(Workspace.open(load_bundle(root, "needy"), staging_dsn), client, "production")
    found = {f.evidence["model"]: f.evidence["fields"] for f in unfilled(target)}
    assert found == {"crm.lead": ["x_branch"]}
