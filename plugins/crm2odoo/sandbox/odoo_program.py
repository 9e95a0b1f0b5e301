"""Which Odoo to run, and how: its command, its environment, its configuration file."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from .errors import SandboxError
from .home import tools_dir
from .odoo_package import VERSION
from .postgres_program import Server


@dataclass(frozen=True)
class OdooProgram:
    """The command without arguments, environment to add, and a text that changes when Odoo itself changes."""

    command: list[str]
    version: str
    environment: dict[str, str] = field(default_factory=dict)


def find_odoo() -> OdooProgram:
    """The Odoo checkout named by $CRM2ODOO_ODOO_PATH, or the one that `make tools` put into .tools.

    A checkout runs with $CRM2ODOO_ODOO_PYTHON, else with .tools/odoo-venv.
    Raises SandboxError if there is none.
    """
    python = os.environ.get("CRM2ODOO_ODOO_PYTHON") or str(tools_dir() / "odoo-venv" / "bin" / "python")
    if told := os.environ.get("CRM2ODOO_ODOO_PATH"):
        program = Path(told).absolute() / "odoo-bin"
        release = program.parent / "odoo" / "release.py"
        if not program.exists() or not release.exists():
            raise SandboxError(f"CRM2ODOO_ODOO_PATH={told} holds no odoo-bin: name the folder of an Odoo 19 checkout")
        return OdooProgram([python, str(program)], f"checkout {program.parent} {release.stat().st_mtime_ns}")
    root = tools_dir() / "odoo"
    program = root / "usr" / "bin" / "odoo"
    if not program.exists():
        raise SandboxError("Odoo is not here yet: run `make tools`, or set CRM2ODOO_ODOO_PATH to a checkout of Odoo 19")
    return OdooProgram(
        [python, str(program)],
        (root / VERSION).read_text(),
        {"PYTHONPATH": str(root / "usr" / "lib" / "python3" / "dist-packages")},
    )


def odoo_environment(extra: dict[str, str]) -> dict[str, str]:
    """Our environment without what belongs to our own Python, to Terraform and to PostgreSQL's client."""
    foreign = ("PYTHON", "VIRTUAL_ENV", "TF_", "PG", "CRM2ODOO_")
    return {k: v for k, v in os.environ.items() if not k.startswith(foreign)} | extra


def configuration(server: Server, data_dir: Path, log_file: Path, **options: str | int) -> str:
    """The text of an odoo.conf: no cron, no database manager, and what is given."""
    everything: dict[str, str | int | Path] = {
        "db_host": server.host,
        "db_port": server.port,
        "db_user": server.user,
        "data_dir": data_dir,
        "logfile": log_file,
        "http_interface": "127.0.0.1",
        "max_cron_threads": 0,
        "list_db": "False",
        "admin_passwd": secrets.token_urlsafe(24),
        **options,
    }
    return "[options]\n" + "".join(f"{key} = {value}\n" for key, value in everything.items())
