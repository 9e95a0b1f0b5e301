"""Landed text becomes typed rows, each with one status; rejects and warnings say why.

Python only decides which columns, files and checks there are; the work is done in PostgreSQL by ``sql/clean``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.entities import name2codepoint
from typing import Any

from crm2odoo.intake.attachments import check_attachments
from crm2odoo.intake.errors import NoExport
from crm2odoo.intake.hints import CURRENCY, HINTS
from crm2odoo.intake.parts import LandedFile, part_findings
from crm2odoo.project import Column, SourceObject
from crm2odoo.project.source_file import Parent
from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.findings import replace_findings
from crm2odoo.staging.render import literal, quote, render

TEXT_TYPES = {"id", "text", "name", "html", "file"}
NUMBERS = {"money", "number", "percent", "integer"}
# What the tests of a cell ask for more than once (sql/macros/clean_values.sql.j2), by type of column.
PARTS = {
    **dict.fromkeys(("date", "datetime"), ("day", "time", "half")),
    **dict.fromkeys(NUMBERS, ("bare", "whole")),
    **dict.fromkeys(("url", "domain"), ("host",)),
    "list": ("items",),
}

DAYS_OF_MONTHS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


@dataclass(frozen=True)
class FileCount:
    """What became of the records of one file."""

    object: str
    file_no: int
    name: str
    records: int
    valid: int = 0
    merged: int = 0
    exact_duplicates: int = 0
    deleted: int = 0
    rejected: int = 0

    @property
    def balanced(self) -> bool:
        return self.records == self.valid + self.merged + self.exact_duplicates + self.deleted + self.rejected


@dataclass(frozen=True)
class CleanReport:
    """Counts per file, and how often each reject and warning code occurred per object."""

    files: list[FileCount]
    rejects: dict[str, dict[str, int]]
    warnings: dict[str, dict[str, int]]

    def object(self, name: str) -> FileCount:
        """The sums over the files of an object."""
        own = [f for f in self.files if f.object == name]
        return FileCount(
            name, 0, "", *(sum(getattr(f, part) for f in own) for part in ("records", "valid", "merged", "exact_duplicates", "deleted", "rejected"))
        )


@dataclass
class _Object:
    """One object with its files, and what the templates ask about its columns."""

    name: str
    spec: SourceObject
    files: list[LandedFile]
    columns: list[dict[str, Any]]
    unknown: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    counts: dict[tuple[int, str], int] = field(default_factory=dict)
    """Records by file and status, when it is built."""


def make_functions(ws: Workspace, connection: Connection, day_first: bool | None = None) -> None:
    """The functions of ``<p>_clean`` that turn a cell of text into a value. ``day_first``: the order of dates; the project's by default.

    Their text is ours and holds no word of an export; PL/pgSQL is beyond the check that other templates go through.
    """
    first = ws.bundle.formats.date_order == "dmy" if day_first is None else day_first
    values = {**ws.schemas, "currency": CURRENCY, "entities": json.dumps(name2codepoint), "days": DAYS_OF_MONTHS, "day_first": first}
    connection.execute(render(ws.bundle.root_of("sql"), "clean/functions.sql.j2", values).encode())


def clean(ws: Workspace, export_id: str) -> CleanReport:
    """Builds ``<p>_clean`` from the landed files of an export, in one transaction. Safe to repeat.

    Raises NoExport when the export was not landed, or its tables did not survive a crash of PostgreSQL.
    """
    with ws.connect() as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext(%s))", (f"crm2odoo:clean:{ws.bundle.project.project}",))
        # One connection may use the machine: these statements scan and write whole tables.
        connection.execute(
            "set local max_parallel_workers_per_gather = 4; set local work_mem = '128MB'; set local parallel_tuple_cost = 0.01; set local jit = off"
        )
        connection.execute(f"set local datestyle = 'ISO, {'DMY' if ws.bundle.formats.date_order == 'dmy' else 'MDY'}'".encode())
        # Times without an offset are the account's.
        connection.execute("select set_config('timezone', %s, true)", (ws.bundle.project.timezone,))
        files = landed_files(ws, connection, export_id)
        make_functions(ws, connection)
        ws.run(connection, "clean/reports_table.sql.j2", hints=HINTS)
        objects = {
            name: _describe(ws, name, spec, [f for f in files if f.object == name], export_id) for name, spec in ws.bundle.source.objects.items()
        }
        for name in _parents_first(ws.bundle.source.objects):
            _clean_object(ws, connection, objects[name])
        connection.execute(ws.sql("drop table {clean}._hint"))
        replace_findings(ws, connection, export_id, "clean", part_findings(ws, connection, files))
        report = _report(ws, connection, files, {place: n for o in objects.values() for place, n in o.counts.items()})
        # `cleaned` is the one export that the clean tables hold.
        connection.execute(
            ws.sql(
                "update {log}.export set status = case when export_id = %s then 'cleaned' else 'landed' end"
                " where export_id = %s or status = 'cleaned'"
            ),
            (export_id, export_id),
        )
    return report


def landed_files(ws: Workspace, connection: Connection, export_id: str) -> list[LandedFile]:
    export = connection.execute(ws.sql("select status from {log}.export where export_id = %s"), (export_id,)).fetchone()
    if export is None or export["status"] == "registered":
        raise NoExport(f"the export {export_id} is not landed\nRun the landing first.")
    rows = connection.execute(
        ws.sql("select * from {log}.file where export_id = %s and status in ('recognised', 'assigned') and table_name is not null order by file_no"),
        (export_id,),
    ).fetchall()
    files = []
    for r in rows:
        notes = r["notes"]
        if (
            r["records"] > notes["ragged"]
            and not connection.execute(ws.sql("select 1 from {land}.{table} limit 1", table=r["table_name"])).fetchone()
        ):
            raise NoExport(f"the landed rows of {r['name']} are gone (PostgreSQL was restarted after a crash)\nRun the landing again.")
        known = [h["column"] for h in r["header"] if h["known"]]
        unknown = [h["column"] for h in r["header"] if not h["known"]]
        files.append(
            LandedFile(
                r["file_no"],
                r["name"],
                r["object"],
                r["table_name"],
                r["records"],
                notes["ragged"],
                known + unknown,
                unknown,
                notes["flags"],
                notes["padded"],
                notes["missing"],
                notes.get("without", []),
            )
        )
    return files


def _parents_first(objects: dict[str, SourceObject]) -> Iterator[str]:
    """Objects in an order in which every parent comes before its children; circles are cut where they close."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name not in done:
            done.add(name)
            for parent in objects[name].parents:
                yield from visit(parent.object)
            yield name

    for name in objects:
        yield from visit(name)


