"""The columns of a source object that a mapping reads."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from crm2odoo.project import FieldLine, SourceObject


def of_line(line: FieldLine, source_object: SourceObject, conditions: bool = True) -> set[str]:
    """Those that a line takes its value from, and, unless ``conditions`` is False, those that decide whether it counts."""
    names = {line.from_} if line.from_ else set()
    names |= of_expression(line.sql, source_object) if line.sql else set()
    if conditions:
        names |= of_expression(line.when, source_object) if line.when else set()
        names |= set(line.collect.equals or []) if line.collect else set()
    for part in [*(line.keys or []), *line.also, *([line.or_else] if line.or_else else [])]:
        names |= of_line(part, source_object, conditions)
    return names


def of_expression(sql: str, source_object: SourceObject) -> set[str]:
    """Those in a PostgreSQL expression, also by their companions: the comparable form and the currency."""
    columns = {
        c.name.removesuffix("__key").removesuffix("__currency") for c in sqlglot.parse_one(f"select {sql}", dialect="postgres").find_all(exp.Column)
    }
    return columns & set(source_object.columns)
