"""A source product of four objects and the entities it feeds: small enough to know every row by heart."""

from __future__ import annotations

from pathlib import Path

SOURCE = """
source: small
title: Small CRM
stage_outcomes:
  - {names: [won], outcome: won}
  - {names: [lost], outcome: lost}
objects:
  rep:
    title: Rep
    files: [reps]
    key: [email]
    columns: {name: {type: name}, email: {type: email}}
    entities:
      - {entity: user, fields: {login: {sql: "email__key"}, name: name}}
  company:
    title: Company
    files: [companies]
    key: [id]
    columns: {id: {type: id}, name: {type: name, required: true}, parent: {type: name}, city: {}}
    entities:
      - {entity: company, fields: {name: name, parent: parent, city: city}}
  contact:
    title: Contact
    files: [contacts]
    key: [id]
    columns: {id: {type: id}, name: {type: name}, email: {type: email}, company: {}, city: {}}
    entities:
      - {entity: contact, fields: {name: name, email: email, city: city, company: {from: company, object: company, or_else: company}}}
      - {entity: company, primary: false, unless: {from: company, object: company, by: [id]}, fields: {name: company}}
  deal:
    title: Deal
    files: [deals]
    key: [id]
    columns: {id: {type: id}, name: {type: name}, contact: {}, pipeline: {}, stage: {}, owner: {type: email}, tags: {type: list}, amount: {type: money}}
    entities:
      - entity: opportunity
        fields:
          name: name
          contact: {from: contact, object: contact, by: [name], or_else: {from: contact, object: contact}}
          stage: {keys: [pipeline, stage]}
          owner: {from: owner, object: rep, by: [name], or_else: {sql: "coalesce(owner__key, owner)"}}
          tags: tags
          amount: amount
      - {entity: stage, primary: false, fields: {pipeline: pipeline, stage: stage, team: pipeline}}
      - {entity: team, primary: false, fields: {name: pipeline}}
      - {entity: tag, primary: false, each: tags, fields: {name: each}}
      - {entity: user, primary: false, unless: {from: owner, object: rep, by: [name]}, fields: {login: {sql: "coalesce(owner__key, owner)"}}}
"""

ENTITIES = {
    "user": """
        model: res.users
        title: Users
        inputs: {login: {type: name, required: true}, name: {}}
        identity: [login]
        create: decision
        unmatched: hold
        fields: {login: {type: char, from: login}, name: {type: char, sql: "coalesce(name, login)"}}
        """,
    "team": "model: crm.team\ntitle: Teams\ninputs: {name: {type: name, required: true}}\nidentity: [name]\nfields: {name: {type: char, from: name}}",
    "stage": """
        model: crm.stage
        title: Stages
        inputs: {pipeline: {type: name}, stage: {type: name, required: true}, team: {type: ref, entity: team}, outcome: {}, label: {}, probability: {type: number}, sequence: {type: integer}, lost_reason: {}}
        identity: [pipeline, stage]
        skip: {when: "outcome = 'lost'", reason: lost is a state}
        fields: {name: {type: char, sql: "coalesce(label, stage)"}, is_won: {type: boolean, sql: "outcome = 'won'"}, team_ids: {type: many2many, sql: "array[team]"}}
        """,
    "tag": "model: crm.tag\ntitle: Tags\ninputs: {name: {type: name, required: true}}\nidentity: [name]\nmatch: {keys: [{name: name}]}\nfields: {name: {type: char, from: name}}",
    "company": """
        model: res.partner
        title: Companies
        inputs: {name: {type: name, required: true}, parent: {type: ref, entity: company}, city: {}}
        identity: [name]
        fields: {name: {type: char, from: name}, city: {type: char, from: city}, parent_id: {type: many2one, from: parent, write: second}}
        """,
    "contact": """
        model: res.partner
        title: Contacts
        inputs: {name: {required: true}, email: {type: email}, city: {}, company: {type: ref, entity: company, bring_fields: [city]}}
        identity: [email]
        let: {same_city: "company is not null and coalesce(city = company_city, true)"}
        fields:
          name: {type: char, from: name}
          email: {type: char, from: email}
          type: {type: selection, sql: "case when same_city then 'contact' else 'other' end"}
          parent_id: {type: many2one, from: company}
        """,
    "opportunity": """
        model: crm.lead
        title: Deals
        inputs: {name: {required: true}, contact: {type: ref, entity: contact}, stage: {type: ref, entity: stage, bring: [outcome]}, owner: {type: ref, entity: user}, tags: {type: refs, entity: tag}, amount: {type: money}}
        fields:
          name: {type: char, from: name}
          partner_id: {type: many2one, from: contact}
          stage_id: {type: many2one, from: stage}
          active: {type: boolean, sql: "coalesce(stage_outcome, 'open') <> 'lost'"}
          user_id: {type: many2one, from: owner, on_missing: hold}
          tag_ids: {type: many2many, from: tags}
          expected_revenue: {type: monetary, from: amount}
        """,
}

PROJECT = "project: small_test\ntitle: Small\nsource: small\nexport: nowhere\n"


def write(root: Path, project: str = PROJECT, source: str = SOURCE, entities: dict[str, str] = ENTITIES) -> Path:
    """The three kinds of mapping files below ``root``; returns ``root``."""
    for folder in ("sources", "odoo", "projects"):
        (root / "mappings" / folder).mkdir(parents=True, exist_ok=True)
    (root / "mappings" / "sources" / "small.yaml").write_text(source)
    (root / "mappings" / "projects" / "small_test.yaml").write_text(project)
    for name, text in entities.items():
        lines = [line.removeprefix("        ") for line in text.splitlines()]
        (root / "mappings" / "odoo" / f"{name}.yaml").write_text(f"entity: {name}\n" + "\n".join(lines))
    return root
