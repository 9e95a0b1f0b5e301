"""Moments of the sample world, as whole minutes since 1970-01-01 00:00.

A moment is local wall-clock time of the account unless its name ends in ``_utc``. Zones are computed here by rule,
because a bare Python has no time zone database.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

EPOCH = date(1970, 1, 1)
DAY = 1440
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def moment(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return (date(year, month, day) - EPOCH).days * DAY + hour * 60 + minute


EXPORTED = moment(2025, 6, 30, 17, 45)  # the moment at which every sample export was "made"
START = moment(2022, 1, 3, 8)


@cache
def _day(number: int) -> date:
    return EPOCH + timedelta(days=number)


def _clock24(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _clock12(minute: int) -> str:
    return f"{(minute // 60 + 11) % 12 + 1}:{minute % 60:02d} {'AM' if minute < 720 else 'PM'}"


_24 = [_clock24(m) for m in range(DAY)]
_12 = [_clock12(m) for m in range(DAY)]


def _by_day(write: Callable[[date], str]) -> Callable[[int], str]:
    """A writer of day numbers that remembers what it wrote: bulk exports ask for the same days over and over."""

    @cache
    def text(number: int) -> str:
        return write(_day(number))

    return text


_iso = _by_day(lambda d: d.isoformat())
_us = _by_day(lambda d: f"{d.month:02d}/{d.day:02d}/{d.year}")
_short_us = _by_day(lambda d: f"{d.month}/{d.day}/{d.year}")
_dmy = _by_day(lambda d: f"{d.day:02d}/{d.month:02d}/{d.year}")
_words = _by_day(lambda d: f"{d.day} {MONTHS[d.month - 1]}, {d.year}")


def iso_date(at: int) -> str:
    return _iso(at // DAY)


def iso_time(at: int) -> str:
    """``2024-03-09 14:05:00``"""
    return f"{_iso(at // DAY)} {_24[at % DAY]}:00"


def iso_utc(at_utc: int) -> str:
    """``2024-03-09T14:05:00Z``"""
    return f"{_iso(at_utc // DAY)}T{_24[at_utc % DAY]}:00Z"


def us_date(at: int) -> str:
    return _us(at // DAY)


def us_time(at: int) -> str:
    """``03/09/2024 2:05 PM``"""
    return f"{_us(at // DAY)} {_12[at % DAY]}"


def short_us_date(at: int) -> str:
    """``3/9/2024``"""
    return _short_us(at // DAY)


def dmy_date(at: int) -> str:
    return _dmy(at // DAY)


def dmy_time(at: int) -> str:
    """``09/03/2024 14:05``"""
    return f"{_dmy(at // DAY)} {_24[at % DAY]}"


def word_time(at: int) -> str:
    """``9 Mar, 2024 14:05:00``"""
    return f"{_words(at // DAY)} {_24[at % DAY]}:00"


def _sunday(year: int, month: int, nth: int) -> int:
    """Midnight of the nth Sunday; ``nth`` -1 is the last one of a month of 31 days."""
    if nth < 0:
        last = date(year, month, 31)
        return (last - EPOCH).days * DAY - ((last.weekday() + 1) % 7) * DAY
    first = date(year, month, 1)
    return (first - EPOCH).days * DAY + ((6 - first.weekday()) % 7 + 7 * (nth - 1)) * DAY


@cache
def _american_summer(year: int) -> tuple[int, int]:
    """Local start and end of daylight saving time. The hour that occurs twice counts as standard time, as PostgreSQL reads it."""
    return _sunday(year, 3, 2) + 2 * 60, _sunday(year, 11, 1) + 1 * 60


@cache
def _british_summer(year: int) -> tuple[int, int]:
    return _sunday(year, 3, -1) + 1 * 60, _sunday(year, 10, -1) + 1 * 60


_ZONES: dict[str, tuple[int, Callable[[int], tuple[int, int]] | None]] = {
    "America/New_York": (-300, _american_summer),
    "America/Toronto": (-300, _american_summer),
    "America/Denver": (-420, _american_summer),
    "Europe/London": (0, _british_summer),
    "Asia/Kolkata": (330, None),
    "UTC": (0, None),
}


def to_utc(at: int, zone: str) -> int:
    """UTC of a wall-clock moment. In the hour that occurs twice: its second occurrence."""
    offset, summer = _ZONES[zone]
    if summer:
        start, end = summer(_day(at // DAY).year)
        if start <= at < end:
            offset += 60
    return at - offset


def business_moment(draw: float, low: int = START, high: int = EXPORTED) -> int:
    """A weekday moment between 7:00 and 18:59 in ``low`` to ``high``, from one draw in 0 to 1."""
    at = low + int(draw * max(high - low, 1))
    day, minute = divmod(at, DAY)
    weekend = (day + 3) % 7 - 4  # 1970-01-01 was a Thursday; positive on Saturday (1) and Sunday (2)
    if weekend > 0:
        day -= weekend
    return day * DAY + 420 + minute // 2
