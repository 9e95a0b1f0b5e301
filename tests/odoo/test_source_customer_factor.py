"""The Customer Factor: every object of a sample export in a real Odoo, against the sample's own truth."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.staging.vault import Vault, new_key
from odoo_server import OdooDatabase
from source_world import ROOT, Loaded, migrate, planned_again, project, some_files

SOURCE = "customer_factor"
RATE = Decimal("0.7374")
PAID_IN_PART = {"INV20003": "1000.01", "INV20009": "0.07", "INV20011": "1504.97"}


@pytest.fixture(scope="module")
def loaded(staging_dsn: str, odoo: OdooDatabase, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    root = project(tmp_path_factory.mktemp("tcf"), SOURCE, "tcf", Path("samples/customer_factor/export"))
    return migrate(SOURCE, root, "tcf", staging_dsn, odoo)


@pytest.fixture(scope="module")
def second_odoo(new_odoo: Callable[[], OdooDatabase]) -> OdooDatabase:
    return new_odoo()


@pytest.fixture(scope="module")
def without_sales(staging_dsn: str, second_odoo: OdooDatabase, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """The same estimates and invoices where the customer has neither Sales nor Invoicing."""
    folder = tmp_path_factory.mktemp("tcf_bare")
    names = {"users", "customers", "prospects", "estimates", "estimate_items", "invoices", "invoice_items"}
    root = project(folder, SOURCE, "tcf_bare", some_files(SOURCE, folder / "export", names), apps={"project": False, "sale": False, "account": False})
    return migrate(SOURCE, root, "tcf_bare", staging_dsn, second_odoo)


@pytest.fixture(scope="module")
def without_project(staging_dsn: str, second_odoo: OdooDatabase, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """The same jobs where the customer has neither Project nor Invoicing."""
    folder = tmp_path_factory.mktemp("tcf_plain")
    export = some_files(SOURCE, folder / "export", {"users", "customers", "jobs", "job_items", "invoices", "invoice_items"})
    root = project(folder, SOURCE, "tcf_plain", export, apps={"project": False, "account": False})
    return migrate(SOURCE, root, "tcf_plain", staging_dsn, second_odoo)


@pytest.fixture(scope="module")
def canadian(staging_dsn: str, second_odoo: OdooDatabase, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Twelve invoices in Canadian dollars for the Odoo of a company in the United States: some with several lines, some paid in part.
    What the lines say is encrypted in the staging database."""
    folder = tmp_path_factory.mktemp("tcf_cad")
    (folder / "export").mkdir()
    for name in ("invoices", "invoice_items"):
        with open(ROOT / f"samples/customer_factor/export/{name}.csv", newline="", encoding="utf-8-sig") as file:
            rows = [{**r, "Customer ID": "7"} for r in csv.DictReader(file) if re.match(r"INV200(0\d|1[0-2])$", r["Invoice Number"])]
        with open(folder / "export" / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*rows[0], "Amount Paid"])
            writer.writeheader()
            writer.writerows({**r, "Amount Paid": PAID_IN_PART.get(r["Invoice Number"]) if name == "invoices" else None} for r in rows)
    (folder / "export/customers.csv").write_text("Customer ID,Company,Email\n7,Maple Leaf Ltd,office@maple.example\n")
    money = {"currency": "CAD", "company_currency": "USD", "rates": {"CAD": float(RATE)}, "decisions": {"accounting": "post_at_declared_rate"}}
    privacy = {"key": "tcf_key", "columns": {"invoice_item": {"description": "encrypt"}}}
    root = project(folder, SOURCE, "tcf_cad", folder / "export", apps={"project": False, "sale": False}, privacy=privacy, **money)
    return migrate(SOURCE, root, "tcf_cad", staging_dsn, second_odoo, Vault.of(new_key(), "tcf_key"))


@pytest.fixture(scope="module")
def logins(loaded: Loaded) -> dict[int, str]:
    return {u["id"]: u["login"] for u in loaded.search("res.users", [], "login")}


