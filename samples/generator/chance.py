"""Chance that is the same on every machine and Python version.

Only ``random.Random.random`` is used: it is the one method whose sequence Python promises to keep. ``at(i)`` starts the
sequence of record ``i``, so a record does not depend on how many came before it; a delta can therefore make record 7
again without making the first six.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Draws for one object of one export. ``names`` (seed, source, object) say which."""

    def __init__(self, *names: object) -> None:
        self._base = int.from_bytes(sha256("/".join(map(str, names)).encode()).digest()[:6], "big") << 32
        self._random = random.Random(self._base)  # noqa: S311 - samples, not secrets
        self.random = self._random.random

    def at(self, index: int) -> Chance:
        """Start the draws of record ``index`` (0 to 2^32-1)."""
        self._random.seed(self._base + index)
        return self

    def below(self, limit: int) -> int:
        """A whole number from 0 up to ``limit - 1``."""
        return int(self.random() * limit)

    def between(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.random() * len(items))]

    def often(self, share: float) -> bool:
        """True in ``share`` (0 to 1) of all draws."""
        return self.random() < share

    def some(self, items: Sequence[T], most: int) -> list[T]:
        """Up to ``most`` different items in the order in which they stand in ``items``."""
        wanted = {int(self.random() * len(items)) for _ in range(self.between(0, most))}
        return [items[i] for i in sorted(wanted)]
