"""The owner queue: people of the source whom Odoo does not know, and what becomes of their records."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from crm2odoo.airflow.console import show
from crm2odoo.airflow.console.desk import Desk, EditDesk, ReadDesk
from crm2odoo.airflow.console.forms import Name, Text, back, tidy
from crm2odoo.ledger.decisions import decide
from crm2odoo.odoo.owners import owned_columns

router = APIRouter()

CHOICES = {
    "provision": "create a user in Odoo",
    "fallback": "give the records to the fallback user",
    "hold": "hold the records back",
    "empty": "load the records without an owner",
}


@router.get("/p/{project}/owners")
def owners(request: Request, desk: ReadDesk) -> Response:
    """Who waits for a decision first, most records first."""
    found = queue(desk)
    return show.page(
        request, "owners.html.j2", desk, tab="owners", owners=found, choices=CHOICES, fallback=desk.bundle.project.owners.fallback,
        undecided=desk.bundle.project.owners.undecided, waiting=sum(o["open"] for o in found),
    )  # fmt: skip


def queue(desk: Desk) -> list[dict[str, Any]]:
    """Owners of the last plan with the number of their records, and what was decided about them."""
    if ("target", "plan") not in desk.tables:
        return []
    entities = desk.bundle.owner_entities
    owned = owned_columns(desk.bundle, {name for part, name in desk.tables if part == "target"})
    if not entities:
        return []
    decided = {d["name"].removeprefix("owner:").strip().lower(): d for d in desk.rows("decided", {"like": "owner:%"})}
    in_file = {k.strip().lower(): v for k, v in desk.bundle.project.owners.decisions.items()}
    result = []
    for o in desk.rows("owners", {"entities": entities}, owned=owned):
        names = [n.strip().lower() for n in (o["login"], o["email"], o["name"]) if n]
        register = next((decided[n] for n in names if n in decided), None)
        choice = register["value"].get("choice") if register else next((in_file[n] for n in names if n in in_file), None)
        waits = o["action"] == "held" and choice is None
        result.append({**o, "key": names[0] if names else "", "choice": choice, "register": register, "open": waits})
    return sorted(result, key=lambda o: (not o["open"], o["action"] not in ("held", "create"), -o["records"]))


@router.post("/p/{project}/owners")
def decide_owner(request: Request, desk: EditDesk, owner: Name, choice: Name, comment: Text = "") -> Response:
    """Keeps one choice. It takes effect with the next plan."""
    if choice not in CHOICES or owner not in {o["key"] for o in queue(desk)}:
        raise HTTPException(400, "There is no such owner or choice. Nothing was written. Load the page again.")
    decide(desk.ws, f"owner:{owner}", {"choice": choice}, desk.who, tidy(comment))
    return back(request, desk.project, "owners", f"{owner}: {CHOICES[choice]}. It takes effect with the next plan.")
