"""How fast records reach Odoo: this loader, odoo_csv_import, odoo-data-flow, and Odoo's own limit, side by side.

    python benchmarks/load.py [--entities company,contact,…] [--scale 1.0] [--runs 3] [--processes 4,1] [--contenders ours,limit,…] [--apart] [--keep]

An entity takes one to three minutes. With ``--keep`` the sandbox stays, and the next command goes on in it, so that a long measurement can
be cut into parts; lines of the table that are not measured again stay as they are.

One sandbox Odoo with 4 workers and one staging database, both made for this and removed. The contenders load the same values into the
same database, one after the other, in turn, each run with new records; the median counts. The peers are installed from PyPI into
environments of their own and are given what their documentation says: their own default context, batches of 500. odoo-data-flow runs twice:
with all that its documentation says for speed, and as it comes. The limit is
``env[model].create`` in as many processes as Odoo has workers, with our values, our context and a commit per batch. Ours is the whole path:
cutting batches from the plan, intents, calls, ledger. Starting up (Python, login, reading fields) is left out for everybody.
Prints a table in Markdown; ``--document docs/performance.md`` brings the one there up to date.

With ``--apart`` Odoo and its part of PostgreSQL have one half of the cores, and whoever loads has the other half together with the staging
database: as where Airflow stands on a machine of its own. The limit then has Odoo's half, too.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from crm2odoo.ledger import batches
from crm2odoo.odoo import loader, settings
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.context import SILENT
from crm2odoo.odoo.export_files import ExportFiles
from crm2odoo.odoo.load_action import SPARE, SPARE_PICTURES
from crm2odoo.odoo.loader_values import EntityRules
from crm2odoo.odoo.target import Target, open_target
from crm2odoo.project import load_bundle, package_root
from crm2odoo.sandbox import down, ensure_base, up
from crm2odoo.sandbox.odoo_program import find_odoo, odoo_environment
from crm2odoo.staging import Workspace

ROOT = package_root()
FOLDER = Path(tempfile.gettempdir()) / "crm2odoo-bench-load"
FILES = FOLDER / "export"
"""The files of the attachments of one run."""
Records = list[tuple[str, dict[str, Any]]]
"""(xid, values) of each."""
BATCH = 500
CORES = list(range(psutil.cpu_count() or 1))
ODOO_CORES, OWN_CORES = CORES[: len(CORES) // 2], CORES[len(CORES) // 2 :]
"""Who has which cores with ``--apart``."""
PEERS = {"odoo_csv_import": "odoo_import_export_client", "odoo-data-flow": "fluvo"}
"""Contender: its package on PyPI. odoo-data-flow is published under its new name, Fluvo."""
AS_IT_COMES = "odoo-data-flow as it comes"
CONTENDERS = {"ours": None, "limit": None, **{peer: peer for peer in PEERS}, AS_IT_COMES: "odoo-data-flow"}
"""Contender: the peer whose program it needs."""
ROWS = {
    "tag": 80_000, "company": 15_000, "contact": 8_000, "lead": 10_000, "message": 40_000, "activity": 20_000, "attachment": 10_000, "event": 12_000,
    "order": 1_200, "invoice": 600,
}  # fmt: skip
"""Three to five seconds of the quickest contender with 4 processes; a quarter of it with one."""
BASE = 500
"""Companies and contacts that the other records refer to; the same for every contender."""
LINES = {"order": ("order_line", "order_id"), "invoice": ("invoice_line_ids", "move_id")}
"""Entity with lines: the field that holds them, and the field of a line that refers back."""
LINES_EACH = 3

OURS_ONLY = {"message": {"message_id", "reply_to"}}
"""Values that no source has, and that we send so that Odoo need not compute them (loading.md). The peers do without, as their users would."""

SOURCE = """
source: bench
title: Benchmark
objects:
  thing:
    title: Thing
    files: [things]
    key: [id]
    columns: {id: {type: id}, name: {}, at: {type: datetime}, day: {type: date}}
    entities:
      - {entity: tag, fields: {name: name}}
      - {entity: company, fields: {name: name}}
      - {entity: contact, fields: {name: name, email: name}}
      - {entity: lead, fields: {name: name}}
      - {entity: message, fields: {body: name, date: at}}
      - {entity: activity, fields: {summary: name, deadline: day}}
      - {entity: event, fields: {name: name, start: at}}
      - {entity: order, fields: {number: name}}
      - {entity: order_line, fields: {name: name}}
      - {entity: invoice, fields: {number: name}}
      - {entity: invoice_line, fields: {name: name}}
      - {entity: attachment, fields: {name: name}}
