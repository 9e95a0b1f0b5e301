"""Turns the lines of a mapping into SQL expressions over the clean tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import yaml

from crm2odoo.project import Bundle, Collect, Entity, Feed, FieldLine, Input, SourceObject
from crm2odoo.staging.render import Constant, across, expression, html_text, literal, quote
from crm2odoo.staging.vault import MARK

# Types whose clean column has a companion that holds the comparable form.
KEYED = ("email", "url", "domain")
_EMPTY = literal("")

SQL_TYPES = {
    "text": "text",
    "name": "text",
    "email": "text",
    "phone": "text",
    "url": "text",
    "domain": "text",
    "html": "text",
    "file": "text",
    "date": "date",
    "datetime": "timestamp",
    "money": "numeric",
    "currency": "text",
    "number": "numeric",
    "integer": "bigint",
    "boolean": "boolean",
    "list": "text[]",
}
ODOO_SQL_TYPES = {
    "char": "text",
    "text": "text",
    "html": "text",
    "selection": "text",
    "many2one": "text",
    "binary": "text",
    "integer": "bigint",
    "float": "numeric",
    "monetary": "numeric",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamp",
    "many2many": "text[]",
    "many2one_reference": "text",
}


def normalised(sql: str) -> str:
    """The comparable form of a text; the same as the macro of sql/macros/natural_key.sql.j2."""
    return rf"nullif(replace(lower(regexp_replace(btrim(normalize(({sql})::text, NFC)), '\s+', ' ', 'g')), 'ß', 'ss'), '')"


def normalised_text(text: str) -> str:
    """The comparable form of a constant."""
    return " ".join(unicodedata.normalize("NFC", text).split()).lower().replace("ß", "ss")


def natural_key(parts: list[str]) -> str:
    """A key of comparable parts (already in comparable form); null when all are empty."""
    if len(parts) == 1:
        return parts[0]
    joined = ", ".join(f"coalesce({p}, '')" for p in parts)
    return f"nullif(concat_ws(chr(31), {joined}), repeat(chr(31), {len(parts) - 1}))"


def with_aliases(sql: str, entity: Entity) -> str:
    """The comparable form after the entity's other spellings."""
    if not entity.aliases:
        return sql
    cases = " ".join(f"when {literal(normalised_text(k))} then {literal(normalised_text(v))}" for k, v in entity.aliases.items())
    return f"case {sql} {cases} else {sql} end"


@cache
def _symbols() -> dict[str, list[str]]:
    found: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("currency_symbols.yaml").read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=4096)
def currency_code(sql: str, own: str) -> str:
    """The ISO code for what stood beside an amount: a sign that may mean the project's currency means it."""
    cases = " ".join(f"when {literal(sign)} then {literal(own if own in codes else codes[0])}" for sign, codes in _symbols().items())
    return f"case {sql} {cases} else {sql} end"


def foreign_currency(sql: str | None, bundle: Bundle) -> str:
    """The ISO code of a cell's currency, or of the export's where it says none; null where that is the company's own."""
    project = bundle.project
    told = usual = literal(project.currency)
    if sql:
        told = f"coalesce({currency_code(f'nullif(upper(btrim({sql})), {_EMPTY})', project.currency)}, {usual})"
    return f"nullif({told}, {literal(project.own_currency)})"


def rate_of(sql: str, bundle: Bundle) -> str:
    """What one unit of a currency is worth in the company's, as the project declares it; null without a declaration."""
    cases = " ".join(f"when {literal(code)} then {rate!r}" for code, rate in bundle.project.rates.items())
    return f"(case {sql} {cases} end)::numeric" if cases else "null::numeric"


def constants(bundle: Bundle) -> dict[str, Constant]:
    """Names that every expression may use: the project's own values, and its decisions as ``decision_<name>``."""
    decided = {f"decision_{name}": value for name, value in bundle.decisions.items() if not bundle.questions[name].sql}
    own = {
        "default_team": bundle.project.default_team,
        "project_currency": bundle.project.currency,
        "project_timezone": bundle.project.timezone,
        "company_currency": bundle.project.own_currency,
        "source_title": bundle.source.title,
        "xid_module": f"__migration_{bundle.project.project}__",
    }
    return {**own, **decided, **bundle.source.lists}


_TAGS = "</(p|div|ul|ol|li|table|tr|td|span|a|b|i|u|strong|em|font|h[1-6]|blockquote|pre)\\s*>|<br\\s*/?>"
"""What makes a text HTML, an end of a tag or a break: exports have e-mails in HTML and plain notes in one column."""


