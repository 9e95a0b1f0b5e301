"""Properties of every parser of cells: the quick test of the SQL agrees with the careful function, and what was written is what is read.

An example is a column of cells, because a query costs more than a cell.
"""

from __future__ import annotations

import csv
import html
import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm2odoo.intake.clean import make_functions
from crm2odoo.staging import Workspace
from crm2odoo.staging.render import render

Ask = Callable[..., list[Any]]
ZONE = "America/New_York"
ONE_COLUMN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEMPLATE = (
    "{% from 'macros/clean_values.sql.j2' import value, companion %}"
    "select {{ companion(c, 'x', f, clean) if key else value(c, 'x', f, clean) }} as quick, {{ careful }} as careful "
    "from unnest(%s::text[]) with ordinality as u(x, n) order by n"
)
# What each kind of column is read by when no quick test settles it.
CAREFUL = {
    "date": "{clean}.as_date(x, {day_first})",
    "datetime": "{clean}.as_timestamp(x, {day_first}, '" + ZONE + "')",
    "money": "{clean}.as_number(x, '{mark}')",
    "currency": "{clean}.currency_of(x)",
    "percent": "{clean}.as_number(x, '{mark}')",
    "name": "{clean}.name_key(x)",
    "email": "{clean}.email_key(x)",
    "url": "{clean}.domain_key(x)",
    "list": "{clean}.list_of(x, '{separators}')",
}


@pytest.fixture(scope="module")
def ask(new_workspace: Callable[..., Workspace], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """``ask(kind, cells, mark=".", day_first=False, separators=",")``: for each cell what the quick and the careful reading give."""
    ws = new_workspace(timezone=ZONE)
    folder = tmp_path_factory.mktemp("macro")
    (folder / "macros").symlink_to(ws.bundle.root_of("sql") / "macros")
    (folder / "both.sql.j2").write_text(TEMPLATE)
    with ws.connect() as connection:
        made_for: list[bool] = []

        def run(kind: str, cells: list[str], mark: str = ".", day_first: bool = False, separators: str = ",") -> list[Any]:
            if made_for != [day_first]:
                make_functions(ws, connection, day_first)
                connection.execute(f"set datestyle = 'ISO, {'DMY' if day_first else 'MDY'}'; set timezone = '{ZONE}'".encode())
                made_for[:] = [day_first]
            careful = CAREFUL[kind].format(clean=ws.schemas["clean"], day_first=day_first, mark=mark, separators=separators)
            formats = {"day_first": day_first, "decimal_mark": mark, "timezone": ZONE, "composing": True, "tab": True, "return": True}
            column = {"name": "x", "type": "money" if kind == "currency" else kind, "separators": separators}
            key = kind in ("name", "email", "url", "currency")
            query = render(folder, "both.sql.j2", {**ws.schemas, "f": formats, "c": column, "careful": careful, "key": key})
            rows = connection.execute(query.replace("%", "%%").replace("%%s::", "%s::").encode(), (cells,)).fetchall()
            assert [(c, r["quick"]) for c, r in zip(cells, rows, strict=True)] == [(c, r["careful"]) for c, r in zip(cells, rows, strict=True)]
            return [r["quick"] for r in rows]

        yield run


def nearly(usual: st.SearchStrategy[str], alphabet: str) -> st.SearchStrategy[list[str]]:
    """Columns of usual cells, of which many had a character put in, replaced or taken out. Cells come without blanks around them."""

    def change(cell: str, edits: list[tuple[int, int, str]]) -> str:
        for place, kind, character in edits:
            at = place % (len(cell) + 1)
            cell = cell[:at] + (character if kind else "") + cell[at + (kind != 1) :]
        return cell.strip()

    edits = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.sampled_from(alphabet)), max_size=2)
    return st.lists(st.builds(change, usual, edits).filter(bool), min_size=20, max_size=60)


# Python takes the year 69 for 1969; the rules, for 2069.
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2068, 12, 30)).map(lambda t: t.replace(microsecond=0))
PATTERNS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d %b, %Y %H:%M:%S", "%d %b, %Y", "%b %d, %Y", "%d-%b-%y", "%Y%m%d", "{}", "{} %H:%M", "{} %H:%M:%S",
    "{} %I:%M %p", "{} %I:%M:%S %p",
)  # fmt: skip


