"""The quick way of loading leaves the same records as Odoo's own slow way, field by field."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from crm2odoo.ledger.batches import ChunkLedger
from crm2odoo.odoo import loader, settings
from crm2odoo.odoo.client import OdooCredentials
from crm2odoo.odoo.context import SILENT
from crm2odoo.odoo.load_action import SPARED, ActionTier
from crm2odoo.odoo.loader_values import EntityRules
from crm2odoo.project import package_root
from load_world import World, open_world, write_project
from odoo_server import OdooDatabase

pytestmark = [pytest.mark.odoo, pytest.mark.promise("R01")]

SOURCE = """
source: hand
title: Written by hand
objects:
  thing:
    title: Thing
    files: [things]
    key: [id]
    columns: {id: {type: id}, name: {}, at: {type: datetime}}
    entities:
      - {entity: industry, fields: {name: name}}
      - {entity: company, fields: {name: name}}
      - {entity: contact, fields: {name: name, email: name}}
      - {entity: lead, fields: {name: name}}
      - {entity: message, fields: {body: name, date: at}}
      - {entity: event, fields: {name: name, start: at}}
      - {entity: order, fields: {number: name}}
      - {entity: order_line, fields: {name: name}}
"""
VOLATILE = {"id", "calendar_last_notif_ack", "create_date", "write_date", "create_uid", "write_uid", "display_name", "commercial_partner_id", "parent_id", "complete_name"}
QUICK = [
    ("contact", ", ours_context: {_partners_skip_fields_sync: true}", ""),
    ("contact", "lang: {like: parent_id}", "no_such_field: {like: parent_id}"),
    ("company", "context: {_partners_skip_fields_sync: true}", "context: {}"),
]


def real_world(root: Path, dsn: str, odoo: OdooDatabase, name: str) -> World:
    """A project with the entity files as they are delivered; in the project ``slow`` without what makes them quick."""
    write_project(root, name)
    shutil.rmtree(root / "mappings/odoo")
    shutil.copytree(package_root() / "mappings/odoo", root / "mappings/odoo")
    (root / "mappings/sources/hand.yaml").write_text(SOURCE)
    for entity, quick, plain in QUICK:
        path = root / f"mappings/odoo/{entity}.yaml"
        assert quick in path.read_text()
        if name == "slow":
            path.write_text(path.read_text().replace(quick, plain))
    return open_world(root, dsn, OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key), name)


def load_contacts(world: World) -> list[dict[str, Any]]:
    """Three companies, one of them in Odoo before us, two with a language of their own, and contacts that share their address, have their own, or have none."""
    french = world.client.call("res.lang", "search", domain=[["code", "=", "fr_FR"]], context={"active_test": False})
    world.client.call("res.lang", "write", ids=french, vals={"active": True})
    vat = {"name": "Theirs", "is_company": True, "vat": "BE0477472701", "street": "9 Old St", "city": "Gent", "ref": "kept", "lang": "fr_FR"}
    world.found("company", "theirs", world.client.call("res.partner", "create", vals_list=[vat], context={"no_vat_validation": True})[0])
    address = {"street": "1 Main St", "street2": "Floor 2", "city": "Boston", "zip": "02139"}
    world.plan(
        industry=[{"_xid": "industry", "name": "Asphalt"}],
        company=[
            {"_xid": "ours", "name": "Ours", "type": "contact", "industry_id": "industry", **address},
            {"_xid": "bare", "name": "Bare", "type": "contact"},
            {"_xid": "part", "name": "Part", "type": "other", "parent_id": "theirs", "city": "Zug"},
            {"_xid": "part2", "name": "Part without address", "type": "contact", "parent_id": "ours"},
        ],
        contact=[
            {"_xid": "a", "name": "Shares", "type": "contact", "parent_id": "ours", "industry_id": "industry", "email": "a@x.example", **address},
            {"_xid": "b", "name": "Own", "type": "other", "parent_id": "ours", "industry_id": "industry", "city": "Basel"},
            {"_xid": "c", "name": "Bare", "type": "contact", "parent_id": "bare"},
            {"_xid": "d", "name": "Own below bare", "type": "other", "parent_id": "bare", "city": "Basel"},
            {"_xid": "e", "name": "Alone", "type": "contact", "city": "Bern", "website": "x.example"},
            {"_xid": "f", "name": "Below theirs", "type": "contact", "parent_id": "theirs"},
        ],
    )
    for entity in ("industry", "company", "contact"):
        for chunk in world.chunks(entity):
            loader.load_chunk(world.target, world.run_id, world.plan_id, chunk)
        loader.load_second(world.target, world.run_id, world.plan_id, entity)
        if entity == "company":
            world.client.call("res.partner", "write", ids=[world.ids("company")["bare"]], vals={"lang": False})
            world.client.call("res.partner", "write", ids=[world.ids("company")["ours"]], vals={"lang": "fr_FR"})
    shape = world.client.call("res.partner", "fields_get", attributes=["type", "store"])
    fields = sorted(n for n, f in shape.items() if f["store"] and n not in VOLATILE and f["type"] not in ("one2many", "binary"))
    ids = world.ids("contact") | world.ids("company")
    rows = world.client.call("res.partner", "read", ids=list(ids.values()), fields=fields, load="", context={"active_test": False})
    xid_of, industry = {i: x for x, i in ids.items()}, world.ids("industry")["industry"]
    assert len(fields) > 50
    found = {xid_of.pop(r.pop("id")): {k: "ours" if k == "industry_id" and v == industry else v for k, v in r.items()} for r in rows}
    return [found[xid] for xid in sorted(found)]


def test_companies_and_contacts(tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> None:
    quick = load_contacts(real_world(tmp_path / "quick", staging_dsn, odoo, "quick"))
    slow = load_contacts(real_world(tmp_path / "slow", staging_dsn, odoo, "slow"))
    different = [(a["name"], k, a[k], b[k]) for a, b in zip(quick, slow, strict=True) for k in a if a[k] != b[k]]
    assert different == []
    by_name = {r["name"]: r for r in quick}
    assert by_name["Below theirs"]["vat"] == "BE0477472701", "what a company had before us still reaches its new contacts"
    assert by_name["Below theirs"]["city"] == "Gent"
    spoken = {name: by_name[name]["lang"] for name in ("Shares", "Own", "Below theirs", "Bare", "Alone")}
    assert spoken == {"Shares": "fr_FR", "Own": "fr_FR", "Below theirs": "fr_FR", "Bare": "en_US", "Alone": "en_US"}


DECLARED = {
    # Odoo makes up an id and computes an address for replies; the source's id tells messages apart, and nobody replies to a message of the past.
    "mail.message": {"message_id", "reply_to"},
    # Odoo adds the contact data of the first attendee to the description, which is the source's.
    "calendar.event": {"description"},
}
"""Model → fields in which the quick way differs from the slow one, on purpose."""


def test_leads_messages_meetings_and_orders(tmp_path: Path, staging_dsn: str, odoo: OdooDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same values once through the loader, with scoring parked, and once by a plain ``create`` without any context."""
    world = real_world(tmp_path, staging_dsn, odoo, "others")
    sent: dict[str, list[dict[str, Any]]] = {}
    real = ActionTier.create

    def create(self: ActionTier, model: str, rows: list[tuple[str, dict[str, Any]]], context: dict[str, Any]) -> Any:
        sent.setdefault(model, []).extend(values for _, values in rows)
        return real(self, model, rows, context)

    monkeypatch.setattr(ActionTier, "create", create)
    for xid, xml_id in {"new": "crm.stage_lead1", "won": "crm.stage_lead4"}.items():
        world.found("stage", xid, world.client.xml_ids([xml_id])[xml_id])
    lead = {"type": "lead", "partner_id": "ann", "priority": "1", "iap_enrich_done": True, "date_last_stage_update": "2020-02-02 03:04:05"}
    closed = {"date_closed": "2020-02-03 04:05:06", "automated_probability": 0}
    note = {"model": "res.partner", "res_id": "ann", "message_type": "comment", "subtype_id": "mail.mt_note", "is_internal": True,
            "email_from": "old@x.example", "reply_to_force_new": False}  # fmt: skip
    line = {"name": "Item", "product_uom_qty": 2, "price_unit": 10.0, "discount": 0, "tax_ids": []}
    world.plan(
        contact=[{"_xid": "ann", "name": "Ann", "type": "contact", "email": "ann@x.example", "phone": "+1 617 555 0100"}],
        lead=[
            {"_xid": "open", "name": "Open", "stage_id": "new", "active": True, "probability": 40, "automated_probability": 0, **lead},
            {"_xid": "is_won", "name": "Won", "stage_id": "won", "active": True, "probability": 100, **closed, **lead},
            {"_xid": "lost", "name": "Lost", "stage_id": "new", "active": False, "probability": 0, **closed, **lead},
        ],
        message=[{"_xid": f"m{n}", "body": f"<p>Note {n}</p>", "date": f"2020-01-0{n} 10:00:00", "message_id": f"<{n}@x.invalid>", **note} for n in (1, 2)],
        event=[{"_xid": "met", "name": "Meeting", "start": "2020-01-01 10:00:00", "stop": "2020-01-01 11:00:00", "duration": 1.0, "partner_ids": ["ann"]}],
        order=[{"_xid": "so", "name": "SO-OLD-1", "partner_id": "ann", "state": "sale", "date_order": "2020-01-01 10:00:00", "order_line": [line, line]}],
    )
    settings.park(world.target, world.run_id)
    for entity in ("contact", "lead", "message", "event", "order"):
        for chunk in world.chunks(entity):
            loader.load_chunk(world.target, world.run_id, world.plan_id, chunk)
    settings.restore(world.target, world.run_id, rebuild_scoring=False)
    different: list[tuple[str, str, Any, Any]] = []
    call, slow = world.client.call, {}
    for model, values in sent.items():
        slow[model] = call(model, "create", vals_list=[{k: v for k, v in one.items() if k not in DECLARED.get(model, ())} for one in values])
    settings.rebuild(world.target)
    for entity in ("lead", "message", "event", "order"):
        model = world.target.entities[entity].model
        shape = call(model, "fields_get", attributes=["type", "store"])
        fields = sorted(n for n, f in shape.items() if f["store"] and n not in VOLATILE and f["type"] not in ("one2many", "binary"))
        assert len(fields) > 15
        ids = world.ids(entity)
        both = call(model, "read", ids=[*ids.values(), *slow[model]], fields=fields, load="", context={"active_test": False})
        rows = {r.pop("id"): r for r in both}
        for quick_id, slow_id in zip(sorted(ids.values()), sorted(slow[model]), strict=True):
            different += [(model, k, v, rows[slow_id][k]) for k, v in rows[quick_id].items() if v != rows[slow_id][k] and k not in DECLARED.get(model, ())]
    assert different == []


