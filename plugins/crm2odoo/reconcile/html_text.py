"""What a piece of HTML says, without how it is written: the form in which two pieces are compared.

Odoo sanitises HTML (odoo19.md §2.12): it drops scripts, event handlers and unknown tags, wraps bare text, and rewrites entities and
attributes. What must survive is the text, the links and the images. Those, in their order, are the canonical form.
"""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

# Elements whose content is no text for a reader; Odoo removes them as a whole.
_DROPPED = {"script", "style", "iframe", "object", "embed", "noscript", "template", "head", "title", "link", "meta"}
_VOID = {"link", "meta", "embed"}
_INLINE = {
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "big",
    "cite",
    "code",
    "data",
    "del",
    "dfn",
    "em",
    "font",
    "i",
    "ins",
    "kbd",
    "label",
    "mark",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "time",
    "tt",
    "u",
    "var",
    "wbr",
}


@dataclass(frozen=True)
class Canonical:
    """``text`` with blanks collapsed; ``targets``: the addresses of links and images, in order, dangerous ones left out."""

    text: str
    targets: tuple[str, ...]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.targets: list[str] = []
        self.dropped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self.dropped += tag not in _VOID
            return
        if tag not in _INLINE:
            self.pieces.append(" ")
        for name, value in attrs:
            if name in ("href", "src") and value and not self.dropped:
                address = "".join(value.split())
                if not address.lower().startswith(("javascript:", "vbscript:", "data:text")):
                    self.targets.append(address)

    def handle_endtag(self, tag: str) -> None:
        if tag in _DROPPED:
            self.dropped = max(0, self.dropped - (tag not in _VOID))
        elif tag not in _INLINE:
            self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.dropped:
            self.pieces.append(data)


def canonical(html: str) -> Canonical:
    """The canonical form of a piece of HTML or of plain text. Never raises: broken markup is read as a browser would begin to."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Canonical(" ".join("".join(reader.pieces).split()), tuple(reader.targets))


def verdict(expected: str, found: str) -> str:
    """How two pieces of HTML relate: ``transformed`` (the canonical forms are equal) or a kind of difference."""
    a, b = canonical(expected), canonical(found)
    if a == b:
        return "transformed"
    if a.text == b.text:
        return "sanitised_html"
    if b.text and len(b.text) < len(a.text) and a.text.startswith(b.text):
        return "truncated"
    if not b.text:
        return "missing"
    if "".join(a.text.split()) == "".join(b.text.split()):
        return "format"
    lost = set(a.text.split()) - set(b.text.split())
    added = set(b.text.split()) - set(a.text.split())
    return "sanitised_html" if lost and not added else "unexpected_value"
