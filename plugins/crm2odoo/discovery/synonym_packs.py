"""What a column can mean, and the words for it: ``mappings/synonyms/targets.yaml`` and one language pack per language."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from crm2odoo.discovery.header_words import spellings, value_words, words
from crm2odoo.project import OWN_ROOT, YamlFile
from crm2odoo.project.source_file import ColumnType, Strict

Kind = Literal["contact", "company", "lead", "deal"]
KINDS: tuple[Kind, ...] = ("contact", "company", "lead", "deal")
MODELS: dict[str, str] = {"contact": "res.partner", "company": "res.partner", "lead": "crm.lead", "deal": "crm.lead"}
_INSTEAD: dict[str, Kind] = {"company": "contact", "deal": "lead"}


class Target(Strict):
    """Where a meaning goes for one kind of object: exactly one of field, custom, ignore."""

    field: str | None = None
    custom: str | None = None
    ignore: str | None = None
    input: str | None = Field(None, description="Input of the entity that the source file feeds.")
    join: Literal["first", "middle", "last"] | None = Field(None, description="Part of a name that is put together from several columns.")


class Concept(Strict):
    """What a column can mean."""

    type: ColumnType
    shape: str | None = Field(None, description="What at least half of the values must look like.")
    not_shape: list[str] = []
    many: bool = False
    soft: bool = False
    only_one: str | None = Field(None, description="A field that this meaning takes where no other column of the file does.")
    contact: Target | None = None
    company: Target | None = None
    lead: Target | None = None
    deal: Target | None = None

    @property
    def has_field(self) -> bool:
        """Whether a field of Odoo takes it in any kind of file."""
        return any(t is not None and t.field is not None for t in (self.contact, self.company, self.lead, self.deal))

    def target(self, kind: Kind) -> Target:
        """Where the meaning goes in a file of this kind."""
        found = getattr(self, kind) or getattr(self, _INSTEAD.get(kind, kind))
        assert isinstance(found, Target), kind
        return found


class Targets(Strict):
    """The file ``targets.yaml``."""

    concepts: dict[str, Concept]
    capacity: dict[str, int]
    foreign: dict[str, dict[str, list[str]]]
    another: dict[str, str]
    file_words: dict[Literal["user", "other"], list[str]] = Field(description="Words of file names: users, and whatever nobody drafts.")


Phrases = Annotated[list[str], BeforeValidator(lambda v: v or [])]


class Pack(Strict):
    """One language pack."""

    language: str
    head: Literal["first", "last"] = Field(description="Where the word stands that the others only describe: e-mail *type*, *tipo* de email.")
    neutral: Phrases
    loose: Phrases = Field([], description="Mostly neutral: a person looks.")
    other: Phrases
    abbreviations: dict[str, str] = Field({}, description="Short forms of words inside of a header: tel → telephone.")
    objects: dict[Kind, Phrases]
    concepts: dict[str, Phrases]
    outcomes: dict[Literal["won", "lost", "open", "negation"], Phrases] = {}


class Outcomes:
    """What a pack says about stages: won, lost, open → phrases."""

    def __init__(self, pack: Pack) -> None:
        self.name = pack.language
        self.outcomes = {word: {form for phrase in phrases for form in spellings(phrase, value_words)} for word, phrases in pack.outcomes.items()}


class Language(Outcomes):
    """A pack, ready for look-ups. ``phrases``: words → concepts, the first of ``targets.yaml`` first; ``ranks``: place in the pack's list."""

    def __init__(self, pack: Pack, targets: Targets) -> None:
        super().__init__(pack)
        self.head = pack.head
        self.phrases: dict[tuple[str, ...], list[str]] = {}
        self.squashed: dict[str, tuple[str, ...]] = {}
        self.bags: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.ranks: dict[tuple[tuple[str, ...], str], int] = {}
        for concept in targets.concepts:
            for rank, phrase in enumerate(pack.concepts.get(concept, [])):
                for form in spellings(phrase):
                    known = self.phrases.setdefault(form, [])
                    if concept not in known:
                        known.append(concept)
                        self.ranks[form, concept] = rank
                    self.squashed.setdefault("".join(form), form)
                    if 1 < len(form) < 6:
                        self.bags.setdefault(bag(form), form)
        self.neutral = _single(pack.neutral)
        self.loose = _single(pack.loose)
        self.other = _single(pack.other)
        self.abbreviations = {form[0]: words(full) for short, full in pack.abbreviations.items() for form in spellings(short) if len(form) == 1}
        self.objects = {word: kind for kind, phrases in pack.objects.items() for word in _single(phrases)}
        self.vague, self.vague_with_others = self._vague(targets)
        self.longest = max((len(p) for p in self.phrases), default=0)
        self.vocabulary = {w for phrase in self.phrases for w in phrase if len(w) >= 3} | {
            w for w in (*self.neutral, *self.loose, *self.other, *self.objects) if len(w) >= 3
        }

    def _vague(self, targets: Targets) -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
        """Phrases that mean something else in longer ones, although the words around them change nothing, or only make it another of its kind.

        “Code” is the customer's, and “billing code” the postal one: so nobody knows what a “main code” is. The same for “name” and “family name”.
        """
        nothing = self.neutral | self.loose | set(self.objects)
        plain: set[tuple[str, ...]] = set()
        others: set[tuple[str, ...]] = set()
        for form, concepts in self.phrases.items():
            for core in {form[a:b] for a in range(len(form)) for b in range(a + 1, len(form) + 1) if b - a < len(form)}:
                if core not in self.phrases:
                    continue
                around = list(form)
                for word in core:
                    around.remove(word)
                own = set(self.phrases[core])
                if all(w in nothing for w in around):
                    if not own & set(concepts):
                        plain.add(core)
                elif all(w in nothing | self.other or w.isdigit() for w in around):
                    told = {targets.another.get(c, "attribute") for c in own}
                    if not (told | {"attribute"}) & set(concepts) and any(targets.concepts[c].has_field for c in concepts):
                        others.add(core)
        return plain, others

    def parts(self, word: str) -> tuple[str, ...] | None:
        """A compound as its known words (``Firmentelefon``: firmen, telefon); None when it is not made of them. At most four parts."""
        found = self._parts(word, 4)
        return found if found and len(found) > 1 else None

    def _parts(self, word: str, left: int) -> tuple[str, ...] | None:
        if not word:
            return ()
        if not left:
            return None
        for end in range(len(word), 2, -1):
            piece = word[:end]
            if piece not in self.vocabulary:
                continue
            for link in ("", "s", "n", "en"):
                if word[end:].startswith(link) and (not link or word[end + len(link) :]):
                    rest = self._parts(word[end + len(link) :], left - 1)
                    if rest is not None:
                        return (piece, *rest)
        return None


