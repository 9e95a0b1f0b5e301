"""Leadforce CRM: the account of a valve maker in Pune. Companies live inside leads; dates in words; lakh grouping."""

from __future__ import annotations

from typing import Any

from .account import Account, Cells
from .attachments import pdf, png
from .clock import DAY, EXPORTED, business_moment, dmy_date, iso_utc, to_utc, word_time
from .export import Export, Table
from .names import INDIA, PLACES
from .text import HARMLESS_BUT_NASTY, email, html_note, note
from .world import Person, World, person

ZONE = "Asia/Kolkata"
ABOUT = {"timezone": ZONE, "date_order": "dmy", "currency": "INR", "files_are": "UTF-8 with BOM, comma, LF; leads in two partial files"}
SELLER = "tridentflow.example"
STAFF = [  # name, local part, role, status
    ("Ananya Iyer", "ananya", "Admin", "Active"),
    ("Rohit Deshpande", "rohit", "Sales", "Active"),
    ("Meera Nair", "meera", "Sales", "Active"),
    ("Vikram Sethi", "vikram", "Sales", "Active"),
    ("Farhan Qureshi", "farhan", "Sales", "Active"),
    ("Lakshmi Menon", "lakshmi", "Manager", "Active"),
    ("Arvind Rao", "arvind", "Sales", "Inactive"),
    ("Julie D'Souza", "julie", "Sales", "Active"),
]
PIPELINES = {
    "Domestic": [("Enquiry", 10), ("Technical Review", 30), ("Quoted", 50), ("Negotiation", 75), ("Closed Won", 100), ("Closed Lost", 0)],
    "Export": [("RFQ", 10), ("Sample Sent", 40), ("Commercials", 70), ("Closed Won", 100), ("Closed Lost", 0)],
}
STATUSES = ["New", "Contacted", "Qualified", "Qualified", "Contacted", "Junk"]
PRODUCTS = [  # SKU, name, rate in paise
    ("TF-BV-050", "Ball valve DN50", 184_500),
    ("TF-BV-100", "Ball valve DN100", 412_000),
    ("TF-GV-080", "Gate valve DN80", 296_750),
    ("TF-CV-065", "Check valve DN65", 158_025),
    ("TF-PMP-15", "Centrifugal pump 15 kW", 8_640_000),
    ("TF-ACT-02", "Pneumatic actuator", 739_999),
    ("TF-GSK-KIT", "Gasket kit", 12_345),
    ("TF-SRV-DAY", "Commissioning, per day", 1_500_000),
]
SOURCES = ["IndiaMART", "Trade Fair", "Website", "Referral", "Cold Call", "LinkedIn"]
TAGS = ["OEM", "EPC", "Repeat", "Urgent", "Tender", "Water", "Oil & Gas", "Pharma", "export"]
PLANTS = ["Refinery", "Water Treatment", "Pharma", "Food"]
CERTIFICATES = ["ISO 9001", "API 6D", "CE", "ATEX"]
LOST_REASONS = ["Price", "Lead time", "Spec not met", "Went to L1 bidder"]
KINDS = ["Call", "Email", "Meeting", "Task"]
PAYMENT = ["Paid", "Unpaid", "Partially Paid", "Overdue", "Paid"]


def lakh(paise: int) -> str:
    """``12,34,567.89``: the last three digits, then pairs."""
    whole, rest = divmod(paise, 100)
    digits = str(whole)
    head, tail = digits[:-3], digits[-3:]
    while head:
        head, tail = head[:-2], f"{head[-2:]},{tail}"
    return f"{tail}.{rest:02d}"


