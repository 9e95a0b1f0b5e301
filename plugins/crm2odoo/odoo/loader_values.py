"""From a row of the plan to the values that Odoo wants, and back: field names of this version, database ids, commands."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crm2odoo.ledger.batches import Row
from crm2odoo.odoo.target import Target
from crm2odoo.project import OdooField


@dataclass(frozen=True)
class FieldRule:
    """One field of an entity on one target. ``name`` is the field's name there."""

    key: str
    name: str
    many: bool
    kind: str
    declared: OdooField | None

    @property
    def is_reference(self) -> bool:
        """Whether its values are xids of our own records."""
        d = self.declared
        return d is not None and d.type in ("many2one", "many2many") and d.relation is None and "value" not in d.model_fields_set

    @property
    def relation(self) -> str | None:
        return self.declared.relation if self.declared else None

    @property
    def second(self) -> bool:
        return self.declared is not None and self.declared.write == "second"

    @property
    def create_only(self) -> bool:
        return self.declared is not None and self.declared.write == "create_only"

    @property
    def send_empty(self) -> bool:
        return self.declared is not None and self.declared.send_empty

    @property
    def holds(self) -> bool:
        return self.declared is not None and self.declared.on_missing == "hold"


@dataclass(frozen=True)
class Missing:
    """References of one row that are not loaded: field, xids (or XML ids), and whether the row has to wait for them."""

    key: str
    names: list[str]
    holds: bool


class EntityRules:
    """Turns rows of one entity into values for one target. Fields that the target does not have are left out."""

    def __init__(self, target: Target, entity: str) -> None:
        self._target = target
        declared = target.entities[entity]
        self.rules: dict[str, FieldRule] = {}
        for key, name in target.names[entity].items():
            if name is None:
                continue
            field = declared.fields.get(key)
            shape = target.shapes.get(declared.model, {}).get(name, {})
            kind = str(shape.get("type") or (field.type if field else "char"))
            # A version that still has one value where later ones have several (crm.stage.team_id) takes the first.
            self.rules[key] = FieldRule(key, name, kind == "many2many", kind, field)
        self.second = [r for r in self.rules.values() if r.second]
        self._xml_ids: dict[str, int | None] = {}

    def look_up_xml_ids(self, rows: Iterable[Row]) -> None:
        """Asks Odoo for XML ids that the rows use and that are not known yet; one call per module."""
        wanted = {
            name
            for rule in self.rules.values()
            if rule.relation
            for row in rows
            for name in _names(row.vals.get(rule.key))
            if name not in self._xml_ids
        }
        if wanted:
            found = self._target.client.xml_ids(sorted(wanted))
            self._xml_ids |= {name: found.get(name) for name in wanted}

    def missing(self, row: Row, keys: Iterable[str]) -> list[Missing]:
        """References among ``keys`` that cannot be resolved."""
        found = []
        for key in keys:
            rule = self.rules.get(key)
            names = _names(row.vals.get(key)) if rule else []
            if not rule or not names or not (rule.is_reference or rule.relation):
                continue
            absent = [name for name, res_id in zip(names, self._resolve(rule, row), strict=True) if res_id is None]
            if absent:
                found.append(Missing(key, absent, rule.holds))
        return found

    def _resolve(self, rule: FieldRule, row: Row) -> list[int | None]:
        if rule.relation:
            return [self._xml_ids.get(name) for name in _names(row.vals.get(rule.key))]
        ids = row.ids.get(rule.key)
        if isinstance(row.vals.get(rule.key), list):
            return list(ids or [])
        return [ids]

    def value(self, rule: FieldRule, row: Row) -> Any:
        """The field's value as ``create`` and ``write`` take it; False or an empty list of commands when there is none."""
        raw = row.vals.get(rule.key)
        if rule.is_reference or rule.relation:
            ids = [i for i in self._resolve(rule, row) if i is not None] if _names(raw) else []
            return [[6, 0, ids]] if rule.many else (ids[0] if ids else False)
        if raw is None:
            return [[6, 0, []]] if rule.many else False
        return raw

    def sent_on_create(self, row: Row) -> list[str]:
        """Fields that a new record is given: empty ones only where Odoo would put in something else."""
        return [k for k, rule in self.rules.items() if not rule.second and (rule.send_empty or not _empty(row.vals.get(k), self.value(rule, row)))]

    def for_create(self, row: Row) -> dict[str, Any]:
        """Values of a new record."""
        return {self.rules[k].name: self.value(self.rules[k], row) for k in self.sent_on_create(row)}

    def for_update(self, row: Row, keys: Iterable[str]) -> dict[str, Any]:
        """Values of the given fields; empty ones are sent as such."""
        return {self.rules[key].name: self.value(self.rules[key], row) for key in keys}

    def updatable(self, keys: Iterable[str]) -> list[str]:
        """Those fields that an update may write in the first pass."""
        return [k for k in keys if k in self.rules and not self.rules[k].create_only and not self.rules[k].second]

    def changed(self, row: Row) -> list[str]:
        """Fields whose values differ from what the ledger says Odoo holds."""
        loaded = row.loaded or {}
        return [k for k in self.rules if not _same_empty(row.vals.get(k), loaded.get(k))]

    def differs(self, row: Row, keys: Iterable[str], found: dict[str, Any]) -> list[str]:
        """Fields whose value in Odoo (``read`` with raw ids) is not what would be sent."""
        return [k for k in keys if not same_value(self.value(self.rules[k], row), found.get(self.rules[k].name))]


def _names(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(v) for v in value if v is not None]
    return [] if value is None else [str(value)]


def _empty(raw: Any, value: Any) -> bool:
    return raw is None or value == [[6, 0, []]] or (value is False and not isinstance(raw, bool))


def _same_empty(a: Any, b: Any) -> bool:
    return a == b or (not _names(a) and not _names(b) and not isinstance(a, bool) and not isinstance(b, bool))


def same_value(sent: Any, found: Any) -> bool:
    """Whether what ``write`` would be given is what ``read`` (raw ids) found."""
    if isinstance(sent, list):
        return sorted(sent[0][2]) == sorted(found or [])
    if isinstance(sent, float) or isinstance(found, float):
        return math.isclose(float(sent or 0), float(found or 0), abs_tol=1e-9)
    return bool(sent == found or (sent in (False, "", None) and found in (False, "", None)))
