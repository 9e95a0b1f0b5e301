"""The owner queue: people of the source who own records and whom Odoo does not know, for a person to decide about."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz

from crm2odoo.odoo.target import Target
from crm2odoo.project import Bundle, Entity
from crm2odoo.staging import Connection
from crm2odoo.staging.mapping_sql import normalised_text

CLOSE = 80.0
"""From this likeness (0 to 100) on, a user of Odoo is suggested. A suggestion is never taken by itself."""


@dataclass(frozen=True)
class Owner:
    """One owner without a user. ``counts``: title of the records → how many this owner has.

    ``suggestion``: (database id, name, login) of a user who may be meant. ``choice``: provision, fallback, hold, empty, or None.
    """

    entity: str
    xid: str
    login: str
    name: str
    email: str
    role: str
    active: bool
    counts: dict[str, int]
    suggestion: tuple[int, str, str] | None
    choice: str | None

    @property
    def records(self) -> int:
        return sum(self.counts.values())


def owner_queue(target: Target) -> list[Owner]:
    """Owners of the current ``<p>_target`` who have no user in this Odoo, most records first. Reads only.

    ``read_existing`` of the entity must have run. Whoever was provisioned by us, or matched, is not in the queue.
    """
    queue: list[Owner] = []
    for name, entity in target.entities.items():
        if entity.create != "decision":
            continue
        users = target.client.call(
            entity.model, "search_read", domain=[["share", "=", False], ["active", "=", True]], fields=["name", "login", "email"]
        )
        with target.ws.connect() as connection:
            rows = connection.execute(
                target.ws.sql(
                    """
                    select i.*, i._xid as xid, i._natural as natural_key from {target}.{table} as i
                    where i._place = 1 and not i._skipped
                      and not exists (select 1 from {log}.record as r where r.target_id = %(target)s and r.xid = i._xid)
                      and not exists (select 1 from {target}.existing as e where e.entity = %(entity)s and e."natural" = i._natural)
                    """,
                    table=f"identity_{name}",
                ),
                {"target": target.target_id, "entity": name},
            ).fetchall()
            counts = _counts(target, connection, name)
            decided = _decided(target, connection)
        for row in rows:
            queue.append(_owner(target, name, row, counts.get(row["xid"], {}), users, decided))
    return sorted(queue, key=lambda o: (-o.records, o.login))


def _owner(target: Target, entity: str, row: dict[str, Any], counts: dict[str, int], users: list[dict[str, Any]], decided: dict[str, str]) -> Owner:
    login, name, email = (str(row.get(k) or "") for k in ("login", "name", "email"))
    choice = decided.get(row["natural_key"] or "") or decided.get(normalised_text(name)) or target.ws.bundle.project.owners.undecided
    return Owner(
        entity,
        row["xid"],
        login or email or name,
        name,
        email,
        str(row.get("role") or ""),
        row.get("active") is not False,
        counts,
        suggest(login, name, users),
        choice,
    )


def suggest(login: str, name: str, users: list[dict[str, Any]]) -> tuple[int, str, str] | None:
    """The user who is most like an owner, by name and by the part of the address before the @; None when nobody is close."""
    before_at = login.partition("@")[0]
    best: tuple[float, dict[str, Any]] | None = None
    for user in users:
        likeness = max(
            fuzz.token_sort_ratio(normalised_text(name or before_at.replace(".", " ")), normalised_text(user["name"])),
            fuzz.ratio(before_at.lower(), str(user["login"]).partition("@")[0].lower()) if "@" in login else 0.0,
        )
        if likeness >= CLOSE and (best is None or likeness > best[0]):
            best = (likeness, user)
    return (best[1]["id"], best[1]["name"], best[1]["login"]) if best else None


def _counts(target: Target, connection: Connection, owner_entity: str) -> dict[str, dict[str, int]]:
    """xid of the owner → title of the records → number."""
    counts: dict[str, dict[str, int]] = {}
    schema = f"{target.ws.bundle.project.project}_target"
    built = {r["table_name"] for r in connection.execute("select table_name from information_schema.tables where table_schema = %s", (schema,))}
    for name, entity in target.entities.items():
        if entity.part_of is not None or name not in built:
            continue  # the owner of a line is that of its record
        for column in owner_fields(entity, owner_entity):
            rows = connection.execute(
                target.ws.sql(
                    "select {column} as xid, count(*) as n from {target}.{table} where {column} is not null group by 1", column=column, table=name
                )
            )
            for row in rows:
                of_owner = counts.setdefault(row["xid"], {})
                of_owner[entity.title] = of_owner.get(entity.title, 0) + row["n"]
    return counts


def owner_fields(entity: Entity, owner_entity: str) -> list[str]:
    """Fields of an entity that hold one owner: taken straight from an input that refers to one."""
    inputs = {name for name, value in entity.inputs.items() if owner_entity in value.targets and value.type == "ref"}
    return [name for name, line in entity.fields.items() if line.type == "many2one" and line.from_ in inputs]


def owned_columns(bundle: Bundle, tables: Container[str]) -> list[dict[str, str]]:
    """Entity and column of everything that an owner can own, for sql/macros/owned.sql.j2. ``tables``: those of ``<p>_target`` that are there."""
    return [
        {"entity": name, "column": column}
        for owner in bundle.owner_entities
        for name, entity in bundle.entities.items()
        if entity.part_of is None and name in tables
        for column in owner_fields(entity, owner)
    ]


def _decided(target: Target, connection: Connection) -> dict[str, str]:
    """Owner (normalised) → choice: the project file, and over it the register of decisions (``owner:<login>``)."""
    decided: dict[str, str] = {normalised_text(k): v for k, v in target.ws.bundle.project.owners.decisions.items()}
    rows = connection.execute(
        target.ws.sql("select distinct on (name) name, value from {log}.decision where name like 'owner:%%' order by name, decision_id desc")
    )
    return decided | {normalised_text(r["name"].removeprefix("owner:")): r["value"]["choice"] for r in rows}
