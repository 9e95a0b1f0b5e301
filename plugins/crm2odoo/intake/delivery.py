"""One delivery of files, wherever it lies: folder, zip, tar(.gz), single file, or an S3 prefix.

Archives are never unpacked to disk: members are read as streams, so a refused archive leaves nothing behind.
"""

from __future__ import annotations

import errno
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from crm2odoo.intake.errors import ExportChanged, HostileArchive, NoExport

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")
ATTACHMENT_FOLDERS = {"attachments", "attachment", "files", "documents", "uploads", "media", "images", "pdfs"}


def among_attachments(name: str) -> bool:
    """Whether a file of a delivery lies in a folder of attachments, however deep."""
    return bool({part.lower() for part in PurePosixPath(name).parts[:-1]} & ATTACHMENT_FOLDERS)


@dataclass(frozen=True)
class Limits:
    """What an honest export stays below. Sizes in bytes."""

    members: int = 200_000
    total: int = 64 * 2**30
    file: int = 16 * 2**30
    ratio: int = 200
    ratio_from: int = 64 * 2**20


@dataclass(frozen=True)
class Entry:
    """One file of a delivery. ``name`` is its path inside the delivery, with ``/``."""

    name: str
    size: int


@dataclass(frozen=True)
class Delivery:
    """The files of a delivery, sorted by name, and how to read one. ``live``: no archive, so that somebody may still be writing to them."""

    location: str
    files: list[Entry]
    _open: Callable[[str], BinaryIO]
    live: bool = False

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """The bytes of a file. Raises ExportChanged when it is gone, NoExport when nobody may read it."""
        try:
            stream = self._open(name)
        except FileNotFoundError:
            raise ExportChanged(
                f"{self.location}: {name} is gone since the files were listed\nPut it back, or start again with what is there."
            ) from None
        except PermissionError:
            raise NoExport(f"{self.location}: {name} may not be read\nGive the user of the Airflow workers the right to read it.") from None
        try:
            yield stream
        finally:
            stream.close()


@contextmanager
def open_delivery(location: str | Path, limits: Limits | None = None) -> Iterator[Delivery]:
    """Opens what lies at ``location``. Raises NoExport or HostileArchive."""
    limits = limits or Limits()
    text = str(location)
    if text.startswith("s3://"):
        if text.lower().endswith(ARCHIVES):
            with _downloaded(text) as path, open_delivery(path, limits) as delivery:
                yield Delivery(text, delivery.files, delivery._open)
        else:
            yield _from_s3(text, limits)
        return
    path = Path(location)
    if path.is_dir():
        yield _from_folder(path, limits)
    elif not path.exists():
        raise NoExport(f"there is nothing at {path}\nCheck `export` in the project file; a relative path starts at the folder that holds mappings/.")
    elif zipfile.is_zipfile(path):
        _check_zip_directory(path, limits)
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise HostileArchive(f"{path.name} is a damaged zip: {error}\nAsk for the export again.") from None
        with archive:
            try:
                yield _from_zip(path, archive, limits)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
                # Damage of a member shows when it is read; a place before the file's start is an invalid argument.
                if isinstance(error, OSError) and error.errno != errno.EINVAL:
                    raise
                raise HostileArchive(f"{path.name} is a damaged zip: {error}\nAsk for the export again.") from None
    elif _is_tar(path):
        try:
            with tarfile.open(path) as tar:
                yield _from_tar(path, tar, limits)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise HostileArchive(f"{path.name} is a damaged archive: {error}\nAsk for the export again.") from None
    elif path.name.lower().endswith(ARCHIVES):
        raise HostileArchive(
            f"{path.name} is no readable archive\nIt may be cut off, or of a kind that is not supported. Deliver a zip, a tar.gz or a folder."
        )
    else:
        yield Delivery(text, [Entry(path.name, path.stat().st_size)], lambda _: path.open("rb"), live=True)


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except (OSError, EOFError):
        return False


def _is_noise(name: str) -> bool:
    """Files that operating systems add to folders and archives."""
    parts = PurePosixPath(name).parts
    return any(p.startswith(".") or p in ("__MACOSX", "Thumbs.db", "desktop.ini") for p in parts)


