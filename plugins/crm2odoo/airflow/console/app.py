"""The pages put together: routes, headers, and what people see when something is not as it should be."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import psycopg
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException as AnyHTTPException

from crm2odoo.airflow.connections import MissingSetup
from crm2odoo.airflow.console import (
    approvals,
    conflicts,
    decisions,
    differences,
    documents,
    overview,
    owners,
    plan,
    projects,
    record,
    rows,
    run,
    show,
)
from crm2odoo.airflow.console.desk import NoMigration, NotStarted
from crm2odoo.project import ConfigError
from crm2odoo.staging import NewerLog, StagingUnreachable

log = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGES = (projects, overview, run, plan, rows, differences, record, owners, conflicts, decisions, approvals, documents)

OURS = (MissingSetup, StagingUnreachable, NewerLog, ConfigError)
"""What keeps a project from being opened; the messages are for people."""


def build() -> FastAPI:
    """The application. Every route asks for a user; those about a project ask for the right to its DAGs."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(get_user)])

    @app.middleware("http")
    async def safe(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in show.STATIC:
            raise HTTPException(404, "There is no such file.")
        # The address holds the hash of the content.
        return Response(show.asset(name)[0], media_type=show.STATIC[name], headers={"Cache-Control": "private, max-age=604800, immutable"})

    for module in PAGES:
        app.include_router(module.router)

    @app.exception_handler(AnyHTTPException)
    def refused(request: Request, error: AnyHTTPException) -> Response:
        if error.status_code == 401 and request.method == "GET":
            return RedirectResponse(show.login_address(request), 303)
        titles = {401: "Please log in", 403: "Not allowed", 404: "Not found", 405: "Not found"}
        title = titles.get(error.status_code, "This did not work")
        return show.page(request, "message.html.j2", status=error.status_code, title=title, text=str(error.detail))

    @app.exception_handler(NotStarted)
    def not_started(request: Request, error: NotStarted) -> Response:
        return show.page(request, "message.html.j2", title=error.title, text=str(error), begin=error.dag_id, live=True)

    @app.exception_handler(NoMigration)
    def elsewhere(request: Request, error: NoMigration) -> Response:
        # Airflow up to 3.3 shows the tab on every DAG.
        return show.page(request, "message.html.j2", title="No migration", text=f"{error} is no DAG of a migration.")

    for kind in OURS:

        @app.exception_handler(kind)
        def not_opened(request: Request, error: Exception) -> Response:
            return show.page(request, "message.html.j2", status=503, title="This project cannot be opened", text=str(error))

    @app.exception_handler(psycopg.errors.QueryCanceled)
    def too_slow(request: Request, error: Exception) -> Response:
        text = "The staging database took too long to answer. It may be busy with a load: try again in a minute, or narrow the filters."
        return show.page(request, "message.html.j2", status=503, title="That took too long", text=text)

    @app.exception_handler(psycopg.errors.UndefinedTable)
    @app.exception_handler(psycopg.errors.UndefinedColumn)
    def not_there(request: Request, error: Exception) -> Response:
        log.warning("The console asked for something that the ledger does not have: %s", error)
        text = "The staging database does not hold what this page shows yet, or it was filled by an earlier version. Run the project's next DAG."
        return show.page(request, "message.html.j2", status=503, title="Not there yet", text=text)

    @app.exception_handler(Exception)
    def flaw(request: Request, error: Exception) -> Response:
        log.exception("The console failed at %s", request.url.path)
        text = f"{type(error).__name__}. The log of the api-server has the details. Nothing was written."
        answer = show.page(request, "message.html.j2", status=500, title="This is a flaw of the console", text=text)
        answer.headers.update(HEADERS)  # such an answer does not pass through `safe`
        return answer

    return app
