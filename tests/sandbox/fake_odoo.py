"""Stands in for Odoo where a test is about what is around it: builds a database in no time, answers what we ask.

$FAKE_ODOO makes it misbehave: fail-build, exit, hang.
"""

from __future__ import annotations

import configparser
import http.server
import json
import os
import sys
import time

import psycopg

TABLES = """
create table ir_module_module (name text, state text);
create table res_company (chart_template text);
create table res_users (login text, password text);
create table ir_config_parameter (key text, value text);
insert into res_company values ('generic_coa');
insert into res_users values ('admin', 'admin');
insert into ir_config_parameter values ('database.uuid', 'template'), ('database.secret', 'template');
"""


def main() -> None:
    action, mode = sys.argv[1], os.environ.get("FAKE_ODOO")
    config = configparser.ConfigParser(interpolation=None)
    config.read(sys.argv[sys.argv.index("-c") + 1])
    options = config["options"]
    if action == "neutralize":
        return
    if "--stop-after-init" in sys.argv:
        with open(options["logfile"], "a") as log:
            log.write("2026-01-01 00:00:00,000 1 INFO db odoo.modules.loading: Loading module crm (31/73) \n")
        build(options, sys.argv[sys.argv.index("-d") + 1], sys.argv[sys.argv.index("-i") + 1].split(","))
        if mode == "fail-build":
            sys.exit("the build failed on purpose")
        return
    with open(options["logfile"], "a") as log:
        log.write("fake Odoo starts\n")
        if mode == "exit":
            log.write("fake Odoo exits on purpose\n")
            sys.exit(3)
    if mode == "hang":
        time.sleep(60)
    try:
        http.server.ThreadingHTTPServer(("127.0.0.1", options.getint("http_port")), Handler).serve_forever()
    except OSError as error:
        sys.exit(f"Address already in use: {error}")


def build(options: configparser.SectionProxy, database: str, modules: list[str]) -> None:
    where = {"host": options["db_host"], "user": options["db_user"], "autocommit": True}
    with psycopg.connect(dbname="postgres", **where) as connection:
        connection.execute(f'create database "{database}"')
    with psycopg.connect(dbname=database, **where) as connection:
        connection.execute(TABLES)
        for module in modules:
            connection.execute("insert into ir_module_module values (%s, 'installed')", (module,))
    store = os.path.join(options["data_dir"], "filestore", database, "ab")
    os.makedirs(store)
    with open(os.path.join(store, "abcd"), "w") as file:
        file.write("attachment")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer({"status": "pass"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answers = {
            "authenticate": {"uid": 2},
            "create": 7,
            "make_key": {"res_model": "res.users.identitycheck", "res_id": 3},
            "run_check": {"context": {"default_key": f"key-{os.getpid()}-{time.time_ns()}"}},
        }
        self.answer({"result": answers.get(self.path.rpartition("/")[2], True)})

    def answer(self, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    main()
