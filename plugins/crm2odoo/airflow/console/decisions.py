"""The register of decisions: the questions of this migration, what people decided, and the switches that are decisions too."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Request, Response

from crm2odoo.airflow.console import show
from crm2odoo.airflow.console.desk import EditDesk, ReadDesk
from crm2odoo.airflow.console.forms import Name, Text, back, tidy
from crm2odoo.ledger.batches import PAUSE
from crm2odoo.ledger.decisions import decide

router = APIRouter()

VANISHED = {"keep": "stays as it is", "archive": "is archived", "delete": "is deleted"}
"""What becomes of a record whose row is gone from the source."""


@router.get("/p/{project}/decisions")
def decisions(request: Request, desk: ReadDesk) -> Response:
    """Questions, switches, register."""
    register = desk.rows("register")
    latest: dict[str, dict[str, object]] = {}
    for d in register:
        latest.setdefault(d["name"], d)
    asked = [
        {"name": n, "question": q, "answer": str(desk.bundle.decisions[n]), "chosen": n in desk.bundle.project.decisions}
        for n, q in desk.bundle.questions.items()
    ]
    return show.page(
        request, "decisions.html.j2", desk, tab="decisions", asked=asked, register=register, latest=latest, vanished=VANISHED,
        in_file=desk.bundle.project.vanished, paused=latest.get(PAUSE, {}).get("value") is True,
        entities=[e for e in desk.bundle.load_order if desk.bundle.makes(e)],
    )  # fmt: skip


@router.post("/p/{project}/pause")
def pause(request: Request, desk: EditDesk, paused: Annotated[Literal["true", "false"], Form()], comment: Text = "") -> Response:
    """Stops the load between two batches, or lets it go on."""
    decide(desk.ws, PAUSE, paused == "true", desk.who, tidy(comment))
    said = "The load stops after the batches that are under way." if paused == "true" else "The load may go on: clear the tasks that stopped."
    return back(request, desk.project, "decisions", said)


@router.post("/p/{project}/vanished")
def decide_vanished(request: Request, desk: EditDesk, choice: Name, entity: Name = "", comment: Text = "") -> Response:
    """What becomes of records whose rows are gone, of one entity or of all."""
    if choice not in VANISHED or (entity and entity not in desk.bundle.load_order):
        raise HTTPException(400, "There is no such choice. Nothing was written. Load the page again.")
    decide(desk.ws, f"vanished:{entity}" if entity else "vanished", {"choice": choice}, desk.who, tidy(comment))
    what = show.titles(desk)[entity] if entity else "Every record"
    return back(request, desk.project, "decisions", f"{what} whose row is gone {VANISHED[choice]}. It takes effect with the next plan.")