def text_to_html(sql: str) -> str:
    """Escaped text with its line breaks kept, which Odoo would swallow; a text that is HTML already as it is (Odoo sanitises it)."""
    return f"case when {sql} ~* {literal(_TAGS)} then {sql} else '<p>' || {html_text(sql)} || '</p>' end"


_ELEMENTS = f"{_TAGS}|<(p|div|img|hr|table|ul|ol|html|body|!--)(\\s[^<>]*)?>"
"""What makes the text of a column of HTML really HTML. An address in angle brackets does not."""


def plain_to_html(sql: str) -> str:
    """What a column of HTML holds: HTML as it is, and plain text as HTML, with its line breaks and its `<`. An entity in it stays one.

    An encrypted cell is made HTML when it is opened.
    """
    marked = f"regexp_replace({sql}, '&(#[0-9]+|#x[0-9a-f]+|[a-z][a-z0-9]*);', chr(1) || '\\1;', 'gi')"
    return (
        f"case when {sql} ~* {literal(_ELEMENTS)} or left({sql}, {len(MARK)}) = {literal(MARK)} then {sql} "
        f"else '<p>' || replace({html_text(marked)}, chr(1), '&') || '</p>' end"
    )


@dataclass
class FeedSql:
    """One feed as the templates need it: columns are (name, SQL) pairs over ``c`` and, for ``each``, ``e``."""

    object: str
    rank: int
    primary: bool
    each: str | None
    when: str | None
    again: int
    columns: list[tuple[str, str]] = field(default_factory=list)
    lookups: list[list[str]] = field(default_factory=list)
    lookup_sql: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)


