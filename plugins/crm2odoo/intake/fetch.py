"""Fetches attachments from addresses that an export names, and from nowhere else.

An address in a customer's file is hostile until proved otherwise: only listed hosts, only public addresses (checked on the address that
is connected to, after every redirect, so that a name cannot change its meaning in between), within limits of size, time and type.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore

from crm2odoo.intake.errors import Rejected


class FetchRefused(Rejected):
    """The address may not be fetched, or what it answered may not be taken."""


@dataclass(frozen=True)
class FetchLimits:
    """``seconds`` for the whole fetch, redirects included; ``bytes`` of content."""

    bytes: int = 50 * 2**20
    seconds: float = 60.0
    redirects: int = 5
    refused_types: tuple[str, ...] = ("text/html", "application/xhtml+xml", "application/javascript", "text/javascript")


def check_address(url: str, hosts: list[str] | None) -> tuple[str, int]:
    """Host and port of an address that may be fetched. ``hosts``: names, or ``*.name`` for all below; None lists nobody and allows any public name.

    Raises FetchRefused.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise FetchRefused(f"{url!r} is not an address") from None
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() or c < " " for c in url.strip()):
        raise FetchRefused(f"{url!r} is not an http address")
    if parts.username or parts.password:
        raise FetchRefused(f"{url!r} carries a login")
    try:
        literal: Any = ipaddress.ip_address(host)
    except ValueError:
        # 2130706433, 0x7f.1 and the like are addresses too, to a resolver.
        if host.replace(".", "").replace("x", "").isalnum() and host.rsplit(".", 1)[-1].lower().startswith(("0x", *"0123456789")):
            raise FetchRefused(f"{url!r} hides an address in numbers") from None
        literal = None
    if literal is not None and not is_public(literal):
        raise FetchRefused(f"{url!r} is an internal address")
    if literal is None and ("." not in host or host.endswith((".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet", ".corp"))):
        raise FetchRefused(f"{url!r} is an internal name")
    if hosts is not None and not any(host == h or (h.startswith("*.") and host.endswith(h[1:])) for h in hosts):
        raise FetchRefused(f"{host} is not on the list of hosts\nAdd it to the decision `attachment_hosts`, or deliver the file.")
    if port not in (None, 80, 443, 8080, 8443):
        raise FetchRefused(f"{url!r} names an unusual port")
    return host, port or (443 if parts.scheme == "https" else 80)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address belongs to the public internet, also when it wraps an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


@dataclass
class PublicOnly(httpcore.NetworkBackend):
    """Connects to public addresses only. The name is resolved here, and the connection goes to the very address that was checked."""

    may: Any = is_public
    resolve: Any = field(default=socket.getaddrinfo)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        try:
            found = self.resolve(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise FetchRefused(f"{host} has no address: {error}") from None
        addresses = [ipaddress.ip_address(f[4][0].split("%")[0]) for f in found]
        if not addresses or not all(self.may(a) for a in addresses):
            raise FetchRefused(f"{host} leads to an internal address")
        return httpcore.SyncBackend().connect_tcp(str(addresses[0]), port, timeout, local_address, socket_options)


@dataclass
class _UntilDeadline(httpcore.NetworkBackend):
    """Another backend, whose connections end at ``deadline`` (monotonic seconds): a server that sends a byte now and then holds nobody."""

    inner: httpcore.NetworkBackend
    deadline: float

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        left = _left(self.deadline, httpcore.ConnectTimeout)
        return _StreamUntil(self.inner.connect_tcp(host, port, min(timeout or left, left), local_address, socket_options), self.deadline)


@dataclass
class _StreamUntil(httpcore.NetworkStream):
    inner: httpcore.NetworkStream
    deadline: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _left(self.deadline, httpcore.ReadTimeout)
        return self.inner.read(max_bytes, min(timeout or left, left))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = _left(self.deadline, httpcore.WriteTimeout)
        self.inner.write(buffer, min(timeout or left, left))

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> httpcore.NetworkStream:
        left = _left(self.deadline, httpcore.ConnectTimeout)
        return _StreamUntil(self.inner.start_tls(ssl_context, server_hostname, min(timeout or left, left)), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)

    def close(self) -> None:
        self.inner.close()


def _left(deadline: float, late: type[httpcore.TimeoutException]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise late("the whole took too long")
    return left


@dataclass
class Fetcher:
    """Fetches from the listed hosts."""

    hosts: list[str]
    limits: FetchLimits = field(default_factory=FetchLimits)
    backend: httpcore.NetworkBackend = field(default_factory=PublicOnly)
    ssl_context: ssl.SSLContext | None = None

    def get(self, url: str) -> bytes:
        """The content behind an address. Raises FetchRefused."""
        deadline = time.monotonic() + self.limits.seconds
        with httpcore.ConnectionPool(ssl_context=self.ssl_context, network_backend=_UntilDeadline(self.backend, deadline)) as pool:
            for _ in range(self.limits.redirects + 1):
                check_address(url, self.hosts)
                timeout = {"connect": 10.0, "read": 20.0, "write": 10.0, "pool": 10.0}
                try:
                    with pool.stream("GET", url, headers={"Accept": "*/*", "User-Agent": "crm2odoo"}, extensions={"timeout": timeout}) as answer:
                        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in answer.headers}
                        if answer.status in (301, 302, 303, 307, 308) and "location" in headers:
                            url = urljoin(url, headers["location"])
                            continue
                        return self._body(url, answer, headers, deadline)
                except (
                    httpcore.NetworkError,
                    httpcore.TimeoutException,
                    httpcore.ProtocolError,
                    httpcore.UnsupportedProtocol,
                    ssl.SSLError,
                ) as error:
                    if time.monotonic() > deadline:
                        raise FetchRefused(f"{url} took longer than {self.limits.seconds:.0f} s") from None
                    raise FetchRefused(f"{url}: {type(error).__name__} {error}") from None
        raise FetchRefused(f"{url}: redirected more than {self.limits.redirects} times")

    def _body(self, url: str, answer: httpcore.Response, headers: dict[str, str], deadline: float) -> bytes:
        if answer.status != 200:
            raise FetchRefused(f"{url} answered {answer.status}")
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        if kind in self.limits.refused_types and not urlsplit(url).path.lower().endswith((".html", ".htm", ".js")):
            raise FetchRefused(f"{url} answered with {kind}: most likely a login page, not the file")
        parts, size = [], 0
        for part in answer.iter_stream():
            size += len(part)
            if size > self.limits.bytes:
                raise FetchRefused(f"{url} is larger than {self.limits.bytes:,} bytes")
            if time.monotonic() > deadline:
                raise FetchRefused(f"{url} took longer than {self.limits.seconds:.0f} s")
            parts.append(part)
        if not size:
            raise FetchRefused(f"{url} is empty")
        return b"".join(parts)
