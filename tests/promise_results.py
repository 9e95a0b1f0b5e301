"""Choosing tests by promise, and the promises with the results of a run.

    pytest --promise P145,R01                 only the tests that prove one of these
    pytest --promise-table=FILE               writes promise, what it says, result and tests as Markdown
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROPERTY = "promise"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--promise", help="Run only tests of these promises, separated by commas.")
    parser.addoption("--promise-table", metavar="FILE", help="Write the promises with the results of this run.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = set(filter(None, (config.getoption("--promise") or "").split(",")))
    known = yaml.safe_load((ROOT / "docs" / "promises.yaml").read_text(encoding="utf-8"))
    if unknown := wanted - set(known):
        raise pytest.UsageError(f"no such promise: {', '.join(sorted(unknown))}; docs/promises.md lists them")
    for item in items:
        # A property of the report crosses the border between pytest-xdist's processes.
        item.user_properties += [(PROPERTY, p) for p in _promises(item)]
    if wanted:
        kept = [i for i in items if wanted & set(_promises(i))]
        config.hook.pytest_deselected(items=[i for i in items if i not in kept])
        items[:] = kept


def _promises(item: pytest.Item) -> list[str]:
    return [p for mark in item.iter_markers("promise") for p in mark.args]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--promise-table") or hasattr(config, "workerinput"):
        return
    results: dict[str, dict[str, str]] = {}
    for outcome in ("passed", "skipped", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, promise in getattr(report, "user_properties", []):
                if name == PROPERTY and (report.when == "call" or outcome != "passed"):
                    results.setdefault(promise, {})[report.nodeid.removeprefix("tests/")] = outcome
    says = yaml.safe_load((ROOT / "docs" / "promises.yaml").read_text(encoding="utf-8"))
    rows = [f"| {p} | {text} | {_verdict(results.get(p, {}))} | {'<br>'.join(results.get(p, {})) or 'none'} |" for p, text in says.items()]
    path = Path(config.getoption("--promise-table"))
    path.write_text("\n".join(["| promise | says | result | tests |", "|---|---|---|---|", *rows]) + "\n", encoding="utf-8")
    terminalreporter.write_line(f"{sum(bool(r) for r in results.values())} of {len(says)} promises were tested: {path}")


def _verdict(outcomes: dict[str, str]) -> str:
    return next((o for o in ("error", "failed", "passed", "skipped") if o in outcomes.values()), "not tested")
