"""Where things live: the checkout, its tools, and the folder that holds all state of the sandboxes.

The checkout stays clean. State (databases, logs, credentials, Terraform state) lives in the *home*; downloaded programs
live in `.tools`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from .errors import SandboxError

MARK = ".crm2odoo-home"
TEMPLATE_LOG = "template.log"
"""What Odoo says while it builds the template: a file of the home."""


def checkout() -> Path:
    """The folder that holds plugins/ and terraform/."""
    return Path(__file__).resolve().parents[3]


def tools_dir() -> Path:
    return checkout() / ".tools"


def sandbox_home() -> Path:
    """$CRM2ODOO_HOME, or a folder of its own for this user and this checkout.

    It is short because a Unix socket lies below it, and a socket's path may have 107 characters.
    """
    if told := os.environ.get("CRM2ODOO_HOME"):
        return Path(told).absolute()
    mine = hashlib.sha256(str(checkout()).encode()).hexdigest()[:8]
    return Path(f"/var/tmp/crm2odoo-{os.geteuid()}-{mine}")  # noqa: S108 - make_home checks whose it is


def home_for_tests() -> Path:
    """$CRM2ODOO_TEST_HOME, or a folder beside the sandbox home: tests never touch what a person brought up."""
    return Path(os.environ.get("CRM2ODOO_TEST_HOME") or f"{sandbox_home()}-test")


def make_home(home: Path) -> Path:
    """Create the home, or check that it is ours.

    Other accounts may pass through it when we are root, because PostgreSQL then runs as another account; what is
    private inside is protected file by file.

    Raises SandboxError if the path is a link, belongs to somebody else, or holds foreign files.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        home.mkdir(mode=0o700)
    found = home.lstat()
    if home.is_symlink() or found.st_uid != os.geteuid():
        raise SandboxError(f"{home} is not a folder of this user: set CRM2ODOO_HOME to another one")
    mark = home / MARK
    if not mark.exists():
        if any(home.iterdir()):
            raise SandboxError(f"{home} holds files that are not ours: set CRM2ODOO_HOME to another folder")
        mark.touch()
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return home


def is_home(home: Path) -> bool:
    return (home / MARK).exists()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; it goes when the process dies, however it dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
