"""Sandboxes from the command line; what `make sandbox`, `make stop` and `make down` call."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta

from . import credentials, lifecycle
from .errors import SandboxError
from .home import home_for_tests, sandbox_home


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="crm2odoo.sandbox.cli", description="Odoo sandboxes on this machine")
    actions = parser.add_subparsers(dest="action", required=True)
    for action, text in (
        ("up", "bring a sandbox up"),
        ("down", "take a sandbox down"),
        ("connection", "print a sandbox as an Airflow connection, WITH its API key: for `airflow connections add NAME --conn-json \"$(…)\"`"),
    ):
        actions.add_parser(action, help=text).add_argument("name")
    kept = actions.add_parser("keep", help="have a sandbox removed some days from now, and not before")
    kept.add_argument("name")
    kept.add_argument("days", type=int)
    for action, text in (
        ("list", "show the sandboxes"),
        ("stop", "stop every process and keep all data"),
        ("expire", "take down those whose time is over"),
        ("remove", "take everything down and delete the state folders, the tests' too"),
    ):
        actions.add_parser(action, help=text)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.action == "up":
            _show(lifecycle.up(chosen.name))
        elif chosen.action == "down":
            lifecycle.down(chosen.name)
        elif chosen.action == "connection":
            print(credentials.as_connection(credentials.read(sandbox_home() / "sandboxes" / chosen.name)))
        elif chosen.action == "keep":
            lifecycle.keep(chosen.name, datetime.now(UTC) + timedelta(days=chosen.days))
        elif chosen.action == "expire":
            lifecycle.remove_expired()
        elif chosen.action == "list":
            for sandbox in lifecycle.list_sandboxes():
                _show(sandbox)
        elif chosen.action == "stop":
            lifecycle.stop()
        else:
            lifecycle.remove_home(sandbox_home())
            lifecycle.remove_home(home_for_tests())
    except SandboxError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


def _show(sandbox: credentials.Sandbox) -> None:
    """Where it is, without its secrets."""
    file = sandbox_home() / "sandboxes" / sandbox.name / credentials.CREDENTIALS
    print(f"  {sandbox.name}: {sandbox.url}/odoo  login {sandbox.login}, password and API key in {file}")


if __name__ == "__main__":
    sys.exit(main())
