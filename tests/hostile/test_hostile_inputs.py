"""Hundreds of corrupt and hostile inputs: each is taken in with every row accounted for, or refused with a reason. None crashes, none leaks.

The inputs are made from a seed, so that a failure comes back. The number of each kind and what became of it is printed and held here.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from crm2odoo.intake import clean, land, register, verify_counts
from crm2odoo.intake.delivery import Limits, open_delivery
from crm2odoo.intake.errors import Rejected
from crm2odoo.project import ConfigError, load_bundle
from crm2odoo.staging import Workspace
from crm2odoo.staging.render import UnsafeSql
from intake.conftest import bundle

SEED = 20260101
CANARY = "zqLEAKcanary"
CELLS = [
    "=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", '"; drop table x; --', "' or 1=1 --", "<script>alert(1)</script>", "{{ 7*7 }}", "{% for x in y %}",
    "${jndi:ldap://x}", "../../etc/passwd", "\0", "\x00\x01\x02", "\ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "\u202egnp.exe", "a" * 70_000, "'", '"', '""', '"a""', "\\", "\t", "\r", "9" * 400, "1e999999", "-0", "NaN", "Infinity", "0000-00-00",
    "99/99/9999", "2024-02-30", "(a+)+$", "a@" * 2000, "%s%n", "\ufeff", "NULL", "None", "", " ", "\u00a0",
]  # fmt: skip
HEADERS = ["Contact ID", "Name", "Last Name", "Email", "Phone", "Notes", 'x"; drop table contacts; --', "a" * 200, "", "Notes", "=1+1", "{{x}}"]


def csv_bytes(chance: random.Random) -> bytes:
    header = ["Contact ID", "Name", "Email", *chance.sample(HEADERS[2:], chance.randint(1, 6))]
    rows = [[str(i), "Ann", f"{CANARY}@example.com", *(chance.choice(CELLS) for _ in header[3:])] for i in range(chance.randint(1, 12))]
    delimiter = chance.choice(",;\t|")
    text = io.StringIO()
    for row in [header, *rows]:
        cells = [f'"{c.replace(chr(34), chr(34) * 2)}"' if chance.random() < 0.6 else c for c in row]
        text.write(delimiter.join(cells[: chance.choice([len(cells)] * 8 + [1, 2])]) + chance.choice(["\n", "\r\n", "\n", "\n\n"]))
    data = text.getvalue().encode(chance.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]), "replace")
    return mutated(chance, data)


def json_bytes(chance: random.Random) -> bytes:
    records = [{"id": i, "name": "Ann", "email": f"{CANARY}@example.com", "notes": chance.choice(CELLS), "tags": [chance.choice(CELLS)],
                "nested": {"deep": {"deeper": [chance.choice(CELLS)]}}} for i in range(chance.randint(0, 12))]  # fmt: skip
    shape = chance.choice([{"contacts": records}, {"data": {"contacts": records}}, records, {"contacts": records, "tags": "no list"}])
    return mutated(chance, json.dumps(shape, ensure_ascii=chance.random() < 0.5).encode())


def mutated(chance: random.Random, data: bytes) -> bytes:
    """The bytes, damaged: cut off, with bytes changed, doubled, taken out or put in; sometimes as they are."""
    for _ in range(chance.randint(0, 3)):
        at = chance.randrange(len(data) or 1)
        deed = chance.randrange(5)
        if deed == 0:
            data = data[:at]
        elif deed == 1:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        elif deed == 2:
            data = data[:at] + chance.choice([b'"', b"\0", b"\r", b"\n", b",", b"\xff\xfe", b"\xed\xa0\x80"]) + data[at:]
        elif deed == 3:
            data = data[: at // 2] + data[at:]
        else:
            data = data[:at] + data[max(0, at - 40) : at] * 2 + data[at:]
    return data


def take_in(ws: Workspace, folder: Path) -> Counter[str]:
    """What became of each file; raises when a row of one is not accounted for."""
    export = register(ws, folder)
    land(ws, export)
    clean(ws, export)
    verify_counts(ws, export)
    with ws.connect() as connection:
        files = connection.execute(ws.sql("select status, notes ->> 'member_of' as inside from {log}.file where export_id = %s"), (export,)).fetchall()
        told = connection.execute(ws.sql("select string_agg(title || evidence::text, '') as text from {log}.finding")).fetchone()
    assert told is not None
    assert CANARY not in (told["text"] or "")
    return Counter(f["status"] for f in files if f["inside"] is None)


@pytest.mark.promise("R08")
def test_corrupt_and_hostile_csv_files(staging_dsn: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(SEED)
    for number in range(200):
        (tmp_path / f"contacts_{number:03d}.csv").write_bytes(csv_bytes(chance))
    with caplog.at_level("DEBUG"):
        became = take_in(Workspace.open(bundle("hostile_csv"), staging_dsn), tmp_path)
    assert CANARY not in caplog.text
    print(dict(became))
    assert sum(became.values()) == 200
    assert became["recognised"] > 100


@pytest.mark.promise("R08")
def test_corrupt_and_hostile_json_dumps(staging_dsn: str, tmp_path: Path) -> None:
    chance = random.Random(SEED + 1)
    for number in range(100):
        (tmp_path / f"dump_{number:03d}.json").write_bytes(json_bytes(chance))
    became = take_in(Workspace.open(bundle("hostile_json", "smartdesk"), staging_dsn), tmp_path)
    print(dict(became))
    assert sum(became.values()) == 100
    assert became["recognised"] > 25
    assert became["refused"] > 20


def archives(chance: random.Random) -> dict[str, Callable[[], bytes]]:
    names = ["contacts.csv", "../contacts.csv", "/etc/contacts.csv", "a/../../b.csv", "C:\\x.csv", "x\0y.csv", "con", "a" * 300 + ".csv", "contacts.csv"]

    def zipped() -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in chance.sample(names, chance.randint(1, 4)):
                archive.writestr(zipfile.ZipInfo(name.replace("\0", "_")), chance.choice([b"Contact ID,Email\n1,a@b.c\n", b"0" * 3_000_000, b"PK\x03\x04"]))
        return mutated(chance, out.getvalue())

    def tarred() -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name in chance.sample(names, chance.randint(1, 4)):
                member = tarfile.TarInfo(name.replace("\0", "_"))
                member.type = chance.choice([tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
                member.linkname = "/etc/passwd"
                content = b"Contact ID,Email\n1,a@b.c\n" if member.isreg() else b""
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return mutated(chance, gzip.compress(mutated(chance, out.getvalue())))

    return {"zip": zipped, "tar.gz": tarred}


@pytest.mark.promise("P218")
def test_corrupt_and_hostile_archives(tmp_path: Path) -> None:
    chance = random.Random(SEED + 2)
    became: Counter[str] = Counter()
    for kind, make in archives(chance).items():
        for number in range(60):
            path = tmp_path / f"export_{number}.{kind}"
            path.write_bytes(make())
            before = set(tmp_path.rglob("*"))
            try:
                with open_delivery(path, Limits()) as delivery:
                    for file in delivery.files:
                        with delivery.open(file.name) as stream:
                            while stream.read(1 << 16):
                                pass
                became["opened"] += 1
            except Rejected as refused:
                assert str(refused)
                became["refused"] += 1
            assert set(tmp_path.rglob("*")) == before
    print(dict(became))
    assert became["opened"] + became["refused"] == 120
    assert became["refused"] > 60


VALUES = ["{{ ''.__class__ }}", "'; drop schema public cascade; --", "pg_read_file('/etc/passwd')", "(select 1)", "../../x", None, [], {}, True, 10**30, -1,
          "x" * 100_000, "\u0000", "!!python/object/apply:os.system [id]", "a: b: c", "=1+1", "no", {"x": {"y": []}}, float("nan")]  # fmt: skip


def test_hostile_project_files(tmp_path: Path) -> None:
    chance = random.Random(SEED + 3)
    good = {"project": "p", "title": "T", "source": "flash_lead_sales", "export": "-"}
    keys = ["project", "title", "source", "export", "timezone", "currency", "map", "columns", "decisions", "owners", "stages", "privacy", "formats", "apps",
            "sample", "vanished", "connections", "documents", "unknown_key", "error_budget_percent"]  # fmt: skip
    folder = tmp_path / "mappings" / "projects"
    folder.mkdir(parents=True)
    became: Counter[str] = Counter()
    for number in range(120):
        data = {**good, **{key: chance.choice(VALUES) for key in chance.sample(keys, chance.randint(1, 3))}}
        text = yaml.safe_dump(data, allow_unicode=True)
        if number % 3 == 0:
            text = mutated(chance, text.encode()).decode("utf-8", "replace")
        (folder / "p.yaml").write_text(text, encoding="utf-8")
        try:
            loaded = load_bundle(tmp_path, "p")
            became["loaded"] += 1
            assert loaded.project.project == "p"
        except ConfigError as error:
            assert "p.yaml:" in str(error)
            became["refused"] += 1
    print(dict(became))
    assert became["loaded"] + became["refused"] == 120
    assert became["refused"] > 80


@pytest.mark.parametrize(
    "line",
    ["pg_sleep(10)", "pg_read_file('/etc/passwd')", "(select 1)", "1; drop table x", "1) from pg_user --", "lo_import('x')", "repeat('x', 2000000000)", "generate_series(1, 9999999999)", "dblink('a','b')",
     "set_config('a','b',false)", "current_setting('x')", "query_to_xml('select 1',true,true,'')", "{{ 7*7 }}", "unknown_column", "pg_user.usename",
     "case when true then (table x) end", "copy x to program 'id'", "'a' || (values (1))", "version()", "inet_server_addr()"],
)  # fmt: skip
@pytest.mark.promise("P216")
def test_an_expression_cannot_reach_beyond_its_row(line: str) -> None:
    from crm2odoo.staging.render import expression

    with pytest.raises(UnsafeSql):
        expression(line, ["name"])
