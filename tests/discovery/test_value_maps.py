"""Won is never lost: what a stage's name says about its outcome, in every language, and what it does not say."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm2odoo.discovery.synonym_packs import load_languages
from crm2odoo.discovery.value_maps import outcome_of, propose_labels, propose_stages

LANGUAGES = load_languages()
WON = sorted({" ".join(p) for language in LANGUAGES for p in language.outcomes["won"]})
LOST = sorted({" ".join(p) for language in LANGUAGES for p in language.outcomes["lost"]})
NEGATIONS = sorted({" ".join(p) for language in LANGUAGES for p in language.outcomes["negation"]})


def test_no_phrase_of_any_language_is_on_two_lists() -> None:
    assert not set(WON) & set(LOST)
    for language, (one, other) in itertools.product(LANGUAGES, [("won", "lost"), ("won", "open"), ("lost", "open")]):
        assert not language.outcomes[one] & language.outcomes[other], (language.name, one, other)


@pytest.mark.promise("P050")
@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("Closed Won", "won"), ("CLOSED-LOST", "lost"), ("5 - Closed Won", "won"), ("Stage 6: Lost", "lost"), ("Gewonnen", "won"), ("nicht gewonnen", "lost"),
        ("Closed Not Converted", "lost"), ("Perdido", "lost"), ("Ganha", "won"), ("gesloten verloren", "lost"), ("Gagné", "won"), ("non signé", "lost"),
        ("Not interested", "lost"), ("Unqualified", "lost"), ("Qualified", "open"), ("Negotiation", "open"),
        # Nothing is said, or two things at once: a person decides.
        ("Won back from lost", None), ("Won/Lost", None), ("Not won yet", None), ("Almost won", None), ("Wonderful", None), ("Cost", None), ("Closed", None),
        ("Lost and found", None), ("Wom", None), ("Loost", None), ("noch nicht gewonnen", None), ("presque gagné", None), ("", None),
    ],
)  # fmt: skip
def test_an_outcome_is_understood_whole_or_not_at_all(value: str, outcome: str | None) -> None:
    assert outcome_of(value, LANGUAGES)[0] == outcome


@given(st.sampled_from(WON), st.sampled_from(NEGATIONS), st.booleans())
def test_a_negated_won_is_never_won(phrase: str, negation: str, before: bool) -> None:
    value = f"{negation} {phrase}" if before else f"{phrase} {negation}"
    assert outcome_of(value, LANGUAGES)[0] != "won"


@given(st.sampled_from(WON), st.sampled_from(LOST), st.sampled_from([" ", "/", " - ", " or "]))
def test_two_outcomes_at_once_are_not_decided_for_won(won: str, lost: str, between: str) -> None:
    assert outcome_of(f"{lost}{between}{won}", LANGUAGES)[0] != "won"


@given(st.sampled_from(WON + LOST), st.data())
def test_a_slip_of_the_pen_never_turns_the_outcome_round(phrase: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(phrase) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz "))
    opposite = "lost" if phrase in WON else "won"
    assert outcome_of(phrase[:place] + letter + phrase[place + 1 :], LANGUAGES)[0] != opposite
    assert outcome_of(phrase[:place] + phrase[place + 1 :], LANGUAGES)[0] != opposite


@pytest.mark.promise("P051")
def test_a_stage_goes_to_the_one_of_its_own_name_or_is_created() -> None:
    rows = propose_stages([("won", 3), ("Proposal", 2), ("Lost", 1), ("Propsal", 1)], ["Won", "Proposition", "New"], LANGUAGES)
    assert [(r.value, r.to, r.outcome, r.exists) for r in rows] == [
        ("won", "Won", "won", True),
        ("Proposal", "Proposal", "open", False),
        ("Lost", None, "lost", False),
        ("Propsal", "Propsal", None, False),
    ]


def test_spellings_are_one_label_and_likeness_is_none() -> None:
    rows = propose_labels([("Trade Show", 2), ("trade-show", 5), ("Trade Shop", 1)], ["Trade show"])
    assert [(r.to, r.exists) for r in rows] == [("Trade show", True), ("Trade show", True), ("Trade Shop", False)]
