"""The rules for rejecting rows, walked through for every object of every source.

For each object an export is written that holds one good record, and one record for each way in which a single cell or a whole row can
be wrong. What must become of each is derived from the two tables below, which say what the migration's contract says, and from the
types of the columns; the mapping files are what is tested.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from crm2odoo.intake.hints import HINTS
from crm2odoo.project import Column, SourceObject
from crm2odoo.staging import Workspace

# Columns without which there is no record; "a/b": at least one of them.
MANDATORY = {
    "flash_lead_sales": {
        "team_member": "name email", "pipeline_stage": "pipeline stage", "tag": "name", "lead_source": "name", "company": "name", "contact": "name", "lead": "id name status",
        "deal": "id name stage", "invoice": "number deal amount", "message_thread": "contact file", "activity_log": "timestamp lead action", "automation": "name", "report": "name",
    },
    "leadforce": {
        "staff": "name email", "pipeline_stage": "pipeline stage", "lead": "id name status", "deal": "id name stage", "activity": "id type related_id date", "note": "id related_id note",
        "file": "id related_id name", "proposal": "number to total", "proposal_item": "proposal item/sku quantity", "invoice": "number amount company date", "invoice_item": "invoice item/sku quantity",
        "custom_field": "object name", "workflow": "name",
    },
    "visual_practice": {
        "user": "id name email", "company": "id name", "contact": "id last_name/first_name", "pipeline": "id name", "pipeline_stage": "pipeline name", "lead": "id name stage",
        "opportunity": "id name stage pipeline", "activity": "id type related_id start", "note": "id related_id body", "file": "id related_id path", "tag": "name", "custom_field": "object name",
        "clinical_image": "id locator", "automation": "name",
    },
    "customer_factor": {
        "user": "name email", "customer": "id company/first_name/last_name/name", "job": "id type date number", "prospect": "id name/company/first_name/last_name",
        "estimate": "number date customer_id/prospect_id", "estimate_item": "parent service quantity", "job_item": "parent service quantity", "invoice": "number customer_id date amount",
        "invoice_item": "parent service quantity", "custom_field": "related_type related_id field", "note": "id related_id text", "attachment": "id related_id name", "tag": "name",
        "follow_up_sequence": "name",
    },
    "smartdesk": {
        "user": "id email", "account": "id name", "contact": "id first_name/last_name/email", "pipeline": "id name", "pipeline_stage": "name pipeline_id/pipeline", "lead": "id name status",
        "deal": "id name stage", "call": "id at", "meeting": "id at", "email": "id at body", "note": "id at body", "task": "id title", "campaign": "id name", "campaign_member": "campaign_id",
        "email_template": "id name body", "ticket": "id subject", "ticket_message": "ticket_id body", "article": "id title body", "attachment": "id name", "custom_field": "object name",
        "automation": "name", "report": "name",
    },
}  # fmt: skip
# Dates that the migration cannot do without: of closing, of what happened, and of documents.
ESSENTIAL = {
    "flash_lead_sales": {"deal.close_date", "invoice.date", "activity_log.timestamp"},
    "leadforce": {"deal.close_date", "activity.date", "proposal.date", "invoice.date"},
    "visual_practice": {"opportunity.close_date", "activity.start"},
    "customer_factor": {"job.date", "estimate.date", "invoice.date"},
    "smartdesk": {"deal.close_date", "call.at", "meeting.at", "email.at", "note.at", "ticket_message.at"},
}
# Records that are one when these columns agree. All others, leads and deals above all, stay apart.
MERGED = {
    "flash_lead_sales": {"team_member": "email", "pipeline_stage": "pipeline stage", "tag": "name", "lead_source": "name", "company": "name", "contact": "email"},
    "leadforce": {"staff": "email", "pipeline_stage": "pipeline stage", "custom_field": "object name"},
    "visual_practice": {"user": "email", "pipeline": "name", "pipeline_stage": "pipeline name", "tag": "name", "contact": "email", "custom_field": "object name"},
    "customer_factor": {"user": "email", "customer": "email", "tag": "name"},
    "smartdesk": {"user": "email", "pipeline": "name", "pipeline_stage": "pipeline_id pipeline name", "account": "domain", "contact": "email", "custom_field": "object name"},
}  # fmt: skip
CELLS = {"date": "2024-03-05", "datetime": "2024-03-05 10:00", "money": "5", "number": "5", "percent": "5", "integer": "5", "boolean": "", "email": "a@example.com", "url": "https://example.com/", "domain": "example.com"}
BROKEN = {"date": "someday", "datetime": "someday", "money": "TBD", "number": "NaN", "percent": "TBD", "integer": "TBD"}


@dataclass
class Written:
    """The records of one object's file, and for each what must be reported: (code, column, value)."""

    name: str
    spec: SourceObject
    rows: list[dict[str, str]] = field(default_factory=list)
    rejects: dict[int, tuple[str, str, str | None]] = field(default_factory=dict)
    warnings: dict[int, tuple[str, str, str | None]] = field(default_factory=dict)
    others: dict[int, str] = field(default_factory=dict)

    def add(self, **cells: str) -> int:
        good = {name: cell(name, column, self.spec) for name, column in self.spec.columns.items()}
        fresh = {k: f"r{len(self.rows) + 1}" for k in self.spec.key if self.rows}
        self.rows.append({**good, **fresh, **cells})
        return len(self.rows)

    def text(self) -> str:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(dict.fromkeys(c for row in self.rows for c in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return out.getvalue()


def cell(name: str, column: Column, spec: SourceObject) -> str:
    """A good cell. Everything that may be referred to is called 1, so that every reference finds its record."""
    kinds = next((p.when for p in spec.parents if p.when), {})
    if name in kinds:
        return kinds[name][0]
    if spec.attachment and name in spec.attachment.named:
        return "files/a.txt" if name == spec.attachment.path else "a.txt" if name == spec.attachment.name else ""
    return CELLS.get(column.type, "1")


def written(source: str, name: str, spec: SourceObject) -> Written:
    """A file with a good record first, and a faulty one for every rule."""
    out = Written(name, spec)
    out.add()
    for part in MANDATORY[source].get(name, "").split():
        columns = part.split("/")
        out.rejects[out.add(**dict.fromkeys(columns, ""))] = ("missing_required", ", ".join(columns), None)
    for column, of in spec.columns.items():
        value = BROKEN.get(of.type)
        shown = "•••" if of.hidden else value
        if of.type in ("date", "datetime"):
            essential = f"{name}.{column}" in ESSENTIAL[source]
            (out.rejects if essential else out.warnings)[out.add(**{column: str(value)})] = ("bad_date" if essential else "bad_optional_date", column, shown)
        elif value is not None:
            out.rejects[out.add(**{column: value})] = ("bad_amount", column, shown)
        elif of.type == "boolean" and column != spec.deleted:
            out.warnings[out.add(**{column: "perhaps"})] = ("bad_boolean", column, "•••" if of.hidden else "perhaps")
    lost = [c for p in spec.parents if p.required for c in p.columns if spec.columns[c].type in ("id", "name")]
    for column in dict.fromkeys(lost):
        if not any(p.required and column in p.columns and len({tuple(q.columns) for q in spec.parents if q.object == p.object and q.required}) > 1 for p in spec.parents):
            out.rejects[out.add(**{column: "nowhere"})] = ("orphan", column, "•••" if spec.columns[column].hidden else "nowhere")
    kind = next((c for p in spec.parents for c in p.when), None)
    if kind:
        out.rejects[out.add(**{kind: "spaceship"})] = ("bad_relation", kind, "spaceship")
    if spec.deleted:
        out.others[out.add(**{spec.deleted: "Yes"})] = "deleted"
    out.rows.append(dict(out.rows[0]))
    out.others[len(out.rows)] = "exact_duplicate"
    other = next((c for c, of in spec.columns.items() if spec.key and c not in spec.key and of.type == "text" and not (spec.attachment and c in spec.attachment.named)), None)
    if other:
        out.rows.append({**out.rows[0], other: "other"})
        out.rejects[len(out.rows)] = ("id_conflict", ", ".join(spec.key), "•••" if any(spec.columns[k].hidden for k in spec.key) else "1")
    return out


@pytest.mark.promise("R08", "P020")
@pytest.mark.parametrize("source", sorted(MANDATORY))
def test_every_object_rejects_what_the_rules_reject_and_nothing_else(source: str, new_workspace: Callable[..., Workspace], take_in: Callable[..., Any]) -> None:
    objects = new_workspace(source).bundle.source.objects
    assert set(objects) == set(MANDATORY[source])
    files = [written(source, name, spec) for name, spec in objects.items()]
    done = take_in({**{f"{spec.files[0].replace(' ', '_')}.csv": f.text() for f in files for spec in [f.spec]}, "files/a.txt": "text"}, source=source)
    assert {(f["name"], f["object"]) for f in done.rows("select name, object from {log}.file where status = 'recognised'")} == {(f"{f.spec.files[0].replace(' ', '_')}.csv", f.name) for f in files}
    for f in files:
        file_no = done.rows(f"select file_no from {{log}}.file where object = '{f.name}'")[0]["file_no"]
        rejects = done.rows(f"select * from {{clean}}.reject where object = '{f.name}'")
        assert {r["rec"]: (r["code"], r["column_name"], r["value"]) for r in rejects} == f.rejects, f.name
        assert all((r["file_no"], r["line"]) == (file_no, r["rec"] + 1) and len(r["hint"]) > 10 for r in rejects), f.name
        warnings = done.rows(f"select rec, code, column_name, value from {{clean}}.warning where object = '{f.name}' and code not in ('orphan', 'no_content')")
        assert {r["rec"]: (r["code"], r["column_name"], r["value"]) for r in warnings} == f.warnings, f.name
        status = dict(enumerate(done.statuses(f.name), 1))
        assert {n: s for n, s in status.items() if s in ("deleted", "exact_duplicate")} == f.others, f.name
        assert {n for n, s in status.items() if s == "rejected"} == set(f.rejects), f.name


@pytest.mark.promise("P021")
@pytest.mark.parametrize("source", sorted(MANDATORY))
def test_every_mandatory_column_refuses_the_file_that_lacks_it(source: str, new_workspace: Callable[..., Workspace], take_in: Callable[..., Any]) -> None:
    objects = new_workspace(source).bundle.source.objects
    files, expected = {}, {}
    for name, parts in MANDATORY[source].items():
        without = parts.split()[-1].split("/")
        header = [c for c in objects[name].columns if c not in without]
        if len(header) > 3:
            files[f"{objects[name].files[0].replace(' ', '_')}.csv"] = ",".join(header) + "\n" + ",".join("1" for _ in header) + "\n"
            expected[name] = " or ".join(without)
    done = take_in(files, source=source)
    rejects = done.rows("select object, code, column_name, value from {clean}.reject")
    assert {(r["object"], r["code"], r["column_name"]) for r in rejects} == {(name, "missing_column", column) for name, column in expected.items()}
    assert done.findings() == [("blocking", "missing_column")] * len(expected)


@dataclass
class Orphan:
    """A row whose parent is not there: what must be said about it, and about which of its columns."""

    code: str
    columns: set[str]
    required: bool


def rejecting(name: str, spec: SourceObject, source: str, used: set[str]) -> dict[str, str] | None:
    """Cells for which a row of an object is rejected while the columns that others refer to stay as they are."""
    for part in MANDATORY[source].get(name, "").split():
        if not used & set(part.split("/")):
            return dict.fromkeys(part.split("/"), "")
    amount = next((c for c, of in spec.columns.items() if of.type in ("money", "number", "integer") and c not in used), None)
    return {amount: "TBD"} if amount else None


def lost_rows(out: Written, objects: dict[str, SourceObject], fates: dict[str, dict[str, set[str]]]) -> dict[int, Orphan]:
    """Rows for every reference of an object and every fate of its parent. ``fates``: by object and fate, the columns that name such a row."""
    found = {}
    for parent in out.spec.parents:
        by = parent.by or objects[parent.object].key
        for fate, code in [("nowhere", "orphan"), *((f, f"orphan_parent_{f}") for f, columns in fates[parent.object].items() if columns >= set(by))]:
            group = [p for p in out.spec.parents if (p.object, p.required, p.when) == (parent.object, parent.required, parent.when)]
            cells = {c: "" for p in group for c in p.columns if p.columns != parent.columns and not out.spec.columns[c].required}
            of = objects[parent.object].columns
            cells |= {c: value_of(fate, of[b]) for c, b in zip(parent.columns, by, strict=True)}
            cells |= {column: words[0] for column, words in parent.when.items()}
            found[out.add(**cells)] = Orphan(code, set(parent.columns), parent.required)
    return found


def value_of(fate: str, of: Column) -> str:
    return f"{fate}@example.com" if of.type == "email" else fate


@pytest.mark.promise("R08")
@pytest.mark.parametrize("source", sorted(MANDATORY))
def test_every_reference_tells_a_parent_that_is_missing_from_one_that_was_rejected_and_one_that_was_deleted(
    source: str, new_workspace: Callable[..., Workspace], take_in: Callable[..., Any]
) -> None:
    objects = new_workspace(source).bundle.source.objects
    used = {name: {*of.key, *(c for child in objects.values() for p in child.parents if p.object == name for c in p.by or [])} for name, of in objects.items()}
    files = {name: Written(name, spec) for name, spec in objects.items()}
    fates: dict[str, dict[str, set[str]]] = {name: {} for name in objects}
    for name, out in files.items():
        out.add()

        def named(fate: str, out: Written = out, columns: set[str] = used[name]) -> dict[str, str]:
            return {c: value_of(fate, out.spec.columns[c]) for c in columns}

        fault = rejecting(name, out.spec, source, used[name])
        if fault is not None:
            out.add(**named("rejected"), **fault)
            fates[name]["rejected"] = used[name]
        elif used[name] > set(out.spec.key):
            out.add(**{**named("rejected"), **{k: out.rows[0][k] for k in out.spec.key}})  # the id of another one
            fates[name]["rejected"] = used[name] - set(out.spec.key)
        if out.spec.deleted:
            out.add(**named("deleted"), **{out.spec.deleted: "yes"})
            fates[name]["deleted"] = used[name]
    expected = {name: lost_rows(out, objects, fates) for name, out in files.items()}
    for out in files.values():
        for number, row in enumerate(out.rows):
            row["row number of the test"] = str(number)  # so that no two rows are duplicates of each other
    done = take_in({**{f"{out.spec.files[0].replace(' ', '_')}.csv": out.text() for out in files.values()}, "files/a.txt": "text"}, source=source)
    referred = {p.object for of in objects.values() for p in of.parents}
    assert all(set(fates[name]) == {"rejected", "deleted"} for name in referred), "every parent can have every fate"
    for name, orphans in expected.items():
        rejects = {r["rec"]: r for r in done.rows(f"select * from {{clean}}.reject where object = '{name}'")}
        warnings = done.rows(f"select * from {{clean}}.warning where object = '{name}' and code like 'orphan%'")
        for rec, orphan in orphans.items():
            if orphan.required:
                assert (rejects[rec]["code"], rejects[rec]["column_name"] in orphan.columns) == (orphan.code, True), (name, rec, orphan)
            else:
                assert rec not in rejects, (name, rec, rejects.get(rec))
                assert [w["code"] for w in warnings if w["rec"] == rec and w["column_name"] in orphan.columns] == [orphan.code], (name, rec, orphan)


SPELLINGS = {"name": ("Été  X", "éTÉ x"), "enum": ("Lead", "LEAD "), "email": ("a@example.com", '"Roe, Jo" <A@Example.com>'), "domain": ("example.com", "https://www.Example.com/x")}


@pytest.mark.promise("R09")
@pytest.mark.parametrize("source", sorted(MERGED))
def test_what_is_merged_and_what_never_is(source: str, new_workspace: Callable[..., Workspace], take_in: Callable[..., Any]) -> None:
    objects = new_workspace(source).bundle.source.objects
    files = []
    for name, spec in objects.items():
        out = Written(name, spec)
        columns = MERGED[source].get(name, "").split()
        for spelling in (0, 1):
            out.add(**{c: SPELLINGS[spec.columns[c].type][spelling] for c in columns if spec.columns[c].type in SPELLINGS}, **{"row number of the test": str(spelling)})
        for column in columns:
            out.add(**{c: "" if c == column else "other" for c in columns}, **{"row number of the test": column})
        files.append(out)
    done = take_in({**{f"{out.spec.files[0].replace(' ', '_')}.csv": out.text() for out in files}, "files/a.txt": "text"}, source=source)
    for out in files:
        first, second, *others = done.rows(f"select _status, _key, _into from {{clean}}.{out.name} order by _rec")
        expected = ("merged", first["_key"]) if out.name in MERGED[source] else ("valid", None)
        assert (first["_status"], (second["_status"], second["_into"])) == ("valid", expected), out.name
        assert "merged" not in {r["_status"] for r in others}, out.name


def test_every_code_of_the_rules_says_what_to_do() -> None:
    codes = re.findall(r"`([a-z0-9_]+)`", (Path(__file__).parents[2] / "docs/intake.md").read_text(encoding="utf-8"))
    assert set(HINTS) <= set(codes), "docs/intake.md names every code"
