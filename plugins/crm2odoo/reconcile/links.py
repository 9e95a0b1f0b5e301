"""Links between records: every pair that the source links must be linked in Odoo, and no other."""

from __future__ import annotations

from collections.abc import Iterator

from crm2odoo.odoo.target import Target
from crm2odoo.project import FieldLine, SourceObject
from crm2odoo.reconcile.check import Check
from crm2odoo.reconcile.fields import ComparedField
from crm2odoo.reconcile.source_side import clean_objects, places
from crm2odoo.staging import Connection

REFERENCES = ("many2one", "many2one_reference")


def check_links(target: Target, connection: Connection, entity: str, fields: list[ComparedField]) -> Iterator[Check]:
    """Two checks for each reference that a column of the export holds by source key: in the plan, and in Odoo.

    The pairs are taken from the clean rows again. Both ends must be loaded; a parent that was rejected or held leaves no pair, and is told
    by the dispositions. Links by name (tags, sources, stages, owners) are proved by the field diff.
    """
    ws = target.ws
    cleaned = clean_objects(ws, connection)
    declared = target.entities[entity]
    for field in fields:
        own = declared.fields.get(field.key)
        source = declared.inputs.get(own.from_) if own and own.from_ else None
        if own is None or own.from_ is None or source is None or field.type not in REFERENCES or field.resolved:
            continue
        for feed in ws.bundle.feeds(entity):
            line = feed.mapping.fields.get(own.from_)
            if (
                line is None
                or not feed.mapping.primary
                or not _by_key(line, ws.bundle.source.objects)
                or feed.object not in cleaned
                or line.object not in cleaned
            ):
                continue
            (statement,) = ws.statements(
                "reconcile/links.sql.j2",
                entity=entity,
                key=field.key,
                object=feed.object,
                column=line.from_,
                parent=line.object,
                parent_entities=source.targets,
                target_id=target.target_id,
            )
            row = connection.execute(statement.encode()).fetchone()
            assert row is not None
            if not row["pairs"]:
                continue
            where = places(ws, connection, entity, row["cases"] or [])
            about = {
                "orphans": row["orphans"],
                "crossed": row["crossed"],
                "parent": line.object,
                "object": feed.object,
                "cases": [{"xid": xid, "source": where.get(xid, "")} for xid in row["cases"] or []],
                "advice": "An orphan has no link in Odoo, a crossed one points to another record. Look at the differences of this field.",
            }
            name = f"{feed.object}_{feed.number}_{field.key}"
            yield Check(
                entity,
                f"links_plan_{name}",
                f"{field.label}: pairs of the export, in the plan",
                row["pairs"],
                row["planned"],
                row["pairs"] == row["planned"],
                about,
            )
            yield Check(
                entity,
                f"links_odoo_{name}",
                f"{field.label}: pairs of the export, linked in Odoo",
                row["pairs"],
                row["linked"],
                row["pairs"] == row["linked"],
                about,
            )


def _by_key(line: FieldLine, objects: dict[str, SourceObject]) -> bool:
    """Whether a line is a column that holds the whole source key of another object."""
    return line.from_ is not None and line.object is not None and not line.by and len(objects[line.object].key) == 1
