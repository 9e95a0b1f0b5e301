"""Every check of preflight on a real Odoo: clear as the template is, and hit after the one change that it looks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from crm2odoo.odoo import parking_marks, preflight_checks
from crm2odoo.odoo.errors import AccessRefused, RowRefused, SchemaMismatch
from crm2odoo.odoo.facts import Facts
from crm2odoo.odoo.finding import Finding
from crm2odoo.odoo.preflight import PreflightFailed, preflight
from crm2odoo.odoo.target import Target
from odoo_server import OdooDatabase
from target_world import World, rows

pytestmark = pytest.mark.odoo


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> World:
    return World(tmp_path_factory.mktemp("root"), staging_dsn, odoo)


@pytest.fixture(scope="module")
def target(world: World) -> Target:
    return world.target()


def asked(target: Target, code: str) -> dict[str, Finding]:
    """The answers of one check alone, by code."""
    check = next(c for c in preflight_checks.CHECKS if c.code == code)
    return {f.code: f for f in check.run(Facts(target))}


def change(target: Target, model: str, ids: list[int], **vals: Any) -> None:
    target.client.call(model, "write", ids=ids, vals=vals)


@contextmanager
def parameter(target: Target, key: str, value: str | bool) -> Iterator[None]:
    before = target.client.call("ir.config_parameter", "search_read", domain=[["key", "=", key]], fields=["value"])
    target.client.call("ir.config_parameter", "set_param", key=key, value=value)
    yield
    target.client.call("ir.config_parameter", "set_param", key=key, value=before[0]["value"] if before else False)


@pytest.mark.promise("P037", "P038", "P062", "P071", "P132")
def test_a_neutralised_sandbox_of_the_template_is_clear(target: Target) -> None:
    before = target.client.call("ir.config_parameter", "search_read", domain=[], fields=["key", "value"])
    findings = preflight(target)
    assert target.client.call("ir.config_parameter", "search_read", domain=[], fields=["key", "value"]) == before
    assert {f.code for f in findings} >= {
        "version", "rolling_release", "hosting", "external_api", "neutralised", "sandbox_is_production", "apps", "enterprise_leftovers", "pending_modules",
        "fields", "constants", "rights", "companies", "currency", "chart", "lock_dates", "languages", "automations", "acting_later", "parked", "duplicates", "mail_servers", "parameters", "attachments",
        "scheduled_actions", "time_zone", "broken_form", "outdated_views", "orphan_fields", "leftovers", "snapshot",
    }
    assert {f.code: f.verdict for f in findings if f.verdict != "clear"} == {"parameters": "hit"}
    kept = rows(target.ws, "select code, severity, evidence from {log}.finding where step = 'preflight'")
    assert len(kept) == len(findings)
    assert next(r for r in kept if r["code"] == "version")["evidence"]["edition"] == "community"


@pytest.mark.promise("P038")
def test_the_snapshot_tells_what_changed_between_two_looks(target: Target) -> None:
    preflight(target)
    made = target.client.call("crm.team", "create", vals_list=[{"name": "Night shift"}])
    snapshot = next(f for f in preflight(target) if f.code == "snapshot")
    assert snapshot.title == f"The target changed since the last look: teams: Night shift #{made[0]} is new"
    kept = rows(target.ws, "select snapshot from {log}.target")[0]["snapshot"]
    assert kept["modules"]["crm"].startswith("installed 19.0")
    assert kept["users"]["admin"] == {"active": True, "portal": False, "email": kept["users"]["admin"]["email"]}
    assert {"languages", "currencies", "companies", "stages", "settings"} <= set(kept)


@pytest.mark.promise("P132")
def test_a_sandbox_that_is_not_neutralised_blocks_before_anything_is_written(target: Target) -> None:
    with parameter(target, "database.is_neutralized", False), pytest.raises(PreflightFailed, match="The sandbox is not neutralised") as error:
        preflight(target)
    assert "nothing was written" in str(error.value)
    assert "Neutralise it" in str(error.value)


def test_a_production_that_is_a_neutralised_copy_blocks(target: Target) -> None:
    answer = asked(replace(target, kind="production"), "neutralised")["neutralised"]
    assert (answer.verdict, answer.severity) == ("hit", "blocking")


@pytest.mark.promise("P132")
def test_a_sandbox_at_the_address_of_production_blocks(world: World, target: Target) -> None:
    rows(target.ws, "insert into {log}.target (target_id, url, database, kind, version, edition, hosting) values ('p', %s, %s, 'production', '19', 'c', 's') returning 1", target.client.url, target.client.database)
    assert asked(target, "neutralised")["sandbox_is_production"].severity == "blocking"
    rows(target.ws, "delete from {log}.target where target_id = 'p' returning 1")


@pytest.mark.promise("P037")
def test_another_hosting_than_declared_blocks(world: World) -> None:
    answer = asked(world.target(target="odoo_sh"), "hosting")["hosting"]
    assert (answer.severity, answer.title) == ("blocking", "The project says that this Odoo is odoo_sh, and it looks like self_hosted")


@pytest.mark.parametrize(("release", "version", "severity"), [("15.0.1.3", 15, "blocking"), ("20.0.1.3", 20, "blocking"), ("16.0.1.3", 16, "info")])
def test_versions(target: Target, release: str, version: int, severity: str) -> None:
    assert asked(replace(target, release=release, version=version), "version")["version"].severity == severity


def test_a_release_between_two_major_ones_cannot_be_moved(target: Target) -> None:
    assert asked(target, "rolling_release")["rolling_release"].verdict == "clear"
    answer = asked(replace(target, release="saas~18.3.1.0"), "rolling_release")["rolling_release"]
    assert (answer.verdict, answer.severity) == ("hit", "warning")


def test_a_trial_is_told(target: Target) -> None:
    with parameter(target, "database.expiration_reason", "trial"):
        assert asked(target, "rolling_release")["trial"].verdict == "hit"


def test_a_missing_app_blocks_and_names_who_needs_it(target: Target) -> None:
    with changed_entity(target, "lead", requires=["helpdesk"]) as other:
        answer = asked(other, "apps")["apps"]
    assert (answer.severity, answer.title) == ("blocking", "The app helpdesk is not installed; lead need it")


@pytest.mark.promise("P068")
@pytest.mark.parametrize(
    ("app", "apps", "severity", "what"),
    [
        ("project", {}, "info", "there and used"), ("project", {"project": False}, "info", "is installed, and the project does not use it"),
        ("helpdesk", {}, "info", "not there and not used"), ("helpdesk", {"helpdesk": True}, "blocking", "counts on the app helpdesk"),
        ("contacts", {}, "warning", "is installed, and the project does not use it"),
    ],
)
def test_the_apps_that_the_project_counts_on_are_those_that_are_there(world: World, app: str, apps: dict[str, bool], severity: str, what: str) -> None:
    target = world.target(apps=apps)
    bundle = target.ws.bundle
    deal = bundle.source.objects["deal"]
    branching = deal.model_copy(update={"entities": [deal.entities[0].model_copy(update={"app": f"!{app}"})]})
    source = bundle.source.model_copy(update={"objects": {"deal": branching}})
    found = asked(replace(target, ws=replace(target.ws, bundle=replace(bundle, source=source))), "declared_apps")["declared_apps"]
    assert found.severity == severity
    assert what in found.title


@contextmanager
def changed_entity(target: Target, name: str, **update: Any) -> Iterator[Target]:
    bundle = target.ws.bundle
    entities = {**bundle.entities, name: bundle.entities[name].model_copy(update=update)}
    yield replace(target, ws=replace(target.ws, bundle=replace(bundle, entities=entities)))


def test_a_module_that_waits_for_an_upgrade_blocks(target: Target) -> None:
    module = target.client.call("ir.module.module", "search", domain=[["name", "=", "contacts"]])
    change(target, "ir.module.module", module, state="to upgrade")
    answer = asked(target, "pending_modules")["pending_modules"]
    change(target, "ir.module.module", module, state="installed")
    assert (answer.severity, answer.evidence["modules"]) == ("blocking", {"contacts": "to upgrade"})


@pytest.mark.promise("P071")
def test_a_paid_module_whose_code_is_not_there_is_told(target: Target) -> None:
    """As after a restore on another server: the table says installed, and the model that it brings is not there."""
    call = target.client.call
    module = call("ir.module.module", "search", domain=[["name", "=", "contacts"]])
    change(target, "ir.module.module", module, license="OPL-1")
    assert asked(target, "enterprise_leftovers")["enterprise_leftovers"].verdict == "clear", "a paid app may run on Community"
    ghost = call("ir.model", "create", vals_list=[{"name": "Ghost", "model": "x_ghost", "state": "manual"}])
    named = call("ir.model.data", "create", vals_list=[{"module": "contacts", "name": "model_x_ghost", "model": "ir.model", "res_id": ghost[0]}])
    real = call

    def no_ghost(model: str, method: str, **named: Any) -> Any:
        if model == "x_ghost":
            raise SchemaMismatch("the model x_ghost does not exist")
        return real(model, method, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target.client, "call", no_ghost)
        answer = asked(target, "enterprise_leftovers")["enterprise_leftovers"]
    assert (answer.verdict, answer.evidence["models_without_code"]) == ("hit", {"contacts": "x_ghost"})
    call("ir.model.data", "unlink", ids=named)
    call("ir.model", "unlink", ids=ghost)
    change(target, "ir.module.module", module, license="LGPL-3")


@pytest.mark.promise("P071")
@pytest.mark.parametrize(
    ("model", "arch", "what"),
    [
        ("crm.lead", '<field name="phone" position="after"><field name="function" attrs="{}"/></field>', ["attrs="]),
        ("crm.lead", '<field name="phone" position="after"><field name="mobile"/></field>', ["the field mobile"]),
        ("crm.stage", '<field name="name" position="after"><field name="team_id"/></field>', ["the field team_id of a stage"]),
    ],
)
def test_a_view_that_says_what_this_version_no_longer_takes_is_told(target: Target, model: str, arch: str, what: list[str]) -> None:
    """Switched off, as an upgrade leaves it: active, Odoo would not take it."""
    form = target.client.call("ir.ui.view", "search", domain=[["model", "=", model], ["type", "=", "form"], ["inherit_id", "=", False]], limit=1)[0]
    vals = {"name": "from the old version", "model": model, "type": "form", "inherit_id": form, "arch": f"<data>{arch}</data>", "active": False}
    view = target.client.call("ir.ui.view", "create", vals_list=[vals])
    found = asked(target, "forms")["outdated_views"]
    target.client.call("ir.ui.view", "unlink", ids=view)
    assert [(v["name"], v["outdated"]) for v in found.evidence["views"]] == [("from the old version", what)]


def test_contacts_that_odoo_has_twice_are_told(target: Target) -> None:
    twice = [{"name": n, "email": "Two@x.example"} for n in ("A", "B")] + [{"name": n, "is_company": True, "website": "https://two.example"} for n in ("C", "D", "E")]
    made = target.client.call("res.partner", "create", vals_list=twice)
    answer = asked(target, "duplicates")["duplicates"]
    target.client.call("res.partner", "unlink", ids=made)
    assert (answer.verdict, answer.count, answer.evidence["records"]) == ("hit", 2, 5)


def test_what_another_load_has_parked_is_told_with_its_run(target: Target) -> None:
    parking_marks.write(target, parking_marks.Mark("other", "run-7", "2026-01-01T10:00:00+00:00", True))
    answer = asked(target, "parked")["parked"]
    parking_marks.remove_all(target, parking_marks.read(target))
    assert answer.title == "Settings of this Odoo are parked by project other (run run-7, since 2026-01-01 10:00 UTC)"
    assert asked(target, "parked")["parked"].verdict == "clear"


def test_rules_that_act_by_the_clock_are_told(target: Target) -> None:
    facts = Facts(target)
    facts.__dict__["automations"] = [{"name": "Call back", "model_name": "crm.lead", "trigger": "on_time_created"}, {"name": "Now", "model_name": "crm.lead", "trigger": "on_create"}]
    answer = next(iter(next(c for c in preflight_checks.CHECKS if c.code == "acting_later").run(facts)))
    assert (answer.verdict, list(answer.evidence["what"])) == ("hit", ["the automation rule 'Call back'"])


def test_enterprise_modules_on_a_community_server_are_told(target: Target) -> None:
    module = target.client.call("ir.module.module", "search", domain=[["name", "=", "contacts"]])
    change(target, "ir.module.module", module, license="OEEL-1")
    answer = asked(target, "enterprise_leftovers")["enterprise_leftovers"]
    assert asked(replace(target, edition="enterprise"), "enterprise_leftovers")["enterprise_leftovers"].verdict == "clear"
    change(target, "ir.module.module", module, license="LGPL-3")
    assert (answer.verdict, answer.evidence["modules"]) == ("hit", ["contacts"])


def test_a_field_that_this_odoo_lacks_blocks(target: Target) -> None:
    names = {**target.names, "lead": {**target.names["lead"], "expected_revenue": None}}
    answer = asked(replace(target, names=names), "fields")["fields"]
    assert answer.severity == "blocking"
    assert answer.title.startswith("Lead: crm.lead has no field expected_revenue")


def test_missing_rights_are_named_as_odoo_names_them(world: World, target: Target) -> None:
    vals = {"name": "Rep", "login": "rep", "password": "rep-of-the-month", "group_ids": [[6, 0, [target.need("base.group_user"), target.need("sales_team.group_sale_salesman")]]]}
    target.client.call("res.users", "create", vals_list=[vals], context={"no_reset_password": True})
    with world.client("rep", "rep-of-the-month") as client:
        found = asked(replace(target, client=client), "rights")
    assert found["rights"].title == "The user rep lacks the rights Administration: Settings, Sales: Administrator"
    assert "crm.team" in found["access"].evidence["models"]
    assert asked(target, "rights")["rights"].verdict == "clear"


def test_what_the_user_may_not_read_is_no_clear_answer(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that is refused by Odoo is told as such and stops no other check."""
    real = target.client.call

    def refuse(model: str, method: str, **named: Any) -> Any:
        if model == "ir.mail_server":
            raise AccessRefused("no right to read mail servers")
        return real(model, method, **named)

    monkeypatch.setattr(target.client, "call", refuse)
    findings = {f.code: f for f in preflight(target)}
    assert (findings["mail_servers"].verdict, findings["mail_servers"].severity) == ("cannot_tell", "warning")
    assert findings["mail_servers"].evidence == {"error": "no right to read mail servers"}


