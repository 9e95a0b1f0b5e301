"""Is this Odoo fit to receive the migration? Every check is answered: hit, clear, or cannot tell, with its evidence."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from psycopg.types.json import Jsonb

from crm2odoo.odoo import finding
from crm2odoo.odoo.errors import OdooError
from crm2odoo.odoo.facts import Facts
from crm2odoo.odoo.finding import Finding
from crm2odoo.odoo.preflight_checks import CHECKS
from crm2odoo.odoo.target import Target
from crm2odoo.odoo.target_snapshot import changes, take

log = logging.getLogger(__name__)


class PreflightFailed(RuntimeError):
    """The target cannot receive the migration. The message lists what blocks and what to do; nothing was written into Odoo."""

    def __init__(self, target: Target, findings: Sequence[Finding]) -> None:
        self.findings = [f for f in findings if f.blocking]
        client = target.client
        lines = [f"{len(self.findings)} thing(s) stop the migration into {client.database!r} at {client.url}; nothing was written:"]
        lines += [f"- {f.title}. {f.advice}" for f in self.findings]
        super().__init__("\n".join(lines))


def preflight(target: Target) -> list[Finding]:
    """Runs every check, stores the answers (step ``preflight``) and the target's snapshot. Writes nothing into Odoo.

    Raises PreflightFailed when a check blocks, after storing.
    """
    facts = Facts(target)
    findings = []
    for check in CHECKS:
        try:
            findings += check.run(facts)
        except OdooError as error:
            findings.append(
                Finding(
                    check.code,
                    f"Cannot tell: {check.about}",
                    "cannot_tell",
                    "warning",
                    "Look at it by hand before the production run",
                    evidence={"error": str(error)},
                )
            )
    findings += _compare_with_last(facts)
    finding.store(target, "preflight", findings)
    for f in findings:
        log.log(logging.INFO if f.severity == "info" else logging.WARNING, "%s %s: %s", f.verdict, f.code, f)
    if any(f.blocking for f in findings):
        raise PreflightFailed(target, findings)
    return findings


def _compare_with_last(facts: Facts) -> list[Finding]:
    """Keeps a snapshot of apps, teams, stages, users, languages and settings, and tells what changed since the one before."""
    target = facts.target
    try:
        now = take(facts)
    except OdooError as error:
        return [
            Finding(
                "snapshot",
                "Cannot tell: what changed in the target since the last look",
                "cannot_tell",
                "warning",
                evidence={"error": str(error)},
            )
        ]
    with target.ws.connect() as connection:
        row = connection.execute(
            target.ws.sql("select snapshot from {log}.target where target_id = %s for update"), (target.target_id,)
        ).fetchone()
        before = row["snapshot"] if row else {}
        connection.execute(target.ws.sql("update {log}.target set snapshot = %s where target_id = %s"), (Jsonb(now), target.target_id))
    if not before:
        return [Finding("snapshot", "First look at this target", "clear", "info")]
    found = changes(before, now)
    if not found:
        return [Finding("snapshot", "The target is set up as at the last look", "clear", "info")]
    return [
        Finding(
            "snapshot",
            f"The target changed since the last look: {', '.join(found)}",
            "hit",
            "info",
            "See that the changes are meant",
            evidence={"changes": found},
        )
    ]
