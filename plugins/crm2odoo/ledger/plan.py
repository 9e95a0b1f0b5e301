"""The plan: what a load will do to the target, computed before anything is written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from crm2odoo.ledger import forecast, slice
from crm2odoo.project import Bundle, Entity
from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.mapping_sql import normalised
from crm2odoo.staging.render import literal, quote
from crm2odoo.staging.target import CustomColumn, custom_columns

ACTIONS = ("create", "update", "unchanged", "found", "held", "skipped", "vanished")


class NoPlan(LookupError):
    """There is no such plan. The message says which DAG makes one."""


@dataclass(frozen=True)
class Plan:
    """A stored plan. ``summary``: entity → action → number of records; ``bound_to``: what the hash depends on."""

    plan_id: int
    export_id: str
    target_id: str
    hash: str
    summary: dict[str, dict[str, int]]
    bound_to: dict[str, str]

    @property
    def writes(self) -> int:
        """Records that the load will create or change."""
        return sum(n for actions in self.summary.values() for action, n in actions.items() if action in ("create", "update"))


def make_plan(ws: Workspace, target_id: str, export_id: str, records: int | None = None, seed: int = 1) -> Plan:
    """Compares ``<p>_target`` with the ledger of one target, fills ``<p>_target.plan`` and stores the plan's summary and hash.

    ``records``: only a slice of about so many records, chosen by ``seed`` (see ledger/slice.py); everything when left out. The same
    data, mapping, decisions and ledger give the same hash.
    """
    with ws.connect() as connection:
        custom = custom_columns(ws, connection, export_id)
        ws.run(connection, "plan/1_existing.sql.j2")
        _fill_choices(ws, connection)
        for name in ws.bundle.load_order:
            for line in waiting_lines(ws.bundle, name):
                ws.run(connection, "plan/2_lines.sql.j2", **line)
            ws.run(connection, "plan/2_entity.sql.j2", **plan_values(ws.bundle, name, custom, target_id))
            connection.execute(ws.sql("analyze {target}.plan"))
        index_plan(ws, connection)
        ws.run(
            connection, "plan/4_vanished.sql.j2", target_id=target_id, policies=vanished_policies(ws, connection),
            objects=_delivered(ws, connection, export_id),
        )
        ws.run(connection, "plan/3_remember.sql.j2")
        cut: slice.Slice | None = None
        if records is not None:
            cut = slice.cut(ws, connection, references(ws.bundle), records, seed)
        summary: dict[str, dict[str, int]] = {name: {} for name in ws.bundle.load_order}
        digest = hashlib.sha256()
        rows = connection.execute(
            ws.sql("""
            select entity, action, count(*) as n, md5(string_agg(xid || hash, '' order by xid)) as content
            from {target}.plan group by 1, 2 order by 1, 2""")
        )
        for row in rows:
            summary[row["entity"]][row["action"]] = row["n"]
            digest.update(f"{row['entity']} {row['action']} {row['n']} {row['content']}\n".encode())
        bound_to = {
            "mapping": ws.bundle.mapping_hash,
            "export": export_id,
            "target": target_id,
            "decisions": decisions_hash(ws, connection),
            "sha256": _export_sha256(ws, connection, export_id),
            "names": names_hash(ws, connection, target_id),
            "ledger": ledger_state(ws, connection, target_id),
        }
        if records is not None:
            bound_to["slice"] = f"{records} records, seed {seed}"
        digest.update(json.dumps(bound_to, sort_keys=True).encode())
        stored = connection.execute(
            ws.sql("insert into {log}.plan (export_id, target_id, hash, summary, bound_to) values (%s, %s, %s, %s, %s) returning plan_id"),
            [export_id, target_id, digest.hexdigest(), json.dumps(summary), json.dumps(bound_to)],
        ).fetchone()
        assert stored is not None
        forecast.keep(ws, connection, stored["plan_id"], target_id, {**asdict(cut), "seed": seed} if cut else None)
        return Plan(stored["plan_id"], export_id, target_id, digest.hexdigest(), summary, bound_to)


def index_plan(ws: Workspace, connection: Connection) -> None:
    """What the load, the comparison and the console look records up by."""
    for columns in ("entity, seq", "entity, xid", "entity, action, seq"):
        connection.execute(ws.sql(f"create index on {{target}}.plan ({columns})"))


def owners_hash(ws: Workspace) -> str:
    """sha256 over what the present plan does about every owner, and why: what the approval *owners* is bound to."""
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql("select xid, action, reason from {target}.plan where entity = any(%s) order by 1"), [ws.bundle.owner_entities]
        ).fetchall()
    return hashlib.sha256(json.dumps([[r["xid"], r["action"], r["reason"]] for r in rows]).encode()).hexdigest()


def undecided_owners(ws: Workspace) -> list[tuple[str, str]]:
    """(xid, reason) of owners of the present plan about whom nobody decided, or whose decision cannot be carried out."""
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql(
                "select xid, reason from {target}.plan where entity = any(%s) and action = 'held' and reason is distinct from 'held by decision' "
                "order by 1"
            ),
            [ws.bundle.owner_entities],
        ).fetchall()
    return [(r["xid"], r["reason"]) for r in rows]


def get_plan(ws: Workspace, plan_id: int) -> Plan:
    """A stored plan by its id. Raises NoPlan."""
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select * from {log}.plan where plan_id = %s"), [plan_id]).fetchone()
    if row is None:
        raise NoPlan(f"there is no plan {plan_id} in project {ws.bundle.project.project}; run the task that plans again")
    return Plan(row["plan_id"], row["export_id"], row["target_id"], row["hash"], row["summary"], row["bound_to"])


def decisions_hash(ws: Workspace, connection: Connection) -> str:
    """sha256 over the newest value of every decision in the register, but for those about how to run: pauses, locks, issues."""
    rows = connection.execute(
        ws.sql(
            "select distinct on (name) name, value from {log}.decision "
            "where name <> 'pause_load' and name not like 'lock:%' and name not like 'issue:%' order by name, decision_id desc"
        )
    ).fetchall()
    return hashlib.sha256(json.dumps([[r["name"], r["value"]] for r in rows], sort_keys=True).encode()).hexdigest()


def vanished_policies(ws: Workspace, connection: Connection) -> dict[str, str]:
    """Entity → what becomes of its records whose rows are gone: the register (``vanished:<entity>``, ``vanished``), else the project file."""
    rows = connection.execute(
        ws.sql(
            "select distinct on (name) name, value from {log}.decision where name = 'vanished' or starts_with(name, 'vanished:') "
            "order by name, decision_id desc"
        )
    ).fetchall()
    decided = {r["name"]: str(r["value"].get("choice") if isinstance(r["value"], dict) else r["value"]) for r in rows}
    general = decided.get("vanished", ws.bundle.project.vanished)
    return {name: decided.get(f"vanished:{name}", general) for name in ws.bundle.load_order}


def _delivered(ws: Workspace, connection: Connection, export_id: str) -> list[str]:
    """Objects of which the export has a file, and that were cleaned: only of these a missing row means anything."""
    schema = f"{ws.bundle.project.project}_clean"
    tables = {r["table_name"] for r in connection.execute("select table_name from information_schema.tables where table_schema = %s", (schema,))}
    rows = connection.execute(
        ws.sql("select distinct object from {log}.file where export_id = %s and object is not null and status in ('recognised', 'assigned')"),
        [export_id],
    )
    return sorted(r["object"] for r in rows if r["object"] in tables)


def names_hash(ws: Workspace, connection: Connection, target_id: str) -> str:
    """sha256 over what the fields of the mapping are called in this Odoo."""
    row = connection.execute(ws.sql("select names from {log}.target where target_id = %s"), [target_id]).fetchone()
    return hashlib.sha256(json.dumps(row["names"] if row else {}, sort_keys=True).encode()).hexdigest()


def ledger_state(ws: Workspace, connection: Connection, target_id: str) -> str:
    """The last entry about a record of this target, as text."""
    row = connection.execute(
        ws.sql("select coalesce(max(entry_id), 0) as last from {log}.entry where target_id = %s and entity not in ('schema', 'parked')"), [target_id]
    ).fetchone()
    return str(row["last"] if row else 0)


def _export_sha256(ws: Workspace, connection: Connection, export_id: str) -> str:
    row = connection.execute(ws.sql("select sha256 from {log}.export where export_id = %s"), [export_id]).fetchone()
    return str(row["sha256"]) if row else ""


def adopt_found(ws: Workspace, run_id: str, plan: Plan, entity: str) -> int:
    """Enters the records that the target already had into the ledger, so that references find them. Writes nothing to Odoo.

    Safe to repeat. Returns how many were new.
    """
    with ws.connect() as connection:
        model = ws.bundle.entities[entity].model
        cursor = connection.execute(
            ws.sql("""
            with fresh as (
              insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id)
              select %(target)s, p.xid, p.entity, %(model)s, p.res_id, false, p.hash, p.vals, %(run)s
              from {target}.plan as p
              where p.entity = %(entity)s and p.action = 'found'
              on conflict (target_id, xid) do nothing
              returning target_id, entity, model, xid, res_id, hash
            )
            insert into {log}.entry (target_id, run_id, entity, model, xid, res_id, action, hash)
            select target_id, %(run)s, entity, model, xid, res_id, 'found', hash from fresh"""),
            {"target": plan.target_id, "model": model, "run": run_id, "entity": entity},
        )
        return cursor.rowcount


@dataclass(frozen=True)
class _PlanField:
    name: str
    sql: str


@dataclass(frozen=True)
class _Wait:
    entity: str
    field: str


def plan_values(bundle: Bundle, name: str, custom: list[CustomColumn], target_id: str) -> dict[str, Any]:
    """What sql/plan/2_entity.sql.j2 needs for one entity."""
    entity = bundle.entities[name]
    fields, waits = [], []
    types = {f: d.type for f, d in entity.fields.items()} | {c.field: c.type for c in custom if c.entity == name}
    for field, odoo_type in types.items():
        declared = entity.fields.get(field)
        if declared and declared.lines:
            fields.append(_PlanField(field, _lines_sql(bundle, declared.lines)))
            continue
        column = f"t.{quote(field)}"
        targets = referred(entity, field)
        absent = [t for t in targets if bundle.entities[t].create != "yes"]
        fields.append(_PlanField(field, _value_sql(column, str(odoo_type), absent, bundle)))
        if declared and declared.on_missing == "hold" and odoo_type in ("many2one", "many2one_reference"):
            waits += [_Wait(t, field) for t in targets]
    return {
        "entity": name,
        "fields": fields,
        "waits": waits,
        "ways": _ways(entity),
        "create": entity.create,
        "unmatched": entity.unmatched,
        "target_id": target_id,
    }


def _ways(entity: Entity) -> list[str]:
    """SQL over a look-up key ``m."key"`` of the keys of fewer parts by which a record is found as well, in the order of the entity's `match`."""
    ways = []
    for key in entity.match.keys if entity.match else []:
        if set(key) < set(entity.identity):
            parts = [f'split_part(substr(m."key", 2), chr(31), {n})' if i in key else "''" for n, i in enumerate(entity.identity, 1)]
            known = " and ".join(f"{p} <> ''" for p in parts if p != "''")
            ways.append(f"case when {known} then '=' || {' || chr(31) || '.join(parts)} end")
    return ways


