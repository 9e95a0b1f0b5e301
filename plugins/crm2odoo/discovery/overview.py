"""What people are asked to agree to before anything moves: where each stage goes, and whose records there are."""

from __future__ import annotations

from dataclasses import dataclass

from crm2odoo.staging import Workspace


@dataclass(frozen=True)
class StageRow:
    """One line of the stage table. ``records``: leads and deals in the stage; ``declared``: the export lists the stage itself."""

    pipeline: str | None
    stage: str
    team: str | None
    to: str | None
    outcome: str
    probability: float | None
    records: int
    declared: bool


@dataclass(frozen=True)
class OwnerRow:
    """One owner found anywhere in the export. ``records``: source object → rows that name the owner."""

    login: str
    name: str | None
    declared: bool
    records: dict[str, int]


def stage_table(ws: Workspace) -> list[StageRow]:
    """Every (pipeline, stage) pair that the export declares or uses. ``to`` is None for a lost stage, which is a state in Odoo.

    Reads ``<p>_target``: build it first.
    """
    if "stage" not in ws.bundle.entities:
        return []
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql("""
            with team as (select _xid, name from {target}.identity_team where _place = 1),
            used as (
              select _xid, count(*) filter (where not _primary) as records, bool_or(_primary) as declared from {target}.identity_stage group by 1
            )
            select s.pipeline, s.stage, t.name as team, case when not s._skipped then coalesce(s.label, s.stage) end as goes_to,
              coalesce(s.outcome, 'open') as outcome, s.probability::float8 as probability, u.records, u.declared
            from {target}.identity_stage as s
            join used as u using (_xid)
            left join {target}.lookup as l on l.entity = 'team' and l.key = s.team__1
            left join team as t on t._xid = l.xid
            where s._place = 1
            order by s.pipeline nulls first, s.sequence nulls last, s.stage""")
        )
        return [
            StageRow(r["pipeline"], r["stage"], r["team"], r["goes_to"], r["outcome"], r["probability"], r["records"], r["declared"]) for r in rows
        ]


def owner_table(ws: Workspace) -> list[OwnerRow]:
    """Every owner that the export names, with the number of rows per object. Reads ``<p>_target``: build it first."""
    if "user" not in ws.bundle.entities:
        return []
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql("""
            with counted as (
              select _xid, _object, count(*) as n from {target}.identity_user where not _primary group by 1, 2
            )
            select u.login, u.name, u._primary as declared,
              coalesce((select jsonb_object_agg(c._object, c.n) from counted as c where c._xid = u._xid), '{{}}') as records
            from {target}.identity_user as u where u._place = 1 order by u.login""")
        )
        return [OwnerRow(r["login"], r["name"], r["declared"], r["records"]) for r in rows]