def partners(loaded: Loaded) -> dict[int, str]:
    """Database id → customer number or prospect number."""
    found = {**loaded.read("contact", "name"), **loaded.read("company", "name")}
    return {r["id"]: " ".join(xid.removesuffix("__contact").split("_", 1)) for xid, r in found.items()}


def test_every_field_of_every_record_reads_back_as_it_was_sent(loaded: Loaded) -> None:
    assert loaded.unexplained() == []


def test_every_row_ends_as_the_sample_says(loaded: Loaded) -> None:
    for name, file in loaded.truth["files"].items():
        counts = loaded.counts(file["object"])
        arrived = counts["loaded"] + (counts["excluded"] if file["object"] == "follow_up_sequence" else 0)
        assert (arrived, counts["rejected"]) == (file["valid"], file["rejected"]), name
        assert counts["held"] == 0, name


def test_a_second_plan_finds_nothing_to_do(loaded: Loaded) -> None:
    assert set(planned_again(loaded)) <= {"unchanged", "found"}


@pytest.mark.promise("P084")
def test_a_row_with_company_and_person_becomes_both_and_the_person_belongs_to_the_company(loaded: Loaded) -> None:
    people, companies = loaded.read("contact", "name", "parent_id", "is_company"), loaded.read("company", "name", "is_company")
    names = {c["id"]: c["name"] for c in companies.values()}
    rows = loaded.first_rows("customers.csv", "Customer ID")
    kinds: Counter[str] = Counter()
    for xid, person in people.items():
        if xid.startswith("customer_") and not person["is_company"]:
            row = rows[xid.split("_")[1]]
            assert (names.get(person["parent_id"]) or "").casefold() == row["Company"].strip().casefold()
            kinds["company with person" if row["Company"] else "person"] += 1
    kinds["company alone"] = sum(x.startswith("customer_") for x in companies)
    assert dict(kinds) == loaded.truth["counts"]["customer"]["by_kind"]


def test_owners_and_labels_of_customers_are_the_source_s(loaded: Loaded, logins: dict[int, str]) -> None:
    found = {**loaded.read("contact", "user_id", "category_id"), **loaded.read("company", "user_id", "category_id")}
    mine = [r for xid, r in found.items() if xid.startswith("customer_")]
    labels = {c["id"]: c["name"] for c in loaded.search("res.partner.category", [], "name")}
    truth = loaded.truth["counts"]["customer"]
    assert Counter(logins.get(r["user_id"], "") for r in mine) == truth["by_owner"]
    assert Counter(labels[t] for r in mine for t in r["category_id"]) == truth["by_tag"]


@pytest.mark.promise("P108")
def test_prospects_are_leads_in_the_first_stage_of_the_team(loaded: Loaded) -> None:
    leads = loaded.read("lead", "type", "stage_id", "team_id")
    stages = loaded.search("crm.stage", [["team_ids", "in", [leads["prospect_9001"]["team_id"]]]], "name", "sequence")
    first = min(stages, key=lambda s: int(s["sequence"]))
    assert first["name"] == "New"
    assert {(r["type"], r["stage_id"]) for r in leads.values()} == {("lead", first["id"])}
    assert len(leads) == loaded.truth["files"]["prospects.csv"]["valid"]


def test_leads_without_an_owner_go_to_the_team_s_salesperson(loaded: Loaded, logins: dict[int, str]) -> None:
    leads = loaded.read("lead", "user_id", "team_id", "tag_ids", "source_id")
    truth = dict(loaded.truth["counts"]["prospect"]["by_owner"])
    truth["dolores@sparkleandsons.example"] += truth.pop("")
    assert Counter(logins[r["user_id"]] for r in leads.values()) == truth
    [team] = loaded.read("team", "user_id").values()
    assert logins[team["user_id"]] == "dolores@sparkleandsons.example"


def test_labels_and_sources_of_prospects_are_the_source_s(loaded: Loaded) -> None:
    leads = loaded.read("lead", "tag_ids", "source_id").values()
    tags = {t["id"]: t["name"] for t in loaded.search("crm.tag", [], "name")}
    sources = {s["id"]: s["name"] for s in loaded.search("utm.source", [], "name")}
    assert Counter(tags[t] for r in leads for t in r["tag_ids"]) == loaded.truth["counts"]["prospect"]["by_tag"]
    assert Counter(sources[r["source_id"]] for r in leads) == loaded.truth["counts"]["prospect"]["by_source"]


