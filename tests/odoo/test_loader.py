"""Chunks of a plan become records of a real Odoo, with their references, and the ledger says what Odoo holds."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.ledger.phase import chunk_times
from crm2odoo.odoo import loader, reader
from crm2odoo.odoo.batch_size import BatchSize
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.errors import ErrorBudgetExceeded, Paused, SchemaMismatch
from crm2odoo.odoo.load_action import ACTION_XID, ensure_load_action, remove_load_action
from load_world import World, world_of
from odoo_server import OdooDatabase

pytestmark = pytest.mark.odoo

NewWorld = Callable[..., World]
_numbers = itertools.count()


@pytest.fixture
def new_world(tmp_path: Path, staging_dsn: str, odoo: OdooDatabase) -> Iterator[NewWorld]:
    """Makes a project of its own on the module's databases: its external ids and schemas are its own too."""
    opened = []

    def make(transport: str = "auto", tier: str = "A", **project: Any) -> World:
        decisions = {"load_tier": tier, **project.pop("decisions", {})}
        context = world_of(tmp_path, staging_dsn, odoo, f"w{next(_numbers)}", transport, decisions=decisions, **project)
        opened.append(context)
        return context.__enter__()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture(params=["A", "B"])
def world(request: pytest.FixtureRequest, new_world: NewWorld) -> World:
    """On each way of loading: the server action, and ``load``."""
    return new_world(tier=request.param)


def load(world: World, *entities: str, rows_per_chunk: int = 5000) -> dict[str, loader.ChunkResult]:
    """Loads entities as the DAG does: chunks, then the second pass. Returns the last chunk's result and, under ``<entity>+``, the second pass's."""
    results = {}
    for entity in entities:
        for chunk in world.chunks(entity, rows_per_chunk=rows_per_chunk):
            results[entity] = loader.load_chunk(world.target, world.run_id, world.plan_id, chunk)
        results[f"{entity}+"] = loader.load_second(world.target, world.run_id, world.plan_id, entity)
    return results


def company(n: int, **vals: Any) -> dict[str, Any]:
    return {"_xid": f"company_{n}", "name": f"Company {n}", **vals}


def person(n: int, company: int | None = None, **vals: Any) -> dict[str, Any]:
    return {"_xid": f"person_{n}", "name": f"Person {n}", "parent_id": None if company is None else f"company_{company}", **vals}


def refusals(world: World) -> dict[str, tuple[str, str]]:
    return {r["xid"]: (r["kind"], r["message"]) for r in world.sql("select xid, kind, message from {log}.refusal where plan_id = %s", world.plan_id)}


