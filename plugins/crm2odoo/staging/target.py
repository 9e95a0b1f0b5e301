"""Builds ``<p>_target``: from clean source rows to one row per Odoo record to be."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from crm2odoo.project import Bundle, Column, Entity, Feed, FieldLine, Input, StageLine, Step
from crm2odoo.staging import unfound
from crm2odoo.staging.findings import Finding, replace_findings
from crm2odoo.staging.kept_connections import Connection
from crm2odoo.staging.mapping_sql import (
    KEYED,
    ODOO_SQL_TYPES,
    SQL_TYPES,
    FeedSql,
    FeedWriter,
    constants,
    natural_key,
    normalised,
    normalised_text,
    rate_of,
    with_aliases,
)
from crm2odoo.staging.render import across, expression, literal, quote
from crm2odoo.staging.workspace import Workspace

log = logging.getLogger(__name__)

OWN_PART = "_own_part"
"""Among the values of a step: the part of the open amount that is entered in the company's currency; null for none."""


class MappingConflict(ValueError):
    """The mapping gives two different records the same xid. The message names the entity and the first cases."""


@dataclass(frozen=True)
class CustomColumn:
    """A source column that becomes a custom field of an entity."""

    object: str
    column: str
    entity: str
    field: str
    type: str
    options: list[dict[str, str]]


def build_target(ws: Workspace, export_id: str) -> dict[str, int]:
    """(Re)builds every table of ``<p>_target`` but ``existing`` and ``plan`` from the clean tables.

    Returns the number of records per entity, in load order. Raises UnsafeSql for a mapping line that is no harmless SQL, and
    MappingConflict.
    """
    with ws.connect() as connection:
        return fill_target(ws, connection, export_id)


def fill_target(ws: Workspace, connection: Connection, export_id: str) -> dict[str, int]:
    """``build_target`` within the caller's transaction, who may take it back: what if the project had decided otherwise?"""
    counts: dict[str, int] = {}
    custom = custom_columns(ws, connection, export_id)
    ws.run(connection, "target/1_lookup.sql.j2")
    for name, source_object in ws.bundle.source.objects.items():
        if source_object.pivot:
            index_pivot(ws, connection, name)
    for name in ws.bundle.build_order:
        ws.run(connection, "target/2_identity.sql.j2", **identity_values(ws.bundle, name, custom))
    connection.execute(ws.sql("create index on {target}.lookup (entity, key)"))
    index_members(ws, connection)
    connection.execute(ws.sql("analyze {target}.lookup"))
    for name, source_object in ws.bundle.source.objects.items():
        if source_object.pivot:
            ws.run(connection, "target/4_pivot_member.sql.j2", **pivot_values(ws.bundle, name))
    for values in collected_values(ws.bundle):
        ws.run(connection, "target/5_collected_member.sql.j2", **values)
    for name in ws.bundle.build_order:
        ws.run(connection, "target/3_record.sql.j2", **record_values(ws.bundle, name, custom))
        counts[name] = _check_xids(ws, connection, name)
        _break_circles(ws, connection, export_id, name)
        unfound.tell(ws, connection, export_id, name)
    return counts


def index_members(ws: Workspace, connection: Connection) -> None:
    """The rows behind a record are found by the row."""
    connection.execute(ws.sql("create index on {target}.member (object, file_no, rec)"))



