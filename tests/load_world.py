"""A project of a few entities whose plan is written by hand, so that the loader is tested without the steps before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from crm2odoo.ledger import batches
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.target import Target, open_target
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace, kept_connections

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
      - {entity: tag, fields: {name: name}}
      - {entity: company, fields: {name: name}}
      - {entity: person, fields: {name: name}}
      - {entity: deal, fields: {name: name}}
      - {entity: order, fields: {name: name}}
      - {entity: order_line, fields: {name: name}}
      - {entity: note, fields: {body: name}}
"""

ENTITIES = {
    "country": "model: res.country\ntitle: Countries\ninputs: {name: {}}\ncreate: never\nfields: {name: {type: char, from: name}}",
    "tag": "model: crm.tag\ntitle: Tags\ninputs: {name: {}, color: {type: integer}}\n"
    "fields: {name: {type: char, from: name}, color: {type: integer, from: color}}",
    "company": """
        model: res.partner
        title: Companies
        inputs: {name: {}, city: {}, function: {}, website: {}, notes: {}, country: {type: ref, entity: country}, parent: {type: ref, entity: company}}
        fields:
          name: {type: char, from: name}
          is_company: {type: boolean, value: true}
          city: {type: char, from: city}
          function: {type: char, from: function}
          website: {type: char, from: website}
          comment: {type: html, from: notes}
          country_id: {type: many2one, from: country}
          parent_id: {type: many2one, from: parent, write: second}
          user_id: {type: many2one, value: null, send_empty: true}
          customer_rank: {type: integer, value: 1, write: create_only}
          x_gone: {type: char, value: null, optional: true}
        custom_fields: {x_gone: {type: char, label: Not there}}
        """,
    "person": """
        model: res.partner
        title: People
        inputs: {name: {}, email: {}, company: {type: ref, entity: company}, country: {type: ref, entity: country}}
        fields:
          name: {type: char, from: name}
          email: {type: char, from: email}
          parent_id: {type: many2one, from: company, on_missing: hold}
          country_id: {type: many2one, from: country}
        context: {_partners_skip_fields_sync: true}
        """,
    "deal": """
        model: crm.lead
        title: Deals
        inputs: {name: {}, person: {type: ref, entity: person}, tags: {type: refs, entity: tag}, priority: {}, amount: {type: money}, closed: {type: datetime}}
        fields:
          name: {type: char, from: name}
          type: {type: selection, value: opportunity}
          partner_id: {type: many2one, from: person}
          partner_name: {type: char, value: null, kept_when: [partner_id]}
          tag_ids: {type: many2many, from: tags}
          priority: {type: selection, from: priority}
          expected_revenue: {type: monetary, from: amount}
          user_id: {type: many2one, value: null, send_empty: true}
          date_closed: {type: datetime, from: closed, write: second}
          iap_enrich_done: {type: boolean, value: true, write: create_only, optional: true}
        """,
    "order": """
        model: sale.order
        title: Orders
        inputs: {name: {}, person: {type: ref, entity: person}}
        fields:
          name: {type: char, from: name}
          partner_id: {type: many2one, from: person, on_missing: hold}
          order_line: {type: one2many, lines: order_line}
        """,
    "order_line": """
        model: sale.order.line
        title: Lines
        part_of: order
        inputs: {order: {type: ref, entity: order}, name: {}, price: {type: money}}
        fields:
          name: {type: text, from: name}
          price_unit: {type: float, from: price}
          tax_ids: {type: many2many, sql: "array[]::text[]", send_empty: true}
        """,
    "note": """
        model: mail.message
        title: Notes
        inputs: {body: {type: html}, person: {type: ref, entity: person}, at: {type: datetime}}
        fields:
          model: {type: char, value: res.partner}
          res_id: {type: many2one, from: person, on_missing: hold}
          body: {type: html, from: body}
          message_type: {type: selection, value: comment}
          subtype_id: {type: many2one, relation: mail.message.subtype, value: mail.mt_note}
          author_id: {type: many2one, value: null, send_empty: true}
          date: {type: datetime, from: at}
        order: person
        keep_together: res_id
        """,
}


def write_project(root: Path, name: str = "hand", **project: Any) -> Path:
    """A folder with ``mappings/`` for the project ``name``."""
    for part in ("projects", "sources", "odoo"):
        (root / "mappings" / part).mkdir(parents=True, exist_ok=True)
    settings = {"project": name, "title": "By hand", "source": "hand", "export": "none", **project}
    (root / "mappings/projects" / f"{name}.yaml").write_text(json.dumps(settings))
    (root / "mappings/sources/hand.yaml").write_text(SOURCE)
    for entity, text in ENTITIES.items():
        (root / f"mappings/odoo/{entity}.yaml").write_text(f"entity: {entity}\n{dedent(text)}\n")
    return root


