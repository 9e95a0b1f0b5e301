"""The decision register: every question with its answers, and what each answer comes to on an export, counted on the data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "samples"))
from generate import generate

from crm2odoo import intake
from crm2odoo.discovery import Answer, propose_custom_fields, read_register, write_register
from crm2odoo.discovery.decision_register import project_questions
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(p.stem for p in (ROOT / "mappings" / "sources").glob("*.yaml"))


def project(root: Path, name: str, source: str, **more: Any) -> Path:
    folder = root / "mappings" / "projects"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({"project": name, "title": "P", "source": source, "export": "x", **more}))
    return root


def cleaned(root: Path, dsn: str, source: str, **more: Any) -> tuple[Workspace, str]:
    """A small export of a source, read and cleaned."""
    ws = Workspace.open(load_bundle(project(root, f"d_{source}", source, **more), f"d_{source}"), dsn)
    export = intake.register(ws, str(generate(source, root / "export", leads=12)))
    intake.land(ws, export)
    intake.clean(ws, export)
    propose_custom_fields(ws, export)
    return ws, export


def answers(register: list[Answer], name: str) -> dict[str, dict[str, tuple[int, int, int, int]]]:
    """Answer → what → (records, more, fewer, other)."""
    return {a.answer: {e.what: (e.records, e.more, e.fewer, e.other) for e in a.effects} for a in register if a.name == name}


@pytest.mark.promise("P049")
def test_the_split_rule_says_how_many_leads_become_opportunities(tmp_path: Path, staging_dsn: str) -> None:
    ws, export = cleaned(tmp_path, staging_dsn, "leadforce", currency="INR")
    register = write_register(ws, export, {"split_rule", "accounting", "unknown_products"})
    assert read_register(ws, export) == register
    split = answers(register, "split_rule")
    rule = ws.bundle.decisions["split_rule"]
    leads, opportunities = (split[str(rule)][what][0] for what in ("Leads", "Opportunities"))
    with ws.connect() as connection:
        counted = {t: connection.execute(ws.sql("select count(*) as n from {target}.{t}", t=t)).fetchone() for t in ("lead", "opportunity")}
    assert (counted["lead"], counted["opportunity"]) == ({"n": leads}, {"n": opportunities}), "the target stands as decided"
    moved = split["false"]["Leads"][1]
    assert moved > 0
    assert split["false"]["Leads"][0] == leads + moved, "without a rule all leads stay leads"
    assert split["false"]["Opportunities"] == (opportunities - moved, 0, moved, split["false"]["Opportunities"][3])
    invoices = answers(register, "accounting")["post"]["Invoices"]
    assert invoices[3] > 0, "posting changes no count, but what is written"
    assert invoices[1:3] == (0, 0)
    assert answers(register, "unknown_products")["create"]["Products"][0] > 0, "decided while loading: how many it is about"
    assert read_register(ws, export) == register


@pytest.mark.promise("P049")
def test_campaigns_tickets_articles_and_the_company_key_have_their_effects(tmp_path: Path, staging_dsn: str) -> None:
    ws, export = cleaned(tmp_path, staging_dsn, "smartdesk")
    register = write_register(ws, export, {"campaigns", "apps.helpdesk", "apps.knowledge"})
    assert answers(register, "campaigns")["lead"]["Leads"][1] > 0, "every member becomes a lead"
    assert answers(register, "apps.helpdesk")["True"]["Tickets"][1] > 0
    assert answers(register, "apps.knowledge")["True"]["Articles"][1] > 0
    assert set(answers(register, "company_key")) == {"domain", "name"}
    assert all("Account: different ones" in effects for effects in answers(register, "company_key").values())
    assert answers(register, "owners.undecided")["fallback"]["records that name one"][0] > 0
    assert len([a for a in register if a.name == "owners.undecided" and a.chosen]) == 1


@pytest.mark.promise("P049")
@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("flash_lead_sales", {"company_key", "invoice_target", "tag_length"}), ("leadforce", {"split_rule", "accounting", "unknown_products"}),
        ("smartdesk", {"company_key", "campaigns", "standalone_tasks", "apps.helpdesk", "apps.knowledge", "ticket_team", "article_team", "tag_length"}),
        ("customer_factor", {"default_salesperson", "accounting", "apps.project"}), ("visual_practice", {"clinical_images"}),
    ],
)
def test_every_named_question_is_asked(tmp_path: Path, source: str, names: set[str]) -> None:
    bundle = load_bundle(project(tmp_path, "p", source, apps={"helpdesk": False}), "p")
    apps = {f"apps.{a.removeprefix('!')}" for o in bundle.source.objects.values() for m in o.entities for a in (m.app or "").split()}
    general = {"owners.undecided", "owners.fallback", "owners.roles", "vanished", "default_team"}
    assert {q["key"] for q in project_questions()} == general
    assert names <= {*bundle.questions, *apps}


@pytest.mark.promise("P043", "P049")
@pytest.mark.parametrize("source", SOURCES)
def test_another_answer_to_any_question_is_another_mapping_to_be_approved(tmp_path: Path, source: str) -> None:
    """Approvals are bound to this hash (scope, mapping, sample), and the plan's to it and to the register of decisions."""
    before = load_bundle(project(tmp_path, "p", source), "p")
    seen = {before.mapping_hash}
    changes: list[dict[str, Any]] = [{"owners": o} for o in ({"fallback": "a@b.example"}, {"undecided": "hold"}, {"roles": True}, {"decisions": {"x@y": "hold"}})]
    changes += [{"vanished": "archive"}, {"default_team": "Other"}, {"apps": {"helpdesk": True}}]
    for name, question in before.questions.items():
        other = next((o for o in question.options if o != question.default), None) or question.compare
        changes.append({"decisions": {name: other if other is not None else "false" if question.sql else "Another"}})
    for change in changes:
        digest = load_bundle(project(tmp_path, "p", source, **change), "p").mapping_hash
        assert digest not in seen, change
        seen.add(digest)
    assert load_bundle(project(tmp_path, "p", source), "p").mapping_hash == before.mapping_hash
