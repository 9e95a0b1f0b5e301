"""Visual Practice: the account of a dental group in Ontario. ISO dates, tags with pipes, health data, clinical images elsewhere."""

from __future__ import annotations

from typing import Any

from .account import Account, Cells
from .attachments import digest, pdf, png
from .clock import DAY, EXPORTED, business_moment, iso_date, iso_time, iso_utc, moment, to_utc
from .export import Export
from .names import CA, PLACES_BY_COUNTRY, US
from .text import HARMLESS_BUT_NASTY, email, html_note, note
from .world import Person, World, person

ZONE = "America/Toronto"
ABOUT = {"timezone": ZONE, "date_order": "mdy", "currency": "CAD", "files_are": "UTF-8, semicolon, CRLF; tags separated by |", "regime": "phipa"}
SELLER = "lakeshoredental.example"
USERS = [  # name, local part, role, active
    ("Dr. Hélène Gauthier", "helene", "Owner", "Yes"),
    ("Dr. Amir Haddad", "amir", "Dentist", "Yes"),
    ("Sarah McKenzie", "sarah", "Treatment coordinator", "Yes"),
    ("Tyrone Baptiste", "tyrone", "Treatment coordinator", "Yes"),
    ("Mei-Ling Wu", "meiling", "Hygienist", "Yes"),
    ("Jordan Fraser", "jordan", "Front desk", "No"),
]
PIPELINES = {
    ("PL-1", "Implants & Restorative"): [
        ("Inquiry", 10),
        ("Consult Booked", 25),
        ("Plan Presented", 50),
        ("Accepted", 80),
        ("Completed", 100),
        ("Declined", 0),
    ],
    ("PL-2", "Orthodontics"): [("Inquiry", 10), ("Records Taken", 40), ("Contract Signed", 90), ("Completed", 100), ("Declined", 0)],
    ("PL-3", "Corporate Plans"): [("First Call", 10), ("Proposal", 50), ("Signed", 100), ("Declined", 0)],
}
WON, LOST = {"Completed", "Signed"}, {"Declined"}
TREATMENTS = [
    ("single implant", 420_000),
    ("full-arch restoration", 2_650_000),
    ("clear aligners", 589_500),
    ("porcelain veneers", 780_025),
    ("whitening", 45_000),
    ("corporate dental plan", 1_820_000),
]
SOURCES = [
    ("Google", "Organic"),
    ("Google", "CPC"),
    ("Referral", "Word of mouth"),
    ("Instagram", "Social"),
    ("Walk-in", ""),
    ("Insurer list", "Partner"),
]
TAGS = [
    "Anxious patient",
    "Family of 4",
    "Evening only",
    "CDCP",
    "VIP",
    "Français",
    "No insurance",
    "Recall overdue",
    "Referral programme",
    "Crown, bridge & co",
]
CATEGORIES = ["Clinical", "Billing", "Recall", "Consent"]
KINDS = ["Call", "Email", "Meeting"]


def dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"


