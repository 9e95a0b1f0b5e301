"""Reads a JSON dump element by element: its collections land in the same tables as CSV files do.

A dump is an array of records, or an object whose values are such arrays (below any number of wrapping objects). Numbers keep their
digits, lists become the inner CSV of a list cell, nested objects become columns ``outer.inner``.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from crm2odoo.intake.errors import Rejected
from crm2odoo.intake.scan import Defect, Scan
from crm2odoo.intake.tokens import Dialect, write_cell

READ = 1 << 20
SPACE = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"[-+.eE0-9]*")
# Objects that only hold custom fields: their own name says nothing.
WRAPPERS = {"customfields", "custom", "properties", "fields", "attributes", "customproperties", "data"}
SURROGATE = re.compile("[\ud800-\udfff]")
MAX_ELEMENT = 256 * 2**20


class BrokenJson(Rejected):
    """The file is no JSON, or is cut off. The message says where."""


class Element(NamedTuple):
    """One element of a collection, and the line on which it starts (1-based)."""

    collection: str
    line: int
    value: Any


@dataclass
class Collection:
    """What the first reading of a collection told: its columns in order of appearance, and its number of elements."""

    name: str
    header: dict[str, None] = field(default_factory=dict)
    records: int = 0


class _Text:
    """The text of a stream, of which a window is kept."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name = stream, name
        self._decoder: codecs.IncrementalDecoder | None = None
        self.buffer, self.position, self.line, self.ended = "", 0, 1, False
        # Objects whose values are all objects: records by their id, perhaps, which nobody reads.
        self.maps: list[str] = []

    def more(self) -> bool:
        """Reads on; False at the end of the file."""
        if self.ended:
            return False
        data = self._stream.read(READ)
        if self._decoder is None:
            encoding = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
            self._decoder = codecs.getincrementaldecoder(encoding)()
        try:
            text = self._decoder.decode(data, not data)
        except UnicodeDecodeError as error:
            raise self.broken(f"a byte that is not UTF-8 ({error.reason})") from None
        self.ended = not data
        self.line += self.buffer.count("\n", 0, self.position)
        self.buffer, self.position = self.buffer[self.position :] + text, 0
        if len(self.buffer) > MAX_ELEMENT:
            raise self.broken("one element that is larger than a dump may hold")
        return True

    def here(self) -> int:
        return self.line + self.buffer.count("\n", 0, self.position)

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            match = SPACE.match(self.buffer, self.position)
            assert match is not None
            self.position = match.end()
            if self.position < len(self.buffer):
                return self.buffer[self.position]
            if not self.more():
                return ""

    def expect(self, characters: str) -> str:
        found = self.peek()
        if not found or found not in characters:
            raise self.broken(f"{found!r} where one of {' '.join(characters)} should be" if found else "its end in the middle of the data")
        self.position += 1
        return found

    def value(self, decoder: json.JSONDecoder) -> Any:
        """The JSON value that starts here."""
        self.peek()
        while True:
            try:
                value, end = decoder.raw_decode(self.buffer, self.position)
            except RecursionError:
                raise self.broken("objects nested too deeply") from None
            except json.JSONDecodeError as error:
                if self.more():
                    continue
                self.position = min(error.pos, len(self.buffer))
                raise self.broken(error.msg) from None
            # A number at the end of the buffer may go on: "0" may become "0.5".
            if len(self.buffer) - end < 8 and NUMBER.fullmatch(self.buffer, end) and self.more():
                continue
            self.position = end
            return value

    def broken(self, what: str) -> BrokenJson:
        return BrokenJson(f"{self._name}, line {self.here():,}: the JSON holds {what}\nThe dump is damaged or cut off. Export it again.")


class ManyValues(Exception):
    """The file holds one value after the other: JSON lines."""


def elements(stream: BinaryIO, name: str, lines: bool = False, maps: list[str] | None = None) -> Iterator[Element]:
    """Every element of every collection, in file order. With ``lines`` the file is JSON lines, one record each.

    ``maps`` is filled with the paths of objects that hold objects and no list. Raises BrokenJson; and ManyValues when the file turns out to be
    JSON lines.
    """
    text = _Text(stream, name)
    text.maps = [] if maps is None else maps
    decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
    if not text.peek():
        raise text.broken("nothing")
    while lines and text.peek():
        line = text.here()
        yield Element("", line, text.value(decoder))
    if not lines:
        yield from _walk(text, decoder, ())
        if text.peek():
            raise ManyValues