class Leadforce(Account):
    source = "leadforce"
    sections = ("setup", "leads", "deals", "activities", "notes", "proposals", "invoices", "files", "inventory")
    emails = tuple(f"{local}@{SELLER}" for _, local, _, _ in STAFF)
    gone = f"s.kulkarni@{SELLER}"

    def __init__(self, export: Export, seed: int, leads: int) -> None:
        super().__init__(export, seed, leads)
        self.world = World([*INDIA, *PLACES[8:15]])
        self.companies = max(4, leads // 2)
        self.deals, self.proposals, self.invoices = max(6, leads * 6 // 11), max(4, leads // 4), max(4, leads // 5)

    def table(self, object: str, name: str, header: list[str], **options: Any) -> Table:
        return self.export.table(object, name, header, encoding="utf-8-sig", newline="\n", **options)

    def write_setup(self) -> None:
        with self.table("staff", "staff.csv", ["Staff Name", "Email", "Role", "Status", "Last Login"], key="Email") as table:
            for n, (name, local, role, status) in enumerate(STAFF):
                table.row([name, f"{local}@{SELLER}", role, status, word_time(EXPORTED - n * DAY)])
            if self.export.messy:
                table.plant(["Rohit D.", f"Rohit@{SELLER.upper()}", "Sales", "Active", ""], "merged", "merged", into=f"rohit@{SELLER}")
                table.plant(["", f"stores@{SELLER}", "Sales", "Active", ""], "missing_required", "rejected")
        with self.table("pipeline_stage", "pipeline_stages.csv", ["Pipeline", "Stage", "Order", "Probability (%)"]) as table:
            for pipeline, stages in PIPELINES.items():
                for n, (stage, probability) in enumerate(stages, 1):
                    table.row([pipeline, stage, n, probability])
        self.truth.lists["stages"] = [[pipeline, stage, p] for pipeline, stages in PIPELINES.items() for stage, p in stages]
        self.truth.lists["owners_without_staff"] = [self.gone]
        self.truth.lists["inactive_staff"] = [f"{local}@{SELLER}" for _, local, _, status in STAFF if status != "Active"]

    # -- leads, in two partial files --------------------------------------------------------------------------------

    def party(self, i: int) -> tuple[Person, int | None, str]:
        """(person, number of the company or None, e-mail address) of lead ``i``. Some people enquire twice; many share a company."""
        i = i - 1 if i % 15 == 14 else i
        who, number = person(i), None if i % 10 == 9 else i * 2 // 3 % self.companies
        return who, number, f"{who.local}@{self.world.company(number).domain if number is not None else 'example.com'}"

    def write_leads(self) -> None:
        header = [
            "#",
            "Lead Name",
            "Email",
            "Phone",
            "Company",
            "Website",
            "Industry",
            "City",
            "State",
            "Country",
            "Status",
            "Lead Value",
            "Source",
            "Tags",
            "Assigned",
            "Description",
            "Created",
            "Last Contact",
            "Plant Type",
            "Certifications",
            "Annual Spend",
            "GST Number",
        ]
        half = self.leads // 2
        first, second = self.table("lead", "leads_1.csv", header), self.table("lead", "leads_2.csv", header)
        chance, truth = self.chance("lead"), self.truth
        companies: set[int] = set()
        people: set[str] = set()

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            who, number, address = self.party(i)
            company = self.world.company(number) if number is not None else None
            product = draw.pick(PRODUCTS)
            status = "Qualified" if changed else STATUSES[i % len(STATUSES)]
            pieces, guess = draw.between(2, 40), draw.between(1, 9) * 100_000
            value = product[2] * pieces if status == "Qualified" and i % 12 != 3 else guess if i % 8 == 0 or changed else None
            tags, source, owner = draw.some(TAGS, 3), draw.pick(SOURCES), self.owner(draw)
            created = business_moment(draw.random(), high=EXPORTED - 60 * DAY)
            contacted = min(created + draw.between(1, 90) * DAY, EXPORTED)
            self.fact = (status, value, tags, source, owner, number, address)
            name = company.name if company else ""
            if i % 14 == 5 and company:
                name = f"{company.name.upper()} "
            site = ("" if i % 6 == 4 else ("https://www.{}/", "{}", "www.{}/home")[i % 3].format(company.domain)) if company else ""
            text = HARMLESS_BUT_NASTY[i // 9 % len(HARMLESS_BUT_NASTY)] if i % 9 == 4 else note(draw, who.first, product[1])
            money = "" if value is None else f"₹{lakh(value)}" if i % 5 else f"{value / 100:.2f}"
            return [
                str(1001 + i),
                who.name,
                address,
                World.phone(company.place, who.phone_digits) if company else "",
                name,
                site,
                company.industry if company else "",
                company.place.city if company else "",
                company.place.region if company else "",
                company.place.country if company else "",
                status,
                money,
                source,
                ", ".join(tags),
                owner,
                text,
                word_time(created),
                word_time(EXPORTED + 2 * DAY if changed else contacted),
                PLANTS[i % 4] if i % 5 else "",
                ", ".join(CERTIFICATES[: i % 4]),
                f"₹{lakh(draw.between(1, 90) * 10_000_000)}" if i % 3 == 0 else "",
                f"27AAAPL{1000 + i}C1ZV" if company and i % 2 else "",
            ]

        def tally(cells: Cells) -> None:
            status, value, tags, source, owner, number, address = self.fact
            truth.count("lead", "by_status", status)
            truth.count("lead", "becomes", "opportunity" if status == "Qualified" and value is not None else "lead")
            truth.count("lead", "by_source", source)
            truth.count("lead", "by_owner", owner.strip().lower())
            for tag in tags:
                truth.count("lead", "by_tag", tag.lower())
            if value is not None:
                truth.add("lead", "value_by_status", f"{status} / INR", value)
            truth.link("lead_company", cells[0], self.world.company(number).domain if number is not None else None)
            if number is not None:
                companies.add(number)
            people.add(address)

        def plants(table: Table) -> list[Any]:
            return [
                self.copy(table),
                self.bad(table, "missing_required", {"Lead Name": ""}, remember="lead"),
                self.conflict(table, {"Status": "Junk", "Description": "duplicate entry by intern"}),
                self.bad(table, "bad_amount", {"Lead Value": "on request"}),
                self.cut(table, 12),
                self.odd(table, "bad_optional_date", tally, {"Last Contact": "before Diwali"}),
                self.odd(table, "date_order_flipped", tally, {"Created": "04/25/2024"}),
                self.odd(table, "amount_with_suffix", tally, {"Lead Value": lambda c: c[11] and f"{c[11]} - Invoiced"}, warning=False),
            ]

        # One sequence of leads, cut in half by the row cap of the screen that exports them; the last row of the first part comes again in the second.
        last: Cells = []
        with first, second:
            for _, cells in self.export.deliver(first, self.leads, make, plants(first), begin=0, end=half):
                tally(cells)
                last = cells
            if self.export.messy:
                second.plant(last, "exact_duplicate", "exact_duplicate", into=last[0])
            for _, cells in self.export.deliver(second, self.leads, make, plants(second), begin=half):
                tally(cells)
        truth.lists["companies_in_leads"] = len(companies)
        truth.lists["people_in_leads"] = len(people)

    # -- deals ------------------------------------------------------------------------------------------------------

    def deal(self, i: int, changed: bool = False) -> dict[str, Any]:
        draw = self.deal_chance.at(i)
        pipeline = "Domestic" if i % 3 else "Export"
        stage, probability = draw.pick(PIPELINES[pipeline])
        if changed:
            stage, probability = "Closed Won", 100
        product = draw.pick(PRODUCTS)
        created = business_moment(draw.random(), high=EXPORTED - 100 * DAY)
        lead = i * 7 % self.leads
        done = stage.startswith("Closed")
        return {
            "id": f"DL{5001 + i}",
            "pipeline": pipeline,
            "stage": stage,
            "probability": probability,
            "product": product,
            "value": product[2] * draw.between(3, 30),
            "created": created,
            "currency": "USD" if pipeline == "Export" and i % 2 else "INR",
            "lead": lead,
            "party": self.party(lead),
            "owner": self.owner(draw),
            "tags": draw.some(TAGS, 2),
            "close": EXPORTED + 2 * DAY
            if changed
            else business_moment(draw.random(), created + 10 * DAY, created + 90 * DAY if done else EXPORTED + 200 * DAY),
            "moved": EXPORTED + 2 * DAY if changed else created + draw.between(2, 60) * DAY + 95,
            "reason": draw.pick(LOST_REASONS) if stage == "Closed Lost" else "",
        }

    def write_deals(self) -> None:
        header = [
            "Deal ID",
            "Deal Name",
            "Pipeline",
            "Stage",
            "Deal Value",
            "Organization",
            "Contact Person",
            "Contact Email",
            "Lead #",
            "Owner",
            "Expected Close",
            "Status",
            "Lost Reason",
            "Tags",
            "Created",
            "Stage Changed",
            "Delivery Terms",
            "Warranty (Months)",
        ]
        table = self.table("deal", "deals.csv", header)
        self.deal_chance = self.chance("deal")
        truth = self.truth

        def make(i: int, changed: bool) -> Cells:
            d = self.deal(i, changed)
            self.fact = d
            who, number, address = d["party"]
            company = self.world.company(number) if number is not None else None
            money = f"US$ {d['value'] // 80 / 100:,.2f}" if d["currency"] == "USD" else f"₹{lakh(d['value'])}"
            status = "Won" if d["stage"] == "Closed Won" else "Lost" if d["reason"] else "Open"
            linked = i % 3 == 1 and d["lead"] % 31 != 23
            return [
                d["id"],
                f"{company.short if company else who.name} – {d['product'][1]}",
                d["pipeline"],
                d["stage"] if i % 11 else d["stage"].upper(),
                money,
                company.name if company else "",
                who.name,
                address,
                str(1001 + d["lead"]) if linked else "",
                d["owner"],
                dmy_date(d["close"]),
                status,
                d["reason"],
                ", ".join(d["tags"]),
                word_time(d["created"]),
                word_time(d["moved"]),
                ("Ex works", "FOR site", "CIF", "")[i % 4],
                str((12, 18, 24)[i % 3]),
            ]

        def tally(cells: Cells, *, linked: bool = True) -> None:
            d = self.fact
            cents = d["value"] // 80 if d["currency"] == "USD" else d["value"]
            truth.count("deal", "by_stage", f"{d['pipeline']} / {d['stage']}")
            truth.count("deal", "by_owner", d["owner"].strip().lower())
            for tag in d["tags"]:
                truth.count("deal", "by_tag", tag.lower())
            if d["reason"]:
                truth.count("deal", "by_lost_reason", d["reason"])
            truth.add("deal", "value_by_currency", d["currency"], cents)
            truth.add("deal", "value_by_stage", f"{d['pipeline']} / {d['stage']} / {d['currency']}", cents)
            truth.link("deal_lead", cells[0], (linked and cells[8]) or None)
            truth.link("deal_company", cells[0], self.world.company(d["party"][1]).domain if d["party"][1] is not None else None)

        plants = [
            self.copy(table),
            self.bad(table, "bad_amount", {"Deal Value": "≈ 5k"}, remember="deal"),
            self.bad(table, "bad_date", {"Expected Close": "after monsoon"}),
            self.bad(table, "missing_required", {"Deal Name": ""}),
            self.conflict(table, {"Deal Name": "Copy of deal", "Tags": ""}),
            self.cut(table, 7),
            self.odd(table, "orphan", lambda c: tally(c, linked=False), {"Lead #": "888888"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.deals, make, plants, can_vanish=False):
                tally(cells)

    # -- activities, notes, files -----------------------------------------------------------------------------------

    def related(self, i: int) -> tuple[str, str]:
        """(type, id) of the record that activity or note ``i`` belongs to: never a lead that a delta drops."""
        if i % 2:
            return "Deal", f"DL{5001 + i * 3 % self.deals}"
        lead = i * 5 % self.leads
        return "Lead", str(1001 + (lead - 1 if lead % 31 == 23 else lead))

    def write_activities(self) -> None:
        header = [
            "Activity ID",
            "Type",
            "Subject",
            "Related To",
            "Related ID",
            "Date",
            "Status",
            "Owner",
            "Duration (min)",
            "Location",
            "Description",
        ]
        table = self.table("activity", "activities.csv", header)
        chance, truth = self.chance("activity"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            kind = KINDS[i % 4]
            relation, record = self.related(i)
            product = draw.pick(PRODUCTS)[1]
            done = i % 5 != 4 or changed
            at = business_moment(draw.random()) if done else EXPORTED + draw.between(1, 40) * DAY
            subject, body = (
                email(draw, "Sir/Madam", product, "Trident Flow Controls")
                if kind == "Email"
                else (f"{kind}: {product}", note(draw, "the buyer", product))
            )
            if changed:
                body += " Rescheduled once."
            self.fact = (kind, done, at, relation, record)
            return [
                f"A{70001 + i}",
                kind,
                subject,
                relation,
                record,
                word_time(at),
                "Done" if done else "Open",
                self.owner(draw),
                str(draw.between(1, 12) * 5) if kind in ("Call", "Meeting") else "",
                draw.pick(["Plant office", "Video call", "Hall 4, stand B12"]) if kind == "Meeting" else "",
                body,
            ]

        def tally(cells: Cells) -> None:
            kind, done, at, relation, record = self.fact
            truth.count("activity", "by_type_and_state", f"{kind} / {'done' if done else 'open'}")
            truth.count("activity", "by_parent", relation)
            truth.link("activity_parent", cells[0], f"{relation} {record}")
            if len(times) < 200:
                times[cells[0]] = iso_utc(to_utc(at, ZONE))

        times: dict[str, str] = truth.lists.setdefault("activity_times_utc", {})
        plants = [
            self.copy(table),
            self.bad(table, "bad_date", {"Date": "soon"}),
            self.bad(table, "bad_relation", {"Related To": "Campaign"}),
            self.bad(table, "orphan", {"Related To": "Lead", "Related ID": "999999"}),
            self.bad(table, "orphan_parent_rejected", {"Related To": "Deal", "Related ID": lambda c: self.known["rejected deal"]}),
            self.bad(table, "missing_required", {"Related ID": ""}),
            self.cut(table, 6),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.leads * 2, make, plants, can_vanish=False):
                tally(cells)

    def write_notes(self) -> None:
        table = self.table("note", "notes.csv", ["Note ID", "Related To", "Related ID", "Note", "Author", "Created"])
        chance = self.chance("note")
        self.notes = max(6, self.leads * 2 // 3)

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            relation, record = self.related(i + 3)
            body = html_note(draw, "the plant manager", draw.pick(PRODUCTS)[1])
            if i % 8 == 2:
                body = HARMLESS_BUT_NASTY[i // 8 % len(HARMLESS_BUT_NASTY)]
            if changed:
                body += "<p>Edited: price confirmed.</p>"
            return [f"N{3001 + i}", relation, record, body, self.owner(draw), word_time(business_moment(draw.random()))]

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Note": ""}),
            self.bad(table, "orphan", {"Related To": "Lead", "Related ID": "999998"}),
            self.bad(table, "orphan_parent_rejected", {"Related To": "Lead", "Related ID": lambda c: self.known["rejected lead"]}),
            self.bad(table, "bad_relation", {"Related To": "Ticket"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.notes, make, plants, can_vanish=False):
                self.truth.link("note_parent", cells[0], f"{cells[1]} {cells[2]}")

    def write_files(self) -> None:
        table = self.table(
            "file", "files.csv", ["File ID", "Attached To", "Attached ID", "File Name", "File Path", "Size", "Type", "Uploaded By", "Uploaded"]
        )
        chance, truth = self.chance("file"), self.truth
        count = min(max(8, self.leads // 6), 500)

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            relation, record = ("Note", f"N{3001 + i * 5 % self.notes}") if i % 4 == 3 else self.related(i * 2 + i // 2)
            number = f"F{901 + i}"
            if i % 9 == 8:
                name, place, size, kind = f"Datasheet {i}.pdf", f"https://files.leadforce.example/d/{number}/datasheet.pdf", "", "application/pdf"
            else:
                ending, kind = (("pdf", "application/pdf"), ("png", "image/png"), ("txt", "text/plain"))[i % 3]
                name = ("Drawing", "Plant photo", "Call transcript – final (2)")[i % 3] + f" {i + 1}.{ending}"
                place = f"files/{number}_{i % 3}.{ending}"
                content = (
                    pdf(name, f"for {relation} {record}")
                    if ending == "pdf"
                    else png(i * 40, 120, 200 - i)
                    if ending == "png"
                    else f"Transcript {i}\nनमस्ते – ठीक है.\n".encode()
                )
                size = str(self.export.file(place, content))
                if changed:
                    name = f"v2 {name}"
            self.fact = f"{relation} {record}"
            return [number, relation, record, name, place, size, kind, self.owner(draw), word_time(business_moment(draw.random()))]

        plants = [
            self.bad(table, "file_missing", {"File Path": "files/F999_gone.pdf", "Size": ""}),
            self.bad(table, "bad_url", {"File Path": "ht!tp://files leadforce", "Size": ""}),
            self.bad(table, "orphan", {"Attached To": "Lead", "Attached ID": "999997"}),
            self.bad(table, "unsafe_path", {"File Path": "../secrets.txt", "Size": ""}),
            self.bad(table, "bad_relation", {"Attached To": "Staff"}),
        ]
        with table:
            for i, cells in self.export.deliver(table, count, make, plants, can_vanish=False):
                truth.count("file", "by_kind", "url" if i % 9 == 8 else "binary")
                truth.link("file_parent", cells[0], self.fact)

    # -- proposals and invoices with their lines --------------------------------------------------------------------

    def lines(self, i: int, salt: int) -> list[tuple[tuple[str, str, int], str, int]]:
        """(product, quantity as text, amount in paise) of document ``i``."""
        out = []
        for n in range(1 + (i + salt) % 4):
            product = PRODUCTS[(i * 3 + n * 2 + salt) % len(PRODUCTS)]
            if product[0] == "TF-SRV-DAY" and n:
                out.append((product, "2.5", product[2] * 5 // 2))
            else:
                quantity = 1 + (i * 7 + n * 5) % 24
                out.append((product, str(quantity), product[2] * quantity))
        return out

    def write_proposals(self) -> None:
        table = self.table(
            "proposal", "proposals.csv", ["Proposal #", "Subject", "To", "Email", "Deal ID", "Date", "Open Till", "Total", "Status", "Assigned"]
        )
        items = self.table("proposal_item", "proposal_items.csv", ["Proposal #", "Item", "SKU", "Description", "Qty", "Rate", "Amount"])
        chance, truth = self.chance("proposal"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            d = self.deal(i * 2 % self.deals)
            who, number, address = d["party"]
            company = self.world.company(number) if number is not None else None
            total = sum(amount for _, _, amount in self.lines(i, 0))
            status = "Accepted" if changed and i % 5 != 2 else "Declined" if changed else ("Draft", "Sent", "Accepted", "Declined", "Open")[i % 5]
            at = d["created"] + 12 * DAY
            self.fact = (status, total, d["id"])
            money = f"₹{lakh(total)}{' - Invoiced' if i % 6 == 2 else ''}"
            return [
                f"PRO-{i + 1:06d}",
                f"Offer {d['product'][1]}",
                company.name if company else who.name,
                address,
                d["id"],
                dmy_date(at),
                dmy_date(at + 30 * DAY),
                money,
                status,
                self.owner(draw),
            ]

        def item(number: str, n: int, line: tuple[tuple[str, str, int], str, int]) -> Cells:
            (sku, name, rate), quantity, amount = line
            return [
                number,
                name,
                sku if n % 3 else f"{sku} ".lower(),
                "as per datasheet" if n % 2 else "",
                quantity,
                f"₹{lakh(rate)}",
                f"₹{lakh(amount)}",
            ]

        plants = [
            self.copy(table),
            self.bad(table, "bad_date", {"Date": "Q3"}, remember="proposal"),
            self.bad(table, "missing_required", {"To": "", "Email": ""}),
            self.bad(table, "bad_amount", {"Total": "as discussed"}),
            self.conflict(table, {"Subject": "Older version", "Total": "₹1.00"}),
        ]
        with table, items:
            for i, cells in self.export.deliver(table, self.proposals, make, plants, can_vanish=False):
                status, total, deal = self.fact
                truth.count("proposal", "by_status", status)
                truth.add("proposal", "total_by_currency", "INR", total)
                truth.link("proposal_deal", cells[0], deal)
                for n, line in enumerate(self.lines(i, 0)):
                    items.row(item(cells[0], n + i, line))
                    truth.count("proposal_item", "by_product", line[0][0])
            if self.export.messy:
                row = item("PRO-000001", 1, self.lines(0, 0)[0])
                # It costs nothing: where unknown products are created, the proposal still has its total.
                items.plant([row[0], "Unobtainium flange", "XX-000", "free sample", "1", "₹0.00", "₹0.00"], "unmatched_product", "rejected")
                items.plant(["PRO-999999", *row[1:]], "orphan", "rejected")
                items.plant([self.known["rejected proposal"], *row[1:]], "orphan_parent_rejected", "rejected")
                items.plant([*row[:4], "a few", *row[5:]], "bad_amount", "rejected")
                items.plant([row[0], "", "", "", "1", "₹5.00", "₹5.00"], "missing_required", "rejected")
        truth.lists["products_expected_in_odoo"] = [[sku, name, f"{rate / 100:.2f}"] for sku, name, rate in PRODUCTS]

    def write_invoices(self) -> None:
        header = [
            "Invoice #",
            "Organization",
            "Contact Email",
            "Deal ID",
            "Proposal #",
            "Date",
            "Due Date",
            "Amount",
            "Payment Status",
            "Amount Paid",
            "Paid On",
        ]
        table = self.table("invoice", "invoices.csv", header)
        items = self.table("invoice_item", "invoice_items.csv", ["Invoice #", "Item", "SKU", "Description", "Qty", "Rate", "Amount"])
        truth = self.truth

        def make(i: int, changed: bool) -> Cells:
            d = self.deal(i * 3 % self.deals)
            company = self.world.company(d["party"][1] if d["party"][1] is not None else i % self.companies)
            total = sum(amount for _, _, amount in self.lines(i, 1))
            status = "Paid" if changed else PAYMENT[i % 5]
            paid = total if status == "Paid" else total // 3 if status == "Partially Paid" else 0
            at = d["created"] + 40 * DAY
            self.fact = (status, total, paid, d["id"])
            return [
                f"TF/{24 + i % 2}-{25 + i % 2}/{i + 1:04d}",
                company.name,
                f"accounts@{company.domain}",
                d["id"],
                f"PRO-{i + 1:06d}" if i % 2 and i < self.proposals else "",
                dmy_date(at),
                dmy_date(at + 45 * DAY),
                f"₹{lakh(total)}",
                status,
                f"₹{lakh(paid)}" if paid else "",
                dmy_date(at + 20 * DAY) if paid else "",
            ]

        plants = [
            self.copy(table),
            self.bad(table, "bad_date", {"Date": "31/02/2024"}),
            self.bad(table, "bad_amount", {"Amount": "N.A. (see mail)"}, remember="invoice"),
            self.bad(table, "missing_required", {"Organization": ""}),
            self.conflict(table, {"Amount": "₹99.00"}),
        ]
        with table, items:
            for i, cells in self.export.deliver(table, self.invoices, make, plants, can_vanish=False):
                status, total, paid, deal = self.fact
                truth.count("invoice", "by_payment_status", status)
                truth.add("invoice", "amount_by_status", f"{status} / INR", total)
                truth.add("invoice", "paid_by_currency", "INR", paid)
                truth.link("invoice_deal", cells[0], deal)
                for (sku, name, rate), quantity, amount in self.lines(i, 1):
                    items.row([cells[0], name, sku if i % 4 else "", "", quantity, f"₹{lakh(rate)}", f"₹{lakh(amount)}"])
            if self.export.messy:
                items.plant(["TF/00-00/0000", PRODUCTS[0][1], PRODUCTS[0][0], "", "1", "₹1,845.00", "₹1,845.00"], "orphan", "rejected")
                items.plant(
                    [self.known["rejected invoice"], PRODUCTS[0][1], PRODUCTS[0][0], "", "1", "₹1,845.00", "₹1,845.00"],
                    "orphan_parent_rejected",
                    "rejected",
                )

    def write_inventory(self) -> None:
        with self.table("custom_field", "custom_fields.csv", ["Object", "Field Name", "Type", "Options", "Seen In"]) as table:
            table.row(["Lead", "Plant Type", "Select", "|".join(PLANTS), "screen-share 2025-06-24, picture 3"])
            table.row(["Lead", "Certifications", "Multi-select", "|".join(CERTIFICATES), "screen-share 2025-06-24, picture 3"])
            table.row(["Lead", "Annual Spend", "Currency", "", "screen-share 2025-06-24, picture 4"])
            table.row(["Lead", "GST Number", "Text", "", ""])
            table.row(["Deal", "Delivery Terms", "Select", "Ex works|FOR site|CIF|DDP", "screen-share 2025-06-24, picture 7"])
            table.row(["Deal", "Warranty (Months)", "Number", "", ""])
            if self.export.messy:
                table.plant(["Lead", "plant  type", "Select", "Refinery", ""], "merged", "merged")
        with self.table("workflow", "workflows.csv", ["Workflow", "Object", "Event", "Condition", "Action", "Active"]) as table:
            table.row(
                [
                    "Assign exports",
                    "Lead",
                    "Created",
                    "Country is not India",
                    "Assign to lakshmi@tridentflow.example; send template Export Welcome",
                    "Yes",
                ]
            )
            table.row(["Big deal alert", "Deal", "Value changed", "Deal Value > ₹10,00,000", "E-mail the manager; add tag Tender", "Yes"])
            table.row(["Stale quote", "Deal", "5 days in stage Quoted", "Status is Open", "Create task Call; move to Negotiation", "Yes"])
            table.row(["Birthday mail", "Lead", "Date reached", "", "Send template Birthday", "No"])


ACCOUNT = Leadforce
