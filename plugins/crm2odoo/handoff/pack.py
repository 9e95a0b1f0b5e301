"""The sets of documents: what is written at the end of each phase, from report and papers to lists and evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from crm2odoo.handoff.documents import MANIFEST, Content, Document, as_json, registered, write
from crm2odoo.handoff.evidence import evidence_bundle
from crm2odoo.handoff.facts import Facts, checks_of, collect
from crm2odoo.handoff.lists import LISTS, list_of
from crm2odoo.handoff.masking import masked_facts, unsealed_facts
from crm2odoo.handoff.paper import Paper
from crm2odoo.handoff.paper_docx import as_docx
from crm2odoo.handoff.paper_html import as_html
from crm2odoo.handoff.paper_xlsx import as_xlsx
from crm2odoo.handoff.papers.checklists import cleansing_paper, completeness_paper, schema_paper
from crm2odoo.handoff.papers.decisions import decision_paper, owner_paper
from crm2odoo.handoff.papers.delta import delta_paper
from crm2odoo.handoff.papers.diff import diff_paper
from crm2odoo.handoff.papers.handoff import handoff_paper
from crm2odoo.handoff.papers.hypercare import hypercare_paper
from crm2odoo.handoff.papers.mapping import mapping_paper
from crm2odoo.handoff.papers.phases import phase_paper, phases_paper
from crm2odoo.handoff.papers.runbook import runbook_paper
from crm2odoo.handoff.papers.scope import scope_paper
from crm2odoo.handoff.papers.spot_check import spot_check_paper
from crm2odoo.handoff.printing import Printing
from crm2odoo.handoff.report import TITLE, data_of, render, report_view
from crm2odoo.handoff.wording import Style
from crm2odoo.project import Bundle
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
    "reconciliation": phases_paper,
    "diff": diff_paper,
    "delta": delta_paper,
    "spot_check": spot_check_paper,
    "runbook": runbook_paper,
    "handoff": handoff_paper,
    "hypercare": hypercare_paper,
}
DISCOVERED = {"scope", "completeness", "cleansing", "fields", "decisions", "mapping", "owners"}
LOADED = {"report", "reconciliation", "diff", "delta", "spot_check", "decisions", "owners", "mapping", "fields", "lists", "evidence"}
FINAL = {*LOADED, "handoff", "runbook"}
PHASES: dict[str, set[str]] = {
    "discover": DISCOVERED,
    "sample": {*LOADED, "scope", "handoff"},
    "load": FINAL,
    "delta": LOADED,
    "cutover": FINAL,
    "hypercare": {"hypercare"},
}
"""Kind of run → the documents that are written at its end. ``lists``: CSV files of everything that the report shows by example."""


def write_pack(ws: Workspace, run_id: str, folder: str | Path, only: Iterable[str] | None = None, unmasked: bool = False) -> list[Document]:
    """Writes documents of a run in all their forms, evidence over everything that the run has written, and the manifest.

    ``only``: names of papers; ``report``, ``lists`` and ``evidence`` count as such; those of the run's kind when left out.
    ``unmasked``: a pack of its own with every value readable, without evidence. The same stored data gives the same bytes.
    Raises NothingToReport.
    """
    facts = collect(ws, run_id, everything=True)
    wanted = set(only) if only is not None else PHASES.get(facts.run["kind"], FINAL)
    facts = unsealed_facts(ws.vault, facts) if unmasked else masked_facts(ws.bundle, facts)
    style = Style.of(ws.bundle.project.locale)
    values = "all values are shown: handle with care" if unmasked else "sensitive values are hidden"
    footer = f"{ws.bundle.project.title} · run {run_id} · {values}"
    papers = [make(ws.bundle, facts, style).asked_by(facts.queries) for name, make in PAPERS.items() if name in wanted]
    to_print = {p.name: as_html(p, ws.bundle.project.title, footer, style, printed=True) for p in papers if "pdf" in p.forms}
    view = report_view(ws.bundle, facts) if "report" in wanted else None
    if view:
        to_print["report"] = render(ws.bundle, view, unmasked, paper=True)
    contents: list[Content] = []
    with Printing(to_print) as printing:
        for paper in papers:
            contents += forms_of(paper, ws.bundle, run_id, footer, style)
        if "lists" in wanted:
            contents += [Content(f"{name}.csv", list_of(ws, facts, name, unmasked), title) for name, title in LISTS.items()]
        if view:
            contents += [
                Content("report.html", render(ws.bundle, view, unmasked).encode(), TITLE),
                Content("report.json", as_json(data_of(view, view.facts)), TITLE),
            ]
        titles = {p.name: p.title for p in papers} | {"report": TITLE}
        contents += [Content(f"{name}.pdf", printing.pdf(name), titles[name]) for name in to_print]
    documents = write(ws, run_id, folder, contents, unmasked)
    if "evidence" in wanted and not unmasked:
        with ws.connect() as connection:
            proved = [d for d in registered(ws, connection, run_id) if d.masked and d.kind not in ("evidence", "manifest")]
        bundle = Content("evidence.zip", evidence_bundle(ws, run_id, proved), "Evidence bundle")
        documents = [*(d for d in documents if d.name != MANIFEST), *write(ws, run_id, folder, [bundle])]
    return documents


def write_phase(ws: Workspace, run_id: str, phase: str, folder: str | Path) -> list[Document]:
    """Writes what the gate of one phase counted, whether it passed or not: ``phase_<place>_<entity>``. Safe to repeat."""
    style = Style.of(ws.bundle.project.locale)
    facts = checks_of(ws, run_id)
    paper = phase_paper(ws.bundle, facts, style, phase).asked_by(facts.queries)
    return write(ws, run_id, folder, forms_of(paper, ws.bundle, run_id, f"{ws.bundle.project.title} · run {run_id}", style))


def forms_of(paper: Paper, bundle: Bundle, run_id: str, footer: str, style: Style) -> list[Content]:
    """A paper in each of its forms but PDF, and as JSON."""
    made = {
        "html": lambda: as_html(paper, bundle.project.title, footer, style).encode(),
        "docx": lambda: as_docx(paper, bundle.project.title, style),
        "xlsx": lambda: as_xlsx(paper, style, run_id),
    }
    written = [Content(f"{paper.name}.{form}", made[form](), paper.title) for form in paper.forms if form in made]
    return [*written, Content(f"{paper.name}.json", as_json(paper.as_data()), paper.title)]
