"""The tasks of ``<project>.rollback``. A task gets and gives ids only; the list of what is undone stands in PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import get_current_context

from crm2odoo.airflow import connections, forms, pages
from crm2odoo.airflow.failures import person_readable
from crm2odoo.airflow.steps import POOL_PROBE, Steps
from crm2odoo.ledger import approvals, fresh, runs
from crm2odoo.odoo import load_action, rollback, schema, settings, snapshot
from crm2odoo.odoo.client import OdooClient
from crm2odoo.odoo.target import Kind, Target, open_target
from crm2odoo.staging import Workspace

log = logging.getLogger("crm2odoo")

SUBJECT = "rollback"


class UndoSteps(Steps):
    """What a rollback does, besides what all DAGs do."""

    takes_over = True

    def connection(self) -> str:
        """The project's own connection, unless the form names a test database."""
        return str(self.param("connection")) if self.param("target") == "test" else self.project.connections.odoo

    def kind(self) -> Kind:
        """As the project knows the database: what was loaded as a sandbox is undone as one."""
        return "sandbox" if self.param("target") == "sandbox" else "production"

    def target(self, ws: Workspace) -> Target:
        """The Odoo to be put back. A test database of one's own is known as a sandbox, whatever connection leads to it."""
        client = OdooClient.connect(self.credentials())
        uuid = client.call("ir.config_parameter", "search_read", domain=[["key", "=", "database.uuid"]], fields=["value"], limit=1)
        with ws.connect() as connection:
            known = connection.execute(ws.sql("select kind from {log}.target where target_id = %s"), (uuid[0]["value"] if uuid else "",)).fetchone()
        return open_target(ws, client, known["kind"] if known else self.kind())

    def scope_of_undo(self) -> list[str]:
        """The run to undo; empty for everything."""
        run = str(self.param("run") or "").strip()
        return [run] if run else []

    def undo_seen(self, hash_: str) -> approvals.Seen:
        """The approval that undoing needs."""
        return approvals.Seen(SUBJECT, hash_, f"{self.project.project}.rollback")

    @person_readable
    def needs_for_undo(self) -> None:
        """Looks whether the run can start: parameters, connections, pool, staging database, Odoo, and the run to undo."""
        context = get_current_context()
        run = context["dag_run"]
        forms.refuse_unknown(run.conf, context["dag"].params)
        connections.require_setup(self.project, context, POOL_PROBE)
        ws = self.workspace()
        target = self.target(ws)
        runs.start(
            ws, self.run_id(), kind="rollback", dag_id=run.dag_id, details={"undo": self.scope_of_undo(), "schema": bool(self.param("schema"))}
        )
        runs.bind(ws, self.run_id(), target_id=target.target_id)
        with ws.connect() as connection:
            known = connection.execute(
                ws.sql("select run_id from {log}.entry where target_id = %s group by 1 order by max(entry_id) desc"), (target.target_id,)
            ).fetchall()
        if self.whole():
            self.database_server(target).check(target.client.database)
            self.chosen(target)
        names = [r["run_id"] for r in known]
        if missing := [r for r in self.scope_of_undo() if r not in names]:
            shown = "\n".join(f"- {name}" for name in names[:20]) or "- none"
            raise AirflowFailException(f"There is no run {missing[0]!r} that wrote to this Odoo. Runs that did, newest first:\n{shown}")

    def whole(self) -> bool:
        """Whether the whole database goes back to a snapshot."""
        return bool(self.param("way") == "snapshot")

    def chosen(self, target: Target) -> snapshot.Snapshot:
        """The snapshot that the form names, or the newest one."""
        number = str(self.param("snapshot") or "").strip()
        return snapshot.find(target, int(number) if number else None)

    @person_readable
    def list_undo(self) -> dict[str, Any]:
        """The dry run: lists what would be deleted, archived, restored and spared, with reasons. Writes nothing to Odoo.

        A load that still runs loses its right to write at its next batch. The way *snapshot* lists what people did since.
        """
        ws = self.workspace()
        target = self.target(ws)
        if self.whole():
            found = self.chosen(target)
            lost = snapshot.lost(target, found)
            body = snapshot_page(target, found, lost, snapshot.snapshots(target))
            log.info("%s", body)
            return {"body": body, "hashes": {SUBJECT: snapshot_hash(found, lost)}}
        summary = rollback.dry_run(target, self.run_id(), self.scope_of_undo())
        body = undo_page(target, summary, bool(self.param("schema")), fresh.locked_by(ws, target.target_id))
        log.info("%s", body)
        return {"body": body, "hashes": {SUBJECT: summary.hash}}

    @person_readable
    def wanted(self) -> bool:
        """Goes on only when the form says that this is no dry run."""
        if self.param("dry_run"):
            self.ended(self.workspace())
            return False
        runs.wait(self.workspace(), self.run_id(), "sign_off")
        return True

    @person_readable
    def undo(self, listed: dict[str, Any]) -> None:
        """Deletes, archives and restores what was listed and signed, newest first. What a person changed since the list stays.

        Safe to clear at any moment: what is undone is in the ledger, and it goes on with the rest.
        """
        ws = self.workspace()
        signed = listed["hashes"][SUBJECT]
        approvals.require(ws, [self.undo_seen(signed)])
        target = self.target(ws)
        if self.whole():
            found = self.chosen(target)
            if found.restoring_run != self.run_id() and snapshot_hash(found, snapshot.lost(target, found)) != signed:
                raise AirflowFailException(
                    "People worked in Odoo, or a load wrote, since the list was signed. Nothing was restored. Trigger the rollback again."
                )
            done_whole = snapshot.restore(target, self.run_id(), found, self.database_server(target))
            log.info("Restored in %.1f s; what was there before is the database %s", done_whole.restore_seconds or 0, done_whole.replaced)
            return
        done = rollback.carry_out(target, self.run_id(), signed)
        pages.log_list("Spared", [f"{i.model} {i.res_id} ({i.xid}): {i.reason}" for i in done.spared[:1000]])

    @person_readable
    def put_back_settings(self) -> None:
        """Puts back settings that a load parked and did not put back, and takes the loader's server action out of Odoo."""
        if self.whole():
            log.info("Settings came back with the snapshot")
            return
        target = self.target(self.workspace())
        pages.log_list("Put back", settings.restore(target, self.run_id(), rebuild_scoring=False))
        load_action.remove_load_action(target)

    @person_readable
    def remove_schema(self) -> None:
        """When the form says so: takes custom fields, their views and features out again, as far as nothing uses them."""
        if not self.param("schema") or self.whole():
            log.info("Custom fields and features are as %s", "the snapshot has them" if self.whole() else "they were; the form says that they stay")
            return
        removals = schema.remove_schema(self.target(self.workspace()), self.run_id())
        pages.log_list("Removed", [r.what for r in removals if r.removed])
        pages.log_list("Stays", [f"{r.what}: {r.reason}" for r in removals if not r.removed])

    @person_readable
    def verify_undo(self) -> None:
        """Compares Odoo with the picture taken before the first load. Fails for a difference that nothing explains."""
        ws = self.workspace()
        target = self.target(ws)
        verified = rollback.verify(target, self.run_id())
        pages.log_list(f"{verified.models} models are as they were before the load, but for", verified.listed)
        with ws.connect() as connection:
            left = connection.execute(ws.sql("select count(*) as n from {log}.record where target_id = %s and ours"), (target.target_id,)).fetchone()
        if left is not None and not left["n"]:
            rollback.forget_picture(target)
        self.ended(ws)


