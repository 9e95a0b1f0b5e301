"""When the values of a project must be gone, and that every DAG says so."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from crm2odoo.ledger import purge
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace
from load_world import write_project

GDPR = {"regime": "gdpr", "agreement": "Agreement of 2026-01-03"}


def workspace(root: Path, dsn: str, name: str, days_ago: int, **privacy: object) -> Workspace:
    write_project(root, name)
    path = root / "mappings" / "projects" / f"{name}.yaml"
    import yaml

    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "privacy": privacy}))
    ws = Workspace.open(load_bundle(root, name), dsn)
    with ws.connect() as connection:
        at = datetime.now(timezone.utc) - timedelta(days=days_ago)
        connection.execute(ws.sql("insert into {log}.export (export_id, sha256, location, files, bytes, received_at) values ('e', 'e', '/e', 1, 1, %s)"), (at,))
    return ws


@pytest.mark.promise("P212")
def test_the_purge_is_due_when_the_retention_after_the_last_delivery_is_over(tmp_path: Path, staging_dsn: str) -> None:
    late = workspace(tmp_path, staging_dsn, "late", 91, **GDPR)
    assert "trigger late.purge" in str(purge.overdue(late))
    assert purge.overdue(workspace(tmp_path, staging_dsn, "early", 89, **GDPR)) is None
    assert "own.purge" in str(purge.overdue(workspace(tmp_path, staging_dsn, "own", 11, **GDPR, retention_days=10)))
    assert purge.overdue(workspace(tmp_path, staging_dsn, "free", 4000)) is None


@pytest.mark.promise("P212")
def test_after_the_purge_nothing_is_due_and_nothing_goes_on(tmp_path: Path, staging_dsn: str) -> None:
    ws = workspace(tmp_path, staging_dsn, "gone", 91, **GDPR)
    proof = purge.purge(ws, "r", "ann")
    assert proof.rows_left == 0
    assert purge.overdue(ws) is None
    with ws.connect() as connection, pytest.raises(purge.Purged, match="were purged by ann"):
        purge.refuse_purged(ws, connection)