def waiting_lines(bundle: Bundle, name: str) -> list[dict[str, Any]]:
    """What sql/plan/2_lines.sql.j2 needs for each kind of lines of an entity whose references may have to wait."""
    lines = []
    for declared in bundle.entities[name].fields.values():
        if declared.lines and (fields := _held_by(bundle, declared.lines)):
            lines.append({"entity": name, "lines": declared.lines, "fields": fields})
    return lines


def _held_by(bundle: Bundle, lines: str) -> list[str]:
    entity = bundle.entities[lines]
    return [f for f, d in entity.fields.items() if d.on_missing == "hold" and any(bundle.entities[t].create == "never" for t in referred(entity, f))]


def references(bundle: Bundle) -> list[dict[str, Any]]:
    """Every field of the plan that holds xids: entity, field, many, and for references of lines the field that holds the lines."""
    found = []
    for name in bundle.load_order:
        for field, declared in bundle.entities[name].fields.items():
            if declared.lines:
                lines = bundle.entities[declared.lines]
                inner = [f for f, d in lines.fields.items() if d.type == "many2one" and referred(lines, f)]
                found += [{"entity": name, "field": f, "many": False, "line": field} for f in inner]
            elif declared.type in ("many2one", "many2many", "many2one_reference") and not (declared.relation or "value" in declared.model_fields_set):
                found.append({"entity": name, "field": field, "many": declared.type == "many2many", "line": None})
    return found