def _describe(ws: Workspace, name: str, spec: SourceObject, files: list[LandedFile], export_id: str) -> _Object:
    formats = ws.bundle.formats
    references = {c for p in spec.parents for c in p.columns}
    present = {c for f in files for c in f.columns}
    columns = []
    for column_name, column in spec.columns.items():
        columns.append(
            {
                "name": column_name,
                "present": column_name in present,
                "type": column.type,
                "separators": column.separator or formats.list_separator,
                "companion": column.type in ("name", "enum", "email", "url", "domain", "money"),
                "keep_raw": column.type in NUMBERS | {"date", "datetime", "boolean"},
                "blank_tokens": column.type not in TEXT_TYPES or (column_name in references and column_name not in spec.key),
                "decode": formats.decode_html_entities and column.type in ("text", "name", "enum", "list"),
                "numeric_id": formats.numeric_ids and column.type == "id",
                # Of a cell that is decoded first, the parts are those of what comes out.
                "parts": [] if formats.decode_html_entities and column.type == "list" else PARTS.get(column.type, ()),
            }
        )
    unknown = list(dict.fromkeys(u for f in files for u in f.unknown))
    plain = {"blank_tokens": False, "decode": formats.decode_html_entities, "numeric_id": False, "parts": []}
    refused = {f.file_no: ", ".join(f.missing) for f in files if f.missing}
    values = {
        "object": name,
        "files": files,
        "columns": columns,
        "unknown": unknown,
        "key": spec.key,
        "deleted": spec.deleted,
        "export_id": export_id,
        "cell_columns": [c for c in columns if c["present"]] + [{"name": u, **plain} for u in unknown],
        "refused_files": list(refused),
        "missing": refused,
        "file_numbers": [f.file_no for f in files],
        "formats": {
            "day_first": formats.date_order == "dmy",
            "decimal_mark": formats.decimal_mark,
            "timezone": ws.bundle.project.timezone,
            "composing": any({"composing", "odd_blanks"} & set(f.flags) for f in files),
            **{blank: any(blank not in f.without for f in files) for blank in ("tab", "return")},
        },
        "fatal_checks": list(_fatal_checks(ws, spec, present)),
        "warnings": list(_warnings(ws, spec, present, formats.date_order == "dmy")),
        "sensitive": [c for c, column in spec.columns.items() if column.hidden],
    }
    return _Object(name, spec, files, columns, unknown, values)


