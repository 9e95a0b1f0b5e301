"""Exports come as folders, archives, single files or S3 prefixes; hostile archives are refused and leave nothing behind."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from crm2odoo.intake import HostileArchive, Limits, NoExport, clean, land, register, verify_counts
from crm2odoo.intake.delivery import open_delivery
from crm2odoo.staging import Workspace

LEADS = b"Lead ID,Lead Name,Status\n1,Anna,New\n2,Bob,New\n"
CONTACTS = b"Name,Email\nAnna,a@x.com\n"
FILES = {"leads.csv": LEADS, "sub/contacts.csv": CONTACTS}


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, files: dict[str, bytes], more: list[tarfile.TarInfo] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in more or []:
            tar.addfile(info)
    return path


def make_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="exports")
        for name, content in FILES.items():
            client.put_object(Bucket="exports", Key=f"acme/first/{name}", Body=content)
        yield client


@pytest.mark.promise("R09")
def test_every_way_of_delivery_gives_the_same_export(new_workspace: Callable[..., Workspace], tmp_path: Path, s3: Any) -> None:
    ws = new_workspace()
    s3.upload_file(str(make_zip(tmp_path / "b.zip", FILES)), "exports", "acme/first.zip")
    places = [
        "s3://exports/acme/first.zip",
        make_folder(tmp_path / "folder", {**FILES, ".DS_Store": b"x", "__MACOSX/leads.csv": b"x"}), make_zip(tmp_path / "a.zip", FILES), make_tar(tmp_path / "a.tar.gz", FILES), "s3://exports/acme/first/",
    ]
    exports = set()
    for place in places:
        export = register(ws, place)
        land(ws, export)
        report = clean(ws, export)
        verify_counts(ws, export)
        assert [(f.object, f.valid) for f in report.files] == [("lead", 2), ("contact", 1)]
        exports.add(export)
    assert len(exports) == 1
    single = tmp_path / "leads.csv"
    single.write_bytes(LEADS)
    assert register(ws, single) not in exports


def hostile(tmp_path: Path) -> dict[str, Path]:
    """Archives that no product writes."""
    link = tarfile.TarInfo("leads.csv")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard = tarfile.TarInfo("leads.csv")
    hard.type, hard.linkname = tarfile.LNKTYPE, "../../etc/passwd"
    device = tarfile.TarInfo("leads.csv")
    device.type = tarfile.CHRTYPE
    zip_link = tmp_path / "link.zip"
    with zipfile.ZipFile(zip_link, "w") as archive:
        info = zipfile.ZipInfo("leads.csv")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(make_zip(tmp_path / "whole.zip", {"leads.csv": os.urandom(4000)}).read_bytes()[:-30])
    crc = bytearray(make_zip(tmp_path / "crc.zip", {"leads.csv": os.urandom(4000)}).read_bytes())
    crc[200] ^= 0xFF
    (tmp_path / "crc.zip").write_bytes(crc)
    cut_tar = tmp_path / "cut.tar.gz"
    cut_tar.write_bytes(make_tar(tmp_path / "whole.tar.gz", {"leads.csv": os.urandom(40_000)}).read_bytes()[:20_000])
    folder = make_folder(tmp_path / "linked", {"leads.csv": LEADS})
    (folder / "secret.csv").symlink_to("/etc/passwd")
    return {
        "bomb": make_zip(tmp_path / "bomb.zip", {"leads.csv": b"\0" * (80 * 2**20)}), "tar bomb": make_tar(tmp_path / "bomb.tar.gz", {"leads.csv": b"\0" * (80 * 2**20)}),
        "nested": make_zip(tmp_path / "nested.zip", {"leads.csv": LEADS, "more.zip": b"PK"}), "up": make_zip(tmp_path / "up.zip", {"../leads.csv": LEADS}),
        "absolute": make_tar(tmp_path / "abs.tar.gz", {"/tmp/leads.csv": LEADS}), "drive": make_zip(tmp_path / "drive.zip", {"C:/leads.csv": LEADS}), "symlink": make_tar(tmp_path / "sym.tar.gz", {}, [link]),
        "hardlink": make_tar(tmp_path / "hard.tar.gz", {}, [hard]), "device": make_tar(tmp_path / "dev.tar.gz", {}, [device]), "zip symlink": zip_link, "cut": cut, "damaged": tmp_path / "crc.zip",
        "cut tar": cut_tar, "linked folder": folder,
    }


@pytest.mark.promise("P218")
def test_hostile_archives_are_refused_and_leave_nothing(new_workspace: Callable[..., Workspace], tmp_path: Path) -> None:
    ws = new_workspace()
    for name, path in hostile(tmp_path).items():
        before = sorted(p for p in tmp_path.rglob("*"))
        with pytest.raises(HostileArchive):
            raise AssertionError(f"{name}: taken in as {register(ws, path)}")
        assert sorted(p for p in tmp_path.rglob("*")) == before
    with ws.connect() as connection:
        assert connection.execute(ws.sql("select count(*) as n from {log}.export")).fetchone() == {"n": 0}


@pytest.mark.promise("P218")
def test_a_million_members_are_counted_before_they_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    path.write_bytes(make_zip(tmp_path / "few.zip", FILES).read_bytes())
    data = bytearray(path.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 10**6, 10**6, 46 * 10**6, 0)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    data[end:end] = record + locator
    path.write_bytes(data)
    with pytest.raises(HostileArchive, match="more than 200,000 files"), open_delivery(path):
        pass
    with pytest.raises(HostileArchive, match="breaks the limits"), open_delivery(make_tar(tmp_path / "t.tar.gz", {f"{n}.csv": b"" for n in range(50)}), Limits(members=20)):
        pass


def test_an_archive_among_the_attachments_is_an_attachment(tmp_path: Path) -> None:
    with open_delivery(make_zip(tmp_path / "a.zip", {"leads.csv": LEADS, "attachments/plans.zip": b"PK"})) as delivery:
        assert [f.name for f in delivery.files] == ["attachments/plans.zip", "leads.csv"]


def test_nothing_there_is_said(new_workspace: Callable[..., Workspace], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(NoExport):
            register(new_workspace(), place)
