"""The evidence bundle: whatever is done to it, its verifier says so, with nothing but Python's standard library."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from crm2odoo.handoff import verify_evidence
from crm2odoo.handoff.evidence import chained, sealed

Members = dict[str, bytes]
WRITES = "ledger/writes.jsonl"


@pytest.fixture(scope="module")
def bundle() -> bytes:
    writes = list(chained({"entry_id": n, "xid": f"deal_{n}", "action": "create", "hash": f"{n:064}"} for n in range(5)))
    return sealed("run", "acme", {"documents/report.html": b"<p>GO</p>", "ledger/run.jsonl": b"{}\n"}, writes)


def verdict(path: Path, *more: str) -> tuple[int, str]:
    """What the verifier says that comes from the program, not from the bundle."""
    program = [sys.executable, "-I", "-S", verify_evidence.__file__, str(path), *more]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.stderr == "", "a sentence, never a stack trace"
    return done.returncode, done.stdout


def members_of(bundle: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_manifest(members: Members, **changes: object) -> Members:
    """The manifest written anew over what is there, as somebody does who knows how it is made."""
    files = {n: hashlib.sha256(c).hexdigest() for n, c in members.items() if n != "manifest.json"}
    return members | {"manifest.json": json.dumps(json.loads(members["manifest.json"]) | {"files": files} | changes).encode()}


def lines(members: Members) -> list[bytes]:
    return members[WRITES].splitlines(keepends=True)


@pytest.mark.promise("P164")
def test_what_was_not_touched_is_as_it_was_made_packed_and_unpacked(bundle: bytes, tmp_path: Path) -> None:
    (tmp_path / "evidence.zip").write_bytes(bundle)
    code, said = verdict(tmp_path / "evidence.zip")
    assert (code, said.splitlines()[-1]) == (0, "Everything is as it was made.")
    assert f"sha256 of evidence.zip: {hashlib.sha256(bundle).hexdigest()}" in said, "what to compare with the hash that was noted elsewhere"
    with zipfile.ZipFile(tmp_path / "evidence.zip") as archive:
        archive.extractall(tmp_path / "open")
    assert verdict(tmp_path / "open")[0] == 0
    assert subprocess.run([sys.executable, "-I", "-S", tmp_path / "open" / "verify.py"], capture_output=True, check=False).returncode == 0
    seal = hashlib.sha256((tmp_path / "open/manifest.json").read_bytes()).hexdigest()
    assert verdict(tmp_path / "open", seal) == (0, "Everything is as it was made.\n")


Change = Callable[[Members], Members]
CHANGES: dict[str, tuple[Change, str]] = {
    "a changed document": (lambda m: m | {"documents/report.html": b"<p>NO-GO</p>"}, "documents/report.html was changed"),
    "a file put in": (lambda m: m | {"documents/more.html": b""}, "documents/more.html was added"),
    "a file taken out": (lambda m: {n: c for n, c in m.items() if n != "ledger/run.jsonl"}, "ledger/run.jsonl is missing"),
    "writes in another order": (lambda m: with_manifest(m | {WRITES: b"".join([*lines(m)[1::-1], *lines(m)[2:]])}), "write 1 does not follow"),
    "the first write dropped": (lambda m: with_manifest(m | {WRITES: b"".join(lines(m)[1:])}), "write 1 does not follow"),
    "the last write dropped": (lambda m: with_manifest(m | {WRITES: b"".join(lines(m)[:-1])}), "ends after write 4, the manifest says 5"),
    "a write changed": (lambda m: with_manifest(m | {WRITES: m[WRITES].replace(b"deal_2", b"deal_7")}), "write 3 was changed"),
    "half a line": (lambda m: with_manifest(m | {WRITES: m[WRITES][:-30]}), "cannot be read"),
    "no list of writes": (lambda m: with_manifest({n: c for n, c in m.items() if n != WRITES}), "cannot be proved"),
    "no manifest": (lambda m: {n: c for n, c in m.items() if n != "manifest.json"}, "manifest.json is missing"),
    "a manifest that is none": (lambda m: m | {"manifest.json": b"[1]"}, "manifest.json cannot be read"),
    "a place outside": (
        lambda m: m | {"manifest.json": m["manifest.json"].replace(b"ledger/run.jsonl", b"../../ledger/run")},
        "'../../ledger/run', which is no place inside",
    ),
}


@pytest.mark.promise("P164")
@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_told(bundle: bytes, tmp_path: Path, what: str) -> None:
    change, sentence = CHANGES[what]
    (tmp_path / "evidence.zip").write_bytes(packed(change(members_of(bundle))))
    code, said = verdict(tmp_path / "evidence.zip")
    assert code == 1
    assert sentence in said
    assert "as it was made" not in said


@pytest.mark.promise("P164")
def test_a_forged_manifest_is_told_by_the_hash_that_was_noted_elsewhere(bundle: bytes, tmp_path: Path) -> None:
    forged = packed(with_manifest(members_of(bundle) | {"documents/report.html": b"<p>forged</p>"}))
    (tmp_path / "evidence.zip").write_bytes(forged)
    assert verdict(tmp_path / "evidence.zip")[0] == 0, "in itself it is whole"
    code, said = verdict(tmp_path / "evidence.zip", hashlib.sha256(bundle).hexdigest())
    assert (code, said.count("This is another bundle")) == (1, 1)


@pytest.mark.promise("P164")
def test_an_archive_that_was_cut_off_or_holds_a_name_twice_is_told(bundle: bytes, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(bundle[: len(bundle) // 2])
    assert verdict(tmp_path / "cut.zip")[0] == 2
    assert verdict(tmp_path / "nothing.zip")[0] == 2
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        for name, content in members_of(bundle).items():
            archive.writestr(name, content)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("ledger/run.jsonl", b"{}\n")
    code, said = verdict(tmp_path / "twice.zip")
    assert (code, "ledger/run.jsonl is in the archive more than once" in said) == (1, True)


@pytest.mark.promise("P164")
def test_links_have_no_place_in_it(bundle: bytes, tmp_path: Path) -> None:
    (tmp_path / "evidence.zip").write_bytes(bundle)
    with zipfile.ZipFile(tmp_path / "evidence.zip") as archive:
        archive.extractall(tmp_path / "open")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "open" / "more").symlink_to(tmp_path / "elsewhere")
    same = tmp_path / "report.html"
    same.write_bytes((tmp_path / "open/documents/report.html").read_bytes())
    (tmp_path / "open/documents/report.html").unlink()
    (tmp_path / "open/documents/report.html").symlink_to(same)
    code, said = verdict(tmp_path / "open")
    assert (code, said.count("is a link")) == (1, 2)