@pytest.mark.promise("P101")
@pytest.mark.promise("P102")
def test_estimates_keep_their_totals_and_words_in_the_states_that_odoo_has(loaded: Loaded) -> None:
    orders = loaded.read("order", "name", "state", "x_source_status", "amount_total", "order_line")
    sums: dict[str, Decimal] = {}
    for r in orders.values():
        key = f"{r['x_source_status']} / USD"
        sums[key] = sums.get(key, Decimal(0)) + Decimal(str(r["amount_total"])).quantize(Decimal("0.01"))
    assert {k: str(v) for k, v in sums.items()} == loaded.truth["sums"]["estimate"]["total_by_status"]
    assert {(r["x_source_status"], r["state"]) for r in orders.values()} == {
        ("Pending", "sent"), ("Accepted", "sale"), ("Won - scheduled", "sale"), ("Invoiced", "sale"), ("Declined", "cancel"), ("Expired", "sent"),
    }
    assert sum(len(r["order_line"]) for r in orders.values()) == loaded.truth["files"]["estimate_items.csv"]["valid"]


def test_an_estimate_belongs_to_its_customer_or_to_its_prospect(loaded: Loaded) -> None:
    orders, who = loaded.read("order", "name", "partner_id", "opportunity_id"), partners(loaded)
    leads = {r["id"]: xid for xid, r in loaded.read("lead", "name").items()}
    by_email = {r["email"]: r["id"] for r in loaded.read("contact", "email").values()}
    emails = {r["Prospect ID"].removesuffix(".0"): r["Email"] for r in loaded.source_rows("prospects.csv")}
    for number, parent in loaded.truth["links"]["estimate_parent"]["pairs"]:
        order = orders[f"estimate_{number}"]
        kind, key = parent.split()
        if kind == "customer":
            assert who[order["partner_id"]] == parent
        else:
            # a prospect with the e-mail of a customer is that customer
            assert who[order["partner_id"]] == parent or by_email[emails[key]] == order["partner_id"]
            assert leads[order["opportunity_id"]] == f"prospect_{key}"


@pytest.mark.promise("P107")
def test_jobs_are_opportunities_with_their_amounts_and_outcomes(loaded: Loaded) -> None:
    jobs = loaded.read("opportunity", "x_source_stage", "won_status", "expected_revenue", "partner_id", "active")
    assert Counter(r["x_source_stage"] for r in jobs.values()) == loaded.truth["counts"]["job"]["by_status"]
    assert {(r["x_source_stage"], r["won_status"]) for r in jobs.values()} == {
        ("Scheduled", "pending"), ("In Progress", "pending"), ("Completed", "won"), ("Cancelled", "lost"),
    }
    sums: dict[str, Decimal] = {}
    for r in jobs.values():
        key = f"{r['x_source_stage']} / USD"
        sums[key] = sums.get(key, Decimal(0)) + Decimal(str(r["expected_revenue"])).quantize(Decimal("0.01"))
    assert {k: str(v) for k, v in sums.items()} == loaded.truth["sums"]["job"]["total_by_status"]
    who = partners(loaded)
    for number, customer in loaded.truth["links"]["job_customer"]["pairs"]:
        assert who[jobs[f"job_{number}"]["partner_id"]] == f"customer {customer}"


@pytest.mark.promise("P107")
def test_with_project_a_job_is_also_a_task_of_its_technician_linked_to_the_opportunity(loaded: Loaded, logins: dict[int, str]) -> None:
    tasks, jobs = loaded.read("task", "x_crm_lead_id", "user_ids", "state", "description", "x_scheduled_start", "allocated_hours"), loaded.ids["opportunity"]
    assert len(tasks) == loaded.truth["files"]["jobs.csv"]["valid"]
    for xid, task in tasks.items():
        assert task["x_crm_lead_id"] == jobs[xid.removesuffix("__task")]
    assert Counter(logins[u] for t in tasks.values() for u in t["user_ids"]) == loaded.truth["counts"]["job"]["by_technician"]
    assert Counter(t["state"] for t in tasks.values()) == {"01_in_progress": 24, "1_done": 24, "1_canceled": 12}
    assert sum(t["description"].count("<li>") for t in tasks.values()) == loaded.truth["files"]["job_items.csv"]["valid"]
    # 3 March 2023, 6:14 PM in Denver
    assert (tasks["job_7001__task"]["x_scheduled_start"], tasks["job_7001__task"]["allocated_hours"]) == ("2023-03-04 01:14:00", 2.0)


