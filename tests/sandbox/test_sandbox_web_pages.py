"""Odoo's pages open: the package's links to fonts and scripts hold, and every bundle is built without an error."""

from __future__ import annotations

import re

import httpx
import pytest

from odoo_server import OdooDatabase, log_path


@pytest.fixture(scope="module")
def browser(odoo: OdooDatabase) -> httpx.Client:
    client = httpx.Client(base_url=odoo.url, timeout=120, follow_redirects=True)
    call = {"db": odoo.database, "login": odoo.login, "password": odoo.password}
    answer = client.post("/web/session/authenticate", json={"jsonrpc": "2.0", "method": "call", "params": call}).json()
    assert answer["result"]["uid"] == 2
    return client


def bundles(page: str) -> list[str]:
    return sorted(set(re.findall(r'(?:href|src|data-src)="(/web/assets/[^"]+)"', page)))


def check(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    found = bundles(answer.text)
    assert any(name.endswith(".css") for name in found), path
    assert any(name.endswith(".js") for name in found), path
    for name in found:
        bundle = client.get(name)
        assert bundle.status_code == 200, name
        assert len(bundle.content) > 1000, name
        assert "css error" not in bundle.text.lower().replace("css_error", ""), name
        assert "Could not find" not in bundle.text[-3000:], name


def test_the_login_page_and_the_back_end_have_their_bundles(odoo: OdooDatabase, browser: httpx.Client) -> None:
    check(browser, "/odoo")
    with httpx.Client(base_url=odoo.url, timeout=120, headers={"X-Odoo-Database": odoo.database}) as stranger:
        check(stranger, "/web/login")
    log = log_path().read_text()
    trouble = [line for line in log.splitlines() if " ERROR " in line and odoo.database in line]
    assert trouble == []


@pytest.mark.parametrize(
    "path",
    [
        "/web/static/src/libs/fontawesome/fonts/fontawesome-webfont.woff2",
        "/web/static/fonts/google/Roboto/Roboto-Regular.ttf",
        "/web/static/lib/jquery/jquery.js",
    ],
)
def test_files_that_come_from_other_packages_are_served(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert len(answer.content) > 10_000
