"""The checks of preflight, one function each. They only read; a check that cannot read lets the client's error through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from crm2odoo.odoo import parking_marks
from crm2odoo.odoo.facts import LOCK_DATES, Facts
from crm2odoo.odoo.finding import Finding, Severity
from crm2odoo.odoo.gotchas import broken_forms, enterprise_leftovers, external_api, orphan_fields, rolling_release
from crm2odoo.odoo.schema_plan import writes_documents
from crm2odoo.odoo.schema_wish import form_views
from crm2odoo.odoo.settings import PARKED_PARAMETERS
from crm2odoo.odoo.target import NEWEST, OLDEST, unresolved
from crm2odoo.project import OdooField


@dataclass(frozen=True)
class Check:
    """``about`` completes the sentence "Cannot tell: …"."""

    code: str
    about: str
    answer: Callable[[Facts], Iterable[Finding]]

    def run(self, facts: Facts) -> list[Finding]:
        return list(self.answer(facts))


def _clear(code: str, title: str, **evidence: Any) -> Finding:
    return Finding(code, title, "clear", "info", evidence=evidence)


def _hit(code: str, severity: Severity, title: str, advice: str, count: int | None = None, **evidence: Any) -> Finding:
    return Finding(code, title, "hit", severity, advice, count, evidence)


def _version(facts: Facts) -> Iterator[Finding]:
    target = facts.target
    if not OLDEST <= target.version <= NEWEST:
        yield _hit(
            "version", "blocking", f"Odoo {target.release} is not supported", f"Use Odoo {OLDEST} to {NEWEST}", release=target.release
        )
    else:
        yield _clear("version", f"Odoo {target.version} ({target.edition})", release=target.release, edition=target.edition)


def _hosting(facts: Facts) -> Iterator[Finding]:
    declared, found = facts.target.ws.bundle.project.target, facts.target.hosting
    if declared != found:
        yield _hit(
            "hosting",
            "blocking",
            f"The project says that this Odoo is {declared}, and it looks like {found}",
            "Correct `target` in the project file, or the Odoo connection",
            declared=declared,
            found=found,
            url=facts.target.client.url,
        )
    elif found == "online":
        yield _hit(
            "hosting",
            "info",
            "Odoo Online: about one call a second, no parallel calls, no snapshot by API",
            "Plan the production window for it",
            found=found,
        )
    else:
        yield _clear("hosting", f"Hosting is {found}", found=found)


def _sandbox(facts: Facts) -> Iterator[Finding]:
    target = facts.target
    neutral = facts.parameters.get("database.is_neutralized", "").lower() in ("true", "1")
    if target.kind == "production":
        if neutral:
            yield _hit(
                "neutralised",
                "blocking",
                "The production database is neutralised: its mail servers and scheduled actions are switched off",
                "Check the Odoo connection: this looks like a test copy",
            )
        else:
            yield _clear("neutralised", "The production database is not a neutralised copy")
        return
    if neutral:
        yield _clear("neutralised", "The sandbox is neutralised: no mail server and no scheduled action works in it")
    else:
        yield _hit(
            "neutralised",
            "blocking",
            "The sandbox is not neutralised: it could write to customers",
            "Neutralise it (odoo-bin neutralize -d …, or duplicate it with that option), or correct the connection",
        )
    with target.ws.connect() as connection:
        row = connection.execute(
            target.ws.sql(
                "select target_id from {log}.target where kind = 'production' and (target_id = %s or (url = %s and database = %s))"
            ),
            (target.target_id, target.client.url, target.client.database),
        ).fetchone()
    if row:
        yield _hit(
            "sandbox_is_production", "blocking", "The sandbox is the production database", "Correct the Odoo connection of the sandbox"
        )
    else:
        yield _clear("sandbox_is_production", "The sandbox is not the production database", target_id=target.target_id)


def _apps(facts: Facts) -> Iterator[Finding]:
    wanted: dict[str, list[str]] = {}
    for name, entity in facts.target.entities.items():
        for module in entity.requires:
            wanted.setdefault(module, []).append(name)
    absent = {m: names for m, names in wanted.items() if not facts.installed(m)}
    for module, names in absent.items():
        yield _hit(
            "apps",
            "blocking",
            f"The app {module} is not installed; {', '.join(names)} need it",
            "Install it, or leave these objects out of the project",
            module=module,
            entities=names,
        )
    if not absent:
        yield _clear("apps", "All apps that the objects need are installed", apps=sorted(wanted))


def _declared_apps(facts: Facts) -> Iterator[Finding]:
    """Apps by which the source's mapping branches: what the project counts on must be what is there."""
    bundle = facts.target.ws.bundle
    branches = sorted({app.removeprefix("!") for o in bundle.source.objects.values() for m in o.entities for app in (m.app or "").split()})
    for app in branches:
        there, told = facts.installed(app), app in bundle.project.apps
        if bundle.project.has_app(app) and not there:
            advice = f"Install it, or say `apps: {{{app}: false}}` in the project file: its objects then take the other way"
            yield _hit("declared_apps", "blocking", f"The project counts on the app {app}, and this Odoo does not have it", advice, app=app)
        elif there and not bundle.project.has_app(app):
            title = f"The app {app} is installed, and the project does not use it"
            advice = f"Say `apps: {{{app}: true}}` in the project file to use it" if not told else "Nothing to do: the project file says so"
            yield _hit("declared_apps", "info" if told else "warning", title, advice, app=app)
        else:
            yield _clear("declared_apps", f"The app {app} is {'there and used' if there else 'not there and not used'}", app=app)