@pytest.mark.promise("P107")
def test_without_project_the_same_stands_in_a_note_and_nothing_is_lost(without_project: Loaded, loaded: Loaded) -> None:
    assert without_project.unexplained() == []
    notes = without_project.read("message", "model", "res_id", "body", "is_internal")
    jobs = without_project.ids["opportunity"]
    tasks = loaded.read("task", "description")
    assert len(notes) == without_project.truth["files"]["jobs.csv"]["valid"]
    for xid, note in notes.items():
        job = xid.removesuffix("__message")
        assert (note["model"], note["res_id"], note["is_internal"]) == ("crm.lead", jobs[job], True)
        assert re.findall("<li>.*?</li>", note["body"]) == re.findall("<li>.*?</li>", tasks[f"{job}__task"]["description"])
    for row in without_project.source_rows("jobs.csv", "cp1252"):
        if f"job_{row['Job ID'].removesuffix('.0')}__message" in notes:
            body = notes[f"job_{row['Job ID'].removesuffix('.0')}__message"]["body"]
            assert row["Technician"].strip().lower() in body.lower()
            assert row["Job #"] in body
    assert without_project.counts("job_item")["loaded"] == without_project.truth["files"]["job_items.csv"]["valid"]


@pytest.mark.promise("P103")
def test_invoices_keep_their_numbers_and_sums(loaded: Loaded) -> None:
    invoices = loaded.read("invoice", "ref", "amount_total", "x_source_payment_status", "move_type", "invoice_date")
    sums: dict[str, Decimal] = {}
    for r in invoices.values():
        key = f"{r['x_source_payment_status']} / USD"
        sums[key] = sums.get(key, Decimal(0)) + Decimal(str(r["amount_total"])).quantize(Decimal("0.01"))
    assert {k: str(v) for k, v in sums.items()} == loaded.truth["sums"]["invoice"]["amount_by_status"]
    assert {f"invoice_{r['ref']}" for r in invoices.values()} == set(invoices)


@pytest.mark.promise("P103", "P105")
def test_by_decision_foreign_invoices_are_in_the_books_at_the_declared_rate_to_the_cent_in_both_currencies(canadian: Loaded) -> None:
    assert canadian.unexplained() == []
    fields = ("ref", "state", "currency_id", "amount_total", "amount_residual", "amount_total_signed", "amount_residual_signed", "payment_state")
    invoices = {r["ref"]: r for r in canadian.read("invoice", *fields).values()}
    [cad] = [r["id"] for r in canadian.search("res.currency", [["name", "=", "CAD"]], "id")]
    assert len(invoices) == 12
    rows = canadian.first_rows("invoices.csv", "Invoice Number")
    for number, r in invoices.items():
        total, residual, in_dollars = (Decimal(str(r[f])) for f in ("amount_total", "amount_residual", "amount_total_signed"))
        paid = Decimal(PAID_IN_PART.get(number, total if rows[number]["Status"] == "Paid" else 0))
        state = "partial" if number in PAID_IN_PART else "paid" if paid else "not_paid"
        assert (r["state"], r["currency_id"], residual, r["payment_state"]) == ("posted", cad, total - paid, state), number
        assert abs(in_dollars - total * RATE) < Decimal("0.03"), "each line is rounded, as Odoo does it"
        assert (r["amount_residual_signed"] == 0) == (state == "paid"), number
    assert Counter(r["payment_state"] for r in invoices.values()).keys() == {"partial", "paid", "not_paid"}
    ours = set(canadian.ids["journal"].values()) | set(canadian.ids["payment_journal"].values())
    assert {m["journal_id"] for m in canadian.search("account.move", [], "journal_id")} == ours, "no gain or loss by exchange is booked"