def written(moment: datetime, pattern: str, day_first: bool, short: bool) -> str:
    text = moment.strftime(pattern.format("%d/%m/%Y" if day_first else "%m/%d/%Y"))
    return text.replace("/0", "/").replace(" 0", " ").removeprefix("0") if short and "/" in text else text


def utc(local: datetime) -> datetime:
    """A time that the clock skips in spring counts by the offset before the change; one that it shows twice in autumn is winter's."""
    first, second = (local.replace(tzinfo=ZoneInfo(ZONE), fold=fold) for fold in (0, 1))
    twice = first.astimezone(ZoneInfo("UTC")) < second.astimezone(ZoneInfo("UTC"))
    return (second if twice else first).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


@pytest.mark.parametrize("day_first", [False, True])
@ONE_COLUMN
@given(data=st.data())
def test_dates_are_read_as_they_were_written(ask: Ask, day_first: bool, data: st.DataObject) -> None:
    column = data.draw(st.lists(st.tuples(MOMENTS, st.sampled_from(PATTERNS), st.booleans()), min_size=20, max_size=60))
    cells = [written(moment, pattern, day_first, short) for moment, pattern, short in column]
    seen = [datetime.strptime(moment.strftime(pattern.format("%Y-%m-%d")), pattern.format("%Y-%m-%d")) for moment, pattern, _ in column]
    assert ask("date", cells, day_first=day_first) == [t.date() for t in seen]
    assert ask("datetime", cells, day_first=day_first) == [utc(t) for t in seen]


@pytest.mark.parametrize("kind", ["date", "datetime"])
@pytest.mark.parametrize("day_first", [False, True])
@ONE_COLUMN
@given(data=st.data())
def test_quick_and_careful_reading_of_dates_agree(ask: Ask, kind: str, day_first: bool, data: st.DataObject) -> None:
    usual = st.builds(written, MOMENTS, st.sampled_from(PATTERNS), st.just(day_first), st.booleans())
    ask(kind, data.draw(nearly(usual, "0123456789/-:. ,TZ+APMapm")), day_first=day_first)


AMOUNTS = st.decimals(-(10**9), 10**9, places=2, allow_nan=False)


@pytest.mark.parametrize("mark", [".", ","])
@ONE_COLUMN
@given(column=st.lists(st.tuples(AMOUNTS, st.sampled_from(["{:,.2f}", "{:.2f}", "${:,.2f}", "{:,.2f} EUR", "₹{:,.2f}", "{:,.1f}", "({:,.2f})"])), min_size=20, max_size=60))
def test_amounts_are_read_as_they_were_written(ask: Ask, mark: str, column: list[tuple[Decimal, str]]) -> None:
    column = [(abs(a) if "(" in shape else a, shape) for a, shape in column]
    cells = [shape.format(amount) for amount, shape in column]
    expected = [Decimal(f"{amount:.1f}" if ".1f" in shape else f"{amount:.2f}") * (-1 if "(" in shape else 1) for amount, shape in column]
    if mark == ",":
        cells = [c.translate(str.maketrans(",.", ".,")) for c in cells]
    assert ask("money", cells, mark=mark) == expected


@pytest.mark.parametrize("mark", [".", ","])
@ONE_COLUMN
@given(data=st.data())
def test_quick_and_careful_reading_of_amounts_agree(ask: Ask, mark: str, data: st.DataObject) -> None:
    usual = st.builds(lambda amount, shape: shape.format(amount), AMOUNTS, st.sampled_from(["{:,.2f}", "{:.2f}", "{:.0f}", "${:,.2f}", "{:,.0f}", "€{:,.0f}", "{:,.1f}", "{:.0f}%"]))
    ask("money", data.draw(nearly(usual, "0123456789.,$€- KM%'e")), mark=mark)
    ask("percent", data.draw(nearly(st.integers(0, 120).map("{}%".format) | usual, "019.,% -")), mark=mark)


SIGNS = ["$", "€", "£", "₹", "US$", "CA$", "EUR", "USD", "INR", "kr"]


