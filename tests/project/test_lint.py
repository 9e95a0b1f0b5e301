"""`crm2odoo lint`: every mistake of a whole folder at once, each with its place and what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from crm2odoo import cli

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "project: acme\ntitle: Acme\nsource: leadforce\nexport: export\nowners: {undecided: hold}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mappings" / "projects").mkdir(parents=True)
    (tmp_path / "export").mkdir()
    return tmp_path


def lint(root: Path, capsys: pytest.CaptureFixture[str], project: str = PROJECT, name: str = "acme") -> str:
    (root / "mappings" / "projects" / f"{name}.yaml").write_text(project)
    code = cli.main(["--root", str(root), "lint"])
    shown = capsys.readouterr().out
    assert (code == 0) == shown.startswith("0 problem")
    return shown


def test_the_bundled_files_have_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--root", str(ROOT), "lint"]) == 0
    assert capsys.readouterr().out.startswith("0 problem(s)")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("timezone: Europe/Berln\n", "did you mean 'Europe/Berlin'?"),
        ("currency: EURO\n", "there is no currency 'EURO'"),
        ("decisions: {accountng: post}\n", "nothing of leadforce asks for the decision 'accountng'"),
        ("decisions: {unknown_products: creat}\n", "did you mean 'create'?"),
        ("cautions: {same_nam: {owner: Ann, due: 2026-12-01}}\n", "did you mean 'same_name'?"),
        ("owner_decisions: {}\n", "unknown key 'owner_decisions'"),
        ("stages:\n  - {stage: Closed Lost, outcome: won}\n", "'Closed Lost' is said to be won"),
    ],
)
def test_a_mistake_is_told_with_its_place_a_caret_and_what_to_do(root: Path, capsys: pytest.CaptureFixture[str], more: str, told: str) -> None:
    shown = lint(root, capsys, PROJECT + more)
    assert told in shown
    assert "acme.yaml:" in shown
    assert "\n    " in shown
    assert "^" in shown


def test_all_mistakes_of_all_files_are_told_at_once_and_each_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / "mappings" / "sources", root / "mappings" / "sources")
    source = root / "mappings" / "sources" / "leadforce.yaml"
    source.write_text(source.read_text().replace("entity: opportunity", "entity: opportunty", 1))
    for name in ("one", "two"):
        (root / "mappings" / "projects" / f"{name}.yaml").write_text(PROJECT.replace("acme", name) + "timezone: Mars\n")
    shown = lint(root, capsys)
    assert shown.count("there is no entity 'opportunty'") == 1
    assert "did you mean 'opportunity'?" in shown


def test_the_schemas_for_editors_take_every_bundled_file(root: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    assert cli.main(["--root", str(root), "schemas"]) == 0
    for kind, pattern in (("source", "sources/*.yaml"), ("project", "projects/*.yaml"), ("synonyms", "synonyms/??.yaml")):
        schema = json.loads((root / "mappings" / "schemas" / f"{kind}.json").read_text())
        for path in sorted((ROOT / "mappings").glob(pattern)):
            jsonschema.validate(yaml.safe_load(path.read_text()), schema)
    source = json.loads((root / "mappings" / "schemas" / "source.json").read_text())
    with pytest.raises(jsonschema.ValidationError, match="titel"):
        jsonschema.validate({"source": "x", "titel": "X", "objects": {}}, source)


def test_a_field_line_may_be_a_column_alone_for_the_editor_too() -> None:
    [line] = cli.schemas()["source"]["$defs"]["EntityMapping"]["properties"]["fields"]["patternProperties"].values()
    assert {"type": "string"} in line["anyOf"]


def test_fifty_projects_take_less_than_two_seconds_of_the_processor(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Processor time: what else the machine does meanwhile does not count.
    sources = [path.stem for path in sorted((ROOT / "mappings" / "sources").glob("*.yaml"))]
    for number in range(50):
        (root / "mappings" / "projects" / f"p{number}.yaml").write_text(
            PROJECT.replace("acme", f"p{number}").replace("leadforce", sources[number % len(sources)])
        )
    begun = time.process_time()
    assert cli.main(["--root", str(root), "lint"]) == 0
    assert time.process_time() - begun < 2.0
    assert capsys.readouterr().out.startswith("0 problem(s)")


def test_the_lint_waits_for_no_driver_of_a_database() -> None:
    """What it imports is most of its time: it reads files alone."""
    asked = "import sys; from crm2odoo.discovery import lint; print(*sorted({'psycopg', 'sqlglot', 'jinja2', 'airflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "plugins")})
    assert done.stdout.strip() == ""
