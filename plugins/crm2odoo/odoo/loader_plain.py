"""Tier B: loading through Odoo's public ``load``, where the server action of tier A is not allowed.

``load`` makes records and external ids in one transaction too, but slower: it converts texts, and looks up every row. Two things of it
are not believed (loader.md): the ids it returns, which may be of records that do not exist, and an answer without ids, which may hide a
serialization failure. Every id comes from ``ir.model.data`` instead. Needs no more than the rights on the model itself.
"""

from __future__ import annotations

import re
from typing import Any

from crm2odoo.odoo.context import READING
from crm2odoo.odoo.errors import RowRefused, TransientError, UnclearAnswer
from crm2odoo.odoo.load_action import Created, Updated
from crm2odoo.odoo.target import Target

SERIALIZATION = re.compile(
    r"could not serialize|deadlock detected|concurrent update|current transaction is aborted|lock not available", re.IGNORECASE
)


Column = tuple[str, str]
"""A field, or a field and a field of its lines."""


class PlainTier:
    """Writes with ``load``, in order, one call for each run of rows that give the same fields."""

    name = "B"

    def __init__(self, target: Target) -> None:
        self._target = target

    def create(self, model: str, rows: list[tuple[str, dict[str, Any]]], context: dict[str, Any]) -> Created:
        there = self._ids([xid for xid, _ in rows])
        missing = [(xid, vals) for xid, vals in rows if xid not in there]
        self._load(model, missing, context)
        made = self._ids([xid for xid, _ in missing])
        if len(made) < len(missing):
            lost = next(xid for xid, _ in missing if xid not in made)
            raise UnclearAnswer(
                f"{model}.load: Odoo reported success, but {len(missing) - len(made)} of {len(missing)} records are not there, for example {lost}."
            )
        ids = there | made
        return Created([ids[xid] for xid, _ in rows], set(made))

    def update(self, model: str, rows: list[tuple[str, int, dict[str, Any]]], context: dict[str, Any]) -> Updated:
        there = self._ids([xid for xid, _, _ in rows])
        wanted = [there.get(xid) or res_id for xid, res_id, _ in rows]
        fields = sorted({name for _, _, vals in rows for name in vals})
        found = self._target.client.call(model, "search_read", domain=[["id", "in", wanted]], fields=fields, load="", context=READING)
        before = {r["id"]: r for r in found}
        alive = [(xid, res_id, vals) for (xid, _, vals), res_id in zip(rows, wanted, strict=True) if res_id in before]
        # `load` knows records by their external id only, and cannot replace lines.
        loadable = {xid for xid, _, vals in alive if xid in there and not any(_is_lines(v) for v in vals.values())}
        self._load(model, [(xid, vals) for xid, _, vals in alive if xid in loadable], context)
        for xid, res_id, vals in alive:
            if xid not in loadable:
                self._target.client.call_once(model, "write", ids=[res_id], vals=vals, context=context)
        return Updated([i if i in before else None for i in wanted], [before.get(i) for i in wanted])

    def _load(self, model: str, rows: list[tuple[str, dict[str, Any]]], context: dict[str, Any]) -> None:
        for columns, run in _runs(rows):
            header = ["id", *(self._header(model, column) for column in columns)]
            data = [line for xid, vals in run for line in _grid(f"{self._target.xid_module}.{xid}", vals, columns)]
            answer = self._target.client.call_once(model, "load", fields=header, data=data, context=context)
            problems = [m for m in answer.get("messages", []) if m.get("type") == "error"]
            if problems or not answer.get("ids"):
                text = "; ".join(dict.fromkeys(str(m.get("message", "")) for m in problems)) or "load made nothing and gave no reason"
                if SERIALIZATION.search(text):
                    raise TransientError(f"{model}.load: {text}")
                raise RowRefused(f"{model}.load: {text}", name="load", reason=text)

    def _header(self, model: str, column: Column) -> str:
        name, inner = column
        shape = self._target.shapes[model][name]
        if inner:
            return f"{name}/{self._header(shape['relation'], (inner, ''))}"
        return f"{name}/.id" if shape["type"] in ("many2one", "many2many") else name

    def _ids(self, xids: list[str]) -> dict[str, int]:
        module = self._target.xid_module
        found = self._target.client.xml_ids([f"{module}.{xid}" for xid in xids])
        return {full.removeprefix(f"{module}."): res_id for full, res_id in found.items()}


def _runs(rows: list[tuple[str, dict[str, Any]]]) -> list[tuple[list[Column], list[tuple[str, dict[str, Any]]]]]:
    """Neighbouring rows with the same columns: in ``load`` an empty cell would clear a field that is to be left alone.

    The lines of one record share their columns; a line that lacks one of them gets it empty.
    """
    runs: list[tuple[list[Column], list[tuple[str, dict[str, Any]]]]] = []
    for xid, vals in rows:
        columns = sorted({(name, inner) for name, value in vals.items() for inner in (_line_fields(value) if _is_lines(value) else [""])})
        if not runs or runs[-1][0] != columns:
            runs.append((columns, []))
        runs[-1][1].append((xid, vals))
    return runs


def _is_lines(value: Any) -> bool:
    """Whether a value is commands that make lines: ``[[0, 0, {…}], …]``, perhaps after ``[5, 0, 0]``."""
    return isinstance(value, list) and bool(value) and (isinstance(value[-1][2], dict) or value[0][0] == 5)


def _line_fields(value: list[Any]) -> set[str]:
    return {name for command in value if isinstance(command[2], dict) for name in command[2]}


def _grid(xid: str, vals: dict[str, Any], columns: list[Column]) -> list[list[str]]:
    """A record as rows of ``load``: the first with its own fields and first lines, further ones with the other lines only."""
    lines = {name: [command[2] for command in value if isinstance(command[2], dict)] for name, value in vals.items() if _is_lines(value)}
    rows = []
    for n in range(max([1, *(len(found) for found in lines.values())])):
        cells = [xid if n == 0 else ""]
        for name, inner in columns:
            if inner:
                cells.append(_cell(lines[name][n].get(inner)) if n < len(lines[name]) else "")
            else:
                cells.append(_cell(vals[name]) if n == 0 else "")
        rows.append(cells)
    return rows


def _cell(value: Any) -> str:
    """A value as ``load`` reads it. False and empty lists are empty cells, which clear the field."""
    if isinstance(value, list):
        return ",".join(str(i) for i in value[0][2]) if value else ""
    if value is True:
        return "1"
    return "" if value is False or value is None else str(value)