@ONE_COLUMN
@given(column=st.lists(st.tuples(AMOUNTS.map(abs), st.sampled_from(SIGNS), st.sampled_from(["{1}{0:,.2f}", "{1} {0:,.2f}", "{0:.2f} {1}", "{0:,.0f}{1}"])), min_size=20, max_size=60), data=st.data())
def test_currencies_are_read_as_they_were_written(ask: Ask, column: list[tuple[Decimal, str, str]], data: st.DataObject) -> None:
    assert ask("currency", [shape.format(amount, sign) for amount, sign, shape in column]) == [sign.upper() for _, sign, _ in column]
    assert ask("currency", [f"{amount:,.2f}" for amount, _, _ in column]) == [None] * len(column)
    cells = data.draw(nearly(st.builds(lambda a, s: f"{s}{a:,.2f}", AMOUNTS, st.sampled_from(SIGNS)), "0123456789.,$€£₹- AUSDEkr"))
    ask("currency", [c for c, amount in zip(cells, ask("money", cells), strict=True) if amount is not None])


NAMES = st.text(alphabet=st.sampled_from("abZ éÉßöÅ日 .-'&Ωά1ı"), min_size=1, max_size=12) | st.sampled_from(["Acme Inc", "Straße", "Café", "Cafe\u0301", "ÅSA"])


@ONE_COLUMN
@given(data=st.data())
def test_names_compare_without_case_blanks_and_composition(ask: Ask, data: st.DataObject) -> None:
    cells = [c for c in data.draw(nearly(NAMES, "aÉß \u0301ﬁ\t\n\r")) if c.strip(" \t\n\r\v\f")]
    keys = ask("name", cells)
    assert ask("name", [k for k in keys if k]) == [unicodedata.normalize("NFC", k) for k in keys if k], "a key is its own key"
    assert ask("name", [unicodedata.normalize("NFD", c) for c in cells]) == keys
    plain = [c for c in cells if c.isascii() and c.isprintable()]
    assert ask("name", [f"  {c.swapcase().replace(' ', '   ')} " for c in plain]) == [" ".join(c.lower().split(" ")).strip() if "  " not in c else " ".join(c.lower().split()) for c in plain]


LABEL = st.text(alphabet="abz019", min_size=1, max_size=6)
ADDRESSES = st.builds("{}{}@{}.{}".format, LABEL, st.sampled_from(["", ".jo", "_x", "+tag", "-y"]), LABEL, st.sampled_from(["com", "de", "co.uk"]))


@ONE_COLUMN
@given(data=st.data())
def test_email_keys(ask: Ask, data: st.DataObject) -> None:
    addresses = data.draw(st.lists(ADDRESSES, min_size=20, max_size=40))
    assert ask("email", addresses) == addresses
    for shape in ('"Roe, Jo" <{}>', "mailto:{}", "{}; other@example.com", "<{}>", "Jo {}"):
        assert ask("email", [shape.format(a.upper()) for a in addresses]) == addresses
    ask("email", data.draw(nearly(ADDRESSES, "aB1.@ ,;<>\"'-_+()")))


HOSTS = st.builds("{}.{}".format, LABEL, st.sampled_from(["com", "de", "co.uk", "a1.io"]))


@ONE_COLUMN
@given(data=st.data())
def test_domain_keys(ask: Ask, data: st.DataObject) -> None:
    hosts = data.draw(st.lists(HOSTS, min_size=20, max_size=40))
    for shape in ("{}", "https://{}", "http://www.{}/a?b=c#d", "HTTPS://WWW.{}:8443/", "//{}/x".replace("//", "ftp://")):
        assert ask("url", [shape.format(h) for h in hosts]) == hosts
    ask("url", data.draw(nearly(HOSTS.map("https://www.{}/x".format), "aW2./:-@ ?#")))


PARTS = st.lists(st.text(alphabet='ab,; "é|', min_size=1, max_size=5).map(str.strip).filter(bool), min_size=1, max_size=4)


@ONE_COLUMN
@given(data=st.data())
def test_lists_are_read_as_they_were_written(ask: Ask, data: st.DataObject) -> None:
    def cell(parts: list[str]) -> str:
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(parts)
        return out.getvalue()

    column = data.draw(st.lists(PARTS, min_size=20, max_size=40))
    assert ask("list", [cell(parts) for parts in column]) == column
    usual = st.sampled_from(["hot", "a, b", "a,b,c", '"x, y", z', "a b, c"])
    for separators in (",", "|", ",;"):
        ask("list", data.draw(nearly(usual.map(lambda c, s=separators: c.replace(",", s[-1])), 'a, "\n\t;|')), separators=separators)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["yes", "y", "true", "1", "no", "n", "false", "0"]) | st.text(alphabet="yestrunofalx10 ", max_size=5), st.booleans())