class TestCreating:
    def test_every_kind_of_value_arrives(self, world: World) -> None:
        name = world.ws.bundle.project.project
        us = world.client.xml_ids(["base.us"])["base.us"]
        world.found("country", "country_us", us)
        world.plan(
            tag=[{"_xid": f"tag_{i}", "name": f"{name} tag, with comma {i}", "color": i} for i in range(3)],
            company=[company(1, city="Zürich", comment="<p>a, b</p>", country_id="country_us"), company(2, parent_id="company_3"), company(3)],
            person=[person(1, 1, email="a@b.example")],
            deal=[
                {
                    "_xid": "deal_1",
                    "name": "Deal",
                    "partner_id": "person_1",
                    "tag_ids": ["tag_0", None, "tag_2"],
                    "priority": "2",
                    "expected_revenue": 1234.5,
                    "date_closed": "2021-02-03 04:05:06",
                },
                {"_xid": "deal_2", "name": "Bare"},
            ],
            note=[{"_xid": "note_1", "res_id": "person_1", "body": "<p>hello</p>", "date": "2020-01-01 10:00:00"}],
        )
        load(world, "tag", "company", "person", "deal", "note")
        companies, people, deals = (
            world.read("company", "name", "city", "country_id", "parent_id", "user_id", "comment"),
            world.read("person", "email", "parent_id"),
            {},
        )
        assert companies["company_1"] == {
            "name": "Company 1",
            "city": "Zürich",
            "country_id": us,
            "parent_id": False,
            "user_id": False,
            "comment": "<p>a, b</p>",
        }
        assert companies["company_2"]["parent_id"] == world.ids("company")["company_3"]
        assert people["person_1"] == {"email": "a@b.example", "parent_id": world.ids("company")["company_1"]}
        deals = world.read("deal", "name", "partner_id", "tag_ids", "priority", "expected_revenue", "date_closed", "user_id", "type")
        tags = world.ids("tag")
        assert deals["deal_1"] == {
            "name": "Deal", "partner_id": world.ids("person")["person_1"], "tag_ids": [tags["tag_0"], tags["tag_2"]], "priority": "2",
            "expected_revenue": 1234.5, "date_closed": "2021-02-03 04:05:06", "user_id": False, "type": "opportunity",
        }  # fmt: skip
        assert deals["deal_2"]["priority"] == "0", "an empty field is left to Odoo's default"
        [note] = world.read("note", "subtype_id", "res_id", "author_id", "date", "body").values()
        assert note == {
            "subtype_id": world.client.xml_ids(["mail.mt_note"])["mail.mt_note"], "res_id": world.ids("person")["person_1"], "author_id": False,
            "date": "2020-01-01 10:00:00", "body": "<p>hello</p>",
        }  # fmt: skip
        assert world.client.call("mail.mail", "search_count", domain=[]) == 0

    def test_lines_come_with_their_record_and_are_replaced_as_a_whole(self, world: World) -> None:
        def order(n: int, *prices: float) -> dict[str, Any]:
            return {"_xid": f"order_{n}", "name": f"O{n}", "partner_id": "person_1", "order_line": [{"name": f"at {p}", "price_unit": p, "tax_ids": []} for p in prices]}

        world.plan(person=[person(1)], order=[order(1, 10, 20.5), order(2), order(3, 7)])
        load(world, "person", "order")
        assert {x: (o["amount_total"], o["name"]) for x, o in world.read("order", "amount_total", "name").items()} == {
            "order_1": (30.5, "O1"), "order_2": (0, "O2"), "order_3": (7, "O3"),
        }  # fmt: skip
        world.plan(person=[person(1)], order=[order(1, 1, 2, 3), order(2), order(3, 7)])
        load(world, "order")
        assert {x: o["amount_total"] for x, o in world.read("order", "amount_total").items()} == {"order_1": 6, "order_2": 0, "order_3": 7}

    def test_the_ledger_holds_an_entry_a_record_and_a_closed_batch(self, world: World) -> None:
        world.plan(company=[company(1), company(2, parent_id="company_1")])
        result = load(world, "company")
        assert (result["company"].created, result["company+"].updated) == (2, 1)
        in_odoo = world.client.xml_ids([f"{world.target.xid_module}.company_{n}" for n in (1, 2)])
        assert {f"{world.target.xid_module}.{xid}": i for xid, i in world.ids("company").items()} == in_odoo
        assert (
            world.sql(
                "select count(*) as n from {log}.record as r join {target}.plan as p on p.xid = r.xid and p.hash = r.hash and p.vals = r.vals where r.ours and r.second_done"
            )[0]["n"]
            == 2
        )
        entries = world.sql("select xid, action, before from {log}.entry order by entry_id")
        assert [(e["xid"], e["action"]) for e in entries] == [("company_1", "create"), ("company_2", "create"), ("company_2", "second")]
        assert entries[2]["before"] == {"parent_id": False}
        assert {b["state"] for b in world.sql("select state from {log}.batch")} == {"done"}

    def test_loading_again_sends_nothing(self, world: World) -> None:
        rows = [company(n, parent_id="company_0" if n else None) for n in range(4)]
        world.plan(company=rows)
        chunks = world.chunks("company")
        load(world, "company")
        again = loader.load_chunk(world.target, world.run_id, world.plan_id, chunks[0])
        assert (again.calls, again.created, again.done_before) == (0, 0, 4)
        assert loader.load_second(world.target, world.run_id, world.plan_id, "company").calls == 0
        world.plan(company=rows)
        assert world.chunks("company") == []

    def test_records_get_their_ids_in_plan_order_within_a_group(self, world: World) -> None:
        world.plan(
            person=[person(n) for n in range(3)], note=[{"_xid": f"note_{n:02}", "res_id": f"person_{n // 5}", "body": f"{n}"} for n in range(15)]
        )
        load(world, "person", "note", rows_per_chunk=3)
        ids = world.ids("note")
        assert [ids[f"note_{n:02}"] for n in range(15)] == sorted(ids.values())

    def test_a_record_of_our_xid_that_the_ledger_does_not_know_is_taken_over_not_doubled(self, world: World) -> None:
        rows = [company(n, city="Bern", parent_id="company_0" if n == 1 else None) for n in range(3)]
        world.plan(company=rows)
        load(world, "company")
        before = world.ids("company")
        world.client.call("res.partner", "write", ids=[before["company_2"]], vals={"city": "Elsewhere"})
        world.sql("delete from {log}.entry")
        world.sql("delete from {log}.record where ours")
        world.plan(company=rows)
        load(world, "company")
        assert world.ids("company") == before
        assert {c["city"] for c in world.read("company", "city").values()} == {"Bern"}
        assert world.client.call("res.partner", "search_count", domain=[["id", "in", list(before.values())]]) == 3
        actions = {(e["xid"], e["action"]) for e in world.sql("select xid, action from {log}.entry")}
        assert actions == {
            ("company_0", "create"),
            ("company_1", "create"),
            ("company_1", "second"),
            ("company_2", "create"),
            ("company_2", "update"),
        }


