"""What there is to mend in the source before the migration, counted; and how much of it the export before still had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.findings import Finding


@dataclass(frozen=True)
class ToMend:
    """One kind of fault. ``weight``: ``reject`` (the row stays behind) or ``warning`` (the cell is left out or changed); ``count``: rows or cells."""

    weight: str
    object: str
    column: str
    code: str
    count: int


def to_mend(ws: Workspace, connection: Connection) -> list[ToMend]:
    """Every kind of fault, the most harmful first: rows that stay behind, then cells, each by number. Reads ``<p>_clean``."""
    found = []
    for weight in ("reject", "warning"):
        there = connection.execute("select to_regclass(%s) is not null as there", [f'{ws.schemas["clean"]}."{weight}"']).fetchone()
        if there and there["there"]:
            rows = connection.execute(
                ws.sql(
                    "select object, coalesce(column_name, '') as column_name, code, count(*)::int as n from {clean}.{t} "
                    "group by 1, 2, 3 order by 4 desc, 1, 2, 3",
                    t=weight,
                )
            ).fetchall()
            found += [ToMend(weight, r["object"], r["column_name"], r["code"], r["n"]) for r in rows]
    return found


def progress(ws: Workspace, connection: Connection, export_id: str, now: Sequence[ToMend]) -> Iterator[Finding]:
    """How many faults the export before had, and how many are left, when there was one before."""
    before = connection.execute(
        ws.sql(
            "select d.report->'cleansing' as cleansing from {log}.discovery as d join {log}.export as e using (export_id) "
            "where e.received_at < (select received_at from {log}.export where export_id = %s) and d.report ? 'cleansing' "
            "order by e.received_at desc, d.made_at desc limit 1"
        ),
        [export_id],
    ).fetchone()
    if before is None:
        return
    had = {(f["weight"], f["object"], f["column"], f["code"]): int(f["count"]) for f in before["cleansing"]}
    have = {(f.weight, f.object, f.column, f.code): f.count for f in now}
    more = sorted(f"{o}.{c}".rstrip(".") + f": {code.replace('_', ' ')} ({have[key]:,} instead of {had.get(key, 0):,})"
                  for key in have if have[key] > had.get(key, 0) for _, o, c, code in [key])  # fmt: skip
    title = f"{sum(have.values()):,} row(s) and cell(s) to mend; the export before had {sum(had.values()):,}"
    title += f"\nThere are more than before of: {'; '.join(more[:10])}" if more else "\nThe cleansing checklist says what is left, and what to do."
    yield Finding("info", "cleansing_progress", title, sum(have.values()), {"before": sum(had.values())})
