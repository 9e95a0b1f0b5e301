"""Chunks and batches: which records are sent together, and the memory of what was sent and what came of it.

The order of writing is the protection: an intent before a call, entries and records in one transaction after its answer. Whatever
happens between the two, the open intent tells the next try which external ids to ask Odoo for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from crm2odoo.project import Entity
from crm2odoo.staging import Connection, StagingUnreachable, Workspace
from crm2odoo.staging.vault import MARK

Step = Literal["create", "update", "second"]
PAUSE = "pause_load"
SECOND_PASS = -1
"""Chunk number of an entity's second pass."""


class ChunkTakenOver(RuntimeError):
    """A newer copy of the task works on this chunk: this one must not write any more."""


@dataclass(frozen=True)
class Chunk:
    """The records of one mapped task: those of ``entity`` in the plan with ``first_seq`` <= seq <= ``last_seq``. ``rows`` of them are sent."""

    entity: str
    number: int
    first_seq: int
    last_seq: int
    rows: int
    label: str

    def as_json(self) -> dict[str, Any]:
        """For XCom."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Chunk:
        return cls(**data)


WORKERS = 4
"""Connections that a phase should keep busy, as far as it has enough records: what a small Odoo has. A task cannot ask Airflow for its pools."""
FEW, MANY = 2, 10
"""Batches of a chunk: at least, because a task costs Airflow seconds; and at most, as long as that makes no more chunks than Airflow maps."""


def chunks(ws: Workspace, plan_id: int, entity: str, rows_per_chunk: int | None = None, max_chunks: int = 1000) -> list[Chunk]:
    """Cuts the creates and updates of an entity into chunks, in plan order; none when there is nothing to send.

    ``rows_per_chunk`` follows the entity's batch size, which is small where records are heavy: a few thousand invoices are work for all
    connections. There are at most ``max_chunks`` (Airflow maps no more than 1,024 tasks): a large phase gets larger chunks. Records with the same
    value in the entity's ``keep_together`` field stay in one chunk. Raises ValueError when the entity's ``order`` tears them apart.
    """
    declared = ws.bundle.entities[entity]
    with ws.connect() as connection:
        counted = connection.execute(
            ws.sql("select count(*) as n from {target}.plan where entity = %s and action in ('create', 'update')"), [entity]
        ).fetchone()
        assert counted is not None
        rows, batch = int(counted["n"]), declared.batch_size
        size = rows_per_chunk or min(MANY * batch, max(FEW * batch, -(-rows // WORKERS)))
        size = max(size, -(-rows // max_chunks))
        [statement] = ws.statements("load/chunks.sql.j2", entity=entity, together=declared.keep_together)
        cuts = connection.execute(statement.encode(), {"size": size}).fetchall()
    last = 0
    for row in cuts:
        if row["first_seq"] <= last:
            raise ValueError(
                f"{entity}: records with the same {declared.keep_together} are not next to each other.\n"
                f"Begin `order` in mappings/odoo/{entity}.yaml with what it is made of."
            )
        last = row["last_seq"]
    return [
        Chunk(entity, number, row["first_seq"], row["last_seq"], row["rows"], f"{entity} {row['first_seq']}-{row['last_seq']}")
        for number, row in enumerate(cuts)
    ]


def second_chunk(ws: Workspace, target_id: str, entity: str) -> Chunk | None:
    """All records of the entity that wait for their second pass; None when none does."""
    with ws.connect() as connection:
        row = connection.execute(
            ws.sql(
                "select count(*) as n, min(p.seq) as first, max(p.seq) as last from {log}.record as r "
                "join {target}.plan as p on p.entity = r.entity and p.xid = r.xid "
                "where r.target_id = %s and r.entity = %s and r.ours and not r.second_done"
            ),
            [target_id, entity],
        ).fetchone()
    assert row is not None
    return Chunk(entity, SECOND_PASS, row["first"], row["last"], row["n"], f"{entity} second pass") if row["n"] else None


@dataclass
class Row:
    """One record to send. ``vals``: field → value in xid form; ``ids``: field → database id(s) of its references, None where not loaded.

    ``known``: the ledger has the record; ``loaded``: its values as Odoo holds them, in xid form. ``theirs``: a reference with an
    ``ours_context`` is to a record that was in Odoo before us. ``size``: bytes of ``vals`` as JSON; ``private``: a value may be encrypted.
    """

    xid: str
    seq: int
    action: str
    hash: str
    changed: list[str]
    vals: dict[str, Any]
    res_id: int | None
    known: bool
    loaded: dict[str, Any] | None
    ids: dict[str, Any] = field(default_factory=dict)
    theirs: bool = False
    size: int = 0
    private: bool = True

    @classmethod
    def cut(cls, vals: str, ids: str, **cells: Any) -> Row:
        """A row of load/cut.sql, with ``vals`` and ``ids`` as JSON text: what is asked of all its values is asked of the text, once."""
        size = len(vals) if vals.isascii() else len(vals.encode())
        return cls(vals=msgspec.json.decode(vals), ids=msgspec.json.decode(ids), size=size, private=MARK in vals, **cells)


@dataclass
class Outcome:
    """What became of one row of a batch. ``action`` None: only the ledger had to learn something; nothing was written to Odoo."""

    xid: str
    res_id: int
    action: Literal["create", "update", "second"] | None
    left_out: list[str] = field(default_factory=list)
    sent: list[str] | None = None
    incomplete: bool = False
    second: bool = False
    before: dict[str, Any] | None = None


@dataclass(frozen=True)
class OpenIntent:
    """A batch that was announced and never settled."""

    batch_id: int
    plan_id: int
    step: str
    xids: list[str]


class ChunkLedger:
    """The ledger as one try of one chunk sees it. Uses one connection; every method is a transaction of its own."""

    def __init__(self, ws: Workspace, connection: Connection, target_id: str, run_id: str, plan_id: int, chunk: Chunk) -> None:
        self.ws, self.target_id, self.run_id, self.plan_id, self.chunk = ws, target_id, run_id, plan_id, chunk
        self.entity: Entity = ws.bundle.entities[chunk.entity]
        self._connection = connection
        self._token = self._take()
        self._refusals = self._has_refusals()
        """Whether this plan has refusals of the entity that a later success has to take back."""

    @classmethod
    @contextmanager
    def open(cls, ws: Workspace, target_id: str, run_id: str, plan_id: int, chunk: Chunk) -> Iterator[ChunkLedger]:
        """Takes the chunk over from any older copy of this task. A lost database is told as StagingUnreachable."""
        try:
            with ws.connect() as connection:
                yield cls(ws, connection, target_id, run_id, plan_id, chunk)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise StagingUnreachable(
                f"the staging PostgreSQL failed while {chunk.label} was loaded: {str(error).strip()}\n"
                "Nothing is lost and nothing was sent twice. When it answers again (and has room on its disk), clear this task."
            ) from error

    # ---- the right to write

    def _take(self) -> int:
        row = self._connection.execute(
            self.ws.sql(
                "insert into {log}.fence (target_id, plan_id, entity, chunk, token, run_id) values (%s, %s, %s, %s, 1, %s) "
                "on conflict (target_id, plan_id, entity, chunk) do update "
                "set token = fence.token + 1, run_id = excluded.run_id, taken_at = clock_timestamp() "
                "returning token"
            ),
            [self.target_id, self.plan_id, self.chunk.entity, self.chunk.number, self.run_id],
        ).fetchone()
        self._connection.commit()
        assert row is not None
        return int(row["token"])

    def _still_ours(self) -> None:
        """Raises ChunkTakenOver unless this is the newest copy; holds that until the transaction ends."""
        row = self._connection.execute(
            self.ws.sql("select token, taken_at from {log}.fence where target_id = %s and plan_id = %s and entity = %s and chunk = %s for share"),
            [self.target_id, self.plan_id, self.chunk.entity, self.chunk.number],
        ).fetchone()
        if row is None or row["token"] != self._token:
            self._connection.rollback()
            since = f" since {row['taken_at']:%H:%M:%S} UTC" if row else ""
            raise ChunkTakenOver(
                f"{self.chunk.label}: another copy of this task works on the chunk{since}, so this one stops. "
                "Nothing to do: the other one finishes it. "
                "(It starts when Airflow lost sight of this one, or when somebody cleared the task while it ran.)"
            )

    # ---- cutting

    @cached_property
    def references(self) -> list[dict[str, Any]]:
        """Fields whose values are xids of our own records."""
        return [
            {"field": name, "many": f.type == "many2many", "ours_only": bool(f.ours_context)}
            for name, f in self.entity.fields.items()
            if f.type in ("many2one", "many2many", "many2one_reference") and f.relation is None and "value" not in f.model_fields_set
        ]

    @cached_property
    def _cut_sql(self) -> bytes:
        [statement] = self.ws.statements(
            "load/cut.sql.j2", entity=self.chunk.entity, target_id=self.target_id, references=self.references, second=self.chunk.number == SECOND_PASS
        )
        return statement.encode()

    @cached_property
    def _settle_sql(self) -> list[bytes]:
        found = self.ws.statements(
            "load/settle.sql.j2", entity=self.chunk.entity, model=self.entity.model, target_id=self.target_id, second=self.chunk.number == SECOND_PASS
        )
        return [s.encode() for s in found]

    def cut(self, after: int, limit: int) -> list[Row]:
        """The next rows of the chunk that still have to be sent, at most ``limit``, with seq > ``after``."""
        rows = self._connection.execute(
            self._cut_sql, {"first": max(after + 1, self.chunk.first_seq), "last": self.chunk.last_seq, "limit": limit}
        ).fetchall()
        self._connection.commit()
        return [Row.cut(**row) for row in rows]

    def planned(self, xids: Sequence[str]) -> set[str]:
        """Those xids that this plan has."""
        found = self._connection.execute(
            self.ws.sql("select xid from {target}.plan where entity = %s and xid = any(%s)"), [self.chunk.entity, list(xids)]
        ).fetchall()
        self._connection.commit()
        return {row["xid"] for row in found}

    # ---- batches

    def intend(self, step: Step, xids: Sequence[str], digest: str, before: dict[str, Any] | None = None) -> int:
        """Announces a call before it is sent; returns the batch id. ``digest``: sha256 of its values; ``before``: xid → fields of Odoo now.

        Raises ChunkTakenOver.
        """
        self._still_ours()
        row = self._connection.execute(
            self.ws.sql(
                "insert into {log}.batch (run_id, target_id, plan_id, entity, chunk, step, state, xids, hash, before) "
                "values (%s, %s, %s, %s, %s, %s, 'intent', %s, %s, %s) returning batch_id"
            ),
            [
                self.run_id,
                self.target_id,
                self.plan_id,
                self.chunk.entity,
                self.chunk.number,
                step,
                list(xids),
                digest,
                Jsonb(before) if before else None,
            ],
        ).fetchone()
        self._connection.commit()
        assert row is not None
        return int(row["batch_id"])

    def settle(self, batch_id: int | None, outcomes: Sequence[Outcome], calls: int = 0, ms: float = 0.0) -> None:
        """Writes what Odoo did: entries, records and the batch's end, in one transaction. Raises ChunkTakenOver."""
        self._still_ours()
        values = {"batch": batch_id, "run": self.run_id, "rows": msgspec.json.encode(outcomes).decode()}
        for statement in self._settle_sql:
            self._connection.execute(statement, values)
        self._forget_refusals([o.xid for o in outcomes if not o.incomplete])
        if batch_id is not None:
            self._end(batch_id, "done", calls, ms, None)
        self._connection.commit()

    def close(self, batch_id: int, state: Literal["split", "failed", "refused"], message: str, calls: int = 0, ms: float = 0.0) -> None:
        """Ends a batch of which Odoo took nothing."""
        self._end(batch_id, state, calls, ms, message)
        self._connection.commit()

    def _end(self, batch_id: int, state: str, calls: int, ms: float, message: str | None) -> None:
        self._connection.execute(
            self.ws.sql("update {log}.batch set state = %s, calls = %s, ms = %s, message = %s, settled_at = clock_timestamp() where batch_id = %s"),
            [state, calls, ms, message, batch_id],
        )

    def open_intents(self) -> list[OpenIntent]:
        """Intents that an earlier try of this chunk, or any task of an older plan, left open."""
        rows = self._connection.execute(
            self.ws.sql(
                "select batch_id, plan_id, step, xids from {log}.batch where target_id = %s and entity = %s and state = 'intent' "
                "and step in ('create', 'update', 'second') and (plan_id < %s or (plan_id = %s and chunk = %s)) order by batch_id"
            ),
            [self.target_id, self.chunk.entity, self.plan_id, self.plan_id, self.chunk.number],
        ).fetchall()
        self._connection.commit()
        return [OpenIntent(**row) for row in rows]

    def remember_created(self, intent: OpenIntent, found: dict[str, int]) -> None:
        """Enters records of an older plan that Odoo made, and of which no answer came; this plan does not have them.

        Their values are unknown, so their hash is one that no plan has.
        """
        for xid, res_id in found.items():
            cursor = self._connection.execute(
                self.ws.sql(
                    "insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id) "
                    "values (%s, %s, %s, %s, %s, true, 'unknown', '{{}}', %s) on conflict (target_id, xid) do nothing"
                ),
                [self.target_id, xid, self.chunk.entity, self.entity.model, res_id, self.run_id],
            )
            if cursor.rowcount:
                self._connection.execute(
                    self.ws.sql(
                        "insert into {log}.entry (batch_id, target_id, run_id, entity, model, xid, res_id, action) "
                        "values (%s, %s, %s, %s, %s, %s, %s, 'create')"
                    ),
                    [intent.batch_id, self.target_id, self.run_id, self.chunk.entity, self.entity.model, xid, res_id],
                )
        self._connection.commit()

    def before_lost_answers(self, xids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """xid → what Odoo held before an update of this plan whose answer never came; the oldest one counts."""
        rows = self._connection.execute(
            self.ws.sql(
                "select before from {log}.batch where target_id = %s and plan_id = %s and entity = %s and before is not null "
                "and state in ('intent', 'failed') and xids && %s order by batch_id desc"
            ),
            [self.target_id, self.plan_id, self.chunk.entity, list(xids)],
        ).fetchall()
        self._connection.commit()
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            found |= row["before"]
        return found

    # ---- rows that did not make it

    def refuse(self, kind: str, refused: Sequence[tuple[str, str]]) -> None:
        """Writes (xid, message) pairs as refusals, in place of what earlier tries of this plan said about them."""
        self._still_ours()
        self._forget_refusals([xid for xid, _ in refused], kind)
        self._refusals = True
        with self._connection.cursor() as cursor:
            cursor.executemany(
                self.ws.sql("insert into {log}.refusal (run_id, target_id, plan_id, entity, xid, kind, message) values (%s, %s, %s, %s, %s, %s, %s)"),
                [(self.run_id, self.target_id, self.plan_id, self.chunk.entity, xid, kind, message) for xid, message in refused],
            )
        self._connection.commit()

    def _has_refusals(self) -> bool:
        row = self._connection.execute(
            self.ws.sql("select exists (select from {log}.refusal where target_id = %s and plan_id = %s and entity = %s) as found"),
            [self.target_id, self.plan_id, self.chunk.entity],
        ).fetchone()
        self._connection.commit()
        return bool(row and row["found"])

    def _forget_refusals(self, xids: Sequence[str], kind: str | None = None) -> None:
        if not self._refusals:
            return
        self._connection.execute(
            self.ws.sql(
                "delete from {log}.refusal where target_id = %s and plan_id = %s and entity = %s and xid = any(%s) "
                "and (%s::text is null or kind = %s)"
            ),
            [self.target_id, self.plan_id, self.chunk.entity, list(xids), kind, kind],
        )

    @cached_property
    def phase_rows(self) -> int:
        """Rows to send over all chunks of the entity in this plan."""
        row = self._connection.execute(
            self.ws.sql("select count(*) as n from {target}.plan where entity = %s and action in ('create', 'update')"), [self.chunk.entity]
        ).fetchone()
        self._connection.commit()
        assert row is not None
        return int(row["n"])

    def refused_in_phase(self, kind: str) -> int:
        """Rows refused so far over all chunks of the entity in this plan."""
        row = self._connection.execute(
            self.ws.sql("select count(distinct xid) as n from {log}.refusal where target_id = %s and plan_id = %s and entity = %s and kind = %s"),
            [self.target_id, self.plan_id, self.chunk.entity, kind],
        ).fetchone()
        self._connection.commit()
        assert row is not None
        return int(row["n"])

    def refusal_examples(self, kind: str) -> list[str]:
        """Up to three different messages of the entity's refusals in this plan, the most frequent first."""
        rows = self._connection.execute(
            self.ws.sql(
                "select message, count(*) as n from {log}.refusal "
                "where target_id = %s and plan_id = %s and entity = %s and kind = %s group by 1 order by 2 desc, 1 limit 3"
            ),
            [self.target_id, self.plan_id, self.chunk.entity, kind],
        ).fetchall()
        self._connection.commit()
        return [f"{row['message']} ({row['n']}x)" for row in rows]

    def decision(self, name: str) -> Any:
        """The newest value of a decision: the register's, else the project file's, else None."""
        row = self._connection.execute(
            self.ws.sql("select value from {log}.decision where name = %s order by decision_id desc limit 1"), [name]
        ).fetchone()
        self._connection.commit()
        return row["value"] if row else self.ws.bundle.project.decisions.get(name)
