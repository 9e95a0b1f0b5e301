"""What becomes of a column: by its header in several languages, by its neighbours, by its values."""

from __future__ import annotations

import pytest

from crm2odoo.discovery.header_words import words
from crm2odoo.discovery.proposer import ACCEPT, ColumnIn, LiveField, Proposer
from crm2odoo.discovery.synonym_packs import load_languages, load_targets

PROPOSER = Proposer()


def where(kind: str, *headers: str, values: dict[str, list[str]] | None = None) -> dict[str, str]:
    columns = [ColumnIn(h, (values or {}).get(h, [])) for h in headers]
    return {p.header: p.where for p in PROPOSER.propose(kind, columns)}  # type: ignore[arg-type]


def test_every_phrase_of_every_pack_has_a_meaning_with_a_target() -> None:
    targets = load_targets()
    for language in load_languages():
        for phrase, concepts in language.phrases.items():
            for concept in concepts:
                assert targets.concepts[concept].target("deal"), (language.name, phrase)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("contact", {"Vorname": "name", "Nachname": "name", "Firma": "parent_id", "Straße u. Hausnr.": "street", "PLZ": "zip", "Ort": "city", "Tel. (gesch.)": "phone", "Handy": "custom", "E-Mail privat": "custom", "E-Mail": "email", "Anrede": "custom", "Kundenbetreuer": "user_id"}),
        ("lead", {"Prénom": "contact_name", "Nom de famille": "contact_name", "Société": "partner_name", "Courriel": "email_from", "Code postal": "zip", "Ville": "city", "Origine": "source_id", "Statut": "stage_id", "Commercial": "user_id", "Créé le": "create_date"}),
        ("company", {"Razón social": "name", "CIF": "vat", "Población": "city", "Provincia": "state_id", "Teléfono": "phone", "Página web": "website", "Nº de empleados": "custom", "Dirección de envío": "custom"}),
        ("contact", {"Voornaam": "name", "Tussenvoegsel": "name", "Achternaam": "name", "Bedrijfsnaam": "parent_id", "Straatnaam": "street", "Huisnummer": "street", "Woonplaats": "city", "Telefoonnummer": "phone", "Mobiel": "custom", "Opmerkingen": "comment"}),
        ("deal", {"Nome do negócio": "name", "Valor": "expected_revenue", "Etapa do funil": "stage_id", "Funil": "team_id", "Responsável": "user_id", "Data prevista de fechamento": "date_deadline", "Motivo da perda": "lost_reason_id", "Empresa": "partner_id"}),
        ("deal", {"Deal - Title": "name", "Deal - Value": "expected_revenue", "Organization - Name": "partner_id", "Deal - Lost reason": "lost_reason_id", "Person - Email": "email_from"}),
    ],
)  # fmt: skip
def test_a_header_is_understood_in_its_language(kind: str, expected: dict[str, str]) -> None:
    assert where(kind, *expected) == expected


@pytest.mark.parametrize(
    ("kind", "header", "never"),
    [
        ("contact", "Email Type", "email"), ("contact", "Tipo de email", "email"), ("contact", "Assistant's Phone", "phone"), ("contact", "IP City", "city"),
        ("lead", "Annual Revenue", "expected_revenue"), ("deal", "Deal Type", "type"), ("contact", "Spouse Name", "name"), ("lead", "Opportunity ID", "name"),
        ("contact", "Last Contacted", "name"), ("contact", "Company Email", "email"), ("deal", "Number of emails", "email_from"),
    ],
)  # fmt: skip
def test_a_word_for_a_field_is_not_yet_the_field(kind: str, header: str, never: str) -> None:
    assert where(kind, header)[header] != never


def test_a_field_takes_one_column_and_the_others_say_why() -> None:
    one, other = PROPOSER.propose("contact", [ColumnIn("Phone"), ColumnIn("Telephone")])
    assert (one.where, other.where) == ("phone", "custom")
    assert other.confidence < ACCEPT
    assert "better claim to phone" in other.evidence[0]
    assert other.alternatives[0] == "phone"


def test_the_only_number_of_a_file_is_the_phone() -> None:
    assert where("contact", "Name", "Mobile")["Mobile"] == "phone"
    assert where("contact", "Name", "Mobile", "Phone")["Mobile"] == "custom"


@pytest.mark.promise("P034")
def test_values_decide_where_the_header_is_wrong_or_silent() -> None:
    values = {"Email": ["yes", "no", "yes"], "Kolom 7": ["ann@x.example", "bob@y.example"]}
    assert where("contact", "Email", "Kolom 7", values=values) == {"Email": "custom", "Kolom 7": "email"}


def test_what_a_person_confirmed_before_comes_first() -> None:
    known = Proposer(known={("contact", " ".join(words("Kundenkürzel XY"))): "reference"})
    [proposal] = known.propose("contact", [ColumnIn("Kundenkürzel XY")])
    assert (proposal.where, proposal.confidence >= ACCEPT) == ("ref", True)


