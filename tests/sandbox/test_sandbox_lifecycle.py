"""Up, down, and everything that goes wrong in between: nothing foreign is touched, nothing of ours is left."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from psycopg import sql
from state_folder import Home

from crm2odoo.sandbox import (
    SandboxError,
    cli,
    credentials,
    destroy_base,
    down,
    ensure_base,
    keep,
    lease,
    lifecycle,
    list_sandboxes,
    processes,
    progress,
    remove_expired,
    server,
    stop,
    terraform,
)
from crm2odoo.sandbox import up as bring_up
from crm2odoo.sandbox.postgres import connect


def silent(message: str) -> None:
    """Takes what would be logged."""


def up(name: str, home: Home, **more: object) -> credentials.Sandbox:
    return bring_up(name, home=home.path, log=silent, **more)  # type: ignore[arg-type]


def folder(home: Home, name: str) -> Path:
    return home.path / "sandboxes" / name


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_up_twice_changes_nothing_and_down_leaves_nothing(home: Home, each_terraform: str) -> None:
    first = up("one", home)
    pid = server.running(folder(home, "one"))
    assert up("one", home) == first
    assert server.running(folder(home, "one")) == pid
    assert list_sandboxes(home.path) == [first]
    down("one", home.path, silent)
    home.check_nothing_is_left()
    down("one", home.path, silent)  # nothing to do is no error


def test_two_live_side_by_side_and_go_one_by_one(home: Home) -> None:
    one, two = up("one", home), up("two", home)
    assert one.url != two.url
    assert one.database_uuid != two.database_uuid
    assert one.password != two.password
    assert one.api_key != two.api_key
    down("one", home.path, silent)
    assert home.databases() == {"two"}
    assert server.running(folder(home, "two"))


def test_credentials_are_in_one_private_file_and_nowhere_else(home: Home) -> None:
    sandbox = up("one", home)
    file = folder(home, "one") / credentials.CREDENTIALS
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == dataclasses.asdict(sandbox)
    assert sandbox.password not in repr(sandbox)
    for other in home.path.rglob("*"):
        if other.is_file() and other != file and not other.is_relative_to(home.path / "pg"):
            text = other.read_text(errors="replace")
            assert sandbox.password not in text, other
            assert sandbox.api_key not in text, other


def test_the_clone_has_its_own_password_and_uuid_and_the_templates_files(home: Home) -> None:
    sandbox = up("one", home)
    with connect(home.server, "one") as cursor:
        assert cursor.execute("select password from res_users").fetchall() == [(sandbox.password,)]
        stored = dict(cursor.execute("select key, value from ir_config_parameter").fetchall())
    assert stored["database.uuid"] == sandbox.database_uuid
    assert "template" not in stored.values()
    assert (folder(home, "one") / "data" / "filestore" / "one" / "ab" / "abcd").read_text() == "attachment"


def test_a_taken_port_is_refused_and_free_again_is_used(home: Home) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(SandboxError, match=f"port {port} is taken"):
            up("one", home, http_port=port)
    assert up("one", home, http_port=port).url == f"http://127.0.0.1:{port}"


def test_a_foreign_database_is_left_alone(home: Home) -> None:
    with connect(home.server) as cursor:
        cursor.execute("create database taken")
        try:
            with pytest.raises(SandboxError, match="taken exists already"):
                up("taken", home)
            down("taken", home.path, silent)
            assert home.databases() == {"taken"}
        finally:
            cursor.execute("drop database taken")


def test_foreign_files_are_left_alone(home: Home) -> None:
    theirs = folder(home, "one") / "file"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    with pytest.raises(SandboxError, match="not a sandbox folder"):
        up("one", home)
    down("one", home.path, silent)
    assert theirs.read_text() == "mine"
    theirs.unlink()
    theirs.parent.rmdir()
    theirs.parent.parent.rmdir()


def test_odoo_that_exits_shows_the_end_of_its_log(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ODOO", "exit")
    with pytest.raises(SandboxError, match=r"(?s)exit 3.*exits on purpose"):
        up("one", home)
    monkeypatch.delenv("FAKE_ODOO")
    assert up("one", home).url  # without taking it down first


def test_odoo_that_hangs_is_given_up_and_killed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ODOO", "hang")
    with pytest.raises(SandboxError, match="did not answer"):
        up("one", home, start_timeout=1)
    assert home.odoo_processes() == []


def test_no_such_odoo(home: Home) -> None:
    with pytest.raises(SandboxError, match="cannot run Odoo"):
        up("one", home, odoo={"command": ["/nowhere/odoo"], "version": "none"})


def test_a_bad_name_is_refused_by_terraform(home: Home) -> None:
    with pytest.raises(SandboxError, match="lower-case letter"):
        up("Bad Name", home)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_terraform_cut_off_in_the_middle_can_be_applied_again(
    home: Home, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setenv("FAKE_ODOO", "hang")
    program = f"from crm2odoo.sandbox import up; from pathlib import Path; up('one', home=Path('{home.path}'))"
    plugins = str(Path(terraform.__file__).parents[2])
    begun = subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": plugins}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(home.odoo_processes)  # Odoo has a session of its own, and lives on
    os.killpg(begun.pid, number)
    begun.wait()
    monkeypatch.delenv("FAKE_ODOO")
    sandbox = up("one", home)
    assert len(home.odoo_processes()) == 1
    assert sandbox.url


def test_a_killed_odoo_is_started_again_on_its_port(home: Home) -> None:
    before = up("one", home)
    pid = server.running(folder(home, "one"))
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: processes.born(pid) is None)
    assert up("one", home) == before


def test_a_deleted_folder_does_not_hinder_down(home: Home) -> None:
    up("one", home)
    for pid in home.odoo_processes():
        processes.stop(pid)
    subprocess.run(["rm", "-r", str(folder(home, "one"))], check=True)
    down("one", home.path, silent)
    assert home.databases() == set()


def test_a_key_about_to_expire_is_renewed(home: Home) -> None:
    old = dataclasses.replace(up("one", home), api_key_expires="2020-01-01T00:00:00+00:00")
    credentials.write(folder(home, "one"), old)
    new = up("one", home)
    assert new.api_key != old.api_key
    assert new.key_is_fresh


def test_stop_keeps_the_data_and_up_goes_on_with_it(home: Home) -> None:
    before = up("one", home)
    with connect(home.server, "one") as cursor:
        cursor.execute("create table kept ()")
    stop(home.path, silent)
    assert home.odoo_processes() == []
    assert not (home.path / "pg" / "postmaster.pid").exists()
    assert up("one", home) == before
    with connect(home.server, "one") as cursor:
        assert cursor.execute("select count(*) from kept").fetchone() == (0,)


def test_databases_survive_the_kill_of_postgresql(home: Home) -> None:
    """With ``wal_level = minimal`` a sequence forgot the numbers it gave out in the transaction that made it and right after (PostgreSQL 18)."""
    up("one", home)
    with connect(home.server, "one") as cursor:
        with cursor.connection.transaction():
            cursor.execute("create table numbered (id serial primary key)")
            cursor.execute("insert into numbered default values")
        cursor.execute("insert into numbered select nextval('numbered_id_seq') from generate_series(1, 5)")
    postmaster = int((home.path / "pg" / "postmaster.pid").read_text().split()[0])
    family = [postmaster, *(child.pid for child in psutil.Process(postmaster).children())]
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in family))
    up("one", home)
    with connect(home.server, "one") as cursor:
        cursor.execute("insert into numbered default values")
        assert cursor.execute("select count(*) from numbered").fetchone() == (7,)


def test_a_stopped_sandbox_can_be_taken_down(home: Home) -> None:
    up("one", home)
    stop(home.path, silent)
    down("one", home.path, silent)
    home.check_nothing_is_left()


def test_only_a_sandbox_whose_time_is_over_is_removed(home: Home) -> None:
    now = datetime.now(UTC)
    up("over", home, until=now - timedelta(seconds=1))
    up("kept", home, until=now - timedelta(seconds=1))
    keep("kept", now + timedelta(days=3), home.path, silent)
    up("kept", home)  # coming up again changes nothing about its end
    assert remove_expired(home.path, silent) == ["over"]
    assert [s.name for s in list_sandboxes(home.path)] == ["kept"]
    assert home.databases() == {"kept"}
    assert lease.read(home.path / "terraform" / "sandboxes" / "kept") is not None
    keep("none", now, home.path, silent)
    assert not (home.path / "terraform" / "sandboxes" / "none").exists()


def test_what_never_came_up_is_removed_when_its_time_is_over(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ODOO", "exit")
    with pytest.raises(SandboxError, match="on purpose"):
        up("one", home, until=datetime.now(UTC))
    assert home.databases() == {"one"}
    assert remove_expired(home.path, silent) == ["one"]
    home.check_nothing_is_left()


def test_one_that_cannot_be_removed_is_named_and_does_not_hinder_the_others(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        up(name, home, until=datetime.now(UTC))
    destroy = terraform.Root.destroy

    def fail_for_one(root: terraform.Root) -> None:
        if root.folder.name == "one":
            raise SandboxError("its disk is on fire")
        destroy(root)

    monkeypatch.setattr(terraform.Root, "destroy", fail_for_one)
    with pytest.raises(SandboxError, match="one: its disk is on fire"):
        remove_expired(home.path, silent)
    assert home.databases() == {"one"}
    monkeypatch.undo()


def test_the_base_stays_while_a_sandbox_lives(home: Home) -> None:
    sandbox = up("one", home)
    with pytest.raises(SandboxError, match="still live here: one"):
        destroy_base(home.path, silent)
    assert up("one", home) == sandbox


def test_base_comes_and_goes_completely(
    new_home: Home, fake_odoo: None, each_terraform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def told(log: Callable[[str], None], how_far: Callable[[], str]) -> Iterator[None]:
        """Tells once, at the end, instead of every so many seconds."""
        yield
        log(how_far())

    monkeypatch.setattr(progress, "told", told)
    said: list[str] = []
    base = ensure_base(new_home.path, said.append)
    assert said[-1] == "Odoo installs its apps: module 31 of 73"
    said.clear()
    ensure_base(new_home.path, said.append)
    assert said == [""]  # the log of the build before is no progress
    with connect(new_home.server, "crm2odoo", "crm2odoo") as cursor:
        assert cursor.execute("select current_user").fetchone() == ("crm2odoo",)
    assert ensure_base(new_home.path, silent) == base
    destroy_base(new_home.path, silent)
    assert not (new_home.path / "pg").exists()
    assert {p.name for p in new_home.path.iterdir()} <= {".crm2odoo-home", "base.lock", "terraform"}


def test_everything_goes_even_when_terraform_has_gone(
    new_home: Home, fake_odoo: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    up("one", new_home)
    monkeypatch.setenv("CRM2ODOO_TERRAFORM", "/nowhere/terraform")
    lifecycle.remove_home(new_home.path, silent)
    assert not new_home.path.exists()
    assert [p for p in processes.all_pids() if str(new_home.path) in processes.command_line(p)] == []


def test_the_command_line_shows_no_secret_and_leaves_nothing(
    new_home: Home, fake_odoo: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRM2ODOO_HOME", str(new_home.path))
    monkeypatch.setenv("CRM2ODOO_TEST_HOME", str(new_home.path / "none"))
    assert cli.main(["up", "one"]) == 0
    (sandbox,) = list_sandboxes(new_home.path)
    assert cli.main(["list"]) == 0
    assert cli.main(["remove"]) == 0
    shown = capsys.readouterr().out
    assert sandbox.url in shown
    assert sandbox.password not in shown
    assert sandbox.api_key not in shown
    assert not new_home.path.exists()
    monkeypatch.setenv("FAKE_ODOO", "fail-build")
    assert cli.main(["up", "one"]) == 1
    assert "ERROR: Odoo failed" in capsys.readouterr().err


def test_a_folder_that_is_not_ours_is_refused(new_home: Home, fake_odoo: None) -> None:
    (new_home.path / "letter.txt").write_text("dear")
    with pytest.raises(SandboxError, match="files that are not ours"):
        ensure_base(new_home.path, silent)
    lifecycle.remove_home(new_home.path, silent)
    assert (new_home.path / "letter.txt").exists()


def test_the_template_is_built_again_when_odoo_changes(
    new_home: Home, fake_odoo: None, odoo_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built() -> object:
        with connect(new_home.server) as cursor:
            return cursor.execute("select oid from pg_database where datname = 'odoo_template'").fetchone()

    ensure_base(new_home.path, silent)
    first = built()
    ensure_base(new_home.path, silent)
    assert built() == first
    os.utime(odoo_checkout / "odoo" / "release.py", (1, 1))
    monkeypatch.setenv("FAKE_ODOO", "fail-build")
    with pytest.raises(SandboxError, match="failed on purpose"):
        ensure_base(new_home.path, silent)
    assert built() == first
    assert new_home.databases() == set()
    monkeypatch.delenv("FAKE_ODOO")
    ensure_base(new_home.path, silent)
    assert built() not in (None, first)


def test_a_foreign_template_is_left_alone(new_home: Home, fake_odoo: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ODOO", "fail-build")
    with pytest.raises(SandboxError, match="on purpose"):
        ensure_base(new_home.path, silent)
    monkeypatch.delenv("FAKE_ODOO")
    with connect(new_home.server) as cursor:
        cursor.execute("create database odoo_template")
        with pytest.raises(SandboxError, match="not a template of ours"):
            ensure_base(new_home.path, silent)
        cursor.execute(sql.SQL("comment on database odoo_template is 'precious'"))
        with pytest.raises(SandboxError, match="not a template of ours"):
            ensure_base(new_home.path, silent)