class TestUpdating:
    def test_only_changed_fields_are_written_and_empty_ones_cleared(self, world: World) -> None:
        world.plan(company=[company(1, city="Bern", website="http://a.example"), company(2, city="Basel")])
        load(world, "company")
        ids = world.ids("company")
        world.client.call("res.partner", "write", ids=[ids["company_1"]], vals={"website": "http://changed-by-hand.example"})
        world.plan(company=[company(1, city=None, website="http://a.example"), company(2, city="Basel")])
        result = load(world, "company")["company"]
        assert (result.updated, result.created, result.calls) == (1, 0, 1)
        assert world.read("company", "city", "website")["company_1"] == {"city": False, "website": "http://changed-by-hand.example"}
        [entry] = world.sql("select before from {log}.entry where action = 'update'")
        assert entry["before"] == {"city": "Bern"}

    def test_create_only_fields_are_never_updated(self, world: World) -> None:
        world.plan(company=[company(1)])
        load(world, "company")
        world.client.call("res.partner", "write", ids=list(world.ids("company").values()), vals={"customer_rank": 7})
        world.plan(company=[company(1, customer_rank=1, city="Bern")])
        world.sql("update {target}.plan set changed = '{{city,customer_rank}}'")
        load(world, "company")
        assert world.read("company", "customer_rank", "city")["company_1"] == {"customer_rank": 7, "city": "Bern"}

    def test_a_reference_that_changes_or_goes_is_written_in_the_second_pass(self, world: World) -> None:
        world.plan(company=[company(1), company(2), company(3, parent_id="company_1")])
        load(world, "company")
        ids = world.ids("company")
        world.plan(company=[company(1), company(2), company(3, parent_id="company_2")])
        load(world, "company")
        assert world.read("company", "parent_id")["company_3"]["parent_id"] == ids["company_2"]
        world.plan(company=[company(1), company(2), company(3)])
        load(world, "company")
        assert world.read("company", "parent_id")["company_3"]["parent_id"] is False
        befores = [e["before"] for e in world.sql("select before from {log}.entry where action = 'second' order by entry_id")]
        assert befores == [{"parent_id": False}, {"parent_id": ids["company_1"]}, {"parent_id": ids["company_2"]}]

    def test_what_depends_on_a_changed_record_is_computed_in_silence(self, new_world: NewWorld) -> None:
        """Odoo takes the e-mail of a lead over from its contact, at the end of the call, where no context of ours holds."""
        world, lead = new_world(), {"_xid": "deal_1", "name": "Roof", "partner_id": "person_1"}
        world.plan(person=[person(1, email="old@x.example")], deal=[lead])
        load(world, "person", "deal")
        before = world.client.call("mail.message", "search_count", domain=[])
        world.plan(person=[person(1, email="new@x.example")], deal=[lead])
        load(world, "person", "deal")
        assert world.read("deal", "email_from")["deal_1"] == {"email_from": "new@x.example"}
        assert world.client.call("mail.message", "search_count", domain=[]) == before

    def test_another_customer_of_a_lead_leaves_what_the_source_says_about_it(self, world: World) -> None:
        def deal(n: int, customer: int, **vals: Any) -> dict[str, Any]:
            return {"_xid": f"deal_{n}", "name": "Roof", "partner_id": f"person_{customer}", **vals}

        people = [company(1, name="Old Ltd"), company(2, name="New Ltd")], [person(1, company=1), person(2, company=2)]
        world.plan(company=people[0], person=people[1], deal=[deal(1, 1, partner_name="As in the export"), deal(2, 1)])
        load(world, "company", "person", "deal")
        # Odoo writes the company of the new customer into both.
        world.plan(company=people[0], person=people[1], deal=[deal(1, 2, partner_name="As in the export"), deal(2, 2)])
        load(world, "deal")
        assert {x: r["partner_name"] for x, r in world.read("deal", "partner_name").items()} == {"deal_1": "As in the export", "deal_2": "New Ltd"}
        assert {x: r["partner_id"] for x, r in world.read("deal", "partner_id").items()} == dict.fromkeys(("deal_1", "deal_2"), world.ids("person")["person_2"])

    def test_a_record_deleted_in_odoo_is_refused_not_made_again(self, world: World) -> None:
        world.plan(company=[company(1), company(2)])
        load(world, "company")
        world.client.call("res.partner", "unlink", ids=[world.ids("company")["company_1"]])
        world.plan(company=[company(1, city="Bern"), company(2, city="Bern")])
        result = load(world, "company")["company"]
        assert (result.updated, result.refused) == (1, 1)
        assert "deleted in Odoo" in refusals(world)["company_1"][1]
        assert set(world.read("company", "name")) == {"company_2"}
        assert list(reader.gone(world.target, "company")) == [("company_1", None)]


