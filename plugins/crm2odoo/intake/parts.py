"""Several partial files of one object: where they overlap, and where numbers are missing between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.findings import Finding


@dataclass
class LandedFile:
    """A file of the export that is an object of the source. ``flags``, ``padded``: dirt that was seen; ``missing``: mandatory columns
    it lacks; ``without``: dirt that was looked for and is not there."""

    file_no: int
    name: str
    object: str
    table: str
    records: int
    ragged: int
    columns: list[str]
    unknown: list[str]
    flags: list[str]
    padded: list[str]
    missing: list[str]
    without: list[str]


def part_findings(ws: Workspace, connection: Connection, files: list[LandedFile]) -> Iterator[Finding]:
    """Overlap and gap report of every object that came in several files."""
    for name, group in groupby(sorted(files, key=lambda f: (f.object, f.file_no)), key=lambda f: f.object):
        parts = list(group)
        key = ws.bundle.source.objects[name].key
        if len(parts) < 2 or not key:
            continue
        names = {p.file_no: p.name for p in parts}
        overlaps = connection.execute(
            ws.sql(
                "select a._file as first, b._file as second, count(distinct a._key) as n from {clean}.{object} a join {clean}.{object} b on a._key = "
                "b._key and a._file < b._file "
                "group by 1, 2 order by 1, 2",
                object=name,
            )
        ).fetchall()
        for o in overlaps:
            yield Finding(
                "warning",
                "parts_overlap",
                f"{names[o['first']]} and {names[o['second']]} share {o['n']:,} keys of {name}\nThe first record of each counts. Check that the "
                f"filters of the export are right.",
                o["n"],
                {"object": name, "files": [names[o["first"]], names[o["second"]]]},
            )
        gaps = connection.execute(
            ws.sql(
                "with numbered as (select distinct regexp_replace(_key, '[0-9]+$', '') as series, right(substring(_key from '[0-9]+$'), "
                "15)::bigint as "
                "n from {clean}.{object} where _key ~ '[0-9]$') "
                "select series, n + 1 as from_no, next - 1 as to_no from (select series, n, lead(n) over (partition by series order by n) as next "
                "from "
                "numbered) q where next > n + 1 "
                "order by next - n desc, series, n",
                object=name,
            )
        ).fetchall()
        missing = sum(g["to_no"] - g["from_no"] + 1 for g in gaps)
        if gaps:
            shown = ", ".join(f"{g['series']}{g['from_no']}" + (f"–{g['to_no']}" if g["to_no"] > g["from_no"] else "") for g in gaps[:10])
            yield Finding(
                "info",
                "parts_gap",
                f"{name} came in {len(parts)} files; {missing:,} numbers between the first and the last are in none of "
                f"them\n{shown}{' …' if len(gaps) > 10 else ''}. Deleted records leave such gaps; a part that was not exported does too.",
                missing,
                {"object": name, "gaps": [[g["series"], g["from_no"], g["to_no"]] for g in gaps[:100]], "files": list(names.values())},
            )
