"""Who signed what, and whether it still holds. An approval is bound to the hash of what the person saw."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from crm2odoo.staging import Workspace

Verdict = Literal["approved", "rejected", "waived"]


class NotApproved(RuntimeError):
    """Something that must be signed is not, or was signed before it changed. The message says what, and how to get it signed."""


@dataclass(frozen=True)
class Seen:
    """What must be signed: a subject (``mapping``, ``plan``, ``scope``, ``sample`` …) and the hash of its present state."""

    subject: str
    hash: str
    where: str
    """The DAG in which it is signed, for the message."""


def record(
    ws: Workspace, *, subject: str, hash: str, verdict: Verdict, by: str, comment: str | None = None, run_id: str | None = None,
    seen: dict[str, Any] | None = None,
) -> None:
    """Adds a verdict. The latest one on the same subject and hash counts."""
    with ws.connect() as connection:
        connection.execute(
            ws.sql("insert into {log}.approval (subject, hash, verdict, approved_by, comment, run_id, seen) values (%s, %s, %s, %s, %s, %s, %s)"),
            (subject, hash, verdict, by, comment, run_id, json.dumps(seen or {})),
        )


def signer(ws: Workspace, subject: str, hash: str) -> str:
    """Who gave the latest verdict on a subject and hash; empty when nobody did."""
    with ws.connect() as connection:
        row = connection.execute(
            ws.sql("select approved_by from {log}.approval where subject = %s and hash = %s order by approval_id desc limit 1"), (subject, hash)
        ).fetchone()
    return str(row["approved_by"]) if row else ""


def require(ws: Workspace, needed: Iterable[Seen]) -> None:
    """Raises NotApproved unless each of ``needed`` has ``approved`` or ``waived`` as its latest verdict."""
    missing = []
    with ws.connect() as connection:
        for item in needed:
            row = connection.execute(
                ws.sql("select verdict, approved_by, at from {log}.approval where subject = %s and hash = %s order by approval_id desc limit 1"),
                (item.subject, item.hash),
            ).fetchone()
            if row is not None and row["verdict"] in ("approved", "waived"):
                continue
            if row is not None:
                why = f"{row['approved_by']} rejected it on {row['at']:%Y-%m-%d %H:%M} UTC"
            else:
                older = connection.execute(
                    ws.sql(
                        "select approved_by, at from {log}.approval where subject = %s and verdict <> 'rejected' order by approval_id desc limit 1"
                    ),
                    (item.subject,),
                ).fetchone()
                why = "nobody has signed it"
                if older is not None:
                    why = f"it changed since {older['approved_by']} signed it on {older['at']:%Y-%m-%d %H:%M} UTC"
            missing.append(f"- {item.subject} (hash {item.hash[:12]}): {why}. It is signed in the DAG {item.where}.")
    if missing:
        raise NotApproved("Nothing is written, because what would be written is not approved:\n" + "\n".join(missing))
