"""Columns that no mapping line uses: which custom field each becomes, of which type, and on what evidence."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Any

from crm2odoo.project import Bundle, Column
from crm2odoo.staging import Connection, Workspace, columns_read
from crm2odoo.staging.mapping_sql import normalised, normalised_text
from crm2odoo.staging.render import quote
from crm2odoo.staging.target import field_key, index_pivot, listed, pivoted

# Columns of the source that are the record's identity or its bookkeeping in the source.
NOT_CONTENT = ("deleted",)
KNOWN_TYPES = {
    "date": "date",
    "datetime": "datetime",
    "money": "float",
    "number": "float",
    "percent": "float",
    "integer": "integer",
    "boolean": "boolean",
    "html": "html",
}
# Digits that are names, not amounts: they stay text, with their leading zeros.
LOOKS_LIKE_A_NAME = re.compile(r"\b(zip|post(al)?|phone|tel|fax|mobile|id|no|nr|number|code|sku|vat|account|ref|key)\b", re.I)
MOST_OPTIONS = 15
# What a hand-written inventory calls a type, in comparable form without blanks and dashes.
INVENTORY_TYPES = {
    "select": "selection",
    "picklist": "selection",
    "dropdown": "selection",
    "radio": "selection",
    "choice": "selection",
    "list": "selection",
    "multiselect": "many2many",
    "multipicklist": "many2many",
    "checkboxes": "many2many",
    "multichoice": "many2many",
    "multidropdown": "many2many",
    "currency": "monetary",
    "money": "monetary",
    "amount": "monetary",
    "number": "float",
    "decimal": "float",
    "integer": "integer",
    "wholenumber": "integer",
    "date": "date",
    "datetime": "datetime",
    "yes/no": "boolean",
    "boolean": "boolean",
    "checkbox": "boolean",
    "text": "char",
    "string": "char",
    "longtext": "text",
    "textarea": "text",
    "paragraph": "text",
}


@dataclass(frozen=True)
class Proposal:
    """One column and what becomes of it. ``evidence``: counts over all rows of the export."""

    object: str
    column: str
    header: str
    entity: str
    field: str | None
    type: str | None
    label: str
    options: list[dict[str, str]]
    filled: int
    evidence: dict[str, Any] = dataclasses.field(default_factory=dict)
    dropped: str | None = None


def propose_custom_fields(ws: Workspace, export_id: str) -> list[Proposal]:
    """Profiles every unused column over all rows, proposes a field for each, and stores the proposals in ``<p>_log.custom_field``.

    What the project file says about a column wins. A column without a value in any row is dropped, and says so.
    """
    proposals: list[Proposal] = []
    with ws.connect() as connection:
        headers = _headers(ws, connection, export_id)
        inventory = _inventory(ws, connection)
        for name, source_object in ws.bundle.source.objects.items():
            feeds = [f for e in ws.bundle.entities for f in ws.bundle.feeds(e) if f.object == name]
            entities = [f.mapping.entity for f in sorted(feeds, key=lambda f: f.number) if f.mapping.primary]
            entities = list(dict.fromkeys(entities))
            ignoring = {f.mapping.entity for f in feeds if f.mapping.custom_fields == "ignore"}
            unused = [c for c in _columns(ws, connection, name) if c in headers.get(name, {}) and c not in used_columns(ws.bundle, name)]
            proposals += _losses(ws, connection, name, entities)
            if entities:
                proposals += _pivoted(ws, connection, name, [e for e in entities if e not in ignoring])
            if not entities or not unused:
                continue
            cells = [(c, f"c.{quote(c)}") for c in unused]
            for row in _profile(ws, connection, name, cells):
                known = source_object.columns.get(row["column"])
                header = headers[name][row["column"]]
                said = inventory.get((name, _plain(header)))
                if said and said.type == "many2many":
                    said = replace(said, options=_every_option(ws, connection, name, row["column"], said.options))
                for entity in entities:
                    proposal = _propose(ws.bundle, name, row, known, header, entity, said)
                    # Left out by the mapping, and said so: no column disappears without a line.
                    if entity in ignoring:
                        proposal = replace(proposal, field=None, type=None, options=[], dropped=proposal.dropped or "the mapping leaves it out")
                    proposals.append(proposal)
        proposals = _one_type_per_field(ws.bundle, proposals)
        connection.execute(ws.sql("delete from {log}.custom_field where export_id = %s"), [export_id])
        with connection.cursor() as cursor:
            cursor.executemany(
                ws.sql("""insert into {log}.custom_field
                          (export_id, object, column_name, header, entity, field, type, label, options, filled, evidence, dropped)
                          values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""),
                [
                    (
                        export_id,
                        p.object,
                        p.column,
                        p.header,
                        p.entity,
                        p.field,
                        p.type,
                        p.label,
                        json.dumps(p.options),
                        p.filled,
                        json.dumps(p.evidence, default=str),
                        p.dropped,
                    )
                    for p in proposals
                ],
            )
    return proposals


