"""The Odoo that a project loads into: who it is, what it can hold, and what its fields are called there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from psycopg.types.json import Jsonb

from crm2odoo.odoo.errors import AccessRefused
from crm2odoo.project import Entity
from crm2odoo.staging import Workspace

if TYPE_CHECKING:
    from crm2odoo.odoo.client import OdooClient

Kind = Literal["sandbox", "production"]
Shape = dict[str, dict[str, Any]]
"""``fields_get`` of one model: field name to its type, relation, selection …"""

SHAPE_ATTRIBUTES = ["type", "string", "relation", "selection", "required", "readonly", "store", "currency_field"]
OLDEST, NEWEST = 16, 19

# Types of Odoo that can take a value declared as the key. A many2many that a version still has as a many2one takes one id.
_TAKES: dict[str, set[str]] = {
    "char": {"char", "text", "html", "selection"},
    "text": {"text", "html", "char"},
    "html": {"html", "text"},
    "integer": {"integer", "float", "monetary", "many2one_reference"},
    "float": {"float", "monetary"},
    "monetary": {"monetary", "float"},
    "boolean": {"boolean"},
    "date": {"date", "datetime"},
    "datetime": {"datetime", "date"},
    "selection": {"selection", "char", "reference"},
    "many2one": {"many2one"},
    "many2many": {"many2many", "many2one"},
    "one2many": {"one2many"},
    "many2one_reference": {"many2one_reference", "integer"},
    "binary": {"binary"},
}


class TargetProblem(RuntimeError):
    """The target cannot be used as it is. The message says what, where and what to do."""


@dataclass(frozen=True)
class Target:
    """One Odoo database as one project sees it.

    ``names``: entity → field of the entity file → name in this Odoo, None when it has none.
    ``shapes``: model → ``fields_get``; a model that the database lacks is not in it.
    """

    ws: Workspace = field(repr=False)
    client: OdooClient = field(repr=False)
    target_id: str
    kind: Kind
    version: int
    edition: str
    hosting: str
    release: str
    names: dict[str, dict[str, str | None]] = field(default_factory=dict, repr=False)
    shapes: dict[str, Shape] = field(default_factory=dict, repr=False)

    @property
    def xid_module(self) -> str:
        """Module of our external ids. The underscores keep Odoo's own clean-up away from it (odoo19.md, section 4)."""
        return f"__migration_{self.ws.bundle.project.project}__"

    @property
    def entities(self) -> dict[str, Entity]:
        return self.ws.bundle.entities

    def has(self, model: str) -> bool:
        """Whether the database knows the model (asked once, for the models of the project's entities)."""
        return model in self.shapes

    def reference(self, xml_id: str) -> int | None:
        """Database id behind an XML id such as ``mail.mt_note``; None when the database has no such record."""
        return self.client.xml_ids([xml_id]).get(xml_id)

    def need(self, xml_id: str) -> int:
        """Like ``reference``; raises TargetProblem when there is no such record."""
        found = self.reference(xml_id)
        if found is None:
            where = f"{self.client.database!r} at {self.client.url}"
            raise TargetProblem(f"{where} has no record {xml_id}.\nIts app is not installed, or somebody deleted it.")
        return found


def open_target(ws: Workspace, client: OdooClient, kind: Kind) -> Target:
    """Asks Odoo who it is and what its fields are called, and keeps that in ``<p>_log.target``. Writes nothing into Odoo.

    Raises TargetProblem when the database is known under the other kind, when it has no CRM, or when the user may not see what is needed.
    """
    try:
        uuid = _parameter(client, "database.uuid")
        modules = _modules(client)
    except AccessRefused as error:
        raise TargetProblem(
            f"{client.credentials.login} may not read the settings of {client.database!r} at {client.url}: {error.reason}\n"
            "Give this user the right Administration: Settings, or name another user in the Odoo connection."
        ) from None
    release = str(modules["base"]["latest_version"])
    rolling, version = parse_release(release)
    project = ws.bundle.project
    target = Target(
        ws=ws,
        client=client,
        target_id=uuid,
        kind=kind,
        version=version,
        edition="enterprise" if modules.get("web_enterprise", {}).get("state") == "installed" else "community",
        hosting=hosting_of(client.url, rolling, project.target),
        release=release,
    )
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select kind from {log}.target where target_id = %s"), (uuid,)).fetchone()
        if row and row["kind"] != kind:
            raise TargetProblem(
                f"the database {client.database!r} at {client.url} is known to this project as {row['kind']}, and is now opened as {kind}.\n"
                "Check the Odoo connection. A copy made for the sandbox must have a database.uuid of its own (duplicating in Odoo gives it one)."
            )
        connection.execute(
            ws.sql(
                "insert into {log}.target (target_id, url, database, kind, version, edition, hosting) values (%s, %s, %s, %s, %s, %s, %s) "
                "on conflict (target_id) do update set url = excluded.url, database = excluded.database, version = excluded.version, "
                "edition = excluded.edition, hosting = excluded.hosting, seen_at = now()"
            ),
            (uuid, client.url, client.database, kind, release, target.edition, target.hosting),
        )
    mark = _fingerprint(target, modules)
    return _named(target, _kept_shapes(target, mark) or _ask_shapes(target, mark))


