"""From a row of the plan to the values that Odoo wants, and back: field names of this version, database ids, commands."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any

from crm2odoo.ledger.batches import Row
from crm2odoo.odoo.export_files import IN_PLACE, ExportFiles
from crm2odoo.odoo.target import Target
from crm2odoo.project import OdooField
from crm2odoo.staging.vault import holds_token

LINE_FIELDS = {
    "sequence", "display_type", "name", "product_id", "product_uom_id", "product_uom", "product_uom_qty", "quantity", "price_unit", "discount",
    "tax_ids", "tax_id", "account_id", "analytic_distribution", "customer_lead",
}
"""What people write into lines of orders and invoices, besides what a mapping fills; the rest Odoo computes from it."""
REFERENCES = ("many2one", "many2many", "many2one_reference")


@dataclass(frozen=True)
class FieldRule:
    """One field of an entity on one target, worked out once because it is asked for every cell.

    ``name``: the field's name there. ``is_reference``: its values are xids of our own records; with ``relation`` they are XML ids of
    Odoo's. ``readable``: it can be read back and compared cell by cell: files are too large, lines are records of their own.
    """

    key: str
    name: str
    many: bool
    kind: str
    declared: OdooField | None
    is_reference: bool = False
    relation: str | None = None
    readable: bool = True
    second: bool = False
    create_only: bool = False
    send_empty: bool = False
    holds: bool = False

    @classmethod
    def of(cls, key: str, name: str, kind: str, declared: OdooField | None) -> FieldRule:
        # A version that still has one value where later ones have several (crm.stage.team_id) takes the first.
        many, readable = kind == "many2many", kind not in ("binary", "one2many")
        if declared is None:
            return cls(key, name, many, kind, None, is_reference=many, readable=readable)
        own = declared.type in REFERENCES and declared.relation is None and "value" not in declared.model_fields_set
        return cls(
            key, name, many, kind, declared, own, declared.relation, readable, declared.write == "second", declared.write == "create_only",
            declared.send_empty, declared.on_missing == "hold",
        )  # fmt: skip


@dataclass(frozen=True)
class Missing:
    """References of one row that are not loaded: field, xids (or XML ids), and whether the row has to wait for them."""

    key: str
    names: list[str]
    holds: bool


class EntityRules:
    """Turns rows of one entity into values for one target. Fields that the target does not have are left out."""

    def __init__(self, target: Target, entity: str, files: ExportFiles | None = None) -> None:
        self._target, self._files = target, files
        declared = target.entities[entity]
        self._entity = declared
        self.rules: dict[str, FieldRule] = {}
        self._lines: dict[str, EntityRules] = {}
        self._line_ids: dict[str, int] = {}
        self._through: dict[tuple[str, str], int | None] = {}
        self._options: dict[str, int] = {}
        for key, name in target.names[entity].items():
            field = declared.fields.get(key)
            if name is None or (field is not None and field.write == "never"):
                continue
            shape = target.shapes.get(declared.model, {}).get(name, {})
            kind = str(shape.get("type") or (field.type if field else "char"))
            self.rules[key] = FieldRule.of(key, name, kind, field)
            if field is not None and field.lines:
                self._lines[key] = EntityRules(target, field.lines, files)
        self._first = [r for r in self.rules.values() if not r.second]
        self._second = [r for r in self.rules.values() if r.second]
        self._references = [r for r in self.rules.values() if r.is_reference or r.relation]
        self._binary = [r.key for r in self.rules.values() if r.kind == "binary"]
        self._steps = [(r.key, r.name, self._is_plain(r), r.send_empty, r) for r in self._first]
        self.first_keys = {r.key: None for r in self._first}
        """Fields that a new record is given in the first pass, in order."""
        self.ours_context = {k: v for r in self.rules.values() if r.declared for k, v in r.declared.ours_context.items()}
        self.spared = self._spared()
        """What the load action fills in: [field of the lines or "", field, reference or "", [[model, domain]], what is sent]."""
        self._xml_ids: dict[str, int | None] = {}

    def _is_plain(self, rule: FieldRule) -> bool:
        """Whether its values are sent as they are."""
        return not (rule.is_reference or rule.relation or rule.many or rule.kind == "binary" or rule.key in self._lines)

    def _spared(self) -> list[list[Any]]:
        shape, found = self._target.shapes.get(self._entity.model, {}), []
        for name, spared in self._entity.spared.items():
            if name in shape:
                like = self.rules[spared.like].name if spared.like in self.rules else ""
                empty = [[6, 0, []]] if shape[name]["type"] == "many2many" else False
                if like or spared.while_none:
                    found.append(["", name, like, [[model, domain] for model, domain in (spared.while_none or {}).items()], empty])
        for key, inner in self._lines.items():
            found += [[self.rules[key].name, *one[1:]] for one in inner.spared]
        return found

    def look_up(self, rows: Iterable[Row]) -> None:
        """Asks for what the rows need and what is not known yet: XML ids, the records behind lines, and values of records referred to."""
        rows = list(rows)
        self._read_options(rows)
        related = [rule.key for rule in self.rules.values() if rule.relation]
        if wanted := {name for key in related for row in rows if row.vals.get(key) for name in _names(row.vals[key])} - self._xml_ids.keys():
            found = self._target.client.xml_ids(sorted(wanted))
            self._xml_ids |= {name: found.get(name) for name in wanted}
        for key, inner in self._lines.items():
            if lines := [line for row in rows for line in row.vals.get(key) or []]:
                inner.look_up_lines(lines)
        for rule in self.rules.values():
            if rule.declared and rule.declared.through:
                self._read_through(rule, rows)

    def look_up_lines(self, lines: list[dict[str, Any]]) -> None:
        """Lines are no rows of the plan: the cut does not resolve their references, so the ledger is asked here, once per batch."""
        references = [r for r in self.rules.values() if r.is_reference]
        xids = sorted({name for line in lines for r in references for name in _names(line.get(r.key))} - set(self._line_ids))
        if xids:
            with self._target.ws.connect() as connection:
                found = connection.execute(
                    self._target.ws.sql("select xid, res_id from {log}.record where target_id = %s and xid = any(%s)"), [self._target.target_id, xids]
                )
                self._line_ids |= {r["xid"]: r["res_id"] for r in found}
        self.look_up([self.line_row(line) for line in lines])

    def line_row(self, line: dict[str, Any]) -> Row:
        """A line as a row that is new."""
        ids: dict[str, Any] = {}
        for rule in self.rules.values():
            if rule.is_reference:
                looked_up = [self._line_ids.get(name) for name in _names(line.get(rule.key))]
                ids[rule.key] = looked_up if isinstance(line.get(rule.key), list) else (looked_up[0] if looked_up else None)
        return Row(xid="", seq=0, action="create", hash="", changed=[], vals=line, res_id=None, known=False, loaded=None, ids=ids)

    def _read_options(self, rows: list[Row]) -> None:
        """Options of the customer's own fields are records of set-up, which the cut does not look up."""
        own = [r.key for r in self.rules.values() if r.declared is None and r.many]
        xids = sorted({name for row in rows for key in own for name in _names(row.vals.get(key)) if name not in self._options})
        if xids:
            with self._target.ws.connect() as connection:
                found = connection.execute(
                    self._target.ws.sql("select xid, res_id from {log}.record where target_id = %s and xid = any(%s)"), [self._target.target_id, xids]
                )
                self._options |= {r["xid"]: r["res_id"] for r in found}

    def _read_through(self, rule: FieldRule, rows: list[Row]) -> None:
        """For references whose records count through one of their fields: that field's values, by xid."""
        assert rule.declared is not None
        xids = sorted({name for row in rows for name in _names(row.vals.get(rule.key)) if (rule.key, name) not in self._through})
        if not xids:
            return
        with self._target.ws.connect() as connection:
            known = connection.execute(
                self._target.ws.sql("select xid, entity, res_id from {log}.record where target_id = %s and xid = any(%s) and entity = any(%s)"),
                [self._target.target_id, xids, list(rule.declared.through)],
            ).fetchall()
        for entity, name in rule.declared.through.items():
            ids = {r["res_id"]: r["xid"] for r in known if r["entity"] == entity}
            found = self._target.client.call(
                self._target.entities[entity].model, "read", ids=sorted(ids), fields=[name], load="", context={"active_test": False}
            ) if ids else []
            self._through |= {(rule.key, ids[r["id"]]): r[name] or None for r in found}

    def sealed_before(self, row: Row, before: dict[str, Any]) -> dict[str, Any]:
        """A before-image as the ledger may keep it: what Odoo held in a field whose value is encrypted, or was until now, is encrypted, too."""
        loaded = row.loaded or {}
        private = {rule.name for key, rule in self.rules.items() if holds_token(row.vals.get(key)) or holds_token(loaded.get(key))}
        return {name: self._sealed(value) if name in private else value for name, value in before.items()}

    def _sealed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {"lines": [{f: self._sealed(v) for f, v in line.items()} for line in value["lines"]]}
        return self._target.ws.vault.seal(value) if isinstance(value, str) and value and not holds_token(value) else value

    def bytes(self, row: Row) -> int:
        """Roughly what a row adds to a request."""
        if not self._binary:
            return row.size
        # A content that stands in the row itself is text of the row.
        paths = [str(row.vals[k]) for k in self._binary if row.vals.get(k)]
        return row.size + sum(self._files.size(path) * 4 // 3 for path in paths if self._files and not path.startswith(IN_PLACE))

    def missing(self, row: Row, keys: Container[str]) -> list[Missing]:
        """References among ``keys`` that cannot be resolved."""
        found = []
        for rule in self._references:
            raw = row.vals.get(rule.key)
            if raw is None or rule.key not in keys:
                continue
            # Most references are to one record, which is there.
            if raw.__class__ is str and self._one(rule, row, raw) is not None:
                continue
            names = _names(raw)
            absent = [name for name, res_id in zip(names, self._resolve(rule, row), strict=True) if res_id is None]
            if absent:
                found.append(Missing(rule.key, absent, rule.holds))
        return found

    def _one(self, rule: FieldRule, row: Row, name: str) -> int | None:
        """The database id of the one record that a reference names; None when it is not loaded."""
        found: int | None = self._xml_ids.get(name) if rule.relation else row.ids.get(rule.key)
        return found

    def _resolve(self, rule: FieldRule, row: Row) -> list[int | None]:
        if rule.relation:
            return [self._xml_ids.get(name) for name in _names(row.vals.get(rule.key))]
        if rule.declared is None:
            return [self._options.get(name) for name in _names(row.vals.get(rule.key))]
        ids = row.ids.get(rule.key)
        if isinstance(row.vals.get(rule.key), list):
            return list(ids or [])
        return [ids]

    def value(self, rule: FieldRule, row: Row) -> Any:
        """The field's value as ``create`` and ``write`` take it; False or an empty list of commands when there is none."""
        raw = row.vals.get(rule.key)
        if rule.key in self._lines:
            inner = self._lines[rule.key]
            return [[0, 0, inner.for_create(inner.line_row(line))] for line in raw or []]
        if rule.kind == "binary" and raw is not None and self._files is not None:
            return self._files.base64(str(raw))
        if rule.is_reference or rule.relation:
            if raw.__class__ is str and not rule.many and rule.declared is not None:
                # Most references are to one record.
                one = self._through.get((rule.key, raw), self._one(rule, row, raw))
                return False if one is None else one
            resolved = zip(_names(raw), self._resolve(rule, row), strict=True) if _names(raw) else []
            ids = [i for name, own in resolved if (i := self._through.get((rule.key, name), own)) is not None]
            return [[6, 0, ids]] if rule.many else (ids[0] if ids else False)
        if raw is None:
            return [[6, 0, []]] if rule.many else False
        return self._target.ws.vault.unseal_value(raw, rule.kind == "html")

    def for_create(self, row: Row) -> dict[str, Any]:
        """Values of a new record: empty ones only where Odoo would put in something else."""
        vals, found, private = row.vals, {}, row.private
        for key, name, plain, send_empty, rule in self._steps:
            raw = vals.get(key)
            if raw is None and not send_empty:
                continue
            # Most values are sent as they are.
            if raw is not None and plain:
                found[name] = self._target.ws.vault.unseal_value(raw, rule.kind == "html") if private and holds_token(raw) else raw
            elif _is_sent(rule, row, value := self.value(rule, row)):
                found[name] = value
        return found

    def comparable_on_create(self, row: Row) -> list[str]:
        """Fields that a new record is given, and that an update may write and a reader compare."""
        first = [r for r in self._first if r.readable and not r.create_only]
        return [r.key for r in first if _is_sent(r, row, self.value(r, row))]

    def for_update(self, row: Row, keys: Iterable[str]) -> dict[str, Any]:
        """Values of the given fields; empty ones are sent as such."""
        # Lines are replaced as a whole: they have no identity of their own in the source.
        vals = {self.rules[key].name: self.value(self.rules[key], row) for key in keys}
        return vals | {self.rules[key].name: [[5, 0, 0], *vals[self.rules[key].name]] for key in keys if key in self._lines}

    def resent(self, keys: Iterable[str]) -> list[str]:
        """Fields that Odoo overwrites when ``keys`` are written, and that must be written again after them."""
        written = set(keys)
        return [k for k, r in self.rules.items() if r.declared is not None and k not in written and written & set(r.declared.resent_after)]

    def kept(self, row: Row, keys: Iterable[str]) -> list[str]:
        """Fields that Odoo fills anew when ``keys`` are written, and that get back what they held: those to which the row gives a value."""
        written = set(keys)
        return [
            k for k, r in self.rules.items()
            if r.declared is not None and k not in written and written & set(r.declared.kept_when) and row.vals.get(k) is not None
        ]

    def updatable(self, keys: Iterable[str]) -> list[str]:
        """Those fields that an update may write in the first pass."""
        return [k for k in keys if k in self.rules and not self.rules[k].create_only and not self.rules[k].second]

    def changed(self, row: Row) -> list[str]:
        """Fields whose values differ from what the ledger says Odoo holds."""
        loaded = row.loaded or {}
        return [k for k in self.rules if not _same_empty(row.vals.get(k), loaded.get(k))]

    @property
    def line_keys(self) -> set[str]:
        """Fields that hold lines."""
        return set(self._lines)

    def lines_now(self, key: str, ids: dict[int, list[int]]) -> dict[int, list[dict[str, Any]]]:
        """What the lines of records hold in Odoo, so that they can be made anew: database id → lines in order, as ``create`` takes them.

        ``ids``: database id of a record → ids of its lines, as Odoo gives them.
        """
        inner = self._lines[key]
        shape = self._target.shapes.get(inner._entity.model, {})
        fields = sorted({r.name for r in inner.rules.values()} | {f for f in shape if f in LINE_FIELDS or f.startswith("x_")})
        wanted = sorted({i for lines in ids.values() for i in lines})
        rows = self._target.client.call(
            inner._entity.model, "read", ids=wanted, fields=fields, load="", context={"active_test": False}
        ) if wanted else []
        found = {
            r["id"]: {f: [[6, 0, r[f]]] if shape.get(f, {}).get("type") == "many2many" else r[f] for f in fields} for r in rows
        }
        return {record: [found[i] for i in lines if i in found] for record, lines in ids.items()}

    def waiting(self, row: Row) -> list[str]:
        """Fields that the second pass has to write."""
        if not self._second:
            return []
        loaded = row.loaded or {}
        return [r.key for r in self._second if not _same_empty(row.vals.get(r.key), loaded.get(r.key))]

    def differs(self, row: Row, keys: Iterable[str], found: dict[str, Any]) -> list[str]:
        """Fields whose value in Odoo (``read`` with raw ids) is not what would be sent."""
        return [k for k in keys if not same_value(self.value(self.rules[k], row), found.get(self.rules[k].name))]


def _names(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(v) for v in value if v is not None]
    return [] if value is None else [str(value)]


def _is_sent(rule: FieldRule, row: Row, value: Any) -> bool:
    raw = row.vals.get(rule.key)
    return rule.send_empty or not (raw is None or value == [[6, 0, []]] or (value is False and raw is not False))


def _same_empty(a: Any, b: Any) -> bool:
    return a == b or (not _names(a) and not _names(b) and not isinstance(a, bool) and not isinstance(b, bool))


def same_value(sent: Any, found: Any) -> bool:
    """Whether what ``write`` would be given is what ``read`` (raw ids) found."""
    if isinstance(sent, list):
        # Lines are made anew each time; of other lists there is one command, [6, 0, ids].
        return sorted(sent[0][2]) == sorted(found or []) if sent and sent[0][0] == 6 else not sent and not found
    if isinstance(sent, float) or isinstance(found, float):
        return math.isclose(float(sent or 0), float(found or 0), abs_tol=1e-9)
    return bool(sent == found or (sent in (False, "", None) and found in (False, "", None)))
