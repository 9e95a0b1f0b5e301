"""The first page: every project that the reader may see, where it stands, and what waits for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request, Response

from crm2odoo.airflow.console import access, runs, show
from crm2odoo.airflow.console.desk import bundle_of, dag_ids, stamp_of_files
from crm2odoo.airflow.factory import BUILDERS
from crm2odoo.project import ConfigError, package_root, project_names

router = APIRouter()

STEPS = ("discover", "sample", "load", "delta", "cutover", "hypercare")
"""The way of a project, in this order. ``rollback`` is no step on it."""
LABELS = {
    "discover": "Discovery", "sample": "Sample", "load": "Load", "delta": "Delta", "cutover": "Cutover", "hypercare": "Hypercare",
    "rollback": "Rollback",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One DAG of the project and its last run. ``state``: that of Airflow, ``waits`` for a person, or ``none``."""

    name: str
    label: str
    state: str
    run: runs.Run | None


@dataclass(frozen=True)
class Card:
    """One project on the page. ``mistake``: the message when its files cannot be read."""

    name: str
    title: str
    source: str
    active: bool
    steps: list[Step]
    waits: list[runs.Wait]
    mistake: str = ""

    @property
    def standing(self) -> str:
        """Where the project stands, in one sentence."""
        if self.mistake:
            return "Its files have a mistake"
        begun = [s for s in self.steps if s.run]
        if not begun:
            return "Not started"
        last = max(begun, key=lambda s: s.run.queued.timestamp() if s.run and s.run.queued else 0)
        said = {"success": "done", "failed": "failed", "running": "is running", "queued": "is about to start", "waits": "waits for a person"}
        return f"{last.label} {said.get(last.state, last.state)}"


def steps_of(found: list[runs.Run], waits: list[runs.Wait], project: str) -> list[Step]:
    """The steps of a project with their last runs."""
    last = {r.step: r for r in reversed(found) if r.dag_id.rpartition(".")[0] == project}
    waiting = {(w.dag_id, w.run_id) for w in waits}
    result = []
    for name in STEPS:
        run = last.get(name)
        state = "none" if run is None else "waits" if (run.dag_id, run.run_id) in waiting else run.state
        result.append(Step(name, LABELS[name], state, run))
    return result


@router.get("/")
def projects(request: Request, user: GetUserDep) -> Response:
    """All projects whose DAGs the user may read."""
    root = package_root()
    names = [n for n in project_names(root) if access.allowed(user, "GET", dag_ids(n))]
    if not names and not access.allowed(user, "GET", [f"any.{step}" for step in BUILDERS]):
        raise HTTPException(403, "You see a project here when you may read every one of its DAGs. Ask whoever gives out rights in this Airflow.")
    every = [dag_id for n in names for dag_id in dag_ids(n)]
    found, waits = runs.latest(every), runs.waiting(every)
    cards, stamp = [], stamp_of_files()
    for name in names:
        mine = [w for w in waits if w.dag_id.rpartition(".")[0] == name]
        about: dict[str, Any] = {"title": name, "source": "", "active": True}
        try:
            bundle = bundle_of(name, stamp)
            about = {"title": bundle.project.title, "source": bundle.source.title, "active": bundle.project.active}
        except ConfigError as error:
            about["mistake"] = str(error)
        cards.append(Card(name=name, steps=steps_of(found, mine, name), waits=mine, **about))
    # What waits for a person comes first, then what failed.
    cards.sort(key=lambda c: (not c.waits, not any(s.state == "failed" for s in c.steps), not any(s.run for s in c.steps), c.title.lower()))
    return show.page(request, "projects.html.j2", tab="home", cards=cards, waits=waits, live=True)
