"""The words of a column header, in one comparable form: without case, accents, camel case and the marks of products."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from itertools import groupby

# What products put around the name that a person gave: Salesforce, Copper, HubSpot, Odoo Studio, Close, SuiteCRM.
_MARKS = (
    re.compile(r"__[cr]$", re.I),
    re.compile(r"\s+cf_\d+$", re.I),
    re.compile(r"^(custom\.|property_|hs_|cf_|cf\.|x_studio_|x_|attributes\.|properties\.)", re.I),
    re.compile(r"_c$"),
)
_CAMEL = (
    (re.compile(r"([a-z0-9])([A-Z])"), r"\1 \2"),
    (re.compile(r"([A-Z]+)([A-Z][a-z])"), r"\1 \2"),
    (re.compile(r"(?<=[A-Za-z])(\d+)\b"), r" \1"),
)
_NUMBER = {"no", "nr", "nro", "num", "nbr", "nummer", "numero", "#"}
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ł": "l", "đ": "d", "º": " ", "ª": " ", "°": " "}
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def folded(text: str) -> str:
    """Lower-case letters without accents."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(c for c in plain if not unicodedata.combining(c)).lower()


def is_marked_custom(header: str) -> bool:
    """Whether the product says that a customer added the column."""
    return bool(re.search(r"__c$|\scf_\d+$|^(custom\.|cf[_.]|x_studio_)", unicodedata.normalize("NFKC", header).strip(), re.I))


def without_marks(header: str) -> str:
    """The header without what the product put around it."""
    text = unicodedata.normalize("NFKC", header).strip()
    for mark in _MARKS:
        text = mark.sub("", text)
    return text


def words(header: str) -> tuple[str, ...]:
    """``Work Email__c`` and ``workEmail`` are both ``("work", "email")``; “No.”, “Nr.” and “#” are the word number. May be empty."""
    return _once("number" if w in _NUMBER else w for w in _split(header))


def value_words(value: str) -> tuple[str, ...]:
    """The words of a value: as `words`, but “no” is no."""
    return _once(_split(value))


def _once(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word, _ in groupby(found))


def _split(header: str) -> list[str]:
    text = re.sub(r"\bIDs\b", "ids", without_marks(header))
    for pattern, parted in _CAMEL:
        text = pattern.sub(parted, text)
    text = folded(text).replace("'s", " ").replace("’s", " ")
    text = text.replace("#", " # ").replace("%", " percent ")
    text = re.sub(r"\be[\s_-]?mails?\b", "email", text)
    return re.sub(r"[^0-9a-z#]+", " ", text).split() if text.isascii() else re.sub(r"[^\w#]+|_", " ", text).split()


def spellings(phrase: str, read: Callable[[str], tuple[str, ...]] = words) -> set[tuple[str, ...]]:
    """The comparable forms of a phrase of a language pack: with plain letters, and with umlauts written out."""
    return {read(phrase), read(phrase.translate(_UMLAUTS))} - {()}
