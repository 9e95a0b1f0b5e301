"""References that find no record: told to people, since nothing else would show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from psycopg.sql import Composed

from crm2odoo.project import Bundle, FieldLine
from crm2odoo.staging import columns_read
from crm2odoo.staging.findings import Finding, replace_findings
from crm2odoo.staging.kept_connections import Connection
from crm2odoo.staging.render import quote
from crm2odoo.staging.workspace import Workspace


def tell(ws: Workspace, connection: Connection, export_id: str, name: str) -> None:
    """Findings about references of one entity whose rows give a value that is no record.

    Nothing else would tell: the field stays empty, and what is compared with Odoo is the empty field. A warning counts the rows whose
    value is then nowhere. Where it is the row's own key, another line keeps it, or the reference is declared as a parent, whose absence
    intake reports, nothing is lost. Still it is told when no row at all finds its record, and the value is for no other reference (a customer
    is a contact or a company): that looks like a mistake in the mapping.
    """
    entity = ws.bundle.entities[name]
    findings: list[Finding] = []
    refs = [ref for ref, declared in entity.inputs.items() if declared.type == "ref"]
    if refs and (feeds := ws.bundle.feeds(name)):
        counted = ", ".join(f"count({quote('_unfound_' + ref)}) as {quote(ref)}" for ref in refs)
        rows = connection.execute(ws.sql("select _object, " + counted + " from {target}.{t} group by 1 order by 1", t=name)).fetchall()
        for row, ref in ((row, ref) for row in rows for ref in refs if row[ref] and row["_object"] in ws.bundle.source.objects):
            lines = [f.mapping.fields[ref] for f in feeds if f.object == row["_object"] and ref in f.mapping.fields]
            case = Case(ws, connection, name, ref, row["_object"])
            found, lost = case.found(), case.lost(_kept_nowhere_else(ws.bundle, row["_object"], lines))
            if lost:
                findings.append(case.told("warning", lost, found))
            elif found or not any(ws.bundle.makes(target) for target in entity.inputs[ref].targets):
                continue
            elif _stands_alone(ws.bundle, row["_object"], lines):
                findings.append(case.told("info", int(row[ref]), found))
    replace_findings(ws, connection, export_id, f"unfound:{name}", findings)


@dataclass(frozen=True)
class Case:
    """One reference of an entity, as the rows of one object give it."""

    ws: Workspace
    connection: Connection
    entity: str
    ref: str
    object: str

    def found(self) -> int:
        """How many rows name a record, in any of the ways that the mapping has, and find it."""
        ways = self.connection.execute(
            "select column_name from information_schema.columns where table_schema = %s and table_name = %s "
            "and column_name ~ ('^' || %s || '__[0-9]+$')",
            [f"{self.ws.bundle.project.project}_target", f"identity_{self.entity}", self.ref],
        ).fetchall()
        named = ", ".join(f"i.{quote(way['column_name'])}" for way in ways)
        return self._number(
            "select count(*) as n from {target}.{identity} as i join {target}.{t} as r using (_xid) "
            f"where i._place = 1 and i._object = %s and coalesce({named}) is not null and r.{{unfound}} is null"
        )

    def lost(self, columns: Iterable[str]) -> int:
        """How many rows find no record although one of these columns has a value."""
        if not (given := ", ".join(f"c.{quote(column)}::text" for column in columns)):
            return 0
        return self._number(
            "select count(*) as n from {target}.{t} as r join {clean}.{object} as c on c._key = r._key and c._status = 'valid' "
            f"where r._object = %s and r.{{unfound}} is not null and coalesce({given}) is not null"
        )

    def told(self, severity: Literal["warning", "info"], count: int, found: int) -> Finding:
        """What a person is told about ``count`` rows. No values of the source: they may be those that nobody may read."""
        bundle = self.ws.bundle
        rows = self.connection.execute(
            self._sql("select _key from {target}.{t} where _object = %s and {unfound} is not null order by _seq limit 3"), [self.object]
        ).fetchall()
        first = [str(row["_key"]).replace("\x1f", " / ") for row in rows]
        there = " or ".join(bundle.entities[t].title for t in bundle.entities[self.entity].inputs[self.ref].targets)
        of_how_many = f"{count:,}, and {found:,} find theirs" if found else f"{count:,}, and none finds its own"
        title = (
            f"{bundle.entities[self.entity].title} that name a record of {there} which is not there: {of_how_many}. "
            f"The field stays empty. First: {', '.join(first)}\n"
            f"Look at the values, and at `{self.object}.{self.entity}.{self.ref}` in sources/{bundle.source.source}.yaml; "
            f"`map` in the project file replaces that line."
        )
        evidence = {"object": self.object, "entity": self.entity, "input": self.ref, "found": found, "records": first}
        return Finding(severity, "reference_not_found", title, count, evidence)

    def _sql(self, text: str) -> Composed:
        return self.ws.sql(text, t=self.entity, identity=f"identity_{self.entity}", object=self.object, unfound=f"_unfound_{self.ref}")

    def _number(self, text: str) -> int:
        row = self.connection.execute(self._sql(text), [self.object]).fetchone()
        return int(row["n"]) if row else 0


def _kept_nowhere_else(bundle: Bundle, source_object: str, lines: list[FieldLine]) -> set[str]:
    """Columns that only these lines read, and that are neither part of the row's own key nor of a declared parent."""
    declared = bundle.source.objects[source_object]
    mine = {column for line in lines for column in columns_read.of_line(line, declared, conditions=False)}
    all_lines = [line for mapping in declared.entities for line in mapping.fields.values()]
    others = {column for line in all_lines if line not in lines for column in columns_read.of_line(line, declared, conditions=False)}
    return mine - others - set(declared.key) - {column for parent in declared.parents for column in parent.columns}


def _stands_alone(bundle: Bundle, source_object: str, lines: list[FieldLine]) -> bool:
    """Whether no other reference of the object is made from the same columns."""
    declared = bundle.source.objects[source_object]
    mine = {column for line in lines for column in columns_read.of_line(line, declared, conditions=False)}
    return not any(
        bundle.entities[mapping.entity].inputs[name].targets and line not in lines and mine & columns_read.of_line(line, declared, conditions=False)
        for mapping in declared.entities
        if mapping.entity in bundle.entities
        for name, line in mapping.fields.items()
    )
