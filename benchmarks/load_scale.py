"""Large loads: what the plan of millions of records takes, whether the rate holds as Odoo fills up, and whether memory stays the same.

    python benchmarks/load_scale.py load [--records 300000] [--keep]       a long load of messages, in chunks, as Airflow's mapped tasks do it
    python benchmarks/load_scale.py filled --existing 100000 [--keep]      the rate of contacts and leads with so many of both there already
    python benchmarks/load_scale.py plan [--scale 1.0] [--keep]            the plan of 3.7 million records: time, memory, chunks, estimate; last,
                                                                           because it empties the ledger's records

With ``--keep`` the sandbox of benchmarks/load.py and its ledger stay, and the next command goes on there: so the estimate of the plan comes
from rates that were measured before it. What exists already is written by SQL, with its external ids and into the ledger.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from load import Bench, landed, made, ours, row, sandbox_bench, write_plan
from psycopg import sql

from crm2odoo import intake, staging
from crm2odoo.ledger import batches, forecast, make_plan
from crm2odoo.odoo import loader
from crm2odoo.odoo.target import Target
from crm2odoo.sandbox import ensure_base

PROCESSES = 4
PLANNED = {"company": 200_000, "contact": 500_000, "lead": 1_000_000, "message": 2_000_000}
GENERATED = {
    "company": {"name": "'Company ' || n", "is_company": "true", "type": "'contact'", "website": "'http://c' || n || '.example'", "city": "'Boston'",
                "email": "'info@c' || n || '.example'", "phone": "'+1 415 555 ' || n % 10000", "comment": "'<p>Customer ' || n || '</p>'"},
    "contact": {"name": "'Person ' || n", "is_company": "false", "type": "'contact'", "email": "'p' || n || '@c.example'", "function": "'Buyer'",
                "parent_id": "'company_' || n % {company}", "city": "'Boston'"},
    "lead": {"name": "'Deal ' || n", "type": "'lead'", "active": "n % 4 < 3", "partner_id": "'contact_' || n % {contact}", "expected_revenue": "100 + n % 900",
             "probability": "case n % 4 when 2 then 100 when 3 then 0 else 40 end", "description": "'<p>About ' || n || '</p>'", "priority": "'1'",
             "automated_probability": "0", "iap_enrich_done": "true"},
    "message": {"model": "'crm.lead'", "res_id": "'lead_' || n / 2 % {lead}", "message_type": "'comment'", "subtype_id": "'mail.mt_note'", "is_internal": "true",
                "body": "'<p>note ' || n || ': called, wants an offer.</p>'", "date": "timestamp '2020-01-01' + n * interval '1 minute'",
                "email_from": "'Benchmark'", "message_id": "'<' || n || '@crm2odoo.invalid>'", "reply_to_force_new": "false"},
}  # fmt: skip
"""Entity → column of its table in staging → what it holds for record n."""
_target: dict[int, Target] = {}


# ---- the plan of millions


def plan(bench: Bench, scale: float) -> None:
    target = bench.open()
    ws, counts = target.ws, {entity: int(n * scale) for entity, n in PLANNED.items()}
    # One row through the real staging makes its tables; the millions are put into them.
    export = bench.folder / "export"
    export.mkdir(exist_ok=True)
    (export / "things.csv").write_text("id,name,at,day\n1,One,2020-01-01 10:00:00,2020-01-01\n")
    export_id = intake.register(ws, str(export))
    intake.land(ws, export_id)
    intake.clean(ws, export_id)
    staging.build_target(ws, export_id)
    began = time.monotonic()
    with ws.connect() as connection:
        for entity in ws.bundle.load_order:
            connection.execute(ws.sql("truncate {target}.{entity}", entity=entity))
        connection.execute(ws.sql("truncate {target}.member, {target}.lookup"))
        # A first migration: nothing is loaded. How long batches took is kept, for the estimate.
        connection.execute(ws.sql("truncate {log}.record, {log}.identity"))
        for entity, columns in GENERATED.items():
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            values = sql.SQL(", ".join(columns.values()).format(**counts))  # type: ignore[arg-type]
            connection.execute(
                ws.sql("insert into {target}.{entity} (_xid, _object, _key, _seq, ", entity=entity)
                + names + sql.SQL(") select {}::text || n, 'thing', n::text, n, ").format(f"{entity}_") + values
                + sql.SQL(" from generate_series(0, {} - 1) as n").format(counts[entity])
            )  # fmt: skip
            connection.execute(
                sql.SQL(
                    "insert into {member} (entity, xid, object, file_no, rec, source_key, is_primary, survives) "
                    "select {name}, _xid, 'thing', 1, _seq, {name} || _key, true, true from {table}"
                ).format(
                    member=sql.Identifier("bench_load_target", "member"), name=sql.Literal(entity), table=sql.Identifier("bench_load_target", entity)
                )
            )
    print(f"{sum(counts.values()):,} records generated in staging in {time.monotonic() - began:.0f} s", flush=True)
    with BackendMemory() as memory:
        began = time.monotonic()
        planned = make_plan(ws, target.target_id, export_id)
        seconds = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"planned in {seconds:.0f} s, hash {planned.hash[:12]}; memory of this process {peak} MiB, of a PostgreSQL backend {memory.peak} MiB")
        began = time.monotonic()
        cut = {entity: batches.chunks(ws, planned.plan_id, entity) for entity in GENERATED}
        print(f"cut in {time.monotonic() - began:.0f} s; memory of a PostgreSQL backend {memory.peak} MiB", flush=True)
    total = 0.0
    for cost in forecast.costs(ws, planned.plan_id):
        chunks = cut[cost.entity]
        total += cost.seconds / PROCESSES
        print(
            f"{cost.entity}: {cost.records:,} records, {len(chunks)} chunks of up to {max(c.rows for c in chunks):,}, {cost.calls:,} calls, "
            f"{cost.records / cost.seconds:,.0f}/s and connection ({cost.basis}), with {PROCESSES} connections {cost.seconds / PROCESSES / 60:.0f} min"
        )
    print(f"estimate for all: {total / 3600:.1f} h")


class BackendMemory:
    """The largest private memory of any PostgreSQL backend on this machine in the meantime, in MiB."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            for path in Path("/proc").glob("[0-9]*/status"):
                try:
                    text = path.read_text()
                except OSError:
                    continue
                if text.startswith("Name:\tpostgres"):
                    self.peak = max(self.peak, next((int(x.split()[1]) // 1024 for x in text.splitlines() if x.startswith("RssAnon")), 0))

    def __enter__(self) -> BackendMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


# ---- a long load


def one_chunk(bench: Bench, plan_id: int, chunk: dict[str, Any]) -> tuple[float, int, int]:
    """(end time, rows, peak memory of this process in MiB)."""
    target = _target.get(0) or _target.setdefault(0, bench.open())
    result = loader.load_chunk(target, "run", plan_id, batches.Chunk.from_json(chunk))
    return time.time(), result.created, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def load(bench: Bench, records: int) -> None:
    target, run = bench.open(), f"s{int(time.time()) % 10**7}"
    # Messages of one contact next to each other, as the entity's order puts them.
    rows = ((f"{run}_{n}", row("message", run, n) | {"res_id": f"base_contact_{n * 500 // records}"}) for n in range(records))
    began = time.time()
    plan_id = write_plan(target, {"message": rows})
    chunks = batches.chunks(target.ws, plan_id, "message")
    print(f"{records:,} messages in {len(chunks)} chunks, written into the plan and cut in {time.time() - began:.1f} s", flush=True)
    began, ends, memory = time.time(), [], 0
    with ProcessPoolExecutor(PROCESSES) as pool:
        for future in [pool.submit(one_chunk, bench, plan_id, json.loads(json.dumps(c.as_json()))) for c in chunks]:
            end, count, peak = future.result()
            ends.append((end, count))
            memory = max(memory, peak)
    seconds = time.time() - began
    tell_tenths(sorted(ends), began, records)
    there = landed(target, "message", run)
    print(f"{there:,} of {records:,} landed in {seconds:.0f} s: {there / seconds:,.0f} records/s; peak memory of a task {memory} MiB")


def tell_tenths(ends: list[tuple[float, int]], began: float, records: int) -> None:
    rates, mark, count = [], began, 0
    for end, rows in ends:
        count += rows
        if count >= records // 10:
            rates.append(count / (end - mark))
            mark, count = end, 0
    print("records/s by tenth of the load: " + ", ".join(f"{r:,.0f}" for r in rates))
    if len(rates) > 1:
        print(f"last half ÷ first half: {statistics.mean(rates[len(rates) // 2 :]) / statistics.mean(rates[: len(rates) // 2]):.2f}")


# ---- an Odoo that is full already


def fill(bench: Bench, target: Target, existing: int) -> None:
    """Brings contacts and leads up to ``existing`` each, as copies of a loaded one, with external ids, in Odoo and in the ledger."""
    base = ensure_base()
    for entity in ("contact", "lead"):
        declared = target.entities[entity]
        with psycopg.connect(host=base.postgres_host, port=base.postgres_port, dbname=bench.credentials.database, user="odoo") as odoo:
            table, module = declared.model.replace(".", "_"), target.xid_module
            [there] = odoo.execute("select count(*) from ir_model_data where module = %s and model = %s", [module, declared.model]).fetchone() or (0,)
            if there >= existing:
                continue
            [model] = odoo.execute("select max(res_id) from ir_model_data where module = %s and name like %s", [module, f"%_{entity}_%"]).fetchone() or (0,)
            columns = [
                r[0] for r in odoo.execute(
                    "select column_name from information_schema.columns where table_name = %s and column_name not in ('id', 'name') order by 1", [table]
                )
            ]  # fmt: skip
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            made_ids = odoo.execute(
                sql.SQL(
                    "insert into {table} (name, {names}) select 'filled ' || n, {names} from {table} cross join generate_series(%s, %s) as n "
                    "where id = %s returning id"
                ).format(table=sql.Identifier(table), names=names),
                [there, existing - 1, model],
            ).fetchall()
            first, last = made_ids[0][0], made_ids[-1][0]
            odoo.execute(
                "insert into ir_model_data (module, name, model, res_id, noupdate) select %s, %s || id, %s, id, true from generate_series(%s, %s) as id",
                [module, f"filled_{entity}_", declared.model, first, last],
            )
            # At once, or PostgreSQL's own tidying would run beside the measurement.
            odoo.commit()
            odoo.autocommit = True
            odoo.execute(sql.SQL("vacuum analyze {}, ir_model_data").format(sql.Identifier(table)))
        with target.ws.connect() as connection:
            connection.execute(
                target.ws.sql(
                    "insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id) select target_id, %s || n, entity, "
                    "model, n, true, hash, vals, run_id from {log}.record cross join generate_series(%s::int, %s::int) as n where target_id = %s and res_id = %s and entity = %s"
                ),
                [f"filled_{entity}_", first, last, target.target_id, model, entity],
            )
            connection.execute(target.ws.sql("analyze {log}.record"))
        print(f"{existing - there:,} of {declared.model} put in by SQL", flush=True)


def filled(bench: Bench, existing: int, measure: bool) -> None:
    target = bench.open()
    fill(bench, target, existing)
    if not measure:
        return
    for entity, rows in (("contact", 5000), ("lead", 4000)):
        rates = []
        for n in range(4):
            run = f"e{n}{int(time.time()) % 10**7}"
            records = made(entity, run, rows if n else 200)
            plan_id = write_plan(target, {entity: records})
            seconds = ours(bench, target, entity, plan_id, len(records), PROCESSES)
            # The first one warms Odoo's workers up.
            rates += [len(records) / seconds] if n else []
        there = target.client.call(target.entities[entity].model, "search_count", domain=[], context={"active_test": False})
        print(f"{entity}: {statistics.median(rates):,.0f} records/s (median of {len(rates)}), with {there:,} records of the model in Odoo", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["load", "filled", "plan"])
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--existing", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only-fill", action="store_true", help="put the existing records in, and measure with the next command")
    parser.add_argument("--keep", action="store_true", help="leave the sandbox running")
    options = parser.parse_args()
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    with sandbox_bench(options.keep, fresh=False) as bench:
        match options.what:
            case "load":
                load(bench, options.records)
            case "filled":
                filled(bench, options.existing, not options.only_fill)
            case "plan":
                plan(bench, options.scale)


if __name__ == "__main__":
    main()
