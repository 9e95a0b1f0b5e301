"""Objects of which a scope says whether there are any, also when there are none: social message threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.findings import Finding
from crm2odoo.staging.render import quote


@dataclass(frozen=True)
class Noted:
    """One object. ``records``: valid and merged rows; ``formats``: ending of the files that hold them → how many; empty when cells hold them."""

    object: str
    title: str
    records: int
    formats: dict[str, int] = field(default_factory=dict)


def noted(ws: Workspace, connection: Connection) -> list[Noted]:
    """Every object that the source file wants noted, with what this export has of it. Reads ``<p>_clean``."""
    found = []
    for name, obj in ws.bundle.source.objects.items():
        if not obj.noted:
            continue
        there = connection.execute("select to_regclass(%s) is not null as there", [f'{ws.schemas["clean"]}."{name}"']).fetchone()
        if not there or not there["there"]:
            found.append(Noted(name, obj.title, 0))
            continue
        path = obj.attachment.path if obj.attachment else None
        cell = f"c.{quote(path)}" if path else "null::text"
        rows = connection.execute(
            ws.sql(f"select {cell} as path from {{clean}}.{{o}} as c where _status in ('valid', 'merged') order by _file, _rec", o=name)
        ).fetchall()
        formats: dict[str, int] = {}
        for row in rows if path else ():
            ending = PurePosixPath(row["path"] or "").suffix.lower() or "no file"
            formats[ending] = formats.get(ending, 0) + 1
        found.append(Noted(name, obj.title, len(rows), dict(sorted(formats.items()))))
    return found


def noted_findings(found: Iterable[Noted]) -> Iterator[Finding]:
    """Yes with number and format, or no."""
    for one in found:
        if one.records:
            formats = ", ".join(f"{number:,} {ending}" for ending, number in one.formats.items()) or "as text of cells"
            title = f"{one.title}: yes, {one.records:,}; {formats}\nThey are kept as they are; the mapping says what is lost of them."
        else:
            title = f"{one.title}: none in this export\nIf the product shows any, ask for them: nobody misses them later."
        yield Finding("info", "noted", title, one.records, {"object": one.object, "formats": one.formats})
