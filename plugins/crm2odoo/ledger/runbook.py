"""The runbook of a cutover: who does what with which command, what must come of it, when it was planned and when it was done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crm2odoo.project import Bundle
from crm2odoo.staging import Workspace


@dataclass(frozen=True)
class Step:
    """One line. ``minutes``: planned, from the start of the cutover to the end of this step."""

    name: str
    who: str
    what: str
    expected: str
    minutes: int


STEPS = [
    Step("announce", "project lead", "Tell everybody that the source is closed for writing from now on", "everybody has confirmed", 0),
    Step(
        "freeze",
        "source owner",
        "Make the source read-only; deliver the final export, and once more 15 minutes later",
        "both deliveries are equal",
        30,
    ),
    Step("delta", "migration engineer", "{p}.cutover: intake … load … report", "every gate green; 0 conflicts without a decision", 90),
    Step("gates", "migration engineer", "{p}.cutover: gates", "no gate is red", 100),
    Step("spot_check", "customer", "Look at the records of the spot-check sheet, side by side", "no surprise", 130),
    Step("go_no_go", "customer", "{p}.cutover: go_no_go under Required actions", "approved; else {p}.rollback", 140),
    Step("lock", "migration engineer", "{p}.cutover: lock", "load tasks refuse", 145),
    Step("users", "administrator", "Switch mail servers and automations on; invite the users", "a user logs in and finds own records", 180),
    Step("hypercare", "migration engineer", "Unpause {p}.hypercare", "first daily report without drift", 1500),
]


def start(ws: Workspace, run_id: str, bundle: Bundle, rehearsal: bool) -> None:
    """Enters the steps with their planned times, from now on. Safe to repeat: the first times stay."""
    now, project = datetime.now(UTC), bundle.project
    with ws.connect() as connection:
        for place, step in enumerate(STEPS):
            connection.execute(
                ws.sql(
                    "insert into {log}.runbook (run_id, place, name, who, what, expected, rehearsal, planned_at) "
                    "values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing"
                ),
                (
                    run_id,
                    place,
                    step.name,
                    project.runbook_owners.get(step.name, step.who),
                    step.what.format(p=project.project),
                    step.expected.format(p=project.project),
                    rehearsal,
                    now + timedelta(minutes=step.minutes),
                ),
            )


def done(ws: Workspace, run_id: str, name: str) -> None:
    """Notes that a step is done, now. The first time counts."""
    with ws.connect() as connection:
        connection.execute(
            ws.sql("update {log}.runbook set done_at = coalesce(done_at, clock_timestamp()) where run_id = %s and name = %s"), (run_id, name)
        )


def done_last(ws: Workspace, name: str) -> None:
    """Notes that a step of the newest cutover is done, now; for what happens after its run."""
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select run_id from {log}.runbook where place = 0 order by planned_at desc limit 1")).fetchone()
    if row is not None:
        done(ws, row["run_id"], name)


def as_markdown(ws: Workspace, run_id: str) -> str:
    """The table, with planned and actual times in UTC."""
    with ws.connect() as connection:
        rows = connection.execute(ws.sql("select * from {log}.runbook where run_id = %s order by place"), (run_id,)).fetchall()
    title = "Runbook (rehearsal)" if rows and rows[0]["rehearsal"] else "Runbook"
    lines = [f"# {title}: {run_id}", "", "| step | who | what | expected | planned (UTC) | done (UTC) |", "|---|---|---|---|---|---|"]
    for r in rows:
        at = f"{r['done_at']:%Y-%m-%d %H:%M}" if r["done_at"] else ""
        lines.append(f"| {r['name']} | {r['who']} | {r['what']} | {r['expected']} | {r['planned_at']:%Y-%m-%d %H:%M} | {at} |")
    return "\n".join(lines) + "\n"
