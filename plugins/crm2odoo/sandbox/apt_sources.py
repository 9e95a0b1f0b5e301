"""Where this machine gets its Debian packages from, read from its own apt settings.

No mirror's address is written in this program: a machine behind a company's mirror keeps using that mirror.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ETC = Path("/etc/apt")
PYTHON_APT = Path("/usr/share/python-apt/templates/Debian.info")
"""Ubuntu's python-apt knows Debian's archive host."""


def uris(etc: Path = ETC) -> list[str]:
    """Every address in sources.list and sources.list.d, in reading order, without those that are switched off."""
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    found: list[str] = []
    for file in files:
        if not file.is_file():
            continue
        text = file.read_text(errors="replace")
        if file.suffix == ".sources":
            found += _deb822(text)
        elif file.suffix == ".list":
            found += _one_line(text)
    return list(dict.fromkeys(found))


def _one_line(text: str) -> Iterator[str]:
    """`deb [options] uri suite component...`"""
    for line in text.splitlines():
        if match := re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)", line):
            yield match[1]


def _deb822(text: str) -> Iterator[str]:
    """Paragraphs of `Field: value`, where a value goes on in lines that start with a blank."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = {
            name.lower(): value.split()
            for name, value in re.findall(r"^([\w-]+):((?:.*)(?:\n[ \t].*)*)", paragraph, flags=re.MULTILINE)
        }
        if "deb" in fields.get("types", []) and [v.lower() for v in fields.get("enabled", [])] != ["no"]:
            yield from fields.get("uris", [])


def debian_mirrors(addresses: list[str], python_apt: Path | None = None) -> list[str]:
    """Addresses that may serve Debian's main archive, the likeliest first.

    A Debian machine has one among its own. On Ubuntu, a mirror of Ubuntu often serves Debian beside it; and
    python-apt's template names Debian's own host.
    """
    found = [uri.rstrip("/") for uri in addresses if _archive(uri) == "debian"]
    found += [_beside(uri) for uri in addresses if _archive(uri) == "ubuntu"]
    python_apt = python_apt or PYTHON_APT
    if python_apt.is_file():
        found += [uri.rstrip("/") for uri in re.findall(r"^BaseURI:\s*(\S+)", python_apt.read_text(), re.MULTILINE)
                  if _archive(uri) == "debian"]  # fmt: skip
    return list(dict.fromkeys(found))


def _archive(uri: str) -> str | None:
    """Which distribution's main archive an address looks like: debian, ubuntu or neither."""
    scheme, _, path = uri.partition(":")
    last = path.rstrip("/").rpartition("/")[2].removesuffix(".list")
    if scheme in ("cdrom", "file", "copy") or last not in ("debian", "ubuntu"):
        return None
    return last


def _beside(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix("ubuntu") + "debian"))
