"""Renders the templates below ``sql/`` and checks every statement with sqlglot before it may run."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlglot
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from sqlglot import exp
from sqlglot.errors import SqlglotError

ALLOWED_STATEMENTS = (exp.Create, exp.Insert, exp.Update, exp.Delete, exp.Drop, exp.Select, exp.Union, exp.Analyze, exp.TruncateTable, exp.Merge)
FORBIDDEN_FUNCTIONS = {
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_stat_file",
    "lo_import",
    "lo_export",
    "dblink",
    "dblink_exec",
    "pg_sleep",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "set_config",
    "pg_reload_conf",
    "query_to_xml",
    "database_to_xml",
    "table_to_xml",
    "copy",
}
# What an expression of a mapping may call, by the names that sqlglot gives them: pure functions of their arguments, whose answer is no larger.
ALLOWED_IN_EXPRESSIONS = frozenset({
    "abs", "and", "any", "array", "array_agg", "array_append", "array_cat", "array_length", "array_position", "array_remove", "array_size",
    "array_to_string", "btrim", "cardinality", "case", "cast", "ceil", "ceiling", "char_length", "coalesce", "concat", "concat_ws",
    "convert_to", "date_part", "date_trunc", "day_of", "day_start", "decode", "encode", "extract", "floor", "greatest", "html_text", "if",
    "initcap", "interval", "least", "left", "length", "lower", "ltrim", "make_date", "md5", "mod",
    "nullif", "or", "position", "regexp_i_like", "regexp_ilike",
    "regexp_like", "regexp_match", "regexp_replace", "regexp_substr", "replace", "right", "round", "rtrim", "sha256", "sign", "split",
    "split_part", "starts_with", "str_position", "str_to_date", "str_to_time", "string_to_array", "strpos", "substr", "substring",
    "time_to_str", "timestamp_trunc", "to_char", "to_date", "to_number", "to_timestamp", "translate", "trim", "trunc", "ts_or_ds_to_date",
    "upper", "xor",
})  # fmt: skip


Constant = str | int | float | bool | list[str] | None
"""What a name in an expression may stand for."""


class UnsafeSql(ValueError):
    """A statement does what a transform may not do. The message names the template and the reason."""


@lru_cache(maxsize=8192)
def quote(name: str) -> str:
    """An SQL identifier, quoted by sqlglot."""
    return exp.to_identifier(name, quoted=True).sql("postgres")


def literal(value: str | int | float | bool | None) -> str:
    """An SQL literal."""
    if value is None:
        return "null"
    return exp.convert(value).sql("postgres")


def html_text(sql: str) -> str:
    """A text as HTML, its line breaks kept: Odoo would swallow them. Expressions may call it by this name."""
    escaped = f"replace(replace(replace({sql}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"
    return f"regexp_replace({escaped}, E'\\r\\n|\\r|\\n', '<br>', 'g')"


def day_start(sql: str, zone: str) -> str:
    """A day as the moment at which it begins in ``zone``, in UTC. Taken as midnight in UTC it would be the day before for all of America.

    Expressions may call it by this name, with the day alone.
    """
    return f"timezone('UTC', timezone({literal(zone)}, ({sql})::timestamp))"


def day_of(sql: str, zone: str) -> str:
    """The day in ``zone`` of a moment in UTC: late in the evening UTC has another one. Expressions may call it by this name, like the other."""
    return f"cast(timezone({literal(zone)}, timezone('UTC', {sql})) as date)"


DAYS = {"day_start": day_start, "day_of": day_of}


def across(sql: str, given: str, wanted: str, zone: str) -> str | None:
    """A day as a moment, or a moment as a day, in ``zone``; None unless the two types are the one and the other."""
    if {given, wanted} != {"date", "datetime"}:
        return None
    return (day_start if given == "date" else day_of)(sql, zone)


def expression(
    text: str,
    columns: Iterable[str],
    alias: str | None = None,
    constants: Mapping[str, Constant] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> str:
    """A person's SQL expression: checked, its columns quoted and put under ``alias``.

    ``constants`` are names that stand for a value, ``renamed`` names that stand for other SQL. Raises UnsafeSql for anything but an
    expression over ``columns`` with harmless functions.
    """
    return _expression(text, tuple(columns), alias, json.dumps(constants or {}), json.dumps(renamed or {}))


@lru_cache(maxsize=8192)
def _expression(text: str, columns: tuple[str, ...], alias: str | None, constants_json: str, renamed_json: str) -> str:
    """Parsing is slow, and the same line is asked for by every building of the target."""
    known, constants, renamed = set(columns), json.loads(constants_json), json.loads(renamed_json)
    try:
        tree = sqlglot.parse_one(f"select {text}", dialect="postgres")
    except SqlglotError as error:
        raise UnsafeSql(f"not an SQL expression: {text!r}: {str(error).splitlines()[0]}") from None
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or any(tree.args.get(part) for part in ("from", "from_", "where", "limit")):
        raise UnsafeSql(f"expected one expression and nothing else: {text!r}")
    if list(tree.expressions[0].find_all(exp.Subquery, exp.Select, exp.Table)):
        raise UnsafeSql(f"no sub-queries in an expression: {text!r}")
    _check_functions(tree.expressions[0], repr(text), ALLOWED_IN_EXPRESSIONS)
    for call in list(tree.find_all(exp.Anonymous)):
        if call.name.lower() == "html_text" and len(call.expressions) == 1:
            call.replace(sqlglot.parse_one(html_text(call.expressions[0].sql("postgres")), dialect="postgres"))
        elif call.name.lower() in DAYS and len(call.expressions) == 1:
            written = DAYS[call.name.lower()](call.expressions[0].sql("postgres"), constants.get("project_timezone") or "UTC")
            call.replace(sqlglot.parse_one(written, dialect="postgres"))
    for column in list(tree.find_all(exp.Column)):
        name = column.name
        if not column.table and name in constants:
            column.replace(exp.convert(constants[name]))
        elif not column.table and name in renamed:
            column.replace(sqlglot.parse_one(renamed[name], dialect="postgres"))
        elif column.table or name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
            raise UnsafeSql(f"unknown column {column.sql('postgres')!r} in {text!r}; {hint}")
        else:
            column.replace(exp.column(exp.to_identifier(name, quoted=True), table=alias))
    return f"({tree.expressions[0].sql('postgres')})"


def _check_functions(tree: exp.Expr, where: str, allowed: frozenset[str] | None = None) -> None:
    for call in tree.find_all(exp.Func):
        name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
        if allowed is not None and name not in allowed:
            close = difflib.get_close_matches(name, allowed, n=1)
            hint = f"did you mean {close[0]!r}?" if close else ""
            raise UnsafeSql(f"{where}: the function {name} is not on the list of those that a mapping may call {hint}".rstrip())
        if name in FORBIDDEN_FUNCTIONS or (name.startswith(("pg_", "lo_", "dblink")) and name != "pg_input_is_valid"):
            raise UnsafeSql(f"{where}: the function {name} is not allowed")


@lru_cache(maxsize=8)
def _environment(folder: str) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(ident=quote, lit=literal)
    environment.globals.update(expression=expression, quote=quote, literal=literal)
    return environment


def render(folder: Path, template: str, values: dict[str, Any]) -> str:
    """The text of ``<folder>/<template>`` with its values filled in. Unknown names in the template raise jinja2.UndefinedError."""
    return _environment(str(folder)).get_template(template).render(**values)


def _upgrades_table(tree: exp.Expr) -> bool:
    """Whether a statement does nothing but add columns to a table of an earlier version, or put another constraint in place of one."""
    actions = tree.args.get("actions") if isinstance(tree, exp.Alter) else None
    return bool(actions) and all(
        (isinstance(action, exp.ColumnDef) and action.args.get("exists"))
        or (isinstance(action, exp.Drop) and action.args.get("kind") == "CONSTRAINT")
        or isinstance(action, exp.AddConstraint)
        for action in actions or []
    )


def check(sql: str, schemas: Iterable[str], template: str) -> list[str]:
    """Splits rendered SQL into statements and returns them, or raises UnsafeSql.

    Each statement must be one of ALLOWED_STATEMENTS and may name tables of ``schemas`` only.
    """
    return list(_check(sql, tuple(sorted(schemas)), template))


@lru_cache(maxsize=512)
def _check(sql: str, schemas: tuple[str, ...], template: str) -> list[str]:
    allowed = set(schemas)
    statements: list[str] = []
    try:
        trees = sqlglot.parse(sql, dialect="postgres")
    except SqlglotError as error:
        raise UnsafeSql(f"sql/{template}: {error}") from None
    for tree in trees:
        if tree is None:
            continue
        if not isinstance(tree, ALLOWED_STATEMENTS) and not _upgrades_table(tree):
            raise UnsafeSql(f"sql/{template}: {type(tree).__name__} statements are not allowed: {tree.sql('postgres')[:120]}")
        local = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in tree.find_all(exp.Table):
            if isinstance(table.parent, exp.Drop) and table.parent.args.get("kind") == "CONSTRAINT":
                continue  # the name of a constraint
            if isinstance(table.this, exp.Func) or (not table.db and table.name in local) or not table.name:
                continue
            created_schema = isinstance(tree, (exp.Create, exp.Drop)) and tree.args.get("kind") == "SCHEMA"
            schema = (table.db or table.name) if created_schema else table.db
            if schema not in allowed:
                raise UnsafeSql(f"sql/{template}: the table {table.sql('postgres')} is outside the project's schemas")
        _check_functions(tree, f"sql/{template}")
    for piece in _split(sql):
        statements.append(piece)
    return statements


def _split(sql: str) -> list[str]:
    """The statements as written (sqlglot would drop comments and layout), cut at top-level semicolons."""
    pieces, start, holds_something = [], 0, False
    for token in sqlglot.tokenize(sql, dialect="postgres"):
        if token.token_type != sqlglot.TokenType.SEMICOLON:
            holds_something = True
            continue
        if holds_something:
            pieces.append(sql[start : token.start].strip())
        start, holds_something = token.end + 1, False
    return [*pieces, sql[start:].strip()] if holds_something else pieces
