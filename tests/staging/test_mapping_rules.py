"""Rules of the mapping language: a decision that is an expression, embedded records, circles, lines that wait, signs of currencies."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import psycopg
import pytest
from clean_tables import fill

from crm2odoo.ledger import make_plan
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace, build_target
from crm2odoo.staging.mapping_sql import currency_code

SOURCE = """
source: rules
title: Rules CRM
decisions:
  split: {question: Which leads are deals?, default: "lower(status) = 'qualified' and value > 0", sql: true}
lists: {free_mail: [gmail.com]}
objects:
  lead:
    title: Lead
    files: [leads]
    key: [id]
    columns: {id: {type: id}, status: {}, value: {type: money}, company: {type: name}, site: {}, phone: {}, above: {}}
    entities:
      - {entity: deal, when: "coalesce(decision_split, false)", fields: &lead {name: id, firm: {sql: &key "coalesce(case when array_position(free_mail, site) is null then site end, company)"}, currency: {sql: value__currency}}}
      - {entity: lead, when: "not coalesce(decision_split, false)", fields: *lead}
      - {entity: firm, primary: false, fields: {key: {sql: *key}, name: company, phone: phone, above: above}}
  quote:
    title: Quote
    files: [quotes]
    key: [id]
    columns: {id: {type: id}}
    entities: [{entity: quote, fields: {name: id}}]
  item:
    title: Item
    files: [items]
    columns: {quote: {type: id}, code: {}, name: {}}
    entities:
      - {entity: item, fields: {quote: {from: quote, object: quote}, product: {keys: [code, name]}, name: name}}
      - {entity: product, primary: false, fields: {code: code, name: name}}
  job:
    title: Job
    files: [jobs]
    key: [id]
    columns: {id: {type: id}, day: {type: date}, at: {type: datetime}}
    entities: [{entity: job, fields: {name: id, begins: day, due: at}}]
