"""Every mapped field of every record is read back and compared; each kind of fault is found and named, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.reconcile import DiffIncomplete, diff
from crm2odoo.reconcile.attribution import causes_of
from crm2odoo.reconcile.field_diff import DiffSummary
from odoo_server import OdooDatabase
from proof_world import FIRMS, REPS, Proof, deals, proof_world

pytestmark = pytest.mark.odoo

COUNT = 40


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Iterator[Proof]:
    """Two reps, two firms that remain of five rows, and 40 deals, all in Odoo."""
    with proof_world(tmp_path_factory.mktemp("proof"), staging_dsn, odoo) as proof:
        proof.run(proof.deliver("export", rep=REPS, firm=FIRMS, deal=deals(COUNT)))
        yield proof


@pytest.fixture(scope="module")
def summary(loaded: Proof) -> DiffSummary:
    """The diff of the load as it is. Tests that break something make a diff of their own."""
    return diff(loaded.target, "clean", loaded.plan_id)


def differences(proof: Proof, run_id: str) -> set[tuple[str, str, str]]:
    rows = proof.rows("select xid, field, kind from {log}.difference where run_id = %s", run_id)
    return {(r["xid"], r["field"], r["kind"]) for r in rows}


def as_another_user(proof: Proof, odoo: OdooDatabase) -> OdooClient:
    """A colleague in the sales department, with a login of her own."""
    group = proof.target.client.xml_ids(["sales_team.group_sale_manager"])["sales_team.group_sale_manager"]
    person = {"name": "Colleague", "login": "colleague", "password": "colleague-1", "group_ids": [[4, group]]}
    proof.target.client.call("res.users", "create", vals_list=[person], context={"no_reset_password": True})
    return OdooClient.connect(OdooCredentials(odoo.url, odoo.database, "colleague", "colleague-1"), "jsonrpc")


@pytest.mark.promise("P002", "P133", "P134")
class TestCleanRun:
    """Runs first: the other tests break what it finds whole."""

    def test_there_is_no_false_positive(self, loaded: Proof, summary: DiffSummary) -> None:
        assert differences(loaded, "clean") == set()
        assert summary.kinds == {}

    def test_each_cell_is_counted_once(self, summary: DiffSummary) -> None:
        for e in summary.entities:
            assert e.compared == e.records * e.fields == e.equal + e.transformed + e.different + e.not_comparable
        assert {e.entity: e.records for e in summary.entities} == {"user": 2, "firm": 2, "label": 3, "deal": COUNT}

    def test_a_declared_transform_is_counted_as_such_and_not_as_equal(self, loaded: Proof, summary: DiffSummary) -> None:
        website = loaded.rows("select * from {log}.cell_count where run_id = 'clean' and entity = 'firm' and field = 'website'")[0]
        assert (website["equal"], website["transformed"]) == (1, 1), "mueller.example became http://mueller.example, https://acme.example/ stayed"

    def test_what_cannot_be_compared_is_counted_as_such(self, loaded: Proof, summary: DiffSummary) -> None:
        switch = loaded.rows("select * from {log}.cell_count where run_id = 'clean' and field = 'iap_enrich_done'")[0]
        assert (switch["compared"], switch["not_comparable"]) == (COUNT, COUNT)

    def test_repeating_it_changes_nothing(self, loaded: Proof, summary: DiffSummary) -> None:
        again = diff(loaded.target, "clean", loaded.plan_id)
        assert [(e.entity, e.equal, e.transformed, e.not_comparable) for e in again.entities] == [
            (e.entity, e.equal, e.transformed, e.not_comparable) for e in summary.entities
        ]


# record, what is written behind the migration's back, and how the diff must call it
FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("deal_1", {"name": "Deal number 1: gar"}, "truncated"),
    ("deal_2", {"name": "DEAL number 2 - garden, roof and cellar"}, "format"),
    ("deal_3", {"name": "Something else"}, "unexpected_value"),
    ("deal_4", {"expected_revenue": 1004}, "rounding"),
    ("deal_6", {"expected_revenue": 77}, "unexpected_value"),
    ("deal_7", {"priority": "3"}, "pick_list"),
    ("deal_2", {"date_deadline": "2025-12-03"}, "format"),
    ("deal_8", {"date_deadline": "2025-09-19"}, "time_zone"),
    ("deal_9", {"date_closed": "2024-03-19 14:20:30"}, "time_zone"),
    ("deal_11", {"date_closed": "2024-03-21 00:00:00"}, "truncated"),
    ("deal_12", {"description": "<p>Called <b>twice</b> &amp; wrote to them</p><p>Second line 12</p>"}, "sanitised_html"),
    ("deal_13", {"description": "<p>Called <b>twice</b></p>"}, "truncated"),
    ("deal_14", {"user_id": False}, "owner"),
    ("deal_16", {"partner_id": False}, "relation"),
    ("deal_17", {"tag_ids": [[5]]}, "relation"),
    ("deal_18", {"description": False}, "missing"),
    ("deal_18", {"x_size": 0}, "unexpected_value"),
    ("deal_19", {"x_hot": False}, "unexpected_value"),
    ("deal_10", {"expected_revenue": 5}, "unexpected_value"),
    ("deal_19", {"name": "Deal number 19: garden, roof and cellar "}, "format"),
    ("deal_10", {"description": "<p>Nobody said this</p>"}, "unexpected_value"),
]
BY_A_COLLEAGUE = ("deal_22", {"name": "Corrected by a colleague"}, "changed_in_odoo")
GONE = "deal_21"


@pytest.mark.promise("P134", "P005")
def test_each_class_of_fault_is_found_and_named_and_nothing_else(loaded: Proof, summary: DiffSummary, odoo: OdooDatabase) -> None:
    for xid, values, _ in FAULTS:
        loaded.write("crm.lead", xid, **values)
    with as_another_user(loaded, odoo) as colleague:
        colleague.call("crm.lead", "write", ids=[loaded.id(BY_A_COLLEAGUE[0])], vals=BY_A_COLLEAGUE[1])
    loaded.target.client.call("crm.lead", "unlink", ids=[loaded.id(GONE)])

    found = diff(loaded.target, "faults", loaded.plan_id)

    seeded = {(xid, field, kind) for xid, values, kind in [*FAULTS, BY_A_COLLEAGUE] for field in values}
    fields = {r["field"] for r in loaded.rows("select field from {log}.cell_count where run_id = 'faults' and entity = 'deal'")}
    of_the_gone_record = {(GONE, field, "missing") for field in fields - {"iap_enrich_done"}}
    assert differences(loaded, "faults") == seeded | of_the_gone_record
    deal = next(e for e in found.entities if e.entity == "deal")
    assert deal.different == len(seeded | of_the_gone_record)
    assert deal.compared == deal.equal + deal.transformed + deal.different + deal.not_comparable == COUNT * len(fields)
    failed = {
        c["name"]: c["details"] for c in loaded.rows("select name, details from {log}.reconciliation where run_id = 'faults' and phase = 'deal' and not passed")
    }
    off = {p["dimension"] for p in failed["total_expected_revenue"]["parts"] if Decimal(str(p["expected"])) != Decimal(str(p["found"]))}
    assert off == {"owner", "month"}, "the sums of this world's dimensions show the wrong amounts, too"
    (links,) = (details for name, details in failed.items() if name.startswith("links_odoo_"))
    assert (links["orphans"], links["crossed"]) == (2, 0)
    assert links["cases"][0] == {"xid": "deal_16", "source": "deals.csv:17"}


@pytest.mark.promise("P134")
def test_a_field_of_another_type_is_told_from_another_value(loaded: Proof) -> None:
    """Somebody made the custom field as text before the migration came."""
    model = loaded.target.client.call("ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]
    field = {"name": "x_size_text", "model_id": model, "ttype": "char", "field_description": "Size", "state": "manual"}
    loaded.target.client.call("ir.model.fields", "create", vals_list=[field])
    loaded.write("crm.lead", "deal_1", x_size_text="1")
    names = {**loaded.target.names, "deal": {**loaded.target.names["deal"], "x_size": "x_size_text"}}
    diff(replace(loaded.target, names=names), "types", loaded.plan_id, ["deal"])
    kinds = {r["xid"]: r["kind"] for r in loaded.rows("select xid, kind from {log}.difference where run_id = 'types' and field = 'x_size'")}
    assert kinds["deal_1"] == "type"


def test_differences_are_attributed_to_what_they_share(loaded: Proof, summary: DiffSummary) -> None:
    late = [f"deal_{n}" for n in (23, 24, 26, 27, 28, 29)]
    for xid in late:
        closed = loaded.target.client.call("crm.lead", "read", ids=[loaded.id(xid)], fields=["date_closed"])[0]["date_closed"]
        shifted = datetime.fromisoformat(closed) - timedelta(hours=5)
        loaded.write("crm.lead", xid, date_closed=shifted.isoformat(sep=" "))
    diff(loaded.target, "shifted", loaded.plan_id, ["deal"])
    cause = next(c for c in causes_of(loaded.ws, "shifted") if (c.field, c.kind) == ("date_closed", "time_zone"))
    assert ("shifted by", "-5 hours") in [(dimension, value) for dimension, value, _, _ in cause.points]


def test_a_field_that_is_sent_and_not_compared_stops_the_diff(loaded: Proof) -> None:
    with loaded.ws.connect() as connection:
        connection.execute(loaded.ws.sql("update {target}.plan set vals = vals || '{{\"x_forgotten\": 1}}' where xid = 'deal_1'"))
    with pytest.raises(DiffIncomplete, match="deal: the plan sends x_forgotten"):
        diff(loaded.target, "hole", loaded.plan_id, ["deal"])
