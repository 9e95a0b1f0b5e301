"""The report that a customer's admin reads and signs: complete, inert, reproducible, and readable by machines too."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from crm2odoo.handoff import Document, NothingToReport, write_report
from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.masking import masked_facts, unsealed_facts
from crm2odoo.ledger import approvals, runs
from crm2odoo.ledger.dispositions import settle_dispositions
from crm2odoo.project import load_bundle
from crm2odoo.reconcile import check_entity, diff
from crm2odoo.staging.vault import Vault, new_key
from odoo_server import OdooDatabase
from proof_world import FIRMS, REPS, RULES, Proof, deals, proof_world

pytestmark = pytest.mark.odoo

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Iterator[Proof]:
    """A finished run with a reject, a merge, a hostile name, and two differences: one of them in a sensitive field."""
    hostile = {"id": "99", "name": f"Deal {ATTACK}", "notes": f"<p>Hello {ATTACK}</p>"}
    with proof_world(
        tmp_path_factory.mktemp("proof"), staging_dsn, odoo, "report", locale="de_DE", title=f"Proof & Sons {ATTACK}", error_budget_percent=5
    ) as proof:
        proof.run(
            proof.deliver("export", rep=REPS, firm=FIRMS, deal=[*deals(12), hostile, {"id": "100", "name": ATTACK, "amount": ATTACK}], rule=RULES)
        )
        for entity in proof.ws.bundle.load_order:
            check_entity(proof.target, proof.run_id, proof.plan_id, entity)
        settle_dispositions(proof.ws, proof.run_id, proof.plan_id)
        proof.write("crm.lead", "deal_99", name=f"Changed {ATTACK}")
        proof.write("res.partner", "firm_1", ref="IBAN 43")
        diff(proof.target, proof.run_id, proof.plan_id)
        runs.finish(proof.ws, proof.run_id, "success")
        approvals.record(
            proof.ws, subject="mapping", hash="ab" * 32, verdict="approved", by="maria@proof.example", comment=f"Fine {ATTACK}", run_id=proof.run_id
        )
        yield proof


@pytest.fixture(scope="module")
def documents(proof: Proof, tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    return write_report(proof.ws, proof.run_id, tmp_path_factory.mktemp("documents"))


@pytest.fixture(scope="module")
def page(documents: list[Document]) -> str:
    return Path(documents[0].location).read_text(encoding="utf-8")


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = _Elements()
    reader.feed(page)
    return reader.tags


def text(page: str) -> str:
    """The page as a reader sees it, blanks collapsed."""
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.S)).split())


@pytest.mark.promise("P215")
class TestInert:
    def test_nothing_from_the_source_becomes_markup(self, page: str) -> None:
        tags = {tag for tag, _ in elements(page)}
        assert tags.isdisjoint({"script", "img", "iframe", "object", "embed", "link", "form", "base"})
        assert not [a for _, attrs in elements(page) for a in attrs if a.startswith("on")]
        assert "&lt;script&gt;alert(1)" in page, "it is shown as text"

    def test_the_policy_allows_its_own_style_and_nothing_else(self, page: str) -> None:
        (policy,) = [a["content"] for t, a in elements(page) if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
        assert policy is not None
        style = re.search(r"<style>(.*?)</style>", page, re.S)
        assert style
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert policy.split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
        assert not [a for _, a in elements(page) if "style" in a], "an inline style would be refused by the policy"

    def test_no_request_leaves_the_page(self, page: str) -> None:
        loads = [(t, a) for t, a in elements(page) if a.get("src") or (t != "a" and a.get("href"))]
        assert loads == []
        assert "url(" not in page
        assert "@import" not in page


@pytest.mark.promise("P164", "P162")
class TestContent:
    def test_the_verdict_comes_first_with_its_reasons_and_who_approved(self, page: str) -> None:
        said = text(page)
        assert said.index("GO with exceptions") < said.index("In short")
        assert "maria@proof.example approved the mapping" in said
        assert "2 rows" in said, "rejected"

    def test_one_sentence_for_each_object(self, page: str) -> None:
        said = text(page)
        assert (
            "2 of 5 rows are in Odoo as firms; 1 joined with another row; 1 left out on purpose (deleted in the source); 1 rejected (a value that must be there is empty: name)."
            in said
        )
        assert "13 of 14 rows are in Odoo as deals" in said

    def test_a_difference_names_the_line_and_links_the_record(self, page: str, proof: Proof) -> None:
        links = {a.get("href") for t, a in elements(page) if t == "a"}
        assert f"{proof.target.client.url}/web#id={proof.id('deal_99')}&model=crm.lead&view_type=form" in links
        assert "deals.csv:14" in page

    def test_each_figure_leads_to_its_query(self, page: str) -> None:
        tags = elements(page)
        asked = {a["href"] for t, a in tags if t == "a" and (a.get("href") or "").startswith("#q-")}
        given = {f"#{a['id']}" for t, a in tags if (a.get("id") or "").startswith("q-")}
        assert asked
        assert asked <= given

    def test_every_link_within_the_page_leads_somewhere(self, page: str) -> None:
        tags = elements(page)
        ids = {a["id"] for _, a in tags if a.get("id")}
        assert {h[1:] for t, a in tags if t == "a" and (h := a.get("href") or "").startswith("#")} <= ids

    @pytest.mark.promise("P168")
    def test_control_totals_are_in_the_locale_of_the_project(self, page: str, proof: Proof) -> None:
        total = sum(1000.25 + n for n in range(1, 13) if n % 5)
        assert f"{total:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".") in text(page)


class TestMasking:
    def test_sensitive_values_are_hidden_by_default(self, documents: list[Document], page: str) -> None:
        machine = Path(documents[1].location).read_text()
        for secret in ("IBAN 42", "IBAN 43"):
            assert secret not in page
            assert secret not in machine
        assert "hidden (7 characters)" in page

    def test_the_unmasked_pack_must_be_asked_for(self, proof: Proof, tmp_path: Path) -> None:
        pack = write_report(proof.ws, proof.run_id, tmp_path, unmasked=True)
        assert pack[0].name == "unmasked/report.html"
        assert not pack[0].masked
        assert "IBAN 43" in Path(pack[0].location).read_text()


@pytest.mark.promise("P164")
class TestRecord:
    def test_the_same_data_gives_the_same_bytes(self, proof: Proof, documents: list[Document], tmp_path: Path) -> None:
        again = write_report(proof.ws, proof.run_id, tmp_path)
        assert [(d.name, d.sha256) for d in again[:2]] == [(d.name, d.sha256) for d in documents[:2]]

    def test_they_can_be_made_again_when_staging_holds_a_later_export(self, proof: Proof, documents: list[Document], tmp_path: Path) -> None:
        proof.rows("update {log}.export set status = 'landed'")
        try:
            again = write_report(proof.ws, proof.run_id, tmp_path)
        finally:
            proof.rows("update {log}.export set status = 'cleaned'")
        page = re.sub(r"<pre>.*?</pre>", "", Path(again[0].location).read_text(), flags=re.S)
        assert page == re.sub(r"<pre>.*?</pre>", "", Path(documents[0].location).read_text(), flags=re.S)

    def test_each_document_is_registered_with_its_hash(self, proof: Proof, tmp_path: Path) -> None:
        written = write_report(proof.ws, proof.run_id, tmp_path)
        kept = {r["name"]: r["sha256"] for r in proof.rows("select name, sha256 from {log}.document where run_id = %s", proof.run_id)}
        for document in written:
            assert hashlib.sha256(Path(document.location).read_bytes()).hexdigest() == document.sha256 == kept[document.name]

    def test_the_manifest_lists_them(self, documents: list[Document]) -> None:
        manifest = json.loads(Path(documents[-1].location).read_text())
        assert {d["name"]: d["sha256"] for d in manifest["documents"]}["report.html"] == documents[0].sha256

    def test_machines_get_the_same_figures(self, documents: list[Document]) -> None:
        data = json.loads(Path(documents[1].location).read_text())
        assert data["verdict"]["state"] == "exceptions"
        assert {o["object"]: o["rows"] for o in data["objects"]} == {"rep": 2, "firm": 5, "deal": 14, "rule": 1}

    def test_a_run_that_never_was_is_named(self, proof: Proof, tmp_path: Path) -> None:
        with pytest.raises(NothingToReport, match="there is no run 'nothing'"):
            write_report(proof.ws, "nothing", tmp_path)


@pytest.mark.promise("P213")
def test_encrypted_values_are_hidden_by_default_and_opened_only_in_the_unmasked_pack() -> None:
    vault = Vault.of(new_key(), "key")
    bundle = load_bundle(Path(__file__).resolve().parents[2], "demo_flash")
    case = {"entity": "lead", "xid": "lead_1", "res_id": 1, "field": "name", "name": vault.seal("Ann"), "expected": vault.seal("secret"), "found": None}
    facts = Facts("r", {}, None, None, None, [], {"spot_check": [case], "differences": [{**case, "kind": "missing"}]})
    shown = masked_facts(bundle, facts)
    assert [r["expected"] for r in (*shown.rows("spot_check"), *shown.rows("differences"))] == ["hidden (encrypted)"] * 2
    opened = unsealed_facts(vault, facts)
    assert [r["expected"] for r in (*opened.rows("spot_check"), *opened.rows("differences"))] == ["secret"] * 2
    assert opened.rows("spot_check")[0]["name"] == "Ann"
