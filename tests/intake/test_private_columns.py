"""Excluded values never reach the database; encrypted ones reach it only as tokens, and rows are counted, merged and linked as before."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import pytest

from crm2odoo.staging import Workspace
from crm2odoo.staging.vault import Vault, new_key
from intake.conftest import Intake, bundle, take_in_folder

HIPAA = {"regime": "hipaa", "agreement": "BAA of 2026-01-03", "approved_by": "privacy officer", "key": "crm2odoo_key"}
CONTACTS = """Contact ID,First Name,Last Name,Email,DOB,Health Card Number,Notes,Shoe size
1,Ann,Able,ann@example.com,1970-01-02,HC-77-CANARY,"CANARY: line one
and ""two"", three",38
2,Bob,Best,bob@example.com,1971-02-03,HC-88-CANARY,"CANARY: line one
and ""two"", three",39
3,Cid,Card,cid@example.com,not a CANARY date,,,40
4,CANARY,short
"""


@pytest.fixture
def private(staging_dsn: str, tmp_path: Any) -> Callable[..., Intake]:
    def run(project: str, **privacy: Any) -> Intake:
        (tmp_path / "contacts.csv").write_text(CONTACTS)
        known = bundle(project, "visual_practice", privacy={**HIPAA, **privacy})
        return take_in_folder(Workspace.open(known, staging_dsn, Vault.of(new_key(), "crm2odoo_key")), tmp_path)

    return run


def everything(taken: Intake) -> str:
    """All text in the project's schemas."""
    found = []
    with taken.ws.connect() as connection:
        project = taken.ws.bundle.project.project
        for table in connection.execute("select table_schema, table_name from information_schema.tables where starts_with(table_schema, %s)", (f"{project}_",)).fetchall():
            query = taken.ws.sql("select t::text as row from {schema}.{table} as t", schema=table["table_schema"], table=table["table_name"])
            found += [r["row"] for r in connection.execute(query)]
    return "\n".join(found)


@pytest.mark.promise("P210", "P213")
def test_no_excluded_or_encrypted_value_is_anywhere_in_the_database(private: Callable[..., Intake]) -> None:
    taken = private("pp1", columns={"contact": {"notes": "encrypt"}})
    text = everything(taken)
    assert "ann@example.com" in text
    assert "CANARY" not in text
    assert "1970-01-02" not in text
    rows = taken.rows("select * from {clean}.contact order by _rec")
    assert [r["birth_date"] for r in rows] == [None, None, None]
    assert [r["health_card"] for r in rows] == [None, None, None]
    assert taken.ws.vault.unseal(rows[0]["notes"]) == 'CANARY: line one\nand "two", three'
    assert rows[0]["notes"] == rows[1]["notes"]
    assert rows[2]["notes"] is None


def test_every_row_is_counted_and_a_row_that_cannot_be_split_shows_only_its_length(private: Callable[..., Intake]) -> None:
    taken = private("pp2", columns={"contact": {"notes": "exclude"}})
    assert taken.statuses("contact") == ["valid", "valid", "valid"]
    assert taken.rejects("contact") == [(4, "field_count", "3 fields instead of 8")]
    assert "hidden (14 characters)" in everything(taken)
    assert "CANARY" not in everything(taken)


def test_a_person_is_told_how_many_values_stay_behind(private: Callable[..., Intake]) -> None:
    taken = private("pp3", columns={"contact": {"notes": "encrypt", "u_shoe_size": "keep"}})
    [finding] = taken.rows("select * from {log}.finding where code = 'private_columns'")
    assert finding["count"] == 5
    assert finding["evidence"]["columns"] == {
        "birth_date": {"treatment": "exclude", "values": 3},
        "health_card": {"treatment": "exclude", "values": 2},
        "notes": {"treatment": "encrypt", "values": 2},
    }
    assert "38" in [r["u_shoe_size"] for r in taken.rows("select u_shoe_size from {clean}.contact")]


CELLS = [
    "incl. supplies &amp; travel", "&#8364; 5 &#x2013; 6&nbsp;", "&bogus; &#0; &#xD800; & co; &", "<p>one</p><br/>two <b>three</b><!-- x\ny -->", "a < b > c",
    "\u00a0 wide \u2003 blanks\u200b \u3000", "soft\u00adhyphen \ufeffmark", "itâ€™s", "MÃ¼ller", "Müller", "â€™ and é", "1 < 2 &lt;b&gt;", "3050.0", "3050.10", "x.0", "007.000",
]  # fmt: skip


def test_an_encrypted_cell_is_cleaned_like_an_open_one(staging_dsn: str, tmp_path: Any) -> None:
    """Ids that are written in two ways still link, and Odoo gets no HTML entities."""
    with open(tmp_path / "customers.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Customer ID", "Company", "Notes"])
        writer.writerows([cell if ".0" in cell or ".1" in cell else n, f"Company {n}", cell] for n, cell in enumerate(CELLS, 1))
    taken = {}
    for name, columns in (("pc_open", {}), ("pc_sealed", {"customer": {"id": "encrypt", "notes": "encrypt"}})):
        known = bundle(name, "customer_factor", privacy={"key": "k", "columns": columns})
        taken[name] = take_in_folder(Workspace.open(known, staging_dsn, Vault.of(new_key(), "k")), tmp_path)
    rows = {name: t.rows("select id, notes from {clean}.customer order by _rec") for name, t in taken.items()}
    vault = taken["pc_sealed"].ws.vault
    assert all(r["notes"].startswith("enc1.") for r in rows["pc_sealed"])
    assert [{k: vault.unseal(v) for k, v in r.items()} for r in rows["pc_sealed"]] == rows["pc_open"]
    assert len(rows["pc_open"]) == len(CELLS)
