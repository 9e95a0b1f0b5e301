"""Nothing reaches a customer: what Odoo did besides holding our records is counted before and after each phase.

What the loaded records explain (a message that we loaded is a message) is taken off; anything else fails the phase.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.types.json import Jsonb

from crm2odoo.odoo.facts import ALSO_ARCHIVED
from crm2odoo.odoo.target import Shape, Target

log = logging.getLogger(__name__)

CASES = 10


@dataclass(frozen=True)
class Watch:
    """One kind of trace. ``ours``: domain of those that our user caused (``UID`` stands for its id), where Odoo keeps that.

    ``explained``: loaded model → how many traces one of its records may leave, as measured on Odoo 19 with the silent context.
    ``field``: a field that some databases lack, without which there is nothing to watch.
    """

    name: str
    title: str
    model: str
    ours: list[Any] = dataclasses.field(default_factory=list)
    explained: Mapping[str, int] = dataclasses.field(default_factory=dict)
    field: str | None = None


UID = "UID"
"""Our user; in a sandbox, where nobody works beside us, Odoo's own user (1) too."""
BY_US = [["create_uid", "in", UID]]
TO_USERS = ["user_notification", "auto_comment"]
WATCHED = [
    Watch("mails", "e-mails in the queue", "mail.mail", BY_US),
    Watch("notifications", "notifications to persons", "mail.notification", [["mail_message_id.create_uid", "in", UID]]),
    Watch("user_notifications", "messages to users about assignments", "mail.message", [*BY_US, ["message_type", "in", TO_USERS]]),
    Watch("messages", "messages in chatters", "mail.message", BY_US, {"mail.message": 1}),
    Watch("activities", "activities", "mail.activity", BY_US, {"mail.activity": 1}),
    # A new user gets a welcome to-do that two followers watch.
    Watch("followers", "followers", "mail.followers", [], {"mail.activity": 1, "project.task": 3, "res.users": 2}),
    Watch("scheduled", "scheduled messages", "mail.scheduled.message", BY_US),
    Watch("sms", "text messages", "sms.sms", BY_US),
    Watch("letters", "letters", "snailmail.letter", BY_US),
    Watch("whatsapp", "WhatsApp messages", "whatsapp.message", BY_US),
    Watch("mailings", "mailings to persons", "mailing.trace", BY_US),
    Watch("ratings", "requests for a rating", "rating.rating", BY_US),
    Watch("iap_accounts", "accounts for Odoo's paid services", "iap.account", BY_US),
    Watch("enriched", "leads enriched by Odoo's paid service", "crm.lead", [["reveal_id", "!=", False]], field="reveal_id"),
    Watch("enrichment", "calls of the lead enrichment that were scheduled", "ir.cron.trigger", [*BY_US, ["cron_id.cron_name", "ilike", "enrich"]]),
]


class SideEffectDetected(RuntimeError):
    """Odoo did something that the load did not mean. The message says what, how often, and the first ids."""


@dataclass(frozen=True)
class SideEffects:
    """A mark in Odoo's tables. ``newest``: watch → highest id; ``automations``: active rules; ``entry_id``: how far the ledger was.

    ``ran``: rule that looks at the clock → when it ran last.
    """

    newest: dict[str, int]
    automations: list[int]
    entry_id: int
    ran: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Unexplained:
    """More traces of one kind than the loaded records explain."""

    name: str
    title: str
    found: int
    explained: int
    ids: list[int]

    def __str__(self) -> str:
        return f"{self.found} new {self.title}, {self.explained} explained by what was loaded; the newest ids: {', '.join(map(str, self.ids))}"


def snapshot(target: Target, run_id: str, phase: str) -> SideEffects:
    """Marks where Odoo's tables end now, and keeps the mark with the run. A phase that is repeated keeps its first mark."""
    with target.ws.connect() as connection:
        row = connection.execute(
            target.ws.sql("select details -> 'guard' -> %s as mark from {log}.run where run_id = %s"), (phase, run_id)
        ).fetchone()
        if row and row["mark"]:
            return SideEffects(**row["mark"])
    mark = look(target)
    with target.ws.connect() as connection:
        connection.execute(
            target.ws.sql(
                "update {log}.run set details = "
                "jsonb_set(jsonb_set(details, '{{guard}}', coalesce(details -> 'guard', '{{}}')), array['guard', %s], %s) where run_id = %s"
            ),
            (phase, Jsonb(asdict(mark)), run_id),
        )
    return mark


TITLE = "E-mails, notifications, followers and other traces that a load must not leave"


def check(target: Target, run_id: str, phase: str, allowed: Mapping[str, int] | None = None) -> None:
    """Compares with the mark of ``snapshot``, and keeps the answer for the report (``<p>_log.reconciliation``).

    ``allowed``: watch → further traces that are meant. Raises SideEffectDetected.
    """
    before = snapshot(target, run_id, phase)
    unexplained = compare(target, before, allowed or {})
    with target.ws.connect() as connection:
        connection.execute(
            target.ws.sql(
                "insert into {log}.reconciliation (run_id, target_id, phase, name, expected, found, passed, details) "
                "values (%s, %s, %s, 'side effects', 0, %s, %s, %s)"
            ),
            (
                run_id,
                target.target_id,
                phase,
                sum(u.found - u.explained for u in unexplained),
                not unexplained,
                Jsonb({"title": TITLE, "unexplained": [asdict(u) for u in unexplained]}),
            ),
        )
    if unexplained:
        lines = "\n".join(f"- {u}" for u in unexplained)
        raise SideEffectDetected(
            f"loading {phase} did more in {target.client.database!r} at {target.client.url} than write its records:\n{lines}\n"
            "Stop here: look at these records in Odoo, cancel e-mails that wait in the queue (Settings ▸ Technical ▸ Emails), find out what wrote "
            "them (an automation rule, a module that ignores the silent context), and only then clear the gate."
        )
    log.info("%s: no side effects", phase)


