"""Until when a sandbox may live. It is in a file beside the sandbox's Terraform state, and goes with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from .private_files import write_private

LEASE = "lease.json"


def write(state_folder: Path, until: datetime) -> None:
    """The sandbox whose Terraform state is in that folder may live until then; ``until`` has a time zone."""
    write_private(state_folder / LEASE, json.dumps({"until": until.astimezone(UTC).isoformat(timespec="seconds")}))


def read(state_folder: Path) -> datetime | None:
    """The end of its life, in UTC; None for a sandbox that lives until somebody takes it down."""
    try:
        return datetime.fromisoformat(json.loads((state_folder / LEASE).read_text())["until"])
    except FileNotFoundError:
        return None


def expired(state_folder: Path, now: datetime | None = None) -> bool:
    """Whether the end of its life has passed; ``now`` defaults to the clock."""
    until = read(state_folder)
    return until is not None and until <= (now or datetime.now(UTC))
