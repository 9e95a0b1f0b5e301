"""Sign-offs: those that wait, with their forms, and everything that was signed.

An answer given here is given to Airflow, in the same way as under *Required actions*: the task that waits goes on, and it is this task that
keeps the verdict, bound to the hashes of what it showed.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.sdk.timezone import utcnow
from airflow.utils.session import create_session
from fastapi import APIRouter, HTTPException, Request, Response

from crm2odoo.airflow.console import runs, show
from crm2odoo.airflow.console.desk import Desk, EditDesk, ReadDesk, dag_ids
from crm2odoo.airflow.console.forms import Name, Text, back, tidy
from crm2odoo.airflow.run_state import run_key

router = APIRouter()

SETTLED = 6.0
"""Seconds after which a task that waits has surely ended its process."""


@dataclass(frozen=True)
class Waiting:
    """A sign-off with the hash of the page that it shows."""

    wait: runs.Wait
    digest: str
    mine: bool


@router.get("/p/{project}/approvals")
def approvals(request: Request, desk: ReadDesk) -> Response:
    """What waits, and what was signed."""
    waits = [Waiting(w, digest(w), may_answer(desk, w)) for w in runs.waiting(dag_ids(desk.project))]
    return show.page(request, "approvals.html.j2", desk, tab="approvals", waits=waits, signed=signed(desk))


@router.post("/p/{project}/approvals")
def answer(
    request: Request, desk: EditDesk, dag_id: Name, run_id: Name, task_id: Name, seen: Name, option: Name, comment: Text = ""
) -> Response:
    """Answers a sign-off, if it still shows what the person saw."""
    wait = next((w for w in runs.waiting(dag_ids(desk.project)) if (w.dag_id, w.run_id, w.task_id) == (dag_id, run_id, task_id)), None)
    if wait is None:
        raise HTTPException(409, "This sign-off does not wait any more: somebody answered it, or the task was cleared. Nothing was written.")
    if seen != digest(wait):
        raise HTTPException(409, "What is to be signed changed since you looked. Nothing was written. Load the page again and read it.")
    details = DagDetails(id=dag_id)
    if not get_auth_manager().is_authorized_dag(method="PUT", access_entity=DagAccessEntity.HITL_DETAIL, details=details, user=desk.user):
        raise HTTPException(403, "You may not answer sign-offs of this DAG.")
    # Airflow loses an answer that comes while the process of the task still ends (apache/airflow#66374).
    time.sleep(max(0.0, min(SETTLED, SETTLED - (utcnow() - wait.since).total_seconds())))
    payload = UpdateHITLDetailPayload(chosen_options=[option], params_input={"comment": tidy(comment)})
    with create_session() as session:
        update_hitl_detail(dag_id, run_id, task_id, payload, desk.user, session, -1)
    said = "approved" if option == "Approve" else "rejected" if option == "Reject" else option
    return back(request, desk.project, "approvals", f"You {said}: {wait.subject} The run goes on in a moment.")


def signed(desk: Desk) -> list[dict[str, Any]]:
    """Verdicts, the newest first, with the ledger's id of the run in which they were given."""
    found = desk.rows("signed")
    for a in found:
        dag_id, _, run_id = (a["run_id"] or "").partition("/")
        a["run_key"] = run_key(dag_id, run_id) if run_id else ""
    return found


def digest(wait: runs.Wait) -> str:
    """Changes when the page of a sign-off changes."""
    return hashlib.sha256("\x1f".join((wait.dag_id, wait.run_id, wait.task_id, wait.subject, wait.body)).encode()).hexdigest()


def may_answer(desk: Desk, wait: runs.Wait) -> bool:
    """Whether the reader is among those who may answer."""
    if not desk.may_edit:
        return False
    return not wait.assigned_ids or bool(get_auth_manager().is_authorized_hitl_task(assigned_users=set(wait.assigned_ids), user=desk.user))
