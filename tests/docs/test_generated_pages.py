"""The pages about promises, YAML keys and errors say what the program does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_generate"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["promises.md", "yaml.md", "errors.md"])
def test_a_generated_page_is_up_to_date(generate: ModuleType, page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == generate.PAGES[page](), "run `make docs`"


def test_every_error_is_documented_and_every_documented_error_exists(generate: ModuleType) -> None:
    assert sorted(generate.error_classes()) == sorted(generate.advice())


def test_every_marked_promise_exists(generate: ModuleType) -> None:
    assert set(generate.tests_of_promises()) - set(generate.promises()) == set()


def test_every_key_of_a_project_says_what_it_means(generate: ModuleType) -> None:
    project = generate.yaml_page().split("## A source")[0]
    assert [line for line in project.splitlines() if line.endswith("|  |")] == []
