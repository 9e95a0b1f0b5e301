"""The proposed map of one object as a file that a person edits: ``mappings/reviews/<source>/<object>.yaml``.

What a person locked stays as it is, whatever is proposed later; a new proposal shows what it would change.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import Field, model_validator

from crm2odoo.discovery.header_words import words
from crm2odoo.discovery.synonym_packs import Kind
from crm2odoo.project import ConfigError, YamlFile
from crm2odoo.project.source_file import ColumnType, Identifier, Strict

if TYPE_CHECKING:
    from crm2odoo.discovery.proposer import ColumnProposal

ObjectKind = Literal[Kind, "user"]
ACCEPTED_TYPES = Literal["char", "text", "html", "integer", "float", "monetary", "boolean", "date", "datetime", "selection", "many2many"]


class ReviewLine(Strict):
    """One column of the export and what becomes of it. Change `decision`, `target` or `type`, and set `locked: true`."""

    header: str = Field(description="The header as the export writes it.")
    decision: Literal["field", "custom", "ignore"]
    target: str | None = Field(None, description="Field of Odoo, or name of the custom field (x_…).")
    type: ACCEPTED_TYPES | None = Field(None, description="Type of the custom field.")
    meaning: str | None = Field(None, description="What the column means (mappings/synonyms/targets.yaml); the draft of the source is made from it.")
    read_as: ColumnType | None = Field(None, description="How the source file reads the values.")
    transform: str = ""
    confidence: float = Field(ge=0, le=1)
    filled: int = Field(0, ge=0, description="Rows with a value.")
    evidence: list[str] = []
    alternatives: list[str] = []
    reason: str | None = Field(None, description="Why, in the words of whoever decided.")
    locked: bool = Field(False, description="Decided by a person: no later proposal changes this line.")

    @model_validator(mode="after")
    def _whole(self) -> ReviewLine:
        if self.decision != "ignore" and not self.target:
            raise ValueError(f"target: the decision `{self.decision}` needs one")
        if self.decision == "custom" and self.target and not self.target.startswith("x_"):
            raise ValueError("target: the name of a custom field starts with x_")
        return self


class Review(Strict):
    """The proposed map of one object."""

    source: Identifier
    object: Identifier
    kind: ObjectKind | None = Field(None, description="What the rows are; nothing is drafted for an object without it.")
    title: str
    files: list[str] = Field(description="Names of the files, as in the source file.")
    records: int = Field(0, ge=0)
    key: str | None = Field(None, description="Header of the column that tells the rows apart.")
    columns: list[ReviewLine]


def line_of(proposal: ColumnProposal, filled: int, read_as: ColumnType) -> ReviewLine:
    """A proposal as a line to be reviewed."""
    return ReviewLine(
        header=proposal.header,
        decision=proposal.decision,
        target=proposal.target,
        type=proposal.type,
        meaning=proposal.concept,
        read_as=read_as,
        transform=proposal.transform,
        confidence=proposal.confidence,
        filled=filled,
        evidence=proposal.evidence,
        alternatives=proposal.alternatives,
    )


def review_path(root: Path, source: str, name: str) -> Path:
    """Where the review of an object is."""
    return root / "mappings" / "reviews" / source / f"{name}.yaml"


def read_review(path: Path) -> Review:
    """Raises ConfigError with file, line and column."""
    return YamlFile(path).model(Review)


def merged(old: Review | None, new: Review) -> Review:
    """The new proposal with every locked line of the old one as it was; locked columns that the export no longer has stay at the end.

    Of two columns with one header the first locked line belongs to the first one.
    """
    if old is None:
        return new
    waiting = [line for line in old.columns if line.locked]
    columns = []
    for line in new.columns:
        kept = next((k for k in waiting if k.header == line.header), None)
        if kept is not None:
            waiting.remove(kept)
        columns.append(kept or line)
    # What a person said about the object itself holds too.
    return new.model_copy(update={"columns": [*columns, *waiting], "kind": old.kind or new.kind, "title": old.title})


def diff(old: Review | None, new: Review) -> str:
    """What would change, as a unified diff of the two files; empty when nothing does."""
    before = dump(old).splitlines(keepends=True) if old else []
    return "".join(difflib.unified_diff(before, dump(new).splitlines(keepends=True), "reviewed", "proposed", n=1))


def dump(review: Review) -> str:
    """The file: one block per column, in the order of the export."""
    sure = sum(line.locked or line.confidence >= 0.85 for line in review.columns)
    head = [
        "# yaml-language-server: $schema=../../schemas/review.json",
        f"# {review.title}: {len(review.columns)} columns, {sure} locked or certain, {len(review.columns) - sure} to look at.",
        "# Change decision, target, type or meaning where the proposal is wrong, and set `locked: true`: then no later proposal touches the line.",
    ]
    data = review.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    columns = data.pop("columns")
    parts = ["\n".join(head), _yaml(data)]
    parts.append("columns:")
    for line in columns:
        line.setdefault("locked", False)
        parts.append(_item(line))
    return "\n".join(parts) + "\n"


def _yaml(data: Any) -> str:
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=10_000).rstrip()


def _item(line: dict[str, Any]) -> str:
    short = {k: v for k, v in line.items() if k not in ("evidence", "alternatives")}
    text = _yaml(short).splitlines()
    for name in ("evidence", "alternatives"):
        if line.get(name):
            text.append(f"{name}: {yaml.safe_dump(line[name], allow_unicode=True, default_flow_style=True, width=10_000).strip()}")
    return "\n".join(("  - " if i == 0 else "    ") + t for i, t in enumerate(text))


def remembered(root: Path, but: str | None = None) -> dict[tuple[str, str], str]:
    """(kind, header in comparable form) → meaning, from every locked line of every review; what two persons decided differently is left out.

    ``but``: a source whose own lines do not count.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for review in reviews(root):
        if review.kind is None or review.source == but:
            continue
        for line in review.columns:
            if line.locked and line.meaning:
                found.setdefault((review.kind, " ".join(words(line.header))), set()).add(line.meaning)
    return {key: next(iter(meanings)) for key, meanings in found.items() if len(meanings) == 1}


def reviews(root: Path, source: str = "*") -> Iterator[Review]:
    """Every readable review below a root; `crm2odoo lint` tells what is wrong with the others."""
    for path in sorted((root / "mappings" / "reviews").glob(f"{source}/*.yaml")):
        try:
            yield read_review(path)
        except ConfigError:
            continue


def open_lines(review: Review, below: float = 0.85) -> Sequence[ReviewLine]:
    """Lines that wait for a person, the least certain first."""
    return sorted((line for line in review.columns if not line.locked and line.confidence < below), key=lambda line: line.confidence)
