"""The ledger's lines about the target's set-up: what was there before, what we made, what was put back.

An intent line (no ``res_id``) is committed before Odoo is asked, so that after a crash a thing that is there without its
external id is known to be ours.
"""

from __future__ import annotations

from typing import Any, Literal

from psycopg.types.json import Jsonb

from crm2odoo.odoo.target import Target

Action = Literal["schema", "setting", "restore", "delete"]


def note(
    target: Target, run_id: str, action: Action, entity: str, model: str, xid: str, before: dict[str, Any], res_id: int | None = None
) -> None:
    """Adds one line to ``<p>_log.entry``. ``before`` is the before-image."""
    with target.ws.connect() as connection:
        connection.execute(
            target.ws.sql(
                "insert into {log}.entry (target_id, run_id, entity, model, xid, res_id, action, before) values (%s, %s, %s, %s, %s, %s, %s, %s)"
            ),
            (target.target_id, run_id, entity, model, xid, res_id, action, Jsonb(before)),
        )


def standing(target: Target, entity: str) -> list[dict[str, Any]]:
    """What we did and did not undo, oldest first: per xid the first line after the last undo, with the newest ``res_id``.

    Columns: xid, model, res_id (None for an intent without an end), action, before.
    """
    with target.ws.connect() as connection:
        return connection.execute(
            target.ws.sql(
                """
                select e.xid, min(e.model) as model, max(e.res_id) as res_id, min(e.action) as action,
                  (array_agg(e.before order by e.entry_id))[1] as before, min(e.entry_id) as first
                from {log}.entry as e
                where e.target_id = %(target)s and e.entity = %(entity)s and e.action in ('schema', 'setting')
                  and e.entry_id > coalesce((
                    select max(u.entry_id) from {log}.entry as u
                    where u.target_id = e.target_id and u.entity = e.entity and u.xid = e.xid and u.action in ('restore', 'delete')
                  ), 0)
                group by e.xid order by first
                """
            ),
            {"target": target.target_id, "entity": entity},
        ).fetchall()
