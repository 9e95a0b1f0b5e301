"""What the target side found out: a check with its verdict and its evidence, and where it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from crm2odoo.odoo.target import Target

Severity = Literal["blocking", "warning", "info"]
Verdict = Literal["hit", "clear", "cannot_tell"]


@dataclass(frozen=True)
class Finding:
    """One answer. ``severity`` weighs a hit; a clear check is information. ``advice`` says what to do."""

    code: str
    title: str
    verdict: Verdict
    severity: Severity
    advice: str = ""
    count: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def blocking(self) -> bool:
        return self.severity == "blocking"

    def __str__(self) -> str:
        return f"{self.title}." + (f" {self.advice}." if self.advice else "")


def store(target: Target, step: str, findings: Sequence[Finding]) -> None:
    """Replaces the findings of ``step`` on this target in ``<p>_log.finding``."""
    with target.ws.connect() as connection:
        connection.execute(target.ws.sql("delete from {log}.finding where target_id = %s and step = %s"), (target.target_id, step))
        with connection.cursor() as cursor:
            cursor.executemany(
                target.ws.sql(
                    "insert into {log}.finding (target_id, step, severity, code, title, count, evidence) values (%s, %s, %s, %s, %s, %s, %s)"
                ),
                [
                    (
                        target.target_id,
                        step,
                        f.severity,
                        f.code,
                        f.title,
                        f.count,
                        Jsonb({"verdict": f.verdict, "advice": f.advice, **f.evidence}),
                    )
                    for f in findings
                ],
            )
