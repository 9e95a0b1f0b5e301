"""How fast the field-level diff reads and compares, beside what Odoo's `search_read` itself allows.

    python benchmarks/diff.py [--records 300000] [--rounds 3] [fill] [read] [compare] [remove]

One sandbox Odoo with two workers and one staging database, both made for this and removed at the end. The leads are put into Odoo's database
by SQL, because only reading is measured. Two limits, both with the fields, the page size (a thousand) and the client of the diff, the answers
parsed and thrown away: a loop of `search_read`, one page after the other; and `search_read` by ranges of ids, with as many requests at a time
as the diff has. The diff reads the same records, looks each up by its external id, stores what it read, and compares every cell. All read in
turn, a few rounds. Prints Markdown and writes it into docs/performance.md under "Diff".

Without parts all of them run. On a shared machine, one part at a time is shorter; `fill` keeps what it made until `remove`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugins"))

from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.context import READING
from crm2odoo.odoo.target import Target, open_target
from crm2odoo.project import load_bundle, package_root
from crm2odoo.reconcile import diff
from crm2odoo.reconcile.fields import ComparedField, compared_fields
from crm2odoo.reconcile.odoo_side import READERS, read_fields
from crm2odoo.sandbox import Base, down, ensure_base, sandbox_home, up
from crm2odoo.staging import Workspace

NAME = "bench_diff"
PARTS = ("fill", "read", "compare", "remove")
PAGE = 1000
OURS = ["name", "like", "Deal number %"]
FIELDS = {
    "name": "{type: char, from: name}",
    "type": "{type: selection, value: opportunity}",
    "expected_revenue": "{type: monetary, from: amount}",
    "probability": "{type: float, from: chance}",
    "email_from": "{type: char, from: email}",
    "phone": "{type: char, from: phone}",
    "city": "{type: char, from: city}",
    "date_deadline": "{type: date, from: due}",
    "date_closed": "{type: datetime, from: closed}",
    "priority": "{type: selection, from: rank}",
    "user_id": "{type: many2one, value: null, send_empty: true}",
    "description": "{type: html, from: notes, compare: html}",
}
INPUTS = {
    "name": "{required: true}",
    "amount": "{type: money}",
    "chance": "{type: number}",
    "email": "{}",
    "phone": "{}",
    "city": "{}",
    "due": "{type: date}",
    "closed": "{type: datetime}",
    "rank": "{}",
    "notes": "{type: html}",
}
VALUES = """
    jsonb_build_object(
      'name', 'Deal number ' || n, 'type', 'opportunity', 'expected_revenue', n + 0.25, 'probability', n %% 90,
      'email_from', 'person' || n || '@example.com', 'phone', '+1 617 555 ' || lpad((n %% 10000)::text, 4, '0'),
      'city', 'Town ' || n %% 500, 'date_deadline', to_char(date '2024-01-01' + n %% 600, 'YYYY-MM-DD'),
      'date_closed', to_char(timestamp '2024-01-01 09:00' + n * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS'),
      'priority', (n %% 3)::text, 'user_id', null, 'description', '<p>Called about offer ' || n || ', wants an answer</p>')
"""


def project(root: Path) -> Path:
    """A project of one entity."""
    for part in ("projects", "sources", "odoo"):
        (root / "mappings" / part).mkdir(parents=True, exist_ok=True)
    (root / "mappings/projects" / f"{NAME}.yaml").write_text(json.dumps({"project": NAME, "title": "Diff", "source": "bench", "export": "none"}))
    (root / "mappings/sources/bench.yaml").write_text(
        "source: bench\ntitle: Bench\nobjects:\n  deal:"
        " {title: Deal, files: [deals], key: [id], columns: {id: {type: id}, name: {}}, entities: [{entity: deal, fields: {name: name}}]}\n"
    )
    inputs = "".join(f"  {k}: {v}\n" for k, v in INPUTS.items())
    fields = "".join(f"  {k}: {v}\n" for k, v in FIELDS.items())
    (root / "mappings/odoo/deal.yaml").write_text(f"entity: deal\nmodel: crm.lead\ntitle: Deals\ninputs:\n{inputs}fields:\n{fields}")
    return root


def results() -> Path:
    """Where the figures of one part wait for the others."""
    return sandbox_home() / f"{NAME}.json"


def staging_dsn(base: Base) -> str:
    return base.staging_dsn.replace("/crm2odoo?", f"/{NAME}_staging?")


def admin(base: Base, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(host=base.postgres_host, port=base.postgres_port, user="postgres", dbname=database, autocommit=True)


@contextmanager
def target_of() -> Iterator[Target]:
    """A sandbox of its own, and its staging database: made by ``fill``, found again by the other parts."""
    base = ensure_base()
    sandbox = up(NAME, workers=2)
    with tempfile.TemporaryDirectory() as folder:
        ws = Workspace.open(load_bundle(project(Path(folder)), NAME), staging_dsn(base))
        with OdooClient.connect(OdooCredentials(sandbox.url, sandbox.database, sandbox.login, sandbox.api_key)) as client:
            yield open_target(ws, client, "sandbox")


def remove() -> None:
    """Nothing is left but the base."""
    down(NAME)
    with admin(ensure_base()) as postgres:
        postgres.execute(f"drop database if exists {NAME}_staging with (force)")


def fill(target: Target, records: int) -> None:
    """The same leads in Odoo, with external ids, and in the plan and the ledger."""
    with admin(ensure_base(), NAME) as odoo:
        odoo.execute(
            f"""
            with made as (
              insert into crm_lead (name, type, active, expected_revenue, probability, email_from, phone, city, date_deadline,
                date_closed, priority, description, write_uid, create_uid)
              select v ->> 'name', 'opportunity', true, (v ->> 'expected_revenue')::numeric, (v ->> 'probability')::float,
                v ->> 'email_from', v ->> 'phone', v ->> 'city', (v ->> 'date_deadline')::date, (v ->> 'date_closed')::timestamp,
                v ->> 'priority', v ->> 'description', {target.client.uid}, {target.client.uid}
              from generate_series(1, %s) as n cross join lateral (select {VALUES} as v) as x
              returning id, name
            )
            insert into ir_model_data (module, name, model, res_id, noupdate)
            select '{target.xid_module}', 'deal_' || replace(name, 'Deal number ', ''), 'crm.lead', id, true from made
            """,
            (records,),
        )
        odoo.execute("analyze crm_lead")
        odoo.execute("analyze ir_model_data")
        ids = odoo.execute("select name, res_id from ir_model_data where module = %s", (target.xid_module,)).fetchall()
    ws = target.ws
    with ws.connect() as staging:
        staging.execute("create temporary table ids (xid text, res_id bigint)")
        with staging.cursor() as cursor, cursor.copy("copy ids from stdin") as copy:
            for row in ids:
                copy.write_row(row)
        staging.execute(
            ws.sql(
                "create table {target}.plan as select 'deal'::text as entity, 'deal_' || n as xid, n::bigint as seq, 'create'::text as"
                " action, md5(n::text) as hash,"
                f" array[]::text[] as changed, null::text as reason, null::bigint as res_id, {VALUES} as vals from generate_series(1, %s) as n"
            ),
            (records,),
        )
        staging.execute(ws.sql("create index on {target}.plan (entity, xid); analyze {target}.plan"))
        staging.execute(
            ws.sql(
                "insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id) select %s, p.xid, 'deal',"
                " 'crm.lead', i.res_id, true, p.hash, p.vals, 'r'"
                " from {target}.plan as p join ids as i using (xid)"
            ),
            (target.target_id,),
        )
        staging.execute(ws.sql("analyze {log}.record"))


def bare_page(target: Target, names: list[str], domain: list[Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = target.client.call(
        "crm.lead", "search_read", domain=domain, fields=names, order="id", limit=PAGE, load="", context=READING
    )
    return rows


def bare_read(target: Target, names: list[str]) -> float:
    """Seconds for `search_read` alone, one page after the other."""
    start, last = time.monotonic(), 0
    while rows := bare_page(target, names, [["id", ">", last], OURS]):
        last = rows[-1]["id"]
    return time.monotonic() - start


def bare_parallel_read(target: Target, names: list[str]) -> float:
    """Seconds for `search_read` alone, as many pages at a time as the diff asks for."""
    start = time.monotonic()
    (first,), (last,) = (target.client.call("crm.lead", "search", domain=[OURS], order=order, limit=1) for order in ("id", "id desc"))
    with ThreadPoolExecutor(READERS) as pool:
        for _ in pool.map(lambda n: len(bare_page(target, names, [["id", ">=", n], ["id", "<", n + PAGE], OURS])), range(first, last + 1, PAGE)):
            pass
    return time.monotonic() - start


def read_once(target: Target, fields: list[ComparedField]) -> float:
    """Seconds for reading and storing, as the diff does it."""
    with target.ws.connect() as connection:
        start = time.monotonic()
        read_fields(target, connection, "deal", fields)
        return time.monotonic() - start


def read_in_turn(target: Target, rounds: int) -> dict[str, Any]:
    """Seconds of each round: one page after the other, several at a time, and the diff's reading. In turn, so that a busy machine is busy for all."""
    fields = compared_fields(target, "deal")
    names = [f.name for f in fields]
    bare_page(target, names, [OURS])
    return {"reads": [(bare_read(target, names), bare_parallel_read(target, names), read_once(target, fields)) for _ in range(rounds)]}


def compare(target: Target, rounds: int) -> dict[str, Any]:
    """The whole diff: seconds of each round, what it found, and the most memory that this process ever had, in MB."""
    seconds = []
    for _ in range(rounds):
        start = time.monotonic()
        summary = diff(target, "bench", 1)
        seconds.append(time.monotonic() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"whole": seconds, "cells": summary.total("compared"), "different": summary.total("different"), "peak": peak}


def run(part: str, records: int, rounds: int) -> None:
    """One part, its figures kept beside those of the others."""
    known = json.loads(results().read_text()) if results().exists() and part != "fill" else {}
    load = os.getloadavg()[0]
    if part == "fill":
        remove()
        base = ensure_base()
        with admin(base) as postgres:
            postgres.execute(f"create database {NAME}_staging owner crm2odoo")
    with target_of() as target:
        match part:
            case "fill":
                fill(target, records)
                known = {"records": records, "fields": len(compared_fields(target, "deal"))}
            case "read":
                known |= read_in_turn(target, rounds) | {"read_load": load}
            case "compare":
                known |= compare(target, rounds) | {"compare_load": load}
    results().write_text(json.dumps(known))


def table(r: dict[str, Any]) -> str:
    """The figures as Markdown: medians, and of ratios also the range."""

    def middle(values: list[float]) -> str:
        return f"{statistics.median(values):.2f}" + (f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else "")

    def line(name: str, seconds: list[float], *ratios: str) -> str:
        s = statistics.median(seconds)
        return f"| {name} | {s:.1f} | {r['records'] / s:,.0f} | {' | '.join(ratios)} |"

    one, several, ours = (list(side) for side in zip(*r["reads"], strict=True))
    whole = r["whole"]
    lines = [
        line("bare `search_read`, one page after the other", one, "1.00", middle([a / b for a, b in zip(one, several, strict=True)])),
        line(f"bare `search_read`, {READERS} pages at a time", several, middle([a / b for a, b in zip(several, one, strict=True)]), "1.00"),
        line(
            f"diff: reading by external id, {READERS} pages at a time, and storing",
            ours,
            f"**{middle([a / b for a, b in zip(ours, one, strict=True)])}**",
            middle([a / b for a, b in zip(ours, several, strict=True)]),
        ),
        line(
            f"diff: the whole, comparing {r['cells']:,} cells",
            whole,
            f"{statistics.median(whole) / statistics.median(one):.2f}",
            f"{statistics.median(whole) / statistics.median(several):.2f}",
        ),
    ]
    return "\n".join([
        f"| {r['records']:,} leads × {r['fields']} fields, median of {len(one)} rounds"
        " | seconds | records/s | ÷ bare, one at a time | ÷ bare, several at a time |",
        "|---|---|---|---|---|",
        *lines,
        "",
        f"{r['different']} differences. Peak memory of the diff's process: {r['peak']:,.0f} MB. {os.cpu_count()} cores for Odoo (2 workers),"
        f" PostgreSQL and the diff; load average before it began {max(r['read_load'], r['compare_load']):.1f}.",
        "",
        "One loop of `search_read` leaves cores idle; several at a time leave none on this machine, and then the diff pays for storing what it"
        " read: PostgreSQL takes each page apart on the same cores. Brackets: range over the rounds, of which the machine's other work is a part.",
        "",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all when left out")
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if len(args.parts) != 1:
        # Each in a process of its own, whose memory is that of its part.
        for part in args.parts or PARTS:
            subprocess.run([sys.executable, __file__, part, f"--records={args.records}", f"--rounds={args.rounds}"], check=True)
    elif args.parts == ["remove"]:
        remove()
    else:
        run(args.parts[0], args.records, args.rounds)
        found = json.loads(results().read_text())
        if {"reads", "whole"} <= found.keys():
            print(table(found))
            keep(table(found))
        else:
            print(found)


def keep(table: str) -> None:
    """Puts the table under "Diff" in docs/performance.md."""
    path = package_root() / "docs" / "performance.md"
    text = path.read_text(encoding="utf-8") if path.exists() else "# Performance\n"
    section = f"## Diff\n\n`python benchmarks/diff.py` (parts `fill`, `read`, `compare`, `remove` also one at a time)\n\n{table}"
    text = re.sub(r"## Diff\n.*?(?=\n## |\Z)", lambda _: section, text, flags=re.S) if "## Diff\n" in text else f"{text.rstrip()}\n\n{section}"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