"""
ENTITIES = {
    "lead": """
        model: crm.lead
        title: Leads
        inputs: {name: {}, firm: {type: ref, entity: firm}, currency: {}, kind: {default: new}}
        fields:
          name: {type: char, from: name}
          partner_id: {type: many2one, from: firm}
          x_currency: {type: char, from: currency}
          x_kind: {type: char, from: kind}
        custom_fields: {x_currency: {type: char, label: Currency}, x_kind: {type: char, label: Kind}}
        """,
    "deal": "extends: lead\nmodel: crm.lead\ntitle: Deals\n",
    "firm": """
        model: res.partner
        title: Firms
        inputs: {name: {type: name}, key: {type: name, like: name}, phone: {type: phone, fill: true}, above: {type: ref, entity: firm}}
        identity: [key]
        fields: {name: {type: char, from: name}, phone: {type: char, from: phone}, parent_id: {type: many2one, from: above, write: second}}
        """,
    "product": """
        model: product.product
        title: Products
        inputs: {code: {type: name}, name: {type: name}}
        identity: [code, name]
        decisions: {unknown: {question: What of unknown products?, options: {create: made, hold: wait}, default: hold}}
        create_by: unknown
        match: {keys: [{code: default_code}, {name: name}]}
        fields: {name: {type: char, from: name}}
        """,
    "quote": """
        model: sale.order
        title: Quotes
        inputs: {name: {}}
        fields: {name: {type: char, from: name}, order_line: {type: one2many, lines: item}}
        """,
    "item": """
        model: sale.order.line
        title: Items
        part_of: quote
        inputs: {quote: {type: ref, entity: quote}, product: {type: ref, entity: product}, name: {}}
        fields: {name: {type: text, from: name}, product_id: {type: many2one, from: product, on_missing: hold}}
        """,
}
ENTITIES["job"] = """
    model: project.task
    title: Jobs
    inputs: {name: {}, begins: {type: datetime}, due: {type: date}}
    fields:
      name: {type: char, from: name}
      begins: {type: datetime, from: begins}
      due: {type: date, from: due}
      due_begins: {type: datetime, from: due}
      begins_on: {type: date, from: begins}
      told: {type: datetime, sql: "coalesce(null, day_start(due))"}
      told_on: {type: date, sql: "day_of(begins)"}
    """
PROJECT = "project: rules_test\ntitle: Rules\nsource: rules\nexport: nowhere\ncurrency: INR\n"


def world(root: Path, dsn: str, rows: dict[str, list[dict[str, Any]]], project: str = PROJECT) -> Workspace:
    for folder in ("sources", "odoo", "projects"):
        (root / "mappings" / folder).mkdir(parents=True, exist_ok=True)
    (root / "mappings/sources/rules.yaml").write_text(SOURCE)
    (root / "mappings/projects/rules_test.yaml").write_text(project)
    for name, text in ENTITIES.items():
        (root / f"mappings/odoo/{name}.yaml").write_text(f"entity: {name}\n{dedent(text)}\n")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for part in ("land", "clean", "target", "log"):
            connection.execute(f"drop schema if exists rules_test_{part} cascade".encode())
    ws = Workspace.open(load_bundle(root, "rules_test"), dsn)
    fill(ws, rows)
    return ws


def records(ws: Workspace, entity: str) -> dict[str, dict[str, Any]]:
    with ws.connect() as connection:
        return {r["name"]: r for r in connection.execute(ws.sql("select * from {target}.{t} order by _seq", t=entity))}


@pytest.mark.promise("P006")
@pytest.mark.parametrize(("zone", "midnight"), [("America/New_York", "2024-03-05 05:00"), ("Asia/Kolkata", "2024-03-04 18:30"), ("UTC", "2024-03-05 00:00")])
def test_a_day_stays_that_day_for_the_people_of_the_project(tmp_path: Path, staging_dsn: str, zone: str, midnight: str) -> None:
    """Odoo keeps UTC and shows each person's own clock: 5 March taken as midnight in UTC is 4 March for all of America.

    And 22:30 in New York or 00:30 in Kolkata is on 5 March, whatever day UTC has."""
    clock = {"America/New_York": "2024-03-06 03:30", "Asia/Kolkata": "2024-03-04 19:00", "UTC": "2024-03-05 22:30"}[zone]
    ws = world(tmp_path, staging_dsn, {"job": [{"id": "J", "day": "2024-03-05", "at": clock}]}, PROJECT + f"timezone: {zone}\n")
    build_target(ws, "e1")
    job = {k: f"{v:%Y-%m-%d %H:%M}" if hasattr(v, "hour") else str(v) for k, v in records(ws, "job")["J"].items()}
    assert {job[k] for k in ("begins", "due_begins", "told")} == {midnight}
    assert {job[k] for k in ("due", "begins_on", "told_on")} == {"2024-03-05"}


TABLE = [
    ("new", None, "lead"), ("new", "10", "lead"), ("contacted", "10", "lead"), ("QUALIFIED", "10", "deal"), ("qualified", "0", "lead"),
    ("qualified", None, "lead"), (None, "10", "lead"), (None, None, "lead"), ("qualified", "-1", "lead"),
]  # fmt: skip


@pytest.mark.promise("P081")
def test_the_split_rule_gives_every_lead_one_outcome(tmp_path: Path, staging_dsn: str) -> None:
    ws = world(tmp_path, staging_dsn, {"lead": [{"id": f"L{n}", "status": s, "value": v} for n, (s, v, _) in enumerate(TABLE)]})
    build_target(ws, "e1")
    outcomes = {name: kind for kind in ("lead", "deal") for name in records(ws, kind)}
    assert outcomes == {f"L{n}": kind for n, (_, _, kind) in enumerate(TABLE)}
    assert len(records(ws, "lead")) + len(records(ws, "deal")) == len(TABLE)


@pytest.mark.promise("P081")
def test_the_project_may_write_another_rule(tmp_path: Path, staging_dsn: str) -> None:
    rows = {"lead": [{"id": "L1", "status": "hot"}, {"id": "L2", "status": "qualified", "value": "5"}]}
    ws = world(tmp_path, staging_dsn, rows, PROJECT + "decisions: {split: \"status = 'hot'\"}\n")
    build_target(ws, "e1")
    assert (list(records(ws, "deal")), list(records(ws, "lead"))) == (["L1"], ["L2"])


@pytest.mark.promise("P064")
def test_companies_are_told_apart_by_domain_but_never_by_a_free_mail_service(tmp_path: Path, staging_dsn: str) -> None:
    rows = [
        {"id": "L1", "company": "Acme", "site": "acme.example"}, {"id": "L2", "company": "ACME Ltd", "site": "acme.example", "phone": "1"},
        {"id": "L3", "company": "One", "site": "gmail.com"}, {"id": "L4", "company": "Two", "site": "gmail.com"}, {"id": "L5", "company": "one "},
    ]  # fmt: skip
    ws = world(tmp_path, staging_dsn, {"lead": rows})
    build_target(ws, "e1")
    firms, leads = records(ws, "firm"), records(ws, "lead")
    assert list(firms) == ["Acme", "One", "Two"]
    assert leads["L1"]["partner_id"] == leads["L2"]["partner_id"] == firms["Acme"]["_xid"]
    assert leads["L3"]["partner_id"] == leads["L5"]["partner_id"] != leads["L4"]["partner_id"]
    assert firms["Acme"]["phone"] == "1", "a later row tells what the first one leaves empty"
    assert {r["x_kind"] for r in leads.values()} == {"new"}, "an input that no line gives has its default"


@pytest.mark.promise("P084")
def test_circles_are_broken_at_the_first_record_and_reported(tmp_path: Path, staging_dsn: str) -> None:
    above = {"A": "B", "B": "C", "C": "A", "tail": "A", "self": "self", "top": None, "low": "top"}
    ws = world(tmp_path, staging_dsn, {"lead": [{"id": n, "company": n, "above": a} for n, a in above.items()]})
    build_target(ws, "e1")
    firms = records(ws, "firm")
    names = {r["_xid"]: n for n, r in firms.items()}
    assert {n: names.get(r["parent_id"]) for n, r in firms.items()} == {**above, "A": None, "self": None}
    with ws.connect() as connection:
        [finding] = connection.execute(ws.sql("select count, evidence from {log}.finding where code = 'circle'")).fetchall()
    assert finding["count"] == 2
    assert [e["emptied"] for e in finding["evidence"]["circles"]] == ["A", "self"]


@pytest.mark.promise("P101")
def test_products_are_found_by_code_then_by_name_and_lines_of_unknown_ones_wait(tmp_path: Path, staging_dsn: str) -> None:
    items = [("b-1", "Ball"), (None, "Ball"), ("x-9", "ball"), ("z-1", "Zebra"), ("b-1", "Renamed")]
    ws = world(tmp_path, staging_dsn, {"quote": [{"id": "Q1"}], "item": [{"quote": "Q1", "code": c, "name": n} for c, n in items]})
    build_target(ws, "e1")
    with ws.connect() as connection:
        connection.execute(ws.sql("insert into {log}.target (target_id, url, database, kind, version, edition, hosting) values ('t1', 'u', 'd', 'sandbox', '19', 'c', 's')"))
        connection.execute(ws.sql('create table {target}.existing ("entity" text not null, "natural" text not null, "res_id" bigint not null, "label" text)'))
        known = [("b-1\x1f", 7), ("\x1fball", 8)]
        for natural, res_id in known:
            connection.execute(ws.sql("insert into {target}.existing values ('product', %s, %s, 'there')"), [natural, res_id])
    for _ in range(2):  # planning twice gives the same
        make_plan(ws, "t1", "e1")
        with ws.connect() as connection:
            products = connection.execute(ws.sql("select action, res_id from {target}.plan where entity = 'product' order by seq")).fetchall()
            [quote] = connection.execute(ws.sql("select vals from {target}.plan where entity = 'quote'")).fetchall()
            fate = connection.execute(ws.sql("select entity from {target}.member where object = 'item' and is_primary order by rec")).fetchall()
        assert [(p["action"], p["res_id"]) for p in products] == [("found", 7), ("found", 8), ("found", 8), ("held", None), ("found", 7)]
        assert [line["name"] for line in quote["vals"]["order_line"]] == ["Ball", "Ball", "ball", "Renamed"]
        assert [f["entity"] for f in fate] == ["quote", "quote", "quote", "product", "quote"]


@pytest.mark.parametrize(
    ("sign", "own", "code"), [("₹", "INR", "INR"), ("$", "CAD", "CAD"), ("$", "INR", "USD"), ("US$", "CAD", "USD"), ("EUR", "INR", "EUR"), ("RS.", "PKR", "PKR")]
)
def test_a_sign_that_may_mean_the_projects_currency_means_it(staging_dsn: str, sign: str, own: str, code: str) -> None:
    with psycopg.connect(staging_dsn) as connection:
        assert connection.execute(f"select {currency_code('s', own)} from (values (%s)) as v(s)".encode(), [sign]).fetchone() == (code,)
