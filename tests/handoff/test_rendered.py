"""The pages as a browser shows them: on a laptop, a phone, in the dark, by keyboard. Needs Chromium; without one these tests are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.paper_html import as_html
from crm2odoo.handoff.papers.mapping import mapping_paper
from crm2odoo.handoff.papers.spot_check import spot_check_paper
from crm2odoo.handoff.report import render
from crm2odoo.handoff.view import view_of
from crm2odoo.handoff.wording import Style
from crm2odoo.ledger.dispositions import DISPOSITIONS, ObjectDispositions
from crm2odoo.project import Bundle, load_bundle

PROGRAM = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")

ROOT = Path(__file__).resolve().parents[2]
LONG = "a-name-without-any-blank-" * 12


def facts_of(bundle: Bundle) -> Facts:
    """Figures of a size, and words of a length, that try the layout."""
    now = datetime(2026, 11, 21, 22, tzinfo=timezone.utc)
    objects = [
        ObjectDispositions(
            name, obj.title, 1_234_567, dict.fromkeys(DISPOSITIONS, 0) | {"loaded": 1_234_000, "rejected": 567}, [("rejected", LONG, 567)]
        )
        for name, obj in bundle.source.objects.items()
    ]
    cells = [
        {
            "entity": e,
            "field": f,
            "compared": 900_000,
            "equal": 899_000,
            "transformed": 500,
            "different": 500 if n == 3 else 0,
            "not_comparable": 0 if n == 3 else 500,
        }
        for e in bundle.load_order
        for n, f in enumerate(bundle.entities[e].fields)
    ]
    wrong = {"entity": "lead", "field": "name", "kind": "truncated"}
    answers = {
        "cells": cells,
        "deliveries": [
            {"plan_id": n, "received_at": now, "creates": 1_234_567 // 10**n, "updates": 40_000 // n, "unchanged": 5, "vanished": 2, "conflicts": 1}
            for n in (1, 2, 3)
        ],
        "throughput": [{"slot": n, "seconds": 600.0, "records": 1000 + 40 * n, "entity": "lead"} for n in range(0, 60, 2)],
        "batches": [{"entity": "lead", "step": "create", "batches": 9, "records": 900, "ms": 9000, "calls": 9, "started": now, "ended": now, "troubled": 0}],
        "difference_groups": [{**wrong, "cells": 500, "records": 500}],
        "spot_check": [
            {"entity": "lead", "xid": f"lead_{LONG}", "name": "A name of some eighty letters, as people write them into the titles of deals " * n, "res_id": 7,
             "place": f"{LONG}.csv:62", "risky": True, "field": field, "expected": LONG, "found": LONG, "kind": None}
            for n in (1, 2) for field in ("name", "website")
        ],
        "differences": [{**wrong, "xid": f"lead_{LONG}", "res_id": 7, "expected": LONG, "found": LONG[:40]}],
        "checks": [
            {
                "phase": "lead",
                "name": "in_odoo",
                "expected": 1_234_000,
                "found": 1_234_000,
                "passed": True,
                "details": {"title": "Records found in Odoo"},
                "at": now,
            },
            {
                "phase": "lead",
                "name": "gone",
                "expected": 0,
                "found": 2,
                "passed": False,
                "details": {"title": "Gone", "advice": "Look.", "cases": [{"xid": LONG, "source": "leads.csv:2", "odoo": ""}]},
                "at": now,
            },
        ],
        "files": [
            {
                "file_no": 1,
                "name": f"{LONG}.csv",
                "object": "lead",
                "status": "recognised",
                "records": 1_234_567,
                "bytes": 10**9,
                "sha256": "a" * 64,
                "header": [],
                "non_records": [],
            }
        ],
    }
    run = {
        "run_id": "r",
        "kind": "sample",
        "state": "success",
        "code": "0.1.0",
        "started_at": now,
        "ended_at": now,
        "export_id": "e",
        "target_id": "t",
    }
    target = {
        "target_id": "t",
        "url": "http://odoo.example",
        "database": "acme",
        "kind": "sandbox",
        "version": "19.0",
        "edition": "community",
        "hosting": "self_hosted",
    }
    return Facts("r", run, None, target, None, objects, answers, dict.fromkeys(answers, "select 1"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    bundle, folder = load_bundle(ROOT, "demo_flash"), tmp_path_factory.mktemp("pages")
    facts = facts_of(bundle)
    (folder / "report.html").write_text(render(bundle, view_of(bundle, facts)))
    (folder / "mapping.html").write_text(as_html(mapping_paper(bundle, facts, Style()), "Demo", "footer", Style()))
    (folder / "spot_check.html").write_text(as_html(spot_check_paper(bundle, facts, Style()), "Demo", "footer", Style()))
    return {name: folder / f"{name}.html" for name in ("report", "mapping", "spot_check")}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def show(page: Page, path: Path, width: int = 1366, dark: bool = False) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.goto(path.as_uri())


@pytest.mark.parametrize("name", ["report", "mapping", "spot_check"])
@pytest.mark.parametrize("width", [1366, 1024, 390])
def test_nothing_has_to_be_scrolled_sideways(page: Page, pages: dict[str, Path], name: str, width: int) -> None:
    show(page, pages[name], width)
    wide = page.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.hidden,.skip'))"
        ".slice(0, 3).map(e => e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 40)).join(' | ')"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width, wide


def test_charts_are_drawn_and_said(page: Page, pages: dict[str, Path]) -> None:
    show(page, pages["report"])
    assert page.locator("#deliveries tbody tr").all_inner_texts()[2].split("\t")[-1].startswith("1,234 new, 13,333 changed, 2 gone")
    widths = page.evaluate("[...document.querySelectorAll('#deliveries rect')].map(r => r.getBoundingClientRect().width)")
    assert widths[0] > 100 * widths[4] > 0, "what a delivery has to write shrinks, and one record can still be seen"
    assert page.locator("#times svg rect").count() == 30
    assert "64,800 records in 10 min 00 s: 108 per second, 332 at best." in page.locator("#times").inner_text()


@pytest.mark.promise("P215")
@pytest.mark.parametrize("name", ["report", "mapping"])
def test_the_browser_refuses_nothing_and_asks_for_nothing(page: Page, pages: dict[str, Path], name: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    show(page, pages[name])
    assert asked == [pages[name].as_uri()]
    assert said == []
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontFamily != getComputedStyle(document.body).fontFamily"), (
        "the style counts"
    )


CONTRAST = """(() => {
  const part = x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4;
  const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => part(x / 255)); return .2126 * v[0] + .7152 * v[1] + .0722 * v[2] };
  const under = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c != 'rgba(0, 0, 0, 0)') return c } return 'rgb(255,255,255)' };
  const shown = e => e.textContent.trim() && e.offsetParent && !e.closest('.zero,.unknown');
  return Math.min(...[...document.querySelectorAll('h1,h2,p,td,th,dd,dt,a,summary,.tiles b,.tiles span,.tag,.mark')].filter(shown).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(under(e))].sort((x, y) => y - x);
    return (a + .05) / (b + .05) }));
})()"""


def test_there_is_a_dark_page_and_both_are_readable(page: Page, pages: dict[str, Path]) -> None:
    """4.5 is what WCAG asks of text."""
    seen = {}
    for dark in (False, True):
        show(page, pages["report"], dark=dark)
        seen[dark] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert page.evaluate(CONTRAST) >= 4.5, "dark" if dark else "light"
    assert seen[False] != seen[True]


def test_it_can_be_used_by_keyboard(page: Page, pages: dict[str, Path]) -> None:
    show(page, pages["report"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    closed = page.locator("details:not([open]) > summary").first
    closed.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open")