class TestMissingReferences:
    def test_a_row_waits_or_goes_without_as_the_field_says(self, world: World) -> None:
        world.plan(company=[company(1, country_id="country_xx")], person=[person(1, 1), person(2, 99)])
        result = load(world, "company", "person")
        assert (result["company"].created, result["person"].created, result["person"].held) == (1, 1, 1)
        assert refusals(world) == {
            "company_1": ("missing_reference", "country_id: country_xx is not loaded"),
            "person_2": ("held_parent", "parent_id: company_99 is not loaded"),
        }
        assert world.read("company", "country_id")["company_1"]["country_id"] is False

    def test_what_was_missing_is_completed_once_it_is_there(self, world: World) -> None:
        rows: dict[str, Any] = {"company": [company(1, country_id="country_us", parent_id="company_2")], "person": [person(1, 2)]}
        world.plan(**rows)
        load(world, "company", "person")
        us = world.client.xml_ids(["base.us"])["base.us"]
        world.found("country", "country_us", us)
        rows["company"].append(company(2))
        world.plan(**rows)
        load(world, "company", "person")
        assert world.read("company", "country_id", "parent_id")["company_1"] == {"country_id": us, "parent_id": world.ids("company")["company_2"]}
        assert world.read("person", "parent_id")["person_1"]["parent_id"] == world.ids("company")["company_2"]
        assert refusals(world) == {}


