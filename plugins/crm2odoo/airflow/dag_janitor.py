"""The DAG ``crm2odoo_janitor``: no sandbox outlives its time."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, task

from crm2odoo import sandbox
from crm2odoo.airflow.connections import sandbox_connection
from crm2odoo.airflow.failures import person_readable, tell_what_next
from crm2odoo.airflow.frame import TAG

log = logging.getLogger("crm2odoo")

RUNBOOK = """
# crm2odoo: janitor

Once an hour, destroys the sandboxes of this worker whose time is over: those that a sample run was told to keep for some days, and those of
runs that were cut off before their own tear-down. Others, such as those of `make sandbox`, live until somebody takes them down.

The date of a sandbox is in `<home>/terraform/sandboxes/<name>/lease.json`; the home is `$CRM2ODOO_HOME`. To keep one longer:
`python -m crm2odoo.sandbox.cli keep NAME DAYS`, on the worker that holds it.

With no sandboxes on the workers, or none at all, it has nothing to do. Pausing it does no harm but that sandboxes stay.

## When it fails

The message names the sandboxes that cannot be taken down, and why. The others are gone. The next run tries again. It is safe to clear.
"""


@person_readable
def remove_expired() -> None:
    """Destroys each sandbox of this worker whose time is over: server, database, files, credentials, Terraform state."""
    removed = sandbox.remove_expired(log=log.info)
    log.info("Removed: %s", ", ".join(removed) or "none")
    for name in removed:
        log.info("If you made it a connection: airflow connections delete %s", sandbox_connection(name))


def build() -> DAG:
    """The DAG."""
    with DAG(
        dag_id="crm2odoo_janitor",
        dag_display_name="crm2odoo: janitor",
        description="Destroys sandboxes whose time is over.",
        schedule="@hourly",
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        auto_register=False,
        tags=[TAG, "janitor"],
        default_args={"retries": 1, "retry_delay": timedelta(minutes=5), "on_failure_callback": tell_what_next},
        doc_md=RUNBOOK,
    ) as dag:
        task(remove_expired)()
    return dag