def _losses(ws: Workspace, connection: Connection, name: str, entities: list[str]) -> list[Proposal]:
    """What Odoo cannot keep of an object's rows, with their number: one line each, like a column that is left behind."""
    losses = ws.bundle.source.objects[name].losses
    if not losses or not entities:
        return []
    row = connection.execute(ws.sql("select count(*) as n from {clean}.{name} where _status in ('valid', 'merged')", name=name)).fetchone()
    rows = int(row["n"]) if row else 0
    return [Proposal(name, f"loss_{n}", what, entities[0], None, None, what, [], rows, {}, why) for n, (what, why) in enumerate(losses.items(), 1)]


@dataclass(frozen=True)
class _Said:
    """What the inventory says about a field."""

    type: str
    options: list[str]


def _plain(text: str) -> str:
    return normalised_text(parted(text).replace("_", " ").replace("-", " "))


def _inventory(ws: Workspace, connection: Connection) -> dict[tuple[str, str], _Said]:
    """(object, header in comparable form) → what a hand-written sheet says. Of two lines about one field the first counts."""
    found: dict[tuple[str, str], _Said] = {}
    objects = {_plain(word): n for n, o in ws.bundle.source.objects.items() for word in (n, o.title, *o.files)}
    for name, sheet in ws.bundle.source.objects.items():
        about = sheet.inventory
        if about is None:
            continue
        statement = (
            f"select {', '.join(quote(c) for c in (about.object, about.name, about.type, about.options or about.name))} from {{clean}}.{{sheet}} "
            f"where _status = 'valid' order by _file, _rec"
        )
        for row in connection.execute(ws.sql(statement, sheet=name)).fetchall():
            kind = INVENTORY_TYPES.get(re.sub(r"[\s_-]+", "", normalised_text(row[about.type] or "")))
            options = row[about.options] if about.options else None
            if kind is None and not row[about.type] and options:
                kind = "selection"  # "select" in the cell of a type counts as an empty choice of a form
            separator = "|" if "|" in (options or "") else ws.bundle.formats.list_separator
            key = (objects.get(_plain(row[about.object]), ""), _plain(row[about.name]))
            if kind:
                found.setdefault(key, _Said(kind, [o.strip() for o in (options or "").split(separator) if o.strip()]))
    return found


def _every_option(ws: Workspace, connection: Connection, name: str, column: str, known: list[str]) -> list[str]:
    """The options that the inventory names, then those that the data have besides."""
    cells = listed(f"c.{quote(column)}", ws.bundle.source.objects[name].columns.get(column), ws.bundle)
    rows = connection.execute(
        ws.sql(
            f"select distinct btrim(u.x) as x from {{clean}}.{{o}} as c cross join lateral unnest({cells}) as u(x) where c._status in ('valid', "
            f"'merged') and btrim(u.x) <> '' order by 1",
            o=name,
        )
    ).fetchall()
    return [*known, *(r["x"] for r in rows)]


def _profile(ws: Workspace, connection: Connection, name: str, cells: list[tuple[str, str]]) -> list[dict[str, Any]]:
    [statement] = ws.statements("discover/profile.sql.j2", object=name, columns=cells, day_first_or_month_first=_slash_date(ws))
    return connection.execute(statement.encode()).fetchall()


def _pivoted(ws: Workspace, connection: Connection, name: str, entities: list[str]) -> list[Proposal]:
    """Every distinct key of the key-value objects that belong to the rows of ``name``, over all rows. Spelling variants are one key."""
    proposals: list[Proposal] = []
    for pivot_name, pivot_object in ws.bundle.source.objects.items():
        pivot = pivot_object.pivot
        if pivot is None or name not in pivot.of:
            continue
        key = field_key(f"k.{quote(pivot.field)}")
        index_pivot(ws, connection, pivot_name)
        words = [normalised_text(w) for w in pivot.of[name]]
        table = f"{quote(ws.bundle.project.project + '_clean')}.{quote(pivot_name)}"
        statement = (
            f"select {key} as key, mode() within group (order by k.{quote(pivot.field)}) as label, jsonb_object_agg(k.{quote(pivot.field)}, k.n) "
            f"as variants "
            f"from (select k.{quote(pivot.field)}, count(*) as n from {table} as k where k.\"_status\" = 'valid' "
            f"and {normalised(f'k.{quote(pivot.type)}')} = any(%s) and k.{quote(pivot.field)} is not null group by 1) as k group by 1 order by 1"
        )
        keys = connection.execute(statement.encode(), [words]).fetchall()
        cells = [(f"{pivot_name}:{k['key']}", pivoted(ws.bundle, f"{pivot_name}:{k['key']}", name, "c")) for k in keys]
        labels = {f"{pivot_name}:{k['key']}": k for k in keys}
        for row in _profile(ws, connection, name, cells) if cells else []:
            found = labels[row["column"]]
            for entity in entities:
                proposal = _propose(ws.bundle, name, row, None, found["label"], entity)
                proposals.append(replace(proposal, evidence={**proposal.evidence, "variants": found["variants"]}))
    return proposals


