"""What `make tools` is made of: apt's settings, links inside a package, environments, stamps."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crm2odoo.sandbox import SandboxError, apt_sources, odoo_package, progress, python_env, system_packages, tools
from crm2odoo.sandbox.odoo_program import find_odoo


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_one_line_and_deb822_sources_are_read(tmp_path: Path) -> None:
    etc = write(
        tmp_path,
        {
            "sources.list": "# deb http://off.example/debian sid main\ndeb cdrom:[Debian 12]/ bookworm main\n"
            "deb [arch=amd64 signed-by=/x.gpg] http://one.example/debian bookworm main\n"
            "deb-src http://src.example/debian bookworm main\n",
            "sources.list.d/two.sources": "Types: deb deb-src\nURIs: http://two.example/debian/\n http://three.example/debian\n"
            "Suites: bookworm\nComponents: main\n\n# a remark\nTypes: deb\nEnabled: no\nURIs: http://off.example/debian\n"
            "Suites: x\n\nTypes: deb-src\nURIs: http://src.example/debian\nSuites: x\n",
            "sources.list.d/old.list.disabled": "deb http://off.example/debian sid main\n",
        },
    )
    assert apt_sources.uris(etc) == [
        "cdrom:[Debian",
        "http://one.example/debian",
        "http://two.example/debian/",
        "http://three.example/debian",
    ]


def test_the_mirror_is_the_machines_own_main_archive(tmp_path: Path) -> None:
    addresses = [
        "cdrom:[Debian",
        "http://m.example/debian-security",
        "https://packages.example/tool",
        "http://m.example/mirrors/debian/",
        "mirror+file:/etc/apt/mirrors/debian.list",
    ]
    found = apt_sources.debian_mirrors(addresses, tmp_path / "none")
    assert found == ["http://m.example/mirrors/debian", "mirror+file:/etc/apt/mirrors/debian.list"]


def test_on_ubuntu_debian_is_sought_beside_it_and_in_python_apts_template(tmp_path: Path) -> None:
    template = (
        write(tmp_path, {"Debian.info": "Suite: sid\nBaseURI: http://d.example/debian/\nMatchURI: x\n"}) / "Debian.info"
    )
    found = apt_sources.debian_mirrors(["http://u.example/ubuntu/", "http://u.example/ubuntu"], template)
    assert found == ["http://u.example/debian", "http://d.example/debian"]


def test_no_mirror_says_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt_sources, "uris", list)
    monkeypatch.setattr(apt_sources, "PYTHON_APT", tmp_path / "none")
    with pytest.raises(SandboxError, match=r"CRM2ODOO_DEBIAN_MIRROR.*CRM2ODOO_ODOO_PATH"):
        odoo_package._update(lambda program: [program], tmp_path, tmp_path, print)


def test_an_unreachable_mirror_is_named_and_the_next_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("apt-get", "apt-cache", "dpkg-deb", "tar"):
        write(tmp_path / "bin", {program: "#!/bin/sh\necho no connection >&2\nexit 100\n"})
        (tmp_path / "bin" / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(odoo_package, "_keyring", lambda work: tmp_path / "keys")
    monkeypatch.setattr(apt_sources, "uris", lambda: ["http://one.example/debian", "http://two.example/debian"])
    reason = r"(?s)http://one\.example/debian: .*no connection.*http://two\.example/debian: .*no connection"
    with pytest.raises(SandboxError, match=reason):
        odoo_package.fetch(tmp_path / "odoo", tmp_path / "apt", lambda message: None)
    assert not (tmp_path / "odoo").exists()


def test_a_machine_without_apt_is_told_about_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match=r"apt-get is missing.*CRM2ODOO_ODOO_PATH"):
        odoo_package.fetch(tmp_path / "odoo", tmp_path / "apt", print)


def test_depends_takes_the_first_of_alternatives() -> None:
    shown = (
        "Package: a\nDepends: fonts-a (>= 2) | fonts-b, python3:any, libjs-c\n\nPackage: d\nDepends: e\nRecommends: f\n"
    )
    assert list(odoo_package.depends(shown)) == ["fonts-a", "python3", "libjs-c", "e"]


def test_absolute_links_are_bent_to_stay_inside(tmp_path: Path) -> None:
    root = write(tmp_path / "root", {"usr/share/js/lib.js": "x", "usr/lib/a/real.js": "y"})
    (root / "usr/lib/a/abs.js").symlink_to("/usr/share/js/lib.js")
    (root / "usr/lib/a/folder").symlink_to("/usr/share/js")
    (root / "usr/lib/a/rel.js").symlink_to("real.js")
    (root / "usr/lib/a/gone.otf").symlink_to("/usr/share/none.otf")
    odoo_package.repair_links(root)
    assert os.readlink(root / "usr/lib/a/abs.js") == "../../share/js/lib.js"
    assert (root / "usr/lib/a/abs.js").read_text() == (root / "usr/lib/a/folder/lib.js").read_text() == "x"
    assert os.readlink(root / "usr/lib/a/rel.js") == "real.js"
    assert [link.name for link in odoo_package.dangling_links(root)] == ["gone.otf"]


def test_a_link_out_of_the_tree_counts_as_dangling(tmp_path: Path) -> None:
    root = write(tmp_path / "root", {"a": ""})
    write(tmp_path, {"outside": ""})
    (root / "out").symlink_to("../outside")
    assert [link.name for link in odoo_package.dangling_links(root)] == ["out"]


def test_a_script_that_debian_leaves_out_is_empty_instead_of_an_error(tmp_path: Path) -> None:
    assets = {"web.assets_backend": ["mail/static/lib/gone.js", "mail/static/src/**/*", "mail/static/src/is.js",
                                     ("include", "web._assets"), "other/static/x.js", "mail/static/x.scss"]}  # fmt: skip
    write(tmp_path, {"mail/__manifest__.py": repr({"assets": assets}), "mail/static/src/is.js": "code"})
    odoo_package.fill_gaps(tmp_path)
    assert (tmp_path / "mail/static/lib/gone.js").read_text().startswith("//")
    assert (tmp_path / "mail/static/src/is.js").read_text() == "code"
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / "mail/static/x.scss").exists()


def test_a_running_odoo_keeps_its_files_when_a_new_one_comes(tmp_path: Path) -> None:
    target, new = write(tmp_path / "odoo", {"file": "old"}), write(tmp_path / "odoo.new", {"file": "new"})
    odoo_package.replace_folder(target, new)
    assert (target / "file").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["odoo"]


def test_without_uv_or_when_it_fails_pip_does_it(tmp_path: Path) -> None:
    empty = write(tmp_path, {"requirements.txt": "# nothing\n"}) / "requirements.txt"
    broken = write(tmp_path, {"uv": "#!/bin/sh\nexit 1\n"}) / "uv"
    broken.chmod(0o755)
    said: list[str] = []
    python_env.install(tmp_path / "venv", empty, broken, said.append)
    assert said == ["uv could not install requirements.txt; going on with pip"]
    assert (
        subprocess.run([tmp_path / "venv" / "bin" / "python", "-m", "pip", "--version"], capture_output=True).returncode
        == 0
    )


def test_uv_is_told_what_pip_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "SSL_CERT_FILE", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    python = Path(sys._base_executable)  # type: ignore[attr-defined]  # the one of an environment may have no pip
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert python_env._index(python) == {"UV_DEFAULT_INDEX": "https://mirror.example/simple"}
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert python_env._index(python) is None


def test_a_part_is_made_once_and_again_when_it_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "tools_dir", lambda: tmp_path)
    made: list[int] = []

    def make() -> None:
        (tmp_path / "part").mkdir(exist_ok=True)
        made.append(1)

    def fail() -> None:
        raise SandboxError("cut off")

    tools._part("part", "a", make)
    tools._part("part", "a", make)
    assert len(made) == 1
    with pytest.raises(SandboxError):
        tools._part("part", "b", fail)
    tools._part("part", "a", make)
    assert len(made) == 2


def test_missing_system_packages_are_named_to_who_may_not_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_packages, "missing", lambda: ["libpango-1.0-0"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    said: list[str] = []
    system_packages.ensure(said.append)
    assert "apt-get install --no-install-recommends libpango-1.0-0" in said[0]


def test_a_checkout_of_odoo_must_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM2ODOO_ODOO_PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="no odoo-bin"):
        find_odoo()


def test_tools_start_on_a_bare_python() -> None:
    plugins = Path(tools.__file__).parents[2]
    program = "import crm2odoo.sandbox.tools, crm2odoo.sandbox.cli"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(plugins)!r}); {program}"]
    )
    assert done.returncode == 0


def test_what_takes_long_says_again_and_again_how_far_it_is() -> None:
    """Its texts come in order, an empty one is not said, and nothing is said any more when it is over."""
    texts, said, enough = iter(["one", "", "two"]), [], threading.Event()

    def log(text: str) -> None:
        said.append(text)
        if text == "two":
            enough.set()

    with progress.told(log, lambda: next(texts, ""), every=0.001):
        assert enough.wait(60)
    assert said == ["one", "two"]


def test_how_far_the_downloads_are(tmp_path: Path) -> None:
    folder = write(tmp_path / "tools", {"a/one": "x" * 1_500_000, "two": "x" * 600_000})
    (folder / "linked").hardlink_to(folder / "a" / "one")
    assert progress.megabytes(folder) == 2
    assert progress.megabytes(tmp_path / "nothing") == 0
    assert progress.modules_installed(tmp_path / "no.log") == ""
    line = "2026-01-01 00:00:00,000 1 INFO db odoo.modules.loading: Loading module {} \n"
    (tmp_path / "odoo.log").write_text(line.format("base (1/1)"))
    assert progress.modules_installed(tmp_path / "odoo.log") == ""
    (tmp_path / "odoo.log").write_text(line.format("base (1/1)") + line.format("web (4/73)"))
    assert progress.modules_installed(tmp_path / "odoo.log") == "Odoo installs its apps: module 4 of 73"


@pytest.fixture
def new_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of tools, whose environments are made without a download."""
    monkeypatch.setattr(tools, "tools_dir", lambda: tmp_path)
    monkeypatch.setattr(system_packages, "ensure", lambda log: None)
    monkeypatch.setattr(python_env, "bootstrap", lambda folder, log: None)
    monkeypatch.setattr(python_env, "install", lambda folder, requirements, uv, log: folder.mkdir())
    monkeypatch.delenv("CRM2ODOO_ODOO_PATH", raising=False)
    return tmp_path


def test_a_part_that_takes_long_is_named_while_it_does(new_tools: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @contextlib.contextmanager
    def told(log: Callable[[str], None], how_far: Callable[[], str]) -> Iterator[None]:
        log(how_far())
        go_on.set()
        yield

    go_on = threading.Event()
    monkeypatch.setattr(progress, "told", told)
    monkeypatch.setattr(odoo_package, "fetch", lambda target, work, log: target.mkdir() if go_on.wait(60) else None)
    tools.ensure_tools()
    lines = capsys.readouterr().out
    assert re.search(r"still at work: odoo.*\(0 MB in .* so far\)", lines)


def test_when_several_downloads_fail_the_network_is_asked_about(new_tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise SandboxError("no way to the mirror")

    monkeypatch.setattr(odoo_package, "fetch", fail)
    with pytest.raises(SandboxError, match=r"^no way to the mirror$"):
        tools.ensure_tools()
    shutil.rmtree(new_tools / "venv")
    monkeypatch.setattr(python_env, "install", fail)
    with pytest.raises(SandboxError) as caught:
        tools.ensure_tools()
    assert str(caught.value).startswith("2 downloads failed (odoo, venv): does this machine reach the network? A proxy")
    assert str(caught.value).count("no way to the mirror") == 2
