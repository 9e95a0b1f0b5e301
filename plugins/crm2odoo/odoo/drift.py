"""The daily look after the cutover: are the migrated records still there, and do they hold what was agreed?

"Agreed" is what the ledger says Odoo holds since the last load. People work in Odoo now, so a change is no fault: it is listed with who
made it, so that a person can tell wanted work from damage. A record that is gone is an issue at once, until it is back or a person accepts
it: decision ``issue:<kind>:<entity>:<xid>`` with ``{"choice": "accepted"}``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from crm2odoo.odoo import audit
from crm2odoo.odoo.context import READING
from crm2odoo.odoo.reader import gone, read_back
from crm2odoo.odoo.target import Target


@dataclass
class Drift:
    """One look. ``new``: issues first seen now; ``open``: all open ones; ``closed``: as agreed again; ``changed``: records people wrote to."""

    new: int = 0
    open: int = 0
    closed: int = 0
    records: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    text: str = ""


def look(target: Target, run_id: str) -> Drift:
    """Reads every migrated record's existence and last writer; keeps issues in ``<p>_log.issue``. Safe to repeat."""
    ws, found = target.ws, Drift()
    users = {u["id"]: u["login"] for u in target.client.call("res.users", "search_read", domain=[], fields=["login"], context=READING)}
    issues: dict[tuple[str, str, str], str] = {}
    for entity in ws.bundle.load_order:
        with ws.connect() as connection:
            known = {
                r["xid"]: r
                for r in connection.execute(
                    ws.sql("select xid, vals, updated_at from {log}.record where target_id = %s and entity = %s and ours"), (target.target_id, entity)
                )
            }
        if not known:
            continue
        for xid, _ in gone(target, entity):
            if xid in known:
                issues["gone", entity, xid] = "Odoo has it no more"
        archivable = "active" in target.shapes.get(target.entities[entity].model, {})
        for xid, _, values in read_back(target, entity, [], ["write_uid", "write_date", *(["active"] if archivable else [])]):
            if xid not in known:
                continue
            found.records += 1
            ours = values["write_uid"] in (target.client.uid, 1)
            if archivable and not values["active"] and known[xid]["vals"].get("active", True) is not False and not ours:
                issues["archived", entity, xid] = (
                    f"archived by {users.get(values['write_uid'], values['write_uid'])} on {str(values['write_date'])[:19]}"
                )
            elif not ours:
                found.changed[entity] = found.changed.get(entity, 0) + 1
    for s in audit.sums(target):
        if not s.holds and not s.missing:
            issues["sums", s.entity, ""] = f"the ledger made {s.made}, knows {s.known}, Odoo has {s.there}"
    accepted = _accepted(target)
    _keep(target, run_id, {key: text for key, text in issues.items() if ":".join(("issue", *key)) not in accepted}, found)
    changes = ", ".join(f"{e} {n}" for e, n in found.changed.items()) or "none"
    issues_text = f"Issues: {found.new} new, {found.open} open, {found.closed} closed today."
    found.text = f"{found.records} migrated records are there. {issues_text} Records that people changed: {changes}."
    return found


def close(target: Target, run_id: str) -> str:
    """The closing report: looks, issues with the times they were seen and closed, as Markdown. Reads the register only."""
    ws = target.ws
    with ws.connect() as connection:
        rows = connection.execute(ws.sql("select * from {log}.issue where target_id = %s order by seen_at, issue_id"), (target.target_id,)).fetchall()
        looks = connection.execute(
            ws.sql(
                "select count(*) as n, min(started_at) as first, max(started_at) as last from {log}.run where kind = 'hypercare' and target_id = %s"
            ),
            (target.target_id,),
        ).fetchone()
    assert looks is not None
    still = [r for r in rows if r["closed_at"] is None]
    lines = [
        f"# Hypercare of {ws.bundle.project.title}",
        "",
        f"{looks['n']} looks from {looks['first']:%Y-%m-%d} to {looks['last']:%Y-%m-%d}; {len(rows)} issues, {len(still)} still open. Run {run_id}."
        if looks["n"]
        else "Nobody looked yet.",
        "",
        "| kind | entity | record | what | seen (UTC) | closed (UTC) |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        ended = f"{r['closed_at']:%Y-%m-%d %H:%M}" if r["closed_at"] else "open"
        lines.append(f"| {r['kind']} | {r['entity']} | {r['xid']} | {r['text']} | {r['seen_at']:%Y-%m-%d %H:%M} | {ended} |")
    return "\n".join(lines) + "\n"


def _accepted(target: Target) -> set[str]:
    """Names of issues that a person accepted."""
    with target.ws.connect() as connection:
        rows = connection.execute(
            target.ws.sql(
                "select distinct on (name) name, value from {log}.decision where starts_with(name, 'issue:') order by name, decision_id desc"
            )
        ).fetchall()
    return {r["name"] for r in rows if (r["value"].get("choice") if isinstance(r["value"], dict) else r["value"]) == "accepted"}


def _keep(target: Target, run_id: str, issues: dict[tuple[str, str, str], str], found: Drift) -> None:
    ws = target.ws
    listed: list[dict[str, Any]] = [{"kind": k, "entity": e, "xid": x, "text": text} for (k, e, x), text in issues.items()]
    values = {"target": target.target_id, "run": run_id, "issues": json.dumps(listed)}
    with ws.connect() as connection:
        found.new = connection.execute(
            ws.sql(
                "insert into {log}.issue (target_id, kind, entity, xid, text, run_id) "
                "select %(target)s, x.kind, x.entity, x.xid, x.text, %(run)s "
                "from jsonb_to_recordset(%(issues)s::jsonb) as x(kind text, entity text, xid text, text text) "
                "where not exists (select 1 from {log}.issue as i where i.target_id = %(target)s and i.kind = x.kind and i.entity = x.entity "
                "and i.xid = x.xid and i.closed_at is null)"
            ),
            values,
        ).rowcount
        found.closed = connection.execute(
            ws.sql(
                "update {log}.issue as i set closed_at = clock_timestamp(), closed_by = coalesce((select d.decided_by from {log}.decision as d "
                "where d.name = concat_ws(':', 'issue', i.kind, i.entity, i.xid) order by d.decision_id desc limit 1), %(run)s) "
                "where i.target_id = %(target)s and i.closed_at is null "
                "and not exists (select 1 from jsonb_to_recordset(%(issues)s::jsonb) as x(kind text, entity text, xid text) "
                "where x.kind = i.kind and x.entity = i.entity and x.xid = i.xid)"
            ),
            values,
        ).rowcount
        row = connection.execute(
            ws.sql("select count(*) as n from {log}.issue where target_id = %s and closed_at is null"), (target.target_id,)
        ).fetchone()
    found.open = int(row["n"]) if row else 0
