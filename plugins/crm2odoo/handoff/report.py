"""The migration report: one self-contained HTML page, and the same data as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crm2odoo.handoff.documents import Document, as_json, write
from crm2odoo.handoff.facts import DISPOSITIONS, Facts, collect
from crm2odoo.handoff.masking import masked_facts
from crm2odoo.handoff.page import environment, page_head
from crm2odoo.handoff.view import View, view_of
from crm2odoo.project import Bundle
from crm2odoo.reconcile.attribution import causes_of
from crm2odoo.reconcile.source_side import places
from crm2odoo.staging import Workspace


def write_report(ws: Workspace, run_id: str, folder: str | Path, unmasked: bool = False) -> list[Document]:
    """Writes ``report.html`` (the first of the list), ``report.json`` and the manifest. The same stored data gives the same bytes.

    ``unmasked``: a pack of its own, ``report-unmasked.*``, with every value readable. Raises NothingToReport.
    """
    facts = collect(ws, run_id)
    view, data = view_and_data(ws, facts if unmasked else masked_facts(ws.bundle, facts))
    name = "report-unmasked" if unmasked else "report"
    return write(ws, run_id, folder, [(f"{name}.html", render(ws.bundle, view, unmasked).encode()), (f"{name}.json", as_json(data))])


def view_and_data(ws: Workspace, facts: Facts) -> tuple[View, dict[str, Any]]:
    """What the page shows, and the same for machines."""
    wrong = {(d["entity"], d["xid"]) for d in facts.rows("differences")}
    with ws.connect() as connection:
        where = {
            (entity, xid): place
            for entity in sorted({e for e, _ in wrong})
            for xid, place in places(ws, connection, entity, sorted(x for e, x in wrong if e == entity)).items()
        }
    causes = {(c.entity, c.field, c.kind): str(c) for c in causes_of(ws, facts.run_id)}
    view = view_of(ws.bundle, facts, where, causes)
    return view, data_of(view, facts)


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
