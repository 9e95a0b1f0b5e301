"""A small export of every kind of value, carried by the real steps into a real Odoo, so that proofs can be proved."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from crm2odoo import intake, ledger, staging
from crm2odoo.ledger import runs
from crm2odoo.ledger.batches import chunks
from crm2odoo.odoo import loader, match, schema
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.target import Target, open_target
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace, kept_connections

SOURCE = """
source: proof
title: Proof CRM
objects:
  rep:
    title: Rep
    files: [reps]
    key: [email]
    columns: {name: {}, email: {type: email, required: true}}
    entities:
      - {entity: user, fields: {login: {sql: "email__key"}, name: name}}
  firm:
    title: Firm
    files: [firms]
    key: [id]
    merge: [name]
    columns: {id: {type: id}, name: {type: name, required: true}, site: {type: url}, secret: {sensitive: true}, gone: {type: boolean}}
    deleted: gone
    entities:
      - {entity: firm, fields: {name: name, site: site, secret: secret}}
  deal:
    title: Deal
    files: [deals]
    key: [id]
    columns:
      id: {type: id}
      name: {required: true}
      firm: {}
      owner: {type: email}
      amount: {type: money}
      chance: {type: number}
      size: {type: integer}
      hot: {type: boolean}
      due: {type: date}
      closed: {type: datetime}
      rank: {}
      labels: {type: list}
      notes: {type: html}
    parents: [{object: firm, columns: [firm]}]
    entities:
      - entity: deal
        fields:
          name: name
          firm: {from: firm, object: firm}
          owner: {sql: "owner__key"}
          amount: amount
          chance: chance
          size: size
          hot: hot
          due: due
          closed: closed
          rank: rank
          labels: labels
          notes: notes
      - {entity: label, primary: false, each: labels, fields: {name: each}}
  rule:
    title: Automation
    files: [rules]
    columns: {name: {}, trigger: {}, conditions: {}, actions: {}}
    documentation_only: true