def _break_circles(ws: Workspace, connection: Connection, export_id: str, name: str) -> None:
    """A record that is above itself loses its reference: in each circle the record that comes first in the files. A finding says so."""
    entity, broken = ws.bundle.entities[name], []
    for field_name, declared in entity.fields.items():
        if declared.type == "many2one" and declared.from_ and entity.inputs[declared.from_].entity == name:
            [statement] = ws.statements("target/6_cycle.sql.j2", entity=name, field=field_name)
            for circle in connection.execute(statement.encode()).fetchall():
                connection.execute(ws.sql("update {target}.{t} set {f} = null where _xid = %s", t=name, f=field_name), [circle["xids"][0]])
                broken.append({"field": field_name, "records": circle["keys"], "emptied": circle["keys"][0], "cut": circle["xids"][0]})
    shown = "; ".join(" → ".join([*b["records"], b["records"][0]]) for b in broken[:5])
    title = f"{entity.title} that are above themselves: {shown}. The first of each circle is loaded without the one above it"
    findings = [Finding("warning", "circle", title, len(broken), {"circles": broken})] if broken else []
    replace_findings(ws, connection, export_id, f"circle:{name}", findings)


def custom_columns(ws: Workspace, connection: Connection, export_id: str) -> list[CustomColumn]:
    rows = connection.execute(
        ws.sql(
            "select object, column_name, entity, field, type, options from {log}.custom_field where export_id = %s and dropped is null and field "
            "is not null order by 1, 2, 3"
        ),
        [export_id],
    )
    return [CustomColumn(r["object"], r["column_name"], r["entity"], r["field"], r["type"], r["options"]) for r in rows]


def identity_values(bundle: Bundle, name: str, custom: list[CustomColumn]) -> dict[str, Any]:
    """What sql/target/2_identity.sql.j2 needs for one entity."""
    entity = bundle.entities[name]
    feeds = bundle.feeds(name)
    steps = {ref: max((len(_steps(f.mapping.fields[ref])) for f in feeds if ref in f.mapping.fields), default=1) for ref in _refs(entity)}
    mine = {c.field: c for c in custom if c.entity == name}
    compared = _compared_columns(bundle, name)
    written = []
    for feed in feeds:
        pairs = [
            (field, custom_value(column, bundle) if column.object == feed.object and feed.mapping.primary else f"null::{ODOO_SQL_TYPES[column.type]}")
            for field, column in mine.items()
        ]
        written.append(FeedWriter(bundle, feed, entity).sql(steps, pairs, compared.get(feed.object, [])))
    nothing = _nothing(bundle, entity, steps, mine)
    if not written:
        written.append(nothing)
    columns = [c for c, _ in written[0].columns]
    parts = [quote(f"{i}__key") if entity.inputs[i].type in KEYED else normalised(quote(i)) for i in entity.identity]
    if parts:
        parts[-1] = with_aliases(parts[-1], entity) if len(parts) == 1 else parts[-1]
    natural = natural_key(parts) if parts else "null::text"
    return {
        "entity": name,
        "table": f"identity_{name}",
        "feeds": written,
        "records": [_record_columns(nothing.columns, r, entity, bundle) for r in entity.records],
        "columns": columns,
        "natural": natural,
        "told_apart": bool(entity.identity),
        "filled": [c for c, _ in nothing.columns if _input_of(c, entity).fill],
        "overrides": _overrides(bundle, name),
        "skip": _skip(entity),
        "xid_of_key": _xid_sql("\"_object\" || '_'", '"_key"', name, feeds),
        "xid_of_natural": _xid_sql(literal(name + "_"), '"_natural"', name, []),
    }


def _record_columns(columns: list[tuple[str, str]], record: dict[str, Any], entity: Entity, bundle: Bundle) -> list[tuple[str, str]]:
    """The columns of a record that every project needs: its inputs as constants, its references by natural key."""
    values = {}
    for name, value in record.items():
        declared = entity.inputs[name]
        if declared.type == "ref":
            values[f"{name}__1"] = literal(f"={normalised_text(str(value))}")
        else:
            values[name] = literal(value)
            if declared.type in KEYED:
                values[f"{name}__key"] = literal(normalised_text(str(value)))
    return [(name, f"{values[name]}::{_sql_type(name, entity)}" if name in values else sql) for name, sql in columns]


