"""Takes back what set-up made, as far as nothing uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm2odoo.odoo import schema_ledger
from crm2odoo.odoo.facts import ALSO_ARCHIVED
from crm2odoo.odoo.schema_plan import set_leads
from crm2odoo.odoo.schema_wish import OPTION_MODEL
from crm2odoo.odoo.target import Target


@dataclass(frozen=True)
class Removal:
    """What became of one thing that set-up had made."""

    what: str
    removed: bool
    reason: str = ""


def remove_schema(target: Target, run_id: str) -> list[Removal]:
    """Takes back what set-up made, newest first, as far as nothing uses it; settings only when they still stand as we set them.

    What is kept is in the answer with the reason. May be repeated.
    """
    removals: list[Removal] = []
    made = schema_ledger.standing(target, "schema")
    for model in ["ir.ui.view", OPTION_MODEL, "ir.model.fields.selection", "ir.model.fields", "ir.model"]:
        rows = [r for r in made if r["action"] == "schema" and r["model"] == model]
        removals += _remove(target, run_id, model, rows[::-1])
    for row in reversed([r for r in made if r["action"] == "setting"]):
        removals.append(_put_back(target, run_id, row))
    return removals


def _remove(target: Target, run_id: str, model: str, rows: list[dict[str, Any]]) -> list[Removal]:
    """Removes the unused ones of a model in one call: Odoo rebuilds its registry once per call."""
    call = target.client.call
    if not rows:
        return []
    known = target.client.xml_ids([f"{target.xid_module}.{r['xid']}" for r in rows])
    exist = set(call(model, "search", domain=[["id", "in", sorted(known.values())]], context=ALSO_ARCHIVED)) if known else set()
    removals: list[Removal] = []
    gone: list[tuple[dict[str, Any], int | None]] = []
    for row in rows:
        res_id = known.get(f"{target.xid_module}.{row['xid']}")
        if res_id not in exist or res_id is None:
            gone.append((row, None))
            continue
        what, in_use = _use(target, model, res_id)
        removals.append(Removal(what, not in_use, in_use))
        if not in_use:
            gone.append((row, res_id))
    if ids := [res_id for _, res_id in gone if res_id]:
        call(model, "unlink", ids=ids)
    for row, res_id in gone:
        schema_ledger.note(target, run_id, "delete", "schema", model, row["xid"], {} if res_id else {"gone": True}, res_id or row["res_id"])
    return removals


def _use(target: Target, model: str, res_id: int) -> tuple[str, str]:
    """Name of a thing that set-up made, and who uses it ('' for nobody)."""
    call = target.client.call
    if model == "ir.ui.view":
        view = call(model, "read", ids=[res_id], fields=["name", "inherit_children_ids"])[0]
        return f"view {view['name']}", "other views inherit from it" if view["inherit_children_ids"] else ""
    if model == "ir.model.fields":
        field = call(model, "read", ids=[res_id], fields=["model", "name", "ttype"])[0]
        what = f"field {field['model']}.{field['name']}"
        filled = call(field["model"], "search_count", domain=_filled(field["name"], field["ttype"]), context=ALSO_ARCHIVED)
        if filled:
            return what, f"{filled} records hold a value"
        views = call(
            "ir.ui.view",
            "search_read",
            domain=[["model", "=", field["model"]], ["arch_db", "like", f'"{field["name"]}"']],
            fields=["name"],
            context=ALSO_ARCHIVED,
        )
        return what, f"the view {views[0]['name']} shows it" if views else ""
    if model == OPTION_MODEL:
        option = call(model, "read", ids=[res_id], fields=["x_name", "x_field"])[0]
        on_model, _, name = option["x_field"].rpartition(".")
        used = call(on_model, "search_count", domain=[[name, "in", [res_id]]], context=ALSO_ARCHIVED)
        return f"choice {option['x_name']!r} of {option['x_field']}", f"{used} records have it" if used else ""
    if model == "ir.model.fields.selection":
        choice = call(model, "read", ids=[res_id], fields=["value", "name", "field_id"])[0]
        field = call("ir.model.fields", "read", ids=[choice["field_id"][0]], fields=["model", "name"])[0]
        used = call(field["model"], "search_count", domain=[[field["name"], "=", choice["value"]]], context=ALSO_ARCHIVED)
        return f"choice {choice['name']!r} of {field['model']}.{field['name']}", f"{used} records have it" if used else ""
    left = call(OPTION_MODEL, "search_count", domain=[])
    fields = call("ir.model.fields", "search_count", domain=[["relation", "=", OPTION_MODEL]])
    return f"model {OPTION_MODEL}", "it still has choices or fields" if left or fields else ""


def _filled(name: str, kind: str) -> list[Any]:
    """Domain of the records that hold a value. A number that was never written is null, and Odoo takes null for different from 0."""
    if kind in ("integer", "float", "monetary"):
        return ["|", [name, ">", 0], [name, "<", 0]]
    return [[name, "!=", False]]


def _put_back(target: Target, run_id: str, row: dict[str, Any]) -> Removal:
    call, before, name = target.client.call, row["before"], row["xid"].removeprefix("setting ")
    reason = ""
    if row["model"] == "res.groups":
        leads = call("crm.lead", "search_count", domain=[["type", "=", "lead"]], context=ALSO_ARCHIVED)
        if leads:
            return Removal("Leads feature", False, f"{leads} leads would become invisible")
        set_leads(target, False)
        teams = call("crm.team", "search", domain=[["id", "in", before["teams"]]], context=ALSO_ARCHIVED)
        call("crm.team", "write", ids=teams, vals={"use_leads": False})
        what = "Leads feature"
    elif row["model"] == "res.currency":
        what, company = f"currency {name}", call("res.company", "search_count", domain=[["currency_id", "=", row["res_id"]]])
        if company:
            return Removal(what, False, "a company uses it")
        call("res.currency", "write", ids=[row["res_id"]], vals={"active": False})
    else:
        what = f"parameter {name}"
        rows = call("ir.config_parameter", "search_read", domain=[["key", "=", name]], fields=["value"])
        if (rows[0]["value"] if rows else None) == before["set"]:
            call("ir.config_parameter", "set_param", key=name, value=before["value"] or False)
        else:
            reason = "somebody changed it since"
    schema_ledger.note(target, run_id, "restore", "schema", row["model"], row["xid"], {}, row["res_id"])
    return Removal(what, not reason, reason)
