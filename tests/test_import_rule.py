"""The packages import each other one way only, in the order of the table in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugins" / "crm2odoo"
ORDER = re.findall(r"^\| `([a-z]+)` \| .+ \| .+ \|$", (ROOT / "docs" / "architecture.md").read_text().split("## The four")[0], re.MULTILINE)


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports; relative ones resolved."""
    here = ["crm2odoo", *path.relative_to(PACKAGE).parts[:-1]]
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def test_the_table_names_every_package() -> None:
    assert ORDER[0] == "project"
    assert sorted(ORDER) == sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py"))


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/**/*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_only_packages_that_stand_above_its_own(path: Path) -> None:
    package = path.relative_to(PACKAGE).parts[0]
    allowed = ORDER[: ORDER.index(package) + 1]
    for name in imported(path):
        if name.startswith("crm2odoo."):
            assert name.split(".")[1] in (*allowed, "__version__", "OWN_ROOT"), f"{path.name} imports {name}"
        assert not name.startswith("airflow.") or package == "airflow", f"{path.name} imports Airflow"


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [p for p in PACKAGE.rglob("*.py") if p.stem in ("utils", "helpers", "common", "base", "misc")]
