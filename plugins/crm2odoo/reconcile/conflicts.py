"""Three-way comparison before an update: what we wrote last, what the source says now, what Odoo holds now.

Lines of a record count as one field. Files are not compared: what the source has is written, as their content is not kept in the ledger.
A field that a person changed in Odoo after our last write, and that the source changed as well, is a conflict. It waits in
``<p>_log.conflict`` and is left out of the plan until somebody decides: ``conflict:<entity>:<xid>:<field>``, ``conflict:<entity>:<xid>``,
``conflict:<entity>`` or ``conflict`` with ``{"choice": "keep_odoo"}`` or ``{"choice": "take_source"}``; the narrowest decision counts.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from psycopg.types.json import Jsonb

from crm2odoo.ledger.batches import Row
from crm2odoo.ledger.plan import Plan, get_plan
from crm2odoo.odoo.context import READING
from crm2odoo.odoo.loader_values import EntityRules, FieldRule, same_value
from crm2odoo.odoo.target import Target
from crm2odoo.reconcile import departed as departed_records
from crm2odoo.reconcile.html_text import verdict
from crm2odoo.staging import Connection
from crm2odoo.staging.vault import holds_token

log = logging.getLogger(__name__)

PAGE = 500
NAME = "conflict"
REFUSAL = "conflict"


@dataclass(frozen=True)
class Conflict:
    """One field. ``loaded``, ``source``: values in xid form; ``odoo``: as Odoo holds it, with database ids."""

    entity: str
    xid: str
    res_id: int
    field: str
    loaded: Any
    source: Any
    odoo: Any
    changed_by: str
    changed_at: str
    choice: str | None


def find_conflicts(target: Target, run_id: str, plan_id: int) -> list[Conflict]:
    """Looks at every record that the plan would update, and takes conflicting fields out of the plan unless the source is to win.

    Records that nobody wrote to since we made them are not compared; those that are gone from Odoo are conflicts as a whole
    (``departed``). Reads from Odoo only. Safe to repeat. The plan's hash
    follows from the conflicts, too. Returns all of them, decided ones included.
    """
    ws, plan = target.ws, get_plan(target.ws, plan_id)
    with ws.connect() as connection:
        decided = _decisions(target, connection)
        departed = departed_records.find_departed(target, connection)
        whole = [_with_choice(_conflict(one), decided) for one in departed]
        departed_records.take_out(target, connection, [(one, c.choice) for one, c in zip(departed, whole, strict=True)])
    found: list[Conflict] = []
    for entity in ws.bundle.load_order:
        if plan.summary.get(entity, {}).get("update"):
            found += _of_entity(target, entity)
    with ws.connect() as connection:
        found = [*whole, *(_with_choice(c, decided) for c in found)]
        connection.execute(ws.sql("delete from {log}.conflict where plan_id = %s"), (plan_id,))
        for c in found:
            connection.execute(
                ws.sql(
                    "insert into {log}.conflict "
                    "(run_id, plan_id, target_id, entity, xid, res_id, field, loaded, source, odoo, changed_by, changed_at, choice) "
                    "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                ),
                (run_id, plan_id, target.target_id, c.entity, c.xid, c.res_id, c.field, Jsonb(c.loaded), Jsonb(c.source), Jsonb(c.odoo), c.changed_by,
                 f"{c.changed_at}+00", c.choice),
            )  # fmt: skip
            if c.choice != "take_source" and c.field != departed_records.FIELD:
                connection.execute(
                    ws.sql("update {target}.plan set changed = array_remove(changed, %s), reason = %s where entity = %s and xid = %s"),
                    (c.field, f"{c.field} was changed in Odoo by {c.changed_by}", c.entity, c.xid),
                )
        if found:
            _bind(target, connection, plan, found)
    for c in found[:100]:
        log.warning("conflict %s %s %s: changed in Odoo by %s: %s", c.entity, c.xid, c.field, c.changed_by, c.choice or "waits for a decision")
    return found


def settle_conflicts(target: Target, run_id: str, plan_id: int) -> int:
    """After the load: undecided fields stay open, so that every later plan brings them up again; with ``keep_odoo`` they are settled.

    Returns how many records wait for a decision. Safe to repeat.
    """
    ws = target.ws
    with ws.connect() as connection:
        rows = connection.execute(ws.sql("select * from {log}.conflict where plan_id = %s order by conflict_id"), (plan_id,)).fetchall()
        waiting: dict[tuple[str, str], list[Any]] = {}
        undecided = 0
        for row in rows:
            if row["field"] == departed_records.FIELD:
                undecided += row["choice"] is None
            elif row["choice"] == "keep_odoo":
                connection.execute(
                    ws.sql("update {log}.record set vals = jsonb_set(vals, array[%s], %s) where target_id = %s and xid = %s"),
                    (row["field"], Jsonb(row["source"]), target.target_id, row["xid"]),
                )
            elif row["choice"] is None:
                waiting.setdefault((row["entity"], row["xid"]), []).append(row)
        for (entity, xid), fields in waiting.items():
            connection.execute(
                ws.sql("update {log}.record set hash = 'conflict' where target_id = %s and xid = %s and hash not like 'incomplete%%'"),
                (target.target_id, xid),
            )
            names = ", ".join(f["field"] for f in fields)
            connection.execute(
                ws.sql("delete from {log}.refusal where target_id = %s and plan_id = %s and entity = %s and xid = %s and kind = %s"),
                (target.target_id, plan_id, entity, xid, REFUSAL),
            )
            connection.execute(
                ws.sql("insert into {log}.refusal (run_id, target_id, plan_id, entity, xid, kind, message) values (%s, %s, %s, %s, %s, %s, %s)"),
                (
                    run_id,
                    target.target_id,
                    plan_id,
                    entity,
                    xid,
                    REFUSAL,
                    f"{names}: changed in Odoo by {fields[0]['changed_by']}, waits for a decision",
                ),
            )
    return len(waiting) + undecided


def _of_entity(target: Target, entity: str) -> list[Conflict]:
    rules = EntityRules(target, entity)
    compare = {key: f.compare for key, f in target.entities[entity].fields.items()}
    users = {u["id"]: u["login"] for u in target.client.call("res.users", "search_read", domain=[], fields=["login"], context=READING)}
    conflicts = []
    for page in _pages(target, entity):
        # A field that is never updated cannot be in conflict.
        keys = {row["xid"]: [k for k in rules.updatable(row["changed"]) if rules.rules[k].readable or k in rules.line_keys] for row in page}
        names = sorted({rules.rules[k].name for ks in keys.values() for k in ks})
        found = target.client.call(
            target.entities[entity].model, "search_read", domain=[["id", "in", [r["res_id"] for r in page]]],
            fields=[*names, "write_uid", "write_date"],
            load="", context=READING,
        )  # fmt: skip
        now = {r["id"]: r for r in found}
        touched = [r for r in page if r["res_id"] in now and not _untouched(target, now[r["res_id"]], r["made_at"])]
        # Lines count as one field: they are replaced as a whole.
        held = {k: rules.lines_now(k, {r["id"]: r[rules.rules[k].name] for r in found if rules.rules[k].name in r}) for k in rules.line_keys}
        then, wanted = _rows(target, rules, touched, "loaded"), _rows(target, rules, touched, "vals")
        for row, old, new in zip(touched, then, wanted, strict=True):
            record = now[row["res_id"]]
            for key in keys[row["xid"]]:
                rule, odoo = rules.rules[key], record[rules.rules[key].name]
                if key in rules.line_keys:
                    odoo = held[key].get(row["res_id"], [])
                    same = [_same_lines(rules.value(rule, r), odoo) for r in (old, new)]
                else:
                    same = [_same(rule, compare.get(key, "equal"), rules.value(rule, r), odoo) for r in (old, new)]
                if not any(same):
                    uid = record["write_uid"]
                    private = next((r.vals.get(key) for r in (new, old) if holds_token(r.vals.get(key))), None)
                    by = "somebody, before our own last write" if uid == target.client.uid else users.get(uid, str(uid))
                    conflicts.append(
                        Conflict(
                            entity,
                            row["xid"],
                            row["res_id"],
                            key,
                            old.vals.get(key),
                            new.vals.get(key),
                            target.ws.vault.as_known(private, odoo, same_value),
                            by,
                            str(record["write_date"])[:19],
                            None,
                        )
                    )
    return conflicts


def _pages(target: Target, entity: str) -> Iterator[list[dict[str, Any]]]:
    last = 0
    while True:
        with target.ws.connect() as connection:
            rows = connection.execute(
                target.ws.sql(
                    "select p.xid, p.seq, p.hash, p.vals, r.vals as loaded, r.res_id, "
                    # The stored plan may lack fields that an earlier look took out.
                    "array(select f.key from jsonb_each(p.vals) as f where f.value is distinct from coalesce(r.vals -> f.key, 'null')) as changed, "
                    "(select max(e.at) from {log}.entry as e where e.target_id = r.target_id and e.xid = r.xid "
                    "having bool_and(e.action in ('create', 'second'))) as made_at "
                    "from {target}.plan as p join {log}.record as r on r.target_id = %s and r.xid = p.xid "
                    "where p.entity = %s and p.action = 'update' and r.res_id is not null and p.seq > %s order by p.seq limit %s"
                ),
                (target.target_id, entity, last, PAGE),
            ).fetchall()
        if not rows:
            return
        last = rows[-1]["seq"]
        yield rows


def _untouched(target: Target, record: dict[str, Any], made_at: datetime | None) -> bool:
    """Whether nobody wrote to a record since we made it. ``made_at``: None when we changed it later, which hides who wrote before that.

    The clocks of Odoo and of the staging database may be 5 s apart.
    """
    if made_at is None or record["write_uid"] != target.client.uid:
        return False
    at = datetime.fromisoformat(f"{str(record['write_date'])[:19]}+00:00")
    return (at - made_at).total_seconds() <= 5


def _rows(target: Target, rules: EntityRules, page: Sequence[dict[str, Any]], column: str) -> list[Row]:
    """Rows with their references resolved, of the values in ``column``."""
    references = [k for k, r in rules.rules.items() if r.is_reference]
    xids = sorted({x for row in page for k in references for x in _names(row[column].get(k))})
    with target.ws.connect() as connection:
        known = {
            r["xid"]: r["res_id"]
            for r in connection.execute(
                target.ws.sql("select xid, res_id from {log}.record where target_id = %s and xid = any(%s)"), (target.target_id, xids)
            )
        }
    result = []
    for row in page:
        vals = row[column]
        ids: dict[str, Any] = {}
        for key in references:
            value = vals.get(key)
            looked_up = [known.get(x) for x in _names(value)]
            ids[key] = looked_up if isinstance(value, list) else (looked_up[0] if looked_up else None)
        result.append(Row(row["xid"], row["seq"], "update", row["hash"], [], vals, row["res_id"], True, None, ids))
    rules.look_up(result)
    return result


def _names(value: Any) -> list[str]:
    if isinstance(value, dict):
        return []  # what an undone update left: no xid
    return [str(v) for v in value if v is not None] if isinstance(value, list) else [] if value is None else [str(value)]


def _same(rule: FieldRule, compare: str, sent: Any, found: Any) -> bool:
    """Whether Odoo holds what was sent, as far as Odoo keeps it the way it was sent."""
    if same_value(sent, found):
        return True
    if not isinstance(sent, str) or not isinstance(found, str):
        return compare == "rounded" and round(float(sent or 0), 2) == round(float(found or 0), 2)
    if rule.kind == "html" or compare == "html":
        return verdict(sent, found) in ("transformed", "sanitised_html")
    if compare == "url":
        bare = [v.lower().removeprefix("https://").removeprefix("http://").rstrip("/") for v in (sent, found)]
        return bare[0] == bare[1]
    return compare == "case" and sent.lower() == found.lower()


def _same_lines(sent: list[Any], found: list[dict[str, Any]]) -> bool:
    """Whether Odoo holds the lines that were sent, in order, as far as fields were sent; amounts to the cent."""
    return len(sent) == len(found) and all(
        same_value(value, line[name][0][2] if isinstance(value, list) and line.get(name) else line.get(name))
        or (isinstance(value, (int, float)) and isinstance(line.get(name), (int, float)) and round(float(value), 2) == round(float(line[name]), 2))
        for (_, _, vals), line in zip(sent, found, strict=True)
        for name, value in vals.items()
    )


def _decisions(target: Target, connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        target.ws.sql(
            "select distinct on (name) name, value from {log}.decision where name = %s or starts_with(name, %s) order by name, decision_id desc"
        ),
        (NAME, f"{NAME}:"),
    ).fetchall()
    return {r["name"]: str(r["value"].get("choice") if isinstance(r["value"], dict) else r["value"]) for r in rows}


def _conflict(one: departed_records.Departed) -> Conflict:
    source = "the row is in the export" if one.now is None else "a record of its own"
    at = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}"
    return Conflict(one.entity, one.xid, one.now or one.res_id or 0, departed_records.FIELD, "loaded", source, one.what, "somebody", at, None)


def _with_choice(c: Conflict, decided: dict[str, str]) -> Conflict:
    names = (f"{NAME}:{c.entity}:{c.xid}:{c.field}", f"{NAME}:{c.entity}:{c.xid}", f"{NAME}:{c.entity}", NAME)
    choice = next((decided[n] for n in names if n in decided), None)
    # A record is made again only when it was named itself.
    if c.field == departed_records.FIELD and choice == "take_source" and (c.odoo != departed_records.DELETED or not decided.keys() & set(names[:2])):
        choice = None
    return Conflict(**{**c.__dict__, "choice": choice if choice in ("keep_odoo", "take_source") else None})


def _bind(target: Target, connection: Connection, plan: Plan, found: list[Conflict]) -> None:
    """What is approved includes the conflicts: the plan's hash follows from them, and its summary counts the open ones."""
    listed = json.dumps([[c.entity, c.xid, c.field, c.choice] for c in sorted(found, key=lambda c: (c.entity, c.xid, c.field))])
    digest = hashlib.sha256(listed.encode()).hexdigest()
    if plan.bound_to.get("conflicts") == digest:
        return
    open_records: dict[str, set[str]] = {}
    for c in found:
        if c.choice is None:
            open_records.setdefault(c.entity, set()).add(c.xid)
    # Counted anew: records that are gone from Odoo were taken out of the plan.
    summary: dict[str, dict[str, int]] = {e: {} for e in plan.summary}
    for row in connection.execute(target.ws.sql("select entity, action, count(*) as n from {target}.plan group by 1, 2 order by 1, 2")):
        summary.setdefault(row["entity"], {})[row["action"]] = row["n"]
    for e, records in open_records.items():
        summary.setdefault(e, {})[NAME] = len(records)
    connection.execute(
        target.ws.sql("update {log}.plan set hash = %s, summary = %s, bound_to = %s where plan_id = %s"),
        (hashlib.sha256(f"{plan.hash}{digest}".encode()).hexdigest(), Jsonb(summary), Jsonb({**plan.bound_to, "conflicts": digest}), plan.plan_id),
    )
