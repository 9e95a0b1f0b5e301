"""Everything of Odoo that could reach a customer while records are written: each leak is real, and each is stopped or caught.

The leak is shown first, by writing without the silent context or without parking; then what the load does.
"""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from crm2odoo.odoo import guard, settings
from crm2odoo.odoo.context import SILENT
from crm2odoo.odoo.target import Target
from odoo_server import OdooDatabase, log_path
from target_world import World

pytestmark = [pytest.mark.odoo, pytest.mark.promise("P152")]
TOMORROW = {"start": "2099-01-01 10:00:00", "stop": "2099-01-01 11:00:00"}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, staging_dsn: str, odoo: OdooDatabase) -> Target:
    """An Odoo with the apps that talk to the outside: automation rules, text messages about tasks, Google calendars."""
    target = World(tmp_path_factory.mktemp("root"), staging_dsn, odoo).target()
    apps = target.client.call("ir.module.module", "search", domain=[["name", "in", ["base_automation", "google_calendar", "project_sms"]]])
    assert len(apps) == 3
    target.client.call("ir.module.module", "button_immediate_install", ids=apps)
    return target


class Postman(socketserver.StreamRequestHandler):
    """Takes every mail, as a mail server does, and keeps whom it is for."""

    inbox: list[str]

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"RCPT":
                self.inbox.append(line.decode().partition("<")[2].partition(">")[0])
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                for part in self.rfile:
                    if part == b".\r\n":
                        break
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@pytest.fixture(scope="module")
def mailbox(target: Target) -> Iterator[list[str]]:
    """Odoo gets a mail server that really takes mail: whom it would have reached."""
    inbox: list[str] = []
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Handler", (Postman,), {"inbox": inbox}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    call = target.client.call
    call("ir.mail_server", "write", ids=call("ir.mail_server", "search", domain=[]), vals={"active": False})
    call("res.company", "write", ids=call("res.company", "search", domain=[]), vals={"email": "office@example.com"})
    call("res.users", "write", ids=[1, target.client.uid], vals={"email": "admin@example.com"})
    create(target, "ir.mail_server", name="real", smtp_host="127.0.0.1", smtp_port=server.server_address[1], smtp_encryption="none")
    yield inbox
    server.shutdown()
    server.server_close()


def create(target: Target, model: str, context: dict[str, Any] | None = None, **vals: Any) -> int:
    made: list[int] = target.client.call(model, "create", vals_list=[vals], context=context or {})
    return made[0]


@contextmanager
def traces(target: Target) -> Iterator[Callable[[], dict[str, int]]]:
    """What the guard finds since: watch → traces that nothing explains."""
    before = guard.look(target)
    yield lambda: {u.name: u.found for u in guard.compare(target, before, {})}


@pytest.fixture(scope="module")
def person(target: Target) -> int:
    """A customer who can be reached."""
    return create(target, "res.partner", SILENT, name="Ann", email="ann@customer.example", phone="+12025550123")


@pytest.fixture(scope="module")
def rep(target: Target) -> int:
    """A user who would be told about everything that is assigned."""
    groups = [[6, 0, [target.need("base.group_user"), target.need("sales_team.group_sale_salesman"), target.need("project.group_project_user")]]]
    return create(target, "res.users", SILENT, name="Rep", login="rep@example.com", email="rep@example.com", notification_type="email", group_ids=groups)


def stage(target: Target, **more: Any) -> dict[str, Any]:
    """A project with one stage."""
    project = create(target, "project.project", SILENT, name="Jobs")
    return {"project_id": project, "stage_id": create(target, "project.task.type", SILENT, name="New", project_ids=[[6, 0, [project]]], **more)}


def test_the_mail_template_of_a_stage_writes_to_no_customer(target: Target, person: int) -> None:
    model = target.client.call("ir.model", "search", domain=[["model", "=", "project.task"]])[0]
    template = create(target, "mail.template", name="Welcome", model_id=model, subject="Your job", body_html="<p>Hi</p>", use_default_to=True)
    where = stage(target, mail_template_id=template)
    with traces(target) as found:
        create(target, "project.task", name="Loud", partner_id=person, **where)
        assert found()["messages"] >= 1
        assert found()["notifications"] + found().get("mails", 0) >= 1
    with traces(target) as found:
        create(target, "project.task", SILENT, name="Quiet", partner_id=person, user_ids=[[6, 0, []]], **where)
        # Odoo's followers of a task are explained by the tasks in the ledger; here none is.
        assert set(found()) <= {"followers"}


