# Everything is started here. `make` alone lists the targets: the text after ## of each.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help tools sandbox stop down

# The first Python of 3.11 or later; set PYTHON to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .tools/venv/bin/python
export PYTHONPATH := plugins
# Airflow and Odoo are thousands of modules: compiled once, kept out of the source tree, whatever the machine's settings.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/.tools/bytecode
# With nothing in .tools yet (or no longer), what must still work runs on the bare Python.
ANY_PYTHON = $(if $(wildcard $(VENV)),$(VENV),$(PYTHON))

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9._-]*:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- tools and sandbox ------------------------------------------------------------------------------------------------

tools: ## Download what is needed into .tools (Airflow, PostgreSQL, Odoo 19); quick when it is there
	@test -n "$(PYTHON)" || { echo "ERROR: Python 3.11 or later is needed"; exit 1; }
	@$(PYTHON) -m crm2odoo.sandbox.tools

sandbox: tools ## Bring up PostgreSQL and an Odoo named demo; print where it is
	@$(VENV) -m crm2odoo.sandbox.cli up demo

stop: ## Stop every process and keep all data
	@$(ANY_PYTHON) -m crm2odoo.sandbox.cli stop

down: ## Leave nothing behind: no process, database or file, nor .tools (the next start downloads again)
	@$(ANY_PYTHON) -m crm2odoo.sandbox.cli remove
	@rm -rf .tools

# --- demo, up, test, lint: added below by those who own them ----------------------------------------------------------

.PHONY: demo up test lint docs site golden audit check-terraform test-airflow-3.1

SOURCE ?= flash_lead_sales

demo: tools ## A first migration, end to end: SOURCE's sample export through the project's DAGs into an Odoo of this machine
	@$(VENV) -m crm2odoo.airflow.demo $(SOURCE)

up: tools ## Airflow in the browser, and the sandbox's Odoo, on 127.0.0.1
	@$(VENV) -m crm2odoo.airflow.local up

docs: tools ## Write the generated pages of docs/ again
	@$(VENV) -m crm2odoo.airflow.dag_docs
	@$(VENV) docs/generate.py

site: docs ## The documentation as web pages, below .tools/site
	@$(VENV) -m mkdocs build --quiet

golden: tools ## Accept what the mappings now make of the samples (look at `git diff tests/golden`)
	@CRM2ODOO_GOLDEN=accept $(VENV) -m pytest tests/staging/test_golden_mappings.py

audit: tools ## Known weaknesses of the pinned packages, asked of the package index
	@$(PYTHON) -m crm2odoo.sandbox.tools >/dev/null && .tools/bootstrap/bin/uv tool run pip-audit --requirement requirements-pinned.txt --no-deps --disable-pip

lint: tools ## ruff and mypy
	@$(VENV) -m ruff check .
	@$(VENV) -m mypy

check-terraform: tools ## Terraform's own tests of docker and aws, and checkov; CRM2ODOO_PROVIDERS=registry takes the real providers (a minute)
	@$(PYTHON) -m crm2odoo.sandbox.tools terraform
	@CRM2ODOO_PROVIDERS=$${CRM2ODOO_PROVIDERS:-stand-in} $(VENV) -m pytest -rs tests/sandbox/test_sandbox_providers.py tests/sandbox/test_sandbox_container.py

test-airflow-3.1: tools ## The tests of the DAGs on Airflow 3.1, the oldest that is supported (up to half an hour)
	@$(PYTHON) -m crm2odoo.sandbox.tools airflow-3.1
	@.tools/airflow-3.1/bin/python -m pytest tests/airflow

test: lint ## Everything that can be checked, on real PostgreSQL, Odoo and Airflow
	@$(VENV) -m pytest -n 2 --dist loadscope --no-loadscope-reorder --promise-table=.tools/promises.md
