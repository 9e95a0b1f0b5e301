"""Takes back what the loads of a project did to an Odoo: first a list, then, when somebody signed it, the deed.

Only what the ledger says is undone: records that we made are deleted or archived, fields that we changed get back what they held. What a
person changed or refers to stays, and is listed. Nothing here guesses: a record without an entry in the ledger is not touched.
The list stands in ``<p>_log.undo``; an item is done when the ledger says so, so a killed rollback goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm2odoo.odoo import picture
from crm2odoo.odoo.context import READING, SILENT
from crm2odoo.odoo.errors import RowRefused, UnclearAnswer
from crm2odoo.odoo.references import ROOT_UID, References
from crm2odoo.odoo.target import Target
from crm2odoo.odoo.undo_refusals import UNLINK_CONTEXT, prepare
from crm2odoo.project import Entity

log = logging.getLogger(__name__)

PAGE = 500
CLOCKS_APART = timedelta(seconds=5)
"""How far the clocks of Odoo and of the staging database may be apart: later changes by our own user count as a person's."""
# Loaded along with one of these, and gone with it: it has no entity of its own, and must go before them.
_RANK_LIKE = {"member": "crm.team"}


class NothingListed(LookupError):
    """There is no dry run to carry out. The message says what to do."""


class RollbackChanged(RuntimeError):
    """What would be undone is not what was signed. Nothing was undone."""


class RollbackIncomplete(RuntimeError):
    """After the rollback the target does not hold what it held before, and nothing on the list explains it. The message lists it."""


@dataclass(frozen=True)
class Item:
    """One record to undo. ``action``: delete, archive, restore, forget (Odoo has it no more) or keep; ``before``: field of Odoo → value."""

    place: int
    entity: str
    model: str
    xid: str
    res_id: int | None
    action: str
    reason: str | None
    before: dict[str, Any] | None
    done: bool


@dataclass(frozen=True)
class Summary:
    """A list of what to undo. ``counts``: entity → action → records; ``reasons``: (entity, reason, records); ``hash``: what is signed."""

    run_id: str
    runs: list[str]
    hash: str
    counts: dict[str, dict[str, int]]
    reasons: list[tuple[str, str, int]]
    spared: list[Item]

    def total(self, action: str) -> int:
        return sum(actions.get(action, 0) for actions in self.counts.values())


@dataclass(frozen=True)
class Verification:
    """The target against its picture. ``listed``: differences that the list explains, or that are the work of others, as sentences."""

    models: int
    listed: list[str]


def dry_run(target: Target, run_id: str, runs: Sequence[str] = ()) -> Summary:
    """Lists what undoing ``runs`` (everything when empty) comes to, and writes nothing to Odoo. Repeating it makes the list anew.

    ``run_id``: of the rollback itself. Batches whose answer never came are settled first: what Odoo made of them is ours too.
    """
    _settle_open_batches(target, run_id)
    ws = target.ws
    with ws.connect() as connection:
        ws.run(connection, "rollback/list.sql.j2", run_id=run_id, target_id=target.target_id, runs=list(runs), entities=_ranks(target))
        connection.execute(
            ws.sql(
                "update {log}.run set details = details || jsonb_build_object('ledger_at', "
                "(select coalesce(max(entry_id), 0) from {log}.entry where target_id = %s)) where run_id = %s"
            ),
            (target.target_id, run_id),
        )
    look = _Look(target, run_id)
    fresh = True
    while fresh:
        # A record that stays keeps what it refers to, so whatever was spared is looked at again.
        fresh = False
        for page in _pages(target, run_id, after=0):
            verdicts = look.at(page)
            changed = [(*verdicts[i.place], run_id, i.place) for i in page if verdicts[i.place] != (i.action, i.reason)]
            fresh = fresh or any(action == "keep" for action, *_ in changed)
            with ws.connect() as connection, connection.cursor() as cursor:
                cursor.executemany(ws.sql("update {log}.undo set action = %s, reason = %s where run_id = %s and place = %s"), changed)
    return summary(target, run_id)


