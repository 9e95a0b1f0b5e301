"""Documents are written whole, to disk or to S3, and each is known by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from crm2odoo.handoff.documents import CannotWrite, read, write
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
    contents = [("report.html", b"<p>Hello</p>"), ("report.json", b"{}")]
    on_disk, on_s3 = write(ws, "disk", tmp_path, contents), write(ws, "s3", bucket, contents)
    assert [d.location for d in on_s3[:2]] == [f"{bucket}/demo_flash/s3/report.html", f"{bucket}/demo_flash/s3/report.json"]
    assert [read(d) for d in on_s3[:2]] == [read(d) for d in on_disk[:2]]
    assert [d.sha256 for d in on_s3[:2]] == [hashlib.sha256(c).hexdigest() for _, c in contents]


def test_the_manifest_covers_what_earlier_calls_wrote(ws: Workspace, tmp_path: Path) -> None:
    write(ws, "two", tmp_path, [("a.html", b"a")])
    manifest = json.loads(read(write(ws, "two", tmp_path, [("b.html", b"b")])[-1]))
    assert [d["name"] for d in manifest["documents"]] == ["a.html", "b.html"]


def test_a_place_that_cannot_be_written_is_named(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CannotWrite, match=r"cannot write .*/file/demo_flash/x/a\.html"):
        write(ws, "x", tmp_path / "file", [("a.html", b"a")])
