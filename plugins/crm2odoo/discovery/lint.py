"""Every mistake in reviews and language packs; and stages whose declared outcome contradicts their name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from crm2odoo.discovery.review_file import read_review
from crm2odoo.discovery.synonym_packs import Outcomes, Pack, load_targets, pack_paths
from crm2odoo.discovery.value_maps import outcome_of
from crm2odoo.project import ConfigError, Problem, YamlFile
from crm2odoo.project.bundle import Memory


def lint(root: Path, memory: Memory) -> tuple[list[Problem], int]:
    """Problems below a root, and how many files were read. ``memory``: sources that were read already."""
    problems: list[Problem] = []
    read = 0
    packs = []
    for path in pack_paths(root):
        try:
            file = YamlFile(path)
            packs.append(file.model(Pack))
            problems += _concepts(root, file, packs[-1])
        except ConfigError as error:
            problems += error.problems
        read += 1
    for path in sorted((root / "mappings" / "reviews").glob("*/*.yaml")):
        read += 1
        try:
            read_review(path)
            problems += _meanings(root, path)
        except ConfigError as error:
            problems += error.problems
    told = [Outcomes(pack) for pack in packs]
    for path in [*sorted((root / "mappings" / "sources").glob("*.yaml")), *sorted((root / "mappings" / "projects").glob("*.yaml"))]:
        if path in memory:
            problems += _contradictions(memory[path][0], told)
        elif "outcome" in path.read_text(encoding="utf-8"):
            try:
                problems += _contradictions(YamlFile(path), told)
            except ConfigError:
                continue  # told by the lint of projects and sources
    return problems, read


def _concepts(root: Path, file: YamlFile, pack: Pack) -> Iterator[Problem]:
    known = load_targets(root).concepts
    for concept in pack.concepts:
        if concept not in known:
            close = difflib.get_close_matches(concept, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see targets.yaml"
            yield file.problem(("concepts", concept), f"there is no meaning {concept!r}", hint)


def _meanings(root: Path, path: Path) -> Iterator[Problem]:
    file = YamlFile(path)
    known = load_targets(root).concepts
    for number, line in enumerate(file.data["columns"]):
        meaning = line.get("meaning")
        if meaning and meaning not in known:
            close = difflib.get_close_matches(meaning, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see mappings/synonyms/targets.yaml"
            yield file.problem(("columns", number, "meaning"), f"there is no meaning {meaning!r}", hint)


def _contradictions(file: YamlFile, packs: list[Outcomes]) -> Iterator[Problem]:
    """Won that is called lost, and lost that is called won."""
    if not isinstance(file.data, dict):
        return
    for key, names in (("stage_outcomes", "names"), ("stages", "stage")):
        for number, line in enumerate(file.data.get(key) or []):
            if not isinstance(line, dict) or line.get("outcome") not in ("won", "lost"):
                continue
            told = line.get(names)
            for name in told if isinstance(told, list) else [told]:
                outcome, why = outcome_of(str(name), packs)
                if outcome in ("won", "lost") and outcome != line["outcome"]:
                    yield file.problem((key, number, "outcome"), f"{name!r} is said to be {line['outcome']}; {why}", f"outcome: {outcome}")
