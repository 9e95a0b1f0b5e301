"""Flash Lead Sales: the account of a solar installer in New England. CSV only, month first, names as references."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from .account import Account, Cells, Value
from .attachments import digest, pdf
from .clock import DAY, EXPORTED, business_moment, iso_utc, moment, to_utc, us_date, us_time
from .export import LISTED, Export
from .names import TITLES
from .text import HARMLESS_BUT_NASTY, chat, note
from .world import Company, Person, World, person

ZONE = "America/New_York"
ABOUT = {"timezone": ZONE, "date_order": "mdy", "currency": "USD", "files_are": "UTF-8, comma, CRLF"}
SELLER = "harborpinesolar.example"

MEMBERS = [  # name, local part, role, status
    ("Margaret Doyle", "margaret", "Manager", "Active"),
    ("Tomás Rivera", "tomas", "Agent", "Active"),
    ("Priya Raman", "priya", "Agent", "Active"),
    ("Ben O'Leary", "ben", "Agent", "Active"),
    ("Chloé Martin", "chloe", "Agent", "Active"),
    ("Kwame Boateng", "kwame", "Agent", "Active"),
    ("Ingrid Solheim", "ingrid", "Manager", "Active"),
    ("Dale Whitcomb", "dale", "Agent", "Inactive"),
    ("Yuki Tanaka", "yuki", "Agent", "Active"),
    ("Sam Petrossian", "sam", "Agent", "Active"),
    ("Lena Fischer", "lena", "Agent", "Active"),
    ("Robert Achebe", "robert", "Manager", "Active"),
]
GONE = f"j.marsh@{SELLER}"  # owns records but stands in no list of team members
PIPELINES = {
    "New Business": [("New", 5), ("Contacted", 15), ("Site Visit", 35), ("Proposal Sent", 55), ("Negotiation", 80), ("Won", 100), ("Lost", 0)],
    "Renewals": [("Up for Renewal", 30), ("In Talks", 60), ("Won", 100), ("Lost", 0)],
    "Partner Channel": [("Intro", 10), ("Due Diligence", 40), ("Contract Out", 75), ("Closed Won", 100), ("Closed Lost", 0)],
}
LOST = {"Lost", "Closed Lost"}
WON = {"Won", "Closed Won"}
SOURCES = [
    "Google Ads",
    "Referral",
    "Website Form",
    "Home Show Boston",
    "Facebook",
    "Instagram",
    "Cold Call",
    "Newsletter",
    "Yellow Pages",
    "Partner: Brightwater",
]
TAGS = [
    "Hot",
    "Residential",
    "Commercial",
    "VIP",
    "Battery",
    "EV charger",
    "Flat roof",
    "Slate roof",
    "Needs permit",
    "HOA",
    "Tax credit",
    "Financing",
    "Follow up Q3",
    "Snowbird",
    "Do not call",
    "Spanish speaking",
    "Français",
    "Roof 15+ years",
    "Shade issues",
    "Net metering",
    "Competitor quote",
    "Returning customer",
    "Commercial rooftop over 100 kW, owner-occupied building",
    "Commercial rooftop over 100 kW, tenant-occupied building",
    "Smith, Jones & Co referral",
]
PRODUCTS = [
    ("8 kW rooftop solar", 21_900),
    ("12 kW rooftop solar", 31_400),
    ("48 kW commercial array", 118_000),
    ("battery storage", 14_250),
    ("EV charger bundle", 3_980),
    ("maintenance plan", 1_190),
    ("roof survey", 450),
    ("solar carport", 64_500),
]
LOST_REASONS = ["Price", "Went with competitor", "No budget", "Roof not suitable", "No response", "Moved away"]
TIMES = ["Morning", "Afternoon", "Evening"]
CHANNELS = ["Facebook", "Instagram"]


def money(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"


def variant(name: str) -> str:
    """The same name, spelled so that only normalising shows it: decomposed accents, other case, blanks."""
    return f" {unicodedata.normalize('NFD', name).upper().replace(' ', '  ')}"


class Plan(NamedTuple):
    """What chance says about a lead."""

    pipeline: str
    path: list[tuple[int, str]]  # (local moment, stage reached)
    product: str
    tags: list[str]
    source: str
    owner: str
    value: int | None  # cents
    text: str  # with {who} for the first name


class FlashLeadSales(Account):
    source = "flash_lead_sales"
    sections = ("setup", "companies", "contacts", "leads", "deals", "invoices", "threads", "log", "inventory")
    emails = tuple(f"{local}@{SELLER}" for _, local, _, _ in MEMBERS)
    gone = GONE

    def __init__(self, export: Export, seed: int, leads: int) -> None:
        super().__init__(export, seed, leads)
        self.companies, self.contacts = max(4, leads // 3), max(6, leads * 3 // 4)
        self.deals, self.invoices = max(4, leads * 2 // 3), max(2, leads * 5 // 24)
        self.threads = min(max(2, leads // 15), 2000)
        self.world = World()
        self._lead_chance = self.chance("lead")
        self._planned = lru_cache(maxsize=8192)(self._plan)

    # -- set-up ---------------------------------------------------------------------------------------------------

    def write_setup(self) -> None:
        messy = bool(self.export.messy)
        with self.export.table("team_member", "team_members.csv", ["Member Name", "Email", "Role", "Status", "Phone"], key="Email") as table:
            for n, (name, local, role, status) in enumerate(MEMBERS):
                table.row([name, f"{local}@{SELLER}", role, status, f"(617) 555-01{n + 10}"])
            if messy:
                table.plant(["Priya Raman", f"PRIYA@{SELLER}", "Agent", "Active", ""], "merged", "merged", into=f"priya@{SELLER}")
                table.plant(["Front Desk iPad", "", "Agent", "Active", ""], "missing_required", "rejected")
        with self.export.table("pipeline_stage", "pipeline_stages.csv", ["Pipeline", "Stage", "Position", "Probability"]) as table:
            for pipeline, stages in PIPELINES.items():
                for n, (stage, probability) in enumerate(stages, 1):
                    table.row([pipeline, stage, n, f"{probability}%"])
        with self.export.table("tag", "tags.csv", ["Tag", "Color"]) as table:
            for n, tag in enumerate(TAGS):
                table.row([tag, ("#1f77b4", "#ff7f0e", "#2ca02c", "")[n % 4]])
            if messy:
                table.plant(["hot ", ""], "merged", "merged", into="Hot")
                table.plant(["EV  Charger", ""], "merged", "merged", into="EV charger")
                table.plant(["", "#ff0000"], "missing_required", "rejected")
        with self.export.table("lead_source", "lead_sources.csv", ["Source", "Type"]) as table:
            for n, source in enumerate(SOURCES):
                table.row([source, ("Paid", "Organic", "Event")[n % 3]])
            if messy:
                table.plant(["google ads", "Paid"], "merged", "merged", into="Google Ads")
        self.truth.lists["stages"] = [[pipeline, stage, p] for pipeline, stages in PIPELINES.items() for stage, p in stages]
        self.truth.lists["owners_without_member"] = [GONE]
        self.truth.lists["inactive_members"] = [f"{local}@{SELLER}" for _, local, _, status in MEMBERS if status != "Active"]
        self.truth.lists["tags_sharing_32_characters"] = [TAGS[22], TAGS[23]]

    # -- companies and contacts -----------------------------------------------------------------------------------

    def write_companies(self) -> None:
        header = [
            "Company ID",
            "Company Name",
            "Website",
            "Industry",
            "Employees",
            "Phone",
            "Street",
            "City",
            "State",
            "Zip",
            "Country",
            "Owner",
            "Created",
        ]
        table = self.export.table("company", "companies.csv", header)
        chance = self.chance("company")

        def make(i: int, changed: bool) -> Cells:
            company, draw = self.world.company(i), chance.at(i)
            website = ("https://www.{}/", "{}", "http://{}", "www.{}", "")[i % 5].format(company.domain) if i % 5 < 4 else ""
            place = company.place
            return [
                f"C-{1001 + i}",
                company.name,
                website,
                company.industry,
                company.employees + (5 if changed else 0),
                company.phone,
                company.street,
                place.city,
                place.region,
                place.zip,
                place.country,
                self.owner(draw),
                us_date(business_moment(draw.random())),
            ]

        plants = [
            self.merged(table, {"Company Name": lambda c: variant(c[1]), "Phone": ""}, by="Company Name"),
            self.copy(table),
            self.bad(table, "missing_required", {"Company Name": ""}),
            self.conflict(table, {"Company Name": lambda c: f"{c[1]} (old)", "Phone": "(617) 555-0199"}),
            self.cut(table, 12),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.companies, make, plants, can_vanish=False):
                self.truth.count("company", "by_industry", cells[3])
                self.truth.count("company", "by_country", cells[10])
            table.non_record("")

    def contact(self, i: int) -> tuple[Person, int | None, str]:
        """(person, number of the company or None, e-mail address) of contact ``i``."""
        who = person(i)
        if i % 9 == 4:
            return who, None, f"{who.local}@example.{('com', 'net', 'org')[i % 3]}"
        company = i // 2 % self.companies
        return who, company, "" if i % 19 == 7 else f"{who.local}@{self.world.company(company).domain}"

    def write_contacts(self) -> None:
        header = [
            "Contact ID",
            "Contact Name",
            "Email",
            "Phone",
            "Job Title",
            "Company",
            "City",
            "State",
            "Country",
            "Owner",
            "Source",
            "Notes",
            "Created",
            "Updated",
        ]
        table = self.export.table("contact", "contacts.csv", header)
        chance = self.chance("contact")
        link: list[Any] = [None]

        def make(i: int, changed: bool) -> Cells:
            who, number, email = self.contact(i)
            draw = chance.at(i)
            company = self.world.company(number if number is not None else i)
            created = business_moment(draw.random())
            updated = created + draw.below(200) * DAY
            link[0] = company.name if number is not None else None
            return [
                f"P-{5001 + i}",
                who.name,
                f"mailto:{email}" if i % 41 == 8 and email else email.upper() if i % 37 == 11 else email,
                "(617) 555-0188" if changed else World.phone(company.place, who.phone_digits),
                draw.pick(TITLES),
                company.name if number is not None else "",
                company.place.city,
                company.place.region,
                company.place.country,
                self.owner(draw),
                draw.pick(SOURCES),
                HARMLESS_BUT_NASTY[i // 7 % len(HARMLESS_BUT_NASTY)]
                if i % 7 == 3
                else note(draw, who.first, draw.pick(PRODUCTS)[0])
                if draw.often(0.5)
                else "",
                us_time(created),
                us_time(EXPORTED + 3 * DAY if changed else min(updated, EXPORTED)),
            ]

        def tally(cells: Cells, company: str | None) -> None:
            self.truth.link("contact_company", cells[0], company)

        plants = [
            self.merged(
                table,
                {"Contact Name": lambda c: f"{c[1]} (mobile)", "Email": lambda c: c[2].removeprefix("mailto:").title(), "Phone": ""},
                by="Email",
            ),
            self.copy(table),
            self.bad(table, "missing_required", {"Contact Name": "", "Email": ""}),
            self.conflict(table, {"Contact Name": "Wrong Person", "Email": "wrong.person@example.com"}),
            self.odd(
                table,
                "orphan",
                lambda c: tally(c, None),
                {"Email": lambda c: f"lost{self.spare}@example.org", "Company": lambda c: f"Nowhere Holdings {self.spare}"},
            ),
            self.odd(table, "invalid_email", lambda c: tally(c, link[0]), {"Email": "call the office"}),
            self.odd(
                table,
                "several_emails",
                lambda c: tally(c, link[0]),
                {"Email": lambda c: f'"{c[1]}" <first{self.spare}@example.com>; second{self.spare}@example.com'},
            ),
            self.cut(table, 8),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.contacts, make, plants, can_vanish=False):
                tally(cells, link[0])

    # -- leads and their history ----------------------------------------------------------------------------------

    def _plan(self, j: int) -> Plan:
        """All that chance says about lead ``j``, in a fixed order of draws."""
        draw = self._lead_chance.at(j)
        pipeline = "New Business" if j % 10 < 7 else "Renewals" if j % 10 < 9 else "Partner Channel"
        stages = [name for name, _ in PIPELINES[pipeline]]
        steps = draw.below(min(5, len(stages) - 2))
        path = stages[: steps + 1]
        if draw.often(0.12):
            path.append(stages[-1])
        at = business_moment(draw.random(), high=EXPORTED - 120 * DAY)
        moments = [at]
        for _ in path[1:]:
            at = max(business_moment(draw.random(), at + 60, at + 20 * DAY), at + 5)
            moments.append(at)
        if j == 3:  # the night in which the clocks go forward, and the hour that occurs twice
            moments = [moment(2024, 3, 10, 1, 59), *[moment(2024, 3, 10, 3, 1) + 60 * n for n in range(len(path) - 1)]]
        if j == 8:
            moments = [moment(2024, 11, 3, 0, 30) + 60 * n for n in range(len(path))]
        product, _ = draw.pick(PRODUCTS)
        tags = draw.some(TAGS, 3)
        source = draw.pick(SOURCES) if draw.often(0.9) else ""
        owner = self.owner(draw)
        value = draw.between(4, 900) * 10_000 if draw.often(0.6) else None
        return Plan(pipeline, list(zip(moments, path, strict=True)), product, tags, source, owner, value, note(draw, "{who}", product))

    def plan(self, i: int) -> Plan:
        """The plan of lead ``i``. From lead 8,192 on, the plans of the first 8,192 come again: a large export is written faster so."""
        return self._planned(i % 8192)

    def history(self, i: int, changed: bool = False) -> tuple[str, list[tuple[int, str]]]:
        """(pipeline, [(local moment, stage reached)]). The first entry is the lead's creation."""
        plan = self.plan(i)
        if not changed:
            return plan.pipeline, plan.path
        stages = [name for name, _ in PIPELINES[plan.pipeline]]
        now = stages[1] if plan.path[-1][1] == stages[-1] else stages[-1]  # a lost one comes back, an open one is lost
        return plan.pipeline, [*plan.path, (EXPORTED + 4 * DAY, now)]

    def lead_id(self, i: int) -> str:
        return f"L-{10001 + i}"

    def write_leads(self) -> None:
        header = [
            "Lead ID",
            "Lead Name",
            "Email",
            "Phone",
            "City",
            "Company",
            "Contact",
            "Pipeline",
            "Status",
            "Tags",
            "Source",
            "Estimated Value",
            "Owner",
            "Notes",
            "Created",
            "Updated",
            "Preferred Contact Time",
            "Financing Needed",
            "Roof Area (sq ft)",
            "Site Visit Date",
        ]
        table = self.export.table("lead", "leads.csv", header)
        tag_cells = {tag: f'"{tag}"' if "," in tag else tag for tag in TAGS}
        truth = self.truth

        def make(i: int, changed: bool) -> Cells:
            _, _, product, tags, source, owner, value, text = self.plan(i)
            pipeline, path = self.history(i, changed)
            known = i % 5 < 2
            if known:
                who, number, email = self.contact(i % self.contacts)
            else:
                who, number = person(self.contacts + i), i // 3 % self.companies if i % 6 else None
                email = ""
            company: Company | None = self.world.company(number) if number is not None else None
            if not known:
                email = f"{who.local}@{company.domain if company else 'example.net'}" if i % 16 else "n/a"
            stage = path[-1][1]
            self.fact = (pipeline, stage, owner.strip().lower(), tags, source, value)
            name = f"{who.name} – {product}" if i % 3 else who.name
            text = HARMLESS_BUT_NASTY[i // 11 % len(HARMLESS_BUT_NASTY)] if i % 11 == 6 else text.replace("{who}", who.first)
            return [
                self.lead_id(i),
                name,
                email,
                World.phone(company.place, who.phone_digits) if company else f"(617) 555-01{i % 100:02d}",
                company.place.city if company else "Boston",
                company.name if company else "",
                who.name if known else "",
                pipeline,
                stage if i % 13 else f" {stage.lower()} ",
                ", ".join(tag_cells[t] if (i + n) % 9 else f"{t.upper()} " if "," not in t else tag_cells[t] for n, t in enumerate(tags)),
                source if i % 17 else source.upper(),
                "" if value is None else money(value),
                owner,
                text,
                us_time(path[0][0]),
                us_time(path[-1][0]),
                "" if i % 4 == 0 else TIMES[i % 3],
                ("Yes", "No", "")[i * 7 % 3],
                "" if i % 5 == 2 else str(400 + i * 37 % 5200),
                us_date(path[0][0] + 9 * DAY) if len(path) > 2 else "",
            ]

        def tally(cells: Cells) -> None:
            pipeline, stage, owner, tags, source, value = self.fact
            truth.count("lead", "by_stage", f"{pipeline} / {stage}")
            truth.count("lead", "by_owner", owner)
            truth.count("lead", "by_source", source)
            for tag in tags:
                truth.count("lead", "by_tag", tag)
            if value is not None:
                truth.add("lead", "value_by_currency", "USD", value)

        def more(i: int, cells: Cells) -> None:
            table.plant([self.spare_id(), *cells[1:], "please call", "back"], "field_count", "rejected")

        def trailing_commas(i: int, cells: Cells) -> None:
            table.plant([self.spare_id(), *cells[1:], "", ""], "surplus_empty_fields", "valid", warning=True)
            tally(cells)

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Lead Name": ""}, remember="lead"),
            self.conflict(table, {"Lead Name": lambda c: f"{c[1]} (2nd entry)", "Status": "New", "Notes": "typed in twice"}),
            self.bad(table, "bad_amount", {"Estimated Value": lambda c: ("TBD", "≈ 5k", "ask Ben")[self.spare % 3]}),
            self.odd(table, "bad_optional_date", tally, {"Created": "last spring"}),
            self.odd(table, "date_order_flipped", tally, {"Created": "25/04/2024 9:15 AM"}),
            self.odd(table, "invalid_email", tally, {"Email": "maria@@example"}),
            self.cut(table, 11),
            more,
            trailing_commas,
        ]
        with table:
            for _, cells in self.export.deliver(table, self.leads, make, plants):
                tally(cells)

    # -- deals and invoices ---------------------------------------------------------------------------------------

    def deal(self, i: int, changed: bool = False) -> dict[str, Any]:
        """Facts of deal ``i``; the amount in cents of ``currency``."""
        draw = self._deal_chance.at(i)
        pipeline = "New Business" if i % 5 < 3 else "Renewals" if i % 5 < 4 else "Partner Channel"
        stage, probability = draw.pick(PIPELINES[pipeline])
        if changed:
            stage, probability = next(s for s in PIPELINES[pipeline] if s[0] in WON)
        product, price = draw.pick(PRODUCTS)
        amount = price * 100 * draw.between(1, 6) + draw.below(100) * 25
        created = business_moment(draw.random(), high=EXPORTED - 90 * DAY)
        closed = stage in LOST or stage in WON
        close = business_moment(draw.random(), created + 10 * DAY, created + 80 * DAY if closed else EXPORTED + 200 * DAY)
        currency = "EUR" if i % 23 == 6 else "CAD" if i % 23 == 15 else "USD"
        return {
            "id": f"D-{3001 + i}",
            "pipeline": pipeline,
            "stage": stage,
            "probability": probability,
            "product": product,
            "amount": None if i % 27 == 20 else amount,
            "currency": currency,
            "created": created,
            "close": EXPORTED + 3 * DAY if changed else close,
            "owner": self.owner(draw),
            "tags": draw.some(TAGS, 2),
            "reason": draw.pick(LOST_REASONS) if stage in LOST else "",
            "note": note(draw, "the customer", product) if draw.often(0.4) else "",
            "contact": i * 3 % self.contacts,
            "term": (12, 24, 36)[i % 3],
        }

    @staticmethod
    def deal_amount(i: int, deal: dict[str, Any]) -> str:
        cents, currency = deal["amount"], deal["currency"]
        if cents is None:
            return ""
        plain = money(cents)
        if currency == "EUR":
            return plain.replace("$", "€")
        if currency == "CAD":
            return f"CAD {plain[1:]}"
        return plain if i % 4 else f"{cents / 100:.2f}"

    def write_deals(self) -> None:
        header = [
            "Deal ID",
            "Deal Name",
            "Amount",
            "Pipeline",
            "Stage",
            "Probability",
            "Close Date",
            "Company",
            "Contact",
            "Contact Email",
            "Lead ID",
            "Owner",
            "Tags",
            "Lost Reason",
            "Notes",
            "Created",
            "Updated",
            "Contract Term (Months)",
            "Installer Crew",
        ]
        table = self.export.table("deal", "deals.csv", header)
        self._deal_chance = self.chance("deal")
        truth = self.truth

        def make(i: int, changed: bool) -> Cells:
            deal = self.deal(i, changed)
            who, number, email = self.contact(deal["contact"])
            company = self.world.company(number) if number is not None else None
            lead = i % self.leads if i % 4 == 1 and (i % self.leads) % 31 != 23 else None
            self.fact = (
                deal,
                f"P-{5001 + deal['contact']}",
                f"C-{1001 + number}" if number is not None else None,
                None if lead is None else self.lead_id(lead),
            )
            updated = max(deal["created"] + DAY, min(deal["close"], EXPORTED + 3 * DAY if changed else EXPORTED))
            return [
                deal["id"],
                f"{company.short if company else who.name} – {deal['product']}",
                self.deal_amount(i, deal),
                deal["pipeline"],
                deal["stage"],
                f"{deal['probability']}%",
                us_date(deal["close"]),
                "" if company is None else company.name if i % 8 else company.name.upper(),
                who.name,
                email,
                "" if lead is None else self.lead_id(lead),
                deal["owner"],
                ", ".join(f'"{t}"' if "," in t else t for t in deal["tags"]),
                deal["reason"],
                deal["note"],
                us_time(deal["created"]),
                us_time(updated),
                str(deal["term"]),
                ("North", "South", "Coast", "")[i % 4],
            ]

        def tally(cells: Cells, *, amount: int | None = None, company: bool = True, contact: bool = True) -> None:
            deal, contact_id, company_id, lead_id = self.fact
            cents = deal["amount"] if amount is None else amount
            truth.count("deal", "by_stage", f"{deal['pipeline']} / {deal['stage']}")
            truth.count("deal", "by_owner", deal["owner"].strip().lower())
            for tag in deal["tags"]:
                truth.count("deal", "by_tag", tag)
            if deal["reason"]:
                truth.count("deal", "by_lost_reason", deal["reason"])
            if cents is not None:
                currency = "USD" if amount is not None else deal["currency"]
                truth.add("deal", "amount_by_currency", currency, cents)
                truth.add("deal", "amount_by_stage", f"{deal['pipeline']} / {deal['stage']} / {currency}", cents)
            truth.link("deal_contact", cells[0], contact_id if contact else None)
            truth.link("deal_company", cells[0], company_id if company else None)
            truth.link("deal_lead", cells[0], lead_id)

        nobody: dict[str, Value] = {
            "Company": lambda c: f"Nowhere Holdings {self.spare}",
            "Contact": "Nobody Known",
            "Contact Email": lambda c: f"nobody{self.spare}@example.org",
        }
        plants = [
            self.copy(table),
            self.bad(table, "bad_amount", {"Amount": "TBD"}, remember="deal"),
            self.bad(table, "bad_date", {"Close Date": "when the roof is done"}),
            self.bad(table, "missing_required", {"Stage": ""}),
            self.conflict(table, {"Deal Name": "Old copy", "Amount": "$1.00"}),
            self.cut(table, 9),
            self.odd(table, "orphan", lambda c: tally(c, company=False, contact=False), nobody),
            self.odd(table, "amount_suffix", lambda c: tally(c, amount=1_250_000), {"Amount": "$12.5K"}, warning=False),
            self.odd(table, "negative_amount", lambda c: tally(c, amount=-45_000), {"Amount": "($450.00)"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.deals, make, plants, can_vanish=False):
                tally(cells)

    def write_invoices(self) -> None:
        header = ["Invoice No", "Deal ID", "Amount", "Status", "Invoice Date", "Due Date", "PDF File", "Notes"]
        table = self.export.table("invoice", "invoices.csv", header)
        with_pdf = min(self.invoices, 40)
        truth = self.truth

        def make(i: int, changed: bool) -> Cells:
            n = i * 3 % self.deals
            deal = self.deal(n)
            cents = (deal["amount"] or 99_000) * (100, 50, 30)[i % 3] // 100
            status = "Paid" if changed else ("Paid", "Sent", "Overdue", "Draft", "Paid", "Void")[i % 6]
            at = deal["created"] + 20 * DAY
            number = f"INV-{2024000 + i + 1}"
            pdf_name = f"invoices/{number}.pdf" if i < with_pdf and i % 5 != 4 else ""
            if pdf_name:
                self.export.file(
                    pdf_name, pdf(f"Invoice {number}", f"Deal {deal['id']}: {deal['product']}", f"Amount due: {money(cents)}", f"Date: {us_date(at)}")
                )
            self.fact = (status, cents, deal)
            return [
                number,
                deal["id"],
                self.deal_amount(1, {**deal, "amount": cents}),
                status,
                us_date(at),
                us_date(at + 30 * DAY),
                pdf_name,
                "30 days net" if i % 2 else "",
            ]

        plants = [
            self.copy(table),
            self.bad(table, "orphan", {"Deal ID": "D-0000", "PDF File": ""}),
            self.bad(table, "orphan_parent_rejected", {"Deal ID": lambda c: self.known["rejected deal"], "PDF File": ""}),
            self.bad(table, "bad_amount", {"Amount": "see PDF"}),
            self.bad(table, "bad_date", {"Invoice Date": "on delivery"}),
            self.conflict(table, {"Amount": "$5.00", "Notes": "typed twice"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.invoices, make, plants, can_vanish=False):
                status, cents, deal = self.fact
                truth.count("invoice", "by_status", status)
                truth.add("invoice", "amount_by_currency", deal["currency"], cents)
                truth.link("invoice_deal", cells[0], deal["id"])

    # -- social threads, activity log -----------------------------------------------------------------------------

    def write_threads(self) -> None:
        table = self.export.table("message_thread", "social_threads.csv", ["Thread ID", "Contact", "Channel", "Messages", "Last Message", "File"])
        chance = self.chance("thread")
        files: list[Any] = []

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            c = i * 11 % self.contacts
            who, number, email = self.contact(c)
            company = self.world.company(number if number is not None else i)
            channel = CHANNELS[i % 2]
            talk = chat(draw, who.first, draw.pick(PRODUCTS)[0], company.place.city)
            if changed:
                talk.append(("them", "Any news?"))
            at = business_moment(draw.random())
            text = f"{channel} conversation with {who.name}\nExported {us_time(EXPORTED)}\n\n" + "".join(
                f"[{us_time(at + 7 * n)}] {who.name if side == 'them' else 'Harbor & Pine Solar'}: {words}\n" for n, (side, words) in enumerate(talk)
            )
            content = text.encode()
            name = f"social/{channel.lower()}_{i + 1:03d}.txt"
            self.export.file(name, content)
            self.fact = (c, name, content)
            return [f"T-{i + 1:04d}", email or who.name, channel, len(talk), us_time(at + 7 * (len(talk) - 1)), name]

        def empty_file(_: int, cells: Cells) -> None:
            number = self.spare_id()
            name = f"social/empty_{number}.txt"
            self.export.file(name, b"")
            table.plant([number, *cells[1:-1], name], "empty_attachment", "rejected")

        plants = [
            self.bad(table, "orphan", {"Contact": "ghost@example.org"}),
            self.bad(table, "file_missing", {"File": "social/instagram_999.txt"}),
            empty_file,
            self.bad(table, "unsafe_path", {"File": "../../../etc/passwd"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.threads, make, plants, can_vanish=False):
                c, name, content = self.fact
                self.truth.count("message_thread", "by_channel", cells[2])
                self.truth.link("thread_contact", cells[0], f"P-{5001 + c}")
                files.append([cells[0], name, len(content), digest(content)])
        self.truth.lists["thread_files"] = files

    def write_log(self) -> None:
        table = self.export.table(
            "activity_log", "activity_log.csv", ["Log ID", "Timestamp", "Lead ID", "Action", "From Stage", "To Stage", "User", "Details"]
        )
        fates = self.export.fates["lead"]
        notes = self.export.changes_of("activity_log")
        listed: dict[str, Any] = {}
        self.truth.lists["stage_history"] = listed
        remarks = ["left voicemail", "brochure v2", 'he said "maybe"', ""]
        ordinary = ["E-mail sent", "Call logged", "Note added"]

        def rows(i: int, changed: bool) -> list[list[Any]]:
            _, path = self.history(i, changed)
            gap = i % 17 == 5 and len(path) - changed > 2  # the entry of the first stage change is missing from the log
            wrong = i % 37 == 9  # the log ends in another stage than the lead is in
            steps: list[tuple[int, int, str, str, str, str]] = [(0, path[0][0], "Lead created", "", path[0][1], "")]
            for n, ((_, before), (at, stage)) in enumerate(pairwise(path), 1):
                steps.append((2 * n - 1, at - 2, ordinary[(i + n) % 3], "", "", remarks[(i * 5 + n) % 4]))
                if not gap or n > 1:
                    steps.append((2 * n, at, "Stage changed", before, stage, ""))
            if wrong:
                steps.append((15, path[-1][0] + 3, "Stage changed", path[-1][1], "On Hold", "moved by bulk edit"))
            if len(listed) < LISTED:
                listed[self.lead_id(i)] = {
                    "steps": [[iso_utc(to_utc(at, ZONE)), a or None, b] for _, at, _, a, b, _ in steps if b],
                    "flags": (["gap"] if gap else []) + (["ends_elsewhere"] if wrong else []),
                }
            if i % 12 == 7:
                steps.reverse()  # newest first: order must come from the time
            user = self.emails[i % len(self.emails)] if i % 14 else GONE
            return [[str(700_001 + i * 16 + n), us_time(at), self.lead_id(i), kind, a, b, user, words] for n, at, kind, a, b, words in steps]

        plants = [
            self.copy(table),
            self.bad(table, "orphan", {"Lead ID": "L-00000"}),
            self.bad(table, "orphan_parent_rejected", {"Lead ID": lambda c: self.known["rejected lead"]}),
            self.bad(table, "bad_date", {"Timestamp": "yesterday"}),
            self.bad(table, "missing_required", {"Action": ""}),
            self.cut(table, 5),
        ]
        every = max(1, self.leads // len(plants))
        with table:
            for i in range(self.export.total(self.leads)):
                fate = fates.get(i, "same")
                made = rows(i, fate == "changed") if fate != "vanished" else []
                if notes is not None and fate != "same":
                    before = {cells[0]: cells for cells in rows(i, False)} if fate != "added" else {}
                    after = {cells[0]: cells for cells in (rows(i, True) if fate == "changed" else made)}
                    notes["vanished"] += [key for key in before if key not in after]
                    notes["added"] += [key for key in after if key not in before]
                    notes["changed"] += [table.difference(before[key], after[key]) for key in after if after[key] != before.get(key, after[key])]
                    if fate == "vanished":
                        listed.pop(self.lead_id(i), None)
                for cells in made:
                    table.row(cells)
                    if cells[3] == "Stage changed":
                        self.truth.count("activity_log", "stage_changes_to", cells[5])
                if self.export.messy and i % every == 2 and i // every < len(plants) and made:
                    plants[i // every](i, made[-1])

    # -- what is only handed over ---------------------------------------------------------------------------------

    def write_inventory(self) -> None:
        with self.export.table(
            "automation", "automations.csv", ["Automation", "Trigger", "Conditions", "Actions", "Sequence Steps", "Active"]
        ) as table:
            table.row(
                [
                    "Welcome drip",
                    "Lead created",
                    "Source is Google Ads or Facebook",
                    "Send e-mail Welcome 1; wait 2 days; send e-mail Welcome 2; wait 5 days; create task Call",
                    "3 steps over 7 days",
                    "Yes",
                ]
            )
            table.row(["Assign by zip", "Lead created", "Zip starts with 02", "Set owner to Priya Raman", "", "Yes"])
            table.row(
                [
                    "Stage rule: Proposal Sent",
                    "Stage changed to Proposal Sent",
                    "Amount over $25,000",
                    "Notify manager; require site visit date",
                    "",
                    "Yes",
                ]
            )
            table.row(["Lost reason required", "Stage changed to Lost", "", "Ask for lost reason", "", "Yes"])
            table.row(["Old newsletter sync", "Tag added: Newsletter", "", "Add to mailing list", "", "No"])
        with self.export.table("report", "reports.csv", ["Report", "Type", "Object", "Records", "Filters", "Date Range"]) as table:
            table.row(["Pipeline by owner", "Dashboard", "Deals", self.deals, "Stage is not Won, Lost", "This quarter"])
            table.row(["Lead sources 2024", "Report", "Leads", self.leads, "", "2024-01-01 to 2024-12-31"])
            table.row(["Overdue invoices", "Report", "Invoices", self.invoices, "Status is Overdue", "All time"])
            table.row(["Activity per agent", "Dashboard", "Activity log", "", "Active members", "Last 30 days"])


ACCOUNT = FlashLeadSales
