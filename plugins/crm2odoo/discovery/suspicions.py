"""Signs that an export is not what it should be: cut off at a limit, of another product, incomplete."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from crm2odoo.staging import Connection, Workspace
from crm2odoo.staging.findings import Finding
from crm2odoo.staging.render import quote

# Row counts at which products and spreadsheets cut off. 65,536 and 1,048,576 are the sheets of Excel, with and without the header.
CAPS = [
    *(500, 1_000, 1_500, 2_000, 2_500, 3_000, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 50_000, 100_000),
    *(65_535, 65_536, 150_000, 200_000, 250_000, 500_000, 1_000_000, 1_048_575, 1_048_576),
]


def truncation(ws: Workspace, connection: Connection, export_id: str) -> Iterator[Finding]:
    """Files whose number of records is exactly a known or round limit."""
    rows = connection.execute(
        ws.sql("select name, object, records from {log}.file where export_id = %s and records = any(%s) order by file_no"), [export_id, CAPS]
    ).fetchall()
    for row in rows:
        parts = connection.execute(
            ws.sql("select count(*) as n from {log}.file where export_id = %s and object = %s"), [export_id, row["object"]]
        ).fetchone()
        more = " Other parts of the same object are there: compare the sum with the source." if parts and parts["n"] > 1 else ""
        yield Finding(
            "warning",
            "possible_truncation",
            f"{row['name']} has exactly {row['records']:,} records: it may be cut off at a limit of the export\n"
            f"Compare with the number that the source shows on screen, and export the rest with a filter.{more}",
            row["records"],
            {"file": row["name"], "object": row["object"]},
        )


# How dates and amounts look that can be read one way only, and those that cannot.
_BOTH = r"(0?[1-9]|1[0-2])"
_OVER_12 = r"(1[3-9]|2[0-9]|3[01])"
_YEAR = r"([0-9]{4}|[0-9]{2})\M"
_DATES = {
    "dmy": rf"^{_OVER_12}[-/.]{_BOTH}[-/.]{_YEAR}",
    "mdy": rf"^{_BOTH}[-/.]{_OVER_12}[-/.]{_YEAR}",
    "either": rf"^{_BOTH}[-/.]{_BOTH}[-/.]{_YEAR}",
}
_AMOUNTS = {
    ",": r"^[^0-9.,]*[0-9]+(\.[0-9]{3})*,([0-9]{1,2}|[0-9]{4,})[^0-9.,]*$|^[^0-9.,]*[0-9]{1,3}(\.[0-9]{3}){2,}[^0-9.,]*$",
    ".": r"^[^0-9.,]*[0-9]+(,[0-9]{3})*\.([0-9]{1,2}|[0-9]{4,})[^0-9.,]*$|^[^0-9.,]*[0-9]{1,3}(,[0-9]{3}){2,}[^0-9.,]*$",
    "either": r"^[^0-9.,]*[1-9][0-9]{0,2}[.,][0-9]{3}[^0-9.,]*$",
}
_LOOKED_AT = 100_000


def formats(ws: Workspace, connection: Connection, export_id: str) -> Iterator[Finding]:
    """Columns whose cells contradict the declared order of dates or decimal mark, so that the cells that tell nothing are read wrongly.

    It blocks where three cells or more contradict what is declared and none bears it out; where some do, a person may know better, and is warned.
    Looks at the first 100,000 rows of each file. One finding more for a format of which no cell of the whole export says that it is right.
    """
    totals: dict[str, Counter[str]] = {"date_order": Counter(), "decimal_mark": Counter()}
    declared = ws.bundle.formats
    dates: tuple[dict[str, str], str] = _DATES, declared.date_order
    amounts: tuple[dict[str, str], str] = _AMOUNTS, declared.decimal_mark
    kinds = {"date": dates, "datetime": dates, "money": amounts, "number": amounts}
    files = connection.execute(
        ws.sql("select name, object, table_name, header from {log}.file where export_id = %s and table_name is not null order by file_no"),
        [export_id],
    ).fetchall()
    for file in files:
        columns = ws.bundle.source.objects[file["object"]].columns
        cells = [c for c in file["header"] if c["known"] and c["column"] in columns and columns[c["column"]].type in kinds]
        if not cells:
            continue
        wanted = [
            f"count(*) filter (where btrim({quote(c['column'])}) ~ %s)" + f" as {quote(f'{number} {place}')}"
            for number, c in enumerate(cells)
            for place in range(3)
        ]
        values = [pattern for c in cells for pattern in kinds[columns[c["column"]].type][0].values()]
        rows = ws.sql(f"select {', '.join(wanted)} from {{land}}.{{table}} as t where rec <= {_LOOKED_AT}", table=file["table_name"])
        counted = connection.execute(rows, values).fetchone() or {}
        for number, cell in enumerate(cells):
            patterns, chosen = kinds[columns[cell["column"]].type]
            found = {name: counted[f"{number} {place}"] for place, name in enumerate(patterns)}
            totals["date_order" if patterns is _DATES else "decimal_mark"].update(found)
            other = next(name for name in found if name not in (chosen, "either"))
            if found["either"] and found[other] > found[chosen]:
                yield _contradicted(file["name"], cell["header"], chosen, other, found)
    for key, found in totals.items():
        if found["either"] and sum(found.values()) == found["either"]:
            what, chosen = ("dates", declared.date_order) if key == "date_order" else ("amounts", declared.decimal_mark)
            yield Finding(
                "warning",
                f"unproven_{key}",
                f"{found['either']:,} {what} could be read two ways, and no other cell of the export says which: they are read by {key} {chosen!r}\n"
                f"Compare one with what the source shows on screen. If it is wrong, write the other into the project file (formats: {{{key}: …}}).",
                found["either"],
                {"declared": chosen},
            )


def _contradicted(file: str, header: str, chosen: str, other: str, found: Mapping[str, int]) -> Finding:
    dates = chosen in _DATES
    key, what = ("date_order", "dates") if dates else ("decimal_mark", "amounts")
    evidence = {"file": file, "column": header, "declared": chosen, "says": other, "counts": dict(found)}
    return Finding(
        "blocking" if found[other] >= 3 and not found[chosen] else "warning",
        f"wrong_{key}",
        f"{file}, column {header!r}: {found[other]:,} {what} can only be {key} {other!r} and {found[chosen]:,} only {chosen!r}, which is declared; "
        f"{found['either']:,} more could be either and are read as {chosen!r}\n"
        f"If {other!r} is right, write it into the project file (formats: {{{key}: {other!r}}}, with the source's other formats) and start again.",
        found["either"],
        evidence,
    )


def identity(ws: Workspace, connection: Connection, export_id: str) -> Iterator[Finding]:
    """Whether the export is of the product that the project names: by the address that the customer gave, and by the headers."""
    source, project = ws.bundle.source, ws.bundle.project
    about = source.identity
    host = (urlsplit(project.source_url).hostname or "") if project.source_url and "//" in project.source_url else (project.source_url or "")
    plain = re.sub(r"[^a-z0-9]", "", host.lower())
    if about and host and not any(word in plain for word in about.words):
        yield Finding(
            "blocking",
            "another_product",
            f"The customer's account is at {host}, which does not look like {source.title}\n"
            f"Products with similar names exist{': ' + ', '.join(about.similar) if about.similar else ''}. Ask which one it is; then correct "
            "`source` or `source_url` of the project.",
            None,
            {"host": host, "expected": about.words},
        )
    elif about and not host:
        yield Finding(
            "warning" if about.similar else "info",
            "identity_not_stated",
            f"Nobody said at which address the customer uses {source.title}\nAsk, and write it into the project as `source_url`"
            + (f": {', '.join(about.similar)} bear similar names." if about.similar else "."),
        )
    row = connection.execute(
        ws.sql(
            "select count(*) filter (where (h->>'known')::boolean) as known, count(*) as all_of_them from {log}.file as f, "
            "jsonb_array_elements(f.header) as h where f.export_id = %s and f.object is not null"
        ),
        [export_id],
    ).fetchone()
    if row and row["all_of_them"] and row["known"] < 0.5 * row["all_of_them"]:
        yield Finding(
            "blocking",
            "foreign_headers",
            f"Only {row['known']:,} of {row['all_of_them']:,} columns are columns of {source.title}: this may be the export of another product\n"
            "Ask the customer for the product's name and address. If it is right, name the columns in the source file.",
            row["all_of_them"] - row["known"],
        )


def inventories(ws: Workspace, connection: Connection, export_id: str) -> Iterator[Finding]:
    """What does not migrate and has to be listed by hand: missing, or with gaps."""
    delivered = {
        r["object"] for r in connection.execute(ws.sql("select distinct object from {log}.file where export_id = %s"), [export_id]).fetchall()
    }
    for name, obj in ws.bundle.source.objects.items():
        if not obj.documentation_only:
            continue
        if name not in delivered:
            yield Finding(
                "info",
                "inventory_missing",
                f"There is no list of {obj.title.lower()} records: they do not migrate, and nobody will rebuild what nobody listed\n"
                f"Fill the template and put it into the export: crm2odoo templates {ws.bundle.source.source} FOLDER",
                None,
                {"object": name},
            )
            continue
        columns = list(obj.columns)
        incomplete = connection.execute(
            ws.sql(
                "select count(*) filter (where "
                + " or ".join(f"c.{quote(c)} is null" for c in columns)
                + ") as n, count(*) as total from {clean}.{o} as c where _status = 'valid'",
                o=name,
            )
        ).fetchone()
        if incomplete and incomplete["n"]:
            yield Finding(
                "warning",
                "inventory_incomplete",
                f"{incomplete['n']:,} of {incomplete['total']:,} {obj.title.lower()} records say not everything ({', '.join(columns)})\n"
                "Without it they cannot be rebuilt: fill the gaps in the inventory file.",
                incomplete["n"],
                {"object": name},
            )


def losses(ws: Workspace, connection: Connection, export_id: str) -> Iterator[Finding]:
    """Objects of the source of which nothing was delivered: nothing there, or not exported?"""
    delivered = {
        r["object"] for r in connection.execute(ws.sql("select distinct object from {log}.file where export_id = %s"), [export_id]).fetchall()
    }
    absent = [o.title for n, o in ws.bundle.source.objects.items() if n not in delivered and not o.documentation_only and not o.inventory]
    if absent:
        yield Finding(
            "info",
            "not_delivered",
            f"Nothing was delivered of: {', '.join(absent)}\nIs there nothing, or was it not exported? The export guide says what to ask for.",
            len(absent),
            {"objects": absent},
        )
    for name, obj in ws.bundle.source.objects.items():
        if obj.without and name not in delivered:
            yield Finding(
                "warning", "loss_accepted_or_not", f"{obj.without}\nAsk for the file, or have the loss signed with the scope.", None, {"object": name}
            )
