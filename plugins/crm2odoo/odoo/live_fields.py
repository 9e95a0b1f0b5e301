"""The fields of the live target that a column of an export may fill, labelled in every language that this Odoo has."""

from __future__ import annotations

from typing import Any

from crm2odoo.discovery.proposer import LiveField
from crm2odoo.discovery.synonym_packs import MODELS
from crm2odoo.odoo.client import OdooClient

_NEVER = {"one2many", "binary", "reference", "many2one_reference", "properties", "properties_definition", "json"}
# What Odoo keeps for itself on these models, however writable it says it is.
_OF_ODOO = ("message_", "activity_", "my_activity_", "website_message_", "image_", "avatar_", "signup_", "property_account_", "property_stock_")


def read_live_fields(client: OdooClient) -> dict[str, dict[str, LiveField]]:
    """Model → field → labels and type. One question per model and language; raises the client's errors."""
    codes = sorted(row["code"] for row in client.call("res.lang", "search_read", domain=[["active", "=", True]], fields=["code"]))
    found: dict[str, dict[str, LiveField]] = {}
    for model in sorted(set(MODELS.values())):
        by_language: list[dict[str, dict[str, Any]]] = [
            client.call(model, "fields_get", attributes=["string", "type", "readonly", "store"], context={"lang": code})
            for code in codes or ["en_US"]
        ]
        found[model] = {
            name: LiveField(tuple(dict.fromkeys(fields[name]["string"] for fields in by_language)), about["type"])
            for name, about in by_language[0].items()
            if about.get("store", True) and not about.get("readonly") and about["type"] not in _NEVER and not name.startswith(_OF_ODOO)
        }
    return found

