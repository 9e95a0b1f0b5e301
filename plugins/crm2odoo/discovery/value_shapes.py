"""What the values of a column look like, without saying what they are: the evidence that a header alone does not give."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_EMAIL = re.compile(r"^[^@\s,;<>]+@[^@\s,;<>]+\.[A-Za-z]{2,}$")
_URL = re.compile(r"^(https?://|www\.)\S+$|^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,6}(/\S*)?$")
_SOCIAL = re.compile(r"linkedin|facebook|twitter|instagram|xing\.com|youtube", re.I)
_DATE = re.compile(
    r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|\d{1,2}[ .-]+[^\W\d]{3,10}\.?,?[ -]+\d{2,4}|[^\W\d]{3,10}\.? \d{1,2},? \d{4})"
    r"([T ,].*\d{1,2}:\d{2}.*)?$"
)
_PHONE = re.compile(r"^'?\+?[\d\s().\-/–]{6,24}(\s*(x|ext\.?)\s*\d+)?$", re.I)
_MONEY = re.compile(
    r"^[^\w\s]{0,2}\s?-?\d{1,3}([., '’]\d{3})*([.,]\d{1,4})?\s?([^\w\s]|[A-Z]{3}|%)?$"
    r"|^[^\w\s]{0,2}-?\d+([.,]\d+)?\s?([^\w\s]|[A-Z]{3}|%)?$|^[A-Z]{3}\s-?[\d.,' ]+$"
)
_INTEGER = re.compile(r"^-?\d+$")
_UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-", re.I)
_BOOLEAN = {
    "true",
    "false",
    "yes",
    "no",
    "y",
    "n",
    "0",
    "1",
    "t",
    "f",
    "x",
    "on",
    "off",
    "ja",
    "nein",
    "nee",
    "oui",
    "non",
    "si",
    "sí",
    "sim",
    "não",
    "nao",
    "wahr",
    "falsch",
    "vrai",
    "faux",
    "verdadero",
    "falso",
    "waar",
    "onwaar",
}

NAMES = ("email", "url", "social", "date", "phone", "money", "integer", "uuid", "boolean", "long", "time")
WORDS = {
    "email": "e-mail addresses",
    "url": "web addresses",
    "social": "addresses of social networks",
    "date": "dates",
    "phone": "phone numbers",
    "money": "amounts",
    "integer": "whole numbers",
    "uuid": "technical ids",
    "boolean": "yes or no",
    "long": "long texts",
    "time": "times of day",
}


@dataclass(frozen=True)
class Shape:
    """Of the filled values of a column: how many, and which part (0 to 1) looks like what."""

    filled: int = 0
    distinct: int = 0
    parts: dict[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.parts.get(name, 0.0)

    @property
    def best(self) -> str | None:
        """What at least 80 % of the values look like, the most telling first."""
        return next((n for n in NAMES[:-1] if self[n] >= 0.8), None)


def is_phone(value: str) -> bool:
    """Whether a value can be a phone number: six to fifteen digits, and no date."""
    number = re.split(r"\s*(?:x|ext)", value, maxsplit=1, flags=re.I)[0]
    return bool(_PHONE.match(value)) and 6 <= sum(c.isdigit() for c in number) <= 15 and not _DATE.match(value)


def looks_like(name: str, value: str) -> bool:
    """Whether one value (trimmed, not empty) looks like ``name``."""
    match name:
        case "email":
            return all(_EMAIL.match(part.strip()) for part in re.split(r"[;,]", value) if part.strip())
        case "url":
            return bool(_URL.match(value)) and "@" not in value and not re.fullmatch(r"[\d.,]+", value)
        case "social":
            return bool(_SOCIAL.search(value)) or bool(re.fullmatch(r"@\w{2,30}", value))
        case "date":
            return bool(_DATE.match(value))
        case "phone":
            return is_phone(value)
        case "money":
            return bool(_MONEY.match(value))
        case "integer":
            return bool(_INTEGER.match(value))
        case "uuid":
            return bool(_UUID.match(value))
        case "boolean":
            return value.lower() in _BOOLEAN
        case "long":
            return len(value) > 60
        case _:
            return bool(re.search(r"\d{1,2}:\d{2}", value))


def shape_of(values: Iterable[str]) -> Shape:
    """The shape of a column's values; empty ones do not count."""
    filled = [v.strip() for v in values if v and v.strip()]
    if not filled:
        return Shape()
    return Shape(len(filled), len(set(filled)), {n: sum(looks_like(n, v) for v in filled) / len(filled) for n in NAMES})
