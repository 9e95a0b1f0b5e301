"""The custom fields as an installable Odoo module, and the set-up as a checklist, for places where an admin does it.

The module is data only (no Python), so it installs from an addons folder and through Apps ▸ Import Module, on Odoo Online too.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from crm2odoo.odoo import form_page
from crm2odoo.odoo.schema_plan import currency_field, own_currency, plan_schema
from crm2odoo.odoo.schema_wish import OPTION_MODEL, WantedField, form_views, option_xid, wanted_fields
from crm2odoo.odoo.target import Target

# Kind of action → where an administrator does it. Menus of the developer mode.
_WHERE = {
    "model": "Settings ▸ Technical ▸ Models",
    "field": "Settings ▸ Technical ▸ Fields",
    "selection": "Settings ▸ Technical ▸ Fields, the field's choices",
    "vocabulary": "comes with the module, or with the load",
    "view": "Settings ▸ Technical ▸ Views, as a view that inherits from the form",
    "leads": "CRM ▸ Configuration ▸ Settings ▸ Leads",
    "parameter": "Settings ▸ Technical ▸ System Parameters",
    "currency": "Accounting ▸ Configuration ▸ Currencies",
}
_BY_MODULE = {"model", "field", "vocabulary", "view"}
# Records that set-up needs and that the load makes: model → where they are.
_RECORDS = {
    "crm.team": "CRM ▸ Configuration ▸ Sales Teams",
    "crm.stage": "CRM ▸ Configuration ▸ Stages",
    "mail.activity.type": "Settings ▸ Activity Types",
    "account.journal": "Accounting ▸ Configuration ▸ Journals",
    "project.task.type": "Project ▸ Configuration ▸ Task Stages",
}


@dataclass(frozen=True)
class Item:
    """One line of the checklist. ``where``: the menu of Odoo; ``by_module``: installing the module does it."""

    done: bool
    sentence: str
    where: str = ""
    by_module: bool = False


def module_name(target: Target) -> str:
    return f"crm2odoo_{target.ws.bundle.project.project}"


def module_files(target: Target) -> dict[str, str]:
    """Path inside the module → content. Reads the target (its forms), writes nothing."""
    fields = list(_fields(target))
    forms = list(_forms(target, fields))
    data = {"data/fields.xml": _xml(_model_records(fields) + [_field_record(f, target) for f in fields])}
    choices = [_choice_record(f, value, label) for f in fields if f.vocabulary for value, label in f.options]
    if choices:
        data["data/choices.xml"] = _xml(choices)
    if forms:
        data["views/forms.xml"] = _xml(forms)
    project = target.ws.bundle.project
    manifest = {
        "name": f"Source data: {project.title}", "summary": f"Custom fields of the migration {project.project}, and their place on the forms",
        "version": "1.0", "category": "Technical", "license": "LGPL-3", "depends": _depends(target), "data": list(data), "installable": True,
    }
    return {"__manifest__.py": _python(manifest), "__init__.py": "", **data}


def write_module(target: Target, folder: Path) -> Path:
    """Writes the module below ``folder`` and returns its own folder: to be put into Odoo's addons path."""
    root = folder / module_name(target)
    for name, content in module_files(target).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def zip_module(target: Target) -> bytes:
    """The module as Apps ▸ Import Module takes it. The same fields give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(module_files(target).items()):
            archive.writestr(zipfile.ZipInfo(f"{module_name(target)}/{name}", (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def checklist(target: Target) -> list[Item]:
    """Everything that set-up makes, ticked where the target has it: settings, fields, forms; and teams, stages, journals … of ``<p>_target``."""
    plan = plan_schema(target)
    actions = [*((False, a) for a in plan.actions), *((True, a) for a in plan.there)]
    items = [Item(done, a.sentence, _WHERE[a.kind], a.kind in _BY_MODULE) for done, a in actions]
    for name, entity in target.entities.items():
        if entity.model not in _RECORDS or not target.ws.bundle.makes(name):
            continue
        with target.ws.connect() as connection:
            made = connection.execute("select to_regclass(%s) is not null as made", (f"{target.ws.schemas['target']}.{name}",)).fetchone()
            if not made or not made["made"]:
                continue
            rows = connection.execute(
                target.ws.sql(
                    "select t.name as title, r.xid is not null as done from {target}.{table} as t "
                    "left join {log}.record as r on r.target_id = %s and r.xid = t._xid order by t._seq",
                    table=name,
                ),
                (target.target_id,),
            ).fetchall()
        items += [Item(row["done"], f"{entity.title}, place {n}: {row['title']}", _RECORDS[entity.model]) for n, row in enumerate(rows, 1)]
    return items


def _fields(target: Target) -> Iterator[WantedField]:
    """The wanted fields, each amount's own currency field before it."""
    currencies = set()
    for field in wanted_fields(target):
        own = own_currency(field, target.shapes[field.model]) if field.type == "monetary" else None
        if own is not None and own.model not in currencies:
            currencies.add(own.model)
            yield own
        yield field


