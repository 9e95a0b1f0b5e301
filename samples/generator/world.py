"""The people and companies of a sample: company 7 is the same company in every file and needs no memory."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from .names import FIRST, KIND, LAST, PLACES, STEM, STREETS, STREETS_BY_COUNTRY, WHOLE, Place


class Company(NamedTuple):
    name: str
    short: str
    domain: str
    industry: str
    place: Place
    street: str
    phone: str
    employees: int


class Person(NamedTuple):
    first: str
    last: str
    name: str
    local: str  # part of the e-mail address before the @
    phone_digits: int


_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "ð": "d", "ı": "i", "æ": "ae"})


def slug(text: str, joint: str = "-") -> str:
    """``Société Lumière`` → ``societe-lumiere``"""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", joint, plain.lower().replace("'", "")).strip(joint)


_FIRST_SLUG = [slug(name, "") for name in FIRST]
_LAST_NAME = [name.replace("_", " ") for name in LAST]
_LAST_SLUG = [slug(name, "") for name in LAST]
_STEM_SLUG = [slug(name) for name in STEM]
_KIND_SLUG = {kind: slug(kind) for kind, _ in KIND}
_WHOLE_EVERY = 23  # every 23rd person has one of the names that need care, until they are used up


def person(index: int) -> Person:
    """Person number ``index``. E-mail locals never repeat; full names repeat only after 10,000 people."""
    turn, rest = divmod(index, _WHOLE_EVERY)
    if rest == 11 and turn < len(WHOLE):
        first, last, local = WHOLE[turn]
        return Person(first, last, f"{first} {last}", local, index * 37)
    f = index % len(FIRST)
    k, again = index // len(FIRST), index // (len(FIRST) * len(LAST))
    n = (f * 41 + k * 7 + again) % len(LAST)
    local = f"{_FIRST_SLUG[f]}.{_LAST_SLUG[n]}"
    if index >= len(FIRST) * 7:
        local = f"{local}{index}"
    return Person(FIRST[f], _LAST_NAME[n], f"{FIRST[f]} {_LAST_NAME[n]}", local, index * 37)


class World:
    """Companies of one sample. ``places`` says where its customers live."""

    def __init__(self, places: list[Place] | None = None) -> None:
        self.places = places or PLACES
        self.company = lru_cache(maxsize=8192)(self._company)

    def _company(self, index: int) -> Company:
        """Company number ``index``. Names and domains never repeat."""
        s = index % len(STEM)
        turn = index // len(STEM)
        kind, industry = KIND[(s * 7 + turn * 3) % len(KIND)]
        short, domain = f"{STEM[s].replace('_', ' ')} {kind}", f"{_STEM_SLUG[s]}-{_KIND_SLUG[kind]}"
        if turn >= len(KIND):
            short, domain = f"{short} {turn // len(KIND) + 1}", f"{domain}-{turn // len(KIND) + 1}"
        place = self.places[(index * 5 + turn) % len(self.places)]
        streets = STREETS_BY_COUNTRY.get(place.country, STREETS)
        number, street = 3 + index * 29 % 480, streets[index % len(streets)]
        return Company(
            name=f"{short} {place.suffix}",
            short=short,
            domain=f"{domain}.example",
            industry=industry,
            place=place,
            street=f"{street} {number}" if place.country in ("Germany", "Sweden") else f"{number} {street}",
            phone=self.phone(place, index * 13),
            employees=(4, 9, 15, 28, 45, 80, 150, 400, 1200)[(index * 4 + turn) % 9],
        )

    @staticmethod
    def phone(place: Place, number: int) -> str:
        """A number of the place's range that is reserved for fiction; empty where there is none."""
        digits = 4 if ":04d" in place.phone else 3 if ":03d" in place.phone else 2
        return place.phone.format(number % 10**digits)
