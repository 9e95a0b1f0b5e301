"""Settings and automations that would act on a load: parked before it, put back after it, from the ledger, also after a crash."""

from __future__ import annotations

import logging
from typing import Any

from crm2odoo.odoo import parking_marks, schema_ledger
from crm2odoo.odoo.errors import RowRefused, TransientError, UnclearAnswer
from crm2odoo.odoo.facts import ALSO_ARCHIVED
from crm2odoo.odoo.parking_marks import Mark, Parked
from crm2odoo.odoo.target import Target

log = logging.getLogger(__name__)

PARKED_PARAMETERS = {
    # Sends the e-mail domains of imported leads to Odoo's paid service, and overwrites their fields.
    "crm.iap.lead.enrich.setting": "manual",
    # Deletes open activities with an old deadline in the night after the load.
    "mail.activity.gc.delete_overdue_years": "0",
    # Lead scoring: learns from half-loaded data, and makes parallel writers collide (loader.md).
    "crm.pls_start_date": "2999-01-01",
    # Would hand imported meetings to Google and Outlook, which invite everybody.
    "google_calendar_sync_paused": "True",
    "microsoft_calendar_sync_paused": "True",
}
_NEEDS_MODEL = {
    "crm": "crm.lead", "mail": "mail.activity", "google_calendar": "google.calendar.sync", "microsoft_calendar": "microsoft.calendar.sync",
}
"""Start of a parameter's name → the model without which it has no meaning."""
SCORING = "crm.website_crm_score_cron"
PARKED_CRONS = [
    "crm_iap_enrich.ir_cron_lead_enrichment",
    "crm.ir_cron_crm_lead_assign",  # would hand imported leads to whoever is next
    SCORING,
]
_ENTITY = "parked"
_KINDS = {"base.automation": "automation rule", "ir.cron": "scheduled action"}


class SettingsNotRestored(RuntimeError):
    """Something that was parked could not be put back. The message lists it, with the value it must get."""


class NotParked(RuntimeError):
    """Something that must be parked before records are written is not. The message says what."""


def park(target: Target, run_id: str) -> list[str]:
    """Parks what would act on the load. Returns what is parked, as sentences.

    The before-images go into the ledger and into a mark in Odoo before anything is changed. What is parked already, by this run, by one that
    crashed or by another project, keeps its before-image.
    """
    things = _to_park(target)
    marks = parking_marks.read(target)
    project = target.ws.bundle.project.project
    own = marks.pop(project, None)
    standing = {row["xid"] for row in schema_ledger.standing(target, _ENTITY)}
    kept = {p.xid: p for p in own.parked} if own and (own.working or marks) else {}
    by_others = parking_marks.latest(marks)
    for thing in things:
        seen = thing if _acts(thing) else by_others.get(thing.xid)
        if seen is None:
            continue
        if thing.xid not in standing:
            schema_ledger.note(target, run_id, "setting", _ENTITY, seen.model, seen.xid, seen.before, seen.res_id)
        if _acts(thing) or thing.xid not in kept:
            kept[thing.xid] = seen
    for thing in by_others.values():
        # Paused rules and actions are not among what could be parked now.
        if thing.xid not in standing and thing.xid not in {t.xid for t in things}:
            schema_ledger.note(target, run_id, "setting", _ENTITY, thing.model, thing.xid, thing.before, thing.res_id)
    parking_marks.write(target, Mark(project, run_id, parking_marks.now(), True, list(kept.values())))
    call, done = target.client.call, []
    for thing in things:
        if thing.model == "ir.config_parameter":
            key, parked = thing.xid.removeprefix("parameter "), thing.before["parked"]
            if _acts(thing):
                call("ir.config_parameter", "set_param", key=key, value=parked)
            done.append(f"{key} = {parked}")
        else:
            call(thing.model, "write", ids=thing.ids, vals={"active": False})
            done.append(f"{_KINDS[thing.model]} {thing.before['name']!r} paused")
    done += [f"parked by {mark} already: it is put back by whoever ends last" for mark in marks.values() if mark.working]
    return done


def _to_park(target: Target) -> list[Parked]:
    """The parameters with the values they have, and the rules and actions that are active."""
    call, now = target.client.call, parking_marks.now()
    models = call("ir.model", "search_read", domain=[["model", "in", sorted(_NEEDS_MODEL.values())]], fields=["model"])
    there = tuple(start for start, model in _NEEDS_MODEL.items() if model in {m["model"] for m in models})
    wanted = {key: value for key, value in PARKED_PARAMETERS.items() if key.startswith(there)}
    values = {
        r["key"]: r["value"]
        for r in call("ir.config_parameter", "search_read", domain=[["key", "in", sorted(wanted)]], fields=["key", "value"])
    }
    things = [
        Parked("ir.config_parameter", f"parameter {key}", None, {"value": values.get(key), "parked": parked}, now) for key, parked in wanted.items()
    ]
    for rule in active_automations(target):
        things.append(Parked("base.automation", f"automation {rule['id']}", rule["id"], {"active": True, "name": rule["name"]}, now))
    for xml_id, cron in target.client.xml_ids(PARKED_CRONS).items():
        row = call("ir.cron", "read", ids=[cron], fields=["name", "active"])[0]
        if row["active"]:
            things.append(Parked("ir.cron", f"cron {xml_id}", cron, {"active": True, "name": row["name"]}, now))
    return things