class FeedWriter:
    """Writes the SQL of one feed. ``custom`` are (column, custom field, Odoo type, options) of its object."""

    def __init__(self, bundle: Bundle, feed: Feed, entity: Entity) -> None:
        self.bundle, self.feed, self.entity = bundle, feed, entity
        self.object: SourceObject = bundle.source.objects[feed.object]
        self.constants = constants(bundle)
        self.joins: list[str] = []
        self._aliases: dict[tuple[str, str], str] = {}

    def _expression(self, text: str) -> str:
        names = [*_expression_names(self.object), *(["each"] if self.feed.mapping.each else [])]
        rules = {f"decision_{n}": str(self.bundle.decisions[n]) for n, q in self.bundle.questions.items() if q.sql and f"decision_{n}" in text}
        money = [n for n, c in self.object.columns.items() if c.type == "money"]
        renamed = {f"{n}__currency": currency_code(f"c.{quote(n + '__currency')}", self.bundle.project.currency) for n in money}
        renamed |= {name: expression(rule, names, alias="c", constants=self.constants, renamed=renamed) for name, rule in rules.items()}
        return expression(text, names, alias="c", constants=self.constants, renamed={"each": 'e."value"', **renamed})

    def raw(self, line: FieldLine) -> tuple[str, str]:
        """SQL of a line's value and the type of its clean column (``text`` for anything but a column)."""
        if line.take is not None:
            return self._taken(line), self.bundle.source.objects[line.object or ""].columns[line.take].type
        if line.from_ == "each":
            return 'e."value"', "text"
        if line.from_:
            return f"c.{quote(line.from_)}", self.object.columns[line.from_].type
        if line.sql is not None:
            return self._expression(line.sql), "sql"
        if line.collect is not None:
            return self._collected(line.collect), "sql"
        return literal(line.value), "sql"

    def _collected(self, collect: Collect) -> str:
        project, other = self.bundle.project.project, self.bundle.source.objects[collect.object]

        def over(text: str) -> str:
            return expression(text, _expression_names(other), alias="m", constants=self.constants)

        key = " || chr(31) || ".join(f"m.{quote(c)}" for c in collect.by)
        own = " || chr(31) || ".join(f"c.{quote(c)}" for c in collect.equals) if collect.equals else 'c."_key"'
        condition = f" and {over(collect.when)}" if collect.when else ""
        table = f"{quote(project + '_clean')}.{quote(collect.object)}"
        gathered = f'string_agg({over(collect.sql)}, {literal(collect.separator)} order by {over(collect.order)}, m."_file", m."_rec")'
        # Joined as a group, not asked per row: the log of a large account has millions of rows.
        body = f'(select {key} as "key", {gathered} as "text" from {table} as m where m."_status" = \'valid\'{condition} group by 1)'
        return self._joined(body, "text", f'%s."key" = {own}')

    def _joined(self, body: str, column: str, condition: str) -> str:
        """A column of a sub-query that the feed is joined with; the same sub-query is joined once."""
        if (body, condition) not in self._aliases:
            alias = self._aliases[body, condition] = quote(f"joined_{len(self.joins) + 1}")
            self.joins.append(f"left join {body} as {alias} on {condition.replace('%s', alias)}")
        return f"{self._aliases[body, condition]}.{quote(column)}"

    def _taken(self, line: FieldLine) -> str:
        """One column of the row of another object that the line finds."""
        parts = line.keys or [line.model_copy(update={"take": None})]
        other = self.bundle.source.objects[line.object or ""]
        if line.by:
            theirs = [_comparable_column("m", column, other) for column in line.by]
            own = [self.comparable(part, other.columns[column].type) for column, part in zip(line.by, parts, strict=True)]
        else:
            theirs, own = ['m."_key"'], [" || chr(31) || ".join(f"({self.raw(p)[0]})::text" for p in parts)]
        table = f"{quote(self.bundle.project.project + '_clean')}.{quote(line.object or '')}"
        keys = ", ".join(f'{sql} as "key_{n}"' for n, sql in enumerate(theirs))
        groups = ", ".join(str(n + 1) for n in range(len(theirs)))
        body = (
            f"(select {keys}, min(m.{quote(line.take or '')}) as \"value\" from {table} as m where m.\"_status\" in ('valid', 'merged') group by "
            f"{groups})"
        )
        return self._joined(body, "value", " and ".join(f'%s."key_{n}" = {sql}' for n, sql in enumerate(own)))

    def _only(self, line: FieldLine, sql: str) -> str:
        return f"case when {self._expression(line.when)} then {sql} end" if line.when else sql

    def _part(self, line: FieldLine) -> str:
        """The comparable form of one part of a key, or of what stands in for it."""
        own = self._only(line, self.comparable(line))
        return f"coalesce({own}, {self._part(line.or_else)})" if line.or_else else own

    def comparable(self, line: FieldLine, like: str | None = None) -> str:
        """SQL of the comparable form of a line's value; ``like``: the type of the column that it is compared with."""
        if like is not None and like not in KEYED:
            return normalised(self.raw(line)[0])
        if line.from_ and line.from_ != "each" and self.object.columns[line.from_].type in KEYED:
            return f"c.{quote(line.from_ + '__key')}"
        return normalised(self.raw(line)[0])

    def value(self, name: str, line: FieldLine) -> str:
        """SQL of an input that is no reference, in the input's type."""
        wanted = self.entity.inputs[name].type
        sql, column_type = self.raw(line)
        if wanted == "html" and column_type != "sql":
            sql = plain_to_html(sql) if column_type == "html" else text_to_html(sql)
        elif other := across(sql, column_type, wanted, self.bundle.project.timezone):
            sql = other
        elif wanted == "integer" and column_type in ("text", "enum", "id", "name"):
            sql = f"case when {sql} ~ '^[0-9]{{1,15}}$' then {sql}::bigint end"
        elif wanted == "currency":
            return f"({foreign_currency(self._with_others(line), self.bundle)})::text"
        elif wanted == "text" and column_type == "list":
            sql = f"array_to_string({sql}, ', ')"
        sql = self._only(line, sql)
        if line.or_else is not None:
            sql = f"coalesce({sql}, {self.value(name, line.or_else)})"
        return f"({sql})::{SQL_TYPES[wanted]}"

    def _with_others(self, line: FieldLine) -> str:
        sql = self._only(line, self.raw(line)[0])
        return f"coalesce({sql}, {self._with_others(line.or_else)})" if line.or_else else sql

    def reference(self, entity: Entity, line: FieldLine) -> list[str]:
        """SQL of the look-up keys of a reference, first choice first."""
        keys: list[str] = []
        step: FieldLine | None = line
        while step is not None:
            parts = step.keys or [step]
            if step.object and step.by and not step.take:
                columns = self.bundle.source.objects[step.object].columns
                key = natural_key([self.comparable(p, columns[c].type) for c, p in zip(step.by, parts, strict=True)])
                key = f"{literal(step.object + '.' + '.'.join(step.by) + ':')} || {key}"
            elif step.object and not step.take:
                value = " || chr(31) || ".join(f"({self._first(p)})::text" for p in parts)
                key = f"{literal(step.object + ':')} || {value}"
            else:
                compared = [self._part(p) for p in parts] if step.keys else [self.comparable(step)]
                if len(entity.identity) == 1 and entity.inputs[entity.identity[0]].type == "currency":
                    compared = [normalised(foreign_currency(self.raw(step)[0], self.bundle))]
                position = entity.identity.index(next(iter(entity.identity))) if entity.identity else 0
                compared[position] = with_aliases(compared[position], entity) if len(compared) == 1 else compared[position]
                key = f"'=' || {natural_key(compared)}"
            keys.append(self._only(step, key))
            step = step.or_else
        return keys

    def _first(self, line: FieldLine) -> str:
        """The value of a line; of gathered rows the first."""
        sql, _ = self.raw(line)
        return f"split_part({sql}, {literal(line.collect.separator)}, 1)" if line.collect else sql

    def references(self, line: FieldLine) -> str:
        """SQL of an array of look-up keys, for a list column or an expression that gives text[]."""
        sql, _ = self.raw(line)
        if line.collect is not None:
            sql = f"string_to_array({sql}, {literal(line.collect.separator)})"
        key = f"{literal(line.object + ':')} || x" if line.object else f"'=' || {normalised('x')}"
        return " || ".join([f"array(select {key} from unnest({self._only(line, sql)}) as u(x))", *(self.references(more) for more in line.also)])

    def sql(self, steps: dict[str, int], custom: Iterable[tuple[str, str]], lookups: list[list[str]]) -> FeedSql:
        """The whole feed. ``steps``: number of look-up keys per reference, over all feeds; ``custom``: (name, SQL)."""
        mapping = self.feed.mapping
        result = FeedSql(
            self.feed.object,
            self.feed.number + 100 * list(self.bundle.source.objects).index(self.feed.object) + (0 if mapping.primary else 100_000),
            mapping.primary,
            mapping.each,
            self._conditions(),
            self._again(),
            lookups=lookups,
        )
        for name, declared in self.entity.inputs.items():
            line = mapping.fields.get(name) or mapping.fields.get(declared.like or "")
            if line is None and declared.default is not None:
                line = FieldLine(value=declared.default)
            result.columns += self._input(name, declared, line, steps.get(name, 1))
        result.columns += list(custom)
        result.joins = self.joins
        for columns in lookups:
            result.lookup_sql.append(natural_key([self._lookup_column(c) for c in columns]))
        return result

    def _conditions(self) -> str | None:
        mapping = self.feed.mapping
        conditions = [self._expression(mapping.when)] if mapping.when else []
        if mapping.unless:
            conditions.append(f"not {self._finds(mapping.unless)}")
        if mapping.only_if:
            conditions.append(self._finds(mapping.only_if))
        return " and ".join(conditions) or None

    def _again(self) -> int:
        """How many earlier mappings make a record of this entity on demand from the same row."""
        feeds = self.bundle.feeds(self.entity.entity)
        return sum(not f.mapping.primary and f.object == self.feed.object and f.number < self.feed.number for f in feeds)

    def _finds(self, line: FieldLine) -> str:
        other = self.bundle.source.objects[line.object or ""]
        parts = line.keys or [line]
        same = " and ".join(
            f"{_comparable_column('m', column, other)} = {self.comparable(part, other.columns[column].type)}"
            for column, part in zip(line.by or [], parts, strict=True)
        )
        table = f"{quote(self.bundle.project.project + '_clean')}.{quote(line.object or '')}"
        return f"exists (select 1 from {table} as m where m.\"_status\" in ('valid', 'merged') and {same})"

    def _lookup_column(self, name: str) -> str:
        return _comparable_column("c", name, self.object)

    def _input(self, name: str, declared: Input, line: FieldLine | None, steps: int) -> list[tuple[str, str]]:
        if declared.type == "ref":
            keys = self.reference(self.bundle.entities[declared.targets[0]], line) if line else []
            keys += ["null"] * (steps - len(keys))
            return [(f"{name}__{n}", f"({sql})::text") for n, sql in enumerate(keys, 1)]
        if declared.type == "refs":
            return [(f"{name}__1", self.references(line) if line else "null::text[]")]
        if line is None and declared.type == "currency":
            return [(name, f"({foreign_currency(None, self.bundle)})::text")]
        columns = [(name, self.value(name, line) if line else f"null::{SQL_TYPES[declared.type]}")]
        if declared.type in KEYED:
            columns.append((f"{name}__key", f"({self.comparable(line)})::text" if line else "null::text"))
        return columns


def _expression_names(source_object: SourceObject) -> list[str]:
    """Columns that an expression over the clean rows of an object may use."""
    names = list(source_object.columns)
    names += [f"{n}__key" for n, c in source_object.columns.items() if c.type in (*KEYED, "name", "enum")]
    return names + [f"{n}__currency" for n, c in source_object.columns.items() if c.type == "money"]


def _comparable_column(alias: str, name: str, source_object: SourceObject) -> str:
    if source_object.columns[name].type in KEYED:
        return f"{alias}.{quote(name + '__key')}"
    return normalised(f"{alias}.{quote(name)}")
