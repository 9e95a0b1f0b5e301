"""Every mapping that comes with the package loads, and renders to SQL that passes the check."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

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


def _choices(path: Path) -> list[dict[str, object]]:
    """Every option of every decision alone; each app by which mappings branch alone there or alone missing, and all or none of them."""
    source = yaml.safe_load(path.read_text())
    decided = [{"decisions": {name: option}} for name, question in source.get("decisions", {}).items() for option in question.get("options", {})]
    used = sorted({app.removeprefix("!") for o in source["objects"].values() for m in o.get("entities", []) for app in m.get("app", "").split()})
    there = [dict.fromkeys(used, answer) for answer in (True, False)]
    there += [{**dict.fromkeys(used, not answer), app: answer} for app in used for answer in (True, False)]
    return [*decided, *({"apps": apps} for apps in there)]


@pytest.mark.parametrize("path", sorted((ROOT / "mappings" / "sources").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_choice_gives_a_mapping_that_renders(tmp_path: Path, path: Path) -> None:
    done = set()
    for choice in _choices(path):
        (tmp_path / "mappings" / "projects").mkdir(parents=True, exist_ok=True)
        project = {"project": "p", "title": "P", "source": path.stem, "export": "x", **choice}
        (tmp_path / "mappings" / "projects" / "p.yaml").write_text(yaml.safe_dump(project))
        bundle = load_bundle(tmp_path, "p")
        for entity in bundle.build_order:
            mappings = (entity, str([(f.object, f.number) for f in bundle.feeds(entity)]))
            if mappings not in done:
                assert identity_values(bundle, entity, [])["columns"]
                record_values(bundle, entity, [])
                done.add(mappings)
