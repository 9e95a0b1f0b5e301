"""How an automation of the source could be rebuilt in Odoo: model, trigger, domain, actions. A proposal for a person, never carried out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from psycopg.types.json import Jsonb

from crm2odoo.handoff.facts import RULES
from crm2odoo.odoo.errors import OdooError
from crm2odoo.odoo.target import Target
from crm2odoo.staging import Workspace

_COMPARISONS: list[tuple[str, str]] = [
    (r"(?P<what>.+?) (?:is not|isn't|not|≠|!=) (?P<value>.+)", "not in"),
    (r"(?P<what>.+?) starts with (?P<value>.+)", "=ilike"),
    (r"(?P<what>.+?) contains (?P<value>.+)", "ilike"),
    (r"(?P<what>.+?) (?:is set|is known|exists)", "set"),
    (r"(?P<what>.+?) (?:over|above|more than|greater than|>) *(?P<value>.+)", ">"),
    (r"(?P<what>.+?) (?:under|below|less than|<) *(?P<value>.+)", "<"),
    (r"(?P<what>.+?) (?:is|=|equals|becomes) (?P<value>.+)", "in"),
]


@dataclass(frozen=True)
class Rebuild:
    """One rule of the source and its proposal. ``unknown``: what nobody but a person can say, one sentence each."""

    name: str
    active: bool | None
    source: dict[str, str]
    model: str | None
    trigger: str | None
    domain: list[list[Any]]
    actions: list[str]
    edition: str
    unknown: list[str] = field(default_factory=list)


@lru_cache(maxsize=1)
def _knowledge() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "rebuild.yaml").read_text(encoding="utf-8"))
    return loaded


def propose(row: dict[str, Any]) -> Rebuild:
    """The proposal for one row of an object of automations.

    Its columns are ``name``, ``object``, ``trigger`` or ``event``, ``conditions`` or ``condition``, ``actions``, ``action`` or ``steps``.
    """
    said = {
        "object": _text(row, "object"),
        "trigger": _text(row, "trigger", "event"),
        "conditions": _text(row, "conditions", "condition"),
        "actions": _text(row, "actions", "action", "steps"),
    }
    unknown: list[str] = []
    kind = _object(said["object"]) if said["object"] else _object_of_trigger(said["trigger"])
    if kind is None:
        unknown.append("Which records is it about? Ask who made the rule.")
    model = kind["model"] if kind else None
    domain = [list(t) for t in kind["domain"]] if kind else []
    trigger, of_trigger = _trigger(said["trigger"], model, unknown)
    of_conditions = _conditions(said["conditions"], model, unknown)
    actions, edition = _actions(said["actions"], unknown)
    return Rebuild(
        str(row.get("name") or "without a name"),
        row.get("active"),
        said,
        model,
        trigger,
        [*domain, *of_trigger, *of_conditions],
        actions,
        edition,
        unknown,
    )


def check_rules(target: Target) -> list[dict[str, Any]]:
    """Proposes a rebuild for every automation of the export, evaluates its domain on the target, and keeps the result as findings.

    Reads Odoo only. A domain that Odoo refuses keeps Odoo's message instead of a number.
    """
    result = []
    for name, row in _rules(target.ws):
        proposal = propose(row)
        matching, refused = None, None
        if proposal.model and not target.client.call("ir.model", "search_count", domain=[["model", "=", proposal.model]]):
            refused = f"this Odoo has no {proposal.model}: its app is not installed"
        elif proposal.model:
            try:
                matching = target.client.call(proposal.model, "search_count", domain=proposal.domain, context={"active_test": False})
            except OdooError as error:
                refused = str(error).splitlines()[0]
        result.append(
            {
                "object": name,
                "name": proposal.name,
                "active": proposal.active,
                "source": proposal.source,
                "model": proposal.model,
                "trigger": proposal.trigger,
                "domain": proposal.domain,
                "actions": proposal.actions,
                "edition": proposal.edition,
                "unknown": proposal.unknown,
                "matching": matching,
                "refused": refused,
            }
        )
    with target.ws.connect() as connection:
        connection.execute(target.ws.sql("delete from {log}.finding where step = %s and target_id = %s"), (RULES, target.target_id))
        with connection.cursor() as cursor:
            cursor.executemany(
                target.ws.sql(
                    "insert into {log}.finding (target_id, step, severity, code, title, count, evidence) values (%s, %s, 'info', 'rule', %s, %s, %s)"
                ),
                [(target.target_id, RULES, r["name"], r["matching"], Jsonb(r)) for r in result],
            )
    return result


def rule_objects(ws: Workspace) -> list[str]:
    """Objects of the source whose rows are rules: documented only, and with something that triggers them."""
    return [name for name, obj in ws.bundle.source.objects.items() if obj.documentation_only and {"trigger", "event"} & set(obj.columns)]


def _rules(ws: Workspace) -> list[tuple[str, dict[str, Any]]]:
    rows = []
    with ws.connect() as connection:
        for name in rule_objects(ws):
            there = connection.execute("select to_regclass(%s) is not null as there", (f'{ws.schemas["clean"]}."{name}"',)).fetchone()
            if there and there["there"]:
                (statement,) = ws.statements("reconcile/facts/inventory.sql.j2", object=name)
                rows += [(name, r["item"]) for r in connection.execute(statement.encode()).fetchall()]
    return rows


def _text(row: dict[str, Any], *names: str) -> str:
    return next((" ".join(str(row[n]).split()) for n in names if row.get(n)), "")


def _object(text: str) -> dict[str, Any] | None:
    words = text.lower()
    for line in _knowledge()["objects"]:
        if any(re.search(rf"\b{re.escape(w)}\b", words) for w in line["words"]):
            return dict(line)
    return None


def _object_of_trigger(text: str) -> dict[str, Any] | None:
    """Without an object of its own, a rule about a stage or a tag is about leads and deals: the name of the stage says nothing."""
    if re.match(r"(?:stage|tag)\b", text, re.IGNORECASE):
        return {"model": "crm.lead", "domain": []}
    return _object(text)


def _trigger(text: str, model: str | None, unknown: list[str]) -> tuple[str | None, list[list[Any]]]:
    for line in _knowledge()["triggers"]:
        found = re.search(line["pattern"], text, re.IGNORECASE)
        if found:
            groups = found.groupdict()
            terms: list[list[Any]] = []
            if groups.get("stage") and model == "crm.lead":
                terms.append(["stage_id.name", "=", groups["stage"].strip()])
            if groups.get("tag") and model == "crm.lead":
                terms.append(["tag_ids.name", "=", groups["tag"].strip()])
            wait = f", {groups['days']} {groups['unit']}" if groups.get("days") else ""
            return f"{line['trigger']}: {line['says']}{wait}", terms
    unknown.append(
        f"What starts it? The export says {text!r}. Ask who made the rule."
        if text
        else "What starts it? The export does not say. Ask who made the rule."
    )
    return None, []


def _conditions(text: str, model: str | None, unknown: list[str]) -> list[list[Any]]:
    terms: list[list[Any]] = []
    for piece in filter(None, (p.strip() for p in re.split(r";|\band\b", text))):
        term = _condition(piece, model)
        if term is None:
            unknown.append(f"The condition {piece!r} has no field in Odoo yet. Ask which one it is.")
        else:
            terms.append(term)
    return terms


def _condition(text: str, model: str | None) -> list[Any] | None:
    for pattern, operator in _COMPARISONS:
        found = re.fullmatch(pattern, text, re.IGNORECASE)
        known = _field(found["what"], model) if found else None
        if found is None or known is None:
            continue
        if operator == "set":
            return [known["field"], "!=", False]
        value = found["value"].strip().strip("\"'")
        if operator in (">", "<"):
            digits = re.sub(r"[^\d.]", "", value)
            return [known["field"], operator, float(digits)] if digits else None
        if operator == "=ilike":
            return [known["field"], operator, f"{value}%"]
        if operator == "ilike":
            return [known["field"], operator, value]
        return [known["field"], operator, [v.strip() for v in re.split(r",|\bor\b", value) if v.strip()]]
    return None


def _field(what: str, model: str | None) -> dict[str, Any] | None:
    for line in _knowledge()["fields"].get(model or "", []):
        if what.strip().lower() in line["words"]:
            return dict(line)
    return None


def _actions(text: str, unknown: list[str]) -> tuple[list[str], str]:
    actions, editions = [], set()
    for piece in filter(None, (p.strip() for p in text.split(";"))):
        line = next((a for a in _knowledge()["actions"] if re.search(a["pattern"], piece, re.IGNORECASE)), None)
        if line is None:
            unknown.append(f"The action {piece!r} has no counterpart here. Ask what it does.")
        else:
            editions.add(line["edition"])
            actions.append(f"{piece}: {line['action']}")
    if not text:
        unknown.append("What does it do? The export does not say. Ask who made the rule.")
    return actions, "Community or Enterprise" if "Community or Enterprise" in editions else "Community"