def _acts(thing: Parked) -> bool:
    """Whether it still has to be parked."""
    return thing.model != "ir.config_parameter" or thing.before["value"] != thing.before["parked"]


def restore(target: Target, run_id: str, rebuild_scoring: bool = True) -> list[str]:
    """Puts back everything that is parked on this target, whichever run parked it; returns what was done, as sentences.

    While another project still loads into this Odoo, everything stays parked, and that project puts it back at its end. A setting that somebody
    changed in the meantime stays as it is. ``rebuild_scoring``: let Odoo compute the lead scoring anew, by its own scheduled action, when the
    start date was parked. Raises SettingsNotRestored at the end when something failed.
    """
    marks = parking_marks.read(target)
    own = marks.get(target.ws.bundle.project.project)
    if own is not None and own.working:
        # First step back, then look who is left: of two that end together, both then find nobody, and both put back the same.
        parking_marks.stop_working(target, own)
        marks = parking_marks.read(target)
    rows = {
        row["xid"]: Parked(row["model"], row["xid"], row["res_id"], row["before"]) for row in schema_ledger.standing(target, _ENTITY)
    }
    if working := [mark for mark in marks.values() if mark.working]:
        for row in rows.values():
            schema_ledger.note(target, run_id, "restore", _ENTITY, row.model, row.xid, {"left_to": [m.project for m in working]}, row.res_id)
        return [f"everything stays parked for {mark}, which puts it back at its end" for mark in working]
    rows |= parking_marks.latest(marks)
    done: list[str] = []
    failed: dict[str, Parked] = {}
    for row in rows.values():
        try:
            done.append(_put_back(target, row))
        except (RowRefused, TransientError) as error:
            failed[f"{row.xid} → {row.before}: {error}"] = row
            continue
        schema_ledger.note(target, run_id, "restore", _ENTITY, row.model, row.xid, {}, row.res_id)
    project = target.ws.bundle.project.project
    if failed:
        parking_marks.write(target, Mark(project, run_id, parking_marks.now(), False, list(failed.values())))
        marks.pop(project, None)
    parking_marks.remove_all(target, marks)
    if failed:
        raise SettingsNotRestored(
            "could not put back in Odoo:\n" + "\n".join(f"- {f}" for f in failed) + "\nRun the restore again, or set them by hand."
        )
    if rebuild_scoring and "parameter crm.pls_start_date" in rows:
        done.append(rebuild(target))
    return done


def require_parked(target: Target) -> None:
    """Raises NotParked when an automation rule is active, which would fire for every record that is about to be written."""
    if rules := active_automations(target):
        names = ", ".join(repr(r["name"]) for r in rules[:10])
        raise NotParked(
            f"{len(rules)} automation rule(s) are active in {target.client.database!r} and would fire for every record written: {names}.\n"
            "Nothing was written. Somebody switched them on since they were paused, or they were put back: clear the task park_settings."
        )


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


def active_automations(target: Target) -> list[dict[str, Any]]:
    """Automation rules that would fire; none where the app is not installed."""
    call = target.client.call
    if not call("ir.model", "search_count", domain=[["model", "=", "base.automation"]]):
        return []
    return list(call("base.automation", "search_read", domain=[["active", "=", True]], fields=["name"]))


def _put_back(target: Target, row: Parked) -> str:
    call, before = target.client.call, row.before
    if row.model == "ir.config_parameter":
        key = row.xid.removeprefix("parameter ")
        rows = call("ir.config_parameter", "search_read", domain=[["key", "=", key]], fields=["value"])
        now = rows[0]["value"] if rows else None
        if now == before["parked"]:
            call("ir.config_parameter", "set_param", key=key, value=before["value"] or False)
            return f"{key} = {before['value'] or '(default)'}"
        return f"{key} stays {now!r}: somebody changed it during the load" if now != before["value"] else f"{key} = {now}"
    if not call(row.model, "search_count", domain=[["id", "in", row.ids]], context=ALSO_ARCHIVED):
        return f"{before['name']!r} was deleted during the load"
    call(row.model, "write", ids=row.ids, vals={"active": True})
    return f"{before['name']!r} works again"
