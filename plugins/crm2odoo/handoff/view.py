"""The report as its template needs it: facts turned into rows, bars, tiles and sentences, masked and formatted. No SQL, no HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from crm2odoo.handoff.charts import Bar, Throughput, convergence, throughput
from crm2odoo.handoff.facts import Facts
from crm2odoo.handoff.verdict import Verdict, judge
from crm2odoo.handoff.wording import Style, words
from crm2odoo.ledger.dispositions import DISPOSITIONS, ObjectDispositions
from crm2odoo.project import Bundle
from crm2odoo.reconcile.odoo_side import record_link


@dataclass(frozen=True)
class Segment:
    """A piece of a stacked bar, in thousandths of its width."""

    name: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class Tile:
    """One field of the heat map. ``level``: full, declared, some, many or unknown."""

    label: str
    key: str
    level: str
    text: str
    title: str


@dataclass(frozen=True)
class DifferenceGroup:
    """Differences of one field and kind, with examples."""

    entity: str
    field: str
    kind: str
    advice: str
    cells: int
    """Records, for the group of whole records that are gone."""
    whole: bool
    cause: str
    cases: list[dict[str, Any]]


@dataclass(frozen=True)
class View:
    """Everything that the template shows."""

    title: str
    subtitle: str
    style: Style
    verdict: Verdict
    facts: Facts
    sentences: list[dict[str, str]]
    figures: list[tuple[str, str, str]]
    bars: list[dict[str, Any]]
    heat: list[dict[str, Any]]
    groups: list[DifferenceGroup]
    rejects: list[dict[str, Any]]
    pareto: list[dict[str, Any]]
    checks: list[tuple[str, list[dict[str, Any]]]]
    totals: list[dict[str, Any]]
    owners: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    not_moved: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    signatures: list[dict[str, Any]]
    """Verdicts given in this run, or on what it is bound to."""
    timings: list[dict[str, Any]]
    deliveries: list[Bar]
    throughput: Throughput | None
    labels: dict[str, Any] = field(default_factory=words)


def view_of(bundle: Bundle, facts: Facts) -> View:
    """``facts`` are shown as they are: mask them before."""
    style = Style.of(bundle.project.locale)
    target = facts.target or {}
    version = str(target.get("version", "")).split(".")[0]
    return View(
        title=bundle.project.title,
        subtitle=f"{bundle.source.title} to Odoo {version}".strip(),
        style=style,
        verdict=judge(facts, style, bundle.project.error_budget_percent),
        facts=facts,
        sentences=[_sentence(bundle, o, style) for o in facts.objects],
        figures=_figures(facts, style),
        bars=[_bar(o) for o in facts.objects],
        heat=_heat(bundle, facts, style),
        groups=groups_of(bundle, facts),
        rejects=_rejects(bundle, facts),
        pareto=_pareto(facts),
        checks=_checks(bundle, facts),
        totals=_totals(bundle, facts),
        owners=_owners(facts),
        stages=facts.rows("stages"),
        not_moved=not_moved(bundle, facts, style),
        findings=[f for f in facts.rows("findings") if f["evidence"].get("verdict", "hit") != "clear"],
        signatures=[a for a in facts.rows("approvals") if a["ours"]],
        timings=_timings(bundle, facts),
        deliveries=convergence(facts, style),
        throughput=throughput(facts, style),
    )


def _sentence(bundle: Bundle, o: ObjectDispositions, style: Style) -> dict[str, str]:
    """What became of one object, in one sentence."""
    c = o.counts
    if o.rows == 0:
        return {"object": o.title, "text": "No rows in this export.", "mood": "fine"}
    obj = bundle.source.objects[o.object]
    if bundle.only_documents(o.object):
        return {"object": o.title, "text": f"{style.rows(o.rows)}; not migrated, listed for the handoff.", "mood": "fine"}
    if obj.inventory is not None:
        return {"object": o.title, "text": f"{style.rows(o.rows)}; compared with the columns that the export has.", "mood": "fine"}
    if not (obj.entities or c["loaded"] or c["updated"] or c["unchanged"]):
        rejected = f", {style.number(c['rejected'])} of them rejected" if c["rejected"] else ""
        return {"object": o.title, "text": f"{style.rows(o.rows)}{rejected}; this project has no place for them in Odoo.", "mood": "exception"}
    into = list(
        dict.fromkeys(bundle.entities[e].title for e in bundle.load_order for f in bundle.feeds(e) if f.object == o.object and f.mapping.primary)
    ) or ["part of other records"]
    arrived = c["loaded"] + c["updated"] + c["unchanged"]
    parts = [
        f"{style.number(arrived)} of {style.rows(o.rows)} {'is' if arrived == 1 else 'are'} in Odoo as"
        f" {' and '.join(t[:1].lower() + t[1:] for t in into)}"
    ]
    for name, text in (("merged", "joined with another row"), ("excluded", "left out on purpose"), ("held", "held back"), ("rejected", "rejected")):
        if c[name]:
            why = [r for d, r, _ in o.reasons if d == name][:1]
            reason = f" ({why[0]})" if why and name in ("held", "rejected", "excluded") else ""
            parts.append(f"{style.number(c[name])} {text}{_plain(reason)}")
    return {"object": o.title, "text": "; ".join(parts) + ".", "mood": "exception" if c["rejected"] or c["held"] else "fine"}


def _plain(reason: str) -> str:
    for code, label in words()["rejects"].items():
        reason = reason.replace(f"({code} in ", f"({label.lower()}: ").replace(f"({code})", f"({label.lower()})")
    return reason


def _figures(facts: Facts, style: Style) -> list[tuple[str, str, str]]:
    """The few numbers at the top: value, what it counts, its section."""
    rows = sum(o.rows for o in facts.objects)
    arrived = sum(o.counts["loaded"] + o.counts["updated"] + o.counts["unchanged"] for o in facts.objects)
    cells = facts.rows("cells")
    compared = sum(c["compared"] for c in cells)
    agreed = sum(c["equal"] + c["transformed"] for c in cells)
    comparable = compared - sum(c["not_comparable"] for c in cells)
    checks = [c for c in facts.rows("checks") if c["name"] != "fields_equal"]
    passed = sum(c["passed"] for c in checks)
    return [
        (style.number(rows), "rows in the export", "objects"),
        (style.number(arrived), "rows now in Odoo", "objects"),
        (style.number(comparable), "field values compared", "fields"),
        (style.percent(agreed, comparable), "of them agree", "fields"),
        (f"{style.number(passed)} of {style.number(len(checks))}", "checks passed", "checks"),
    ]


def _bar(o: ObjectDispositions) -> dict[str, Any]:
    start, segments = 0.0, []
    for name in DISPOSITIONS:
        count = o.counts[name]
        if count and o.rows:
            width = 1000 * count / o.rows
            segments.append(Segment(name, count, round(start, 2), round(width, 2)))
            start += width
    return {"title": o.title, "rows": o.rows, "counts": o.counts, "segments": segments, "sums": sum(o.counts.values()) == o.rows}


def _heat(bundle: Bundle, facts: Facts, style: Style) -> list[dict[str, Any]]:
    result = []
    for entity in bundle.build_order:
        cells = [c for c in facts.rows("cells") if c["entity"] == entity and c["compared"]]
        if not cells:
            continue
        order = {key: n for n, key in enumerate(bundle.entities[entity].fields)}
        cells.sort(key=lambda c: (order.get(c["field"], 999), c["field"]))
        records = max(c["compared"] for c in cells)
        sums = {k: sum(c[k] for c in cells) for k in ("compared", "equal", "transformed", "different", "not_comparable")}
        result.append(
            {
                "entity": entity,
                "text": _heat_text(style, records, len(cells), sums),
                "title": bundle.entities[entity].title,
                "records": records,
                "fields": len(cells),
                **sums,
                "tiles": [_tile(facts, c, style, bundle) for c in cells],
            }
        )
    return result


def _heat_text(style: Style, records: int, fields: int, sums: dict[str, int]) -> str:
    """Counts of one entity's cells in words; what is zero goes unsaid."""
    parts = [
        (sums["equal"], "equal"),
        (sums["transformed"], "equal after a declared change"),
        (sums["different"], "different"),
        (sums["not_comparable"], "not comparable"),
    ]
    said = ", ".join(f"{style.number(n)} {what}" for n, what in parts if n)
    if sums["equal"] == sums["compared"]:
        said = "all equal"
    return f"{style.rows(records, 'record')} × {style.rows(fields, 'field')} = {style.rows(sums['compared'], 'value')}: {said}."


