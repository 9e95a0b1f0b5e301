"""Every mapping that comes with the package loads, and renders to SQL that passes the check."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm2odoo.ledger.plan import plan_values
from crm2odoo.project import load_bundle, package_root, project_names
from crm2odoo.staging import Workspace
from crm2odoo.staging.target import identity_values, record_values

ROOT = package_root()


@pytest.mark.parametrize("name", project_names(ROOT))
def test_a_bundled_project_renders(name: str) -> None:
    bundle = load_bundle(ROOT, name)
    ws = Workspace(bundle, "")
    assert bundle.load_order
    for entity in bundle.load_order:
        assert ws.statements("target/2_identity.sql.j2", **identity_values(bundle, entity, []))
        assert ws.statements("target/3_record.sql.j2", **record_values(bundle, entity, []))
        assert ws.statements("plan/2_entity.sql.j2", **plan_values(bundle, entity, [], "t"))


@pytest.mark.parametrize("path", sorted((ROOT / "mappings" / "sources").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_bundled_source_loads(tmp_path: Path, path: Path) -> None:
    (tmp_path / "mappings" / "projects").mkdir(parents=True)
    (tmp_path / "mappings" / "projects" / "p.yaml").write_text(f"project: p\ntitle: P\nsource: {path.stem}\nexport: x\n")
    assert load_bundle(tmp_path, "p").source.objects
