"""Loads a chunk of the plan into Odoo so that nothing is lost and nothing is doubled, whatever breaks on the way.

The protocol of one batch (loader.md): intent into the ledger → one call, one transaction in Odoo with records and external ids →
entries and records into the ledger. An answer that does not come, or cannot be read, is never taken for success nor for failure: the
next call looks the external ids up first. Clearing the task is safe at any moment.

While Odoo creates one batch, the one before is written into the ledger and the next one is prepared, so that Odoo need not wait for us.
"""

from __future__ import annotations

import contextvars
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import psycopg
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, stop_when_event_set

from crm2odoo.ledger.batches import PAUSE, SECOND_PASS, Chunk, ChunkLedger, ChunkTakenOver, Outcome, Row, Step, second_chunk
from crm2odoo.odoo.batch_size import MAX_BYTES, BatchSize
from crm2odoo.odoo.client import wait_politely
from crm2odoo.odoo.context import READING, SILENT
from crm2odoo.odoo.errors import (
    ErrorBudgetExceeded,
    OdooError,
    OdooUnreachable,
    Paused,
    RowRefused,
    SchemaMismatch,
    TooLarge,
    TransientError,
    UnclearAnswer,
    Unsupported,
)
from crm2odoo.odoo.export_files import ExportFiles
from crm2odoo.odoo.load_action import SPARED, ActionTier, LoadTier
from crm2odoo.odoo.loader_plain import PlainTier
from crm2odoo.odoo.loader_values import EntityRules, Missing, same_value
from crm2odoo.odoo.target import Target

log = logging.getLogger(__name__)
T = TypeVar("T")

PASSING = (TransientError, UnclearAnswer, OdooUnreachable)
MAX_TRIES, MAX_RETRY_SECONDS = 8, 300.0
SLOW_SECONDS, CUT_OFF = 20.0, 2
"""A call that ran so long and had no clear answer, so many times in a row, is more than a time limit of Odoo or of a proxy allows."""
LAST_CALL_SECONDS = 30.0
"""How long a task that fails waits for the call that is under way, so that its next try need not meet it."""
SMALLEST_BUDGET = 10
"""Rows that Odoo may refuse in a phase before the error budget counts at all."""

REFUSED, HELD, MISSING = "odoo", "held_parent", "missing_reference"
"""Kinds of refusal. A row with a missing reference was loaded, but without that link."""


