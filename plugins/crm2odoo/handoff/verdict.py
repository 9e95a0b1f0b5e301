"""GO, GO with exceptions, or NO-GO: what the stored figures of a run add up to, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.wording import Style

State = Literal["go", "exceptions", "no_go"]
Weight = Literal["stops", "exception", "fine"]


HOMELESS = "has no place in Odoo in this project"
"""Why a row is left out whose object no line of the mapping takes (see sql/reconcile/disposition.sql.j2)."""


@dataclass(frozen=True)
class Reason:
    """One sentence of the verdict. ``section``: anchor of the part of the report that shows it."""

    weight: Weight
    text: str
    section: str


@dataclass(frozen=True)
class Verdict:
    state: State
    reasons: list[Reason]

    @property
    def advice(self) -> str:
        """What the reader is to do, in a sentence."""
        return {
            "go": "Everything arrived as agreed. You can sign.",
            "exceptions": "Every row is accounted for. Read the lines marked ! first: sign if you can live with them, or have them mended and run a"
            " delta.",
            "no_go": "Do not sign yet. Each line marked ✕ must be settled first; behind it stands what differs, where, and what to do.",
        }[self.state]

    @property
    def headline(self) -> str:
        return {"go": "GO", "exceptions": "GO with exceptions", "no_go": "NO-GO"}[self.state]


def judge(facts: Facts, style: Style, error_budget_percent: float) -> Verdict:
    """The same facts give the same verdict. Anything unproved counts against it: a check that did not run is no check that passed."""
    reasons = [
        *_rows(facts, style),
        *_checks(facts, style),
        *_cells(facts, style, error_budget_percent),
        *_people(facts, style),
        *_findings(facts, style),
    ]
    if any(r.weight == "stops" for r in reasons):
        state: State = "no_go"
    elif any(r.weight == "exception" for r in reasons):
        state = "exceptions"
    else:
        state = "go"
    order = {"stops": 0, "exception": 1, "fine": 2}
    return Verdict(state, sorted(reasons, key=lambda r: order[r.weight]))


def _rows(facts: Facts, style: Style) -> list[Reason]:
    if not facts.objects:
        return [Reason("stops", "No source row has a disposition yet, so nobody can say what became of the data.", "objects")]
    open_objects = [o for o in facts.objects if sum(o.counts.values()) != o.rows]
    if open_objects:
        return [Reason("stops", f"The rows of {', '.join(o.title for o in open_objects)} do not add up.", "objects")]
    total = sum(o.rows for o in facts.objects)
    reasons = [Reason("fine", f"All {style.rows(total, 'row')} of the export have exactly one disposition.", "objects")]
    for disposition, text in (("rejected", "rejected"), ("held", "held back")):
        count = sum(o.counts[disposition] for o in facts.objects)
        if count:
            reasons.append(
                Reason("exception", f"{style.rows(count)} ({style.percent(count, total)}) {'is' if count == 1 else 'are'} {text}.", "rejects")
            )
    for o in facts.objects:
        homeless = sum(n for _, reason, n in o.reasons if reason == HOMELESS)
        if homeless:
            reasons.append(Reason("exception", f"{style.rows(homeless)} of {o.title} have no place in Odoo in this project.", "left"))
    return reasons


def _checks(facts: Facts, style: Style) -> list[Reason]:
    checks = [c for c in facts.rows("checks") if c["name"] != "fields_equal"]
    failed = [c for c in checks if not c["passed"]]
    if not checks:
        return [Reason("stops", "The counts were not reconciled with Odoo.", "checks")]
    if failed:
        names = ", ".join(sorted({c["phase"] for c in failed}))
        return [Reason("stops", f"{style.rows(len(failed), 'reconciliation check')} failed: {names}.", "checks")]
    return [Reason("fine", f"All {style.rows(len(checks), 'reconciliation check')} agree: files, ledger and Odoo.", "checks")]


def _cells(facts: Facts, style: Style, budget: float) -> list[Reason]:
    cells = facts.rows("cells")
    left_out, different = sum(c["not_comparable"] for c in cells), sum(c["different"] for c in cells)
    compared = sum(c["compared"] for c in cells) - left_out
    if not compared:
        return [Reason("stops", "No field was read back from Odoo and compared.", "fields")]
    if not different:
        beside = f" {style.number(left_out)} more have nothing to be compared with." if left_out else ""
        return [Reason("fine", f"All {style.rows(compared, 'field value')} read back from Odoo agree with the source.{beside}", "fields")]
    weight: Weight = "stops" if different > compared * budget / 100 else "exception"
    return [
        Reason(
            weight,
            f"{style.number(different)} of {style.rows(compared, 'field value')} ({style.percent(different, compared)}) differ in Odoo.",
            "differences",
        )
    ]


def _people(facts: Facts, style: Style) -> list[Reason]:
    waiting = [o for o in facts.rows("owners") if o["action"] == "held"]
    if not waiting:
        return []
    records = sum(o["records"] for o in waiting)
    return [
        Reason(
            "stops",
            f"{style.rows(len(waiting), 'owner')} with {style.rows(records, 'record')} {'waits' if len(waiting) == 1 else 'wait'} for a decision.",
            "owners",
        )
    ]


def _findings(facts: Facts, style: Style) -> list[Reason]:
    hit = [f for f in facts.rows("findings") if f["evidence"].get("verdict", "hit") != "clear"]
    blocking = sum(f["severity"] == "blocking" for f in hit)
    warnings = sum(f["severity"] == "warning" for f in hit)
    reasons = []
    if blocking:
        reasons.append(Reason("stops", f"{style.rows(blocking, 'blocking finding')} {'is' if blocking == 1 else 'are'} open.", "findings"))
    if warnings:
        reasons.append(Reason("exception", f"{style.rows(warnings, 'warning')} should be read.", "findings"))
    return reasons
