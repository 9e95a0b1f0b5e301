"""What set-up would do to the target, said before it is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from crm2odoo.odoo import form_page
from crm2odoo.odoo.facts import ALSO_ARCHIVED
from crm2odoo.odoo.schema_wish import OPTION_MODEL, SchemaConflict, WantedField, form_views, wanted_fields
from crm2odoo.odoo.target import Target, read_shapes

IN_ENGLISH = {"lang": "en_US", "tz": "UTC"}
LEADS_GROUP = "crm.group_use_lead"


@dataclass(frozen=True)
class Action:
    """One change of the target. ``sentence`` is for people; ``key`` tells actions apart; ``data`` is what the mechanism needs."""

    kind: str
    key: str
    sentence: str
    data: dict[str, Any]


@dataclass(frozen=True)
class SchemaPlan:
    """What set-up will do to one target, in order. Made by ``plan_schema``; shown, approved by its hash, applied."""

    target_id: str
    actions: tuple[Action, ...]
    there: tuple[Action, ...]
    """What set-up would do, had it not been done."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.sentences)

    @property
    def sentences(self) -> list[str]:
        return [a.sentence for a in self.actions]

    @property
    def hash(self) -> str:
        """sha256 over target and actions: what an approval is bound to."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        return json.dumps(
            {"target_id": self.target_id, "actions": [asdict(a) for a in self.actions], "there": [asdict(a) for a in self.there]}, sort_keys=True
        )

    @classmethod
    def from_json(cls, text: str) -> SchemaPlan:
        data = json.loads(text)
        return cls(data["target_id"], tuple(Action(**a) for a in data["actions"]), tuple(Action(**a) for a in data["there"]))


def plan_schema(target: Target) -> SchemaPlan:
    """What is missing in the target for this project. Reads only.

    Raises SchemaConflict when a custom field is already there and means something else.
    """
    wanted = wanted_fields(target)
    actions: list[Action] = []
    present: list[Action] = []
    for action, there in [*_plan_settings(target), *_plan_fields(target, wanted), *_plan_views(target, wanted)]:
        if there:
            present.append(action)
        else:
            actions.append(action)
    return SchemaPlan(target.target_id, tuple(actions), tuple(present))


def _plan_settings(target: Target) -> Iterator[tuple[Action, bool]]:
    call = target.client.call
    entities = list(target.entities.values())
    leads = [e for e in entities if e.model == "crm.lead" and (line := e.fields.get("type")) is not None and line.value != "opportunity"]
    if leads and target.has("crm.lead"):
        sentence = "Switch on the Leads feature (CRM ▸ Configuration ▸ Settings ▸ Leads), so that leads are visible"
        yield Action("leads", "setting leads", sentence, {}), leads_on(target)
    if target.has("crm.team.member") or any(e.model == "crm.team" for e in entities):
        key, value = "sales_team.membership_multi", "True"
        rows = call("ir.config_parameter", "search_read", domain=[["key", "=", key]], fields=["value"])
        there = bool(rows) and rows[0]["value"] == value
        yield (
            Action(
                "parameter",
                f"setting {key}",
                f"Let a user be a member of several sales teams ({key} = {value}); otherwise joining one leaves the other",
                {"key": key, "value": value},
            ),
            there,
        )
    # Odoo makes a price list for every active currency: only where documents are written in it.
    project = target.ws.bundle.project
    for currency in dict.fromkeys([project.currency, *project.rates]):
        found = call("res.currency", "search_read", domain=[["name", "=", currency]], fields=["active"], context=ALSO_ARCHIVED)
        if found and writes_documents(target):
            data = {"id": found[0]["id"], "name": currency}
            yield Action("currency", f"setting currency {currency}", f"Activate the currency {currency}", data), found[0]["active"]


def writes_documents(target: Target) -> bool:
    """Whether orders or invoices are loaded, which have a currency of their own."""
    return bool({"sale.order", "account.move"} & {e.model for e in target.entities.values()})


def _plan_fields(target: Target, wanted: list[WantedField]) -> Iterator[tuple[Action, bool]]:
    call = target.client.call
    shapes = read_shapes(target.client, {f.model for f in wanted} | ({OPTION_MODEL} if any(f.vocabulary for f in wanted) else set()))
    if any(f.vocabulary for f in wanted):
        there = OPTION_MODEL in shapes
        yield (
            Action("model", f"model {OPTION_MODEL}", f"Create the model {OPTION_MODEL}, the vocabulary of fields with several choices", {}),
            there,
        )
    for field in wanted:
        if field.type == "monetary" and (own := own_currency(field, shapes[field.model])):
            yield _field_action(own, None), own.name in shapes[field.model]
        found = shapes[field.model].get(field.name)
        currency = currency_field(shapes[field.model]) if field.type == "monetary" else None
        action = _field_action(field, currency)
        yield action, found is not None
        if found is None:
            continue
        if found["type"] != field.type or (field.relation and found.get("relation") != field.relation):
            raise SchemaConflict(
                f"{field.model} already has a field {field.name} ({found['string']!r}, {found['type']}), and the project wants it as {field.type}.\n"
                "Odoo cannot change the type of a field: give ours another name (`custom_fields` in mappings/odoo, or `columns` in the project file)."
            )
        if field.type == "selection":
            have = {value for value, _ in found["selection"]}
            more = [pair for pair in field.options if pair[0] not in have]
            labels = ", ".join(repr(label) for _, label in more)
            data = {"model": field.model, "name": field.name, "options": [list(p) for p in more], "after": len(have)}
            yield (
                Action(
                    "selection", f"options {field.model}.{field.name}", f"Add {labels} to the choices of {field.model}.{field.name}", data
                ),
                not more,
            )
    for field in (f for f in wanted if f.vocabulary):
        have = set()
        if OPTION_MODEL in shapes:
            have = {
                r["x_value"]
                for r in call(OPTION_MODEL, "search_read", domain=[["x_field", "=", f"{field.model}.{field.name}"]], fields=["x_value"])
            }
        more = [pair for pair in field.options if pair[0] not in have]
        data = {"model": field.model, "name": field.name, "options": [list(p) for p in more]}
        yield (
            Action("vocabulary", f"choices {field.model}.{field.name}", f"Create {len(more)} choices of {field.model}.{field.name}", data),
            not more,
        )


def _field_action(field: WantedField, currency: str | None) -> Action:
    kind = (
        f"{field.type} of {field.relation}"
        if field.relation
        else f"{field.type} with {len(field.options)} choices"
        if field.options
        else field.type
    )
    shown = f"shown on {field.form}" if field.form else "on no form"
    data: dict[str, Any] = {"model": field.model, "name": field.name, "ttype": field.type, "label": field.label, "help": field.help}
    if field.type == "selection":
        data["options"] = [list(p) for p in field.options]
    if field.relation:
        data["relation"] = field.relation
    if currency:
        data["currency_field"] = currency
    return Action(
        "field", f"field {field.model}.{field.name}", f"Create the field {field.model}.{field.name} “{field.label}” ({kind}), {shown}", data
    )


def currency_field(shape: dict[str, dict[str, Any]]) -> str:
    """The field of a model that holds the currency of its amounts; an own one where it has none."""
    for name in ("company_currency", "company_currency_id", "currency_id"):
        if shape.get(name, {}).get("relation") == "res.currency":
            return name
    return "x_currency_id"


def own_currency(field: WantedField, shape: dict[str, dict[str, Any]]) -> WantedField | None:
    """The currency field that an amount needs on a model without one."""
    if currency_field(shape) != "x_currency_id":
        return None
    return WantedField(field.model, "x_currency_id", "many2one", "Currency", relation="res.currency", form=None)


def _plan_views(target: Target, wanted: list[WantedField]) -> Iterator[tuple[Action, bool]]:
    """One inherited view of ours per form. Fields that another view shows already (our module, the customer's) are left to it."""
    call = target.client.call
    for xml_id in form_views(target):
        fields = [f for f in wanted if f.form == xml_id]
        parent = target.reference(xml_id)
        if not fields or parent is None:  # preflight warns about a form that is not there
            continue
        model, name = fields[0].model, _view_xid(xml_id)
        form = call(model, "get_views", views=[[parent, "form"]])["views"]["form"]["arch"]
        own = target.reference(f"{target.xid_module}.{name}")
        context = {**IN_ENGLISH, **ALSO_ARCHIVED}
        found = call("ir.ui.view", "search_read", domain=[["id", "=", own]], fields=["arch_db", "active"], context=context) if own else []
        ours, at = (found[0]["arch_db"], _anchor_of(found[0]["arch_db"])) if found else ("", form_page.anchor(form))
        shown = [f for f in fields if form_page.shows(ours, f.name) or not form_page.shows(form, f.name)]
        arch = form_page.page(shown, at)
        there = not shown or (bool(found) and found[0]["active"] and form_page.same(ours, arch))
        names = ", ".join(f.name for f in (fields if there else shown))
        data = {"form": xml_id, "model": model, "xid": name, "arch": arch}
        yield Action("view", f"view {xml_id}", f"Show on the form {xml_id}, page “{form_page.PAGE_TITLE}”: {names}", data), there


def _anchor_of(arch: str) -> str:
    return arch.split('expr="', 1)[1].split('"', 1)[0]


def _view_xid(xml_id: str) -> str:
    return "view_" + xml_id.replace(".", "_")


def leads_on(target: Target) -> bool:
    """Whether every internal user has the Leads feature."""
    group, everyone = target.need(LEADS_GROUP), target.need("base.group_user")
    return bool(target.client.call("res.groups", "search_count", domain=[["id", "=", everyone], ["implied_ids", "in", [group]]]))


def set_leads(target: Target, on: bool) -> None:
    """Switches the Leads feature for all internal users.

    Not through the wizard of the settings page: it also writes a dozen parameters that nobody asked for, the one of lead enrichment among them.
    """
    group, everyone = target.need(LEADS_GROUP), target.need("base.group_user")
    call = target.client.call
    call("res.groups", "write", ids=[everyone], vals={"implied_ids": [[4 if on else 3, group]]})
    if not on and target.version < 19:  # up to 18 a user keeps a group that is no longer implied
        users = call("res.groups", "read", ids=[group], fields=["users"])[0]["users"]
        call("res.groups", "write", ids=[group], vals={"users": [[3, user] for user in users]})