def undo_page(target: Target, summary: rollback.Summary, schema_too: bool, locked: str | None) -> str:
    """What a person signs: counts per entity, reasons of what stays, the switches. ``locked``: by whom and when the project was cut over."""
    actions = ("delete", "archive", "restore", "forget", "keep")
    rows = [(entity, *(counts.get(a, 0) for a in actions)) for entity, counts in summary.counts.items()]
    lines = [
        f"### Undo in {pages._text(target.client.database)} at {pages._text(target.client.url)} ({target.kind})",
        f"Scope: {'everything that was loaded' if not summary.runs else 'the runs ' + ', '.join(map(pages._text, summary.runs))}. "
        f"Custom fields and features {'go, as far as nothing uses them' if schema_too else 'stay'}.",
        pages._table(("entity", "deleted", "archived", "restored", "gone already", "stay"), rows) if rows else "Nothing that was loaded stands.",
    ]
    if locked:
        lines.append(f"**The project was cut over** ({pages._text(locked)}): people work in this Odoo. What they changed or use stays.")
    if summary.reasons:
        lines += ["**What stays, and why**", pages._table(("entity", "reason", "records"), summary.reasons[:50])]
    return "\n\n".join(lines)


def snapshot_hash(found: snapshot.Snapshot, lost: list[snapshot.Lost]) -> str:
    """What a restore is signed for: this snapshot, and what people did since."""
    return hashlib.sha256(json.dumps([found.snapshot_id, found.copy, [[x.model, x.records] for x in lost]]).encode()).hexdigest()


def snapshot_page(target: Target, found: snapshot.Snapshot, lost: list[snapshot.Lost], known: list[snapshot.Snapshot]) -> str:
    """What a person signs: which snapshot, how long it takes, and what is lost."""
    database, url = pages._text(target.client.database), pages._text(target.client.url)
    proof, rehearsed = found.proof, f"{found.rehearse_seconds:,.0f} s, as rehearsed" if found.rehearse_seconds else "a time that nobody rehearsed"
    lines = [
        f"### Put {database} at {url} ({target.kind}) back to snapshot {found.snapshot_id}",
        f"Taken {found.taken_at:%Y-%m-%d %H:%M} UTC, before the run {pages._text(found.run_id)}. The restore takes {rehearsed}; Odoo's sessions end.",
    ]
    if proof is not None:
        lines.append(f"It holds {proof.rows:,} rows in {len(proof.tables):,} tables and {proof.files:,} files; all of them are compared.")
    if lost:
        rows = [(x.model, x.records) for x in lost[:50]]
        lines += ["**Work of people since then, which is lost**", pages._table(("model", "records made or changed"), rows)]
    else:
        lines.append("Nobody but the migration wrote to Odoo since then.")
    others = [(s.snapshot_id, f"{s.taken_at:%Y-%m-%d %H:%M}", s.run_id) for s in known if s.taken_at]
    lines += ["**Snapshots that there are**", pages._table(("number", "taken (UTC)", "before the run"), others)]
    return "\n\n".join(lines)
