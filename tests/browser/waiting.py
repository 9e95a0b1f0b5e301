"""Waits for a run of a real Airflow, and says why it failed."""

from __future__ import annotations

from playwright.sync_api import Page


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
