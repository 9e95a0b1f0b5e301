"""A bundled sample export, carried by the real steps into a real Odoo, and read back."""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from crm2odoo import discovery, intake, ledger, staging
from crm2odoo.handoff.facts import collect
from crm2odoo.handoff.paper import Paper
from crm2odoo.handoff.papers.handoff import handoff_paper
from crm2odoo.handoff.rebuild import check_rules
from crm2odoo.handoff.wording import Style
from crm2odoo.ledger import runs
from crm2odoo.ledger.batches import chunks
from crm2odoo.ledger.dispositions import ObjectDispositions, settle_dispositions
from crm2odoo.odoo import guard, load_steps, loader, match, picture, schema, settings
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.target import Target, open_target
from crm2odoo.project import load_bundle
from crm2odoo.reconcile.field_diff import DiffSummary, diff
from crm2odoo.reconcile.gate import check_entity
from crm2odoo.staging import Workspace, kept_connections
from crm2odoo.staging.vault import Vault
from odoo_server import OdooDatabase

ROOT = Path(__file__).resolve().parents[1]
RUN = "the_run"


def some_files(source: str, folder: Path, names: set[str]) -> Path:
    """An export with only these CSV files of a sample, and all its attachments."""
    export = ROOT / "samples" / source / "export"
    folder.mkdir(parents=True)
    for path in export.iterdir():
        if path.is_dir() or path.stem in names:
            shutil.copytree(path, folder / path.name) if path.is_dir() else shutil.copy(path, folder)
    return folder


def project(root: Path, source: str, name: str, export: Path, **changes: Any) -> Path:
    """The bundled demonstration project of a source, with changes, below ``root``."""
    import yaml

    bundled = yaml.safe_load((ROOT / "mappings" / "projects" / f"demo_{'flash' if source == 'flash_lead_sales' else source}.yaml").read_text())
    (root / "mappings" / "projects").mkdir(parents=True, exist_ok=True)
    text = {**bundled, **changes, "project": name, "export": str(export)}
    (root / "mappings" / "projects" / f"{name}.yaml").write_text(yaml.safe_dump(text))
    return root


