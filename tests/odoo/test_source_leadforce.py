"""Leadforce CRM: the bundled sample, carried into a real Odoo 19 and compared with what its generator knows to be true.

Odoo has the products of the price list before; lines with another product wait. Invoices are posted and their payments registered.
"""

from __future__ import annotations

import base64
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

import source_world
from crm2odoo.ledger import runs
from crm2odoo.odoo import rollback
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.context import SILENT
from crm2odoo.reconcile.fields import compared_fields
from crm2odoo.reconcile.totals import control_totals
from odoo_server import OdooDatabase
from source_world import Loaded

SOURCE = "leadforce"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Loaded:
    root = source_world.project(
        tmp_path_factory.mktemp(SOURCE), SOURCE, "lf", source_world.ROOT / "samples" / SOURCE / "export", decisions={"accounting": "post"}
    )
    truth = Loaded(SOURCE, None, None, "", 0, [], None).truth  # type: ignore[arg-type]
    with OdooClient.connect(OdooCredentials(odoo.url, odoo.database, odoo.login, odoo.api_key)) as client:
        products = [{"default_code": code, "name": name, "list_price": float(price)} for code, name, price in truth["lists"]["products_expected_in_odoo"]]
        client.call("product.product", "create", vals_list=products)
    return source_world.migrate(SOURCE, root, "lf", staging_dsn, odoo)


@pytest.fixture(scope="module")
def without_sales(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, new_odoo: Callable[[], OdooDatabase]) -> Loaded:
    """The same proposals and invoices where the customer has neither Sales nor Invoicing."""
    folder = tmp_path_factory.mktemp("lf_bare")
    names = {"staff", "pipeline_stages", "deals", "proposals", "proposal_items", "invoices", "invoice_items"}
    export = source_world.some_files(SOURCE, folder / "export", names)
    root = source_world.project(folder, SOURCE, "lf_bare", export, apps={"sale": False, "account": False})
    return source_world.migrate(SOURCE, root, "lf_bare", staging_dsn, new_odoo())


def from_deals(loaded: Loaded, *fields: str) -> dict[str, dict[str, Any]]:
    """Opportunities that were deals; the others were leads."""
    return {x.removeprefix("deal_"): r for x, r in loaded.read("opportunity", *fields).items() if x.startswith("deal_")}


def from_leads(loaded: Loaded, *fields: str) -> dict[str, dict[str, Any]]:
    both = {**loaded.read("lead", *fields), **loaded.read("opportunity", *fields)}
    return {x.removeprefix("lead_"): r for x, r in both.items() if x.startswith("lead_")}


def domain(website: str) -> str:
    return website.split("//")[-1].removeprefix("www.").split("/")[0]


def rupees(values: Any) -> int:
    """Sum in paise: floats do not add up."""
    return sum(round(v * 100) for v in values)


def paise(text: str) -> int:
    return round(float(text) * 100)


def test_every_row_is_accounted_for(loaded: Loaded) -> None:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for file in loaded.truth["files"].values():
        counted[file["object"]] += Counter(records=file["records"], rejected=file["rejected"])
    assert {r.object: r.rows for r in loaded.rows} == {name: c["records"] for name, c in counted.items()}
    rejected = {r.object: r.counts["rejected"] + r.counts["held"] for r in loaded.rows}
    assert rejected == {name: c["rejected"] for name, c in counted.items()}


def test_an_email_with_tags_is_no_text_about_tags(loaded: Loaded) -> None:
    """Activities of one export are plain notes and e-mails in HTML, in the same column."""
    bodies = [r["body"] for r in loaded.read("message", "body").values()] + [r["note"] or "" for r in loaded.read("activity", "note").values()]
    assert [b for b in bodies if "</ul>" in b]
    assert not [b for b in bodies if "&lt;p&gt;" in b or "&lt;br" in b]


@pytest.mark.promise("P002")
def test_the_diff_finds_nothing(loaded: Loaded) -> None:
    assert loaded.unexplained() == []


@pytest.mark.promise("P081")
def test_every_lead_has_one_outcome(loaded: Loaded) -> None:
    leads = from_leads(loaded, "type", "expected_revenue", "x_source_stage")
    assert Counter(r["type"] for r in leads.values()) == loaded.truth["counts"]["lead"]["becomes"]
    assert {r["x_source_stage"] for r in leads.values() if r["type"] == "opportunity"} == {"Qualified"}
    assert all(r["expected_revenue"] > 0 for r in leads.values() if r["type"] == "opportunity")


