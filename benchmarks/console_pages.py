"""How long the console's pages take on a large ledger: 1,000,000 source rows, 1,000,000 planned records, 1,000,000 differences.

    python benchmarks/console_pages.py [ROWS]

The pages are asked from Airflow's own application with its own login, in this process, one after the other; the time is from the request to
the last byte, the median and the worst of twenty. The ledger is made by SQL in an embedded PostgreSQL, and removed afterwards. A first
column says what page it is; `last page` stands at the end of the table, where paging by offset would be slowest.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "plugins"))

HOME = Path(tempfile.mkdtemp(prefix="crm2odoo-console-"))
os.environ.update(
    AIRFLOW_HOME=str(HOME), AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"), AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db", AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=f"{HOME}/passwords.json",
)
TIMES = 20
PROJECT = "demo_flash"
LEDGER = """
insert into demo_flash_log.export (export_id, sha256, location, files, bytes, status) values ('x', 'x', 'made', 1, 1, 'cleaned');
insert into demo_flash_log.file (export_id, file_no, name, sha256, bytes, object, status, records) values ('x', 1, 'leads.csv', 'x', 1, 'lead', 'recognised', %(n)s);
insert into demo_flash_log.target (target_id, url, database, kind, version, edition, hosting)
  values ('t', 'https://odoo.example.com', 'made', 'sandbox', '19.0', 'community', 'self_hosted');
insert into demo_flash_log.run (run_id, kind, dag_id, export_id, target_id, state, code) values ('demo_flash.load.x', 'load', 'demo_flash.load', 'x', 't', 'success', 'x');
insert into demo_flash_log.disposition (export_id, target_id, object, file_no, rec, line, source_key, disposition, reason, entity, xid, run_id)
  select 'x', 't', (array['lead', 'contact', 'company'])[1 + i %% 3], 1, i, i + 1, 'K-' || i,
    case when i %% 50000 = 0 then 'rejected' when i %% 100 = 0 then 'merged' else 'loaded' end, case when i %% 100 = 0 then 'merged into K-1' end,
    'lead', 'lead_K-' || i, 'demo_flash.load.x'
  from generate_series(1, %(n)s) as i;
insert into demo_flash_log.difference (run_id, entity, xid, res_id, field, kind, expected, found)
  select 'demo_flash.load.x', (array['lead', 'contact'])[1 + i %% 2], 'lead_K-' || i, i, (array['name', 'phone', 'description'])[1 + i %% 3],
    (array['format', 'truncated'])[1 + i %% 2], 'planned ' || i, 'found ' || i
  from generate_series(1, %(n)s) as i;
insert into demo_flash_log.cell_count (run_id, entity, field, compared, equal, transformed, different, not_comparable) values ('demo_flash.load.x', 'lead', 'name', %(n)s, 0, 0, %(n)s, 0);
insert into demo_flash_log.record (target_id, xid, entity, model, res_id, ours, hash, vals, second_done, run_id)
  select 't', 'lead_K-' || i, 'lead', 'crm.lead', i, true, 'h', jsonb_build_object('name', 'Lead ' || i), true, 'demo_flash.load.x'
  from generate_series(1, %(n)s) as i;
create table demo_flash_target."plan" (entity text, xid text, seq bigint, action text, hash text, changed text[] default '{}', reason text, res_id bigint, vals jsonb);
insert into demo_flash_target."plan"
  select 'lead', 'lead_K-' || i, i, case when i %% 1000 = 0 then 'update' else 'create' end, 'h', case when i %% 1000 = 0 then array['phone'] else '{}' end, null, null,
    jsonb_build_object('name', 'Lead ' || i)
  from generate_series(1, %(n)s) as i;
