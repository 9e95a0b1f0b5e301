"""SmartDesk: the account of a managed-IT firm. The same content as a set of CSV files and as one JSON dump; UTC."""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from .account import Account, Cells
from .attachments import digest, pdf, png
from .clock import DAY, EXPORTED, START, business_moment, iso_date, iso_utc
from .dump import Dump, DumpedTable
from .export import Export
from .text import HARMLESS_BUT_NASTY, email, html_note, note
from .world import Person, World, person

ABOUT = {
    "timezone": "UTC",
    "date_order": "mdy",
    "currency": "USD",
    "files_are": "UTF-8, comma, CRLF; the JSON dump in the folder beside holds the same",
}
SELLER = "nimbusit.example"
USERS = [
    ("Olivia Grant", "olivia", "Admin", True),
    ("Kenji Watanabe", "kenji", "Sales", True),
    ("Fátima Zahra", "fatima", "Sales", True),
    ("Ross McLeod", "ross", "Support", True),
    ("Anneke de Vries", "anneke", "Support", True),
    ("Paul Obi", "paul", "Sales", False),
    ("Lia Costa", "lia", "Marketing", True),
]
PIPELINES: dict[tuple[int, str], list[tuple[str, int | None]]] = {
    (1, "New Contracts"): [("Discovery", 10), ("Assessment", 30), ("Proposal", 55), ("Legal", 85), ("Won", 100), ("Lost", 0)],
    (2, "Expansion"): [("Identified", 20), ("Quoted", None), ("Won", 100), ("Lost", 0)],
}
STATUSES = ["New", "Working", "Nurturing", "Unqualified"]
LIFECYCLE = ["Subscriber", "Lead", "MQL", "SQL", "Customer", "Evangelist", ""]
SOURCES = ["Webinar", "Organic Search", "Partner", "Outbound", "Event: IT Expo"]
TAGS = ["managed", "cloud", "security", "SMB", "mid-market", "backup", "Renewal, Q4", "churn risk"]
PRODUCTS = [
    ("managed desktop", 480_000),
    ("cloud backup", 125_050),
    ("SOC monitoring", 999_999),
    ("Microsoft migration", 1_540_000),
    ("VoIP phones", 312_025),
]
DISPOSITIONS = ["Connected", "Left voicemail", "No answer", "Wrong number"]
REASONS = ["Price", "In-house IT", "No decision"]
CATEGORIES = ["Getting started", "Security", "Billing"]
FIRST = START - START % DAY


