"""What a plan is about and what it will cost: examples with reasons, calls and time. Kept with the plan in ``<p>_log.plan_detail``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from psycopg.types.json import Jsonb

from crm2odoo.staging import Connection, Workspace

EXAMPLES = 3
REASONS = 4
"""Different reasons for each entity and action, the most frequent ones; the counts are of all."""
HERE, ELSEWHERE, DECLARED = "measured on this Odoo", "measured on another Odoo of this project", "assumed, nothing was measured yet"


@dataclass(frozen=True)
class Group:
    """Records of one entity for which the plan does the same for the same reason. ``fields``: what would change, most frequent first."""

    entity: str
    action: str
    reason: str | None
    records: int
    xids: list[str]
    fields: list[str]


@dataclass(frozen=True)
class Cost:
    """What the creates and updates of one entity come to. ``seconds``: with one connection at a time; ``basis``: where the rate is from."""

    entity: str
    records: int
    calls: int
    seconds: float
    basis: str


def keep(ws: Workspace, connection: Connection, plan_id: int, target_id: str, slice_: dict[str, Any] | None) -> None:
    """Works out examples and cost of the plan in ``<p>_target.plan`` and keeps them. ``slice_``: what is known about a sample's slice."""
    details: list[tuple[str, str, Any]] = [("cost", c.entity, asdict(c)) for c in _costs(ws, connection, target_id)]
    groups: dict[str, list[dict[str, Any]]] = {}
    for group in _groups(ws, connection):
        groups.setdefault(group.entity, []).append(asdict(group))
    details += [("examples", entity, found) for entity, found in groups.items()]
    if slice_ is not None:
        details.append(("slice", "", slice_))
    with connection.cursor() as cursor:
        cursor.executemany(
            ws.sql("insert into {log}.plan_detail (plan_id, kind, entity, data) values (%s, %s, %s, %s)"),
            [(plan_id, kind, entity, Jsonb(data)) for kind, entity, data in details],
        )


def costs(ws: Workspace, plan_id: int) -> list[Cost]:
    """In load order."""
    found = _read(ws, plan_id, "cost")
    return [Cost(**found[name]) for name in ws.bundle.load_order if name in found]


def groups(ws: Workspace, plan_id: int) -> list[Group]:
    """In load order; per entity in the order of the actions, the largest group first."""
    found = _read(ws, plan_id, "examples")
    return [Group(**g) for name in ws.bundle.load_order for g in found.get(name, [])]


def slice_of(ws: Workspace, plan_id: int) -> dict[str, Any] | None:
    """``{records, seed, counts, not_covered}`` of a sample's plan; None when the plan is for everything."""
    found: dict[str, Any] | None = _read(ws, plan_id, "slice").get("")
    return found


def _read(ws: Workspace, plan_id: int, kind: str) -> dict[str, Any]:
    with ws.connect() as connection:
        rows = connection.execute(ws.sql("select entity, data from {log}.plan_detail where plan_id = %s and kind = %s"), (plan_id, kind))
        return {r["entity"]: r["data"] for r in rows}


def _groups(ws: Workspace, connection: Connection) -> list[Group]:
    [statement] = ws.statements("plan/6_groups.sql.j2", examples=EXAMPLES, reasons=REASONS)
    return [Group(**row) for row in connection.execute(statement.encode()).fetchall()]


def _costs(ws: Workspace, connection: Connection, target_id: str) -> list[Cost]:
    [statement] = ws.statements("plan/7_rates.sql.j2", target_id=target_id)
    measured = {(r["entity"], r["here"]): r for r in connection.execute(statement.encode()).fetchall()}
    planned = connection.execute(
        ws.sql("select entity, count(*) as n from {target}.plan where action in ('create', 'update') group by 1 order by 1")
    ).fetchall()
    result = []
    for row in planned:
        entity, records = ws.bundle.entities[row["entity"]], int(row["n"])
        known = measured.get((row["entity"], True)) or measured.get((row["entity"], False))
        if known:
            per_call, rate = known["records"] / known["calls"], known["records"] / max(known["seconds"], 0.001)
            basis = HERE if known["here"] else ELSEWHERE
        else:
            declared = _declared()
            per_call, rate, basis = float(entity.batch_size or 200), declared.get(entity.model, declared["other"]), DECLARED
        result.append(Cost(row["entity"], records, max(1, round(records / per_call)), round(records / rate, 1), basis))
    return result


@cache
def _declared() -> dict[str, float]:
    values: dict[str, float] = yaml.safe_load((Path(__file__).parent / "rates.yaml").read_text())
    return values
