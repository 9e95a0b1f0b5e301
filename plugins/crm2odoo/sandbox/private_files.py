"""Files that only their owner may read, and folders that are known to be ours."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import SandboxError

OWNER = ".owner"


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; at no moment can another account read it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    draft.replace(path)


def claim_folder(folder: Path, owner: str) -> None:
    """Make the folder ours. Raises SandboxError if it has another owner or foreign files."""
    mark = folder / OWNER
    if folder.exists() and not mark.exists() and any(folder.iterdir()):
        raise SandboxError(f"{folder} exists already and is not a sandbox folder")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not mark.exists():
        mark.write_text(owner)
    check_folder(folder, owner)


def check_folder(folder: Path, owner: str) -> bool:
    """Whether the folder is there and ours. Raises SandboxError if it belongs to another owner."""
    mark = folder / OWNER
    if not mark.exists():
        return False
    if mark.read_text() != owner:
        raise SandboxError(f"{folder} belongs to another sandbox")
    return True


def tail(path: Path, lines: int = 25) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
