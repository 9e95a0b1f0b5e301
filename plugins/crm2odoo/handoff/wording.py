"""Words, numbers and dates of documents, in the project's locale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

Words = dict[str, Any]


@lru_cache(maxsize=1)
def words() -> Words:
    """The content of ``wording.yaml``."""
    loaded: Words = yaml.safe_load((Path(__file__).parent / "wording.yaml").read_text(encoding="utf-8"))
    return loaded


def what_and_what_to_do(title: str, advice: str | None) -> tuple[str, str]:
    """The two parts of a finding: some say the second in further lines of their title."""
    what, _, more = title.partition("\n")
    return what, advice or more


@dataclass(frozen=True)
class Style:
    """Formats values for people. Times are shown in UTC and say so."""

    locale: str = "en_US"

    @classmethod
    def of(cls, locale: str) -> Style:
        """The style of a locale such as ``de_DE``; English when babel does not know it."""
        try:
            return cls(str(Locale.parse(locale)))
        except (UnknownLocaleError, ValueError):
            return cls()

    @property
    def language(self) -> str:
        return self.locale.replace("_", "-")

    def number(self, value: int | float | Decimal | None) -> str:
        return "–" if value is None else str(format_decimal(value, locale=self.locale))

    def amount(self, value: float | Decimal | None) -> str:
        """Two decimals, grouped as the locale groups: 1,234,567.00, or 12,34,567.00 in India."""
        pattern = Locale.parse(self.locale).decimal_formats[None].pattern.replace("0.###", "0.00")
        return "–" if value is None else str(format_decimal(value, format=pattern, locale=self.locale))

    def percent(self, part: float, whole: float) -> str:
        """``part`` of ``whole``. Never says 100 % or 0 % of something that is only nearly so."""
        if not whole:
            return "–"
        share = part / whole
        if share not in (0, 1):
            share = min(max(share, 0.0001), 0.9999)
        for pattern, limit in (("#,##0%", 0.005), ("#,##0.0%", 0.0005), ("#,##0.00%", 0.0)):
            if share in (0, 1) or limit <= share <= 1 - limit:
                return str(format_percent(share, format=pattern, locale=self.locale))
        raise AssertionError(share)

    def date(self, value: date | datetime | None) -> str:
        return "–" if value is None else str(format_date(value, format="medium", locale=self.locale))

    def time(self, value: datetime | None) -> str:
        if value is None:
            return "–"
        return format_datetime(value.astimezone(timezone.utc), format="medium", locale=self.locale) + " UTC"

    def moment(self, value: datetime, zone: tzinfo) -> str:
        """A time as a clock in ``zone`` shows it, with the zone's name: what people see in Odoo."""
        there = value.astimezone(zone)
        return f"{format_datetime(there, format='medium', locale=self.locale)} {there.tzname()}"

    def seconds(self, value: float | None) -> str:
        """A duration: ``0.4 s``, ``12 s``, ``7 min 12 s``, ``2 h 05 min``."""
        if value is None:
            return "–"
        if value < 10:
            return f"{format_decimal(round(value, 1), locale=self.locale)} s"
        whole = round(value)
        if whole < 60:
            return f"{whole} s"
        if whole < 3600:
            return f"{whole // 60} min {whole % 60:02d} s"
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"

    def bytes(self, value: int | None) -> str:
        if value is None:
            return "–"
        size = float(value)
        for unit in ("B", "kB", "MB", "GB"):
            if size < 1000 or unit == "GB":
                return f"{format_decimal(round(size, 1 if unit != 'B' and size < 100 else 0), locale=self.locale)} {unit}"
            size /= 1000
        raise AssertionError

    def rows(self, count: int, one: str = "row", many: str | None = None) -> str:
        """``1 row``, ``1,200 rows``."""
        return f"{self.number(count)} {one if count == 1 else many or one + 's'}"
