"""How often the proposed map is right, beside the suggestions of Odoo's own import, on labelled columns.

    python benchmarks/mapping_proposal.py benchmarks/mapping_headers [COLUMNS.jsonl …] --sandbox [--part unseen|tune|final|all]
    python benchmarks/mapping_proposal.py benchmarks/mapping_headers [COLUMNS.jsonl …] --part tune --cross-validate --calibrate [--errors]

COLUMNS.jsonl: one column per line: source, file, object (contact, company, lead, deal), header, gold (field of Odoo 19, `custom` or
`ignore`), alt (also right, separated by |), samples (separated by ¦), and language where it is known. `mapping_headers` is the project's own.

A file of columns is split once, by source, with a hash: half of the sources were looked at while the language packs were written (`tune`), the
others never (`unseen`). The project's own headers say themselves what they are for: `tune`, or `final`, to be scored once the work is done.

A folder with one folder per product is one of translated labels of other CRM products, kept outside this repository: PRODUCT/LANGUAGE.yaml says
`object: {the product's own name of the field: its label in that language}`. `mapping_labels.yaml` says what such a field is, in every language, and
which products are for tuning and which are final. A label that is written as in the English product says nothing about a language: leave it out.

    top-1      the proposal is right, over all columns
    field      the same, over columns that have a field in Odoo
    recall@3   the right field is the proposal or one of its alternatives, over columns that have a field
    precision  right proposals among those with a confidence of at least 0.85
    coverage   part of the columns that have such a proposal

``--cross-validate`` reads each product with packs that lack every header which that product alone has: what is said about a kind of evidence
then is said about products that nobody has seen. The confidences of `discovery/proposer.py` come from it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from crm2odoo.discovery.header_words import spellings, words
from crm2odoo.discovery.proposer import ACCEPT, ColumnIn, Proposer
from crm2odoo.discovery.synonym_packs import Kind, Language, Pack, load_targets, pack_paths
from crm2odoo.odoo.client import OdooClient, OdooCredentials
from crm2odoo.odoo.live_fields import read_live_fields
from crm2odoo.project import OWN_ROOT, YamlFile
from crm2odoo.sandbox import down, up

NO_FIELD = {"custom", "ignore"}


@dataclass
class Score:
    """Counts over columns."""

    columns: int = 0
    right: int = 0
    with_field: int = 0
    field_right: int = 0
    field_in_three: int = 0
    sure: int = 0
    sure_right: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, row: dict[str, Any], where: str, three: list[str], confidence: float) -> bool:
        accepted = {row["gold"], *(row.get("alt") or "").split("|")} - {""}
        right = where in accepted
        has_field = row["gold"] not in NO_FIELD
        self.columns += 1
        self.right += right
        self.with_field += has_field
        self.field_right += has_field and right
        self.field_in_three += has_field and bool(accepted & set(three))
        self.sure += confidence >= ACCEPT
        self.sure_right += confidence >= ACCEPT and right
        return right

    def line(self, name: str) -> str:
        def share(part: int, whole: int) -> str:
            return f"{part / whole:9.3f}" if whole else "        –"

        return (
            f"{name:26}{self.columns:8}{share(self.right, self.columns)}{share(self.field_right, self.with_field)}"
            f"{share(self.field_in_three, self.with_field)}{share(self.sure_right, self.sure)}{share(self.sure, self.columns)}"
        )


HEAD = f"{'':26}{'columns':>8}{'top-1':>9}{'field':>9}{'recall@3':>9}{'precision':>9}{'coverage':>9}"


def part_of(source: str) -> str:
    """``tune`` or ``unseen``: settled by the name of the source, once and for all."""
    return "unseen" if int(hashlib.sha256(f"split:{source}".encode()).hexdigest(), 16) % 2 else "tune"


def files_of(path: Path, part: str) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """The columns by source, file and object, from a file of JSON lines or a folder such as `mapping_headers`."""
    files: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(path):
        row.setdefault("part", part_of(row["source"]))
        if part in ("all", row["part"]):
            files[row["source"], row["file"], row["object"]].append(row)
    return files


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_dir():
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())
    elif any(path.glob("??.yaml")):
        yield from _of_folder(path)
    else:
        yield from _of_labels(path)


def _of_labels(folder: Path) -> Iterator[dict[str, Any]]:
    meanings = yaml.safe_load((Path(__file__).parent / "mapping_labels.yaml").read_text(encoding="utf-8"))
    for part, products in meanings.items():
        for product, objects in products.items():
            for path in sorted((folder / product).glob("??.yaml")):
                labels = yaml.safe_load(path.read_text(encoding="utf-8"))
                for kind, names in objects.items():
                    for name, label in (labels.get(kind) or {}).items():
                        first, _, others = names[name].partition("|")
                        yield {
                            "source": f"{product} ({path.stem})", "file": part, "object": kind, "header": str(label), "gold": first, "alt": others,
                            "language": path.stem, "part": part, "known": True,
                        }  # fmt: skip


def _of_folder(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("??.yaml")):
        pack = yaml.safe_load(path.read_text(encoding="utf-8"))
        for part in ("tune", "final"):
            for file in pack[part]:
                for header, gold in file["columns"].items():
                    first, _, others = gold.partition("|")
                    source = f"{file['product']} ({pack['language']})"
                    yield {
                        "source": source, "file": part, "object": file["object"], "header": str(header), "gold": first, "alt": others,
                        "language": pack["language"], "part": part, "known": True,
                    }  # fmt: skip


def samples(row: dict[str, Any]) -> list[str]:
    return str(row.get("samples") or "").split("¦") if row.get("samples") else []


def of_odoo(client: OdooClient, rows: list[dict[str, Any]], model: str) -> list[str]:
    """What Odoo's own import suggests for a file: the field of each column, or ``ignore`` (it knows no custom fields)."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([r["header"] for r in rows])
    values = [samples(r) for r in rows]
    if not any(values):
        # Odoo reads no file without a row; a value in one column leaves the others open to every type of field.
        values[0] = ["x"]
    for number in range(max(len(v) for v in values)):
        writer.writerow([v[number] if number < len(v) else "" for v in values])
    values_of = {"res_model": model, "file": text.getvalue(), "file_name": "x.csv", "file_type": "text/csv"}
    [number] = client.call("base_import.import", "create", vals_list=[values_of])
    options = {"quoting": '"', "separator": ",", "has_headers": True, "encoding": "utf-8"}
    preview = client.call("base_import.import", "parse_preview", ids=[number], options=options, count=5)
    if "error" in preview:
        raise SystemExit(f"Odoo cannot read {rows[0]['file']}: {preview['error']}")
    matches = {int(k): v for k, v in (preview.get("matches") or {}).items()}
    return ["/".join(matches[i]) if i in matches else "ignore" for i in range(len(rows))]


