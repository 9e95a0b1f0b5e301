"""Unique values are planted in private columns and in secrets, a project is carried through its DAGs, and they are looked for everywhere."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from projects import project_root

from conftest import World, add_connection, add_odoo, add_pool, add_staging
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.staging.vault import new_key
from odoo_server import OdooDatabase

pytestmark = pytest.mark.odoo

NOTE, CARD, BORN, MAIL, PHONE = "zqNOTEcanary", "zqCARDcanary", "1931-07-13", "zq.mail.canary@example.com", "+1 416 555 0177"
KEY, PASSWORD = new_key(), "zq-staging-password-canary"
CONTACTS = f"""Contact ID,First Name,Last Name,Email,Phone,Date of Birth,Health Card No,Notes,Mystery
1,Ann,Able,{MAIL},{PHONE},{BORN},{CARD},"{NOTE} one, <b>two</b>",zqMYSTERYcanary
2,Bob,Best,not an address zqBADcanary,,{BORN},{CARD}2,,
3,Cid,zqRAGGEDcanary
"""
NOTES = f"""Note ID,Related To Type,Related To ID,Note,Created
1,contact,1,"{NOTE} in the chatter",2024-01-02 10:00:00
2,contact,999,"{NOTE} of nobody",2024-01-02 10:00:00
"""
PROJECT = {
    "project": "clinic", "title": "Clinic", "source": "visual_practice", "timezone": "America/Toronto", "owners": {"undecided": "provision"},
    "connections": {"staging": "clinic_staging", "odoo": "clinic_odoo"}, "pool": "clinic_odoo",
    "privacy": {
        "regime": "phipa", "agreement": "Agreement of 2026-01-03", "approved_by": "privacy officer", "key": "clinic_key",
        "columns": {"contact": {"notes": "encrypt"}, "note": {"body": "encrypt"}},
    },
}  # fmt: skip
NOWHERE = (NOTE, CARD, BORN, "zqMYSTERYcanary", "zqRAGGEDcanary")
"""Not even in the staging database."""
UNTOLD = (*NOWHERE, MAIL, PHONE, "zqBADcanary")
"""Not in what Airflow keeps, prints or writes for people."""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clinic")
    found = {name: folder / name for name in ("export", "documents", "tmp", "checkout")}
    for place in found.values():
        place.mkdir()
    (found["export"] / "contacts.csv").write_text(CONTACTS)
    (found["export"] / "notes.csv").write_text(NOTES)
    return {**found, "log": folder / "log.txt"}


@pytest.fixture(scope="module")
def world(places: dict[str, Path], staging_dsn: str, odoo: OdooDatabase) -> Iterator[World]:
    root = project_root(places["checkout"], {})
    source = root / "mappings" / "sources" / "visual_practice.yaml"
    content = yaml.safe_load(source.read_text())
    kept = ("user", "company", "contact", "note")
    content["objects"] = {name: o for name, o in content["objects"].items() if name in kept}
    for o in content["objects"].values():
        o["parents"] = [p for p in o.get("parents", []) if p["object"] in kept]
    source.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    before, temporary = os.environ.get("CRM2ODOO_ROOT"), tempfile.tempdir
    os.environ["CRM2ODOO_ROOT"] = str(root)
    tempfile.tempdir = str(places["tmp"])
    world = World(root, places["export"])
    world.write("clinic", yaml.safe_dump({**PROJECT, "export": str(places["export"]), "documents": str(places["documents"])}))
    add_staging("clinic_staging", staging_dsn)
    add_connection("clinic_key", conn_type="generic", password=KEY)
    add_odoo("clinic_odoo_test", odoo)
    add_pool("clinic_odoo")
    handler = logging.FileHandler(places["log"])
    handler.setLevel(logging.DEBUG)
    loggers = [logging.getLogger(), *(logging.getLogger(n) for n in ("crm2odoo", "airflow", "airflow.task", "httpx", "httpcore", "psycopg"))]
    levels = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    yield world
    for logger, level in levels:
        logger.removeHandler(handler)
        logger.setLevel(level)
    tempfile.tempdir = temporary
    os.environ.pop("CRM2ODOO_ROOT", None)
    if before is not None:
        os.environ["CRM2ODOO_ROOT"] = before


@pytest.fixture(scope="module")
def ask(staging_dsn: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    with psycopg.connect(staging_dsn, autocommit=True) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


def staging_text(ask: Callable[..., Any]) -> str:
    """Every cell of the project's four schemas."""
    tables = ask("select format('%%I.%%I', table_schema, table_name) from information_schema.tables where starts_with(table_schema, 'clinic_')")
    return "\n".join(row[0] for (table,) in tables for row in ask(f"select t::text from {table} as t"))