def _headers(ws: Workspace, connection: Connection, export_id: str) -> dict[str, dict[str, str]]:
    """object → column → header as the export writes it."""
    found: dict[str, dict[str, str]] = {}
    rows = connection.execute(
        ws.sql(
            "select object, header from {log}.file where export_id = %s and object is not null and status in ('recognised', 'assigned') order by "
            "file_no"
        ),
        [export_id],
    )
    for row in rows:
        for cell in row["header"]:
            found.setdefault(row["object"], {}).setdefault(cell["column"], cell["header"])
    return found


def _columns(ws: Workspace, connection: Connection, name: str) -> list[str]:
    rows = connection.execute(
        "select column_name from information_schema.columns where table_schema = %s and table_name = %s and column_name !~ "
        "'(^_|__key$|__currency$)' order by ordinal_position",
        [f"{ws.bundle.project.project}_clean", name],
    )
    return [r["column_name"] for r in rows]


def used_columns(bundle: Bundle, name: str) -> set[str]:
    """Columns of an object that some mapping line uses, and those that are its key or its bookkeeping."""
    source_object = bundle.source.objects[name]
    used = {*source_object.key, *([source_object.deleted] if source_object.deleted else [])}
    kept: set[str] = set()
    for entity in bundle.entities:
        for feed in bundle.feeds(entity):
            if feed.object == name:
                kept |= set(feed.mapping.keep)
                used |= {feed.mapping.each} if feed.mapping.each else set()
                used |= columns_read.of_expression(feed.mapping.when, source_object) if feed.mapping.when else set()
                conditions = [line for line in (feed.mapping.unless, feed.mapping.only_if) if line]
                for line in [*feed.mapping.fields.values(), *conditions]:
                    used |= columns_read.of_line(line, source_object)
    return used - kept


def _slash_date(ws: Workspace) -> str:
    month, day = ("\\1", "\\2") if ws.bundle.formats.date_order == "mdy" else ("\\2", "\\1")
    return (
        f"\"v\" ~ '^[0-9]{{1,2}}/[0-9]{{1,2}}/[0-9]{{4}}$' and pg_input_is_valid(regexp_replace(\"v\", '^([0-9]+)/([0-9]+)/([0-9]+)$', "
        f"'\\3-{month}-{day}'), 'date')"
    )


def _propose(bundle: Bundle, name: str, row: dict[str, Any], known: Column | None, header: str, entity: str, said: _Said | None = None) -> Proposal:
    decision = bundle.project.columns.get(name, {}).get(header)
    evidence = {
        k: row[k]
        for k in ("distinct", "longest", "integers", "numbers", "leading_zeros", "booleans", "dates", "slash_dates", "datetimes", "multiline")
    }
    options: list[dict[str, str]] = []
    label = header.strip() or row["column"]
    if decision and decision.drop:
        return Proposal(name, row["column"], header, entity, None, None, label, [], row["filled"], evidence, decision.drop)
    if known and known.lost:
        return Proposal(name, row["column"], header, entity, None, None, label, [], row["filled"], evidence, known.lost)
    if known and known.hidden and not decision:
        return Proposal(
            name,
            row["column"],
            header,
            entity,
            None,
            None,
            label,
            [],
            row["filled"],
            evidence,
            "sensitive: migrates only when the project asks for it",
        )
    if not bundle.entities[entity].custom_target:
        return Proposal(
            name,
            row["column"],
            header,
            entity,
            None,
            None,
            label,
            [],
            row["filled"],
            evidence,
            f"{bundle.entities[entity].title} get no custom fields",
        )
    if not row["filled"]:
        return Proposal(name, row["column"], header, entity, None, None, label, [], 0, evidence, "no row has a value")
    kind = decision.type if decision and decision.type else infer_type(row, known, header)
    if said and not (decision and decision.type) and _holds(said.type, row):
        # An amount of money is one in the company's currency, or a plain number, as the customer decides.
        kind = str(bundle.decisions.get("money_fields", "float")) if said.type == "monetary" else said.type
    if kind in ("selection", "many2many"):
        in_data = [] if kind == "many2many" else sorted(row["examples"], key=str.casefold)
        texts = decision.options if decision and decision.options else [*(said.options if said else []), *in_data]
        options = selection_options(texts)
    chosen = (decision.field if decision else None) or (known.field if known else None) or field_name(row["column"] if known else header)
    if chosen in bundle.entities[entity].custom_fields or chosen in bundle.entities[entity].fields:
        chosen = f"{chosen}_{name}"[:63]
    return Proposal(
        name,
        row["column"],
        header,
        entity,
        chosen,
        kind,
        (decision.label if decision else None) or (known.title if known else None) or label,
        options,
        row["filled"],
        evidence,
    )


