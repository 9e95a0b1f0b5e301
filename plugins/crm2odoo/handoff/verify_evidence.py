"""Checks an evidence bundle: the sha256 of every file, and the chain of writes to Odoo. Needs Python 3 and nothing else.

python3 verify.py [bundle] [sha256]

bundle    the archive evidence.zip, or the folder where it was unpacked; left out: the folder of this file
sha256    what the bundle must have: that of the archive, or of manifest.json in the folder. Take it from where the bundle did not come from.

exit code 0: everything is as it was made; 1: something was changed; 2: there is no bundle
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import zipfile
import zlib
from typing import IO, Any

MANIFEST, WRITES = "manifest.json", "ledger/writes.jsonl"
BROKEN = (ValueError, KeyError, TypeError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a file that was cut off, written over or made up may end with."""


class Folder:
    """An unpacked bundle. ``odd``: what has no business in one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names: list[str] = []
        self.odd: list[str] = []
        for place, folders, files in os.walk(path):
            for name in folders + files:
                whole = os.path.join(place, name)
                relative = os.path.relpath(whole, path).replace(os.sep, "/")
                if os.path.islink(whole):
                    self.odd.append(f"{relative} is a link: the bundle has none")
                elif os.path.isfile(whole):
                    self.names.append(relative)
                elif name in files:
                    self.odd.append(f"{relative} is no file that can be read")

    def open(self, name: str) -> IO[bytes]:
        return open(os.path.join(self.path, *name.split("/")), "rb")

    def seal(self) -> tuple[str, str]:
        with self.open(MANIFEST) as file:
            return MANIFEST, sha256_of(file)


class Archive:
    """The bundle as it was handed over, read where it is: nothing is unpacked."""

    def __init__(self, path: str) -> None:
        self.path, self.zip = path, zipfile.ZipFile(path)
        listed = self.zip.namelist()
        self.names = sorted(set(listed))
        self.odd = [f"{name} is in the archive more than once" for name in self.names if listed.count(name) > 1]

    def open(self, name: str) -> IO[bytes]:
        return self.zip.open(name)

    def seal(self) -> tuple[str, str]:
        with open(self.path, "rb") as file:
            return os.path.basename(self.path), sha256_of(file)


def sha256_of(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(1 << 20), b""):
        digest.update(block)
    return digest.hexdigest()


def verify(bundle: Folder | Archive) -> list[str]:
    """A list of sentences, one for each thing that is not as it was made."""
    if MANIFEST not in bundle.names:
        return [*bundle.odd, f"{MANIFEST} is missing: nothing can be compared"]
    try:
        with bundle.open(MANIFEST) as file:
            manifest = json.loads(file.read().decode("utf-8"))
        wanted: dict[str, str] = dict(manifest["files"])
        writes = dict(manifest["writes"])
    except BROKEN as error:
        return [*bundle.odd, f"{MANIFEST} cannot be read ({error}): nothing can be compared"]
    problems = list(bundle.odd)
    for name, expected in sorted(wanted.items()):
        if name.startswith("/") or re.search(r"[\\:]", name) or {"", ".", ".."} & set(name.split("/")):
            problems.append(f"{MANIFEST} names {name!r}, which is no place inside of the bundle")
        elif name not in bundle.names:
            problems.append(f"{name} is missing")
        else:
            try:
                with bundle.open(name) as file:
                    found = sha256_of(file)
            except BROKEN as error:
                problems.append(f"{name} cannot be read: {error}")
                continue
            if found != expected:
                problems.append(f"{name} was changed: its sha256 is {found}, the manifest says {expected}")
    problems += [f"{name} was added" for name in bundle.names if name not in wanted and name != MANIFEST]
    return problems + verify_chain(bundle, writes)


def verify_chain(bundle: Folder | Archive, writes: dict[str, Any]) -> list[str]:
    """Follows the chain: each write names the hash of the one before. The manifest says how many there are, and the hash of the last."""
    if WRITES not in bundle.names:
        return [f"{WRITES} is missing: what was written to Odoo cannot be proved"]
    previous, number = "0" * 64, 0
    try:
        with bundle.open(WRITES) as file:
            for number, line in enumerate(file, 1):
                entry = json.loads(line.decode("utf-8"))
                body = json.dumps(entry["write"], sort_keys=True, ensure_ascii=False)
                if entry["write"]["previous"] != previous:
                    return [f"{WRITES}: write {number} does not follow the one before: a line was removed, added or moved"]
                previous = hashlib.sha256(body.encode()).hexdigest()
                if entry["sha256"] != previous:
                    return [f"{WRITES}: write {number} was changed"]
    except BROKEN as error:
        return [f"{WRITES}: line {number + 1} or the one before cannot be read: {error}"]
    if (number, previous) != (writes.get("count"), writes.get("head")):
        return [f"{WRITES} ends after write {number}, the manifest says {writes.get('count')}: writes were cut off or added at the end"]
    return []


def main(arguments: list[str]) -> int:
    path = arguments[0] if arguments else os.path.dirname(os.path.abspath(__file__))
    try:
        bundle: Folder | Archive = Folder(path) if os.path.isdir(path) else Archive(path)
    except (OSError, zipfile.BadZipFile) as error:
        print(f"✕ {path} is no evidence bundle, or only a part of one: {error}")
        return 2
    found = verify(bundle)
    if MANIFEST in bundle.names:
        name, seal = bundle.seal()
        if len(arguments) > 1 and arguments[1].strip().lower() != seal:
            found.append(f"This is another bundle: the sha256 of {name} is {seal}")
        elif len(arguments) < 2:
            print(f"sha256 of {name}: {seal}")
            print("Who can change a file can write a new manifest, too: compare this with what was noted elsewhere, see README.txt.")
    for problem in found:
        print("✕", problem)
    print("Everything is as it was made." if not found else f"{len(found)} problem{'s' if len(found) != 1 else ''}.")
    return 1 if found else 0


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a console of Windows may not know every letter
    sys.exit(main(sys.argv[1:]))
