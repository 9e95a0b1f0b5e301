"""One method per task. A task gets and gives ids only; what they stand for is in PostgreSQL.

The docstring of a method is the documentation that Airflow shows for the task.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import get_current_context
from airflow.sdk.api.client import ServerResponseError
from airflow.sdk.exceptions import AirflowRuntimeError

from crm2odoo import discovery, handoff, intake, ledger, sandbox, staging
from crm2odoo.airflow import connections, forms, pages
from crm2odoo.airflow.failures import person_readable
from crm2odoo.airflow.run_state import go_on, run_key
from crm2odoo.handoff.documents import documents_folder
from crm2odoo.intake.delivery import open_delivery
from crm2odoo.ledger import approvals, fresh, phase, project_lock, purge, runs, since
from crm2odoo.ledger.batches import Chunk, chunks
from crm2odoo.ledger.dispositions import settle_dispositions
from crm2odoo.ledger.plan import owners_hash, undecided_owners
from crm2odoo.ledger.runs import program_hash
from crm2odoo.odoo import guard, load_action, manifest_module, match, picture, required, rollback, schema, settings, snapshot
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.database_server import DatabaseServer
from crm2odoo.odoo.load_steps import run_steps
from crm2odoo.odoo.loader import load_chunk, load_second
from crm2odoo.odoo.preflight import preflight
from crm2odoo.odoo.provision import provision_rights
from crm2odoo.odoo.target import Kind, Target, open_target
from crm2odoo.project import Bundle
from crm2odoo.reconcile.conflicts import find_conflicts, settle_conflicts
from crm2odoo.reconcile.field_diff import diff
from crm2odoo.reconcile.gate import check_entity
from crm2odoo.staging import Workspace

log = logging.getLogger("crm2odoo")

Needs = Literal["staging", "sample", "load"]
OWNER_GATE = "gate:owners"
POOL_PROBE = "check.pool_slot"
LONGEST_RUN = timedelta(days=14)
"""A sign-off may wait for days. A run that takes longer loses its sandbox."""


class SchemaNotShown(AirflowFailException):
    """Set-up would do something that nobody has seen."""


def only_looked_up(bundle: Bundle, entity: str) -> bool:
    """Whether records of the entity are found in Odoo or not at all: nothing of this project becomes one."""
    return bundle.entities[entity].create == "never" or not bundle.makes(entity)


def sandbox_credentials(name: str) -> OdooCredentials:
    """How to reach a sandbox of this machine, from its own credentials file. Raises SandboxError when there is none."""
    found = next((s for s in sandbox.list_sandboxes() if s.name == name), None)
    if found is None:
        raise sandbox.SandboxError(f"There is no sandbox {name!r} on this machine. Clear the task sandbox_up: it makes it again.")
    return OdooCredentials(url=found.url, database=found.database, login=found.login, secret=found.api_key)


def _has_ended(holder: project_lock.Holder) -> bool:
    """Asks Airflow whether a run is over. A run that Airflow does not know any more is."""
    try:
        state = get_current_context()["ti"].get_dagrun_state(dag_id=holder.dag_id, run_id=holder.dag_run)
    except (AirflowRuntimeError, ServerResponseError) as error:
        # The second one where the task runs in the same process as Airflow's API.
        told = (error.error.detail or {}).get("status_code") if isinstance(error, AirflowRuntimeError) else error.response.status_code
        if told != 404:
            raise
        log.info("Airflow does not know run %s of %s any more", holder.dag_run, holder.dag_id)
        return True
    return state not in ("running", "queued")


class SandboxReplaced(RuntimeError):
    """A task of a finished run was cleared, and its sandbox is another one than before."""


class Steps:
    """The tasks of one project's DAGs."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.project = bundle.project

    # ---- what every task needs

    takes_over = False
    """Whether the run takes the project from one that still works on it."""

    def workspace(self, alone: bool = True) -> Workspace:
        """The project's schemas in the database of its staging connection.

        ``alone``: only if no other run works on the project; raises ProjectBusy. A task that must do its work even then says no.
        """
        ws = Workspace.open(self.bundle, connections.staging_dsn(self.project), connections.vault(self.project))
        if alone:
            self._hold(ws)
        go_on(ws, get_current_context())
        return ws

    def _hold(self, ws: Workspace) -> None:
        context = get_current_context()
        run = context["dag_run"]
        before = project_lock.hold(ws, self.run_id(), run.dag_id, run.run_id, _has_ended, take_over=self.takes_over)
        if before is not None:
            log.info("Run %s of %s did not give the project back; this run has it now", before.dag_run, before.dag_id)
            runs.found_over(ws, before.run_id)

    def ended(self, ws: Workspace) -> None:
        """The run has succeeded, and gives the project back."""
        runs.finish(ws, self.run_id(), "success")
        project_lock.release(ws, self.run_id())

    def run_id(self) -> str:
        """Our id of this run."""
        run = get_current_context()["dag_run"]
        return run_key(run.dag_id, run.run_id)

    def param(self, name: str) -> Any:
        """What the form of this run says; None when the DAG has no such parameter."""
        return get_current_context()["params"].get(name)

    def in_sandbox(self) -> bool:
        """Whether this run loads into a sandbox of its own."""
        return bool(self.param("target") == "sandbox")

    def kind(self) -> Kind:
        """Only the DAG without a choice of target is the production load."""
        return "production" if self.param("target") is None else "sandbox"

    def sandbox_name(self) -> str:
        """A kept sandbox belongs to the project; a fresh one to the run, so that a cleared task finds the same one again."""
        if not self.param("fresh_sandbox"):
            return self.project.project
        return f"{self.project.project[:28]}_{hashlib.sha256(self.run_id().encode()).hexdigest()[:8]}"

    def connection(self) -> str:
        """Airflow connection of this run's Odoo, when it is no sandbox."""
        return str(self.param("connection") or self.project.connections.odoo)

    def credentials(self) -> OdooCredentials:
        """Of this run's Odoo. They never leave the task."""
        if self.in_sandbox():
            return sandbox_credentials(self.sandbox_name())
        return connections.odoo_credentials(self.connection())

    def target(self, ws: Workspace) -> Target:
        """This run's Odoo, logged in. Raises SandboxReplaced when it is not the one that the run began with."""
        target = open_target(ws, OdooClient.connect(self.credentials()), self.kind())
        if self.in_sandbox() and self.param("fresh_sandbox") and runs.target_of(ws, self.run_id()) not in (None, target.target_id):
            raise SandboxReplaced(
                f"The sandbox {self.sandbox_name()} is new and empty: the one into which this run loaded was destroyed when the run ended. "
                "What this task would find says nothing about the load, so nothing was done. Trigger the DAG again: the new run loads into a sandbox "
                "of its own. To look at a sandbox after a run, start the run with *Keep the sandbox*."
            )
        return target

    def slice_records(self) -> int | None:
        """How many records a sample takes; None for all. Production always takes all."""
        wanted = self.project.sample.records
        return None if wanted == "all" or self.kind() == "production" else wanted

    def location(self) -> str:
        """Where the export is; relative paths start at the folder that holds mappings/."""
        told = str(self.param("export"))
        return told if "://" in told else str(self.bundle.root / told)

    def documents(self) -> str:
        """Where the documents of the project go."""
        return documents_folder(self.bundle)

    def scope_seen(self, ws: Workspace, export_id: str) -> approvals.Seen:
        """What must have been signed in discovery."""
        return approvals.Seen("scope", pages.scope_hash(ws, export_id), f"{self.project.project}.discover")

    def sample_seen(self) -> approvals.Seen:
        """What must have been signed at the end of a sample before production is touched: mapping and program, either of which decides what is
        written."""
        digest = hashlib.sha256(f"{self.bundle.mapping_hash} {program_hash(self.bundle.root_of('sql'))}".encode()).hexdigest()
        return approvals.Seen("sample", digest, f"{self.project.project}.sample")

    def sample_data_seen(self, ws: Workspace, export_id: str) -> approvals.Seen:
        """The same for one delivery: the first load writes what was sampled, and nothing else."""
        with ws.connect() as connection:
            row = connection.execute(ws.sql("select sha256 from {log}.export where export_id = %s"), (export_id,)).fetchone()
        digest = hashlib.sha256(f"{self.sample_seen().hash} {row['sha256'] if row else ''}".encode()).hexdigest()
        return approvals.Seen("sample_data", digest, f"{self.project.project}.sample")

    def sample_needed(self, ws: Workspace, export_id: str) -> list[approvals.Seen]:
        """What must be signed of a sample before this run writes: it is over when mapping, program or data change."""
        return [self.sample_seen(), self.sample_data_seen(ws, export_id)] if self.kind() == "production" else []

    def live(self) -> bool:
        """Whether this run does, or rehearses, what production will see."""
        return self.kind() == "production"

    def require_approvals(self, ws: Workspace, plan_id: int) -> None:
        """Raises NotApproved, StalePlan or Locked unless everything that this run may write is signed, and still as it was signed."""
        dag_id = get_current_context()["dag_run"].dag_id
        plan = fresh.require(ws, plan_id, self.run_id())
        needed = [
            approvals.Seen("mapping", self.bundle.mapping_hash, dag_id),
            approvals.Seen("plan", plan.hash, dag_id),
            approvals.Seen("owners", owners_hash(ws), dag_id),
            self.scope_seen(ws, plan.export_id),
        ]
        needed += self.sample_needed(ws, plan.export_id)
        if self.live() and undecided_owners(ws):
            needed.append(approvals.Seen(OWNER_GATE, owners_hash(ws), dag_id))
        approvals.require(ws, needed)

    # ---- check

    @person_readable
    def pool_slot(self) -> None:
        """Takes a slot of the project's pool and gives it back.

        While the pool does not exist, Airflow leaves this task waiting, and `check.needs` says so.
        """

    @person_readable
    def needs(self, needs: Needs) -> None:
        """Looks whether the run can start: parameters, connections, staging database, export, pool.

        Writes nothing. Everything that is missing is named at once, each with the command that adds it. Add it, then clear this task.
        """
        context = get_current_context()
        run = context["dag_run"]
        forms.refuse_unknown(run.conf, context["dag"].params)
        reaches_odoo = needs == "load" or (needs == "sample" and not self.in_sandbox())
        connections.require_setup(self.project, context, POOL_PROBE, self.connection() if reaches_odoo else None)
        ws = self.workspace()
        with ws.connect() as connection:
            purge.refuse_purged(ws, connection)
        if late := purge.overdue(ws):
            log.warning("%s", late)
        with open_delivery(self.location()) as delivery:
            log.info("The export %s has %d files", delivery.location, len(delivery.files))
        if needs == "load":
            approvals.require(ws, [self.sample_seen()])
        if needs == "load" and self.project.snapshot:
            connections.postgres_dsn(self.project.snapshot.connection, "the database server of Odoo")
        if reaches_odoo:
            OdooClient.connect(connections.odoo_credentials(self.connection())).close()
        runs.start(ws, self.run_id(), kind=run.dag_id.rpartition(".")[2], dag_id=run.dag_id)

    # ---- intake

    @person_readable
    def register(self) -> str:
        """Finds the files of the export and registers them by their hash.

        The same delivery gets the same id; a changed one is a new export. Returns the id.
        """
        ws = self.workspace()
        export_id = intake.register(ws, self.location())
        runs.bind(ws, self.run_id(), export_id=export_id)
        return export_id

    @person_readable
    def land(self, export_id: str) -> None:
        """Copies every row into `<project>_land`, each cell as text, exactly as delivered. Repeating it gives the same tables."""
        intake.land(self.workspace(), export_id)

    @person_readable
    def clean(self, export_id: str) -> None:
        """Types and checks every row into `<project>_clean`, and gives each exactly one status.

        Rejected rows keep their reason, line and value. A file without a mandatory column becomes a finding that blocks the scope.
        """
        intake.clean(self.workspace(), export_id)

    @person_readable
    def verify(self, export_id: str) -> None:
        """The proof that no row was lost. Fails unless, for every file, the records counted on their own in the raw file
        = valid + merged + exact duplicates + deleted + rejected.
        """
        intake.verify_counts(self.workspace(), export_id)

    @person_readable
    def profile(self, export_id: str) -> None:
        """Looks at every column that no mapping line uses, over all rows, and proposes the custom field that it becomes, with the evidence.

        Also names columns that look like data of people which nobody declared. What the project file says about a column wins.
        """
        ws = self.workspace()
        for s in discovery.propose_sensitivity(ws, export_id):
            log.warning("%s %r looks like %s data: %s", s.object, s.header, s.sensitivity, s.because)
        for p in discovery.propose_custom_fields(ws, export_id):
            becomes = f"not migrated: {p.dropped}" if p.dropped else f"{p.entity}.{p.field} ({p.type}), {p.filled} values"
            log.info("%s %r: %s", p.object, p.header, becomes)

    # ---- discovery

    @person_readable
    def findings(self, export_id: str) -> None:
        """Lists what a person should know about the export: unknown files and columns, rejected rows, owners and stages in use.

        Fails on a finding that blocks, such as a file that nobody assigned to an object.
        """
        pages.log_findings(self.workspace(), export_id)

    @person_readable
    def decisions(self, export_id: str) -> None:
        """Counts what each answer to each question (campaigns, split of leads, invoices, owners …) comes to on this export, in records.

        The target's rows are built under each answer and compared with those of the answer that holds. Nothing of it is kept but the counts.
        """
        for answer in discovery.write_register(self.workspace(), export_id):
            holds = "holds" if answer.chosen else "instead"
            log.info("%s %s = %s: %s", answer.name, holds, answer.answer, "; ".join(map(str, answer.effects)) or "no difference")

    @person_readable
    def inventory(self, export_id: str) -> None:
        """Counts what the export holds and what becomes of it: labels, unused columns, files.

        Looks for signs that the export is cut off, of another product or incomplete. Fails on one that blocks. The same export gives the same.
        """
        ws = self.workspace()
        found = discovery.take_inventory(ws, export_id)
        log.info("Records to be: %s", ", ".join(f"{n:,} {title.lower()}" for title, n in found["becomes"].items()) or "none")
        pages.log_findings(ws, export_id)

    @person_readable
    def look_at_target(self) -> None:
        """Looks at the Odoo of the project's connection and lists what stands in the way of a load. Writes nothing to it.

        Without such a connection it only says so: discovery can start before the target exists.
        """
        name = self.project.connections.odoo
        if not connections.has_connection(name):
            add = connections.odoo_command(name)
            log.warning("There is no Odoo connection %r yet, so the target was not looked at. Before the load, add it:\n%s", name, add)
            return
        target = open_target(self.workspace(), OdooClient.connect(connections.odoo_credentials(name)), "production")
        preflight(target)
        for finding in required.unfilled(target):
            log.warning("%s", finding)

    @person_readable
    def scope(self, export_id: str) -> dict[str, Any]:
        """Puts on one page what the migration will cover: files, rows by status, findings. The sign-off is bound to its hash.

        Gives the project back: other runs need not wait for a person.
        """
        ws = self.workspace()
        folder = f"{self.documents()}/{self.project.project}/{self.run_id()}"
        page = {"body": pages.scope_page(ws, export_id, folder), "hashes": {"scope": pages.scope_hash(ws, export_id)}}
        project_lock.release(ws, self.run_id())
        return page

    # ---- sandbox

    @person_readable
    def sandbox_up(self) -> None:
        """Has Terraform make the Odoo of this run, or starts the kept one. With the target *connection* there is nothing to do.

        Login and password go into the sandbox's own credentials file, never into Airflow. Repeating it finds the same sandbox. Whatever
        becomes of the run, `crm2odoo_janitor` removes the sandbox two weeks later.
        """
        if self.in_sandbox():
            sandbox.up(self.sandbox_name(), until=datetime.now(UTC) + LONGEST_RUN, log=log.info)
        else:
            log.info("The target is the Odoo of the connection %r: no sandbox is made", self.connection())

    @person_readable
    def sandbox_down(self) -> None:
        """Destroys the sandbox of this run, whether the run succeeded or not. When the form says so, it is kept for the days named there;
        then `crm2odoo_janitor` destroys it.
        """
        if not self.in_sandbox():
            return
        name = self.sandbox_name()
        if self.param("keep_sandbox"):
            sandbox.keep(name, datetime.now(UTC) + timedelta(days=self.param("keep_days") or 3), log=log.info)
            log.info("Sooner: `python -m crm2odoo.sandbox.cli down %s` on this worker. `… cli list` shows where login and password are", name)
            # Tasks cannot write connections, and the api-server cannot read this worker's files: a person makes it one.
            log.info(
                "To have it as the Airflow connection %r, for the target *connection* of this DAG, run on this worker:\n%s",
                connections.sandbox_connection(name), connections.sandbox_command(name),
            )  # fmt: skip
        else:
            sandbox.down(name, log=log.info)

    # ---- target

    @person_readable
    def preflight(self) -> None:
        """Looks at the target: version, apps, rights, settings, known traps. Writes nothing to it.

        Something that blocks fails this task, with what to do.
        """
        ws = self.workspace()
        target = open_target(ws, OdooClient.connect(self.credentials()), self.kind())
        runs.bind(ws, self.run_id(), target_id=target.target_id)
        preflight(target)

    @person_readable
    def reset(self) -> None:
        """When the form says so: takes back everything that earlier runs loaded into this test database, before anything new is planned.

        Runs after `target.preflight` has seen that this is a neutralised test database and not production. What a person changed there stays.
        """
        if not self.param("reset"):
            log.info("Earlier runs stay as they are")
            return
        ws = self.workspace()
        target = self.target(ws)
        undo = f"{self.run_id()}.reset"
        runs.start(ws, undo, kind="rollback", dag_id=None, details={"reset_for": self.run_id()})
        runs.bind(ws, undo, target_id=target.target_id)
        done = rollback.carry_out(target, undo, rollback.dry_run(target, undo).hash)
        pages.log_list("Taken back", [f"{entity}: {action} {n}" for entity, counts in done.counts.items() for action, n in counts.items()])
        pages.log_list("Stays", [f"{i.model} {i.res_id} ({i.xid}): {i.reason}" for i in done.spared[:200]])
        rollback.verify(target, undo)
        runs.finish(ws, undo, "success")

    @person_readable
    def schema_plan(self) -> list[str]:
        """Shows what would be set up in Odoo: custom fields, their place on the forms, features. Writes nothing to it.

        The same goes into the run's documents, for an administrator who does it by hand: an installable module and a checklist.
        """
        ws = self.workspace()
        target = self.target(ws)
        plan = schema.plan_schema(target)
        pages.log_list("To be set up in Odoo", plan.sentences)
        module = manifest_module.module_name(target)
        items = manifest_module.checklist(target)
        written = handoff.write_set_up(ws, self.run_id(), self.documents(), module, manifest_module.zip_module(target), items)
        pages.log_list("For an administrator", [d.location for d in written])
        return [action.key for action in plan.actions]

    def database_server(self, target: Target) -> DatabaseServer:
        """The server that holds this run's Odoo database. Raises SnapshotImpossible when the project names none, or Odoo's host gives none."""
        named = self.project.snapshot
        if reason := snapshot.why_impossible(target, named is not None and not self.in_sandbox()):
            raise snapshot.SnapshotImpossible(reason)
        assert named is not None
        return DatabaseServer(connections.postgres_dsn(named.connection, "the database server of Odoo"), Path(named.filestore))

    @person_readable
    def take_snapshot(self, export_id: str) -> None:
        """Copies Odoo's whole database and its files before anything is written, if the project names the database server (`snapshot`).

        Odoo's sessions are ended for a moment. Every row and file of the copy is counted and hashed. Once per run, also when cleared.
        """
        ws = self.workspace()
        approvals.require(ws, [self.scope_seen(ws, export_id), *self.sample_needed(ws, export_id)])
        target = self.target(ws)
        try:
            server = self.database_server(target)
        except snapshot.SnapshotImpossible as error:
            log.warning("No snapshot is taken: a rollback goes record by record. %s", error)
            return
        if self.kind() == "sandbox" and not server.has(target.client.database):
            log.warning("No snapshot is taken: the test database %r is on another server than the project's `snapshot`", target.client.database)
            return
        taken = snapshot.take(target, self.run_id(), server)
        log.info("Snapshot %d: %s in %.1f s", taken.snapshot_id, taken.copy, taken.take_seconds or 0)
        assert self.project.snapshot is not None
        pages.log_list("Older snapshots dropped", snapshot.drop_old(target, server, self.project.snapshot.keep))

    @person_readable
    def rehearse_snapshot(self) -> None:
        """Restores this run's snapshot under another name, compares every row and file, and drops that again: so the time of a restore is known."""
        target = self.target(self.workspace())
        for taken in snapshot.snapshots(target):
            if taken.run_id == self.run_id() and taken.rehearse_seconds is None:
                seconds = snapshot.rehearse(target, taken, self.database_server(target))
                log.info("A restore takes %.1f s; rehearsed now, with every row and file", seconds)

    @person_readable
    def schema_apply(self, export_id: str, shown: list[str]) -> None:
        """Sets up what `schema_plan` showed, as far as it is not there, and looks that it is.

        Refuses unless the scope of this export is signed, and for production the sample; and when more would be set up than was shown.
        Repeating it changes nothing.
        """
        ws = self.workspace()
        approvals.require(ws, [self.scope_seen(ws, export_id), *self.sample_needed(ws, export_id)])
        target = self.target(ws)
        plan = schema.plan_schema(target)
        if more := [action.sentence for action in plan.actions if action.key not in shown]:
            raise SchemaNotShown(
                "More would be set up in Odoo than schema_plan showed; nothing was written:\n"
                + "\n".join(f"- {m}" for m in more)
                + "\nClear schema_plan: it shows it, and this task follows."
            )
        schema.apply_schema(target, self.run_id(), plan)

    # ---- staging

    @person_readable
    def build_target(self, export_id: str) -> None:
        """Makes `<project>_target`: one row per Odoo record to be, from the clean rows, in SQL. Repeating it gives the same rows."""
        for entity, count in staging.build_target(self.workspace(), export_id).items():
            log.info("%s: %d records", entity, count)

    @person_readable
    def existing(self) -> None:
        """Reads from Odoo which records are already there (users, countries, companies …), so that they are used and not made twice."""
        target = self.target(self.workspace())
        for entity in self.bundle.load_order:
            match.read_existing(target, entity)

    @person_readable
    def make_plan(self, export_id: str) -> int:
        """Compares what shall be with what the ledger knows about this target: creates, updates, unchanged, held.

        Writes nothing to Odoo. Returns the plan's id.
        """
        ws = self.workspace()
        return ledger.make_plan(ws, self.target(ws).target_id, export_id, self.slice_records(), self.project.sample.seed).plan_id

    @person_readable
    def conflicts(self, plan_id: int) -> None:
        """Compares, for every record to be updated, what we wrote last, what the source says now, and what Odoo holds now.

        A field that somebody changed in Odoo meanwhile is taken out of the plan and waits in `_log.conflict` for a decision
        (`conflict:<entity>:<xid>:<field>` = keep_odoo or take_source). A record that somebody deleted in Odoo or merged into another is such
        a conflict as a whole (field `record`). Writes nothing to Odoo.
        """
        ws = self.workspace()
        found = find_conflicts(self.target(ws), self.run_id(), plan_id)
        waiting = sum(c.choice is None for c in found)
        log.info("%d fields were changed on both sides, or lost their record; %d wait for a decision", len(found), waiting)

    @person_readable
    def show_plan(self, plan_id: int) -> dict[str, Any]:
        """Puts mapping and plan on one page for `approve_plan`, with the hashes to which the approval is bound."""
        ws = self.workspace()
        plan = ledger.get_plan(ws, plan_id)
        body = pages.plan_page(ws, plan)
        log.info("%s", body)
        return {"body": body, "hashes": {"mapping": self.bundle.mapping_hash, "owners": owners_hash(ws), "plan": plan.hash}}

    @person_readable
    def owner_queue(self, plan_id: int) -> dict[str, Any]:
        """Lists owners about whom nobody decided. A production load does not start before each is decided, or a named person waives it."""
        ws = self.workspace()
        undecided = undecided_owners(ws)
        pages.log_list("Owners without a decision", [f"{xid}: {reason}" for xid, reason in undecided])
        return {"body": pages.owner_page(ws, undecided), "hashes": {OWNER_GATE: owners_hash(ws)} if undecided else {}}

    # ---- load

    @person_readable
    def park_settings(self, plan_id: int) -> None:
        """Switches off what disturbs or slows a load (automations, lead scoring …), after noting how it was.

        Before the first load it also notes which records Odoo holds: a rollback is measured by that.
        `restore_settings` puts it back, also after a failure.
        """
        ws = self.workspace()
        self.require_approvals(ws, plan_id)
        target = self.target(ws)
        picture.take(target, self.run_id())
        pages.log_list("Parked", settings.park(target, self.run_id()))

    @person_readable
    def restore_settings(self) -> None:
        """Puts every setting back as `park_settings` found it, and takes the loader's server action out of Odoo. Runs also when the load failed."""
        # Also when another run has the project by now: what was switched off must not stay off.
        target = self.target(self.workspace(alone=False))
        pages.log_list("Put back", settings.restore(target, self.run_id()))
        load_action.remove_load_action(target)

    @person_readable
    def looked_up(self, plan_id: int) -> None:
        """Notes the records of Odoo that are only referred to and never made (countries, industries …), and checks that they are there."""
        ws = self.workspace()
        target = self.target(ws)
        plan = ledger.get_plan(ws, plan_id)
        for entity in self.bundle.load_order:
            if only_looked_up(self.bundle, entity):
                ledger.adopt_found(ws, self.run_id(), plan, entity)
                check_entity(target, self.run_id(), plan_id, entity)

    @person_readable
    def chunks(self, entity: str, plan_id: int) -> list[dict[str, Any]]:
        """Cuts the planned records of one entity into chunks for the mapped task `records`, and notes what must not change during the load."""
        ws = self.workspace()
        self.require_approvals(ws, plan_id)
        plan = ledger.get_plan(ws, plan_id)
        ledger.adopt_found(ws, self.run_id(), plan, entity)
        target = self.target(ws)
        settings.require_parked(target)
        guard.snapshot(target, self.run_id(), entity)
        if revived := rollback.revive(target, self.run_id(), entity):
            log.info("%d archived records are active again: the export has them again", revived)
        found = [chunk.as_json() for chunk in chunks(ws, plan_id, entity)]
        log.info("%s: %d chunks", entity, len(found))
        return found

    @person_readable
    def load_chunk(self, entity: str, plan_id: int, chunk: dict[str, Any]) -> None:
        """Loads one chunk: each batch is one transaction in Odoo with its external ids, noted before and after.

        Safe to clear, alone or with others, at any time: what Odoo has is found by external id and not created again. A refused row is noted
        with Odoo's message and its source line, and the rest goes on, until the project's error budget is used up.
        """
        part = Chunk.from_json(chunk)
        get_current_context()["chunk_label"] = part.label  # type: ignore[typeddict-unknown-key]
        ws = self.workspace()
        self.require_approvals(ws, plan_id)
        load_chunk(self.target(ws), self.run_id(), plan_id, part)

    @person_readable
    def second_pass(self, entity: str, plan_id: int) -> None:
        """Writes the fields that can only be written once the records exist: references in a circle, dates that Odoo would set itself.

        Safe to clear: only records that still need it are written.
        """
        ws = self.workspace()
        self.require_approvals(ws, plan_id)
        target = self.target(ws)
        load_second(target, self.run_id(), plan_id, entity)
        run_steps(target, self.run_id(), plan_id, entity)
        if target.entities[entity].model == "crm.team":
            for grant in provision_rights(target, self.run_id()):
                log.info("%s: %s", grant.login, grant.what)

    @person_readable
    def gate(self, entity: str, plan_id: int) -> None:
        """Counts on three legs that must agree (export, ledger, Odoo asked by external id), and looks that nothing happened that should not.

        A failure stops the next entity. The message says what differs, with the first cases and what to do.
        """
        ws = self.workspace()
        target = self.target(ws)
        pages.log_chunk_times(entity, phase.chunk_times(ws, target.target_id, plan_id, entity))
        guard.check(target, self.run_id(), entity)
        try:
            check_entity(target, self.run_id(), plan_id, entity)
        finally:
            self._write_phase(ws, entity)

    def _write_phase(self, ws: Workspace, entity: str) -> None:
        """The phase's own reconciliation report, before the next phase may start."""
        try:
            written = handoff.write_phase(ws, self.run_id(), entity, self.documents())
            log.info("Reconciliation of this phase: %s", written[0].location)
        except handoff.CannotWrite as error:
            # It must not hide why a gate failed; the task `documents` fails for the same cause.
            log.warning("%s", error)

    @person_readable
    def vanished(self, plan_id: int) -> None:
        """Archives or deletes records whose rows the export no longer has, if the project says so and the plan listed them.

        What a person changed or refers to stays. Also notes which fields wait for a decision after this load.
        """
        ws = self.workspace()
        self.require_approvals(ws, plan_id)
        target = self.target(ws)
        waiting = settle_conflicts(target, self.run_id(), plan_id)
        log.info("%d records wait for a decision about a field that was changed on both sides", waiting)
        done = rollback.vanish(target, self.run_id(), plan_id).counts
        pages.log_list("Records of vanished rows", [f"{entity}: {action} {n}" for entity, counts in done.items() for action, n in counts.items()])

    # ---- results

    @person_readable
    def settle(self, plan_id: int) -> None:
        """Gives every row of the export exactly one disposition, and proves that they add up to the rows of the files."""
        pages.log_dispositions(settle_dispositions(self.workspace(), self.run_id(), plan_id))

    @person_readable
    def diff(self, plan_id: int) -> None:
        """Reads every loaded record back from Odoo and compares every field.

        Differences are listed in the report, for a person to judge; only an incomplete comparison fails this task.
        """
        summary = diff(self.target(self.workspace()), self.run_id(), plan_id)
        counts = ("compared", "equal", "transformed", "different", "not_comparable")
        log.info("%s", ", ".join(f"{count.replace('_', ' ')} {summary.total(count):,}" for count in counts))

    @person_readable
    def report(self, plan_id: int) -> dict[str, Any]:
        """Writes the report of the run and prepares the page for `sign_off`, bound to the report's hash."""
        ws = self.workspace()
        since.keep(ws, self.run_id(), plan_id)
        runs.wait(ws, self.run_id(), "sign_off")
        written = handoff.write_report(ws, self.run_id(), self.documents())[0]
        hashes = {"report": written.sha256}
        if self.kind() == "sandbox":
            hashes |= {seen.subject: seen.hash for seen in (self.sample_seen(), self.sample_data_seen(ws, ledger.get_plan(ws, plan_id).export_id))}
        return {"body": pages.report_page(ws, self.run_id(), written.location), "hashes": hashes}

    @person_readable
    def write_documents(self) -> list[str]:
        """Writes every document of this phase beside the report: papers, lists, evidence, manifest. Returns where they are.

        Automations of the source are evaluated on the Odoo of this run first: how many records would each match? Creates nothing there.
        Repeating it replaces the documents; those that somebody signed are kept. Gives the project back: the staging tables are not needed
        any more, and other runs need not wait for a person.
        """
        ws = self.workspace()
        self._check_rules(ws)
        discovering = get_current_context()["dag_run"].dag_id.endswith(".discover")
        if discovering:
            for column in handoff.note_unmapped(ws, self.run_id()):
                log.warning("%s: the column %r (%d values) has no place in Odoo", column.object, column.header, column.filled)
        written = handoff.write_pack(ws, self.run_id(), self.documents())
        pages.log_list("Documents", [d.location for d in written])
        if not discovering:  # the scope's page still needs the tables
            project_lock.release(ws, self.run_id())
        return [d.location for d in written]

    def _check_rules(self, ws: Workspace) -> None:
        with ws.connect() as connection:
            row = connection.execute(ws.sql("select target_id from {log}.run where run_id = %s"), (self.run_id(),)).fetchone()
        if row and row["target_id"] and handoff.rule_objects(ws):
            handoff.check_rules(self.target(ws))
