"""Which records the target has already: read, compared by natural key, and kept for the plan."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crm2odoo.odoo import finding
from crm2odoo.odoo.finding import Finding
from crm2odoo.odoo.target import Target, TargetProblem
from crm2odoo.project import Entity, Match

log = logging.getLogger(__name__)

PAGE = 5000
# Input types whose comparable form is more than the normalised text; see sql/clean.
_KINDS = {"email": "email", "url": "domain", "domain": "domain"}


@dataclass(frozen=True)
class _Part:
    """One identity input: a column of the candidates, and how it is compared."""

    column: str
    kind: str


def read_existing(target: Target, entity_name: str) -> int:
    """Fills ``<p>_target.existing`` (entity, natural, res_id, label) for one entity; returns how many natural keys found their record.

    Archived records count when the entity says so; names are read in the language of the entity's ``match``. A key that several
    records of Odoo answer to goes into ``<p>_target.ambiguous`` and becomes a finding: nobody is picked at random. A decision
    ``match:<entity>:<natural>`` of ``{"res_id": …}`` or ``{"create": true}`` settles it. Aliases of owners find the user they stand for.

    Raises TargetProblem when the entity is matched by a field that this Odoo lacks.
    """
    entity = target.entities[entity_name]
    ws = target.ws
    if entity.match is None:
        _forget(target, entity_name)
        return 0
    parts = [_Part(name, _KINDS.get(entity.inputs[name].type, "text")) for name in entity.identity]
    names = ", ".join(f'"{p.column}"' for p in parts)
    columns = ", ".join(f'"{p.column}" text' for p in parts)
    with ws.connect() as connection:
        connection.execute(ws.sql("drop table if exists {target}.candidate"))
        connection.execute(ws.sql(f"create unlogged table {{target}}.candidate (res_id bigint, key_no int, label text, {columns})"))
        if target.has(entity.model):
            with connection.cursor() as cursor, cursor.copy(ws.sql(f"copy {{target}}.candidate (res_id, key_no, label, {names}) from stdin")) as copy:
                for row in _candidates(target, entity, entity.match):
                    copy.write_row(row)
        aliases = [{"name": k, "to": v} for k, v in ws.bundle.project.owners.aliases.items()] if entity.create == "decision" else []
        first = entity.match.duplicates == "first"
        ws.run(connection, "match/existing.sql.j2", entity=entity_name, parts=parts, first_serves=first, aliases=aliases)
        connection.execute(ws.sql("drop table {target}.candidate"))
        found = connection.execute(ws.sql("select count(*) as n from {target}.existing where entity = %s"), (entity_name,)).fetchall()[0]["n"]
        unclear = connection.execute(ws.sql('select * from {target}.ambiguous where entity = %s order by "natural"'), (entity_name,)).fetchall()
    finding.store(target, f"match:{entity_name}", _findings(entity, unclear))
    log.info("%s: %d found in Odoo, %d ambiguous", entity_name, found, len(unclear))
    return int(found)


def _findings(entity: Entity, unclear: list[dict[str, Any]]) -> list[Finding]:
    if not unclear:
        return []
    shown = "; ".join(f"{u['labels'][0]} ({', '.join(map(str, u['res_ids']))})" for u in unclear[:10])
    return [
        Finding(
            "ambiguous_match",
            f"{len(unclear)} of the {entity.title.lower()} in Odoo share a key with another one: {shown}",
            "hit",
            "warning",
            f"Merge them in Odoo, or decide which one counts (decision match:{entity.entity}:<key>); until then records that mean them are held",
            len(unclear),
            {"keys": [{"key": u["natural"], "ids": u["res_ids"], "names": u["labels"]} for u in unclear[:1000]]},
        )
    ]


def _forget(target: Target, entity_name: str) -> None:
    """What was found while the project still let records of Odoo be taken."""
    ws = target.ws
    with ws.connect() as connection:
        for table in ("existing", "ambiguous"):
            there = connection.execute("select to_regclass(%s) is not null as yes", (f"{ws.schemas['target']}.{table}",)).fetchone()
            if there == {"yes": True}:
                connection.execute(ws.sql("delete from {target}.{table} where entity = %s", table=table), (entity_name,))


def _candidates(target: Target, entity: Entity, match: Match) -> Iterator[tuple[Any, ...]]:
    """(id, number of the key, label, value per identity input) for every record and way of matching that has a value."""
    shape = target.shapes[entity.model]
    paths = sorted({path for key in match.keys for path in key.values()})
    for path in paths:
        if path.partition(".")[0] not in shape:
            raise TargetProblem(
                f"{entity.entity} is matched by {path}, and {entity.model} has no such field in this Odoo.\n"
                f"Correct `match` in mappings/odoo/{entity.entity}.yaml."
            )
    domain = list(match.domain)
    if entity.model == "res.users" and ["share", "=", False] not in domain:
        domain.append(["share", "=", False])  # a portal user can own nothing
    context = {"lang": match.lang, "tz": "UTC", **({"active_test": False} if match.archived else {})}
    behind = {path: _behind(target, shape, path, context) for path in paths if "." in path}
    fields = sorted({path.partition(".")[0] for path in paths} | {"display_name"})
    for record in _pages(target, entity.model, domain, fields, context):
        for number, key in enumerate(match.keys):
            values = [_value(record, key[name], behind) if name in key else None for name in entity.identity]
            if any(values):
                yield (record["id"], number, record["display_name"], *values)


def _pages(target: Target, model: str, domain: list[Any], fields: list[str], context: dict[str, Any]) -> Iterator[dict[str, Any]]:
    last = 0
    while True:
        rows = target.client.call(model, "search_read", domain=[*domain, ["id", ">", last]], fields=fields, order="id", limit=PAGE, context=context)
        yield from rows
        if len(rows) < PAGE:
            return
        last = rows[-1]["id"]


def _behind(target: Target, shape: dict[str, dict[str, Any]], path: str, context: dict[str, Any]) -> dict[int, str]:
    """Values of ``country_id.code``: id of the country → its code."""
    link, _, name = path.partition(".")
    model = shape[link]["relation"]
    return {r["id"]: r[name] for r in _pages(target, model, [], [name], context)}


def _value(record: dict[str, Any], path: str, behind: dict[str, dict[int, str]]) -> str | None:
    value = record[path.partition(".")[0]]
    if path in behind:
        value = behind[path].get(value[0]) if value else None
    elif isinstance(value, list):
        value = value[1] if value else None
    return str(value).replace("\x00", "") if value not in (None, False, "") else None