def refresh_names(target: Target) -> Target:
    """The target with its fields asked for again: custom fields count from the moment that set-up has made them."""
    return _named(target, _ask_shapes(target, _fingerprint(target, _modules(target.client))))


def _named(target: Target, shapes: dict[str, Shape]) -> Target:
    names = {name: resolve(entity, shapes.get(entity.model)) for name, entity in target.entities.items()}
    for row in customer_fields(target.ws):
        entity = target.entities.get(row["entity"])
        if entity is not None:
            names[row["entity"]][row["field"]] = row["field"] if row["field"] in shapes.get(entity.model, {}) else None
    with target.ws.connect() as connection:
        connection.execute(
            target.ws.sql("update {log}.target set names = %s, seen_at = now() where target_id = %s"), (Jsonb(names), target.target_id)
        )
    return replace(target, names=names, shapes=shapes)


def _models(target: Target) -> set[str]:
    return {e.model for e in target.entities.values()}


def _fingerprint(target: Target, modules: dict[str, dict[str, Any]]) -> str:
    """Changes with everything that ``fields_get`` depends on: modules and their upgrades, custom fields, the user, what we ask for."""
    fields = ["model", "name", "ttype", "relation", "selection", "write_date"]
    domain = [["state", "=", "manual"], ["model", "in", sorted(_models(target))]]
    custom = target.client.call("ir.model.fields", "search_read", domain=domain, fields=fields, order="id")
    content = [target.client.uid, sorted(_models(target)), SHAPE_ATTRIBUTES, modules, custom]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _kept_shapes(target: Target, mark: str) -> dict[str, Shape] | None:
    """What an earlier task of any run was told, if nothing has changed since. A model that was missing is asked for again."""
    with target.ws.connect() as connection:
        row = connection.execute(
            target.ws.sql("select shapes from {log}.target_shapes where target_id = %s and fingerprint = %s"), (target.target_id, mark)
        ).fetchone()
    shapes: dict[str, Shape] | None = row["shapes"] if row else None
    return shapes if shapes is not None and _models(target) == set(shapes) else None


def _ask_shapes(target: Target, mark: str) -> dict[str, Shape]:
    """``mark`` was taken before: a change in between makes the next task ask again."""
    shapes = read_shapes(target.client, _models(target))
    with target.ws.connect() as connection:
        connection.execute(
            target.ws.sql(
                "insert into {log}.target_shapes (target_id, fingerprint, shapes) values (%s, %s, %s) "
                "on conflict (target_id) do update set fingerprint = excluded.fingerprint, shapes = excluded.shapes, read_at = now()"
            ),
            (target.target_id, mark, Jsonb(shapes)),
        )
    return shapes


def read_shapes(client: OdooClient, models: set[str]) -> dict[str, Shape]:
    """``fields_get`` of each model that the database has."""
    known = client.call("ir.model", "search_read", domain=[["model", "in", sorted(models)]], fields=["model"])
    return {row["model"]: client.call(row["model"], "fields_get", attributes=SHAPE_ATTRIBUTES) for row in known}


def resolve(entity: Entity, shape: Shape | None) -> dict[str, str | None]:
    """Field of the entity file → the first of its names that the model has. Custom fields count when they are there."""
    names: dict[str, str | None] = {}
    for key, line in entity.fields.items():
        names[key] = next((name for name in [key, *line.names] if shape and name in shape), None)
    for key in entity.custom_fields:
        names[key] = key if shape and key in shape else None
    return names


