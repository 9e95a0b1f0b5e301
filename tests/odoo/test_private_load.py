"""Health data under HIPAA: encrypted in the staging database, readable in Odoo, compared without being opened in the database."""

from __future__ import annotations

import csv
import shutil

import pytest

import source_world
from crm2odoo import intake, ledger, staging
from crm2odoo.ledger.batches import Row, chunks
from crm2odoo.odoo import loader, match
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.target import open_target
from crm2odoo.reconcile.conflicts import find_conflicts
from crm2odoo.reconcile.field_diff import diff
from crm2odoo.staging import Workspace
from crm2odoo.staging.vault import Vault, VaultClosed, new_key
from odoo_server import OdooDatabase
from source_world import Loaded

PRIVACY = {
    "regime": "hipaa",
    "agreement": "BAA of 2026-01-03",
    "approved_by": "privacy officer",
    "key": "crm2odoo_key",
    "columns": {"contact": {"notes": "encrypt"}, "note": {"body": "encrypt"}},
}
KEY = new_key()
VAULT = Vault.of(KEY, "crm2odoo_key")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Loaded:
    folder = tmp_path_factory.mktemp("private")
    export = source_world.some_files("visual_practice", folder / "export", {"users", "companies", "contacts", "notes"})
    shutil.rmtree(export / "files", ignore_errors=True)
    root = source_world.project(folder, "visual_practice", "vp_private", export, privacy=PRIVACY)
    return source_world.migrate("visual_practice", root, "vp_private", staging_dsn, odoo, VAULT)


def all_text(loaded: Loaded) -> str:
    found = []
    with loaded.ws.connect() as connection:
        tables = connection.execute("select table_schema, table_name from information_schema.tables where starts_with(table_schema, 'vp_private_')").fetchall()
        for table in tables:
            query = loaded.ws.sql("select t::text as row from {schema}.{table} as t", schema=table["table_schema"], table=table["table_name"])
            found += [r["row"] for r in connection.execute(query)]
    return "\n".join(found)


def notes(loaded: Loaded) -> dict[str, str]:
    """Contact → its note in the export."""
    with open(loaded.ws.bundle.root / "export" / "contacts.csv", encoding="utf-8-sig", newline="") as text:
        return {r["Contact ID"]: r["Notes"].strip() for r in csv.DictReader(text, delimiter=";") if (r["Notes"] or "").strip()}


@pytest.mark.promise("P210")
def test_odoo_gets_the_values_and_the_database_only_tokens(loaded: Loaded) -> None:
    comments = {x.split("_", 1)[1]: r["comment"] for x, r in loaded.read("contact", "comment").items() if r["comment"]}
    text, expected = all_text(loaded), notes(loaded)
    assert expected
    assert "enc1." in text
    checked = [key for key, note in expected.items() if key in comments and note.split("\n")[0][:20] in comments[key]]
    assert len(checked) > len(expected) / 2
    assert not [note for note in expected.values() if len(note) > 12 and note in text]
    assert not [r["body"] for r in loaded.search("mail.message", [["model", "=", "res.partner"]], "body") if "enc1." in r["body"]]


@pytest.mark.promise("P002")
def test_the_diff_compares_what_is_encrypted_and_finds_nothing(loaded: Loaded) -> None:
    assert loaded.unexplained() == []
    counted = {(c.entity, f): n for c in loaded.differences.entities for f, n in [("*", c.compared)]}
    assert counted["contact", "*"] > 0


def test_a_change_in_odoo_is_found_and_kept_sealed(loaded: Loaded) -> None:
    xid, record = next((x, r) for x, r in loaded.read("contact", "comment").items() if r["comment"])
    loaded.target.client.call("res.partner", "write", ids=[loaded.ids["contact"][xid]], vals={"comment": "<p>CANARY of Odoo</p>"})
    again = diff(loaded.target, source_world.RUN, loaded.plan_id)
    assert {e.entity: e.different for e in again.entities if e.different} == {"contact": 1}
    assert "CANARY" not in all_text(loaded)
    loaded.target.client.call("res.partner", "write", ids=[loaded.ids["contact"][xid]], vals={"comment": record["comment"]})


