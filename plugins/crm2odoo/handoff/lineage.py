"""Where each field of Odoo comes from: its columns in the export, found by reading the expressions of the mapping with sqlglot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import sqlglot
from sqlglot import exp

from crm2odoo.project import Bundle, Entity, Feed, FieldLine

Use = Literal["value", "rule", "key"]
"""``rule``: the column decides which of several values is taken. ``key``: it finds the record that is referred to."""


@dataclass(frozen=True)
class Origin:
    """One column that a field depends on."""

    object: str
    column: str
    use: Use = "value"


@dataclass(frozen=True)
class FieldLineage:
    """One field of one entity: its columns, and how the value is made, in the words of the mapping."""

    entity: str
    field: str
    origins: tuple[Origin, ...]
    rule: str
    primary: bool


def lineage(bundle: Bundle) -> list[FieldLineage]:
    """Every field of every entity that the project feeds, in build order. A field that no column reaches has no origins (a constant)."""
    return [
        FieldLineage(name, key, tuple(origins_of(bundle, name, key)), _rule(bundle, entity, key), any(f.mapping.primary for f in bundle.feeds(name)))
        for name in bundle.build_order
        for entity in [bundle.entities[name]]
        if bundle.feeds(name)
        for key in entity.fields
    ]


def origins_of(bundle: Bundle, entity_name: str, field: str) -> list[Origin]:
    """The columns that a field of an entity depends on, each once, in the order of the source file."""
    entity = bundle.entities[entity_name]
    declared = entity.fields.get(field)
    if declared is None:
        return []
    if declared.lines:
        line_entity = bundle.entities[declared.lines]
        found = {o for key in line_entity.fields for o in origins_of(bundle, declared.lines, key)}
    else:
        names = [(declared.from_, False)] if declared.from_ else list(reads(declared.sql)) if declared.sql else []
        found = {_as_rule(o) if decides else o for name, decides in names for o in _of_name(bundle, entity, name, 0)}
    return _ordered(bundle, found)


def reads(sql: str) -> Iterator[tuple[str, bool]]:
    """Names that an expression reads, and whether it only decides by them. Nothing for text that is no expression."""
    try:
        tree = sqlglot.parse_one(f"select {sql}", dialect="postgres")
    except sqlglot.errors.SqlglotError:
        return
    for column in tree.find_all(exp.Column):
        yield column.name, _decides(column)


def _decides(column: exp.Expr) -> bool:
    """Whether a column stands in the condition of a case that takes its values from other columns.

    With constants as values (``case status when 'x' then true end``) the column in the condition is where the value comes from.
    """
    node: exp.Expr | None = column
    while node is not None and node.parent is not None:
        branch = node.parent
        case = branch.parent if isinstance(branch, exp.If) else branch
        if isinstance(case, exp.Case) and node.arg_key == "this":
            values = [*(b.args.get("true") for b in case.args["ifs"]), case.args.get("default")]
            if any(v is not None and v.find(exp.Column) for v in values):
                return True
        node = branch
    return False


def _as_rule(origin: Origin) -> Origin:
    return replace(origin, use="rule") if origin.use == "value" else origin


def _of_name(bundle: Bundle, entity: Entity, name: str, depth: int) -> Iterator[Origin]:
    """A name in a field's expression: an input, a `let`, or something brought along from the record that an input refers to."""
    if depth > 8:
        return
    rate_of = entity.inputs.get(name.removesuffix("_rate"))
    if name in entity.inputs or (rate_of and rate_of.type == "currency"):
        yield from _of_input(bundle, entity, name if name in entity.inputs else name.removesuffix("_rate"))
        return
    if name in entity.let:
        for inner, decides in reads(entity.let[name]):
            yield from (_as_rule(o) if decides else o for o in _of_name(bundle, entity, inner, depth + 1))
        return
    for input_name, about in entity.inputs.items():
        brought = name.removeprefix(f"{input_name}_")
        if about.entity is None or brought == name or not name.startswith(f"{input_name}_"):
            continue
        other = bundle.entities[about.entity]
        if brought in about.bring:
            yield from _of_name(bundle, other, brought, depth + 1)
        elif brought in about.bring_fields:
            yield from origins_of(bundle, other.entity, brought)
        else:
            continue
        yield from (Origin(o.object, o.column, "key") for o in _of_input(bundle, entity, input_name))


def _of_input(bundle: Bundle, entity: Entity, name: str) -> Iterator[Origin]:
    for feed in bundle.feeds(entity.entity):
        line = feed.mapping.fields.get(name)
        if line is not None:
            yield from _of_line(bundle, feed, line, "value")


def _of_line(bundle: Bundle, feed: Feed, line: FieldLine, use: Use) -> Iterator[Origin]:
    columns = bundle.source.objects[feed.object].columns
    if line.from_:
        yield Origin(feed.object, feed.mapping.each if line.from_ == "each" and feed.mapping.each else line.from_, use)
    for name, decides in reads(line.sql) if line.sql else ():
        plain = name.removesuffix("__key").removesuffix("__currency")
        plain = feed.mapping.each or plain if plain == "each" else plain
        if plain in columns:
            yield _as_rule(Origin(feed.object, plain, use)) if decides else Origin(feed.object, plain, use)
    if line.collect:
        other = bundle.source.objects[line.collect.object].columns
        for name in [n for n, _ in (*reads(line.collect.sql), *reads(line.collect.when or "true"))]:
            if name.removesuffix("__key") in other:
                yield Origin(line.collect.object, name.removesuffix("__key"), use)
        yield from (Origin(line.collect.object, c, "key") for c in line.collect.by)
    for part in [*(line.keys or []), *([line.or_else] if line.or_else else [])]:
        yield from _of_line(bundle, feed, part, use)


def _rule(bundle: Bundle, entity: Entity, key: str) -> str:
    """How the value is made, for people."""
    field = entity.fields[key]
    if field.lines:
        return f"lines: {bundle.entities[field.lines].title.lower()}"
    if field.sql:
        return " ".join(field.sql.split())
    if field.from_ is None:
        return f"always {'empty' if field.value is None else field.value}"
    about = entity.inputs[field.from_]
    if about.targets:
        return "link to " + " or ".join(bundle.entities[t].title.lower() for t in about.targets)
    return "as it is"


def _ordered(bundle: Bundle, origins: set[Origin]) -> list[Origin]:
    # A column that gives a value and also decides or finds a record counts once, as giving the value.
    rank: list[Use] = ["value", "rule", "key"]
    first = {(o.object, o.column): o for o in sorted(origins, key=lambda o: rank.index(o.use), reverse=True)}
    kept = set(first.values())
    place = {(name, column): (n, m) for n, (name, obj) in enumerate(bundle.source.objects.items()) for m, column in enumerate(obj.columns)}
    return sorted(kept, key=lambda o: (place.get((o.object, o.column), (999, 0)), o.use))