def _pending(facts: Facts) -> Iterator[Finding]:
    pending = {n: m["state"] for n, m in facts.modules.items() if m["state"] != "installed"}
    if pending:
        yield _hit(
            "pending_modules",
            "blocking",
            f"Modules wait to be installed, upgraded or removed: {', '.join(sorted(pending))}",
            "Finish that in Odoo (Apps), then run again",
            len(pending),
            modules=pending,
        )
    else:
        yield _clear("pending_modules", "No module waits to be installed, upgraded or removed", installed=len(facts.modules))


def _fields(facts: Facts) -> Iterator[Finding]:
    target = facts.target
    missing = [
        line for name, entity in target.entities.items() for line in unresolved(entity, target.names[name], target.shapes.get(entity.model))
    ]
    for line in missing:
        yield _hit("fields", "blocking", line[0].upper() + line[1:], "Nothing is written before this is settled")
    if not missing:
        other = {e: {k: n for k, n in names.items() if n and n != k} for e, names in target.names.items()}
        left_out = {
            e: [k for k, n in names.items() if n is None and k not in target.entities[e].custom_fields and k in target.entities[e].fields]
            for e, names in target.names.items()
        }
        yield _clear(
            "fields",
            "Every field of the mapping exists in this Odoo",
            other_names={e: n for e, n in other.items() if n},
            left_out={e: n for e, n in left_out.items() if n},
        )


def _rights(facts: Facts) -> Iterator[Finding]:
    target, login = facts.target, facts.user["login"]
    models = {e.model for e in target.entities.values() if target.has(e.model) and e.create != "never"}
    groups = {"base.group_system": "Administration: Settings"}
    if any(m.startswith("crm.") for m in models):
        groups["sales_team.group_sale_manager"] = "Sales: Administrator"
    if "account.move" in models:
        groups["account.group_account_invoice"] = "Invoicing"
    if "project.task" in models:
        groups["project.group_project_manager"] = "Project: Administrator"
    lacking = [label for xml_id, label in groups.items() if not facts.has_group(xml_id)]
    if lacking:
        yield _hit(
            "rights",
            "blocking",
            f"The user {login} lacks the rights {', '.join(lacking)}",
            f"Give {login} these rights under Settings ▸ Users, or use another user in the Odoo connection",
            len(lacking),
            groups=lacking,
        )
    refused = []
    for model in sorted(models):
        if target.version >= 18:
            may = facts.call(model, "has_access", ids=[], operation="create")
        else:
            may = facts.call(model, "check_access_rights", operation="create", raise_exception=False)
        if not may:
            refused.append(model)
    if refused:
        yield _hit(
            "access",
            "blocking",
            f"The user {login} may not create {', '.join(refused)}",
            f"Give {login} the rights of these apps",
            len(refused),
            models=refused,
        )
    if not lacking and not refused:
        yield _clear("rights", f"{login} may create everything that the migration writes", groups=sorted(groups), models=sorted(models))


