"""Airflow for tests: a migrated SQLite, and the DAGs of a folder."""

from __future__ import annotations

import pytest

@pytest.fixture(scope="session", autouse=True)
def airflow_database() -> None:
    from airflow.utils.db import initdb

    initdb()
