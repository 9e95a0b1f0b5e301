"""Tier A: one server action in Odoo loads records together with their external ids, in one transaction.

``create`` and ``ir.model.data`` over the API are two transactions, and a crash between them makes duplicates. The action looks the
external ids up first, so a repeated call is harmless, and two calls at once cannot both create: the unique key on (module, name)
makes Odoo run the later one again. Needs the right Administration: Settings; uses private methods of Odoo (a decision of the customer).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from textwrap import indent
from typing import Any, Protocol

from crm2odoo.odoo.context import SILENT
from crm2odoo.odoo.errors import RowRefused, SchemaMismatch, UnclearAnswer, Unsupported
from crm2odoo.odoo.target import Target

log = logging.getLogger(__name__)

ACTION_XID = "load_action"
PAYLOAD = "crm2odoo"
"""Key of the context in which a call carries its task."""

UNASKED = "crm2odoo_unasked"
"""In an entity's context: Odoo does not look up for each record whether the user may make it, which for a message means reading what it is on.
The action needs an administrator anyway; whether those records are there is asked once per call."""

SPARED = "crm2odoo_spared"
"""In the context of a create: [field of the lines or "", field, reference or "", [[model, domain]], what is sent], see `EntityRules.spared`."""

# Fills in what Odoo would otherwise look for once per record. `new`: [[xid, values]]; `spared`: see SPARED.
SPARE = """
for lines, name, like, models, empty in spared:
    takers = [vals for row in new for vals in ([line[2] for line in row[1].get(lines) or []] if lines else [row[1]]) if name not in vals]
    if like:
        takers = [vals for vals in takers if vals.get(like)]
        others = env[Model._fields[like].comodel_name].sudo().browse({vals[like] for vals in takers})
        held = {other['id']: other[name] for other in others.read([name], load='')}
        for vals in takers:
            if held.get(vals[like]):
                vals[name] = held[vals[like]]
    else:
        some = False
        for model, domain in models:
            if model in env and not [part for part in domain if part[0] not in env[model]._fields]:
                some = some or env[model].sudo().with_context(active_test=False).search(domain, limit=1)
        for vals in () if some else takers:
            vals[name] = empty
""".strip()

# Odoo would resize a picture to four sizes for each record, and write the empty result, also where there is none. `made`: the records of `new`.
SPARE_PICTURES = """
if 'image_1920' in Model._fields and not [row for row in new if 'image_1920' in row[1]]:
    drawn = [('res_model', '=', Model._name), ('res_field', '=', 'image_1920'), ('res_id', 'in', made.ids)]
    if Model._fields['image_1920'].attachment and not env['ir.attachment'].sudo().search(drawn, limit=1):
        for name in ('image_1024', 'image_512', 'image_256', 'image_128'):
            if name in Model._fields:
                env.remove_to_compute(Model._fields[name], made)
""".strip()

# Runs inside Odoo (16 to 19) as the calling user. `task`: op, model, module, context, rows; and `fields` for a write.
# A constraint of the database is told in Odoo's own words, which the sandbox of server actions would otherwise hide.
CODE = f"""# Made by crm2odoo for the time of a migration, and removed by it.
task = env.context['{PAYLOAD}']
spared = task['context'].pop('{SPARED}', [])
env = env(context=task['context'])
Model = env[task['model']]
module, xids = task['module'], [row[0] for row in task['rows']]
try:
    env.cr.execute('SELECT name, model, res_id FROM ir_model_data WHERE module = %s AND name = ANY(%s)', [module, xids])
    found = env.cr.fetchall()
    for name, model, _id in found:
        if model != Model._name:
            raise UserError('external id %s.%s belongs to %s, not to %s' % (module, name, model, Model._name))
    alive = set(Model.browse([res_id for _name, _model, res_id in found]).exists().ids) if found else ()
    ids = {{name: res_id for name, _model, res_id in found if res_id in alive}}
    if task['op'] == 'create':
        new = [row for row in task['rows'] if row[0] not in ids]
{indent(SPARE, " " * 8)}
        if task['context'].get('{UNASKED}'):
            Model = Model.sudo()
            for name in {{row[1]['model'] for row in new if row[1].get('res_id')}}:
                on = {{row[1]['res_id'] for row in new if row[1].get('model') == name and row[1].get('res_id')}}
                gone = on - set(env[name].browse(on).exists().ids)
                if gone:
                    raise UserError('%s is on a record that is not in Odoo any more: %s %s' % (Model._description, name, min(gone)))
        made = Model.create([row[1] for row in new])
{indent(SPARE_PICTURES, " " * 8)}
        fresh = dict(zip([row[0] for row in new], made.ids))
        # What `_update_xmlids` does, but as one statement with two arrays. Where another call writes the same external ids at this moment, the
        # database refuses one of the two as not serializable, and Odoo runs it again.
        env.cr.execute(
            "INSERT INTO ir_model_data (module, name, model, res_id, noupdate) "
            "SELECT %s, x.name, %s, x.res_id, true FROM unnest(%s::varchar[], %s::int[]) AS x(name, res_id) ON CONFLICT (module, name) "
            "DO UPDATE SET res_id = excluded.res_id, model = excluded.model, write_date = now() at time zone 'UTC'",
            [module, Model._name, list(fresh), list(fresh.values())],
        )
        ids.update(fresh)
        action = {{'ids': [ids[xid] for xid in xids], 'created': list(fresh)}}
    else:
        wanted = [ids.get(row[0]) or row[1] for row in task['rows']]
        there = Model.browse(wanted).exists().with_context(active_test=False)
        before = {{vals['id']: vals for vals in there.read(task['fields'], load='')}}
        for row, res_id in zip(task['rows'], wanted):
            if res_id in before:
                Model.browse(res_id).write(row[2])
        action = {{'ids': [res_id if res_id in before else False for res_id in wanted], 'before': [before.get(res_id) for res_id in wanted]}}
    # What depends on these records (the e-mail of a lead on its contact's) is computed here, with the silent context: at the end of the call
    # Odoo would do it without, and write a note into the chatter of each of them.
    env.flush_all()
    env.cr.flush()