@pytest.mark.promise("P080")
def test_leads_per_status_and_source(loaded: Loaded) -> None:
    leads = from_leads(loaded, "x_source_stage", "source_id", "active")
    sources = {r["id"]: r["name"] for r in loaded.read("source", "name").values()}
    assert Counter(r["x_source_stage"] for r in leads.values()) == loaded.truth["counts"]["lead"]["by_status"]
    assert Counter(sources[r["source_id"]] for r in leads.values()) == loaded.truth["counts"]["lead"]["by_source"]
    assert all(r["active"] == (r["x_source_stage"] != "Junk") for r in leads.values())


@pytest.mark.promise("P120")
@pytest.mark.parametrize(("name", "rows"), [("lead", from_leads), ("deal", from_deals)])
def test_owners(loaded: Loaded, name: str, rows: Any) -> None:
    logins = {r["id"]: r["login"].lower() for r in loaded.read("user", "login").values()} | {False: ""}
    assert Counter(logins[r["user_id"]] for r in rows(loaded, "user_id").values()) == loaded.truth["counts"][name]["by_owner"]


def test_inactive_staff_stays_inactive_and_nobody_is_invited(loaded: Loaded) -> None:
    users = {r["login"]: r["active"] for r in loaded.read("user", "login", "active").values()}
    assert [login for login, active in users.items() if not active] == loaded.truth["lists"]["inactive_staff"]
    assert loaded.search("mail.mail", [], "id") == []


@pytest.mark.promise("P085")
def test_one_company_per_domain(loaded: Loaded) -> None:
    companies = loaded.read("company", "is_company", "industry_id", "name")
    assert len(companies) == loaded.truth["lists"]["companies_in_leads"]
    assert all(r["is_company"] for r in companies.values())


@pytest.mark.promise("P085")
def test_leads_and_deals_are_linked_to_their_company(loaded: Loaded) -> None:
    people = loaded.read("contact", "parent_id")
    above = {r["id"]: r["parent_id"] for r in people.values()}
    # Where no lead says the website of a company, its people's addresses do.
    mails = {r["parent_id"]: r["email"].split("@")[1] for r in loaded.read("contact", "email", "parent_id").values()}
    sites = {r["id"]: domain(r["website"]) if r["website"] else mails[r["id"]] for r in loaded.read("company", "website").values()}
    for link, rows in (("lead_company", from_leads), ("deal_company", from_deals)):
        found = {(key, sites[above[r["partner_id"]]]) for key, r in rows(loaded, "partner_id").items() if r["partner_id"] and above.get(r["partner_id"])}
        assert found == {tuple(pair) for pair in loaded.truth["links"][link]["pairs"]}


@pytest.mark.promise("P064")
def test_one_person_per_address(loaded: Loaded) -> None:
    people = loaded.read("contact", "email", "is_company")
    assert len({r["email"].lower() for r in people.values()}) == len(people) == loaded.truth["lists"]["people_in_leads"]


@pytest.mark.promise("P082")
def test_values_per_stage_and_currency_to_the_cent(loaded: Loaded) -> None:
    teams = {r["id"]: r["name"] for r in loaded.read("team", "name").values()}
    sums: Counter[str] = Counter()
    for r in from_deals(loaded, "team_id", "x_source_stage", "expected_revenue", "x_source_currency", "x_source_amount").values():
        currency = r["x_source_currency"] or "INR"
        original = r["x_source_amount"] if r["x_source_currency"] else r["expected_revenue"]
        # Revenue is in the company's currency, by the declared rate.
        assert abs(r["expected_revenue"] - original * {"INR": 1, "USD": 83.5}[currency]) < 0.0051
        sums[f"{teams[r['team_id']]} / {r['x_source_stage']} / {currency}".lower()] += rupees([original])
    expected = loaded.truth["sums"]["deal"]["value_by_stage"]
    assert {k: n for k, n in sums.items() if n} == {k.lower(): paise(v) for k, v in expected.items()}