"""

ENTITIES = {
    "user": """
        model: res.users
        title: Users
        inputs: {login: {type: name, required: true}, name: {}}
        identity: [login]
        match: {keys: [{login: login}]}
        create: decision
        unmatched: hold
        fields: {name: {type: char, from: name}, login: {type: char, from: login, write: create_only}}
        context: {no_reset_password: true}
        """,
    "firm": """
        model: res.partner
        title: Firms
        inputs: {name: {type: name, required: true}, site: {type: url}, secret: {}}
        identity: [name]
        fields:
          name: {type: char, from: name}
          is_company: {type: boolean, value: true}
          website: {type: char, from: site, compare: url, compare_note: Odoo adds a scheme}
          ref: {type: char, from: secret}
          user_id: {type: many2one, value: null, send_empty: true}
        """,
    "label": "model: crm.tag\ntitle: Labels\ninputs: {name: {type: name, required: true}}\nidentity: [name]\nfields: {name: {type: char, from: name}}",
    "deal": """
        model: crm.lead
        title: Deals
        inputs:
          name: {required: true}
          firm: {type: ref, entity: firm}
          owner: {type: ref, entity: user}
          amount: {type: money}
          chance: {type: number}
          size: {type: integer}
          hot: {type: boolean}
          due: {type: date}
          closed: {type: datetime}
          rank: {}
          labels: {type: refs, entity: label}
          notes: {type: html}
        fields:
          name: {type: char, from: name}
          type: {type: selection, value: opportunity}
          partner_id: {type: many2one, from: firm}
          user_id: {type: many2one, from: owner, send_empty: true, on_missing: hold}
          tag_ids: {type: many2many, from: labels}
          expected_revenue: {type: monetary, from: amount}
          probability: {type: float, from: chance}
          priority: {type: selection, sql: "coalesce(rank, '0')"}
          date_deadline: {type: date, from: due}
          date_closed: {type: datetime, from: closed, write: create_only, resent_after: [probability]}
          description: {type: html, from: notes, compare: html, compare_note: Odoo sanitises HTML}
          iap_enrich_done: {type: boolean, value: true, write: create_only, optional: true, compare: none, compare_note: a switch of Odoo}
          x_size: {type: integer, from: size}
          x_hot: {type: boolean, from: hot}
        custom_fields:
          x_size: {type: integer, label: Size}
          x_hot: {type: boolean, label: Hot}
        """,
}

REPS = [{"name": "Ann Lee", "email": "ann@proof.example"}, {"name": "Bob Ray", "email": "bob@proof.example"}]
FIRMS = [
    {"id": "1", "name": "Müller & Söhne", "site": "mueller.example", "secret": "IBAN 42"},
    {"id": "2", "name": "Acme", "site": "https://acme.example/", "secret": ""},
    {"id": "3", "name": "ACME ", "site": "", "secret": ""},
    {"id": "4", "name": "Old Ltd", "gone": "yes"},
    {"id": "5", "name": ""},
]
RULES = [{"name": "Welcome", "trigger": "Deal created", "conditions": "Amount over 1,005", "actions": "send e-mail Welcome; sing a song"}]


def deals(count: int) -> list[dict[str, str]]:
    """Deals with a value in every column; every fifth has nothing but a name, so that empty values are compared too."""
    full = [
        {
            "id": str(n),
            "name": f"Deal number {n}: garden, roof and cellar",
            "firm": str(1 + n % 3),
            "owner": REPS[n % 2]["email"],
            "amount": f"{1000 + n}.25",
            "chance": f"{10 + n % 7}.5",
            "size": str(n),
            "hot": "yes" if n % 2 else "no",
            "due": f"2025-0{1 + n % 9}-{10 + n % 15}",
            "closed": f"2024-03-{10 + n % 15} 1{n % 10}:20:30",
            "rank": str(n % 3),
            "labels": "red, blue" if n % 2 else "green",
            "notes": f"<p>Called <b>twice</b> &amp; wrote to <a href='https://acme.example/{n}'>them</a></p><p>Second line {n}</p>",
        }
        for n in range(1, count + 1)
    ]
    return [{"id": row["id"], "name": row["name"]} if int(row["id"]) % 5 == 0 else row for row in full]


@dataclass
class Proof:
    """A project on an Odoo. ``run`` carries an export through all steps up to the loaded records."""

    target: Target
    root: Path
    plan_id: int = 0
    run_id: str = "run"

    @property
    def ws(self) -> Workspace:
        return self.target.ws

    def deliver(self, folder: str, **files: Sequence[Mapping[str, str]]) -> Path:
        """Writes an export of CSV files with all columns of their objects. Lines may be given as text to break them."""
        place = self.root / folder
        place.mkdir()
        for object_name, rows in files.items():
            columns = list(self.ws.bundle.source.objects[object_name].columns)
            with open(place / f"{self.ws.bundle.source.objects[object_name].files[0]}.csv", "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)
        return place

    def plan(self, place: Path, run_id: str = "run") -> int:
        """Everything before the load."""
        self.run_id = run_id
        runs.start(self.ws, run_id, kind="sample", dag_id="proof.sample")
        export_id = intake.register(self.ws, str(place))
        runs.bind(self.ws, run_id, export_id=export_id, target_id=self.target.target_id)
        intake.land(self.ws, export_id)
        intake.clean(self.ws, export_id)
        schema.apply_schema(self.target, run_id, schema.plan_schema(self.target))
        self.target = open_target(self.ws, self.target.client, "sandbox")
        staging.build_target(self.ws, export_id)
        for entity in self.ws.bundle.load_order:
            match.read_existing(self.target, entity)
        self.plan_id = ledger.make_plan(self.ws, self.target.target_id, export_id).plan_id
        return self.plan_id

    def load(self) -> None:
        """Writes the plan into Odoo."""
        plan = ledger.get_plan(self.ws, self.plan_id)
        for entity in self.ws.bundle.load_order:
            ledger.adopt_found(self.ws, self.run_id, plan, entity)
            for chunk in chunks(self.ws, self.plan_id, entity):
                loader.load_chunk(self.target, self.run_id, self.plan_id, chunk)
            loader.load_second(self.target, self.run_id, self.plan_id, entity)

    def run(self, place: Path, run_id: str = "run") -> None:
        self.plan(place, run_id)
        self.load()

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with self.ws.connect() as connection:
            cursor = connection.execute(self.ws.sql(statement), values)
            return cursor.fetchall() if cursor.description else []

    def id(self, xid: str) -> int:
        """Database id in Odoo of a loaded record."""
        return int(self.rows("select res_id from {log}.record where target_id = %s and xid = %s", self.target.target_id, xid)[0]["res_id"])

    def write(self, model: str, xid: str, **values: Any) -> None:
        """Changes a record in Odoo behind the migration's back."""
        self.target.client.call(model, "write", ids=[self.id(xid)], vals=values, context={"tracking_disable": True})


@contextmanager
def proof_world(root: Path, dsn: str, odoo: Any, name: str = "proof", **project: Any) -> Iterator[Proof]:
    """A fresh project on databases of the fixtures. ``project``: more keys of the project file."""
    for part in ("projects", "sources", "odoo"):
        (root / "mappings" / part).mkdir(parents=True, exist_ok=True)
    settings = {"project": name, "title": "Proof", "source": "proof", "export": "none", "owners": {"undecided": "provision"}, **project}
    (root / "mappings/projects" / f"{name}.yaml").write_text(json.dumps(settings))
    (root / "mappings/sources/proof.yaml").write_text(SOURCE)
    for entity, text in ENTITIES.items():
        (root / f"mappings/odoo/{entity}.yaml").write_text(f"entity: {entity}\n{dedent(text)}\n")
    ws = Workspace.open(load_bundle(root, name), dsn)
    client = OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key))
    with kept_connections():
        try:
            yield Proof(open_target(ws, client, "sandbox"), root)
        finally:
            client.close()
