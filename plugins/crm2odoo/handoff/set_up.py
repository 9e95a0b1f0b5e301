"""What the set-up of Odoo comes to, as an admin gets it: the module to install, and a checklist to tick."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crm2odoo.handoff.documents import Content, Document, as_json, write
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.paper_docx import as_docx
from crm2odoo.handoff.paper_html import as_html
from crm2odoo.handoff.wording import Style
from crm2odoo.odoo.manifest_module import Item
from crm2odoo.staging import Workspace

NAME = "set-up-checklist"


def set_up_paper(items: Sequence[Item], module: str) -> Paper:
    """Open things first, by the place in Odoo where they are done; then what is there already."""
    columns = (Column("What", width=4), Column("Where in Odoo", width=2.5), Column("Done", "tick", 0.5), Column("Comment", "note", 1.5))
    to_do, done = [i for i in items if not i.done], [i for i in items if i.done]
    by_module, by_hand = [i for i in to_do if i.by_module], [i for i in to_do if not i.by_module]
    return Paper(
        NAME,
        "Set-up of Odoo",
        "The migration does all of this by itself, after the scope is signed. For places where an administrator does it by hand: "
        f"install the module {module} (Apps ▸ Import Module, in developer mode), which makes the custom fields and shows them on the forms, "
        "then do the other lines. Whatever is done already is left alone by the migration.",
        [
            Section("To be done by hand", "", columns, [[i.sentence, i.where, None, None] for i in by_hand], empty="Nothing."),
            Section(
                "Done by installing the module",
                f"All of it at once, with {module}.",
                columns,
                [[i.sentence, i.where, None, None] for i in by_module],
                empty="Nothing.",
            ),
            Section("Done already", "", columns[:2], [[i.sentence, i.where] for i in done], empty="Nothing yet."),
        ],
        ("html", "docx"),
        f"{len(to_do)} to do, {len(by_module)} of them by installing the module; {len(done)} done." if to_do else "Nothing to do: Odoo is set up.",
    )


def write_set_up(ws: Workspace, run_id: str, folder: str | Path, module: str, archive: bytes, items: Sequence[Item]) -> list[Document]:
    """Writes ``<module>.zip`` and the checklist (HTML, DOCX, JSON) to the documents of a run. ``archive``: the module, zipped.

    Raises CannotWrite.
    """
    paper, style, title = set_up_paper(items, module), Style.of(ws.bundle.project.locale), ws.bundle.project.title
    footer = f"{title} · run {run_id}"
    contents = [
        Content(f"{module}.zip", archive, "Custom fields as a module for Odoo"),
        Content(f"{NAME}.html", as_html(paper, title, footer, style).encode(), "Set-up of Odoo by hand"),
        Content(f"{NAME}.docx", as_docx(paper, title, style), "Set-up of Odoo by hand"),
        Content(f"{NAME}.json", as_json(paper.as_data()), "Set-up of Odoo by hand"),
    ]
    return [d for d in write(ws, run_id, folder, contents) if d.name != "manifest.json"]