def _tile(facts: Facts, c: dict[str, Any], style: Style, bundle: Bundle) -> Tile:
    comparable = c["compared"] - c["not_comparable"]
    declared = bundle.entities[c["entity"]].fields.get(c["field"])
    note = declared.compare_note if declared else ""
    if not comparable:
        level, text = "unknown", "not compared"
    elif not c["different"]:
        level = "declared" if c["transformed"] else "full"
        text = "all agree"
    else:
        level = "many" if c["different"] > comparable / 20 else "some"
        text = f"{style.number(c['different'])} differ"
    title = (
        f"{c['field']}: {style.number(c['compared'])} compared, {style.number(c['equal'])} equal, {style.number(c['transformed'])} equal"
        f" after a declared change, "
        f"{style.number(c['different'])} different, {style.number(c['not_comparable'])} not comparable{'. ' + note if note else ''}"
    )
    return Tile(label_of(facts, c["entity"], c["field"]), c["field"], level, text, title)


def label_of(facts: Facts, entity: str, key: str) -> str:
    """What Odoo calls a field, as the diff noted it; else its technical name made readable."""
    if key == "*":
        return "the whole record"
    for check in facts.rows("checks"):
        if check["phase"] == entity and check["name"] == "fields_equal" and key in check["details"].get("labels", {}):
            return str(check["details"]["labels"][key])
    name = key.removeprefix("x_").removesuffix("_ids").removesuffix("_id").replace("_", " ")
    return name[:1].upper() + name[1:]


