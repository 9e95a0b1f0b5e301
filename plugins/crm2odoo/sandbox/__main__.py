"""What Terraform's local-exec calls: `python -m crm2odoo.sandbox ACTION`.

All settings come as one JSON object in $CRM2ODOO_SANDBOX, so that nothing needs quoting for a shell, and hold no
secret. Every action may be run again: it finishes the job, or says in one line why it cannot. What it makes carries
the id of Terraform's guard resource as its owner, and nothing without it is ever stopped, dropped or deleted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import instance, postgres, template
from .errors import SandboxError
from .odoo_program import OdooProgram
from .postgres_program import Server

Settings = dict[str, Any]


def log(message: str) -> None:
    print(message, flush=True)


def _server(settings: Settings) -> Server:
    return Server(**settings["postgres"])


def _odoo(settings: Settings) -> OdooProgram:
    return OdooProgram(**settings["odoo"])


def postgres_start(s: Settings) -> None:
    postgres.start(Path(s["home"]), Path(s["home"]) / f"postgres-{s['id']}.json", s.get("bin_dir"), log)


def postgres_remove(s: Settings) -> None:
    postgres.remove(Path(s["home"]), log)


def template_ensure(s: Settings) -> None:
    template.ensure(
        Path(s["home"]), _server(s), s["template"], s["modules"], s["demo"], _odoo(s), s["fingerprint"], log
    )


def template_drop(s: Settings) -> None:
    template.drop(Path(s["home"]), _server(s), s["template"], log)


def database_create(s: Settings) -> None:
    instance.create(
        Path(s["run_dir"]), s["owner"], s["name"], _server(s), s["template"], Path(s["template_data_dir"]), log
    )


def server_start(s: Settings) -> None:
    folder = Path(s["run_dir"])
    instance.start(
        folder, s["owner"], s["name"], _server(s), _odoo(s), folder / f"facts-{s['id']}.json", log,
        s.get("http_port"), s["workers"], s["start_timeout"],
    )  # fmt: skip


def server_stop(s: Settings) -> None:
    instance.stop(Path(s["run_dir"]), s["owner"], log)


def sandbox_destroy(s: Settings) -> None:
    instance.destroy(Path(s["run_dir"]), s["owner"], s["name"], _server(s), log)


ACTIONS: dict[str, Callable[[Settings], None]] = {
    action.__name__.replace("_", "-"): action
    for action in (
        postgres_start, postgres_remove, template_ensure, template_drop,
        database_create, server_start, server_stop, sandbox_destroy,
    )
}  # fmt: skip


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was begun is undone
    if len(sys.argv) != 2 or sys.argv[1] not in ACTIONS:
        print(f"usage: CRM2ODOO_SANDBOX='{{...}}' python -m crm2odoo.sandbox {'|'.join(ACTIONS)}", file=sys.stderr)
        return 2
    try:
        ACTIONS[sys.argv[1]](json.loads(os.environ["CRM2ODOO_SANDBOX"]))
    except SandboxError as error:
        log(f"ERROR: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
