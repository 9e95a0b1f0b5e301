"""The traps of Odoo 19, one test each, numbered as in docs/odoo-traps.md: what Odoo does, and that our way around it holds.

Trap 2.16 (automation rules) is in test_settings.py: it needs an app that the other tests do without.
"""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from crm2odoo.odoo import settings
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.context import READING, SILENT
from crm2odoo.odoo.errors import OdooError, RowRefused, SchemaMismatch, Unsupported, WrongCredentials, WrongDatabase
from crm2odoo.odoo.target import Target
from crm2odoo.project import Entity, YamlFile
from crm2odoo.staging.mapping_sql import plain_to_html, text_to_html
from odoo_server import OdooDatabase
from target_world import ROOT, World, rows

pytestmark = pytest.mark.odoo


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> World:
    return World(tmp_path_factory.mktemp("root"), staging_dsn, odoo)


@pytest.fixture(scope="module")
def target(world: World) -> Target:
    return world.target()


@pytest.fixture(scope="module")
def client(target: Target) -> OdooClient:
    return target.client


def create(client: OdooClient, model: str, context: dict[str, Any] | None = None, **vals: Any) -> int:
    return int(client.call(model, "create", vals_list=[vals], context=SILENT if context is None else context)[0])


def read(client: OdooClient, model: str, record: int, *fields: str) -> dict[str, Any]:
    found: dict[str, Any] = client.call(model, "read", ids=[record], fields=list(fields), context=READING, load="")[0]
    return found


def models(target: Target, *names: str) -> list[Entity]:
    return [e for e in target.entities.values() if e.model in names]


# ---- 1. transport


def test_trap_1_1_json2_takes_an_api_key_and_no_password(odoo: OdooDatabase) -> None:
    with pytest.raises(WrongCredentials):
        OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.password), "json2")
    with OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.password)) as client:
        assert client.transport == "jsonrpc"


def test_trap_1_2_a_missing_database_is_answered_with_a_page_of_html(odoo: OdooDatabase) -> None:
    answer = httpx.post(f"{odoo.url}/json/2/res.users/context_get", json={}, headers={"Authorization": f"bearer {odoo.api_key}", "X-Odoo-Database": "nowhere"})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (404, "text/html")
    with pytest.raises(WrongDatabase, match="nowhere"):
        OdooClient.connect(OdooCredentials(odoo.url, "nowhere", odoo.login, odoo.api_key))


def test_trap_1_3_an_unknown_argument_is_refused(client: OdooClient) -> None:
    with pytest.raises(OdooError):
        client.call("res.partner", "search", domain=[], offset_by=3)


def test_trap_1_4_ids_on_a_method_of_the_model_are_refused(client: OdooClient) -> None:
    assert client.transport == "json2"
    with pytest.raises(OdooError):
        client.call("res.partner", "search", ids=[1], domain=[])


def test_trap_1_5_a_method_without_a_result_is_no_error(client: OdooClient) -> None:
    lead = create(client, "crm.lead", name="Given up", type="opportunity")
    reason = create(client, "crm.lost.reason", name="No time")
    assert client.call("crm.lead", "action_set_lost", ids=[lead], lost_reason_id=reason, context=SILENT) in (None, True)
    assert read(client, "crm.lead", lead, "won_status")["won_status"] == "lost"


def test_trap_1_6_an_unknown_model_is_told_apart_from_a_bad_value(client: OdooClient) -> None:
    with pytest.raises(Unsupported):
        client.call("helpdesk.ticket", "search", domain=[])


def test_trap_1_7_an_unknown_field_is_answered_as_a_failure_of_the_server_and_a_refused_value_is_not(odoo: OdooDatabase, client: OdooClient) -> None:
    headers = {"Authorization": f"bearer {odoo.api_key}", "X-Odoo-Database": odoo.database}

    def status(model: str, **vals: Any) -> int:
        return httpx.post(f"{odoo.url}/json/2/{model}/create", json={"vals_list": [vals]}, headers=headers).status_code

    create(client, "crm.tag", name="twice")
    assert (status("crm.lead", name="x", planned_revenue=1), status("crm.tag", name="twice")) == (500, 422)
    with pytest.raises(SchemaMismatch, match="planned_revenue"):
        create(client, "crm.lead", name="x", planned_revenue=1)
    with pytest.raises(RowRefused):
        create(client, "crm.tag", name="twice")