def unresolved(entity: Entity, names: Mapping[str, str | None], shape: Shape | None) -> Iterator[str]:
    """What of the entity this Odoo cannot hold, one sentence each. Custom fields are left out: set-up makes them."""
    if shape is None:
        apps = ", ".join(entity.requires) or "the app that brings it"
        yield f"{entity.entity}: the database has no model {entity.model}; install {apps}, or leave the objects that feed it out of the project"
        return
    for key, line in entity.fields.items():
        if key in entity.custom_fields:
            continue
        name = names.get(key)
        if name is None:
            if not line.optional:
                tried = " or ".join([key, *line.names])
                file = f"mappings/odoo/{entity.entity}.yaml"
                yield f"{entity.entity}: {entity.model} has no field {tried}; add this version's name under `names` in {file}, or mark it `optional`"
            continue
        found = shape[name]
        if found["type"] not in _TAKES[line.type]:
            yield f"{entity.entity}: {entity.model}.{name} is of type {found['type']} in this Odoo, and the entity file says {line.type}"
        elif (
            found["type"] == "selection"
            and line.value is not None
            and found.get("selection")
            and str(line.value) not in {v for v, _ in found["selection"]}
        ):
            allowed = ", ".join(repr(v) for v, _ in found["selection"])
            yield f"{entity.entity}: {entity.model}.{name} does not take {line.value!r}; it takes {allowed}"


def customer_fields(ws: Workspace) -> list[dict[str, Any]]:
    """Custom fields that discovery proposed and nobody dropped: entity, field, type, label, options ([{value, label}]).

    One row per entity and field: type and label of the newest export, the options of all, oldest first, so that later ones come at the end.
    """
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql(
                "select f.entity, f.field, f.type, coalesce(f.label, f.field) as label, f.options from {log}.custom_field as f "
                "join {log}.export as e using (export_id) where f.dropped is null and f.field is not null and f.type is not null "
                "order by f.entity, f.field, e.received_at, f.filled, f.object"
            )
        ).fetchall()
    newest = {(row["entity"], row["field"]): {**row, "options": []} for row in rows}
    for row in rows:
        kept = newest[row["entity"], row["field"]]
        known = {option["value"] for option in kept["options"]}
        if row["type"] == kept["type"]:
            kept["options"] += [option for option in row["options"] if option["value"] not in known]
    return list(newest.values())


def parse_release(release: str) -> tuple[bool, int]:
    """``19.0.1.3`` → (False, 19); ``saas~18.3.1.3`` → (True, 18): a release between two major ones, which only Odoo Online runs."""
    found = re.match(r"(saas[~-])?(\d+)\.", release)
    if not found:
        raise TargetProblem(f"Odoo calls its version {release!r}, which is none that is known.\nSupported are {OLDEST} to {NEWEST}.")
    return found[1] is not None, int(found[2])


def hosting_of(url: str, rolling: bool, declared: str) -> str:
    """``online``, ``odoo_sh`` or ``self_hosted``, from the host name where it tells, else as the project says.

    ``*.dev.odoo.com`` is Odoo.sh. Other ``*.odoo.com`` hosts are Odoo Online, or the production of Odoo.sh, which runs major versions only.
    """
    host = urlsplit(url).hostname or ""
    if host.endswith((".dev.odoo.com", ".odoo.sh")):
        return "odoo_sh"
    if rolling or (host.endswith(".odoo.com") and declared != "odoo_sh"):
        return "online"
    if host in ("localhost", "127.0.0.1", "::1"):
        return "self_hosted"
    return declared


def _parameter(client: OdooClient, key: str) -> str:
    found = client.call("ir.config_parameter", "search_read", domain=[["key", "=", key]], fields=["value"], limit=1)
    return str(found[0]["value"]) if found else ""


def _modules(client: OdooClient) -> dict[str, dict[str, Any]]:
    """Installed modules and those on their way in or out. ``latest_version`` is the installed one, whatever its name says."""
    rows = client.call(
        "ir.module.module",
        "search_read",
        domain=[["state", "not in", ["uninstalled", "uninstallable"]]],
        fields=["name", "state", "latest_version", "write_date"],
        order="name",
    )
    return {row["name"]: row for row in rows}
