"""The bundled samples: the same bytes everywhere, and a truth that an independent reader confirms.

Nothing here imports the generator: it runs in a bare interpreter, and what it wrote is read with Python's csv module.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
SOURCES = ["flash_lead_sales", "leadforce", "visual_practice", "customer_factor", "smartdesk"]
ENCODINGS = {("customer_factor", "jobs.csv"): "cp1252"}
KEYS = {  # object: column that holds the source's id
    "flash_lead_sales": {
        "company": "Company ID",
        "contact": "Contact ID",
        "lead": "Lead ID",
        "deal": "Deal ID",
        "invoice": "Invoice No",
        "message_thread": "Thread ID",
        "activity_log": "Log ID",
    },
    "leadforce": {
        "lead": "#",
        "deal": "Deal ID",
        "activity": "Activity ID",
        "note": "Note ID",
        "proposal": "Proposal #",
        "invoice": "Invoice #",
        "file": "File ID",
    },
    "visual_practice": {
        "company": "Company ID",
        "contact": "Contact ID",
        "lead": "Lead ID",
        "opportunity": "Opportunity ID",
        "activity": "Activity ID",
        "note": "Note ID",
        "file": "File ID",
    },
    "customer_factor": {
        "customer": "Customer ID",
        "prospect": "Prospect ID",
        "estimate": "Estimate #",
        "job": "Job ID",
        "invoice": "Invoice Number",
        "note": "Note ID",
        "attachment": "File ID",
    },
    "smartdesk": dict.fromkeys(
        ("account", "contact", "lead", "deal", "task", "call", "email", "meeting", "note", "ticket", "article", "attachment"), "ID"
    ),
}


# A process inherits the peak of the one that starts it, and pytest is large: a bare interpreter starts the command and measures it.
MEASURED = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"


def generate(*arguments: str) -> int:
    """The command in a bare interpreter: no site packages, random hash order, a foreign locale and time zone. Returns its peak memory in kB."""
    environment = {"LC_ALL": "C", "TZ": "Asia/Kathmandu", "PATH": os.environ["PATH"]}
    bare = [sys.executable, "-I", "-S"]
    command = [*bare, "-c", MEASURED, *bare, str(SAMPLES / "generate.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def truth_of(source: str, root: Path = SAMPLES, name: str = "TRUTH.json") -> dict[str, Any]:
    return json.loads((root / source / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def read(source: str, name: str, root: Path = SAMPLES, export: str = "export") -> tuple[list[str], list[list[str]]]:
    """(header, records): blank lines and the totals footer of The Customer Factor are no records."""
    encoding = ENCODINGS.get((source, name), "utf-8-sig")
    with (root / source / export / name).open(encoding=encoding, newline="") as file:
        header, *rows = csv.reader(file, delimiter=";" if source == "visual_practice" else ",")
    return header, [row for row in rows if row and not (row[0] == "Total" and name == "invoices.csv")]


def good_rows(source: str, name: str) -> list[dict[str, str]]:
    """Rows of a file that the truth calls valid."""
    planted = {p["record"] for p in truth_of(source)["files"][name]["planted"] if p["outcome"] != "valid"}
    header, rows = read(source, name)
    return [dict(zip(header, row, strict=False)) for n, row in enumerate(rows, 1) if n not in planted]


def plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All five samples and their deltas, generated now."""
    out = tmp_path_factory.mktemp("samples")
    generate("all", "--out", str(out))
    generate("all", "--out", str(out), "--delta")
    return out


@pytest.mark.parametrize("source", SOURCES)
def test_a_fresh_generation_equals_the_bundled_files_byte_for_byte(source: str, fresh: Path) -> None:
    made = {name: content for name, content in files_below(fresh / source).items() if not name.startswith("delta") and name != "TRUTH_DELTA.json"}
    assert made == files_below(SAMPLES / source)


