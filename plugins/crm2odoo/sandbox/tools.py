"""`make tools`: everything that is downloaded, in `.tools`.

venv        Airflow and this project's own dependencies
odoo-venv   Odoo's dependencies, which are at odds with Airflow's
odoo        Odoo 19

Named on the command line, for those who work on this project:

airflow-3.1  the oldest Airflow that it runs on
terraform    checkov, and what stands in for Terraform's providers

Each part has a stamp, a hash of what it was made from; a part whose stamp still holds is left alone. Runs on a bare
Python 3.11 or later, with nothing installed.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from . import odoo_package, progress, python_env, system_packages
from .errors import SandboxError
from .home import checkout, locked, tools_dir

STAMP = ".stamp"
ODOO_REQUIREMENTS = Path(__file__).with_name("requirements-odoo.txt")


EXTRA = {name: f"requirements-{name}.txt" for name in ("airflow-3.1", "terraform")}


def stamp_of(*parts: str | Path) -> str:
    """A hash of texts, and of the contents of files."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, Path) else part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _part(name: str, stamp: str, make: Callable[[], None]) -> None:
    """Make a part unless its stamp holds; the stamp is written last, so that what was cut off is made again."""
    began, file = time.monotonic(), tools_dir() / name / STAMP
    if file.exists() and file.read_text() == stamp:
        print(f"  {name:<10} is there", flush=True)
        return
    file.unlink(missing_ok=True)
    make()
    file.write_text(stamp)
    print(f"  {name:<10} done in {time.monotonic() - began:.0f} s", flush=True)


def _say(message: str) -> None:
    print(f"  {message}", flush=True)


def ensure_tools() -> None:
    """Raises SandboxError with what a person can do about it."""
    tools, python = tools_dir(), ".".join(map(str, sys.version_info[:2]))
    tools.mkdir(exist_ok=True)
    ours = checkout() / "requirements-pinned.txt"
    system_packages.ensure(_say)
    uv = python_env.bootstrap(tools / "bootstrap", _say)

    def environment(name: str, requirements: Path) -> None:
        _part(
            name,
            stamp_of(python, requirements),
            lambda: python_env.install(tools / name, requirements, uv, _say),
        )

    def odoo() -> None:
        if os.environ.get("CRM2ODOO_ODOO_PATH"):
            _say("Odoo comes from CRM2ODOO_ODOO_PATH")
            return
        _part("odoo", stamp_of(odoo_package.RECIPE), lambda: odoo_package.fetch(tools / "odoo", tools / "apt", _say))

    with ThreadPoolExecutor() as pool:
        jobs = {"odoo": pool.submit(odoo), "venv": pool.submit(environment, "venv", ours)}
        jobs["odoo-venv"] = pool.submit(environment, "odoo-venv", ODOO_REQUIREMENTS)

        def how_far() -> str:
            waited_for = [name for name, job in jobs.items() if not job.done()]
            return f"still at work: {', '.join(waited_for)} ({progress.megabytes(tools)} MB in {tools.name} so far)" if waited_for else ""

        with progress.told(_say, how_far):
            wait(jobs.values())
    failed = {name: error for name, job in jobs.items() if isinstance(error := job.exception(), SandboxError)}
    if len(failed) > 1:
        raise SandboxError(
            f"{len(failed)} downloads failed ({', '.join(failed)}): does this machine reach the network? A proxy is named in https_proxy and "
            "http_proxy, an index of Python packages in PIP_INDEX_URL, a mirror of Debian in CRM2ODOO_DEBIAN_MIRROR. What is there already stays.\n"
            + "\n".join(f"{name}: {error}" for name, error in failed.items())
        )
    for job in jobs.values():
        job.result()


def ensure_extra(name: str) -> None:
    """One of EXTRA. Raises SandboxError with what a person can do about it."""
    tools, requirements = tools_dir(), checkout() / EXTRA[name]
    tools.mkdir(exist_ok=True)
    uv = python_env.bootstrap(tools / "bootstrap", _say)
    stamp = stamp_of(".".join(map(str, sys.version_info[:2])), requirements)
    _part(name, stamp, lambda: python_env.install(tools / name, requirements, uv, _say))


def main() -> int:
    began = time.monotonic()
    print("tools: what is not there yet is downloaded into .tools", flush=True)
    try:
        with locked(tools_dir() / ".lock"):
            if extra := sys.argv[1:]:
                for name in extra:
                    ensure_extra(name)
            else:
                ensure_tools()
    except SandboxError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    print(f"tools: ready after {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
