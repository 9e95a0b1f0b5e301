"""Set-up of the target: custom fields, their place on the forms, and the settings that the records need.

``plan_schema`` reads and says what is missing; ``apply_schema`` does it, once or many times with the same result, writes a before-image
of each change into the ledger, and looks afterwards that every field is there and on its form; ``remove_schema`` takes back what is unused.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any

from psycopg.types.json import Jsonb

from crm2odoo.odoo import form_page, schema_ledger
from crm2odoo.odoo.facts import ALSO_ARCHIVED
from crm2odoo.odoo.schema_plan import IN_ENGLISH, LEADS_GROUP, Action, SchemaPlan, leads_on, plan_schema, set_leads
from crm2odoo.odoo.schema_remove import Removal, remove_schema
from crm2odoo.odoo.schema_wish import OPTION_MODEL, form_views, option_xid, wanted_fields
from crm2odoo.odoo.target import Target, TargetProblem, refresh_names

__all__ = ["Action", "Removal", "SchemaNotApplied", "SchemaPlan", "apply_schema", "plan_schema", "remove_schema", "verify_schema"]

log = logging.getLogger(__name__)


class SchemaNotApplied(TargetProblem):
    """After set-up something planned is not there. The message lists it."""


def apply_schema(target: Target, run_id: str, plan: SchemaPlan | None = None) -> Target:
    """Does what the plan says and is not done yet; returns the target with its new fields. Without a plan, what is missing now.

    Raises TargetProblem when the plan is for another target, SchemaNotApplied when something is missing afterwards.
    """
    _adopt(target, run_id)
    plan = plan or plan_schema(target)
    if plan.target_id != target.target_id:
        raise TargetProblem(f"this set-up plan was made for the database {plan.target_id}, not for {target.target_id}.\nMake a new plan.")
    builder = _Builder(target, run_id)
    for kind, do in builder.steps.items():
        if actions := [a for a in plan.actions if a.kind == kind]:
            do(actions)
    return verify_schema(target)


def verify_schema(target: Target) -> Target:
    """Looks with ``fields_get`` and ``get_views`` that every custom field is there, of its type, and on its form.

    Returns the target with the fields that it has now. Raises SchemaNotApplied.
    """
    target = refresh_names(target)
    problems = []
    wanted = wanted_fields(target)
    for field in wanted:
        found = target.shapes[field.model].get(field.name)
        if found is None:
            problems.append(f"{field.model} has no field {field.name}")
        elif found["type"] != field.type or (field.relation and found.get("relation") != field.relation):
            problems.append(f"{field.model}.{field.name} is {found['type']}, not {field.type}")
        elif field.type == "selection" and (gone := {v for v, _ in field.options} - {v for v, _ in found["selection"]}):
            problems.append(f"{field.model}.{field.name} does not offer {', '.join(sorted(gone))}")
    for xml_id, model in form_views(target).items():
        shown = [f for f in wanted if f.form == xml_id]
        form = target.reference(xml_id)
        if not shown or form is None:
            continue
        arch = target.client.call(model, "get_views", views=[[form, "form"]])["views"]["form"]["arch"]
        problems += [f"the form {xml_id} does not show {f.name}" for f in shown if not form_page.shows(arch, f.name)]
    if problems:
        raise SchemaNotApplied(
            "the target is not set up as planned:\n"
            + "\n".join(f"- {p}" for p in problems)
            + "\nRun the set-up again; if it stays, look whether another view or module takes these away."
        )
    return target


# By which of its values a thing is found again whose creation broke off.
_FOUND_BY = {
    "ir.model": ["model"], "ir.model.fields": ["model_id", "name"], "ir.model.fields.selection": ["field_id", "value"],
    "ir.ui.view": ["name", "inherit_id"], OPTION_MODEL: ["x_field", "x_value"],
}


def _adopt(target: Target, run_id: str) -> None:
    """Settles the intents of a run that broke off: what Odoo made of them gets its external id; the others are planned again."""
    for row in schema_ledger.standing(target, "schema"):
        if row["action"] != "schema" or row["res_id"] is not None:
            continue
        vals = row["before"]["vals"]
        domain = [[name, "=", vals[name]] for name in _FOUND_BY[row["model"]]]
        if row["model"] == OPTION_MODEL and not target.client.call("ir.model", "search_count", domain=[["model", "=", OPTION_MODEL]]):
            continue
        found = target.client.call(row["model"], "search", domain=domain, limit=1, context=ALSO_ARCHIVED)
        if found:
            log.info("%s was made by a run that broke off; it is taken over", row["xid"])
            _own(target, run_id, row["model"], [row["xid"]], found)


def _own(target: Target, run_id: str, model: str, xids: list[str], ids: list[int]) -> None:
    """Gives records our external ids (where they lack them) and notes them as made."""
    module = target.xid_module
    known = target.client.xml_ids([f"{module}.{x}" for x in xids])
    pairs = list(zip(xids, ids, strict=True))
    rows = [{"module": module, "name": x, "model": model, "res_id": i, "noupdate": True} for x, i in pairs if f"{module}.{x}" not in known]
    if rows:
        target.client.call("ir.model.data", "create", vals_list=rows)
    for xid, res_id in pairs:
        schema_ledger.note(target, run_id, "schema", "schema", model, xid, {"existed": False}, res_id)


class _Builder:
    """Does the actions of a plan, one kind after the other. What is done already is left alone."""

    def __init__(self, target: Target, run_id: str) -> None:
        self.target, self.run_id = target, run_id
        self.call = target.client.call
        self.steps: dict[str, Callable[[list[Action]], None]] = {
            "model": self._each(self.option_model), "field": self.fields, "selection": self._each(self.more_choices),
            "vocabulary": self._each(self.vocabulary), "view": self._each(self.view), "leads": self._each(self.leads),
            "parameter": self._each(self.parameter), "currency": self._each(self.currency),
        }

    @staticmethod
    def _each(do: Callable[[Action], None]) -> Callable[[list[Action]], None]:
        def all_of(actions: list[Action]) -> None:
            for action in actions:
                do(action)

        return all_of

    def _make(self, model: str, xids: list[str], vals: list[dict[str, Any]]) -> list[int]:
        """Creates records and their external ids. An intent line stands in the ledger before, a line with the id after."""
        for xid, one in zip(xids, vals, strict=True):
            schema_ledger.note(self.target, self.run_id, "schema", "schema", model, xid, {"existed": False, "vals": one})
        ids: list[int] = self.call(model, "create", vals_list=vals, context=IN_ENGLISH)
        _own(self.target, self.run_id, model, xids, ids)
        return ids

    def _model_id(self, model: str) -> int:
        return int(self.call("ir.model", "search", domain=[["model", "=", model]])[0])

    def option_model(self, action: Action) -> None:
        """The vocabulary of multi-pick fields. Odoo wants its access rules in the same create."""
        if self.call("ir.model", "search_count", domain=[["model", "=", OPTION_MODEL]]):
            return
        columns = [("x_name", "Name"), ("x_field", "Field"), ("x_value", "Value")]
        everything = {f"perm_{what}": True for what in ("read", "write", "create", "unlink")}
        rights = {"name": f"{OPTION_MODEL} users", "group_id": self.target.need("base.group_user"), **everything}
        fields = [[0, 0, {"name": n, "field_description": d, "ttype": "char", "state": "manual"}] for n, d in columns]
        vals = {"name": "Choices from the source", "model": OPTION_MODEL, "state": "manual", "access_ids": [[0, 0, rights]], "field_id": fields}
        self._make("ir.model", ["model_option"], [vals])

    def fields(self, actions: list[Action]) -> None:
        """All fields in one call: Odoo rebuilds its registry once per call, not once per field."""
        if not actions:
            return
        models = sorted({a.data["model"] for a in actions})
        names = [a.data["name"] for a in actions]
        found = self.call(
            "ir.model.fields", "search_read", domain=[["model", "in", models], ["name", "in", names]], fields=["model", "name"]
        )
        there = {(r["model"], r["name"]) for r in found}
        ids = {m: self._model_id(m) for m in models}
        new, new_xids = [], []
        for action in actions:
            data = action.data
            if (data["model"], data["name"]) not in there:
                new.append(_field_vals(data, ids[data["model"]]))
                new_xids.append(f"field_{data['model'].replace('.', '_')}_{data['name']}")
        if new:
            self._make("ir.model.fields", new_xids, new)
            log.info("created %d custom fields on %s", len(new), ", ".join(models))

    def more_choices(self, action: Action) -> None:
        """Further choices of a selection that is there already."""
        data = action.data
        field = self.call("ir.model.fields", "search", domain=[["model", "=", data["model"]], ["name", "=", data["name"]]])[0]
        have = {
            r["value"] for r in self.call("ir.model.fields.selection", "search_read", domain=[["field_id", "=", field]], fields=["value"])
        }
        new = [(value, label) for value, label in data["options"] if value not in have]
        if new:
            xids = [f"choice_{data['model'].replace('.', '_')}_{data['name']}_{value}" for value, _ in new]
            vals = [{"field_id": field, "value": v, "name": label, "sequence": data["after"] + n} for n, (v, label) in enumerate(new, 1)]
            self._make("ir.model.fields.selection", xids, vals)

    def vocabulary(self, action: Action) -> None:
        """Records of the vocabulary. They go into ``<p>_log.record`` too, where the loader finds what an xid stands for."""
        data = action.data
        field = f"{data['model']}.{data['name']}"
        values = [v for v, _ in data["options"]]
        found = {
            r["x_value"]: r["id"]
            for r in self.call(OPTION_MODEL, "search_read", domain=[["x_field", "=", field], ["x_value", "in", values]], fields=["x_value"])
        }
        xids = {v: option_xid(data["model"], data["name"], v) for v in values}
        new = [(v, label) for v, label in data["options"] if v not in found]
        if new:
            made = self._make(
                OPTION_MODEL, [xids[v] for v, _ in new], [{"x_name": label, "x_field": field, "x_value": v} for v, label in new]
            )
            found.update(zip((v for v, _ in new), made, strict=True))
        target_id = self.target.target_id
        rows = [
            (target_id, xids[v], OPTION_MODEL, found[v], hashlib.sha256(label.encode()).hexdigest(), Jsonb({"x_name": label}), self.run_id)
            for v, label in data["options"]
        ]
        with self.target.ws.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(
                self.target.ws.sql(
                    "insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id) "
                    "values (%s, %s, 'option', %s, %s, true, %s, %s, %s) on conflict do nothing"
                ),
                rows,
            )

    def view(self, action: Action) -> None:
        """Our inherited view: created, or brought up to date."""
        data, target = action.data, self.target
        own = target.reference(f"{target.xid_module}.{data['xid']}")
        if own is None:
            vals = {"name": f"{data['form']} {target.xid_module}", "model": data["model"], "type": "form", "priority": 99, "arch": data["arch"]}
            self._make("ir.ui.view", [data["xid"]], [{**vals, "inherit_id": target.need(data["form"])}])
            return
        before = self.call("ir.ui.view", "read", ids=[own], fields=["arch_db", "active"], context=IN_ENGLISH)[0]
        if before["active"] and form_page.same(before["arch_db"], data["arch"]):
            return
        image = {"existed": True, "arch": before["arch_db"], "active": before["active"]}
        schema_ledger.note(target, self.run_id, "schema", "schema", "ir.ui.view", data["xid"], image, own)
        self.call("ir.ui.view", "write", ids=[own], vals={"arch": data["arch"], "active": True}, context=IN_ENGLISH)

    def leads(self, action: Action) -> None:
        """The feature, and then the teams: those that take opportunities take leads too, as on the settings page."""
        if leads_on(self.target):
            return
        ids = self.call("crm.team", "search", domain=[["use_opportunities", "=", True], ["use_leads", "=", False]], context=ALSO_ARCHIVED)
        self._setting("res.groups", LEADS_GROUP, {"value": False, "teams": ids})
        self.call("crm.team", "write", ids=ids, vals={"use_leads": True})
        set_leads(self.target, True)

    def parameter(self, action: Action) -> None:
        key = action.data["key"]
        rows = self.call("ir.config_parameter", "search_read", domain=[["key", "=", key]], fields=["value"])
        before = rows[0]["value"] if rows else None
        if before != action.data["value"]:
            self._setting("ir.config_parameter", key, {"value": before, "set": action.data["value"]})
            self.call("ir.config_parameter", "set_param", key=key, value=action.data["value"])

    def currency(self, action: Action) -> None:
        if self.call("res.currency", "read", ids=[action.data["id"]], fields=["active"])[0]["active"]:
            return
        self._setting("res.currency", action.data["name"], {"value": False}, action.data["id"])
        self.call("res.currency", "write", ids=[action.data["id"]], vals={"active": True})

    def _setting(self, model: str, name: str, before: dict[str, Any], res_id: int | None = None) -> None:
        schema_ledger.note(self.target, self.run_id, "setting", "schema", model, f"setting {name}", before, res_id)


def _field_vals(data: dict[str, Any], model_id: int) -> dict[str, Any]:
    vals: dict[str, Any] = {
        "model_id": model_id, "name": data["name"], "field_description": data["label"], "ttype": data["ttype"], "state": "manual", "copied": False,
    }
    if data.get("help"):
        vals["help"] = data["help"]
    if "relation" in data:
        vals["relation"] = data["relation"]
    if data["ttype"] == "many2one":
        vals["on_delete"] = "set null"
    if data["ttype"] == "many2many" and data["relation"] == OPTION_MODEL:
        vals["domain"] = f"[('x_field', '=', '{data['model']}.{data['name']}')]"
    if data["ttype"] == "selection":
        vals["selection_ids"] = [[0, 0, {"value": v, "name": label, "sequence": n}] for n, (v, label) in enumerate(data["options"], 1)]
    if "currency_field" in data:
        vals["currency_field"] = data["currency_field"]
    return vals
