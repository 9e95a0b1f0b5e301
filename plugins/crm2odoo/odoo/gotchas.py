"""The five "Odoo CRM gotchas" of the sources' documents, each as a check with its evidence (odoo19.md, section 6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from crm2odoo.odoo.errors import OdooError, SchemaMismatch, Unsupported
from crm2odoo.odoo.facts import ALSO_ARCHIVED, Facts
from crm2odoo.odoo.finding import Finding
from crm2odoo.odoo.target import customer_fields

# OEEL-1, and yet part of the Community packages.
_COMMUNITY_ANYWAY = {"certificate"}

_PAID = ("OEEL-1", "OPL-1")

# What a view may no longer say from a version on: pattern, version, the models that it is about (all when empty), what it is.
_OUTDATED: list[tuple[re.Pattern[str], int, tuple[str, ...], str]] = [
    (re.compile(r"\battrs\s*="), 17, (), "attrs="),
    (re.compile(r"\bstates\s*="), 17, (), "states="),
    (re.compile(r"<tree\b"), 18, (), "<tree>"),
    (re.compile(r"name=[\"']mobile[\"']"), 19, ("res.partner", "crm.lead"), "the field mobile"),
    (re.compile(r"name=[\"']title[\"']"), 19, ("res.partner", "crm.lead"), "the field title"),
    (re.compile(r"name=[\"']team_id[\"']"), 19, ("crm.stage",), "the field team_id of a stage"),
]


def rolling_release(facts: Facts) -> Iterator[Finding]:
    """Gotcha 1: Odoo.sh and own servers run major versions only; a database between two of them cannot be moved there yet."""
    release = facts.target.release
    trial: dict[str, Any] = {k: v for k, v in facts.parameters.items() if k in ("database.expiration_reason", "database.expiration_date")}
    if release.startswith("saas"):
        yield Finding(
            "rolling_release",
            f"The database runs {release}, between two major versions: it cannot be moved to Odoo.sh or an own server before the next major one",
            "hit",
            "warning",
            "Decide now where Odoo will live",
            evidence={"release": release, **trial},
        )
    else:
        yield Finding(
            "rolling_release",
            "The database runs a major version, which every kind of hosting takes",
            "clear",
            "info",
            evidence={"release": release, **trial},
        )
    if trial.get("database.expiration_reason") == "trial":
        yield Finding(
            "trial",
            f"The database is a trial that ends on {trial.get('database.expiration_date', 'an unknown day')}",
            "hit",
            "warning",
            "Register the subscription before the production run",
            evidence=trial,
        )


def enterprise_leftovers(facts: Facts) -> Iterator[Finding]:
    """Gotcha 2: on a Community server Enterprise modules stay "installed" in the table, and are not there."""
    if facts.target.edition == "enterprise":
        yield Finding("enterprise_leftovers", "An Enterprise server: its modules are there", "clear", "info")
        return
    paid = {n for n, m in facts.modules.items() if (m["license"] in _PAID or m["to_buy"]) and n not in _COMMUNITY_ANYWAY}
    # A paid app of somebody else may run on Community. Whether a module's code is there shows at a model that it brings.
    gone = _not_loaded(facts, paid)
    left = sorted({n for n in paid if facts.modules[n]["license"] == "OEEL-1"} | set(gone))
    if left:
        yield Finding(
            "enterprise_leftovers",
            f"{len(left)} Enterprise module(s) are marked as installed on a Community server: {', '.join(left[:10])}",
            "hit",
            "warning",
            "The database came from an Enterprise server. Restore it there, or uninstall these modules there before moving it",
            len(left),
            {"modules": left, "models_without_code": gone},
        )
    else:
        title = "No Enterprise module is left on this Community server"
        yield Finding("enterprise_leftovers", title, "clear", "info", evidence={"paid_modules_that_work": sorted(paid)})


def _not_loaded(facts: Facts, modules: set[str]) -> dict[str, str]:
    """Module → a model of it that the table knows and the server does not."""
    if not modules:
        return {}
    domain = [["module", "in", sorted(modules)], ["model", "=", "ir.model"]]
    rows = facts.call("ir.model.data", "search_read", domain=domain, fields=["module", "res_id"])
    known = {m["id"]: m["model"] for m in facts.call("ir.model", "read", ids=[r["res_id"] for r in rows], fields=["model"])} if rows else {}
    gone = {}
    for row in rows:
        if (model := known.get(row["res_id"])) and row["module"] not in gone:
            try:
                facts.call(model, "fields_get", attributes=["type"])
            except (SchemaMismatch, Unsupported):
                gone[row["module"]] = model
    return gone


def broken_forms(facts: Facts, forms: dict[str, str]) -> Iterator[Finding]:
    """Gotcha 3: an inherited view that does not fit this version blocks the form, or was switched off by an upgrade.

    ``forms``: XML id of a form → its model.
    """
    target, broken = facts.target, False
    for xml_id, model in forms.items():
        try:
            facts.call(model, "get_views", views=[[target.reference(xml_id), "form"]])
        except OdooError as error:
            broken = True
            yield Finding(
                "broken_form",
                f"The form {xml_id} of {model} does not open",
                "hit",
                "blocking",
                "Mend or switch off the view that the error names (Settings ▸ Technical ▸ Views)",
                evidence={"form": xml_id, "error": str(error)},
            )
    if not broken:
        yield Finding("broken_form", "The forms that get the source's data open", "clear", "info", evidence={"forms": sorted(forms)})
    views = facts.call(
        "ir.ui.view",
        "search_read",
        domain=[["model", "in", sorted(target.shapes)], ["inherit_id", "!=", False]],
        fields=["name", "model", "xml_id", "active", "arch_db"],
        context=ALSO_ARCHIVED,
    )
    suspects = []
    for view in views:
        xml_id = view["xml_id"] or ""
        own = not xml_id or xml_id.startswith("studio_customization.")
        outdated = [
            what
            for pattern, since, models, what in _OUTDATED
            if target.version >= since and (not models or view["model"] in models) and pattern.search(view["arch_db"] or "")
        ]
        if own and (outdated or not view["active"]):
            suspects.append({"id": view["id"], "name": view["name"], "active": view["active"], "outdated": outdated})
    if suspects:
        names = ", ".join(s["name"] for s in suspects[:10])
        yield Finding(
            "outdated_views",
            f"{len(suspects)} customised view(s) are switched off or say what this version no longer takes: {names}",
            "hit",
            "warning",
            "Have the customer's Odoo partner look at them; the migration does not touch them",
            len(suspects),
            {"views": suspects},
        )
    else:
        yield Finding("outdated_views", "No customised view is switched off or outdated", "clear", "info", evidence={"views": len(views)})


def orphan_fields(facts: Facts) -> Iterator[Finding]:
    """Gotcha 4: custom fields survive a move from Studio to Community, and the views that showed them do not."""
    target = facts.target
    models = sorted(target.shapes)
    ours = {name for e in target.entities.values() for name in e.custom_fields} | {row["field"] for row in customer_fields(target.ws)}
    fields = facts.call(
        "ir.model.fields",
        "search_read",
        domain=[["state", "=", "manual"], ["model", "in", models]],
        fields=["model", "name", "field_description", "ttype"],
    )
    fields = [f for f in fields if f["name"] not in ours]
    shown: dict[str, str] = {}
    if fields:
        for view in facts.call("ir.ui.view", "search_read", domain=[["model", "in", models]], fields=["model", "arch_db"]):
            shown[view["model"]] = shown.get(view["model"], "") + (view["arch_db"] or "")
    orphans = [f for f in fields if not re.search(rf"name=[\"']{re.escape(f['name'])}[\"']", shown.get(f["model"], ""))]
    if orphans:
        names = ", ".join(f"{f['model']}.{f['name']}" for f in orphans[:10])
        yield Finding(
            "orphan_fields",
            f"{len(orphans)} custom field(s) are on no form: {names}",
            "hit",
            "info",
            "They keep their data. Add them to a form if they are still needed",
            len(orphans),
            {
                "fields": [
                    {"model": f["model"], "name": f["name"], "label": f["field_description"], "studio": f["name"].startswith("x_studio_")}
                    for f in orphans
                ]
            },
        )
    else:
        yield Finding("orphan_fields", "Every custom field is on a form", "clear", "info", evidence={"custom_fields": len(fields)})


def external_api(facts: Facts) -> Iterator[Finding]:
    """Gotcha 5: only Odoo Online gates the external API (Custom plan). It answered us, so it is open now."""
    if facts.target.hosting == "online":
        yield Finding(
            "external_api",
            "Odoo Online answers over the external API now; only the plan Custom includes it",
            "hit",
            "warning",
            "Make sure that the subscription is on the plan Custom for the whole project",
            evidence={"transport": facts.target.client.transport},
        )
    else:
        yield Finding(
            "external_api",
            "The external API answers; outside Odoo Online no plan limits it",
            "clear",
            "info",
            evidence={"transport": facts.target.client.transport},
        )
