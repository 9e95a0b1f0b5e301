"""A real PostgreSQL and a real Odoo 19 on this machine, made and removed by Terraform.

Importing this package needs Python's standard library alone, so that `make tools` can start with nothing installed.
"""

from .errors import SandboxError
from .home import sandbox_home
from .lifecycle import Base, destroy_base, down, ensure_base, keep, list_sandboxes, remove_expired, remove_home, stop, up

__all__ = [
    "Base",
    "SandboxError",
    "destroy_base",
    "down",
    "ensure_base",
    "keep",
    "list_sandboxes",
    "remove_expired",
    "remove_home",
    "sandbox_home",
    "stop",
    "up",
]
