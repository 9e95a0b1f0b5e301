"""Lines of a mapping that look into other rows: conditions, columns of other objects, gathered references, key-value fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from clean_tables import fill
from psycopg.types.json import Jsonb
from small_world import ENTITIES, PROJECT, write

from crm2odoo.discovery import propose_custom_fields
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace, build_target

SOURCE = """
source: small
title: Small CRM
objects:
  pipe:
    title: Pipe
    files: [pipes]
    key: [id]
    columns: {id: {type: id}, name: {type: name}}
    entities:
      - {entity: team, fields: {name: name}}
  campaign:
    title: Campaign
    files: [campaigns]
    key: [id]
    columns: {id: {type: id}, name: {type: name}}
    entities:
      - {entity: tag, primary: false, fields: {name: name}}
  member:
    title: Member
    files: [members]
    columns: {campaign: {type: id}, person: {type: id}}
  person:
    title: Person
    files: [persons]
    key: [id]
    columns: {id: {type: id}, name: {type: name}, email: {type: email}}
    entities:
      - {entity: contact, only_if: {from: id, object: deal, by: [person]}, fields: {name: name, email: email}}
  deal:
    title: Deal
    files: [deals]
    key: [id]
    columns: {id: {type: id}, name: {type: name}, kind: {}, person: {type: id}, pipe: {type: id}, stage: {}, tags: {type: list}, number: {type: id}}
    entities:
      - entity: opportunity
        fields:
          name: {sql: "html_text(name)"}
          contact: {from: person, object: person, when: "kind = 'person'"}
          stage: {keys: [{from: pipe, object: pipe, take: name, or_else: {value: Other}}, stage]}
          tags: {from: tags, also: [{collect: {object: member, by: [person], equals: [person], sql: campaign, order: campaign}, object: campaign}]}
          amount: {collect: {object: line, by: [number], equals: [number], sql: price, separator: "+"}}
      - {entity: stage, primary: false, fields: {pipeline: {from: pipe, object: pipe, take: name, or_else: {value: Other}}, stage: stage}}
      - {entity: tag, primary: false, each: tags, fields: {name: each}}
  line:
    title: Line
    files: [lines]
    columns: {number: {type: id}, price: {}}
  fact:
    title: Fact
    files: [facts]
    columns: {about: {}, record: {type: id}, field: {}, value: {}}
    pivot: {of: {person: [person]}, type: about, record: record, field: field, value: value}