def look(target: Target) -> SideEffects:
    """The mark of this moment. Reads only."""
    call = target.client.call
    known = _known(target)
    newest: dict[str, int] = {}
    for watch in _watched(target, known):
        # More than one: Odoo filters messages by access after it has cut the list, and may cut away the newest.
        domain = _for_user(watch.ours, target)
        found = call(watch.model, "search", domain=domain, order="id desc", limit=200, context=ALSO_ARCHIVED)
        newest[watch.name] = found[0] if found else 0
    active, ran = _rules(target, known)
    with target.ws.connect() as connection:
        row = connection.execute(target.ws.sql("select coalesce(max(entry_id), 0) as last from {log}.entry")).fetchone()
    return SideEffects(newest, active, int(row["last"]) if row else 0, ran)


def compare(target: Target, before: SideEffects, allowed: Mapping[str, int]) -> list[Unexplained]:
    """What is there since ``before`` and neither explained by records that the ledger says we loaded since, nor allowed."""
    call = target.client.call
    known = _known(target)
    loaded = _loaded(target, before.entry_id)
    unexplained = []
    for watch in _watched(target, known):
        domain = [["id", ">", before.newest.get(watch.name, 0)], *_for_user(watch.ours, target)]
        found = call(watch.model, "search_count", domain=domain, context=ALSO_ARCHIVED)
        explained = sum(count * loaded.get(model, 0) for model, count in watch.explained.items()) + allowed.get(watch.name, 0)
        if found > explained and watch.model == "mail.followers" and target.kind == "production":
            found = _followers_of_ours(target, domain)
        if found > explained:
            ids = call(watch.model, "search", domain=domain, order="id desc", limit=CASES, context=ALSO_ARCHIVED)
            unexplained.append(Unexplained(watch.name, watch.title, found, explained, ids))
    active, ran = _rules(target, known)
    if awake := sorted(set(active) - set(before.automations)):
        unexplained.append(Unexplained("automations", "automation rules that were switched on meanwhile", len(awake), 0, awake[:CASES]))
    if went := sorted(int(rule) for rule, at in ran.items() if at != before.ran.get(rule, at)):
        unexplained.append(Unexplained("automation_runs", "automation rules that ran by the clock meanwhile", len(went), 0, went[:CASES]))
    return unexplained


def _watched(target: Target, known: set[str]) -> list[Watch]:
    """The watches that this Odoo has something for."""
    return [w for w in WATCHED if w.model in known and (w.field is None or w.field in _fields(target, w.model))]


def _fields(target: Target, model: str) -> Shape:
    return target.shapes.get(model) or target.client.call(model, "fields_get", attributes=["type"])


def _rules(target: Target, known: set[str]) -> tuple[list[int], dict[str, str]]:
    """Active automation rules, and when each of all rules ran by the clock for the last time."""
    if "base.automation" not in known:
        return [], {}
    rows = target.client.call("base.automation", "search_read", domain=[], fields=["active", "last_run"], context=ALSO_ARCHIVED, order="id")
    return [r["id"] for r in rows if r["active"]], {str(r["id"]): r["last_run"] or "" for r in rows}


def _known(target: Target) -> set[str]:
    wanted = sorted({w.model for w in WATCHED} | {"base.automation"})
    return {r["model"] for r in target.client.call("ir.model", "search_read", domain=[["model", "in", wanted]], fields=["model"])}


def _for_user(domain: list[Any], target: Target) -> list[Any]:
    users = [target.client.uid, *([1] if target.kind == "sandbox" else [])]
    return [[name, op, users if value == UID else value] for name, op, value in domain]


def _loaded(target: Target, since: int) -> dict[str, int]:
    """Model → records that the ledger says were made on this target after entry ``since``."""
    with target.ws.connect() as connection:
        rows = connection.execute(
            target.ws.sql(
                "select model, count(distinct xid) as n from {log}.entry "
                "where target_id = %s and entry_id > %s and action in ('create', 'adopt') group by model"
            ),
            (target.target_id, since),
        ).fetchall()
    return {row["model"]: row["n"] for row in rows}


def _followers_of_ours(target: Target, domain: list[Any]) -> int:
    """New followers on records that we loaded. Odoo does not say who added a follower, and in production others work too."""
    rows = target.client.call("mail.followers", "search_read", domain=domain, fields=["res_model", "res_id"], context=ALSO_ARCHIVED)
    with target.ws.connect() as connection:
        found = connection.execute(
            target.ws.sql(
                "select count(*) as n from unnest(%s::text[], %s::bigint[]) as f(model, res_id) "
                "join {log}.record as r on r.target_id = %s and r.ours and r.model = f.model and r.res_id = f.res_id"
            ),
            ([r["res_model"] for r in rows], [r["res_id"] for r in rows], target.target_id),
        ).fetchone()
    return int(found["n"]) if found else 0