# ---- 2. rules that decide whether the data survives


def test_trap_2_1_readonly_fields_can_be_written(client: OdooClient) -> None:
    """Good for dates. That is also why preflight does not take `readonly` for an obstacle."""
    lead = create(client, "crm.lead", name="x", type="opportunity", date_open="2019-01-05 09:00:00", date_last_stage_update="2019-02-01 10:00:00")
    assert client.call("crm.lead", "fields_get", allfields=["date_open"], attributes=["readonly"])["date_open"]["readonly"]
    assert read(client, "crm.lead", lead, "date_open", "date_last_stage_update") == {
        "id": lead, "date_open": "2019-01-05 09:00:00", "date_last_stage_update": "2019-02-01 10:00:00",
    }


def test_trap_2_2_create_date_is_ignored_so_the_source_s_is_a_field_of_its_own(target: Target, client: OdooClient) -> None:
    lead = create(client, "crm.lead", name="x", create_date="2019-01-05 09:00:00")
    assert not read(client, "crm.lead", lead, "create_date")["create_date"].startswith("2019")
    for entity in models(target, "crm.lead", "res.partner"):
        assert entity.fields["x_source_created_at"].from_ == "created"


@pytest.mark.parametrize("value", ["2019-01-05T09:00:00", "2019-01-05 09:00:00Z", "2019-01-05 09:00:00+02:00", "2019-01-05 09:00:00.123456"])
def test_trap_2_3_datetimes_are_naive_and_nothing_else(client: OdooClient, value: str) -> None:
    with pytest.raises(OdooError):
        create(client, "crm.lead", name="x", date_open=value)


def test_trap_2_3_a_date_field_swallows_the_time(client: OdooClient) -> None:
    lead = create(client, "crm.lead", name="x", date_deadline="2019-01-05 23:59:59")
    assert read(client, "crm.lead", lead, "date_deadline")["date_deadline"] == "2019-01-05"


def test_trap_2_3_load_converts_from_a_time_zone_which_the_silent_context_fixes(client: OdooClient) -> None:
    client.call("res.users", "write", ids=[client.uid], vals={"tz": "Asia/Tokyo"})
    data = [["x", "2019-01-05 09:00:00"]]
    moved = client.call("crm.lead", "load", fields=["name", "date_open"], data=data)["ids"][0]
    kept = client.call("crm.lead", "load", fields=["name", "date_open"], data=data, context=SILENT)["ids"][0]
    client.call("res.users", "write", ids=[client.uid], vals={"tz": False})
    assert read(client, "crm.lead", moved, "date_open")["date_open"] == "2019-01-05 00:00:00"
    assert read(client, "crm.lead", kept, "date_open")["date_open"] == "2019-01-05 09:00:00"


def test_trap_2_4_selections_take_values_and_no_labels(client: OdooClient) -> None:
    with pytest.raises(RowRefused):
        create(client, "crm.lead", name="x", priority="High")
    assert read(client, "crm.lead", create(client, "crm.lead", name="x", priority="2"), "priority")["priority"] == "2"


def test_trap_2_5_a_language_that_is_not_installed_is_accepted_so_none_is_written(target: Target, client: OdooClient) -> None:
    partner = create(client, "res.partner", name="Jeanne")
    client.call("res.partner", "write", ids=[partner], vals={"lang": "fr_FR"})
    assert read(client, "res.partner", partner, "lang")["lang"] == "fr_FR"
    assert all("lang" not in entity.fields for entity in models(target, "res.partner"))


def test_trap_2_6_one_unknown_field_fails_the_whole_call(client: OdooClient) -> None:
    before = client.call("res.partner", "search_count", domain=[])
    with pytest.raises(SchemaMismatch, match="mobile"):
        client.call("res.partner", "create", vals_list=[{"name": "ok"}, {"name": "bad", "mobile": "1"}])
    assert client.call("res.partner", "search_count", domain=[]) == before


def test_trap_2_7_a_dangling_reference_is_refused_with_a_misleading_message(client: OdooClient) -> None:
    with pytest.raises(RowRefused, match=r"another model|does not exist|Another model|Record") as error:
        create(client, "crm.lead", name="x", partner_id=99_999_999)
    assert "crm.lead" in str(error.value)