@pytest.mark.promise("P210")
def test_encrypted_words_of_lines_reach_odoo_and_lie_nowhere_else(canadian: Loaded) -> None:
    lines = canadian.search("account.move.line", [["move_id", "in", list(canadian.ids["invoice"].values())], ["display_type", "=", "product"]], "name")
    words = {r["Description"] for r in canadian.source_rows("invoice_items.csv") if r["Description"]}
    assert [line for line in lines if any(word.replace("&amp;", "&") in line["name"] for word in words)]
    assert not [line for line in lines if "enc1." in line["name"]]
    with canadian.ws.connect() as connection:
        tables = connection.execute("select table_schema, table_name from information_schema.tables where starts_with(table_schema, 'tcf_cad_')").fetchall()
        for table in tables:
            query = "select count(*) as n from {schema}.{table} as t where t::text like '%%supplies%%'"
            found = connection.execute(canadian.ws.sql(query, schema=table["table_schema"], table=table["table_name"])).fetchone()
            assert found == {"n": 0}, table


@pytest.mark.promise("P106")
def test_an_invoice_names_the_estimate_that_it_came_from(loaded: Loaded) -> None:
    invoices = loaded.read("invoice", "ref", "invoice_origin")
    pairs = loaded.truth["links"]["invoice_estimate"]["pairs"]
    assert {(r["ref"], r["invoice_origin"]) for r in invoices.values() if r["ref"] in dict(pairs)} == {tuple(p) for p in pairs}


def test_without_invoicing_an_invoice_is_an_order_with_its_number(without_project: Loaded) -> None:
    orders = without_project.read("order", "name", "amount_total", "origin")
    mine = {xid: r for xid, r in orders.items() if xid.startswith("invoice_")}
    assert len(mine) == without_project.truth["files"]["invoices.csv"]["valid"]
    assert sum(round(r["amount_total"] * 100) for r in mine.values()) == 4927665


@pytest.mark.promise("P115")
def test_keys_of_the_key_value_file_are_typed_fields_whatever_their_spelling(loaded: Loaded) -> None:
    about = loaded.target.client.call("res.partner", "fields_get", attributes=["type"])
    assert {n: about[n]["type"] for n in ("x_gate_code", "x_square_feet", "x_pet", "x_last_deep_clean", "x_key_on_file", "x_alarm_panel")} == {
        "x_gate_code": "char", "x_square_feet": "float", "x_pet": "selection", "x_last_deep_clean": "date", "x_key_on_file": "boolean", "x_alarm_panel": "char",
    }
    found = {**loaded.read("contact", "x_gate_code", "x_square_feet"), **loaded.read("company", "x_gate_code", "x_square_feet")}
    truth = loaded.truth["counts"]["custom_field"]["by_field"]
    assert sum(bool(r["x_gate_code"]) for r in found.values()) == truth["Gate Code"]
    assert sum(bool(r["x_square_feet"]) for r in found.values()) == truth["Square Feet"]
    assert (found["customer_3050"]["x_gate_code"], found["customer_3053"]["x_square_feet"]) == ("0042", 2400.0)
    jobs = loaded.read("opportunity", "x_pet")
    people = {**loaded.read("contact", "x_pet"), **loaded.read("company", "x_pet")}
    assert sum(bool(r["x_pet"]) for r in [*jobs.values(), *people.values()]) == truth["Pet"]


def test_every_row_of_the_key_value_file_stands_behind_a_record(loaded: Loaded) -> None:
    assert loaded.counts("custom_field")["loaded"] == loaded.truth["files"]["custom_fields.csv"]["valid"]


