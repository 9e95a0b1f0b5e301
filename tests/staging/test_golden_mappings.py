"""What a change to a mapping does: to the SQL that is rendered, and to the records that come out of the sample. ``make golden`` accepts it.

tests/golden/<source>.sql holds the statements that make the records, tests/golden/<source>.yaml how many there are and the first of each.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

import source_world
from crm2odoo import discovery, intake, staging
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
SOURCES = ("customer_factor", "flash_lead_sales", "leadforce", "smartdesk", "visual_practice")
SHOWN = 2


@pytest.fixture(scope="module", params=SOURCES)
def built(request: pytest.FixtureRequest, staging_dsn: str) -> tuple[str, list[str], dict[str, Any]]:
    """Source, the statements that made its records, and its records."""
    source, said = request.param, []
    name = next(p.stem for p in sorted((ROOT / "mappings" / "projects").glob("demo_*.yaml")) if f"source: {source}\n" in p.read_text())
    ws = Workspace.open(load_bundle(ROOT, name), staging_dsn)
    render = Workspace.statements

    def noted(self: Workspace, template: str, **values: Any) -> list[str]:
        statements = render(self, template, **values)
        if template == "target/3_record.sql.j2":
            said.extend(statements)
        return statements

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workspace, "statements", noted)
        export = intake.register(ws, ROOT / ws.bundle.project.export)
        intake.land(ws, export)
        intake.clean(ws, export)
        discovery.propose_custom_fields(ws, export)
        staging.build_target(ws, export)
    records = {e: {"records": len(rows), "first": [_shown(r) for r in rows[:SHOWN]]} for e, rows in source_world.target_tables(ws) if rows}
    return source, said, records


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A record without what is empty."""
    return {k: v if isinstance(v, (bool, int, list)) else str(v) for k, v in row.items() if v is not None and v != []}


def _accepted(path: Path, text: str) -> str:
    if os.environ.get("CRM2ODOO_GOLDEN") == "accept":
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_the_rendered_sql_is_as_accepted(built: tuple[str, list[str], dict[str, Any]]) -> None:
    source, said, _ = built
    text = ";\n\n".join("\n".join(line.rstrip() for line in s.splitlines() if line.strip()) for s in said) + ";\n"
    assert text == _accepted(GOLDEN / f"{source}.sql", text), "look at the difference; if it is meant: make golden"


def test_the_records_of_the_sample_are_as_accepted(built: tuple[str, list[str], dict[str, Any]]) -> None:
    source, _, records = built
    text = yaml.safe_dump(records, allow_unicode=True, sort_keys=False, width=150)
    assert text == _accepted(GOLDEN / f"{source}.yaml", text), "look at the difference; if it is meant: make golden"
