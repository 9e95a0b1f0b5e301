"""How often the proposed map is right, beside the suggestions of Odoo's own import, on labelled columns.

    python benchmarks/mapping_proposal.py COLUMNS.jsonl [--part unseen|tune|all] [--odoo URL DATABASE LOGIN PASSWORD] [--errors] [--calibrate]

COLUMNS.jsonl: one column per line: source, file, object (contact, company, lead, deal), header, gold (field of Odoo 19, `custom` or
`ignore`), alt (also right, separated by |), samples (separated by ¦), and language where it is known.

The columns are split once, by source, with a hash: half of the sources were looked at while the language packs were written (`tune`), the
others never (`unseen`).

    top-1      the proposal is right, over all columns
    field      the same, over columns that have a field in Odoo
    recall@3   the right field is the proposal or one of its alternatives, over columns that have a field
    precision  right proposals among those with a confidence of at least 0.85
    coverage   part of the columns that have such a proposal
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from crm2odoo.discovery.proposer import ACCEPT, ColumnIn, ColumnProposal, Proposer
from crm2odoo.odoo.client import OdooClient, OdooCredentials

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
    files: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if part in ("all", part_of(row["source"])):
            files[row["source"], row["file"], row["object"]].append(row)
    return files


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("columns", type=Path)
    parser.add_argument("--part", choices=["unseen", "tune", "all"], default="all")
    parser.add_argument("--odoo", nargs=4, metavar=("URL", "DATABASE", "LOGIN", "PASSWORD"))
    parser.add_argument("--labels", action="store_true", help="with --odoo: our proposer reads the labels of its fields too")
    parser.add_argument("--errors", action="store_true", help="list what was wrong")
    parser.add_argument("--calibrate", action="store_true", help="how often each kind of evidence was right")
    told = parser.parse_args()
    client = OdooClient.connect(OdooCredentials(*told.odoo)) if told.odoo else None
    labels = {}
    if client and told.labels:
        labels = {m: {n: f["string"] for n, f in client.call(m, "fields_get", attributes=["string"]).items()} for m in ("res.partner", "crm.lead")}
    proposer = Proposer(labels=labels)
    ours: dict[str, Score] = defaultdict(Score)
    theirs: dict[str, Score] = defaultdict(Score)
    by_confidence: dict[float, list[bool]] = defaultdict(list)
    for (source, _file, kind), rows in files_of(told.columns, told.part).items():
        language = rows[0].get("language") or rows[0].get("lang") or proposer.language_of(kind, [r["header"] for r in rows])
        groups = (f"{part_of(source)}, {'English' if language == 'en' else 'other languages'}", part_of(source))
        proposals: list[ColumnProposal] = proposer.propose(kind, [ColumnIn(r["header"], samples(r)) for r in rows])
        suggested = of_odoo(client, rows, "crm.lead" if kind in ("lead", "deal") else "res.partner") if client else []
        for number, (row, p) in enumerate(zip(rows, proposals, strict=True)):
            three = [p.where, *p.alternatives][:3]
            for group in groups:
                right = ours[group].add(row, p.where, three, p.confidence)
                if suggested:
                    theirs[group].add(row, suggested[number], [suggested[number]], 1.0 if suggested[number] != "ignore" else 0.0)
            by_confidence[round(p.confidence, 2)].append(right)
            if told.errors and not right:
                print(
                    f"{source}/{kind}: {row['header']!r} is {row['gold']} ({row.get('alt') or ''}), proposed {p.where} {p.confidence:.2f}: {p.evidence[0]}"
                )
    print(HEAD)
    for group in sorted(ours):
        print(ours[group].line(f"crm2odoo, {group}"[:40]))
        if client:
            print(theirs[group].line(f"Odoo, {group}"[:40]))
    if told.calibrate:
        for confidence, answers in sorted(by_confidence.items()):
            print(f"confidence {confidence:.2f}: {sum(answers) / len(answers):.3f} right of {len(answers)}")


if __name__ == "__main__":
    main()
