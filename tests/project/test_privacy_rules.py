"""What a regime decides when nobody says otherwise, and what it does not let anybody decide."""

from __future__ import annotations

from pathlib import Path

import pytest

import source_world
from crm2odoo.project import ConfigError, load_bundle

HIPAA = {"regime": "hipaa", "agreement": "BAA of 2026-01-03", "approved_by": "privacy officer", "key": "crm2odoo_key"}
ENCRYPTED = {"contact": {"notes": "encrypt"}, "note": {"body": "encrypt"}}


def bundle(root: Path, **privacy: object):  # type: ignore[no-untyped-def]
    export = source_world.ROOT / "samples" / "visual_practice" / "export"
    return load_bundle(source_world.project(root, "visual_practice", "vp_privacy", export, privacy=privacy), "vp_privacy")


def problems(root: Path, **privacy: object) -> str:
    with pytest.raises(ConfigError) as caught:
        bundle(root, **privacy)
    return str(caught.value)


@pytest.mark.promise("P210")
def test_health_data_is_excluded_under_hipaa_and_what_a_person_decides_counts(tmp_path: Path) -> None:
    found = bundle(tmp_path, **HIPAA, columns=ENCRYPTED)
    privacy = found.project.privacy
    treatment = {c: privacy.treatment(found.source, "contact", c) for c in ("birth_date", "health_card", "notes", "email", "u_something_new")}
    assert treatment == {"birth_date": "exclude", "health_card": "exclude", "notes": "encrypt", "email": "keep", "u_something_new": "exclude"}
    assert privacy.days == 30


@pytest.mark.promise("P210")
def test_nothing_is_read_under_hipaa_before_somebody_approved_it(tmp_path: Path) -> None:
    text = problems(tmp_path, regime="hipaa", key="crm2odoo_key", columns=ENCRYPTED)
    assert "the regime hipaa asks for `agreement` before any file is read" in text
    assert "the regime hipaa asks for `approved_by` before any file is read" in text


def test_a_mandatory_column_with_health_data_needs_a_decision(tmp_path: Path) -> None:
    text = problems(tmp_path, **HIPAA)
    assert "note.body cannot be excluded: without it no row of the object is valid" in text
    assert "columns: {note: {body: encrypt}}" in text


def test_health_data_cannot_lie_open_under_hipaa(tmp_path: Path) -> None:
    text = problems(tmp_path, **HIPAA, columns={**ENCRYPTED, "contact": {"health_card": "keep"}})
    assert "vp_privacy.yaml" in text
    assert "contact.health_card holds health data, which hipaa does not let lie open" in text


@pytest.mark.parametrize(
    ("privacy", "message"),
    [
        ({"columns": {"contact": {"birth_date": "encrypt"}}}, "contact.birth_date is of the type date, which cannot be read while it is encrypted"),
        ({"columns": {"contact": {"notes": "encrypt"}}, "key": None}, "contact.notes is to be encrypted, and there is no key"),
        ({"columns": {"contact": {"colour": "exclude"}}}, "contact has no column 'colour'"),
        ({"columns": {"patient": {"name": "exclude"}}}, "the source has no object 'patient'"),
    ],
)
def test_a_decision_that_cannot_be_carried_out_is_refused(tmp_path: Path, privacy: dict[str, object], message: str) -> None:
    assert message in problems(tmp_path, **{"key": "crm2odoo_key", **privacy})
