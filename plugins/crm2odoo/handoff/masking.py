"""What must not be read in a document by default: values of sensitive columns, and the inside of addresses and numbers of people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.lineage import origins_of
from crm2odoo.project import Bundle
from crm2odoo.staging.vault import Vault, holds_token

Level = Literal["open", "partial", "full"]
_PARTIAL_TYPES = {"email", "phone"}


@dataclass(frozen=True)
class Masks:
    """How much of each column's and field's values a document may show. ``unmasked`` shows everything: it must be asked for."""

    bundle: Bundle
    unmasked: bool = False

    def column(self, object_name: str, column: str | None) -> Level:
        """A column that the source file does not know is masked like an address: nobody has said what it holds."""
        if self.unmasked:
            return "open"
        known = self.bundle.source.objects.get(object_name)
        about = known.columns.get(column or "") if known else None
        if about is None:
            return "partial"
        return "full" if about.hidden else "partial" if about.type in _PARTIAL_TYPES else "open"

    def field(self, entity: str, field: str) -> Level:
        """The strictest level of the columns that may feed a field."""
        if self.unmasked:
            return "open"
        declared = self.bundle.entities[entity].fields.get(field)
        if declared is None:
            return "open" if field == "*" else "partial"
        # References show external ids, which hold no values of people.
        return "open" if declared.type in ("many2one", "many2many") else self._fields[entity, field]

    @cached_property
    def _fields(self) -> dict[tuple[str, str], Level]:
        result: dict[tuple[str, str], Level] = {}
        for name, entity in self.bundle.entities.items():
            for field in entity.fields:
                level: Level = "open"
                for origin in origins_of(self.bundle, name, field):
                    level = _stricter(level, self.column(origin.object, origin.column))
                result[name, field] = level
        return result


def _stricter(a: Level, b: Level) -> Level:
    order: list[Level] = ["open", "partial", "full"]
    return max(a, b, key=order.index)


def masked(value: str | None, level: Level) -> str | None:
    """``ann@acme.com`` → ``a••@a•••.com``; ``+1 555 0123`` → ``•••23``; a sensitive value → its length."""
    if holds_token(value):
        return "hidden (encrypted)"
    if value is None or level == "open":
        return value
    if level == "full":
        return f"hidden ({len(value)} characters)"
    if "@" in value:
        local, _, domain = value.partition("@")
        host, dot, top = domain.rpartition(".")
        return f"{local[:1]}•••@{host[:1]}•••{dot}{top}"
    return f"•••{value[-2:]}" if len(value) > 4 else "•••"


def unsealed_facts(vault: Vault, facts: Facts) -> Facts:
    """The facts with encrypted values opened, for those who asked for everything. Raises VaultClosed without the key."""
    answers = dict(facts.answers)
    for name in ("differences", "reject_cases", "spot_check"):
        if name in answers:
            answers[name] = [{k: vault.unseal_value(v) for k, v in row.items()} for row in answers[name]]
    return replace(facts, answers=answers)


def masked_facts(bundle: Bundle, facts: Facts) -> Facts:
    """The facts as documents show them by default. Owners stay readable: the customer decides about its own people by their addresses."""
    masks = Masks(bundle)
    answers = dict(facts.answers)
    answers["differences"] = [
        {
            **d,
            "expected": masked(d["expected"], masks.field(d["entity"], d["field"])),
            "found": masked(d["found"], masks.field(d["entity"], d["field"])),
        }
        for d in facts.rows("differences")
    ]
    answers["reject_cases"] = [{**c, "value": masked(c["value"], masks.column(c["object"], c["column_name"]))} for c in facts.rows("reject_cases")]
    if "spot_check" in answers:
        answers["spot_check"] = [
            {
                **r,
                "name": masked(r["name"], masks.field(r["entity"], "name")),
                "expected": masked(r["expected"], masks.field(r["entity"], r["field"])),
                "found": masked(r["found"], masks.field(r["entity"], r["field"])),
            }
            for r in facts.rows("spot_check")
        ]
    # Evidence may quote cells; what is read by people is the advice and the verdict.
    answers["findings"] = [{**f, "evidence": {k: v for k, v in f["evidence"].items() if k in ("advice", "verdict")}} for f in facts.rows("findings")]
    return replace(facts, answers=answers)