def airflow_text() -> str:
    """Every cell of Airflow's own database: XCom, rendered templates, runs, HITL forms. Connections are where secrets belong."""
    with sqlite3.connect(Path(os.environ["AIRFLOW_HOME"]) / "airflow.db") as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'") if name != "connection"]
        return "\n".join(str(row) for table in tables for row in connection.execute(f'select * from "{table}"'))


def files_text(folder: Path) -> str:
    return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file())


def secrets(odoo: OdooDatabase) -> tuple[str, ...]:
    return (KEY, odoo.api_key, odoo.password if len(odoo.password) > 8 else odoo.api_key)


def leaks(values: tuple[str, ...], text: str) -> list[str]:
    return [value for value in values if value in text]


@pytest.mark.promise("P213")
def test_a_migration_leaves_private_values_in_odoo_and_nowhere_else(
    world: World, places: dict[str, Path], odoo: OdooDatabase, ask: Callable[..., Any]
) -> None:
    assert world.run("clinic.discover").causes == {}
    done = world.run("clinic.sample", {"target": "connection"})
    assert done.causes == {}
    with OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key)) as there:
        [ann] = there.call("res.partner", "search_read", domain=[["email", "=", MAIL]], fields=["comment", "message_ids"])
        assert NOTE in ann["comment"]
        assert [m for m in there.call("mail.message", "read", ids=ann["message_ids"], fields=["body"]) if f"{NOTE} in the chatter" in m["body"]]
    assert leaks((*NOWHERE, *secrets(odoo)), staging_text(ask)) == []
    assert leaks((*UNTOLD, *secrets(odoo)), airflow_text()) == []
    assert leaks((*UNTOLD, *secrets(odoo)), places["log"].read_text()) == []
    assert leaks((*UNTOLD, *secrets(odoo)), files_text(places["documents"])) == []
    assert leaks((*UNTOLD, *secrets(odoo)), files_text(places["tmp"])) == []


@pytest.mark.promise("P213")
def test_a_failure_tells_no_private_value_and_no_secret(world: World, places: dict[str, Path], odoo: OdooDatabase) -> None:
    broken = f"{KEY}zqBROKEN"
    add_connection("clinic_key", conn_type="generic", password=broken)
    add_odoo("clinic_odoo_test", odoo, password="zqWRONGsecret")
    done = world.run("clinic.sample", {"target": "connection"})
    assert "is no key of 64 bytes in base64" in done.causes["check.needs"]
    add_connection("clinic_key", conn_type="generic", password=KEY)
    done = world.run("clinic.sample", {"target": "connection"})
    assert "refuses user 'admin'" in done.causes["check.needs"]
    told = json.dumps(done.causes) + places["log"].read_text() + airflow_text()
    assert leaks((*UNTOLD, *secrets(odoo), "zqBROKEN", "zqWRONGsecret"), told) == []
    add_odoo("clinic_odoo_test", odoo)


@pytest.mark.promise("P212")
def test_the_purge_leaves_no_value_and_a_chain_that_verifies(
    world: World, places: dict[str, Path], odoo: OdooDatabase, ask: Callable[..., Any], staging_dsn: str
) -> None:
    assert MAIL in staging_text(ask)
    entries = ask("select count(*) from clinic_log.entry")
    done = world.run("clinic.purge")
    assert done.causes == {}
    text = staging_text(ask)
    assert leaks((*UNTOLD, "Ann", "Able", "enc1."), text) == []
    assert ask("select count(*) from clinic_log.entry") == entries
    [proof_file] = places["documents"].rglob("purge.json")
    proof = json.loads(proof_file.read_text())
    assert proof["rows_left"] == 0
    assert {"clinic_log.record", "clinic_clean.contact"} <= {e["table"] for e in proof["emptied"]}
    assert {f["name"] for f in proof["exports"]} == {"contacts.csv", "notes.csv"}
    assert any("Destroy the key" in line for line in proof["to_do"])
    from crm2odoo.ledger import chain
    from crm2odoo.project import load_bundle
    from crm2odoo.staging import Workspace

    ws = Workspace.open(load_bundle(world.root, "clinic"), staging_dsn)
    assert chain.verify(ws).entries == entries[0][0]
    again = world.run("clinic.sample", {"target": "connection"})
    assert "the values of clinic were purged by tester" in again.causes["check.needs"]
