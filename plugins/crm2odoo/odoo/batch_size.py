"""How many records go into one call: as many as Odoo takes in two to five seconds, and no more bytes than a proxy bears."""

from __future__ import annotations

FASTEST, SLOWEST, AIM = 2.0, 5.0, 3.0
"""Seconds per call. Longer calls lose more when they fail; shorter ones pay the call's own cost too often."""

MAX_BYTES = 8 * 1024 * 1024
"""JSON-2 takes 128 MiB, but proxies in front of it often take much less."""


class BatchSize:
    """Grows and shrinks with the time that calls take. Starts at ``start`` rows and never passes twice that, nor 1,000."""

    def __init__(self, start: int) -> None:
        self.rows = start
        # Above 1,000 some models become slower per record (loader.md, "traps found late").
        self._largest = min(1000, 2 * start)

    def took(self, rows: int, seconds: float) -> None:
        """Learns from a call that went well."""
        if seconds > SLOWEST:
            self.rows = max(1, int(rows * AIM / seconds))
        elif seconds < FASTEST and rows >= self.rows:
            self.rows = min(self._largest, max(self.rows + 1, int(rows * min(2.0, AIM / max(seconds, 0.01)))))

    def halve(self) -> None:
        """After a time-out or a request that was too large."""
        self.rows = max(1, self.rows // 2)
