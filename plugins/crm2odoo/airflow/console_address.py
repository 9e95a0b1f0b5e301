"""Where the console's pages are below Airflow's own address. Tasks link there without knowing the console."""

PREFIX = "/crm2odoo"
