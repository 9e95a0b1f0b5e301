"""What preflight reads from the target, each thing once. Reading only."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from crm2odoo.odoo.target import Target

Row = dict[str, Any]
LOCK_DATES = [
    "fiscalyear_lock_date",
    "period_lock_date",
    "sale_lock_date",
    "purchase_lock_date",
    "tax_lock_date",
    "hard_lock_date",
]
# Apps that some databases have, and the model that an entity needs of each.
APP_MODELS = {
    "helpdesk": "helpdesk.ticket", "knowledge": "knowledge.article", "project": "project.task", "sale": "sale.order", "account": "account.move",
}
ALSO_ARCHIVED = {"active_test": False}


class Facts:
    """Facts about one target. A fact that the user may not read raises the client's error at the place where it is asked for."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.call = target.client.call

    @cached_property
    def parameters(self) -> dict[str, str]:
        return {r["key"]: r["value"] or "" for r in self.call("ir.config_parameter", "search_read", domain=[], fields=["key", "value"])}

    @cached_property
    def modules(self) -> dict[str, Row]:
        """Modules that are installed or on their way in or out: name → state, license, latest_version."""
        domain = [["state", "not in", ["uninstalled", "uninstallable"]]]
        rows = self.call(
            "ir.module.module", "search_read", domain=domain, fields=["name", "shortdesc", "state", "license", "latest_version", "to_buy"]
        )
        return {r["name"]: r for r in rows}

    def installed(self, app: str) -> bool:
        """Whether a module is installed, or the model that it stands for is there (another module may bring that)."""
        return bool(self.modules.get(app, {}).get("state") == "installed") or APP_MODELS.get(app) in self.models

    @cached_property
    def user(self) -> Row:
        """The user of the connection."""
        found: list[Row] = self.call(
            "res.users", "read", ids=[self.target.client.uid], fields=["name", "login", "tz", "lang", "company_id", "company_ids"]
        )
        return found[0]

    def has_group(self, xml_id: str) -> bool:
        """Whether the user is in a group; a group that the database lacks is one the user is not in."""
        ids = [self.user["id"]] if self.target.version >= 18 else None
        return bool(self.call("res.users", "has_group", ids=ids, group_ext_id=xml_id))

    @cached_property
    def companies(self) -> list[Row]:
        shape = self.call("res.company", "fields_get", attributes=["type"])
        fields = [f for f in ["name", "currency_id", "country_id", "chart_template", "chart_template_id", *LOCK_DATES] if f in shape]
        return list(self.call("res.company", "search_read", domain=[], fields=fields, order="id"))

    @cached_property
    def currencies(self) -> list[Row]:
        """All currencies, the inactive ones too."""
        return list(self.call("res.currency", "search_read", domain=[], fields=["name", "active"], context=ALSO_ARCHIVED))

    @cached_property
    def languages(self) -> list[str]:
        return [r["code"] for r in self.call("res.lang", "search_read", domain=[], fields=["code"])]

    @cached_property
    def models(self) -> set[str]:
        """Which of the models that only some databases have are there."""
        some = ["base.automation", "crm.lead", *APP_MODELS.values()]
        return {r["model"] for r in self.call("ir.model", "search_read", domain=[["model", "in", some]], fields=["model"])}

    @cached_property
    def automations(self) -> list[Row]:
        """Active automation rules; none when the module is not installed."""
        if "base.automation" not in self.models:
            return []
        return list(self.call("base.automation", "search_read", domain=[], fields=["name", "model_name", "trigger"]))

    def shared(self, model: str, field: str, domain: list[Any]) -> list[tuple[str, int]]:
        """Values of a stored field that several records have, with their number, most first."""
        domain = [*domain, [field, "!=", False]]
        if self.target.version >= 19:
            having = [["__count", ">", 1]]
            rows = self.call(model, "formatted_read_group", domain=domain, groupby=[field], aggregates=["__count"], having=having)
        else:
            rows = self.call(model, "read_group", domain=domain, fields=[field], groupby=[field], lazy=False)
        return sorted(((str(r[field]), int(r["__count"])) for r in rows if r["__count"] > 1), key=lambda pair: (-pair[1], pair[0]))

    @cached_property
    def mail_servers(self) -> list[Row]:
        """Active outgoing mail servers."""
        return list(self.call("ir.mail_server", "search_read", domain=[], fields=["name", "smtp_host"]))

    @cached_property
    def crons(self) -> list[Row]:
        """Active scheduled actions."""
        return list(self.call("ir.cron", "search_read", domain=[["active", "=", True]], fields=["name", "nextcall"]))

    @cached_property
    def users(self) -> list[Row]:
        """All users, archived and portal ones too."""
        return list(
            self.call(
                "res.users",
                "search_read",
                domain=[],
                fields=["login", "name", "email", "active", "share"],
                order="id",
                context=ALSO_ARCHIVED,
            )
        )
