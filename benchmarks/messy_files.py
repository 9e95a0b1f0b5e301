"""Reads a folder of CSV torture files with our reader, with DuckDB and with Python's csv, and says who reads how many right.

    python benchmarks/messy_files.py <folder with MANIFEST.yaml> [--list]

What is right comes from three places: tables beside the files (`right_parse`: every cell must agree), benchmarks/messy_expected.yaml
(header, number of records and of rejects, written down from the notes of the manifest), and DuckDB's own answers for its own test
files, which are one parser's opinion and therefore counted apart.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import yaml

from crm2odoo.intake.errors import UnknownEncoding
from crm2odoo.intake.scan import NotUtf8, Scanner, utf8_blocks, with_line_feeds
from crm2odoo.intake.sniff import find_encoding, quick_encoding, sniff
from crm2odoo.project import Source, YamlFile, package_root

SOURCE = YamlFile(package_root() / "mappings/sources/flash_lead_sales.yaml").model(Source)


@dataclass
class Parse:
    """Header, rows, and how many records were rejected; or why the file was refused."""

    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    rejected: int = 0
    refused: str = ""

    @property
    def records(self) -> int:
        return len(self.rows) + self.rejected


def ours(path: Path) -> Parse:
    """The reader of crm2odoo.intake, without a database."""
    encoding = quick_encoding(path.read_bytes()[:4000]) or "utf-8"
    while True:
        try:
            with path.open("rb") as file:
                blocks = utf8_blocks(file, encoding)
                start = next(blocks, b"")
                if b"\r" in start and b"\n" not in start:
                    blocks = with_line_feeds(itertools.chain([start], blocks))
                    start = next(blocks, b"")
                head = sniff(start, True, path.name, SOURCE)
                if not head.header or head.header == [""]:
                    return Parse(refused="nothing in it")
                scanner = Scanner(head)
                out = b"".join(scanner.rows(itertools.chain([start[head.start :]], blocks))).decode()
            rows = [r[2:] for r in csv.reader(io.StringIO(out, newline=""), delimiter=head.dialect.delimiter.decode())]
            return Parse(head.header, rows, scanner.scan.rejected)
        except NotUtf8:
            try:
                with path.open("rb") as file:
                    encoding = find_encoding(file, path.name)
            except UnknownEncoding as error:
                return Parse(refused=str(error).splitlines()[0])


def with_duckdb(path: Path) -> Parse:
    """DuckDB with everything found out by itself, faulty lines stored as rejects."""
    problem = ""
    for encoding in ("utf-8", "utf-16", "latin-1"):
        connection = duckdb.connect()
        try:
            found = connection.execute(f"select * from read_csv(?, all_varchar=true, store_rejects=true, encoding='{encoding}')", [str(path)])
            header = [d[0] for d in found.description]
            rows = [["" if c is None else c for c in r] for r in found.fetchall()]
            rejected = connection.execute("select count(distinct line) from reject_errors").fetchone()
            return Parse(header, rows, rejected[0] if rejected else 0)
        except duckdb.Error as error:
            problem = str(error).splitlines()[0]
        finally:
            connection.close()
    return Parse(refused=problem)


def with_csv(path: Path) -> Parse:
    """Python's csv module with its sniffer, as most scripts use it. A row of another width than the header counts as rejected."""
    csv.field_size_limit(2**31 - 1)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        try:
            dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:4096], ",;\t|")
        except csv.Error:
            dialect = csv.excel
        rows = [r for r in csv.reader(io.StringIO(text, newline=""), dialect) if r]
    except (UnicodeDecodeError, csv.Error) as error:
        return Parse(refused=str(error))
    if not rows:
        return Parse(refused="nothing in it")
    good = [r for r in rows[1:] if len(r) == len(rows[0])]
    return Parse(rows[0], good, len(rows) - 1 - len(good))


READERS: dict[str, Callable[[Path], Parse]] = {"crm2odoo": ours, "DuckDB": with_duckdb, "Python csv": with_csv}


def is_right(parse: Parse, expected: dict[str, object], folder: Path) -> bool:
    """Whether a parse is what the manifest or the table of expectations says."""
    if "table" in expected:
        rows = json.loads((folder / str(expected["table"])).read_text(encoding="utf-8"))
        return [dict(zip(parse.header, r, strict=False)) for r in parse.rows] == rows and not parse.rejected
    if "same_as" in expected:
        other = ours(folder / str(expected["same_as"]))
        return (parse.header, parse.rows) == (other.header, other.rows)
    if expected.get("refused"):
        return bool(parse.refused)
    if parse.refused or (len(parse.header), len(parse.rows), parse.rejected) != (expected["columns"], expected["rows"], expected.get("rejected", 0)):
        return False
    cells = {(int(r), int(c)): str(v) for (r, c, v) in expected.get("cells", [])}  # type: ignore[attr-defined]
    return all(parse.rows[r - 1][c - 1] == v if r else parse.header[c - 1] == v for (r, c), v in cells.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--list", action="store_true", help="name every file that a reader gets wrong")
    options = parser.parse_args()
    manifest = yaml.safe_load((options.folder / "MANIFEST.yaml").read_text(encoding="utf-8"))
    written = yaml.safe_load(Path(__file__).with_name("messy_expected.yaml").read_text(encoding="utf-8"))
    expected: dict[str, dict[str, object]] = {k: v for k, v in written.items() if (options.folder / k).exists()}
    for name, facts in manifest.items():
        table = str(facts.get("right_parse", ""))
        if table.endswith(".json") and (options.folder / table).exists() and (options.folder / name).exists():
            expected.setdefault(name, {"table": table})
    right: dict[str, list[str]] = {reader: [] for reader in READERS}
    for name in sorted(expected):
        for reader, read in READERS.items():
            if is_right(read(options.folder / name), expected[name], options.folder):
                right[reader].append(name)
    print(f"{len(expected)} files whose right parse is written down")
    for reader, names in right.items():
        print(f"  {reader:11} {len(names):4} right  {100 * len(names) / len(expected):5.1f} %")
        if options.list:
            print("".join(f"      wrong: {n}\n" for n in sorted(set(expected) - set(names))), end="")
    opinion = json.loads((options.folder / "duckdb/expected_duckdb_auto.json").read_text(encoding="utf-8"))["files"] if (options.folder / "duckdb").exists() else {}
    for reader in ("crm2odoo", "Python csv"):
        same = []
        for name, says in opinion.items():
            parse = READERS[reader](options.folder / name)
            agrees = bool(parse.refused) if says.get("rows_returned") is None else parse.records == says["rows_returned"] + says.get("rejected_lines", 0)
            same += [name] if agrees else []
        print(f"{reader} counts the records of {len(same)} of DuckDB's {len(opinion)} test files as DuckDB does")
        if options.list and reader == "crm2odoo":
            for name in sorted(set(opinion) - set(same)):
                parse, says = READERS[reader](options.folder / name), opinion[name]
                print(f"      {name}: {parse.refused or parse.records} here, {says.get('rows_returned')} + {says.get('rejected_lines')} there")


if __name__ == "__main__":
    main()