@pytest.mark.parametrize(("currency", "severity", "what"), [("EUR", "warning", "are in EUR, the company's currency is USD"), ("XXX", "blocking", "no currency"), ("USD", "info", "use USD")])
def test_currencies(world: World, currency: str, severity: str, what: str) -> None:
    answer = asked(world.target(currency=currency), "currency")
    assert set(answer) == {"currency"}
    assert answer["currency"].severity == severity
    assert what in answer["currency"].title


def test_an_inactive_currency_matters_where_documents_are_written_in_it(world: World) -> None:
    with changed_entity(world.target(currency="EUR"), "lead", model="sale.order") as other:
        assert asked(other, "currency")["inactive_currency"].verdict == "hit"


def test_a_lock_date_matters_where_invoices_are_written(target: Target) -> None:
    company = target.client.call("res.company", "search", domain=[])
    change(target, "res.company", company, fiscalyear_lock_date="2020-12-31")
    without = asked(target, "accounting")["lock_dates"]
    with changed_entity(target, "lead", model="account.move") as other:
        with_invoices = asked(other, "accounting")["lock_dates"]
    change(target, "res.company", company, fiscalyear_lock_date=False)
    assert (without.severity, with_invoices.severity) == ("info", "blocking")


def test_without_a_chart_of_accounts_there_are_no_invoices(target: Target) -> None:
    with changed_entity(target, "lead", model="account.move") as other:
        assert asked(other, "accounting")["chart"].verdict == "clear"
        facts = Facts(other)
        facts.__dict__["companies"] = [{**facts.companies[0], "chart_template": False}]
        answers = {f.code: f for f in next(c for c in preflight_checks.CHECKS if c.code == "accounting").run(facts)}
    assert answers["chart"].severity == "blocking"


