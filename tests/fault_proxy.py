"""A proxy in front of a real Odoo that breaks answers as networks and proxies do. Odoo itself is never disturbed."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# What happens to one request. "after": Odoo did the work, and the caller does not learn of it.
FAULTS = {
    "pass": "nothing",
    "drop after": "Odoo answers, the connection is closed without a byte",
    "reset after": "Odoo answers, the connection is reset",
    "truncate": "Odoo answers, half of the answer arrives, with the full Content-Length",
    "truncate silently": "Odoo answers, half of the answer arrives and is declared complete",
    "drop before": "Odoo never sees the request, the connection is closed",
    "502 after": "Odoo answers, a proxy says 502 with a page of HTML",
    "502": "a proxy says 502, Odoo never sees the request",
    "503": "likewise 503",
    "504 after": "Odoo answers too late for the proxy",
    "429": "too many requests, with Retry-After",
    "html": "status 200 with a page of HTML, Odoo never sees the request",
    "html after": "status 200 with a page of HTML, after Odoo did the work",
    "duplicate": "the request reaches Odoo twice, one after the other",
    "twice at once": "the request reaches Odoo twice at the same time",
    "slow": "the answer takes longer than the caller waits",
    "413": "the request is too large for the proxy",
}


@dataclass
class FaultProxy:
    """``faults`` are used up by the requests that ``matches`` picks, in their order; the others pass."""

    url: str
    upstream: str
    matches: Callable[[str, bytes], bool]
    faults: deque[str] = field(default_factory=deque)
    seen: list[str] = field(default_factory=list)
    slow_seconds: float = 2.5
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, path: str, body: bytes) -> str | None:
        with self.lock:
            if not self.matches(path, body):
                return None
            fault = self.faults.popleft() if self.faults else "pass"
            self.seen.append(fault)
            return None if fault == "pass" else fault


def is_write(path: str, body: bytes) -> bool:
    """A call of the load action, of ``load``, or of ``write``, on either transport."""
    text = body.decode()
    return path.endswith(("/ir.actions.server/run", "/load", "/write")) or any(f'"{m}"' in text for m in ("run", "load", "write"))


@contextmanager
def fault_proxy(upstream: str, *faults: str, matches: Callable[[str, bytes], bool] = is_write) -> Iterator[FaultProxy]:
    """Runs a proxy for ``upstream`` on a free port of 127.0.0.1."""
    assert set(faults) <= set(FAULTS)
    proxy = FaultProxy("", upstream, matches, deque(faults))

    class Handler(_Handler):
        state = proxy

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FaultProxy

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(*self._forward(b""))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.state.take(self.path, body)
        if fault in (None, "drop before", "502", "503", "429", "html", "413"):
            self._without_odoo(fault, body)
            return
        if fault == "twice at once":
            other = threading.Thread(target=self._forward, args=(body,))
            other.start()
            answer = self._forward(body)
            other.join()
            self._answer(*answer)
            return
        status, headers, content = self._forward(body)
        if fault == "duplicate":
            self._answer(*self._forward(body))
        elif fault == "slow":
            time.sleep(self.state.slow_seconds)
            self._answer(status, headers, content)
        elif fault == "truncate":
            self._answer(status, headers, content[: len(content) // 2], length=len(content))
            self.close_connection = True
        elif fault == "truncate silently":
            self._answer(status, headers, content[: len(content) // 2])
        elif fault in ("502 after", "504 after", "html after"):
            code = 200 if fault == "html after" else int(fault[:3])
            self._answer(code, {"Content-Type": "text/html"}, b"<html><h1>Sorry</h1></html>")
        elif fault == "reset after":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._hang_up()
        else:
            self._hang_up()

    def _without_odoo(self, fault: str | None, body: bytes) -> None:
        if fault is None:
            self._answer(*self._forward(body))
        elif fault == "drop before":
            self._hang_up()
        elif fault == "html":
            self._answer(200, {"Content-Type": "text/html"}, b"<html><h1>Maintenance</h1></html>")
        else:
            self._answer(int(fault), {"Content-Type": "text/html", "Retry-After": "0.2"}, b"<html></html>")

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = urlsplit(self.state.upstream)
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=120)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "content-length", "accept-encoding")}
            connection.request(self.command, self.path, body or None, {**headers, "Host": upstream.netloc})
            answer = connection.getresponse()
            return answer.status, {"Content-Type": answer.getheader("Content-Type") or ""}, answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], content: bytes, length: int | None = None) -> None:
        try:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content) if length is None else length))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the caller has gone

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
