"""The migration report: one self-contained HTML page, and the same data as JSON."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from crm2odoo.handoff.documents import Content, Document, as_json, write
from crm2odoo.handoff.facts import DISPOSITIONS, Facts, collect
from crm2odoo.handoff.masking import masked_facts, unsealed_facts
from crm2odoo.handoff.page import environment, page_head
from crm2odoo.handoff.view import View, view_of
from crm2odoo.project import Bundle
from crm2odoo.staging import Workspace

TITLE = "Migration report"
REPORTED = set(
    """
    run export target plan files raw_counts dispositions cells difference_groups differences places causes checks findings approvals batches
    throughput deliveries custom_fields kept_back rejects reject_cases warnings records loaded_files owners stages plan_details
    """.split()  # noqa: SIM905 - names, easier to read so
)
"""Queries whose answers the report shows."""


def write_report(ws: Workspace, run_id: str, folder: str | Path, unmasked: bool = False) -> list[Document]:
    """Writes ``report.html`` (the first of the list), ``report.json`` and the manifest. The same stored data gives the same bytes.

    ``unmasked``: a pack of its own in the folder ``unmasked``, with every value readable. Raises NothingToReport.
    """
    facts = collect(ws, run_id)
    view = report_view(ws.bundle, unsealed_facts(ws.vault, facts) if unmasked else masked_facts(ws.bundle, facts))
    contents = [
        Content("report.html", render(ws.bundle, view, unmasked).encode(), TITLE),
        Content("report.json", as_json(data_of(view, view.facts)), TITLE),
    ]
    return [d for d in write(ws, run_id, folder, contents, unmasked) if d.kind != "signed"]


def report_view(bundle: Bundle, facts: Facts) -> View:
    """The report is the same whether or not papers were made of the same facts: it holds what it shows, and no more."""
    kept = {n: rows for n, rows in facts.answers.items() if n in REPORTED}
    return view_of(bundle, replace(facts, answers=kept, queries={n: q for n, q in facts.queries.items() if n in REPORTED}))


def render(bundle: Bundle, view: View, unmasked: bool = False, paper: bool = False) -> str:
    """The page. ``paper``: everything unfolded, for PDF."""
    sections = [
        ("short", "In short", True),
        ("objects", "Rows", True),
        ("fields", "Fields", True),
        ("differences", "Differences", view.groups),
        ("checks", "Counts", True),
        ("totals", "Totals", view.totals),
        ("rejects", "Rejected and held", view.rejects or view.facts.rows("kept_back")),
        ("owners", "Owners", view.owners),
        ("stages", "Stages", view.stages),
        ("left", "What did not move", True),
        ("findings", "Findings", view.findings),
        ("deliveries", "Deliveries", len(view.deliveries) > 1),
        ("plan", "The plan", view.facts.rows("plan_details")),
        ("times", "Times", view.timings),
        ("proof", "Hashes and queries", True),
    ]
    titles = {**{n: o.title for n, o in bundle.source.objects.items()}, **{n: e.title for n, e in bundle.entities.items()}}
    files = {f["file_no"]: f["name"] for f in view.facts.rows("files")}
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            view=view,
            sections=sections,
            dispositions=DISPOSITIONS,
            titles=titles,
            files=files,
            mapping_hash=bundle.mapping_hash,
            unmasked=unmasked,
            paper=paper,
            **page_head(),
        )
    )


def data_of(view: View, facts: Facts) -> dict[str, Any]:
    """What the page shows, for machines."""
    return {
        "project": view.title,
        "verdict": {"state": view.verdict.state, "reasons": [{"weight": r.weight, "text": r.text} for r in view.verdict.reasons]},
        "run": facts.run,
        "export": facts.export,
        "target": facts.target,
        "plan": facts.plan,
        "objects": [{"object": o.object, "title": o.title, "rows": o.rows, "counts": o.counts, "reasons": o.reasons} for o in facts.objects],
        "differences": [
            {"entity": g.entity, "field": g.field, "kind": g.kind, "cells": g.cells, "cause": g.cause, "cases": g.cases} for g in view.groups
        ],
        "not_moved": view.not_moved,
        "answers": facts.answers,
        "queries": facts.queries,
    }