def test_the_same_export_changes_nothing_and_a_changed_note_is_one_update(loaded: Loaded) -> None:
    again = source_world.planned_again(loaded)
    assert "update" not in again
    assert "create" not in again
    path = loaded.ws.bundle.root / "export" / "contacts.csv"
    note = max(notes(loaded).values(), key=len)
    path.write_text(path.read_text(encoding="utf-8-sig").replace(note.split("\n")[0], "CANARY of the delta"), encoding="utf-8")
    ws = loaded.ws
    export = intake.register(ws, str(path.parent))
    intake.land(ws, export)
    intake.clean(ws, export)
    staging.build_target(ws, export)
    for entity in ws.bundle.load_order:
        match.read_existing(loaded.target, entity)
    plan = ledger.make_plan(ws, loaded.target.target_id, export)
    assert {e: a["update"] for e, a in plan.summary.items() if a.get("update")} == {"contact": 1}
    for chunk in chunks(ws, plan.plan_id, "contact"):
        loader.load_chunk(loaded.target, source_world.RUN, plan.plan_id, chunk)
    assert [r for r in loaded.read("contact", "comment").values() if "CANARY of the delta" in (r["comment"] or "")]
    assert "CANARY" not in all_text(loaded)


def test_what_a_person_wrote_over_a_note_that_the_source_then_emptied_stays_sealed(loaded: Loaded) -> None:
    ws, path = loaded.ws, loaded.ws.bundle.root / "export" / "contacts.csv"
    with open(path, encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text, delimiter=";"))
    emptied = next(r for r in rows if "CANARY of the delta" in (r["Notes"] or ""))
    xid = f"contact_{emptied['Contact ID']}"
    loaded.target.client.call("res.partner", "write", ids=[loaded.ids["contact"][xid]], vals={"comment": "<p>CANARY of a person</p>"})
    emptied["Notes"] = ""
    with open(path, "w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]), delimiter=";", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    export = intake.register(ws, str(path.parent))
    intake.land(ws, export)
    intake.clean(ws, export)
    staging.build_target(ws, export)
    plan = ledger.make_plan(ws, loaded.target.target_id, export)
    assert [(c.xid, c.choice) for c in find_conflicts(loaded.target, source_world.RUN, plan.plan_id)] == [(xid, None)]
    assert "CANARY" not in all_text(loaded)
    with ws.connect() as connection:
        connection.execute(ws.sql("insert into {log}.decision (name, value, decided_by) values ('conflict', '{{\"choice\": \"take_source\"}}', 'Olga')"))
    plan = ledger.make_plan(ws, loaded.target.target_id, export)
    find_conflicts(loaded.target, source_world.RUN, plan.plan_id)
    for chunk in chunks(ws, plan.plan_id, "contact"):
        loader.load_chunk(loaded.target, source_world.RUN, plan.plan_id, chunk)
    assert not loaded.read("contact", "comment")[xid]["comment"]
    assert "CANARY" not in all_text(loaded), "what was overwritten lies sealed in the ledger"


@pytest.mark.promise("P211")
def test_without_the_key_nothing_is_written(loaded: Loaded, odoo: OdooDatabase) -> None:
    blind = Workspace(loaded.ws.bundle, loaded.ws.dsn)
    target = open_target(blind, OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key)), "sandbox")
    rules = loader.EntityRules(target, "contact")
    with loaded.ws.connect() as connection:
        row = connection.execute(loaded.ws.sql("select vals from {target}.plan where entity = 'contact' and vals::text like '%%enc1.%%' limit 1")).fetchone()
    assert row is not None
    with pytest.raises(Exception, match="this project has no key"):
        rules.for_create(Row("x", 0, "create", "", [], row["vals"], None, False, None, {}))


@pytest.mark.promise("P212")
def test_another_key_of_the_connection_changes_no_value_and_the_one_before_opens_nothing_any_more(loaded: Loaded) -> None:
    bundle, dsn, other = loaded.ws.bundle, loaded.ws.dsn, new_key()
    with pytest.raises(VaultClosed, match=f"(?s)fingerprint {VAULT.fingerprint}.*old_password"):
        Workspace.open(bundle, dsn, Vault.of(other, "crm2odoo_key"))
    Workspace.open(bundle, dsn, Vault.of(other, "crm2odoo_key", before=KEY))
    ws = Workspace.open(bundle, dsn, Vault.of(other, "crm2odoo_key"))
    with pytest.raises(VaultClosed, match=ws.vault.fingerprint):
        Workspace.open(bundle, dsn, VAULT)
    export = intake.register(ws, str(bundle.root / "export"))
    intake.land(ws, export)
    intake.clean(ws, export)
    staging.build_target(ws, export)
    plan = ledger.make_plan(ws, loaded.target.target_id, export)
    assert not [e for e, actions in plan.summary.items() if actions.get("create") or actions.get("update")]
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select vals ->> 'comment' as note from {target}.plan where vals ->> 'comment' like '%%enc1.%%' limit 1")).fetchone()
    assert row is not None
    assert "enc1." not in ws.vault.unseal(row["note"])