PAGE = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\nxref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \ntrailer<</Size 4/Root 1 0 R>>\nstartxref\n163\n%%EOF"
"""A PDF with an empty page."""


def test_an_order_gets_the_analytic_accounts_and_documents_that_odoo_gives_it_by_default(tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> None:
    """Neither is looked for record by record, as long as the target has none."""
    world = real_world(tmp_path, staging_dsn, odoo, "defaults")
    order = {"partner_id": "ann", "state": "draft", "date_order": "2020-01-01 10:00:00"}
    line = {"name": "Item", "product_uom_qty": 2, "price_unit": 10.0, "discount": 0, "tax_ids": []}
    world.plan(
        contact=[{"_xid": "ann", "name": "Ann", "type": "contact"}],
        order=[{"_xid": xid, "name": xid, "order_line": [line], **order} for xid in ("before", "after")],
    )
    [contacts], [orders] = world.chunks("contact"), world.chunks("order")
    loader.load_chunk(world.target, world.run_id, world.plan_id, contacts)
    call, load = world.client.call, ActionTier(world.target).create
    rules = EntityRules(world.target, "order")
    assert {name for _, name, *_ in rules.spared} == {"analytic_distribution", "quotation_document_ids"}

    def made(xid: str) -> tuple[Any, Any]:
        [row] = [r for r in cut if r.xid == xid]
        created = load("sale.order", [(xid, rules.for_create(row))], {**SILENT, SPARED: rules.spared})
        [found] = call("sale.order", "read", ids=created.ids, fields=["order_line", "quotation_document_ids"])
        [inner] = call("sale.order.line", "read", ids=found["order_line"], fields=["analytic_distribution"])
        return inner["analytic_distribution"], found["quotation_document_ids"]

    with ChunkLedger.open(world.target.ws, world.target.target_id, world.run_id, world.plan_id, orders) as ledger:
        cut = ledger.cut(0, 10)
    rules.look_up(cut)
    assert made("before") == (False, [])
    group = world.client.xml_ids(["analytic.group_analytic_accounting"])["analytic.group_analytic_accounting"]
    call("res.users", "write", ids=[world.client.uid], vals={"group_ids": [[4, group]]})
    plan = call("account.analytic.plan", "create", vals_list=[{"name": "Regions"}])[0]
    account = call("account.analytic.account", "create", vals_list=[{"name": "North", "plan_id": plan}])[0]
    call("account.analytic.distribution.model", "create", vals_list=[{"partner_id": world.ids("contact")["ann"], "analytic_distribution": {str(account): 100}}])
    document = {"name": "Terms.pdf", "datas": base64.b64encode(PAGE).decode(), "document_type": "footer", "add_by_default": True}
    [terms] = call("quotation.document", "create", vals_list=[document])
    assert made("after") == ({str(account): 100}, [terms])


SIZES = ["image_1920", "image_1024", "image_512", "image_256", "image_128"]


def test_pictures_are_resized_where_there_are_some_and_nothing_is_written_where_there_are_none(tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> None:
    world = real_world(tmp_path, staging_dsn, odoo, "pictures")
    call, load = world.client.call, ActionTier(world.target).create
    drawn = io.BytesIO()
    Image.new("RGB", (600, 600), "navy").save(drawn, "PNG")
    seen, bare = {"name": "Seen", "is_company": True, "image_1920": base64.b64encode(drawn.getvalue()).decode()}, {"name": "Bare", "is_company": True}
    quick = [*load("res.partner", [("alone", bare)], SILENT).ids, *load("res.partner", [("seen", seen), ("beside", bare)], SILENT).ids]
    slow = call("res.partner", "create", vals_list=[bare, seen, bare])

    def pictures(ids: list[int]) -> tuple[list[Any], list[Any]]:
        found = {r["id"]: r for r in call("res.partner", "read", ids=ids, fields=SIZES)}
        on_disk = [["res_model", "=", "res.partner"], ["res_id", "in", ids], ["res_field", "in", SIZES]]
        files = call("ir.attachment", "search_read", domain=on_disk, fields=["res_id", "res_field", "checksum"])
        return [[found[i][size] for size in SIZES] for i in ids], sorted((ids.index(f["res_id"]), f["res_field"], f["checksum"]) for f in files)

    values, files = pictures(quick)
    assert values == pictures(slow)[0]
    assert files == pictures(slow)[1]
    assert [[bool(v) for v in one] for one in values] == [[False] * 5, [True] * 5, [False] * 5]
    assert len(files) == 5
    # A picture that Odoo itself puts in is a picture, too.
    call("ir.default", "set", model_name="res.partner", field_name="image_1920", value=seen["image_1920"])
    assert pictures(load("res.partner", [("drawn", bare)], SILENT).ids)[0] == [values[1]]


def test_a_message_on_a_record_that_somebody_deleted_is_refused_and_the_others_arrive(tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> None:
    """Odoo is not asked for each message whether we may put it there; that its record is there is looked up once per call."""
    world = real_world(tmp_path, staging_dsn, odoo, "gone")
    note = {"model": "res.partner", "message_type": "comment", "subtype_id": "mail.mt_note", "is_internal": True, "email_from": "old@x.example", "reply_to_force_new": False}
    world.plan(
        contact=[{"_xid": xid, "name": xid, "type": "contact"} for xid in ("ann", "ben")],
        message=[{"_xid": f"to_{xid}", "res_id": xid, "body": "<p>Hi</p>", "date": "2020-01-01 10:00:00", "message_id": f"<{xid}@gone.invalid>", **note} for xid in ("ann", "ben")],
    )
    [contacts], [messages] = world.chunks("contact"), world.chunks("message")
    loader.load_chunk(world.target, world.run_id, world.plan_id, contacts)
    world.client.call("res.partner", "unlink", ids=[world.ids("contact")["ben"]])
    result = loader.load_chunk(world.target, world.run_id, world.plan_id, messages)
    assert (result.created, result.refused) == (1, 1)
    assert list(world.ids("message")) == ["to_ann"]
    [refusal] = world.sql("select xid, message from {log}.refusal where plan_id = %s", world.plan_id)
    assert refusal["xid"] == "to_ben"
    assert "is not in Odoo any more" in refusal["message"]
