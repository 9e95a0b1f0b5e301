"""Cells become values as the rules say: literal tables, and a small oracle in Python for what can be computed twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from crm2odoo.intake import clean
from crm2odoo.intake.clean import make_functions
from crm2odoo.staging import Workspace
from crm2odoo.staging.render import render

F = {"day_first": False, "decimal_mark": ".", "timezone": "America/New_York", "composing": True, "tab": True, "return": True}


@pytest.fixture(scope="module")
def ws(new_workspace: Callable[..., Workspace]) -> Workspace:
    """A workspace whose cleaning functions exist."""
    workspace = new_workspace(timezone="America/New_York")
    with workspace.connect() as connection:
        connection.execute(workspace.sql("insert into {log}.export (export_id, sha256, location, files, bytes, status) values ('e', 'e', '-', 0, 0, 'landed')"))
    clean(workspace, "e")
    return workspace


@pytest.fixture(scope="module")
def evaluate(ws: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Any]]:
    """``evaluate(type, cells, key=…, **formats)``: the values (or, with ``key``, the companions) of cells of a column type, in one query."""
    folder = tmp_path_factory.mktemp("macro")
    (folder / "macros").symlink_to(ws.bundle.root_of("sql") / "macros")
    (folder / "one.sql.j2").write_text("{% from 'macros/clean_values.sql.j2' import value, companion %}{{ companion(c, 'x', f, clean) if key else value(c, 'x', f, clean) }}")

    def run(kind: str, cells: list[str], key: bool = False, separators: str = ",", **formats: Any) -> list[Any]:
        settings = {**F, **formats}
        expression = render(folder, "one.sql.j2", {**ws.schemas, "f": settings, "key": key, "c": {"name": "x", "type": kind, "separators": separators}})
        with ws.connect() as connection:
            make_functions(ws, connection, settings["day_first"])
            connection.execute(f"set local datestyle = 'ISO, {'DMY' if settings['day_first'] else 'MDY'}'".encode())
            connection.execute("select set_config('timezone', %s, true)", (settings["timezone"],))
            rows = connection.execute(f"select {expression} as v from unnest(%s::text[]) with ordinality as u(x, n) order by n".replace("%", "%%").replace("%%s", "%s").encode(), (cells,)).fetchall()
        return [r["v"] for r in rows]

    return run


DATES = [
    ("2024-02-29", "2024-02-29"), ("2023-02-29", None), ("2024-13-01", None), ("2024-04-31", None), ("2024-1-5", "2024-01-05"), ("2024/01/05", "2024-01-05"),
    ("01/05/2024", "2024-01-05"), ("1/5/24", "2024-01-05"), ("1/5/69", "2069-01-05"), ("1/5/70", "1970-01-05"), ("13/02/2024", "2024-02-13"), ("31/31/2024", None), ("02/30/2024", None),
    ("15 Apr, 2021 00:02:00", "2021-04-15"), ("Apr 15, 2021", "2021-04-15"), ("15 April 2021", "2021-04-15"), ("Thu, 15 Apr 2021", "2021-04-15"), ("15-Apr-21", "2021-04-15"),
    ("20240105", "2024-01-05"), ("20241305", None), ("45296", "2024-01-05"), ("19999", None), ("60001", None), ("1704445200000", "2024-01-05"), ("0000-00-00", None),
    ("tomorrow", None), ("5", None), ("2024-01-05T10:00:00Z", "2024-01-05"), ("15.04.2021", "2021-04-15"), ("Apr 31, 2021", None), ("15 Foo 2021", None), ("2024-01-05 25:00", None),
]


def test_dates(evaluate: Callable[..., list[Any]]) -> None:
    found = evaluate("date", [cell for cell, _ in DATES])
    assert [(c, str(v) if v else None) for (c, _), v in zip(DATES, found, strict=True)] == DATES


TIMES = [
    ("2024-01-05 10:00", "2024-01-05 15:00:00"), ("2024-07-05 10:00:30", "2024-07-05 14:00:30"), ("2024-01-05T10:00:00Z", "2024-01-05 10:00:00"),
    ("2024-01-05T10:00:00+05:30", "2024-01-05 04:30:00"), ("2024-01-05 10:00:00.250-0200", "2024-01-05 12:00:00.250000"), ("01/05/2024 3:20 PM", "2024-01-05 20:20:00"),
    ("1/5/2024 12:00 AM", "2024-01-05 05:00:00"), ("1/5/2024 12:30:15 pm", "2024-01-05 17:30:15"), ("1/5/2024 13:00 PM", None), ("1/5/2024 24:00", None),
    ("15 Apr, 2021 00:02:00", "2021-04-15 04:02:00"), ("29 Apr, 2021 23:02", "2021-04-30 03:02:00"), ("45296.5", "2024-01-05 17:00:00"), ("1704445200123", "2024-01-05 09:00:00.123000"),
    ("2024-01-05", "2024-01-05 05:00:00"), ("20240105T101500Z", "2024-01-05 10:15:00"), ("2024-01-05 10:61", None), ("1/5/2024 at 3pm", "2024-01-05 20:00:00"), ("yesterday 10:00", None),
]


@pytest.mark.promise("R14")
def test_times_are_utc_from_the_account_zone(evaluate: Callable[..., list[Any]]) -> None:
    found = evaluate("datetime", [cell for cell, _ in TIMES])
    assert [(c, str(v) if v else None) for (c, _), v in zip(TIMES, found, strict=True)] == TIMES


@pytest.mark.promise("R14")
@pytest.mark.parametrize("day_first", [False, True])
def test_dates_against_pythons_calendar(evaluate: Callable[..., list[Any]], day_first: bool) -> None:
    pick = random.Random(7)
    cells, expected = [], []
    for _ in range(3000):
        moment = datetime(1995, 1, 1) + timedelta(seconds=pick.randrange(10**9))
        order = "%d/%m/%Y" if day_first else "%m/%d/%Y"
        pattern = pick.choice([
            "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", order, f"{order} %I:%M %p", f"{order} %H:%M:%S", f"{order} %I:%M:%S %p", "%d %b, %Y %H:%M:%S",
            "%b %d, %Y", "%Y%m%d", "%d %B %Y %H:%M", "%d-%b-%Y",
        ])
        cells.append(moment.strftime(pattern).replace("/0", "/") if pick.random() < 0.3 and "/" in pattern else moment.strftime(pattern))
        expected.append(datetime.strptime(moment.strftime(pattern), pattern))
    assert evaluate("datetime", cells, timezone="UTC", day_first=day_first) == expected


NUMBERS = [
    ("1200", "1200"), ("1,200.50", "1200.50"), ("$1,200.50", "1200.50"), ("USD 1,200", "1200"), ("1200 EUR", "1200"), ("1.200,50 €", "1200.50"), ("1 200,50", "1200.50"), ("₹2,00,000.00", "200000.00"),
    ("12,34,567", "1234567"), ("1,234", "1234"), ("1.234", "1.234"), ("1,5", "1.5"), ("1.234.567", "1234567"), ("5K", "5000"), ("1.2M", "1200000"), ("$5k", "5000"), ("(12.50)", "-12.50"), ("-$5", "-5"),
    ("$-5", "-5"), ("−5", "-5"), ("₹1,000 - Invoiced", "1000"), ("TBD", None), ("≈ 5k", None), ("NaN", None), ("inf", None), ("1,2,3.4.5", None), ("", None), ("12 34", None), ("1'234.50", "1234.50"),
    ("6235.00 CAD", "6235.00"), ("50%", "50"), ("1e3", "1000"), (".5", "0.5"), ("5.", "5"), ("--5", None), ("$", None), ("1,20", "1.20"), ("Rs. 500", "500"), ("0x10", None), ("٣", None),
]


def test_money(evaluate: Callable[..., list[Any]]) -> None:
    found = evaluate("money", [cell for cell, _ in NUMBERS])
    assert {c: v for (c, _), v in zip(NUMBERS, found, strict=True)} == {c: None if v is None else Decimal(v) for c, v in NUMBERS}
    assert evaluate("money", ["1.234", "1,234", "1.234,5", "€ 1.200,00"], decimal_mark=",") == [Decimal(1234), Decimal("1.234"), Decimal("1234.5"), Decimal(1200)]


def test_money_against_a_second_reading(evaluate: Callable[..., list[Any]]) -> None:
    pick = random.Random(3)
    cells, expected = [], []
    for _ in range(2000):
        amount = Decimal(pick.randrange(-(10**9), 10**9)).scaleb(-2)
        shape = pick.choice(["{:,.2f}", "{:.2f}", "${:,.2f}", "{:,.2f} EUR", "₹{:,.2f}"])
        cells.append(shape.format(amount))
        expected.append(amount)
    assert evaluate("money", cells) == expected
    swapped = [c.translate(str.maketrans(",.", ".,")) for c in cells]
    assert evaluate("money", swapped, decimal_mark=",") == expected


def test_currencies(evaluate: Callable[..., list[Any]]) -> None:
    cells = ["12.50", "$12", "12 EUR", "€ 5", "CA$ 5", "5k", "-5", "(5)", "6235.00 CAD", "-€5", "-5 €"]
    assert evaluate("money", cells, key=True) == [None, "$", "EUR", "€", "CA$", None, None, None, "CAD", "€", "€"]


EMAILS = [
    ("anna@x.com", "anna@x.com"), ("ANNA@X.com", "anna@x.com"), ('"X, Y" <a.b@x.co.uk>', "a.b@x.co.uk"), ("mailto:a@b.de", "a@b.de"), ("a@b.de; c@d.de", "a@b.de"), ("a@b.de,c@d.de", "a@b.de"),
    ("not an address", None), ("a@b", None), ("a@@b.de", None), ("a@b@c.de", None), ("a+tag@gmail.com", "a+tag@gmail.com"), ("jürgen@müller.de", "jürgen@müller.de"), ("o'neil@x.com", "o'neil@x.com"),
    ("<a@b.de>", "a@b.de"), ("a@b.de.", "a@b.de"), ("@b.de", None), ("a@.de", None), (" a@b.de ", "a@b.de"),
]


def test_email_keys(evaluate: Callable[..., list[Any]]) -> None:
    found = evaluate("email", [c for c, _ in EMAILS], key=True)
    assert {c: v for (c, _), v in zip(EMAILS, found, strict=True)} == dict(EMAILS)


DOMAINS = [
    ("https://www.Acme.com/x?y", "acme.com"), ("acme.com", "acme.com"), ("http://acme.com:8080", "acme.com"), ("www.acme.co.uk/", "acme.co.uk"), ("acme", None), ("acme com", None),
    ("https://www.example5.com/", "example5.com"), ("https://shop.acme.com", "shop.acme.com"), ("https://user@acme.com/", "acme.com"), ("www.com", "www.com"), ("http://", None), ("ftp://acme.com", "acme.com"),
]


def test_domain_keys(evaluate: Callable[..., list[Any]]) -> None:
    found = evaluate("url", [c for c, _ in DOMAINS], key=True)
    assert {c: v for (c, _), v in zip(DOMAINS, found, strict=True)} == dict(DOMAINS)


def test_lists(evaluate: Callable[..., list[Any]]) -> None:
    cells = ["a", "a, b", 'vip, "big, deal"', " a ,, b ", '"say ""hi"""', "a;b", 'x "y" z, w', ",a,"]
    assert evaluate("list", cells) == [["a"], ["a", "b"], ["vip", "big, deal"], ["a", "b"], ['say "hi"'], ["a;b"], ['x "y" z', "w"], ["a"]]
    assert evaluate("list", ["a;b, c", "a|b"], separators=",;") == [["a", "b", "c"], ["a|b"]]
    assert evaluate("list", ["a|b c| d", "a,b"], separators="|") == [["a", "b c", "d"], ["a,b"]]


