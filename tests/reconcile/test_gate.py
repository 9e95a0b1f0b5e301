"""After each phase three legs must agree: the export, the ledger, and Odoo asked for our external ids. Otherwise the next phase waits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm2odoo.ledger.dispositions import DispositionsDoNotAddUp, disposition_table, settle_dispositions
from crm2odoo.reconcile import GateFailed, check_entity
from odoo_server import OdooDatabase
from proof_world import FIRMS, REPS, RULES, Proof, deals, proof_world

pytestmark = pytest.mark.odoo


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Iterator[Proof]:
    """An export with every kind of row: good, merged, deleted, duplicate, without a name, with a field too few, and one that waits for its owner."""
    rows = [*deals(20), deals(20)[0], {"id": "90", "name": ""}, {"id": "91", "name": "Nobody's", "owner": "gone@proof.example"}]
    with proof_world(
        tmp_path_factory.mktemp("proof"), staging_dsn, odoo, "gate", owners={"decisions": {r["email"]: "provision" for r in REPS}}
    ) as proof:
        lost = [*REPS, {"name": "Gone Guy", "email": "gone@proof.example"}]
        place = proof.deliver("export", rep=lost, firm=FIRMS, deal=rows, rule=RULES)
        with open(place / "deals.csv", "a", encoding="utf-8") as file:
            file.write("92,a row that lost its separators\n")
        proof.run(place)
        yield proof


@pytest.mark.promise("P136", "P160")
class TestAgreement:
    def test_every_phase_of_a_clean_load_passes(self, loaded: Proof) -> None:
        for entity in loaded.ws.bundle.load_order:
            assert all(c.passed for c in check_entity(loaded.target, loaded.run_id, loaded.plan_id, entity))

    def test_the_legs_are_counted_apart_from_each_other(self, loaded: Proof) -> None:
        checks = {c.name: c for c in check_entity(loaded.target, loaded.run_id, loaded.plan_id, "deal")}
        assert (checks["rows_deal"].expected, checks["rows_deal"].found) == (24, 24), "the row that could not be split is counted too"
        assert (checks["records_from_rows"].expected, checks["planned"].found) == (21, 21)
        assert (checks["in_odoo"].expected, checks["in_odoo"].found) == (20, 20), "one deal waits for its owner"

    def test_the_first_leg_is_counted_in_the_raw_files_and_not_our_own_counter(self, loaded: Proof) -> None:
        counted = loaded.rows("select f.name, r.method, r.filled, r.beside, r.records, r.sha256 = f.sha256 as same from {log}.raw_count as r"
                              " join {log}.file as f using (export_id, file_no) order by 1")  # fmt: skip
        assert [tuple(c.values()) for c in counted] == [
            ("deals.csv", "csv", 25, 1, 24, True),
            ("firms.csv", "csv", 6, 1, 5, True),
            ("reps.csv", "csv", 4, 1, 3, True),
            ("rules.csv", "csv", 2, 1, 1, True),
        ]
        loaded.rows("update {log}.file set records = records + 7 where object = 'deal'")
        try:
            checks = {c.name: c for c in check_entity(loaded.target, loaded.run_id, loaded.plan_id, "deal")}
        finally:
            loaded.rows("update {log}.file set records = records - 7 where object = 'deal'")
        assert (checks["rows_deal"].expected, checks["rows_deal"].found) == (24, 24)

    def test_each_check_is_kept(self, loaded: Proof) -> None:
        checks = check_entity(loaded.target, "kept", loaded.plan_id, "firm")
        check_entity(loaded.target, "kept", loaded.plan_id, "firm")
        kept = loaded.rows("select name, passed from {log}.reconciliation where run_id = 'kept'")
        assert [(k["name"], k["passed"]) for k in kept] == [(c.name, c.passed) for c in checks]


@pytest.mark.promise("P136")
class TestDispositions:
    def test_every_row_has_exactly_one_and_they_add_up(self, loaded: Proof) -> None:
        table = {o.object: o for o in settle_dispositions(loaded.ws, loaded.run_id, loaded.plan_id)}
        got = {name: {d: n for d, n in o.counts.items() if n} for name, o in table.items()}
        assert got == {
            "rep": {"loaded": 2, "held": 1},
            "firm": {"loaded": 2, "merged": 1, "excluded": 1, "rejected": 1},
            "deal": {"loaded": 20, "merged": 1, "held": 1, "rejected": 2},
            "rule": {"excluded": 1},
        }
        assert all(sum(o.counts.values()) == o.rows for o in table.values())

    def test_each_says_why(self, loaded: Proof) -> None:
        deal = next(o for o in settle_dispositions(loaded.ws, loaded.run_id, loaded.plan_id) if o.object == "deal")
        why = {d: r for d, r, _ in deal.reasons}
        assert why["merged"] == "exact duplicate"
        assert why["held"].startswith("user ")
        assert {r for d, r, _ in deal.reasons if d == "rejected"} == {"missing_required in name", "field_count in 2 fields instead of 13"}

    def test_settling_again_changes_nothing(self, loaded: Proof) -> None:
        once = settle_dispositions(loaded.ws, loaded.run_id, loaded.plan_id)
        assert settle_dispositions(loaded.ws, loaded.run_id, loaded.plan_id) == once == disposition_table(loaded.ws, loaded.run_id)

    def test_a_row_that_no_mapping_takes_is_not_forgotten(self, loaded: Proof) -> None:
        statement = "update {target}.member set is_primary = %s where entity = 'deal' and source_key = '4'"
        loaded.rows(statement, False)
        try:
            with pytest.raises(DispositionsDoNotAddUp, match=r"deals\.csv \(deal\): 24 rows, 23 dispositions; without one: line 5"):
                settle_dispositions(loaded.ws, loaded.run_id, loaded.plan_id)
        finally:
            loaded.rows(statement, True)
        assert loaded.rows("select count(*) as n from {log}.disposition where object = 'deal'")[0]["n"] == 24, "nothing was changed"

    def test_a_row_with_two_fates_stops_it(self, loaded: Proof) -> None:
        loaded.rows(
            "insert into {clean}.reject (object, file_no, rec, line, code) select 'deal', _file, _rec, _line, 'bad_date' from {clean}.deal where _key = '4'"
        )
        try:
            with pytest.raises(DispositionsDoNotAddUp, match="two dispositions"):
                settle_dispositions(loaded.ws, loaded.run_id, loaded.plan_id)
        finally:
            loaded.rows("delete from {clean}.reject where code = 'bad_date'")


@pytest.mark.promise("P010", "P160")
class TestDisagreement:
    """Runs last: each test breaks one leg and mends it again."""

    def failure(self, proof: Proof, entity: str = "deal") -> str:
        with pytest.raises(GateFailed) as failed:
            check_entity(proof.target, "failing", proof.plan_id, entity)
        return str(failed.value)

    def test_a_row_that_got_lost_between_file_and_table_is_named(self, loaded: Proof) -> None:
        loaded.rows("create table {land}.kept as select * from {clean}.deal where _key = '4'")
        loaded.rows("delete from {clean}.deal where _key = '4'")
        message = self.failure(loaded)
        loaded.rows("insert into {clean}.deal select * from {land}.kept")
        loaded.rows("drop table {land}.kept")
        assert "counted again in the raw files, and accounted for: expected 24, found 23: 1 off." in message
        assert "deals.csv:5  neither in the clean table nor rejected" in message

    def test_a_record_missing_from_the_ledger(self, loaded: Proof) -> None:
        loaded.rows("update {log}.record set xid = 'elsewhere' where xid = 'deal_4'")
        message = self.failure(loaded)
        loaded.rows("update {log}.record set xid = 'deal_4' where xid = 'elsewhere'")
        assert "Planned records that were never written: expected 0, found 1" in message
        assert "deal_4  deals.csv:5" in message
        assert "Records in Odoo under our external ids that the ledger does not know: expected 0, found 1" in message

    def test_an_external_id_that_was_turned_to_another_record(self, loaded: Proof) -> None:
        client = loaded.target.client
        (key,) = client.call("ir.model.data", "search", domain=[["module", "=", loaded.target.xid_module], ["name", "=", "deal_6"]])
        client.call("ir.model.data", "write", ids=[key], vals={"res_id": loaded.id("deal_7")})
        message = self.failure(loaded)
        client.call("ir.model.data", "write", ids=[key], vals={"res_id": loaded.id("deal_6")})
        assert "External ids that now point to another record: expected 0, found 1" in message

    def test_deleted_records_are_named_with_place_and_link_and_what_to_do(self, loaded: Proof) -> None:
        gone = [f"deal_{n}" for n in range(1, 13)]
        ids = [loaded.id(xid) for xid in gone]
        loaded.target.client.call("crm.lead", "unlink", ids=ids)
        message = self.failure(loaded)
        assert "Deals: 2 of 13 checks of this phase failed" in message
        assert "Records of the ledger found in Odoo by external id: expected 20, found 8" in message
        assert f"deal_2  deals.csv:3  {loaded.target.client.url}/web#id={ids[1]}&model=crm.lead" in message
        assert message.count("deals.csv:") == 10, "the first ten cases"
        assert "and 2 more" in message
        assert "→ Somebody deleted them" in message
        assert not loaded.rows("select 1 from {log}.reconciliation where run_id = 'failing' and name = 'not_in_odoo' and passed"), (
            "a failed check is kept"
        )
