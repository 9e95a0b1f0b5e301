"""One contract for both transports, against a real Odoo, and against answers that networks make of its answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.errors import (
    AccessRefused,
    OdooUnreachable,
    RowRefused,
    SchemaMismatch,
    TooLarge,
    TransientError,
    UnclearAnswer,
    Unsupported,
    WrongCredentials,
    WrongDatabase,
)
from fault_proxy import fault_proxy
from odoo_server import OdooDatabase

pytestmark = [pytest.mark.odoo, pytest.mark.promise("R15")]


def credentials(odoo: OdooDatabase, **other: str) -> OdooCredentials:
    return OdooCredentials(**{"url": odoo.url, "database": odoo.database, "login": odoo.login, "secret": odoo.api_key, **other})


@pytest.fixture(scope="module", params=["json2", "jsonrpc"])
def client(request: pytest.FixtureRequest, odoo: OdooDatabase) -> Iterator[OdooClient]:
    with OdooClient.connect(credentials(odoo), request.param) as client:
        yield client


def test_records_are_created_searched_read_written_and_removed(client: OdooClient) -> None:
    ids = client.call("res.partner", "create", vals_list=[{"name": "Äda Löve\n🙂", "active": False}, {"name": "B"}])
    assert len(ids) == 2
    assert client.call("res.partner", "search", domain=[["id", "in", ids]]) == [ids[1]]
    assert client.call("res.partner", "search", domain=[["id", "in", ids]], order="id", context={"active_test": False}) == ids
    assert client.call("res.partner", "read", ids=ids, fields=["name", "parent_id"], load="")[0] == {
        "id": ids[0],
        "name": "Äda Löve\n🙂",
        "parent_id": False,
    }
    client.call("res.partner", "write", ids=ids, vals={"city": "Bern"})
    assert client.call("res.partner", "search_count", domain=[["id", "in", ids], ["city", "=", "Bern"]]) == 1
    client.call("res.partner", "unlink", ids=ids)
    assert client.call("res.partner", "search_read", domain=[["id", "in", ids]], fields=["id"], context={"active_test": False}) == []


def test_it_knows_whom_it_talks_to(client: OdooClient, odoo: OdooDatabase) -> None:
    assert (client.uid, client.url, client.database) == (2, odoo.url, odoo.database)
    assert client.version.startswith("19.0")
    assert client.version_info["version_info"][0] == 19


def test_xml_ids_are_looked_up_and_unknown_ones_left_out(client: OdooClient) -> None:
    found = client.xml_ids(["base.us", "mail.mt_note", "base.no_such_thing"])
    assert set(found) == {"base.us", "mail.mt_note"}
    assert client.call("res.country", "read", ids=[found["base.us"]], fields=["code"])[0]["code"] == "US"


@pytest.mark.parametrize(
    ("model", "method", "arguments", "expected", "says"),
    [
        ("res.partner", "create", {"vals_list": [{"name": False}]}, RowRefused, "Contacts require a name"),
        ("crm.stage", "create", {"vals_list": [{"name": False}]}, RowRefused, "name"),
        ("res.partner", "create", {"vals_list": [{"name": "x", "color": 2**70}]}, RowRefused, "out of range"),
        ("res.partner", "create", {"vals_list": [{"name": "x", "type": "company"}]}, RowRefused, "Wrong value for res.partner.type"),
        ("res.partner", "create", {"vals_list": [{"name": "x", "mobile_2": "1"}]}, SchemaMismatch, "no field 'mobile_2' on 'res.partner'"),
        ("res.partners", "search", {"domain": []}, Unsupported, "res.partners"),
        ("res.partner", "serch", {"domain": []}, Unsupported, "res.partner.serch"),
        ("res.partner", "_search", {"domain": []}, AccessRefused, "Private methods"),
    ],
)
def test_a_refusal_has_its_class_and_odoos_words(
    client: OdooClient, model: str, method: str, arguments: dict[str, Any], expected: type[Exception], says: str
) -> None:
    with pytest.raises(expected, match=says) as caught:
        client.call(model, method, **arguments)
    assert type(caught.value) is expected


def test_a_missing_right_is_an_access_refusal(odoo: OdooDatabase, client: OdooClient) -> None:
    login = f"clerk_{client.transport}"
    group = client.xml_ids(["base.group_user"])["base.group_user"]
    client.call("res.users", "create", vals_list=[{"name": "Clerk", "login": login, "password": f"pw-{login}", "group_ids": [[6, 0, [group]]]}])
    with OdooClient.connect(credentials(odoo, login=login, secret=f"pw-{login}")) as clerk, pytest.raises(AccessRefused, match="not allowed"):
        clerk.call("ir.cron", "create", vals_list=[{"name": "x"}])


class TestLogin:
    def test_a_key_gets_json2_and_a_password_json_rpc(self, odoo: OdooDatabase) -> None:
        with OdooClient.connect(credentials(odoo)) as client:
            assert client.transport == "json2"
        with OdooClient.connect(credentials(odoo, secret=odoo.password)) as client:
            assert client.transport == "jsonrpc"
            assert client.uid == 2

    @pytest.mark.parametrize("transport", ["auto", "json2", "jsonrpc"])
    def test_a_wrong_secret_says_where_to_look(self, odoo: OdooDatabase, transport: Any) -> None:
        with pytest.raises(WrongCredentials, match="Odoo connection"):
            OdooClient.connect(credentials(odoo, secret="wrong"), transport)

    @pytest.mark.parametrize("transport", ["auto", "json2", "jsonrpc"])
    def test_a_wrong_database_is_named(self, odoo: OdooDatabase, transport: Any) -> None:
        with pytest.raises(WrongDatabase, match=r"no_such_db[\s\S]*Check the database name"):
            OdooClient.connect(credentials(odoo, database="no_such_db"), transport)

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid", "ftp://127.0.0.1"])
    def test_no_odoo_there(self, odoo: OdooDatabase, url: str) -> None:
        with pytest.raises(OdooUnreachable, match="no connection to"):
            OdooClient.connect(credentials(odoo, url=url))

    def test_the_secret_is_in_no_text_about_the_client(self, odoo: OdooDatabase) -> None:
        assert odoo.api_key not in repr(credentials(odoo))
        with pytest.raises(WrongCredentials) as caught:
            OdooClient.connect(credentials(odoo, secret="s3cret-wrong"))
        assert "s3cret-wrong" not in str(caught.value)


class TestBrokenAnswers:
    """Reads are asked again; writes are not, unless it is certain that Odoo did nothing."""

    @pytest.mark.promise("R04")
    @pytest.mark.parametrize("transport", ["json2", "jsonrpc"])
    def test_a_read_is_asked_again(self, odoo: OdooDatabase, transport: Any) -> None:
        faults = ["429", "502", "html", "truncate"]
        with (
            fault_proxy(odoo.url, *faults, matches=lambda path, body: b"name" in body) as proxy,
            OdooClient.connect(credentials(odoo, url=proxy.url), transport) as client,
        ):
            assert client.call("res.country", "search_read", domain=[["code", "=", "CH"]], fields=["name"])[0]["name"] == "Switzerland"
            assert proxy.seen == [*faults, "pass"]

    @pytest.mark.promise("R02")
    @pytest.mark.parametrize("transport", ["json2", "jsonrpc"])
    @pytest.mark.parametrize(
        "fault", ["drop after", "reset after", "truncate", "truncate silently", "502 after", "504 after", "html after", "html", "503"]
    )
    def test_a_write_without_a_clear_answer_is_not_repeated(self, odoo: OdooDatabase, transport: Any, fault: str) -> None:
        with fault_proxy(odoo.url, fault, matches=lambda path, body: b"vals_list" in body or b'"create"' in body) as proxy:
            with OdooClient.connect(credentials(odoo, url=proxy.url), transport) as client, pytest.raises(UnclearAnswer):
                client.call("crm.tag", "create", vals_list=[{"name": f"{transport} {fault}"}])
            assert proxy.seen == [fault]

    @pytest.mark.promise("R04")
    def test_too_many_requests_are_repeated_after_the_time_asked_for(self, odoo: OdooDatabase) -> None:
        with (
            fault_proxy(odoo.url, "429", matches=lambda path, body: b"vals_list" in body) as proxy,
            OdooClient.connect(credentials(odoo, url=proxy.url)) as client,
        ):
            start = time.monotonic()
            assert client.call("crm.tag", "create", vals_list=[{"name": "after 429"}])
            assert time.monotonic() - start >= 0.2
            proxy.faults.append("429")
            with pytest.raises(TransientError) as caught:
                client.call_once("crm.tag", "create", vals_list=[{"name": "once"}])
            assert caught.value.retry_after == 0.2

    def test_a_request_that_is_too_large_says_so(self, odoo: OdooDatabase) -> None:
        with (
            fault_proxy(odoo.url, "413", matches=lambda path, body: b"vals_list" in body) as proxy,
            OdooClient.connect(credentials(odoo, url=proxy.url)) as client,
            pytest.raises(TooLarge, match="413"),
        ):
            client.call("crm.tag", "create", vals_list=[{"name": "x"}])

    def test_a_slow_answer_is_unclear(self, odoo: OdooDatabase) -> None:
        with (
            fault_proxy(odoo.url, "slow", matches=lambda path, body: b"vals_list" in body) as proxy,
            OdooClient.connect(credentials(odoo, url=proxy.url)) as client,
        ):
            proxy.slow_seconds = 0.6
            with pytest.raises(UnclearAnswer, match="no answer in time"):
                client.call("crm.tag", "create", vals_list=[{"name": "slow"}], timeout=0.3)


def test_a_hosted_odoo_gets_one_call_a_second(odoo: OdooDatabase) -> None:
    with OdooClient.connect(credentials(odoo), calls_per_second=5) as client:
        start = time.monotonic()
        for _ in range(4):
            client.call("res.users", "context_get")
        assert time.monotonic() - start >= 0.6
