"""Migrations from CRM exports into Odoo. docs/architecture.md says which package does what."""

from pathlib import Path

__version__ = "0.1.0"

_BUNDLED = Path(__file__).resolve().parent / "bundled"
OWN_ROOT = _BUNDLED if _BUNDLED.is_dir() else Path(__file__).resolve().parents[2]
"""Folder with this package's own ``sql/``, ``mappings/`` and ``terraform/``: inside of it in a wheel, beside ``plugins/`` anywhere else."""