@pytest.mark.promise("P083")
def test_lost_deals_are_archived_with_their_reason(loaded: Loaded) -> None:
    reasons = {r["id"]: r["name"] for r in loaded.read("lost_reason", "name").values()}
    deals = from_deals(loaded, "active", "won_status", "lost_reason_id", "probability")
    lost = [r for r in deals.values() if r["won_status"] == "lost"]
    assert Counter(reasons[r["lost_reason_id"]] for r in lost) == loaded.truth["counts"]["deal"]["by_lost_reason"]
    assert not any(r["active"] or r["probability"] for r in lost)


@pytest.mark.parametrize(("name", "rows"), [("lead", from_leads), ("deal", from_deals)])
def test_tags(loaded: Loaded, name: str, rows: Any) -> None:
    names = {r["id"]: r["name"].lower() for r in loaded.read("tag", "name").values()}
    assert Counter(names[i] for r in rows(loaded, "tag_ids").values() for i in r["tag_ids"]) == loaded.truth["counts"][name]["by_tag"]


def test_the_stages_of_each_pipeline(loaded: Loaded) -> None:
    teams = {r["id"]: r["name"] for r in loaded.read("team", "name").values()}
    stages = loaded.read("stage", "name", "team_ids", "x_source_probability", "is_won")
    mine = {(teams[r["team_ids"][0]], r["name"], r["x_source_probability"]) for r in stages.values() if teams[r["team_ids"][0]] != "Sales"}
    assert mine == {tuple(s) for s in loaded.truth["lists"]["stages"] if s[1] != "Closed Lost"}
    assert {r["name"] for r in stages.values() if r["is_won"]} == {"Closed Won"}


@pytest.mark.promise("P116")
def test_custom_fields_are_what_the_inventory_sheet_says(loaded: Loaded) -> None:
    kinds = {p.field: p.type for p in loaded.fields if p.object == "lead" and p.entity == "lead" and p.header in ("Plant Type", "Certifications", "Annual Spend", "GST Number")}
    assert kinds == {"x_plant_type": "selection", "x_certifications": "many2many", "x_annual_spend": "monetary", "x_gst_number": "char"}
    options = {r["id"]: r["x_name"] for r in loaded.search("x_crm2odoo_option", [], "x_name")}
    shape = loaded.target.client.call("crm.lead", "fields_get", allfields=["x_plant_type"], attributes=["selection"])
    plants = dict(shape["x_plant_type"]["selection"]) | {False: ""}
    rows = {**loaded.first_rows("leads_2.csv", "#"), **loaded.first_rows("leads_1.csv", "#")}
    for key, lead in from_leads(loaded, *kinds).items():
        row = rows[key]
        assert {options[i] for i in lead["x_certifications"]} == {c.strip() for c in row["Certifications"].split(",") if c.strip()}
        assert plants[lead["x_plant_type"]] == row["Plant Type"]
        assert lead["x_annual_spend"] == float(re.sub("[^0-9.]", "", row["Annual Spend"]) or 0)
        assert (lead["x_gst_number"] or "") == row["GST Number"]


@pytest.mark.promise("P092")
def test_each_activity_takes_its_route(loaded: Loaded) -> None:
    truth = loaded.truth["counts"]["activity"]["by_type_and_state"]
    kinds = {r["id"]: r["name"] for r in loaded.search("mail.activity.type", [], "name")}
    done = Counter(kinds[r["mail_activity_type_id"]] for x, r in loaded.read("message", "mail_activity_type_id").items() if x.startswith("activity_"))
    still = Counter(kinds[r["activity_type_id"]] for r in loaded.read("activity", "activity_type_id").values())
    names = {"Call": "Call", "Email": "Email", "Task": "To-Do"}
    assert done == {odoo: truth[f"{ours} / done"] for ours, odoo in names.items()}
    assert still == {odoo: truth[f"{ours} / open"] for ours, odoo in names.items()}
    assert len(loaded.ids["event"]) == truth["Meeting / done"] + truth["Meeting / open"]


@pytest.mark.promise("P006")
def test_activities_keep_their_time_in_utc(loaded: Loaded) -> None:
    times = {x: r["date"] for x, r in loaded.read("message", "date").items()}
    times |= {x: r["start"] for x, r in loaded.read("event", "start").items()} | {x: r["x_source_time"] for x, r in loaded.read("activity", "x_source_time").items()}
    expected = loaded.truth["lists"]["activity_times_utc"]
    assert {key: times[f"activity_{key}"].replace(" ", "T") + "Z" for key in expected} == expected


