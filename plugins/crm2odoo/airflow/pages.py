"""What people read in Airflow: the Markdown of the sign-off pages, and tables in task logs. Numbers and names only, no values of the export."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from crm2odoo import discovery, handoff
from crm2odoo.handoff.wording import words
from crm2odoo.ledger import Plan, forecast, since
from crm2odoo.ledger.dispositions import DISPOSITIONS, ObjectDispositions, disposition_table
from crm2odoo.ledger.phase import CHUNK_HEAD, SHOWN, ChunkTime
from crm2odoo.reconcile.cutover import GateState
from crm2odoo.staging import Workspace

log = logging.getLogger("crm2odoo")

STATUSES = ("valid", "merged", "exact_duplicate", "deleted", "rejected")
ACTIONS = ("create", "update", "unchanged", "found", "held", "skipped", "vanished", "conflict")


class BlockingFindings(RuntimeError):
    """Something about the export must be settled before anyone can sign its scope. The message lists it."""


def scope_hash(ws: Workspace, export_id: str) -> str:
    """What the scope's approval is bound to: the files of the export and the mapping. Every number on the page follows from these two."""
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select sha256 from {log}.export where export_id = %s"), (export_id,)).fetchone()
    assert row is not None, export_id
    return handoff.scope_hash(row["sha256"], ws.bundle.mapping_hash)


def scope_page(ws: Workspace, export_id: str, folder: str = "") -> str:
    """In short; files, rows by object and status, rejects by reason, stages, owners, findings. ``folder``: where the documents are."""
    source, project = ws.bundle.source, ws.bundle.project
    titles = {name: o.title for name, o in source.objects.items()}
    with ws.connect() as connection:
        files = connection.execute(
            ws.sql("select name, object, status, records, bytes from {log}.file where export_id = %s order by file_no"), (export_id,)
        ).fetchall()
        findings = discovery.ranked(ws, connection, export_id)
        counted = "select object, code, count(*) as n from {clean}.reject group by 1, 2 order by 3 desc, 1, 2"
        rejects = connection.execute(ws.sql(counted)).fetchall()
    statuses, register = status_counts(ws), discovery.read_register(ws, export_id)
    parts = [
        f"**{_text(project.title)}**: export `{export_id}` of {_text(source.title)}, {len(files)} files.",
        _in_short(statuses, findings, register),
        _table(("file", "object", "status", "records", "bytes"), _file_rows(files, titles)),
        "**Rows by object**",
        _table(("object", *STATUSES), [(source.objects[n].title, *(c.get(s, 0) for s in STATUSES)) for n, c in statuses.items()]),
    ]
    if rejects:
        said = words()["rejects"]
        rows = [(titles.get(r["object"], r["object"]), f"{said.get(r['code'], r['code'])} ({r['code']})", r["n"]) for r in rejects]
        parts += ["**Rejected rows by reason**", _table(("object", "reason", "rows"), rows)]
    stages, owners = discovery.stage_table(ws), discovery.owner_table(ws)
    if stages:
        columns = ("pipeline", "stage of the source", "stage in Odoo", "means", "probability", "records")
        parts += ["**Stages**: where each goes", _table(columns, [_stage_row(g) for g in stages])]
    if owners:
        parts += ["**Owners**: whose records there are", _table(("owner", "name", "rows", "decision"), [_owner_row(ws, o) for o in owners])]
    if found := discovery.stored_inventory(ws, export_id):
        parts += _inventory_parts(found, titles)
    if findings:
        rows = [(f["severity"], f["title"], f["count"]) for f in findings]
        parts += ["**Findings**, the most harmful first", _table(("severity", "finding", "count"), rows)]
    if register:
        parts += ["**Decisions**: the answers that hold, and what others would come to on this export", decision_table(register)]
    if folder:
        parts.append(f"Scope, mapping, checklists, custom fields and owner queue as documents: `{folder}`")
    parts.append("Approve when this is what the customer expects to move. The approval is bound to these files and to the present mapping.")
    return "\n\n".join(parts)


def _in_short(statuses: dict[str, dict[str, int]], findings: Sequence[Any], register: Sequence[discovery.Answer]) -> str:
    """What somebody who signs must not miss, before any table."""
    rows, rejected = sum(sum(c.values()) for c in statuses.values()), sum(c.get("rejected", 0) for c in statuses.values())
    weights = Counter(f["severity"] for f in findings)
    by_default = len({a.name for a in register if a.chosen and not a.decided})
    said = [
        f"{rows:,} rows, {f'**{rejected:,} of them cannot be loaded as they are**' if rejected else 'all of them can be loaded'}",
        *(f"**{weights[w]:,} {w}{'s' if weights[w] != 1 and w == 'warning' else ''}**" for w in ("blocking", "warning") if weights[w]),
        *([f"{by_default:,} question{'s' if by_default != 1 else ''} answered by default"] if by_default else []),
    ]
    return f"In short: {'; '.join(said)}."


