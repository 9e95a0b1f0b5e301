"""The quick way of loading leaves the same records as Odoo's own slow way, field by field."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.odoo import loader
from crm2odoo.odoo.client import OdooCredentials
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
    columns: {id: {type: id}, name: {}}
    entities:
      - {entity: industry, fields: {name: name}}
      - {entity: company, fields: {name: name}}
      - {entity: contact, fields: {name: name, email: name}}
"""
VOLATILE = {"id", "calendar_last_notif_ack", "create_date", "write_date", "create_uid", "write_uid", "display_name", "commercial_partner_id", "parent_id", "complete_name"}
QUICK = {"contact": (", ours_context: {_partners_skip_fields_sync: true}", ""), "company": ("context: {_partners_skip_fields_sync: true}", "context: {}")}


def real_world(root: Path, dsn: str, odoo: OdooDatabase, name: str) -> World:
    """A project with the entity files as they are delivered; in the project ``slow`` without what makes them quick."""
    write_project(root, name)
    shutil.rmtree(root / "mappings/odoo")
    shutil.copytree(package_root() / "mappings/odoo", root / "mappings/odoo")
    (root / "mappings/sources/hand.yaml").write_text(SOURCE)
    for entity, (quick, plain) in QUICK.items():
        path = root / f"mappings/odoo/{entity}.yaml"
        assert quick in path.read_text()
        if name == "slow":
            path.write_text(path.read_text().replace(quick, plain))
    return open_world(root, dsn, OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key), name)


def load_contacts(world: World) -> list[dict[str, Any]]:
    """Three companies, one of them in Odoo before us, and contacts that share their address, have their own, or have none."""
    vat = {"name": "Theirs", "is_company": True, "vat": "BE0477472701", "street": "9 Old St", "city": "Gent", "ref": "kept"}
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