@pytest.mark.promise("P096")
def test_notes_are_internal_at_their_time_by_their_author_on_their_record(loaded: Loaded, logins: dict[int, str]) -> None:
    notes = loaded.read("message", "date", "model", "res_id", "is_internal", "author_id", "body")
    times = {xid.split("_")[1]: r["date"].replace(" ", "T") + "Z" for xid, r in notes.items()}
    assert times == loaded.truth["lists"]["note_times_utc"]
    assert all(r["is_internal"] for r in notes.values())
    places = {("crm.lead", i): f"Prospect {x.split('_')[1]}" for x, i in loaded.ids["lead"].items()}
    places |= {("crm.lead", i): f"Job {x.split('_')[1]}" for x, i in loaded.ids["opportunity"].items()}
    places |= {("res.partner", i): who.capitalize() for i, who in partners(loaded).items()}
    assert {(xid.split("_")[1], places[r["model"], r["res_id"]]) for xid, r in notes.items()} == {tuple(p) for p in loaded.truth["links"]["note_parent"]["pairs"]}
    authors = {u["partner_id"]: u["login"] for u in loaded.search("res.users", [], "login", "partner_id")}
    rows = loaded.first_rows("notes.csv", "Note ID")
    for xid, note in notes.items():
        assert authors.get(note["author_id"], "") == rows[xid.split("_")[1]]["Author"].strip().lower()


@pytest.mark.promise("P099")
def test_files_lie_on_their_records_with_their_bytes_and_a_note_shows_its_own(loaded: Loaded) -> None:
    files = loaded.read("attachment", "name", "res_model", "res_id", "datas", "type")
    notes = {r["id"]: r for r in loaded.read("message", "res_id", "model", "attachment_ids").values()}
    rows = loaded.first_rows("attachments.csv", "File ID")
    expected: dict[str, Any] = dict(loaded.truth["links"]["attachment_parent"]["pairs"])
    import base64

    assert {xid.split("_")[1] for xid in files} == set(expected)
    export = Path(__file__).resolve().parents[2] / "samples" / SOURCE / "export"
    for xid, file in files.items():
        row = rows[xid.split("_")[1]]
        assert file["name"] == row["File Name"]
        assert base64.b64decode(file["datas"]) == (export / row["Path"]).read_bytes()
        kind, key = expected[xid.split("_")[1]].split()
        if kind == "Note":
            note = notes[loaded.ids["message"][f"note_{key}"]]
            assert (file["res_model"], file["res_id"]) == (note["model"], note["res_id"])
            assert file["id"] in note["attachment_ids"]


def test_nothing_left_odoo(loaded: Loaded) -> None:
    assert loaded.search("mail.mail", []) == []


@pytest.mark.promise("P068")
def test_without_sales_estimates_and_invoices_are_notes_with_all_their_lines(without_sales: Loaded) -> None:
    assert without_sales.unexplained() == []
    assert not {"order", "invoice", "product"} & set(without_sales.ids)
    notes = without_sales.read("message", "model", "res_id", "body", "subject", "is_internal", "date")
    who = partners(without_sales)
    for kind, file, key in (("estimate", "estimates.csv", "Estimate #"), ("invoice", "invoices.csv", "Invoice Number")):
        mine = {x.removeprefix(f"{kind}_").removesuffix("__message"): r for x, r in notes.items() if x.startswith(f"{kind}_")}
        rows = without_sales.first_rows(file, key)
        assert len(mine) == without_sales.truth["files"][file]["valid"]
        assert all(r["subject"] == f"{kind.capitalize()} {number}" and r["is_internal"] for number, r in mine.items())
        assert all(rows[number]["Status"] in r["body"] for number, r in mine.items())
        assert sum(r["body"].count("<li>") for r in mine.values()) == without_sales.truth["files"][f"{kind}_items.csv"]["valid"]
        assert without_sales.counts(f"{kind}_item")["loaded"] == without_sales.truth["files"][f"{kind}_items.csv"]["valid"]
    for number, customer in without_sales.truth["links"]["invoice_customer"]["pairs"]:
        assert who[notes[f"invoice_{number}__message"]["res_id"]] == f"customer {customer}"


@pytest.mark.promise("P098")
def test_every_message_has_an_author_or_a_sender(loaded: Loaded) -> None:
    messages = loaded.read("message", "author_id", "email_from").values()
    assert len(messages) > 50
    assert all(r["author_id"] or r["email_from"] for r in messages)
