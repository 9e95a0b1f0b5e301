"""The console's pages, asked from Airflow's own application with its own login and its own auth manager."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.api_fastapi.app import create_app, get_auth_manager, purge_cached_app
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi.testclient import TestClient

from crm2odoo import intake, ledger, staging
from crm2odoo.airflow.console.app import build
from crm2odoo.airflow.console.paging import SIZE
from crm2odoo.project import load_bundle
from crm2odoo.staging import Workspace

SMALL_WORLD = True
NAME = "console_world"
HOSTILE = "\"'><script>document.title='owned'</script><img src=x onerror=alert(1)>{{7*7}}"
RUN = f"{NAME}.sample.by-hand"


@dataclass(frozen=True)
class Seeded:
    """A project with a read export, a plan, dispositions, differences, a conflict and documents. ``xid``: a contact of the plan."""

    ws: Workspace
    export: str
    xid: str
    user: str
    documents: Path

    def all(self, statement: str) -> list[dict[str, Any]]:
        with self.ws.connect() as connection:
            return connection.execute(self.ws.sql(statement)).fetchall()


@pytest.fixture(scope="module")
def seeded(world: Any, new_project: Callable[..., str], staging_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    documents = tmp_path_factory.mktemp("documents")
    new_project(NAME, documents=str(documents), title="Console & <b>world</b>")
    bundle = load_bundle(world.root, NAME)
    ws = Workspace.open(bundle, staging_dsn)
    export = intake.register(ws, str(world.export))
    intake.land(ws, export)
    intake.clean(ws, export)
    with ws.connect() as connection:
        connection.execute(
            ws.sql(
                "insert into {log}.target (target_id, url, database, kind, version, edition, hosting) "
                "values ('t', 'https://odoo.example.com', 'acme', 'sandbox', '19.0', 'community', 'self_hosted')"
            )
        )
        connection.execute(
            ws.sql("insert into {log}.run (run_id, kind, dag_id, export_id, target_id, code) values (%s, 'sample', %s, %s, 't', 'x')"),
            (RUN, f"{NAME}.sample", export),
        )
    staging.build_target(ws, export)
    plan = ledger.make_plan(ws, "t", export)
    with ws.connect() as connection:
        contact = connection.execute(ws.sql("select xid from {target}.plan where entity = 'contact' order by seq limit 1")).fetchone()
        user = connection.execute(
            ws.sql("select lower(coalesce(vals ->> 'login', vals ->> 'email')) as login from {target}.plan where entity = 'user' order by seq limit 1")
        ).fetchone()
        assert contact
        assert user
        connection.execute(
            ws.sql(
                "insert into {log}.disposition (export_id, target_id, object, file_no, rec, line, source_key, disposition, reason, entity, xid, run_id) select %(e)s, 't', object, file_no, rec, rec + 1, source_key, 'loaded', %(h)s, entity, xid, %(r)s "
                "from (select distinct on (object, file_no, rec) * from {target}.member order by object, file_no, rec, is_primary desc) as m"
            ),
            {"e": export, "h": HOSTILE, "r": RUN},
        )
        connection.execute(
            ws.sql(
                "insert into {log}.disposition (export_id, target_id, object, file_no, rec, line, source_key, disposition, reason, entity, xid, run_id) select %s, 't', 'contact', 900, i, i + 1, 'K' || i, case when i %% 3 = 0 then 'rejected' else 'merged' end, "
                "null, null, null, %s from generate_series(1, 350) as i"
            ),
            (export, RUN),
        )
        for entity, xid in (("contact", contact["xid"]), ("contact", HOSTILE)):
            connection.execute(
                ws.sql("insert into {log}.difference (run_id, entity, xid, res_id, field, kind, expected, found) values (%s, %s, %s, 7, 'name', 'truncated', %s, 'short')"), (RUN, entity, xid, HOSTILE)
            )
        connection.execute(ws.sql("insert into {log}.cell_count (run_id, entity, field, compared, equal, transformed, different, not_comparable) values (%s, 'contact', 'name', 10, 8, 0, 2, 0)"), (RUN,))
        connection.execute(
            ws.sql("insert into {log}.record (target_id, xid, entity, model, res_id, ours, hash, vals, second_done, run_id) values ('t', %s, 'contact', 'res.partner', 7, true, 'h', %s, true, %s)"),
            (contact["xid"], json.dumps({"name": HOSTILE, "email": "ann@acme.example"}), RUN),
        )
        connection.execute(
            ws.sql(
                "insert into {log}.conflict (run_id, plan_id, target_id, entity, xid, res_id, field, loaded, source, odoo, changed_by, changed_at) "
                "values (%s, %s, 't', 'contact', %s, 7, 'phone', '\"1\"', '\"2\"', %s, %s, now())"
            ),
            (RUN, plan.plan_id, contact["xid"], json.dumps(HOSTILE), HOSTILE),
        )
        connection.execute(
            ws.sql("insert into {log}.refusal (run_id, target_id, plan_id, entity, xid, kind, message) values (%s, 't', %s, 'contact', %s, 'odoo', %s)"),
            (RUN, plan.plan_id, contact["xid"], HOSTILE),
        )
        connection.execute(
            ws.sql("insert into {log}.reconciliation (run_id, target_id, phase, name, expected, found, passed, details) values (%s, 't', 'contact', 'n', 2, 1, false, %s)"),
            (RUN, json.dumps({"title": HOSTILE, "advice": HOSTILE})),
        )
        connection.execute(
            ws.sql("insert into {log}.finding (export_id, step, severity, code, title, evidence) values (%s, 's', 'warning', 'c', %s, '{{}}')"),
            (export, HOSTILE),
        )
        connection.execute(
            ws.sql("insert into {log}.approval (subject, hash, verdict, approved_by, comment, seen) values ('scope', 'h', 'approved', %s, %s, %s)"),
            (HOSTILE, HOSTILE, json.dumps({"body": f"| a |\n|---|\n| {HOSTILE} |\n\n[x](javascript:alert(1))"})),
        )
        place = documents / NAME / RUN
        place.mkdir(parents=True)
        (place / "report.html").write_text("<script>alert(1)</script>report")
        (place / "link.html").symlink_to("/etc/hostname")
        for name, location in (
            ("report.html", place / "report.html"), ("changed.html", place / "report.html"), ("link.html", place / "link.html"),
            ("passwd.html", Path("/etc/passwd")), ("dots.html", place / ".." / ".." / ".." / "x.html"), ("gone.html", place / "gone.html"),
        ):  # fmt: skip
            digest = hashlib.sha256(b"<script>alert(1)</script>report").hexdigest() if name != "changed.html" else "0" * 64
            connection.execute(
                ws.sql("insert into {log}.document (run_id, name, location, sha256, bytes) values (%s, %s, %s, %s, 10)"), (RUN, name, str(location), digest)
            )
        (place / "unmasked").mkdir()
        (place / "unmasked" / "report.html").write_text("<script>alert(1)</script>report")
        connection.execute(
            ws.sql(
                "insert into {log}.document (run_id, name, location, sha256, bytes, masked) "
                "select run_id, 'unmasked/report.html', %s, sha256, 10, false from {log}.document where name = 'report.html'"
            ),
            (str(place / "unmasked" / "report.html"),),
        )
    return Seeded(ws, export, contact["xid"], user["login"], documents)


@pytest.fixture(scope="module")
def login(seeded: Seeded) -> Iterator[Callable[[str], TestClient]]:
    """A browser of somebody with a role: admin, user (may edit DAGs), viewer (may read them), nobody (logged in, no right), anonymous."""
    purge_cached_app()
    # What the api-server says of itself: it may read connections from the database.
    before = os.environ.get("_AIRFLOW_PROCESS_CONTEXT")
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    app = create_app(apps="core")

    def client(role: str) -> TestClient:
        made = TestClient(app, base_url="http://testserver", follow_redirects=False, raise_server_exceptions=False)
        if role != "anonymous":
            user = SimpleAuthManagerUser(username=f"the {role}", role="" if role == "nobody" else role)
            made.cookies.set("_token", get_auth_manager().generate_jwt(user))
        return made

    yield client
    purge_cached_app()
    del os.environ["_AIRFLOW_PROCESS_CONTEXT"]
    if before is not None:
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = before


@pytest.fixture(scope="module")
def addresses(seeded: Seeded) -> list[tuple[str, str]]:
    """(method, address) of every route that there is: a new one is in these tests by itself, or they fail."""
    values = {
        "project": NAME, "key": RUN, "run": RUN, "entity": "contact", "xid:path": seeded.xid, "export": seeded.export, "object": "contact", "file_no": "1",
        "rec": "1", "name:path": "report.html", "dag_id": f"{NAME}.sample", "run_id:path": "no-run",
    }  # fmt: skip
    found = []
    for route in build().routes:
        path = getattr(route, "path", "")
        for name, value in {**values, "name": "console.css"}.items():
            path = path.replace("{" + name + "}", value)
        assert "{" not in path, f"say in this test what stands for the rest of {path}"
        found += [(method, f"/crm2odoo{path}") for method in route.methods - {"HEAD"}]  # type: ignore[attr-defined]
    assert len(found) > 20
    return found


def pages_of(addresses: list[tuple[str, str]]) -> list[str]:
    return [address for method, address in addresses if method == "GET" and "/dag/" not in address and "/run/" not in address]


def token(client: TestClient, page: str = "owners") -> str:
    """What a form of this person's page brings back."""
    text = client.get(f"/crm2odoo/p/{NAME}/{page}").text
    return next(dict(a)["value"] for t, a in tags(text) if t == "input" and dict(a).get("name") == "csrf")  # type: ignore[return-value]