def test_trap_2_8_many2many_wants_commands(client: OdooClient) -> None:
    tags = [create(client, "crm.tag", name="a"), create(client, "crm.tag", name="b")]
    lead = create(client, "crm.lead", name="x", tag_ids=[[6, 0, tags]])
    client.call("crm.lead", "write", ids=[lead], vals={"tag_ids": [[6, 0, tags[:1]]]})
    assert read(client, "crm.lead", lead, "tag_ids")["tag_ids"] == tags[:1]
    with pytest.raises(OdooError):
        create(client, "crm.lead", name="x", tag_ids=[[6, 0, [99_999_999]]])


def test_trap_2_9_active_test_in_a_create_breaks_archived_users_and_is_not_in_the_silent_context(client: OdooClient) -> None:
    with pytest.raises(RowRefused):
        create(client, "res.users", {**SILENT, "active_test": False}, name="Old", login="old1", active=False)
    assert "active_test" not in SILENT
    assert read(client, "res.users", create(client, "res.users", name="Old", login="old2", active=False), "active")["active"] is False


def test_trap_2_10_nul_is_refused_bad_base64_is_an_empty_file_and_blanks_stay(client: OdooClient) -> None:
    with pytest.raises(OdooError):
        create(client, "res.partner", name="a\x00b")
    attachment = create(client, "ir.attachment", name="bad", datas="!!!")
    assert read(client, "ir.attachment", attachment, "file_size")["file_size"] == 0
    good = create(client, "ir.attachment", name="good", datas=base64.b64encode(b"12345").decode())
    assert read(client, "ir.attachment", good, "file_size")["file_size"] == 5
    assert read(client, "res.partner", create(client, "res.partner", name=" x "), "name")["name"] == " x "


@pytest.mark.promise("P123")
def test_trap_2_11_an_owner_that_is_left_out_becomes_the_api_user_so_none_is_said(target: Target, client: OdooClient) -> None:
    assert read(client, "crm.lead", create(client, "crm.lead", name="x"), "user_id")["user_id"] == client.uid
    assert read(client, "crm.lead", create(client, "crm.lead", name="x", user_id=False), "user_id")["user_id"] is False
    for entity in models(target, "crm.lead", "sale.order", "mail.activity", "calendar.event"):
        assert entity.fields["user_id"].send_empty, f"{entity.entity}.user_id must be sent when it is empty"


def test_trap_2_12_html_is_cleaned_and_line_breaks_are_lost_so_text_is_converted(target: Target, client: OdooClient) -> None:
    dirty = '<p onclick="x()">a</p><script>alert(1)</script>'
    lead = create(client, "crm.lead", name="x", description=dirty)
    assert read(client, "crm.lead", lead, "description")["description"] == "<p>a</p>"
    plain = create(client, "crm.lead", name="x", description="one\ntwo")
    assert "<br" not in read(client, "crm.lead", plain, "description")["description"]
    convert = text_to_html("cell").replace("{", "{{").replace("}", "}}")
    html = rows(target.ws, f"select {convert} as html from (select %s::text as cell) as c", "one\ntwo <b>")[0]["html"]
    ours = create(client, "crm.lead", name="x", description=html)
    assert read(client, "crm.lead", ours, "description")["description"] == "<p>one<br>two &lt;b&gt;</p>"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("Called.\nPrice < 5 & rising", "<p>Called.<br>Price &lt; 5 &amp; rising</p>"),
        ("Ask Ann <ann@x.example>\r\nor Ben", "<p>Ask Ann &lt;ann@x.example&gt;<br>or Ben</p>"),
        ("Tom &amp; Jerry &#8364;5", "<p>Tom &amp; Jerry €5</p>"),
        ("<p>One\ntwo</p>", "<p>One\ntwo</p>"),
        ("One<br/>two", "<span>One<br>two</span>"),
    ],
)
def test_trap_2_12_plain_text_in_a_column_of_html_keeps_its_line_breaks_and_its_signs(target: Target, client: OdooClient, cell: str, shown: str) -> None:
    convert = plain_to_html("cell").replace("{", "{{").replace("}", "}}")
    html = rows(target.ws, f"select {convert} as html from (select %s::text as cell) as c", cell)[0]["html"]
    lead = create(client, "crm.lead", name="x", description=html)
    assert read(client, "crm.lead", lead, "description")["description"] == shown


