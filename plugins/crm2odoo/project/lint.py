"""Every mistake in the projects, sources and entities below a root, without running anything."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.numbers import list_currencies

from crm2odoo.project.bundle import Bundle, Memory, _entity, load_bundle, project_names
from crm2odoo.project.errors import ConfigError, Problem
from crm2odoo.project.source_file import Source
from crm2odoo.project.yaml_file import YamlFile


def lint(root: Path, memory: Memory) -> tuple[list[Problem], int]:
    """Every problem once, in the order of files and lines, and how many files were read. ``memory`` keeps what was read."""
    problems: list[Problem] = []
    read: set[Path] = set()
    for name in project_names(root):
        read.add(root / "mappings" / "projects" / f"{name}.yaml")
        try:
            problems += _choices(root, load_bundle(root, name, memory))
        except ConfigError as error:
            problems += error.problems
    for folder in ("sources", "odoo"):
        for path in sorted((root / "mappings" / folder).glob("*.yaml")):
            if path in memory:
                continue
            try:
                if folder == "sources":
                    YamlFile(path).model(Source)
                else:
                    _entity(root, path)
            except ConfigError as error:
                problems += error.problems
            read.add(path)
    read |= set(memory)
    return once(problems), len(read)


def once(problems: list[Problem]) -> list[Problem]:
    """Without repetitions, in the order of files and lines."""
    found = {(p.file, p.line, p.column, p.message): p for p in problems}
    return sorted(found.values(), key=lambda p: (str(p.file), p.line, p.column))


def _choices(root: Path, bundle: Bundle) -> Iterator[Problem]:
    """Values of a project that are well formed and mean nothing: an unknown time zone, decision, option or owner."""
    project = bundle.project
    file = _Lazy(root / "mappings" / "projects" / f"{project.project}.yaml")
    if project.timezone not in _timezones():
        close = difflib.get_close_matches(project.timezone, _timezones(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else "as in Europe/Berlin"
        yield file.problem(("timezone",), f"there is no time zone {project.timezone!r}", hint)
    if project.currency not in _currencies():
        close = difflib.get_close_matches(project.currency.upper(), _currencies(), n=1)
        yield file.problem(("currency",), f"there is no currency {project.currency!r}", f"did you mean {close[0]!r}?" if close else "as in EUR")
    try:
        Locale.parse(project.locale)
    except (UnknownLocaleError, ValueError):
        yield file.problem(("locale",), f"there is no locale {project.locale!r}", "as in de_DE")
    for name, choice in project.decisions.items():
        question = bundle.questions.get(name)
        if question is None:
            close = difflib.get_close_matches(name, list(bundle.questions), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"decisions: {', '.join(bundle.questions) or 'none'}"
            yield file.problem(("decisions", name), f"nothing of {project.source} asks for the decision {name!r}", hint)
        elif question.options and not question.sql and str(choice) not in question.options:
            close = difflib.get_close_matches(str(choice), list(question.options), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"options: {', '.join(question.options)}"
            yield file.problem(("decisions", name), f"{choice!r} is no option of {name}", hint)
    known = bundle.source.cautions
    for name in project.cautions:
        if name not in known:
            close = difflib.get_close_matches(name, list(known), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"cautions: {', '.join(known) or 'none'}"
            yield file.problem(("cautions", name), f"{project.source} has no caution {name!r}", hint)
    owners = project.owners
    if owners.fallback is None and "fallback" in (*owners.decisions.values(), owners.undecided):
        yield file.problem(("owners",), "records go to the fallback user, and owners.fallback names none", "fallback: somebody@example.com")
    if not re.match(r"^[a-z0-9]+://", project.export) and not (root / project.export).exists():
        parent = (root / project.export).parent
        near = [p.name for p in parent.iterdir()] if parent.is_dir() else []
        close = difflib.get_close_matches(Path(project.export).name, near, n=1)
        yield file.problem(("export",), f"there is nothing at {project.export}", f"did you mean {close[0]!r}?" if close else f"paths start at {root}")


class _Lazy:
    """A file that is read only when something in it is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: YamlFile | None = None

    def problem(self, where: tuple[str | int, ...], message: str, hint: str) -> Problem:
        self._file = self._file or YamlFile(self._path)
        return self._file.problem(where, message, hint)


@cache
def _timezones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


@cache
def _currencies() -> tuple[str, ...]:
    return tuple(sorted(list_currencies()))