class Trial:
    """Scores by group of columns, ours and Odoo's, and how often each kind of evidence was right."""

    def __init__(self, client: OdooClient | None, errors: bool) -> None:
        self.client, self.errors = client, errors
        self.ours: dict[str, Score] = defaultdict(Score)
        self.theirs: dict[str, Score] = defaultdict(Score)
        self.grounds: dict[tuple[str, float], list[bool]] = defaultdict(list)

    def file(self, proposer: Proposer, source: str, kind: Kind, rows: list[dict[str, Any]]) -> None:
        language = rows[0].get("language") or rows[0].get("lang") or proposer.language_of(kind, [r["header"] for r in rows])
        part = rows[0]["part"]
        groups = [f"{part}, {'English' if language == 'en' else 'other languages'}", part]
        groups += [f"{part}, {language}"] if rows[0].get("known") and language != "en" else []
        proposals = proposer.propose(kind, [ColumnIn(r["header"], samples(r)) for r in rows])
        suggested = of_odoo(self.client, rows, "crm.lead" if kind in ("lead", "deal") else "res.partner") if self.client else []
        for number, (row, p) in enumerate(zip(rows, proposals, strict=True)):
            for group in groups:
                right = self.ours[group].add(row, p.where, [p.where, *p.alternatives][:3], p.confidence)
                if suggested:
                    self.theirs[group].add(row, suggested[number], [suggested[number]], 1.0 if suggested[number] != "ignore" else 0.0)
            kind_of_target = "field" if p.decision == "field" else p.decision
            self.grounds[" ".join((kind_of_target, *p.grounds)), p.confidence].append(right)
            if self.errors and not right:
                print(
                    f"{source}/{kind}: {row['header']!r} is {row['gold']} ({row.get('alt') or ''}), "
                    f"proposed {p.where} {p.confidence:.2f} {' '.join(p.grounds)}: {p.evidence[0]}"
                )

    def show(self, calibrate: bool) -> None:
        print(HEAD)
        for group in sorted(self.ours):
            print(self.ours[group].line(f"crm2odoo, {group}"[:40]))
            if self.client:
                print(self.theirs[group].line(f"Odoo, {group}"[:40]))
        for (grounds, confidence), answers in sorted(self.grounds.items()) if calibrate else ():
            print(f"{grounds:40}{confidence:6.2f}{sum(answers) / len(answers):8.3f} right of {len(answers)}")


