"""The fixtures that other tests build on."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import psycopg

from odoo_server import OdooDatabase


def _count(odoo: OdooDatabase, model: str) -> int:
    headers = {"Authorization": f"bearer {odoo.api_key}", "X-Odoo-Database": odoo.database}
    answer = httpx.post(f"{odoo.url}/json/2/{model}/search_count", headers=headers, json={"domain": []}, timeout=60)
    return int(answer.raise_for_status().json())


def test_json2_finds_its_database_among_several(odoo: OdooDatabase, new_odoo: Callable[[], OdooDatabase]) -> None:
    other = new_odoo()
    assert odoo.database != other.database
    assert odoo.database_uuid != other.database_uuid
    assert _count(odoo, "crm.lead") == _count(other, "crm.lead") == 0
    headers = {"Authorization": f"bearer {odoo.api_key}", "X-Odoo-Database": odoo.database}
    body = {"vals_list": [{"name": "only here"}]}
    httpx.post(f"{odoo.url}/json/2/crm.lead/create", headers=headers, json=body, timeout=60).raise_for_status()
    assert (_count(odoo, "crm.lead"), _count(other, "crm.lead")) == (1, 0)


def test_json_rpc_takes_the_key_for_a_password(odoo: OdooDatabase) -> None:
    call = {"service": "common", "method": "authenticate", "args": [odoo.database, odoo.login, odoo.api_key, {}]}
    answer = httpx.post(f"{odoo.url}/jsonrpc", json={"jsonrpc": "2.0", "method": "call", "params": call}, timeout=60)
    assert answer.json()["result"] == 2


def test_odoo_is_neutralised_and_knows_its_uuid(odoo: OdooDatabase) -> None:
    headers = {"Authorization": f"bearer {odoo.api_key}", "X-Odoo-Database": odoo.database}

    def parameter(key: str) -> object:
        address = f"{odoo.url}/json/2/ir.config_parameter/get_param"
        return httpx.post(address, headers=headers, json={"key": key}, timeout=60).raise_for_status().json()

    assert parameter("database.is_neutralized") in ("True", "true", True)
    assert parameter("database.uuid") == odoo.database_uuid


def test_staging_is_empty_and_a_database_of_its_own(staging_dsn: str) -> None:
    with psycopg.connect(staging_dsn) as connection:
        tables = connection.execute("select count(*) from pg_tables where tableowner = 'crm2odoo'").fetchone()
        assert tables == (0,)
        connection.execute("create schema demo_land")
