"""Mistakes in YAML files, told with file, line, column, a caret and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One mistake at one place. ``line`` and ``column`` are 1-based; 0 means the file as a whole."""

    file: Path
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    source_line: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)
        text = f"{place}: {self.path + ': ' if self.path else ''}{self.message}"
        if self.source_line:
            text += f"\n    {self.source_line}\n    {' ' * (self.column - 1)}^"
        return text + (f"\n    → {self.hint}" if self.hint else "")


class ConfigError(ValueError):
    """One or more mistakes in project, source or entity files."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(p) for p in problems))
