"""A person in front of Airflow: runbook, form, sign-offs, connection form, a failed task; and the console in it, in light and dark, by mouse and keys.

Real runs take half a minute and more. They are started first, and go on while the tests look at pages that do not need them; the tests that do
come last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from playwright.sync_api import FrameLocator, Page, expect
from waiting import wait_for

if TYPE_CHECKING:
    from crm2odoo.sandbox import Base
    from odoo_server import OdooDatabase

pytestmark = pytest.mark.xdist_group("browser")

PROJECT = "demo_smartdesk"
TITLE = "Demo · SmartDesk"
EVIL = "<script>document.title='owned';parent.document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module", autouse=True)
def runs(page: Page, airflow_url: str) -> dict[str, str]:
    """Address in Airflow of a run that goes well, and of one that fails because its export is not there."""
    started = {}
    for name, dag_id, conf in (("good", f"{PROJECT}.discover", {}), ("bad", "demo_leadforce.discover", {"export": "samples/not_there"})):
        answer = page.request.post(f"{airflow_url}/api/v2/dags/{dag_id}/dagRuns", data={"logical_date": None, "conf": conf})
        assert answer.ok, answer.text()
        started[name] = f"{airflow_url}/dags/{dag_id}/runs/{answer.json()['dag_run_id']}"
    return started


def api_of(run: str) -> str:
    """The address of a run in Airflow's API."""
    return run.replace("/dags/", "/api/v2/dags/").replace("/runs/", "/dagRuns/")


@pytest.fixture
def quiet(page: Page) -> Iterator[list[str]]:
    """What the browser complained about: above all, whatever a page's policy kept from running."""
    said: list[str] = []

    def hear(message: Any) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            said.append(message.text)

    page.on("console", hear)
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    yield said
    page.remove_listener("console", hear)
    assert said == []


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


def open_console(page: Page, airflow_url: str) -> FrameLocator:
    page.goto(airflow_url)
    page.get_by_role("link", name="Migrations").click()
    expect(frame(page).get_by_role("heading", name="Migrations", level=1)).to_be_visible()
    return frame(page)


def test_the_page_of_a_dag_has_its_runbook(page: Page, airflow_url: str, shot: Callable[[str], object]) -> None:
    page.goto(f"{airflow_url}/dags/demo_flash.sample")
    expect(page.get_by_role("heading", name="Demo · Flash Lead Sales: 2 sample run")).to_be_visible()
    page.get_by_role("button", name=re.compile("dag docs", re.IGNORECASE)).click()
    expect(page.get_by_role("heading", name="Is it safe to clear a task?")).to_be_attached()
    expect(page.get_by_text("demo_flash.discover").first).to_be_visible()
    shot("runbook")
    page.keyboard.press("Escape")


def test_a_run_is_started_by_its_form(page: Page, airflow_url: str, shot: Callable[[str], object], runs: dict[str, str]) -> None:
    page.goto(f"{airflow_url}/dags/demo_flash.discover")
    page.get_by_role("button", name="Trigger").first.click()
    expect(page.locator("input[name='element_export']")).to_have_value("samples/flash_lead_sales/export")
    shot("form")
    page.get_by_role("dialog").get_by_role("button", name="Trigger").click()
    page.wait_for_url(re.compile("/runs/"), timeout=30_000)
    runs["form"] = page.url.split("?")[0].rstrip("/")


def test_the_console_is_light_or_dark_as_airflow_is(page: Page, airflow_url: str, shot: Callable[[str], object], quiet: list[str]) -> None:
    console = open_console(page, airflow_url)
    for theme, brightness in (("dark", range(90)), ("light", range(230, 256))):
        page.evaluate("theme => { localStorage.theme = theme }", theme)
        page.reload()
        expect(console.get_by_role("link", name=TITLE)).to_be_visible()
        colour = console.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        assert int(re.findall(r"\d+", colour)[0]) in brightness, (theme, colour)
        shot(f"console_{theme}")