def summary(target: Target, run_id: str) -> Summary:
    """The list of a dry run as it stands. Raises NothingListed."""
    ws = target.ws
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql(
                "select entity, action, count(*) as n, "
                "md5(string_agg(concat_ws(':', model, coalesce(res_id, 0), coalesce(before::text, '')), ',' order by model, res_id, xid)) as content "
                "from {log}.undo where run_id = %s group by 1, 2 order by 1, 2"
            ),
            (run_id,),
        ).fetchall()
        reasons = connection.execute(
            ws.sql(
                "select entity, regexp_replace(reason, '[0-9][0-9: -]*', '… ', 'g') as reason, count(*) as n from {log}.undo "
                "where run_id = %s and reason is not null group by 1, 2 order by 3 desc, 1, 2"
            ),
            (run_id,),
        ).fetchall()
        spared = connection.execute(ws.sql(_ITEM + " where run_id = %s and action in ('keep', 'archive') order by place"), (run_id,)).fetchall()
        run = connection.execute(
            ws.sql("select array_agg(distinct x) as runs from {log}.undo, unnest(runs) as x where run_id = %s"), (run_id,)
        ).fetchone()
    digest = hashlib.sha256(f"{target.target_id}\n".encode())
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row["entity"], {})[row["action"]] = row["n"]
        digest.update(f"{row['entity']} {row['action']} {row['n']} {row['content']}\n".encode())
    return Summary(
        run_id,
        list((run and run["runs"]) or []),
        digest.hexdigest(),
        counts,
        [(r["entity"], r["reason"].strip(), r["n"]) for r in reasons],
        [Item(**r) for r in spared],
    )


def carry_out(target: Target, run_id: str, signed: str) -> Summary:
    """Does what the list of ``run_id`` says. ``signed``: the hash of the summary that was approved.

    Each record is looked at once more just before; what a person changed meanwhile stays. Killed at any moment, it goes on when called
    again. Raises NothingListed, RollbackChanged, and the client's errors.
    """
    begun, loaded_since = _begin(target, run_id)
    if not begun and (loaded_since or summary(target, run_id).hash != signed):
        raise RollbackChanged(
            "The list of what would be undone is not the one that was signed: somebody loaded or undid something since.\n"
            "Nothing was undone. Trigger the rollback again: it makes a new list."
        )
    _mark_begun(target, run_id)
    look = _Look(target, run_id)
    started, done = time.monotonic(), 0
    for page in _pages(target, run_id, after=0, open_only=True):
        verdicts = look.at(page)
        _Deed(target, run_id, look.since).do(page, verdicts)
        done += len(page)
        log.info("undone entity=%s records=%d so_far=%d seconds=%.1f", page[0].entity, len(page), done, time.monotonic() - started)
    return summary(target, run_id)


def vanish(target: Target, run_id: str, plan_id: int) -> Summary:
    """Archives or deletes the records whose rows are gone, as the plan says; what a person changed or refers to stays.

    The same care as in a rollback: each record is looked at just before, all is ledgered, a killed task goes on where it stopped.
    """
    ws = target.ws
    with ws.connect() as connection:
        connection.execute(
            ws.sql(
                "insert into {log}.undo (run_id, place, target_id, entity, model, xid, res_id, action, reason) "
                "select %(run)s, row_number() over (order by array_position(%(order)s::text[], p.entity) desc, p.seq desc), %(target)s, "
                "p.entity, r.model, p.xid, r.res_id, split_part(p.reason, ':', 1), split_part(p.reason, ': ', 2) "
                "from {target}.plan as p join {log}.record as r on r.target_id = %(target)s and r.xid = p.xid "
                "where p.action = 'vanished' and split_part(p.reason, ':', 1) in ('archive', 'delete') "
                "and exists (select 1 from {log}.plan as q where q.plan_id = %(plan)s) "
                "on conflict do nothing"
            ),
            {"run": run_id, "order": ws.bundle.load_order, "target": target.target_id, "plan": plan_id},
        )
    look = _Look(target, run_id)
    for page in _pages(target, run_id, after=0, open_only=True):
        _Deed(target, run_id, look.since).do(page, look.at(page))
    return summary(target, run_id)


