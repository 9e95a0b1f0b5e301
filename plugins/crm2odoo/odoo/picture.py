"""Which records a target's models hold: noted before the first load, and compared after a rollback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from crm2odoo.odoo.facts import ALSO_ARCHIVED
from crm2odoo.odoo.target import Target

PAGE = 50_000
SIDE_MODELS = ["crm.team.member", "account.payment"]
"""Models that a load fills without an entity of their own."""
# Pictures of a user and other values that Odoo keeps as files are part of their record.
_NOT_RECORDS = {"ir.attachment": [["res_field", "=", False]]}


@dataclass(frozen=True)
class Change:
    """One model against its picture. ``extra``: ids that it did not have; ``missing``: ids that it had."""

    model: str
    before: int
    now: int
    extra: list[int]
    missing: list[int]


def take(target: Target, run_id: str) -> int:
    """Notes the ids of every model that the project may fill, unless that was done before; returns how many models are new.

    Reads only. Call it before the first write to a target.
    """
    fresh = 0
    for model in _models(target):
        with target.ws.connect() as connection:
            known = connection.execute(
                target.ws.sql("select 1 from {log}.picture where target_id = %s and model = %s"), (target.target_id, model)
            ).fetchone()
            if known:
                continue
            ranges = list(as_ranges(_ids(target, model)))
            connection.execute(
                target.ws.sql(
                    "insert into {log}.picture (target_id, model, records, ids, run_id) values (%s, %s, %s, %s, %s) on conflict do nothing"
                ),
                (target.target_id, model, sum(b - a + 1 for a, b in ranges), Jsonb(ranges), run_id),
            )
            fresh += 1
    return fresh


def compare(target: Target) -> list[Change]:
    """Every model with a picture, as it is now. Reads only."""
    with target.ws.connect() as connection:
        rows = connection.execute(
            target.ws.sql("select model, ids from {log}.picture where target_id = %s order by model"), (target.target_id,)
        ).fetchall()
    changes = []
    for row in rows:
        before = {i for a, b in row["ids"] for i in range(a, b + 1)}
        now = set(_ids(target, row["model"]))
        changes.append(Change(row["model"], len(before), len(now), sorted(now - before), sorted(before - now)))
    return changes


def as_ranges(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending ids as (first, last) of runs without gaps."""
    first = last = None
    for i in ids:
        if first is None or last is None:
            first = last = i
        elif i == last + 1:
            last = i
        else:
            yield first, last
            first = last = i
    if first is not None and last is not None:
        yield first, last


def _models(target: Target) -> list[str]:
    wanted = sorted({e.model for e in target.entities.values() if e.create != "never"} | set(SIDE_MODELS))
    found = target.client.call("ir.model", "search_read", domain=[["model", "in", wanted]], fields=["model"])
    return sorted(row["model"] for row in found)


def _ids(target: Target, model: str) -> Iterator[int]:
    last = 0
    while True:
        page: list[int] = target.client.call(
            model, "search", domain=[["id", ">", last], *_NOT_RECORDS.get(model, [])], order="id", limit=PAGE, context=ALSO_ARCHIVED
        )
        if not page:
            return
        # Odoo cuts the page first and then leaves out messages that the user may not see: a short page is not the last one.
        yield from page
        last = page[-1]
