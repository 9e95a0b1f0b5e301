"""Who refers to a record of Odoo: asked of every field of every model, so that nothing is deleted that somebody else counts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from crm2odoo.odoo.errors import AccessRefused, RowRefused, SchemaMismatch, Unsupported
from crm2odoo.odoo.facts import ALSO_ARCHIVED
from crm2odoo.odoo.target import Target

ROOT_UID = 1
"""OdooBot: what scheduled actions and modules write by themselves."""

MANY = 2000
"""More ids than this are not sent along with a question, but compared here."""

# Records that hang on any other one by model and id, and what people put there.
BY_MODEL_AND_ID = {
    "mail.message": ("model", "res_id"),
    "mail.activity": ("res_model", "res_id"),
    "ir.attachment": ("res_model", "res_id"),
    "calendar.event": ("res_model", "res_id"),
}
# Odoo enters new users here by itself; nobody counts on them because of it.
_BY_ITSELF = {"res.groups", "res.company", "digest.digest"}
_NO_REFERENCE = ["create_uid", "write_uid"]


@dataclass(frozen=True)
class Hit:
    """A record outside of the migration that refers to one of ours."""

    res_id: int
    model: str
    by_id: int
    field: str

    def __str__(self) -> str:
        return f"{self.model} {self.by_id} refers to it ({self.field})"


class References:
    """Finds references from records that are not ours: made by another user, or before the first load (``since``, UTC), or in ``outside``."""

    def __init__(self, target: Target, since: str) -> None:
        self._target, self._since, self._us = target, since, [target.client.uid, ROOT_UID]
        self._fields = cache(self._ask_fields)
        self._names = cache(self._ask_names)

    def to(self, model: str, ids: Sequence[int], outside: Mapping[str, set[int]]) -> list[Hit]:
        """References to records of ``model``. ``outside``: model → ids of records of ours that stay."""
        hits: list[Hit] = []
        for by, field, _ in self._fields(model):
            hits += self._search(model, ids, by, field, [[field, "in", list(ids)]], outside)
        for by, (of_model, of_id) in BY_MODEL_AND_ID.items():
            if of_id in self._names(by):
                hits += self._search(model, ids, by, of_id, [[of_model, "=", model], [of_id, "in", list(ids)]], outside)
        return hits

    def _search(self, model: str, ids: Sequence[int], by: str, field: str, domain: list[Any], outside: Mapping[str, set[int]]) -> list[Hit]:
        stay = outside.get(by, set())
        many = len(stay) > MANY
        theirs = (
            []
            if many
            else ["|", "|", ["create_uid", "not in", self._us], ["create_date", "<", self._since], ["id", "in", sorted(stay)]]
        )
        try:
            rows = self._target.client.call(
                by, "search_read", domain=[*domain, *theirs], fields=[field, "create_uid", "create_date"], load="", context=ALSO_ARCHIVED
            )
        except (AccessRefused, SchemaMismatch, RowRefused, Unsupported):
            return []  # a model that cannot be searched by this field holds no records of its own
        if many:
            rows = [r for r in rows if r["id"] in stay or r["create_uid"] not in self._us or str(r["create_date"]) < self._since]
        asked = set(ids)
        found = []
        for row in rows:
            values = row[field] if isinstance(row[field], list) else [row[field]]
            found += [Hit(v, by, row["id"], field) for v in values if v in asked and not (by == model and row["id"] == v)]
        return found

    def _ask_fields(self, model: str) -> list[tuple[str, str, str]]:
        """(model, field, type) of stored references to ``model``. Only models that note who made a record: the others are reports and logs."""
        call = self._target.client.call
        rows = call(
            "ir.model.fields",
            "search_read",
            domain=[["relation", "=", model], ["ttype", "in", ["many2one", "many2many"]], ["store", "=", True], ["name", "not in", _NO_REFERENCE]],
            fields=["model", "name", "ttype"],
        )
        models = sorted({row["model"] for row in rows})
        logged = {
            row["model"]
            for row in call(
                "ir.model.fields",
                "search_read",
                domain=[["model", "in", models], ["name", "=", "create_uid"], ["store", "=", True]],
                fields=["model"],
            )
        }
        lasting = {
            row["model"] for row in call("ir.model", "search_read", domain=[["model", "in", models], ["transient", "=", False]], fields=["model"])
        }
        return sorted((r["model"], r["name"], r["ttype"]) for r in rows if r["model"] in (logged & lasting) - _BY_ITSELF)

    def _ask_names(self, model: str) -> set[str]:
        rows = self._target.client.call("ir.model.fields", "search_read", domain=[["model", "=", model]], fields=["name"])
        return {r["name"] for r in rows}