def _input_of(column: str, entity: Entity) -> Input:
    """The input that a column of the identity table belongs to: ``country__1`` is the first key of ``country``."""
    return entity.inputs.get(column) or entity.inputs.get(column.rpartition("__")[0]) or Input()


def _sql_type(column: str, entity: Entity) -> str:
    declared = entity.inputs.get(column)
    return SQL_TYPES[declared.type] if declared and declared.type not in ("ref", "refs") else "text"


def _nothing(bundle: Bundle, entity: Entity, steps: dict[str, int], mine: dict[str, CustomColumn]) -> FeedSql:
    """An entity that is only referred to (countries): the same columns, from no rows."""
    from crm2odoo.project import EntityMapping

    first = next(iter(bundle.source.objects))
    feed = Feed(first, 0, EntityMapping(entity=entity.entity, when="false"))
    return FeedWriter(bundle, feed, entity).sql(steps, [(f, f"null::{ODOO_SQL_TYPES[c.type]}") for f, c in mine.items()], [])


def _xid_sql(prefix: str, key: str, entity: str, feeds: list[Feed]) -> str:
    """``<object>_<key>``; ``<object>_<key>__<entity>`` where an object's rows become records of several entities at once."""
    plain = f"{key} ~ '^[A-Za-z0-9_-]{{1,60}}$'"
    slug = f"left(btrim(regexp_replace(lower({key}), '[^a-z0-9]+', '_', 'g'), '_'), 40)"
    named = f"{prefix} || case when {plain} then {key} else concat_ws('_', nullif({slug}, ''), 'h' || left(md5({key}), 16)) end"
    shared = [f.object for f in feeds if f.mapping.primary and f.mapping.fields and _is_second(f, entity)]
    if not shared:
        return named
    objects = ", ".join(literal(o) for o in sorted(set(shared)))
    return f"{named} || case when \"_object\" in ({objects}) then {literal('__' + entity)} else '' end"


def _is_second(feed: Feed, entity: str) -> bool:
    # The first mapping of an object gives its rows their plain xid; further ones that are not told apart by `when` get a suffix.
    return feed.number > 0 and feed.mapping.when is None


def _refs(entity: Entity) -> list[str]:
    return [n for n, i in entity.inputs.items() if i.type == "ref"]


def _steps(line: FieldLine) -> list[FieldLine]:
    return [line, *(step for more in line.also for step in _steps(more)), *(_steps(line.or_else) if line.or_else else [])]


def _compared_columns(bundle: Bundle, entity: str) -> dict[str, list[list[str]]]:
    """object → groups of its columns by which some mapping looks up records of ``entity``."""
    found: dict[str, list[list[str]]] = {}
    for other in bundle.entities:
        for feed in bundle.feeds(other):
            for name, line in feed.mapping.fields.items():
                if entity not in bundle.entities[other].inputs[name].targets:
                    continue
                for step in _steps(line):
                    if step.object and step.by and step.by not in found.setdefault(step.object, []):
                        found[step.object].append(step.by)
    return found


def _skip(entity: Entity) -> dict[str, str] | None:
    if entity.skip is None:
        return None
    plain = [n for n, i in entity.inputs.items() if i.type not in ("ref", "refs")]
    return {"when": expression(entity.skip.when, plain), "reason": entity.skip.reason}


def _overrides(bundle: Bundle, name: str) -> dict[str, str]:
    """Input → SQL, for what the project and the source decided about single stages and teams."""
    if name == "stage":
        return _stage_overrides(bundle)
    if name == "team":
        renamed = {line.pipeline: line.team for line in bundle.project.stages if line.pipeline and line.team}
        if renamed:
            cases = " ".join(f"when {literal(normalised_text(k))} then {literal(v)}" for k, v in renamed.items())
            return {"name": f'case "_natural" {cases} else "name" end'}
    return {}