def test_names_compare_without_case_blanks_and_composition(evaluate: Callable[..., list[Any]]) -> None:
    cells = ["Acme  INC", "Café", "Cafe\u0301", "STRASSE", "Straße", "a\tb\nc"]
    assert evaluate("name", cells, key=True) == ["acme inc", "café", "café", "strasse", "strasse", "a b c"]


def test_mojibake_is_undone_only_when_the_whole_cell_is_clean(ws: Workspace) -> None:
    pick = random.Random(5)
    words = ["Müller", "café", "“quoted”", "it’s", "naïve", "10 €", "日本", "plain", "Ångström", "x – y"]
    texts = [" ".join(pick.choices(words, k=3)) for _ in range(200)]
    broken = [t.encode().decode("cp1252", "replace") for t in texts]
    whole = [(t, b) for t, b in zip(texts, broken, strict=True) if "\ufffd" not in b]
    assert len(whole) > 20
    cells = [b for _, b in whole] + texts + ["café â€™ mixed", "Ã", "â‚¬ é"]
    with ws.connect() as connection:
        found = [r["v"] for r in connection.execute(ws.sql("select {clean}.unmojibaked(x) as v from unnest(%s::text[]) with ordinality u(x, n) order by n"), (cells,))]
    assert found == [t for t, _ in whole] + texts + ["café â€™ mixed", "Ã", "â‚¬ é"]


def test_html_becomes_text_once(ws: Workspace) -> None:
    cases = {"a &amp; b": "a & b", "&amp;lt;": "&lt;", "caf&eacute; &#8211; &#x2019;": "café – ’", "<b>x</b><br>y": "x\ny", "3 < 4 > 2": "3 < 4 > 2", "&nosuch; &#0;": "&nosuch; &#0;", "A&B;": "A&B;", "x&nbsp;y": "x y"}
    with ws.connect() as connection:
        found = {c: connection.execute(ws.sql("select {clean}.decoded(%s) as v"), (c,)).fetchone()["v"] for c in cases}  # type: ignore[index]
    assert found == cases


def test_utc_is_the_zone_of_the_oracle() -> None:
    assert datetime(2024, 1, 5, 9, tzinfo=timezone.utc).timestamp() * 1000 == 1704445200000