def test_the_text_message_of_a_stage_is_caught_because_no_context_stops_it(target: Target, person: int) -> None:
    """The load makes stages of its own, which have no template; should one get there, the guard finds the message."""
    model = target.client.call("ir.model", "search", domain=[["model", "=", "project.task"]])[0]
    template = create(target, "sms.template", name="Text", model_id=model, body="Your job is booked")
    where = stage(target, sms_template_id=template)
    with traces(target) as found:
        create(target, "project.task", SILENT, name="Texted", partner_id=person, user_ids=[[6, 0, []]], **where)
        assert found()["sms"] == 1


@pytest.mark.parametrize("model", ["crm.lead", "project.task", "mail.activity"])
def test_an_assigned_user_gets_no_mail(target: Target, rep: int, model: str) -> None:
    if model == "crm.lead":
        vals: dict[str, Any] = {"name": "x", "user_id": rep}
    elif model == "project.task":
        vals = {"name": "x", "user_ids": [[6, 0, [rep]]], **stage(target)}
    else:
        record = create(target, "res.partner", SILENT, name="x")
        todo = target.need("mail.mail_activity_data_todo")
        partner = target.client.call("ir.model", "search", domain=[["model", "=", "res.partner"]])[0]
        vals = {"res_model_id": partner, "res_id": record, "activity_type_id": todo, "user_id": rep, "date_deadline": "2099-01-01"}
    with traces(target) as found:
        create(target, model, **vals)
        assert found()["mails"] + found()["notifications"] >= 1
    with traces(target) as found:
        create(target, model, SILENT, **vals)
        assert set(found()) <= {"followers", "activities"}, "the record itself, which the ledger explains"


def test_attendees_of_a_meeting_get_no_invitation(target: Target, person: int) -> None:
    vals = {"name": "Demo", **TOMORROW, "partner_ids": [[6, 0, [person]]]}
    with traces(target) as found:
        create(target, "calendar.event", **vals)
        assert found()["mails"] + found()["notifications"] >= 1
    with traces(target) as found:
        event = create(target, "calendar.event", SILENT, **vals)
        target.client.call("calendar.event", "write", ids=[event], vals={"start": "2099-01-02 10:00:00", "stop": "2099-01-02 11:00:00"}, context=SILENT)
        assert found() == {}
    assert not target.client.call("calendar.event", "read", ids=[event], fields=["alarm_ids"])[0]["alarm_ids"], "no reminder will go out either"


def test_google_gets_no_meeting_of_a_user_who_synchronises(target: Target, person: int) -> None:
    """Google would invite the attendees. Without a way to Google the attempt shows in Odoo's log."""
    client = target.client
    client.call("ir.config_parameter", "set_param", key="google_calendar_client_id", value="id")
    client.call("ir.config_parameter", "set_param", key="google_calendar_client_secret", value="secret")
    token = {"google_calendar_rtoken": "r", "google_calendar_token": "t", "google_calendar_token_validity": "2099-01-01 00:00:00"}
    client.call("res.users", "write", ids=[client.uid], vals={"google_synchronization_stopped": False})
    settings_of = client.call("res.users.settings", "search", domain=[["user_id", "=", client.uid]])
    if settings_of:
        client.call("res.users.settings", "write", ids=settings_of, vals=token)
    else:
        create(target, "res.users.settings", user_id=client.uid, **token)
    vals = {"name": "Demo", **TOMORROW, "partner_ids": [[6, 0, [person]]], "user_id": client.uid}

    def attempts(context: dict[str, Any]) -> int:
        before = len(log_path().read_text(errors="replace"))
        event = create(target, "calendar.event", context, **vals)
        time.sleep(0.2)
        return log_path().read_text(errors="replace")[before:].count(f"calendar.event({event},)")

    assert attempts({**SILENT, "no_calendar_sync": False}) >= 1, "the leak is real"
    assert attempts(SILENT) == 0
    said = settings.park(target, "run")
    assert "google_calendar_sync_paused = True" in said
    assert attempts({**SILENT, "no_calendar_sync": False}) == 0, "parked, it would not go out without the context either"
    settings.restore(target, "run", rebuild_scoring=False)


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A third party: its address, and what reached it."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()
    server.server_close()