except Exception as error:
    if repr(error).partition('(')[0] not in ('NotNullViolation', 'ForeignKeyViolation', 'UniqueViolation', 'CheckViolation', 'ExclusionViolation'):
        raise
    env.cr.rollback()
    raise UserError(Model._sql_error_to_message(error))
"""


@dataclass(frozen=True)
class Created:
    """Database ids in the order of the rows, and the xids that this very call created; the others were there."""

    ids: list[int]
    created: set[str]


@dataclass(frozen=True)
class Updated:
    """Database ids in the order of the rows, None where the record is gone; and what the written fields held before."""

    ids: list[int | None]
    before: list[dict[str, Any] | None]


class LoadTier(Protocol):
    """A way of writing one batch. Each call is all or nothing."""

    name: str

    def create(self, model: str, rows: list[tuple[str, dict[str, Any]]], context: dict[str, Any]) -> Created:
        """Creates the rows (xid, values) that do not exist yet."""

    def update(self, model: str, rows: list[tuple[str, int, dict[str, Any]]], context: dict[str, Any]) -> Updated:
        """Writes (xid, known database id, values); the id that Odoo has for the xid counts."""


class ActionTier:
    """Calls the server action."""

    name = "A"

    def __init__(self, target: Target) -> None:
        """Finds or makes the action. Raises RowRefused, AccessRefused or Unsupported where it may not be made."""
        self._target = target
        self._action = ensure_load_action(target)

    def create(self, model: str, rows: list[tuple[str, dict[str, Any]]], context: dict[str, Any]) -> Created:
        answer = self._run({"op": "create", "model": model, "rows": rows, "context": context})
        return Created(answer["ids"], set(answer["created"]))

    def update(self, model: str, rows: list[tuple[str, int, dict[str, Any]]], context: dict[str, Any]) -> Updated:
        fields = sorted({name for _, _, vals in rows for name in vals})
        answer = self._run({"op": "write", "model": model, "rows": rows, "fields": fields, "context": context})
        return Updated([i or None for i in answer["ids"]], answer["before"])

    def _run(self, task: dict[str, Any]) -> dict[str, Any]:
        context = {PAYLOAD: {**task, "module": self._target.xid_module}}
        try:
            answer: dict[str, Any] = self._target.client.call_once("ir.actions.server", "run", ids=[self._action], context=context)
        except RowRefused as error:
            if "ir.actions.server" not in error.reason:
                raise
            # Somebody deleted the action while we loaded: make it again, and let this call say what it has to say.
            self._action = ensure_load_action(self._target)
            answer = self._target.client.call_once("ir.actions.server", "run", ids=[self._action], context=context)
        if not isinstance(answer, dict):
            raise SchemaMismatch(
                "the load action in Odoo did not answer as it should: somebody changed it.\n"
                "Delete the server action 'crm2odoo load' in Odoo, then clear this task."
            )
        return answer


def ensure_load_action(target: Target) -> int:
    """Database id of the load action, made or brought up to date if needed. Safe to repeat, also by several tasks at once."""
    client, xid = target.client, f"{target.xid_module}.{ACTION_XID}"
    for _ in range(4):
        found = client.xml_ids([xid]).get(xid)
        if found:
            rows = client.call("ir.actions.server", "search_read", domain=[["id", "=", found]], fields=["code"])
            if rows and rows[0]["code"] and rows[0]["code"].strip() == CODE.strip():
                return found
        # `load` makes the record and its external id in one transaction.
        shape = client.call("ir.actions.server", "fields_get", allfields=["group_ids", "groups_id"], attributes=["type"])
        groups = next(iter(shape))
        data = [xid, "crm2odoo load", "base.model_ir_model_data", "code", CODE, "base.group_system"]
        try:
            answer = client.call(
                "ir.actions.server", "load", fields=["id", "name", "model_id/id", "state", "code", f"{groups}/id"], data=[data], context=SILENT
            )
        except UnclearAnswer:
            continue  # the next look tells whether it was made
        problems = [m["message"] for m in answer.get("messages", []) if m.get("type") == "error"]
        if answer.get("ids"):
            log.info("server action made name='crm2odoo load' id=%d", answer["ids"][0])
        elif problems and "serialize" not in problems[0] and "duplicate" not in problems[0]:
            raise RowRefused(f"Odoo refuses the server action of the loader: {problems[0]}")
    raise Unsupported(
        f"the server action of the loader cannot be made in {client.url}: another task makes it now, or Odoo does not keep it.\nClear this task."
    )


def remove_load_action(target: Target) -> None:
    """Takes the load action out of Odoo again. Safe to repeat."""
    xid = f"{target.xid_module}.{ACTION_XID}"
    found = target.client.xml_ids([xid]).get(xid)
    if found:
        target.client.call("ir.actions.server", "unlink", ids=[found])
        log.info("server action removed name='crm2odoo load' id=%d", found)
