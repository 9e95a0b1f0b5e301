"""The decision register, and the queue of owners that wait for a decision."""

from __future__ import annotations

import json

from crm2odoo.handoff.facts import Facts, Rows
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.wording import Style, words
from crm2odoo.project import Bundle

CHOICES = ("provision", "fallback", "hold", "empty")


def decision_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """What was asked, what was chosen, by whom, and what was signed."""
    chosen = bundle.project.decisions
    asked = [
        [
            question.question,
            _said(str(bundle.decisions[name])),
            "the project" if name in chosen else "default",
            "\n".join(f"{k}: {v}" for k, v in question.options.items()),
            name,
        ]
        for name, question in bundle.questions.items()
    ]
    kept = [[d["name"], _plain(d["value"]), d["decided_by"], d["at"], d["comment"] or ""] for d in facts.rows("decisions")]
    signed = [
        [a["subject"].replace("_", " "), a["verdict"], a["approved_by"], a["at"], a["comment"] or "", a["hash"][:16]]
        for a in facts.rows("approvals")
    ]
    return Paper(
        "decisions",
        "Decision register",
        "Every choice that shaped the migration. A default counts as a choice once the scope is signed.",
        [
            Section(
                "Questions of this migration",
                "",
                (
                    Column("Question", width=3),
                    Column("Answer", width=1),
                    Column("Decided by", width=0.8),
                    Column("Possible answers", width=3),
                    Column("Name", "code", 1.2),
                ),
                asked,
            ),
            Section(
                "What each answer comes to on this export",
                "Counted by building the records under each answer. An answer “for comparison” shows how many records a question is about.",
                (
                    Column("Question", width=2.4),
                    Column("Answer", width=2.4),
                    Column("Holds", width=0.8),
                    Column("Records", width=2.8),
                    Column("Name", "code", 1.6),
                ),
                _effects(facts.rows("decision_effects")),
                query="decision_effects",
                steady=True,
                empty="Discovery has not counted it for this export.",
            ),
            Section(
                "Decided by people",
                "",
                (
                    Column("About", width=1.6),
                    Column("Choice", width=1.6),
                    Column("By", width=1.2),
                    Column("When", "time", 1.3),
                    Column("Comment", width=2),
                ),
                kept,
                query="decisions",
            ),
            Section(
                "Signed",
                "",
                (
                    Column("What"),
                    Column("Verdict"),
                    Column("By", width=1.3),
                    Column("When", "time", 1.3),
                    Column("Comment", width=2),
                    Column("Hash", "code", 1.2),
                ),
                signed,
                query="approvals",
            ),
        ],
        ("html", "pdf", "docx"),
        f"{style.rows(len(asked), 'question')}, {style.rows(len(signed), 'signature')}.",
    )


def _effects(rows: Rows) -> list[list[str]]:
    """Each question once, beside the first of its answers."""
    result, before = [], None
    for e in rows:
        again = e["name"] == before
        before = e["name"]
        result.append(
            [
                "" if again else e["question"],
                f"{_said(e['answer'])}: {e['meaning']}" if e["meaning"] else _said(e["answer"]),
                ("decided" if e["decided"] else "default") if e["chosen"] else "",
                e["effect"] or ("" if e["chosen"] else "no difference"),
                "" if again else e["name"],
            ]
        )
    return result


def _said(answer: str) -> str:
    """An answer as people say it."""
    return {"True": "yes", "False": "no"}.get(answer, answer)


def owner_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """Who owned records, who is in Odoo, and a choice for everybody else."""
    actions = words()["actions"]
    chosen = {who.strip().lower(): str(choice) for who, choice in bundle.project.owners.decisions.items()}
    # The register wins over the project file.
    chosen |= {d["name"].removeprefix("owner:"): str(d["value"].get("choice")) for d in facts.rows("decisions") if d["name"].startswith("owner:")}
    rows = [
        [o["name"], o["email"], o["records"], actions[o["action"]], o["reason"] or "", chosen.get(o["email"].lower(), ""), None]
        for o in facts.rows("owners")
    ]
    waiting = sum(o["action"] == "held" for o in facts.rows("owners"))
    return Paper(
        "owners",
        "Owner queue",
        "provision: create a user (costs a licence). fallback: give the records to the fallback user. hold: keep the records back."
        " empty: load them without an owner.",
        [
            Section(
                "Owners",
                "",
                (
                    Column("Name", width=1.4),
                    Column("E-mail", width=2),
                    Column("Records", "number", 0.7),
                    Column("In Odoo", width=1),
                    Column("Why", width=2),
                    Column("Choice", "choice", 1, CHOICES),
                    Column("Comment", "note", 1.6),
                ),
                rows,
                query="owners",
            )
        ],
        ("html", "pdf", "xlsx"),
        f"{style.rows(waiting, 'owner')} without a decision."
        if waiting
        else f"{style.rows(len(rows), 'owner')}; Odoo was not asked yet who of them it has."
        if any(o["action"] == "named" for o in facts.rows("owners"))
        else "Every owner is decided.",
    )


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {v}" for k, v in value.items())
    return value if isinstance(value, str) else json.dumps(value)