@pytest.mark.promise("P092")
def test_activities_and_notes_lie_on_their_lead_or_deal(loaded: Loaded) -> None:
    places = {i: f"Lead {key}" for key, r in from_leads(loaded, "id").items() for i in [r["id"]]}
    places |= {r["id"]: f"Deal {key}" for key, r in from_deals(loaded, "id").items()}
    found = {(x, places[r["res_id"]]) for entity in ("message", "activity", "event") for x, r in loaded.read(entity, "res_id").items()}
    expected = {(f"activity_{a}", b) for a, b in loaded.truth["links"]["activity_parent"]["pairs"]}
    assert found == expected | {(f"note_{a}", b) for a, b in loaded.truth["links"]["note_parent"]["pairs"]}


@pytest.mark.promise("P097")
def test_the_chatter_is_in_the_order_of_the_source(loaded: Loaded) -> None:
    per_record: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for r in loaded.read("message", "res_id", "date").values():
        per_record[r["res_id"]].append((r["id"], r["date"]))
    assert max(len(m) for m in per_record.values()) > 2
    for messages in per_record.values():
        dates = [date for _, date in sorted(messages)]
        assert dates == sorted(dates)


@pytest.mark.promise("P098")
def test_every_message_has_its_author_and_without_one_it_names_the_source(loaded: Loaded) -> None:
    messages = loaded.read("message", "author_id", "email_from")
    assert all(r["author_id"] or r["email_from"] for r in messages.values())
    users = {r["partner_id"]: r["login"].lower() for r in loaded.search("res.users", [], "login", "partner_id")}
    told = {f"activity_{k}": r["Owner"] for k, r in loaded.first_rows("activities.csv", "Activity ID").items()}
    told |= {f"note_{k}": r["Author"] for k, r in loaded.first_rows("notes.csv", "Note ID").items()}
    found = {x: users[r["author_id"]] if r["author_id"] else r["email_from"] for x, r in messages.items()}
    assert found == {x: told[x].strip().lower() or "Leadforce CRM" for x in messages}
    assert "Leadforce CRM" in found.values()


@pytest.mark.promise("P099")
def test_files_lie_on_their_record_and_notes_link_to_theirs(loaded: Loaded) -> None:
    files = loaded.read("attachment", "res_model", "res_id", "name", "type", "url")
    notes = loaded.read("message", "attachment_ids", "model", "res_id")
    places = {r["id"]: f"Lead {key}" for key, r in from_leads(loaded, "id").items()} | {r["id"]: f"Deal {key}" for key, r in from_deals(loaded, "id").items()}
    assert Counter(r["type"] for r in files.values()) == loaded.truth["counts"]["file"]["by_kind"]
    for key, place in loaded.truth["links"]["file_parent"]["pairs"]:
        file = files[f"file_{key}"]
        assert file["res_model"] == "crm.lead"
        if place.startswith("Note "):
            note = notes[f"note_{place.removeprefix('Note ')}"]
            assert file["id"] in note["attachment_ids"]
            assert file["res_id"] == note["res_id"]
        else:
            assert places[file["res_id"]] == place


@pytest.mark.promise("P007")
def test_files_keep_their_bytes_names_and_kind(loaded: Loaded) -> None:
    files, rows = loaded.read("attachment", "name", "datas", "url", "mimetype", "description"), loaded.first_rows("files.csv", "File ID")
    export = source_world.ROOT / "samples" / SOURCE / "export"
    for xid, file in files.items():
        row = rows[xid.removeprefix("file_")]
        assert (file["name"], file["mimetype"]) == (row["File Name"], row["Type"])
        assert not row["Uploaded By"] or row["Uploaded By"] in file["description"]
        if "://" in row["File Path"]:
            assert file["url"] == row["File Path"]
        else:
            assert base64.b64decode(file["datas"]) == (export / row["File Path"]).read_bytes()