create index on demo_flash_target."plan" (entity, seq);
create index on demo_flash_target."plan" (entity, xid);
create table demo_flash_target.member (entity text, xid text, object text, file_no int, rec bigint, source_key text, is_primary boolean, survives boolean, skipped text);
insert into demo_flash_target.member select 'lead', 'lead_K-' || i, 'lead', 1, i, 'K-' || i, true, true, null from generate_series(1, %(n)s) as i;
create index on demo_flash_target.member (object, file_no, rec);
"""


def mark(*values: object) -> str:
    """The place of a row in an address, as console/paging.py writes it."""
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def pages(n: int) -> dict[str, str]:
    """What is asked, by name."""
    p = f"/crm2odoo/p/{PROJECT}"
    return {
        "rows, first page": f"{p}/rows",
        "rows, a page in the middle": f"{p}/rows?after={mark('contact', 1, n // 2)}",
        "rows, last page": f"{p}/rows?after={mark('lead', 1, n - 90)}",
        "rows, rejected": f"{p}/rows?disposition=rejected",
        "rows, loaded leads": f"{p}/rows?object=lead&disposition=loaded",
        "rows, one key": f"{p}/rows?key=K-{n // 2}",
        "differences, first page": f"{p}/differences",
        "differences, last page": f"{p}/differences?after={mark('lead', 'phone', f'lead_K-{n - 1}', 'format')}",
        "differences, one field and kind": f"{p}/differences?entity=lead&field=phone&kind=format",
        "plan, records, first page": f"{p}/plan/lead",
        "plan, records that change, last page": f"{p}/plan/lead?action=update&after={mark(n - 50_000)}",
        "one record side by side": f"{p}/records/lead/lead_K-{n // 2}",
        "one row": f"{p}/rows/x/lead/1/{n // 2}",
        "run": f"{p}/runs/demo_flash.load.x",
    }


def main() -> None:
    """Makes the ledger, asks the pages, prints a table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    import psycopg

    from crm2odoo.project import load_bundle
    from crm2odoo.sandbox import ensure_base
    from crm2odoo.sandbox.databases import create_database, drop_database
    from crm2odoo.sandbox.postgres_program import Server
    from crm2odoo.staging import Workspace

    base = ensure_base(log=lambda _: None)
    server, name = Server(host=base.postgres_host, port=base.postgres_port), f"console_{os.getpid()}"
    create_database(server, name, "crm2odoo", "crm2odoo test")
    dsn = base.staging_dsn.replace("/crm2odoo?", f"/{name}?")
    try:
        Workspace.open(load_bundle(ROOT, PROJECT), dsn)
        begin = time.monotonic()
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in LEDGER.strip().rstrip(";").split(";\n"):
                connection.execute(statement.encode(), {"n": n} if "%(n)s" in statement else None)
            connection.execute("vacuum (analyze)")  # as autovacuum does within a minute
        print(f"{n:,} rows, planned records and differences made in {time.monotonic() - begin:.0f} s; load average {os.getloadavg()[0]:.1f}\n")
        host = base.postgres_host.replace("/", "%2F")
        os.environ["AIRFLOW_CONN_CRM2ODOO_STAGING"] = f"postgres://crm2odoo@{host}:{base.postgres_port}/{name}"
        measure(n)
    finally:
        drop_database(server, name, "crm2odoo test")
        shutil.rmtree(HOME, ignore_errors=True)


def measure(n: int) -> None:
    """Asks every page of ``pages``."""
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.utils.db import initdb
    from fastapi.testclient import TestClient

    initdb()
    client = TestClient(create_app(apps="core"))
    client.cookies.set("_token", get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="admin", role="admin")))
    print(f"| page | median ms | worst of {TIMES} ms | kB |\n|---|---|---|---|")
    for label, address in pages(n).items():
        client.get(address)
        taken = []
        for _ in range(TIMES):
            begin = time.perf_counter()
            answer = client.get(address)
            taken.append((time.perf_counter() - begin) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status_code}\n{answer.text[-2000:]}")
        print(f"| {label} | {statistics.median(taken):.0f} | {max(taken):.0f} | {len(answer.content) // 1024} |")


if __name__ == "__main__":
    main()