def revive(target: Target, run_id: str, entity: str) -> int:
    """Before a load: records that were archived by a rollback, or because their row was gone, and that the plan has again, are active again.

    Entities with a field ``active`` of their own are left out: the load writes it. Safe to repeat. Returns how many.
    """
    ws, model = target.ws, target.entities[entity].model
    if "active" in target.entities[entity].fields or "active" not in target.shapes.get(model, {}):
        return 0
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql(
                "select r.xid, r.res_id from {log}.record as r join {target}.plan as p on p.entity = r.entity and p.xid = r.xid "
                "where r.target_id = %s and r.entity = %s and r.hash = 'archived' and p.action = 'update' and r.res_id is not null"
            ),
            (target.target_id, entity),
        ).fetchall()
    if not rows:
        return 0
    target.client.call(model, "write", ids=[r["res_id"] for r in rows], vals={"active": True}, context=SILENT)
    with ws.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            ws.sql(
                "insert into {log}.entry (target_id, run_id, entity, model, xid, res_id, action, before) "
                "values (%s, %s, %s, %s, %s, %s, 'update', '{{\"active\": false}}')"
            ),
            [(target.target_id, run_id, entity, model, r["xid"], r["res_id"]) for r in rows],
        )
        cursor.execute(
            ws.sql("update {log}.record set hash = 'revived', vals = vals - 'active' where target_id = %s and xid = any(%s)"),
            (target.target_id, [r["xid"] for r in rows]),
        )
    return len(rows)


def verify(target: Target, run_id: str) -> Verification:
    """Compares the target with the picture taken before the first load. Raises RollbackIncomplete for what nothing explains.

    Explained are records that the list keeps or archives, records of runs that were not undone, and the work of other users.
    """
    problems, listed = [], []
    changes = picture.compare(target)
    for change in changes:
        names = _explained(target, run_id, change)
        listed += [f"{change.model} {i}: {why}" for i, why in names.items()]
        unexplained = [i for i in change.extra if i not in names]
        if unexplained:
            problems.append(f"- {change.model}: {len(unexplained)} records too many: {', '.join(map(str, unexplained[:10]))}")
        ours = _deleted_by_us(target, change)
        listed += [f"{change.model} {i}: deleted by somebody else" for i in change.missing if i not in ours]
        if ours:
            problems.append(
                f"- {change.model}: {len(ours)} records are gone that were there before the load: {', '.join(map(str, sorted(ours)[:10]))}"
            )
    if problems:
        raise RollbackIncomplete(
            f"{target.client.database!r} at {target.client.url} does not hold what it held before the load:\n"
            + "\n".join(problems)
            + "\nLook at these records in Odoo. If they are of no use, delete them by hand; then clear this task."
        )
    return Verification(len(changes), listed)


def forget_picture(target: Target) -> None:
    """After everything was undone and verified: the next load takes a new picture. Without it, later differences would count as ours."""
    with target.ws.connect() as connection:
        connection.execute(target.ws.sql("delete from {log}.picture where target_id = %s"), (target.target_id,))


# ---- the list

_ITEM = "select place, entity, model, xid, res_id, action, reason, before, done_at is not null as done from {log}.undo"


def _pages(target: Target, run_id: str, after: int, open_only: bool = False) -> Iterator[list[Item]]:
    """Items in order, at most PAGE of one entity and action."""
    extra = " and done_at is null and action <> 'keep'" if open_only else ""
    while True:
        with target.ws.connect() as connection:
            rows = connection.execute(
                target.ws.sql(_ITEM + f" where run_id = %s and place > %s{extra} order by place limit %s"), (run_id, after, PAGE)
            ).fetchall()
        if not rows:
            return
        items = [Item(**row) for row in rows]
        page = [i for i in items if (i.entity, i.model, i.before is None) == (items[0].entity, items[0].model, items[0].before is None)]
        page = items[: next((n for n, i in enumerate(items) if i not in page), len(items))]
        after = page[-1].place
        yield page


def _ranks(target: Target) -> list[tuple[str, int, str]]:
    """Entity, place in the order of loading (later ones go first), undo rule."""
    ranks: list[tuple[str, int, str]] = [(name, 2 * n, target.entities[name].undo) for n, name in enumerate(target.ws.bundle.load_order)]
    for name, model in _RANK_LIKE.items():
        at = max((rank for entity, rank, _ in ranks if target.entities[entity].model in (model, "res.users")), default=0)
        ranks.append((name, at + 1, "unlink"))
    return ranks


