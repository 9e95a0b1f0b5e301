"""Pages of a long table: each begins after the last row of the one before, so that page 10,000 costs as little as page 1."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException

SIZE = 100


@dataclass(frozen=True)
class Part:
    """Some rows. ``next``: mark of the row after which the next page begins; None on the last page."""

    rows: list[dict[str, Any]]
    next: str | None


def part(rows: list[dict[str, Any]], key: Sequence[str]) -> Part:
    """``rows`` were asked with ``limit SIZE + 1``: the one too many says that there is a next page."""
    shown = rows[:SIZE]
    return Part(shown, mark([shown[-1][k] for k in key]) if len(rows) > SIZE else None)


def mark(values: Sequence[Any]) -> str:
    """The place of a row, as it stands in an address."""
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def after(text: str | None, kinds: Sequence[type]) -> list[Any]:
    """The values of a mark; Nones for the first page. Raises HTTPException 400 for anything that is not one of our marks."""
    if not text:
        return [None] * len(kinds)
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, UnicodeDecodeError):
        values = None
    if not isinstance(values, list) or len(values) != len(kinds) or any(type(v) is not k for v, k in zip(values, kinds, strict=True)):
        raise HTTPException(400, "This address was changed or cut off. Go back to the first page of the table.")
    return values