@dataclass
class Loaded:
    """What a migration left in an Odoo, next to what the sample's own truth says."""

    source: str
    ws: Workspace
    target: Target
    export_id: str
    plan_id: int
    rows: list[ObjectDispositions]
    differences: DiffSummary
    fields: list[discovery.Proposal] = field(default_factory=list)

    @cached_property
    def truth(self) -> dict[str, Any]:
        truth: dict[str, Any] = json.loads((ROOT / "samples" / self.source / "TRUTH.json").read_text())
        return truth

    @cached_property
    def ids(self) -> dict[str, dict[str, int]]:
        """Entity → external id of our own records (without the module) → database id."""
        found: dict[str, dict[str, int]] = {}
        with self.ws.connect() as connection:
            for r in connection.execute(self.ws.sql("select entity, xid, res_id from {log}.record where target_id = %s and res_id is not null"), [self.target.target_id]):
                found.setdefault(r["entity"], {})[r["xid"]] = r["res_id"]
        return found

    def read(self, entity: str, *fields: str) -> dict[str, dict[str, Any]]:
        """External id → fields of the records of an entity, archived ones too; links as database ids."""
        mine = self.ids.get(entity, {})
        found = self.target.client.call(self.target.entities[entity].model, "read", ids=sorted(set(mine.values())), fields=list(fields), load="", context={"active_test": False})
        by_id = {r["id"]: r for r in found}
        return {xid: by_id[i] for xid, i in mine.items() if i in by_id}

    def search(self, model: str, domain: list[Any], *fields: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.target.client.call(model, "search_read", domain=domain, fields=list(fields), load="", context={"active_test": False}, order="id")
        return found

    def key(self, entity: str, res_id: int) -> str:
        """The source key behind a database id."""
        return next((xid for xid, i in self.ids[entity].items() if i == res_id), "").removeprefix("=").split("_", 1)[-1].removesuffix(f"__{entity}")

    def source_rows(self, file: str, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
        with open(ROOT / "samples" / self.source / "export" / file, encoding=encoding, newline="") as text:
            separator = ";" if ";" in text.readline() else ","
            text.seek(0)
            return list(csv.DictReader(text, delimiter=separator))

    def first_rows(self, file: str, key: str, encoding: str = "utf-8-sig") -> dict[str, dict[str, str]]:
        """Value of the key column, without ".0" → the first row that has it: the one that counts."""
        return {r[key].removesuffix(".0"): r for r in reversed(self.source_rows(file, encoding)) if r[key]}

    def counts(self, name: str) -> dict[str, int]:
        """Dispositions of one object."""
        return next(r.counts for r in self.rows if r.object == name)

    def unexplained(self) -> list[str]:
        """Differences of fields, and checks that failed."""
        with self.ws.connect() as connection:
            failed = connection.execute(
                self.ws.sql("select distinct phase || '.' || name as name from {log}.reconciliation where target_id = %s and not passed order by 1"), [self.target.target_id]
            ).fetchall()
        return [*(f"{e.entity}: {e.different}" for e in self.differences.entities if e.different), *(r["name"] for r in failed)]


@kept_connections()
def migrate(source: str, root: Path, name: str, dsn: str, odoo: OdooDatabase, vault: Vault | None = None) -> Loaded:
    """Register, land, clean, profile, build, set up, plan, load, check, settle, compare: as the DAGs do it."""
    ws = Workspace.open(load_bundle(root, name), dsn, vault)
    bundle = ws.bundle
    location = bundle.project.export
    export = intake.register(ws, str((root if (root / location).exists() else ROOT) / location))
    intake.land(ws, export)
    intake.clean(ws, export)
    intake.verify_counts(ws, export)
    fields = discovery.propose_custom_fields(ws, export)
    staging.build_target(ws, export)
    target = open_target(ws, OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key)), "sandbox")
    runs.start(ws, RUN, kind="sample", dag_id=None)
    runs.bind(ws, RUN, export_id=export, target_id=target.target_id)
    target = schema.apply_schema(target, RUN, schema.plan_schema(target)) or target
    for entity in bundle.load_order:
        match.read_existing(target, entity)
    plan = ledger.make_plan(ws, target.target_id, export)
    picture.take(target, RUN)
    settings.park(target, RUN)
    with contextlib.ExitStack() as after:
        after.callback(settings.restore, target, RUN)
        for entity in bundle.load_order:
            ledger.adopt_found(ws, RUN, plan, entity)
            guard.snapshot(target, RUN, entity)
            for chunk in chunks(ws, plan.plan_id, entity):
                loader.load_chunk(target, RUN, plan.plan_id, chunk)
            loader.load_second(target, RUN, plan.plan_id, entity)
            load_steps.run_steps(target, RUN, plan.plan_id, entity)
            guard.check(target, RUN, entity)
            check_entity(target, RUN, plan.plan_id, entity)
    rows = settle_dispositions(ws, RUN, plan.plan_id)
    return Loaded(source, ws, target, export, plan.plan_id, rows, diff(target, RUN, plan.plan_id), fields)


def planned_again(loaded: Loaded) -> dict[str, int]:
    """Actions of a second plan from the same export."""
    staging.build_target(loaded.ws, loaded.export_id)
    for entity in loaded.ws.bundle.load_order:
        match.read_existing(loaded.target, entity)
    again = ledger.make_plan(loaded.ws, loaded.target.target_id, loaded.export_id)
    totals: dict[str, int] = {}
    for entity, actions in again.summary.items():
        if loaded.ws.bundle.entities[entity].create == "never":
            continue
        for action, n in actions.items():
            totals[action] = totals.get(action, 0) + n
    return totals


def handed_over(loaded: Loaded) -> Paper:
    """The handoff document, its rules checked against this Odoo."""
    check_rules(loaded.target)
    return handoff_paper(loaded.ws.bundle, collect(loaded.ws, RUN, everything=True), Style.of(loaded.ws.bundle.project.locale))


def target_tables(ws: Workspace) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Every record to be, table by table, in the order of its external ids."""
    with ws.connect() as connection:
        for entity in ws.bundle.build_order:
            yield entity, connection.execute(ws.sql("select * from {target}.{entity} order by _xid", entity=entity)).fetchall()