def _inventory_parts(found: dict[str, Any], titles: dict[str, str]) -> list[str]:
    """What becomes of the rows, and columns without a line."""
    parts = []
    if found["becomes"]:
        parts += ["**Records to be in Odoo**", _table(("kind", "records"), list(found["becomes"].items()))]
    columns = [(titles.get(u["object"], u["object"]), u["header"], f"{u['fill_rate']:.0%}", u["becomes"]) for u in found["unmapped"]]
    if columns:
        parts += ["**Columns that no mapping line uses**", _table(("object", "column", "filled", "becomes"), columns)]
    return parts


def _stage_row(g: discovery.StageRow) -> tuple[Any, ...]:
    probability = "" if g.probability is None else f"{g.probability:g} %"
    return (g.pipeline or "", g.stage, g.to or "lost: a state in Odoo, no stage", g.outcome, probability, g.records)


def _owner_row(ws: Workspace, o: discovery.OwnerRow) -> tuple[Any, ...]:
    told = ws.bundle.project.owners
    decided = {who.strip().lower(): choice for who, choice in told.decisions.items()}
    choice = decided.get(o.login.lower()) or decided.get((o.name or "").lower()) or told.undecided
    return (o.login, o.name or "", sum(o.records.values()), choice or "used if Odoo has this user, else nobody decided yet")


def decision_table(register: Sequence[discovery.Answer]) -> str:
    """One line per answer; the one that holds is marked, with who chose it."""
    rows, last = [], ""
    for a in register:
        holds = ("decided" if a.decided else "default") if a.chosen else ""
        effect = "; ".join(map(str, a.effects)) or ("" if a.chosen else "no difference")
        rows.append((a.question if a.question != last else "", f"{a.answer}: {a.meaning}" if a.meaning else a.answer, holds, effect, a.name))
        last = a.question
    return _table(("question", "answer", "holds", "records", "name"), rows)


def _file_rows(files: Sequence[dict[str, Any]], titles: dict[str, str]) -> list[tuple[Any, ...]]:
    """Tables and whatever needs a look one by one; attachments and the like as one line for each kind of file."""
    said = words()["files"]
    single: list[tuple[Any, ...]] = [
        (f["name"], titles.get(f["object"] or "", f["object"]), said.get(f["status"], f["status"]), f["records"], f["bytes"])
        for f in files
        if f["status"] != "excluded"
    ]
    other: dict[str, list[int]] = {}
    for f in files:
        if f["status"] == "excluded":
            other.setdefault(PurePosixPath(f["name"]).suffix.lower() or "no ending", []).append(f["bytes"])
    ranked = sorted(other.items(), key=lambda item: (-len(item[1]), item[0]))
    return [*single, *((f"{len(sizes)} × {ending}", "", "attachment or other file, no table", None, sum(sizes)) for ending, sizes in ranked)]


def plan_page(ws: Workspace, plan: Plan) -> str:
    """What the load would do, entity by entity; which fields wait for a decision; what becomes of records whose rows are gone."""
    bundle = ws.bundle
    with ws.connect() as connection:
        gone = connection.execute(
            ws.sql(
                "select entity, reason, count(*) as n, (array_agg(xid order by xid))[1:5] as xids from {target}.plan "
                "where action = 'vanished' group by 1, 2 order by 3 desc, 1, 2"
            )
        ).fetchall()
        both = connection.execute(
            ws.sql(
                "select entity, field, changed_by, coalesce(choice, 'waits') as choice, count(*) as n from {log}.conflict "
                "where plan_id = %s group by 1, 2, 3, 4 order by 5 desc, 1, 2"
            ),
            (plan.plan_id,),
        ).fetchall()
        changed = connection.execute(
            ws.sql(
                "select entity, f as field, count(*) as n from {target}.plan, unnest(changed) as f where action = 'update' "
                "group by 1, 2 order by 3 desc, 1, 2 limit 50"
            )
        ).fetchall()
    more = []
    if changed:
        more += ["**Fields that would change**", _table(("entity", "field", "records"), [(r["entity"], r["field"], r["n"]) for r in changed])]
    if both:
        lines = [(r["entity"], r["field"], r["changed_by"], r["choice"], r["n"]) for r in both]
        head = ("entity", "field", "changed by", "decision", "records")
        more += ["**Changed in Odoo and in the source**: not written unless decided", _table(head, lines)]
    if gone:
        absent = [(r["entity"], r["reason"], r["n"], ", ".join(r["xids"])) for r in gone]
        more += ["**Rows that are gone**", _table(("entity", "what becomes of the record", "records", "such as"), absent)]
    rows = [(bundle.entities[e].title, *(plan.summary.get(e, {}).get(a, 0) for a in ACTIONS)) for e in bundle.load_order]
    return "\n\n".join([
        f"Plan {plan.plan_id} for export `{plan.export_id}`: **{plan.writes:,}** records would be written.",
        *_slice_lines(ws, plan.plan_id),
        _table(("entity", *ACTIONS), rows),
        *_cost_lines(ws, plan.plan_id),
        *more,
        *_example_lines(ws, plan.plan_id),
        f"Bound to plan `{plan.hash[:12]}` and mapping `{bundle.mapping_hash[:12]}`: when either changes, the tasks that write refuse.",
    ])