"""


def row(entity: str, run: str, n: int) -> dict[str, Any]:
    """The values that tell record ``n`` of a run from others, in xid form."""
    company, contact = f"base_company_{n % BASE}", f"base_contact_{n % BASE}"
    day = f"20{10 + n % 14:02}-{n % 12 + 1:02}-{n % 28 + 1:02}"
    match entity:
        case "tag":
            return {"name": f"{run} tag {n}", "color": n % 12}
        case "company":
            return {"name": f"{run} Company {n}", "website": f"http://{run}-{n}.example", "phone": f"+1 415 555 {n % 10000:04}", "street": f"{n} Main St",
                    "city": "Boston", "zip": "02139", "email": f"info@{run}-{n}.example", "comment": f"<p>Customer {n}</p>", "type": "contact"}  # fmt: skip
        case "contact":
            return {"name": f"{run} Person {n}", "email": f"p{n}@{run}.example", "function": "Buyer", "phone": f"+1 617 555 {n % 10000:04}",
                    "parent_id": company, "type": "contact", "street": f"{n % BASE} Main St", "city": "Boston", "zip": "02139"}  # fmt: skip
        case "lead":
            open_, won = n % 4 < 2, n % 4 == 2
            return {"name": f"{run} Deal {n}", "type": "lead", "partner_id": contact, "expected_revenue": 100 + n % 900, "active": open_ or won,
                    "probability": 40 if open_ else 100 if won else 0, "stage_id": "stage_won" if won else "stage_new", "description": f"<p>About {n}</p>",
                    "date_closed": None if open_ else f"{day} 10:00:00", "priority": str(n % 4), "automated_probability": 0}  # fmt: skip
        case "message":
            return {"model": "res.partner", "res_id": contact, "message_type": "comment", "subtype_id": "mail.mt_note", "is_internal": True,
                    "body": f"<p>{run} note {n}: called, wants an offer.</p>", "date": f"{day} 10:00:00", "message_id": f"<{run}-{n}@crm2odoo.invalid>",
                    "email_from": "someone@example.com", "reply_to": "someone@example.com"}  # fmt: skip
        case "activity":
            return {"res_model_id": "base.model_res_partner", "res_id": contact, "activity_type_id": "mail.mail_activity_data_todo",
                    "summary": f"{run} task {n}", "note": "<p>call back</p>", "date_deadline": day}  # fmt: skip
        case "event":
            return {"name": f"{run} meeting {n}", "start": f"{day} 14:00:00", "stop": f"{day} 15:00:00", "duration": 1.0, "location": "HQ",
                    "partner_ids": [contact, f"base_contact_{(n + 1) % BASE}"]}  # fmt: skip
        case "order":
            lines = [{"name": f"Item {i}", "product_uom_qty": 1 + i, "price_unit": 10.0 * (i + 1), "discount": 0, "tax_ids": []} for i in range(LINES_EACH)]
            return {"name": f"{run}-{n}", "partner_id": contact, "state": "draft", "date_order": f"{day} 12:00:00", "order_line": lines}
        case "invoice":
            lines = [{"name": f"Item {i}", "quantity": 1 + i, "price_unit": 10.0 * (i + 1), "discount": 0, "tax_ids": []} for i in range(LINES_EACH)]
            return {"move_type": "out_invoice", "journal_id": "journal", "partner_id": contact, "ref": f"{run}-{n}", "invoice_date": day, "date": day,
                    "invoice_date_due": day, "invoice_line_ids": lines}  # fmt: skip
        case "attachment":
            return {"name": f"{run} file {n}.bin", "res_model": "res.partner", "res_id": contact, "type": "binary", "mimetype": "application/octet-stream",
                    "datas": f"{n}.bin"}  # fmt: skip
    raise ValueError(entity)


def made(entity: str, run: str, rows: int) -> Records:
    """The records of a run, (xid, values), in the order of a plan: messages of one record stand together, and one task loads them."""
    records = [(f"{run}_{entity}_{n}", row(entity, run, n)) for n in range(rows)]
    if entity == "attachment":
        shutil.rmtree(FILES, ignore_errors=True)
        FILES.mkdir(parents=True)
        for n in range(rows):
            # 10 KB that no other file has: Odoo stores equal bytes once.
            (FILES / f"{n}.bin").write_bytes(hashlib.shake_256(f"{run} {n}".encode()).digest(10_240))
    return sorted(records, key=lambda r: str(r[1]["res_id"])) if entity == "message" else records


@dataclass
class Bench:
    """The sandbox, its staging database, and what the contenders need to know."""

    folder: Path
    dsn: str
    credentials: OdooCredentials
    config: Path
    peers: dict[str, Path | None] = field(default_factory=dict)
    apart: bool = False
    plans: int = 0

    def open(self) -> Target:
        ws = Workspace.open(load_bundle(self.folder, "bench_load"), self.dsn)
        return open_target(ws, OdooClient.connect(self.credentials), "sandbox")

    def as_arguments(self) -> list[str]:
        c = self.credentials
        return [str(self.folder), self.dsn, c.url, c.database, c.login, c.secret, str(self.config)]


# ---- the plan


def write_plan(target: Target, rows: Mapping[str, Iterable[tuple[str, dict[str, Any]]]]) -> int:
    """A plan of creates; returns its id."""
    ws = target.ws
    with ws.connect() as connection:
        connection.execute(ws.sql(
            "drop table if exists {target}.plan; create unlogged table {target}.plan (entity text, xid text, seq bigint, action text, hash text, "
            "changed text[] not null default '{{}}', reason text, res_id bigint, vals jsonb not null)"
        ))  # fmt: skip
        with connection.cursor() as cursor, cursor.copy(ws.sql("copy {target}.plan (entity, xid, seq, action, hash, vals) from stdin")) as copy:
            for entity, records in rows.items():
                fields = ws.bundle.entities[entity].fields
                for seq, (xid, values) in enumerate(records, 1):
                    vals = {k: values.get(k, f.value if "value" in f.model_fields_set else None) for k, f in fields.items()}
                    copy.write_row((entity, xid, seq, "create", xid, json.dumps(vals)))
        connection.execute(ws.sql("create index on {target}.plan (entity, seq); create index on {target}.plan (entity, xid); analyze {target}.plan"))
        stored = connection.execute(
            ws.sql(
                "insert into {log}.plan (export_id, target_id, hash, summary, bound_to) values ('bench', %s, '', '{{}}', '{{}}') returning plan_id"
            ),
            [target.target_id],
        ).fetchone()
        assert stored is not None
        return int(stored["plan_id"])


def prepare(bench: Bench) -> None:
    """Parks what the loader's DAG parks, and loads the records that the others refer to."""
    target = bench.open()
    ws = target.ws
    with ws.connect() as connection:
        connection.execute(ws.sql("insert into {log}.export (export_id, sha256, location, files, bytes) values ('bench', 'bench', %s, 0, 0)"), [str(FILES)])
        connection.execute(ws.sql("insert into {log}.run (run_id, kind, target_id, code) values ('run', 'bench', %s, 'bench')"), [target.target_id])
    settings.park(target, "run")
    stages = {"stage_new": "crm.stage_lead1", "stage_won": "crm.stage_lead4"}
    ids = target.client.xml_ids(list(stages.values()))
    found = [(xid, "stage", "crm.stage", ids[xml_id]) for xid, xml_id in stages.items()]
    if target.has("account.journal"):
        [journal] = target.client.call("account.journal", "search", domain=[["type", "=", "sale"]], limit=1)
        found.append(("journal", "journal", "account.journal", journal))
    with ws.connect() as connection:
        for xid, entity, model, res_id in found:
            connection.execute(
                ws.sql(
                    "insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, run_id) values (%s, %s, %s, %s, %s, false, '', '{{}}', 'run')"
                ),
                [target.target_id, xid, entity, model, res_id],
            )
    base = {e: [(f"base_{e}_{n}", row(e, "base", n)) for n in range(BASE)] for e in ("company", "contact")}
    plan = write_plan(target, base)
    for entity in base:
        for chunk in batches.chunks(ws, plan, entity):
            loader.load_chunk(target, "run", plan, chunk)
    target.client.close()


