"""Visual Practice: the bundled sample, carried into a real Odoo 19 and compared with what its generator knows to be true."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from pathlib import Path

import pytest

import source_world
from odoo_server import OdooDatabase
from source_world import Loaded

SOURCE = "visual_practice"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Loaded:
    root = source_world.project(tmp_path_factory.mktemp(SOURCE), SOURCE, "vp", source_world.ROOT / "samples" / SOURCE / "export")
    return source_world.migrate(SOURCE, root, "vp", staging_dsn, odoo)


def owner_mails(loaded: Loaded, entity: str) -> dict[str, int]:
    mails = {loaded.ids["user"][x]: r["login"].lower() for x, r in loaded.read("user", "login").items()} | {False: ""}
    return dict(Counter(mails[r["user_id"]] for r in loaded.read(entity, "user_id").values()))


def stages(loaded: Loaded, entity: str) -> Counter[str]:
    """Pipeline / stage, as the source calls them: a lost deal has no stage of its own in Odoo."""
    teams = {r["id"]: r["name"] for r in loaded.read("team", "name").values()}
    return Counter(f"{teams[r['team_id']]} / {r['x_source_stage']}" for r in loaded.read(entity, "team_id", "x_source_stage").values())


def linked(loaded: Loaded, entity: str, field: str, other: str) -> set[tuple[str, str]]:
    return {(xid.split("_", 1)[1], loaded.key(other, r[field])) for xid, r in loaded.read(entity, field).items() if r[field]}


def test_every_row_of_every_file_has_one_disposition(loaded: Loaded) -> None:
    expected = {f["object"]: f for f in loaded.truth["files"].values()}
    assert {r.object: r.rows for r in loaded.rows} == {name: f["records"] for name, f in expected.items()}
    rejected = {r.object: r.counts["rejected"] for r in loaded.rows}
    assert rejected == {name: f["rejected"] for name, f in expected.items()}


def test_an_email_with_tags_is_no_text_about_tags(loaded: Loaded) -> None:
    """Activities of one export are plain notes and e-mails in HTML, in the same column."""
    bodies = [r["body"] for r in loaded.read("message", "body").values()] + [r["note"] or "" for r in loaded.read("activity", "note").values()]
    assert [b for b in bodies if "</ul>" in b]
    assert not [b for b in bodies if "&lt;p&gt;" in b or "&lt;br" in b]


@pytest.mark.promise("P002")
def test_the_diff_finds_nothing(loaded: Loaded) -> None:
    assert loaded.unexplained() == []


@pytest.mark.promise("P080")
def test_leads_are_leads_and_deals_are_opportunities(loaded: Loaded) -> None:
    assert {r["type"] for r in loaded.read("lead", "type").values()} == {"lead"}
    assert {r["type"] for r in loaded.read("opportunity", "type").values()} == {"opportunity"}
    assert {len(loaded.ids["lead"]), len(loaded.ids["opportunity"])} == {91, 62}


@pytest.mark.promise("P082")
@pytest.mark.parametrize("entity", ["lead", "opportunity"])
def test_stages_and_owners(loaded: Loaded, entity: str) -> None:
    assert {k.lower(): n for k, n in stages(loaded, entity).items()} == {k.lower(): n for k, n in loaded.truth["counts"][entity]["by_stage"].items()}
    assert owner_mails(loaded, entity) == loaded.truth["counts"][entity]["by_owner"]


@pytest.mark.promise("P082")
def test_revenue_per_stage_to_the_cent(loaded: Loaded) -> None:
    teams = {r["id"]: r["name"] for r in loaded.read("team", "name").values()}
    sums: Counter[str] = Counter()
    for r in loaded.read("opportunity", "team_id", "x_source_stage", "expected_revenue").values():
        sums[f"{teams[r['team_id']]} / {r['x_source_stage']} / CAD".lower()] += round(r["expected_revenue"] * 100)
    expected = loaded.truth["sums"]["opportunity"]["revenue_by_stage"]
    assert {k: n for k, n in sums.items() if n} == {k.lower(): round(float(v) * 100) for k, v in expected.items()}


@pytest.mark.promise("P083")
def test_won_and_lost_with_their_date(loaded: Loaded) -> None:
    deals = loaded.read("opportunity", "won_status", "date_closed", "active", "probability", "date_deadline")
    outcomes = Counter({"pending": "open"}.get(r["won_status"], r["won_status"]) for r in deals.values())
    assert outcomes == loaded.truth["counts"]["opportunity"]["by_outcome"]
    for r in deals.values():
        if r["won_status"] != "pending":
            assert r["date_closed"][:10] == r["date_deadline"]
            assert (r["active"], r["probability"]) == ((True, 100) if r["won_status"] == "won" else (False, 0))


@pytest.mark.promise("P091")
def test_the_time_when_a_stage_was_entered_is_in_utc(loaded: Loaded) -> None:
    entered = {xid.removeprefix("lead_"): f"{r['x_stage_entered_at']}Z".replace(" ", "T") for xid, r in loaded.read("lead", "x_stage_entered_at").items()}
    assert entered == loaded.truth["lists"]["lead_stage_entered_utc"]


@pytest.mark.promise("P089")
def test_score_source_and_medium(loaded: Loaded) -> None:
    sources = {r["id"]: r["name"] for r in loaded.read("source", "name").values()}
    media = {r["id"]: r["name"] for r in loaded.read("medium", "name").values()} | {False: ""}
    leads = loaded.read("lead", "source_id", "medium_id", "x_lead_score")
    pairs = Counter(f"{sources[r['source_id']]} / {media[r['medium_id']]}" for r in leads.values())
    assert pairs == loaded.truth["counts"]["lead"]["by_source_and_medium"]
    assert leads["lead_LD-2001"]["x_lead_score"] == 98.3


@pytest.mark.promise("P084")
def test_three_levels_of_companies(loaded: Loaded) -> None:
    companies = loaded.read("company", "parent_id", "is_company", "commercial_partner_id", "street", "type")
    assert all(r["is_company"] and r["commercial_partner_id"] == r["id"] for r in companies.values())
    above = {(x.removeprefix("company_"), loaded.key("company", r["parent_id"])) for x, r in companies.items() if r["parent_id"]}
    assert {tuple(p) for p in loaded.truth["links"]["company_parent"]["pairs"]} == above - {("CO-108", "CO-107")}
    assert companies["company_CO-102"]["street"] == "32 Mill Lane", "a company below another one keeps its own address"


@pytest.mark.promise("P084")
def test_a_circle_of_companies_is_broken_at_the_first_and_reported(loaded: Loaded) -> None:
    companies = loaded.read("company", "parent_id")
    assert loaded.truth["lists"]["company_cycle"] == ["CO-107", "CO-108"]
    assert not companies["company_CO-107"]["parent_id"]
    assert companies["company_CO-108"]["parent_id"] == companies["company_CO-107"]["id"]
    with loaded.ws.connect() as connection:
        [finding] = connection.execute(loaded.ws.sql("select evidence from {log}.finding where code = 'circle'")).fetchall()
    assert finding["evidence"]["circles"] == [{"field": "parent_id", "records": ["CO-107", "CO-108"], "emptied": "CO-107", "cut": "company_CO-107"}]


@pytest.mark.promise("P084")
def test_links_of_leads_and_deals(loaded: Loaded) -> None:
    assert linked(loaded, "lead", "partner_id", "contact") == {tuple(p) for p in loaded.truth["links"]["lead_contact"]["pairs"]}
    contacts = {p for p in linked(loaded, "opportunity", "partner_id", "contact") if p[1]}
    assert contacts == {tuple(p) for p in loaded.truth["links"]["opportunity_contact"]["pairs"]}
    assert linked(loaded, "contact", "parent_id", "company") == {tuple(p) for p in loaded.truth["links"]["contact_company"]["pairs"]}


@pytest.mark.promise("P087")
def test_industries_and_employees(loaded: Loaded) -> None:
    companies = loaded.read("company", "industry_id", "x_employee_count")
    names = {r["id"]: r["name"] for r in loaded.search("res.partner.industry", [], "name")}
    assert Counter(names[r["industry_id"]] for r in companies.values() if r["industry_id"]) == loaded.truth["counts"]["company"]["by_industry"]
    assert companies["company_CO-103"]["x_employee_count"] == 1200


def test_labels_of_leads_are_tags_and_labels_of_contacts_are_categories(loaded: Loaded) -> None:
    for entity, field, label in (("lead", "tag_ids", "tag"), ("opportunity", "tag_ids", "tag"), ("contact", "category_id", "partner_category")):
        names = {r["id"]: r["name"].lower() for r in loaded.read(label, "name").values()}
        used = Counter(names[i] for r in loaded.read(entity, field).values() for i in r[field])
        assert used == {k.lower(): n for k, n in loaded.truth["counts"][entity]["by_tag"].items()}


@pytest.mark.promise("P092")
def test_calls_and_mails_are_messages_open_ones_activities_meetings_events(loaded: Loaded) -> None:
    messages = [r for x, r in loaded.read("message", "message_type", "mail_activity_type_id").items() if x.startswith("activity_")]
    assert (len(messages), len(loaded.ids["activity"]), len(loaded.ids["event"])) == (75, 25, 50)
    assert Counter(r["message_type"] for r in messages) == {"comment": 50, "email": 25}


@pytest.mark.promise("P092")
def test_activities_keep_their_time_in_utc(loaded: Loaded) -> None:
    times = {x: r["date"] for x, r in loaded.read("message", "date").items() if x.startswith("activity_")}
    times |= {x: r["start"] for x, r in loaded.read("event", "start").items()} | {x: r["x_source_time"] for x, r in loaded.read("activity", "x_source_time").items()}
    assert {x.removeprefix("activity_"): t.replace(" ", "T") + "Z" for x, t in times.items()} == loaded.truth["lists"]["activity_times_utc"]


@pytest.mark.promise("P094")
def test_attendees_are_those_of_the_source_and_nobody_was_invited(loaded: Loaded) -> None:
    with loaded.ws.connect() as connection:
        rows = connection.execute(
            loaded.ws.sql("select 'activity_' || id as xid, attendees, owner__key as owner from {clean}.activity where _status = 'valid' and type = 'Meeting'")
        ).fetchall()
    people = {r["email"].lower(): r["id"] for r in loaded.read("contact", "email").values() if r["email"]}
    people |= {r["login"].lower(): r["partner_id"] for r in loaded.read("user", "login", "partner_id").values()}
    events = loaded.read("event", "partner_ids", "x_source_attendees", "res_id")
    named = {r["xid"]: {a.strip().lower() for a in [*(r["attendees"] or []), r["owner"]] if a} for r in rows}
    assert len(named) == len(events) == 50
    assert sum(len(n) > 1 for n in named.values()) >= 40
    for xid, event in events.items():
        assert set(event["partner_ids"]) == {people[n] for n in named[xid] if n in people}
        assert all(n in (event["x_source_attendees"] or "").lower() for n in named[xid] if n not in people), "a stranger is named at least"
    assert all(e["res_id"] for e in events.values())
    assert loaded.search("mail.mail", [], "id") == []


@pytest.mark.promise("P096")
def test_notes_with_author_and_categories(loaded: Loaded) -> None:
    notes = {x: r for x, r in loaded.read("message", "is_internal", "author_id", "x_note_tags", "body", "subtype_id").items() if x.startswith("note_")}
    assert len(notes) == 60
    assert all(r["is_internal"] for r in notes.values())
    used = Counter(t for r in notes.values() if r["x_note_tags"] for t in r["x_note_tags"].split(", "))
    assert used == loaded.truth["counts"]["note"]["by_category"]
    assert all("#" in r["body"] for r in notes.values() if r["x_note_tags"])


@pytest.mark.promise("P099")
def test_files_lie_on_their_record(loaded: Loaded) -> None:
    models = {"Contact": "contact", "Lead": "lead", "Opportunity": "opportunity"}
    places = {tuple(p) for p in loaded.truth["links"]["file_parent"]["pairs"]}
    found = set()
    for xid, r in loaded.read("attachment", "res_model", "res_id").items():
        title, entity = next((t, e) for t, e in models.items() if r["res_id"] in loaded.ids[e].values() and loaded.target.entities[e].model == r["res_model"])
        found.add((xid.removeprefix("file_"), f"{title} {loaded.key(entity, r['res_id'])}"))
    assert found == places


@pytest.mark.promise("P007")
def test_files_keep_their_bytes_and_names(loaded: Loaded) -> None:
    rows = loaded.first_rows("files.csv", "File ID")
    for xid, file in loaded.read("attachment", "name", "datas").items():
        row = rows[xid.removeprefix("file_")]
        assert (file["name"], hashlib.sha256(base64.b64decode(file["datas"])).hexdigest()) == (row["File Name"], row["SHA256"])


@pytest.mark.promise("P118")
def test_clinical_images_stay_where_they_are_unless_decided_otherwise(loaded: Loaded) -> None:
    assert loaded.counts("clinical_image")["excluded"] == 9
    with loaded.ws.connect() as connection:
        [row] = connection.execute(loaded.ws.sql("select count(*) as n from {clean}.reject where code = 'imaging_store'")).fetchall()
    assert row["n"] == 2


@pytest.mark.promise("P118")
def test_by_decision_extracted_images_are_files_of_their_patient_checked_against_the_manifest(
    loaded: Loaded, tmp_path: Path, staging_dsn: str, odoo: OdooDatabase
) -> None:
    """The vendor delivers the images below imaging/, by the path of their locator: one as the manifest says, one damaged; the third is missing."""
    export = source_world.some_files(SOURCE, tmp_path / "export", {"contacts", "users", "custom_fields"})
    image, damaged = b"DICM pano", b"DICM bitewing"
    places = {"store1/2023/pano.dcm": image, "store2/2024/bw.dcm": damaged[:-1]}
    for place, content in places.items():
        (export / "imaging" / place).parent.mkdir(parents=True, exist_ok=True)
        (export / "imaging" / place).write_bytes(content)
    lines = ["Image ID;Contact ID;Locator;Modality;Bytes;SHA256;Taken"]
    for number, place, content in ((1, "store1/2023/pano.dcm", image), (2, "store2/2024/bw.dcm", damaged), (3, "store2/2024/gone.dcm", image)):
        lines.append(f"IMG-{number};00001;vpimg://{place};Panoramic;{len(content)};{hashlib.sha256(content).hexdigest()};2022-01-03")
    (export / "imaging_manifest.csv").write_text("\n".join(lines) + "\n")
    root = source_world.project(tmp_path, SOURCE, "vp_images", export, decisions={"clinical_images": "extract"})
    taken = source_world.migrate(SOURCE, root, "vp_images", staging_dsn, odoo)
    [file] = taken.read("attachment", "name", "res_model", "res_id", "datas", "description").values()
    assert (file["name"], base64.b64decode(file["datas"])) == ("IMG-1 Panoramic pano.dcm", image)
    assert (file["res_model"], file["res_id"]) == ("res.partner", taken.ids["contact"]["contact_00001"])
    assert "taken 2022-01-03" in file["description"]
    with taken.ws.connect() as connection:
        rows = connection.execute(taken.ws.sql("select code from {clean}.reject where object = 'clinical_image' order by rec")).fetchall()
    assert [r["code"] for r in rows] == ["size_mismatch", "file_missing"]
    assert (taken.counts("clinical_image")["loaded"], taken.counts("clinical_image")["rejected"]) == (1, 2)


def test_sensitive_columns_do_not_leave_the_source(loaded: Loaded) -> None:
    dropped = {p.column: p.dropped for p in loaded.fields if p.dropped}
    assert {"birth_date", "health_card"} <= set(dropped)
    names = [r["name"] for r in loaded.search("ir.model.fields", [["model", "=", "res.partner"], ["name", "like", "x_"]], "name")]
    assert names
    assert not [n for n in names if "birth" in n or "health" in n]


@pytest.mark.promise("P116")
def test_attributes_of_deals_are_typed(loaded: Loaded) -> None:
    kinds = {p.field: p.type for p in loaded.fields if p.field and p.object == "opportunity"}
    assert kinds == {"x_treatment_type": "selection", "x_insurance_estimate": "monetary", "x_chair_hours": "float", "x_consent_signed": "boolean"}
    deal = loaded.read("opportunity", *kinds)["opportunity_OP-4002"]
    assert (deal["x_insurance_estimate"], deal["x_chair_hours"], deal["x_consent_signed"]) == (10736.0, 3.0, False)


@pytest.mark.promise("P116")
def test_attributes_of_contacts_are_typed(loaded: Loaded) -> None:
    rows, people = loaded.first_rows("contacts.csv", "Contact ID"), loaded.read("contact", "x_preferred_language", "x_recall_interval_months")
    shape = loaded.target.client.call("res.partner", "fields_get", allfields=["x_preferred_language"], attributes=["selection"])
    labels = dict(shape["x_preferred_language"]["selection"]) | {False: ""}
    assert set(labels.values()) >= {"English", "Français", "Other"}
    for xid, person in people.items():
        row = rows[xid.removeprefix("contact_")]
        assert (labels[person["x_preferred_language"]], person["x_recall_interval_months"]) == (row["Preferred Language"], float(row["Recall Interval (Months)"] or 0))


def test_inactive_users_stay_inactive(loaded: Loaded) -> None:
    users = {r["login"]: r["active"] for r in loaded.read("user", "login", "active").values()}
    assert [login for login, active in users.items() if not active] == loaded.truth["lists"]["inactive_users"]


def test_a_second_plan_has_nothing_to_write(loaded: Loaded) -> None:
    again = source_world.planned_again(loaded)
    assert not {"create", "update"} & set(again)


@pytest.mark.promise("P098")
def test_every_message_has_an_author_or_a_sender(loaded: Loaded) -> None:
    messages = loaded.read("message", "author_id", "email_from").values()
    assert len(messages) > 50
    assert all(r["author_id"] or r["email_from"] for r in messages)
