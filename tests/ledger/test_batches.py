"""Cutting a plan into chunks and batches, against a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.ledger.batches import Chunk, ChunkLedger, ChunkTakenOver, Outcome, chunks, second_chunk
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace
from load_world import World, write_project

_numbers = itertools.count()


@dataclass(frozen=True)
class _NoOdoo:
    """As much of a target as the ledger needs."""

    ws: Workspace
    target_id: str = "t"


@pytest.fixture
def world(tmp_path: Path, staging_dsn: str) -> Iterator[World]:
    name = f"b{next(_numbers)}"
    ws = Workspace.open(load_bundle(write_project(tmp_path, name), name), staging_dsn)
    world = World(_NoOdoo(ws))  # type: ignore[arg-type]
    world.sql("insert into {log}.export (export_id, sha256, location, files, bytes) values ('export', 'export', 'none', 0, 0)")
    world.sql(
        "insert into {log}.target (target_id, url, database, kind, version, edition, hosting) values ('t', '', '', 'sandbox', '19', 'community', '')"
    )
    world.sql("insert into {log}.run (run_id, kind, target_id, code) values ('run', 'test', 't', 'test')")
    return world


def notes(*groups: int) -> list[dict[str, Any]]:
    """Notes of persons, in this order."""
    return [{"_xid": f"note_{n}", "res_id": f"person_{group}"} for n, group in enumerate(groups)]


def tags(n: int) -> list[dict[str, Any]]:
    return [{"_xid": f"tag_{i}", "name": f"Tag {i}"} for i in range(n)]


def open_ledger(world: World, chunk: Chunk) -> Any:
    return ChunkLedger.open(world.ws, "t", "run", world.plan_id, chunk)


class TestChunks:
    def test_every_row_to_send_is_in_exactly_one_chunk(self, world: World) -> None:
        world.plan(tag=tags(10))
        world.sql("update {target}.plan set action = 'unchanged' where seq in (1, 4, 5)")
        found = world.chunks("tag", rows_per_chunk=3)
        assert [(c.first_seq, c.last_seq, c.rows) for c in found] == [(2, 6, 3), (7, 9, 3), (10, 10, 1)]
        assert [c.number for c in found] == [0, 1, 2]
        assert found[0].label == "tag 2-6"

    @pytest.mark.parametrize(("batch_size", "rows", "made"), [(10, 15, [15]), (10, 60, [20, 20, 20]), (10, 200, [50] * 4), (10, 450, [100] * 4 + [50]), (100, 450, [200, 200, 50])])
    def test_heavy_records_make_smaller_chunks_and_a_small_phase_gives_all_connections_work(
        self, world: World, batch_size: int, rows: int, made: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entities = world.ws.bundle.entities
        monkeypatch.setitem(entities, "tag", entities["tag"].model_copy(update={"batch_size": batch_size}))
        world.plan(tag=tags(rows))
        assert [c.rows for c in world.chunks("tag")] == made

    def test_there_are_never_more_chunks_than_airflow_maps(self, world: World) -> None:
        world.plan(tag=tags(50))
        found = world.chunks("tag", rows_per_chunk=1, max_chunks=7)
        assert len(found) <= 7
        assert sum(c.rows for c in found) == 50

    def test_nothing_to_send_gives_no_chunk(self, world: World) -> None:
        world.plan(tag=[])
        assert world.chunks("tag") == []

    def test_the_notes_of_one_record_stay_together(self, world: World) -> None:
        world.plan(note=notes(0, 0, 0, 0, 1, 1, 2, 3, 3))
        found = world.chunks("note", rows_per_chunk=3)
        assert [(c.first_seq, c.last_seq) for c in found] == [(1, 4), (5, 6), (7, 9)]

    def test_an_order_that_tears_them_apart_is_told(self, world: World) -> None:
        world.plan(note=notes(0, 0, 1, 1, 0))
        with pytest.raises(ValueError, match=r"note: records with the same res_id[\s\S]*mappings/odoo/note.yaml"):
            world.chunks("note", rows_per_chunk=2)

    def test_a_chunk_survives_json(self, world: World) -> None:
        world.plan(tag=tags(2))
        [chunk] = chunks(world.ws, world.plan_id, "tag")
        assert Chunk.from_json(chunk.as_json()) == chunk


class TestCutting:
    def test_references_are_database_ids_in_the_order_of_the_values(self, world: World) -> None:
        world.found("tag", "tag_1", 11)
        world.found("tag", "tag_2", 12)
        world.found("person", "person_1", 7)
        world.plan(
            deal=[
                {"_xid": "deal_1", "partner_id": "person_1", "tag_ids": ["tag_2", None, "tag_9", "tag_1"]},
                {"_xid": "deal_2", "partner_id": "person_2", "tag_ids": []},
                {"_xid": "deal_3"},
            ]
        )
        with open_ledger(world, world.chunks("deal")[0]) as ledger:
            rows = ledger.cut(0, 10)
        assert [r.ids for r in rows] == [
            {"partner_id": 7, "tag_ids": [12, None, 11]}, {"partner_id": None, "tag_ids": None}, {"partner_id": None, "tag_ids": None},
        ]  # fmt: skip

    def test_what_the_ledger_has_is_not_cut_again(self, world: World) -> None:
        world.plan(tag=tags(6))
        with open_ledger(world, world.chunks("tag")[0]) as ledger:
            first = ledger.cut(0, 2)
            batch = ledger.intend("create", [r.xid for r in first], "digest")
            ledger.settle(batch, [Outcome(r.xid, 100 + r.seq, "create") for r in first], calls=1, ms=5.0)
            assert [r.xid for r in ledger.cut(0, 10)] == ["tag_2", "tag_3", "tag_4", "tag_5"]
            assert [r.xid for r in ledger.cut(4, 10)] == ["tag_4", "tag_5"]

    def test_a_chunk_sees_only_its_own_rows(self, world: World) -> None:
        world.plan(tag=tags(6))
        middle = world.chunks("tag", rows_per_chunk=2)[1]
        with open_ledger(world, middle) as ledger:
            assert [r.xid for r in ledger.cut(0, 10)] == ["tag_2", "tag_3"]


class TestLedger:
    def test_a_record_without_all_its_references_is_shown_again_by_the_next_plan(self, world: World) -> None:
        world.plan(deal=[{"_xid": "deal_1", "name": "D", "partner_id": "person_1"}])
        with open_ledger(world, world.chunks("deal")[0]) as ledger:
            ledger.settle(ledger.intend("create", ["deal_1"], "d"), [Outcome("deal_1", 5, "create", left_out=["partner_id"], incomplete=True)])
            [row] = ledger.cut(0, 10)
        assert (row.known, row.res_id, row.loaded and row.loaded.get("partner_id")) == (True, 5, None)
        world.plan(deal=[{"_xid": "deal_1", "name": "D", "partner_id": "person_1"}])
        [planned] = world.sql("select action, changed from {target}.plan")
        assert planned == {"action": "update", "changed": ["partner_id"]}

    def test_the_second_pass_knows_who_waits_for_it(self, world: World) -> None:
        world.plan(company=[{"_xid": "company_1"}, {"_xid": "company_2", "parent_id": "company_1"}])
        assert second_chunk(world.ws, "t", "company") is None
        with open_ledger(world, world.chunks("company")[0]) as ledger:
            ledger.settle(
                ledger.intend("create", ["company_1", "company_2"], "d"),
                [Outcome("company_1", 1, "create"), Outcome("company_2", 2, "create", left_out=["parent_id"], second=True)],
            )
        chunk = second_chunk(world.ws, "t", "company")
        assert chunk is not None
        with open_ledger(world, chunk) as ledger:
            [row] = ledger.cut(0, 10)
            assert (row.xid, row.ids["parent_id"]) == ("company_2", 1)
            ledger.settle(
                ledger.intend("second", ["company_2"], "d", {"company_2": {}}),
                [Outcome("company_2", 2, "second", sent=["parent_id"], before={"parent_id": False})],
            )
        assert second_chunk(world.ws, "t", "company") is None
        assert world.sql("select vals ->> 'parent_id' as parent from {log}.record where xid = 'company_2'") == [{"parent": "company_1"}]

    @pytest.mark.promise("R03")
    def test_only_the_newest_copy_may_write(self, world: World) -> None:
        world.plan(tag=tags(2))
        [chunk] = world.chunks("tag")
        with open_ledger(world, chunk) as older:
            batch = older.intend("create", ["tag_0"], "d")
            with open_ledger(world, chunk) as newer:
                for write in (
                    lambda: older.intend("create", ["tag_1"], "d"),
                    lambda: older.settle(batch, [Outcome("tag_0", 1, "create")]),
                    lambda: older.refuse("odoo", [("tag_0", "no")]),
                ):
                    with pytest.raises(ChunkTakenOver):
                        write()
                assert [i.xids for i in newer.open_intents()] == [["tag_0"]]
        assert world.ids("tag") == {}

    def test_other_chunks_do_not_disturb_each_other(self, world: World) -> None:
        world.plan(tag=tags(4))
        one, two = world.chunks("tag", rows_per_chunk=2)
        with open_ledger(world, one) as first, open_ledger(world, two) as second:
            batch = first.intend("create", ["tag_0"], "d")
            assert second.open_intents() == []
            first.settle(batch, [Outcome("tag_0", 1, "create")])

    def test_an_intent_of_an_older_plan_is_found_and_its_orphans_remembered(self, world: World) -> None:
        world.plan(tag=tags(2))
        with open_ledger(world, world.chunks("tag")[0]) as ledger:
            ledger.intend("create", ["tag_0", "tag_1"], "d")
        world.plan(tag=[{"_xid": "tag_5", "name": "another"}])
        with open_ledger(world, world.chunks("tag")[0]) as ledger:
            [intent] = ledger.open_intents()
            ledger.remember_created(intent, {"tag_0": 70})
            ledger.close(intent.batch_id, "failed", "asked")
            assert ledger.open_intents() == []
        assert world.sql("select xid, res_id, ours, hash from {log}.record") == [{"xid": "tag_0", "res_id": 70, "ours": True, "hash": "unknown"}]

    def test_what_a_lost_update_overwrote_is_kept_and_the_oldest_counts(self, world: World) -> None:
        world.plan(tag=tags(1))
        with open_ledger(world, world.chunks("tag")[0]) as ledger:
            ledger.intend("update", ["tag_0"], "d", {"tag_0": {"name": "first"}})
            ledger.intend("update", ["tag_0"], "d", {"tag_0": {"name": "second"}})
            assert ledger.before_lost_answers(["tag_0", "tag_1"]) == {"tag_0": {"name": "first"}}

    def test_decisions_come_from_the_register_then_from_the_project_file(self, world: World) -> None:
        world.plan(tag=tags(1))
        with open_ledger(world, world.chunks("tag")[0]) as ledger:
            assert ledger.decision("load_tier") is None
            world.sql("insert into {log}.decision (name, value, decided_by) values ('load_tier', '\"B\"', 'me'), ('load_tier', '\"A\"', 'me')")
            assert ledger.decision("load_tier") == "A"