def test_without_a_login_the_console_asks_for_one(page: Page, airflow_url: str) -> None:
    stranger = page.context.browser.new_page()  # type: ignore[union-attr]
    stranger.goto(f"{airflow_url}/crm2odoo/p/{PROJECT}")
    expect(stranger.locator("input[name=password]")).to_be_visible()
    stranger.close()


def test_the_connection_to_odoo_has_its_form_its_test_and_a_masked_key(
    page: Page, airflow_url: str, shot: Callable[[str], object], odoo: OdooDatabase
) -> None:
    name = "odoo_of_the_form"
    page.request.delete(f"{airflow_url}/api/v2/connections/{name}")
    page.goto(f"{airflow_url}/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill(name)
    form.get_by_role("combobox").first.click()
    page.keyboard.type("odoo")
    page.keyboard.press("Enter")
    expect(form.get_by_text("API key")).to_be_visible()
    for label in ("URL", "Login", "Database"):
        expect(form.get_by_text(label, exact=True)).to_be_visible()
    expect(form.locator("input[name=password]")).to_have_attribute("type", "password")
    for field, value in (("host", odoo.url), ("login", odoo.login), ("password", odoo.api_key), ("schema", odoo.database), ("port", "443")):
        form.locator(f"[name={field}]").fill(value)
    shot("connection")
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    row = page.get_by_role("row").filter(has_text=name)
    with page.expect_response(re.compile("connections/test")) as answer:
        row.get_by_role("button", name=re.compile("test connection", re.IGNORECASE)).click()
    said = answer.value.json()
    assert (said["status"], said["message"]) == (True, f"Odoo 19.0 answered; logged in as user {said['message'].rsplit(' ', 1)[1]}")
    shown = page.request.get(f"{airflow_url}/api/v2/connections/{name}").text()
    assert odoo.api_key not in shown
    wrong = page.request.post(
        f"{airflow_url}/api/v2/connections/test",
        data={"connection_id": "other", "conn_type": "odoo", "host": odoo.url, "login": odoo.login, "password": "wrong", "schema": odoo.database},
    ).json()
    assert wrong["status"] is False
    assert odoo.url in wrong["message"]
    assert "wrong" not in wrong["message"].replace("is wrong", "").replace("are wrong", "")


def test_a_failed_task_says_what_to_do_and_its_link_leads_to_its_run(
    page: Page, runs: dict[str, str], shot: Callable[[str], object], quiet: list[str]
) -> None:
    run = runs["bad"]
    for _ in range(240):
        if page.request.get(api_of(run)).json()["state"] == "failed":
            break
        page.wait_for_timeout(1_000)
    instances = page.request.get(f"{api_of(run)}/taskInstances").json()["task_instances"]
    [failed] = [i["task_id"] for i in instances if i["state"] == "failed"]
    page.goto(f"{run}/tasks/{failed}")
    expect(page.get_by_text("Remove the cause, then clear this task").first).to_be_visible()
    expect(page.get_by_text("samples/not_there").first).to_be_visible()
    shot("failed_task")
    link = page.locator("a[href*='/crm2odoo/run/']").last
    with page.context.expect_page() as opened:
        link.click()
    console = opened.value
    expect(console.get_by_role("heading", name="Discover run")).to_be_visible()
    expect(console.locator(".head .chip")).to_have_text("Failed")
    expect(console.locator(".alarm").first).to_contain_text(failed)
    console.close()


def test_a_link_to_airflow_leads_out_of_the_frame(page: Page, airflow_url: str, quiet: list[str]) -> None:
    console = open_console(page, airflow_url)
    console.get_by_role("link", name=TITLE).click()
    console.get_by_role("link", name="in Airflow").first.click()
    page.wait_for_url(re.compile(rf"/dags/{PROJECT}\.discover/runs/"))
    expect(page.get_by_role("heading", name=re.compile("Demo · SmartDesk|manual__")).first).to_be_visible()


def test_the_console_is_used_by_keyboard_alone(page: Page, airflow_url: str) -> None:
    page.goto(f"{airflow_url}/crm2odoo/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == TITLE:
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    page.goto(f"{airflow_url}/crm2odoo/p/{PROJECT}/decisions")
    for name in ("Pause the load", "Let the load go on"):
        button = page.get_by_role("button", name=name)
        button.focus()
        assert button.evaluate("b => getComputedStyle(b).outlineStyle") != "none"
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_be_visible()
    # Every field has a name that is read out.
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]),select,textarea')].filter(f => !f.labels.length && !f.ariaLabel).length"
    )
    assert unnamed == 0