def _stage_overrides(bundle: Bundle) -> dict[str, str]:
    stage = normalised(quote("stage"))
    by_rule = "".join(
        f" when {stage} in ({', '.join(literal(normalised_text(n)) for n in rule.names)}) then {literal(rule.outcome)}"
        for rule in bundle.source.stage_outcomes
    )
    default = f"coalesce(\"outcome\", case{by_rule} else 'open' end)" if by_rule else "coalesce(\"outcome\", 'open')"
    result = {"outcome": default}
    for name, attribute in (("outcome", "outcome"), ("label", "to"), ("probability", "probability"), ("lost_reason", "lost_reason")):
        cases = "".join(_stage_case(line, getattr(line, attribute)) for line in bundle.project.stages if getattr(line, attribute) is not None)
        if cases:
            otherwise = result.get(name, quote(name))
            result[name] = f"case{cases} else {otherwise} end"
    return result


def _stage_case(line: StageLine, value: Any) -> str:
    same_pipeline = f" and {normalised(quote('pipeline'))} = {literal(normalised_text(line.pipeline))}" if line.pipeline else ""
    return f" when {normalised(quote('stage'))} = {literal(normalised_text(line.stage))}{same_pipeline} then {literal(value)}"


def option_xid(model: str, field: str, value: str) -> str:
    """Name of the external id of one option of a vocabulary."""
    return f"option_{model.replace('.', '_')}_{field}_{value}"


def pivoted(bundle: Bundle, column: str, of: str, alias: str) -> str:
    """SQL of the value that a key-value object holds for a row of ``of``. ``column``: ``<pivot object>:<normalised key>``."""
    name, _, key = column.partition(":")
    pivot = bundle.source.objects[name].pivot
    assert pivot is not None
    words = ", ".join(literal(normalised_text(w)) for w in pivot.of[of])
    table = f"{quote(bundle.project.project + '_clean')}.{quote(name)}"
    # A record that answers twice under two spellings keeps both answers.
    return (
        f"(select string_agg(distinct k.{quote(pivot.value)}, '; ' order by k.{quote(pivot.value)}) from {table} as k "
        f"where k.\"_status\" = 'valid' and {normalised(f'k.{quote(pivot.type)}')} in ({words}) "
        f'and k.{quote(pivot.record)} = {alias}."_key" and {field_key(f"k.{quote(pivot.field)}")} = {literal(key)})'
    )


def field_key(sql: str) -> str:
    """The comparable form of a field's name: `gate_code` and `Gate Code ` are one field."""
    return normalised(f"regexp_replace({sql}, '[_-]+', ' ', 'g')")


def index_pivot(ws: Workspace, connection: Connection, name: str) -> None:
    """The values of a key-value object are looked up once per record and field: without an index that would be its square."""
    pivot = ws.bundle.source.objects[name].pivot
    assert pivot is not None
    connection.execute(
        ws.sql("create index if not exists {index} on {clean}.{object} ({record})", index=f"{name}__pivot", object=name, record=pivot.record)
    )


def listed(sql: str, known: Column | None, bundle: Bundle) -> str:
    """SQL of the several values of a cell, as an array."""
    return sql if known is not None and known.type == "list" else f"string_to_array({sql}, {literal(bundle.formats.list_separator)})"


