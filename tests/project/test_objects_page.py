"""docs/objects.md says of every object of the five sources where it goes in Odoo and which tests prove it: this holds that it does not go stale."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from crm2odoo.project import Source, YamlFile

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "objects.md").read_text()
SOURCES = {YamlFile(p).model(Source).title: p.stem for p in (ROOT / "mappings" / "sources").glob("*.yaml")}


@dataclass(frozen=True)
class Line:
    source: str
    name: str
    objects: list[str]
    entities: str
    models: list[str]
    tests: list[str]

    @property
    def entity_names(self) -> list[str]:
        return re.findall("`(.*?)`", self.entities)


def lines() -> Iterator[Line]:
    for part in PAGE.split("\n## ")[1:]:
        source = SOURCES[part.splitlines()[0]]
        for row in part.splitlines():
            if row.startswith("| ") and not row.startswith("| object"):
                name, objects, entities, models, tests = (cell.strip() for cell in row.strip("|").split("|"))
                yield Line(source, name, re.findall("`(.*?)`", objects), entities, re.findall("`(.*?)`", models), re.findall("`(.*?)`", tests))


LINES = list(lines())


def model_of(entity: str) -> str:
    return str(yaml.safe_load((ROOT / "mappings" / "odoo" / f"{entity}.yaml").read_text())["model"])


def test_all_sixty_four_are_there() -> None:
    assert len(LINES) == 64
    assert {line.source for line in LINES} == set(SOURCES.values())


@pytest.mark.parametrize("source", sorted(SOURCES.values()))
def test_the_mapping_says_the_same(source: str) -> None:
    objects = YamlFile(ROOT / "mappings" / "sources" / f"{source}.yaml").model(Source).objects
    mine = [line for line in LINES if line.source == source]
    for line in mine:
        known = [objects[name] for name in line.objects]
        if line.entities == "*handoff*":
            assert all(o.documentation_only for o in known), line.name
        elif line.entities == "*fields*":
            assert all(o.inventory or o.pivot for o in known), line.name
        else:
            assert set(line.entity_names) <= {m.entity for o in known for m in o.entities}, line.name
            assert line.models == list(dict.fromkeys(model_of(e) for e in line.entity_names)), line.name
    for name, obj in objects.items():
        told = {e for line in mine if name in line.objects for e in line.entity_names}
        assert {m.entity for m in obj.entities if m.primary} <= told, f"{name} becomes more than the page says"


@pytest.mark.parametrize("source", sorted(SOURCES.values()))
def test_the_tests_exist(source: str) -> None:
    tree = ast.parse((ROOT / "tests" / "odoo" / f"test_source_{source}.py").read_text())
    there = {node.name.removeprefix("test_") for node in tree.body if isinstance(node, ast.FunctionDef)}
    named = {test for line in LINES if line.source == source for test in line.tests}
    assert all(line.tests for line in LINES)
    assert named <= there, named - there
