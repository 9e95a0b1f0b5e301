"""How fast the field-level diff reads and compares, beside what Odoo's `search_read` itself allows.

    python benchmarks/diff.py [--records 300000] [--rounds 3]

One sandbox Odoo and one staging database, both made for this and removed. The leads are put into Odoo's database by SQL, because only
reading is measured. The limit is a bare loop of `search_read` over the same records and fields, a thousand at a time, one connection, the
answers parsed and thrown away. The diff reads the same with a few requests at a time, looks every record up by its external id, stores what it
read, and compares every cell. Both read in turn, a few rounds. Prints Markdown and writes it into docs/performance.md under "Diff".
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugins"))

from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.context import READING
from crm2odoo.odoo.target import Target, open_target
from crm2odoo.project import load_bundle, package_root
from crm2odoo.reconcile import diff
from crm2odoo.reconcile.fields import ComparedField, compared_fields
from crm2odoo.reconcile.odoo_side import read_fields
from crm2odoo.sandbox import down, ensure_base, up
from crm2odoo.staging import Workspace

NAME = "bench_diff"
PAGE = 1000
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


@contextmanager
def target_of(root: Path) -> Iterator[tuple[Target, str]]:
    """A sandbox of its own and an empty staging database; the DSN is that of Odoo's database."""
    base = ensure_base()
    host = f"host={base.postgres_host} port={base.postgres_port} user=postgres"
    with psycopg.connect(f"{host} dbname=postgres", autocommit=True) as admin:
        admin.execute(f"drop database if exists {NAME}_staging with (force)")
        admin.execute(f"create database {NAME}_staging owner crm2odoo")
    sandbox = up(NAME, workers=2)
    try:
        ws = Workspace.open(load_bundle(root, NAME), base.staging_dsn.replace("/crm2odoo?", f"/{NAME}_staging?"))
        client = OdooClient.connect(OdooCredentials(sandbox.url, sandbox.database, sandbox.login, sandbox.api_key))
        yield open_target(ws, client, "sandbox"), f"{host} dbname={sandbox.database}"
    finally:
        down(NAME)
        with psycopg.connect(f"{host} dbname=postgres", autocommit=True) as admin:
            admin.execute(f"drop database if exists {NAME}_staging with (force)")


def fill(target: Target, odoo_dsn: str, records: int) -> None:
    """The same leads in Odoo, with external ids, and in the plan and the ledger."""
    with psycopg.connect(odoo_dsn) as odoo:
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


def bare_read(target: Target, names: list[str]) -> float:
    """Seconds for `search_read` alone."""
    start, last = time.monotonic(), 0
    while True:
        rows = target.client.call(
            "crm.lead",
            "search_read",
            domain=[["id", ">", last], ["name", "like", "Deal number %"]],
            fields=names,
            order="id",
            limit=PAGE,
            load="",
            context=READING,
        )
        if not rows:
            return time.monotonic() - start
        last = rows[-1]["id"]


def read_once(target: Target, fields: list[ComparedField]) -> float:
    """Seconds for reading and storing, as the diff does it."""
    with target.ws.connect() as connection:
        start = time.monotonic()
        read_fields(target, connection, "deal", fields)
        return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, target_of(project(Path(folder))) as (target, odoo_dsn):
        fill(target, odoo_dsn, args.records)
        fields = compared_fields(target, "deal")
        names = [f.name for f in fields]
        bare_read(target, names[:1])
        # In turn, so that a busy machine is busy for both.
        rounds = [(bare_read(target, names), read_once(target, fields)) for _ in range(args.rounds)]
        start = time.monotonic()
        summary = diff(target, "bench", 1)
        whole = time.monotonic() - start
    bare, reading = (statistics.median(r[side] for r in rounds) for side in (0, 1))
    ratios = sorted(mine / limit for limit, mine in rounds)
    cells = summary.total("compared")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table = f"""| {args.records:,} leads × {len(fields)} fields, median of {args.rounds} rounds | seconds | records/s | ÷ bare `search_read` |
|---|---|---|---|
| bare `search_read`, one page after the other | {bare:.1f} | {args.records / bare:,.0f} | 1.00 |
| diff: reading by external id and storing | {reading:.1f} | {args.records / reading:,.0f} | {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |
| diff: the whole, comparing {cells:,} cells | {whole:.1f} | {args.records / whole:,.0f} | {whole / bare:.2f} |

{summary.total("different")} differences. Peak memory of the diff's process: {peak:,.0f} MB. Load average {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores.
"""
    print(table)
    keep(table)


def keep(table: str) -> None:
    """Puts the table under "Diff" in docs/performance.md."""
    path = package_root() / "docs" / "performance.md"
    text = path.read_text(encoding="utf-8") if path.exists() else "# Performance\n"
    section = f"## Diff\n\n`python benchmarks/diff.py`\n\n{table}"
    text = re.sub(r"## Diff\n.*?(?=\n## |\Z)", lambda _: section, text, flags=re.S) if "## Diff\n" in text else f"{text.rstrip()}\n\n{section}"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