def _holds(kind: str, row: dict[str, Any]) -> bool:
    """Whether a type that the inventory names holds every value; if not, the data decide."""
    counted = {
        "float": "amounts",
        "monetary": "amounts",
        "integer": "integers",
        "boolean": "booleans",
        "date": "dates",
        "datetime": "datetimes",
    }.get(kind)
    if kind == "selection":
        return bool(row["distinct"] <= len(row["examples"]))
    return counted is None or bool(row[counted] == row["filled"])


def infer_type(row: dict[str, Any], known: Column | None, header: str) -> str:
    """The Odoo type that holds every value of a column; text when in doubt."""
    filled = row["filled"]
    if known is not None and known.type in KNOWN_TYPES:
        kind = KNOWN_TYPES[known.type]
        return "float" if kind == "integer" and row["integers"] < filled else kind
    if known is not None and known.type in ("list", "id", "email", "phone", "url", "domain", "file"):
        return "text" if row["longest"] > 200 else "char"
    if row["booleans"] == filled and row["distinct"] <= 2 * 2:
        return "boolean"
    if row["numbers"] == filled and not row["leading_zeros"] and not LOOKS_LIKE_A_NAME.search(header.replace("_", " ")):
        return "integer" if row["integers"] == filled else "float"
    for counted, kind in (("dates", "date"), ("slash_dates", "date"), ("datetimes", "datetime")):
        if row[counted] == filled:
            return kind
    if (
        not LOOKS_LIKE_A_NAME.search(header.replace("_", " "))
        and row["distinct"] <= MOST_OPTIONS
        and filled >= 3 * row["distinct"]
        and row["longest"] <= 60
        and not row["multiline"]
    ):
        return "selection"
    return "text" if row["longest"] > 200 or row["multiline"] else "char"


def selection_options(labels: list[str]) -> list[dict[str, str]]:
    """Options of a pick-list: spelling variants are one option, each with a value of its own."""
    options: dict[str, dict[str, str]] = {}
    values: set[str] = set()
    for label in labels:
        key = " ".join(unicodedata.normalize("NFC", label).split()).lower()
        if key in options:
            continue
        value = slug(label) or "option"
        while value in values:
            value += "_2"
        values.add(value)
        options[key] = {"value": value, "label": label.strip()}
    return list(options.values())


def parted(header: str) -> str:
    """``npsScore``, as a JSON dump writes it, in two words: it is the `NPS Score` of a CSV file."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", header)


def slug(text: str) -> str:
    """Lower-case ASCII letters, digits and underscores of a text."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def field_name(header: str) -> str:
    """Name of a custom field: ``x_`` and the header's slug, at most 63 characters."""
    return f"x_{slug(parted(header)) or 'column'}"[:63].rstrip("_")


def _one_type_per_field(bundle: Bundle, proposals: list[Proposal]) -> list[Proposal]:
    """Columns of several objects that meet in one field of one model get one type and all options."""
    groups: dict[tuple[str, str], list[Proposal]] = {}
    for proposal in proposals:
        if proposal.field:
            groups.setdefault((bundle.entities[proposal.entity].model, proposal.field), []).append(proposal)
    agreed: dict[tuple[str, str], tuple[str, list[dict[str, str]]]] = {}
    for key, group in groups.items():
        kinds = {p.type for p in group}
        if kinds in ({"selection"}, {"many2many"}):
            agreed[key] = (str(kinds.pop()), selection_options([o["label"] for p in group for o in p.options]))
        elif len(kinds) == 1:
            agreed[key] = (str(group[0].type), [])
        else:
            agreed[key] = ("float" if kinds <= {"integer", "float", "monetary"} else "text" if "text" in kinds else "char", [])
    return [
        replace(p, type=agreed[key][0], options=agreed[key][1]) if p.field and (key := (bundle.entities[p.entity].model, p.field)) else p
        for p in proposals
    ]