def _settle_open_batches(target: Target, run_id: str) -> None:
    """Enters into the ledger what Odoo made of creates that were announced and never answered; stops loads that still run."""
    ws, module = target.ws, target.xid_module
    with ws.connect() as connection:
        # Whoever loads now loses its chunk at its next batch.
        connection.execute(ws.sql("update {log}.fence set token = token + 1, run_id = %s where target_id = %s"), (run_id, target.target_id))
        rows = connection.execute(
            ws.sql("select batch_id, run_id, entity, step, xids from {log}.batch where target_id = %s and state = 'intent' order by batch_id"),
            (target.target_id,),
        ).fetchall()
    for row in rows:
        found = target.client.xml_ids([f"{module}.{xid}" for xid in row["xids"]]) if row["step"] == "create" else {}
        made = [{"xid": name.removeprefix(f"{module}."), "res_id": res_id} for name, res_id in found.items()]
        with ws.connect() as connection:
            connection.execute(
                ws.sql(
                    """
                    with fresh as (
                      insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id)
                      select %(target)s, x.xid, %(entity)s, %(model)s, x.res_id, true, 'unknown', '{{}}', %(run)s
                      from jsonb_to_recordset(%(made)s::jsonb) as x(xid text, res_id bigint)
                      on conflict (target_id, xid) do nothing returning *
                    )
                    insert into {log}.entry (batch_id, target_id, run_id, entity, model, xid, res_id, action)
                    select %(batch)s, target_id, run_id, entity, model, xid, res_id, 'create' from fresh"""
                ),
                {
                    "target": target.target_id,
                    "entity": row["entity"],
                    "model": target.entities[row["entity"]].model,
                    "run": row["run_id"],
                    "made": json.dumps(made),
                    "batch": row["batch_id"],
                },
            )
            connection.execute(
                ws.sql("update {log}.batch set state = 'failed', message = %s, settled_at = clock_timestamp() where batch_id = %s"),
                (f"no answer came; the rollback found {len(made)} of its records in Odoo", row["batch_id"]),
            )
            if row["step"] != "create":
                _remember_lost_update(target, connection, row["batch_id"])


def _remember_lost_update(target: Target, connection: Any, batch_id: int) -> None:
    """An update that Odoo may have carried out: what the records held before stands with the batch, and is as good as an entry."""
    connection.execute(
        target.ws.sql(
            "insert into {log}.entry (batch_id, target_id, run_id, entity, model, xid, res_id, action, before) "
            "select b.batch_id, b.target_id, b.run_id, b.entity, r.model, f.key, r.res_id, b.step, f.value from {log}.batch as b "
            "cross join lateral jsonb_each(coalesce(b.before, '{{}}')) as f join {log}.record as r on r.target_id = b.target_id and r.xid = f.key "
            "where b.batch_id = %s"
        ),
        (batch_id,),
    )


# ---- looking


