"""A sixth product, of which nothing is known: its files are proposed, reviewed, drafted, and its rows become records to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm2odoo import cli
from crm2odoo.discovery.draft import propose, write
from crm2odoo.discovery.review_file import Review, diff, merged, read_review, remembered
from crm2odoo.intake import clean, land, register
from crm2odoo.project import ConfigError, load_bundle
from crm2odoo.staging import Workspace, build_target

FIRMEN = "Firmen-ID;Firmenname;Straße;PLZ;Ort;Land;Webseite;Branche;Kundenklasse\nF1;Müller GmbH;Hauptstr. 1;10115;Berlin;Deutschland;www.mueller.example;Bau;A\nF2;Kern AG;Ring 2;80331;München;Deutschland;kern.example;IT;B\n"
KONTAKTE = "Kontakt-ID;Vorname;Nachname;Firmen-ID;Firma;E-Mail;Telefon;Position\nK1;Anna;Groß;F1;Müller GmbH;anna@mueller.example;+49 30 123456;Leiterin\nK2;Bernd;Klein;F2;Kern AG;bernd@kern.example;+49 89 654321;Einkauf\n"
CHANCEN = (
    "Chancen-ID;Verkaufschance;Firma;Ansprechpartner;Betrag;Phase;Abschlussdatum;Verantwortlich;Erstellt am;Dachfläche\n"
    "C1;Dach neu;Müller GmbH;Anna Groß;12.500,00 €;Gewonnen;31.01.2026;vera@uns.example;15.12.2025;120\n"
    "C2;Server;Kern AG;Bernd Klein;3.000,50 €;Verloren;28.02.2026;vera@uns.example;16.12.2025;\n"
    "C3;Wartung;Kern AG;Bernd Klein;900,00 €;In Verhandlung;15.03.2026;vera@uns.example;17.12.2025;80\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    export = tmp_path / "export"
    export.mkdir()
    for name, text in (("Firmen.csv", FIRMEN), ("Kontakte.csv", KONTAKTE), ("Verkaufschancen.csv", CHANCEN)):
        (export / name).write_text(text, encoding="cp1252")
    (tmp_path / "mappings" / "projects").mkdir(parents=True)
    return tmp_path


def run(root: Path, *told: str) -> int:
    return cli.main(["--root", str(root), *told])


def test_the_files_are_told_apart_and_every_column_has_a_line(root: Path) -> None:
    found = {p.review.object: p.review for p in propose(root, "neu", root / "export")}
    assert {name: (r.kind, r.key, r.records) for name, r in found.items()} == {
        "company": ("company", "Firmen-ID", 2),
        "contact": ("contact", "Kontakt-ID", 2),
        "deal": ("deal", "Chancen-ID", 3),
    }
    assert [line.header for line in found["deal"].columns] == CHANCEN.split("\n")[0].split(";")
    roof = found["deal"].columns[-1]
    assert (roof.decision, roof.filled, roof.locked) == ("custom", 2, False)


@pytest.mark.promise("P003")
def test_what_a_person_locked_stays_and_a_new_proposal_shows_what_it_would_change(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "propose", "neu", str(root / "export")) == 0
    path = root / "mappings" / "reviews" / "neu" / "company.yaml"
    text = path.read_text()
    place = text.index("header: Kundenklasse")
    decided = text[place:].replace("decision: custom", "decision: field", 1).replace("target: x_kundenklasse", "target: ref", 1)
    decided = decided.replace("locked: false", "locked: true\n    reason: it is our number", 1)
    path.write_text(text[:place] + decided)
    (root / "export" / "Firmen.csv").write_text(FIRMEN.replace("Branche", "Sparte").replace("Kundenklasse\n", "Kundenklasse;Notizen\n").replace(";A\n", ";A;x\n").replace(";B\n", ";B;\n"), "utf-8")
    capsys.readouterr()
    assert run(root, "propose", "neu", str(root / "export")) == 0
    shown = capsys.readouterr().out
    assert "-  - header: Branche" in shown
    assert "+  - header: Notizen" in shown
    lines = {line.header: line for line in read_review(path).columns}
    assert (lines["Kundenklasse"].target, lines["Kundenklasse"].locked, lines["Kundenklasse"].reason) == ("ref", True, "it is our number")
    run(root, "propose", "neu", str(root / "export"))
    assert "company.yaml: unchanged" in capsys.readouterr().out


def test_a_locked_field_is_given_to_no_other_column_and_is_remembered_for_other_sources(root: Path) -> None:
    write(propose(root, "neu", root / "export"))
    path = root / "mappings" / "reviews" / "neu" / "contact.yaml"
    old = read_review(path)
    lines = [line.model_copy(update={"target": "phone", "locked": True, "meaning": "phone"}) if line.header == "Position" else line for line in old.columns]
    new = next(p for p in propose_with(root, old.model_copy(update={"columns": lines}), path) if p.object == "contact")
    assert {line.header: line.decision for line in new.columns}["Telefon"] == "custom"
    assert remembered(root) == {("contact", "position"): "phone"}


def propose_with(root: Path, review: Review, path: Path) -> list[Review]:
    from crm2odoo.discovery.review_file import dump

    path.write_text(dump(review), encoding="utf-8")
    return [p.review for p in propose(root, "neu", root / "export")]


def test_a_review_says_where_it_is_wrong(root: Path) -> None:
    write(propose(root, "neu", root / "export"))
    path = root / "mappings" / "reviews" / "neu" / "deal.yaml"
    path.write_text(path.read_text().replace("decision: field", "decision: feild", 1))
    with pytest.raises(ConfigError, match=r"deal\.yaml:\d+:5: columns\.0\.decision: .*\n.*feild\n.*\^\n.*did you mean 'field'"):
        read_review(path)
    assert run(root, "lint") == 1


def test_files_in_folders_are_proposed_and_what_is_no_table_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mappings").mkdir()
    export = tmp_path / "export"
    (export / "acme" / "attachments").mkdir(parents=True)
    (export / "acme" / "Kontakte.csv").write_text(KONTAKTE.replace("Leiterin", '"' + "x" * 200_000 + '"'), encoding="utf-8")
    (export / "acme" / "attachments" / "list.csv").write_text("a;b\n1;2\n")
    assert [p.path.name for p in propose(tmp_path, "crm", export)] == ["contact.yaml"]
    for content, told in ((b"\x1f\x8b\x08\x00", "is a gzip archive"), (b"<html></html>", "is a web page"), (b"1,Ann,ann@x.com\n2,Bob,bob@x.com\n", "first line")):
        (export / "acme" / "Kontakte.csv").write_bytes(content)
        assert run(tmp_path, "propose", "crm", str(export)) == 1
        assert told in capsys.readouterr().err


def test_merging_nothing_changes_nothing(root: Path) -> None:
    [review, *_] = [p.review for p in propose(root, "neu", root / "export")]
    assert merged(None, review) == review
    assert diff(review, review) == ""


@pytest.mark.promise("P031")
def test_the_draft_loads_and_its_rows_become_records_to_be(root: Path, staging_dsn: str) -> None:
    write(propose(root, "neu", root / "export"))
    assert run(root, "draft", "neu", str(root / "export"), "--title", "Neues CRM") == 0
    source = root / "mappings" / "sources" / "neu.yaml"
    assert "date_order: dmy, decimal_mark: ','" in source.read_text()
    assert run(root, "draft", "neu", str(root / "export")) == 1, "a source file that is there is not written over"
    (root / "mappings" / "projects" / "sechs.yaml").write_text(
        "project: sechs\ntitle: Sechs\nsource: neu\nexport: export\ncurrency: EUR\nowners: {undecided: hold}\n"
    )
    assert run(root, "lint") == 0
    ws = Workspace.open(load_bundle(root, "sechs"), staging_dsn)
    export = register(ws, root / "export")
    land(ws, export)
    clean(ws, export)
    built = build_target(ws, export)
    assert {k: v for k, v in built.items() if k in ("company", "contact", "opportunity", "lead")} == {"company": 2, "contact": 2, "opportunity": 3}
    with ws.connect() as connection:
        deals = connection.execute(
            ws.sql("select name, expected_revenue, active, probability, date_deadline::text as d from {target}.opportunity order by name")
        ).fetchall()
        contacts = connection.execute(ws.sql("select name, parent_id is not null as below from {target}.contact order by name")).fetchall()
    assert [(d["name"], float(d["expected_revenue"]), d["active"], float(d["probability"]), d["d"]) for d in deals] == [
        ("Dach neu", 12500.0, True, 100.0, "2026-01-31"),
        ("Server", 3000.5, False, 0.0, "2026-02-28"),
        ("Wartung", 900.0, True, 0.0, "2026-03-15"),
    ]
    assert contacts == [{"name": "Anna Groß", "below": True}, {"name": "Bernd Klein", "below": True}]


