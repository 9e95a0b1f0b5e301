"""A picture of how the target is set up, comparable from one run to the next."""

from __future__ import annotations

from typing import Any

from crm2odoo.odoo.facts import ALSO_ARCHIVED, Facts


def take(facts: Facts) -> dict[str, dict[str, Any]]:
    """Part → name → what it is. Parts: modules, companies, currencies, languages, users, teams, stages, settings."""
    call = facts.call
    picture: dict[str, dict[str, Any]] = {
        "modules": {name: f"{m['state']} {m['latest_version'] or ''}".strip() for name, m in facts.modules.items()},
        "companies": {c["name"]: (c["currency_id"] or [0, ""])[1] for c in facts.companies},
        "currencies": {c["name"]: "active" for c in facts.currencies if c["active"]},
        "languages": dict.fromkeys(facts.languages, "installed"),
        "users": {u["login"]: {"active": u["active"], "portal": u["share"], "email": u["email"] or ""} for u in facts.users},
        "settings": {k: v for k, v in facts.parameters.items() if k.startswith(("crm.", "mail.", "sales_team.", "database.is_"))},
        "teams": {},
        "stages": {},
    }
    if "crm.lead" in facts.models:
        teams = call("crm.team", "search_read", domain=[], fields=["name", "active"], context=ALSO_ARCHIVED)
        picture["teams"] = {f"{t['name']} #{t['id']}": "active" if t["active"] else "archived" for t in teams}
        stages = call("crm.stage", "search_read", domain=[], fields=["name", "sequence", "is_won"])
        picture["stages"] = {f"{s['name']} #{s['id']}": f"place {s['sequence']}{', won' if s['is_won'] else ''}" for s in stages}
    return picture


def changes(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> list[str]:
    """One phrase per difference between two pictures, sorted by part."""
    found = []
    for part in now:
        old, new = before.get(part, {}), now[part]
        found += [f"{part}: {name} is new" for name in sorted(new.keys() - old.keys())]
        found += [f"{part}: {name} is gone" for name in sorted(old.keys() - new.keys())]
        found += [
            f"{part}: {name} was {old[name]!r}, is {new[name]!r}" for name in sorted(old.keys() & new.keys()) if old[name] != new[name]
        ]
    return found