class VisualPractice(Account):
    source = "visual_practice"
    sections = ("setup", "companies", "contacts", "leads", "opportunities", "activities", "notes", "files", "inventory")
    emails = tuple(f"{local}@{SELLER}" for _, local, _, _ in USERS)
    gone = f"reception.old@{SELLER}"

    def __init__(self, export: Export, seed: int, leads: int) -> None:
        super().__init__(export, seed, leads)
        self.world = World([*PLACES_BY_COUNTRY[CA], *PLACES_BY_COUNTRY[US][:3]])
        self.companies, self.contacts = max(8, leads // 3), max(8, leads)
        self.deals = max(6, leads * 2 // 3)

    def table(self, object: str, name: str, header: list[str], **options: Any) -> Any:
        return self.export.table(object, name, header, separator=";", **options)

    def write_setup(self) -> None:
        messy, truth = bool(self.export.messy), self.truth
        with self.table("user", "users.csv", ["User ID", "Name", "Email", "Role", "Active"]) as table:
            for n, (name, local, role, active) in enumerate(USERS):
                table.row([f"U{n + 1:02d}", name, f"{local}@{SELLER}", role, active])
            if messy:
                table.plant(["U21", "S. McKenzie", f"SARAH@{SELLER}", "Front desk", "Yes"], "merged", "merged", into="U03")
                table.plant(["U22", "Kiosk", "", "Front desk", "Yes"], "missing_required", "rejected")
        with self.table("pipeline", "pipelines.csv", ["Pipeline ID", "Pipeline Name"]) as table:
            for number, name in PIPELINES:
                table.row([number, name])
        with self.table("pipeline_stage", "pipeline_stages.csv", ["Pipeline", "Stage Name", "Order", "Probability"]) as table:
            for (_, name), stages in PIPELINES.items():
                for n, (stage, probability) in enumerate(stages, 1):
                    table.row([name, stage, n, "" if stage == "Records Taken" else f"{probability}%"])
            if messy:
                table.plant(["Orthodontics", "inquiry ", 1, "10%"], "merged", "merged")
        with self.table("tag", "tags.csv", ["Tag", "Applies To"]) as table:
            for n, tag in enumerate(TAGS):
                table.row([tag, ("Contacts", "Leads", "Both")[n % 3]])
            if messy:
                table.plant(["vip", "Both"], "merged", "merged", into="VIP")
        with self.table("custom_field", "custom_fields.csv", ["Object", "Field Name", "Type", "Options"]) as table:
            table.row(["Contact", "Preferred Language", "Pick-list", "English|Français|Other"])
            table.row(["Contact", "Recall Interval (Months)", "Number", ""])
            table.row(["Company", "Insurance Network", "Text", ""])
            table.row(["Opportunity", "Treatment Type", "Pick-list", "|".join(t for t, _ in TREATMENTS)])
            table.row(["Opportunity", "Insurance Estimate", "Money", ""])
            table.row(["Opportunity", "Chair Hours", "Number", ""])
            table.row(["Opportunity", "Consent Signed", "Yes/No", ""])
        truth.lists["stages"] = [[name, stage, p] for (_, name), stages in PIPELINES.items() for stage, p in stages]
        truth.lists["owners_without_user"] = [self.gone]
        truth.lists["inactive_users"] = [f"{local}@{SELLER}" for _, local, _, active in USERS if active == "No"]

    # -- companies in a hierarchy, contacts -------------------------------------------------------------------------

    def parent(self, i: int) -> int | None:
        """Number of the company above company ``i``: three levels (0 over 1, 2, 3; 1 over 4, 5), and 6 and 7 in a circle."""
        return {1: 0, 2: 0, 3: 0, 4: 1, 5: 1, 6: 7, 7: 6}.get(i, 8 if i % 9 == 0 and i > 9 else None)

    def write_companies(self) -> None:
        header = [
            "Company ID",
            "Company Name",
            "Parent Company ID",
            "Website",
            "Industry",
            "Employee Count",
            "Phone",
            "Street",
            "City",
            "Province",
            "Postal Code",
            "Country",
            "Owner",
            "Insurance Network",
            "Plan Renewal",
            "Created",
            "Deleted",
        ]
        table = self.table("company", "companies.csv", header)
        chance, truth = self.chance("company"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            company, parent = self.world.company(i), self.parent(i)
            place = company.place
            return [
                f"CO-{101 + i}",
                company.name,
                "" if parent is None else f"CO-{101 + parent}",
                f"https://{company.domain}" if i % 5 else "",
                company.industry,
                str(company.employees + (1 if changed else 0)),
                company.phone,
                company.street,
                place.city,
                place.region,
                place.zip,
                place.country,
                self.owner(draw),
                draw.pick(["Sun Network", "Maple Health", "None", ""]),
                iso_date(EXPORTED + draw.between(5, 300) * DAY) if i % 3 == 0 else "",
                iso_time(business_moment(draw.random())),
                "No",
            ]

        def tally(cells: Cells, i: int) -> None:
            parent = self.parent(i)
            truth.link("company_parent", cells[0], f"CO-{101 + parent}" if parent is not None and i not in (6, 7) else None)
            truth.count("company", "by_industry", cells[4])

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Company Name": ""}, remember="company"),
            self.deleted(table, {"Company Name": lambda c: f"{c[1]} (closed)", "Deleted": "Yes"}, remember="company"),
            self.conflict(table, {"Phone": "(416) 555-0100", "Employee Count": "7"}),
            self.cut(table, 9),
            self.odd(
                table,
                "bad_optional_date",
                lambda c: tally(c, -1),
                {"Company Name": lambda c: f"{c[1]} Annex", "Website": "", "Parent Company ID": "", "Created": "before the merger"},
            ),
            self.odd(
                table, "orphan", lambda c: tally(c, -1), {"Company Name": lambda c: f"{c[1]} Depot", "Website": "", "Parent Company ID": "CO-9999"}
            ),
        ]
        with table:
            for i, cells in self.export.deliver(table, self.companies, make, plants, can_vanish=False):
                tally(cells, i)
        truth.lists["company_cycle"] = ["CO-107", "CO-108"]
        truth.lists["company_levels"] = [["CO-101", "CO-102", "CO-105"]]

    def contact(self, i: int) -> tuple[Person, int | None, str]:
        who = person(i)
        number = i % self.companies if i % 3 == 0 else None
        return who, number, f"{who.local}@{self.world.company(number).domain if number is not None else 'example.com'}"

    def write_contacts(self) -> None:
        header = [
            "Contact ID",
            "First Name",
            "Last Name",
            "Email",
            "Phone",
            "Company ID",
            "Job Title",
            "Date of Birth",
            "Health Card No",
            "Tags",
            "Owner",
            "Street",
            "City",
            "Province",
            "Postal Code",
            "Country",
            "Preferred Language",
            "Recall Interval (Months)",
            "Notes",
            "Created",
            "Deleted",
        ]
        table = self.table("contact", "contacts.csv", header)
        chance, truth = self.chance("contact"), self.truth

        def make(i: int, changed: bool) -> Cells:
            who, number, address = self.contact(i)
            draw = chance.at(i)
            home = self.world.company(i).place
            tags = draw.some(TAGS, 3)
            self.fact = (tags, number)
            return [
                f"{i + 1:05d}",
                who.first if i % 22 != 5 else "",
                who.last,
                address if i % 13 != 6 else "",
                World.phone(home, who.phone_digits),
                "" if number is None else f"CO-{101 + number}",
                "HR Manager" if number is not None else "",
                iso_date(moment(1950 + i * 7 % 60, 1 + i % 12, 1 + i % 28)),
                f"{1000 + i * 13 % 9000}-{i % 1000:03d}-{i * 7 % 1000:03d}-XX",
                "|".join(tags),
                self.owner(draw),
                f"{10 + i * 3 % 400} {draw.pick(['King St W', 'Lakeshore Rd', 'rue Sherbrooke', 'Queen St E'])}",
                home.city,
                home.region,
                home.zip,
                home.country,
                ("English", "Français", "Other", "")[(i * 3 + changed) % 4],
                str((3, 6, 9, 12)[i % 4]),
                HARMLESS_BUT_NASTY[i // 12 % len(HARMLESS_BUT_NASTY)] if i % 12 == 7 else "",
                iso_time(business_moment(draw.random())),
                "No",
            ]

        def tally(cells: Cells, *, linked: bool = True) -> None:
            tags, number = self.fact
            for tag in tags:
                truth.count("contact", "by_tag", tag)
            truth.link("contact_company", cells[0], f"CO-{101 + number}" if linked and number is not None else None)

        nobody = {"Email": lambda c: f"planted{self.spare}@example.org"}
        plants = [
            self.copy(table),
            self.merged(table, {"Email": lambda c: c[3].upper(), "Phone": ""}, by="Email"),
            self.bad(table, "missing_required", {"First Name": "", "Last Name": "", "Email": ""}),
            self.deleted(table, {**nobody, "Deleted": "true"}, remember="contact"),
            self.conflict(table, {"Last Name": "Overwritten"}),
            self.cut(table, 8),
            self.odd(table, "orphan", lambda c: tally(c, linked=False), {**nobody, "Company ID": "CO-9998"}),
            self.odd(
                table, "orphan_parent_rejected", lambda c: tally(c, linked=False), {**nobody, "Company ID": lambda c: self.known["rejected company"]}
            ),
            self.odd(
                table, "orphan_parent_deleted", lambda c: tally(c, linked=False), {**nobody, "Company ID": lambda c: self.known["deleted company"]}
            ),
            self.odd(table, "invalid_email", tally, {"Email": "ask at desk"}),
            self.odd(table, "bad_optional_date", tally, {**nobody, "Created": "long ago"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.contacts, make, plants, can_vanish=False):
                tally(cells)

    # -- leads and opportunities ------------------------------------------------------------------------------------

    def write_leads(self) -> None:
        header = [
            "Lead ID",
            "Lead Name",
            "Pipeline",
            "Stage",
            "Score",
            "Source",
            "Medium",
            "Contact ID",
            "Company ID",
            "Email",
            "Phone",
            "Owner",
            "Tags",
            "Description",
            "Created",
            "Stage Entered",
            "Deleted",
        ]
        table = self.table("lead", "leads.csv", header)
        chance, truth = self.chance("lead"), self.truth
        pipelines = list(PIPELINES.items())
        entered: dict[str, str] = truth.lists.setdefault("lead_stage_entered_utc", {})

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            (_, pipeline), stages = pipelines[(0, 0, 1, 1, 2)[i % 5]]
            stage = stages[min(i // 5 % 3, len(stages) - 3) + (1 if changed else 0)][0]
            c = i * 2 % self.contacts
            who, number, address = self.contact(c)
            source, medium = draw.pick(SOURCES)
            owner, tags = self.owner(draw), draw.some(TAGS, 2)
            created = business_moment(draw.random(), high=EXPORTED - 40 * DAY)
            at = EXPORTED + DAY if changed else created + draw.between(0, 30) * DAY + draw.below(300)
            if i == 2:
                created, at = moment(2024, 3, 9, 23, 30), moment(2024, 3, 10, 3, 30)  # the clocks went forward in between
            treatment = draw.pick(TREATMENTS)[0]
            self.fact = (pipeline, stage, owner, tags, source, medium, c, number, at)
            text = HARMLESS_BUT_NASTY[i // 10 % len(HARMLESS_BUT_NASTY)] if i % 10 == 3 else note(draw, who.first, treatment)
            return [
                f"LD-{2001 + i}",
                f"{who.last}, {who.first} – {treatment}" if i % 4 else who.name,
                pipeline,
                stage,
                f"{draw.below(1000) / 10:.1f}",
                source,
                medium,
                f"{c + 1:05d}",
                "" if number is None else f"CO-{101 + number}",
                address,
                "",
                owner,
                "|".join(tags),
                text,
                iso_time(created),
                iso_time(at),
                "No",
            ]

        def tally(cells: Cells) -> None:
            pipeline, stage, owner, tags, source, medium, c, number, at = self.fact
            truth.count("lead", "by_stage", f"{pipeline} / {stage}")
            truth.count("lead", "by_owner", owner.strip().lower())
            truth.count("lead", "by_source_and_medium", f"{source} / {medium}")
            for tag in tags:
                truth.count("lead", "by_tag", tag)
            truth.link("lead_contact", cells[0], f"{c + 1:05d}")
            truth.link("lead_company", cells[0], f"CO-{101 + number}" if number is not None else None)
            if len(entered) < 200:
                entered[cells[0]] = iso_utc(to_utc(at, ZONE))

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Stage": ""}, remember="lead"),
            self.deleted(table, {"Deleted": "1"}, remember="lead"),
            self.conflict(table, {"Score": "1", "Stage": "Inquiry", "Description": "second import"}),
            self.bad(table, "bad_amount", {"Score": "high"}),
            self.odd(table, "bad_optional_date", tally, {"Created": "2024-13-45"}),
            self.cut(table, 10),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.leads, make, plants):
                tally(cells)

    def write_opportunities(self) -> None:
        header = [
            "Opportunity ID",
            "Opportunity Name",
            "Revenue",
            "Pipeline",
            "Stage",
            "Probability",
            "Close Date",
            "Stage Entered",
            "Contact ID",
            "Company ID",
            "Owner",
            "Tags",
            "Created",
            "Treatment Type",
            "Insurance Estimate",
            "Chair Hours",
            "Consent Signed",
            "Deleted",
        ]
        table = self.table("opportunity", "opportunities.csv", header)
        chance, truth = self.chance("opportunity"), self.truth
        pipelines = list(PIPELINES.items())

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            (number, pipeline), stages = pipelines[i % 3]
            stage, probability = stages[-2] if changed else draw.pick(stages)
            treatment, price = draw.pick(TREATMENTS)
            cents = price + draw.below(400) * 125
            c = i * 5 % self.contacts
            who, company, _ = self.contact(c)
            owner, tags = self.owner(draw), draw.some(TAGS, 2)
            created = business_moment(draw.random(), high=EXPORTED - 90 * DAY)
            closed = stage in WON or stage in LOST
            at = EXPORTED + DAY if changed else created + draw.between(3, 80) * DAY + 37
            close = at if closed else created + draw.between(100, 400) * DAY
            self.fact = (pipeline, stage, cents, owner, tags, c, company, close)
            return [
                f"OP-{4001 + i}",
                f"{treatment.capitalize()} for {who.name}",
                dollars(cents) if i % 6 else f"{cents / 100:.2f} CAD",
                number if i % 7 == 1 else pipeline,
                stage,
                f"{probability}%",
                iso_date(close),
                iso_time(at),
                f"{c + 1:05d}",
                "" if company is None else f"CO-{101 + company}",
                owner,
                "|".join(tags),
                iso_time(created),
                treatment,
                dollars(cents * 4 // 10) if i % 3 else "",
                f"{draw.between(1, 24) / 2:.1f}",
                ("Yes", "No", "")[i * 2 % 3],
                "No",
            ]

        def tally(cells: Cells, *, contact: bool = True) -> None:
            pipeline, stage, cents, owner, tags, c, company, close = self.fact
            truth.count("opportunity", "by_stage", f"{pipeline} / {stage}")
            truth.count("opportunity", "by_owner", owner.strip().lower())
            truth.count("opportunity", "by_outcome", "won" if stage in WON else "lost" if stage in LOST else "open")
            for tag in tags:
                truth.count("opportunity", "by_tag", tag)
            truth.add("opportunity", "revenue_by_stage", f"{pipeline} / {stage} / CAD", cents)
            truth.add("opportunity", "revenue_by_close_month", iso_date(close)[:7], cents)
            truth.link("opportunity_contact", cells[0], f"{c + 1:05d}" if contact else None)
            truth.link("opportunity_company", cells[0], f"CO-{101 + company}" if company is not None else None)

        plants = [
            self.copy(table),
            self.bad(table, "bad_amount", {"Revenue": "NaN"}, remember="opportunity"),
            self.bad(table, "bad_date", {"Close Date": "spring"}),
            self.bad(table, "missing_required", {"Pipeline": ""}),
            self.deleted(table, {"Deleted": "yes"}),
            self.conflict(table, {"Revenue": "$1.00"}),
            self.cut(table, 5),
            self.odd(table, "orphan", lambda c: tally(c, contact=False), {"Contact ID": "99999"}),
            self.odd(table, "orphan_parent_deleted", lambda c: tally(c, contact=False), {"Contact ID": lambda c: self.known["deleted contact"]}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.deals, make, plants, can_vanish=False):
                tally(cells)

    # -- activities, notes, files -----------------------------------------------------------------------------------

    def related(self, i: int) -> tuple[str, str]:
        """(type, id) of the record that something belongs to: never a lead that a delta drops."""
        if i % 3 == 0:
            return "Contact", f"{i * 7 % self.contacts + 1:05d}"
        if i % 3 == 1:
            return "Opportunity", f"OP-{4001 + i * 5 % self.deals}"
        lead = i * 3 % self.leads
        return "Lead", f"LD-{2001 + (lead - 1 if lead % 31 == 23 else lead)}"

    def write_activities(self) -> None:
        table = self.table(
            "activity",
            "activities.csv",
            ["Activity ID", "Type", "Subject", "Related To", "Related ID", "Start", "End", "Status", "Owner", "Attendees", "Description"],
        )
        chance, truth = self.chance("activity"), self.truth
        times: dict[str, str] = truth.lists.setdefault("activity_times_utc", {})

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            kind = KINDS[i * 2 % 3]
            relation, record = self.related(i)
            done = changed or i % 6 != 5
            at = business_moment(draw.random()) if done else EXPORTED + draw.between(1, 30) * DAY
            if i == 4:
                at = moment(2024, 11, 3, 1, 30)  # occurs twice in Toronto
            minutes = draw.pick([15, 30, 60])
            treatment = draw.pick(TREATMENTS)[0]
            subject, body = (
                email(draw, "there", treatment, "Lakeshore Dental")
                if kind == "Email"
                else (f"{kind} about {treatment}", note(draw, "the patient", treatment))
            )
            if changed:
                body += " Rescheduled once."
            guests = f"{self.contact(i % self.contacts)[2]}|{self.emails[i % 4]}" if kind == "Meeting" else ""
            self.fact = (kind, done, at, relation, record)
            return [
                f"AC-{8001 + i}",
                kind,
                subject,
                relation,
                record,
                iso_time(at),
                iso_time(at + minutes) if kind != "Email" else "",
                "Completed" if done else "Planned",
                self.owner(draw),
                guests,
                body,
            ]

        def tally(cells: Cells) -> None:
            kind, done, at, relation, record = self.fact
            truth.count("activity", "by_type_and_state", f"{kind} / {'done' if done else 'open'}")
            truth.link("activity_parent", cells[0], f"{relation} {record}")
            if len(times) < 200:
                times[cells[0]] = iso_utc(to_utc(at, ZONE))

        plants = [
            self.copy(table),
            self.bad(table, "bad_date", {"Start": "after lunch"}),
            self.bad(table, "bad_relation", {"Related To": "Tooth"}),
            self.bad(table, "orphan", {"Related To": "Lead", "Related ID": "LD-0"}),
            self.bad(table, "orphan_parent_rejected", {"Related To": "Lead", "Related ID": lambda c: self.known["rejected lead"]}),
            self.bad(table, "orphan_parent_deleted", {"Related To": "Lead", "Related ID": lambda c: self.known["deleted lead"]}),
            self.bad(table, "missing_required", {"Type": ""}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.leads * 5 // 3, make, plants, can_vanish=False):
                tally(cells)

    def write_notes(self) -> None:
        table = self.table("note", "notes.csv", ["Note ID", "Related To", "Related ID", "Body", "Author", "Categories", "Created"])
        chance, truth = self.chance("note"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            relation, record = self.related(i + 1)
            body = HARMLESS_BUT_NASTY[i // 9 % len(HARMLESS_BUT_NASTY)] if i % 9 == 5 else html_note(draw, "The patient", draw.pick(TREATMENTS)[0])
            if changed:
                body += "<p>Addendum: consent form on file.</p>"
            return [
                f"NT-{6001 + i}",
                relation,
                record,
                body,
                self.owner(draw),
                "|".join(draw.some(CATEGORIES, 2)),
                iso_time(business_moment(draw.random())),
            ]

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Body": ""}),
            self.bad(table, "orphan", {"Related To": "Contact", "Related ID": "98765"}),
            self.bad(table, "bad_relation", {"Related To": "Claim"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, max(6, self.leads * 2 // 3), make, plants, can_vanish=False):
                truth.link("note_parent", cells[0], f"{cells[1]} {cells[2]}")
                for category in cells[5].split("|") if cells[5] else []:
                    truth.count("note", "by_category", category)

    def write_files(self) -> None:
        table = self.table("file", "files.csv", ["File ID", "Related To", "Related ID", "File Name", "Path", "Size", "SHA256", "Owner", "Created"])
        images = self.table("clinical_image", "imaging_manifest.csv", ["Image ID", "Contact ID", "Locator", "Modality", "Bytes", "SHA256", "Taken"])
        chance, truth = self.chance("file"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            relation, record = self.related(i * 4 + i // 3)
            ending = ("pdf", "png", "txt")[i % 3]
            name = ("Treatment plan", "Smile photo", "Phone log é")[i % 3] + f" {i + 1}.{ending}"
            content = pdf(name, record) if ending == "pdf" else png(250 - i, i * 30, 90) if ending == "png" else f"Log {i}\n".encode()
            place = f"files/{i + 1:04d}.{ending}"
            self.export.file(place, content)
            return [
                f"FI-{501 + i}",
                relation,
                record,
                f"rev2 {name}" if changed else name,
                place,
                str(len(content)),
                digest(content),
                self.owner(draw),
                iso_time(business_moment(draw.random())),
            ]

        def lost_byte(i: int, cells: Cells) -> None:
            table.plant([self.spare_id(), *cells[1:6], digest(b"other bytes"), *cells[7:]], "checksum_mismatch", "rejected")

        plants = [
            self.bad(table, "file_missing", {"Path": "files/9999.pdf"}),
            self.bad(table, "size_mismatch", {"Size": "1", "SHA256": ""}),
            lost_byte,
            self.bad(table, "imaging_store", {"File Name": "panoramic.dcm", "Path": "vpimg://store1/2024/00017/pano.dcm", "Size": "", "SHA256": ""}),
            self.bad(table, "imaging_store", {"File Name": "bitewing.dcm", "Path": r"\\VPSERVER\images\00021\bw.dcm", "Size": "", "SHA256": ""}),
            self.bad(table, "orphan", {"Related To": "Contact", "Related ID": "98764"}),
            self.bad(table, "unsafe_path", {"Path": "/etc/hostname"}),
        ]
        with table, images:
            for _, cells in self.export.deliver(table, min(max(9, self.leads // 5), 500), make, plants, can_vanish=False):
                truth.link("file_parent", cells[0], f"{cells[1]} {cells[2]}")
            for i in range(min(max(4, self.leads // 10), 2000)):
                images.row(
                    [
                        f"IMG-{i + 1:05d}",
                        f"{i * 3 % self.contacts + 1:05d}",
                        f"vpimg://store{1 + i % 2}/{2023 + i % 3}/{i:05d}/{('pano', 'bw', 'ceph')[i % 3]}.dcm",
                        ("Panoramic", "Bitewing", "Cephalometric")[i % 3],
                        str(8_000_000 + i * 4099),
                        digest(f"image {i}".encode()),
                        iso_date(business_moment((i % 97) / 97)),
                    ]
                )

    def write_inventory(self) -> None:
        with self.table("automation", "automations.csv", ["Automation", "Object", "Trigger", "Conditions", "Actions", "Active"]) as table:
            table.row(
                [
                    "Recall reminder",
                    "Contact",
                    "Recall date reached",
                    "Preferred Language is set",
                    "Send e-mail Recall; create task Call after 7 days",
                    "Yes",
                ]
            )
            table.row(["Consult follow-up", "Lead", "Stage changed to Consult Booked", "", "Send e-mail Directions; notify the owner", "Yes"])
            table.row(["Old birthday mail", "Contact", "Birthday", "", "Send e-mail Birthday", "No"])


ACCOUNT = VisualPractice