def _currencies(facts: Facts) -> Iterator[Finding]:
    wanted = facts.target.ws.bundle.project.currency
    known = {c["name"]: c["active"] for c in facts.currencies}
    company = facts.companies[0]["currency_id"][1]
    if wanted not in known:
        yield _hit("currency", "blocking", f"Odoo has no currency {wanted}", "Correct `currency` in the project file (ISO code)", wanted=wanted)
    elif wanted != company:
        title = f"Amounts of the export are in {wanted}, the company's currency is {company}"
        advice = "Decide on the conversion: revenue of a lead is in the company's currency"
        yield _hit("currency", "warning", title, advice, wanted=wanted, company=company)
    else:
        yield _clear("currency", f"Export and company use {company}", active=sorted(n for n, active in known.items() if active))
    if writes_documents(facts.target) and known.get(wanted) is False:
        title = f"The currency {wanted} is not active in Odoo, and orders or invoices are written in it"
        yield _hit("inactive_currency", "warning", title, "Set-up activates it; Odoo then shows price lists and makes one", wanted=wanted)


def _companies(facts: Facts) -> Iterator[Finding]:
    names = [c["name"] for c in facts.companies]
    if len(names) > 1:
        yield _hit(
            "companies",
            "warning",
            f"The database has {len(names)} companies; records go to {facts.user['company_id'][1]}, the company of {facts.user['login']}",
            "Check that this is the right one; shared records are written without a company",
            len(names),
            companies=names,
        )
    else:
        yield _clear("companies", f"One company: {names[0]}")


def _accounting(facts: Facts) -> Iterator[Finding]:
    models = {e.model for e in facts.target.entities.values()}
    company = facts.companies[0]
    locks = {f: company[f] for f in LOCK_DATES if company.get(f)}
    if "account.move" not in models:
        yield _clear("chart", "No invoices in this project: no chart of accounts is needed")
    elif not (chart := company.get("chart_template") or company.get("chart_template_id")):  # the latter up to 16
        yield _hit(
            "chart",
            "blocking",
            f"{company['name']} has no chart of accounts, so invoices cannot be written",
            "Install one: Accounting ▸ Configuration ▸ Settings ▸ Fiscal Localization",
            company=company["name"],
        )
    else:
        yield _clear("chart", f"{company['name']} uses the chart {chart}")
    if not locks:
        yield _clear("lock_dates", "No accounting period is locked")
    elif "account.move" in models:
        yield _hit(
            "lock_dates",
            "blocking",
            f"Accounting is locked up to {max(locks.values())}: Odoo would silently move older invoices past it",
            "Lift the lock for the load, or start the invoices after it",
            len(locks),
            dates=locks,
        )
    else:
        yield _hit(
            "lock_dates",
            "info",
            f"Accounting is locked up to {max(locks.values())}",
            "No invoices in this project, so nothing follows from it",
            len(locks),
            dates=locks,
        )


def _languages(facts: Facts) -> Iterator[Finding]:
    if "en_US" not in facts.languages:
        yield _hit(
            "languages",
            "warning",
            "The language en_US is not installed, so names in Odoo can only be compared in another language",
            "Activate English (US) under Settings ▸ Languages",
            languages=facts.languages,
        )
    else:
        yield _clear("languages", f"Installed languages: {', '.join(facts.languages)}", languages=facts.languages)


def _automations(facts: Facts) -> Iterator[Finding]:
    names = [a["name"] for a in facts.automations]
    if names:
        yield _hit(
            "automations",
            "warning",
            f"{len(names)} automation rule(s) are active and would fire for every record written: {', '.join(names[:10])}",
            "They are paused during the load and switched on again after it",
            len(names),
            rules=facts.automations,
        )
    else:
        yield _clear("automations", "No automation rule is active")


def _mail(facts: Facts) -> Iterator[Finding]:
    servers = [s["name"] for s in facts.mail_servers if not s["name"].startswith("neutralization")]
    if not servers:
        yield _clear("mail_servers", "No outgoing mail server is active")
    elif facts.target.kind == "sandbox":
        yield _hit(
            "mail_servers",
            "blocking",
            f"The sandbox can send mail through {', '.join(servers)}",
            "Switch these off under Settings ▸ Technical ▸ Outgoing Mail Servers",
            len(servers),
            servers=servers,
        )
    else:
        yield _hit(
            "mail_servers",
            "info",
            f"Mail goes out through {', '.join(servers)}",
            "The load writes without notifying anybody, and the side-effect guard counts every mail",
            len(servers),
            servers=servers,
        )


