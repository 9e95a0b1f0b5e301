"""The mapping document: every column of the export once, with where it goes; every field of Odoo, with where it comes from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.lineage import FieldLineage, lineage
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.view import label_of
from crm2odoo.handoff.wording import Style
from crm2odoo.project import Bundle

WORDS = (Column("What happens", width=1), Column("It means", width=5))
MEANING = {
    "mapped": "The column fills one field of Odoo.",
    "split": "The column fills several fields, or also makes records such as tags, sources and stages.",
    "merged": "The field is put together from several columns.",
    "custom field": "A column of your own: it gets a field of its own in Odoo.",
    "link": "The value finds another record; it is not kept itself.",
    "inventory": "Part of the list of automations and reports in the handoff document.",
    "dropped": "Left behind by a decision, which the note names.",
    "unmapped": "Nobody decided yet: the value stays behind unless the mapping gets a line for it.",
}
USES = {"value": "", "rule": " (decides)", "key": " (finds the record)"}


@dataclass(frozen=True)
class ColumnFate:
    """What becomes of one column: mapped, split, merged, custom field, link, dropped or unmapped."""

    object: str
    column: str
    header: str
    fate: str
    goes_to: list[str]
    filled: int
    rows: int
    why: str = ""


def column_fates(bundle: Bundle, facts: Facts) -> list[ColumnFate]:
    """Every column that the source file knows and every column that the export has besides, exactly once."""
    fields = lineage(bundle)
    to: dict[tuple[str, str], list[FieldLineage]] = defaultdict(list)
    decides: dict[tuple[str, str], list[FieldLineage]] = defaultdict(list)
    only_key: set[tuple[str, str]] = set()
    for f in fields:
        for o in f.origins:
            if o.use == "value":
                to[o.object, o.column].append(f)
            elif o.use == "rule":
                decides[o.object, o.column].append(f)
            else:
                only_key.add((o.object, o.column))
    # What decides about values and is nowhere one itself has its place where it decides.
    to.update({place: found for place, found in decides.items() if place not in to})
    fill = {(r["object"], r["column_name"]): (r["filled"], r["rows"]) for r in facts.rows("column_fill")}
    headers = {(f["object"], h["column"]): h["header"] for f in facts.rows("files") for h in f["header"]}
    custom = {(c["object"], c["column_name"]): c for c in facts.rows("custom_fields")}
    result = []
    for name, obj in bundle.source.objects.items():
        delivered = [column for o, column in fill if o == name]
        for column in [*obj.columns, *sorted(c for c in delivered if c not in obj.columns)]:
            filled, rows = fill.get((name, column), (0, 0))
            header = headers.get((name, column), column)
            targets = [f"{bundle.entities[f.entity].title}: {label_of(facts, f.entity, f.field)}" for f in to[name, column]]
            fate, why = _fate(bundle, name, column, to[name, column], only_key, custom.get((name, column)), (name, column) in headers)
            if fate == "custom field":
                c = custom[name, column]
                targets = [
                    f"{bundle.entities[c['entity']].title if c['entity'] in bundle.entities else c['entity']}:"
                    f" {c['label'] or c['field']} ({c['field']})"
                ]
            result.append(ColumnFate(name, column, header, fate, targets, filled, rows, why))
    return result


def _fate(
    bundle: Bundle, name: str, column: str, fields: list[FieldLineage], only_key: set[tuple[str, str]], custom: dict[str, str] | None, delivered: bool
) -> tuple[str, str]:
    obj = bundle.source.objects[name]
    if custom and custom["dropped"]:
        return "dropped", custom["dropped"]
    if not delivered:
        return "not delivered", "The export has no such column."
    if fields:
        merged = any(len({(o.object, o.column) for o in f.origins if o.use == "value" and o.object == name}) > 1 for f in fields)
        return ("split" if len({(f.entity, f.field) for f in fields}) > 1 else "merged" if merged else "mapped"), ""
    if custom:
        return "custom field", ""
    if obj.documentation_only:
        return "inventory", "The object is documented in the handoff and not migrated."
    if (name, column) in only_key or column in obj.key or any(column in p.columns for p in obj.parents):
        return "link", "Finds the record; the value itself is not kept."
    if column == obj.deleted:
        return "link", "Marks deleted rows, which do not move."
    return "unmapped", "No line of the mapping uses it."


def mapping_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """Column by column, then field by field."""
    fates = column_fates(bundle, facts)
    delivered = [f for f in fates if f.fate != "not delivered"]
    lost = [f for f in delivered if f.fate == "unmapped" and f.filled]
    columns = (
        Column("Column in the export", width=1.6),
        Column("What happens", width=0.9),
        Column("Field in Odoo", width=2.6),
        Column("Filled", "number", 0.7),
        Column("of rows", "number", 0.7),
        Column("Note", width=1.4),
    )
    sections = []
    for name, obj in bundle.source.objects.items():
        rows = [[f.header, f.fate, "\n".join(f.goes_to), f.filled, f.rows, f.why] for f in delivered if f.object == name]
        if rows:
            sections.append(Section(obj.title, "", columns, rows, query="column_fill", steady=True))
    how = (
        Column("Field in Odoo", width=1.6),
        Column("Technical name", "code", 1.2),
        Column("Comes from", width=2),
        Column("How", "code", 2.4),
        Column("Compared", width=1.2),
    )
    by_entity: dict[str, list[FieldLineage]] = defaultdict(list)
    for f in lineage(bundle):
        by_entity[f.entity].append(f)
    for entity, found in by_entity.items():
        declared = bundle.entities[entity]
        rows = [
            [
                label_of(facts, entity, f.field),
                f.field,
                "\n".join(f"{bundle.source.objects[o.object].title}: {o.column}{USES[o.use]}" for o in f.origins)
                or "–",
                f.rule,
                declared.fields[f.field].compare_note
                or {"equal": "must be equal", "none": "not compared"}.get(declared.fields[f.field].compare, declared.fields[f.field].compare),
            ]
            for f in found
        ]
        sections.append(Section(f"{declared.title} in Odoo", f"Model {declared.model}.", how, rows, steady=True))
    headline = f"{style.rows(len(delivered), 'column')} delivered; " + (
        f"{style.rows(len(lost), 'filled column')} without a place in Odoo."
        if lost
        else "every filled column has a place in Odoo or a reason why not."
    )
    return Paper(
        "mapping",
        "Mapping",
        "Where each column goes, and where each field comes from, read from the confirmed mapping.",
        [Section("How to read it", "", WORDS, [list(line) for line in MEANING.items()]), *sections],
        ("html", "pdf", "docx", "xlsx"),
        headline,
    )