def _raw(name: str) -> str:
    return quote(f"raw {name}")


def _is_zero_date(ws: Workspace, name: str) -> str:
    return f"{ws.schemas['clean']}.is_zero_date({_raw(name)})"


def _fatal_checks(ws: Workspace, spec: SourceObject, present: set[str]) -> Iterator[dict[str, str]]:
    """Conditions that reject a row by itself, in the order in which they decide. Files without a mandatory column are refused as a whole."""
    for name, column in spec.columns.items():
        if column.required and name in present:
            condition = f"{quote(name)} is null"
            if column.type in NUMBERS | {"boolean"}:
                condition = f"{_raw(name)} is null"
            elif column.type in ("date", "datetime"):
                condition = f"({quote(name)} is null and ({_raw(name)} is null or {_is_zero_date(ws, name)}))"
            yield {"code": "missing_required", "column": name, "condition": condition, "value": "null"}
    for group in spec.required_any:
        yield {
            "code": "missing_required",
            "column": ", ".join(group),
            "condition": f"coalesce({', '.join(f'{quote(c)}::text' for c in group)}) is null",
            "value": "null",
        }
    for name, column in spec.columns.items():
        if name not in present:
            continue
        if column.type in ("date", "datetime") and column.essential:
            yield {
                "code": "bad_date",
                "column": name,
                "condition": f"({_raw(name)} is not null and {quote(name)} is null and not {_is_zero_date(ws, name)})",
                "value": _raw(name),
            }
        elif column.type in NUMBERS:
            odd = f" or {quote(name)} <> trunc({quote(name)}) or abs({quote(name)}) > 9e18" if column.type == "integer" else ""
            yield {
                "code": "bad_amount",
                "column": name,
                "condition": f"({_raw(name)} is not null and ({quote(name)} is null{odd}))",
                "value": _raw(name),
            }


def _warnings(ws: Workspace, spec: SourceObject, present: set[str], day_first: bool) -> Iterator[dict[str, str]]:
    schema = ws.schemas["clean"]
    # The third character of such a date is a separator; of an ISO date it is not.
    flipped = r"^[0-9]{1,2}\s?[-/.]\s?(1[3-9]|2[0-9]|3[01])\s?[-/.]" if day_first else r"^(1[3-9]|2[0-9]|3[01])\s?[-/.]\s?[0-9]"
    for name, column in spec.columns.items():
        if name not in present:
            continue
        cell, raw = quote(name), _raw(name)
        if column.type in ("date", "datetime"):
            if not column.essential:
                yield {
                    "code": "bad_optional_date",
                    "column": name,
                    "condition": f"{raw} is not null and {cell} is null and not {_is_zero_date(ws, name)}",
                    "value": raw,
                }
            early = "" if day_first else f"{raw} not like '____-%' and {raw} collate {quote('C')} >= '13' and "
            yield {
                "code": "date_order_flipped",
                "column": name,
                "condition": f"{cell} is not null and {early}{raw} ~ {literal(flipped)}",
                "value": raw,
            }
        elif column.type == "money":
            yield {"code": "negative_amount", "column": name, "condition": f"{cell} < 0", "value": raw}
        elif column.type == "boolean":
            yield {"code": "bad_boolean", "column": name, "condition": f"{raw} is not null and {cell} is null", "value": raw}
        elif column.type == "email" and not column.owner:
            key = quote(f"{name}__key")
            yield {"code": "invalid_email", "column": name, "condition": f"{cell} is not null and {key} is null", "value": cell}
            yield {"code": "several_emails", "column": name, "condition": f"{cell} <> {key} and {schema}.email_count({cell}) > 1", "value": cell}


