"""One project: its way, what waits, its runs, and what a person should know."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from crm2odoo.airflow.console import access, runs, show
from crm2odoo.airflow.console.desk import ReadDesk, dag_ids, project_of
from crm2odoo.airflow.console.projects import LABELS, steps_of

router = APIRouter()


@router.get("/p/{project}")
def overview(request: Request, desk: ReadDesk) -> Response:
    """The project's page."""
    ids = dag_ids(desk.project)
    found, waits = runs.latest(ids, each=8), runs.waiting(ids)
    in_figures = desk.one("open", {"owners": desk.bundle.owner_entities}, has_plan=("target", "plan") in desk.tables)
    known = {r["run_id"]: r for r in desk.rows("runs")}
    return show.page(
        request, "overview.html.j2", desk, tab="",
        steps=steps_of(found, waits, desk.project), waits=waits, runs=found[:20], known=known, labels=LABELS,
        findings=desk.rows("findings"), open=in_figures or {},
        live=any(r.state in ("running", "queued") for r in found),
    )  # fmt: skip


@router.get("/dag/{dag_id}")
def of_dag(request: Request, dag_id: str, user: GetUserDep) -> Response:
    """The tab on a DAG of Airflow."""
    access.require(user, "GET", [dag_id])
    return RedirectResponse(f"{request.scope.get('root_path', '')}/p/{project_of(dag_id)}", 303)


@router.get("/run/{dag_id}/{run_id:path}")
def of_run(request: Request, dag_id: str, run_id: str, user: GetUserDep) -> Response:
    """The tab on a run of Airflow."""
    access.require(user, "GET", [dag_id])
    project, run = project_of(dag_id), runs.one(dag_id, run_id)
    if run is None:
        raise HTTPException(404, "There is no such run.")
    return RedirectResponse(f"{request.scope.get('root_path', '')}/p/{project}/runs/{run.key}", 303)
