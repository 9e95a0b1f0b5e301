"""How long the console's pages take on a large ledger: 1,000,000 source rows, 1,000,000 planned records, 1,000,000 differences.

    python benchmarks/console_pages.py [ROWS]

An api-server of its own is started, with one worker, and asked as a browser asks it, one request after the other; the time is from the
request to the last byte. `first` is the first time that this page is asked for since the server was started, `median` and `worst` are those of
the twenty requests after it. The ledger is made by SQL in an embedded PostgreSQL, with the indexes that a migration makes, and removed
afterwards. `last page` stands at the end of the table, where paging by offset would be slowest.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "plugins"))

HOME = Path(tempfile.mkdtemp(prefix="crm2odoo-console-"))
TIMES = 20
PROJECT = "demo_flash"
LOG = """
insert into demo_flash_log.export (export_id, sha256, location, files, bytes, status) values ('x', 'x', 'made', 1, 1, 'cleaned');
insert into demo_flash_log.file (export_id, file_no, name, sha256, bytes, object, status, records, table_name, header)
  values ('x', 1, 'leads.csv', 'x', 1, 'lead', 'recognised', %(n)s, 'lead_x_001',
    '[{"position": 1, "header": "Lead ID", "column": "id", "known": true}, {"position": 2, "header": "Title", "column": "title", "known": true}]');
insert into demo_flash_log.target (target_id, url, database, kind, version, edition, hosting)
  values ('t', 'https://odoo.example.com', 'made', 'sandbox', '19.0', 'community', 'self_hosted');
insert into demo_flash_log.run (run_id, kind, dag_id, export_id, target_id, state, code, ended_at) values ('demo_flash.load.x', 'load', 'demo_flash.load', 'x', 't', 'success', 'x', now());
insert into demo_flash_log.disposition (export_id, target_id, object, file_no, rec, line, source_key, disposition, reason, entity, xid, run_id)
  select 'x', 't', (array['lead', 'contact', 'company'])[1 + i %% 3], 1, i, i + 1, 'K-' || i,
    case when i %% 50000 = 0 then 'rejected' when i %% 100 = 0 then 'merged' else 'loaded' end, case when i %% 100 = 0 then 'merged into K-1' end,
    'lead', 'lead_K-' || i, 'demo_flash.load.x'
  from generate_series(1, %(n)s) as i;
insert into demo_flash_log.difference (run_id, entity, xid, res_id, field, kind, expected, found)
  select 'demo_flash.load.x', (array['lead', 'contact'])[1 + i %% 2], 'lead_K-' || i, i, (array['name', 'phone', 'description'])[1 + i %% 3],
    case when i %% 100000 = 0 then 'missing' else (array['format', 'truncated'])[1 + i %% 2] end, 'planned ' || i, 'found ' || i
  from generate_series(1, %(n)s) as i;
insert into demo_flash_log.cell_count (run_id, entity, field, compared, equal, transformed, different, not_comparable)
  select 'demo_flash.load.x', e, f, %(n)s, 0, 0, %(n)s / 6, 0 from unnest(array['lead', 'contact']) as e, unnest(array['name', 'phone', 'description']) as f;
insert into demo_flash_log.record (target_id, xid, entity, model, res_id, ours, hash, vals, second_done, run_id)
  select 't', 'lead_K-' || i, 'lead', 'crm.lead', i, true, 'h', jsonb_build_object('name', 'Lead ' || i, 'phone', '+1 212 555 ' || i), true, 'demo_flash.load.x'
  from generate_series(1, %(n)s) as i;
insert into demo_flash_log.plan (export_id, target_id, hash, summary, bound_to)
  values ('x', 't', 'h', jsonb_build_object('lead', jsonb_build_object('create', %(n)s - %(n)s / 1000, 'update', %(n)s / 1000)), '{}');
insert into demo_flash_log.batch (run_id, target_id, plan_id, entity, chunk, step, state, xids, hash, calls, ms, settled_at)
  select 'demo_flash.load.x', 't', 1, 'lead', i / 10, 'create', 'done', array(select 'lead_K-' || (i * 200 + j) from generate_series(1, 200) as j), 'h', 1, 900, clock_timestamp()
  from generate_series(0, %(n)s / 200 - 1) as i;
insert into demo_flash_log.entry (batch_id, target_id, run_id, entity, model, xid, res_id, action, hash)
  select 1, 't', 'demo_flash.load.x', 'lead', 'crm.lead', 'lead_K-' || i, i, 'create', 'h' from generate_series(1, %(n)s) as i;
insert into demo_flash_log.refusal (run_id, target_id, plan_id, entity, xid, kind, message)
  select 'demo_flash.load.x', 't', 1, 'lead', 'lead_K-' || i, 'odoo', 'Odoo said no because of ' || i %% 40 from generate_series(1, %(n)s, 20) as i;