def custom_value(column: CustomColumn, bundle: Bundle) -> str:
    """SQL of a custom field's value from its clean column. Discovery has proved that every value can be read so."""
    sql = pivoted(bundle, column.column, column.object, "c") if ":" in column.column else f"c.{quote(column.column)}"
    known = bundle.source.objects[column.object].columns.get(column.column)
    if column.type == "selection":
        cases = " ".join(f"when {literal(normalised_text(o['label']))} then {literal(o['value'])}" for o in column.options)
        return f"(case {normalised(sql)} {cases} end)::text" if cases else "null::text"
    if column.type == "many2many":
        model = bundle.entities[column.entity].model
        cases = " ".join(
            f"when {literal(normalised_text(o['label']))} then {literal(option_xid(model, column.field, o['value']))}" for o in column.options
        )
        picked = f"case {normalised('u.x')} {cases} end" if cases else "null"
        return (
            f"(select array_agg(distinct {picked} order by {picked}) from unnest({listed(sql, known, bundle)}) as u(x) where {normalised('u.x')} "
            f"is not null)"
        )
    if column.type == "boolean" and (known is None or known.type != "boolean"):
        return (
            f"(case when lower(btrim({sql})) in ('yes', 'true', 'y', '1', 'x', 'ja', 'oui', 'si', 'sí') then true when btrim({sql}) <> '' then "
            f"false end)"
        )
    if column.type in ("float", "monetary") and (known is None or known.type not in ("money", "number", "percent", "integer")):
        return f"{quote(bundle.project.project + '_clean')}.as_number({sql}, {literal(bundle.formats.decimal_mark)})"
    if known is not None and (other := across(sql, known.type, column.type, bundle.project.timezone)):
        return other
    if column.type == "datetime" and (known is None or known.type != "datetime"):
        # A time without an offset is in the account's zone; with one, a plain cast would drop it.
        first, zone = literal(bundle.formats.date_order == "dmy"), literal(bundle.project.timezone)
        return f"{quote(bundle.project.project + '_clean')}.as_timestamp(({sql})::text, {first}, {zone})"
    if known is not None and known.type == "list":
        return f"array_to_string({sql}, ', ')"
    if column.type == "date" and (known is None or known.type not in ("date", "datetime")):
        month, day = ("\\1", "\\2") if bundle.formats.date_order == "mdy" else ("\\2", "\\1")
        return f"regexp_replace(btrim({sql}), '^([0-9]{{1,2}})/([0-9]{{1,2}})/([0-9]{{4}})$', '\\3-{month}-{day}')::date"
    return f"nullif(({sql})::text, '')::{ODOO_SQL_TYPES[column.type]}"


def pivot_values(bundle: Bundle, name: str) -> dict[str, Any]:
    """What sql/target/4_pivot_member.sql.j2 needs for one key-value object."""
    pivot = bundle.source.objects[name].pivot
    assert pivot is not None
    owners = [
        {
            "object": owner,
            "entities": [
                e
                for e in bundle.entities
                if any(f.object == owner and f.mapping.primary and f.mapping.custom_fields == "keep" for f in bundle.feeds(e))
            ],
            "words": [normalised_text(w) for w in words],
        }
        for owner, words in pivot.of.items()
    ]
    return {"object": name, "owners": [o for o in owners if o["entities"]], "record": pivot.record, "type_sql": normalised(f"k.{quote(pivot.type)}")}


def collected_values(bundle: Bundle) -> Iterator[dict[str, Any]]:
    """What sql/target/5_collected_member.sql.j2 needs: one set of values per line that gathers rows of an object without entities of its own."""
    become = {f.object for name in bundle.entities for f in bundle.feeds(name) if f.mapping.primary}
    for name in bundle.entities:
        for feed in bundle.feeds(name):
            for line in feed.mapping.fields.values():
                for step in _steps(line):
                    collect = step.collect
                    if collect and feed.mapping.primary and collect.object not in become:
                        yield {"entity": name, "object": collect.object, "by": collect.by, "owner": feed.object, "equals": collect.equals or ["_key"]}


@dataclass(frozen=True)
class _Reference:
    name: str
    entity: str
    steps: int
    bring: list[str]
    bring_fields: list[str]
    joined: bool
    models: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Column:
    name: str
    sql: str


