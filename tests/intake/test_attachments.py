"""Attachments: what makes a row unusable, where content is, and which addresses are fetched."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpcore
import pytest

from crm2odoo.intake.attachments import open_contents
from crm2odoo.intake.fetch import Fetcher, FetchLimits, FetchRefused, PublicOnly, check_address, is_public

HEAD = "ID,Filename,Parent Type,Parent ID,Path,URL,Content (Base64),Size,SHA256\n"
PDF = b"%PDF-1.4 hello"
SUM = hashlib.sha256(PDF).hexdigest()


def test_every_reject_code_of_attachments(take_in: Any) -> None:
    content = base64.b64encode(PDF).decode()
    cases = [
        ("files/a.pdf,,,14," + SUM, None), ("FILES\\A.PDF,,,,", None), ("./files/a.pdf,,,14 bytes,", None), (f",,{content},14,{SUM}", None), (f",,data:application/pdf;base64,{content},", None),
        (",https://files.example.com/x.pdf,,,", None), ("files/b.pdf,,,,", "file_missing"), ("files/empty.txt,,,,", "empty_attachment"), ("../secret.txt,,,,", "unsafe_path"),
        ("/etc/passwd,,,,", "unsafe_path"), ("C:\\x.pdf,,,,", "unsafe_path"), ("files/%2e%2e/%2e%2e/x,,,,", "unsafe_path"), ("vpimg://store/1.dcm,,,,", "imaging_store"),
        ("\\\\SERVER\\images\\1.dcm,,,,", "imaging_store"), ("file:///etc/passwd,,,,", "bad_url"), (",http://127.0.0.1/x,,,", "bad_url"), (",https://internal/x,,,", "bad_url"),
        (",ht!tp://x,,,", "bad_url"), (f",,{content[:-3]},,", "bad_base64"), ("files/a.pdf,,,15,", "size_mismatch"), ("files/a.pdf,,,," + "0" * 64, "checksum_mismatch"),
        (f",,{content},,{'0' * 64}", "checksum_mismatch"), (",,,,", "no_content"),
    ]
    text = HEAD
    for n, (cells, _) in enumerate(cases, 1):
        parts = cells.split(",")
        if "data:application/pdf;base64" in cells:
            parts = ["", "", f'"data:application/pdf;base64,{content}"', "", ""]
        text += f"{n},f{n}.pdf,Contact,1,{','.join(parts)}\n"
    done = take_in({"attachments.csv": text, "contacts.csv": "ID,Email\n1,a@x.com\n", "files/a.pdf": PDF, "files/empty.txt": b""}, source="smartdesk")
    found = {rec: code for rec, code, _ in done.rejects("attachment")}
    assert {n: found.get(n) for n in range(1, len(cases) + 1)} == {n: code for n, (_, code) in enumerate(cases, 1)}
    with open_contents(done.ws, done.export) as contents:
        file_no = done.rows("select file_no from {log}.file where name = 'attachments.csv'")[0]["file_no"]
        assert [contents.read("attachment", file_no, rec) for rec in (1, 2, 3, 4, 5)] == [PDF] * 5


def test_threads_need_their_text(take_in: Any) -> None:
    done = take_in({"contacts.csv": "Name,Email\nAnna,a@x.com\n", "social_threads.csv": "Contact,File\na@x.com,social/1.txt\na@x.com,social/2.txt\n", "social/1.txt": b"hi, there\n"})
    assert done.rejects("message_thread") == [(2, "file_missing", "file")]
    assert {r["status"] for r in done.rows("select status from {log}.file where name like 'social/%%'")} == {"excluded"}


@pytest.mark.promise("P217")
@pytest.mark.parametrize("url", [
    "http://127.0.0.1/", "http://[::1]/", "http://10.0.0.8/x", "http://169.254.169.254/latest/meta-data", "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/", "http://2130706433/", "http://0x7f.1/",
    "http://0177.0.0.1/", "http://localhost/", "http://metadata.google.internal/", "file:///etc/passwd", "gopher://x.example.com/", "http://user:pw@files.example.com/", "http://files.example.com:22/",
    "http://other.example.org/", "javascript:alert(1)", "http://", "https://files.example.com\n.evil.org/", "http://100.64.0.1/", "http://[fd00::1]/", "http://224.0.0.1/", "//files.example.com/x",
])
def test_addresses_that_are_never_fetched(url: str) -> None:
    with pytest.raises(FetchRefused):
        check_address(url, ["files.example.com", "*.cdn.example.com"])


def test_addresses_that_may_be_fetched() -> None:
    assert check_address("https://files.example.com/a?b", ["files.example.com"]) == ("files.example.com", 443)
    assert check_address("http://eu.cdn.example.com:8080/", ["*.cdn.example.com"]) == ("eu.cdn.example.com", 8080)
    assert is_public(ipaddress.ip_address("93.184.216.34"))


class Pages(BaseHTTPRequestHandler):
    """A file server that also misbehaves."""

    def do_GET(self) -> None:
        where = self.path
        if where.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", {"file": "/file", "inside": "http://10.0.0.5/x", "other": "http://evil.example.org/", "round": "/to/round", "rebound": "http://rebound.example.com/file"}[where[4:]])
            self.end_headers()
            return
        if where == "/drip":
            # A header that never ends.
            self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
            for _ in range(40):
                time.sleep(0.1)
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return
            return
        self.send_response(404 if where == "/missing" else 200)
        self.send_header("Content-Type", "text/html" if where == "/login" else "application/pdf")
        self.end_headers()
        if where == "/endless":
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                return
        if where == "/slow":
            for _ in range(20):
                time.sleep(0.1)
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return
        if where != "/empty":
            self.wfile.write(PDF)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http.server_address[1]
        http.shutdown()


class ToServer(PublicOnly):
    """Lets port 80 of files.example.com be the server of this test; other names resolve to an internal address."""

    def __init__(self, port: int) -> None:
        super().__init__(may=lambda a: a == ipaddress.ip_address("127.0.0.1"), resolve=self._resolve)
        self.port = port

    def _resolve(self, host: str, port: int, **_: Any) -> list[Any]:
        return socket.getaddrinfo("127.0.0.1" if host == "files.example.com" else "10.1.1.1", port, type=socket.SOCK_STREAM)

    def connect_tcp(self, host: str, port: int, *args: Any, **more: Any) -> httpcore.NetworkStream:
        return super().connect_tcp(host, self.port, *args, **more)


@pytest.mark.promise("P217")
def test_fetching_follows_redirects_only_to_where_it_may(server: int) -> None:
    fetcher = Fetcher(["files.example.com", "rebound.example.com"], FetchLimits(bytes=1_000_000, seconds=1.0), ToServer(server))
    assert fetcher.get("http://files.example.com/file") == PDF
    assert fetcher.get("http://files.example.com/to/file") == PDF
    for page, reason in {
        "to/inside": "internal", "to/other": "not on the list", "to/round": "redirected more", "to/rebound": "internal address", "login": "login page", "missing": "404", "endless": "larger than", "slow": "longer than", "drip": "longer than", "empty": "empty",
    }.items():
        with pytest.raises(FetchRefused, match=reason):
            fetcher.get(f"http://files.example.com/{page}")


@pytest.mark.promise("P217")
def test_a_name_that_changes_its_meaning_is_resolved_once_and_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, connected = [], []

    def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34" if len(asked) == 1 else "10.0.0.5", port))]

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda self, host, *_: connected.append(host))
    backend = PublicOnly(resolve=rebinding)
    backend.connect_tcp("files.example.com", 443)
    assert (asked, connected) == (["files.example.com"], ["93.184.216.34"])
    with pytest.raises(FetchRefused, match="internal address"):
        backend.connect_tcp("files.example.com", 443)
    assert connected == ["93.184.216.34"]


def test_a_name_with_one_internal_address_among_its_public_ones_is_refused() -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("93.184.216.34", "169.254.169.254")]
    with pytest.raises(FetchRefused, match="internal address"):
        PublicOnly(resolve=lambda *_, **__: both).connect_tcp("files.example.com", 443)
