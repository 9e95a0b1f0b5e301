"""The acceptance rules, one after the other: what is a record, what is rejected and why, what is merged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crm2odoo.intake import NoExport, assign_file, clean, land, register

Take = Callable[..., object]
LEADS = "Lead ID,Lead Name,Status,Email,Value,Created,Deleted\n"


@pytest.mark.promise("R08")
def test_lines_that_are_no_records_are_listed_and_never_counted(take_in) -> None:
    text = (
        "sep=;\n"
        "Export of 3 leads\n"
        "\n"
        "Lead ID;Lead Name;Status\n"
        "1;Anna;New\n"
        "\n"
        "Lead ID;Lead Name;Status\n"
        "2;Bob;New\n"
        ";;\n"
        "3;Total Wine;New\n"
        "Total;2;\n"
        "Report created October 10 - RX7;;\n"
    )
    done = take_in({"leads.csv": text})
    assert done.statuses("lead") == ["valid"] * 3
    file = done.rows("select * from {log}.file")[0]
    assert [(n["line"], n["kind"]) for n in file["non_records"]] == [
        (1, "preamble"), (2, "preamble"), (3, "preamble"), (6, "blank"), (7, "repeated_header"), (9, "blank"), (11, "footer"), (12, "footer"),
    ]
    assert [r["_line"] for r in done.rows("select _line from {clean}.lead order by _rec")] == [5, 8, 10]


def test_checks_decide_in_the_order_of_the_rules(take_in) -> None:
    done = take_in({"leads.csv": LEADS + "\n".join([
        "1,Anna,New,a@x.com,5,2024-01-01,",
        "1,Anna,New,a@x.com,5,2024-01-01,",  # identical: a duplicate
        "2,Bob,New,a@x.com,5,2024-01-01,yes",  # deleted
        "2,Bob,New,a@x.com,5,2024-01-01,yes",  # identical to a deleted one: a duplicate all the same
        "3,,New,a@x.com,TBD,2024-01-01,",  # nameless before the bad amount
        "1,Other,New,a@x.com,TBD,2024-01-01,",  # the id conflict before the bad amount
        "4,Dan,New,a@x.com,≈ 5k,2024-01-01,",
        "4,Dan again,New,a@x.com,5,2024-01-01,",  # the first with this id was rejected: no conflict
        "5,Eve,New,not an address,(12.50),tomorrow,",
        "6,Fay,New",
        "7,Gil,New,g@x.com,5,2024-01-01,,,",
        "8,Hal,New,h@x.com,5,2024-01-01,,surplus",
    ]) + "\n"})
    assert done.statuses("lead") == ["valid", "exact_duplicate", "deleted", "exact_duplicate", "rejected", "rejected", "rejected", "valid", "valid", "valid"]
    assert sorted(done.rejects("lead")) == [
        (5, "missing_required", "name"), (6, "id_conflict", "id"), (7, "bad_amount", "value"), (10, "field_count", "3 fields instead of 7"), (12, "field_count", "8 fields instead of 7"),
    ]
    assert done.warnings("lead") == [(9, "bad_optional_date", "created_at"), (9, "invalid_email", "email"), (9, "negative_amount", "value"), (11, "surplus_empty_fields", None)]
    reject = done.rows("select * from {clean}.reject where code = 'field_count' order by rec")[0]
    assert (reject["line"], reject["value"]) == (11, "6,Fay,New")
    assert "delimiter" in reject["hint"]


def test_a_missing_mandatory_column_rejects_the_whole_file_and_says_which_header_was_looked_for(take_in) -> None:
    done = take_in({"leads.csv": "Lead ID,Lead Name,Mood\n1,Anna,fine\n1,Anna,fine\n2,Bob\n"})
    assert done.rejects("lead") == [(n, "missing_column", "status") for n in (1, 2)] + [(3, "missing_column", "2 fields instead of 3")]
    finding = done.rows("select * from {log}.finding")[0]
    assert (finding["severity"], finding["code"], finding["count"]) == ("blocking", "missing_column", 3)
    assert "lead status" in finding["title"]
    assert "'Mood'" in finding["title"]


def test_orphans_are_told_apart(take_in) -> None:
    log = "Timestamp,Lead ID,Action\n"
    done = take_in({
        "leads.csv": "Lead ID,Lead Name,Status,Value,Deleted\n1,Anna,New,5,\n2,Bob,New,TBD,\n3,Cyd,New,5,1\n",
        "activity_log.csv": log + "".join(f"2024-01-0{n} 10:00,{n},call\n" for n in (1, 2, 3, 4)),
        "companies.csv": "Name\nAcme\n",
        "contacts.csv": "Name,Email,Company\nAnna,anna@x.com,ACME \nBob,,Nowhere\nNull,,n/a\n",
        "deals.csv": "Deal ID,Deal Name,Stage,Contact,Lead #\nD1,One,Won,Anna@x.com,1\nD2,Two,Won,zed@x.com,2\nD3,Three,Won,Null,\n",
    })
    assert done.rejects("activity_log") == [(2, "orphan_parent_rejected", "lead"), (3, "orphan_parent_deleted", "lead"), (4, "orphan", "lead")]
    assert done.warnings("contact") == [(2, "orphan", "company")]
    assert done.warnings("deal") == [(2, "orphan", "contact"), (2, "orphan_parent_rejected", "lead_id")]
    assert done.statuses("deal") == ["valid"] * 3


@pytest.mark.promise("R09")
def test_merges_keep_the_first_and_point_at_it(take_in) -> None:
    done = take_in({
        "contacts.csv": 'Contact ID,Name,Email\n1,Anna,"Anna <ANNA@x.com>"\n2,Anna B,mailto:anna@X.com\n3,No Mail,\n4,No Mail either,\n',
        "companies.csv": "Name,Website\nAcme  Inc,acme.com\nACME Inc,www.acme.org\nacme incorporated,https://acme.com/x\n",
        "leads.csv": LEADS + "1,Anna,New,anna@x.com,,,\n2,Anna,New,anna@x.com,,,\n",
        "tags.csv": "Tag\nHot\n hot \nCafé\nCafe\u0301\n",
    })
    assert [(r["_status"], r["_into"]) for r in done.rows("select * from {clean}.contact order by _rec")] == [("valid", None), ("merged", "1"), ("valid", None), ("valid", None)]
    assert done.statuses("company") == ["valid", "merged", "valid"]
    assert done.statuses("lead") == ["valid", "valid"]
    assert done.statuses("tag") == ["valid", "merged", "valid", "merged"]


def test_companies_merge_by_domain_when_the_project_decides_so(take_in) -> None:
    files = {"companies.csv": "Name,Website\nAcme,acme.com\nAcme,www.other.org\nOther,https://ACME.com:443/x\n"}
    assert take_in(files, decisions={"company_key": "domain"}).statuses("company") == ["valid", "valid", "merged"]


def test_relations_and_their_kinds(take_in) -> None:
    done = take_in({
        "leads.csv": "#,Lead Name,Status\n1,Anna,New\n",
        "deals.csv": "Deal ID,Deal Name,Stage\n1,One,Won\n2,Two,Won\n",
        "notes.csv": "Note ID,Related To,Related ID,Note\nn1,Lead,1,a\nn2,Deals,2,b\nn3,Lead,2,c\nn4,Spaceship,1,d\nn5,,2,e\nn6,,9,f\n",
    }, source="leadforce")
    assert done.statuses("note") == ["valid", "valid", "rejected", "rejected", "valid", "rejected"]
    assert done.rejects("note") == [(3, "orphan", "related_id"), (4, "bad_relation", "related_type"), (6, "orphan", "related_id")]


@pytest.mark.promise("P210")
def test_sensitive_values_are_masked_in_reports(take_in) -> None:
    done = take_in({"contacts.csv": "Contact ID;Last Name;Date of Birth\n1;Roy;the 40th of May\n2;Bo\n"}, source="visual_practice")
    assert [(r["column_name"], r["value"]) for r in done.rows("select * from {clean}.warning")] == [("birth_date", "•••")]
    assert [r["value"] for r in done.rows("select * from {clean}.reject")] == ["•••"]


def test_customer_factor_text_and_ids_are_repaired(take_in) -> None:
    done = take_in({
        "customers.csv": 'Customer ID,Company,Notes\n3050.0,"Smith &amp; Sons","Don\u00e2\u20ac\u2122t <b>ring</b>"\n0900,Café Ü,x\n',
        "notes.csv": "Note ID,Record Type,Record ID,Text\n1,Customer,3050,a\n2,customer,900,b\n",
    }, source="customer_factor")
    rows = done.rows("select id, company, notes from {clean}.customer order by _rec")
    assert [(r["id"], r["company"], r["notes"]) for r in rows] == [("3050", "Smith & Sons", "Don’t ring"), ("0900", "Café Ü", "x")]
    assert done.rejects("note") == [(2, "orphan", "related_id")]
    assert done.warnings("customer") == [(1, "mojibake_repaired", "notes")]


def test_hostile_and_repeated_headers_are_only_data(take_in) -> None:
    done = take_in({"leads.csv": 'Lead ID,Lead Name,Status,Email,Email,,"x""; drop table lead --",Größe (cm)\n1,A,New,a@x.com,b@x.com,c,d,9\n'})
    row = done.rows("select * from {clean}.lead")[0]
    assert (row["email"], row["u_email"], row["u_column"], row["u_x_drop_table_lead"], row["u_grosse_cm"]) == ("a@x.com", "b@x.com", "c", "d", "9")
    assert ("warning", "duplicate_header") in done.findings()


@pytest.mark.promise("P021")
def test_an_unknown_file_blocks_until_a_person_says_what_it_is(take_in) -> None:
    done = take_in({"leads.csv": "Lead ID,Lead Name,Status\n1,A,New\n", "stuff.csv": "Foo,Bar\n1,2\n", "things.csv": "Nummer,Titel,Stufe\n7,Sieben,Neu\n"})
    assert done.findings() == [("blocking", "unknown_file")] * 2
    assign_file(done.ws, done.export, "stuff.csv", None, "kim", "not needed")
    assign_file(done.ws, done.export, "things.csv", "lead", "kim")
    land(done.ws, done.export)
    assert done.findings() == [("blocking", "missing_column")]
    assert {r["name"]: r["status"] for r in done.rows("select * from {log}.file")} == {"leads.csv": "recognised", "stuff.csv": "excluded", "things.csv": "assigned"}


def test_objects_are_recognised_by_their_headers_alone(take_in) -> None:
    done = take_in({
        "export (3).csv": "Deal ID,Deal Name,Stage,Deal Amount ($),Owner E-mail,Account\nD1,One,Won,5,a@x.com,Acme\n",
        "download.csv": "Timestamp,Lead ID,Action,From Stage,To Stage\n2024-01-01,1,move,a,b\n",
    })
    assert {r["name"]: r["object"] for r in done.rows("select * from {log}.file")} == {"export (3).csv": "deal", "download.csv": "activity_log"}
    assert done.rows("select amount, owner__key, company__key from {clean}.deal")[0] == {"amount": 5, "owner__key": "a@x.com", "company__key": "acme"}


@pytest.mark.promise("P028")
def test_partial_files_are_joined_and_their_overlap_and_gaps_reported(take_in) -> None:
    head = "Lead ID,Lead Name,Status\n"
    done = take_in({"leads_part1.csv": head + "L-1,A,New\nL-2,B,New\n", "leads_part2.csv": "Status,Lead Name,Lead ID\nNew,B,L-2\nNew,E,L-5\n"})
    assert done.statuses("lead") == ["valid", "valid", "exact_duplicate", "valid"]
    assert done.findings() == [("info", "parts_gap"), ("warning", "parts_overlap")]
    assert "L-3–4" in done.rows("select title from {log}.finding where code = 'parts_gap'")[0]["title"]


@pytest.mark.promise("P020", "R10")
def test_the_same_delivery_is_the_same_export_and_lands_identically(take_in, tmp_path) -> None:
    done = take_in({"leads.csv": LEADS + "1,Anna,New,a@x.com,5,2024-01-01,\n", "contacts.csv": "Name,Email\nA,a@x.com\nB,A@x.com\n"})
    content = "select md5(string_agg(l::text, '|' order by rec)) from {land}.lead_" + done.export[:8] + "_002 l"
    before = done.rows(content), done.rows("select * from {clean}.contact order by _rec")
    assert register(done.ws, tmp_path) == done.export
    land(done.ws, done.export)
    clean(done.ws, done.export)
    assert (done.rows(content), done.rows("select * from {clean}.contact order by _rec")) == before
    (tmp_path / "leads.csv").write_text(LEADS + "1,Anna,New,a@x.com,6,2024-01-01,\n")
    assert register(done.ws, tmp_path) != done.export
    with pytest.raises(ValueError, match="changed after it was registered"):
        land(done.ws, done.export)


def test_an_object_without_a_file_has_an_empty_table(take_in) -> None:
    done = take_in({"leads.csv": LEADS + "1,Anna,New,a@x.com,5,2024-01-01,\n"})
    assert done.rows("select name__key, amount__currency, tags, close_date from {clean}.deal") == []
    with pytest.raises(NoExport, match="not landed"):
        clean(done.ws, "nonsense")


def test_a_file_of_nothing_but_faulty_records_is_rejected_in_bounded_memory(take_in) -> None:
    done = take_in({"leads.csv": "Lead ID,Lead Name,Status\n" + "1,A\n" * 60_000 + "2,B,New\n"})
    assert done.statuses("lead") == ["valid"]
    assert done.rows("select count(*) as n, min(rec) as a, max(rec) as b from {clean}.reject where code = 'field_count'") == [{"n": 60_000, "a": 1, "b": 60_000}]


def test_cells_are_cleaned_before_any_check_and_names_are_kept(take_in) -> None:
    cells = [
        ("Null", "n/a", "--", "0000-00-00"), ("None", "#N/A", "(null)", "00/00/0000"), ("An\u200bna\ufeff", "Select", "-", "NULL"), ("\u00a0 Bo\u00a0Li ", " b@x.com ; c@x.com", "5K", "13/02/2024"),
        ("=1+1", "<b@x.com>", "(12.50)", "tomorrow"), ("<script>x</script>", "nobody", "$1,200.50", "45296"),
    ]  # fmt: skip
    done = take_in({"leads.csv": "Lead ID,Lead Name,Status,Email,Value,Created\n" + "".join(f'{n},"{a}",New,{b},"{c}",{d}\n' for n, (a, b, c, d) in enumerate(cells, 900)) + "0900,Other,New,,,\n"})
    rows = done.rows("select id, name, email__key, value, created_at::date::text as created from {clean}.lead order by _rec")
    assert [tuple(r.values()) for r in rows] == [
        ("900", "Null", None, None, None), ("901", "None", None, None, None), ("902", "Anna", None, None, None), ("903", "Bo Li", "b@x.com", 5000, "2024-02-13"),
        ("904", "=1+1", "b@x.com", -12.5, None), ("905", "<script>x</script>", None, 1200.5, "2024-01-05"), ("0900", "Other", None, None, None),
    ]  # fmt: skip
    assert done.warnings("lead") == [
        (4, "date_order_flipped", "created_at"), (4, "several_emails", "email"), (5, "bad_optional_date", "created_at"), (5, "negative_amount", "value"), (6, "invalid_email", "email"),
    ]  # fmt: skip
    assert done.rejects("lead") == []


@pytest.mark.promise("R08")
def test_parts_in_every_encoding_and_with_every_line_end_are_one_object(take_in) -> None:
    def part(n: int, encoding: str, delimiter: str, newline: str, before: str = "") -> bytes:
        rows = [["Lead ID", "Lead Name", "Status"], [str(n), "Zoë Müller, José", "Ça va"], [str(100 + n), 'She said ""x""', "New"]]
        text = before + newline.join(delimiter.join(f'"{c}"' for c in row) for row in rows) + newline
        return text.encode(encoding)

    done = take_in({
        "leads_1.csv": part(1, "utf-8", ",", "\n"), "leads_2.csv": part(2, "utf-8-sig", ";", "\r\n"), "leads_3.csv": part(3, "utf-16", "\t", "\r\n"), "leads_4.csv": part(4, "utf-16-be", ",", "\n"),
        "leads_5.csv": part(5, "cp1252", "|", "\r"), "leads_6.csv": part(6, "latin-1", ";", "\n", "sep=;\n"), "leads_7.csv": part(7, "utf-8", ",", "\r"), "leads_8.csv": b"Lead ID,Lead Name,Status\n1,\x81\x8d,x\n",
    })  # fmt: skip
    rows = done.rows("select id, name, status from {clean}.lead order by _file, _rec")
    assert [tuple(r.values()) for r in rows] == [t for n in range(1, 8) for t in ((str(n), "Zoë Müller, José", "Ça va"), (str(100 + n), 'She said "x"', "New"))]
    finding = done.rows("select severity, title from {log}.finding where code = 'unknown_encoding'")
    assert [f["severity"] for f in finding] == ["blocking"]
    assert "leads_8.csv: byte 27" in finding[0]["title"]


def test_a_number_and_a_text_are_the_same_id_in_a_dump(take_in) -> None:
    done = take_in({"dump.json": '{"contacts": [{"id": 7, "email": "a@x.com"}, {"id": "7", "email": "a@x.com"}, {"id": "7", "email": "b@x.com"}, {"id": "07", "email": "c@x.com"}]}'}, source="smartdesk")
    assert done.statuses("contact") == ["valid", "exact_duplicate", "rejected", "valid"]
    assert done.rejects("contact") == [(3, "id_conflict", "id")]