@pytest.mark.promise("P101")
@pytest.mark.promise("P006", "P146")
def test_a_proposal_has_its_day_and_month_for_people_in_kolkata(loaded: Loaded) -> None:
    """Its day begins at 18:30 UTC of the day before: what the customer adds up by month must not slip into the month before."""
    days = {number: datetime.strptime(row["Date"], "%d/%m/%Y") for number, row in loaded.first_rows("proposals.csv", "Proposal #").items() if "/" in row["Date"]}
    orders = {r["name"]: r["date_order"] for r in loaded.read("order", "name", "date_order").values()}
    assert orders == {number: f"{days[number] - timedelta(hours=5, minutes=30):%Y-%m-%d %H:%M:%S}" for number in orders}
    with loaded.ws.connect() as connection:
        total = connection.execute(loaded.ws.sql("select details -> 'parts' as parts from {log}.reconciliation where phase = 'order' and name = 'total_amount_total'")).fetchone()
    assert total
    by_month = {p["value"]: p["records"] for p in total["parts"] if p["dimension"] == "month"}
    assert by_month == Counter(f"{days[number]:%Y-%m}" for number in orders)
    # As if one were of the first of a month, which begins in the month before by UTC.
    target, first = loaded.target, {"date_order": "2019-02-28 18:30:00"}
    with loaded.ws.connect() as connection:
        set_to = loaded.ws.sql("update {target}.plan set vals = vals || %s where xid = (select min(xid) from {target}.plan where entity = 'order' and action <> 'held')")
        connection.execute(set_to, [Jsonb(first)])
        values = {"entity": "order", "target_id": target.target_id, "part_of": None, "lines_key": None}
        [check] = [c for c in control_totals(target, connection, "order", compared_fields(target, "order"), values) if c.name == "total_amount_total"]
        connection.rollback()
    months = [p["value"] for p in check.details["parts"] if p["dimension"] == "month"]
    assert (months[0], "2019-02" in months) == ("2019-03", False)


def test_proposals_are_draft_quotations_with_their_total(loaded: Loaded) -> None:
    orders = loaded.read("order", "name", "state", "amount_total", "amount_tax", "opportunity_id", "origin", "x_source_status")
    assert {r["state"] for r in orders.values()} == {"draft"}
    assert rupees(r["amount_total"] for r in orders.values()) == paise(loaded.truth["sums"]["proposal"]["total_by_currency"]["INR"])
    assert Counter(r["x_source_status"] for r in orders.values()) == loaded.truth["counts"]["proposal"]["by_status"]
    deals = {r["id"]: key for key, r in from_deals(loaded, "id").items()}
    assert {(r["name"], deals[r["opportunity_id"]]) for r in orders.values()} == {tuple(p) for p in loaded.truth["links"]["proposal_deal"]["pairs"]}
    assert all(r["origin"] == deals[r["opportunity_id"]] for r in orders.values())


@pytest.mark.promise("P101")
def test_products_by_code_then_by_name_and_unknown_ones_wait(loaded: Loaded) -> None:
    orders = loaded.read("order", "order_line")
    lines = loaded.search("sale.order.line", [["id", "in", [i for r in orders.values() for i in r["order_line"]]]], "product_id", "tax_ids")
    codes = {r["id"]: r["default_code"] for r in loaded.search("product.product", [], "default_code")}
    assert Counter(codes[r["product_id"]] for r in lines) == loaded.truth["counts"]["proposal_item"]["by_product"]
    assert not any(r["tax_ids"] for r in lines)
    assert loaded.counts("proposal_item")["held"] == 1
    assert loaded.search("product.product", [["name", "not in", [p[1] for p in loaded.truth["lists"]["products_expected_in_odoo"]]], ["default_code", "like", "TF-"]], "name") == []


@pytest.mark.promise("P103")
def test_invoices_keep_their_number_beside_odoos_own(loaded: Loaded) -> None:
    invoices = loaded.read("invoice", "ref", "name", "state", "journal_id", "amount_total", "amount_tax", "move_type")
    assert {r["state"] for r in invoices.values()} == {"posted"}
    assert len({r["ref"] for r in invoices.values()}) == len(invoices) == 22
    assert all(r["ref"] not in r["name"] and not r["amount_tax"] for r in invoices.values())
    assert {r["journal_id"] for r in invoices.values()} == set(loaded.ids["journal"].values())


