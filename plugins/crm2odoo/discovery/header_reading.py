"""What one header can mean in one language: a known phrase, and what the words around it do to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from crm2odoo.discovery.header_words import words
from crm2odoo.discovery.synonym_packs import Kind, Language, Targets, bag

# How far the words of a header settle its meaning. The proposer turns them into a measured confidence.
EXACT, QUALIFIED, FOREIGN, ANOTHER, THEIRS, ALIKE, LOOSELY, PARTLY = (
    "exact", "qualified", "foreign", "another", "theirs", "alike", "loosely", "partly",
)  # fmt: skip
SCORES = {EXACT: 1.0, QUALIFIED: 0.95, ANOTHER: 0.93, THEIRS: 0.93, LOOSELY: 0.9, FOREIGN: 0.85, ALIKE: 0.8, PARTLY: 0.4}
_UNITS = {"percent", "eur", "euro", "euros", "usd", "gbp", "chf", "brl", "hh", "mm", "ss", "yyyy", "dd"}
_OWN: dict[str, set[str]] = {"contact": {"contact"}, "company": {"company"}, "lead": {"lead", "deal"}, "deal": {"deal", "lead"}}


@dataclass(frozen=True)
class Reading:
    """One meaning of a header. ``how``: one of the words above; ``why``: for people; ``vague``: its word has meant other things in such company."""

    concept: str
    how: str
    score: float
    why: str
    language: str
    vague: bool = False


def read_header(header: str, kind: Kind, language: Language, targets: Targets) -> list[Reading]:
    """Every meaning that the words of a header can have in a language, the likeliest first."""
    told = words(header)
    found: dict[str, Reading] = {}

    def add(concept: str, how: str, why: str, weight: float = 1.0, vague: bool = False) -> None:
        concept = _of_which_record(concept, told, kind, language)
        named = _named(told, language)
        if concept == "owner" and "owner" in told and named and not named & _OWN[kind] and how in (EXACT, QUALIFIED):
            # "Account Owner" of a deal is whoever owns the account.
            how = FOREIGN
        reading = Reading(concept, how, SCORES[how] * weight, why, language.name, vague)
        if concept not in found or found[concept].score < reading.score:
            found[concept] = reading

    for form, how in _forms(told, _without_own_record(header, kind, language), language):
        whole = _for_kind(language.phrases.get(form, []), kind)
        for place, concept in enumerate(whole):
            weight = 1 - place / 1000 - language.ranks[form, concept] / 100_000
            add(concept, how, f"“{header.strip()}” is a known name ({language.name})", weight)
        if not whole:
            for concept, inner, why, weight, vague in _inside(form, kind, language, targets):
                weakest = inner if how in (EXACT, QUALIFIED) or inner == PARTLY else how
                add(concept, weakest, f"“{header.strip()}”: {why} ({language.name})", weight, vague)
        if any(r.how != PARTLY for r in found.values()):
            break
    return sorted(found.values(), key=lambda r: -r.score)


def _for_kind(concepts: list[str], kind: Kind) -> list[str]:
    """What a word means where it can mean several things: “Mitarbeiter” looks after a deal, and is how many work in a company.

    “Título” names a deal; a person's names none, so that there it is what the person is.
    """
    if kind == "company" and "employees" in concepts:
        return sorted(concepts, key=lambda c: c != "employees")
    if kind == "contact" and concepts[:1] == ["record_name"]:
        return concepts[1:] or concepts
    return concepts


_FIRST_NAMES = 12
"""Names of a meaning that are its usual ones: those that stand first in a pack. One word further down, beside other words, is vague."""
_RECORD = re.compile(r"^(\w[\w ]*?)\s*(?: [-–—|>/] |:\s|\.)\s*(\S.*)$")


def _without_own_record(header: str, kind: Kind, language: Language) -> tuple[str, ...]:
    """“Deal - Value” in a file of deals is the value: the words after the name of the file's own records; none when there is no such name."""
    found = _RECORD.match(header.strip())
    before = words(found[1]) if found else ()
    return words(found[2]) if found and before and all(language.objects.get(w) in _OWN[kind] for w in before) else ()


def _forms(told: tuple[str, ...], rest: tuple[str, ...], language: Language) -> Iterator[tuple[tuple[str, ...], str]]:
    """The words as they are; without the own record; in full; written together or apart; compounds taken apart; slips of the pen corrected."""
    if rest and told not in language.phrases:
        yield from ((form, QUALIFIED if how == EXACT else how) for form, how in _forms(rest, (), language))
    yield told, EXACT
    if (form := language.squashed.get("".join(told))) and form != told:
        yield form, EXACT
    full = tuple(w for word in told for w in language.abbreviations.get(word, (word,)))
    if full != told:
        yield full, EXACT
        told = full
    apart: list[str] = []
    for word in told:
        known = word in language.vocabulary or len(word) < 4
        apart += (word,) if known else (language.parts(word) or (word,))
    if tuple(apart) != told:
        yield tuple(apart), EXACT
    if len(apart) > 1 and (form := language.bags.get(bag(tuple(apart)))) and form != tuple(apart):
        yield form, EXACT
    mended = tuple(_mended(word, language) for word in apart)
    if mended != tuple(apart):
        yield mended, ALIKE


def _mended(word: str, language: Language) -> str:
    """The known word that is one slip away; the word itself when it is known, short, or could be two."""
    if word in language.vocabulary or len(word) < 5 or not word.isalpha():
        return word
    near = [w for w in language.vocabulary if abs(len(w) - len(word)) <= 1 and w[0] == word[0] and OSA.distance(w, word, score_cutoff=1) <= 1]
    return near[0] if len(near) == 1 else word