def test_a_run_is_followed_and_signed_in_the_tabs_of_airflow(
    page: Page, runs: dict[str, str], shot: Callable[[str], object], quiet: list[str], odoo_base: Base
) -> None:
    run, api = runs["good"], api_of(runs["good"])
    page.goto(run)
    page.get_by_role("link", name="Migration", exact=True).click(timeout=60_000)
    page.wait_for_url(re.compile("/plugin/crm2odoo_dag_run"))
    console = frame(page)
    expect(console.get_by_role("heading", name="Discover run")).to_be_visible(timeout=30_000)
    wait_for(page, f"{api}/taskInstances/sign_off", "awaiting_input")
    # The page asks by itself again until the sign-off is there.
    console.get_by_role("link", name="Read and answer").click(timeout=20_000)
    expect(console.get_by_role("document", name="What is signed")).to_contain_text("Rows by object")
    expect(console.get_by_text("in the name of admin")).to_be_visible()
    with psycopg.connect(odoo_base.staging_dsn) as connection:
        connection.execute(
            f"insert into {PROJECT}_log.finding (export_id, step, severity, code, title) select export_id, 'test', 'warning', 'evil', %s from {PROJECT}_log.export",
            (EVIL,),
        )
    shot("console_sign_off")
    console.get_by_label("Comment, kept with the verdict").fill("as agreed")
    console.get_by_role("button", name="Approve").click()
    expect(console.get_by_role("status")).to_contain_text("You approved")
    wait_for(page, f"{api}/taskInstances/sign_off", "success")
    console.get_by_role("link", name="Approvals").click()
    expect(console.get_by_role("row").filter(has_text="as agreed").first).to_contain_text("admin")
    console.get_by_role("link", name="Overview").click()
    expect(console.get_by_text("<script>document.title='owned'").first).to_be_visible()
    assert "owned" not in page.title()
    shot("console_overview")


def test_a_run_is_signed_in_airflow_and_the_console_shows_it_by_itself(
    page: Page, airflow_url: str, runs: dict[str, str], shot: Callable[[str], object], quiet: list[str]
) -> None:
    run = runs["form"]
    wait_for(page, f"{api_of(run)}/taskInstances/sign_off", "awaiting_input")
    console = page.context.new_page()
    console.goto(f"{run.replace('/dags/', '/crm2odoo/run/').replace('/runs/', '/')}")
    expect(console.get_by_role("link", name="Read and answer")).to_be_visible()
    page.goto(f"{run}/tasks/sign_off/required_actions")
    expect(page.get_by_text("Rows by object")).to_be_visible()
    expect(page.get_by_role("cell", name="contacts.csv")).to_be_visible()
    shot("sign_off")
    page.wait_for_timeout(6_000)  # an answer right after the task parked is lost (apache/airflow#66374)
    page.get_by_role("button", name="Approve").click()
    console.bring_to_front()
    for r in (run, runs["good"]):
        wait_for(page, api_of(r), "success")
    expect(console.locator(".head .chip")).to_have_text("Done")
    expect(console.get_by_role("link", name="Read and answer")).to_be_hidden()
    console.close()
    page.goto(run)
    shot("signed")