class _Look:
    """Decides about items by what Odoo says now."""

    def __init__(self, target: Target, run_id: str) -> None:
        self.target, self.run_id = target, run_id
        with target.ws.connect() as connection:
            row = connection.execute(
                target.ws.sql(
                    "select min(at) as first, max(at) as last from {log}.entry where target_id = %s and entity not in ('schema', 'parked') "
                    "and action <> 'found'"
                ),
                (target.target_id,),
            ).fetchone()
        assert row is not None
        first: datetime | None = row["first"]
        self.since = f"{first - CLOCKS_APART:%Y-%m-%d %H:%M:%S}" if first else "1970-01-01 00:00:00"
        self._until = f"{row['last'] + CLOCKS_APART:%Y-%m-%d %H:%M:%S}" if first else "1970-01-01 00:00:00"
        self._references = References(target, self.since)
        self._users = {u["id"]: u["login"] for u in target.client.call("res.users", "search_read", domain=[], fields=["login"], context=READING)}

    def at(self, page: Sequence[Item]) -> dict[int, tuple[str, str | None]]:
        """place → (action, reason), for items of one model."""
        verdicts = {i.place: (i.action, i.reason) for i in page}
        due = [i for i in page if i.action in ("delete", "archive", "restore") and i.res_id]
        if not due:
            return verdicts
        model = due[0].model
        found = self.target.client.call(
            model, "search_read", domain=[["id", "in", [i.res_id for i in due]]], fields=["write_uid", "write_date"], load="", context=READING
        )
        state = {r["id"]: r for r in found}
        for i in due:
            now = state.get(i.res_id or 0)
            if now is None:
                verdicts[i.place] = ("forget", "Odoo has it no more")
            elif changed := self._changed(now):
                verdicts[i.place] = ("keep", changed)
        asked = {i.res_id: i for i in due if i.action != "restore" and verdicts[i.place][0] == i.action and i.res_id}
        if asked:
            for hit in self._references.to(model, sorted(asked), self._staying()):
                item = asked[hit.res_id]
                if verdicts[item.place][0] == item.action and not self._goes_too(hit.model, hit.by_id, hit.field):
                    verdicts[item.place] = ("keep", str(hit))
        return verdicts

    def _changed(self, now: dict[str, Any]) -> str | None:
        uid, at = now["write_uid"], str(now["write_date"])[:19]
        if uid not in (self.target.client.uid, ROOT_UID):
            return f"changed by {self._users.get(uid, uid)} on {at}"
        if uid != ROOT_UID and at > self._until:
            return f"changed by {self._users.get(uid, uid)} after the load, on {at}"
        return None

    def _staying(self) -> dict[str, set[int]]:
        """Records of ours that stay, by model: what they refer to stays too. Archived ones are out of use, and hold nothing."""
        with self.target.ws.connect() as connection:
            rows = connection.execute(
                self.target.ws.sql(
                    "select model, array_agg(res_id) as ids from {log}.undo "
                    "where run_id = %s and action = 'keep' and res_id is not null group by 1"
                ),
                (self.run_id,),
            ).fetchall()
            # What runs made that are not undone stays as well.
            others = connection.execute(
                self.target.ws.sql(
                    "select r.model, array_agg(r.res_id) as ids from {log}.record as r where r.target_id = %s and r.ours and r.res_id is not null "
                    "and not exists (select 1 from {log}.undo as u where u.run_id = %s and u.xid = r.xid) group by 1"
                ),
                (self.target.target_id, self.run_id),
            ).fetchall()
        staying: dict[str, set[int]] = {}
        for row in [*rows, *others]:
            staying.setdefault(row["model"], set()).update(row["ids"])
        return staying

    def _goes_too(self, model: str, res_id: int, field: str) -> bool:
        """Whether a record that refers to ours is on the list itself: to be deleted, or about to get back what that field held before."""
        with self.target.ws.connect() as connection:
            row = connection.execute(
                self.target.ws.sql("select action, before from {log}.undo where run_id = %s and model = %s and res_id = %s"),
                (self.run_id, model, res_id),
            ).fetchone()
        return row is not None and (row["action"] == "delete" or (row["action"] == "restore" and field in (row["before"] or {})))


# ---- doing


