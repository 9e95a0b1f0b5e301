"""Rights and team memberships of owners, given after the users exist and before their records are loaded. Nobody gets a mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from crm2odoo.odoo.context import SILENT
from crm2odoo.odoo.owners import owner_fields
from crm2odoo.odoo.target import Target
from crm2odoo.project import Input

# What a role of the source may do. Without `owners.roles: true` in the project file everybody gets the first line.
ROLES: dict[str, list[str]] = {
    "": ["base.group_user"],
    "agent": ["base.group_user", "sales_team.group_sale_salesman"],
    "manager": ["base.group_user", "sales_team.group_sale_salesman_all_leads"],
}


@dataclass(frozen=True)
class Grant:
    """Something a person may do since, for the report."""

    login: str
    what: str


def groups_field(target: Target) -> str:
    """``group_ids`` since 19, ``groups_id`` before."""
    shape = target.shapes.get("res.users") or target.client.call("res.users", "fields_get", attributes=["type"])
    return "group_ids" if "group_ids" in shape else "groups_id"


def rights_of(role: str | None, roles: bool) -> list[str]:
    """XML ids of the groups of a role. ``roles``: whether the project follows the roles of the source; least rights otherwise."""
    return ROLES.get((role or "").strip().lower(), ROLES[""]) if roles else ROLES[""]


def provision_rights(target: Target, run_id: str) -> list[Grant]:
    """Gives users that we made their rights, and makes owners members of the teams that they have records in. Safe to repeat.

    Rights of users whom Odoo already had are never touched. A member is needed, because Odoo moves a lead to another team when its
    owner is no member of the lead's team.
    """
    return [*_rights(target, run_id), *_memberships(target, run_id)]


def _rights(target: Target, run_id: str) -> list[Grant]:
    follow = target.ws.bundle.project.owners.roles
    field, call = groups_field(target), target.client.call
    wanted: dict[int, tuple[str, str, list[str]]] = {}
    for name, entity in target.entities.items():
        if entity.create != "decision" or "role" not in entity.inputs:
            continue
        with target.ws.connect() as connection:
            rows = connection.execute(
                target.ws.sql(
                    "select i._xid as xid, i.role, r.res_id from {target}.{table} as i join {log}.record as r on r.target_id = %s and r.xid = i._xid "
                    "where i._place = 1 and r.ours and r.res_id is not null",
                    table=f"identity_{name}",
                ),
                (target.target_id,),
            ).fetchall()
        wanted |= {row["res_id"]: (name, row["xid"], rights_of(row["role"], follow)) for row in rows}
    ids = target.client.xml_ids(sorted({g for _, _, groups in wanted.values() for g in groups}))
    grants = []
    for user in call("res.users", "read", ids=sorted(wanted), fields=["login", field], context={"active_test": False}) if wanted else []:
        entity_name, xid, groups = wanted[user["id"]]
        add = [ids[g] for g in groups if g in ids and ids[g] not in user[field]]
        if add:
            _note(target, run_id, entity_name, "res.users", xid, user["id"], "update", {field: user[field]})
            call("res.users", "write", ids=[user["id"]], vals={field: [[4, group] for group in add]}, context=SILENT)
        grants.append(Grant(user["login"], ", ".join(groups)))
    return grants


def _memberships(target: Target, run_id: str) -> list[Grant]:
    """Members by the records of ``<p>_target``: whoever owns a record of a team."""
    call = target.client.call
    pairs: set[tuple[int, int]] = set()
    with target.ws.connect() as connection:
        for name, entity in target.entities.items():
            teams = [f for f, line in entity.fields.items() if line.from_ and _refers_to(target, entity.inputs[line.from_], "crm.team")]
            owners = [f for o, e in target.entities.items() if e.create == "decision" for f in owner_fields(entity, o)]
            for team, owner in ((t, o) for t in teams for o in owners):
                rows = connection.execute(
                    target.ws.sql(
                        "select distinct t.res_id as team, u.res_id as member from {target}.{table} as x "
                        "join {log}.record as t on t.target_id = %(target)s and t.xid = x.{team} "
                        "join {log}.record as u on u.target_id = %(target)s and u.xid = x.{owner}",
                        table=name,
                        team=team,
                        owner=owner,
                    ),
                    {"target": target.target_id},
                )
                pairs |= {(row["team"], row["member"]) for row in rows}
    if not pairs or not call("ir.model", "search_count", domain=[["model", "=", "crm.team.member"]]):
        return []
    teams_of, users_of = sorted({t for t, _ in pairs}), sorted({u for _, u in pairs})
    present = call(
        "crm.team.member", "search_read", domain=[["crm_team_id", "in", teams_of], ["user_id", "in", users_of]], fields=["crm_team_id", "user_id"]
    )
    pairs -= {(m["crm_team_id"][0], m["user_id"][0]) for m in present}
    active = {u["id"]: u["login"] for u in call("res.users", "search_read", domain=[["id", "in", users_of]], fields=["login"])}
    names = {
        t["id"]: t["name"] for t in call("crm.team", "search_read", domain=[["id", "in", teams_of]], fields=["name"], context={"active_test": False})
    }
    new = sorted((t, u) for t, u in pairs if u in active)  # who is archived works on nothing any more
    if new:
        made = call("crm.team.member", "create", vals_list=[{"crm_team_id": t, "user_id": u} for t, u in new], context=SILENT)
        xids = [f"member_{t}_{u}" for t, u in new]
        rows_of = [
            {"module": target.xid_module, "name": x, "model": "crm.team.member", "res_id": i, "noupdate": True}
            for x, i in zip(xids, made, strict=True)
        ]
        call("ir.model.data", "create", vals_list=rows_of)
        for xid, res_id in zip(xids, made, strict=True):
            _note(target, run_id, "member", "crm.team.member", xid, res_id, "create", {})
    return [Grant(active[u], f"member of {names.get(t, t)}") for t, u in new]


def _refers_to(target: Target, value: Input, model: str) -> bool:
    return any(target.entities[name].model == model for name in value.targets)


def _note(target: Target, run_id: str, entity: str, model: str, xid: str, res_id: int, action: str, before: dict[str, Any]) -> None:
    with target.ws.connect() as connection:
        connection.execute(
            target.ws.sql(
                "insert into {log}.entry (target_id, run_id, entity, model, xid, res_id, action, before) values (%s, %s, %s, %s, %s, %s, %s, %s)"
            ),
            (target.target_id, run_id, entity, model, xid, res_id, action, Jsonb(before)),
        )