def groups_of(bundle: Bundle, facts: Facts) -> list[DifferenceGroup]:
    """Differences by field and kind, most first, each with its first cases."""
    places = {(p["entity"], p["xid"]): p["place"] for p in facts.rows("places")}
    causes = {(c["entity"], c["field"], c["kind"]): c["text"] for c in facts.rows("causes")}
    url = (facts.target or {}).get("url", "")
    cases: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for d in facts.rows("differences"):
        cases.setdefault((d["entity"], d["field"], d["kind"]), []).append(
            {
                "xid": d["xid"],
                "place": places.get((d["entity"], d["xid"]), ""),
                "link": record_link(url, bundle.entities[d["entity"]].model, d["res_id"]),
                "expected": d["expected"],
                "found": d["found"],
            }
        )
    result = []
    for g in facts.rows("difference_groups"):
        key = (g["entity"], g["field"], g["kind"])
        kind = words()["kinds"][g["kind"]]
        result.append(
            DifferenceGroup(
                bundle.entities[g["entity"]].title,
                label_of(facts, g["entity"], g["field"]),
                kind["label"],
                kind["advice"],
                g["records"] if g["field"] == "*" else g["cells"],
                g["field"] == "*",
                causes.get(key, ""),
                cases.get(key, []),
            )
        )
    return result


def _rejects(bundle: Bundle, facts: Facts) -> list[dict[str, Any]]:
    files = {f["file_no"]: f["name"] for f in facts.rows("files")}
    result = []
    for r in facts.rows("rejects"):
        cases = [
            {"place": f"{files.get(c['file_no'], '?')}:{c['line']}", "value": c["value"]}
            for c in facts.rows("reject_cases")
            if (c["object"], c["code"], c["column_name"]) == (r["object"], r["code"], r["column_name"])
        ]
        obj = bundle.source.objects.get(r["object"])
        column = obj.columns.get(r["column_name"] or "") if obj else None
        result.append(
            {
                "object": obj.title if obj else r["object"],
                "column": (column.title if column and column.title else r["column_name"]) or "",
                "what": words()["rejects"].get(r["code"], r["code"]),
                "code": r["code"],
                "rows": r["rows"],
                "hint": r["hint"] or "",
                "cases": cases,
            }
        )
    return result


def _pareto(facts: Facts) -> list[dict[str, Any]]:
    """Rejects by reason, most frequent first, with the running share."""
    sums: dict[str, int] = {}
    for r in facts.rows("rejects"):
        sums[r["code"]] = sums.get(r["code"], 0) + r["rows"]
    total, running, result = sum(sums.values()), 0, []
    largest = max(sums.values(), default=0)
    for code, count in sorted(sums.items(), key=lambda x: (-x[1], x[0])):
        running += count
        result.append(
            {
                "code": code,
                "what": words()["rejects"].get(code, code),
                "count": count,
                "width": round(1000 * count / largest, 1),
                "running": running,
                "total": total,
            }
        )
    return result


def _totals(bundle: Bundle, facts: Facts) -> list[dict[str, Any]]:
    """Control totals with their parts by dimension; amounts come back from the stored JSON as text."""
    result = []
    for c in facts.rows("checks"):
        if not c["name"].startswith("total_"):
            continue
        dimensions: dict[str, list[dict[str, Any]]] = {}
        for p in c["details"].get("parts", []):
            expected, found = Decimal(str(p["expected"])), Decimal(str(p["found"]))
            dimensions.setdefault(p["dimension"], []).append(
                {**p, "expected": expected, "found": found, "agrees": abs(expected - found) <= Decimal("0.005")}
            )
        for parts in dimensions.values():
            most = max(abs(v) for p in parts for v in (p["expected"], p["found"])) or 1
            for p in parts:
                p["widths"] = [float(round(1000 * abs(p[side]) / most, 1)) for side in ("expected", "found")]
        result.append(
            {
                "entity": bundle.entities[c["phase"]].title,
                "label": label_of(facts, c["phase"], c["name"].removeprefix("total_")),
                "expected": c["expected"],
                "found": c["found"],
                "passed": c["passed"],
                "records": c["details"]["records"],
                "currency": c["details"]["currency"],
                "not_loaded": None if c["details"]["not_loaded"] is None else Decimal(str(c["details"]["not_loaded"])),
                "dimensions": dimensions,
            }
        )
    return result


