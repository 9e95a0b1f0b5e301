"""A long load: does the rate hold as Odoo fills up, and does the memory of a task stay the same?

    python benchmarks/load_scale.py [--records 300000] [--entity message] [--processes 4]

Loads one entity in chunks of 5,000, as Airflow's mapped tasks do, with as many at a time as Odoo has workers. Prints the rate of each
tenth of the load, the peak memory of a task, and what the same rates mean for larger migrations.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from load import ROOT, SOURCE, Bench, drop_schemas, landed, prepare, row, write_plan

from crm2odoo.ledger import batches
from crm2odoo.odoo import loader
from crm2odoo.odoo.client import OdooCredentials
from crm2odoo.odoo.target import Target
from crm2odoo.sandbox import down, ensure_base, up

_target: dict[int, Target] = {}


def one_chunk(bench: Bench, plan: int, chunk: dict[str, Any]) -> tuple[float, int, int]:
    """(end time, rows, peak memory of this process in MiB)."""
    target = _target.get(0) or _target.setdefault(0, bench.open())
    result = loader.load_chunk(target, "run", plan, batches.Chunk.from_json(chunk))
    return time.time(), result.created, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--entity", default="message")
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    folder = Path(tempfile.gettempdir()) / "crm2odoo-bench-scale"
    (folder / "mappings" / "projects").mkdir(parents=True, exist_ok=True)
    (folder / "mappings" / "sources").mkdir(exist_ok=True)
    shutil.copytree(ROOT / "mappings" / "odoo", folder / "mappings" / "odoo", dirs_exist_ok=True)
    (folder / "mappings" / "sources" / "bench.yaml").write_text(SOURCE)
    (folder / "mappings" / "projects" / "bench_load.yaml").write_text("project: bench_load\ntitle: Benchmark\nsource: bench\nexport: none\n")
    base, sandbox = ensure_base(), up("bench_scale", workers=options.processes)
    drop_schemas(base.staging_dsn)
    try:
        bench = Bench(folder, base.staging_dsn, OdooCredentials(sandbox.url, sandbox.database, sandbox.login, sandbox.api_key), Path())
        prepare(bench)
        target = bench.open()
        # Messages of one contact next to each other, as the entity's order puts them.
        per_contact = -(-options.records // 500)
        records = (
            (f"s_{options.entity}_{n}", row(options.entity, "s", n) | _of_contact(options.entity, n // per_contact)) for n in range(options.records)
        )
        began = time.time()
        plan = write_plan(target, {options.entity: records})
        chunks = batches.chunks(target.ws, plan, options.entity)
        print(f"{options.records:,} records in {len(chunks)} chunks, planned and cut in {time.time() - began:.1f} s", flush=True)
        began, ends, memory = time.time(), [], 0
        with ProcessPoolExecutor(options.processes) as pool:
            for future in [pool.submit(one_chunk, bench, plan, json.loads(json.dumps(c.as_json()))) for c in chunks]:
                end, rows, peak = future.result()
                ends.append((end, rows))
                memory = max(memory, peak)
        seconds = time.time() - began
        report(sorted(ends), began, options.records, memory)
        there = landed(target, options.entity, "s")
        print(f"{there:,} of {options.records:,} landed in {seconds:.0f} s: {there / seconds:,.0f} records/s; peak memory of a task {memory} MiB")
    finally:
        down("bench_scale")
        drop_schemas(base.staging_dsn)


def _of_contact(entity: str, contact: int) -> dict[str, Any]:
    return {"res_id": f"base_contact_{contact}"} if entity in ("message", "activity") else {}


def report(ends: list[tuple[float, int]], began: float, records: int, memory: int) -> None:
    """The rate of each tenth, and the median's meaning for a million leads and what belongs to them."""
    rates, mark, count = [], began, 0
    for end, rows in ends:
        count += rows
        if count >= records // 10:
            rates.append(count / (end - mark))
            mark, count = end, 0
    print("records/s by tenth of the load: " + ", ".join(f"{r:,.0f}" for r in rates))
    if len(rates) > 1:
        print(f"last half ÷ first half: {statistics.mean(rates[len(rates) // 2 :]) / statistics.mean(rates[: len(rates) // 2]):.2f}")


if __name__ == "__main__":
    main()
