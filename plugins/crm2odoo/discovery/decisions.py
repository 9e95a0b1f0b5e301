"""The questions to the customer, with what each answer would do in numbers of records."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from crm2odoo.project import Bundle
from crm2odoo.project.source_file import Decision, SourceObject
from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.mapping_sql import normalised
from crm2odoo.staging.render import quote


@dataclass(frozen=True)
class OpenQuestion:
    """One decision. ``decided``: the project says it; else the default counts. ``effects``: option → what it means in records."""

    name: str
    question: str
    answer: str
    decided: bool
    options: dict[str, str]
    effects: dict[str, str] = field(default_factory=dict)


def decision_register(ws: Workspace, connection: Connection) -> list[OpenQuestion]:
    """Every question of the source and its entities. Reads ``<p>_clean``."""
    bundle = ws.bundle
    there = {
        r["table_name"]
        for r in connection.execute("select table_name from information_schema.tables where table_schema = %s", [f"{ws.bundle.project.project}_clean"]).fetchall()
    }
    found = []
    for name, asked in bundle.questions.items():
        effects = _effects(ws, connection, name, asked, there)
        found.append(OpenQuestion(name, asked.question, str(bundle.decisions[name]), name in bundle.project.decisions, asked.options, effects))
    return found


def _effects(ws: Workspace, connection: Connection, name: str, asked: Decision, there: set[str]) -> dict[str, str]:
    bundle = ws.bundle
    effects: dict[str, list[str]] = {}

    def say(option: str, text: str) -> None:
        effects.setdefault(option, []).append(text)

    for object_name, obj in bundle.source.objects.items():
        if object_name not in there:
            continue
        rows = _count(ws, connection, object_name, "true")
        if obj.merge_by and obj.merge_by.decision == name:
            for option, columns in obj.merge_by.options.items():
                key = ", ".join(normalised(f"c.{quote(c)}") for c in columns)
                different = connection.execute(
                    ws.sql(f"select count(distinct ({key})) as n from {{clean}}.{{o}} as c where _status in ('valid', 'merged')", o=object_name)
                ).fetchone()
                say(option, f"{different['n'] if different else 0:,} different {obj.title.lower()} records out of {rows:,} rows")
        for option in sorted({m.decided[name] for m in obj.entities if name in m.decided}):
            becomes = [bundle_title(bundle, m.entity) for m in obj.entities if m.decided.get(name) == option and m.primary]
            if becomes:
                say(option, f"{rows:,} {obj.title.lower()} rows become {' and '.join(dict.fromkeys(becomes))}")
        if asked.sql and _mentions(obj, name):
            rule = str(bundle.decisions[name])
            matching = _count(ws, connection, object_name, f"coalesce({rule}, false)") if _only_columns(rule, obj) else None
            if matching is not None:
                say(rule, f"{matching:,} of {rows:,} {obj.title.lower()} rows meet it, {rows - matching:,} do not")
        elif _mentions(obj, name) and not (obj.merge_by and obj.merge_by.decision == name):
            for option in asked.options or {str(bundle.decisions[name]): ""}:
                say(option, f"concerns {rows:,} {obj.title.lower()} rows")
    for entity_name, entity in bundle.entities.items():
        feeding = {f.object for f in bundle.feeds(entity_name)} & there
        if name in entity.decisions and feeding and not effects:
            rows = sum(_count(ws, connection, o, "true") for o in feeding)
            for option in asked.options:
                say(option, f"concerns {rows:,} rows that become {entity.title.lower()}")
    return {option: "; ".join(dict.fromkeys(texts)) for option, texts in effects.items()}


def bundle_title(bundle: Bundle, entity: str) -> str:
    """What people call the records of an entity."""
    return bundle.entities[entity].title.lower() if entity in bundle.entities else entity.replace("_", " ")


def _mentions(obj: SourceObject, name: str) -> bool:
    return f"decision_{name}" in str(obj.model_dump())


def _only_columns(rule: str, obj: SourceObject) -> bool:
    """Whether a rule speaks of the object's columns alone, so that it can be counted on its own."""
    told = set(re.findall(r"[a-z_][a-z0-9_]*", re.sub(r"'[^']*'", "", rule.lower())))
    keywords = {"and", "or", "not", "lower", "upper", "coalesce", "is", "null", "in", "true", "false", "between", "like", "ilike", "btrim"}
    known = {*obj.columns, *(f"{c}__key" for c in obj.columns), *(f"{c}__currency" for c in obj.columns)}
    return told <= keywords | known


def _count(ws: Workspace, connection: Connection, name: str, condition: str) -> int:
    row: Any = connection.execute(
        ws.sql(f"select count(*) filter (where {condition}) as n from {{clean}}.{{o}} where _status in ('valid', 'merged')", o=name)
    ).fetchone()
    return int(row["n"])