class _Deed:
    """Carries out pages of one entity."""

    def __init__(self, target: Target, run_id: str, since: str) -> None:
        self.target, self.run_id, self.since = target, run_id, since

    def do(self, page: Sequence[Item], verdicts: dict[int, tuple[str, str | None]]) -> None:
        """Every item of the page gets its end in the ledger."""
        self._settle([(i.place, *verdicts[i.place]) for i in page if verdicts[i.place][0] in ("keep", "forget")], page[0].entity)
        self._delete([i for i in page if verdicts[i.place][0] == "delete"])
        for i in page:
            if verdicts[i.place][0] == "archive":
                self._archive(i, verdicts[i.place][1] or "its entity is archived, not deleted")
            elif verdicts[i.place][0] == "restore":
                self._restore(i)

    def _delete(self, items: Sequence[Item]) -> None:
        if not items:
            return
        model, ids = items[0].model, [i.res_id for i in items if i.res_id]
        entity: Entity | None = self.target.entities.get(items[0].entity)
        try:
            partners = self._partners(ids) if model == "res.users" else []
            prepare(self.target, entity, model, ids, self.since)
            self._unlink(model, ids)
            if partners:
                self._unlink_side("res.partner", partners)
        except RowRefused as error:
            if len(items) > 1:
                half = len(items) // 2
                self._delete(items[:half])
                self._delete(items[half:])
            else:
                self._archive(items[0], f"Odoo does not delete it: {' '.join(error.reason.split())[:300]}")
            return
        self._settle([(i.place, "delete", None) for i in items], items[0].entity)

    def _unlink(self, model: str, ids: list[int]) -> None:
        """Deletes those that still exist. An answer that does not come is settled by looking."""
        for attempt in range(5):
            left = self.target.client.call(model, "search", domain=[["id", "in", ids]], context=READING)
            if not left:
                return
            try:
                self.target.client.call(model, "unlink", ids=left, context=UNLINK_CONTEXT)
                return
            except UnclearAnswer:
                if attempt == 4:
                    raise

    def _partners(self, users: list[int]) -> list[int]:
        """The contacts that Odoo made together with users of ours."""
        call = self.target.client.call
        rows = call("res.users", "search_read", domain=[["id", "in", users]], fields=["partner_id"], load="", context=READING)
        ours = [["id", "in", [r["partner_id"] for r in rows]], ["create_uid", "=", self.target.client.uid], ["create_date", ">=", self.since]]
        return list(call("res.partner", "search", domain=ours, context=READING))

    def _unlink_side(self, model: str, ids: list[int]) -> None:
        try:
            self._unlink(model, ids)
        except RowRefused as error:
            log.warning("side records stay model=%s ids=%s because=%s", model, ids, " ".join(error.reason.split())[:300])

    def _archive(self, item: Item, reason: str) -> None:
        shape = self.target.shapes.get(item.model) or self.target.client.call(item.model, "fields_get", allfields=["active"], attributes=["type"])
        try:
            if "active" not in shape:
                raise RowRefused("", reason="it cannot be archived")
            self.target.client.call(item.model, "write", ids=[item.res_id or 0], vals={"active": False}, context=SILENT)
        except RowRefused as error:
            self._settle([(item.place, "keep", f"{reason}; {' '.join(error.reason.split())[:200]}")], item.entity)
        else:
            self._settle([(item.place, "archive", reason)], item.entity)

    def _restore(self, item: Item) -> None:
        shape = self.target.shapes.get(item.model) or {}
        unseal = self.target.ws.vault.unseal_value
        vals = {name: _as_sent(value, str(shape.get(name, {}).get("type")), unseal) for name, value in (item.before or {}).items()}
        try:
            for part in _in_order(vals, item.model):
                self.target.client.call(item.model, "write", ids=[item.res_id or 0], vals=part, context=SILENT)
        except RowRefused as error:
            self._settle([(item.place, "keep", f"Odoo does not take back the old values: {' '.join(error.reason.split())[:300]}")], item.entity)
        else:
            self._settle([(item.place, "restore", None)], item.entity)

    def _settle(self, rows: list[tuple[int, str, str | None]], entity: str) -> None:
        if not rows:
            return
        ws = self.target.ws
        names = {key: name for key, name in self.target.names.get(entity, {}).items() if name}
        values = {"rows": json.dumps([{"place": p, "action": a, "reason": r} for p, a, r in rows]), "names": json.dumps(names)}
        with ws.connect() as connection:
            for statement in ws.statements("rollback/settle.sql.j2", run_id=self.run_id):
                connection.execute(statement.encode(), values)


def _as_sent(value: Any, kind: str, unseal: Callable[[Any], Any]) -> Any:
    """A before-image as ``write`` takes it: lines are made anew with what they held."""
    if kind == "many2many":
        return [[6, 0, value or []]]
    if kind == "one2many":
        lines = value["lines"] if isinstance(value, dict) else []
        return [[5, 0, 0], *([0, 0, {f: unseal(v) for f, v in line.items()}] for line in lines)]
    return unseal(value)


def _in_order(vals: dict[str, Any], model: str) -> list[dict[str, Any]]:
    """State first, dates after it: a write on a lead that touches its state sets the dates anew (odoo19.md R6)."""
    if model != "crm.lead":
        return [vals]
    dates = {k: v for k, v in vals.items() if k.startswith("date_")}
    rest = {k: v for k, v in vals.items() if k not in dates}
    return [part for part in (rest, dates) if part]