"""

ROWS: dict[str, list[dict[str, Any]]] = {
    "pipe": [{"id": "1", "name": "North"}],
    "campaign": [{"id": "7", "name": "Spring"}, {"id": "8", "name": "Autumn"}],
    "member": [{"campaign": "7", "person": "P1"}, {"campaign": "8", "person": "P1"}, {"campaign": "8", "person": "P9"}],
    "person": [{"id": "P1", "name": "Jo", "email": "jo@x.example"}, {"id": "P2", "name": "Mo"}],
    "deal": [
        {"id": "D1", "name": "A < B\nC", "kind": "person", "person": "P1", "pipe": "1", "stage": "New", "tags": ["Hot", "spring"], "number": "11"},
        {"id": "D2", "name": "Two", "kind": "other", "person": "P1", "pipe": "5", "stage": "New", "number": "12"},
    ],
    "line": [{"number": "11", "price": "1"}, {"number": "11", "price": "2"}, {"number": "99", "price": "3"}],
    "fact": [
        {"about": "Person", "record": "P1", "field": "Gate Code", "value": "0042"},
        {"about": "Person", "record": "P1", "field": "gate_code ", "value": "0043"},
        {"about": "Person", "record": "P1", "field": "Size", "value": "2,400"},
    ],
}


@pytest.fixture
def ws(tmp_path: Path, staging_dsn: str) -> Workspace:
    entities = {**ENTITIES, "opportunity": ENTITIES["opportunity"].replace("amount: {type: money}", "amount: {}").replace("expected_revenue: {type: monetary, from: amount}", "partner_name: {type: char, from: amount}")}
    root = write(tmp_path, PROJECT, SOURCE, entities)
    with psycopg.connect(staging_dsn, autocommit=True) as connection:
        for part in ("land", "clean", "target", "log"):
            connection.execute(f"drop schema if exists small_test_{part} cascade".encode())
    workspace = Workspace.open(load_bundle(root, "small_test"), staging_dsn)
    fill(workspace, ROWS)
    return workspace


def built(ws: Workspace, entity: str) -> dict[str, dict[str, Any]]:
    with ws.connect() as connection:
        return {r["_xid"]: r for r in connection.execute(ws.sql("select * from {target}.{t}", t=entity))}


def test_a_line_counts_only_where_its_condition_holds(ws: Workspace) -> None:
    build_target(ws, "e1")
    assert {x: r["partner_id"] for x, r in built(ws, "opportunity").items()} == {"deal_D1": "person_P1", "deal_D2": None}


def test_a_record_is_made_only_where_another_row_asks_for_it(ws: Workspace) -> None:
    build_target(ws, "e1")
    assert list(built(ws, "contact")) == ["person_P1"]


def test_part_of_a_key_may_come_from_the_row_referred_to(ws: Workspace) -> None:
    build_target(ws, "e1")
    stages = {r["_xid"] for r in built(ws, "stage").values()}
    assert {r["stage_id"] for r in built(ws, "opportunity").values()} == stages
    assert len(stages) == 2


def test_references_gathered_from_rows_in_between_join_those_of_the_row(ws: Workspace) -> None:
    build_target(ws, "e1")
    names = {x: r["name"] for x, r in built(ws, "tag").items()}
    found = {x: sorted(names[t] for t in r["tag_ids"] or []) for x, r in built(ws, "opportunity").items()}
    assert found == {"deal_D1": ["Autumn", "Hot", "Spring"], "deal_D2": ["Autumn", "Spring"]}


def test_gathered_rows_stand_behind_the_record_that_took_them(ws: Workspace) -> None:
    build_target(ws, "e1")
    assert built(ws, "opportunity")["deal_D1"]["partner_name"] == "1+2"
    with ws.connect() as connection:
        rows = connection.execute(ws.sql("select rec, xid from {target}.member where object = 'line' and is_primary order by rec")).fetchall()
    assert [(r["rec"], r["xid"]) for r in rows] == [(1, "deal_D1"), (2, "deal_D1")]


def test_text_becomes_html_with_its_line_breaks(ws: Workspace) -> None:
    build_target(ws, "e1")
    assert built(ws, "opportunity")["deal_D1"]["name"] == "A &lt; B<br>C"


@pytest.mark.promise("P033", "P115")
def test_spellings_of_a_key_are_one_field_and_two_answers_are_both_kept(ws: Workspace) -> None:
    with ws.connect() as connection:
        connection.execute(ws.sql("update {log}.file set header = %s where object = 'person'"), [Jsonb([{"position": 1, "header": "id", "column": "id", "known": True}])])
    found = {p.column: p for p in propose_custom_fields(ws, "e1")}
    assert set(found) == {"fact:gate code", "fact:size"}
    assert found["fact:gate code"].evidence["variants"] == {"Gate Code": 1, "gate_code ": 1}
    build_target(ws, "e1")
    contact = built(ws, "contact")["person_P1"]
    assert (contact["x_gate_code"], float(contact["x_size"])) == ("0042; 0043", 2400.0)


def test_a_reference_to_several_entities_goes_to_those_that_the_source_feeds(tmp_path: Path) -> None:
    entities = {**ENTITIES, "opportunity": ENTITIES["opportunity"].replace("contact: {type: ref, entity: contact}", "contact: {type: ref, entities: [ticket, contact]}"),
                "ticket": "model: helpdesk.ticket\ntitle: Tickets\ninputs: {name: {}}\nfields: {name: {type: char, from: name}}"}
    bundle = load_bundle(write(tmp_path, PROJECT, SOURCE, entities), "small_test")
    assert "ticket" not in bundle.entities
    assert bundle.entities["opportunity"].inputs["contact"].targets == ["contact"]
