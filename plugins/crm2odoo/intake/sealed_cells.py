"""Cells as cleaning would make them, for columns that are encrypted before the database sees them: the cleaning in SQL meets only tokens.

The same rules as ``tidy`` and ``decoded`` of ``sql/clean/functions.sql.j2`` and ``numeric_id`` of ``sql/macros/clean_cells.sql.j2``; a test
holds the two together.
"""

from __future__ import annotations

import re
from html.entities import name2codepoint

from crm2odoo.project import Column
from crm2odoo.project.source_file import Formats

_BLANKS = "\u00a0\u2007\u202f\u3000\u2028\u2029\u0085\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u205f"
_NOTHING = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_TIDY = {**dict.fromkeys(map(ord, _BLANKS), " "), **dict.fromkeys(map(ord, _NOTHING))}
# What a byte of cp1252 reads as, back to the byte.
_BYTES = {ord(bytes([b]).decode("cp1252", "ignore") or chr(b)): b for b in range(0x80, 0xA0)}
_BREAK = re.compile(r"<\s*(?:br|/p|/div|/li|/tr|/h[1-6])\s*/?\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_WHITE = " \t\r\n"


def cleaned(cell: str, column: Column | None, formats: Formats) -> str:
    """One cell; empty when nothing is left of it. ``column``: None for one that the source file does not know."""
    text = cell.translate(_TIDY).strip(" \t\r\n\x0b\x0c")
    if column is not None and column.type == "id":
        return re.sub(r"^([0-9]+)\.0+$", r"\1", text) if formats.numeric_ids else text
    if formats.decode_html_entities and (column is None or column.type == "text"):
        return _decoded(text)
    return text


def _decoded(text: str) -> str:
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub("\n", text)).strip(_WHITE)
    if _ENTITY.search(text):
        text = _ENTITY.sub(_character, text).replace("\u00a0", " ").strip(_WHITE)
    return text if text.isascii() else _unmojibaked(text)


def _character(match: re.Match[str]) -> str:
    name = match[1]
    code = int(name[2:], 16) if name[:2] in ("#x", "#X") else int(name[1:]) if name[0] == "#" else name2codepoint.get(name, 0)
    return chr(code) if 1 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else match[0]


def _unmojibaked(text: str) -> str:
    """UTF-8 that was once read as cp1252, when undoing that gives clean UTF-8 for the whole cell."""
    try:
        return text.translate(_BYTES).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
