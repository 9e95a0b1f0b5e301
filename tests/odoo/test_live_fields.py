"""`crm2odoo propose` beside a live Odoo: the fields that somebody added there are proposed by their labels, in any language it has."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from crm2odoo import cli
from crm2odoo.discovery.review_file import read_review
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.live_fields import read_live_fields
from odoo_server import OdooDatabase

EXPORT = "Kundennummer,Name,Roof pitch,Heating kind\n1,Ann Fisk,35.5,gas\n2,Bob Hart,40,oil\n3,Cleo Amis,22,gas\n"


@pytest.fixture(scope="module")
def client(odoo: OdooDatabase) -> OdooClient:
    made = OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key))
    [model] = made.call("ir.model", "search", domain=[["model", "=", "res.partner"]])
    for name, label, kind in (("x_pitch", "Roof pitch", "float"), ("x_heat", "Heating kind", "char")):
        made.call("ir.model.fields", "create", vals_list=[{"name": name, "field_description": label, "model_id": model, "ttype": kind}])
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "contacts.csv").write_text(EXPORT)
    return tmp_path


def propose(root: Path, odoo: OdooDatabase, *told: str) -> int:
    named = ["--odoo", odoo.url, "--database", odoo.database, "--login", odoo.login]
    return cli.main(["--root", str(root), "propose", "neu", str(root / "export"), *named, *told])


def test_every_language_of_the_odoo_names_its_fields_and_none_that_it_keeps_for_itself(client: OdooClient) -> None:
    live = read_live_fields(client)
    assert {"Roof pitch"} == set(live["res.partner"]["x_pitch"].labels)
    assert live["crm.lead"]["expected_revenue"].type == "monetary"
    assert not [n for fields in live.values() for n in fields if n.startswith(("message_", "activity_")) or n in ("child_ids", "create_date")]
    [german] = client.call("res.lang", "search", domain=[["code", "=", "de_DE"]], context={"active_test": False})
    client.call("res.lang", "write", ids=[german], vals={"active": True})
    [field] = client.call("ir.model.fields", "search", domain=[["name", "=", "x_heat"], ["model", "=", "res.partner"]])
    client.call("ir.model.fields", "write", ids=[field], vals={"field_description": "Heizungsart"}, context={"lang": "de_DE"})
    assert set(read_live_fields(client)["res.partner"]["x_heat"].labels) == {"Heating kind", "Heizungsart"}


@pytest.mark.parametrize("way", ["environment", "stdin"])
def test_the_key_comes_from_the_environment_or_standard_input(
    root: Path, odoo: OdooDatabase, client: OdooClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    if way == "environment":
        monkeypatch.setenv("ACME_KEY", odoo.api_key)
        assert propose(root, odoo, "--key-from", "ACME_KEY") == 0
    else:
        monkeypatch.setattr("sys.stdin", io.StringIO(odoo.api_key + "\n"))
        assert propose(root, odoo, "--key-from", "-") == 0
    lines = {line.header: line for line in read_review(root / "mappings" / "reviews" / "neu" / "contact.yaml").columns}
    pitch, heat = lines["Roof pitch"], lines["Heating kind"]
    assert (pitch.decision, pitch.target, pitch.confidence >= 0.85) == ("field", "x_pitch", True), "the label, and values that are numbers"
    assert (heat.decision, heat.target, heat.confidence >= 0.85) == ("field", "x_heat", False), "the label alone is looked at by a person"
    assert "label of x_heat in this Odoo" in heat.evidence[0]
    shown = capsys.readouterr()
    assert odoo.api_key not in shown.out + shown.err
    assert cli.main(["--root", str(root), "draft", "neu", str(root / "export")]) == 0
    assert "field: x_pitch" in (root / "mappings" / "sources" / "neu.yaml").read_text()


def test_an_airflow_connection_serves_too(root: Path, odoo: OdooDatabase, client: OdooClient, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("airflow")
    about = {"conn_type": "odoo", "host": odoo.url, "schema": odoo.database, "login": odoo.login, "password": odoo.api_key}
    monkeypatch.setenv("AIRFLOW_CONN_ACME_ODOO", json.dumps(about))
    assert cli.main(["--root", str(root), "propose", "neu", str(root / "export"), "--connection", "acme_odoo"]) == 0
    assert "target: x_pitch" in (root / "mappings" / "reviews" / "neu" / "contact.yaml").read_text()


def test_what_is_missing_or_wrong_is_said_in_words(
    root: Path, odoo: OdooDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CRM2ODOO_ODOO_KEY", raising=False)
    assert propose(root, odoo) == 1
    assert "no API key in the environment variable CRM2ODOO_ODOO_KEY" in capsys.readouterr().err
    monkeypatch.setenv("CRM2ODOO_ODOO_KEY", "0" * 40)
    assert propose(root, odoo) == 1
    assert "Traceback" not in (told := capsys.readouterr().err)
    assert odoo.login in told
    assert cli.main(["--root", str(root), "propose", "neu", str(root / "export"), "--login", "x"]) == 1
    assert "go with --odoo" in capsys.readouterr().err
    assert not (root / "mappings" / "reviews").exists()
