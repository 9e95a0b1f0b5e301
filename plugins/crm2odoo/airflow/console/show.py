"""How pages are made: templates that escape everything, the words for numbers and times, and the static files with their hashes."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from airflow.api_fastapi.app import get_auth_manager
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from crm2odoo.airflow.console import access
from crm2odoo.airflow.console.desk import Desk
from crm2odoo.airflow.console_address import PREFIX
from crm2odoo.handoff.wording import what_and_what_to_do, words

HERE = Path(__file__).parent
STATIC = {"console.css": "text/css", "console.js": "text/javascript", "mark.svg": "image/svg+xml", "mark_dark.svg": "image/svg+xml"}

TABS = (
    ("", "Overview"), ("plan", "Plan"), ("rows", "Rows"), ("differences", "Differences"), ("owners", "Owners"), ("conflicts", "Conflicts"),
    ("decisions", "Decisions"), ("approvals", "Approvals"), ("documents", "Documents"),
)


def page(request: Request, template: str, desk: Desk | None = None, status: int = 200, **values: Any) -> HTMLResponse:
    """A page. ``desk``: the project that it is about; its tabs are shown."""
    base = request.scope.get("root_path", "")
    about = {
        "base": base,
        "airflow": base.removesuffix(PREFIX),
        "asset": lambda name: f"{base}/static/{name}?v={asset(name)[1]}",
        "desk": desk,
        "tabs": TABS,
        "here": values.pop("tab", None),
        "url": f"{base}/p/{desk.project}" if desk else base,
        "token": access.token(desk.user) if desk and desk.may_edit else "",
        "done": request.query_params.get("done", "")[:300],
        "words": words(),
        "live": False,
        "begin": "",
    }
    return HTMLResponse(environment().get_template(template).render({**about, **values}), status_code=status)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Autoescaping: what comes from the export is text, whatever it looks like."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(number=number, when=when, lasted=lasted, share=share, markdown=markdown, marked=marked, coded=coded, step=step)
    made.globals.update(titles=titles, object_titles=object_titles, query=query, what_and_what_to_do=what_and_what_to_do)
    return made


@lru_cache(maxsize=8)
def asset(name: str) -> tuple[bytes, str]:
    """A static file and the beginning of its hash."""
    content = (HERE / "static" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]


def number(value: float | None) -> str:
    """1234567 → 1,234,567; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}".rstrip("0").rstrip(".")


def when(value: datetime | None) -> Markup:
    """A time in UTC, in a <time> element that the browser's script may show in the reader's zone."""
    if value is None:
        return Markup("")
    utc = value.astimezone(timezone.utc)
    return Markup('<time datetime="{}">{} UTC</time>').format(utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M"))


def lasted(value: float | timedelta | None) -> str:
    """Seconds as 0.4 s, 12 s, 3 min 05 s, 2 h 10 min."""
    if value is None:
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def share(part: float, whole: float) -> str:
    """Percent; never 100 % while something is missing, and never 0 % when there is something."""
    if not whole:
        return ""
    percent = 100 * part / whole
    if part < whole and percent > 99.9:
        return "99.9 %"
    if part and percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def markdown(text: str | None) -> Markup:
    """What a sign-off shows. HTML in it stays text; addresses that are no web addresses are no links."""
    made = MarkdownIt("commonmark", {"html": False}).enable("table").render(text or "")
    return Markup(made)  # noqa: S704 - markdown-it escapes, and html is off


def coded(text: str) -> Markup:
    """A plain text in which `names like this` look like names."""
    parts = text.split("`")
    pairs = len(parts) - 1 if len(parts) % 2 else 0
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 and i < pairs else escape(p) for i, p in enumerate(parts))


def step(key: str) -> str:
    """acme.sample.manual__2026-… → sample."""
    return key.split(".")[1] if key.count(".") > 1 else key


def query(**values: Any) -> str:
    """?a=b for an address, without what is empty."""
    kept = {k: v for k, v in values.items() if v not in (None, "")}
    return f"?{urlencode(kept)}" if kept else "?"


def marked(value: str | None, other: str | None) -> Markup:
    """A text with the part marked in which it differs from the other one."""
    if value is None or value == "":
        return Markup('<span class="nothing">empty</span>')
    if not other:
        return Markup("<mark>{}</mark>").format(value)
    start = 0
    while start < min(len(value), len(other)) and value[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(value), len(other)) - start and value[-1 - end] == other[-1 - end]:
        end += 1
    middle = value[start : len(value) - end]
    tail = value[len(value) - end :]
    return Markup("{}{}{}").format(value[:start], Markup("<mark>{}</mark>").format(middle) if middle else "", tail)


def titles(desk: Desk) -> dict[str, str]:
    """Entity, or object that no entity is called like → how people call it."""
    return {**object_titles(desk), **{name: e.title for name, e in desk.bundle.entities.items()}}


def object_titles(desk: Desk) -> dict[str, str]:
    """Object of the source → how people call it. An entity of the same name may have another title: activities, and Open activities."""
    return {name: o.title for name, o in desk.bundle.source.objects.items()}


def login_address(request: Request) -> str:
    """Where somebody logs in who then comes back here."""
    return get_auth_manager().get_url_login(next_url=str(request.url))
