"""One method per task. A task gets and gives ids only; what they stand for is in PostgreSQL.

The docstring of a method is the documentation that Airflow shows for the task.
"""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path
from typing import Any, Literal

from airflow.sdk import get_current_context

from crm2odoo import intake, ledger, sandbox, staging
from crm2odoo.airflow import connections, forms, pages
from crm2odoo.airflow.failures import person_readable
from crm2odoo.handoff import write_report
from crm2odoo.ledger import approvals, runs
from crm2odoo.odoo import guard, loader, match, preflight, schema, settings
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.target import Kind, Target, open_target
from crm2odoo.project import Bundle
from crm2odoo.reconcile import check_entity, diff
from crm2odoo.staging import Workspace

log = logging.getLogger("crm2odoo")

Needs = Literal["staging", "sample", "load"]
POOL_PROBE = "check.pool_slot"


class Steps:
    """The tasks of one project's DAGs."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.project = bundle.project

    # ---- what every task needs

    def workspace(self) -> Workspace:
        return Workspace.open(self.bundle, connections.staging_dsn(self.project))

    def run_id(self) -> str:
        """Our id of this run: unique over all DAGs of the project, and fit for a folder's name."""
        run = get_current_context()["dag_run"]
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{run.dag_id}.{run.run_id}")

    def param(self, name: str) -> Any:
        return get_current_context()["params"].get(name)

    def in_sandbox(self) -> bool:
        return self.param("target") == "sandbox"

    def kind(self) -> Kind:
        return "production" if self.param("target") is None else "sandbox"

    def sandbox_name(self) -> str:
        """A kept sandbox belongs to the project; a fresh one to the run, so that a cleared task finds the same one again."""
        if not self.param("fresh_sandbox"):
            return self.project.project
        return f"{self.project.project[:28]}_{hashlib.sha256(self.run_id().encode()).hexdigest()[:8]}"

    def credentials(self) -> OdooCredentials:
        if self.in_sandbox():
            return sandbox.credentials(self.sandbox_name())
        return connections.odoo_credentials(self.project)

    def target(self, ws: Workspace) -> Target:
        return open_target(ws, OdooClient.connect(self.credentials()), self.kind())

    def location(self) -> str:
        """Where the export is; relative paths start at the folder that holds mappings/."""
        told = str(self.param("export"))
        return told if "://" in told else str(self.bundle.root / told)

    def scope_seen(self, ws: Workspace, export_id: str) -> approvals.Seen:
        return approvals.Seen("scope", pages.scope_hash(ws, export_id), f"{self.project.project}.discover")

    def require_approvals(self, ws: Workspace, plan_id: int) -> None:
        """Raises NotApproved unless everything that this run may write is signed as it is now."""
        dag_id = get_current_context()["dag_run"].dag_id
        plan = ledger.read_plan(ws, plan_id)
        needed = [
            approvals.Seen("mapping", self.bundle.mapping_hash, dag_id),
            approvals.Seen("plan", plan.hash, dag_id),
            self.scope_seen(ws, plan.export_id),
        ]
        if self.kind() == "production":
            needed.append(approvals.Seen("sample", self.bundle.mapping_hash, f"{self.project.project}.sample"))
        approvals.require(ws, needed)

    # ---- check

    @person_readable
    def pool_slot(self) -> None:
        """Takes a slot of the project's pool and gives it back. While the pool does not exist, Airflow leaves this task waiting, and `check.needs` says so."""

    @person_readable
    def needs(self, needs: Needs) -> None:
        """Looks whether the run can start: parameters, connections, staging database, export, pool.

        Writes nothing. Each thing that is missing gives one message with the command that adds it. Then clear this task.
        """
        context = get_current_context()
        forms.refuse_unknown(context["dag_run"].conf, context["dag"].params)
        ws = self.workspace()
        intake.find(self.location())
        if needs == "load" or (needs == "sample" and not self.in_sandbox()):
            OdooClient.connect(connections.odoo_credentials(self.project))
        connections.check_pool(self.project, context, POOL_PROBE)
        runs.start(ws, self.run_id(), kind=context["dag_run"].dag_id.rpartition(".")[2], dag_id=context["dag_run"].dag_id)

    # ---- intake

    @person_readable
    def register(self) -> str:
        """Finds the files of the export and registers them by their hash. The same delivery gets the same id; a changed one is a new export."""
        return intake.register(self.workspace(), self.location()).export_id

    @person_readable
    def land(self, export_id: str) -> None:
        """Copies every row into `<project>_land`, each cell as text, exactly as delivered. Repeating it gives the same tables."""
        intake.land(self.workspace(), export_id)

    @person_readable
    def clean(self, export_id: str) -> None:
        """Types and checks every row into `<project>_clean`, and gives each exactly one status. Rejected rows keep their reason, line and value."""
        intake.clean(self.workspace(), export_id)

    @person_readable
    def verify(self, export_id: str) -> None:
        """The proof that no row was lost: for every file, records counted independently = valid + merged + exact duplicates + deleted + rejected. Fails otherwise."""
        intake.verify_counts(self.workspace(), export_id)

    # ---- discovery

    @person_readable
    def findings(self, export_id: str) -> None:
        """Lists what a person should know about the export: unknown files and columns, rejected rows, owners and stages in use."""
        pages.log_findings(self.workspace(), export_id)

    @person_readable
    def look_at_target(self) -> None:
        """Looks at the Odoo of the project's connection and lists what stands in the way. Without a connection it only says so: discovery can start before the target exists."""
        name = self.project.connections.odoo
        if not connections.has_connection(name):
            log.warning("There is no Odoo connection %r yet, so the target was not looked at. Add it before the load:\n%s", name, connections.odoo_command(name))
            return
        target = open_target(self.workspace(), OdooClient.connect(connections.odoo_credentials(self.project)), "production")
        pages.log_list("What stands in the way of a load", preflight.preflight(target))

    @person_readable
    def scope(self, export_id: str) -> dict[str, Any]:
        """Puts on one page what the migration will cover: files, rows by status, findings. The sign-off is bound to its hash."""
        ws = self.workspace()
        return {"body": pages.scope_page(ws, export_id), "hashes": {"scope": pages.scope_hash(ws, export_id)}}