insert into demo_flash_log.conflict (run_id, plan_id, target_id, entity, xid, res_id, field, loaded, source, odoo, changed_by, changed_at)
  select 'demo_flash.load.x', 1, 't', 'lead', 'lead_K-' || i, i, 'phone', '"1"', '"2"', '"3"', 'Sam', now() from generate_series(1, %(n)s, 20) as i;
"""
# As sql/land, sql/clean and sql/target make them.
REST = """
create unlogged table demo_flash_land.lead_x_001 as
  select i as rec, i + 1 as line, 'K-' || i as id, 'Lead ' || i as title, repeat('a note about it ', 20) as description from generate_series(1, %(n)s) as i;
create unlogged table demo_flash_clean.lead as
  select 1 as _file, i as _rec, i + 1 as _line, 'K-' || i as _key, 'valid' as _status, null::text as _into, 'K-' || i as id, 'Lead ' || i as title,
    repeat('a note about it ', 20) as description
  from generate_series(1, %(n)s) as i;
create unlogged table demo_flash_clean.warning as
  select 'lead' as object, 1 as file_no, i as rec, i + 1 as line, 'title' as column_name, 'c' as code, 'v' as value, 'h' as hint from generate_series(1, %(n)s, 20) as i;
create unlogged table demo_flash_clean.reject as select * from demo_flash_clean.warning limit %(n)s / 1000;
insert into demo_flash_target."plan" (entity, xid, seq, action, hash, changed, reason, vals)
  select 'lead', 'lead_K-' || i, i, case when i %% 1000 = 0 then 'update' when i %% 50000 = 1 then 'held' else 'create' end, 'h',
    case when i %% 1000 = 0 then array['phone'] else '{}' end, case when i %% 50000 = 1 then 'the company is missing' end,
    jsonb_build_object('name', 'Lead ' || i, 'phone', '+1 212 555 ' || i, 'description', repeat('a note about it ', 20))
  from generate_series(1, %(n)s) as i;
insert into demo_flash_target."plan" (entity, xid, seq, action, hash, reason, vals)
  select 'user', 'user_' || i, i, 'held', 'h', 'nobody decided yet', jsonb_build_object('name', 'User ' || i, 'login', 'u' || i || '@acme.example')
  from generate_series(1, 40) as i;
create unlogged table demo_flash_target.lead as
  select 'lead_K-' || i as _xid, i as _seq, null::text as _held, null::text as _part_of, 'Lead ' || i as name, 'user_' || i %% 40 as user_id from generate_series(1, %(n)s) as i;
alter table demo_flash_target.lead add primary key (_xid);
create unlogged table demo_flash_target.odoo_lead as select 'lead_K-' || i as _xid, 'Lead ' || i as name, '+1' as phone from generate_series(1, %(n)s) as i;
create unique index on demo_flash_target.odoo_lead (_xid);
insert into demo_flash_target.member select 'lead', 'lead_K-' || i, 'lead', 1, i, 'K-' || i, true, true, null from generate_series(1, %(n)s) as i;
"""


def mark(*values: object) -> str:
    """The place of a row in an address, as console/paging.py writes it."""
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def pages(n: int) -> dict[str, str]:
    """What is asked, by name; the first one is the first request after the start."""
    p = f"/crm2odoo/p/{PROJECT}"
    return {
        "migrations": "/crm2odoo/",
        "overview": p,
        "run, with its counts": f"{p}/runs/demo_flash.load.x",
        "rows, first page": f"{p}/rows",
        "rows, a page in the middle": f"{p}/rows?after={mark('contact', 1, n // 2)}",
        "rows, last page": f"{p}/rows?after={mark('lead', 1, n - 90)}",
        "rows, rejected": f"{p}/rows?disposition=rejected",
        "rows, loaded leads": f"{p}/rows?object=lead&disposition=loaded",
        "rows, loaded leads, a page in the middle": f"{p}/rows?object=lead&disposition=loaded&after={mark('lead', 1, n // 2)}",
        "rows, one key": f"{p}/rows?key=K-{n // 2}",
        "one row, with its cells": f"{p}/rows/x/lead/1/{n // 2}",
        "differences, first page, with counts": f"{p}/differences",
        "differences, last page": f"{p}/differences?after={mark('lead', 'phone', f'lead_K-{n - 1}', 'format')}",
        "differences, one field and kind": f"{p}/differences?entity=lead&field=phone&kind=format",
        "differences, a kind that is rare": f"{p}/differences?kind=missing",
        "differences, one record": f"{p}/differences?xid=lead_K-{n // 2}",
        "one record side by side": f"{p}/records/lead/lead_K-{n // 2}",
        "plan, with its counts": f"{p}/plan",
        "plan, records, first page": f"{p}/plan/lead",
        "plan, records that change, last page": f"{p}/plan/lead?action=update&after={mark(n - 50_000)}",
        "plan, records held, of which there are few": f"{p}/plan/lead?action=held",
        "plan, records in which a field changes": f"{p}/plan/lead?field=phone",
        "plan, records in which no field changes": f"{p}/plan/lead?action=update&field=email_from",
        "owners, with their records": f"{p}/owners",
        "conflicts": f"{p}/conflicts",
        "decisions": f"{p}/decisions",
        "approvals": f"{p}/approvals",
        "documents": f"{p}/documents",
    }


def main() -> None:
    """Makes the ledger, asks the pages, prints a table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    from crm2odoo.sandbox import ensure_base
    from crm2odoo.sandbox.databases import create_database, drop_database
    from crm2odoo.sandbox.postgres_program import Server

    base = ensure_base(log=lambda _: None)
    server, name = Server(host=base.postgres_host, port=base.postgres_port), f"console_{os.getpid()}"
    create_database(server, name, "crm2odoo", "crm2odoo test")
    try:
        begin = time.monotonic()
        make(base.staging_dsn.replace("/crm2odoo?", f"/{name}?"), n)
        print(f"{n:,} rows, planned records and differences made in {time.monotonic() - begin:.0f} s", flush=True)
        host = base.postgres_host.replace("/", "%2F")
        with api_server(f"postgres://crm2odoo@{host}:{base.postgres_port}/{name}") as (url, seconds):
            print(f"api-server answers after {seconds:.1f} s; load average {os.getloadavg()[0]:.1f}\n", flush=True)
            measure(url, n)
    finally:
        drop_database(server, name, "crm2odoo test")
        shutil.rmtree(HOME, ignore_errors=True)