@dataclass
class World:
    """A target and the means to write plans for it."""

    target: Target
    run_id: str = "run"
    plan_id: int = 0
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def ws(self) -> Workspace:
        return self.target.ws

    @property
    def client(self) -> OdooClient:
        return self.target.client

    def plan(self, **rows: list[dict[str, Any]]) -> int:
        """Writes a plan: per entity its records, ``_xid`` and field values. What the ledger has already is compared, as the planner does."""
        ws = self.ws
        with ws.connect() as connection:
            connection.execute(
                ws.sql(
                    "drop table if exists {target}.plan; create unlogged table {target}.plan (entity text, xid text, seq bigint, action text, hash text, "
                    "changed text[] not null default '{{}}', reason text, res_id bigint, vals jsonb not null)"
                )
            )
            row = connection.execute(
                ws.sql(
                    "insert into {log}.plan (export_id, target_id, hash, summary, bound_to) values ('export', %s, 'by hand', '{{}}', '{{}}') returning plan_id"
                ),
                [self.target.target_id],
            ).fetchone()
            assert row is not None
            self.plan_id = row["plan_id"]
            for entity, records in rows.items():
                for seq, record in enumerate(records, 1):
                    self._plan_row(connection, entity, seq, dict(record))
            connection.execute(ws.sql("create index on {target}.plan (entity, seq); create index on {target}.plan (entity, xid)"))
        return self.plan_id

    def _plan_row(self, connection: Any, entity: str, seq: int, record: dict[str, Any]) -> None:
        xid = record.pop("_xid")
        declared = self.ws.bundle.entities[entity].fields
        vals = {key: record.get(key, f.value if "value" in f.model_fields_set else None) for key, f in declared.items()}
        digest = hashlib.sha256(json.dumps(vals, sort_keys=True).encode()).hexdigest()
        known = connection.execute(
            self.ws.sql("select hash, vals from {log}.record where target_id = %s and xid = %s"), [self.target.target_id, xid]
        ).fetchone()
        action = "create" if known is None else "unchanged" if known["hash"] == digest else "update"
        changed = sorted(k for k in vals if vals[k] != known["vals"].get(k)) if known and action == "update" else []
        connection.execute(
            self.ws.sql("insert into {target}.plan (entity, xid, seq, action, hash, changed, vals) values (%s, %s, %s, %s, %s, %s, %s)"),
            [entity, xid, seq, action, digest, changed, json.dumps(vals)],
        )

    def found(self, entity: str, xid: str, res_id: int) -> None:
        """Enters a record that Odoo had before us."""
        self.sql(
            "insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id) values (%s, %s, %s, %s, %s, false, '', '{{}}', 'run')",
            self.target.target_id,
            xid,
            entity,
            self.ws.bundle.entities[entity].model,
            res_id,
        )

    def chunks(self, entity: str, **options: int) -> list[batches.Chunk]:
        return batches.chunks(self.ws, self.plan_id, entity, **options)

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with self.ws.connect() as connection:
            cursor = connection.execute(self.ws.sql(statement), values)
            return cursor.fetchall() if cursor.description else []

    def ids(self, entity: str) -> dict[str, int]:
        """xid → database id, as the ledger has them."""
        rows = self.sql("select xid, res_id from {log}.record where target_id = %s and entity = %s", self.target.target_id, entity)
        return {r["xid"]: r["res_id"] for r in rows}

    def read(self, entity: str, *fields: str) -> dict[str, dict[str, Any]]:
        """xid → fields in Odoo, found by external id and not through the ledger."""
        model = self.ws.bundle.entities[entity].model
        keys = self.client.call(
            "ir.model.data", "search_read", domain=[["module", "=", self.target.xid_module], ["model", "=", model]], fields=["name", "res_id"]
        )
        by_id = {k["res_id"]: k["name"] for k in keys}
        rows = self.client.call(
            model, "search_read", domain=[["id", "in", list(by_id)]], fields=list(fields), load="", context={"active_test": False}
        )
        return {by_id[r["id"]]: {f: r[f] for f in fields} for r in rows}


def open_world(root: Path, dsn: str, credentials: OdooCredentials, name: str = "hand", transport: Any = "auto") -> World:
    """Opens project ``name`` below ``root`` (see ``write_project``) on a staging database and an Odoo."""
    ws = Workspace.open(load_bundle(root, name), dsn)
    world = World(open_target(ws, OdooClient.connect(credentials, transport), "sandbox"))
    world.sql("insert into {log}.export (export_id, sha256, location, files, bytes) values ('export', 'export', 'none', 0, 0) on conflict do nothing")
    world.sql(
        "insert into {log}.run (run_id, kind, target_id, code) values ('run', 'test', %s, 'test') on conflict do nothing", world.target.target_id
    )
    return world


@contextmanager
def world_of(root: Path, dsn: str, odoo: Any, name: str = "hand", transport: Any = "auto", **project: Any) -> Iterator[World]:
    """A fresh project ``name`` on an Odoo database of the fixtures."""
    write_project(root, name, **project)
    with kept_connections():
        world = open_world(root, dsn, OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key), name, transport)
        try:
            yield world
        finally:
            world.client.close()