def test_trap_2_13_amounts_of_a_lead_keep_their_digits_and_quantities_do_not(client: OdooClient) -> None:
    assert read(client, "crm.lead", create(client, "crm.lead", name="x", expected_revenue=1234.505), "expected_revenue")["expected_revenue"] == 1234.505
    partner, product = create(client, "res.partner", name="x"), create(client, "product.product", name="x")
    line = {"product_id": product, "product_uom_qty": 1.23456, "price_unit": 0.12345, "tax_ids": [[6, 0, []]]}
    order = create(client, "sale.order", partner_id=partner, order_line=[[0, 0, line]])
    kept = client.call("sale.order.line", "search_read", domain=[["order_id", "=", order]], fields=["product_uom_qty", "price_unit"])[0]
    assert (kept["product_uom_qty"], kept["price_unit"]) == (1.23, 0.12345)


def test_trap_2_14_new_leads_go_to_a_paid_service_unless_they_say_no(target: Target, client: OdooClient) -> None:
    """Odoo asks its scheduler to enrich a new lead at once."""
    cron = target.need("crm_iap_enrich.ir_cron_lead_enrichment")

    def asked() -> int:
        return int(client.call("ir.cron.trigger", "search_count", domain=[["cron_id", "=", cron]]))

    client.call("ir.cron", "write", ids=[cron], vals={"active": True})
    before = asked()
    create(client, "crm.lead", name="x", email_from="ann@acme.com")
    after = asked()
    settings.park(target, "trap 2.14")
    create(client, "crm.lead", name="x", email_from="ann@acme.com")
    parked = asked()
    settings.restore(target, "trap 2.14", rebuild_scoring=False)
    client.call("ir.cron", "write", ids=[cron], vals={"active": False})
    assert (after, parked) == (before + 1, after)
    assert all(entity.fields["iap_enrich_done"].value is True for entity in models(target, "crm.lead"))


def test_trap_2_15_open_activities_of_long_ago_are_deleted_at_night_unless_that_is_parked(target: Target, client: OdooClient) -> None:
    lead = create(client, "crm.lead", name="x")
    model = client.call("ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]

    def overdue() -> int:
        return create(client, "mail.activity", res_model_id=model, res_id=lead, summary="x", date_deadline="2015-01-01", user_id=client.uid)

    def night() -> None:
        client.call("ir.cron", "method_direct_trigger", ids=[target.need("base.autovacuum_job")])

    settings.park(target, "trap 2.15")
    kept = overdue()
    night()
    assert client.call("mail.activity", "search", domain=[["id", "=", kept]]) == [kept]
    settings.restore(target, "trap 2.15", rebuild_scoring=False)
    night()
    assert client.call("mail.activity", "search", domain=[["id", "=", kept]]) == []


def test_trap_2_17_a_company_with_a_country_installs_its_localisation_so_no_company_is_made(target: Target) -> None:
    assert models(target, "res.company") == []


def test_trap_2_18_the_salesperson_of_a_silent_lead_follows_nothing_until_told(client: OdooClient) -> None:
    rep = create(client, "res.users", name="Rep", login="rep", email="rep@acme.com")
    partner = read(client, "res.users", rep, "partner_id")["partner_id"]
    lead = create(client, "crm.lead", name="x", user_id=rep)
    mails = client.call("mail.mail", "search_count", domain=[])
    assert read(client, "crm.lead", lead, "message_partner_ids")["message_partner_ids"] == []
    client.call("crm.lead", "message_subscribe", ids=[lead], partner_ids=[partner], context=SILENT)
    assert read(client, "crm.lead", lead, "message_partner_ids")["message_partner_ids"] == [partner]
    assert client.call("mail.mail", "search_count", domain=[]) == mails


def test_trap_r12_an_order_in_its_final_state_gets_a_note_per_product_unless_the_context_says_no(client: OdooClient) -> None:
    """Found by the side-effect guard."""
    partner, product = create(client, "res.partner", name="x"), create(client, "product.product", name="x")
    lines = [[0, 0, {"product_id": product, "tax_ids": [[6, 0, []]]}]]

    def notes(context: dict[str, Any]) -> int:
        order = create(client, "sale.order", context, partner_id=partner, state="sale", order_line=lines)
        return int(client.call("mail.message", "search_count", domain=[["model", "=", "sale.order"], ["res_id", "=", order]]))

    own = YamlFile(ROOT / "mappings" / "odoo" / "order.yaml").model(Entity).context
    assert (notes(SILENT), notes({**SILENT, **own})) == (1, 0)