def referred(entity: Entity, field: str) -> list[str]:
    """Entities that a field may refer to."""
    declared = entity.fields.get(field)
    if declared is None or declared.type not in ("many2one", "many2many", "many2one_reference") or declared.relation:
        return []
    if declared.from_:
        return entity.inputs[declared.from_].targets
    words = set((declared.sql or "").replace("(", " ").replace(")", " ").replace(",", " ").replace("[", " ").replace("]", " ").split())
    return [t for n, i in entity.inputs.items() if n in words for t in i.targets]


def _lines_sql(bundle: Bundle, name: str) -> str:
    """JSON array of the lines of a record, in order: objects in the same form as ``vals``."""
    line = bundle.entities[name]
    pairs = ", ".join(f"{literal(f)}, {_value_sql(f'l.{quote(f)}', d.type, [], bundle)}" for f, d in line.fields.items())
    table = f"{quote(bundle.project.project + '_target')}.{quote(name)}"
    plan = f'{quote(bundle.project.project + "_target")}."plan"'
    # A line whose product waits is not written: it waits itself.
    waits = "".join(
        f' and not exists (select 1 from {plan} as h where h."action" = \'held\' and h."xid" = l.{quote(f)})' for f in _held_by(bundle, name)
    )
    return (
        f'(select coalesce(jsonb_agg(jsonb_build_object({pairs}) order by l."_seq"), \'[]\'::jsonb) from {table} as l where l."_part_of" = '
        f't."_xid"{waits})'
    )


