"""The fields of an entity that are compared, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm2odoo.odoo.target import Target, customer_fields


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
    """Model that a many2one or many2many refers to."""
    create_only: bool
    computed: bool
    """Odoo fills the field in from others when nothing is sent. A field whose emptiness is sent is not one of them."""

    @property
    def is_owner(self) -> bool:
        return self.reference == "res.users"


def compared_fields(target: Target, entity_name: str) -> list[ComparedField]:
    """Every field of the entity that this target has, in the order of its YAML file, then the customer's own fields.

    A field that the target lacks is not in the list: the preflight has said so.
    """
    entity = target.entities[entity_name]
    names = target.names.get(entity_name, {})
    answer: dict[str, dict[str, Any]] = target.client.call(entity.model, "fields_get", attributes=["string", "type", "relation", "depends"])
    result = []
    for key, field in entity.fields.items():
        name = names.get(key)
        if name is not None and name in answer:
            about = answer[name]
            result.append(
                ComparedField(
                    key, name, about["string"], field.type, field.compare, field.compare_note, about.get("relation"), field.write == "create_only",
                    bool(about.get("depends")) and not field.send_empty,
                )
            )
    for row in customer_fields(target.ws):
        name = row["field"]
        if row["entity"] == entity_name and name not in entity.fields and name in answer:
            about = answer[name]
            result.append(ComparedField(name, name, about["string"], row["type"], "equal", "", about.get("relation"), False, bool(about.get("depends"))))
    return result
