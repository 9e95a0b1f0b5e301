"""The one error that this package raises on purpose."""

from __future__ import annotations


class SandboxError(Exception):
    """Something a person can act on; its text says what, and needs no traceback."""