def _value_sql(column: str, odoo_type: str, absent: list[str], bundle: Bundle) -> str:
    """JSON of a value: dates as text in UTC, numbers without trailing zeros, references as xids."""
    if odoo_type in ("many2one", "many2one_reference") and absent:
        # A record that is left out on purpose (an owner left empty) leaves the field empty, and changes the hash when it appears.
        plan = f'{quote(bundle.project.project + "_target")}."plan"'
        names = ", ".join(literal(a) for a in absent)
        return (
            f'case when {column} in (select s."xid" from {plan} as s where s."action" = \'skipped\' and s."entity" in ({names})) then null else '
            f'{column} end'
        )
    if odoo_type == "datetime":
        return f"to_char({column}, 'YYYY-MM-DD HH24:MI:SS')"
    if odoo_type == "date":
        return f"to_char({column}, 'YYYY-MM-DD')"
    if odoo_type in ("float", "monetary"):
        return f"trim_scale({column})"
    return column


def _fill_choices(ws: Workspace, connection: Connection) -> None:
    """What people decided about owners that Odoo does not know: the register first, then the project file."""
    connection.execute(ws.sql("truncate {target}.choice"))
    owners = ws.bundle.project.owners
    decided: dict[str, str] = {k.strip().lower(): v for k, v in owners.decisions.items()}
    rows = connection.execute(
        ws.sql("select distinct on (name) name, value from {log}.decision where name like 'owner:%%' order by name, decision_id desc")
    )
    decided |= {r["name"].removeprefix("owner:").strip().lower(): r["value"]["choice"] for r in rows}
    for name, entity in ws.bundle.entities.items():
        if entity.create != "decision":
            continue
        fallback = connection.execute(
            ws.sql('select min(res_id) as res_id from {target}.existing where entity = %s and "natural" = %s'),
            [name, (owners.fallback or "").strip().lower()],
        ).fetchone()
        connection.execute(
            ws.sql(
                f"""
            insert into {{target}}.choice (entity, xid, choice, res_id)
            select %(entity)s, c."_xid", c.choice, %(fallback)s
            from (
              select i."_xid", coalesce(%(decided)s::jsonb ->> i."_natural", %(decided)s::jsonb ->> {normalised("i.name")}, %(other)s) as choice
              from {{target}}.{{table}} as i
              where i."_place" = 1
            ) as c
            where c.choice is not null""",
                table=f"identity_{name}",
            ),
            {"entity": name, "decided": json.dumps(decided), "other": owners.undecided, "fallback": fallback["res_id"] if fallback else None},
        )
