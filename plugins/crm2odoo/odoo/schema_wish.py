"""Which custom fields a project wants on which models, and on which forms they are shown. Nothing here talks to Odoo."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from crm2odoo.discovery.custom_fields import selection_options
from crm2odoo.odoo.target import Target, TargetProblem, customer_fields
from crm2odoo.project import Entity
from crm2odoo.staging.target import option_xid

__all__ = ["OPTION_MODEL", "SchemaConflict", "WantedField", "form_views", "option_xid", "wanted_fields"]

OPTION_MODEL = "x_crm2odoo_option"
"""Own vocabulary for multi-pick fields: x_name, and in x_field the field that the option belongs to."""

_NAME = re.compile(r"x_[a-z0-9_]{1,61}")


class SchemaConflict(TargetProblem):
    """Two wishes for one custom field contradict each other, or contradict what the target has. The message names both."""


@dataclass(frozen=True)
class WantedField:
    """One custom field. ``options``: (value, label) pairs of a selection or of a vocabulary, in order. ``form``: XML id, or None."""

    model: str
    name: str
    type: str
    label: str
    options: tuple[tuple[str, str], ...] = ()
    relation: str | None = None
    form: str | None = None
    help: str = ""

    @property
    def vocabulary(self) -> bool:
        """Whether its values are options of our own model."""
        return self.relation == OPTION_MODEL


def wanted_fields(target: Target) -> list[WantedField]:
    """The custom fields of the entities, then those that discovery proposed; one per model and name.

    Raises SchemaConflict when two entities of one model want the same name for different things.
    """
    wanted: dict[tuple[str, str], WantedField] = {}
    for entity in target.entities.values():
        if not target.has(entity.model) or not target.ws.bundle.makes(entity.entity):
            continue  # preflight has said so; or nothing of the source would ever fill them
        for name, field in entity.custom_fields.items():
            _add(wanted, _field(entity, name, field.type, field.label, selection_options(field.options), field.relation, field.on_form, field.help))
    for row in customer_fields(target.ws):
        owner = target.entities.get(row["entity"])
        if owner is not None and target.has(owner.model):
            _add(wanted, _field(owner, row["field"], row["type"], row["label"] or row["field"], row["options"], None, True, ""))
    return list(wanted.values())


def form_views(target: Target) -> dict[str, str]:
    """Forms that show custom fields: XML id → model."""
    return {e.form_view: e.model for e in target.entities.values() if e.form_view and target.has(e.model) and target.ws.bundle.makes(e.entity)}


def _field(
    entity: Entity, name: str, kind: str, label: str, options: Iterable[dict[str, str]], relation: str | None, on_form: bool, about: str
) -> WantedField:
    if not _NAME.fullmatch(name):
        raise SchemaConflict(
            f"{entity.entity}: a custom field cannot be called {name!r}.\nUse x_ and then lower-case letters, digits and _, at most 63 characters."
        )
    pairs = tuple((option["value"], option["label"]) for option in options)
    if kind == "selection" and not pairs:
        raise SchemaConflict(f"{entity.entity}: the custom field {name} is a selection without options.\nGive `options`, or the type char.")
    if kind == "many2one" and relation is None:
        raise SchemaConflict(f"{entity.entity}: the custom field {name} is a many2one and does not say of what.\nGive `relation`.")
    if kind == "many2many" and relation is None:
        relation = OPTION_MODEL
    return WantedField(
        entity.model,
        name,
        kind,
        label,
        pairs if kind == "selection" or relation == OPTION_MODEL else (),
        relation,
        entity.form_view if on_form else None,
        about,
    )


def _add(wanted: dict[tuple[str, str], WantedField], new: WantedField) -> None:
    """Two entities of one model may want the same field; its options are joined."""
    key = (new.model, new.name)
    old = wanted.get(key)
    if old is None:
        wanted[key] = new
        return
    if (old.type, old.relation) != (new.type, new.relation):
        raise SchemaConflict(
            f"the custom field {new.name} of {new.model} is wanted as {old.type} ({old.label}) and as {new.type} ({new.label}).\n"
            "Give one of them another name: `custom_fields` in mappings/odoo, or `columns` in the project file."
        )
    more = tuple(pair for pair in new.options if pair[0] not in dict(old.options))
    wanted[key] = replace(old, options=old.options + more, form=old.form or new.form)
