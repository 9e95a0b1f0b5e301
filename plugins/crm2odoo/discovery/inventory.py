"""What an export holds and what becomes of it, as one document: the numbers behind the scope."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from psycopg.types.json import Jsonb

from crm2odoo.discovery import suspicions
from crm2odoo.discovery.cautions import caution_findings, cautions
from crm2odoo.discovery.cleansing import progress, to_mend
from crm2odoo.discovery.decision_register import read_register
from crm2odoo.discovery.guide import checklist
from crm2odoo.discovery.noted import noted, noted_findings
from crm2odoo.discovery.overview import owner_table, stage_table
from crm2odoo.discovery.unmapped import inputs_without_source, unmapped_columns
from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.findings import Finding, replace_findings
from crm2odoo.staging.render import quote

STEP = "discovery"
LABELS = ("tag", "partner_category", "source", "medium", "campaign", "lost_reason", "industry")
# How much harm a finding can do that nobody settles, most first. Whatever is not here comes after, by its count.
DAMAGE = (
    "another_product", "foreign_headers", "broken_json", "unknown_encoding", "archive", "no_table", "spreadsheet", "unknown_file", "empty_file",
    "no_list", "missing_column", "wrong_date_order", "wrong_decimal_mark", "possible_truncation", "parts_overlap",
    "loss_accepted_or_not", "open_decisions", "undecided_owners", "unclear_stages", "inventory_incomplete", "parts_gap", "not_delivered",
    "inventory_missing", "unproven_date_order", "unproven_decimal_mark", "identity_not_stated", "caution", "noted", "cleansing_progress",
)  # fmt: skip


def take_inventory(ws: Workspace, export_id: str) -> dict[str, Any]:
    """Counts everything, keeps it in ``<p>_log.discovery``, and leaves findings. The same export and mapping give the same document.

    Reads ``<p>_clean``, ``<p>_target`` and the decision register: make them first.
    """
    with ws.connect() as connection:
        unmapped = unmapped_columns(ws, connection, export_id)
        register = read_register(ws, export_id)
        faults = to_mend(ws, connection)
        stages, owners = stage_table(ws), owner_table(ws)
        report = {
            "source": {"name": ws.bundle.source.source, "title": ws.bundle.source.title},
            "volumes": _volumes(ws, connection, export_id),
            "becomes": _becomes(ws, connection),
            "stages": [asdict(s) for s in stages],
            "owners": [asdict(o) for o in owners],
            "labels": _labels(ws, connection),
            "unmapped": [{**asdict(u), "fill_rate": round(u.fill_rate, 4)} for u in unmapped],
            "inputs_without_source": [f"{e}.{i}" for e, i in inputs_without_source(ws.bundle)],
            "attachments": _attachments(ws, connection, export_id),
            "decisions": [asdict(answer) for answer in register],
            "cleansing": [asdict(f) for f in faults],
            "noted": [asdict(n) for n in noted(ws, connection)],
            "cautions": [asdict(c) for c in cautions(ws.bundle)],
            "guide": [asdict(line) for line in checklist(ws, connection, export_id)],
        }
        findings = [
            *suspicions.identity(ws, connection, export_id),
            *suspicions.truncation(ws, connection, export_id),
            *suspicions.formats(ws, connection, export_id),
            *suspicions.losses(ws, connection, export_id),
            *suspicions.inventories(ws, connection, export_id),
            *noted_findings(noted(ws, connection)),
            *caution_findings(ws.bundle),
            *progress(ws, connection, export_id, faults),
        ]
        undecided = sorted({answer.name for answer in register if answer.chosen and not answer.decided})
        if undecided:
            names = ", ".join(undecided)
            title = f"{len(undecided)} question(s) are answered by their defaults: {names}\nThe decision register shows what each answer does."
            findings.append(Finding("info", "open_decisions", title, len(undecided)))
        waiting = [o for o in owners if not o.declared]
        if waiting:
            title = f"{len(waiting)} owner(s) stand in records and not in the list of users\nThe owner queue asks what becomes of each."
            findings.append(Finding("warning", "undecided_owners", title, len(waiting)))
        undeclared = [s for s in stages if not s.declared]
        if undeclared and any(s.declared for s in stages):
            title = f"{len(undeclared)} stage(s) stand in records and not in the list of stages: {', '.join(s.stage for s in undeclared[:10])}"
            findings.append(Finding("warning", "unclear_stages", title, len(undeclared)))
        replace_findings(ws, connection, export_id, STEP, findings)
        report["findings"] = ranked(ws, connection, export_id)
        report = dict(json.loads(json.dumps(report, default=str, sort_keys=True)))
        connection.execute(
            ws.sql(
                "insert into {log}.discovery (export_id, mapping_hash, report) values (%s, %s, %s) "
                "on conflict (export_id, mapping_hash) do update set report = excluded.report, made_at = now()"
            ),
            [export_id, ws.bundle.mapping_hash, Jsonb(report)],
        )
    return report


def stored_inventory(ws: Workspace, export_id: str) -> dict[str, Any] | None:
    """The document of an export under the present mapping, when it was taken."""
    with ws.connect() as connection:
        row = connection.execute(
            ws.sql("select report from {log}.discovery where export_id = %s and mapping_hash = %s"), [export_id, ws.bundle.mapping_hash]
        ).fetchone()
    return dict(row["report"]) if row else None


def fingerprint(report: dict[str, Any]) -> str:
    """sha256 of a document: equal for equal exports and mappings."""
    return hashlib.sha256(json.dumps(report, sort_keys=True).encode()).hexdigest()


def ranked(ws: Workspace, connection: Connection, export_id: str) -> list[dict[str, Any]]:
    """Findings of an export, the most harmful first: what blocks, then by the harm of its kind, then by how much it touches."""
    rows = connection.execute(ws.sql("select severity, code, title, count from {log}.finding where export_id = %s"), [export_id]).fetchall()
    place = {code: i for i, code in enumerate(DAMAGE)}
    weight = {"blocking": 0, "warning": 1, "info": 2}
    return sorted(rows, key=lambda r: (weight[r["severity"]], place.get(r["code"], len(DAMAGE)), -(r["count"] or 0), r["title"]))


def _volumes(ws: Workspace, connection: Connection, export_id: str) -> list[dict[str, Any]]:
    files = connection.execute(
        ws.sql("select name, object, status, sha256, bytes, encoding, delimiter, records from {log}.file where export_id = %s order by file_no"),
        [export_id],
    ).fetchall()
    found = []
    for name, obj in ws.bundle.source.objects.items():
        mine = [{k: v for k, v in f.items() if k != "object"} for f in files if f["object"] == name]
        if not mine:
            continue
        statuses = connection.execute(ws.sql("select _status, count(*) as n from {clean}.{o} group by 1 order by 1", o=name)).fetchall()
        # A row with a wrong number of fields never reached the typed table: its reject is all there is of it.
        rejected: Any = connection.execute(ws.sql("select count(*) as n from {clean}.reject where object = %s"), [name]).fetchone()
        rows = {s["_status"]: s["n"] for s in statuses} | ({"rejected": rejected["n"]} if rejected["n"] else {})
        columns = connection.execute(
            "select column_name from information_schema.columns where table_schema = %s and table_name = %s and data_type in "
            "('date', 'timestamp without time zone') order by ordinal_position",
            [f"{ws.bundle.project.project}_clean", name],
        ).fetchall()
        dates = {}
        for column in (c["column_name"] for c in columns):
            span: Any = connection.execute(
                ws.sql(f"select min({quote(column)})::text as first, max({quote(column)})::text as last from {{clean}}.{{o}}", o=name)
            ).fetchone()
            if span["first"]:
                dates[column] = [span["first"], span["last"]]
        found.append({"object": name, "title": obj.title, "files": mine, "rows": rows, "dates": dates})
    return found


def _becomes(ws: Workspace, connection: Connection) -> dict[str, int]:
    counts = {}
    for name in ws.bundle.build_order:
        if ws.bundle.makes(name):
            row: Any = connection.execute(ws.sql("select count(*) as n from {target}.{e}", e=name)).fetchone()
            if row["n"]:
                counts[ws.bundle.entities[name].title] = row["n"]
    return counts


def _labels(ws: Workspace, connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Tags, sources and other labels: one line per label with its spellings and how often rows name it."""
    found = {}
    for entity in LABELS:
        if entity not in ws.bundle.entities or not ws.bundle.feeds(entity):
            continue
        rows = connection.execute(
            ws.sql(
                "select (array_agg(name order by n desc, name))[1] as label, sum(n)::bigint as rows, "
                "array_agg(name order by n desc, name) as spellings "
                "from (select _xid, name, count(*) as n from {target}.{e} where name is not null group by 1, 2) as q "
                "group by _xid order by 2 desc, 1",
                e=f"identity_{entity}",
            )
        ).fetchall()
        if rows:
            found[entity] = rows
    return found


def _attachments(ws: Workspace, connection: Connection, export_id: str) -> dict[str, Any]:
    files: Any = connection.execute(
        ws.sql(
            "select count(*) as files, coalesce(sum(bytes), 0)::bigint as bytes from {log}.file "
            "where export_id = %s and notes->>'kind' = 'attachment'"
        ),
        [export_id],
    ).fetchone()
    rows = {}
    for name, obj in ws.bundle.source.objects.items():
        there: Any = connection.execute("select to_regclass(%s) is not null as there", [f'{ws.schemas["clean"]}."{name}"']).fetchone()
        if obj.attachment and there["there"]:
            counted = connection.execute(ws.sql("select _status, count(*) as n from {clean}.{o} group by 1 order by 1", o=name)).fetchall()
            rows[name] = {c["_status"]: c["n"] for c in counted}
    return {"files": files["files"], "bytes": files["bytes"], "rows": rows}
