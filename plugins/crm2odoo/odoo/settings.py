"""Settings and automations that would act on a load: parked before it, put back after it, from the ledger, also after a crash."""

from __future__ import annotations

import logging
from typing import Any

from crm2odoo.odoo import schema_ledger
from crm2odoo.odoo.errors import RowRefused, TransientError, UnclearAnswer
from crm2odoo.odoo.facts import ALSO_ARCHIVED
from crm2odoo.odoo.target import Target

log = logging.getLogger(__name__)

PARKED_PARAMETERS = {
    # Sends the e-mail domains of imported leads to Odoo's paid service, and overwrites their fields.
    "crm.iap.lead.enrich.setting": "manual",
    # Deletes open activities with an old deadline in the night after the load.
    "mail.activity.gc.delete_overdue_years": "0",
    # Lead scoring: learns from half-loaded data, and makes parallel writers collide (loader.md).
    "crm.pls_start_date": "2999-01-01",
}
SCORING = "crm.website_crm_score_cron"
PARKED_CRONS = [
    "crm_iap_enrich.ir_cron_lead_enrichment",
    "crm.ir_cron_crm_lead_assign",  # would hand imported leads to whoever is next
    SCORING,
]
_ENTITY = "parked"


class SettingsNotRestored(RuntimeError):
    """Something that was parked could not be put back. The message lists it, with the value it must get."""


def park(target: Target, run_id: str) -> list[str]:
    """Parks what would act on the load; the before-images go into the ledger first. Returns what is parked, as sentences.

    What is parked already, by this run or by one that crashed, keeps its first before-image.
    """
    standing = {row["xid"] for row in schema_ledger.standing(target, _ENTITY)}
    call = target.client.call

    def remember(model: str, xid: str, before: dict[str, Any], res_id: int | None = None) -> None:
        if xid not in standing:
            schema_ledger.note(target, run_id, "setting", _ENTITY, model, xid, before, res_id)

    done = []
    if target.has("crm.lead") or "crm.lead" in {
        r["model"] for r in call("ir.model", "search_read", domain=[["model", "=", "crm.lead"]], fields=["model"])
    }:
        wanted = PARKED_PARAMETERS
    else:
        wanted = {k: v for k, v in PARKED_PARAMETERS.items() if not k.startswith("crm.")}
    values = {
        r["key"]: r["value"]
        for r in call("ir.config_parameter", "search_read", domain=[["key", "in", sorted(wanted)]], fields=["key", "value"])
    }
    for key, parked in wanted.items():
        if values.get(key) != parked:
            remember("ir.config_parameter", f"parameter {key}", {"value": values.get(key), "parked": parked})
            call("ir.config_parameter", "set_param", key=key, value=parked)
        done.append(f"{key} = {parked}")
    for rule in _active_automations(target):
        remember("base.automation", f"automation {rule['id']}", {"active": True, "name": rule["name"]}, rule["id"])
        call("base.automation", "write", ids=[rule["id"]], vals={"active": False})
        done.append(f"automation rule {rule['name']!r} paused")
    for xml_id, cron in target.client.xml_ids(PARKED_CRONS).items():
        row = call("ir.cron", "read", ids=[cron], fields=["name", "active"])[0]
        if row["active"]:
            remember("ir.cron", f"cron {xml_id}", {"active": True, "name": row["name"]}, cron)
            call("ir.cron", "write", ids=[cron], vals={"active": False})
            done.append(f"scheduled action {row['name']!r} paused")
    return done


def restore(target: Target, run_id: str, rebuild_scoring: bool = True) -> list[str]:
    """Puts back everything that is parked on this target, whichever run parked it; returns what was done, as sentences.

    A setting that somebody changed in the meantime stays as it is. ``rebuild_scoring``: let Odoo compute the lead scoring anew, by its
    own scheduled action, when the start date was parked. Raises SettingsNotRestored at the end when something failed.
    """
    done, failed = [], []
    rows = schema_ledger.standing(target, _ENTITY)
    for row in rows:
        try:
            done.append(_put_back(target, row))
        except (RowRefused, TransientError) as error:
            failed.append(f"{row['xid']} → {row['before']}: {error}")
            continue
        schema_ledger.note(target, run_id, "restore", _ENTITY, row["model"], row["xid"], {}, row["res_id"])
    if failed:
        raise SettingsNotRestored(
            "could not put back in Odoo:\n" + "\n".join(f"- {f}" for f in failed) + "\nRun the restore again, or set them by hand."
        )
    if rebuild_scoring and any(row["xid"] == "parameter crm.pls_start_date" for row in rows):
        done.append(rebuild(target))
    return done


def parked(target: Target) -> list[str]:
    """What is parked on this target now and waits to be put back."""
    return [row["xid"] for row in schema_ledger.standing(target, _ENTITY)]


def rebuild(target: Target) -> str:
    """Lets Odoo compute its table of lead scoring from all leads, by its own scheduled action. Says how it went.

    Many leads may take longer than a request may: then Odoo's scheduler does it at its next turn, and nothing is lost.
    """
    cron = target.client.xml_ids([SCORING]).get(SCORING)
    if cron is None:
        return "no lead scoring in this Odoo"
    try:
        target.client.call_once("ir.cron", "method_direct_trigger", ids=[cron])
    except (RowRefused, TransientError, UnclearAnswer) as error:
        log.warning("lead scoring: %s", error)
        return "lead scoring is left to Odoo's own scheduled action"
    return "lead scoring computed anew"


def _active_automations(target: Target) -> list[dict[str, Any]]:
    call = target.client.call
    if not call("ir.model", "search_count", domain=[["model", "=", "base.automation"]]):
        return []
    return list(call("base.automation", "search_read", domain=[["active", "=", True]], fields=["name"]))


def _put_back(target: Target, row: dict[str, Any]) -> str:
    call, before = target.client.call, row["before"]
    if row["model"] == "ir.config_parameter":
        key = row["xid"].removeprefix("parameter ")
        rows = call("ir.config_parameter", "search_read", domain=[["key", "=", key]], fields=["value"])
        now = rows[0]["value"] if rows else None
        if now == before["parked"]:
            call("ir.config_parameter", "set_param", key=key, value=before["value"] or False)
            return f"{key} = {before['value'] or '(default)'}"
        return f"{key} stays {now!r}: somebody changed it during the load" if now != before["value"] else f"{key} = {now}"
    if not call(row["model"], "search_count", domain=[["id", "=", row["res_id"]]], context=ALSO_ARCHIVED):
        return f"{before['name']!r} was deleted during the load"
    call(row["model"], "write", ids=[row["res_id"]], vals={"active": True})
    return f"{before['name']!r} works again"
