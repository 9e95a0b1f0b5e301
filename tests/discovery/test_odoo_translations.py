"""Odoo's own translations of its field labels are names that the language packs know: whoever exports from a translated Odoo uses them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from crm2odoo.discovery.proposer import ColumnIn, Proposer
from crm2odoo.discovery.synonym_packs import MODELS

LABELS = yaml.safe_load(Path(__file__).with_name("odoo_labels.yaml").read_text(encoding="utf-8"))
PROPOSER = Proposer()
# What Odoo calls by a name that in a CRM's export means something else: the field → what it is taken for.
OTHERWISE = {
    "date_closed": {"date_deadline"},  # "Closed Date" is in German, French … the date of the expected end too
    "partner_id": {"contact_name"},  # "Contact" of a lead is a name
    "company_registry": {"parent_id", "id", "custom"},  # "Company ID" of a person
    "state_id": {"stage_id"},  # Estado, État
    "probability": {"name"},  # Kans is a chance
}


@pytest.mark.parametrize("language", LABELS)
def test_a_label_of_odoo_means_its_field(language: str) -> None:
    wrong = []
    for kind in ("contact", "lead"):
        for name, label in LABELS[language][MODELS[kind]].items():
            [proposal] = PROPOSER.propose(kind, [ColumnIn(label)])  # type: ignore[arg-type]
            if proposal.where != name and proposal.where not in OTHERWISE.get(name, set()):
                wrong.append((kind, name, label, proposal.where))
    assert wrong == []
