"""The whole set of documents of a run: report, papers, PDF, evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crm2odoo.handoff.documents import Document, as_json, write
from crm2odoo.handoff.evidence import evidence_bundle
from crm2odoo.handoff.facts import Facts, collect
from crm2odoo.handoff.masking import masked_facts
from crm2odoo.handoff.paper import Paper
from crm2odoo.handoff.paper_docx import as_docx
from crm2odoo.handoff.paper_html import as_html, as_pdf
from crm2odoo.handoff.paper_xlsx import as_xlsx
from crm2odoo.handoff.papers.checklists import cleansing_paper, completeness_paper, schema_paper
from crm2odoo.handoff.papers.decisions import decision_paper, owner_paper
from crm2odoo.handoff.papers.delta import delta_paper
from crm2odoo.handoff.papers.handoff import handoff_paper
from crm2odoo.handoff.papers.mapping import mapping_paper
from crm2odoo.handoff.papers.runbook import runbook_paper
from crm2odoo.handoff.papers.scope import scope_paper
from crm2odoo.handoff.papers.spot_check import spot_check_paper
from crm2odoo.handoff.report import render, view_and_data
from crm2odoo.handoff.wording import Style
from crm2odoo.project import Bundle
from crm2odoo.reconcile.source_side import places
from crm2odoo.staging import Workspace

Maker = Callable[[Bundle, Facts, Style], Paper]
PAPERS: dict[str, Maker] = {
    "scope": scope_paper,
    "mapping": mapping_paper,
    "completeness": completeness_paper,
    "cleansing": cleansing_paper,
    "fields": schema_paper,
    "decisions": decision_paper,
    "owners": owner_paper,
    "delta": delta_paper,
    "runbook": runbook_paper,
    "handoff": handoff_paper,
}


def write_pack(ws: Workspace, run_id: str, folder: str | Path, only: set[str] | None = None) -> list[Document]:
    """Writes every paper in its forms, the final report as PDF, and the evidence bundle over all of them; then the manifest.

    ``only``: names of papers; ``report``, ``spot_check`` and ``evidence`` count as such. The same stored data gives the same bytes.
    Raises NothingToReport.
    """
    wanted = only or {*PAPERS, "report", "spot_check", "evidence"}
    facts = masked_facts(ws.bundle, collect(ws, run_id, everything=True))
    style = Style.of(ws.bundle.project.locale)
    footer = f"{ws.bundle.project.title} · run {run_id} · sensitive values are hidden"
    contents: list[tuple[str, bytes]] = []
    for name, make in PAPERS.items():
        if name in wanted:
            contents += _forms(make(ws.bundle, facts, style), ws.bundle, footer, style)
    if "spot_check" in wanted:
        contents += _forms(spot_check_paper(ws.bundle, facts, style, _places(ws, facts)), ws.bundle, footer, style)
    if "report" in wanted:
        view, data = view_and_data(ws, facts)
        contents += [
            ("report.html", render(ws.bundle, view).encode()),
            ("report.json", as_json(data)),
            ("report.pdf", as_pdf(render(ws.bundle, view, paper=True))),
        ]
    documents = write(ws, run_id, folder, contents)
    if "evidence" in wanted:
        kept = [d for d in documents if d.name != "manifest.json"]
        documents = [*kept, *write(ws, run_id, folder, [("evidence.zip", evidence_bundle(ws, run_id, kept))])]
    return documents


def _forms(paper: Paper, bundle: Bundle, footer: str, style: Style) -> list[tuple[str, bytes]]:
    html = as_html(paper, bundle.project.title, footer, style)
    made = {
        "html": lambda: html.encode(),
        "pdf": lambda: as_pdf(html),
        "docx": lambda: as_docx(paper, bundle.project.title, style),
        "xlsx": lambda: as_xlsx(paper),
    }
    return [*((f"{paper.name}.{form}", made[form]()) for form in paper.forms), (f"{paper.name}.json", as_json(paper.as_data()))]


def _places(ws: Workspace, facts: Facts) -> dict[tuple[str, str], str]:
    chosen = {(r["entity"], r["xid"]) for r in facts.rows("spot_check")}
    with ws.connect() as connection:
        return {
            (entity, xid): place
            for entity in sorted({e for e, _ in chosen})
            for xid, place in places(ws, connection, entity, sorted(x for e, x in chosen if e == entity)).items()
        }