def _slice_lines(ws: Workspace, plan_id: int) -> list[str]:
    """What a sample takes, and what it cannot show."""
    found = forecast.slice_of(ws, plan_id)
    if found is None:
        return []
    missing = found["not_covered"]
    lines = [f"A sample of {found['records']:,} records (seed {found['seed']}), with everything they refer to. The rest counts as skipped."]
    if missing:
        shown = "\n".join(f"- {_text(line)}" for line in missing[:40])
        more = f"\n- … and {len(missing) - 40} more" if len(missing) > 40 else ""
        lines.append(f"**This sample cannot show {len(missing)} classes**, because no record that can be loaded has them:\n\n{shown}{more}")
    return lines


def _cost_lines(ws: Workspace, plan_id: int) -> list[str]:
    """Calls and time."""
    costs = forecast.costs(ws, plan_id)
    if not costs:
        return []
    seconds = sum(c.seconds for c in costs)
    took = f"{seconds / 60:,.0f} min" if seconds > 90 else f"{max(1, round(seconds))} s"
    rows = [(ws.bundle.entities[c.entity].title, c.records, c.calls, f"{c.seconds:,.0f} s" if c.seconds >= 1 else "< 1 s", c.basis) for c in costs]
    return [
        f"**About {sum(c.calls for c in costs):,} calls and {took} of writing**, one connection at a time; reading back comes on top.",
        _table(("entity", "records", "calls", "time", "rate"), rows),
    ]


def _example_lines(ws: Workspace, plan_id: int) -> list[str]:
    rows = [
        (ws.bundle.entities[g.entity].title, g.action, g.reason or ", ".join(g.fields), g.records, ", ".join(g.xids))
        for g in forecast.groups(ws, plan_id)
    ]
    return ["**Such as**", _table(("entity", "action", "why, or which fields", "records", "such as"), rows)] if rows else []


def owner_page(ws: Workspace, undecided: Sequence[tuple[str, str]]) -> str:
    """Owners who keep a production load from starting."""
    return "\n\n".join([
        f"**{len(undecided)} owners of the source have no user in Odoo, and nobody decided about them.** Their records are held.",
        _table(("owner", "why"), undecided[:200]),
        "Best: *Reject*; decide about each (decision `owner:<e-mail>` = provision, fallback, hold or empty) or make the user in Odoo; and clear the "
        "task `staging.existing`: it looks again. *Approve* waives the queue in your name: the load starts, and these records stay held.",
    ])


def gate_table(states: Sequence[GateState]) -> str:
    """Every gate of the cutover, green ones too."""
    rows = [(s.name, "passed" if s.passed else f"waived by {s.waived_by}" if s.waived_by else "RED", s.text) for s in states]
    return _table(("gate", "state", "evidence"), rows)