def test_another_seed_gives_other_data_of_the_same_size(tmp_path: Path) -> None:
    generate("flash_lead_sales", "--out", str(tmp_path), "--seed", "2")
    mine, other = truth_of("flash_lead_sales"), truth_of("flash_lead_sales", tmp_path)
    assert {n: f["records"] for n, f in mine["files"].items() if n != "activity_log.csv"} == {
        n: f["records"] for n, f in other["files"].items() if n != "activity_log.csv"
    }
    assert mine["files"]["leads.csv"]["sha256"] != other["files"]["leads.csv"]["sha256"]


def test_the_bundle_is_small() -> None:
    assert sum(len(content) for source in SOURCES for content in files_below(SAMPLES / source).values()) < 2_000_000


@pytest.mark.parametrize("source", SOURCES)
def test_every_file_is_in_the_truth_and_every_record_has_one_outcome(source: str) -> None:
    truth = truth_of(source)
    assert set(truth["files"]) == {p.name for p in (SAMPLES / source / "export").glob("*.csv")}
    for name, file in truth["files"].items():
        content = (SAMPLES / source / "export" / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"]), name
        assert len(read(source, name)[1]) == file["records"], name
        assert file["records"] == file["valid"] + file["merged"] + file["exact_duplicates"] + file["deleted"] + file["rejected"], name
        assert sum(file["rejected_by_code"].values()) == file["rejected"], name


@pytest.mark.parametrize("source", SOURCES)
def test_ragged_rows_exact_duplicates_and_id_conflicts_are_as_many_as_the_truth_says(source: str) -> None:
    truth = truth_of(source)
    by_object: dict[str, list[str]] = {}
    for name, file in truth["files"].items():
        by_object.setdefault(file["object"], []).append(name)
    for object_name, names in by_object.items():
        files = [truth["files"][name] for name in names]
        tables = [read(source, name) for name in sorted(names)]
        header = tables[0][0]
        rows = [row for _, part in tables for row in part]
        whole = [row[: len(header)] for row in rows if len(row) >= len(header) and not any(row[len(header) :])]
        assert len(rows) - len(whole) == sum(f["rejected_by_code"].get("field_count", 0) for f in files), object_name
        different = Counter(map(tuple, rows))
        assert len(rows) - len(different) == sum(f["exact_duplicates"] for f in files), object_name
        if column := KEYS[source].get(object_name):
            ids = Counter(row[header.index(column)].removesuffix(".0") for row in {tuple(row) for row in whole})
            assert sum(n - 1 for n in ids.values()) == sum(f["rejected_by_code"].get("id_conflict", 0) for f in files), object_name


AMOUNTS = [  # source, file, amount column, truth's object and total
    ("flash_lead_sales", "deals.csv", "Amount", "deal", "amount_by_currency"),
    ("flash_lead_sales", "invoices.csv", "Amount", "invoice", "amount_by_currency"),
    ("leadforce", "deals.csv", "Deal Value", "deal", "value_by_currency"),
    ("leadforce", "proposals.csv", "Total", "proposal", "total_by_currency"),
    ("visual_practice", "opportunities.csv", "Revenue", "opportunity", "revenue_by_stage"),
    ("customer_factor", "invoices.csv", "Amount", "invoice", "amount_by_status"),
    ("customer_factor", "estimates.csv", "Total", "estimate", "total_by_status"),
    ("customer_factor", "jobs.csv", "Total", "job", "total_by_status"),
    ("smartdesk", "deals.csv", "Value", "deal", "value_by_currency"),
]


@pytest.mark.parametrize(("source", "name", "column", "object_name", "total"), AMOUNTS)
def test_control_totals_agree_with_the_sums_of_the_files(source: str, name: str, column: str, object_name: str, total: str) -> None:
    seen: Counter[str] = Counter()
    for row in good_rows(source, name):
        text = row[column]
        currency = next(
            (code for sign, code in {"€": "EUR", "CAD": "CAD", "US$": "USD", "₹": "INR"}.items() if sign in text),
            row.get("Currency") or truth_of(source)["currency"],
        )
        digits = re.sub(r"[^0-9.]", "", text)
        if digits:
            amount = Decimal(digits) * (1000 if text.endswith("K") else 1)
            seen[currency] += -amount if text.startswith("(") else amount  # type: ignore[assignment]
    told: Counter[str] = Counter()
    for key, value in truth_of(source)["sums"][object_name][total].items():
        told[key.split(" / ")[-1]] += Decimal(value)  # type: ignore[assignment]
    assert seen == told


COUNTS = [  # source, files, columns that make the key, truth's object and count
    ("flash_lead_sales", ["leads.csv"], ["Pipeline", "Status"], "lead", "by_stage"),
    ("flash_lead_sales", ["deals.csv"], ["Pipeline", "Stage"], "deal", "by_stage"),
    ("flash_lead_sales", ["leads.csv"], ["Owner"], "lead", "by_owner"),
    ("flash_lead_sales", ["leads.csv"], ["Source"], "lead", "by_source"),
    ("leadforce", ["leads_1.csv", "leads_2.csv"], ["Status"], "lead", "by_status"),
    ("leadforce", ["deals.csv"], ["Pipeline", "Stage"], "deal", "by_stage"),
    ("leadforce", ["leads_1.csv", "leads_2.csv"], ["Assigned"], "lead", "by_owner"),
    ("visual_practice", ["leads.csv"], ["Pipeline", "Stage"], "lead", "by_stage"),
    ("visual_practice", ["leads.csv"], ["Source", "Medium"], "lead", "by_source_and_medium"),
    ("customer_factor", ["jobs.csv"], ["Technician"], "job", "by_technician"),
    ("customer_factor", ["prospects.csv"], ["Owner"], "prospect", "by_owner"),
    ("smartdesk", ["deals.csv"], ["Pipeline", "Stage"], "deal", "by_stage"),
    ("smartdesk", ["leads.csv"], ["Status"], "lead", "by_status"),
    ("smartdesk", ["tickets.csv"], ["Priority"], "ticket", "by_priority"),
]


@pytest.mark.parametrize(("source", "names", "columns", "object_name", "count"), COUNTS)
def test_counts_agree_with_the_files(source: str, names: list[str], columns: list[str], object_name: str, count: str) -> None:
    seen = Counter(" / ".join(plain(row[column]) for column in columns) for name in names for row in good_rows(source, name))
    told: Counter[str] = Counter()
    for key, n in truth_of(source)["counts"][object_name][count].items():
        told[" / ".join(map(plain, key.split(" / ")))] += n
    assert seen == told


TAGGED = [
    ("flash_lead_sales", ["leads.csv"], ",", "lead"),
    ("flash_lead_sales", ["deals.csv"], ",", "deal"),
    ("leadforce", ["leads_1.csv", "leads_2.csv"], ",", "lead"),
    ("visual_practice", ["contacts.csv"], "|", "contact"),
    ("smartdesk", ["deals.csv"], ",", "deal"),
]


@pytest.mark.parametrize(("source", "names", "separator", "object_name"), TAGGED)
def test_tags_agree_with_the_files(source: str, names: list[str], separator: str, object_name: str) -> None:
    cells = [row["Tags"] for name in names for row in good_rows(source, name) if row["Tags"]]
    seen = Counter(plain(tag) for cell in cells for tag in next(csv.reader([cell], delimiter=separator, skipinitialspace=True)))
    assert seen == Counter({plain(tag): n for tag, n in truth_of(source)["counts"][object_name]["by_tag"].items()})


DOCUMENTS = [
    ("leadforce", "proposals.csv", "Proposal #", "Total", "proposal_items.csv"),
    ("leadforce", "invoices.csv", "Invoice #", "Amount", "invoice_items.csv"),
    ("customer_factor", "estimates.csv", "Estimate #", "Total", "estimate_items.csv"),
    ("customer_factor", "jobs.csv", "Job ID", "Total", "job_items.csv"),
    ("customer_factor", "invoices.csv", "Invoice Number", "Amount", "invoice_items.csv"),
]


@pytest.mark.parametrize(("source", "name", "key", "total", "items"), DOCUMENTS)
def test_lines_add_up_to_their_document_to_the_cent(source: str, name: str, key: str, total: str, items: str) -> None:
    def number(text: str) -> Decimal:
        return Decimal(re.sub(r"[^0-9.]", "", text))

    sums: Counter[str] = Counter()
    for line in good_rows(source, items):
        price = number(line.get("Rate") or line["Price"])
        assert number(line["Qty"]) * price == number(line["Amount"])
        sums[line[key]] += number(line["Amount"])  # type: ignore[assignment]
    documents = {row[key]: number(row[total]) for row in good_rows(source, name)}
    assert documents == dict(sums)


LINKS = [  # source, link, parent's file and key
    ("flash_lead_sales", "deal_contact", "contacts.csv", "Contact ID"),
    ("flash_lead_sales", "deal_company", "companies.csv", "Company ID"),
    ("flash_lead_sales", "invoice_deal", "deals.csv", "Deal ID"),
    ("flash_lead_sales", "thread_contact", "contacts.csv", "Contact ID"),
    ("flash_lead_sales", "contact_company", "companies.csv", "Company Name"),
    ("visual_practice", "contact_company", "companies.csv", "Company ID"),
    ("visual_practice", "opportunity_contact", "contacts.csv", "Contact ID"),
    ("visual_practice", "company_parent", "companies.csv", "Company ID"),
    ("leadforce", "invoice_deal", "deals.csv", "Deal ID"),
    ("leadforce", "proposal_deal", "deals.csv", "Deal ID"),
    ("smartdesk", "contact_account", "accounts.csv", "ID"),
    ("smartdesk", "deal_contact", "contacts.csv", "ID"),
    ("customer_factor", "invoice_estimate", "estimates.csv", "Estimate #"),
]


@pytest.mark.parametrize(("source", "link", "parent", "key"), LINKS)
def test_links_point_at_rows_that_are_valid(source: str, link: str, parent: str, key: str) -> None:
    told = truth_of(source)["links"][link]
    assert told["linked"] == len(told["pairs"]) > 0
    assert {p for _, p in told["pairs"]} <= {row[key] for row in good_rows(source, parent)}


@pytest.mark.parametrize("source", SOURCES)
def test_all_addresses_are_reserved_and_all_american_phones_fictitious(source: str) -> None:
    for name, content in files_below(SAMPLES / source).items():
        if not name.endswith((".csv", ".json", ".txt")):
            continue
        text = content.decode(ENCODINGS.get((source, Path(name).name), "utf-8"))
        for domain in re.findall(r"(?:@|https?://)([\w.-]+\.[a-z]{2,})\b", text, re.IGNORECASE):
            assert re.search(r"(^|\.)(example|test|invalid|example\.(com|net|org))$", domain.lower()), (name, domain)
        for number in re.findall(r"\(?\b\d{3}\)?[ .-]555[ .-]?\d+", text):
            assert re.search(r"555[ .-]01\d\d$", number), (name, number)


def test_stage_histories_are_those_of_the_log_in_utc() -> None:
    truth = truth_of("flash_lead_sales")
    seen: dict[str, list[tuple[str, str]]] = {}
    for row in good_rows("flash_lead_sales", "activity_log.csv"):
        if row["To Stage"]:
            local = datetime.strptime(row["Timestamp"], "%m/%d/%Y %I:%M %p").replace(tzinfo=ZoneInfo("America/New_York"), fold=1)
            seen.setdefault(row["Lead ID"], []).append((local.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:00Z"), row["To Stage"]))
    told = truth["lists"]["stage_history"]
    assert {lead: sorted(steps) for lead, steps in seen.items()} == {lead: sorted((at, to) for at, _, to in h["steps"]) for lead, h in told.items()}
    assert {flag for h in told.values() for flag in h["flags"]} == {"gap", "ends_elsewhere"}
    stages = {row["Lead ID"]: plain(row["Status"]) for row in good_rows("flash_lead_sales", "leads.csv")}
    for lead, history in told.items():
        last = max(history["steps"])[2]
        assert (plain(last) == stages[lead]) == ("ends_elsewhere" not in history["flags"])


@pytest.mark.parametrize(
    ("source", "name", "path"),
    [
        ("leadforce", "files.csv", "File Path"),
        ("visual_practice", "files.csv", "Path"),
        ("customer_factor", "attachments.csv", "Path"),
        ("smartdesk", "attachments.csv", "Path"),
    ],
)
def test_attachments_are_there_with_the_size_and_checksum_of_their_row(source: str, name: str, path: str) -> None:
    checked = 0
    for row in good_rows(source, name):
        if row[path].startswith("https://"):
            continue
        content = (
            base64.b64decode(row["Content (Base64)"], validate=True)
            if row.get("Content (Base64)")
            else (SAMPLES / source / "export" / row[path]).read_bytes()
        )
        assert len(content) == int(row["Size"])
        assert row.get("SHA256") in (None, hashlib.sha256(content).hexdigest())
        if row[path].endswith(".png"):
            assert content.startswith(b"\x89PNG\r\n\x1a\n")
        checked += 1
    assert checked >= 10


def test_the_json_dump_of_smartdesk_holds_what_its_csv_set_holds() -> None:
    dump = json.loads((SAMPLES / "smartdesk/export_json/smartdesk_export.json").read_text(encoding="utf-8"))
    files = truth_of("smartdesk")["files"]
    assert set(dump) == {name.removesuffix(".csv") for name in files}

    def text(value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(f'"{v}"' if "," in v else v for v in value)
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    for name in files:
        assert [[text(value) for value in row.values()] for row in dump[name.removesuffix(".csv")]] == read("smartdesk", name)[1], name
    assert files_below(SAMPLES / "smartdesk/export/files") == files_below(SAMPLES / "smartdesk/export_json/files")


@pytest.mark.parametrize("source", SOURCES)
def test_a_delta_differs_from_the_first_export_by_exactly_what_it_says(source: str, fresh: Path) -> None:
    first, second = truth_of(source), truth_of(source, fresh, "TRUTH_DELTA.json")
    assert any(notes["changed"] for notes in second["changes"].values())
    assert any(notes["vanished"] for notes in second["changes"].values())
    for object_name, column in KEYS[source].items():
        names = [name for name, file in first["files"].items() if file["object"] == object_name]

        def rows(root: Path, export: str, names: list[str] = names, column: str = column) -> dict[str, set[tuple[str, ...]]]:
            found: dict[str, set[tuple[str, ...]]] = {}
            for name in names:
                header, part = read(source, name, root, export)
                for row in part:
                    found.setdefault(row[header.index(column)], set()).add(tuple(row))
            return found

        before, after = rows(SAMPLES, "export"), rows(fresh, "delta")
        notes = second["changes"].get(object_name, {"added": [], "changed": [], "vanished": []})
        assert after.keys() - before.keys() == set(notes["added"]), object_name
        assert before.keys() - after.keys() == set(notes["vanished"]), object_name
        assert {k for k in before.keys() & after.keys() if before[k] != after[k]} == {c["key"] for c in notes["changed"]}, object_name


def test_without_mess_every_row_is_valid(tmp_path: Path) -> None:
    generate("all", "--out", str(tmp_path), "--messy", "0")
    for source in SOURCES:
        for name, file in truth_of(source, tmp_path)["files"].items():
            assert (file["valid"], file["planted"]) == (file["records"], []), (source, name)


def test_a_large_export_streams_to_disk(tmp_path: Path) -> None:
    peak = generate("flash_lead_sales", "--out", str(tmp_path), "--leads", "12000")
    assert sum(file["records"] for file in truth_of("flash_lead_sales", tmp_path)["files"].values()) > 80_000
    assert peak < 150_000
