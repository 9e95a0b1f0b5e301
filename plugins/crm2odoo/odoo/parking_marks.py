"""Marks in Odoo that say which projects have parked its settings, and how these were before.

Several projects may load into one Odoo, each with a ledger of its own. Each keeps one mark, a system parameter that only it writes, so that the
others see it: who parks second learns how things were before the first, and who ends last puts them back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from crm2odoo.odoo.target import Target

PREFIX = "crm2odoo.parked."


@dataclass(frozen=True)
class Parked:
    """One thing that was parked. ``before``: its before-image; ``at``: when, ISO 8601 in UTC."""

    model: str
    xid: str
    res_id: int | None
    before: dict[str, Any]
    at: str = ""

    @property
    def ids(self) -> list[int]:
        """The record; none for a parameter."""
        return [self.res_id] if self.res_id is not None else []


@dataclass(frozen=True)
class Mark:
    """``working``: the project still needs things parked. A mark that is kept afterwards only remembers, for those that still work."""

    project: str
    run_id: str
    since: str
    working: bool
    parked: list[Parked] = field(default_factory=list)

    def __str__(self) -> str:
        return f"project {self.project} (run {self.run_id}, since {self.since[:16].replace('T', ' ')} UTC)"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def read(target: Target) -> dict[str, Mark]:
    """Project → its mark."""
    rows = target.client.call("ir.config_parameter", "search_read", domain=[["key", "=like", PREFIX + "%"]], fields=["key", "value"], order="key")
    found = {}
    for row in rows:
        data = json.loads(row["value"])
        project = row["key"].removeprefix(PREFIX)
        found[project] = Mark(project, data["run"], data["since"], data["working"], [Parked(**p) for p in data["parked"]])
    return found


def write(target: Target, mark: Mark) -> None:
    """Sets the mark of one project."""
    content = {"run": mark.run_id, "since": mark.since, "working": mark.working, "parked": [p.__dict__ for p in mark.parked]}
    target.client.call("ir.config_parameter", "set_param", key=PREFIX + mark.project, value=json.dumps(content))


def stop_working(target: Target, mark: Mark) -> None:
    """The project needs nothing parked any more."""
    write(target, replace(mark, working=False))


def remove_all(target: Target, marks: dict[str, Mark]) -> None:
    """Everything is put back: nothing is left to remember."""
    for project in marks:
        target.client.call("ir.config_parameter", "set_param", key=PREFIX + project, value=False)


def latest(marks: dict[str, Mark]) -> dict[str, Parked]:
    """How each thing was before it was parked last: somebody may have changed it after the first parking."""
    found: dict[str, Parked] = {}
    for thing in sorted((p for mark in marks.values() for p in mark.parked), key=lambda p: p.at):
        found[thing.xid] = thing
    return found