def _inside(form: tuple[str, ...], kind: Kind, language: Language, targets: Targets) -> Iterator[tuple[str, str, str, float, bool]]:
    """Known phrases with other words around them: concept, how sure, why, weight, whether the phrase is vague in such company."""
    size = len(form)
    spans = [
        (a, b)
        for a in range(size)
        for b in range(a + 1, min(size, a + language.longest) + 1)
        if form[a:b] in language.phrases and (a, b) != (0, size)
    ]
    for a, b in spans:
        # Part of a longer known phrase: that one says more.
        if any(c <= a and b <= d and (c, d) != (a, b) for c, d in spans):
            continue
        # A word that only describes is no meaning of its own, unless nothing else is there.
        core = form[a:b]
        if b - a == 1 and core[0] in (language.neutral | language.loose | language.other) and len(spans) > 1:
            continue
        if b - a == 1 and core[0] in language.objects and len(spans) > 1:
            continue
        for place, concept in enumerate(language.phrases[core]):
            rest = [(i, w) for i, w in enumerate(form) if not a <= i < b and not _same(form, i, spans, concept, language)]
            concept, rest = _of_the_other(concept, rest, b, kind, language)
            how, why, weight = _judged(rest, (a, b), size, concept, kind, language, targets)
            name = " ".join(core)
            if how in (ANOTHER, THEIRS):
                yield targets.another.get(concept, "attribute"), how, why.format(name=name), weight, core in language.vague_with_others
            else:
                rare = len(core) == 1 and language.ranks[core, language.phrases[core][place]] >= _FIRST_NAMES
                yield concept, how, why.format(name=name), weight - place / 1000 + (b - a) / 10000, rare or core in language.vague


_ADDRESS = {"street", "street2", "house_number", "city", "state", "zip", "country"}
_LINKS = {
    "company_name": "company_record", "account": "company_record", "customer": "company_record", "contact_person": "contact_record",
    "full_name": "contact_record", "record_name": "record_id",
}  # fmt: skip
_KEYS = {"contact": "contact_record", "company": "company_record", "lead": "other_record", "deal": "other_record"}


def _of_which_record(concept: str, told: tuple[str, ...], kind: Kind, language: Language) -> str:
    """“Account ID” is no account name, and “Contact ID” in a file of deals is no key of the deal."""
    if not {"id", "ids", "uuid", "guid"} & set(told):
        return concept
    concept = _LINKS.get(concept, concept)
    named = _named(told, language)
    if concept == "record_id" and len(named) == 1 and kind not in named:
        return _KEYS[named.pop()]
    return concept


def _named(told: tuple[str, ...], language: Language) -> set[str]:
    """Kinds of records that a header names."""
    return {language.objects[w] for w in told if w in language.objects}


def _of_the_other(concept: str, rest: list[tuple[int, str]], end: int, kind: Kind, language: Language) -> tuple[str, list[tuple[int, str]]]:
    """“Organization - Name” in a file of persons is the company's name; the second line of a street is no other street."""
    others = {language.objects[w] for _, w in rest if w in language.objects} - _OWN[kind]
    names = {("name", "company"): "company_name", ("name", "contact"): "full_name"}
    if len(others) == 1 and (found := names.get((concept, next(iter(others))))):
        return found, rest
    if concept in ("street", "address") and any(w in ("2", "3") and place >= end for place, w in rest):
        without = [(i, w) for i, w in rest if w not in ("2", "3")]
        if all(w in language.neutral | language.loose for _, w in without):
            return "street2", without
    return concept, rest


def _same(form: tuple[str, ...], place: int, spans: list[tuple[int, int]], concept: str, language: Language) -> bool:
    """Whether a word belongs to another phrase of the same meaning: city/town/village."""
    near = {concept}
    if concept in _ADDRESS:
        near |= {"address"}
    if concept == "country":
        # Country/region.
        near |= {"state"}
    if concept in ("street", "house_number"):
        near |= {"street", "house_number"}
    return any(c <= place < d and near & set(language.phrases[form[c:d]]) for c, d in spans)


def _judged(
    rest: list[tuple[int, str]], core: tuple[int, int], size: int, concept: str, kind: Kind, language: Language, targets: Targets
) -> tuple[str, str, float]:
    """What the words around a phrase do to its meaning."""
    unknown, others, loose, foreign = [], [], [], set()
    at_head = False
    for place, word in rest:
        if word in language.neutral or word in _UNITS:
            continue
        if word in language.loose:
            loose.append(word)
        elif word in language.other or (word.isdigit() and word != "1"):
            others.append(word)
        elif word in language.objects:
            if language.objects[word] not in _OWN[kind]:
                foreign.add(language.objects[word])
        else:
            unknown.append(word)
            # "e-mail type" is a type, and so is "tipo de email".
            at_head = at_head or (place >= core[1] if language.head == "last" else place < core[0])
    if unknown:
        return PARTLY, "“{name}” is a known name, “" + _plain(" ".join(unknown)) + "” is not", (0.6 if at_head else 1.0) / len(unknown)
    if others:
        return ANOTHER, "“" + _plain(" ".join(others)) + "” makes it another “{name}”", 1.0
    for other in sorted(foreign):
        if concept not in targets.foreign.get(kind, {}).get(other, []):
            return THEIRS, "“{name}” of another object (" + other + ")", 1.0
    if foreign:
        return FOREIGN, "“{name}” of the " + " and ".join(sorted(foreign)), 1.0
    if loose:
        return LOOSELY, "“{name}” with “" + _plain(" ".join(loose)) + "”, which mostly changes nothing", 1.0
    return QUALIFIED, "“{name}” with words that change nothing", 1.0


def _plain(text: str) -> str:
    return text.replace("{", "").replace("}", "")