@pytest.mark.promise("P105")
def test_payments_are_registered_so_that_odoo_computes_the_status(loaded: Loaded) -> None:
    invoices = loaded.read("invoice", "amount_total", "amount_residual", "payment_state", "x_source_payment_status")
    assert Counter(r["x_source_payment_status"] for r in invoices.values()) == loaded.truth["counts"]["invoice"]["by_payment_status"]
    states = {"Paid": {"paid"}, "Partially Paid": {"partial"}, "Unpaid": {"not_paid"}, "Overdue": {"not_paid"}}
    assert all(r["payment_state"] in states[r["x_source_payment_status"]] for r in invoices.values())
    sums: Counter[str] = Counter()
    for r in invoices.values():
        sums[f"{r['x_source_payment_status']} / INR"] += rupees([r["amount_total"]])
    assert sums == {k: paise(v) for k, v in loaded.truth["sums"]["invoice"]["amount_by_status"].items()}
    paid = rupees(r["amount_total"] - r["amount_residual"] for r in invoices.values())
    assert paid == paise(loaded.truth["sums"]["invoice"]["paid_by_currency"]["INR"])


@pytest.mark.promise("P195")
def test_workflows_are_handed_over_with_a_domain_that_this_odoo_evaluates(loaded: Loaded) -> None:
    sections = {s.title: s for s in source_world.handed_over(loaded).sections}
    for row in loaded.source_rows("workflows.csv"):
        parts = {str(r[0]): r for r in sections[f"Automation: {row['Workflow']}"].rows}
        assert (row["Event"], row["Action"]) == (parts["Trigger"][1], parts["Actions"][1])
        assert "not evaluated" not in str(parts["Conditions"][2])
    assert loaded.counts("workflow")["excluded"] == len(loaded.source_rows("workflows.csv"))


@pytest.mark.promise("P068")
def test_without_sales_proposals_and_invoices_are_notes_on_their_deal_with_all_their_lines(without_sales: Loaded) -> None:
    assert without_sales.unexplained() == []
    notes = without_sales.read("message", "model", "res_id", "body", "subject", "is_internal")
    deals = {r["id"]: f"{key}" for key, r in from_deals(without_sales, "id").items()}
    for kind, link in (("proposal", "proposal_deal"), ("invoice", "invoice_deal")):
        mine = {r["subject"].split(" ", 1)[1]: r for x, r in notes.items() if x.startswith(f"{kind}_")}
        assert {(number, deals[r["res_id"]]) for number, r in mine.items()} == {tuple(p) for p in without_sales.truth["links"][link]["pairs"]}
        assert sum(r["body"].count("<li>") for r in mine.values()) == without_sales.counts(f"{kind}_item")["loaded"]
    assert not {"order", "invoice", "product"} & set(without_sales.ids)


def test_a_second_plan_has_nothing_to_write(loaded: Loaded) -> None:
    assert not {"create", "update"} & set(source_world.planned_again(loaded))


@pytest.mark.promise("P188", "P190")
def test_everything_goes_again_the_posted_the_paid_the_confirmed_and_the_done(loaded: Loaded) -> None:
    """Some orders are confirmed, one is locked, and an activity is done, as a step of an entity does it. Stands last: it empties the Odoo."""
    ws, target, call = loaded.ws, loaded.target, loaded.target.client.call
    orders, activity = sorted(loaded.ids["order"].items())[:3], min(loaded.ids["activity"].items())
    call("sale.order", "action_confirm", ids=[i for _, i in orders], context=SILENT)
    call("sale.order", "action_lock", ids=[orders[0][1]], context=SILENT)
    call("mail.activity", "action_done", ids=[activity[1]], context=SILENT)
    with ws.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            ws.sql(
                "insert into {log}.entry (target_id, run_id, entity, model, xid, res_id, action, before) "
                "values (%s, %s, %s, %s, %s, %s, 'second', '{{\"step\": \"done\"}}')"
            ),
            [
                *((target.target_id, source_world.RUN, "order", "sale.order", x, i) for x, i in orders),
                (target.target_id, source_world.RUN, "activity", "mail.activity", *activity),
            ],
        )
    assert {r["state"] for r in loaded.search("sale.order", [["id", "in", [i for _, i in orders]]], "state")} == {"sale"}
    paid = loaded.search("account.payment", [["state", "in", ["paid", "in_process"]]], "id")
    assert len(paid) > 3
    runs.start(ws, "back", kind="rollback", dag_id=None)
    done = rollback.carry_out(target, "back", rollback.dry_run(target, "back").hash)
    left = {(i.entity, i.action): i.reason for i in done.spared}
    assert {entity for entity, _ in left} <= {"user", "journal", "payment_journal", "account"}, left
    for model in ("account.move", "account.payment", "sale.order", "crm.lead", "mail.activity"):
        assert loaded.search(model, [], "id") == [], model
    assert rollback.verify(target, "back").models > 20
