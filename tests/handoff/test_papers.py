"""The other documents: complete, safe to open, reproducible, and checkable without the program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import openpyxl
import pytest
from docx import Document as Word

from crm2odoo.handoff import (
    PAPERS,
    Document,
    SheetProblem,
    SpotCheckIncomplete,
    check_rules,
    read_field_inventory,
    store_owner_choices,
    store_spot_check,
    take_sheets,
    write_pack,
)
from crm2odoo.handoff.facts import SPOT_FIELDS, Facts, _spot_fields
from crm2odoo.handoff.lineage import lineage, reads
from crm2odoo.handoff.page import breakable
from crm2odoo.handoff.paper import Column, Paper, Section
from crm2odoo.handoff.paper_docx import as_docx
from crm2odoo.handoff.paper_html import as_html
from crm2odoo.handoff.paper_xlsx import as_xlsx, safe
from crm2odoo.handoff.papers.checklists import schema_paper
from crm2odoo.handoff.papers.hypercare import hypercare_paper
from crm2odoo.handoff.papers.spot_check import spot_check_paper
from crm2odoo.handoff.rebuild import propose
from crm2odoo.handoff.wording import Style
from crm2odoo.ledger.dispositions import settle_dispositions
from crm2odoo.project import load_bundle
from crm2odoo.reconcile import check_entity, diff
from odoo_server import OdooDatabase
from proof_world import FIRMS, REPS, RULES, Proof, deals, proof_world


class TestFormulaSafety:
    @pytest.mark.promise("P214")
    @pytest.mark.parametrize(
        "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1+1", "＋1", "－1", "＠x", '\n=HYPERLINK("http://x")']
    )
    def test_text_that_could_be_a_formula_is_made_harmless(self, cell: str) -> None:
        assert safe(cell) == f"'{cell}"

    @pytest.mark.parametrize("cell", ["Acme", "a=b", "1-2", "-5", "+49", "-3.5", ""])
    def test_other_text_stays_as_it_is(self, cell: str) -> None:
        assert safe(cell) == cell

    @pytest.mark.promise("P214")
    def test_no_cell_of_a_sheet_is_a_formula(self, tmp_path: Path) -> None:
        attacks = ["=1+1", "@x", '=HYPERLINK("http://evil")', "http://evil.example"]
        paper = Paper(
            "x",
            "=1+1",
            "=2",
            [
                Section(
                    "=A1",
                    "=3",
                    (Column("=B1"), Column("Link", "link"), Column("Done", "tick")),
                    [[a, (a, "http://odoo.example/1"), None] for a in attacks],
                )
            ],
        )
        path = tmp_path / "x.xlsx"
        path.write_bytes(as_xlsx(paper, Style()))
        sheet = openpyxl.load_workbook(path).worksheets[0]
        assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
        with zipfile.ZipFile(path) as archive:
            assert b"<f>" not in b"".join(archive.read(n) for n in archive.namelist())


class TestForms:
    paper = Paper(
        "x",
        "A <b>title</b>",
        "About",
        [Section("One", "", (Column("Text"), Column("Number", "number")), [["<script>alert(1)</script>\x00\x0b", 1234.5]])],
        headline="1 thing",
    )

    def test_each_form_of_a_paper_is_the_same_twice(self) -> None:
        for form in (lambda p: as_xlsx(p, Style()), lambda p: as_docx(p, "Project", Style())):
            assert form(self.paper) == form(self.paper)

    def test_the_page_shows_markup_as_text(self) -> None:
        page = as_html(self.paper, "Project", "footer", Style())
        assert "&lt;script&gt;" in page
        assert "<script" not in page

    def test_the_word_document_opens(self, tmp_path: Path) -> None:
        path = tmp_path / "x.docx"
        path.write_bytes(as_docx(self.paper, "Project", Style("de_DE")))
        (table,) = Word(str(path)).tables
        assert [c.text for c in table.rows[1].cells] == ["<script>alert(1)</script>", "1.234,5"]
        assert table.rows[0]._tr.xpath("w:trPr/w:tblHeader"), "the heading comes again on every page"


@pytest.mark.promise("P197", "P198")
@pytest.mark.parametrize(
    ("row", "model", "trigger", "domain"),
    [
        (
            {"name": "a", "trigger": "Lead created", "conditions": "Source is Google Ads or Facebook", "actions": "send e-mail Welcome"},
            "crm.lead",
            "on_create",
            [["type", "=", "lead"], ["source_id.name", "in", ["Google Ads", "Facebook"]]],
        ),
        (
            {"name": "b", "trigger": "Stage changed to Proposal Sent", "conditions": "Amount over $25,000", "actions": "Notify manager"},
            "crm.lead",
            "on_stage_set",
            [["stage_id.name", "=", "Proposal Sent"], ["expected_revenue", ">", 25000.0]],
        ),
        (
            {"name": "c", "object": "Contact", "event": "Birthday", "condition": "Country is not India", "action": "send template"},
            "res.partner",
            "on_time",
            [["is_company", "=", False], ["country_id.name", "not in", ["India"]]],
        ),
    ],
)
def test_a_rule_is_proposed_as_model_trigger_and_domain(row: dict[str, str], model: str, trigger: str, domain: list[object]) -> None:
    found = propose(row)
    assert (found.model, (found.trigger or "").split(":")[0], found.domain, found.unknown) == (model, trigger, domain, [])


@pytest.mark.promise("P196")
def test_what_a_rule_does_not_say_becomes_a_question() -> None:
    found = propose({"name": "d", "trigger": "When the moon is full", "conditions": "Mood is good"})
    assert found.model is None
    assert len(found.unknown) == 4


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Iterator[Proof]:
    """A finished run."""
    with proof_world(tmp_path_factory.mktemp("proof"), staging_dsn, odoo, "pack") as proof:
        proof.run(proof.deliver("export", rep=REPS, firm=FIRMS, deal=deals(12), rule=RULES))
        for entity in proof.ws.bundle.load_order:
            check_entity(proof.target, proof.run_id, proof.plan_id, entity)
        settle_dispositions(proof.ws, proof.run_id, proof.plan_id)
        diff(proof.target, proof.run_id, proof.plan_id)
        check_rules(proof.target)
        yield proof


@pytest.fixture(scope="module")
def pack(proof: Proof, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    return {d.name: d for d in write_pack(proof.ws, proof.run_id, tmp_path_factory.mktemp("documents"), {*PAPERS, "report", "lists", "evidence"})}


@pytest.mark.odoo
class TestPack:
    def data(self, pack: dict[str, Document], name: str) -> dict[str, object]:
        loaded: dict[str, object] = json.loads(Path(pack[f"{name}.json"].location).read_text())
        return loaded

    def test_every_document_is_there_in_its_forms(self, pack: dict[str, Document]) -> None:
        assert {
            "scope.docx",
            "mapping.xlsx",
            "mapping.docx",
            "mapping.pdf",
            "owners.pdf",
            "runbook.pdf",
            "handoff.pdf",
            "hypercare.pdf",
            "completeness.xlsx",
            "cleansing.xlsx",
            "fields.xlsx",
            "decisions.docx",
            "owners.xlsx",
            "delta.html",
            "runbook.docx",
            "handoff.docx",
            "spot_check.xlsx",
            "report.pdf",
            "diff.xlsx",
            "reconciliation.xlsx",
            "scope.pdf",
            "hypercare.docx",
            "differences.csv",
            "not_loaded.csv",
            "report.json",
            "evidence.zip",
            "manifest.json",
        } <= set(pack)

    def test_it_is_the_same_twice(self, proof: Proof, pack: dict[str, Document], tmp_path: Path) -> None:
        again = {d.name: d.sha256 for d in write_pack(proof.ws, proof.run_id, tmp_path, {*PAPERS, "report", "lists", "evidence"})}
        assert again == {d.name: d.sha256 for d in pack.values()}

    def test_the_pdf_has_pages(self, pack: dict[str, Document]) -> None:
        for name in ("report.pdf", "mapping.pdf"):
            assert Path(pack[name].location).read_bytes().startswith(b"%PDF-"), "printed side by side, each in its own place"
        content = Path(pack["report.pdf"].location).read_bytes()
        assert len(re.findall(rb"/Type */Page\b", content)) >= 2 or b"/ObjStm" in content

    @pytest.mark.promise("P001")
    def test_the_mapping_lists_every_column_once(self, proof: Proof, pack: dict[str, Document]) -> None:
        for section in self.data(pack, "mapping")["sections"]:  # type: ignore[attr-defined]
            for name, obj in proof.ws.bundle.source.objects.items():
                if section["title"] == obj.title:
                    assert sorted(r["Column in the export"] for r in section["rows"]) == sorted(obj.columns), name

    def test_lineage_reads_through_expressions(self, proof: Proof) -> None:
        origins = {(f.entity, f.field): [(o.object, o.column) for o in f.origins] for f in lineage(proof.ws.bundle)}
        assert origins["deal", "user_id"] == [("deal", "owner")]
        assert origins["deal", "priority"] == [("deal", "rank")]
        assert origins["label", "name"] == [("deal", "labels")]
        assert origins["deal", "type"] == []

    @pytest.mark.promise("P195", "P202")
    def test_the_handoff_has_a_section_for_every_automation_and_says_what_is_out_of_scope(self, pack: dict[str, Document]) -> None:
        sections = self.data(pack, "handoff")["sections"]
        titles = [s["title"] for s in sections]  # type: ignore[attr-defined]
        assert "Automation: Welcome" in titles
        assert "not part of the migration" in sections[0]["paragraphs"][0]  # type: ignore[index]

    @pytest.mark.promise("P196", "P198")
    def test_its_domain_is_evaluated_on_the_target_and_what_is_unknown_is_asked(self, pack: dict[str, Document]) -> None:
        (rule,) = [s for s in self.data(pack, "handoff")["sections"] if s["title"] == "Automation: Welcome"]  # type: ignore[attr-defined]
        parts = {r["Part"]: r["Proposal for Odoo"] for r in rule["rows"]}
        assert parts["Object"] == "Model crm.lead"
        assert parts["Conditions"].endswith("6 records of Odoo match today"), parts
        assert "sing a song" in parts["Open question"]

    @pytest.mark.promise("P146")
    def test_each_phase_has_its_legs_and_checks(self, proof: Proof, pack: dict[str, Document]) -> None:
        raw, legs, *phases = self.data(pack, "reconciliation")["sections"]  # type: ignore[misc]
        assert {r["File"]: (r["Filled rows"], r["Records"], r["Result"]) for r in raw["rows"]}["deals.csv"] == (13, 12, "agrees")
        assert next(r for r in legs["rows"] if r["Phase"] == "Deals") == {
            "Phase": "Deals", "Rows in the files": 12, "Records of them": 12, "To be in Odoo": 12, "Ours, in the ledger": 12, "Ours, found in Odoo": 12, "Refused": 0, "Checks": "16 passed",
        }  # fmt: skip
        assert [p["title"] for p in phases] == [proof.ws.bundle.entities[e].title for e in proof.ws.bundle.load_order]

    @pytest.mark.promise("P042")
    def test_every_figure_has_its_query(self, pack: dict[str, Document]) -> None:
        for document in pack.values():
            if document.format == "json" and document.kind not in ("manifest", "report"):
                data = self.data(pack, document.kind)
                asked = {s["query"] for s in data["sections"] if s["rows"] and s["query"]}  # type: ignore[attr-defined]
                assert asked <= set(data["queries"]), document.name  # type: ignore[call-overload]

    @pytest.mark.promise("P011", "P013")
    def test_documentation_only_objects_never_count_as_supported(self, pack: dict[str, Document]) -> None:
        rows = {r["Object"]: r["Fit"] for r in self.data(pack, "scope")["sections"][0]["rows"]}  # type: ignore[index]
        assert rows["Automation"] == "not migrated"
        assert rows["Deal"] == "1:1"

    @pytest.mark.promise("P044", "P047")
    def test_the_scope_counts_rows_own_columns_and_files_and_the_report_meets_the_same_rows(self, proof: Proof, pack: dict[str, Document]) -> None:
        sections = {s["title"]: s for s in self.data(pack, "scope")["sections"]}  # type: ignore[attr-defined]
        estimated = {r["Object"]: r["Rows"] for r in sections["Objects"]["rows"]}
        met = {o["title"]: o["rows"] for o in self.data(pack, "report")["objects"]}  # type: ignore[attr-defined]
        files = proof.rows("select object, sum(records)::int as n from {log}.file where object is not null group by 1")
        counted = {proof.ws.bundle.source.objects[f["object"]].title: f["n"] for f in files}
        assert counted
        assert {title: n for title, n in estimated.items() if n} == counted, "what intake counted before anything moved"
        assert {title: n for title, n in met.items() if n} == counted, "and what became of it in the end"
        assert {"The customer's own columns", "Files beside the tables"} <= set(sections)

    @pytest.mark.promise("P137")
    def test_a_returned_spot_check_is_kept(self, proof: Proof, pack: dict[str, Document], tmp_path: Path) -> None:
        book = openpyxl.load_workbook(pack["spot_check.xlsx"].location)
        sheet = book.worksheets[0]
        head = [c.value for c in sheet[2]]
        assert {"Record", "In the source", "In Odoo", "Right", "Comment"} <= set(head)
        links = [c.hyperlink.target for c in sheet["B"][2:] if c.hyperlink]
        assert links
        assert all(link.startswith(proof.target.client.url) for link in links)
        path = tmp_path / "returned.xlsx"
        book.save(path)
        with pytest.raises(SpotCheckIncomplete, match="row 3"):
            store_spot_check(proof.ws, proof.run_id, path, "maria@proof.example")
        right = head.index("Right") + 1
        for row in range(3, sheet.max_row + 1):
            sheet.cell(row, right).value = "no" if row == 4 else "yes"
        book.save(path)
        assert store_spot_check(proof.ws, proof.run_id, path, "maria@proof.example") == {"yes": sheet.max_row - 3, "no": 1}
        kept = proof.rows("select verdict, approved_by from {log}.approval where subject = 'spot_check'")
        assert kept == [{"verdict": "rejected", "approved_by": "maria@proof.example"}]

    @pytest.mark.promise("P043")
    def test_a_returned_completeness_checklist_says_where_the_export_is_short(self, proof: Proof, pack: dict[str, Document], tmp_path: Path) -> None:
        book = openpyxl.load_workbook(pack["completeness.xlsx"].location)
        sheet = book.worksheets[0]
        seen = [c.value for c in sheet[2]].index("Rows on screen") + 1
        for row in range(3, sheet.max_row + 1):
            sheet.cell(row, seen).value = {"Deal": "1,200", "Firm": 5.0}.get(str(sheet.cell(row, 1).value))
        book.save(tmp_path / "back.xlsx")
        # Some programs save a whole number with a fraction of 0.
        with zipfile.ZipFile(tmp_path / "back.xlsx") as written:
            parts = {name: written.read(name).replace(b"<v>5</v>", b"<v>5.0</v>") for name in written.namelist()}
        assert sum(part.count(b"<v>5.0</v>") for part in parts.values()) >= 1
        with zipfile.ZipFile(tmp_path / "back.xlsx", "w") as back:
            for name, part in parts.items():
                back.writestr(name, part)
        (said,) = take_sheets(proof.ws, [tmp_path / "back.xlsx"], "maria@proof.example", proof.run_id)
        assert said == "back.xlsx: Deal: the source shows 1200 rows, the export has 12"
        assert proof.rows("select severity, title from {log}.finding where code = 'rows_on_screen'") == [
            {"severity": "warning", "title": "Deal: the source shows 1200 rows, the export has 12"}
        ]
        kept = proof.rows("select verdict, seen -> 'answers' -> 0 ->> 'seen' as seen from {log}.approval where subject = 'completeness'")
        assert kept == [{"verdict": "rejected", "seen": "5"}]

    def test_choices_about_owners_come_back(self, proof: Proof, pack: dict[str, Document], tmp_path: Path) -> None:
        book = openpyxl.load_workbook(pack["owners.xlsx"].location)
        sheet = book.worksheets[0]
        head = [c.value for c in sheet[2]]
        row = next(r for r in range(3, sheet.max_row + 1) if sheet.cell(r, head.index("E-mail") + 1).value == "bob@proof.example")
        path, cell = tmp_path / "owners.xlsx", sheet.cell(row, head.index("Choice") + 1)
        cell.value = "give away"
        book.save(path)
        with pytest.raises(SheetProblem, match=rf"row {row} .*'give away'"):
            store_owner_choices(proof.ws, path, "maria@proof.example")
        cell.value = "empty"
        book.save(path)
        assert store_owner_choices(proof.ws, path, "maria@proof.example") == {"bob@proof.example": "empty"}
        kept = proof.rows("select value, decided_by from {log}.decision where name = 'owner:bob@proof.example'")
        assert kept == [{"value": {"choice": "empty"}, "decided_by": "maria@proof.example"}]

    @pytest.mark.promise("P045")
    def test_the_inventory_of_fields_comes_back(self, tmp_path: Path) -> None:
        bundle = load_bundle(Path(__file__).resolve().parents[2], "demo_flash")
        found = {
            "object": "lead",
            "header": "Roof Area (sq ft)",
            "column_name": "u_roof",
            "entity": "lead",
            "field": "x_roof",
            "type": "float",
            "label": "Roof",
            "filled": 7,
            "dropped": None,
        }
        dropped = {**found, "header": "Old id", "field": None, "type": None, "label": None, "dropped": "not needed"}
        facts = Facts("r", {}, None, None, None, [], {"custom_fields": [found, dropped]})
        path = tmp_path / "fields.xlsx"
        path.write_bytes(as_xlsx(schema_paper(bundle, facts, Style()), Style()))
        columns = read_field_inventory(path)["lead"]
        assert columns["Roof Area (sq ft)"].model_dump(exclude_defaults=True) == {"field": "x_roof", "type": "float", "label": "Roof"}
        assert columns["Old id"].drop == "not needed"

    @pytest.mark.promise("P164")
    def test_the_evidence_is_verified_by_the_standard_library_alone_and_shows_any_change(self, pack: dict[str, Document], tmp_path: Path) -> None:
        with zipfile.ZipFile(pack["evidence.zip"].location) as archive:
            archive.extractall(tmp_path)

        def verify() -> tuple[int, str]:
            done = subprocess.run([sys.executable, "-I", "-S", str(tmp_path / "verify.py")], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout

        assert verify()[0] == 0
        writes = tmp_path / "ledger" / "writes.jsonl"
        lines = writes.read_text().splitlines(keepends=True)
        assert sum(json.loads(line)["write"]["action"] == "create" for line in lines) == 2 + 2 + 3 + 12, "users, firms, labels, deals"
        for broken in (lines[:-1], [*lines[1:]], [*lines[:-1], lines[-1].replace("create", "delete")], [lines[1], lines[0], *lines[2:]]):
            writes.write_text("".join(broken))
            code, said = verify()
            assert code == 1
            assert "ledger/writes.jsonl" in said
        writes.write_text("".join(lines))
        (tmp_path / "documents" / "report.html").write_text("nothing")
        assert verify()[0] == 1

    def test_the_evidence_holds_no_values_of_the_customer(self, pack: dict[str, Document]) -> None:
        with zipfile.ZipFile(pack["evidence.zip"].location) as archive:
            ledger = b"".join(archive.read(n) for n in archive.namelist() if n.startswith("ledger/"))
        assert b"garden, roof" not in ledger
        assert b"IBAN" not in ledger


@pytest.mark.promise("P042")
def test_a_column_that_only_decides_is_told_from_one_that_gives_the_value() -> None:
    """A contact's street is the company's when both live at the same place: the e-mail, by which the company is found, is no street."""
    bundle = load_bundle(Path(__file__).resolve().parents[2], "demo_leadforce")
    uses = {(f.entity, f.field): {(o.object, o.column): o.use for o in f.origins} for f in lineage(bundle)}
    assert uses["contact", "street"]["lead", "email"] == "rule"
    assert uses["contact", "email"]["lead", "email"] == "value"
    assert dict(reads("case when a > 0 then b else c end")) == {"a": True, "b": False, "c": False}
    assert dict(reads("case status when 'won' then true else false end")) == {"status": False}, "nothing else gives the value"


class TestLayout:
    """Sheets and Word files look the same in Excel, Word and LibreOffice, which leave different things to themselves."""

    PAPER = Paper(
        "p", "P", "", [Section("S", "", (Column("A", width=3), Column("B", "number"), Column("C", "link", 1)), [["word " * 40, 7, ("deal " * 9, "")], ["x", 7.5, ("y", "")]])]
    )  # fmt: skip

    def test_word_columns_are_as_wide_as_declared_in_the_grid_too(self, tmp_path: Path) -> None:
        (tmp_path / "p.docx").write_bytes(as_docx(self.PAPER, "Acme", Style()))
        table = Word(str(tmp_path / "p.docx")).tables[0]
        a, b, c = (column.width for column in table.columns)
        assert a == pytest.approx(3 * b, rel=0.01)
        assert b == c
        assert [cell.width for cell in table.rows[1].cells] == [a, b, c]

    def test_rows_of_a_sheet_are_as_high_as_their_text(self, tmp_path: Path) -> None:
        (tmp_path / "p.xlsx").write_bytes(as_xlsx(self.PAPER, Style()))
        sheet = openpyxl.load_workbook(tmp_path / "p.xlsx").worksheets[0]
        assert sheet.row_dimensions[3].height == 15 * 5, "200 letters in a column of 42"
        assert sheet.row_dimensions[4].height is None
        assert sheet["C3"].alignment.wrap_text

    def test_whole_numbers_have_no_point(self, tmp_path: Path) -> None:
        (tmp_path / "p.xlsx").write_bytes(as_xlsx(self.PAPER, Style()))
        sheet = openpyxl.load_workbook(tmp_path / "p.xlsx").worksheets[0]
        assert [sheet[cell].number_format for cell in ("B3", "B4")] == ["#,##0", "#,##0.###"]

    def test_a_long_word_goes_on_where_it_can_be_read(self) -> None:
        assert breakable("kwame@harborpinesolar.example <b>") == "kwame<wbr>@harborpinesolar.<wbr>example &lt;b&gt;"
        assert breakable("exports/2026/leads_1.csv:62") == "exports/<wbr>2026/<wbr>leads_<wbr>1.<wbr>csv<wbr>:62"
        assert breakable("ann@x.example") == "ann@x.example", "fits into any column"

    @pytest.mark.promise("P137")
    def test_the_spot_check_is_in_the_locale_and_in_the_clock_of_the_project(self) -> None:
        bundle = load_bundle(Path(__file__).resolve().parents[2], "demo_flash")
        values = {
            "expected_revenue": ("31410.25", "31410.250"), "date_deadline": ("2022-04-29", "2022-04-29"),
            "date_closed": ("2022-04-29 03:30:00", "2022-04-29 04:30:00"), "description": ("a <b>", "<p>a &lt;b&gt;</p>"), "phone": (None, "•••50"),
        }  # fmt: skip
        case = {"entity": "opportunity", "xid": "deal_1", "name": "Roof", "res_id": 7, "place": "deals.csv:2", "risky": True}
        rows = [{**case, "field": f, "expected": e, "found": a, "kind": "time_zone" if f == "date_closed" else None} for f, (e, a) in values.items()]
        paper = spot_check_paper(bundle, Facts("r", {}, None, None, None, [], {"spot_check": rows}), Style("de_DE"))
        shown = {row[4]: row[5:7] for row in paper.sections[0].rows}
        assert shown["Expected revenue"] == ["31.410,25", "31.410,25"]
        assert shown["Date deadline"] == ["29.04.2022", "29.04.2022"]
        assert shown["Date closed"] == ["28.04.2022, 23:30:00 EDT", "29.04.2022, 00:30:00 EDT"], "what a clock in New York shows"
        assert shown["Description"][1] == "a <b>"
        assert "Phone" not in shown, "the source says nothing: Odoo fills it in, and there is nothing to compare"
        page = as_html(paper, "Acme", "footer", Style("de_DE"))
        assert page.count("Roof (deal_1)") == 1, "said once for all values of the record"

    @pytest.mark.promise("P137")
    def test_the_spot_check_asks_about_amounts_and_dates_too(self) -> None:
        bundle = load_bundle(Path(__file__).resolve().parents[2], "demo_flash")
        asked = _spot_fields(bundle, "opportunity", list(bundle.entities["opportunity"].fields))
        assert {"name", "expected_revenue", "date_deadline", "date_closed", "description"} <= set(asked)
        assert len(asked) <= SPOT_FIELDS


@pytest.mark.promise("P179")
def test_the_hypercare_report_lists_issues_with_when_they_were_seen_and_closed() -> None:
    bundle, at = load_bundle(Path(__file__).resolve().parents[2], "demo_flash"), datetime(2026, 1, 12, 8, tzinfo=timezone.utc)
    issue = {"kind": "gone", "entity": "lead", "xid": "lead_7", "text": "Odoo has it no more", "run_id": "r", "seen_at": at, "closed_by": None, "res_id": 7}
    answers = {
        "issues": [{**issue, "closed_at": None}, {**issue, "xid": "lead_8", "closed_at": at + timedelta(hours=5)}],
        "looks": [{"run_id": "r", "started_at": at, "state": "success", "compared": 900, "different": 3, "found": 2, "closed": 0, "still_open": 2}],
    }
    paper = hypercare_paper(bundle, Facts("r", {}, None, {"url": "https://odoo.example"}, None, [], answers), Style())
    assert paper.headline == "1 issue of 2 still open."
    issues, looks, _ = (s.rows for s in paper.sections)
    assert [(i[0], i[2], i[6]) for i in issues] == [
        ("Gone", ("lead_7", "https://odoo.example/web#id=7&model=crm.lead&view_type=form"), "open"),
        ("Gone", ("lead_8", "https://odoo.example/web#id=7&model=crm.lead&view_type=form"), "5 h 00 min"),
    ]
    assert looks == [[at, 900, 3, 2, 0, 2]]
