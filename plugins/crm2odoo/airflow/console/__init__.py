"""The console: pages about a migration in Airflow's own pages, served by the api-server to people who are logged in there.

    access      who asks, what they may do, and the token that a form must bring back
    desk        one project, opened read-only for one request; its SQL is below sql/console
    runs        what Airflow's own database says: runs, tasks, sign-offs that wait
    app         the pages put together: routes, headers, errors
    warm        what is done once, so that the first reader does not wait for it
    the others  one module per page

Nothing of it is imported by the scheduler, the dag-processor and the tasks, which read the plugin file, too.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

log = logging.getLogger(__name__)


class Console:
    """The ASGI application that Airflow mounts at PREFIX. Made when a process that serves pages starts, or else when it is asked for the first."""

    def __init__(self) -> None:
        self._app: Any = None
        self._making = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            await asyncio.to_thread(self._make)
        await self._app(scope, receive, send)

    def get_ready(self, app: Any) -> Any:
        """Makes the console, which takes one or two seconds; the rest is done beside the first requests.

        Returns ``app``, Airflow's own application, as it is. A mistake of ours never keeps Airflow from starting.
        """
        try:
            self._make()
            from crm2odoo.airflow.console import warm

            warm.read()
            threading.Thread(target=self._warm, name="crm2odoo console", daemon=True).start()
        except Exception:
            log.exception("The console could not be made; its first page will say why")
        return app

    def _warm(self) -> None:
        try:
            from crm2odoo.airflow.console import warm

            warm.up()
        except Exception:
            log.exception("The console is not warm yet; its first pages will be slow")

    def _make(self) -> None:
        with self._making:
            if self._app is None:
                from crm2odoo.airflow.console.app import build

                self._app = build()
