"""The Customer Factor: the account of a cleaning company in Colorado. Ids like 3050.0, HTML entities, text that went through the wrong encoding."""

from __future__ import annotations

from .account import Account, Cells
from .attachments import pdf, png
from .chance import Chance
from .clock import DAY, EXPORTED, business_moment, iso_utc, short_us_date, to_utc, us_time
from .export import Export, Table
from .names import PLACES_BY_COUNTRY, US
from .text import note
from .world import World, person

ZONE = "America/Denver"
ABOUT = {"timezone": ZONE, "date_order": "mdy", "currency": "USD", "files_are": "Windows-1252 for jobs.csv, UTF-8 otherwise; comma, CRLF"}
SELLER = "sparkleandsons.example"
USERS = [
    ("Gus Sparkle", "gus", "Owner"),
    ("Dolores Vega", "dolores", "Office"),
    ("Mike O'Hara", "mike", "Technician"),
    ("Tina Holt", "tina", "Technician"),
    ("Raj Patel", "raj", "Technician"),
]
SERVICES = [
    ("Carpet cleaning, per room", 4_950),
    ("Window cleaning, inside & out", 18_900),
    ("Gutter cleaning", 14_500),
    ("Pressure washing driveway", 22_050),
    ("Move-out clean", 38_999),
    ("Spot treatment", 1_275),
]
SOURCES = ["Yard sign", "Google", "Referral", "Postcard", "Nextdoor"]
TAGS = ["Weekly", "Biweekly", "Senior discount", "Dog on premises", "Commercial", "VIP", "Gate code needed"]
ESTIMATE_STATUS = ["Pending", "Accepted", "Declined", "Expired", "Invoiced", "Won - scheduled"]
JOB_STATUS = ["Scheduled", "In Progress", "Completed", "Completed", "Cancelled"]
INVOICE_STATUS = ["Paid", "Open", "Paid", "Past due"]
KEYS = {  # custom field: ways in which people typed its name, and its values
    "Gate Code": (["Gate Code", "gate_code", "GATE CODE "], ["0042", "1187#", "0900", "7710"]),
    "Square Feet": (["Square Feet", "square feet"], ["1850", "2,400", "960"]),
    "Pet": (["Pet"], ["Dog", "Cat", "Parrot", "Dog"]),
    "Last Deep Clean": (["Last Deep Clean", "last deep clean"], ["4/12/2024", "11/3/2024", "1/15/2025"]),
    "Key On File": (["Key On File"], ["Yes", "No"]),
}


def mojibake(text: str) -> str:
    """UTF-8 that somebody read as Windows-1252: ``it’s`` becomes ``itâ€™s``."""
    return text.encode("utf-8").decode("cp1252", "ignore")


def dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"


