"""The key of encrypted columns comes from its connection, as it is or through a key service."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from crm2odoo.airflow import connections
from crm2odoo.project import Project
from crm2odoo.staging.vault import Vault, VaultClosed, new_key


@pytest.fixture
def add_connection(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Outside of a task Airflow gives no connections away; tests/airflow/test_privacy.py has a whole DAG read one."""
    from airflow.models.connection import Connection

    known: dict[str, Connection] = {}
    ask = connections.BaseHook.get_connection
    monkeypatch.setattr(connections.BaseHook, "get_connection", lambda name: known.get(name) or ask(name))

    def add(name: str, **fields: Any) -> None:
        known[name] = Connection(conn_id=name, **fields)

    return add


def project(key: str | None) -> Project:
    return Project(project="keyed", title="Keyed", source="visual_practice", export="-", privacy={"key": key})


def test_a_key_is_the_password_of_its_connection(add_connection: Callable[..., None]) -> None:
    key = new_key()
    add_connection("keyed_plain", conn_type="generic", password=key)
    token = connections.vault(project("keyed_plain")).seal("Ann")
    assert Vault.of(key, "x").unseal(token) == "Ann"
    assert connections.vault(project(None)).key is None


@pytest.mark.promise("P212")
def test_a_key_service_opens_a_wrapped_key(monkeypatch: pytest.MonkeyPatch, add_connection: Callable[..., None]) -> None:
    key, service = new_key(), ModuleType("key_service_of_the_customer")
    service.decrypt = lambda wrapped: base64.b64decode(wrapped.removeprefix("wrapped:")).decode()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, service.__name__, service)
    wrapped = "wrapped:" + base64.b64encode(key.encode()).decode()
    add_connection("keyed_kms", conn_type="generic", password=wrapped, extra=json.dumps({"unwrap": f"{service.__name__}:decrypt"}))
    assert connections.vault(project("keyed_kms")).fingerprint == Vault.of(key, "x").fingerprint


def test_while_the_key_is_changed_the_connection_has_the_one_before_too(add_connection: Callable[..., None]) -> None:
    key, before = new_key(), new_key()
    add_connection("keyed_changed", conn_type="generic", password=key, extra=json.dumps({"old_password": before}))
    vault = connections.vault(project("keyed_changed"))
    assert vault.before is not None
    assert (vault.fingerprint, vault.before.fingerprint) == (Vault.of(key, "x").fingerprint, Vault.of(before, "x").fingerprint)
    assert before not in repr(vault)


def test_a_missing_or_wrong_key_says_which_connection_and_how_to_make_one(add_connection: Callable[..., None]) -> None:
    with pytest.raises(connections.MissingSetup, match="airflow connections add keyed_nowhere"):
        connections.vault(project("keyed_nowhere"))
    add_connection("keyed_wrong", conn_type="generic", password="not a key")
    with pytest.raises(VaultClosed, match="the password of the connection 'keyed_wrong' is no key"):
        connections.vault(project("keyed_wrong"))
