"""What one header can mean in one language: a known phrase, and what the words around it do to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from crm2odoo.discovery.header_words import words
from crm2odoo.discovery.synonym_packs import Kind, Language, Targets

# How far the words of a header settle its meaning. The proposer turns them into a measured confidence.
EXACT, QUALIFIED, FOREIGN, ANOTHER, ALIKE, PARTLY = "exact", "qualified", "foreign", "another", "alike", "partly"
SCORES = {EXACT: 1.0, QUALIFIED: 0.95, ANOTHER: 0.93, FOREIGN: 0.85, ALIKE: 0.8, PARTLY: 0.4}
_OWN: dict[str, set[str]] = {"contact": {"contact"}, "company": {"company"}, "lead": {"lead", "deal"}, "deal": {"deal", "lead"}}


@dataclass(frozen=True)
class Reading:
    """One meaning of a header. ``how``: one of the words above; ``why``: for people."""

    concept: str
    how: str
    score: float
    why: str
    language: str


def read_header(header: str, kind: Kind, language: Language, targets: Targets) -> list[Reading]:
    """Every meaning that the words of a header can have in a language, the likeliest first."""
    told = words(header)
    found: dict[str, Reading] = {}

    def add(concept: str, how: str, why: str, weight: float = 1.0) -> None:
        reading = Reading(concept, how, SCORES[how] * weight, why, language.name)
        if concept not in found or found[concept].score < reading.score:
            found[concept] = reading

    for form, how in _forms(told, language):
        for place, concept in enumerate(language.phrases.get(form, [])):
            add(concept, how, f"“{header.strip()}” is a known name ({language.name})", 1 - place / 1000)
        if not found:
            for concept, inner, why, weight in _inside(form, kind, language, targets):
                add(concept, inner if how == EXACT or inner == PARTLY else how, f"“{header.strip()}”: {why} ({language.name})", weight)
        if found:
            break
    return sorted(found.values(), key=lambda r: -r.score)


def _forms(told: tuple[str, ...], language: Language) -> Iterator[tuple[tuple[str, ...], str]]:
    """The words as they are; written together or apart; compounds taken apart; slips of the pen corrected."""
    yield told, EXACT
    if (form := language.squashed.get("".join(told))) and form != told:
        yield form, EXACT
    apart: list[str] = []
    for word in told:
        known = word in language.vocabulary or len(word) < 4
        apart += (word,) if known else (language.parts(word) or (word,))
    if tuple(apart) != told:
        yield tuple(apart), EXACT
    mended = tuple(_mended(word, language) for word in apart)
    if mended != tuple(apart):
        yield mended, ALIKE


def _mended(word: str, language: Language) -> str:
    """The known word that is one slip away; the word itself when it is known, short, or could be two."""
    if word in language.vocabulary or len(word) < 5 or not word.isalpha():
        return word
    near = [w for w in language.vocabulary if abs(len(w) - len(word)) <= 1 and w[0] == word[0] and OSA.distance(w, word, score_cutoff=1) <= 1]
    return near[0] if len(near) == 1 else word


def _inside(form: tuple[str, ...], kind: Kind, language: Language, targets: Targets) -> Iterator[tuple[str, str, str, float]]:
    """Known phrases with other words around them: concept, how sure, why, weight."""
    size = len(form)
    spans = [(a, b) for a in range(size) for b in range(a + 1, min(size, a + language.longest) + 1) if form[a:b] in language.phrases and (a, b) != (0, size)]
    for a, b in spans:
        # Part of a longer known phrase: that one says more.
        if any(c <= a and b <= d and (c, d) != (a, b) for c, d in spans):
            continue
        # A word that only describes is no meaning of its own, unless nothing else is there.
        core = form[a:b]
        if b - a == 1 and core[0] in (language.neutral | language.other) and len(spans) > 1:
            continue
        if b - a == 1 and core[0] in language.objects and len(spans) > 1:
            continue
        for place, concept in enumerate(language.phrases[core]):
            rest = [(i, w) for i, w in enumerate(form) if not a <= i < b and not _same(form, i, spans, concept, language)]
            concept = _of_the_other(concept, rest, kind, language)
            how, why, weight = _judged(rest, (a, b), size, concept, kind, language, targets)
            name = " ".join(core)
            if how == ANOTHER:
                yield targets.another.get(concept, "attribute"), how, why.format(name=name), weight
            else:
                yield concept, how, why.format(name=name), weight - place / 1000 + (b - a) / 10000


def _of_the_other(concept: str, rest: list[tuple[int, str]], kind: Kind, language: Language) -> str:
    """“Organization - Name” in a file of persons is the company's name, “Person - ID” in one of deals a link to the person."""
    others = {language.objects[w] for _, w in rest if w in language.objects} - _OWN[kind]
    names = {("name", "company"): "company_name", ("name", "contact"): "full_name", ("record_id", "company"): "company_record", ("record_id", "contact"): "contact_record"}
    return names.get((concept, others.pop()), concept) if len(others) == 1 else concept


def _same(form: tuple[str, ...], place: int, spans: list[tuple[int, int]], concept: str, language: Language) -> bool:
    """Whether a word belongs to another phrase of the same meaning: city/town/village."""
    near = {concept, *({"street", "street2", "house_number", "city", "state", "zip", "country"} & {concept} and {"address"})}
    return any(c <= place < d and near & set(language.phrases[form[c:d]]) for c, d in spans)


def _judged(
    rest: list[tuple[int, str]], core: tuple[int, int], size: int, concept: str, kind: Kind, language: Language, targets: Targets
) -> tuple[str, str, float]:
    """What the words around a phrase do to its meaning."""
    unknown, others, foreign = [], [], set()
    at_head = False
    for place, word in rest:
        if word in language.neutral:
            continue
        if word in language.other or (word.isdigit() and word != "1"):
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
            return ANOTHER, "“{name}” of another object (" + other + ")", 1.0
    if foreign:
        return FOREIGN, "“{name}” of the " + " and ".join(sorted(foreign)), 1.0
    return QUALIFIED, "“{name}” with words that change nothing", 1.0


def _plain(text: str) -> str:
    return text.replace("{", "").replace("}", "")