def _clean_object(ws: Workspace, connection: Connection, obj: _Object) -> None:
    """Builds one clean table: values and own status, duplicates, parents, conflicts, merges, reports. Its parents are built."""

    def run(template: str, **more: Any) -> None:
        ws.run(connection, f"clean/{template}.sql.j2", **{**obj.values, **more})

    if not obj.files:
        run("empty")
        return
    run("object")
    if ws.bundle.formats.decode_html_entities:
        run("repairs")
    again = _repeats(ws, connection, obj)
    if again is not None:
        run("duplicates", keyed=again)
    _check_parents(ws, connection, obj)
    if obj.spec.attachment and not ws.bundle.only_documents(obj.name):
        check_attachments(ws, connection, obj.values["export_id"], obj.name, obj.spec)
    if obj.spec.key and again is not None:
        run("conflicts")
    merge = _merge_columns(ws, obj.spec)
    if merge:
        run("merges", columns=[_comparable(obj.spec.columns[c], c) for c in merge])
    if again is not None:
        connection.execute(ws.sql("drop table {clean}.{again}", again=f"_again {obj.name}"))
    counts = connection.execute(
        ws.sql("select _file, _status, count(*) as n, count(_warn) as warned from {clean}.{name} group by 1, 2", name=obj.name)
    ).fetchall()
    obj.counts = {(r["_file"], r["_status"]): r["n"] for r in counts}
    run("reports", rejects=any(r["_status"] == "rejected" for r in counts), warned=any(r["warned"] for r in counts))
    connection.execute(ws.sql("alter table {clean}.{name} drop column _reject, drop column _warn", name=obj.name))
    index_clean(ws, connection, obj.name)


def index_clean(ws: Workspace, connection: Connection, name: str) -> None:
    """The console shows single rows. They lie about in the order of the file, so that an index of a few kB finds them."""
    connection.execute(ws.sql("create index on {clean}.{name} using brin (_rec) with (pages_per_range = 32)", name=name))


def _repeats(ws: Workspace, connection: Connection, obj: _Object) -> str | None:
    """A condition for the rows that may be equal to others, empty for all rows; None when there can be none."""
    if not obj.spec.key:
        return ""
    table = quote(obj.name)
    missing = " or ".join(f"{quote(c)} is null" for c in obj.spec.key)
    # A hash of eight bytes is grouped much faster than the key; two keys with one hash only cost the exact look below.
    found = connection.execute(
        f"select bool_or(n > 1) as again, bool_or(k > 0) as keyless from (select count(*) as n, count(*) filter (where {missing}) as k"
        f" from {ws.schemas['clean']}.{table} group by hashtextextended(_key, 0)) as q".encode()
    ).fetchone()
    assert found is not None
    keyless = found["keyless"]
    if not found["again"] and not keyless:
        return None
    condition = f"o._key in (select _key from {ws.schemas['clean']}.{table} group by _key having count(*) > 1)"
    return f"{condition} or {' or '.join(f'o.{quote(c)} is null' for c in obj.spec.key)}" if keyless else condition


def _comparable(column: Column, name: str) -> str:
    """The SQL name of what a column is compared by."""
    return quote(f"{name}__key") if column.type in ("name", "enum", "email", "url", "domain") else quote(name)


def _merge_columns(ws: Workspace, spec: SourceObject) -> list[str]:
    if spec.merge_by:
        choice = ws.bundle.project.decisions.get(spec.merge_by.decision)
        if choice is not None:
            if str(choice) not in spec.merge_by.options:
                raise ValueError(f"decisions.{spec.merge_by.decision}: {choice!r} is not one of {', '.join(spec.merge_by.options)}")
            return list(spec.merge_by.options[str(choice)])
    return list(spec.merge)