def test_a_mail_server_in_the_sandbox_blocks(target: Target) -> None:
    server = target.client.call("ir.mail_server", "create", vals_list=[{"name": "real", "smtp_host": "mail.example.com"}])
    sandbox = asked(target, "mail_servers")["mail_servers"]
    production = asked(replace(target, kind="production"), "mail_servers")["mail_servers"]
    target.client.call("ir.mail_server", "unlink", ids=server)
    assert (sandbox.severity, production.severity) == ("blocking", "info")


def test_several_companies_are_told(target: Target) -> None:
    made = target.client.call("res.company", "create", vals_list=[{"name": "Second Ltd"}])
    answer = asked(target, "companies")["companies"]
    change(target, "res.company", made, active=False)
    assert (answer.verdict, answer.count) == ("hit", 2)


def test_a_form_that_does_not_open_blocks(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    real = target.client.call

    def broken(model: str, method: str, **named: Any) -> Any:
        if (model, method) == ("crm.lead", "get_views"):
            raise RowRefused("Field mobile does not exist")
        return real(model, method, **named)

    monkeypatch.setattr(target.client, "call", broken)
    answer = asked(target, "forms")["broken_form"]
    assert (answer.severity, answer.title) == ("blocking", "The form crm.crm_lead_view_form of crm.lead does not open")


def test_an_outdated_view_is_told(target: Target) -> None:
    lead_form = target.need("crm.crm_lead_view_form")
    arch = '<data><xpath expr="//sheet" position="inside"><field name="phone" invisible="1"/></xpath></data>'
    vals = {"name": "customised", "model": "crm.lead", "type": "form", "inherit_id": lead_form, "arch": arch}
    view = target.client.call("ir.ui.view", "create", vals_list=[vals])
    assert asked(target, "forms")["outdated_views"].verdict == "clear"
    change(target, "ir.ui.view", view, active=False)
    found = asked(target, "forms")
    assert found["broken_form"].verdict == "clear"
    assert found["outdated_views"].evidence["views"] == [{"id": view[0], "name": "customised", "active": False, "outdated": []}]
    target.client.call("ir.ui.view", "unlink", ids=view)


def test_a_custom_field_on_no_form_is_told(target: Target) -> None:
    model = target.client.call("ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]
    vals = {"model_id": model, "name": "x_studio_orphan", "field_description": "Orphan", "ttype": "char", "state": "manual"}
    field = target.client.call("ir.model.fields", "create", vals_list=[vals])
    answer = asked(target, "orphan_fields")["orphan_fields"]
    target.client.call("ir.model.fields", "unlink", ids=field)
    assert answer.evidence["fields"] == [{"model": "crm.lead", "name": "x_studio_orphan", "label": "Orphan", "studio": True}]


def test_external_ids_that_the_ledger_does_not_know_block(target: Target) -> None:
    vals = {"module": target.xid_module, "name": "company_1", "model": "res.partner", "res_id": 1}
    left = target.client.call("ir.model.data", "create", vals_list=[vals])
    answer = asked(target, "leftovers")["leftovers"]
    target.client.call("ir.model.data", "unlink", ids=left)
    assert (answer.severity, answer.count) == ("blocking", 1)


def test_the_external_api_of_odoo_online_depends_on_the_plan(target: Target) -> None:
    assert asked(target, "external_api")["external_api"].verdict == "clear"
    assert asked(replace(target, hosting="online"), "external_api")["external_api"].verdict == "hit"