def _acting_later(facts: Facts) -> Iterator[Finding]:
    """What looks at migrated records by itself once the load is over and everything works again."""
    later = {f"the automation rule {a['name']!r}": "acts by the clock" for a in facts.automations if str(a["trigger"]).startswith("on_time")}
    for model, name, stopped in (
        ("google.calendar.sync", "Google", "google_synchronization_stopped"),
        ("microsoft.calendar.sync", "Outlook", "microsoft_synchronization_stopped"),
    ):
        if not facts.call("ir.model", "search_count", domain=[["model", "=", model]]):
            continue
        users = facts.call("res.users", "search_count", domain=[["share", "=", False], [stopped, "=", False]])
        if users and any(e.model == "calendar.event" for e in facts.target.entities.values()):
            later[f"the calendar of {name}"] = f"takes meetings of up to {users} user(s), and invites the attendees of those to come"
    if later:
        yield _hit(
            "acting_later", "warning", f"After the load these act on migrated records by themselves: {', '.join(later)}",
            "They rest during the load. Look at each before production: limit the rule to records that were not migrated, stop the "
            "synchronisation for these users, or mean it",
            len(later), what=later,
        )
    else:
        yield _clear("acting_later", "No rule acts by the clock and no calendar synchronises")


def _parked_by_others(facts: Facts) -> Iterator[Finding]:
    own = facts.target.ws.bundle.project.project
    marks = parking_marks.read(facts.target)
    others = [str(m) for name, m in marks.items() if m.working and name != own]
    mine = marks.get(own)
    if others:
        yield _hit(
            "parked", "warning", f"Settings of this Odoo are parked by {', '.join(others)}",
            "Both loads may go on; whoever ends last puts everything back. If that run is dead, clear its task restore_settings", len(others),
        )
    elif mine is not None and mine.working:
        title = f"Settings of this Odoo are still parked by this project (run {mine.run_id})"
        yield _hit("parked", "info", title, "That run did not end. The end of the next load puts them back")
    else:
        yield _clear("parked", "No load has parked settings of this Odoo")


def _duplicates(facts: Facts) -> Iterator[Finding]:
    """Records that Odoo has twice: a row of the export that matches both waits for a person."""
    emails = facts.shared("res.partner", "email_normalized", [])
    sites = facts.shared("res.partner", "website", [["is_company", "=", True]])
    if emails or sites:
        yield _hit(
            "duplicates", "warning",
            f"Odoo has {len(emails)} e-mail address(es) and {len(sites)} website(s) on more than one contact",
            "Merge them in Odoo (Contacts ▸ Merge) before the load: a row of the export that fits two records waits for a person",
            len(emails) + len(sites), records=sum(n for _, n in [*emails, *sites]),
        )
    else:
        yield _clear("duplicates", "No e-mail address and no website is on two contacts")


def _parameters(facts: Facts) -> Iterator[Finding]:
    found = {key: facts.parameters.get(key, "(default)") for key in [*PARKED_PARAMETERS, "sales_team.membership_multi"]}
    yield _hit(
        "parameters",
        "info",
        "Settings that the load parks and puts back",
        "Nothing to do: they are restored after the load, also after a crash",
        values=found,
    )


def _attachments(facts: Facts) -> Iterator[Finding]:
    """Where files are kept is the server's choice; they go wherever it says."""
    location = facts.parameters.get("ir_attachment.location") or "file"
    kept = "database" if location == "db" else "filestore"
    yield _clear("attachments", f"Attachments are kept in the {kept}, as the server is set up", location=location)


def _crons(facts: Facts) -> Iterator[Finding]:
    yield _clear("scheduled_actions", f"{len(facts.crons)} scheduled action(s) are active", names=[c["name"] for c in facts.crons])


def _time_zone(facts: Facts) -> Iterator[Finding]:
    yield _clear(
        "time_zone",
        f"{facts.user['login']} works in {facts.user['tz'] or 'no time zone of its own'}; the load always says UTC",
        tz=facts.user["tz"],
        export=facts.target.ws.bundle.project.timezone,
    )