class CustomerFactor(Account):
    source = "customer_factor"
    sections = ("users", "customers", "prospects", "estimates", "jobs", "invoices", "custom_fields", "notes", "attachments", "inventory")
    emails = tuple(f"{local}@{SELLER}" for _, local, _ in USERS)
    gone = f"old.office@{SELLER}"

    def __init__(self, export: Export, seed: int, leads: int) -> None:
        super().__init__(export, seed, leads)
        self.world = World(PLACES_BY_COUNTRY[US])
        self.customers = max(10, leads * 5 // 4)
        self.estimates, self.jobs, self.invoices = max(6, leads // 2), max(8, leads * 3 // 4), max(6, leads // 2)

    def customer_id(self, i: int) -> str:
        return f"{3050 + i}.0"

    def write_users(self) -> None:
        with self.export.table("user", "users.csv", ["Name", "Email", "Role"], key="Email") as table:
            for name, local, role in USERS:
                table.row([name, f"{local}@{SELLER}", role])
            if self.export.messy:
                table.plant(["Michael O'Hara", f"MIKE@{SELLER}", "Technician"], "merged", "merged", into=f"mike@{SELLER}")
        self.truth.lists["owners_without_user"] = [self.gone]

    def write_customers(self) -> None:
        header = [
            "Customer ID",
            "Company",
            "First Name",
            "Last Name",
            "Email",
            "Phone",
            "Mobile",
            "Address",
            "City",
            "State",
            "Zip",
            "Tags",
            "Owner",
            "Referral Source",
            "Notes",
            "Date Added",
        ]
        table = self.export.table("customer", "customers.csv", header)
        chance, truth = self.chance("customer"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw, who = chance.at(i), person(i)
            company = self.world.company(i)
            business = i % 4 == 1  # a firm with a person; one in twelve is a firm alone
            alone = i % 12 == 5
            address = f"{who.local}@{company.domain}" if business else "" if i % 11 == 3 else f"{who.local}@example.net"
            tags, owner = draw.some(TAGS, 2), self.owner(draw)
            self.fact = (tags, owner, business)
            words = note(draw, who.first, "the spring clean")
            if i % 9 == 2:
                words = mojibake("Didn’t answer – left a card at the café next door")
            if i % 9 == 6:
                words = "Prefers Tom &amp; Jerry&#39;s crew<br>Gate is <b>always</b> locked &ndash; call &lt;first&gt;"
            return [
                self.customer_id(i),
                company.short.replace("&", "&amp;") if business else "",
                "" if alone else who.first,
                "" if alone else who.last,
                address,
                "(303) 555-0177" if changed else World.phone(company.place, who.phone_digits),
                f"(303) 555-01{i % 100:02d}" if i % 3 == 0 else "",
                company.street,
                company.place.city,
                company.place.region,
                company.place.zip,
                ("; " if i % 2 else ", ").join(tags),
                owner,
                draw.pick(SOURCES) if draw.often(0.6) else "Select",
                words,
                short_us_date(business_moment(draw.random())),
            ]

        def tally(cells: Cells) -> None:
            tags, owner, business = self.fact
            truth.count("customer", "by_kind", "company alone" if business and not cells[3] else "company with person" if business else "person")
            truth.count("customer", "by_owner", owner.strip().lower())
            for tag in tags:
                truth.count("customer", "by_tag", tag)

        fresh = {"Email": lambda c: f"planted{self.spare}@example.org"}
        plants = [
            self.copy(table),
            self.merged(table, {"Email": lambda c: f"{c[4].upper()} ", "Phone": ""}, by="Email"),
            self.bad(table, "missing_required", {"Company": "", "First Name": "", "Last Name": "", "Email": ""}, remember="customer"),
            self.conflict(table, {"Customer ID": lambda c: c[0].removesuffix(".0"), "Last Name": "Someone Else", "Email": ""}),
            self.cut(table, 10),
            self.odd(table, "invalid_email", tally, {"Email": "none yet!"}),
            self.odd(table, "bad_optional_date", tally, {**fresh, "Date Added": "summer 2023"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.customers, make, plants, can_vanish=False):
                tally(cells)

    def write_prospects(self) -> None:
        header = [
            "Prospect ID",
            "Name",
            "Company",
            "Email",
            "Phone",
            "Address",
            "City",
            "State",
            "Zip",
            "Source",
            "Owner",
            "Tags",
            "Notes",
            "Created",
        ]
        table = self.export.table("prospect", "prospects.csv", header)
        chance, truth = self.chance("prospect"), self.truth

        def make(i: int, changed: bool) -> Cells:
            draw, who = chance.at(i), person(self.customers + i)
            company = self.world.company(self.customers + i)
            owner, source, tags = self.owner(draw), draw.pick(SOURCES), draw.some(TAGS, 2)
            self.fact = (owner, source, tags)
            text = "=cmd|' /C calc'!A0" if i == 6 else note(draw, who.first, draw.pick(SERVICES)[0])
            return [
                f"{9001 + i}.0",
                who.name if i % 7 != 3 else "",
                company.name if i % 7 == 3 or i % 5 == 0 else "",
                f"{who.local}@example.com",
                "(970) 555-0142" if changed else World.phone(company.place, i),
                company.street,
                company.place.city,
                company.place.region,
                company.place.zip,
                source,
                owner,
                ", ".join(tags),
                text,
                us_time(business_moment(draw.random())),
            ]

        def tally(cells: Cells) -> None:
            owner, source, tags = self.fact
            truth.count("prospect", "by_owner", owner.strip().lower())
            truth.count("prospect", "by_source", source)
            for tag in tags:
                truth.count("prospect", "by_tag", tag)

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Name": "", "Company": ""}, remember="prospect"),
            self.conflict(table, {"Name": "Other Person", "Notes": ""}),
            self.cut(table, 6),
            self.odd(table, "date_order_flipped", tally, {"Created": "28/2/2025 9:00 AM"}),
            self.odd(table, "invalid_email", tally, {"Email": "no e-mail"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, self.leads, make, plants):
                tally(cells)

    # -- estimates, jobs, invoices and their lines ------------------------------------------------------------------

    def lines(self, i: int, salt: int) -> list[tuple[str, int, int, int]]:
        """(service, quantity, price in cents, amount in cents) of document ``i``."""
        return [
            (service, quantity, price, quantity * price)
            for n in range(1 + (i + salt) % 3)
            for service, price in [SERVICES[(i * 5 + n * 2 + salt) % len(SERVICES)]]
            for quantity in [1 + (i + n * 3) % 6]
        ]

    def _items(self, object: str, file: str, column: str) -> Table:
        return self.export.table(object, file, [column, "Service", "Description", "Qty", "Price", "Amount"])

    @staticmethod
    def _item(parent: str, n: int, line: tuple[str, int, int, int]) -> Cells:
        service, quantity, price, amount = line
        return [
            parent,
            service.replace("&", "&amp;"),
            "" if n else "incl. supplies &amp; travel",
            str(quantity) if n else f"{quantity}.0",
            dollars(price),
            dollars(amount),
        ]

    def _bad_items(self, items: Table, parent: str, rejected: str) -> None:
        if not self.export.messy:
            return
        row = self._item(parent, 1, self.lines(0, 0)[0])
        items.plant(["777777", *row[1:]], "orphan", "rejected")
        items.plant([self.known[f"rejected {rejected}"], *row[1:]], "orphan_parent_rejected", "rejected")
        items.plant([*row[:3], "several", *row[4:]], "bad_amount", "rejected")
        items.plant([row[0], "", *row[2:]], "missing_required", "rejected")

    def when(self, chance: Chance, i: int) -> int:
        return business_moment(chance.at(i).random(), high=EXPORTED - 30 * DAY)

    def write_estimates(self) -> None:
        table = self.export.table(
            "estimate", "estimates.csv", ["Estimate #", "Date", "Customer ID", "Prospect ID", "Status", "Total", "Owner", "Expires", "Notes"]
        )
        items = self._items("estimate_item", "estimate_items.csv", "Estimate #")
        chance, truth = self.chance("estimate"), self.truth

        def make(i: int, changed: bool) -> Cells:
            at = self.when(chance, i)
            prospect = i % 4 == 3
            p = i * 3 % self.leads
            p -= p % 31 == 23  # never a prospect that a delta drops
            total = sum(line[3] for line in self.lines(i, 0))
            status = "Accepted" if changed else ESTIMATE_STATUS[i % len(ESTIMATE_STATUS)]
            parent = f"{9001 + p}.0" if prospect else self.customer_id(i * 3 % self.customers)
            self.fact = (status, total, ("prospect " if prospect else "customer ") + parent.removesuffix(".0"))
            return [
                f"{1201 + i}",
                short_us_date(at),
                "" if prospect else parent,
                parent if prospect else "",
                status,
                dollars(total),
                self.owner(chance),
                short_us_date(at + 30 * DAY),
                "50% deposit" if i % 4 else "",
            ]

        plants = [
            self.copy(table),
            self.bad(table, "bad_date", {"Date": "TBA"}, remember="estimate"),
            self.bad(table, "missing_required", {"Customer ID": "", "Prospect ID": ""}),
            self.bad(table, "orphan", {"Customer ID": "88888.0", "Prospect ID": ""}),
            self.bad(table, "orphan_parent_rejected", {"Customer ID": lambda c: self.known["rejected customer"], "Prospect ID": ""}),
            self.bad(table, "bad_amount", {"Total": "approx. 300"}),
            self.conflict(table, {"Total": "$9.99", "Status": "Declined"}),
        ]
        with table, items:
            for i, cells in self.export.deliver(table, self.estimates, make, plants, can_vanish=False):
                status, total, parent = self.fact
                truth.count("estimate", "by_status", status)
                truth.add("estimate", "total_by_status", f"{status} / USD", total)
                truth.link("estimate_parent", cells[0], parent)
                for n, line in enumerate(self.lines(i, 0)):
                    items.row(self._item(cells[0], n, line))
            self._bad_items(items, "1201", "estimate")

    def write_jobs(self) -> None:
        header = ["Job ID", "Job #", "Type", "Date", "Start", "End", "Customer ID", "Status", "Technician", "Owner", "Description", "Total", "Tags"]
        table = self.export.table("job", "jobs.csv", header, encoding="cp1252")
        items = self._items("job_item", "job_items.csv", "Job ID")
        chance, truth = self.chance("job"), self.truth

        def make(i: int, changed: bool) -> Cells:
            at = self.when(chance, i)
            total = sum(line[3] for line in self.lines(i, 2))
            status = "Completed" if changed and JOB_STATUS[i % 5] != "Completed" else "Cancelled" if changed else JOB_STATUS[i % 5]
            customer = self.customer_id(i * 7 % self.customers)
            technician = self.emails[2 + i % 3]
            owner, tags = self.owner(chance), chance.some(TAGS, 2)
            self.fact = (status, total, customer.removesuffix(".0"), technician, tags)
            text = "Réunion d’équipe: “façade” clean – 3 floors" if i % 8 == 4 else note(chance, "the customer", SERVICES[i % len(SERVICES)][0])
            text = text.encode("cp1252", "ignore").decode("cp1252")
            return [
                f"{7001 + i}.0",
                f"J-{25000 + i}",
                ("One-time", "Recurring", "Work order")[i % 3],
                short_us_date(at),
                us_time(at),
                us_time(at + 120),
                customer,
                status,
                technician,
                owner,
                text,
                dollars(total),
                ", ".join(tags),
            ]

        plants = [
            self.copy(table),
            self.bad(table, "bad_date", {"Date": "whenever"}, remember="job"),
            self.bad(table, "missing_required", {"Job #": ""}),
            self.bad(table, "bad_amount", {"Total": "ask Gus"}),
            self.conflict(table, {"Status": "Cancelled", "Description": "entered twice"}),
            self.cut(table, 7),
        ]
        with table, items:
            for i, cells in self.export.deliver(table, self.jobs, make, plants, can_vanish=False):
                status, total, customer, technician, tags = self.fact
                truth.count("job", "by_status", status)
                truth.count("job", "by_technician", technician)
                for tag in tags:
                    truth.count("job", "by_tag", tag)
                truth.add("job", "total_by_status", f"{status} / USD", total)
                truth.link("job_customer", cells[0].removesuffix(".0"), customer)
                for n, line in enumerate(self.lines(i, 2)):
                    items.row(self._item(cells[0], n, line))
            self._bad_items(items, "7001.0", "job")

    def write_invoices(self) -> None:
        table = self.export.table(
            "invoice", "invoices.csv", ["Invoice Number", "Customer ID", "Date", "Due Date", "Amount", "Status", "Estimate #", "Job ID", "Paid On"]
        )
        items = self._items("invoice_item", "invoice_items.csv", "Invoice Number")
        chance, truth = self.chance("invoice"), self.truth

        def make(i: int, changed: bool) -> Cells:
            at = self.when(chance, i)
            linked = i % 3 != 2 and i < self.estimates and i % 4 != 3  # estimates for prospects have no invoice
            total = sum(line[3] for line in self.lines(i, 0))
            status = "Paid" if changed else INVOICE_STATUS[i % 4]
            customer = self.customer_id(i * 3 % self.customers)
            self.fact = (
                status,
                total,
                customer.removesuffix(".0"),
                str(1201 + i) if linked else None,
                f"{7001 + i * 2 % self.jobs}" if i % 5 == 0 else None,
                i,
            )
            return [
                f"INV{20001 + i}",
                customer,
                short_us_date(at),
                short_us_date(at + 15 * DAY),
                dollars(total),
                status,
                self.fact[3] or "",
                f"{self.fact[4]}.0" if self.fact[4] else "",
                short_us_date(at + 9 * DAY) if status == "Paid" else "",
            ]

        def odd_link(cells: Cells) -> None:
            tally(cells, linked=False)

        def tally(cells: Cells, *, linked: bool = True) -> None:
            status, total, customer, estimate, job, i = self.fact
            for n, line in enumerate(self.lines(i, 0)):
                items.row(self._item(cells[0], n, line))
            truth.count("invoice", "by_status", status)
            truth.add("invoice", "amount_by_status", f"{status} / USD", total)
            truth.link("invoice_customer", cells[0], customer)
            truth.link("invoice_estimate", cells[0], estimate if linked else None)
            truth.link("invoice_job", cells[0], job if linked else None)

        plants = [
            self.copy(table),
            self.bad(table, "bad_amount", {"Amount": "#REF!"}, remember="invoice"),
            self.bad(table, "bad_date", {"Date": "2/30/2025"}),
            self.bad(table, "missing_required", {"Customer ID": ""}),
            self.bad(table, "orphan", {"Customer ID": "88887.0"}),
            self.odd(table, "orphan", odd_link, {"Estimate #": "99999", "Job ID": ""}),
            self.odd(table, "orphan_parent_rejected", odd_link, {"Estimate #": lambda c: self.known["rejected estimate"], "Job ID": ""}),
        ]
        with table, items:
            for _, cells in self.export.deliver(table, self.invoices, make, plants, can_vanish=False):
                tally(cells)
            self._bad_items(items, "INV20001", "invoice")
            table.non_record("")
            table.non_record(f"Total,,,,{dollars(sum(truth.sums['invoice']['amount_by_status'].values()))},,,,")

    # -- custom fields, notes, files --------------------------------------------------------------------------------

    def write_custom_fields(self) -> None:
        table = self.export.table("custom_field", "custom_fields.csv", ["Record Type", "Record ID", "Field", "Value"])
        truth = self.truth
        names = list(KEYS)

        def make(i: int, changed: bool) -> Cells:
            name = names[i % len(names)]
            spellings, values = KEYS[name]
            job = name == "Pet" and i % 2 == 1
            self.fact = name
            value = values[(i // len(names) + (1 if changed else 0)) % len(values)]
            return [
                "Job" if job else "Customer",
                f"{7001 + i // len(names) % self.jobs}.0" if job else self.customer_id(i // len(names) * 3 % self.customers),
                spellings[i // 5 % len(spellings)],
                value,
            ]

        count = max(15, self.leads * 3 // 2 // 5 * 5)
        with table:
            for _, cells in self.export.deliver(table, min(count, self.customers * 5 // 3 // 5 * 5), make, can_vanish=False):
                truth.count("custom_field", "by_field", self.fact)
                truth.count("custom_field", "by_spelling", cells[2])
            if self.export.messy:
                table.plant(["Customer", "88886.0", "Gate Code", "0001"], "orphan", "rejected")
                table.plant(["Customer", self.known["rejected customer"], "Gate Code", "0001"], "orphan_parent_rejected", "rejected")
                table.plant(["Customer", self.customer_id(0), "", "lonely value"], "missing_required", "rejected")
            table.row(
                ["Customer", self.customer_id(self.customers - 1), "Alarm Panel", "In the garage, left of the door"]
            )  # a key that only the last row has
            truth.count("custom_field", "by_field", "Alarm Panel")
            truth.count("custom_field", "by_spelling", "Alarm Panel")
        truth.lists["custom_fields"] = {
            "Gate Code": "text",
            "Square Feet": "number",
            "Pet": "pick-list",
            "Last Deep Clean": "date",
            "Key On File": "yes/no",
            "Alarm Panel": "text",
        }

    def write_notes(self) -> None:
        table = self.export.table("note", "notes.csv", ["Note ID", "Record Type", "Record ID", "Date", "Author", "Type", "Text"])
        chance, truth = self.chance("note"), self.truth
        times: dict[str, str] = truth.lists.setdefault("note_times_utc", {})

        def make(i: int, changed: bool) -> Cells:
            draw = chance.at(i)
            at = business_moment(draw.random())
            p = i * 2 % self.leads
            p -= p % 31 == 23
            kind, record = (
                ("Customer", self.customer_id(i * 4 % self.customers))
                if i % 3 == 0
                else ("Job", f"{7001 + i * 2 % self.jobs}.0")
                if i % 3 == 1
                else ("Prospect", f"{9001 + p}.0")
            )
            text = mojibake("Customer says it’s great – 5★") if i % 7 == 2 else note(draw, "the customer", draw.pick(SERVICES)[0])
            if i % 7 == 4:
                text = f"{text}<br />Thanks &amp; regards"
            if changed:
                text += " (edited)"
            self.fact = (kind, record, at)
            return [f"{5001 + i}.0", kind, record, us_time(at), self.owner(draw), ("Call", "Visit", "E-mail", "Note")[i % 4], text]

        plants = [
            self.copy(table),
            self.bad(table, "missing_required", {"Text": ""}),
            self.bad(table, "orphan", {"Record Type": "Customer", "Record ID": "88885.0"}),
            self.bad(table, "orphan_parent_rejected", {"Record Type": "Prospect", "Record ID": lambda c: self.known["rejected prospect"]}),
            self.bad(table, "bad_relation", {"Record Type": "Van"}),
        ]
        with table:
            for _, cells in self.export.deliver(table, max(6, self.leads), make, plants, can_vanish=False):
                kind, record, at = self.fact
                truth.count("note", "by_parent", kind)
                truth.link("note_parent", cells[0].removesuffix(".0"), f"{kind} {record.removesuffix('.0')}")
                if len(times) < 200:
                    times[cells[0].removesuffix(".0")] = iso_utc(to_utc(at, ZONE))

    def write_attachments(self) -> None:
        table = self.export.table("attachment", "attachments.csv", ["File ID", "Record Type", "Record ID", "File Name", "Path", "Size"])
        truth = self.truth

        def make(i: int, changed: bool) -> Cells:
            kind, record = (
                ("Customer", self.customer_id(i * 9 % self.customers))
                if i % 3 == 0
                else ("Job", f"{7001 + i * 5 % self.jobs}.0")
                if i % 3 == 1
                else ("Note", f"{5001 + i * 2 % max(6, self.leads)}.0")
            )
            ending = ("png", "pdf", "txt")[i % 3]
            name = ("Before", "Signed work order", "Gate instructions")[i % 3] + f" {i + 1}.{ending}"
            content = (
                png(i * 25, 80, 160)
                if ending == "png"
                else pdf(name, f"{kind} {record}")
                if ending == "pdf"
                else f"Turn left, ring twice. #{i}\r\n".encode()
            )
            place = f"files/{i + 1:03d}_{name.split()[0].lower()}.{ending}"
            size = self.export.file(place, content)
            return [f"{801 + i}.0", kind, record, f"Rev. {name}" if changed else name, place, str(size)]

        plants = [
            self.bad(table, "file_missing", {"Path": "files/lost.png", "Size": ""}),
            self.bad(table, "size_mismatch", {"Size": "3"}),
            self.bad(table, "orphan", {"Record Type": "Customer", "Record ID": "88884.0"}),
            self.bad(table, "unsafe_path", {"Path": "..\\..\\boot.ini", "Size": ""}),
        ]
        with table:
            for _, cells in self.export.deliver(table, min(max(6, self.leads // 5), 500), make, plants, can_vanish=False):
                truth.link("attachment_parent", cells[0].removesuffix(".0"), f"{cells[1]} {cells[2].removesuffix('.0')}")

    def write_inventory(self) -> None:
        with self.export.table("follow_up_sequence", "follow_up_sequences.csv", ["Sequence", "Trigger", "Steps", "Active"]) as table:
            table.row(["Thank you", "Job completed", "E-mail after 1 day; postcard after 14 days; e-mail Review Request after 21 days", "Yes"])
            table.row(["Unsold estimate", "Estimate pending 7 days", "E-mail; text message after 3 days; call task after 7 days", "Yes"])
            table.row(["Annual gutter reminder", "11 months after Gutter cleaning", "E-mail", "No"])


ACCOUNT = CustomerFactor
