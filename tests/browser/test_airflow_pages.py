"""A person in front of Airflow: reads the runbook, fills in the form, starts the run, and signs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.xdist_group("browser")


def test_the_page_of_a_dag_has_its_runbook(page: Page, airflow_url: str, shot: Callable[[str], object]) -> None:
    page.goto(f"{airflow_url}/dags/demo_flash.sample")
    expect(page.get_by_role("heading", name="Demo · Flash Lead Sales: 2 sample run")).to_be_visible()
    page.get_by_role("button", name=re.compile("dag docs", re.IGNORECASE)).click()
    expect(page.get_by_role("heading", name="Is it safe to clear a task?")).to_be_attached()
    expect(page.get_by_text("demo_flash.discover").first).to_be_visible()
    shot("runbook")
    page.keyboard.press("Escape")


def test_a_run_is_started_by_its_form_and_signed_by_a_person(page: Page, airflow_url: str, shot: Callable[[str], object]) -> None:
    page.goto(f"{airflow_url}/dags/demo_flash.discover")
    page.get_by_role("button", name="Trigger").first.click()
    expect(page.locator("input[name='element_export']")).to_have_value("samples/flash_lead_sales/export")
    shot("form")
    page.get_by_role("dialog").get_by_role("button", name="Trigger").click()
    page.wait_for_url(re.compile("/runs/"), timeout=30_000)
    run = page.url.split("?")[0].rstrip("/")
    api = run.replace("/dags/", "/api/v2/dags/").replace("/runs/", "/dagRuns/")
    wait_for(page, f"{api}/taskInstances/sign_off", "awaiting_input")
    page.goto(f"{run}/tasks/sign_off/required_actions")
    expect(page.get_by_text("Rows by object")).to_be_visible()
    expect(page.get_by_role("cell", name="contacts.csv")).to_be_visible()
    shot("sign_off")
    page.wait_for_timeout(3_000)  # an answer right after the task parked is lost (apache/airflow#66374)
    page.get_by_role("button", name="Approve").click()
    wait_for(page, api, "success")
    page.goto(run)
    shot("signed")


def wait_for(page: Page, url: str, state: str, seconds: int = 240) -> None:
    """Asks Airflow's API once a second until the task or run is in ``state``; a failure ends the wait."""
    for _ in range(seconds):
        now = page.request.get(url).json()["state"]
        if now == state:
            return
        assert now not in ("failed", "upstream_failed"), why_it_failed(page, url)
        page.wait_for_timeout(1_000)
    raise AssertionError(f"{url} is {now} after {seconds} s, not {state}")


def why_it_failed(page: Page, url: str) -> str:
    """The states of the run's tasks, and what the failed ones logged last."""
    tasks = f"{url.split('/taskInstances')[0]}/taskInstances"
    said = []
    for instance in page.request.get(tasks).json()["task_instances"]:
        said.append(f"{instance['task_id']}: {instance['state']}")
        if instance["state"] == "failed":
            log = page.request.get(f"{tasks}/{instance['task_id']}/logs/{instance['try_number']}", headers={"Accept": "application/json"})
            said.append(log.text()[-3_000:])
    return "\n".join(said)