def _walk(text: _Text, decoder: json.JSONDecoder, path: tuple[str, ...]) -> Iterator[Element]:
    first = text.peek()
    if first == "[":
        text.position += 1
        if text.peek() == "]":
            text.position += 1
            return
        while True:
            text.peek()
            line = text.here()
            yield Element(".".join(path), line, text.value(decoder))
            if text.expect(",]") == "]":
                return
    if first != "{" or len(path) >= 4:
        text.value(decoder)
        return
    text.position += 1
    if text.peek() == "}":
        text.position += 1
        return
    seen: set[str] = set()
    only_objects, any_list = True, False
    while True:
        text.peek()
        key = text.value(decoder)
        if not isinstance(key, str):
            raise text.broken("a key that is no text")
        if key in seen:
            raise text.broken(f"the key {key!r} twice")
        seen.add(key)
        text.expect(":")
        kind = text.peek()
        only_objects, any_list = only_objects and kind == "{", any_list or kind == "["
        for element in _walk(text, decoder, (*path, key)):
            any_list = True
            yield element
        if text.expect(",}") == "}":
            break
    if path and only_objects and not any_list:
        text.maps.append(".".join(path))


def flat(value: dict[str, Any]) -> dict[str, str | None]:
    """A record as header → cell."""
    result: dict[str, str | None] = {}

    def put(header: str, item: Any) -> None:
        if isinstance(item, dict):
            for key, inner in item.items():
                put(key if re.sub(r"[^a-z]", "", header.lower()) in WRAPPERS else f"{header}.{key}", inner)
        else:
            while header in result and result[header] is not None:
                header += "_"
            result[header] = _cell(item)

    for key, item in value.items():
        put(key, item)
    return result


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        parts = []
        for part in value:
            if isinstance(part, dict):
                shown = part.get("email") or part.get("name") or part.get("label")
                if not isinstance(shown, str):
                    return json.dumps(value, ensure_ascii=False)
                part = shown
            parts.append(_cell(part) or "")
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(parts)
        return re.sub(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', ", ", out.getvalue()) or None
    return json.dumps(value, ensure_ascii=False)


def survey(stream: BinaryIO, name: str, lines: bool = False, maps: list[str] | None = None) -> list[Collection]:
    """Reads a dump once for its collections and their columns. Raises as ``elements`` does."""
    found: dict[str, Collection] = {}
    for element in elements(stream, name, lines, maps):
        collection = found.setdefault(element.collection, Collection(element.collection))
        collection.records += 1
        if isinstance(element.value, dict):
            collection.header.update(dict.fromkeys(flat(element.value)))
    return list(found.values())


def rows(items: Iterator[Element], header: list[str], scan: Scan) -> Iterator[bytes]:
    """The elements of one collection as COPY data under ``header``; ``scan`` fills on the way. Cells are joined by commas."""
    dialect = Dialect()
    places = {h: i for i, h in enumerate(header)}
    scan.flags |= {"tab", "return"}  # not looked for
    for element in items:
        scan.records += 1
        if not isinstance(element.value, dict):
            scan.rejected += 1
            scan.defects.append(Defect(scan.records, element.line, None, "not_an_object", json.dumps(element.value)[:2000], True))
            continue
        cells = [b""] * len(header)
        for name, text in flat(element.value).items():
            if text is None:
                continue
            if SURROGATE.search(text):
                text = SURROGATE.sub("\ufffd", text)
                scan.defects.append(Defect(scan.records, element.line, name, "lone_surrogate", None, False))
            if "\0" in text:
                text = text.replace("\0", "")
                scan.defects.append(Defect(scan.records, element.line, name, "nul_byte", None, False))
            if not text.isascii():
                scan.flags |= {"non_ascii", "odd_blanks", "composing"}
            if text != text.strip():
                scan.padded.add(places[name] + 1)
            cells[places[name]] = write_cell(text.encode(), dialect)
        yield b"%d,%d,%b\n" % (scan.records, element.line, b",".join(cells))