class TestRefusals:
    @pytest.mark.promise("R05")
    def test_one_bad_row_does_not_sink_its_batch(self, world: World) -> None:
        rows = [{"_xid": f"deal_{n}", "name": f"Deal {n}", "priority": "9" if n == 37 else "1"} for n in range(60)]
        world.plan(deal=rows)
        result = load(world, "deal")["deal"]
        assert (result.created, result.refused) == (59, 1)
        kind, message = refusals(world)["deal_37"]
        assert kind == "odoo"
        assert "priority" in message or "9" in message
        assert len(world.read("deal", "name")) == 59
        ids = world.ids("deal")
        assert "deal_37" not in ids
        assert [ids[f"deal_{n}"] for n in range(60) if n != 37] == sorted(ids.values()), "halving keeps the order"
        states = {b["state"] for b in world.sql("select distinct state from {log}.batch")}
        assert states == {"done", "split", "refused"}

    @pytest.mark.promise("R05")
    def test_a_constraint_of_the_database_is_told_in_odoos_words(self, new_world: NewWorld) -> None:
        world = new_world()
        world.plan(deal=[{"_xid": "deal_1", "name": None}], tag=[{"_xid": "tag_1", "name": "the same"}, {"_xid": "tag_2", "name": "the same"}])
        load(world, "deal", "tag")
        said = refusals(world)
        assert "Missing required value" in said["deal_1"][1]
        assert "Tag name already exists" in said["tag_2"][1]
        assert not any("DETAIL" in message or "while evaluating" in message for _, message in said.values())

    def test_a_refused_update_leaves_the_others_and_the_record(self, world: World) -> None:
        world.plan(deal=[{"_xid": f"deal_{n}", "name": "old", "priority": "1"} for n in range(5)])
        load(world, "deal")
        world.plan(deal=[{"_xid": f"deal_{n}", "name": "new", "priority": "7" if n == 2 else "1"} for n in range(5)])
        result = load(world, "deal")["deal"]
        assert (result.updated, result.refused) == (4, 1)
        assert world.read("deal", "name")["deal_2"]["name"] == "old"

    def test_a_row_that_is_mended_loses_its_refusal(self, world: World) -> None:
        world.plan(deal=[{"_xid": "deal_1", "name": "x", "priority": "9"}])
        load(world, "deal")
        assert set(refusals(world)) == {"deal_1"}
        world.sql('update {target}.plan set vals = vals || \'{{"priority": "1"}}\'')
        load(world, "deal")
        assert refusals(world) == {}

    @pytest.mark.promise("R06")
    def test_too_many_refusals_stop_the_phase_and_say_why(self, new_world: NewWorld, caplog: pytest.LogCaptureFixture) -> None:
        world = new_world(error_budget_percent=1.0)
        world.plan(deal=[{"_xid": f"deal_{n}", "name": f"{n}", "priority": "9" if n < 30 else "1"} for n in range(200)])
        chunks = world.chunks("deal", rows_per_chunk=100)
        with pytest.raises(ErrorBudgetExceeded, match=r"Odoo refused 11 of 200 records[\s\S]*Wrong value[\s\S]*clear this task"):
            loader.load_chunk(world.target, world.run_id, world.plan_id, chunks[0])
        with pytest.raises(ErrorBudgetExceeded):
            loader.load_chunk(world.target, world.run_id, world.plan_id, chunks[1])
        assert len(world.read("deal", "name")) == 0
        assert any("what=ErrorBudgetExceeded" in r.message and "safe to clear this task: yes" in r.message for r in caplog.records)

    def test_a_field_that_vanished_from_odoo_stops_the_load_at_once(self, new_world: NewWorld) -> None:
        world = new_world()
        world.target.names["deal"]["name"] = "name_of_another_version"
        world.plan(deal=[{"_xid": f"deal_{n}", "name": f"{n}"} for n in range(20)])
        with pytest.raises(SchemaMismatch, match="name_of_another_version"):
            load(world, "deal")
        assert refusals(world) == {}


