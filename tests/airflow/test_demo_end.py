"""What `make demo` says at its end."""

from __future__ import annotations

import io
from pathlib import Path

from crm2odoo.airflow.demo import Demo
from crm2odoo.project import load_bundle

ROOT = Path(__file__).resolve().parents[2]


def test_it_names_the_pages_of_odoo_on_which_the_records_are() -> None:
    """Odoo's own menu opens the pipeline of the administrator, who has no deals: an empty page after a migration that went well."""
    pages = Demo(io.StringIO(), load_bundle(ROOT, "demo_flash")).pages("http://odoo.example")
    assert pages == [
        ("Companies and contacts", "http://odoo.example/odoo/action-contacts.action_contacts"),
        ("Leads", "http://odoo.example/odoo/action-crm.crm_lead_all_leads"),
        ("Opportunities", "http://odoo.example/odoo/action-crm.crm_lead_opportunities"),
        ("Orders", "http://odoo.example/odoo/action-sale.action_orders"),
    ]