_LITTLE = {
    "of", "the", "a", "an", "for", "de", "la", "le", "les", "l", "d", "el", "los", "las", "du", "des", "do", "da", "dos", "das", "del", "der", "den",
    "die", "von", "vom", "van", "het", "een", "di", "della",
}  # fmt: skip


def bag(form: tuple[str, ...]) -> tuple[str, ...]:
    """The words without their order and without articles: “Phone - Mobile” is “mobile phone”."""
    return tuple(sorted(w for w in form if w not in _LITTLE))


def _single(phrases: list[str]) -> set[str]:
    return {w for phrase in phrases for form in spellings(phrase) if len(form) == 1 for w in form}


def _folders(root: Path) -> list[Path]:
    return [folder for folder in dict.fromkeys((root / "mappings" / "synonyms", OWN_ROOT / "mappings" / "synonyms")) if folder.is_dir()]


def load_targets(root: Path = OWN_ROOT) -> Targets:
    """The targets of a project's root, else those that came with the package. Raises ConfigError."""
    return _targets(next(f / "targets.yaml" for f in _folders(root) if (f / "targets.yaml").exists()))


def load_languages(root: Path = OWN_ROOT) -> list[Language]:
    """Every language pack, English first. A project's own pack stands in the place of the bundled one of the same name."""
    return list(_languages(tuple(pack_paths(root)), next(f / "targets.yaml" for f in _folders(root) if (f / "targets.yaml").exists())))


def pack_paths(root: Path) -> Iterator[Path]:
    """The files of the language packs, English first."""
    paths: dict[str, Path] = {}
    for folder in _folders(root):
        for path in sorted(folder.glob("??.yaml")):
            paths.setdefault(path.name, path)
    yield from sorted(paths.values(), key=lambda p: (p.name != "en.yaml", p.name))


@cache
def _targets(path: Path) -> Targets:
    return YamlFile(path).model(Targets)


@cache
def _languages(paths: tuple[Path, ...], targets: Path) -> tuple[Language, ...]:
    return tuple(Language(YamlFile(p).model(Pack), _targets(targets)) for p in paths)


__all__ = ["KINDS", "MODELS", "Concept", "Kind", "Language", "Pack", "Target", "Targets", "load_languages", "load_targets"]