class SmartDesk(Account):
    source = "smartdesk"
    sections = (
        "setup",
        "accounts",
        "contacts",
        "leads",
        "deals",
        "tasks",
        "calls",
        "emails",
        "meetings",
        "notes",
        "campaigns",
        "templates",
        "tickets",
        "articles",
        "attachments",
        "inventory",
    )
    emails = tuple(f"{local}@{SELLER}" for _, local, _, _ in USERS)
    gone = f"ex.employee@{SELLER}"

    def __init__(self, export: Export, seed: int, leads: int) -> None:
        super().__init__(export, seed, leads)
        self.world = World()
        self.accounts, self.contacts, self.deals = max(8, leads // 3), max(10, leads), max(8, leads * 2 // 3)
        self.tickets, self.campaigns = max(5, leads // 4), 4
        self.json_folder = export.folder.with_name(f"{export.folder.name}_json")

    def write(self, only: Sequence[str] = ()) -> None:
        self.dump = Dump(self.json_folder / "smartdesk_export.json")
        super().write(only)
        self.dump.close()
        if (self.export.folder / "files").exists():
            shutil.copytree(self.export.folder / "files", self.json_folder / "files")

    def table(self, object: str, name: str, header: list[str], **options: Any) -> DumpedTable:
        return DumpedTable(self.export, self.dump, object, name, header, **options)

    def spare_id(self) -> Any:
        """Ids of SmartDesk are numbers; planted rows come from an old account with numbers of its own."""
        self.spare += 1
        return 9_000_000_000 + self.spare

    def write_setup(self) -> None:
        messy, truth = bool(self.export.messy), self.truth
        with self.table("user", "users.csv", ["ID", "Name", "Email", "Role", "Active"]) as table:
            for n, (name, local, role, active) in enumerate(USERS):
                table.row([n + 1, name, f"{local}@{SELLER}", role, active])
            if messy:
                table.plant([21, "Kenji W.", f"Kenji@{SELLER.upper()}", "Sales", True], "merged", "merged", into="2")
                table.plant([22, "API robot", None, "Admin", True], "missing_required", "rejected")
        with self.table("pipeline", "pipelines.csv", ["ID", "Pipeline Name"]) as table:
            for number, name in PIPELINES:
                table.row([number, name])
        with self.table("pipeline_stage", "pipeline_stages.csv", ["ID", "Pipeline ID", "Stage", "Order", "Probability"]) as table:
            for (number, _), stages in PIPELINES.items():
                for n, (stage, probability) in enumerate(stages, 1):
                    table.row([number * 100 + n, number, stage, n, probability])
        with self.table("custom_field", "custom_fields.csv", ["Object", "Field Name", "Type", "Options"]) as table:
            table.row(["Contact", "NPS Score", "number", None])
            table.row(["Contact", "Preferred Channel", "select", ["Email", "Phone", "Chat"]])
            table.row(["Deal", "Contract Type", "select", ["Monthly", "Annual", "Multi-year"]])
            table.row(["Deal", "Seats", "integer", None])
            table.row(["Deal", "Services", "multi_select", [name for name, _ in PRODUCTS]])
        truth.lists["stages"] = [[name, stage, p] for (_, name), stages in PIPELINES.items() for stage, p in stages]
        truth.lists["stages_without_probability"] = [["Expansion", "Quoted"]]
        truth.lists["owners_without_user"] = [self.gone]
        truth.lists["inactive_users"] = [f"{local}@{SELLER}" for _, local, _, active in USERS if not active]

    # -- accounts, contacts, leads, deals ---------------------------------------------------------------------------

    def write_accounts(self) -> None:
        header = [
            "ID",
            "Account Name",
            "Domain",
            "Industry",
            "Employees",
            "Phone",
            "Street",
            "City",
            "State",
            "Postal Code",
            "Country",
            "Owner",
            "Created At",
            "Deleted",
        ]
        table = self.table("account", "accounts.csv", header)
        chance, truth = self.chance("account"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw, company = chance.at(i), self.world.company(i)
            place = company.place
            return [
                101 + i,
                company.name,
                company.domain if i % 4 else f"https://www.{company.domain}/about",
                company.industry,
                company.employees + (3 if changed else 0),
                company.phone,
                company.street,
                place.city,
                place.region,
                place.zip,
                place.country,
                self.owner(draw),
                iso_utc(business_moment(draw.random())),
                False,
            ]

        own = {"Domain": lambda c: f"planted-{self.spare}.example"}
        plants = [
            self.copy(table),
            self.merged(table, {"Account Name": lambda c: f"{c[1]} (branch)", "Domain": lambda c: self.bare(c[2]).upper()}, by="Domain"),
            self.bad(table, "missing_required", {**own, "Account Name": None}, remember="account"),
            self.deleted(table, {**own, "Deleted": True}, remember="account"),
            self.conflict(table, {"Account Name": "Overwritten Ltd", "Phone": None}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.accounts, make, plants, can_vanish=False):
                truth.count("account", "by_industry", cells[3])

    @staticmethod
    def bare(domain: str) -> str:
        return domain.removeprefix("https://www.").split("/")[0]

    def contact(self, i: int) -> tuple[Person, int | None, str]:
        who = person(i)
        number = None if i % 8 == 5 else i // 2 % self.accounts
        return who, number, f"{who.local}@{self.world.company(number).domain if number is not None else 'example.org'}"

    def write_contacts(self) -> None:
        header = [
            "ID",
            "First Name",
            "Last Name",
            "Email",
            "Phone",
            "Account ID",
            "Job Title",
            "Lifecycle Stage",
            "Owner",
            "Tags",
            "Created At",
            "NPS Score",
            "Preferred Channel",
            "Deleted",
        ]
        table = self.table("contact", "contacts.csv", header)
        chance, truth = self.chance("contact"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            who, number, address = self.contact(i)
            stage = "Customer" if changed and i % 7 != 4 else "Evangelist" if changed else LIFECYCLE[i % 7]
            tags = draw.some(TAGS, 2)
            self.fact = (number, stage, tags)
            created = business_moment(draw.random())
            return [
                1001 + i,
                who.first,
                who.last,
                None if i % 17 == 9 else address,
                World.phone(self.world.company(number if number is not None else i).place, who.phone_digits),
                None if number is None else (101 + number if i % 2 else str(101 + number)),
                draw.pick(["CTO", "IT Manager", "Office Manager", None]),
                stage,
                self.owner(draw),
                tags,
                iso_utc(created) if i % 10 else iso_utc(created).replace("Z", "+02:00"),
                i * 7 % 11 if i % 3 else None,
                draw.pick(["Email", "Phone", "Chat", None]),
                False,
            ]

        def tally(cells: Cells, *, linked: bool = True) -> None:
            number, stage, tags = self.fact
            if stage:
                truth.count("contact", "by_lifecycle_stage", stage)
            for tag in tags:
                truth.count("contact", "by_tag", tag)
            truth.link("contact_account", str(cells[0]), str(101 + number) if linked and number is not None else None)

        own = {"Email": lambda c: f"planted{self.spare}@example.com"}
        plants = [
            self.copy(table),
            self.merged(table, {"Email": lambda c: f" {c[3].upper()}", "Phone": None}, by="Email"),
            self.bad(table, "missing_required", {"First Name": None, "Last Name": None, "Email": None}),
            self.deleted(table, {**own, "Deleted": True}, remember="contact"),
            self.conflict(table, {"Last Name": "Replaced"}),
            self.odd(table, "invalid_email", tally, {"Email": "see LinkedIn"}),
            self.odd(table, "orphan", lambda c: tally(c, linked=False), {**own, "Account ID": 77}),
            self.odd(
                table,
                "orphan_parent_rejected",
                lambda c: tally(c, linked=False),
                {**own, "Account ID": lambda c: int(self.known["rejected account"])},
            ),
            self.odd(
                table, "orphan_parent_deleted", lambda c: tally(c, linked=False), {**own, "Account ID": lambda c: int(self.known["deleted account"])}
            ),
            self.odd(table, "bad_optional_date", tally, {**own, "Created At": "Q2"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.contacts, make, plants, can_vanish=False):
                tally(cells)

    def write_leads(self) -> None:
        header = [
            "ID",
            "Lead Name",
            "Status",
            "Source",
            "Email",
            "Phone",
            "Company",
            "Contact ID",
            "Owner",
            "Tags",
            "Created At",
            "Description",
            "Deleted",
        ]
        table = self.table("lead", "leads.csv", header)
        chance, truth = self.chance("lead"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            known = i % 3 == 0
            who, number, address = self.contact(i) if known else (person(self.contacts + i), i % self.accounts, "")
            company = self.world.company(number) if number is not None else None
            status = "Working" if changed and i % 4 != 1 else "Unqualified" if changed else STATUSES[i % 4]
            source, owner, tags = draw.pick(SOURCES), self.owner(draw), draw.some(TAGS, 2)
            product = draw.pick(PRODUCTS)[0]
            self.fact = (status, source, owner, tags, 1001 + i if known else None)
            created = business_moment(draw.random())
            text = HARMLESS_BUT_NASTY[i // 8 % len(HARMLESS_BUT_NASTY)] if i % 8 == 3 else note(draw, who.first, product)
            return [
                20001 + i,
                f"{who.name}: {product}" if i % 2 else who.name,
                status,
                source,
                address or f"{who.local}@{company.domain if company else 'example.net'}",
                None,
                company.name if company else None,
                self.fact[4] if i % 2 else None if self.fact[4] is None else str(self.fact[4]),
                owner,
                tags,
                iso_utc(created) if i % 9 else str(created * 60_000),
                text,
                False,
            ]  # every ninth time stands in milliseconds

        def tally(cells: Cells) -> None:
            status, source, owner, tags, contact = self.fact
            truth.count("lead", "by_status", status)
            truth.count("lead", "by_source", source)
            truth.count("lead", "by_owner", owner.strip().lower())
            for tag in tags:
                truth.count("lead", "by_tag", tag)
            truth.link("lead_contact", str(cells[0]), None if contact is None else str(contact))

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Status": None}),
            self.deleted(table, {"Deleted": True}),
            self.conflict(table, {"Lead Name": "Other", "Description": None}),
            self.odd(table, "bad_optional_date", tally, {"Created At": "two weeks ago"}),
            self.odd(table, "invalid_email", tally, {"Email": "tba"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.leads, make, plants):
                tally(cells)

    def write_deals(self) -> None:
        header = [
            "ID",
            "Deal Name",
            "Value",
            "Currency",
            "Pipeline",
            "Stage",
            "Expected Close",
            "Contact ID",
            "Account ID",
            "Owner",
            "Tags",
            "Lost Reason",
            "Created At",
            "Contract Type",
            "Seats",
            "Services",
            "Deleted",
        ]
        table = self.table("deal", "deals.csv", header)
        chance, truth = self.chance("deal"), self.truth
        pipelines = list(PIPELINES.items())

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            (_, pipeline), stages = pipelines[i % 2]
            stage = draw.pick(stages)[0]
            if changed:
                stage = "Lost" if stage == "Won" else "Won"
            product, price = draw.pick(PRODUCTS)
            cents = price * draw.between(1, 12)
            only_account = i % 6 == 4  # a deal of the account itself
            c = i * 3 % self.contacts
            who, number, _ = self.contact(c)
            number = i % self.accounts if only_account else number
            owner, tags, reason = self.owner(draw), draw.some(TAGS, 2), draw.pick(REASONS)
            reason = reason if stage == "Lost" else ""
            created = business_moment(draw.random(), high=EXPORTED - 100 * DAY)
            currency = "GBP" if i % 13 == 5 else "USD"
            self.fact = (pipeline, stage, cents, currency, owner, tags, reason, None if only_account else 1001 + c, number)
            name = self.world.company(number).short if number is not None else who.name
            return [
                30001 + i,
                f"{name} – {product}",
                f"{cents / 100:.2f}" if i % 5 else f"{cents // 100:,}.{cents % 100:02d}",
                currency,
                pipeline,
                stage,
                iso_date(created + draw.between(20, 300) * DAY),
                None if only_account else 1001 + c,
                None if number is None else 101 + number,
                owner,
                tags,
                reason or None,
                iso_utc(created),
                ("Monthly", "Annual", "Multi-year", None)[i % 4],
                draw.between(3, 400),
                [p for n, (p, _) in enumerate(PRODUCTS) if (i + n) % 3 == 0],
                False,
            ]

        def tally(cells: Cells, *, contact: bool = True) -> None:
            pipeline, stage, cents, currency, owner, tags, reason, person_id, number = self.fact
            truth.count("deal", "by_stage", f"{pipeline} / {stage}")
            truth.count("deal", "by_owner", owner.strip().lower())
            if reason:
                truth.count("deal", "by_lost_reason", reason)
            for tag in tags:
                truth.count("deal", "by_tag", tag)
            truth.add("deal", "value_by_currency", currency, cents)
            truth.add("deal", "value_by_stage", f"{pipeline} / {stage} / {currency}", cents)
            truth.link("deal_contact", str(cells[0]), str(person_id) if contact and person_id is not None else None)
            truth.link("deal_account", str(cells[0]), str(101 + number) if number is not None else None)

        plants = [
            self.copy(table),
            self.bad(table, "bad_amount", {"Value": "TBD"}, remember="deal"),
            self.bad(table, "missing_required", {"Stage": None}),
            self.deleted(table, {"Deleted": True}, remember="deal"),
            self.bad(table, "bad_date", {"Expected Close": "year end"}),
            self.conflict(table, {"Value": "1.00"}),
            self.odd(table, "orphan", lambda c: tally(c, contact=False), {"Contact ID": 55}),
            self.odd(table, "orphan_parent_deleted", lambda c: tally(c, contact=False), {"Contact ID": lambda c: int(self.known["deleted contact"])}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.deals, make, plants, can_vanish=False):
                tally(cells)

    # -- tasks and activities ---------------------------------------------------------------------------------------

    def on(self, i: int) -> tuple[int | None, int | None]:
        """(contact id, deal id) of something."""
        return (1001 + i * 7 % self.contacts, None) if i % 2 else (1001 + i * 7 % self.contacts if i % 3 else None, 30001 + i * 5 % self.deals)

    def link(self, name: str, key: Any, contact: int | None, deal: int | None) -> None:
        """Where it must end up: on the deal when it has one, on the contact otherwise."""
        self.truth.link(name, str(key), f"deal {deal}" if deal is not None else f"contact {contact}" if contact is not None else None)

    def write_tasks(self) -> None:
        table = self.table(
            "task", "tasks.csv", ["ID", "Title", "Description", "Due Date", "Status", "Priority", "Assignee", "Contact ID", "Deal ID", "Created At"]
        )
        chance, truth = self.chance("task"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            contact, deal = (None, None) if i % 5 == 3 else self.on(i)
            done = changed or i % 3 == 0
            due = business_moment(draw.random()) if done else EXPORTED + draw.between(1, 60) * DAY
            product = draw.pick(PRODUCTS)[0]
            self.fact = (done, contact, deal)
            return [
                40001 + i,
                f"{draw.pick(['Call about', 'Prepare', 'Renew', 'Check'])} {product}" + (" (urgent)" if changed and i % 3 == 0 else ""),
                note(draw, "the client", product),
                iso_date(due),
                "Completed" if done else "Open",
                draw.pick(["Low", "Normal", "High"]),
                self.owner(draw),
                contact,
                deal,
                iso_utc(min(due, EXPORTED) - 5 * DAY),
            ]

        plants = [self.copy(table), self.bad(table, "missing_required", {"Title": None}), self.conflict(table, {"Title": "Same id, other task"})]
        with table:
            for _, cells in self.export.deliver(table, max(8, self.leads // 2), make, plants, can_vanish=False):
                done, contact, deal = self.fact
                truth.count(
                    "task", "by_state_and_link", f"{'done' if done else 'open'} / {'deal' if deal else 'contact' if contact else 'standalone'}"
                )
                self.link("task_parent", cells[0], contact, deal)

    def write_calls(self) -> None:
        table = self.table(
            "call",
            "calls.csv",
            ["ID", "Start Time", "Duration (Seconds)", "Disposition", "Direction", "Status", "Contact ID", "Deal ID", "Owner", "Notes"],
        )
        chance, truth = self.chance("call"), self.truth
        times: dict[str, str] = truth.lists.setdefault("call_times_utc", {})

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            contact, deal = self.on(i)
            planned = i % 8 == 6 and not changed
            at = EXPORTED + draw.between(1, 20) * DAY if planned else business_moment(draw.random())
            disposition = None if planned else draw.pick(DISPOSITIONS)
            self.fact = (planned, at, disposition, contact, deal)
            return [
                50001 + i,
                iso_utc(at) if i % 7 else iso_utc(at - 240).replace("Z", "-04:00"),
                None if planned else draw.between(5, 1800),
                disposition,
                ("Outbound", "Inbound")[i % 2],
                "Planned" if planned else "Completed",
                contact,
                deal,
                self.owner(draw),
                note(draw, "the caller", draw.pick(PRODUCTS)[0]) + (" Called again." if changed else ""),
            ]

        plants = [
            self.copy(table),
            self.bad(table, "bad_date", {"Start Time": "this morning"}),
            self.bad(table, "missing_required", {"Start Time": None}),
            self.conflict(table, {"Notes": "overwritten"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.leads, make, plants, can_vanish=False):
                planned, at, disposition, contact, deal = self.fact
                truth.count("call", "by_state", "open" if planned else "done")
                if disposition:
                    truth.count("call", "by_disposition", disposition)
                self.link("call_parent", cells[0], contact, deal)
                if len(times) < 200:
                    times[str(cells[0])] = iso_utc(at)

    def write_emails(self) -> None:
        table = self.table("email", "emails.csv", ["ID", "Subject", "Body", "From", "To", "Sent At", "Contact ID", "Deal ID", "Opens", "Clicks"])
        chance, truth = self.chance("email"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            c = i * 7 % self.contacts
            who, _, address = self.contact(c)
            deal = None if i % 2 else 30001 + i * 5 % self.deals
            user = self.emails[i % len(self.emails)]
            subject, body = email(draw, who.first, draw.pick(PRODUCTS)[0], "Nimbus IT")
            inbound = i % 3 == 2
            self.fact = (inbound, 1001 + c, deal)
            return [
                60001 + i,
                subject,
                body,
                f"{who.name} <{address}>" if inbound else user,
                user if inbound else address,
                iso_utc(business_moment(draw.random())),
                1001 + c,
                deal,
                draw.below(6) + (10 if changed else 0),
                draw.below(3),
            ]

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Body": None}),
            self.bad(table, "bad_date", {"Sent At": "??"}),
            self.conflict(table, {"Subject": "Overwritten"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.leads, make, plants, can_vanish=False):
                inbound, contact, deal = self.fact
                truth.count("email", "by_direction", "in" if inbound else "out")
                truth.count("email", "tracking_lost", "opens", cells[8])
                truth.count("email", "tracking_lost", "clicks", cells[9])
                self.link("email_parent", cells[0], contact, deal)

    def write_meetings(self) -> None:
        table = self.table(
            "meeting",
            "meetings.csv",
            ["ID", "Title", "Start Time", "End Time", "Location", "Attendees", "Organizer", "Contact ID", "Deal ID", "Description"],
        )
        chance, truth = self.chance("meeting"), self.truth
        attendees: dict[str, list[str]] = truth.lists.setdefault("meeting_attendees", {})

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            contact, deal = self.on(i)
            guests = [self.contact((i * 7 + n) % self.contacts)[2] for n in range(1 + i % 2)] + [self.emails[i % 5]]
            if i % 4 == 1:
                guests.append("guest.auditor@example.net")  # stands nowhere else
            at = business_moment(draw.random(), high=EXPORTED + 30 * DAY)
            product = draw.pick(PRODUCTS)[0]
            self.fact = (guests, contact, deal)
            return [
                65001 + i,
                f"{draw.pick(['Kick-off', 'Review', 'Demo'])}: {product}",
                iso_utc(at),
                iso_utc(at + draw.pick([30, 45, 90])),
                "Moved to Room 2" if changed else draw.pick(["https://meet.example.com/abc-defg", "Room 4", "Client site"]),
                guests,
                self.emails[i % 5],
                contact,
                deal,
                html_note(draw, "The team", product),
            ]

        plants = [self.copy(table), self.bad(table, "bad_date", {"Start Time": "Tuesday"}), self.bad(table, "missing_required", {"Start Time": None})]
        with table:
            for _, cells in self.export.deliver(table, max(6, self.leads // 3), make, plants, can_vanish=False):
                guests, contact, deal = self.fact
                self.link("meeting_parent", cells[0], contact, deal)
                truth.count("meeting", "attendees", "all", len(guests))
                if len(attendees) < 200:
                    attendees[str(cells[0])] = sorted(guests)

    def write_notes(self) -> None:
        table = self.table("note", "notes.csv", ["ID", "Body", "Author", "Created At", "Contact ID", "Deal ID"])
        chance = self.chance("note")

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            contact, deal = self.on(i + 1)
            body = HARMLESS_BUT_NASTY[i // 6 % len(HARMLESS_BUT_NASTY)] if i % 6 == 4 else html_note(draw, "The client", draw.pick(PRODUCTS)[0])
            self.fact = (contact, deal)
            return [
                70001 + i,
                body + ("<p>PS: done.</p>" if changed else ""),
                self.owner(draw),
                iso_utc(business_moment(draw.random())),
                contact,
                deal,
            ]

        plants = [self.copy(table), self.bad(table, "missing_required", {"Body": None}), self.bad(table, "bad_date", {"Created At": "once"})]
        with table:
            for _, cells in self.export.deliver(table, max(6, self.leads * 2 // 3), make, plants, can_vanish=False):
                self.link("note_parent", cells[0], *self.fact)

    # -- campaigns, templates, tickets, articles, attachments -------------------------------------------------------

    def write_campaigns(self) -> None:
        truth = self.truth
        with self.table("campaign", "campaigns.csv", ["ID", "Campaign Name", "Type", "Status", "Start Date", "End Date", "Budget"]) as table:
            for n, (name, kind, status) in enumerate(
                [
                    ("Spring webinar 2025", "Webinar", "Completed"),
                    ("Ransomware e-book", "Content", "Active"),
                    ("Partner roadshow", "Event", "Planned"),
                    ("Win-back 2024", "E-mail", "Completed"),
                ]
            ):
                at = FIRST + (700 + n * 120) * DAY
                table.row([n + 1, name, kind, status, iso_date(at), iso_date(at + 30 * DAY), f"{1500 * (n + 1)}.00"])
            if self.export.messy:
                table.plant([91, None, "Event", "Planned", None, None, None], "missing_required", "rejected")
        with self.table("campaign_member", "campaign_members.csv", ["Campaign ID", "Contact ID", "Lead ID", "Status"]) as table:
            for i in range(max(10, self.leads * 2 // 3)):
                lead = i % self.leads
                lead -= lead % 31 == 23  # never a lead that a delta drops
                campaign, by_lead = 1 + i % self.campaigns, i % 3 == 2
                table.row(
                    [
                        campaign,
                        None if by_lead else 1001 + i % self.contacts,
                        20001 + lead if by_lead else None,
                        ("Sent", "Responded", "Clicked")[i % 3],
                    ]
                )
                truth.count("campaign_member", "by_campaign", str(campaign))
                truth.count("campaign_member", "by_kind", "lead" if by_lead else "contact")
            if self.export.messy:
                table.plant([99, 1001, None, "Sent"], "orphan", "rejected")

    def write_templates(self) -> None:
        with self.table("email_template", "email_templates.csv", ["ID", "Template Name", "Subject", "Body", "Folder", "Active"]) as table:
            table.row(
                [
                    1,
                    "Welcome",
                    "Welcome, {{contact.first_name}}!",
                    "<p>Hello {{contact.first_name}},</p><p>thank you for choosing Nimbus. Your manager is {{owner.name}}.</p>",
                    "Onboarding",
                    True,
                ]
            )
            table.row(
                [
                    2,
                    "Invoice reminder",
                    "Invoice {{deal.number}} is due",
                    "<p>Dear {{contact.last_name}},</p>{% if deal.overdue %}<p><b>Second reminder</b></p>{% endif %}"
                    "<p>Amount: {{deal.value | money}}</p>",
                    "Billing",
                    True,
                ]
            )
            table.row(
                [
                    3,
                    "Newsletter 06/2025",
                    "Five tips against phishing",
                    "<h1>Five tips</h1><ol><li>Think</li><li>Check ${sender}</li></ol><p>%UNSUBSCRIBE%</p>",
                    "Marketing",
                    False,
                ]
            )
            if self.export.messy:
                table.plant([9, "Empty draft", "x", None, "Drafts", False], "missing_required", "rejected")
        self.truth.lists["templates_with_logic"] = ["2"]

    def write_tickets(self) -> None:
        table = self.table(
            "ticket",
            "tickets.csv",
            ["ID", "Subject", "Description", "Status", "Priority", "Contact ID", "Account ID", "Assignee", "Tags", "Created At", "Closed At"],
        )
        chance, truth = self.chance("ticket"), self.truth
        mails = self.chance("ticket_message")

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            c = i * 11 % self.contacts
            _, number, _ = self.contact(c)
            status = "Closed" if changed and i % 4 != 3 else "Open" if changed else ("Open", "Pending", "Solved", "Closed")[i % 4]
            priority = draw.pick(["Low", "Normal", "High", "Urgent"])
            at = business_moment(draw.random(), high=EXPORTED - 20 * DAY)
            self.fact = (status, priority, c, at)
            return [
                80001 + i,
                draw.pick(
                    ["VPN drops every hour", "Printer on 3rd floor", "New starter on Monday", "Outlook asks for password 🔑", "Rechnung fehlt"]
                ),
                note(draw, "The user", "the VPN"),
                status,
                priority,
                1001 + c,
                None if number is None else 101 + number,
                self.emails[3 + i % 2],
                draw.some(TAGS, 1),
                iso_utc(at),
                iso_utc(at + 3 * DAY) if status in ("Solved", "Closed") else None,
            ]

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Subject": None}, remember="ticket"),
            self.conflict(table, {"Subject": "Overwritten", "Priority": "Low"}),
            self.odd(table, "orphan", lambda c: tally(c, linked=False), {"Contact ID": 66}),
        ]
        said: list[tuple[int, int, int]] = []  # (ticket, contact, moment): the conversations come in a file of their own

        def tally(cells: Cells, *, linked: bool = True) -> None:
            status, priority, c, _ = self.fact
            truth.count("ticket", "by_status", status)
            truth.count("ticket", "by_priority", priority)
            truth.link("ticket_contact", str(cells[0]), str(1001 + c) if linked else None)

        with table:
            for _, cells in self.export.deliver(table, self.tickets, make, plants, can_vanish=False):
                tally(cells)
                said.append((cells[0], self.fact[2], self.fact[3]))
        talk = self.table("ticket_message", "ticket_messages.csv", ["ID", "Ticket ID", "From", "Body", "Sent At", "Public"])
        with talk:
            for ticket, c, at in said:
                draw = mails.at(ticket)
                who, _, address = self.contact(c)
                for n in range(1 + ticket % 4):
                    support = n % 2 == 1
                    _, body = email(draw, who.first, "the ticket", "Nimbus Support")
                    talk.row(
                        [
                            ticket * 10 + n,
                            ticket,
                            self.emails[3 + ticket % 2] if support else address,
                            body if support else f"<p>Still not working, see picture. – {who.name}</p>",
                            iso_utc(at + 30 + n * 200),
                            n != 3,
                        ]
                    )
                    truth.count("ticket_message", "by_direction", "support" if support else "customer")
                truth.count("ticket_message", "by_ticket", str(ticket), 1 + ticket % 4)
            if self.export.messy:
                talk.plant([999_001, 12345, "x@example.com", "<p>to nobody</p>", iso_utc(EXPORTED), True], "orphan", "rejected")
                talk.plant(
                    [999_002, int(self.known["rejected ticket"]), "x@example.com", "<p>to a rejected one</p>", iso_utc(EXPORTED), True],
                    "orphan_parent_rejected",
                    "rejected",
                )

    def write_articles(self) -> None:
        table = self.table("article", "articles.csv", ["ID", "Title", "Body", "Category", "Published", "Author", "Created At"])
        with table:
            for i, title in enumerate(
                [
                    "Set up your VPN",
                    "What is multi-factor login?",
                    "Reading your invoice",
                    "Reset a password",
                    "Ordering new equipment",
                    "Sécurité : les bases",
                ]
            ):
                picture = f"https://help.smartdesk.example/attachments/{901 + i}/picture.png"
                body = (
                    f"<h2>{title}</h2><p>Follow these steps.</p><ol><li>Open the portal</li><li>Click <em>Next</em></li></ol>"
                    f'<p><img src="{picture}" alt="step"></p>'
                    + ('<p>More in <a href="https://help.smartdesk.example/articles/2">this article</a>.</p>' if i % 2 else "")
                )
                table.row([i + 1, title, body, CATEGORIES[i % 3], i != 4, self.emails[i % 5], iso_utc(FIRST + i * 40 * DAY + 600)])
                self.truth.count("article", "published", "yes" if i != 4 else "no")
            if self.export.messy:
                table.plant([91, "Draft without text", None, "Billing", False, self.emails[0], iso_utc(FIRST)], "missing_required", "rejected")

    def write_attachments(self) -> None:
        header = ["ID", "Filename", "Parent Type", "Parent ID", "Path", "URL", "Content (Base64)", "Content Type", "Size", "SHA256", "Created At"]
        table = self.table("attachment", "attachments.csv", header)
        chance, truth = self.chance("attachment"), self.truth
        pictures = 6  # the first ones belong to the articles, whose text shows them by URL

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            if i < pictures:
                kind, parent, name, content, mime = "Article", i + 1, "picture.png", png(40 * i, 200, 90), "image/png"
            else:
                kind, parent = (
                    ("Contact", 1001 + i * 3 % self.contacts),
                    ("Deal", 30001 + i * 7 % self.deals),
                    ("Ticket", 80001 + i * 2 % self.tickets),
                )[i % 3]
                name = (f"Network plan {i}.pdf", f"Screenshot {i} – login.png", f"router log {i}.txt")[i // 3 % 3]
                content, mime = (
                    (pdf(name), "application/pdf"),
                    (png(i * 20, i * 9, 77), "image/png"),
                    (f"up {i}\nup again – ✓\n".encode(), "text/plain"),
                )[i // 3 % 3]
            inline = i % 5 == 4 and i >= pictures
            place = "" if inline else f"files/{901 + i}_{i % 3}.{name.rsplit('.', 1)[1]}"
            if place:
                self.export.file(place, content)
            self.fact = (f"{kind} {parent}", inline)
            return [
                901 + i,
                f"new {name}" if changed else name,
                kind,
                parent,
                place or None,
                f"https://help.smartdesk.example/attachments/{901 + i}/{name}" if i < pictures else None,
                b64encode(content).decode() if inline else None,
                mime,
                len(content),
                digest(content),
                iso_utc(business_moment(draw.random())),
            ]

        def nothing(**values: Any) -> dict[str, Any]:
            return {"Path": None, "URL": None, "Content (Base64)": None, "Size": None, "SHA256": None, **values}

        plants = [
            self.bad(table, "file_missing", nothing(Path="files/0_gone.pdf")),
            self.bad(table, "bad_base64", nothing(**{"Content (Base64)": "@@not base64@@"})),
            self.bad(table, "no_content", nothing()),
            self.bad(table, "bad_url", nothing(URL="help desk/attachments/1")),
            self.bad(table, "unsafe_path", nothing(Path="../users.csv")),
            self.bad(table, "size_mismatch", {"Size": 1, "SHA256": None}),
            self.bad(table, "checksum_mismatch", {"SHA256": digest(b"something else")}),
            self.bad(table, "orphan", {"Parent Type": "Ticket", "Parent ID": 11}),
            self.bad(table, "missing_required", {"Filename": None}),
        ]
        with table:
            for _, cells in self.export.deliver(table, min(max(15, self.leads // 4), 600), make, plants, can_vanish=False):
                truth.link("attachment_parent", str(cells[0]), self.fact[0])
                truth.count("attachment", "by_kind", "base64" if self.fact[1] else "file")

    def write_inventory(self) -> None:
        with self.table("automation", "automations.csv", ["Automation", "Object", "Trigger", "Conditions", "Actions", "Active"]) as table:
            table.row(
                ["MQL handover", "Contact", "Lifecycle Stage becomes MQL", "Country is United States", "Create task Call; assign round robin", True]
            )
            table.row(["SLA alarm", "Ticket", "Open for 4 hours", "Priority is Urgent", "E-mail ross@nimbusit.example", True])
            table.row(["Lost deal survey", "Deal", "Stage becomes Lost", None, "Send template Newsletter 06/2025", False])
        with self.table("report", "reports.csv", ["Report", "Type", "Object", "Filters"]) as table:
            table.row(["Pipeline by month", "Bar chart", "Deals", "Stage is not Lost"])
            table.row(["Ticket backlog", "Dashboard", "Tickets", "Status is Open, Pending"])


ACCOUNT = SmartDesk
