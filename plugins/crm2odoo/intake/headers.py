"""Which column of the source a header means. Compared without case, accents, blanks and punctuation; never two headers for one column."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from crm2odoo.project import SourceObject

# Words that exports use for one another in headers.
SAME_WORD = {
    "no": "number",
    "nr": "number",
    "num": "number",
    "nbr": "number",
    "organisation": "organization",
    "colour": "color",
    "tel": "telephone",
    "qty": "quantity",
}


@dataclass(frozen=True)
class HeaderCell:
    """One header of a file: its place (1-based), its text, the name of its column in ``_land``, and whether the source knows it."""

    position: int
    header: str
    column: str
    known: bool


@dataclass(frozen=True)
class Assignment:
    """The columns of a file, and what a person should know about them."""

    cells: list[HeaderCell]
    repeated: list[str]
    contested: list[tuple[str, str, str]]

    @property
    def known(self) -> set[str]:
        return {c.column for c in self.cells if c.known}


def shown(header: str) -> str:
    """A header as people may read it: in a file without a header line, the first row of data stands there."""
    return f"hidden ({len(header)} characters)" if "@" in header or sum(c.isdigit() for c in header) > 6 else header


@lru_cache(maxsize=20_000)
def words(text: str) -> tuple[str, ...]:
    """The words of a header or file name, folded: ``Deal Amount ($)`` → deal, amount."""
    text = unicodedata.normalize("NFKD", text.replace("#", " number ").replace("%", " percent ").replace("&", " and "))
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).casefold().replace("e-mail", "email")
    found = re.findall(r"[^\W_]+", text)
    return tuple(SAME_WORD.get(w, w) for w in found)


def folded(text: str) -> str:
    """A header as it is compared."""
    return "".join(words(text))


@lru_cache(maxsize=20_000)
def _spellings(header: str, own_words: frozenset[str]) -> tuple[str, ...]:
    """How a header may be read, the most literal first: as it stands, without brackets, in the singular, without the object's own name."""
    bare = re.sub(r"\([^)]*\)|\[[^\]]*\]|\{[^}]*\}", " ", header)
    result = [folded(header), folded(bare)]
    singular = tuple(_singular(w) for w in words(bare))
    result.append("".join(singular))
    if len(singular) > 1 and singular[0] in own_words:
        result.append("".join(singular[1:]))
    return tuple(dict.fromkeys(r for r in result if r))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


@lru_cache(maxsize=512)
def _known_spellings(key: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Spelling → column: by the column's own name, by its aliases, by either in the singular."""
    names: dict[str, str] = {}
    aliases: dict[str, str] = {}
    singular: dict[str, str] = {}
    for column, headers in key:
        names.setdefault(folded(column), column)
        for alias in headers:
            aliases.setdefault(folded(alias), column)
    for column, headers in key:
        for alias in (column, *headers):
            singular.setdefault("".join(_singular(w) for w in words(alias)), column)
    return names, aliases, singular


def own_words(name: str, obj: SourceObject) -> frozenset[str]:
    """Words that mean the object itself, which headers may put in front: ``Deal Owner`` in the file of deals."""
    candidates = [name.replace("_", " "), obj.title, *obj.files]
    return frozenset(_singular(w[0]) for w in map(words, candidates) if len(w) == 1)


def assign(header: Sequence[str], name: str, obj: SourceObject) -> Assignment:
    """Gives every header a column. A column is taken by the header that spells it most literally; the others stay unknown columns."""
    key = tuple((column, (*spec.headers, *([spec.title] if spec.title else []))) for column, spec in obj.columns.items())
    names, aliases, singular = _known_spellings(key)
    own = own_words(name, obj)
    taken: dict[str, int] = {}
    column_of: dict[int, str] = {}
    contested: list[tuple[str, str, str]] = []
    spelled = [_spellings(h, own) for h in header]
    for level in range(4):
        for table in (names, aliases, singular):
            for index, spellings in enumerate(spelled):
                if index in column_of or level >= len(spellings):
                    continue
                column = table.get(spellings[level])
                if column is None:
                    continue
                if column not in taken:
                    taken[column] = index
                    column_of[index] = column
    for index, spellings in enumerate(spelled):
        if index not in column_of:
            wanted = next((t[s] for s in spellings[:2] for t in (names, aliases, singular) if s in t), None)
            if wanted:
                contested.append((header[index], wanted, header[taken[wanted]]))
    cells, used = [], dict.fromkeys(column_of.values(), 1)
    seen: set[str] = set()
    repeated = []
    for index, text in enumerate(header):
        if text.strip() and folded(text) in seen:
            repeated.append(text)
        seen.add(folded(text))
        known = index in column_of
        cells.append(HeaderCell(index + 1, text, column_of[index] if known else _unknown_name(text, used), known))
    return Assignment(cells, repeated, [c for c in contested if folded(c[0]) != folded(c[2])])


def _unknown_name(header: str, used: dict[str, int]) -> str:
    """A harmless column name for a header that the source does not know: ``u_`` and its letters, numbered when needed.

    ``used``: name → the last number that was given to it, so that thousands of equal headers are numbered in one go.
    """
    slug = "_".join(re.findall(r"[a-z0-9]+", "_".join(words(header))))[:48].strip("_") or "column"
    first = name = f"u_{slug}"
    while name in used:
        used[first] = used.get(first, 1) + 1
        name = f"u_{slug}_{used[first]}"
    used[name] = used.get(name, 1)
    return name


def missing_columns(present: Iterable[str], obj: SourceObject) -> list[str]:
    """Mandatory columns that a file lacks; ``a or b`` where one of several would do."""
    here = set(present)
    missing = [c for c, spec in obj.columns.items() if spec.required and c not in here]
    return missing + [" or ".join(group) for group in obj.required_any if not set(group) & here]
