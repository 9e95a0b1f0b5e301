"""What one needs to reach a sandbox. It is in one file that its owner alone may read, and nowhere else."""

from __future__ import annotations

import dataclasses
import datetime
import json
from dataclasses import dataclass
from pathlib import Path

from .errors import SandboxError
from .private_files import write_private

CREDENTIALS = "credentials.json"


@dataclass(frozen=True)
class Sandbox:
    """How to reach a sandbox. `api_key_expires` is ISO 8601 in UTC."""

    name: str
    url: str
    database: str
    database_uuid: str
    login: str
    password: str
    api_key: str
    api_key_expires: str
    log_file: str

    def __repr__(self) -> str:  # it ends up in logs
        return f"Sandbox(name={self.name!r}, url={self.url!r})"

    @property
    def key_is_fresh(self) -> bool:
        """Whether the API key serves for two more days."""
        if not self.api_key_expires:
            return False
        end = datetime.datetime.fromisoformat(self.api_key_expires)
        return end - datetime.datetime.now(datetime.UTC) > datetime.timedelta(days=2)


def read(folder: Path) -> Sandbox:
    """Raises SandboxError if there is no complete sandbox in the folder."""
    try:
        return Sandbox(**json.loads((folder / CREDENTIALS).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        raise SandboxError(f"no sandbox in {folder}") from None


def as_connection(sandbox: Sandbox) -> str:
    """An Airflow connection as JSON, with the API key: for the standard output of a command, not for a log."""
    return json.dumps(
        {
            "conn_type": "odoo", "host": sandbox.url, "schema": sandbox.database, "login": sandbox.login, "password": sandbox.api_key,
            "description": f"The sandbox {sandbox.name}; its API key is valid until {sandbox.api_key_expires[:10]}",
        }
    )  # fmt: skip


def write(folder: Path, sandbox: Sandbox) -> None:
    write_private(folder / CREDENTIALS, json.dumps(dataclasses.asdict(sandbox), indent=1))
