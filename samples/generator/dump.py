"""A CSV table that is written a second time as an array of one JSON dump: the same rows, with the types that JSON has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .export import Export, Table


def key(title: str) -> str:
    """``Account ID`` → ``accountId``"""
    words: list[str] = re.findall(r"[A-Za-z0-9]+", title)
    return words[0].lower() + "".join(word.capitalize() for word in words[1:])


def cell(value: Any) -> Any:
    """A value as the CSV shows it: lists as an inner CSV, yes and no as true and false, nothing as nothing."""
    if isinstance(value, list):
        return ", ".join(f'"{item}"' if "," in item else item for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


class Dump:
    """``{"users": [{...}, ...], "accounts": [...]}``, written as it comes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", newline="")
        self._open = ""
        self._encode = json.JSONEncoder(ensure_ascii=False).encode

    def row(self, name: str, keys: Sequence[str], values: Sequence[Any]) -> None:
        if name != self._open:
            self._file.write(f'{"{" if not self._open else "],"}\n"{name}": [\n')
            self._open = name
        else:
            self._file.write(",\n")
        self._file.write(self._encode(dict(zip(keys, values, strict=True))))

    def close(self) -> None:
        self._file.write("\n]}\n")
        self._file.close()


class DumpedTable(Table):
    """Rows hold Python values: list, bool, int, str, None."""

    def __init__(self, export: Export, dump: Dump, object: str, name: str, header: Sequence[str], **options: Any) -> None:
        super().__init__(export, object, name, header, **options)
        write, keys, array = self._write, [key(title) for title in self.header], name.removesuffix(".csv")

        def both(cells: Iterable[Any]) -> None:
            values = [None if value == "" else value for value in cells]
            write([cell(value) for value in values])
            dump.row(array, keys, values)

        self._write = both  # the same call for both files
