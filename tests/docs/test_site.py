"""The documentation is a site without a broken link, and what it tells people to write or type is right."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from crm2odoo.project import YamlFile, load_bundle
from crm2odoo.project.project_file import Project

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
BASE = {"project": "example", "title": "Example", "source": "flash_lead_sales", "export": "-"}


def blocks(language: str) -> Iterator[tuple[str, str, str]]:
    """Page, title and text of every block of a language."""
    for page in PAGES:
        for indent, kind, title, text in BLOCK.findall(page.read_text(encoding="utf-8")):
            if kind == language:
                yield page.name, title.strip(), re.sub(f"^{indent}", "", text, flags=re.MULTILINE)


def test_the_site_is_built_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "quickstart.html").exists()


def test_the_site_asks_no_other_host(tmp_path: Path) -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in config
    for page in PAGES:
        assert not re.findall(r"!\[[^]]*\]\(https?:", page.read_text(encoding="utf-8")), page


def test_every_project_that_is_shown_can_be_loaded(tmp_path: Path) -> None:
    # add-a-source.md shows a source of its own, which its own test builds and loads.
    shown = [(page, text) for page, title, text in blocks("yaml") if text.startswith("project:") and "(part)" not in title and page != "add-a-source.md"]
    assert len(shown) >= 2
    for page, text in shown:
        name = yaml.safe_load(text)["project"]
        for other, title, more in blocks("yaml"):
            path = re.fullmatch(r'title="(mappings/(?:sources|odoo)/\S+)"', title)
            if other == page and path:  # a page may bring its own source
                (tmp_path / page / path[1]).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / page / path[1]).write_text(more, encoding="utf-8")
        folder = tmp_path / page / "mappings" / "projects"
        folder.mkdir(parents=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        assert load_bundle(tmp_path / page, name).project.project == name


def test_every_part_of_a_project_that_is_shown_is_right(tmp_path: Path) -> None:
    parts = [(page, text) for page, title, text in blocks("yaml") if "mappings/projects/" in title and "(part)" in title]
    assert len(parts) >= 2
    for number, (page, text) in enumerate(parts):
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump({**BASE, **yaml.safe_load(text)}), encoding="utf-8")
        assert YamlFile(path).model(Project).project == "example", page


def test_every_target_of_make_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z][\w.-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = {target for page in PAGES for target in re.findall(r"`make ([a-z][\w.-]*)", page.read_text(encoding="utf-8"))}
    told |= {line.split()[1] for _, _, text in blocks("sh") for line in text.splitlines() if line.startswith("make ")}
    assert told
    assert told - targets == set()


@pytest.mark.parametrize(("page", "text"), [(page, text) for page, _, text in blocks("python") if "import" in text])
def test_every_call_that_is_shown_in_python_can_be_made(page: str, text: str) -> None:
    """Each function exists where the block takes it from, and takes what it is given."""
    tree = ast.parse(text)
    names: dict[str, object] = {}
    exec(compile(ast.Module([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)], []), page, "exec"), names)
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    checked = 0
    for call in calls:
        path = ast.unparse(call.func).split(".")
        if path[0] not in names:
            continue  # a method of something that an earlier line made
        found = names[path[0]]
        for part in path[1:]:
            found = getattr(found, part)
        inspect.signature(found).bind(*call.args, **{k.arg: k.value for k in call.keywords if k.arg})  # type: ignore[arg-type]
        checked += 1
    assert checked


def test_the_command_that_makes_a_key_makes_one() -> None:
    [command] = {m for _, _, text in blocks("sh") for m in re.findall(r"python -c '([^']+new_key[^']*)'", text)}
    told = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    made = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, env=told).stdout.strip()
    from crm2odoo.staging.vault import Vault

    assert Vault.of(made, "x").fingerprint


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tests|plugins|sql|benchmarks|terraform|samples)/[\w./-]+)`", text))
    # Lists of tests name them from tests/ on.
    assert {name for name in named if not (ROOT / name.split("::")[0]).exists()} == set()