def _checked(location: str, entries: list[Entry], limits: Limits, packed: int | None) -> list[Entry]:
    """The entries that count, sorted; refuses what no honest delivery holds. ``packed``: size of the archive in bytes."""
    names: set[str] = set()
    for entry in entries:
        path = PurePosixPath(entry.name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (len(entry.name) > 1 and entry.name[1] == ":"):
            raise HostileArchive(
                f"{location}: the name {entry.name!r} leads out of the archive\nThis archive was made to do harm, or by a broken tool. It was not "
                f"unpacked."
            )
        if "\0" in entry.name or len(entry.name) > 1000:
            raise HostileArchive(f"{location}: the name {entry.name[:80]!r}… is not a file name")
        if entry.name in names:
            raise HostileArchive(f"{location}: two files are called {entry.name!r}\nNobody can say which one counts. Ask for the export again.")
        names.add(entry.name)
        if entry.size > limits.file:
            raise HostileArchive(f"{location}: {entry.name} has {entry.size:,} bytes; the limit is {limits.file:,}")
    if len(entries) > limits.members:
        raise HostileArchive(f"{location}: more than {limits.members:,} files\nSplit the delivery, or raise the limit.")
    total = sum(e.size for e in entries)
    if total > limits.total:
        raise HostileArchive(f"{location}: {total:,} bytes unpacked; the limit is {limits.total:,}")
    if packed is not None:
        if total > limits.ratio_from and total > limits.ratio * max(packed, 1):
            raise HostileArchive(
                f"{location}: {packed:,} bytes would unpack to {total:,} (more than {limits.ratio} times): a zip bomb\nIt was not unpacked."
            )
        for entry in entries:
            if entry.name.lower().endswith(ARCHIVES) and not _is_noise(entry.name) and not among_attachments(entry.name):
                raise HostileArchive(
                    f"{location}: holds another archive, {entry.name}\nUnpack it and deliver its files, or put it below attachments/ if it is an "
                    f"attachment."
                )
    kept = sorted((e for e in entries if not _is_noise(e.name)), key=lambda e: e.name)
    if not kept:
        raise NoExport(f"{location} holds no files")
    return kept


def _from_folder(folder: Path, limits: Limits) -> Delivery:
    entries = []
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise HostileArchive(f"{folder}: {path.relative_to(folder)} is a symbolic link\nPut the file itself into the folder.")
        if path.is_file():
            entries.append(Entry(path.relative_to(folder).as_posix(), path.stat().st_size))
            if len(entries) > limits.members:
                break
    return Delivery(str(folder), _checked(str(folder), entries, limits, None), lambda name: (folder / name).open("rb"), live=True)


def _check_zip_directory(path: Path, limits: Limits) -> None:
    """Reads the number of members from the end of the file, before zipfile builds a list of them."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557 - 20))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise HostileArchive(f"{path.name} is a damaged zip: its directory is missing\nAsk for the export again.")
    members = struct.unpack("<H", tail[end + 10 : end + 12])[0]
    directory = struct.unpack("<I", tail[end + 12 : end + 16])[0]
    locator = tail.rfind(b"PK\x06\x07", 0, end)
    if locator >= 0 and len(tail) >= locator + 20:
        with path.open("rb") as file:
            file.seek(struct.unpack("<Q", tail[locator + 8 : locator + 16])[0])
            record = file.read(56)
        if record[:4] == b"PK\x06\x06" and len(record) == 56:
            members, directory = struct.unpack("<QQ", record[32:48])
    # An entry of the directory takes at least 46 bytes: its size tells when the count lies.
    if max(members, directory // 400) > limits.members:
        raise HostileArchive(f"{path.name}: more than {limits.members:,} files\nSplit the delivery, or raise the limit.")


def _from_zip(path: Path, archive: zipfile.ZipFile, limits: Limits) -> Delivery:
    entries = []
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if stat.S_ISLNK(info.external_attr >> 16):
            raise HostileArchive(f"{path.name}: {info.filename} is a symbolic link\nIt was not unpacked.")
        if info.flag_bits & 1:
            raise HostileArchive(f"{path.name}: {info.filename} is encrypted\nDeliver the export without a password.")
        name = _with_slashes(info.filename)
        if not name.endswith("/"):
            entries.append(Entry(name, info.file_size))
            members[name] = info
    if {"[Content_Types].xml", "xl/workbook.xml"} <= members.keys():
        raise NoExport(f"{path.name} is an Excel workbook; an export is CSV or JSON\nSave each of its sheets as CSV (UTF-8), and deliver those.")
    checked = _checked(path.name, entries, limits, path.stat().st_size)
    return Delivery(str(path), checked, lambda name: cast(BinaryIO, archive.open(members[name])))


def _with_slashes(name: str) -> str:
    """A path inside a delivery as the standards want it; programs on Windows write the other slash."""
    return name.replace("\\", "/")


def _from_tar(path: Path, tar: tarfile.TarFile, limits: Limits) -> Delivery:
    entries: list[Entry] = []
    members: dict[str, tarfile.TarInfo] = {}
    packed, total = path.stat().st_size, 0
    for info in tar:
        if info.issym() or info.islnk():
            raise HostileArchive(f"{path.name}: {info.name} is a link\nIt was not unpacked.")
        if info.isdir():
            continue
        if not info.isfile():
            raise HostileArchive(f"{path.name}: {info.name} is a device, not a file\nIt was not unpacked.")
        total += info.size
        # Checked while walking: to find the next header, the walk must unpack what lies before it.
        if len(entries) >= limits.members or total > limits.total or (total > limits.ratio_from and total > limits.ratio * packed):
            raise HostileArchive(
                f"{path.name}: breaks the limits ({len(entries) + 1:,} files, {total:,} bytes from {packed:,})\nIt was not unpacked."
            )
        name = info.name.removeprefix("./")
        entries.append(Entry(name, info.size))
        members[name] = info
    return Delivery(str(path), _checked(path.name, entries, limits, packed), lambda name: cast(BinaryIO, tar.extractfile(members[name])))


@contextmanager
def _downloaded(location: str) -> Iterator[Path]:
    """An archive on S3 as a temporary file, because an archive is read from its end."""
    import boto3

    bucket, _, key = location.removeprefix("s3://").partition("/")
    client: Any = boto3.client("s3")
    with tempfile.TemporaryDirectory(prefix="crm2odoo-export-") as folder:
        path = Path(folder) / PurePosixPath(key).name
        try:
            client.download_file(bucket, key, str(path))
        except client.exceptions.ClientError as error:
            raise NoExport(f"{location}: {error}\nCheck the bucket, the key, and the rights of the connection.") from None
        yield path


def _from_s3(location: str, limits: Limits) -> Delivery:
    import boto3

    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    client: Any = boto3.client("s3")
    entries = []
    try:
        if prefix and not prefix.endswith("/") and client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1).get("KeyCount"):
            # A folder. S3 compares letters: `2026-1` alone would bring `2026-11/` and `2026-1-old/` along.
            prefix += "/"
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                name = _with_slashes(item["Key"][prefix.rfind("/") + 1 :]).lstrip("/")
                if not name.endswith("/") and not item["Key"].endswith("/"):
                    entries.append((Entry(name, item["Size"]), item["Key"]))
            if len(entries) > limits.members:
                break
    except client.exceptions.ClientError as error:
        raise NoExport(f"{location}: {error}\nCheck the bucket, the prefix, and the rights of the connection.") from None
    if not entries:
        raise NoExport(f"there is nothing below {location}")
    keys = {entry.name: key for entry, key in entries}

    def opened(name: str) -> BinaryIO:
        try:
            return cast(BinaryIO, client.get_object(Bucket=bucket, Key=keys[name])["Body"])
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise FileNotFoundError(name) from None
            raise NoExport(f"{location}: {name}: {error}\nCheck the rights of the connection.") from None

    return Delivery(location, _checked(location, [e for e, _ in entries], limits, None), opened, live=True)