def record_values(bundle: Bundle, name: str, custom: list[CustomColumn]) -> dict[str, Any]:
    """What sql/target/3_record.sql.j2 needs for one entity."""
    entity = bundle.entities[name]
    feeds = bundle.feeds(name)
    one, many, plain = [], [], []
    for input_name, declared in entity.inputs.items():
        if declared.type == "ref":
            steps = max((len(_steps(f.mapping.fields[input_name])) for f in feeds if input_name in f.mapping.fields), default=1)
            joined = bool(declared.bring) or (declared.entity is not None and bundle.entities[declared.entity].skip is not None)
            models = {t: bundle.entities[t].model for t in declared.entities}
            one.append(_Reference(input_name, declared.targets[0], steps, declared.bring, declared.bring_fields, joined, models))
        elif declared.type == "refs":
            many.append(_Reference(input_name, declared.targets[0], 1, [], [], False, {t: bundle.entities[t].model for t in declared.targets}))
        else:
            plain.append(input_name)
    own = sorted({c.field for c in custom if c.entity == name})
    names = [*entity.inputs, *(f"{r.name}_{b}" for r in one for b in [*r.bring, *r.bring_fields, *(["model"] if r.models else [])])]
    rates = {f"{n}_rate": rate_of(f"b.{quote(n)}", bundle) for n, i in entity.inputs.items() if i.type == "currency"}

    def over(text: str) -> str:
        return expression(text, names, alias="b", constants=constants(bundle), renamed=rates)

    let = [(n, over(sql)) for n, sql in entity.let.items()]
    names += entity.let
    fields: list[_Column] = []
    required_fields: list[_Column] = []
    for field_name, declared_field in entity.fields.items():
        if declared_field.lines:
            continue
        sql_type = ODOO_SQL_TYPES[declared_field.type]
        if declared_field.from_:
            sql = f"b.{quote(declared_field.from_)}"
            given = entity.inputs[declared_field.from_].type if declared_field.from_ in entity.inputs else ""
            sql = across(sql, given, declared_field.type, bundle.project.timezone) or sql
        elif declared_field.sql is not None:
            sql = over(declared_field.sql)
        else:
            sql = literal(declared_field.value)
        fields.append(_Column(field_name, f"({sql})::{sql_type}"))
        if declared_field.required:
            required_fields.append(fields[-1])
    fields += [_Column(f, f"b.{quote(f)}") for f in own if f not in entity.fields]
    after = [
        (
            step.name,
            over(step.when),
            {f: over(v) for f, v in step_values(step).items()},
        )
        for step in entity.steps
    ]
    return {
        "entity": name,
        "steps": after,
        "one": one,
        "many": many,
        "plain": [*plain, *own],
        "fields": fields,
        "let": let,
        "part_of": entity.part_of,
        "required": [_Column(n, f"b.{quote(n)}") for n, i in entity.inputs.items() if i.required] + required_fields,
        "hold": [(over(h.when), over(h.reason)) for h in entity.hold],
        "order": ", ".join(over(o) for o in entity.order),
    }


def step_values(step: Step) -> dict[str, str]:
    """What a step is told about a record: value → expression."""
    if step.wizard is None:
        return {}
    own = step.wizard.in_own_currency
    return {**step.wizard.values, **({OWN_PART: f"case when {own.when} then {own.part} end"} if own else {})}


def _check_xids(ws: Workspace, connection: Connection, name: str) -> int:
    twice = connection.execute(
        ws.sql(
            "select _xid, count(*) as n, min(_object || ':' || _key) as a, max(_object || ':' || _key) as b from {target}.{table} group by 1 "
            "having count(*) > 1 order by 1 limit 5",
            table=name,
        )
    ).fetchall()
    if twice:
        cases = "; ".join(f"{r['_xid']} for {r['a']} and {r['b']}" for r in twice)
        raise MappingConflict(
            f"{name}: two records share an external id: {cases}. Check the keys of these objects in mappings/sources/{ws.bundle.source.source}.yaml."
        )
    connection.execute(ws.sql("alter table {target}.{table} add primary key (_xid)", table=name))
    row = connection.execute(ws.sql("select count(*) as n from {target}.{table}", table=name)).fetchone()
    assert row is not None
    return int(row["n"])
