"""How many records go into one call: as many as Odoo takes in two to five seconds, and no more bytes than a proxy bears."""

from __future__ import annotations

FASTEST, SLOWEST, AIM = 2.0, 5.0, 3.0
"""Seconds per call. Longer calls lose more when they fail; shorter ones pay the call's own cost too often."""

MAX_BYTES = 8 * 1024 * 1024
"""JSON-2 takes 128 MiB, but proxies in front of it often take much less."""

LARGEST = 2000
"""Above it no model becomes quicker, and a lost answer means more to look up. An entity that starts with more has very light records."""

HEAVY = 200
"""An entity that starts with fewer rows does so because its records are heavy."""


class BatchSize:
    """Grows and shrinks with the time that calls take.

    Starts at ``start`` rows and never passes LARGEST, unless it starts above it, nor twice the start of a heavy entity.
    """

    def __init__(self, start: int) -> None:
        self.rows = start
        self._largest = min(LARGEST, 2 * start) if start < HEAVY else max(LARGEST, start)

    def took(self, rows: int, seconds: float) -> None:
        """Learns from a call that went well."""
        if seconds > SLOWEST:
            self.rows = max(1, int(rows * AIM / seconds))
        elif seconds < FASTEST and rows >= self.rows:
            self.rows = min(self._largest, max(self.rows + 1, int(rows * min(3.0, AIM / max(seconds, 0.01)))))

    def fits(self, rows: int) -> None:
        """Learns that only so many rows went into one request: no more than twice as many are cut next time."""
        self.rows = min(self.rows, 2 * rows)

    def halve(self) -> None:
        """After a time-out or a request that was too large."""
        self.rows = max(1, self.rows // 2)