@dataclass
class ChunkResult:
    """What a chunk came to. ``unchanged``: rows for which nothing had to be sent; ``seconds``: wall clock; ``slowest_ms``: the slowest call."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    held: int = 0
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    slowest_ms: float = 0.0
    done_before: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def load_chunk(target: Target, run_id: str, plan_id: int, chunk: Chunk) -> ChunkResult:
    """Sends the creates and updates of ``chunk``. Fields with ``write: second`` are left to ``load_second``.

    Rows that Odoo refuses, and rows that wait for another record, are written to ``<p>_log.refusal`` and do not stop the others.
    Raises ErrorBudgetExceeded, Paused, ChunkTakenOver, SchemaMismatch, StagingUnreachable, and the client's errors when Odoo stays
    away longer than the retries last.
    """
    with ChunkLedger.open(target.ws, target.target_id, run_id, plan_id, chunk) as ledger:
        return _ChunkLoad(target, ledger).run()


def load_second(target: Target, run_id: str, plan_id: int, entity: str) -> ChunkResult:
    """Writes the fields that can only be written when all records of ``entity`` exist: references to itself, dates after states.

    Safe to repeat: only records whose second pass is not in the ledger are written.
    """
    chunk = second_chunk(target.ws, target.target_id, entity)
    if chunk is None:
        return ChunkResult()
    with ChunkLedger.open(target.ws, target.target_id, run_id, plan_id, chunk) as ledger:
        return _ChunkLoad(target, ledger).run()


def choose_tier(target: Target, wanted: str | None) -> LoadTier:
    """The way of writing: A (server action), or B (``load``) by decision or where Odoo refuses the action."""
    if wanted == "B":
        return PlainTier(target)
    try:
        return ActionTier(target)
    except (RowRefused, Unsupported) as error:
        if wanted == "A":
            raise
        log.warning("no server action, loading the slower way (tier B): %s", error)
        return PlainTier(target)


@dataclass
class _New:
    """A row to create, and what is sent for it; ``gap``: fields whose reference is not loaded."""

    row: Row
    gap: set[str]
    values: dict[str, Any]


@dataclass
class _Change:
    """A row that exists, and the fields of it that have to be written."""

    row: Row
    keys: list[str]
    gap: set[str]
    action: Any


@dataclass
class _Page:
    """Rows that were cut together, sorted by what has to be done. ``held`` and ``gaps``: xid and what is not loaded."""

    last_seq: int
    rows: int
    creates: list[_New]
    changes: list[_Change]
    held: list[tuple[str, str]]
    gaps: list[tuple[str, str]]


@dataclass
class _Call:
    """One delivered call. ``ms`` of the last try."""

    answer: Any = None
    ms: float = 0.0
    calls: int = 0


class _ChunkLoad:
    """One try of one chunk."""

    def __init__(self, target: Target, ledger: ChunkLedger) -> None:
        self.target, self.ledger, self.chunk = target, ledger, ledger.chunk
        self.entity = target.entities[self.chunk.entity]
        self.second_pass = self.chunk.number == SECOND_PASS
        self.context = {**SILENT, **self.entity.context}
        self.files = ExportFiles(target.ws, ledger.plan_id)
        self.rules = EntityRules(target, self.chunk.entity, self.files)
        self.size = BatchSize(self.entity.batch_size)
        self.result = ChunkResult()
        self.started = time.monotonic()
        self._answered: Callable[[], None] | None = None
        """Writes the last answer into the ledger."""
        self._after = self.chunk.first_seq - 1
        self._ahead: list[_Page | None] = []
        """The page behind ``_after``, when it is there already; None is the end."""
        self._given_up = threading.Event()

    def run(self) -> ChunkResult:
        log.info("::group::load %s rows=%d target=%s", self.chunk.label, self.chunk.rows, self.target.client.database)
        try:
            wanted = self.ledger.decision("load_tier")
            self._settle_open_intents()
            self._check_budget()
            self.tier = self._beside(lambda: choose_tier(self.target, str(wanted) if wanted else None), self._look_ahead)
            seen = 0
            while page := self._next_page():
                self._check_pause()
                seen += page.rows
                self._load(page)
            self._settle_answered()
            self.result.done_before = max(0, self.chunk.rows - seen)
        except Exception as error:
            self._settle_after(error)
            self._tell_failure(error)
            raise
        finally:
            self._given_up.set()
            self.files.close()
            self.result.seconds = round(time.monotonic() - self.started, 3)
            log.info("::endgroup::")
        r = self.result
        log.info(
            "chunk done entity=%s chunk=%d tier=%s created=%d updated=%d unchanged=%d refused=%d held=%d "
            "done_before=%d calls=%d retries=%d seconds=%.1f rows_per_s=%.0f slowest_ms=%.0f",
            self.chunk.entity,
            self.chunk.number,
            self.tier.name,
            r.created,
            r.updated,
            r.unchanged,
            r.refused,
            r.held,
            r.done_before,
            r.calls,
            r.retries,
            r.seconds,
            (r.created + r.updated) / max(r.seconds, 0.001),
            r.slowest_ms,
        )
        return r

    # ---- before and between batches

    def _settle_open_intents(self) -> None:
        """Asks Odoo what became of batches that an earlier try announced and never settled."""
        for intent in self.ledger.open_intents():
            if intent.step != "create":
                # A write may be repeated; what the record held before is kept with the batch.
                self.ledger.close(intent.batch_id, "failed", "no answer came; its rows are written again if they still differ")
                continue
            found = self._ask(intent.xids)
            planned = self.ledger.planned(list(found))
            self.ledger.remember_created(intent, {xid: res_id for xid, res_id in found.items() if xid not in planned})
            self.ledger.close(intent.batch_id, "failed", f"no answer came; Odoo says that {len(found)} of {len(intent.xids)} records exist")
            log.info("open batch settled batch=%d step=create asked=%d exist=%d", intent.batch_id, len(intent.xids), len(found))

    def _ask(self, xids: list[str]) -> dict[str, int]:
        """xid → database id of those that Odoo has."""
        module = self.target.xid_module
        found = self.target.client.xml_ids([f"{module}.{xid}" for xid in xids])
        return {name.removeprefix(f"{module}."): res_id for name, res_id in found.items()}

    def _check_pause(self) -> None:
        if self.ledger.decision(PAUSE) is True:
            raise Paused(
                f"{self.chunk.label}: the load is paused (decision {PAUSE!r}). Nothing is half done. Record {PAUSE} = false, then clear this task."
            )

    def _check_budget(self) -> None:
        refused, rows = self.ledger.refused_in_phase(REFUSED), self.ledger.phase_rows
        percent = self.target.ws.bundle.project.error_budget_percent
        if refused > max(SMALLEST_BUDGET, rows * percent / 100):
            raise ErrorBudgetExceeded(
                f"{self.chunk.entity}: Odoo refused {refused} of {rows} records, more than error_budget_percent ({percent:g} %) allows, "
                "so the phase stops before it does more damage.\n"
                f"Odoo says, for example: {'; '.join(self.ledger.refusal_examples(REFUSED))}\n"
                "Mend the data or the mapping and plan again, or raise error_budget_percent in the project file; then clear this task. "
                "What was loaded stays and is not sent again."
            )

    def _fit(self, rows: list[Row]) -> list[Row]:
        """As many of the first rows as go into one request."""
        total = 0
        for count, row in enumerate(rows):
            total += self.rules.bytes(row)
            if total > MAX_BYTES and count:
                return rows[:count]
        return rows

    # ---- one page of rows

    def _next_page(self) -> _Page | None:
        """The page behind the last one; None at the end of the chunk."""
        page = self._ahead.pop() if self._ahead else self._cut()
        if page:
            self._after = page.last_seq
        return page

    def _cut(self) -> _Page | None:
        rows = self.ledger.cut(self._after, self.size.rows)
        if not rows:
            return None
        if len(fitting := self._fit(rows)) < len(rows):
            self.size.fits(len(fitting))
        rows = fitting
        self.rules.look_up(rows)
        page = _Page(rows[-1].seq, len(rows), [], [], [], [])
        for row in rows:
            keys = self._keys(row)
            missing = self.rules.missing(row, keys)
            if waits := [m for m in missing if m.holds]:
                page.held.append((row.xid, _not_loaded(waits)))
                continue
            if missing:
                page.gaps.append((row.xid, _not_loaded(missing)))
            gap = {m.key for m in missing}
            if row.known:
                page.changes.append(_Change(row, list(keys), gap, "second" if self.second_pass else "update"))
            else:
                page.creates.append(_New(row, gap, self.rules.for_create(row)))
        return page

    def _load(self, page: _Page) -> None:
        if page.held:
            self.ledger.refuse(HELD, page.held)
            self.result.held += len(page.held)
            first, because = page.held[0]
            log.warning("rows held entity=%s rows=%d first=%s because=%s", self.chunk.entity, len(page.held), first, because)
        for theirs in (False, True):
            if group := [new for new in page.creates if new.row.theirs == theirs]:
                self._create(group)
        if page.changes:
            self._update(page.changes)
        if page.gaps:
            self.ledger.refuse(MISSING, page.gaps)

    def _keys(self, row: Row) -> Collection[str]:
        """The fields of a row that this pass would write."""
        if self.second_pass:
            return self.rules.waiting(row)
        if not row.known:
            return self.rules.first_keys
        return self.rules.updatable(row.changed if row.action == "update" else self.rules.changed(row))

    # ---- creating

    def _create(self, rows: list[_New]) -> None:
        payload = [(new.row.xid, new.values) for new in rows]
        ours = {} if rows[0].row.theirs else self.rules.ours_context
        context = {**self.context, SPARED: self.rules.spared, **ours}
        batch = self.ledger.intend("create", [xid for xid, _ in payload], _digest([new.row for new in rows]))
        call = self._call("create", batch, rows, lambda: self.tier.create(self.entity.model, payload, context), self._create, self._meanwhile)
        if call is None:
            return
        fresh: list[_New] = []
        there: list[_New] = []
        for new, res_id in zip(rows, call.answer.ids, strict=True):
            new.row.res_id = res_id
            (fresh if new.row.xid in call.answer.created else there).append(new)
        outcomes, changes = self._take_over(there) if there else ([], [])

        def enter() -> None:
            self.ledger.settle(batch, [self._entered(new) for new in fresh] + outcomes, call.calls, call.ms)
            self.result.created += len(rows) - len(changes)
            self._tell("create", batch, len(rows), call)

        self._settle_answered()
        self._answered = enter
        if changes:
            self._update(changes)

    def _meanwhile(self) -> None:
        """What is done while Odoo works on a batch."""
        self._settle_answered()
        self._look_ahead()

    def _look_ahead(self) -> None:
        if not self._ahead:
            self._ahead.append(self._cut())

    def _settle_answered(self) -> None:
        if self._answered:
            enter, self._answered = self._answered, None
            enter()

    def _settle_after(self, error: Exception) -> None:
        """What Odoo answered before something failed goes into the ledger, if it can; else the next try finds it in Odoo."""
        try:
            self._settle_answered()
        except (psycopg.Error, ChunkTakenOver) as second:
            log.warning("the last answer is not in the ledger after %s: %s", type(error).__name__, _one_line(str(second)))

    def _entered(self, new: _New, but: Sequence[str] = ()) -> Outcome:
        """A record that Odoo holds as planned, ``but`` for some fields, those without their reference, and those of the second pass."""
        waiting = self.rules.waiting(new.row)
        left_out = sorted({*new.gap, *but, *waiting})
        return Outcome(new.row.xid, new.row.res_id or 0, "create", left_out=left_out, incomplete=bool(new.gap or but), second=bool(waiting))

    def _take_over(self, rows: list[_New]) -> tuple[list[Outcome], list[_Change]]:
        """Records that Odoo had under our xids: made by a call whose answer was lost, or by a load that this ledger does not know.

        They are entered as they are; what does not hold what was to be sent comes back as a change.
        """
        sent = {new.row.xid: self.rules.comparable_on_create(new.row) for new in rows}
        found = self._read([new.row.res_id or 0 for new in rows], {k for keys in sent.values() for k in keys})
        outcomes, changes = [], []
        for new in rows:
            keys = self.rules.differs(new.row, sent[new.row.xid], found.get(new.row.res_id or 0, {}))
            outcomes.append(self._entered(new, keys))
            if keys:
                changes.append(_Change(replace(new.row, known=True), keys, new.gap, "update"))
        log.info("records there entity=%s rows=%d to_write=%d: Odoo has them under our external ids", self.chunk.entity, len(rows), len(changes))
        return outcomes, changes

    # ---- updating

    def _update(self, changes: list[_Change]) -> None:
        self._settle_answered()
        if nothing := [c for c in changes if not c.keys]:
            self.ledger.settle(None, [self._written(c, None) for c in nothing])
            self.result.unchanged += len(nothing)
        if something := [c for c in changes if c.keys]:
            self._write(something)

    def _write(self, changes: list[_Change]) -> None:
        payload = [(c.row.xid, c.row.res_id or 0, self.rules.for_update(c.row, c.keys)) for c in changes]
        xids = [xid for xid, _, _ in payload]
        lost = self.ledger.before_lost_answers(xids)
        touched = {k for c in changes for k in [*c.keys, *self.rules.resent(c.keys), *self.rules.kept(c.row, c.keys)]}
        now = self._read([res_id for _, res_id, _ in payload], set(self._readable(sorted(touched))))
        # What Odoo overwrites with these fields goes into a call of its own after them: state first, dates second.
        again = []
        for c in changes:
            held = {**now.get(c.row.res_id or 0, {}), **lost.get(c.row.xid, {})}
            kept_names = [self.rules.rules[k].name for k in self.rules.kept(c.row, c.keys)]
            vals = {**self.rules.for_update(c.row, self.rules.resent(c.keys)), **{n: held[n] for n in kept_names if n in held}}
            if vals:
                again.append((c.row.xid, c.row.res_id or 0, vals))
        resent = {xid: vals for xid, _, vals in again}
        lines = self._lines_before(changes)
        known = {
            xid: {
                **{k: v for k, v in now.get(res_id, {}).items() if k in vals or k in resent.get(xid, {})},
                **lines.get(res_id, {}),
                **lost.get(xid, {}),
            }
            for xid, res_id, vals in payload
        }
        step: Step = "second" if self.second_pass else "update"
        kept = {c.row.xid: self.rules.sealed_before(c.row, known[c.row.xid]) for c in changes}
        batch = self.ledger.intend(step, xids, _digest([c.row for c in changes]), kept)

        def send() -> Any:
            answer = self.tier.update(self.entity.model, payload, self.context)
            if again:
                self.tier.update(self.entity.model, again, self.context)
            return answer

        call = self._call(step, batch, changes, send, self._write)
        if call is None:
            return
        outcomes, gone = [], []
        for change, (xid, _, vals), res_id, before in zip(changes, payload, call.answer.ids, call.answer.before, strict=True):
            if res_id is None:
                gone.append((xid, f"{self.entity.model} {change.row.res_id} was deleted in Odoo after it was loaded"))
            else:
                change.row.res_id = res_id
                overwritten = {name: known[xid].get(name) for name in resent.get(xid, {})}
                whole = {name: known[xid][name] for name in lines.get(res_id, {})}
                outcomes.append(self._written(change, {**_first(vals, before or {}, known[xid]), **overwritten, **whole}))
        self.ledger.settle(batch, outcomes, call.calls, call.ms)
        self.result.updated += len(outcomes)
        self._tell(step, batch, len(changes), call)
        if gone:
            self._refuse(gone)

    def _lines_before(self, changes: list[_Change]) -> dict[int, dict[str, Any]]:
        """Database id → field → ``{"lines": […]}``: what lines that will be replaced hold, because their ids go with them."""
        found: dict[int, dict[str, Any]] = {}
        for key in sorted({k for c in changes for k in c.keys} & self.rules.line_keys):
            name = self.rules.rules[key].name
            ids = [c.row.res_id or 0 for c in changes if key in c.keys]
            rows = self.target.client.call(
                self.entity.model, "search_read", domain=[["id", "in", ids]], fields=[name], load="", context={**self.entity.context, **READING}
            )
            for res_id, lines in self.rules.lines_now(key, {r["id"]: r[name] for r in rows}).items():
                found.setdefault(res_id, {})[name] = {"lines": lines}
        return found

    def _written(self, change: _Change, before: dict[str, Any] | None) -> Outcome:
        # A changed field that is never updated counts as settled, or every later plan would show it again.
        keys = (
            set(change.keys)
            if self.second_pass
            else {k for k in (*change.keys, *change.row.changed) if k not in self.rules.rules or not self.rules.rules[k].second}
        )
        waiting = not self.second_pass and bool(self.rules.waiting(change.row))
        action = change.action if change.keys else None
        before = self.rules.sealed_before(change.row, before) if before else before
        return Outcome(
            change.row.xid, change.row.res_id or 0, action, sent=sorted(keys - change.gap), incomplete=bool(change.gap), second=waiting, before=before
        )

    def _readable(self, keys: list[str]) -> list[str]:
        return [k for k in keys if self.rules.rules[k].readable]

    def _read(self, ids: list[int], keys: set[str]) -> dict[int, dict[str, Any]]:
        """Database id → fields (names of this Odoo) of the records that exist, references as ids."""
        names = sorted(self.rules.rules[k].name for k in keys)
        found = self.target.client.call(
            self.entity.model, "search_read", domain=[["id", "in", ids]], fields=names, load="", context={**self.entity.context, **READING}
        )
        return {r["id"]: r for r in found}

    # ---- one call

    def _call(
        self,
        step: Step,
        batch: int,
        rows: list[T],
        send: Callable[[], Any],
        redo: Callable[[list[T]], None],
        meanwhile: Callable[[], None] | None = None,
    ) -> _Call | None:
        """Sends a batch. Where Odoo refuses it, finds the bad rows by halving, goes on with the others, and returns None."""
        call = _Call()
        try:
            call.answer = self._beside(lambda: self._deliver(step, batch, len(rows), send, call), meanwhile)
        except (RowRefused, TooLarge) as error:
            reason = self.target.ws.vault.without_values(
                error.reason if isinstance(error, RowRefused) else str(error), [_row(item).vals for item in rows]
            )
            if isinstance(error, TooLarge):
                self.size.halve()
            # What an update overwrote is kept with a failed batch, should one of its calls have been carried out.
            lost = isinstance(error, TooLarge) and error.unclear and step != "create"
            self.ledger.close(batch, "failed" if lost else "split" if len(rows) > 1 else "refused", reason, call.calls, call.ms)
            if len(rows) == 1:
                self._refuse([(_row(rows[0]).xid, reason)])
            else:
                log.info(
                    "batch split entity=%s chunk=%d batch=%d step=%s rows=%d because=%s",
                    self.chunk.entity,
                    self.chunk.number,
                    batch,
                    step,
                    len(rows),
                    _one_line(reason),
                )
                redo(rows[: len(rows) // 2])
                redo(rows[len(rows) // 2 :])
            return None
        except SchemaMismatch as error:
            self.ledger.close(batch, "failed", str(error), call.calls, call.ms)
            raise
        self.size.took(len(rows), call.ms / 1000)
        return call

    def _beside(self, work: Callable[[], Any], meanwhile: Callable[[], None] | None) -> Any:
        """What ``work`` returns or raises; ``meanwhile`` is done at the same time, unless the server takes one call at a time only."""
        if meanwhile is None or self.target.client.paced:
            return work()
        answer: Future[Any] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:
                answer.set_exception(error)

        # A daemon: a task that is told to end does not wait for Odoo.
        threading.Thread(target=contextvars.copy_context().run, args=(run,), name="call to Odoo", daemon=True).start()
        try:
            meanwhile()
        except Exception:
            self._given_up.set()
            wait([answer], LAST_CALL_SECONDS)
            raise
        return answer.result()

    def _deliver(self, step: str, batch: int, rows: int, send: Callable[[], T], call: _Call) -> T:
        """Sends until an answer comes that says what Odoo did. Every try may be the repetition of one that Odoo carried out."""

        def before_waiting(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, UnclearAnswer):
                self.size.halve()
            self.result.retries += 1
            log.warning(
                "batch retried entity=%s chunk=%d batch=%d step=%s rows=%d try=%d wait_s=%.1f because=%s: %s",
                self.chunk.entity,
                self.chunk.number,
                batch,
                step,
                rows,
                state.attempt_number,
                state.upcoming_sleep,
                type(error).__name__,
                _one_line(str(error)),
            )

        cut_off = 0

        def once() -> T:
            nonlocal cut_off
            call.calls += 1
            self.result.calls += 1
            start = time.monotonic()
            try:
                return send()
            except UnclearAnswer as error:
                cut_off = cut_off + 1 if time.monotonic() - start >= SLOW_SECONDS else 0
                if cut_off == CUT_OFF:
                    raise TooLarge(f"{error} {CUT_OFF} times in a row: is Odoo's limit_time_cpu or limit_time_real too low?", unclear=True) from None
                raise
            finally:
                call.ms = (time.monotonic() - start) * 1000
                self.result.slowest_ms = round(max(self.result.slowest_ms, call.ms), 1)

        tries = Retrying(
            retry=retry_if_exception_type(PASSING),
            stop=stop_after_attempt(MAX_TRIES) | stop_after_delay(MAX_RETRY_SECONDS) | stop_when_event_set(self._given_up),
            wait=wait_politely,
            before_sleep=before_waiting,
            reraise=True,
        )
        return tries(once)

    def _refuse(self, refused: list[tuple[str, str]]) -> None:
        self.ledger.refuse(REFUSED, refused)
        self.result.refused += len(refused)
        for xid, message in refused:
            log.warning("row refused entity=%s xid=%s because=%s", self.chunk.entity, xid, _one_line(message))
        self._check_budget()

    # ---- what people read

    def _tell(self, step: str, batch: int, rows: int, call: _Call) -> None:
        log.info(
            "batch done entity=%s chunk=%d batch=%d step=%s rows=%d ms=%.0f rows_per_s=%.0f retries=%d",
            self.chunk.entity,
            self.chunk.number,
            batch,
            step,
            rows,
            call.ms,
            rows / max(call.ms / 1000, 0.001),
            call.calls - 1,
        )

    def _tell_failure(self, error: Exception) -> None:
        r = self.result
        advice = "Look at the message, mend its cause, then clear this task."
        if isinstance(error, PASSING):
            advice = "When Odoo answers again, clear this task."
        kind = (
            type(error).__name__
            if isinstance(error, (OdooError, RuntimeError))
            else f"{type(error).__name__} (a fault of this program: please report it)"
        )
        log.error(
            "load failed entity=%s chunk=%d what=%s why=%s | so far created=%d updated=%d refused=%d held=%d retries=%d | "
            "safe to clear this task: yes, rows that reached Odoo are found by their external ids and not sent again | next: %s",
            self.chunk.entity,
            self.chunk.number,
            kind,
            _one_line(str(error)),
            r.created,
            r.updated,
            r.refused,
            r.held,
            r.retries,
            advice,
        )


def _row(item: Any) -> Row:
    row: Row = item.row
    return row


def _digest(rows: list[Row]) -> str:
    """sha256 over the value hashes of the rows."""
    return hashlib.sha256("".join(row.hash for row in rows).encode()).hexdigest()


def _not_loaded(missing: list[Missing]) -> str:
    return "; ".join(f"{m.key}: {', '.join(m.names)} is not loaded" for m in missing)


def _first(sent: dict[str, Any], answered: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """What the written fields held before we ever wrote them.

    The call itself tells (``answered``); where that is what we sent, an earlier try may have written it, and what was read before counts.
    """
    return {
        name: known.get(name, answered.get(name)) if same_value(value, answered.get(name)) else answered.get(name) for name, value in sent.items()
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]
