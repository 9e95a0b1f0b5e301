"""What forms have in common: their fields, and the way back to the page after something was written."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import Form, Request
from fastapi.responses import RedirectResponse

Text = Annotated[str, Form(max_length=2000)]
Name = Annotated[str, Form(max_length=500)]


def back(request: Request, project: str, tab: str, said: str) -> RedirectResponse:
    """To a page of the project, which says what was done. Loading that page again writes nothing."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/p/{project}/{tab}?done={quote(said)}", 303)


def tidy(text: str) -> str | None:
    """A comment without the blanks around it; None when there is none."""
    return text.strip() or None
