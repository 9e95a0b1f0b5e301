"""Proposes, for every column of a file, the field of Odoo, a custom field, or nothing; with a confidence, reasons and three alternatives.

Deterministic, and without any service: the words of the header in six languages, the labels of the target's own fields, what the
values look like, and that a field takes one column only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from crm2odoo.discovery.custom_fields import field_name
from crm2odoo.discovery.header_reading import ALIKE, ANOTHER, EXACT, FOREIGN, LOOSELY, PARTLY, QUALIFIED, THEIRS, Reading, read_header
from crm2odoo.discovery.header_words import is_marked_custom, words
from crm2odoo.discovery.synonym_packs import MODELS, Concept, Kind, Language, Target, Targets, load_languages, load_targets
from crm2odoo.discovery.value_shapes import WORDS, Shape, shape_of
from crm2odoo.project import OWN_ROOT

Decision = Literal["field", "custom", "ignore"]
ACCEPT = 0.85
"""From this confidence on a proposal may be accepted in one go."""

KEPT = "keep as it is"
LABEL, VALUES, KNOWN, NOTHING = "label", "values", "known", "nothing"
# How sure each kind of evidence is. Above `ACCEPT` stand only kinds that `benchmarks/mapping_proposal.py --cross-validate --calibrate` found right
# in at least 995 of 1,000 columns of products whose own headers the packs did not know; `AGREES`: the values look as the meaning demands.
CONFIDENCE = {
    EXACT: 0.97,
    QUALIFIED: 0.95,
    KNOWN: 0.95,
    ANOTHER: 0.93,
    THEIRS: 0.82,
    LABEL: 0.82,
    LOOSELY: 0.82,
    FOREIGN: 0.8,
    ALIKE: 0.8,
    NOTHING: 0.7,
    VALUES: 0.6,
    PARTLY: 0.5,
}
AGREES, SOFT_AT_MOST, CONTESTED, LABEL_AND_VALUES = 0.02, 0.8, 0.82, 0.9
VAGUE, TONGUE, UNLIKE = "vague", "tongue", "values"
DOUBTS = {
    VAGUE: "beside other words this name has meant different things",
    TONGUE: "the other headers of the file are in another language",
    UNLIKE: "less than half of the values look like that",
}
"""What speaks against a proposal that its words alone would let through."""


@dataclass(frozen=True)
class ColumnIn:
    """A column to be read. ``values``: as many as the caller has; ``filled``: rows with a value, where it knows."""

    header: str
    values: Sequence[str] = ()
    filled: int | None = None


@dataclass(frozen=True)
class ColumnProposal:
    """What should become of one column. ``target``: field of Odoo, or name of the custom field; ``confidence``: 0 to 1."""

    header: str
    decision: Decision
    confidence: float
    evidence: list[str]
    alternatives: list[str]
    target: str | None = None
    type: str | None = None
    concept: str | None = None
    transform: str = ""
    shape: Shape = field(default_factory=Shape)
    grounds: tuple[str, ...] = ()
    """Kinds of evidence that the confidence rests on; what speaks against it stands behind a minus sign."""

    @property
    def where(self) -> str:
        """In one word: the field, ``custom`` or ``ignore``."""
        return self.target or "" if self.decision == "field" else self.decision


@dataclass(frozen=True)
class LiveField:
    """A field of the live target that a column may fill. ``labels``: in every language of that Odoo."""

    labels: tuple[str, ...]
    type: str


LiveFields = Mapping[str, Mapping[str, LiveField]]
"""Model → field of the live target, as `odoo.live_fields` reads it."""


@dataclass
class _Candidate:
    concept: str | None
    target: Target
    score: float
    how: str
    why: str
    doubts: tuple[str, ...] = ()
    label: bool = False
    fits: bool = False

    @property
    def place(self) -> str:
        return self.target.field or ("custom" if self.target.custom else "ignore")


class Proposer:
    """Reads headers with the language packs and targets of a root folder.

    ``live``: the fields of the live target. ``known``: (kind, header) → concept that a person confirmed before, by `remembered`.
    """

    def __init__(self, root: Path = OWN_ROOT, live: LiveFields | None = None, known: Mapping[tuple[str, str], str] | None = None) -> None:
        self.targets: Targets = load_targets(root)
        self.languages: list[Language] = load_languages(root)
        self.live = {model: dict(fields) for model, fields in (live or {}).items()}
        self._labelled: dict[str, dict[tuple[str, ...], list[str]]] = {}
        for model, fields in self.live.items():
            by_words = self._labelled.setdefault(model, {})
            for name, about in sorted(fields.items()):
                for told in dict.fromkeys(words(label) for label in about.labels):
                    by_words.setdefault(told, []).append(name)
        self.known = dict(known or {})
        self._read = lru_cache(maxsize=20_000)(self._read_uncached)

    def propose(self, kind: Kind, columns: Sequence[ColumnIn], taken: Iterable[str] = ()) -> list[ColumnProposal]:
        """One proposal per column, in the order of the columns. ``taken``: fields that a person gave to columns that are not among these."""
        weights = self._language_weights(kind, [c.header for c in columns])
        shapes = [shape_of(c.values) for c in columns]
        candidates = [self._candidates(kind, c.header, s, weights) for c, s in zip(columns, shapes, strict=True)]
        chosen = self._assign(kind, columns, candidates, shapes, taken)
        return [self._proposal(kind, *parts) for parts in zip(columns, shapes, candidates, chosen, strict=True)]

    # ---- what the words say

    def _read_uncached(self, header: str, kind: Kind, number: int) -> tuple[Reading, ...]:
        return tuple(read_header(header, kind, self.languages[number], self.targets))

    def _language_weights(self, kind: Kind, headers: list[str]) -> list[float]:
        """How much each language counts in this file: that of most headers fully, English nearly, the others less."""
        told = []
        for number, _language in enumerate(self.languages):
            best = [self._read(h, kind, number)[:1] for h in headers]
            told.append(sum(r[0].score for r in best if r and r[0].how in (EXACT, QUALIFIED, LOOSELY, ANOTHER, THEIRS)))
        most = max(told, default=0.0) or 1.0
        return [1.0 if t >= most else 0.97 if number == 0 else 0.9 if t >= 0.6 * most else 0.8 for number, t in enumerate(told)]

    def language_of(self, kind: Kind, headers: list[str]) -> str:
        """Language that reads most of the headers; English when two read as many."""
        weights = self._language_weights(kind, headers)
        return self.languages[weights.index(max(weights))].name

    def _candidates(self, kind: Kind, header: str, shape: Shape, weights: list[float]) -> list[_Candidate]:
        found: dict[str, _Candidate] = {}

        def add(candidate: _Candidate) -> None:
            known = found.get(candidate.place)
            if known is None or known.score < candidate.score:
                found[candidate.place] = candidate

        if concept := self.known.get((kind, " ".join(words(header)))):
            add(_Candidate(concept, self.targets.concepts[concept].target(kind), 1.2, KNOWN, "a person confirmed this for the same header before"))
        for number, weight in enumerate(weights):
            for reading in self._read(header, kind, number):
                if reading.concept in ("record_id", "company_record", "contact_record") and is_marked_custom(header):
                    continue
                concept_of = self.targets.concepts[reading.concept]
                factor, why = _by_values(concept_of, shape)
                soft = 0.9 if concept_of.soft else 1.0
                if reading.concept == "state" and kind in ("lead", "deal"):
                    # "Estado", "état": the status of a lead, the province of a customer.
                    soft = 0.99
                target = concept_of.target(kind)
                score = reading.score * weight * factor * soft
                unlike = concept_of.shape in ("email", "phone", "url") and shape.filled >= 3 and shape[concept_of.shape] < 0.5
                doubts = tuple(d for d, holds in ((VAGUE, reading.vague), (TONGUE, weight < 1.0), (UNLIKE, unlike)) if holds)
                add(_Candidate(reading.concept, target, score, reading.how, reading.why + why, doubts))
        self._by_label(kind, header, shape, found)
        if not found or max(c.score for c in found.values()) < 0.5:
            for shape_name, concept, least in (("email", "email", 0.8), ("phone", "phone", 0.9), ("url", "website", 0.9)):
                told = any(c.concept in (concept, "link") for c in found.values())
                if shape_name == "url" and told:
                    # "Billing tool URL" says itself that it is not the website.
                    continue
                telling = shape[shape_name] >= least and not shape["social"] and not (shape_name == "phone" and shape["integer"] > 0.5)
                if telling and shape.filled >= 2:
                    why = f"{shape[shape_name]:.0%} of the values look like {WORDS[shape_name]}"
                    add(_Candidate(concept, self.targets.concepts[concept].target(kind), 0.6, VALUES, why))
        return sorted(found.values(), key=lambda c: (-c.score, c.place))

    def _by_label(self, kind: Kind, header: str, shape: Shape, found: dict[str, _Candidate]) -> None:
        """What the labels of the live target add: a second witness for a field, or a field that no pack knows."""
        model = MODELS[kind]
        for name in self._labelled.get(model, {}).get(words(header), []):
            about = self.live[model][name]
            if name in found:
                found[name].label = True
                continue
            fits = _fits(about, shape)
            if fits is False:
                continue
            # A field that somebody made for this very data comes before a new one, and after the field that Odoo has for it.
            made = name.startswith("x_") and not any(c.target.field for c in found.values())
            why = f"“{header.strip()}” is the label of {name} in this Odoo"
            found[name] = _Candidate(None, Target(field=name), 1.25 if made else 0.75, LABEL, why, fits=bool(fits))

    # ---- one column per field

    def _assign(
        self, kind: Kind, columns: Sequence[ColumnIn], candidates: list[list[_Candidate]], shapes: list[Shape], taken: Iterable[str]
    ) -> list[_Candidate | None]:
        """Fields go to the columns with the best claim; the others take what they can have next."""
        room = dict(self.targets.capacity)
        for place in taken:
            room[place] = room.get(place, 1) - 1
        chosen: list[_Candidate | None] = [None] * len(columns)
        claims = sorted(
            ((c.score, -i, rank, c) for i, found in enumerate(candidates) for rank, c in enumerate(found) if c.score >= 0.5),
            key=lambda x: (-x[0], -x[1], x[2]),
        )
        for _score, minus, _rank, claim in claims:
            number = -minus
            if chosen[number] is not None:
                continue
            if claim.target.field is None:
                chosen[number] = claim
            elif room.get(claim.target.field, 1) > 0 and not self._taken(claim, chosen):
                room[claim.target.field] = room.get(claim.target.field, 1) - 1
                chosen[number] = claim
        self._only_ones(kind, chosen, shapes, set(taken))
        if kind in ("contact", "lead"):
            self._part_of_a_name(kind, columns, chosen)
        return chosen

    def _taken(self, claim: _Candidate, chosen: list[_Candidate | None]) -> bool:
        """Whether a column with the very same meaning is there already, where one is enough."""
        if claim.concept is None or self.targets.concepts[claim.concept].many:
            return False
        return any(c is not None and c.concept == claim.concept for c in chosen)

    def _only_ones(self, kind: Kind, chosen: list[_Candidate | None], shapes: list[Shape], taken: set[str]) -> None:
        """The only number of a file is the phone, even when it is called a mobile; the only status of a deal is its stage."""
        taken |= {c.target.field for c in chosen if c and c.target.field}
        for number, candidate in enumerate(chosen):
            if candidate is None or candidate.concept is None:
                continue
            wanted = self.targets.concepts[candidate.concept].only_one
            fits = candidate.how in (EXACT, QUALIFIED, LOOSELY) and not (shapes[number].filled and shapes[number]["phone"] < 0.5)
            if wanted and wanted not in taken and fits:
                why = f"{candidate.why}; the only column of the file for {wanted}"
                target = Target(field=wanted, input=wanted)
                chosen[number] = replace(candidate, target=target, score=candidate.score - 0.05, why=why)
                taken.add(wanted)
            if candidate.target.field == "won_status" and "stage_id" not in taken:
                target = self.targets.concepts["stage"].target(kind)
                why = f"{candidate.why}; the file has no other stage"
                chosen[number] = replace(candidate, concept="stage", target=target, score=candidate.score - 0.05, why=why)
                taken.add("stage_id")

    def _part_of_a_name(self, kind: Kind, columns: Sequence[ColumnIn], chosen: list[_Candidate | None]) -> None:
        """Nombre beside Apellidos is the first name, Nom beside Prénom and Name beside Vorname are the last.

        Taken for the whole name, they would lose the other half of it.
        """
        there = {c.concept: number for number, c in enumerate(chosen) if c and c.concept in ("first_name", "last_name", "full_name")}
        whole = [number for number, c in enumerate(chosen) if c and c.concept == "name"]
        parts = there.keys() & {"first_name", "last_name"}
        if len(parts) != 1 or len(whole) != 1 or "full_name" in there:
            return
        [part], [number] = parts, whole
        beside, column, candidate = columns[there[part]], columns[number], chosen[number]
        known = {word for value in beside.values for word in words(value)}
        full = sum(bool(known & set(words(value))) for value in column.values) * 2 > len(column.values)
        if candidate is None or candidate.how not in (EXACT, QUALIFIED) or full:
            return
        other = "last_name" if part == "first_name" else "first_name"
        why = f"{candidate.why}; beside “{beside.header.strip()}” it is the {other.replace('_', ' ')}"
        chosen[number] = replace(candidate, concept=other, target=self.targets.concepts[other].target(kind), why=why)

    # ---- what a person reads

    def _proposal(self, kind: Kind, column: ColumnIn, shape: Shape, found: list[_Candidate], chosen: _Candidate | None) -> ColumnProposal:
        fields = [c.place for c in found if c.target.field]
        if chosen is None:
            return self._no_field(column, shape, found, fields)
        concept = self.targets.concepts[chosen.concept] if chosen.concept else None
        confidence = CONFIDENCE[chosen.how]
        grounds = [chosen.how]
        others = [c for c in found if c.place != chosen.place and c.score >= 0.5]
        if chosen.target.field and others and others[0].score > chosen.score - 0.03:
            confidence = min(confidence, CONTESTED)
            grounds.append("-contested")
        for doubt in chosen.doubts:
            confidence = min(confidence, SOFT_AT_MOST)
            grounds.append(f"-{doubt}")
        # A column that the customer added means what the customer meant: the product had fields of its own for the rest.
        added = chosen.target.field is not None and is_marked_custom(column.header)
        # "Name" in a file of leads: the lead's or the person's?
        whose = kind == "lead" and chosen.concept == "name"
        if ((concept and concept.soft) or added or whose) and chosen.how != KNOWN:
            confidence = min(confidence, SOFT_AT_MOST)
            grounds.append("-soft")
        if concept and concept.shape and shape[concept.shape] >= 0.8:
            confidence = min(0.99, confidence + AGREES)
            grounds.append("values")
        why = [chosen.why, *(DOUBTS[d] for d in chosen.doubts)]
        if chosen.label and chosen.how != LABEL:
            # Two witnesses that know nothing of each other: the language packs, and whoever named the fields of this Odoo.
            grounds.append("label")
            why.append(f"so is the field labelled in this Odoo: {chosen.place}")
            if "-contested" not in grounds and UNLIKE not in chosen.doubts and chosen.how in (EXACT, QUALIFIED, LOOSELY):
                confidence = max(confidence, CONFIDENCE[QUALIFIED])
        elif chosen.how == LABEL and chosen.fits:
            grounds.append("values")
            confidence = max(confidence, LABEL_AND_VALUES)
        rest = [p for p in fields if p != chosen.place]
        common: dict[str, Any] = {"header": column.header, "concept": chosen.concept, "confidence": round(confidence, 2)}
        common |= {"shape": shape, "grounds": tuple(grounds)}
        why += _shape_words(shape)
        if chosen.target.field:
            transform = f"join as {chosen.target.join} name" if chosen.target.join else transform_of(concept)
            return ColumnProposal(
                decision="field",
                target=chosen.target.field,
                transform=transform,
                evidence=why,
                alternatives=_three([*rest, "custom", "ignore"]),
                **common,
            )
        if chosen.target.ignore:
            why.insert(1, chosen.target.ignore)
            return ColumnProposal(decision="ignore", evidence=why, alternatives=_three([*rest, "custom"]), **common)
        kept = chosen.target.custom
        by_values = type_of(shape)
        if shape.filled and (kept == "char" or (by_values in ("char", "text") and kept != "selection")):
            kept = by_values
        return ColumnProposal(
            decision="custom",
            target=field_name(column.header),
            type=kept,
            transform=KEPT,
            evidence=why,
            alternatives=_three([*rest, "ignore"]),
            **common,
        )

    def _no_field(self, column: ColumnIn, shape: Shape, found: list[_Candidate], fields: list[str]) -> ColumnProposal:
        """A column that no field wants, or that lost its field to another column."""
        taken = next((c for c in found if c.target.field and c.score >= 0.5), None)
        if taken:
            # Two columns for one field: which one is it? A person looks.
            why, confidence, ground = f"{taken.why}; another column has the better claim to {taken.place}", CONTESTED, "lost"
        elif found and found[0].target.field:
            why, confidence, ground = f"{found[0].why}: not enough for {found[0].place}", CONFIDENCE[PARTLY], PARTLY
        else:
            why, confidence, ground = "no known name, and the values point to no field", CONFIDENCE[NOTHING], NOTHING
        return ColumnProposal(
            header=column.header,
            decision="custom",
            target=field_name(column.header),
            type=type_of(shape),
            transform=KEPT,
            confidence=confidence,
            evidence=[why, *_shape_words(shape)],
            alternatives=_three([*fields, "ignore"]),
            shape=shape,
            grounds=(ground,),
        )


def _by_values(concept: Concept, shape: Shape) -> tuple[float, str]:
    """What the values say about a meaning: a factor, and the words for it."""
    if not shape.filled:
        return 1.0, ""
    if concept.shape:
        part = shape[concept.shape]
        # Amounts and dates have more spellings than anyone can list; addresses have not.
        least = 0.3 if concept.shape in ("email", "phone", "url") else 0.01
        if part < least:
            return 0.45, f"; but only {part:.0%} of the values look like {WORDS[concept.shape]}"
        if part >= 0.8:
            return 1.02, f"; {part:.0%} of the values look like {WORDS[concept.shape]}"
    for name in concept.not_shape:
        if shape[name] >= 0.8 and not (name in ("money", "phone") and shape["integer"] >= 0.8 and name not in (concept.shape or "")):
            return 0.45, f"; but {shape[name]:.0%} of the values look like {WORDS[name]}"
    return 1.0, ""


_LOOKS: dict[str, tuple[str, ...]] = {
    "date": ("date",), "datetime": ("date",), "boolean": ("boolean",),
    "integer": ("integer",), "float": ("money", "integer"), "monetary": ("money", "integer"),
}  # fmt: skip


def _fits(about: LiveField, shape: Shape) -> bool | None:
    """Whether the values can be those of a field: True when they say so, False when they cannot be, None when they say nothing."""
    if not shape.filled:
        return None
    if looks := _LOOKS.get(about.type):
        return max(shape[name] for name in looks) >= 0.8
    return None if about.type in ("char", "text", "html", "many2one", "many2many", "selection") else False


def _shape_words(shape: Shape) -> list[str]:
    if not shape.filled:
        return ["no values to look at"]
    told = f"{shape.filled:,} values, {shape.distinct:,} different"
    return [told + (f", {shape[best]:.0%} look like {WORDS[best]}" if (best := shape.best) else "")]


def _three(places: list[str]) -> list[str]:
    return list(dict.fromkeys(places))[:3]


def type_of(shape: Shape) -> str:
    """The type of a custom field by the shape of a sample; `custom_fields.infer_type` settles it over all rows."""
    by_shape = {"date": "date", "boolean": "boolean", "integer": "char", "money": "float", "long": "text"}
    return by_shape.get(shape.best or "", "char")


_BY_TYPE = {
    "email": "first e-mail address", "phone": "as it is", "url": "web address", "date": "read as a date", "datetime": "read as date and time, in UTC",
    "money": "read as an amount", "number": "read as a number", "percent": "read as a percentage", "integer": "read as a whole number",
    "boolean": "read as yes or no", "list": "split into labels", "id": "key of the record", "enum": "value map",
}  # fmt: skip


def transform_of(concept: Concept | None) -> str:
    """How the values of a meaning get into Odoo, in words."""
    return _BY_TYPE.get(concept.type, "as it is") if concept else "as it is"
