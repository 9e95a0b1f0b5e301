"""Migrations from CRM exports into Odoo. docs/architecture.md says which package does what."""

__version__ = "0.1.0"
