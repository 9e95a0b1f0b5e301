"""Every entity file against the fields of Odoo 16 to 19: it resolves, or what cannot be held is said before anything is written.

19 is recorded from a live Odoo and compared with the one of the tests; 16 to 18 follow from the differences that OpenUpgrade recorded
(contracts/README.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.odoo.target import Shape, read_shapes, resolve, unresolved
from crm2odoo.project import Entity
from crm2odoo.project.bundle import _entity as read_entity
from odoo_server import OdooDatabase
from target_world import ROOT, World, write_project

CONTRACTS = Path(__file__).parent / "contracts"
VERSIONS = (16, 17, 18, 19)
# Models of Enterprise: no shape is recorded, and preflight says when the target has none.
ENTERPRISE = {"helpdesk.stage", "helpdesk.tag", "helpdesk.team", "helpdesk.ticket", "knowledge.article"}

# Field of an entity file → its name in a version, where it is another one.
OTHER_NAMES = {
    16: {"stage.team_ids": "team_id", "order_line.tax_ids": "tax_id", "task.allocated_hours": "planned_hours", "tracking.field_id": "field"},
    17: {"stage.team_ids": "team_id", "order_line.tax_ids": "tax_id"},
    18: {"stage.team_ids": "team_id", "order_line.tax_ids": "tax_id"},
    19: {},
}


def attributes(recorded: Any) -> dict[str, Any]:
    if isinstance(recorded, str):
        return {"type": recorded}
    kind, more = recorded
    return {"type": kind, "selection": [[v, v] for v in more]} if kind == "selection" else {"type": kind, "relation": more}


def shapes(version: int) -> dict[str, Shape]:
    """``fields_get`` of a version, as far as the contract knows it."""
    newest = json.loads((CONTRACTS / "odoo19.json").read_text())["models"]
    found = {model: {name: attributes(f) for name, f in fields.items()} for model, fields in newest.items()}
    if version != 19:
        for model, change in json.loads((CONTRACTS / f"odoo{version}.json").read_text())["models"].items():
            kept = {name: shape for name, shape in found[model].items() if name not in change.get("without", [])}
            found[model] = kept | {name: attributes(f) for name, f in change["fields"].items()}
    return found


def all_entities() -> dict[str, Entity]:
    """Every file of mappings/odoo."""
    return {path.stem: read_entity(ROOT, path) for path in sorted((ROOT / "mappings" / "odoo").glob("*.yaml"))}


@pytest.mark.promise("P037", "P062")
@pytest.mark.parametrize("version", VERSIONS)
def test_every_entity_resolves_on_every_version(version: int) -> None:
    """A field that a version lacks is under another name, optional, or a complaint: never silently dropped."""
    known = shapes(version)
    complaints, names = [], {}
    for name, entity in all_entities().items():
        if entity.model not in known:
            assert entity.model in ENTERPRISE, f"no shape of {entity.model} is recorded: add it to contracts/odoo19.json"
            continue
        resolved = resolve(entity, known[entity.model])
        complaints += list(unresolved(entity, resolved, known[entity.model]))
        names |= {f"{name}.{key}": found for key, found in resolved.items() if found not in (key, None)}
        for key, line in entity.fields.items():
            assert resolved[key] or line.optional or key in entity.custom_fields or any(key in c for c in complaints)
    assert complaints == []
    assert names == {key: value for key, value in OTHER_NAMES[version].items() if key.partition(".")[0] in all_entities()}


@pytest.mark.parametrize("version", [16, 17, 18])
def test_every_difference_to_19_has_its_evidence(version: int) -> None:
    """A field that came or went stands in the recorded analysis of a later version, or is owned up to as read in the source."""
    contract = json.loads((CONTRACTS / f"odoo{version}.json").read_text())
    told = " ".join(line for lines in contract["evidence"].values() for line in lines)
    newest = json.loads((CONTRACTS / "odoo19.json").read_text())["models"]
    for model, change in contract["models"].items():
        for name in [*change.get("without", []), *[f for f in change["fields"] if f not in newest[model]]]:
            there = f"{model} / {name}" in told
            counterpart = name in ("all_group_ids", "field_info", "ref") or model.startswith("product.")
            assert there or counterpart, f"{model}.{name} in {version}: no evidence"


@pytest.mark.odoo
def test_what_was_recorded_is_what_the_live_odoo_has(tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> None:
    target = World(write_project(tmp_path, "small"), staging_dsn, odoo).target()
    recorded = shapes(19)
    live = read_shapes(target.client, set(recorded))
    assert set(live) == set(recorded)
    used: dict[str, set[str]] = {}
    for entity in all_entities().values():
        used.setdefault(entity.model, set()).update(*[[key, *line.names] for key, line in entity.fields.items() if key not in entity.custom_fields])
    for model, names in used.items():
        for name in names & set(live.get(model, {})):
            found, known = live[model][name], recorded[model].get(name)
            assert known is not None, f"{model}.{name} is not recorded: add it to contracts/odoo19.json"
            assert known["type"] == found["type"]
            if known["type"] == "selection" and known["selection"]:
                assert [v for v, _ in known["selection"]] == [v for v, _ in found["selection"]]