def _leftovers(facts: Facts) -> Iterator[Finding]:
    """External ids of this project in Odoo that the ledger does not know: an earlier load with another staging database."""
    target = facts.target
    in_odoo = int(facts.call("ir.model.data", "search_count", domain=[["module", "=", target.xid_module]]))
    with target.ws.connect() as connection:
        rows = connection.execute(
            target.ws.sql(
                "select (select count(*) from {log}.record where target_id = %(t)s and ours) "
                "+ (select count(distinct xid) from {log}.entry where target_id = %(t)s and action = 'schema') as known"
            ),
            {"t": target.target_id},
        ).fetchone()
    known = int(rows["known"]) if rows else 0
    if in_odoo and not known:
        yield _hit(
            "leftovers",
            "blocking",
            f"Odoo holds {in_odoo} external ids of this project, and the ledger knows none of them",
            "The ledger belongs to another staging database: use that one, or give the project another name",
            in_odoo,
            in_odoo=in_odoo,
            in_ledger=known,
        )
    else:
        yield _clear("leftovers", "The external ids of this project in Odoo are those of the ledger", in_odoo=in_odoo, in_ledger=known)


def _xml_ids(line: OdooField) -> set[str]:
    """XML ids that a field line may send: its constant, or what its expression gives."""
    if not line.relation:
        return set()
    return {str(line.value)} if line.value else set(re.findall(r"(?:then|else)\s+'([a-z0-9_]+\.[A-Za-z0-9_]+)'", line.sql or ""))


def _constants(facts: Facts) -> Iterator[Finding]:
    """Records of Odoo itself that the entity files name by XML id."""
    target = facts.target
    named = {(xml_id, e.entity) for e in target.entities.values() if target.has(e.model) for line in e.fields.values() for xml_id in _xml_ids(line)}
    missing = [(xml_id, entity) for xml_id, entity in sorted(named) if target.reference(xml_id) is None]
    for xml_id, entity in missing:
        yield _hit(
            "constants",
            "blocking",
            f"Odoo has no record {xml_id}, which {entity} refers to",
            "It was deleted, or its app is missing: restore it, or change mappings/odoo",
            xml_id=xml_id,
        )
    if not missing:
        yield _clear("constants", "All records of Odoo that the mapping names are there", xml_ids=sorted(x for x, _ in named))


def _views(facts: Facts) -> Iterator[Finding]:
    forms = form_views(facts.target)
    missing = [x for x in forms if facts.target.reference(x) is None]
    for xml_id in missing:
        yield _hit(
            "forms",
            "warning",
            f"Odoo has no form {xml_id}: custom fields of {forms[xml_id]} will be stored and not shown",
            "Name another `form_view` in mappings/odoo",
            xml_id=xml_id,
        )
    yield from broken_forms(facts, {x: m for x, m in forms.items() if x not in missing})


CHECKS = [
    Check("version", "whether this version of Odoo is supported", _version),
    Check("rolling_release", "whether the release can be moved", rolling_release),
    Check("hosting", "where this Odoo is hosted", _hosting),
    Check("external_api", "whether the plan includes the external API", external_api),
    Check("neutralised", "whether the database is a test copy", _sandbox),
    Check("apps", "whether the apps are installed", _apps),
    Check("declared_apps", "whether the apps are those that the project counts on", _declared_apps),
    Check("enterprise_leftovers", "whether Enterprise modules are left on a Community server", enterprise_leftovers),
    Check("pending_modules", "whether modules wait for an upgrade", _pending),
    Check("fields", "whether all fields exist", _fields),
    Check("constants", "whether the records of Odoo that the mapping names exist", _constants),
    Check("rights", "whether the user has the rights", _rights),
    Check("companies", "how many companies there are", _companies),
    Check("currency", "whether the currency is active", _currencies),
    Check("accounting", "whether accounting is ready for invoices", _accounting),
    Check("languages", "which languages are installed", _languages),
    Check("automations", "whether automation rules are active", _automations),
    Check("acting_later", "what acts on migrated records later", _acting_later),
    Check("parked", "whether another load has parked settings", _parked_by_others),
    Check("duplicates", "whether Odoo has contacts twice", _duplicates),
    Check("mail_servers", "whether mail can go out", _mail),
    Check("parameters", "how the settings stand that the load parks", _parameters),
    Check("attachments", "where attachments are kept", _attachments),
    Check("scheduled_actions", "which scheduled actions are active", _crons),
    Check("time_zone", "which time zone the user has", _time_zone),
    Check("forms", "whether the forms work", _views),
    Check("orphan_fields", "whether custom fields are on no form", orphan_fields),
    Check("leftovers", "whether an earlier load left external ids", _leftovers),
]
