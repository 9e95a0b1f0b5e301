"""The console: pages about a migration in Airflow's own pages, served by the api-server to people who are logged in there.

    access      who asks, what they may do, and the token that a form must bring back
    desk        one project, opened read-only for one request; its SQL is below sql/console
    runs        what Airflow's own database says: runs, tasks, sign-offs that wait
    app         the pages put together: routes, headers, errors
    the others  one module per page

Nothing of it is imported before the first request: the scheduler, the dag-processor and every task read the plugin file, too.
"""

from __future__ import annotations

from typing import Any


class Console:
    """The ASGI application that Airflow mounts at PREFIX. Made when somebody asks for the first page."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from crm2odoo.airflow.console.app import build

            self._app = build()
        await self._app(scope, receive, send)
