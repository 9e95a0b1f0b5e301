"""Proposes what the values of a column become: stages won, lost or open; labels that Odoo has already. By rules, never by likeness.

"Won" and "Lost", "qualified" and "unqualified" are alike to any measure of letters, and the opposite of each other. So a value is
understood only when its words, whole, are on a list; everything else is left to a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from crm2odoo.discovery.header_words import value_words
from crm2odoo.discovery.synonym_packs import Outcomes

Outcome = Literal["won", "lost", "open"]
# Numbers, and words that say nothing about the outcome beside one that does: "90 - Won", "Stage 5: Closed Won".
_MEANINGLESS = {"stage", "step", "phase", "deal", "number", "percent", "etapa", "fase", "etape", "stufe"}


@dataclass(frozen=True)
class ValueProposal:
    """What one value becomes. ``to``: the label in Odoo, ``outcome``: of a stage; None: a person decides. ``records``: rows with the value."""

    value: str
    to: str | None
    outcome: Outcome | None
    exists: bool
    evidence: str
    records: int = 0


def outcome_of(value: str, languages: Sequence[Outcomes]) -> tuple[Outcome | None, str]:
    """What a stage's name says about its outcome, and why; None when it says nothing, or two things."""
    told = tuple(w for w in value_words(value) if not (w.isdigit() or w in _MEANINGLESS)) or value_words(value)
    found: dict[Outcome, str] = {}
    for language in languages:
        for outcome in ("won", "lost", "open"):
            if told in language.outcomes.get(outcome, ()):
                found.setdefault(outcome, language.name)
    if len(found) == 1:
        [(outcome, name)] = found.items()
        return outcome, f"“{value}” is a known name of a stage that is {outcome} ({name})"
    if found:
        return None, f"“{value}” means {' and '.join(sorted(found))} in different languages"
    parts = {o for language in languages for o in ("won", "lost") for phrase in language.outcomes.get(o, ()) if _within(phrase, told)}
    if parts:
        return None, f"“{value}” holds a word for {' and '.join(sorted(parts))} among others: a person decides"
    return None, f"“{value}” is on no list"


def _within(phrase: tuple[str, ...], told: tuple[str, ...]) -> bool:
    return any(told[i : i + len(phrase)] == phrase for i in range(len(told) - len(phrase) + 1))


def propose_stages(values: Iterable[tuple[str, int]], existing: Iterable[str], languages: Sequence[Outcomes]) -> list[ValueProposal]:
    """One proposal per stage of the source; ``existing``: the stages of the target's team.

    A stage of the same name is used when their outcomes do not contradict each other; any other is created. Never another stage instead.
    """
    there = {value_words(name): name for name in existing}
    found = []
    for value, records in values:
        outcome, why = outcome_of(value, languages)
        same = there.get(value_words(value))
        if same is not None and outcome_of(same, languages)[0] not in (None, outcome):
            same = None
        to = None if outcome == "lost" else same or value
        found.append(ValueProposal(value, to, outcome, same is not None, why, records))
    return found


def propose_labels(values: Iterable[tuple[str, int]], existing: Iterable[str]) -> list[ValueProposal]:
    """Sources, tags, pick-list values: spelling variants are one label; one that the target has is used, any other is created."""
    there = {value_words(name): name for name in sorted(existing, reverse=True)}
    spelled: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for value, records in values:
        spelled.setdefault(value_words(value) or (value,), []).append((value, records))
    found = []
    for key, variants in spelled.items():
        commonest = max(variants, key=lambda v: (v[1], v[0]))[0]
        label = there.get(key, commonest)
        for value, records in variants:
            why = "Odoo has it" if key in there else f"a spelling of “{commonest}”" if value != commonest else "new in Odoo"
            found.append(ValueProposal(value, label, None, key in there, why, records))
    return found