class TestControl:
    @pytest.mark.promise("R12")
    def test_a_pause_takes_effect_between_batches(self, new_world: NewWorld) -> None:
        world = new_world()
        world.plan(company=[company(1)])
        world.sql("insert into {log}.decision (name, value, decided_by) values ('pause_load', 'true', 'me')")
        with pytest.raises(Paused, match="clear this task"):
            load(world, "company")
        world.sql("insert into {log}.decision (name, value, decided_by) values ('pause_load', 'false', 'me')")
        assert load(world, "company")["company"].created == 1

    def test_the_log_tells_each_batch_in_one_line(self, new_world: NewWorld, caplog: pytest.LogCaptureFixture) -> None:
        world = new_world()
        world.plan(company=[company(n) for n in range(3)])
        with caplog.at_level(logging.INFO):
            load(world, "company")
        lines = [r.message for r in caplog.records if r.name == "crm2odoo.odoo.loader"]
        assert lines[0].startswith("::group::load company 1-3 rows=3")
        assert lines[1].startswith("batch done entity=company chunk=0 batch=")
        assert " step=create rows=3 ms=" in lines[1]
        assert lines[2] == "::endgroup::"
        assert lines[3].startswith("chunk done entity=company chunk=0 tier=A created=3 updated=0 ")

    def test_at_its_end_a_phase_tells_what_its_chunks_took(self, new_world: NewWorld) -> None:
        world = new_world()
        world.plan(company=[company(n, parent_id="company_0" if n else None) for n in range(4)])
        assert chunk_times(world.ws, world.target.target_id, world.plan_id, "company") == []
        load(world, "company")
        everything, *chunks = chunk_times(world.ws, world.target.target_id, world.plan_id, "company")
        assert (everything.chunk, everything.records, everything.calls, everything.retries, everything.refused) == (None, 7, 2, 0, 0)
        assert {(c.chunk, c.records) for c in chunks} == {(0, 4), (-1, 3)}
        assert everything.seconds >= everything.slowest == max(c.slowest for c in chunks) > 0

    def test_the_rate_for_estimates_counts_overlapping_batches_once_and_no_pauses(self, new_world: NewWorld) -> None:
        world = new_world()
        world.plan(company=[company(0)])
        for began, ended in (("10:00:00", "10:00:04"), ("10:00:03", "10:00:06"), ("12:00:00", "12:00:02")):
            world.sql(
                "insert into {log}.batch (run_id, target_id, plan_id, entity, chunk, step, state, xids, hash, calls, intent_at, settled_at) "
                "values ('run', %s, %s, 'company', 0, 'create', 'done', array_fill('x'::text, array[100]), '', 1, %s, %s)",
                world.target.target_id, world.plan_id, f"2026-01-01 {began}+00", f"2026-01-01 {ended}+00",
            )  # fmt: skip
        [statement] = world.ws.statements("plan/7_rates.sql.j2", target_id=world.target.target_id)
        with world.ws.connect() as connection:
            [rate] = connection.execute(statement.encode()).fetchall()
        assert rate == {"entity": "company", "here": True, "records": 300, "calls": 3, "seconds": 4 + 2 + 2 + 5}

    def test_both_transports_load_the_same(self, new_world: NewWorld) -> None:
        contents = []
        for transport in ("json2", "jsonrpc"):
            world = new_world(transport)
            world.plan(
                company=[company(1, city="Bern"), company(2, parent_id="company_1")], deal=[{"_xid": "deal_1", "name": "D", "expected_revenue": 5.5}]
            )
            load(world, "company", "deal")
            contents.append((world.read("company", "name", "city", "is_company"), world.read("deal", "name", "expected_revenue", "user_id")))
        assert contents[0] == contents[1]


