"""Reads a YAML file into a pydantic model and points at the line where a mistake is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from crm2odoo.project.errors import ConfigError, Problem

# The parser in C is seven times faster; Airflow reads every project every few seconds.
LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = "tag:yaml.org,2002:str"
Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]


class YamlFile:
    """A parsed YAML file that remembers where each value stands.

    Raises ConfigError when the file is missing, is no YAML, or repeats a key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: dict[Location, tuple[int, int]] = {(): (1, 1)}
        try:
            self.text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ConfigError([Problem(path, 0, 0, "", "the file does not exist")]) from None
        except UnicodeDecodeError as error:
            raise ConfigError([Problem(path, 0, 0, "", f"not UTF-8: {error}", "save the file as UTF-8")]) from None
        self.lines = self.text.splitlines()
        try:
            loader = LOADER(self.text)
            node = loader.get_single_node()
            self.data: Any = self._value(loader, node, ()) if node is not None else {}
        except yaml.reader.ReaderError as error:
            line, start = self.text.count("\n", 0, error.position) + 1, self.text.rfind("\n", 0, error.position) + 1
            what = f"a character that YAML does not allow: U+{ord(self.text[error.position]):04X}" if error.position < len(self.text) else error.reason
            raise ConfigError([self.problem_at(line, error.position - start + 1, "", what, "take it out, or write it as \\uXXXX in double quotes")]) from None
        except (ValueError, RecursionError) as error:
            # Dates and numbers that do not exist (2024-02-30), nesting without end.
            raise ConfigError([Problem(path, 0, 0, "", f"not valid YAML: {error}", "put the value in quotes")]) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            raise ConfigError([self.problem_at(line, column, "", error.problem or "not valid YAML")]) from None

    def _value(self, loader: yaml.SafeLoader, node: yaml.Node, path: Location) -> Any:
        self.places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, yaml.MappingNode):
            result: dict[Hashable, Any] = {}
            for key_node, value_node in node.value:
                key = key_node.value if key_node.tag == _TEXT and isinstance(key_node, yaml.ScalarNode) else loader.construct_object(key_node, deep=True)
                place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
                if key in result:
                    raise ConfigError([self.problem_at(*place, ".".join(map(str, path)), f"the key {key!r} stands here twice")])
                self.places[(*path, key)] = place
                result[key] = self._value(loader, value_node, (*path, key))
            return result
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.places[(*path, index)] = (item.start_mark.line + 1, item.start_mark.column + 1)
                items.append(self._value(loader, item, (*path, index)))
            return items
        return node.value if node.tag == _TEXT else loader.construct_object(node, deep=True)

    def problem_at(self, line: int, column: int, path: str, message: str, hint: str = "") -> Problem:
        """A Problem of this file at a 1-based line and column."""
        source = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Problem(self.path, line, column, path, message, hint, source)

    def problem(self, where: Location, message: str, hint: str = "") -> Problem:
        """A Problem at the value that ``where`` names, or at the nearest one around it."""
        known = where
        while known not in self.places:
            known = known[:-1]
        return self.problem_at(*self.places[known], ".".join(map(str, where)), message, hint)

    def model(self, kind: type[Model]) -> Model:
        """The content as ``kind``. Raises ConfigError with one Problem per mistake."""
        if not isinstance(self.data, dict):
            raise ConfigError([self.problem_at(1, 1, "", "expected keys and values at the top of the file")])
        try:
            return kind.model_validate(self.data)
        except ValidationError as error:
            raise ConfigError([self._from_pydantic(e, kind) for e in error.errors()]) from None

    def _from_pydantic(self, error: Any, kind: type[BaseModel]) -> Problem:
        where: Location = tuple(error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        hint = ""
        if error["type"] == "extra_forbidden":
            message = f"unknown key {where[-1]!r}"
            close = difflib.get_close_matches(str(where[-1]), _field_names(kind), n=1)
            hint = f"did you mean {close[0]!r}?" if close else ""
        elif error["type"] == "missing":
            message = f"the key {where[-1]!r} is missing"
        elif error["type"] in ("literal_error", "enum"):
            close = difflib.get_close_matches(str(error["input"]), re.findall(r"'([^']+)'", str(error["ctx"]["expected"])), n=1)
            hint = f"did you mean {close[0]!r}?" if close else ""
        if error["type"] == "value_error":
            # A check over several keys names the place itself: "fields.name: …".
            named, _, rest = message.partition(": ")
            if rest and (*where, *named.split(".")) in self.places:
                where, message = (*where, *named.split(".")), rest
        return self.problem(self._in_file(where), message, hint)

    def _in_file(self, where: Location) -> Location:
        """pydantic puts the names of union members into a location; the file does not have them."""
        result: Location = ()
        for part in where:
            if (*result, part) in self.places:
                result = (*result, part)
        missing = where[-1:] if where and (not result or result[-1] != where[-1]) else ()
        return result + missing if missing and isinstance(missing[0], str) else result


def _field_names(kind: type[BaseModel], depth: int = 0) -> list[str]:
    names: list[str] = []
    for name, field in kind.model_fields.items():
        names.append(field.alias or name)
        if depth < 3:
            for inner in _models_in(field.annotation):
                names += _field_names(inner, depth + 1)
    return names


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for a in getattr(annotation, "__args__", ()) for m in _models_in(a)]
