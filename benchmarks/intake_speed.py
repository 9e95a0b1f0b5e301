"""Lands and cleans a generated export of leads, beside a bare COPY of the same bytes. Prints rows/s, ratios and peak memory.

    python benchmarks/intake_speed.py --dsn "…" [--rows 1000000] [--folder FOLDER]

Each round does all steps one after the other; ratios are taken within a round, and the median of the rounds is shown with the extremes.
Ours uses several cores: up to three processes beside the worker read a file while PostgreSQL copies it, and PostgreSQL's parallel workers
clean it. Our tables are unlogged, so the COPY is measured into a logged table, as a COPY usually is, and into an unlogged one.
The project ``bench`` of the database is used and dropped at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from psycopg import sql

from crm2odoo.intake import clean, land, register, verify_counts
from crm2odoo.project import Bundle, Project, Source, YamlFile, package_root
from crm2odoo.staging import Workspace

HEADER = (
    "Lead ID,Lead Name,Email,Phone,Company,Status,Pipeline,Source,Tags,Owner,Estimated Value,City,State,Zip,Country,Website,Notes,Created,Updated,Roof Area (sq ft)"
)


def write_leads(path: Path, rows: int, seed: int = 1) -> None:
    """A file of ``rows`` leads with 20 columns: quotes, accents, US dates, money with and without symbols, and a note in every third row."""
    pick = random.Random(seed)
    first = ["Amelia", "Noah", "Zoë", "José", "Olivia", "Liam", "Chloé", "Jürgen", "Mia", "Wei"]
    last = ["O'Connor", "Smith", "Müller", "García", "Tanaka", "Brown", "Okafor", "Novák", "Lee", "Silva"]
    companies = ["Alder Dental Group", "Lighthouse Foods, Inc.", "Thistle Law Partners", "Köln Maschinenbau GmbH", "Harbor Pine Solar"]
    stages = ["New", "Contacted", "Qualified", "Proposal Sent", "Nurture"]
    sources = ["Website", "Facebook", "Google Ads", "Referral", "Trade Show"]
    notes = ["", "", '"Called, wants an offer. Said ""maybe"" twice."', "Prefers e-mail.", '"First line\nsecond line, with a comma"', ""]
    cities = [("Boston", "MA", "02139"), ("Newark", "NJ", "07102"), ("Denver", "CO", "80202"), ("Austin", "TX", "73301")]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER + "\n")
        for start in range(0, rows, 10_000):
            lines = []
            for n in range(start, min(start + 10_000, rows)):
                f, s, c = first[n % 10], last[(n // 10) % 10], companies[n % 5]
                city, state, code = cities[n % 4]
                day = f"{n % 12 + 1:02d}/{n % 28 + 1:02d}/{2020 + n % 5}"
                value = (f"{pick.randrange(100, 99999)}.{n % 100:02d}", f'"${n % 90 + 1},{n % 900 + 100}.00"', "")[n % 3]
                company = f'"{c}"' if "," in c else c
                lines.append(
                    f"L-{n:07d},{f} {s},{chr(97 + n % 26)}{n}@example.com,(617) 555-{n % 10000:04d},{company},{stages[n % 5]},New Business,{sources[n % 5]},"
                    f'"Hot, roof {n % 7}",rep{n % 12}@example.com,{value},{city},{state},{code},United States,https://www.example{n % 5000}.com/,'
                    f"{notes[n % 6]},{day} {n % 12 + 1}:{n % 60:02d} {'AM' if n % 2 else 'PM'},2024-{n % 12 + 1:02d}-{n % 28 + 1:02d} 10:{n % 60:02d}:00,{n % 400}"
                )
            file.write("\n".join(lines) + "\n")


def bare_copy(ws: Workspace, path: Path, kind: str = "") -> float:
    """Seconds for COPY of the file, as it is, into a plain table of text columns; ``kind`` may be ``unlogged``, as our tables are."""
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(f"c{i}")) for i in range(20))
    with ws.connect() as connection:
        connection.execute(sql.SQL("create {} table {}.bare ({})").format(sql.SQL(kind), sql.Identifier("bench_land"), columns))
    start = time.monotonic()
    with ws.connect() as connection, path.open("rb") as file, connection.cursor() as cursor, cursor.copy(ws.sql("copy {land}.bare from stdin with (format csv, header)")) as copy:
        while block := file.read(1 << 20):
            copy.write(block)
    took = time.monotonic() - start
    with ws.connect() as connection:
        connection.execute(ws.sql("drop table {land}.bare"))
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="kept and used again; a temporary folder otherwise")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    source = YamlFile(package_root() / "mappings/sources/flash_lead_sales.yaml").model(Source)
    project = Project(project="bench", title="Benchmark", source="flash_lead_sales", export="-", timezone="America/New_York")
    ws = Workspace.open(Bundle(project, source, {}, package_root()), options.dsn)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="c2o-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "leads.csv"
    try:
        if not path.exists():
            write_leads(path, options.rows)
        rounds = []
        for _ in range(options.rounds):
            times = {"copy": bare_copy(ws, path), "copy_unlogged": bare_copy(ws, path, "unlogged")}
            start = time.monotonic()
            export = register(ws, folder)
            times["register"] = time.monotonic() - start
            for name, step in (("land", land), ("clean", clean), ("verify", verify_counts)):
                start = time.monotonic()
                step(ws, export)
                times[name] = time.monotonic() - start
            rounds.append(times)
        # On a machine that does other work too, only what was measured side by side may be compared.
        for times in rounds:
            both = times["land"] + times["clean"]
            times |= {
                "land_speed_of_copy": times["copy"] / times["land"], "land_speed_of_copy_unlogged": times["copy_unlogged"] / times["land"],
                "land_and_clean_of_copy": both / times["copy"], "land_and_clean_of_copy_unlogged": both / times["copy_unlogged"],
            }  # fmt: skip
        shown = {name: [round(f(t[name] for t in rounds), 2) for f in (statistics.median, min, max)] for name in rounds[0]}
        print(json.dumps({
            "rows": options.rows, "bytes": path.stat().st_size, "rounds": options.rounds, "cores": os.cpu_count(), "load": os.getloadavg()[0],
            "land_rows_per_s": round(options.rows / shown["land"][0]), "clean_rows_per_s": round(options.rows / shown["clean"][0]),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "peak_rss_mb_of_one_reader": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
            "median_min_max": shown,
        }))
    finally:
        with ws.connect() as connection:
            connection.execute(ws.sql("drop schema {land} cascade; drop schema {clean} cascade; drop schema {target} cascade; drop schema {log} cascade"))
        if not options.folder:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
