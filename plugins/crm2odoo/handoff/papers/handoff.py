"""The handoff: automations with a proposal for Odoo, reports to rebuild, what did not move, what to do next."""

from __future__ import annotations

import json
from typing import Any

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.rebuild import propose
from crm2odoo.handoff.view import not_moved
from crm2odoo.handoff.wording import Style
from crm2odoo.project import Bundle
from crm2odoo.reconcile.odoo_side import record_link

OUT_OF_SCOPE = (
    "Rebuilding automations, sequences, reports and dashboards is not part of the migration. This document lists every one of them, "
    "with a proposal, so that somebody can rebuild it or decide not to."
)


def handoff_paper(bundle: Bundle, facts: Facts, style: Style) -> Paper:
    """One section for each rule; nothing undocumented."""
    rules = _rules(bundle, facts)
    sections = [Section("Out of scope", "", paragraphs=[OUT_OF_SCOPE])]
    for rule in rules:
        sections.append(_rule(rule, style))
    for name, obj in bundle.source.objects.items():
        items = [r for r in facts.rows(f"inventory_{name}") if "trigger" not in r["item"] and "event" not in r["item"]]
        if items:
            columns = [c for c in obj.columns if any(r["item"].get(c) for r in items)]
            sections.append(
                Section(
                    obj.title,
                    obj.handoff,
                    (*(Column(c.replace("_", " ").capitalize()) for c in columns), Column("Rebuild", "tick", 0.5)),
                    [[*[_plain(r["item"].get(c)) for c in columns], None] for r in items],
                    query=f"inventory_{name}",
                )
            )
    sections += _templates(bundle, facts)
    sections.append(_modules(bundle, bool(rules)))
    left = not_moved(bundle, facts, style)
    sections.append(
        Section(
            "What did not move",
            "",
            (Column("What", width=2), Column("Kind"), Column("How much"), Column("Why", width=3)),
            [[n["what"], n["where"], n["count"], n["why"]] for n in left],
        )
    )
    sections.append(_next(bundle))
    active = sum(r["active"] is not False for r in rules)
    return Paper(
        "handoff",
        "Handoff",
        "What the source did by itself, and how Odoo can do it.",
        sections,
        ("html", "pdf", "docx"),
        f"{style.rows(len(rules), 'automation')}, {active} of them active.",
    )


def _rules(bundle: Bundle, facts: Facts) -> list[dict[str, Any]]:
    """As they were checked against Odoo; as the export has them when nobody checked."""
    checked = [f["evidence"] for f in facts.rows("rules")]
    if checked:
        return checked
    rules = []
    for name in bundle.source.objects:
        for row in facts.rows(f"inventory_{name}"):
            if "trigger" in row["item"] or "event" in row["item"]:
                p = propose(row["item"])
                rules.append(
                    {
                        "name": p.name,
                        "active": p.active,
                        "source": p.source,
                        "model": p.model,
                        "trigger": p.trigger,
                        "domain": p.domain,
                        "actions": p.actions,
                        "edition": p.edition,
                        "unknown": p.unknown,
                        "matching": None,
                        "refused": None,
                    }
                )
    return rules


def _rule(rule: dict[str, Any], style: Style) -> Section:
    unknown = "unknown: ask who made the rule"
    if rule["refused"]:
        matching = f"not evaluated: {rule['refused']}"
    else:
        matching = "not evaluated yet" if rule["matching"] is None else f"{style.rows(rule['matching'], 'record')} of Odoo match today"
    rows = [
        [
            "Object",
            rule["source"]["object"] or ("not named; taken from the trigger" if rule["model"] else unknown),
            f"Model {rule['model']}" if rule["model"] else unknown,
        ],
        ["Trigger", rule["source"]["trigger"] or unknown, rule["trigger"] or unknown],
        ["Conditions", rule["source"]["conditions"] or "none", f"Domain: {json.dumps(rule['domain'], ensure_ascii=False)}\n{matching}"],
        ["Actions", rule["source"]["actions"] or unknown, "\n".join(rule["actions"]) or unknown],
        ["Needs", "", f"Automation Rules (base_automation), {rule['edition']} edition"],
        *[["Open question", "", question] for question in rule["unknown"]],
    ]
    state = {True: "Active in the source.", False: "Switched off in the source.", None: ""}[rule["active"]]
    return Section(
        f"Automation: {rule['name']}",
        state,
        (Column("Part", width=0.7), Column("In the source", width=2), Column("Proposal for Odoo", width=3)),
        rows,
    )


def _templates(bundle: Bundle, facts: Facts) -> list[Section]:
    """E-mail templates are loaded as plain text: who may send one must have read it."""
    templates = facts.rows("templates")
    if not templates:
        return []
    url = (facts.target or {}).get("url", "")
    rows = [
        [
            (t["name"] or t["xid"], record_link(url, "mail.template", t["res_id"])),
            t["subject"] or "",
            "had logic: rewrite it" if t["logic"] else "has placeholders: put Odoo's in their place" if t["placeholders"] else "read it once",
            None,
        ]
        for t in templates
    ]
    return [
        Section(
            "Templates to review",
            "Nothing of the source is ever run: placeholders stand in square brackets as plain text.",
            (Column("Template", "link", 2), Column("Subject", width=2), Column("What to do", width=2), Column("Reviewed", "tick", 0.6)),
            rows,
            query="templates",
        )
    ]


def _modules(bundle: Bundle, automations: bool) -> Section:
    """Apps of Odoo that this migration uses, or that could be activated later."""
    used: dict[str, list[str]] = {}
    for name in bundle.build_order:
        if bundle.feeds(name):
            for app in bundle.entities[name].requires:
                used.setdefault(app, []).append(bundle.entities[name].title)
    rows = [[app, ", ".join(dict.fromkeys(titles)), "in use", None] for app, titles in sorted(used.items())]
    if automations:
        rows.append(["base_automation", "Automations to be rebuilt", "to activate when one is rebuilt", None])
    for app, counted_on in sorted({"helpdesk": False, "knowledge": False, "project": True, **bundle.project.apps}.items()):
        if app not in used and not counted_on:
            rows.append([app, "", "not counted on: its records stay where the scope says; activate it and run a delta to move them", None])
    columns = (Column("Module", "code", 1.2), Column("For", width=3), Column("State", width=2.4), Column("Activated", "tick", 0.6))
    return Section("Modules to activate", "", columns, rows, empty="None beyond what Odoo starts with.")


def _next(bundle: Bundle) -> Section:
    return Section(
        "Next steps",
        "",
        steps=[
            "Read the rejected and held rows of the report; mend what matters in the source and run the delta.",
            "Rebuild the automations that are still wanted; switch them on only after the last delta.",
            "Rebuild the reports that people open every week.",
            "Look at every e-mail template before the first mail goes out: placeholders of the source are plain text in Odoo.",
            "Keep the evidence bundle. It proves what was moved, and can be checked without this program.",
        ],
    )


def _plain(value: Any) -> str:
    return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
