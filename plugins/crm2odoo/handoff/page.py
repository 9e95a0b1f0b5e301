"""What all HTML pages share: templates, style sheet, and the policy that allows nothing but that style sheet."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from crm2odoo.handoff.wording import what_and_what_to_do

TEMPLATES = Path(__file__).parent / "templates"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates with autoescaping: what comes from the source is text, whatever it looks like."""
    found = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    found.filters["breakable"] = breakable
    found.globals["what_and_what_to_do"] = what_and_what_to_do
    return found


# Words of fewer letters fit into any column. Where an e-mail address, a path or an address of the web may go on in the next line.
_LONG, _SEAM = re.compile(r"\S{17,}"), re.compile(r"(?<=[^\s@:])(?=[@:])|(?<=[/_.,=&-])(?=[^\s/_.,=&-])")


def breakable(text: object) -> Markup:
    """Text for a cell: a long word goes on in the next line before @ and :, or after / _ . - and not in the midst of a name."""
    parts = []
    for piece in re.split(r"(\s+)", str(text)):
        parts.append(Markup("<wbr>").join(_SEAM.split(piece)) if _LONG.match(piece) else escape(piece))
    return Markup("").join(parts)


def page_head() -> dict[str, Any]:
    """The style sheet and its hash, as `base.html.j2` wants them."""
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return {"css": Markup(css), "css_hash": f"sha256-{digest}"}  # noqa: S704 - our own style sheet