def make(dsn: str, n: int) -> None:
    """The ledger and the tables around it."""
    import psycopg

    from crm2odoo.intake.clean import index_clean
    from crm2odoo.intake.land import index_landed
    from crm2odoo.ledger.plan import index_plan
    from crm2odoo.project import load_bundle
    from crm2odoo.staging import Workspace
    from crm2odoo.staging.target import index_members

    ws = Workspace.open(load_bundle(ROOT, PROJECT), dsn)
    with ws.connect() as connection:
        ws.run(connection, "target/1_lookup.sql.j2")
        ws.run(connection, "plan/1_existing.sql.j2")
        for statement in f"{LOG.strip()}\n{REST.strip()}".rstrip(";").split(";\n"):
            connection.execute(statement.encode(), {"n": n} if "%(n)s" in statement else None)
        for index in (lambda: index_plan(ws, connection), lambda: index_members(ws, connection), lambda: index_landed(ws, connection, "lead_x_001"),
                      lambda: index_clean(ws, connection, "lead")):  # fmt: skip
            begin = time.monotonic()
            index()
            print(f"  indexed in {time.monotonic() - begin:.2f} s")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")  # as autovacuum does within a minute


@contextmanager
def api_server(staging: str) -> Iterator[tuple[str, float]]:
    """Its address, and the seconds until it answered."""
    import httpx

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (HOME / "passwords.json").write_text('{"admin": "admin"}')
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW_")},
        "AIRFLOW_HOME": str(HOME), "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"), "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": f"{HOME}/passwords.json",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin", "AIRFLOW_CONN_CRM2ODOO_STAGING": staging, "PYTHONPATH": str(ROOT / "plugins"),
    }  # fmt: skip
    airflow = [sys.executable, "-m", "airflow"]
    subprocess.run([*airflow, "db", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begin = time.monotonic()
    with open(HOME / "api-server.log", "w") as log:
        process = subprocess.Popen(
            [*airflow, "api-server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                httpx.get(f"{url}/api/v2/version")
                break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() - begin > 120:
                    raise SystemExit((HOME / "api-server.log").read_text()[-3000:]) from None
                time.sleep(0.1)
        yield url, time.monotonic() - begin
    finally:
        process.terminate()
        process.wait(30)


def measure(url: str, n: int) -> None:
    """Asks every page of ``pages``."""
    import httpx

    with httpx.Client(base_url=url, timeout=60) as client:
        token = client.post("/auth/token", json={"username": "admin", "password": "admin"}).json()["access_token"]
        client.cookies.set("_token", token)
        first: dict[str, float] = {}
        for label, address in pages(n).items():
            first[label] = ask(client, address)
        print(f"| page | first ms | median ms | worst of {TIMES} ms | kB |\n|---|---|---|---|---|")
        for label, address in pages(n).items():
            taken = [ask(client, address) for _ in range(TIMES)]
            size = len(client.get(address).content) // 1024
            print(f"| {label} | {first[label]:.0f} | {statistics.median(taken):.0f} | {max(taken):.0f} | {size} |", flush=True)


def ask(client: object, address: str) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    answer = client.get(address)  # type: ignore[attr-defined]
    taken = (time.perf_counter() - begin) * 1000
    if answer.status_code != 200:
        raise SystemExit(f"{address}: {answer.status_code}\n{answer.text[-2000:]}\n{(HOME / 'api-server.log').read_text()[-2000:]}")
    return taken


if __name__ == "__main__":
    main()