def _depends(target: Target) -> list[str]:
    modules = {m for e in target.entities.values() if target.has(e.model) for m in e.requires}
    return sorted({"base", *modules, *(xml_id.partition(".")[0] for xml_id in form_views(target))})


def _forms(target: Target, fields: list[WantedField]) -> Iterator[str]:
    for xml_id, model in form_views(target).items():
        shown = [f for f in fields if f.form == xml_id]
        form = target.reference(xml_id)
        if not shown or form is None:
            continue
        arch = target.client.call(model, "get_views", views=[[form, "form"]])["views"]["form"]["arch"]
        page = form_page.page(shown, form_page.anchor(arch)).removeprefix("<data>").removesuffix("</data>")
        yield (
            f'<record id="view_{xml_id.replace(".", "_")}" model="ir.ui.view">\n'
            f'  <field name="name">{escape(xml_id)} source data</field>\n  <field name="model">{model}</field>\n'
            f'  <field name="inherit_id" ref="{xml_id}"/>\n  <field name="priority">99</field>\n'
            f'  <field name="arch" type="xml"><data>{page}</data></field>\n</record>'
        )


def _model_records(fields: list[WantedField]) -> list[str]:
    if not any(f.vocabulary for f in fields):
        return []
    columns = [("x_name", "Name"), ("x_field", "Field"), ("x_value", "Value")]
    made = [(0, 0, {"name": n, "field_description": d, "ttype": "char", "state": "manual"}) for n, d in columns]
    rights = ", ".join(f"'perm_{what}': True" for what in ("read", "write", "create", "unlink"))
    right = f"{{'name': '{OPTION_MODEL} users', 'group_id': ref('base.group_user'), {rights}}}"
    return [
        '<record id="model_option" model="ir.model">\n  <field name="name">Choices from the source</field>\n'
        f'  <field name="model">{OPTION_MODEL}</field>\n  <field name="state">manual</field>\n'
        f'  <field name="field_id" eval={quoteattr(repr(made))}/>\n'
        f'  <field name="access_ids" eval={quoteattr(f"[(0, 0, {right})]")}/>\n</record>'
    ]


def _field_record(field: WantedField, target: Target) -> str:
    lines = [
        f'<field name="model_id" search="[(\'model\', \'=\', \'{field.model}\')]"/>', f'<field name="name">{field.name}</field>',
        f'<field name="field_description">{escape(field.label)}</field>', f'<field name="ttype">{field.type}</field>',
        '<field name="state">manual</field>', '<field name="copied" eval="False"/>',
    ]
    if field.help:
        lines.append(f'<field name="help">{escape(field.help)}</field>')
    if field.relation:
        lines.append(f'<field name="relation">{field.relation}</field>')
    if field.type == "many2one":
        lines.append('<field name="on_delete">set null</field>')
    if field.vocabulary:
        lines.append(f"<field name=\"domain\">[('x_field', '=', '{field.model}.{field.name}')]</field>")
    if field.type == "monetary":
        lines.append(f'<field name="currency_field">{currency_field(target.shapes[field.model])}</field>')
    if field.type == "selection":
        choices = [(0, 0, {"value": value, "name": label, "sequence": n}) for n, (value, label) in enumerate(field.options, 1)]
        lines.append(f'<field name="selection_ids" eval={quoteattr(repr(choices))}/>')
    body, xid = "\n  ".join(lines), f"field_{field.model.replace('.', '_')}_{field.name}"
    return f'<record id="{xid}" model="ir.model.fields">\n  {body}\n</record>'


def _choice_record(field: WantedField, value: str, label: str) -> str:
    return (
        f'<record id="{option_xid(field.model, field.name, value)}" model="{OPTION_MODEL}">\n  <field name="x_name">{escape(label)}</field>\n'
        f'  <field name="x_field">{field.model}.{field.name}</field>\n  <field name="x_value">{escape(value)}</field>\n</record>'
    )


def _xml(records: list[str]) -> str:
    body = "\n".join(records)
    # noupdate: an upgrade of the module must not undo what the customer changed since.
    return f'<?xml version="1.0" encoding="utf-8"?>\n<odoo noupdate="1">\n{body}\n</odoo>\n'


def _python(manifest: dict[str, object]) -> str:
    lines = "".join(f"    {key!r}: {value!r},\n" for key, value in manifest.items())
    return f"{{\n{lines}}}\n"
