"""Discovery points at columns with data of people that nobody has declared, and proposes what to write into the project file."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm2odoo.discovery.sensitivity import by_header, by_values, propose_sensitivity
from crm2odoo.staging import Workspace
from intake.conftest import bundle, take_in_folder

CONTACTS = """Contact ID,First Name,Last Name,Email,Diagnosis,Bank,Ref,Shoe size
1,Ann,Able,ann@example.com,healthy,DE89 3704 0044 0532 0130 00,4111 1111 1111 1111,38
2,Bob,Best,bob@example.com,healthy,GB29NWBK60161331926819,5500 0055 5555 5559,39
3,Cid,Card,cid@example.com,tired,FR1420041010050500013M02606,3400-0000-0000-009,40
"""


@pytest.mark.promise("P210")
def test_undeclared_columns_are_proposed_with_their_class_and_the_line_to_write(staging_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text(CONTACTS)
    taken = take_in_folder(Workspace.open(bundle("sensible", "visual_practice"), staging_dsn), tmp_path)
    found = {s.header: (s.sensitivity, s.because) for s in propose_sensitivity(taken.ws, taken.export)}
    assert found == {
        "Diagnosis": ("health", "its header says 'diagnosis'"),
        "Bank": ("secret", "most of its values have the form of IBANs"),
        "Ref": ("secret", "most of its values have the form of payment cards"),
    }
    titles = [r["title"] for r in taken.rows("select title from {log}.finding where code = 'sensitive_column' order by finding_id")]
    assert "privacy: {columns: {contact: {u_diagnosis: exclude}}}" in titles[0]
    assert not [t for t in titles if "4111" in t or "DE89" in t]


def test_what_was_decided_is_not_proposed_again(staging_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text(CONTACTS)
    privacy = {"columns": {"contact": {"u_diagnosis": "exclude", "u_bank": "keep"}}}
    taken = take_in_folder(Workspace.open(bundle("sensible2", "visual_practice", privacy=privacy), staging_dsn), tmp_path)
    assert [s.header for s in propose_sensitivity(taken.ws, taken.export)] == ["Ref"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Date of Birth", "personal"), ("Geburtsdatum", "personal"), ("Fecha de nacimiento", "personal"), ("Password", "secret"), ("IBAN", "secret"),
        ("Patient Medication", "health"), ("Shipping pinned", None), ("Company", None), ("Borneo office", None),
    ],
)  # fmt: skip
def test_headers_count_by_whole_words(header: str, expected: str | None) -> None:
    found = by_header(header)
    assert (found[0] if found else None) == expected


def test_a_form_needs_most_of_the_values() -> None:
    assert by_values(["4111 1111 1111 1111", "order 1", "order 2", "order 3"]) is None
    assert by_values(["4111 1111 1111 1112"] * 5) is None
    assert by_values(["123-45-6789", "223-45-6789", "323-45-6789"]) == "US social security numbers"