def _checks(bundle: Bundle, facts: Facts) -> list[tuple[str, list[dict[str, Any]]]]:
    """Checks by phase, in the order in which the phases ran."""
    phases: dict[str, list[dict[str, Any]]] = {}
    for c in facts.rows("checks"):
        if c["name"] != "fields_equal" and not c["name"].startswith("total_"):
            phases.setdefault(c["phase"], []).append(c)
    return [(bundle.entities[p].title if p in bundle.entities else p[:1].upper() + p[1:], checks) for p, checks in phases.items()]


def _owners(facts: Facts) -> list[dict[str, Any]]:
    url = (facts.target or {}).get("url", "")
    return [
        {**o, "link": record_link(url, "res.users", o["res_id"]), "open": o["action"] == "held", "told": _told(o["action"], o["reason"] or "")}
        for o in facts.rows("owners")
    ]


def _told(action: str, reason: str) -> str:
    """What became of an owner, and why, saying nothing twice: ``created by decision``."""
    said = str(words()["actions"][action])
    return reason if reason.startswith(said) else f"{said}: {reason}" if reason else said


def not_moved(bundle: Bundle, facts: Facts, style: Style) -> list[dict[str, Any]]:
    """Everything of the export that has no place in Odoo: whole objects, columns, files."""
    result: list[dict[str, Any]] = []
    for name, obj in bundle.source.objects.items():
        rows = sum(o.rows for o in facts.objects if o.object == name)
        if rows and obj.inventory is None and (bundle.only_documents(name) or not obj.entities):
            result.append(
                {
                    "what": obj.title,
                    "where": "whole object",
                    "count": style.rows(rows),
                    "why": "Goes into the handoff inventory; it has to be rebuilt in Odoo by hand."
                    if bundle.only_documents(name)
                    else "This project has no place for it in Odoo.",
                }
            )
    for c in facts.rows("custom_fields"):
        if c["dropped"]:
            title = bundle.source.objects[c["object"]].title if c["object"] in bundle.source.objects else c["object"]
            result.append({"what": f"{title}: {c['header']}", "where": "column", "count": style.rows(c["filled"], "value"), "why": c["dropped"]})
    for f in facts.rows("files"):
        if f["status"] in ("unknown", "refused"):
            why = {"unknown": "Not recognised as part of this source.", "refused": "Refused: a mandatory column is missing."}[f["status"]]
            result.append({"what": f["name"], "where": "file", "count": style.bytes(f["bytes"]), "why": why})
    return result + _files_left(facts, style)


def _files_left(facts: Facts, style: Style) -> list[dict[str, Any]]:
    """Files beside the tables that are no attachment in Odoo, by kind. Before anything was planned nobody can say."""
    if "records" not in facts.answers:
        return []
    loaded = {r["path"] for r in facts.rows("loaded_files")}
    left: dict[str, list[dict[str, Any]]] = {}
    for f in facts.rows("files"):
        if f["status"] == "excluded" and f["name"] not in loaded:
            left.setdefault(PurePosixPath(f["name"]).suffix.lower() or "no ending", []).append(f)
    return [
        {
            "what": f"{style.rows(len(files), 'file')} {ending}: {', '.join(f['name'] for f in files[:3])}{' …' if len(files) > 3 else ''}",
            "where": "files",
            "count": style.bytes(sum(f["bytes"] for f in files)),
            "why": "No row that was loaded names them as an attachment, or they are excluded by decision.",
        }
        for ending, files in sorted(left.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _timings(bundle: Bundle, facts: Facts) -> list[dict[str, Any]]:
    result = []
    for b in facts.rows("batches"):
        ended = b["ended"] or b["started"]
        wall = max((ended - b["started"]).total_seconds(), b["ms"] / 1000 if b["batches"] == 1 else 0.001)
        result.append(
            {
                **b,
                "title": bundle.entities[b["entity"]].title if b["entity"] in bundle.entities else b["entity"],
                "seconds": wall,
                "rate": b["records"] / wall if wall else 0,
            }
        )
    return result