def test_a_webhook_of_an_automation_rule_calls_nobody(target: Target, webhook: tuple[str, list[dict[str, Any]]]) -> None:
    """A call to a third party leaves no trace in Odoo: it has to be stopped, the guard cannot find it."""
    url, got = webhook
    lead = target.client.call("ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]
    action = {"name": "Tell", "model_id": lead, "state": "webhook", "usage": "base_automation", "webhook_url": url}
    rule = create(target, "base.automation", name="Tell a third party", model_id=lead, trigger="on_create_or_write", action_server_ids=[[0, 0, action]])
    made = create(target, "crm.lead", SILENT, name="Loud", user_id=False)
    assert {g["_id"] for g in got} == {made}
    with pytest.raises(settings.NotParked, match="Tell a third party"):
        settings.require_parked(target)
    settings.park(target, "run")
    settings.require_parked(target)
    told = len(got)
    quiet = create(target, "crm.lead", SILENT, name="Quiet", user_id=False)
    target.client.call("crm.lead", "write", ids=[quiet], vals={"name": "Quieter"}, context=SILENT)
    assert len(got) == told
    settings.restore(target, "run", rebuild_scoring=False)
    target.client.call("base.automation", "unlink", ids=[rule])


def test_a_rule_that_is_switched_on_or_runs_by_the_clock_in_the_middle_is_caught(target: Target) -> None:
    lead = target.client.call("ir.model", "search", domain=[["model", "=", "crm.lead"]])[0]
    created = target.client.call("ir.model.fields", "search", domain=[["model", "=", "crm.lead"], ["name", "=", "create_date"]])[0]
    rule = create(target, "base.automation", name="Later", model_id=lead, trigger="on_time_created", trg_date_id=created, active=False)
    with traces(target) as found:
        target.client.call("base.automation", "write", ids=[rule], vals={"active": True})
        assert found() == {"automations": 1}
    target.client.call("base.automation", "write", ids=[rule], vals={"last_run": "2001-01-01 00:00:00"})
    with traces(target) as found:
        target.client.call("ir.cron", "method_direct_trigger", ids=[target.need("base_automation.ir_cron_data_base_automation_check")])
        assert found() == {"automation_runs": 1}
    target.client.call("base.automation", "unlink", ids=[rule])


def test_a_new_user_gets_no_invitation(target: Target, mailbox: list[str]) -> None:
    """Odoo sends it at once and takes its record back: no trace is left, so the context has to stop it."""
    with traces(target) as found:
        create(target, "res.users", name="New", login="new1@example.com", email="new1@example.com")
        assert mailbox == ["new1@example.com"]
        assert "mails" not in found()
    create(target, "res.users", SILENT, name="New", login="new2@example.com", email="new2@example.com")
    assert mailbox == ["new1@example.com"]


def test_the_paid_lead_enrichment_is_not_even_scheduled(target: Target) -> None:
    client = target.client
    client.call("ir.config_parameter", "set_param", key="crm.iap.lead.enrich.setting", value="auto")
    cron = target.need("crm_iap_enrich.ir_cron_lead_enrichment")
    client.call("ir.cron", "write", ids=[cron], vals={"active": True})
    vals = {"name": "x", "type": "lead", "email_from": "ceo@company.example", "user_id": False}
    with traces(target) as found:
        create(target, "crm.lead", SILENT, **vals)
        assert found() == {"enrichment": 1}
    settings.park(target, "run")
    with traces(target) as found:
        create(target, "crm.lead", SILENT, **vals)
        assert found() == {}
    settings.restore(target, "run", rebuild_scoring=False)


def test_what_notifies_all_the_same_waits_in_the_queue_where_the_guard_finds_it(target: Target, person: int, mailbox: list[str]) -> None:
    """A module that ignores every key but posts to a customer: the mail does not go out with the same transaction."""
    record = create(target, "res.partner", SILENT, name="x")
    post = {"ids": [record], "body": "Hello", "message_type": "comment", "partner_ids": [person]}
    target.client.call("res.partner", "message_post", **post)
    assert mailbox.count("ann@customer.example") == 1, "without the context it is gone at once"
    with traces(target) as found:
        target.client.call("res.partner", "message_post", **post, context=SILENT)
        assert mailbox.count("ann@customer.example") == 1
        assert found()["mails"] == 1
