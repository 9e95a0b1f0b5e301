"""A logged-in connection to one Odoo database."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Literal

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from crm2odoo.odoo.errors import OdooError, OdooUnreachable, TransientError, UnclearAnswer, Unsupported, WrongCredentials
from crm2odoo.odoo.transports import Json2, JsonRpc, OdooCredentials, Transport

__all__ = ["OdooClient", "OdooCredentials", "wait_politely"]

log = logging.getLogger(__name__)

# Asking twice does no harm, so an unclear answer to one of these is simply asked again.
READS = {
    "read",
    "search",
    "search_read",
    "search_count",
    "fields_get",
    "context_get",
    "has_group",
    "has_access",
    "check_access_rights",
    "get_views",
    "get_external_id",
    "get_metadata",
    "name_search",
    "read_group",
    "formatted_read_group",
    "default_get",
    "get_param",
}
_BACK_OFF = wait_random_exponential(multiplier=0.5, max=20)


def wait_politely(state: RetryCallState) -> float:
    """Seconds before the next try: what the server asks for, else exponential with jitter (0.5 s doubling to 20 s)."""
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    return min(float(asked), 300.0) if asked is not None else _BACK_OFF(state)


class OdooClient:
    """Calls methods of Odoo's models. Safe to share between threads.

    ``transport``, ``uid``, ``url``, ``database`` say what it is connected to.
    """

    def __init__(self, credentials: OdooCredentials, transport: Transport, http: httpx.Client, calls_per_second: float | None) -> None:
        self.credentials = credentials
        self._transport = transport
        self._http = http
        self._pause = 1 / calls_per_second if calls_per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()
        self._version: dict[str, Any] | None = None

    @classmethod
    def connect(
        cls,
        credentials: OdooCredentials,
        transport: Literal["auto", "json2", "jsonrpc"] = "auto",
        timeout: float = 300.0,
        connect_timeout: float = 10.0,
        calls_per_second: float | None = None,
    ) -> OdooClient:
        """Logs in. ``auto`` takes JSON-2 when the secret is an API key and the server has it, else JSON-RPC.

        ``timeout``: seconds to wait for an answer; keep it above Odoo's ``limit_time_real`` (120), or work that Odoo still does is
        taken for lost. ``calls_per_second``: Odoo Online bears about 1; its addresses get that by themselves.
        Raises OdooUnreachable, WrongCredentials, WrongDatabase, Unsupported.
        """
        if calls_per_second is None and (httpx.URL(credentials.base).host or "").endswith(".odoo.com"):
            calls_per_second = 1.0
        http = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=connect_timeout),
            limits=httpx.Limits(max_keepalive_connections=4, keepalive_expiry=30),
            verify=not credentials.base.startswith("http:"),  # to read the system's certificates takes longer than three calls
        )
        try:
            chosen = _log_in(http, credentials, transport)
        except BaseException:
            http.close()
            raise
        log.info("connected url=%s database=%s transport=%s uid=%d", credentials.base, credentials.database, chosen.name, chosen.uid)
        return cls(credentials, chosen, http, calls_per_second)

    @property
    def transport(self) -> str:
        """``json2`` or ``jsonrpc``."""
        return self._transport.name

    @property
    def uid(self) -> int:
        """Database id of the user we are logged in as."""
        return self._transport.uid

    @property
    def url(self) -> str:
        return self.credentials.base

    @property
    def database(self) -> str:
        return self.credentials.database

    @property
    def version(self) -> str:
        """The server's version as it names itself: ``19.0``, ``19.0+e``, ``saas~18.4``."""
        return str(self.version_info["version"])

    @property
    def version_info(self) -> dict[str, Any]:
        """``version`` (text) and ``version_info`` ([19, 0, 0, 'final', 0, '' or 'e']); asked once."""
        if self._version is None:
            self._version = self._ask_version()
        return self._version

    def _ask_version(self) -> dict[str, Any]:
        # JSON-2 servers answer on a plain URL; older ones only on the old RPC, which needs no login for this.
        if self.transport == "json2":
            answer = self._http.get(self.url + "/json/version")
            if answer.status_code == 200:
                return dict(answer.json())
        body = {"jsonrpc": "2.0", "method": "call", "params": {"service": "common", "method": "version", "args": []}}
        result = self._http.post(self.url + "/jsonrpc", json=body).json()["result"]
        return {"version": result["server_version"], "version_info": result["server_version_info"]}

    @property
    def paced(self) -> bool:
        """Whether the server bears one call at a time only, and so many a second."""
        return self._pause > 0

    def call(
        self,
        model: str,
        method: str,
        *,
        ids: list[int] | None = None,
        context: dict[str, Any] | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> Any:
        """``model.method`` on the records ``ids`` with named arguments; its result as JSON.

        ``ids`` must be given (perhaps empty) for methods on records, and left out for methods on the model (``create``, ``search`` …).
        Tries again where that cannot do harm: nothing was sent, Odoo says it did nothing, or the method only reads.
        Raises RowRefused, AccessRefused, SchemaMismatch, Unsupported, TransientError, UnclearAnswer, OdooUnreachable, WrongCredentials.
        """
        return _tries(method)(self.call_once, model, method, ids=ids, context=context, timeout=timeout, **named)

    def call_text(self, model: str, method: str, *, ids: list[int] | None = None, context: dict[str, Any] | None = None, **named: Any) -> str:
        """Like ``call``, the result as JSON text: for whoever hands it on without looking into it."""

        def once() -> str:
            self._wait_for_turn()
            return self._transport.call_text(model, method, ids, context or {}, named, None)

        return _tries(method)(once)

    def call_once(
        self,
        model: str,
        method: str,
        *,
        ids: list[int] | None = None,
        context: dict[str, Any] | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> Any:
        """Like ``call``, but one try only: for whoever settles failures himself."""
        self._wait_for_turn()
        return self._transport.call(model, method, ids, context or {}, named, timeout)

    def _wait_for_turn(self) -> None:
        if not self._pause:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._pause
        time.sleep(turn - now)

    def xml_ids(self, names: list[str]) -> dict[str, int]:
        """Database ids of XML ids (``module.name``); unknown ones are missing from the answer."""
        found: dict[str, int] = {}
        modules: dict[str, list[str]] = {}
        for full in names:
            module, _, name = full.partition(".")
            modules.setdefault(module, []).append(name)
        for module, wanted in modules.items():
            domain = [["module", "=", module], ["name", "in", wanted]]
            for row in self.call("ir.model.data", "search_read", domain=domain, fields=["name", "res_id"]):
                found[f"{module}.{row['name']}"] = row["res_id"]
        return found

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> OdooClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _tries(method: str) -> Retrying:
    """Tries again after what did no harm: nothing was sent, or Odoo says it did nothing; of methods that only read, also an unclear answer."""
    again: tuple[type[OdooError], ...] = (TransientError, OdooUnreachable)
    if method in READS:
        again = (*again, UnclearAnswer)
    return Retrying(retry=retry_if_exception(lambda e: isinstance(e, again)), stop=stop_after_attempt(5), wait=wait_politely, reraise=True)


def _log_in(http: httpx.Client, credentials: OdooCredentials, transport: str) -> Transport:
    if transport == "jsonrpc":
        return JsonRpc(http, credentials)
    if transport == "json2":
        return Json2(http, credentials)
    try:
        return Json2(http, credentials)
    except (WrongCredentials, Unsupported, UnclearAnswer) as first:
        # A password, or a version without JSON-2.
        log.debug("no JSON-2: %s", first)
        return JsonRpc(http, credentials)
