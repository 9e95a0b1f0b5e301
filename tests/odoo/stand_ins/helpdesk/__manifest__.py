# ruff: noqa: B018 - a manifest is one expression
{
    "name": "STAND-IN for Enterprise Helpdesk (tests of crm2odoo only)",
    "summary": "Defines helpdesk.ticket and its neighbours so that tests can write them. Not the real app.",
    "version": "19.0.0.0.1",
    "license": "LGPL-3",
    "depends": ["mail"],
    "data": ["rights.xml"],
}