class TestLoadAction:
    def test_it_is_made_once_mended_when_changed_and_removed(self, new_world: NewWorld) -> None:
        target = new_world().target
        action = ensure_load_action(target)
        assert ensure_load_action(target) == action
        target.client.call("ir.actions.server", "write", ids=[action], vals={"code": "action = {}"})
        assert ensure_load_action(target) == action
        assert "INSERT INTO ir_model_data" in target.client.call("ir.actions.server", "read", ids=[action], fields=["code"])[0]["code"]
        remove_load_action(target)
        remove_load_action(target)
        assert target.client.xml_ids([f"{target.xid_module}.{ACTION_XID}"]) == {}
        assert target.client.call("ir.actions.server", "search_count", domain=[["id", "=", action]]) == 0

    def test_only_administrators_may_run_it(self, new_world: NewWorld, odoo: OdooDatabase) -> None:
        world = new_world()
        action = ensure_load_action(world.target)
        group = world.client.xml_ids(["base.group_user"])["base.group_user"]
        world.client.call(
            "res.users", "create", vals_list=[{"name": "Clerk", "login": "clerk", "password": "clerk-pw-1", "group_ids": [[6, 0, [group]]]}]
        )
        with (
            OdooClient.connect(OdooCredentials(odoo.url, odoo.database, "clerk", "clerk-pw-1")) as clerk,
            pytest.raises(Exception, match="access rights"),
        ):
            clerk.call(
                "ir.actions.server",
                "run",
                ids=[action],
                context={"crm2odoo": {"op": "create", "model": "res.partner", "module": "m", "context": {}, "rows": []}},
            )

    def test_where_it_is_refused_the_load_goes_on_without_it(self, new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        world = new_world(decisions={"load_tier": ""})
        monkeypatch.setattr(loader, "ActionTier", _refuse)
        world.plan(company=[company(1)])
        assert load(world, "company")["company"].created == 1

    def test_somebody_deletes_it_in_the_middle_of_a_load(self, new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        world = new_world()
        world.plan(company=[company(n) for n in range(6)])
        real = loader._ChunkLoad._tell
        deleted = []

        def tell(*arguments: Any) -> None:
            real(*arguments)
            if not deleted:
                deleted.append(True)
                remove_load_action(world.target)

        monkeypatch.setattr(loader._ChunkLoad, "_tell", tell)
        monkeypatch.setattr(loader, "BatchSize", lambda start: BatchSize(3))
        result = load(world, "company")["company"]
        assert (result.created, result.calls, result.refused) == (6, 2, 0)
        assert len(world.read("company", "name")) == 6


def _refuse(target: Any) -> Any:
    from crm2odoo.odoo.errors import AccessRefused

    raise AccessRefused("no server actions here")


class TestReadingBack:
    def test_values_come_by_xid_raw_and_under_our_names(self, new_world: NewWorld) -> None:
        world = new_world()
        us = world.client.xml_ids(["base.us"])["base.us"]
        world.found("country", "country_us", us)
        world.plan(company=[company(1, country_id="country_us"), company(2)], deal=[{"_xid": "deal_1", "name": "D"}])
        load(world, "company", "deal")
        ids = world.ids("company")
        world.client.call("res.partner", "write", ids=[ids["company_2"]], vals={"active": False})
        found = list(reader.read_back(world.target, "company", ["name", "country_id", "x_gone"], ["write_uid"]))
        assert found == [
            ("company_1", ids["company_1"], {"name": "Company 1", "country_id": us, "write_uid": 2}),
            ("company_2", ids["company_2"], {"name": "Company 2", "country_id": False, "write_uid": 2}),
        ]
        assert [(x, i) for x, i, _ in reader.read_back(world.target, "country", [])] == [("country_us", us)]
        assert reader.count_by_xid(world.target, "company") == 2
