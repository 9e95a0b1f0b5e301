"""What all HTML pages share: templates, style sheet, and the policy that allows nothing but that style sheet."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates with autoescaping: what comes from the source is text, whatever it looks like."""
    return Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def page_head() -> dict[str, Any]:
    """The style sheet and its hash, as `base.html.j2` wants them."""
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return {"css": Markup(css), "css_hash": f"sha256-{digest}"}  # noqa: S704 - our own style sheet