def without(forms: set[tuple[str, ...]]) -> list[Language]:
    """The bundled packs as if nobody had ever seen these headers."""
    languages = []
    for path in pack_paths(OWN_ROOT):
        pack = YamlFile(path).model(Pack)
        kept = {c: [p for p in phrases if not spellings(p) & forms] for c, phrases in pack.concepts.items()}
        languages.append(Language(pack.model_copy(update={"concepts": kept}), load_targets()))
    return languages


def product_of(source: str) -> str:
    """``hubspot (de)`` and ``hubspot_sv`` are exports of one product."""
    return re.split(r"[ _]", source)[0]


@contextmanager
def sandbox_odoo() -> Iterator[OdooClient]:
    """An Odoo with the usual apps, and nothing in it; gone afterwards."""
    sandbox = up("mapping_bench")
    try:
        yield OdooClient.connect(OdooCredentials(sandbox.url, sandbox.database, sandbox.login, sandbox.api_key))
    finally:
        down("mapping_bench")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("columns", type=Path, nargs="+", help="files of JSON lines, or folders such as benchmarks/mapping_headers")
    parser.add_argument("--part", choices=["unseen", "tune", "final", "second", "last", "all"], default="all")
    parser.add_argument("--odoo", nargs=4, metavar=("URL", "DATABASE", "LOGIN", "PASSWORD"))
    parser.add_argument("--sandbox", action="store_true", help="beside a throw-away Odoo of this machine, made for this and removed")
    parser.add_argument("--labels", action="store_true", help="with an Odoo: our proposer reads the labels of its fields too")
    parser.add_argument("--errors", action="store_true", help="list what was wrong")
    parser.add_argument("--calibrate", action="store_true", help="how often each kind of evidence was right")
    parser.add_argument("--cross-validate", action="store_true", help="each product with packs that lack the headers that it alone has")
    told = parser.parse_args()
    with ExitStack() as stack:
        client = stack.enter_context(sandbox_odoo()) if told.sandbox else OdooClient.connect(OdooCredentials(*told.odoo)) if told.odoo else None
        run(told, client)


def run(told: argparse.Namespace, client: OdooClient | None) -> None:
    proposer = Proposer(live=read_live_fields(client) if client and told.labels else None)
    trial = Trial(client, told.errors)
    files = [(key, rows) for path in told.columns for key, rows in files_of(path, told.part).items()]
    headers: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for (source, _file, _kind), rows in files:
        for row in rows:
            headers[words(row["header"])].add(product_of(source))
    for (source, _file, kind), rows in files:
        if told.cross_validate:
            proposer.languages = without({form for form, sources in headers.items() if sources == {product_of(source)}})
            proposer._read.cache_clear()
        trial.file(proposer, source, kind, rows)
    trial.show(told.calibrate)


if __name__ == "__main__":
    main()