def tags(html: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    class Reader(HTMLParser):
        found: list[tuple[str, list[tuple[str, str | None]]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.append((tag, attrs))

    reader = Reader()
    reader.found = []
    reader.feed(html)
    return reader.found


# ---- who may what


def test_a_stranger_is_sent_to_the_login(login: Callable[[str], TestClient], addresses: list[tuple[str, str]]) -> None:
    for method, address in addresses:
        answer = login("anonymous").request(method, address)
        if method == "GET":
            assert answer.status_code == 303, address
            assert urlsplit(answer.headers["location"]).path == "/auth/login"
        else:
            assert answer.status_code == 401, address


def test_who_has_no_right_to_the_dags_sees_nothing(login: Callable[[str], TestClient], addresses: list[tuple[str, str]]) -> None:
    for method, address in addresses:
        if "/static/" not in address:
            answer = login("nobody").request(method, address)
            assert answer.status_code == 403, address
            assert "acme" not in answer.text
    assert login("nobody").get("/crm2odoo/p/there_is_no_such_project").status_code == 403


def test_who_may_read_the_dags_reads_and_writes_nothing(login: Callable[[str], TestClient], addresses: list[tuple[str, str]], seeded: Seeded) -> None:
    viewer, before = login("viewer"), seeded.all("select count(*) as n from {log}.decision")
    for method, address in addresses:
        if method == "POST":
            assert viewer.post(address, data={"csrf": token(login("user")), "choice": "hold"}).status_code == 403, address
    for address in pages_of(addresses):
        answer = viewer.get(address)
        assert answer.status_code == 200, (address, answer.text[-500:])
        assert "csrf" not in answer.text
    assert seeded.all("select count(*) as n from {log}.decision") == before


def test_a_form_counts_only_with_the_token_that_this_person_was_given(login: Callable[[str], TestClient], seeded: Seeded) -> None:
    user, address = login("user"), f"/crm2odoo/p/{NAME}/owners"
    form = {"owner": seeded.user, "choice": "hold"}
    assert user.post(address, data=form).status_code == 403
    assert user.post(address, data={**form, "csrf": "made.up.token"}).status_code == 403
    assert user.post(address, data={**form, "csrf": token(login("admin"))}).status_code == 403
    mine = token(user)
    assert user.post(address, data={**form, "csrf": mine}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert user.post(address, data={**form, "csrf": mine}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert seeded.all("select * from {log}.decision where name like 'owner:%'") == []
    answer = user.post(address, data={**form, "csrf": mine, "comment": "  on leave "}, headers={"Origin": "http://testserver"})
    assert answer.status_code == 303
    [kept] = seeded.all("select * from {log}.decision where name like 'owner:%'")
    assert (kept["name"], kept["value"], kept["decided_by"], kept["comment"]) == (f"owner:{seeded.user}", {"choice": "hold"}, "the user", "on leave")


# ---- what is written


def test_an_owner_who_is_held_is_held_in_the_next_plan(login: Callable[[str], TestClient], seeded: Seeded) -> None:
    user = login("user")
    user.post(f"/crm2odoo/p/{NAME}/owners", data={"owner": seeded.user, "choice": "hold", "csrf": token(user)})
    ledger.make_plan(seeded.ws, "t", seeded.export)
    rows = seeded.all("select vals ->> 'login' as login, action from {target}.plan where entity = 'user' and action = 'held'")
    assert [r["login"].lower() for r in rows] == [seeded.user]


def test_unknown_choices_are_refused(login: Callable[[str], TestClient], seeded: Seeded) -> None:
    user, p = login("user"), f"/crm2odoo/p/{NAME}"
    csrf = token(user)
    count = seeded.all("select count(*) as n from {log}.decision")
    for address, form in (
        ("owners", {"owner": "stranger@acme.example", "choice": "hold"}), ("owners", {"owner": seeded.user, "choice": "delete"}),
        ("conflicts", {"entity": "contact", "xid": "other", "field": "phone", "choice": "keep_odoo"}),
        ("conflicts", {"entity": "contact", "xid": seeded.xid, "field": "phone", "choice": "both"}), ("vanished", {"choice": "burn"}),
        ("vanished", {"choice": "keep", "entity": "nothing"}), ("approvals", {"dag_id": "x", "run_id": "x", "task_id": "x", "seen": "x", "option": "Approve"}),
    ):  # fmt: skip
        assert user.post(f"{p}/{address}", data={**form, "csrf": csrf}).status_code in (400, 409), (address, form)
    assert seeded.all("select count(*) as n from {log}.decision") == count


def test_a_conflict_is_decided_for_one_field_or_for_an_entity(login: Callable[[str], TestClient], seeded: Seeded) -> None:
    user, address = login("user"), f"/crm2odoo/p/{NAME}/conflicts"
    # The plans of the tests before have no conflicts of their own.
    with seeded.ws.connect() as connection:
        connection.execute(seeded.ws.sql("update {log}.conflict set plan_id = (select max(plan_id) from {log}.plan)"))
    for form in ({"xid": seeded.xid, "field": "phone", "choice": "take_source"}, {"choice": "keep_odoo"}):
        assert user.post(address, data={"entity": "contact", **form, "csrf": token(user)}).status_code == 303
    kept = seeded.all("select name, value from {log}.decision where name like 'conflict:%' order by decision_id")
    assert [(k["name"], k["value"]["choice"]) for k in kept] == [
        (f"conflict:contact:{seeded.xid}:phone", "take_source"), ("conflict:contact", "keep_odoo"),
    ]  # fmt: skip
    assert "No field waits" in user.get(address).text
    assert "the source&#39;s value is written" in user.get(f"{address}?all=true").text


def test_a_load_is_paused_and_goes_on(login: Callable[[str], TestClient], seeded: Seeded) -> None:
    user = login("user")
    for paused, words in (("true", "Let the load go on"), ("false", "Pause the load")):
        assert user.post(f"/crm2odoo/p/{NAME}/pause", data={"paused": paused, "csrf": token(user)}).status_code == 303
        assert words in user.get(f"/crm2odoo/p/{NAME}/decisions").text
    assert [d["value"] for d in seeded.all("select value from {log}.decision where name = 'pause_load' order by decision_id")] == [True, False]


# ---- hostile data, hostile addresses


def test_what_stands_in_cells_is_text_and_nothing_else(login: Callable[[str], TestClient], addresses: list[tuple[str, str]]) -> None:
    admin, seen = login("admin"), 0
    for address in pages_of(addresses):
        answer = admin.get(address)
        assert answer.status_code == 200, (address, answer.text[-500:])
        if "text/html" not in answer.headers["content-type"] or "/documents/" in address:
            continue
        seen += answer.text.count("&lt;script&gt;")
        for tag, attributes in tags(answer.text):
            names = dict(attributes)
            assert not any(n.startswith("on") or n == "style" for n in names), (address, tag, names)
            assert tag not in ("img", "style", "iframe", "object", "base"), (address, tag)
            assert tag != "script" or str(names.get("src")).startswith("/crm2odoo/static/"), (address, names)
            assert not str(names.get("href", "")).lower().startswith(("javascript:", "data:")), (address, names)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy, address  # noqa: PT018
    assert seen >= 8


def test_filters_are_values_and_never_sql(login: Callable[[str], TestClient]) -> None:
    admin, p = login("admin"), f"/crm2odoo/p/{NAME}"
    evil = "x' or 1=1; drop table x; --"
    for address, names in (
        ("rows", ("run", "object", "disposition", "key")), ("differences", ("run", "entity", "field", "kind", "xid")),
        ("plan/contact", ("action", "field")), ("conflicts", ("entity",)),
    ):  # fmt: skip
        for name in names:
            answer = admin.get(f"{p}/{address}", params={name: evil})
            assert answer.status_code == 200, (address, name)
            assert 'scope="row"><a' not in answer.text, (address, name)
    for broken in ("x", "bm90IGpzb24", "WzFd", "WyJhIiwgImIiLCAiYyJd", "é"):
        assert admin.get(f"{p}/rows", params={"after": broken}).status_code == 400
    for missing in (f"{p}/plan/nothing", f"{p}/records/nothing/x", f"{p}/records/contact/x", f"{p}/rows/x/contact/1/1", f"{p}/runs/x", "/crm2odoo/p/nope"):
        assert admin.get(missing).status_code == 404
    assert admin.get("/crm2odoo/p/..%2F..%2Fetc").status_code == 404


def test_pages_of_a_table_show_every_row_once(login: Callable[[str], TestClient], seeded: Seeded) -> None:
    admin, address, found = login("admin"), f"/crm2odoo/p/{NAME}/rows?disposition=merged", []
    for _ in range(10):
        text = admin.get(address).text
        rows = [dict(a)["href"] for t, a in tags(text) if t == "a" and "/rows/" in (dict(a).get("href") or "")]
        assert len(rows) <= SIZE
        found += rows
        following = [dict(a)["href"] for t, a in tags(text) if t == "a" and dict(a).get("rel") == "next"]
        if not following:
            break
        address = f"/crm2odoo/p/{NAME}/rows{following[0]}"
        assert parse_qs(urlsplit(address).query)["disposition"] == ["merged"]
    wanted = seeded.all("select rec from {log}.disposition where disposition = 'merged' order by object, file_no, rec")
    assert [int(f.rsplit("/", 1)[1]) for f in found] == [r["rec"] for r in wanted]  # type: ignore[union-attr]
    assert len(found) > SIZE


def test_a_row_is_called_like_its_object_and_not_like_the_records_of_that_name(login: Callable[[str], TestClient]) -> None:
    """In Leadforce all activities were called "Open activities": the title of the entity that only some of them become."""
    text = login("admin").get(f"/crm2odoo/p/{NAME}/rows?disposition=merged").text
    assert "<td>Contact</td>" in text
    assert "<td>Contacts</td>" not in text


def test_what_could_not_be_compared_never_counts_as_compared(login: Callable[[str], TestClient], seeded: Seeded) -> None:
    clean = f"{NAME}.sample.clean"
    with seeded.ws.connect() as connection:
        connection.execute(
            seeded.ws.sql("insert into {log}.run (run_id, kind, dag_id, export_id, target_id, code, started_at) values (%s, 'sample', 'x', %s, 't', 'x', now() - interval '1 day')"), (clean, seeded.export)
        )
        connection.execute(seeded.ws.sql("insert into {log}.cell_count (run_id, entity, field, compared, equal, transformed, different, not_comparable) values (%s, 'contact', 'name', 2000, 1500, 0, 0, 500)"), (clean,))
    text = login("admin").get(f"/crm2odoo/p/{NAME}/differences?run={clean}").text
    assert "1,500 values compared with acme, 500 had nothing to be compared with" in text
    assert "Every one of the 1,500 values that could be compared agrees" in text
    assert "2,000" not in text


def test_a_finding_says_what_to_do_in_the_column_of_that_name(login: Callable[[str], TestClient], seeded: Seeded) -> None:
    with seeded.ws.connect() as connection:
        connection.execute(
            seeded.ws.sql("insert into {log}.finding (export_id, step, severity, code, title, evidence) values (%s, 's', 'info', 'c', %s, '{{}}')"),
            (seeded.export, "Two files share a key\nCheck the filters."),
        )
    text = login("admin").get(f"/crm2odoo/p/{NAME}").text
    assert ">Two files share a key</td>" in text
    assert ">Check the filters.</td>" in text


# ---- documents


def test_only_documents_of_the_projects_own_place_are_given_out(login: Callable[[str], TestClient]) -> None:
    admin, p = login("admin"), f"/crm2odoo/p/{NAME}/documents/{RUN}"
    answer = admin.get(f"{p}/report.html")
    assert (answer.status_code, answer.content) == (200, b"<script>alert(1)</script>report")
    assert answer.headers["content-disposition"].startswith("attachment")
    shown = admin.get(f"{p}/report.html?look=true")
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    for name, status in (("passwd.html", 403), ("dots.html", 403), ("link.html", 403), ("changed.html", 409), ("gone.html", 404), ("other.html", 404)):
        answer = admin.get(f"{p}/{name}")
        assert (name, answer.status_code) == (name, status)
        assert "root:" not in answer.text
    assert admin.get(f"{p}/..%2F..%2Fx").status_code == 404
    assert admin.get(f"{p}/unmasked/report.html").status_code == 200
    assert login("viewer").get(f"{p}/unmasked/report.html").status_code == 404
    assert login("viewer").get(f"{p}/report.html").status_code == 200


def test_who_may_only_read_sees_no_inside_of_addresses(login: Callable[[str], TestClient], seeded: Seeded) -> None:
    address = f"/crm2odoo/p/{NAME}/records/contact/{seeded.xid}"
    assert "@" in login("admin").get(address).text.split("email", 1)[1][:3000]
    text = login("viewer").get(address).text
    assert "•••@" in text
    assert "masked" in text


def test_the_tab_on_a_dag_of_somebody_else_says_so_in_one_sentence(login: Callable[[str], TestClient]) -> None:
    for address in ("/crm2odoo/dag/payroll", "/crm2odoo/run/payroll/manual__1"):
        answer = login("viewer").get(address)
        assert answer.status_code == 200
        assert "payroll is no DAG of a migration." in answer.text
        assert {dict(a).get("href") for t, a in tags(answer.text) if t == "a"} >= {"/crm2odoo/"}
        assert login("nobody").get(address).status_code == 403


def test_the_console_is_made_before_anybody_asks_and_only_where_pages_are_served(login: Callable[[str], TestClient]) -> None:
    from crm2odoo.airflow.console import Console, desk

    desk._statements.clear()
    fresh, application = Console(), object()
    assert fresh._app is None
    assert fresh.get_ready(application) is application
    assert fresh._app is not None
    for thread in threading.enumerate():
        if thread.name == "crm2odoo console":
            thread.join(60)
    assert ("findings", "[]") in {key[1:] for key in desk._statements}, "nobody waits for statements to be checked"
    shown = login("admin").get("/api/v2/plugins").json()["plugins"]
    [ours] = [p for p in shown if p["name"] == "crm2odoo"]
    assert [v.get("applies_to") for v in ours["external_views"]] == [None, {"dag_tags": ["crm2odoo"]}, {"dag_tags": ["crm2odoo"]}]


def test_a_project_that_never_ran_says_how_it_begins(login: Callable[[str], TestClient], world: Any, new_project: Callable[..., str], seeded: Seeded) -> None:
    kept = (world.root / "mappings" / "projects" / f"{NAME}.yaml").read_text()
    new_project("console_new")
    try:
        text = login("viewer").get("/crm2odoo/p/console_new").text
        assert "console_new.discover" in text
        (world.root / "mappings" / "projects" / "console_bad.yaml").write_text("project: console_bad\ntitle: [")
        assert "console_bad" in login("viewer").get("/crm2odoo/").text
        assert login("viewer").get("/crm2odoo/p/console_bad").status_code == 503
    finally:
        world.write(NAME, kept)
