"""What a phase came to: its chunks, with the time and the repetitions that each took, as the ledger knows them."""

from __future__ import annotations

from dataclasses import dataclass

from crm2odoo.staging import Workspace

SHOWN = 20
"""Chunks in the table: the slowest calls first. A phase may have a thousand."""


@dataclass(frozen=True)
class ChunkTime:
    """``chunk``: its number, None for all of the phase. ``seconds``: from the first intent to the last entry; ``slowest``: of one call."""

    chunk: int | None
    records: int
    calls: int
    retries: int
    refused: int
    seconds: float
    slowest: float

    @property
    def row(self) -> tuple[str, ...]:
        """As a table shows it; -1 is the second pass."""
        name = "all" if self.chunk is None else "second pass" if self.chunk < 0 else str(self.chunk)
        rate = f"{self.records / self.seconds:,.0f}" if self.seconds else ""
        counts = (f"{n:,}" for n in (self.records, self.calls, self.retries, self.refused))
        return name, *counts, f"{self.seconds:.1f}", rate, f"{self.slowest:.1f}"


CHUNK_HEAD = ("chunk", "records", "calls", "retries", "refused", "seconds", "records/s", "slowest call s")


def chunk_times(ws: Workspace, target_id: str, plan_id: int, entity: str) -> list[ChunkTime]:
    """All of the phase first, then the ``SHOWN`` chunks with the slowest calls. Empty when nothing was sent."""
    with ws.connect() as connection:
        rows = connection.execute(
            ws.sql(
                "select chunk, coalesce(sum(cardinality(xids)) filter (where state = 'done'), 0)::int as records, sum(calls)::int as calls, "
                "sum(greatest(calls - 1, 0))::int as retries, count(*) filter (where state = 'refused')::int as refused, "
                "coalesce(extract(epoch from max(settled_at) - min(intent_at)), 0)::float8 as seconds, coalesce(max(ms), 0) / 1000 as slowest "
                "from {log}.batch where target_id = %s and plan_id = %s and entity = %s group by grouping sets ((), (chunk)) "
                "having count(*) > 0 order by chunk is not null, slowest desc, chunk limit %s"
            ),
            [target_id, plan_id, entity, SHOWN + 1],
        ).fetchall()
    return [ChunkTime(**row) for row in rows]