# ---- the contenders: each returns seconds


def share_out(bench: Bench, odoo: list[int], own: list[int]) -> None:
    """Gives Odoo and its database the cores ``odoo``, and this process, the staging database and new connections the cores ``own``.

    Children start where their parent is, so this is done again when they are there.
    """
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if command.startswith("postgres: ") or (str(bench.config) in command and "--load" not in command):
            cores = own if command.startswith("postgres: crm2odoo") else odoo
        elif "bin/postgres" in command or process.pid == os.getpid():
            cores = own
        else:
            continue
        # A worker of Odoo answers in a thread of its own, and each thread has cores of its own.
        for thread in process.threads():
            os.sched_setaffinity(thread.id, cores)


def in_processes(bench: Bench, commands: list[list[str]], environment: dict[str, str] | None = None) -> float:
    """Starts the commands, lets them get ready, then fires them together and waits for the last."""
    children = [
        subprocess.Popen(c, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=tempfile.gettempdir()) for c in commands
    ]
    for child in children:
        assert child.stdout is not None
        while (line := child.stdout.readline()) != "ready\n":
            if not line:
                raise RuntimeError(f"{child.args} ended before it was ready")
    if bench.apart:
        share_out(bench, ODOO_CORES, OWN_CORES)
    start = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        assert child.stdout is not None
        while (line := child.stdout.readline()) != "done\n":
            if not line:
                raise RuntimeError(f"{child.args} failed")
    seconds = time.perf_counter() - start
    for child in children:
        child.wait()
    return seconds


