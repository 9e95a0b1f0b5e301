"""Fields that the customer made mandatory in the live target and that nothing of this project fills: such a record would be refused.

Only fields that somebody added (``x_…``): what Odoo itself requires is known to the entities, and much of it Odoo computes.
"""

from __future__ import annotations

from crm2odoo import discovery
from crm2odoo.odoo.errors import OdooError
from crm2odoo.odoo.finding import Finding, store
from crm2odoo.odoo.target import Target


def unfilled(target: Target) -> list[Finding]:
    """One finding per model, kept with the target. A field for which Odoo has a default is filled."""
    defaults: dict[str, set[str]] = {}
    for model, shapes in target.shapes.items():
        needed = sorted(name for name, shape in shapes.items() if shape.get("required") and not shape.get("readonly"))
        try:
            found = target.client.call(model, "default_get", fields=needed) if needed else {}
        except OdooError:
            # Rights to read defaults are not ours to ask for: without them the field counts as unfilled.
            found = {}
        defaults[model] = {name for name, value in found.items() if value is not False}
    by_model: dict[str, list[str]] = {}
    for model, name in discovery.required_but_unfilled(target.ws.bundle, target.shapes, defaults):
        if name.startswith("x_"):
            by_model.setdefault(model, []).append(name)
    findings = [
        Finding(
            "required_unfilled",
            f"{model} requires {', '.join(names)}, which nothing of the source fills",
            "hit",
            "warning",
            "Map a column or a constant to it, or make it optional in Odoo: otherwise these records are refused",
            len(names),
            {"model": model, "fields": names},
        )
        for model, names in sorted(by_model.items())
    ]
    store(target, "required_fields", findings)
    return findings
