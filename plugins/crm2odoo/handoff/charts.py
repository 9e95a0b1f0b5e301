"""Charts as plain numbers: widths and heights in thousandths. Templates draw them as inline SVG; the figures stand beside them as text."""

from __future__ import annotations

from dataclasses import dataclass

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.wording import Style

SLOTS = 60


@dataclass(frozen=True)
class Bar:
    """One line of a chart. ``segments``: (what, records, start, width); ``text``: the same in words."""

    label: str
    segments: list[tuple[str, int, float, float]]
    text: str


@dataclass(frozen=True)
class Throughput:
    """Records that reached Odoo over time. ``slots``: (start, height) of SLOTS bars; ``text``: what a reader takes from it."""

    slots: list[tuple[float, float]]
    text: str


def convergence(facts: Facts, style: Style) -> list[Bar]:
    """What each delivery still had to write: it should shrink towards the cutover."""
    deliveries = facts.rows("deliveries")
    largest = max((d["creates"] + d["updates"] for d in deliveries), default=0) or 1
    bars = []
    for d in deliveries:
        start, segments = 0.0, []
        for name, count in (("loaded", int(d["creates"])), ("updated", int(d["updates"]))):
            if count:
                # A single record must still be seen.
                width = max(1000 * count / largest, 3.0)
                segments.append((name, count, round(start, 1), round(width, 1)))
                start += width
        parts = [f"{style.number(d['creates'])} new", f"{style.number(d['updates'])} changed"]
        parts += [f"{style.number(d[key])} {what}" for key, what in (("vanished", "gone"), ("conflicts", "changed on both sides")) if d[key]]
        bars.append(Bar(f"{style.date(d['received_at'])}, plan {d['plan_id']}", segments, ", ".join(parts)))
    return bars


def throughput(facts: Facts, style: Style) -> Throughput | None:
    """Records per sixtieth of the load; None when nothing was written."""
    rows = facts.rows("throughput")
    if not rows:
        return None
    by_slot = {r["slot"]: int(r["records"]) for r in rows}
    seconds, most, total = float(rows[0]["seconds"]), max(by_slot.values()), sum(by_slot.values())
    width = 1000 / SLOTS
    slots = [(round(n * width, 2), round(100 * by_slot[n] / most, 2)) for n in range(SLOTS) if n in by_slot]
    peak = most / (seconds / SLOTS)
    text = f"{style.rows(total, 'record')} in {style.seconds(seconds)}: {style.number(round(total / seconds))} per second"
    return Throughput(slots, text + (f", {style.number(round(peak))} at best." if seconds >= SLOTS else "."))