def ours(bench: Bench, target: Target, entity: str, plan: int, rows: int, processes: int) -> float:
    chunks = batches.chunks(target.ws, plan, entity, rows_per_chunk=-(-rows // processes))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    commands = [[sys.executable, __file__, "--load", *bench.as_arguments(), str(plan), json.dumps(c.as_json())] for c in chunks]
    return in_processes(bench, commands, environment)


def load_one(arguments: list[str]) -> None:
    folder, dsn, url, database, login, secret, config, plan, chunk = arguments
    target = Bench(Path(folder), dsn, OdooCredentials(url, database, login, secret), Path(config)).open()
    print("ready", flush=True)
    sys.stdin.readline()
    loader.load_chunk(target, "run", int(plan), batches.Chunk.from_json(json.loads(chunk)))
    print("done", flush=True)


IN_PROCESS = """
import json, sys
import odoo
from odoo.modules.registry import Registry
config, database, path = sys.argv[1:]
odoo.tools.config.parse_config(["-c", config, "-d", database])
task = json.load(open(path))
registry = Registry(database)
with registry.cursor() as cr:
    env = odoo.api.Environment(cr, 2, task["context"])
    env[task["model"]].search([], limit=1)
    print("ready", flush=True)
    sys.stdin.readline()
    Model, spared = env[task["model"]], task["spared"]
    for start in range(0, len(task["rows"]), task["batch"]):
        new = [["", values] for values in task["rows"][start : start + task["batch"]]]
        exec(task["spare"])
        made = Model.create([values for _, values in new])
        exec(task["spare_pictures"])
        cr.commit()
        env.invalidate_all()
print("done", flush=True)
"""


def in_process(bench: Bench, target: Target, entity: str, plan: int, rows: int, processes: int) -> float:
    declared = target.entities[entity]
    chunk = batches.Chunk(entity, 9999, 1, rows, rows, "limit")
    rules = EntityRules(target, entity, ExportFiles(target.ws, plan))
    with batches.ChunkLedger.open(target.ws, target.target_id, "run", plan, chunk) as ledger:
        cut = ledger.cut(0, rows)
    rules.look_up(cut)
    values = [rules.for_create(r) for r in cut]
    share = -(-len(values) // processes)
    odoo, commands = find_odoo(), []
    for n in range(processes):
        path = bench.folder / f"limit_{n}.json"
        task = {
            "context": {**SILENT, **declared.context, **rules.ours_context},
            "model": declared.model,
            "rows": values[n * share : (n + 1) * share],
            "batch": BATCH,
            "spared": rules.spared,
            "spare": SPARE,
            "spare_pictures": SPARE_PICTURES,
        }
        path.write_text(json.dumps(task))
        commands.append([odoo.command[0], "-c", IN_PROCESS, str(bench.config), bench.credentials.database, str(path)])
    return in_processes(bench, commands, odoo_environment(odoo.environment))


def csv_import(bench: Bench, target: Target, entity: str, records: Records, processes: int) -> float:
    """odoo_csv_import's own command."""
    command = [program(bench, "odoo_csv_import", "odoo_import_thread.py"), "-c", connection_file(bench, target, "csv_import", "jsonrpc")]
    if entity in LINES:
        command.append("--o2m")
    return import_command(bench, command, processes, records, lambda part: [write_csv(bench, target, entity, part)])


def data_flow(bench: Bench, target: Target, entity: str, records: Records, processes: int) -> float:
    """odoo-data-flow's own command, with what its documentation says for speed on Odoo 19.

    Lines come in a file of their own, each with its external id, in batches that share no order: the quickest of its ways. Batches that share
    one collide, and with --groupby or --o2m it sends one order in a call.
    """
    command = [program(bench, "odoo-data-flow", "fluvo"), "import", "--connection-file", connection_file(bench, target, "data_flow", "json2"),
               "--headless", "--no-adaptive-throttle"]  # fmt: skip

    def files(part: Records) -> list[list[str]]:
        return [write_csv(bench, target, entity, part, by_xml_id=True, lines_apart=True), *([write_lines(bench, target, entity, part)] if entity in LINES else [])]

    return import_command(bench, command, processes, records, files)


def data_flow_as_it_comes(bench: Bench, target: Target, entity: str, records: Records, processes: int) -> float:
    """odoo-data-flow's own command with a file, a model and the number of workers, on an Odoo whose lead scoring nobody parked."""
    command = [program(bench, "odoo-data-flow", "fluvo"), "import", "--connection-file", connection_file(bench, target, "as_it_comes"), "--headless"]
    if entity in LINES:
        command.append("--o2m")
    settings.restore(target, "run", rebuild_scoring=False)
    try:
        return import_command(bench, command, processes, records, lambda part: [write_csv(bench, target, entity, part, by_xml_id=True)])
    finally:
        settings.park(target, "run")


def program(bench: Bench, peer: str, name: str) -> str:
    python = bench.peers[peer]
    assert python is not None
    return str(python.parent / name)


def connection_file(bench: Bench, target: Target, name: str, protocol: str | None = None) -> str:
    c = bench.credentials
    host, port = c.base.removeprefix("http://").split(":")
    config = bench.folder / f"{name}.conf"
    config.write_text(
        f"[Connection]\nhostname = {host}\ndatabase = {c.database}\nlogin = {c.login}\npassword = {c.secret}\nport = {port}\nuid = {target.client.uid}\n"
        + (f"protocol = {protocol}\n" if protocol else "")
    )
    return str(config)


def import_command(bench: Bench, command: list[str], processes: int, records: Records, files: Callable[[Records], list[list[str]]]) -> float:
    """Seconds of a peer's command for the files of the records, less those that it takes for a single record.

    ``files`` writes them and says the options of each. The peers are of one family: their options are the same. Raises RuntimeError when it
    cannot load the single record; where it gives up later, what landed counts.
    """
    if bench.apart:
        share_out(bench, ODOO_CORES, OWN_CORES)
    single, seconds = [("warm_" + records[0][0], _warm(records[0][1]))], []
    # The first one fills the command's own caches on disk, which the last one finds filled.
    for part in (single, single, records):
        written = files(part)
        start = time.perf_counter()
        for options in written:
            done = subprocess.run([*command, *options, "--worker", str(processes)], capture_output=True, text=True, cwd=bench.folder, check=False)
            if done.returncode and part is not records:
                raise RuntimeError((done.stdout + done.stderr)[-2000:])
            if done.returncode:
                print(f"    {Path(command[0]).name} gave up: exit code {done.returncode}", flush=True)
        seconds.append(time.perf_counter() - start)
    return seconds[-1] - seconds[-2]


def _warm(values: dict[str, Any]) -> dict[str, Any]:
    return {k: f"warm {v}" if k in ("name", "summary", "message_id", "ref", "body") else v for k, v in values.items()}


def write_csv(bench: Bench, target: Target, entity: str, records: Records, by_xml_id: bool = False, lines_apart: bool = False) -> list[str]:
    """The same values as a file for ``load``; returns the options of its import.

    References are database ids, and lines are further rows. ``by_xml_id``: references are external ids. ``lines_apart``: without lines.
    """
    rules, declared, module = EntityRules(target, entity).rules, target.entities[entity], target.xid_module
    keys = [k for k in rules if k not in OURS_ONLY.get(entity, ()) and (k in records[0][1] or "value" in declared.fields[k].model_fields_set)]
    keys = [k for k in keys if rules[k].kind != "one2many" and (k in records[0][1] or declared.fields[k].value is not None)]
    lines = LINES[entity][0] if entity in LINES and not lines_apart else None
    inner = _line_columns(records[0][1][lines]) if lines else []
    with target.ws.connect() as connection:
        stored = "select xid, model, res_id, ours from {log}.record where target_id = %s"
        found = connection.execute(target.ws.sql(stored), [target.target_id]).fetchall()
    ids = {r["xid"]: r["res_id"] for r in found}
    xml_ids = {r["xid"]: f"{module}.{r['xid']}" if r["ours"] else _xml_id(target, r["model"], r["res_id"]) for r in found} if by_xml_id else {}

    def header(key: str) -> str:
        name, kind = rules[key].name, rules[key].kind
        if kind not in ("many2one", "many2many"):
            return f"{name}/id" if rules[key].relation else name
        return f"{name}/id" if by_xml_id or rules[key].relation else f"{name}/.id"

    def cell(key: str, value: Any) -> str:
        if value is None or value is False:
            return "" if value is None or rules[key].kind != "boolean" else "0"
        if rules[key].is_reference:
            named = xml_ids if header(key).endswith("/id") else ids
            return ",".join(str(named[x]) for x in (value if isinstance(value, list) else [value]))
        if rules[key].kind == "binary":
            return base64.b64encode((FILES / value).read_bytes()).decode()
        return "1" if value is True else str(value)

    path = bench.folder / f"{declared.model}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL)
        writer.writerow(["id", *map(header, keys), *(f"{lines}/{k}" for k in inner)])
        for xid, values in records:
            own = [f"{module}.{xid}", *(cell(k, values.get(k, declared.fields[k].value)) for k in keys)]
            for n, line in enumerate(values.get(lines) or [{}] if lines else [{}]):
                writer.writerow([*(own if n == 0 else [""] * len(own)), *(str(line.get(k, "")) for k in inner)])
    return ["--file", str(path), "--model", declared.model, "--size", str(BATCH)]


def write_lines(bench: Bench, target: Target, entity: str, records: Records) -> list[str]:
    """The lines of the records as a file of their own; returns the options of its import."""
    (field, back), module = LINES[entity], target.xid_module
    model, columns = target.entities[f"{entity}_line"].model, _line_columns(records[0][1][field])
    path = bench.folder / f"{model}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL)
        writer.writerow(["id", f"{back}/id", *columns])
        for xid, values in records:
            for n, line in enumerate(values[field]):
                writer.writerow([f"{module}.{xid}_{n}", f"{module}.{xid}", *(str(line[k]) for k in columns)])
    return ["--file", str(path), "--model", model, "--size", str(BATCH - BATCH % LINES_EACH)]


def _line_columns(lines: list[dict[str, Any]]) -> list[str]:
    return [k for k in lines[0] if k != "tax_ids"]


def _xml_id(target: Target, model: str, res_id: int) -> str:
    """What Odoo calls a record of its own."""
    domain = [["model", "=", model], ["res_id", "=", res_id]]
    [found] = target.client.call("ir.model.data", "search_read", domain=domain, fields=["complete_name"], limit=1)
    return str(found["complete_name"])


def landed(target: Target, entity: str, run: str) -> int:
    """Records of a run that Odoo really has, those with lines only with all of them."""
    column = {"message": "body", "activity": "summary", "invoice": "ref"}.get(entity, "name")
    pattern = f"<p>{run} %" if entity == "message" else f"{run}%"

    def count(model: str, domain: list[Any]) -> int:
        return int(target.client.call(model, "search_count", domain=domain, context={"active_test": False}))

    heads = count(target.entities[entity].model, [[column, "=like", pattern]])
    if entity not in LINES:
        return heads
    of_run, of_goods = [f"{LINES[entity][1]}.{column}", "=like", pattern], ["display_type", "in", [False, "product"]]
    lines = count(target.entities[f"{entity}_line"].model, [of_run, of_goods])
    return min(heads, lines // LINES_EACH)


def measure(bench: Bench, entity: str, rows: int, runs: int, processes: int, contenders: list[str]) -> dict[str, list[float]]:
    """Contender → records per second of each run. A contender that lost records gets a rate for those that landed."""
    rates: dict[str, list[float]] = {contender: [] for contender in CONTENDERS}
    target = bench.open()
    warm = made(entity, f"warm{bench.plans}", processes * 20)
    # The first call to a worker of Odoo loads code and caches; nobody shall pay for that.
    ours(bench, target, entity, write_plan(target, {entity: warm}), len(warm), processes)
    for n in range(runs):
        # Who comes after whom changes: PostgreSQL tidies up after one contender while the next one runs.
        turn = n % len(rates)
        for contender in [*rates][turn:] + [*rates][:turn]:
            found = rates[contender]
            peer = CONTENDERS[contender]
            if contender not in contenders or (peer and not bench.peers.get(peer)):
                continue
            bench.plans += 1
            run = f"r{bench.plans}{contender[:2]}{int(time.time()) % 1000000}"
            records = made(entity, run, rows)
            plan = write_plan(target, {entity: records})
            if contender == "ours":
                seconds = ours(bench, target, entity, plan, rows, processes)
            elif contender == "limit":
                seconds = in_process(bench, target, entity, plan, rows, processes)
            elif contender == "odoo_csv_import":
                seconds = csv_import(bench, target, entity, records, processes)
            elif contender == AS_IT_COMES:
                seconds = data_flow_as_it_comes(bench, target, entity, records, processes)
            else:
                seconds = data_flow(bench, target, entity, records, processes)
            late = time_left_behind(bench)
            if late > 0.1:
                print(f"    {contender}: ended {late:.1f} s before Odoo had done what it sent", flush=True)
            there = landed(target, entity, run)
            if there != rows:
                print(f"    {contender}: {there} of {rows} landed", flush=True)
            found.append(there / (seconds + late))
    target.client.close()
    return rates


def time_left_behind(bench: Bench) -> float:
    """Waits until Odoo is in no transaction; seconds that it took, 0 when it was at rest.

    A client that gave up waiting for an answer leaves its request behind: the records land, and the next contender would find a busy Odoo.
    """
    odoo = ConfigParser(interpolation=None)
    odoo.read(bench.config)
    options = odoo["options"]
    busy = "select from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()"
    start, last = time.perf_counter(), 0.0
    with psycopg.connect(
        host=options["db_host"], port=options["db_port"], user=options["db_user"], password=options.get("db_password"),
        dbname=bench.credentials.database, autocommit=True,
    ) as connection:  # fmt: skip
        # A worker that has done one request takes the next one that waits a moment later.
        while (now := time.perf_counter() - start) - last < 0.5:
            if connection.execute(busy).fetchone() is not None:
                last = now
            time.sleep(0.05)
    return last


def install_peers(folder: Path, wanted: Collection[str]) -> dict[str, Path | None]:
    """Each wanted peer in an environment of its own; None where PyPI does not have it."""
    found: dict[str, Path | None] = {}
    for name, package in PEERS.items():
        if name not in wanted:
            continue
        home = folder / name
        python = home / "bin" / "python"
        if not python.exists():
            venv.create(home, with_pip=True)
        done = subprocess.run([str(python), "-m", "pip", "install", "-q", package], capture_output=True, text=True, check=False)
        found[name] = python if done.returncode == 0 else None
        if done.returncode:
            print(f"{name}: not measured, PyPI gives no {package!r}: {done.stderr.strip().splitlines()[-1]}", flush=True)
        else:
            ask = [str(python), "-c", f"import importlib.metadata as m; print(m.version({package!r}))"]
            print(f"{name}: {package} {subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()}", flush=True)
    return found


HEAD = [
    "| entity | processes | records | ours | in-process ORM | odoo_csv_import | odoo-data-flow | as it comes "
    "| ours ÷ in-process | ÷ odoo_csv_import | ÷ odoo-data-flow | ÷ as it comes |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
]


def line(entity: str, processes: str, rows: int, rates: dict[str, list[float]]) -> str:
    """Medians of the rates, and of the ratios of the runs that belong together; a dash for a peer that was not measured or of which nothing landed."""
    mid = [f"{statistics.median(found):,.0f}" if found else "–" for found in rates.values()]
    pairs = [[a / b for a, b in zip(rates["ours"], found, strict=False) if b] for contender, found in rates.items() if contender != "ours"]
    share, *times = (statistics.median(found) if found else None for found in pairs)
    ratios = ["–" if share is None else f"{share:.2f}", *("–" if found is None else f"{found:.1f}" for found in times)]
    return f"| {' | '.join([entity, processes, f'{rows:,}', f'**{mid[0]}**', *mid[1:], *ratios])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", default=",".join(ROWS))
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the number of rows")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--processes", default="4,1")
    parser.add_argument("--document", type=Path, help="a file with a table to bring up to date, for example docs/performance.md")
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help="whom to measure; without the limit there is no share of it")
    parser.add_argument("--apart", action="store_true", help="one half of the cores for Odoo, the other for whoever loads")
    parser.add_argument("--keep", action="store_true", help="leave the sandbox running")
    options = parser.parse_args()
    with sandbox_bench(options.keep) as bench:
        bench.apart = options.apart
        contenders = options.contenders.split(",")
        bench.peers = install_peers(bench.folder / "peers", {peer for c in contenders if (peer := CONTENDERS[c])})
        print("\n".join(HEAD), flush=True)
        for entity in options.entities.split(","):
            for processes in map(int, options.processes.split(",")):
                rows = max(processes * 50, int(ROWS[entity] * options.scale / (4 if processes == 1 else 1)))
                label = f"{processes} apart" if options.apart else str(processes)
                measured = line(entity, label, rows, measure(bench, entity, rows, options.runs, processes, contenders))
                print(measured, flush=True)
                if options.document:
                    write_document(options.document, measured)
        if options.apart:
            share_out(bench, CORES, CORES)


@contextmanager
def sandbox_bench(keep: bool, fresh: bool = True) -> Iterator[Bench]:
    """A sandbox with 4 workers and an empty project. ``keep``: it stays. ``fresh`` False: so do the ledger and the plan of before, if there are any."""
    folder = FOLDER
    (folder / "mappings" / "projects").mkdir(parents=True, exist_ok=True)
    (folder / "mappings" / "sources").mkdir(exist_ok=True)
    shutil.copytree(ROOT / "mappings" / "odoo", folder / "mappings" / "odoo", dirs_exist_ok=True)
    (folder / "mappings" / "sources" / "bench.yaml").write_text(SOURCE)
    (folder / "mappings" / "projects" / "bench_load.yaml").write_text("project: bench_load\ntitle: Benchmark\nsource: bench\nexport: none\n")
    FILES.mkdir(exist_ok=True)
    base = ensure_base()
    sandbox = up("bench_load", workers=4)
    fresh = fresh or not knows(base.staging_dsn, sandbox.database_uuid)
    if fresh:
        drop_schemas(base.staging_dsn)
    try:
        credentials = OdooCredentials(sandbox.url, sandbox.database, sandbox.login, sandbox.api_key)
        bench = Bench(folder, base.staging_dsn, credentials, base.home / "sandboxes" / "bench_load" / "odoo.conf")
        if fresh:
            prepare(bench)
        yield bench
    finally:
        if not keep:
            down("bench_load")
            drop_schemas(base.staging_dsn)


def knows(dsn: str, target_id: str) -> bool:
    """Whether there is a ledger, and it has records of this sandbox."""
    with psycopg.connect(dsn) as connection:
        there = connection.execute("select to_regclass('bench_load_log.record')").fetchone()
        if not there or there[0] is None:
            return False
        return connection.execute("select from bench_load_log.record where target_id = %s limit 1", [target_id]).fetchone() is not None


def drop_schemas(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        for part in ("land", "clean", "target", "log"):
            connection.execute(f"drop schema if exists bench_load_{part} cascade")


def write_document(path: Path, measured: str) -> None:
    """Puts a line into the table between the marks, in place of an older one of the same entity and number of processes."""
    start, end = "<!-- benchmarks/load.py -->\n", "<!-- end -->"
    before, _, rest = path.read_text().partition(start)
    old, _, after = rest.partition(end)
    lines = {tuple(text.split("|")[1:3]): text for text in old.splitlines() if text.count("|") == HEAD[0].count("|") and text not in HEAD}
    lines[tuple(measured.split("|")[1:3])] = measured
    order = {f" {entity} ": place for place, entity in enumerate(ROWS)}
    table = sorted(lines.items(), key=lambda item: (-int(item[0][1].split()[0]), item[0][1], order.get(item[0][0], 99)))
    path.write_text(f"{before}{start}" + "\n".join([*HEAD, *(text for _, text in table)]) + f"\n{end}{after}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        load_one(sys.argv[2:])
    else:
        main()