# ---- begin and end


def _begin(target: Target, run_id: str) -> tuple[bool, bool]:
    """Whether this rollback began before, and whether anything was entered into the ledger after its list. Raises NothingListed."""
    with target.ws.connect() as connection:
        row = connection.execute(
            target.ws.sql(
                "select jsonb_exists(details, 'undoing') as begun, details ->> 'ledger_at' as ledger_at, "
                "exists (select 1 from {log}.entry as e where e.target_id = %s and e.entry_id > (details ->> 'ledger_at')::bigint) as since "
                "from {log}.run where run_id = %s"
            ),
            (target.target_id, run_id),
        ).fetchone()
    if row is None or row["ledger_at"] is None:
        raise NothingListed(f"The rollback {run_id} has no list: its dry run did not run. Trigger the rollback again.")
    return bool(row["begun"]), bool(row["since"])


def _mark_begun(target: Target, run_id: str) -> None:
    with target.ws.connect() as connection:
        connection.execute(target.ws.sql("update {log}.run set details = details || '{{\"undoing\": true}}' where run_id = %s"), (run_id,))


def _explained(target: Target, run_id: str, change: picture.Change) -> dict[int, str]:
    """Records that the picture does not have, and why that is right."""
    if not change.extra:
        return {}
    ws, call = target.ws, target.client.call
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql(
                "select res_id, action, reason from {log}.undo where run_id = %s and model = %s and res_id = any(%s) "
                "and action in ('keep', 'archive')"
            ),
            (run_id, change.model, change.extra),
        ).fetchall()
        standing = connection.execute(
            ws.sql("select res_id from {log}.record where target_id = %s and model = %s and ours and res_id = any(%s)"),
            (target.target_id, change.model, change.extra),
        ).fetchall()
    why = {r["res_id"]: "of a run that was not undone" for r in standing}
    why |= {r["res_id"]: f"{'archived' if r['action'] == 'archive' else 'stays'}: {r['reason']}" for r in rows}
    rest = [i for i in change.extra if i not in why]
    if rest:
        theirs = call(change.model, "search", domain=[["id", "in", rest], ["create_uid", "!=", target.client.uid]], context=READING)
        why |= dict.fromkeys(theirs, "made by somebody else")
    why |= _parts_of_what_stays(target, run_id, change.model, [i for i in rest if i not in why])
    if change.model == "res.partner" and rest:
        users = call("res.users", "search_read", domain=[["partner_id", "in", rest]], fields=["partner_id", "login"], load="", context=READING)
        why |= {u["partner_id"]: f"the contact of the user {u['login']}" for u in users}
    return why


def _parts_of_what_stays(target: Target, run_id: str, model: str, ids: list[int]) -> dict[int, str]:
    """Lines of records that are archived or kept (the payment methods of an archived journal): they go when their record goes."""
    parents = {target.entities[e.part_of].model for e in target.entities.values() if e.part_of and e.model == model}
    if not ids or not parents:
        return {}
    call, ws = target.client.call, target.ws
    links = call("ir.model.fields", "search_read", domain=[["model", "=", model], ["ttype", "=", "many2one"], ["store", "=", True],
                                                           ["relation", "in", sorted(parents)]], fields=["name", "relation"])  # fmt: skip
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql("select model, res_id from {log}.undo where run_id = %s and model = any(%s) and action in ('keep', 'archive')"),
            (run_id, sorted(parents)),
        ).fetchall()
    stays, why = {(r["model"], r["res_id"]) for r in rows}, {}
    for record in call(model, "read", ids=ids, fields=[link["name"] for link in links], load="") if links else []:
        for link in links:
            if (link["relation"], record[link["name"]]) in stays:
                why[record["id"]] = f"part of {link['relation']} {record[link['name']]}, which stays"
    return why


def _deleted_by_us(target: Target, change: picture.Change) -> set[int]:
    if not change.missing:
        return set()
    with target.ws.connect() as connection:
        rows = connection.execute(
            target.ws.sql("select distinct res_id from {log}.entry where target_id = %s and model = %s and action = 'delete' and res_id = any(%s)"),
            (target.target_id, change.model, change.missing),
        ).fetchall()
    return {r["res_id"] for r in rows}
