"""How an error reaches the person who reads a task's log: one message, and a retry only where a retry can help."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

import httpx
import psycopg
from airflow.configuration import conf
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from airflow.sdk import get_current_context

from crm2odoo.airflow.console_address import PREFIX
from crm2odoo.odoo.errors import OdooUnreachable, TransientError, UnclearAnswer
from crm2odoo.staging import StagingUnreachable, kept_connections

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)

# Errors that go away by themselves: of the network, of a server that starts again, of two who want the same lock.
PASSING = (
    OdooUnreachable, TransientError, UnclearAnswer, StagingUnreachable,
    httpx.TransportError, psycopg.OperationalError, ConnectionError, TimeoutError,
)


class PassingTrouble(AirflowException):
    """Something that may be over in a minute: the task is tried again, later each time."""


def person_readable(step: Callable[P, R]) -> Callable[P, R]:
    """Turns the errors of a step into what Airflow should do with them.

    An error class of crm2odoo already carries a message for a person: the task fails with it at once, or is tried again when
    its cause may pass. Anything else is a flaw of the program: it keeps its stack trace, and is not tried again either.

    The step uses its connections to the staging database again: it opens one where it would open a dozen.
    """

    @functools.wraps(step)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with kept_connections():
                return step(*args, **kwargs)
        except Exception as error:
            if isinstance(error, AirflowException):
                _hand_on(error)
                raise
            failure = as_failure(error)
            if failure is None:
                flaw = "This is a flaw of the program, not of the export: please report it with the stack trace above."
                failure = AirflowFailException(f"{type(error).__name__}: {error}\n{flaw}")
                _hand_on(failure)
                raise failure from error
            log.debug("The cause of the failure", exc_info=error)
        # Outside of the except block: the log shows the message without the chain of causes.
        _hand_on(failure)
        raise failure

    return run


def _hand_on(error: Exception) -> None:
    """To the failure callback: ``dag.test()`` of Airflow 3.1 does not do it."""
    with contextlib.suppress(Exception):
        get_current_context().setdefault("exception", error)


def as_failure(error: Exception) -> AirflowException | None:
    """What to raise for an error that was meant to be read; None for any other."""
    if isinstance(error, PASSING):
        return PassingTrouble(f"{_text(error)}\nThis may pass; the task is tried again by itself if it has tries left.")
    ours = type(error).__module__.startswith("crm2odoo.")
    return AirflowFailException(_text(error)) if ours else None


def _text(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


NEXT = logging.getLogger("crm2odoo.next")
"""Says at the end of a failed task's log what failed and what to do. Its records carry ``task_id`` and ``cause``."""


def tell_what_next(context: Any) -> None:
    """Failure callback of every task."""
    # Airflow calls this inside of the group *Post Execute*, which its pages show folded up.
    log.info("::endgroup::")
    task_id, cause = context["ti"].task_id, _text(context["exception"]) if context.get("exception") else "no message"
    NEXT.error(
        "The task %s failed:\n\n%s\n\nRemove the cause, then clear this task: that is always safe, what was written is not written twice.\n"
        "How far the run is, and what it refused:\n%s\nThe DAG's page (Docs) says more about each task.",
        task_id,
        cause,
        console_page(context["ti"].dag_id, context["ti"].run_id),
        extra={"task_id": task_id, "cause": cause},
    )


def console_page(dag_id: str, run_id: str) -> str:
    """The address of the console's page about a run of Airflow."""
    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}{PREFIX}/run/{quote(dag_id)}/{quote(run_id)}"
