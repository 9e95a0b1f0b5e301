"""A product that no source file describes: its files proposed, reviewed, drafted. What `crm2odoo propose` and `crm2odoo draft` do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crm2odoo.discovery import review_file
from crm2odoo.discovery.custom_fields import field_name
from crm2odoo.discovery.draft_source import Draft, draft_source
from crm2odoo.discovery.export_columns import FileColumns, date_order, decimal_mark, kind_of, object_name, read_files
from crm2odoo.discovery.proposer import ColumnProposal, LiveFields, Proposer
from crm2odoo.discovery.review_file import ObjectKind, Review, line_of, merged, read_review, review_path
from crm2odoo.discovery.value_maps import outcome_of
from crm2odoo.project.source_file import ColumnType


@dataclass(frozen=True)
class Proposed:
    """The proposal for one object. ``diff``: against the review that was there; empty when nothing changes."""

    path: Path
    review: Review
    diff: str
    new: bool


def propose(
    root: Path,
    source: str,
    location: str | Path,
    live: LiveFields | None = None,
    second: Callable[[Review], Review] | None = None,
) -> list[Proposed]:
    """One review per object of an export; nothing is written. Locked lines of the reviews that are there stay as they are.

    ``live``: the fields of the live target; ``second``: a second opinion on a review before it is compared.
    Raises ConfigError for a review that cannot be read, NoExport for an empty place.
    """
    proposer = Proposer(root, live, review_file.remembered(root))
    grouped: dict[str, list[FileColumns]] = {}
    kinds: dict[str, ObjectKind | None] = {}
    for found in read_files(location):
        kind = kind_of(found, proposer)
        name = kind or object_name(found)
        if name in grouped and [h.lower() for h in grouped[name][0].header] != [h.lower() for h in found.header]:
            # Two different tables of one kind are two objects; several parts of one table are one.
            name = next(n for n in (object_name(found), *(f"{name}_{i}" for i in range(2, 99))) if n not in grouped)
        grouped.setdefault(name, []).append(found)
        kinds[name] = kind
    proposed = []
    for name, parts in grouped.items():
        path = review_path(root, source, name)
        old = read_review(path) if path.exists() else None
        new = merged(old, _review(source, name, kinds[name] if old is None else old.kind or kinds[name], parts, proposer, old))
        new = second(new) if second else new
        proposed.append(Proposed(path, new, review_file.diff(old, new), old is None))
    return proposed


def write(proposed: list[Proposed]) -> None:
    """Writes the reviews; their locked lines are as they were."""
    for one in proposed:
        one.path.parent.mkdir(parents=True, exist_ok=True)
        one.path.write_text(review_file.dump(one.review), encoding="utf-8")


def _review(source: str, name: str, kind: ObjectKind | None, parts: list[FileColumns], proposer: Proposer, old: Review | None) -> Review:
    found = _together(parts)
    locked = {line.header: line for line in old.columns if line.locked} if old else {}
    columns = found.columns()
    free = [c for c in columns if c.header not in locked]
    taken = [line.target for line in locked.values() if line.decision == "field" and line.target]
    if kind:
        proposals = iter(proposer.propose("contact" if kind == "user" else kind, free, taken))
    else:
        proposals = iter([_unmapped(c.header, found, proposer) for c in free])
    lines = []
    for column in columns:
        if column.header in locked:
            lines.append(locked[column.header])
            continue
        proposal = next(proposals)
        lines.append(line_of(proposal, column.filled or 0, _read_as(proposal, proposer)))
    key = next((line.header for i, line in enumerate(lines) if line.meaning == "record_id" and found.is_key(i)), None)
    key = key or next((c.header for i, c in enumerate(columns) if kind is None and found.is_key(i) and c.header.strip().lower().endswith("id")), None)
    files = sorted({p.name.rsplit("/", 1)[-1].rsplit(".", 1)[0] for p in parts})
    return Review(
        source=source, object=name, kind=kind, title=name.replace("_", " ").capitalize(), files=files, records=found.records, key=key, columns=lines
    )


def _together(parts: list[FileColumns]) -> FileColumns:
    first = parts[0]
    for part in parts[1:]:
        first.records += part.records
        for place in range(len(first.header)):
            first.filled[place] += part.filled[place]
            first.distinct[place] |= part.distinct[place]
            first.values[place] += part.values[place]
    return first


def _unmapped(header: str, found: FileColumns, proposer: Proposer) -> ColumnProposal:
    """A column of an object that is neither person, company, lead nor deal: typed, and left to a person."""
    [proposal] = proposer.propose("contact", [found.columns()[found.header.index(header)]])
    return ColumnProposal(
        header=header,
        decision="custom",
        target=field_name(header),
        type=proposal.type or "char",
        confidence=0.5,
        evidence=["the file holds another kind of record: a person maps it", *proposal.evidence[-1:]],
        alternatives=["ignore"],
        shape=proposal.shape,
    )


def _read_as(proposal: ColumnProposal, proposer: Proposer) -> ColumnType:
    """The column type of the source file: the meaning's when the values agree, else that of the values."""
    best = proposal.shape.best
    by_values: dict[str, ColumnType] = {"email": "email", "url": "url", "phone": "phone", "boolean": "boolean", "money": "number"}
    if proposal.concept and proposal.decision == "field":
        return proposer.targets.concepts[proposal.concept].type
    if proposal.concept and proposer.targets.concepts[proposal.concept].type in ("name", "enum", "list", "id", "email", "phone", "url"):
        return proposer.targets.concepts[proposal.concept].type
    if best == "date":
        return "datetime" if proposal.shape["time"] > 0 else "date"
    return by_values.get(best or "", "text")


def draft(root: Path, source: str, title: str, location: str | Path) -> Draft:
    """The source file from the reviews of a source, and the formats and stages that the export shows. Raises ConfigError."""
    proposer = Proposer(root)
    found = [read_review(p) for p in sorted((root / "mappings" / "reviews" / source).glob("*.yaml"))]
    files = read_files(location)
    return draft_source(source, title, found, proposer.targets, date_order(files), decimal_mark(files), _outcomes(found, files, proposer))


def _outcomes(found: list[Review], files: list[FileColumns], proposer: Proposer) -> dict[str, list[str]]:
    """Names of stages in the data that mean won or lost for certain."""
    told: dict[str, set[str]] = {"won": set(), "lost": set()}
    headers = {line.header for r in found if r.kind in ("lead", "deal") for line in r.columns if line.meaning in ("stage", "status")}
    for one in files:
        for place, header in enumerate(one.header):
            for value in one.distinct[place] if header in headers else ():
                outcome, _why = outcome_of(value, proposer.languages)
                if outcome in told:
                    told[str(outcome)].add(value.strip().lower())
    return {outcome: sorted(names) for outcome, names in told.items()}
