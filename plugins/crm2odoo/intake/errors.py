"""What intake refuses, and how it says so: what, where, what to do."""

from __future__ import annotations


class Rejected(ValueError):
    """An export, or a file of it, that intake does not take in. Nothing of it was written."""


class NoExport(Rejected):
    """There is nothing at the location, or nothing that could be a file of an export."""


class HostileArchive(Rejected):
    """The archive breaks a limit, or holds something that no export holds."""


class ExportChanged(Rejected):
    """A file is not the one that was registered."""


class UnknownEncoding(Rejected):
    """The bytes are none of the encodings that exports use. ``offset`` is the first offending byte, 0-based."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class UnknownFile(Rejected):
    """The file is no object of the source, and nobody assigned or excluded it."""


class CountsDiffer(Rejected):
    """Records = valid + merged + exact duplicates + deleted + rejected does not hold for a file."""
