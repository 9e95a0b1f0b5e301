"""A real Airflow (api-server, scheduler, dag-processor) and a headless Chromium in front of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psycopg
import pytest
from playwright.sync_api import Page, expect, sync_playwright

SHOTS = Path(os.environ.get("CRM2ODOO_SCREENSHOTS") or "/tmp/crm2odoo-screenshots")


def chromium() -> str:
    """The browser's program; installed from the system's packages when it is missing and we may."""
    for attempt in range(2):
        for name in ("chromium", "chromium-browser", "google-chrome"):
            if found := shutil.which(name):
                return found
        if attempt == 0 and os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], check=False, capture_output=True)
    pytest.skip("there is no Chromium: install the package chromium")


@pytest.fixture(scope="module")
def airflow_url(odoo_base) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """What ``make up`` starts, in the home of the tests. Sessions that run side by side share it; the last one stops it.

    For a module only: its scheduler and dag-processor take a third of a core from the modules after it, with nothing to do.
    """
    from crm2odoo.airflow import local
    from crm2odoo.sandbox import lifecycle

    with open(odoo_base.home / "airflow-sessions.lock", "a") as users:
        if locked(users, fcntl.LOCK_EX | fcntl.LOCK_NB):
            lifecycle.stop_airflow(odoo_base.home, lambda _: None)
            _end_old_runs(local.prepare(lambda _: None, odoo_base.home).base.airflow_dsn)
            url = local.up(log=lambda _: None, home=odoo_base.home).url
            fcntl.flock(users, fcntl.LOCK_SH)
        else:
            fcntl.flock(users, fcntl.LOCK_SH)
            url = local.up(log=lambda _: None, home=odoo_base.home).url
        yield url
        fcntl.flock(users, fcntl.LOCK_UN)
        if locked(users, fcntl.LOCK_EX | fcntl.LOCK_NB):
            lifecycle.stop_airflow(odoo_base.home, lambda _: None)


def locked(file: IO[str], how: int) -> bool:
    """Whether we got the lock."""
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True


def _end_old_runs(dsn: str) -> None:
    """A session that was killed leaves a run behind, and only one may be active."""
    with psycopg.connect(dsn) as connection:
        connection.execute("update dag_run set state = 'failed' where state in ('queued', 'running')")


@pytest.fixture(scope="module")
def page(airflow_url: str) -> Iterator[Page]:
    """Logged in as admin."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1500, "height": 1000}).new_page()
        page.set_default_timeout(30_000)
        expect.set_options(timeout=20_000)  # the machine may be busy with other tests
        page.goto(airflow_url)
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", "admin")
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/auth/login" not in url)
        yield page
        browser.close()


@pytest.fixture
def shot(page: Page) -> Callable[[str], object]:
    """Takes a picture of the page under a name."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return lambda name: page.screenshot(path=SHOTS / f"{name}.png")
