"""Documents are written whole, to disk or to S3, and each is known by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from crm2odoo.handoff.documents import CannotWrite, Content, read, write
from crm2odoo.ledger import approvals
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ws(staging_dsn: str) -> Workspace:
    return Workspace.open(load_bundle(ROOT, "demo_flash"), staging_dsn)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="reports")
        yield "s3://reports/acme"


def test_documents_on_s3_are_those_on_disk(ws: Workspace, bucket: str, tmp_path: Path) -> None:
    contents = [Content("report.html", b"<p>Hello</p>"), Content("report.json", b"{}")]
    on_disk, on_s3 = write(ws, "disk", tmp_path, contents), write(ws, "s3", bucket, contents)
    assert [d.location for d in on_s3[:2]] == [f"{bucket}/demo_flash/s3/report.html", f"{bucket}/demo_flash/s3/report.json"]
    assert [read(d) for d in on_s3[:2]] == [read(d) for d in on_disk[:2]]
    assert [d.sha256 for d in on_s3[:2]] == [hashlib.sha256(c.content).hexdigest() for c in contents]


def test_the_manifest_covers_what_earlier_calls_wrote(ws: Workspace, tmp_path: Path) -> None:
    write(ws, "two", tmp_path, [Content("a.html", b"a")])
    manifest = json.loads(read(write(ws, "two", tmp_path, [Content("b.html", b"b")])[-1]))
    assert [d["name"] for d in manifest["documents"]] == ["a.html", "b.html"]


def test_a_place_that_cannot_be_written_is_named(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CannotWrite, match=r"cannot write .*/file/demo_flash/x/a\.html"):
        write(ws, "x", tmp_path / "file", [Content("a.html", b"a")])


@pytest.mark.promise("P164")
def test_what_somebody_signed_stays_as_it_was_signed(ws: Workspace, tmp_path: Path) -> None:
    first = write(ws, "signed", tmp_path, [Content("report.html", b"as shown", "Report")])[0]
    approvals.record(ws, subject="report", hash=first.sha256, verdict="approved", by="maria")
    again = {d.kind: d for d in write(ws, "signed", tmp_path, [Content("report.html", b"made again", "Report")])}
    names = {d.name: read(d) for d in again.values()}
    assert names["report.html"] == b"made again"
    assert names[f"signed/{first.sha256[:12]}-report.html"] == b"as shown"


def test_the_unmasked_pack_is_a_folder_and_a_manifest_of_its_own(ws: Workspace, tmp_path: Path) -> None:
    write(ws, "mask", tmp_path, [Content("report.html", b"hidden")])
    write(ws, "mask", tmp_path, [Content("report.html", b"shown")], unmasked=True)
    folder = tmp_path / "demo_flash" / "mask"
    assert [(folder / place / "report.html").read_bytes() for place in (".", "unmasked")] == [b"hidden", b"shown"]
    for place in (".", "unmasked"):
        assert len(json.loads((folder / place / "manifest.json").read_text())["documents"]) == 1
    with ws.connect() as connection:
        kept = connection.execute(ws.sql("select name, kind, format, masked from {log}.document where run_id = 'mask' order by name")).fetchall()
    assert [tuple(k.values()) for k in kept] == [
        ("manifest.json", "manifest", "json", True),
        ("report.html", "report", "html", True),
        ("unmasked/manifest.json", "manifest", "json", False),
        ("unmasked/report.html", "report", "html", False),
    ]