def test_a_word_that_says_neither_yes_nor_no_says_nothing(words: Callable[[str, str], Any], word: str, upper: bool) -> None:
    told = {**dict.fromkeys(["yes", "y", "true", "t", "1", "x", "on"], True), **dict.fromkeys(["no", "n", "false", "f", "0", "off"], False)}
    assert words("as_boolean", word.upper() if upper else word) == told.get(word), "blanks are gone before"


BLANK = ["", "-", "--", "n/a", "#N/A", "NULL", "(null)", "None", "Select", " select "]
PADDED = st.builds("{}{}{}".format, st.sampled_from(["", " ", "\t", "\u00a0", "\u200b\n"]), st.text(alphabet="0197.aé \u00ad", max_size=6), st.sampled_from(["", "  ", "\r\n", "\ufeff "]))


@ONE_COLUMN
@given(column=st.lists(st.sampled_from(BLANK) | st.from_regex(r"\A[0-9]{1,4}\.0{0,2}\Z") | PADDED, min_size=20, max_size=60))
def test_cells_are_freed_of_blanks_and_ids_of_their_fraction(cells_of: Callable[[list[str]], list[tuple[Any, ...]]], column: list[str]) -> None:
    odd = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f\u3000\u2028\u2029", " ") | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"))
    tidy = [cell.translate(odd).strip(" \t\r\n\v\f") or None for cell in column]
    tokens = {word.strip().lower() for word in BLANK}
    whole = [re.sub(r"^([0-9]+)\.0+$", r"\1", cell) if cell else None for cell in tidy]
    assert cells_of(column) == [(plain, None if plain and plain.lower() in tokens else plain, number) for plain, number in zip(tidy, whole, strict=True)]


@pytest.fixture(scope="module")
def cells_of(new_workspace: Callable[..., Workspace], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[list[str]], list[tuple[Any, ...]]]]:
    """For each cell what is left of it as a text, in a typed column, and as an id of The Customer Factor."""
    ws = new_workspace()
    folder = tmp_path_factory.mktemp("cells")
    (folder / "macros").symlink_to(ws.bundle.root_of("sql") / "macros")
    (folder / "cells.sql.j2").write_text("{% from 'macros/clean_cells.sql.j2' import cells %}select text, typed, id from ({{ cells([file], columns, land, clean) }}) as q order by _rec")
    plain = {"decode": False, "blank_tokens": False, "numeric_id": False, "parts": ()}
    names = ["text", "typed", "id"]
    columns = [{**plain, "name": "text"}, {**plain, "name": "typed", "blank_tokens": True}, {**plain, "name": "id", "numeric_id": True}]
    file = {"file_no": 1, "table": "cells", "columns": names, "flags": ["odd_blanks"], "padded": names}
    query = render(folder, "cells.sql.j2", {**ws.schemas, "file": file, "columns": columns})
    with ws.connect() as connection:
        make_functions(ws, connection)
        connection.execute(ws.sql("create table {land}.cells (rec bigint, line bigint, text text, typed text, id text)"))

        def run(cells: list[str]) -> list[tuple[Any, ...]]:
            connection.execute(ws.sql("truncate {land}.cells"))
            connection.execute(ws.sql("insert into {land}.cells select n, n, x, x, x from unnest(%s::text[]) with ordinality as u(x, n)"), (cells,))
            return [tuple(r.values()) for r in connection.execute(query.encode())]

        yield run


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("aé€’“ß日ÃÂ&<>;#x3m9lt "), max_size=20))
def test_entities_are_decoded_once_and_mojibake_only_when_whole(words: Callable[[str, str], str], text: str) -> None:
    assert words("decoded", html.escape(text)).strip() == words("unmojibaked", text).strip()
    broken = text.encode().decode("cp1252", "replace")
    if "\ufffd" not in broken:
        assert words("unmojibaked", broken) == text
    once = words("unmojibaked", text)
    assert once == text or text.encode("cp1252", "replace").decode("utf-8", "replace") == once


@pytest.fixture(scope="module")
def words(new_workspace: Callable[..., Workspace]) -> Iterator[Callable[[str, str], str]]:
    """``words("decoded", text)``: what a function of the cleaning makes of a text."""
    ws = new_workspace()
    with ws.connect() as connection:
        make_functions(ws, connection)
        yield lambda function, text: connection.execute(ws.sql("select {clean}.{f}(%s) as v", f=function), (text,)).fetchone()["v"]  # type: ignore[index]
