"""Fetch Debian's package of Odoo 19 and unpack it into a folder; nothing is installed into the system.

apt does the work, with settings of its own below `.tools`: it checks the archive's signature and every file's hash.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from . import apt_sources
from .errors import SandboxError

PACKAGE, SUITE = "odoo-19", "sid"
RECIPE = f"{PACKAGE} {SUITE} 2"
"""What the result depends on; count it up when the same package would be unpacked differently."""
VERSION = ".version"
"""File in the unpacked folder with the package's name and version."""
KEYRINGS = [Path(f"/usr/share/keyrings/debian-archive-keyring.{ending}") for ending in ("gpg", "pgp")]
OTHERWISE = "or set CRM2ODOO_ODOO_PATH to a checkout of Odoo 19"

FONTS = (".otf", ".ttf", ".woff", ".woff2", ".eot")

# Translations are a third of the files, and a sandbox speaks English.
LEFT_OUT = ("*.po", "*.pot")

Log = Callable[[str], None]


def fetch(target: Path, work: Path, log: Log) -> None:
    """Put Odoo's files, and the fonts and scripts that they link to, into `target`; `work` holds apt's own files.

    Raises SandboxError if this is no Debian-like machine, or no mirror has the package.
    """
    for program in ("apt-get", "apt-cache", "dpkg-deb", "tar"):
        if not shutil.which(program):
            raise SandboxError(
                f"{program} is missing, so Debian's package of Odoo cannot be fetched: install it, {OTHERWISE}"
            )
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial", "parts", "debs"):
        (work / folder).mkdir(parents=True)
    (work / "status").touch()
    apt = _configure(work)
    _update(apt, work, _keyring(work), log)
    names = [PACKAGE, *_companions(apt)]
    log(f"downloading {PACKAGE} and {len(names) - 1} packages of fonts and scripts")
    _run([*apt("apt-get"), "download", *names], cwd=work / "debs")
    draft = target.with_name(target.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for package in sorted((work / "debs").glob("*.deb")):
        unpack(package, draft)
    repair_links(draft)
    # The package links to fonts that newer font packages call differently; a page without them is still a page.
    if missing := [link.name for link in dangling_links(draft) if link.suffix not in FONTS]:
        raise SandboxError(f"the package of Odoo is incomplete: {', '.join(missing[:5])}")
    fill_gaps(draft / "usr" / "lib" / "python3" / "dist-packages" / "odoo" / "addons")
    (draft / VERSION).write_text(next((work / "debs").glob(f"{PACKAGE}_*.deb")).stem)
    replace_folder(target, draft)
    shutil.rmtree(work)


def replace_folder(target: Path, new: Path) -> None:
    """Put `new` in the place of `target` within an instant: an Odoo that runs from there keeps finding its files."""
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _configure(work: Path) -> Callable[[str], list[str]]:
    """Returns how to call a program of apt with our settings; proxies set for the machine still hold."""
    settings = work / "apt.conf"
    settings.write_text(f"""
Dir::State "{work}";
Dir::State::status "{work}/status";
Dir::State::lists "{work}/lists";
Dir::Cache "{work}/cache";
Dir::Etc::sourcelist "{work}/mirror.sources";
Dir::Etc::sourceparts "{work}/parts";
Dir::Etc::preferencesparts "{work}/parts";
Dir::Etc::preferences "/dev/null";
APT::Sandbox::User "root";
APT::Default-Release "";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Update::Pre-Invoke;
""")
    return lambda program: [program, "-q", "-c", str(settings)]


def _update(apt: Callable[[str], list[str]], work: Path, keyring: Path, log: Log) -> None:
    """Fetch the list of packages from the first mirror that has it."""
    told = os.environ.get("CRM2ODOO_DEBIAN_MIRROR")
    own = apt_sources.uris()
    mirrors = [told.rstrip("/")] if told else apt_sources.debian_mirrors(own)
    if not mirrors:
        raise SandboxError(f"no mirror of Debian found: set CRM2ODOO_DEBIAN_MIRROR to one, {OTHERWISE}")
    failures = []
    for mirror in mirrors:
        (work / "mirror.sources").write_text(
            f"Types: deb\nURIs: {mirror}\nSuites: {SUITE}\nComponents: main\nSigned-By: {keyring}\n"
        )
        if mirror not in [uri.rstrip("/") for uri in own]:
            log(f"this machine's own mirrors have no {PACKAGE}; trying {mirror}")
        try:
            _run([*apt("apt-get"), "update", "-o", "APT::Update::Error-Mode=any"])
            return
        except SandboxError as error:
            failures.append(f"{mirror}: {error}")
    raise SandboxError(
        f"no mirror serves Debian's {SUITE}; set CRM2ODOO_DEBIAN_MIRROR to one that does, {OTHERWISE}\n"
        + "\n".join(failures)
    )


def _keyring(work: Path) -> Path:
    """Debian's keys: the machine's, else out of the package that its own mirror has (Ubuntu's has it, too)."""
    for keyring in KEYRINGS:
        if keyring.exists():
            return keyring
    try:
        _run(["apt-get", "-q", "download", "debian-archive-keyring"], cwd=work)
        for package in work.glob("debian-archive-keyring*.deb"):
            unpack(package, work / "keyring")
    except SandboxError:
        pass
    for keyring in KEYRINGS:
        if (ours := work / "keyring" / keyring.relative_to("/")).exists():
            return ours
    raise SandboxError(f"Debian's keys are missing: apt-get install debian-archive-keyring, {OTHERWISE}")


def _companions(apt: Callable[[str], list[str]]) -> list[str]:
    """The fonts and scripts that the package depends on, and what these depend on."""
    found: list[str] = []
    waiting = [PACKAGE]
    while waiting:
        shown = _run([*apt("apt-cache"), "show", "--no-all-versions", *waiting])
        wanted = {name for name in depends(shown) if name.startswith(("fonts-", "libjs-"))}
        waiting = sorted(wanted - set(found))
        found += waiting
    return found


def depends(shown: str) -> Iterable[str]:
    """The names in the Depends lines of `apt-cache show`; of alternatives the first."""
    for line in re.findall(r"^Depends: (.*)$", shown, re.MULTILINE):
        for choice in line.split(","):
            yield re.split(r"[\s(|:]", choice.strip(), maxsplit=1)[0]


def unpack(package: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as reader:
        leave = [f"--exclude={pattern}" for pattern in LEFT_OUT]
        done = subprocess.run(["tar", "-x", "--no-same-owner", *leave, "-C", str(target)], stdin=reader.stdout)
    if done.returncode or reader.returncode:
        raise SandboxError(f"cannot unpack {package.name}")


def repair_links(root: Path) -> None:
    """Make absolute links relative, so that they stay inside `root`."""
    for link in _links(root):
        if (aim := os.readlink(link)).startswith("/"):
            link.unlink()
            link.symlink_to(os.path.relpath(root / aim.lstrip("/"), link.parent))


def dangling_links(root: Path) -> list[Path]:
    """Links that lead nowhere, or out of `root`."""
    return [link for link in _links(root) if not link.exists() or not link.resolve().is_relative_to(root.resolve())]


def fill_gaps(addons: Path) -> None:
    """Put an empty script where a manifest names one that Debian may not ship; else every page reports an error."""
    for manifest in addons.glob("*/__manifest__.py"):
        bundles: dict[str, list[str | tuple[str, ...]]] = ast.literal_eval(manifest.read_text()).get("assets", {})
        for entry in (entry for entries in bundles.values() for entry in entries):
            if not isinstance(entry, str) or not entry.endswith(".js") or set("*?[:") & set(entry):
                continue
            script = addons / entry.lstrip("/")
            # A path into a module that is not there at all is not ours to mend.
            if (addons / script.relative_to(addons).parts[0]).is_dir() and not script.exists():
                script.parent.mkdir(parents=True, exist_ok=True)
                script.write_text("// Debian's package of Odoo has no such file.\n")


def _links(root: Path) -> list[Path]:
    return sorted(
        Path(folder, name)
        for folder, folders, files in os.walk(root)
        for name in (*folders, *files)
        if os.path.islink(os.path.join(folder, name))
    )


def _run(command: list[str], cwd: Path | None = None) -> str:
    environment = os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise SandboxError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout
