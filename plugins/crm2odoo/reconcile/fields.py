"""The fields of an entity that are compared, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm2odoo.odoo.target import Target, customer_fields
from crm2odoo.project import OdooField

ATTACHMENT = "ir.attachment"


@dataclass(frozen=True)
class ComparedField:
    """One mapped field. ``key`` is its name in plan and mapping, ``name`` the one of this target."""

    key: str
    name: str
    label: str
    type: str
    compare: str
    note: str
    reference: str | None
    """Model that a reference goes to; None when it goes to several, and for everything else."""
    create_only: bool = False
    computed: bool = False
    """Odoo fills the field in from others when nothing is sent. A field whose emptiness is sent is not one of them."""
    resolved: bool = False
    """References are XML ids, or count through a field of the record referred to: `<p>_target.odoo_reference` has their ids."""
    lines: str | None = None
    """Entity of the lines; the field itself is compared by their number."""

    @property
    def is_owner(self) -> bool:
        return self.reference == "res.users"


def compared_fields(target: Target, entity_name: str) -> list[ComparedField]:
    """Every field of the entity that this target has, in the order of its YAML file, then the customer's own fields.

    A field that the target lacks is not in the list: the preflight has said so.
    """
    entity = target.entities[entity_name]
    names = target.names.get(entity_name, {})
    shape: dict[str, dict[str, Any]] = target.client.call(entity.model, "fields_get", attributes=["string", "type", "relation", "depends"])
    result = [
        _declared(key, name, field, entity.model, shape[name])
        for key, field in entity.fields.items()
        if (name := names.get(key)) is not None and name in shape
    ]
    for row in customer_fields(target.ws):
        name = row["field"]
        if row["entity"] == entity_name and name not in entity.fields and name in shape:
            about = shape[name]
            result.append(
                ComparedField(name, name, about["string"], row["type"], "equal", "", about.get("relation"), computed=bool(about.get("depends")))
            )
    return result


def _declared(key: str, name: str, field: OdooField, model: str, about: dict[str, Any]) -> ComparedField:
    # A file is compared by the checksum that Odoo keeps of attachments; other models keep none.
    compare = "none" if field.type == "binary" and model != ATTACHMENT else field.compare
    return ComparedField(
        key,
        name,
        about["string"],
        field.type,
        compare,
        field.compare_note,
        about.get("relation"),
        create_only=field.write == "create_only",
        computed=field.odoo_fills or (bool(about.get("depends")) and not field.send_empty),
        resolved=bool(field.relation or field.through),
        lines=field.lines,
    )
