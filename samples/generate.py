#!/usr/bin/env python3
"""Write a sample export: ``python samples/generate.py flash_lead_sales --leads 120 --out /tmp/x``. Needs nothing but Python 3.10+.

Writes ``<out>/<source>/export/`` (what the customer delivers) and ``<out>/<source>/TRUTH.json`` (what a correct migration
must end with). With ``--delta`` it writes ``<out>/<source>/delta/``, the same account some days later, with
``TRUTH_DELTA.json``: the truth of that export and what changed. See docs/samples.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent))
from generator.export import Export, Truth

SOURCES = ["flash_lead_sales", "leadforce", "visual_practice", "customer_factor", "smartdesk"]
LEADS = {"flash_lead_sales": 120, "leadforce": 110, "visual_practice": 90, "customer_factor": 80, "smartdesk": 90}
SEED = 1
MESSY = 0.08


def generate(
    source: str, out: Path, *, leads: int | None = None, seed: int = SEED, messy: float = MESSY, delta: bool = False, only: Sequence[str] = ()
) -> Path:
    """Write one export below ``out/source``, in place of an earlier one there; returns its folder."""
    leads = leads or LEADS[source]
    module = importlib.import_module(f"generator.{source}")
    folder = out / source / ("delta" if delta else "export")
    for old in (folder, folder.with_name(f"{folder.name}_json")):
        if old.exists():
            shutil.rmtree(old)
    truth = Truth({"source": source, "seed": seed, "leads": leads, "messy": messy, "export": "delta" if delta else "first", **module.ABOUT})
    export = Export(folder, truth, messy=messy, delta=delta)
    module.ACCOUNT(export, seed, leads).write(only)
    if delta:
        truth.about["changes"] = {name: notes for name, notes in export.changes.items() if any(notes.values())}
    (out / source / ("TRUTH_DELTA.json" if delta else "TRUTH.json")).write_text(truth.as_json(), encoding="utf-8", newline="\n")
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description="Write a sample export of a source product, and the truth about it.")
    parser.add_argument("source", choices=[*SOURCES, "all"])
    parser.add_argument("--leads", type=int, help="number of leads; everything else grows with it (default: the bundled size)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent, help="default: the bundled samples themselves")
    parser.add_argument("--messy", type=float, default=MESSY, help="share of imperfect rows, 0 to 1; every kind at least once unless 0")
    parser.add_argument("--delta", action="store_true", help="write the same account some days later")
    parser.add_argument("--only", default="", help="sections to write, with all their parents: leads,deals (default: all)")
    given = parser.parse_args()
    if not 0 <= given.messy <= 1 or (given.leads is not None and given.leads < 12):
        parser.error("--messy goes from 0 to 1, --leads starts at 12")
    sources = SOURCES if given.source == "all" else [given.source]
    only = [section for section in given.only.split(",") if section]
    for source in sources:
        sections = importlib.import_module(f"generator.{source}").ACCOUNT.sections
        if unknown := [section for section in only if section not in sections]:
            parser.error(f"{source} has no section {unknown[0]!r}; it has {', '.join(sections)}")
    for source in sources:
        folder = generate(source, given.out, leads=given.leads, seed=given.seed, messy=given.messy, delta=given.delta, only=only)
        truth = folder.parent / ("TRUTH_DELTA.json" if given.delta else "TRUTH.json")
        files = json.loads(truth.read_text(encoding="utf-8"))["files"]
        print(f"{folder}: {len(files)} tables, {sum(f['records'] for f in files.values())} records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
