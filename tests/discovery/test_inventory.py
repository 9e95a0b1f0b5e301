"""The numbers behind the scope: counted over every row, the same every time, and with the signs of a wrong export."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from crm2odoo import cli, discovery, intake, staging
from crm2odoo.discovery.cautions import caution_findings, cautions
from crm2odoo.discovery.inventory import fingerprint
from crm2odoo.discovery.noted import noted, noted_findings
from crm2odoo.discovery.suspicions import identity, truncation
from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.papers.scope import scope_paper
from crm2odoo.handoff.wording import Style
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace
from source_world import project, some_files

ROOT = Path(__file__).resolve().parents[2]
Take = Callable[..., tuple[Workspace, str, dict[str, Any]]]


@pytest.fixture
def take(tmp_path: Path, staging_dsn: str) -> Take:
    def run(source: str, name: str, export: Path | None = None, **changes: Any) -> tuple[Workspace, str, dict[str, Any]]:
        where = export or ROOT / "samples" / source / "export"
        ws = Workspace.open(load_bundle(project(tmp_path, source, name, where, **changes), name), staging_dsn)
        export_id = intake.register(ws, where)
        intake.land(ws, export_id)
        intake.clean(ws, export_id)
        discovery.propose_custom_fields(ws, export_id)
        staging.build_target(ws, export_id)
        return ws, export_id, discovery.take_inventory(ws, export_id)

    return run


def codes(found: dict[str, Any], *severities: str) -> list[str]:
    return [f["code"] for f in found["findings"] if f["severity"] in (severities or ("blocking", "warning", "info"))]


@pytest.mark.promise("P020", "P022", "P023", "P024", "P029", "P036", "P039")
def test_a_sample_is_counted_whole_and_the_same_every_time(take: Take) -> None:
    ws, export_id, found = take("leadforce", "counted", source_url="https://app.leadforce-crm.example")
    for volume in found["volumes"]:
        assert sum(volume["rows"].values()) == sum(f["records"] for f in volume["files"]), volume["object"]
        assert all(len(f["sha256"]) == 64 for f in volume["files"])
    assert {s["stage"] for s in found["stages"]}
    assert found["labels"]["source"]
    assert found["labels"]["tag"]
    assert sum(sum(rows.values()) for rows in found["attachments"]["rows"].values()) > 0
    assert all(u["becomes"] for u in found["unmapped"])
    assert any(v["dates"] for v in found["volumes"])
    assert {line["state"] for line in found["guide"]} <= {"delivered", "missing", "by hand"}
    assert "identity_not_stated" not in codes(found)
    assert fingerprint(discovery.take_inventory(ws, export_id)) == fingerprint(found)
    assert discovery.stored_inventory(ws, export_id) == found


@pytest.mark.promise("P040")
def test_another_product_of_a_similar_name_blocks(tmp_path: Path, staging_dsn: str) -> None:
    export = some_files("leadforce", tmp_path / "export", {"staff"})
    ws = Workspace.open(load_bundle(project(tmp_path, "leadforce", "wrong", export, source_url="https://acme.forceleads.example/app"), "wrong"), staging_dsn)
    export_id = intake.register(ws, export)
    intake.land(ws, export_id)
    with ws.connect() as connection:
        [found] = identity(ws, connection, export_id)
    assert (found.severity, found.code) == ("blocking", "another_product")
    assert "acme.forceleads.example" in found.title


@pytest.mark.promise("P030", "P048", "P025")
def test_what_was_not_delivered_is_told_before_anyone_signs(take: Take, tmp_path: Path) -> None:
    export = shutil.copytree(ROOT / "samples" / "flash_lead_sales" / "export", tmp_path / "export")
    (export / "activity_log.csv").unlink()
    (export / "reports.csv").unlink()
    rows = list(csv.reader((export / "automations.csv").open(encoding="utf-8-sig")))
    rows[1] = [rows[1][0], *("" for _ in rows[1][1:])]
    with (export / "automations.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    _, _, found = take("flash_lead_sales", "absent", export)
    assert "loss_accepted_or_not" in codes(found, "warning")
    assert {"inventory_missing", "not_delivered"} <= set(codes(found, "info"))
    assert "inventory_incomplete" in codes(found, "warning")
    states = {line["object"]: line["state"] for line in found["guide"]}
    assert (states["activity_log"], states["lead"]) == ("missing", "delivered")


@pytest.mark.promise("P029")
@pytest.mark.parametrize(("records", "suspicious"), [(499, False), (500, True), (501, False)])
def test_a_file_of_exactly_a_round_number_of_rows_may_be_cut_off(tmp_path: Path, staging_dsn: str, records: int, suspicious: bool) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "tags.csv").write_text("Tag ID,Tag\n" + "".join(f"T{i},tag {i}\n" for i in range(records)))
    ws = Workspace.open(load_bundle(project(tmp_path, "flash_lead_sales", f"cap{records}", export), f"cap{records}"), staging_dsn)
    export_id = intake.register(ws, export)
    intake.land(ws, export_id)
    with ws.connect() as connection:
        found = list(truncation(ws, connection, export_id))
    assert [f.count for f in found] == ([500] if suspicious else [])


@pytest.mark.promise("P025", "P035")
def test_a_template_that_somebody_filled_is_read_as_part_of_the_export(tmp_path: Path, staging_dsn: str) -> None:
    assert cli.main(["--root", str(ROOT), "templates", "leadforce", str(tmp_path / "export")]) == 0
    path = tmp_path / "export" / "workflows.csv"
    path.write_text(path.read_text() + "Welcome,lead,created,status = new,send mail,yes\n")
    ws = Workspace.open(load_bundle(project(tmp_path, "leadforce", "filled", path.parent), "filled"), staging_dsn)
    export_id = intake.register(ws, path.parent)
    intake.land(ws, export_id)
    intake.clean(ws, export_id)
    with ws.connect() as connection:
        row = connection.execute(ws.sql("select name, object, event, condition, action, active from {clean}.workflow")).fetchone()
    assert row == {"name": "Welcome", "object": "lead", "event": "created", "condition": "status = new", "action": "send mail", "active": True}


@pytest.mark.promise("P027")
def test_the_export_guide_says_what_every_file_must_have_and_what_to_ask_support_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--root", str(ROOT), "guide", "leadforce"]) == 0
    shown = capsys.readouterr().out
    assert "No public page of the vendor says how to get the data out" in shown
    assert "- [ ] **Deal** → `deals.csv` (ask the vendor's support)" in shown
    assert "must have: id, name, stage" in shown
    assert "> Objects: " in shown
    assert "Deal (at least id, name, stage)" in shown
    assert "Workflow" not in shown[shown.index("> Objects") : shown.index("## 3")], "what people list by hand is not asked for"


@pytest.mark.parametrize("source", ["flash_lead_sales", "leadforce", "visual_practice", "customer_factor", "smartdesk"])
def test_a_menu_is_named_only_with_the_page_that_documents_it(capsys: pytest.CaptureFixture[str], source: str) -> None:
    assert cli.main(["--root", str(ROOT), "guide", source]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if " > " in line and not line.startswith(">") and "(https://" not in line] == []


@pytest.mark.promise("P026")
@pytest.mark.parametrize(("files", "there"), [({"leads", "contacts", "companies", "social_threads"}, True), ({"leads", "tags"}, False)])
def test_whether_there_are_message_threads_is_said_with_number_and_format(tmp_path: Path, staging_dsn: str, files: set[str], there: bool) -> None:
    export = some_files("flash_lead_sales", tmp_path / "export", files)
    ws = Workspace.open(load_bundle(project(tmp_path, "flash_lead_sales", f"threads{there:d}", export), f"threads{there:d}"), staging_dsn)
    export_id = intake.register(ws, export)
    intake.land(ws, export_id)
    intake.clean(ws, export_id)
    with ws.connect() as connection:
        [line] = noted(ws, connection)
    [finding] = noted_findings([line])
    assert (line.records > 0, sum(line.formats.values())) == (there, line.records)
    assert finding.title.startswith(f"Social message thread: yes, {line.records}; {line.records} .txt" if there else "Social message thread: none in this export")


@pytest.mark.promise("P046")
def test_what_is_to_be_mended_is_ranked_and_a_second_export_shows_the_progress(tmp_path: Path, staging_dsn: str) -> None:
    export = tmp_path / "export"
    export.mkdir()
    ws = Workspace.open(load_bundle(project(tmp_path, "flash_lead_sales", "mended", export), "mended"), staging_dsn)
    head = "Company ID,Company Name,Created At\n"
    told = []
    for rows in (["1,Ann,not a day", "2,Bob,31/31/2024", "3,,2024-01-01"], ["1,Ann,2024-01-02", "2,Bob,31/31/2024", "3,Cleo,2024-01-01"]):
        (export / "companies.csv").write_text(head + "\n".join(rows) + "\n")
        export_id = intake.register(ws, export)
        intake.land(ws, export_id)
        intake.clean(ws, export_id)
        discovery.propose_custom_fields(ws, export_id)
        staging.build_target(ws, export_id)
        told.append(discovery.take_inventory(ws, export_id))
        assert fingerprint(discovery.take_inventory(ws, export_id)) == fingerprint(told[-1])
    first, second = told
    assert [(f["weight"], f["column"], f["count"]) for f in first["cleansing"]] == [("reject", "name", 1), ("warning", "created_at", 2)]
    assert "cleansing_progress" not in codes(first)
    [line] = [f["title"] for f in second["findings"] if f["code"] == "cleansing_progress"]
    assert line.startswith("1 row(s) and cell(s) to mend; the export before had 3")


@pytest.mark.promise("P041")
def test_the_traps_of_the_product_are_listed_with_who_sees_to_them_and_by_when(tmp_path: Path) -> None:
    export = ROOT / "samples" / "customer_factor" / "export"
    seen = {"cancel_by_mail": {"owner": "Maria", "due": "2026-12-31"}, "texting": {"owner": "Tom", "due": "2026-12-01", "settled": "nothing was texted"}}
    bundle = load_bundle(project(tmp_path, "customer_factor", "traps", export, cautions=seen), "traps")
    told = [(c.name, c.owner, c.due, c.settled) for c in cautions(bundle)]
    assert told[:2] == [("texting", "Tom", "2026-12-01", "nothing was texted"), ("cancel_by_mail", "Maria", "2026-12-31", None)]
    findings = {f.evidence["caution"]: f.title for f in caution_findings(bundle)}
    assert set(findings) == {"cancel_by_mail", "client_cap", "cancel_early"}, "what is settled is asked no more"
    assert "Maria, by 2026-12-31" in findings["cancel_by_mail"]
    assert "the project names nobody" in findings["client_cap"]
    [section] = [s for s in scope_paper(bundle, Facts("r", {}, None, None, None, [], {}), Style()).sections if s.title.startswith("Before anything")]
    assert ["Maria", "2026-12-31"] in [row[2:4] for row in section.rows]
    other = load_bundle(project(tmp_path, "leadforce", "others", ROOT / "samples" / "leadforce" / "export"), "others")
    assert bundle.mapping_hash != other.mapping_hash
    plain = load_bundle(project(tmp_path, "customer_factor", "traps", export), "traps")
    assert plain.mapping_hash == bundle.mapping_hash, "naming a person asks nobody to sign again"
