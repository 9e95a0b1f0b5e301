"""The decision register: each question with its answers, what was chosen, and what each answer comes to on this export, in records.

The effect is not estimated: the target's rows are built under each answer in one transaction, compared, and taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg.types.json import Jsonb

from crm2odoo.discovery.overview import owner_table
from crm2odoo.project import Bundle, ConfigError, load_bundle
from crm2odoo.project.bundle import Memory
from crm2odoo.project.source_file import Decision
from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.render import quote
from crm2odoo.staging.target import MappingConflict, fill_target, identity_values, record_values

log = logging.getLogger(__name__)

ANOTHER = "Another answer"
_COLUMNS = ("name", "question", "answer", "meaning", "chosen", "decided")


@dataclass(frozen=True)
class Effect:
    """Records of one entity (or rows of one object) under an answer.

    ``records``: how many there are; ``more``, ``fewer``, ``other``: against the answer that was chosen, one by one: new, gone, with other values.
    """

    what: str
    records: int
    more: int = 0
    fewer: int = 0
    other: int = 0

    def __str__(self) -> str:
        against = [f"{n:,} {word}" for n, word in ((self.more, "more"), (self.fewer, "fewer"), (self.other, "with other values")) if n]
        return f"{self.what}: {self.records:,}" + (f" ({', '.join(against)})" if against else "")


@dataclass(frozen=True)
class _Recipe:
    """What the target is built from as decided, and the questions that are counted (all when None)."""

    decided: list[Any]
    only: set[str] | None
    memory: Memory = field(default_factory=dict)

    def counts(self, name: str) -> bool:
        return self.only is None or name in self.only


@dataclass(frozen=True)
class Answer:
    """One answer to one question. ``chosen``: it holds now; ``decided``: because the project says so, not by default."""

    name: str
    question: str
    answer: str
    meaning: str
    chosen: bool
    decided: bool
    effects: tuple[Effect, ...] = ()


def write_register(ws: Workspace, export_id: str, only: set[str] | None = None) -> list[Answer]:
    """Computes the register on the clean rows of an export and keeps it in ``<p>_log.decision_effect``. Leaves ``<p>_target`` built as decided.

    ``only``: names of the questions to be counted; the others are listed without. Repeating it gives the same. Takes as long as one building of
    the target per answer that would give another one.
    """
    with ws.connect() as connection:
        fill_target(ws, connection, export_id)
    owners = owner_table(ws)
    with ws.connect() as connection:
        _remember(ws, connection)
        recipe = _Recipe(_recipe(ws.bundle), only)
        owned = [sum(o.records.values()) for o in owners]
        answers = [*_asked(ws, connection, export_id, recipe), *_project(ws, connection, export_id, recipe, owned)]
        connection.rollback()
    with ws.connect() as connection:
        connection.execute(ws.sql("delete from {log}.decision_effect where export_id = %s"), (export_id,))
        with connection.cursor() as cursor:
            cursor.executemany(
                ws.sql(
                    "insert into {log}.decision_effect (export_id, name, place, question, answer, meaning, chosen, decided, effect) "
                    "values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
                ),
                [
                    (export_id, a.name, n, a.question, a.answer, a.meaning, a.chosen, a.decided, Jsonb([asdict(e) for e in a.effects]))
                    for n, a in enumerate(answers)
                ],
            )
    return answers


def read_register(ws: Workspace, export_id: str) -> list[Answer]:
    """The register as it was written last; empty when it was not."""
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql("select name, question, answer, meaning, chosen, decided, effect from {log}.decision_effect where export_id = %s order by place"),
            (export_id,),
        ).fetchall()
    return [Answer(**{k: r[k] for k in _COLUMNS}, effects=tuple(Effect(**e) for e in r["effect"])) for r in rows]


def _asked(ws: Workspace, connection: Connection, export_id: str, recipe: _Recipe) -> Iterator[Answer]:
    """Questions of the source and of its entities, and the apps by which its mapping branches."""
    bundle = ws.bundle
    for name, question in bundle.questions.items():
        chosen, decided = bundle.decisions[name], name in bundle.project.decisions
        options = _options(question, chosen)
        others = [option for option in options if option != str(chosen) and recipe.counts(name)]
        effects = {option: _effects(ws, connection, export_id, recipe, decisions={name: _typed(option, chosen)}) for option in others}
        merged = {option: tuple(_merged(ws, connection, name, option)) for option in options}
        now = _now(ws, connection, [e.what for found in effects.values() for e in found])
        # What is decided only while records are loaded changes none of these rows: then it is told how many it is about.
        of = {} if any(effects.values()) else {e.title: n for n, e in bundle.entities.items() if name in e.decisions}
        concerns = _now(ws, connection, list(of))
        for option, meaning in options.items():
            found = (now if option == str(chosen) else effects.get(option, ())) or concerns
            yield Answer(name, question.question, option, meaning, option == str(chosen), decided, (*found, *merged[option]))
    used = {a.removeprefix("!") for o in bundle.source.objects.values() for m in o.entities for a in (m.app or "").split()}
    for app in sorted(used):
        there = bundle.project.has_app(app)
        other = _effects(ws, connection, export_id, recipe, apps={app: not there}) if recipe.counts(f"apps.{app}") else ()
        now = _now(ws, connection, [e.what for e in other])
        for answer, meaning in ((True, "its objects become records of the app"), (False, "its objects take the other way")):
            effects_of = now if answer == there else other
            question_of = f"Does Odoo have the app {app}?"
            yield Answer(f"apps.{app}", question_of, str(answer), meaning, answer == there, app in bundle.project.apps, effects_of)


def _options(question: Decision, chosen: object) -> dict[str, str]:
    """The answers to compare, with what they mean. A question that takes anything is compared with one other answer."""
    if question.options:
        return question.options
    other = question.compare
    if other is None and isinstance(chosen, str):
        other = "false" if question.sql else ANOTHER
    return {str(chosen): ""} if other is None else {str(chosen): "", str(other): "for comparison"}


def _project(ws: Workspace, connection: Connection, export_id: str, recipe: _Recipe, owned: list[int]) -> Iterator[Answer]:
    """Questions that every project answers."""
    project = ws.bundle.project
    for line in project_questions():
        part, _, key = line["key"].rpartition(".")
        holder = getattr(project, part) if part else project
        value = getattr(holder, key)
        decided = key in holder.model_fields_set
        options = dict(line.get("options", {}))
        if str(value) not in options:
            options = {str(value) if value is not None else "not decided": line.get("none", "") if value is None else "", **options}
        effects: tuple[Effect, ...] = ()
        if line.get("counts") == "owners":
            effects = (Effect("owners in the export", len(owned)), Effect("records that name one", sum(owned)))
        elif line.get("counts") == "roles":
            effects = (Effect("owners with a role", _roles(ws, connection)),)
        for option, meaning in options.items():
            chosen = option == (str(value) if value is not None else "not decided")
            yield Answer(line["key"], line["question"], option, meaning, chosen, decided, effects)
        if "compare" in line and recipe.counts(line["key"]):
            other = _effects_of(ws, connection, export_id, replace(ws.bundle, project=project.model_copy(update={key: line["compare"]})), recipe)
            yield Answer(line["key"], line["question"], line["compare"], "for comparison", False, decided, other)


@cache
def project_questions() -> list[dict[str, Any]]:
    """The lines of project_questions.yaml."""
    found: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("project_questions.yaml").read_text(encoding="utf-8"))
    return found


def _typed(option: str, like: object) -> str | bool | int | float:
    """An answer of the type of another one: options are written as text in YAML."""
    if isinstance(like, bool):
        return option == "True"
    return type(like)(option) if isinstance(like, int | float) else option


def _remember(ws: Workspace, connection: Connection) -> None:
    """The rows of the target as decided, to compare with: entity, xid, hash."""
    connection.execute("create temporary table decided_row (entity text, xid text, hash text) on commit drop")
    for name in ws.bundle.build_order:
        connection.execute(
            ws.sql("insert into decided_row select %s, _xid, md5((to_jsonb(t) - '_seq')::text) from {target}.{table} as t", table=name), (name,)
        )
    connection.execute("create index on decided_row (entity, xid)")
    connection.execute("analyze decided_row")


def _effects(ws: Workspace, connection: Connection, export_id: str, recipe: _Recipe, **instead: dict[str, Any]) -> tuple[Effect, ...]:
    """What would be different if the project said something else."""
    try:
        return _effects_of(ws, connection, export_id, load_bundle(ws.bundle.root, ws.bundle.project.project, recipe.memory, **instead), recipe)
    except (ConfigError, MappingConflict, psycopg.DataError) as error:
        # An answer that this export cannot take is no reason to stop: the register says so.
        log.warning("%s cannot be answered so on this export: %s", instead, error)
        return (Effect(f"not possible with this export: {str(error).strip().splitlines()[0]}", 0),)


def _effects_of(ws: Workspace, connection: Connection, export_id: str, bundle: Bundle, recipe: _Recipe) -> tuple[Effect, ...]:
    if _recipe(bundle) == recipe.decided:
        return ()
    other = replace(ws, bundle=bundle)
    found = []
    with connection.transaction(force_rollback=True):
        fill_target(other, connection, export_id)
        for name in dict.fromkeys([*bundle.build_order, *ws.bundle.build_order]):
            entity = bundle.entities.get(name) or ws.bundle.entities[name]
            rows = "select null::text as xid, null::text as hash where false"
            if name in bundle.entities:
                rows = "select _xid as xid, md5((to_jsonb(t) - '_seq')::text) as hash from {target}.{table} as t"
            row = connection.execute(
                ws.sql(
                    f"select count(v.xid) as records, count(*) filter (where d.xid is null) as more, count(*) filter (where v.xid is null) as fewer, "
                    f"count(*) filter (where d.hash <> v.hash) as other "
                    f"from (select * from decided_row where entity = %s) as d full join ({rows}) as v on v.xid = d.xid",
                    table=name,
                ),
                (name,),
            ).fetchone()
            assert row is not None
            if row["more"] or row["fewer"] or row["other"]:
                found.append(Effect(entity.title, **row))
    return tuple(found)


def _recipe(bundle: Bundle) -> list[Any]:
    """What the target is built from; equal for two bundles that give the same rows."""
    return [(name, repr(identity_values(bundle, name, [])), repr(record_values(bundle, name, []))) for name in bundle.build_order]


def _now(ws: Workspace, connection: Connection, titles: list[str]) -> tuple[Effect, ...]:
    """As decided: how many records there are of what other answers would change."""
    names = {e.title: name for name, e in ws.bundle.entities.items() if e.title in titles}
    rows = connection.execute("select entity, count(*) as n from decided_row group by 1").fetchall()
    counts = {r["entity"]: r["n"] for r in rows}
    return tuple(Effect(title, counts.get(names.get(title, ""), 0)) for title in dict.fromkeys(titles))


def _merged(ws: Workspace, connection: Connection, decision: str, option: str) -> Iterator[Effect]:
    """Rows that become one, where the decision says by which columns."""
    for name, spec in ws.bundle.source.objects.items():
        if spec.merge_by is None or spec.merge_by.decision != decision or option not in spec.merge_by.options:
            continue
        columns = []
        for column in spec.merge_by.options[option]:
            keyed = spec.columns[column].type in ("name", "enum", "email", "url", "domain")
            columns.append(quote(f"{column}__key") if keyed else quote(column))
        row = connection.execute(
            ws.sql(
                f"select count(*) filter (where {' or '.join(f'{c} is null' for c in columns)}) "
                f"+ count(distinct ({', '.join(columns)})) filter (where {' and '.join(f'{c} is not null' for c in columns)}) as n "
                "from {clean}.{table} where _status in ('valid', 'merged')",
                table=name,
            )
        ).fetchone()
        yield Effect(f"{spec.title}: different ones", int(row["n"]) if row else 0)


def _roles(ws: Workspace, connection: Connection) -> int:
    for name, entity in ws.bundle.entities.items():
        if entity.create == "decision" and "role" in entity.inputs:
            row = connection.execute(
                ws.sql("select count(*) as n from {target}.{table} where _place = 1 and role is not null", table=f"identity_{name}")
            ).fetchone()
            return int(row["n"]) if row else 0
    return 0