def report_page(ws: Workspace, run_id: str, location: str) -> str:
    """The report in short, and where it is."""
    with ws.connect() as connection:
        cells = connection.execute(
            ws.sql(
                "select coalesce(sum(compared), 0)::bigint as compared, coalesce(sum(equal), 0)::bigint as equal, "
                "coalesce(sum(transformed), 0)::bigint as transformed, coalesce(sum(different), 0)::bigint as different, "
                "coalesce(sum(not_comparable), 0)::bigint as not_comparable from {log}.cell_count where run_id = %s"
            ),
            (run_id,),
        ).fetchone()
    assert cells is not None
    compared = since.changes(ws, run_id)
    news: list[str] = []
    if compared is not None:
        shown = "\n".join(f"- {_text(line)}" for line in compared.lines[:60]) or "Nothing is different."
        news = [f"**Since the last run of this kind**, {_text(compared.before)} of {compared.at:%Y-%m-%d %H:%M} UTC:\n\n{shown}"]
    return "\n\n".join([
        f"The report: `{location}`. Beside it: reconciliation, spot check, decisions, lists and evidence, with a manifest.",
        *news,
        "**What became of every source row**",
        _table(("object", "rows", *DISPOSITIONS), _disposition_rows(disposition_table(ws, run_id))),
        f"**Read back and compared:** {cells['compared']:,} cells, {cells['equal']:,} equal, "
        f"{cells['transformed']:,} equal after a declared transform, **{cells['different']:,} different**, "
        f"{cells['not_comparable']:,} not comparable.",
    ])


def status_counts(ws: Workspace) -> dict[str, dict[str, int]]:
    """object → status → rows, of the export that was cleaned last; objects without a file are left out."""
    result: dict[str, dict[str, int]] = {}
    with ws.connect() as connection:
        for name in ws.bundle.source.objects:
            exists = connection.execute("select to_regclass(%s) is not null as there", (f"{ws.schemas['clean']}.\"{name}\"",)).fetchone()
            if exists and exists["there"]:
                rows = connection.execute(ws.sql("select _status, count(*) as n from {clean}.{table} group by 1", table=name)).fetchall()
                result[name] = {r["_status"]: r["n"] for r in rows}
        for row in connection.execute(ws.sql("select object, count(*) as n from {clean}.reject group by 1")).fetchall():
            if row["object"] in result:
                result[row["object"]]["rejected"] = row["n"]
    return result


def log_findings(ws: Workspace, export_id: str) -> None:
    """The findings of an export, one log line each. Raises BlockingFindings."""
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql("select severity, code, title, count from {log}.finding where export_id = %s order by finding_id"), (export_id,)
        ).fetchall()
    for row in rows:
        level = logging.INFO if row["severity"] == "info" else logging.WARNING
        log.log(level, "%s %s: %s (%s)", row["severity"], row["code"], row["title"], row["count"])
    log.info("%d findings", len(rows))
    blocking = [row["title"] for row in rows if row["severity"] == "blocking"]
    if blocking:
        raise BlockingFindings(
            f"{len(blocking)} finding(s) about this export must be settled before the scope can be signed:\n"
            + "\n".join(f"- {title}" for title in blocking)
        )


def log_list(title: str, items: Iterable[object]) -> None:
    """A list in the log, one line each."""
    found = list(items)
    log.info("%s: %d", title, len(found))
    for item in found:
        log.info("- %s", item)


def log_chunk_times(entity: str, times: Sequence[ChunkTime]) -> None:
    """How a phase was loaded, as the log shows it."""
    if times:
        only = f", and the {SHOWN} chunks with the slowest calls" if len(times) > SHOWN else ""
        log.info("How %s was loaded%s\n%s", entity, only, text_table(CHUNK_HEAD, [t.row for t in times]))


def log_dispositions(table: Sequence[ObjectDispositions]) -> None:
    """The table of dispositions, as the log shows it."""
    log.info("What became of every source row\n%s", text_table(("object", "rows", *DISPOSITIONS), _disposition_rows(table)))


def disposition_rows_text(ws: Workspace, run_id: str) -> str:
    """The same table for a run that settled them before."""
    return text_table(("object", "rows", *DISPOSITIONS), _disposition_rows(disposition_table(ws, run_id)))


def report_location(ws: Workspace, run_id: str) -> str:
    """Where the report of a run is."""
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select location from {log}.document where run_id = %s and name = 'report.html'"), (run_id,)).fetchone()
    return str(row["location"]) if row else "was not written"


def text_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns padded with blanks; the first one to the left, numbers to the right."""
    cells = [[str(c) for c in head], *([f"{c:,}" if isinstance(c, int) else str(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]) for row in cells)


def _disposition_rows(table: Sequence[ObjectDispositions]) -> list[tuple[Any, ...]]:
    return [(o.title, o.rows, *(o.counts.get(d, 0) for d in DISPOSITIONS)) for o in table]


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" for _ in head) + "|"]
    lines += ["| " + " | ".join(f"{c:,}" if isinstance(c, int) else _text(c) for c in row) + " |" for row in rows]
    return "\n".join(lines)


def _text(value: object) -> str:
    """Text of the export (file names, headers) inside Markdown: nothing in it is markup."""
    text = "" if value is None else " ".join(str(value).split())
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+!|~" else c for c in text)