def _check_parents(ws: Workspace, connection: Connection, obj: _Object) -> None:
    """Required parents first: an optional one matters only to rows that stay."""
    groups: dict[tuple[Any, ...], list[Parent]] = {}
    relations: dict[str, list[str]] = {}
    for parent in obj.spec.parents:
        condition = tuple((c, tuple(v)) for c, v in parent.when.items())
        groups.setdefault((not parent.required, parent.object, condition), []).append(parent)
        for column, names in parent.when.items():
            relations.setdefault(column, []).extend(names)
    for column, names in relations.items():
        key = quote(f"{column}__key")
        ws.run(connection, "clean/relations.sql.j2", object=obj.name, column=column, column_key=key, values=sorted({n.lower() for n in names}))
    for column in relations:
        # Without a kind the record may be of any of them.
        lines = [p for p in obj.spec.parents if column in p.when]
        groups[(not any(p.required for p in lines), "", ((column, ()),))] = lines
    for (optional, _, when), lines in sorted(groups.items(), key=lambda g: g[0][0]):
        alternatives = [_alternative(ws, obj.spec, line) for line in lines]
        conditions = [
            f"c.{quote(f'{column}__key')} in ({', '.join(literal(n.lower()) for n in names)})" if names else f"c.{quote(column)} is null"
            for column, names in when
        ]
        ws.run(
            connection, "clean/parents.sql.j2", object=obj.name, alternatives=alternatives, required=not optional, condition=" and ".join(conditions)
        )


def _alternative(ws: Workspace, child: SourceObject, line: Parent) -> dict[str, str]:
    """How one line of a group compares child and parent."""
    parent = ws.bundle.source.objects[line.object]
    clean_schema = ws.schemas["clean"]
    child_parts, parent_parts = [], []
    for column, by in zip(line.columns, line.by or parent.key, strict=True):
        kind = parent.columns[by].type
        own = child.columns[column].type
        parent_parts.append(_comparable(parent.columns[by], by))
        if kind in ("name", "enum"):
            child_parts.append(f"c.{quote(f'{column}__key')}" if own in ("name", "enum") else f"{clean_schema}.name_key(c.{quote(column)})")
        elif kind == "email":
            child_parts.append(f"c.{quote(f'{column}__key')}" if own == "email" else f"{clean_schema}.email_key(c.{quote(column)})")
        elif kind in ("url", "domain"):
            child_parts.append(f"c.{quote(f'{column}__key')}" if own in ("url", "domain") else f"{clean_schema}.domain_key(c.{quote(column)})")
        else:
            child_parts.append(f"c.{quote(column)}")
    given = " and ".join(f"c.{quote(c)} is not null" for c in line.columns)
    return {
        "parent": line.object,
        "parent_key": " || chr(31) || ".join(parent_parts),
        "child_key": " || chr(31) || ".join(child_parts),
        "given": f"({given})",
        "column": line.columns[-1],
        "shown": f"c.{quote(line.columns[-1])}",
    }


def count_files(ws: Workspace, connection: Connection, files: list[LandedFile]) -> list[FileCount]:
    """What became of the records of each file, counted in ``<p>_clean``; ragged records were rejected before they came there."""
    by: dict[tuple[int, str], int] = {}
    for name in sorted({f.object for f in files}):
        for r in connection.execute(ws.sql("select _file, _status, count(*) as n from {clean}.{object} group by 1, 2", object=name)):
            by[r["_file"], r["_status"]] = r["n"]
    return _file_counts(files, by)


def _file_counts(files: list[LandedFile], by: dict[tuple[int, str], int]) -> list[FileCount]:
    return [
        FileCount(
            f.object,
            f.file_no,
            f.name,
            f.records,
            valid=by.get((f.file_no, "valid"), 0),
            merged=by.get((f.file_no, "merged"), 0),
            exact_duplicates=by.get((f.file_no, "exact_duplicate"), 0),
            deleted=by.get((f.file_no, "deleted"), 0),
            rejected=by.get((f.file_no, "rejected"), 0) + f.ragged,
        )
        for f in files
    ]


def _report(ws: Workspace, connection: Connection, files: list[LandedFile], counts: dict[tuple[int, str], int]) -> CleanReport:
    codes: dict[str, dict[str, dict[str, int]]] = {"reject": {}, "warning": {}}
    for kind, table in codes.items():
        for r in connection.execute(ws.sql("select object, code, count(*) as n from {clean}.{kind} group by 1, 2 order by 1, 2", kind=kind)):
            table.setdefault(r["object"], {})[r["code"]] = r["n"]
    return CleanReport(_file_counts(files, counts), codes["reject"], codes["warning"])