def test_a_field_that_somebody_made_in_the_target_is_filled_and_not_made_again() -> None:
    live = {"res.partner": {"x_shoe": LiveField(("Shoe size left", "Schuhgröße links"), "float"), "x_class": LiveField(("Kundenklasse",), "char")}}
    proposer = Proposer(live=live)
    shoe, grade = proposer.propose("contact", [ColumnIn("Schuhgröße links", ["43", "38,5", "41"]), ColumnIn("Kundenklasse", ["A", "B"])])
    assert (shoe.where, shoe.grounds, shoe.confidence >= ACCEPT) == ("x_shoe", ("label", "values"), True)
    assert (grade.where, grade.grounds, grade.confidence >= ACCEPT) == ("x_class", ("label",), False)
    [other] = proposer.propose("contact", [ColumnIn("Schuhgröße links", ["large", "small"])])
    assert other.where == "custom", "the label is the same, and its values cannot be numbers"


def test_the_label_of_the_target_is_a_second_witness() -> None:
    live = {"res.partner": {"ref": LiveField(("Reference",), "char"), "function": LiveField(("Title",), "char")}}
    [alone] = PROPOSER.propose("contact", [ColumnIn("Title")])
    [both] = Proposer(live=live).propose("contact", [ColumnIn("Title")])
    assert (alone.where, both.where, alone.confidence < ACCEPT <= both.confidence) == ("function", "function", True)


def test_a_word_that_has_meant_other_things_beside_such_words_is_left_to_a_person() -> None:
    # “Code” is the customer's, “billing code” the postal one: what is a main code?
    plain, vague = (PROPOSER.propose("company", [ColumnIn(h)])[0] for h in ("Code", "Main Code"))
    assert (plain.where, vague.where) == ("ref", "ref")
    assert plain.confidence >= ACCEPT > vague.confidence
    assert "-vague" in vague.grounds


def test_a_name_of_another_language_than_the_file_s_is_left_to_a_person() -> None:
    german = ["Vorname", "Nachname", "Straße", "PLZ", "Ort", "Telefon"]
    proposals = PROPOSER.propose("contact", [ColumnIn(h) for h in (*german, "Apellidos del contacto")])
    assert all(p.confidence >= ACCEPT for p in proposals[:-1])
    assert "-tongue" in proposals[-1].grounds
    assert proposals[-1].confidence < ACCEPT


def test_the_same_file_gives_the_same_proposal_in_any_process() -> None:
    headers = [ColumnIn(h) for h in ("Name", "Email", "Phone", "Mobile", "Status", "Foo", "Amount", "Value")]
    assert PROPOSER.propose("lead", headers) == Proposer().propose("lead", headers)


@pytest.mark.promise("P039")
def test_a_column_that_nothing_knows_becomes_a_custom_field_with_a_type() -> None:
    [proposal] = PROPOSER.propose("company", [ColumnIn("Roof colour", ["2024-01-31", "2024-02-29"])])
    assert (proposal.decision, proposal.target, proposal.type) == ("custom", "x_roof_colour", "date")
    assert len(proposal.alternatives) >= 1


@pytest.mark.parametrize(
    ("kind", "headers", "values", "concept"),
    [
        # In most languages the plain word for "name" stands for the half that is not named: taken for the whole, the other half would be lost.
        ("contact", ["Nombre", "Apellidos"], [], "first_name"), ("contact", ["Nom", "Prénom"], [], "last_name"), ("contact", ["Name", "Vorname"], [], "last_name"),
        ("lead", ["Naam", "Achternaam"], [], "first_name"), ("lead", ["Nome", "Sobrenome"], [], "first_name"),
        # Somebody's full name beside the first name alone, and a name beside both halves.
        ("contact", ["Name", "First name"], ["Ann Lee", "Ann"], "name"), ("contact", ["Name", "First name", "Last name"], [], "name"),
        # A company's name beside the person's.
        ("company", ["Name", "Vorname"], [], "name"), ("deal", ["Name", "Vorname"], [], "name"),
    ],
)  # fmt: skip
def test_a_plain_name_beside_one_half_of_a_name_is_the_other(kind: str, headers: list[str], values: list[str], concept: str) -> None:
    columns = [ColumnIn(h, values[i : i + 1]) for i, h in enumerate(headers)]
    assert PROPOSER.propose(kind, columns)[0].concept == concept  # type: ignore[arg-type]


@pytest.mark.parametrize("header", ["Decision maker", "Entscheider", "Décideur", "Tomador de decisiones", "Beslisser", "Decisor"])
def test_who_decides_is_a_person_in_a_file_of_deals_and_a_yes_or_no_beside_a_person(header: str) -> None:
    """“Yes” is nobody's name."""
    assert where("contact", header)[header] == "custom"
    assert where("deal", header)[header] == "partner_id"


def test_a_title_names_a_deal_and_says_what_a_person_is() -> None:
    assert where("contact", "Título", "Nombre completo")["Título"] == "function"
    assert where("deal", "Título", "Valor")["Título"] == "name"


def test_staff_of_a_company_are_counted_and_of_a_deal_they_look_after_it() -> None:
    assert where("company", "Mitarbeiter", "Firma")["Mitarbeiter"] == "custom"
    assert where("deal", "Mitarbeiter", "Betrag")["Mitarbeiter"] == "user_id"
