"""The two ways of calling a method of Odoo: JSON-2 (19 and later, API key) and JSON-RPC (16 to 19, API key or password).

Both turn every failure into one class of ``errors``; nothing else leaves this file.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
import msgspec

from crm2odoo.odoo.errors import (
    AccessRefused,
    OdooError,
    OdooUnreachable,
    RowRefused,
    SchemaMismatch,
    TooLarge,
    TransientError,
    UnclearAnswer,
    Unsupported,
    WrongCredentials,
    WrongDatabase,
)


@dataclass(frozen=True)
class OdooCredentials:
    """How to log in. ``secret`` is an API key (any version) or a password (JSON-RPC only)."""

    url: str
    database: str
    login: str
    secret: str = field(repr=False)

    @property
    def base(self) -> str:
        """The URL without a trailing slash."""
        return self.url.rstrip("/")


class Transport(Protocol):
    """One way of calling Odoo, logged in."""

    name: str
    uid: int

    def call(self, model: str, method: str, ids: list[int] | None, context: dict[str, Any], named: dict[str, Any], timeout: float | None) -> Any:
        """The method's result. Raises the classes of ``errors``."""

    def call_text(self, model: str, method: str, ids: list[int] | None, context: dict[str, Any], named: dict[str, Any], timeout: float | None) -> str:
        """The same as JSON text."""


# JSON-RPC hands over positional arguments: their names changed between versions, and ``create`` reads its first argument by place.
POSITIONAL = {
    "create": ("vals_list",),
    "write": ("vals",),
    "search": ("domain",),
    "search_count": ("domain",),
    "search_read": ("domain", "fields"),
    "read": ("fields",),
    "load": ("fields", "data"),
    "fields_get": ("allfields", "attributes"),
}

# psycopg2 classes that say "these values cannot be stored"; any other database error is about the moment, not about the row.
ROW_DATABASE_ERRORS = {
    "NotNullViolation",
    "ForeignKeyViolation",
    "UniqueViolation",
    "CheckViolation",
    "ExclusionViolation",
    "IntegrityError",
    "DataError",
    "NumericValueOutOfRange",
    "StringDataRightTruncation",
    "InvalidTextRepresentation",
    "InvalidDatetimeFormat",
    "DatetimeFieldOverflow",
    "CharacterNotInRepertoire",
    "UntranslatableCharacter",
    "ProgramLimitExceeded",
}
# What a server action makes of other exceptions: "ValueError('<its code>')" of the exception's repr.
IN_ACTION = re.compile(r"^(?P<name>[A-Za-z_.]+)\((?P<text>.*)\) while evaluating\n", re.DOTALL)
NO_SUCH_FIELD = re.compile(r"Invalid field '?\"?([\w.]+)'?\"? (in|on model) '?\"?([\w.]+)")


def odoo_error(where: str, name: str, reason: str) -> OdooError:
    """The class for an exception that Odoo itself reports. ``name`` is its dotted class, ``reason`` its message."""
    if inner := IN_ACTION.match(reason or ""):
        name, reason = _inside_action(inner["name"], inner["text"])
    short = name.rpartition(".")[2]
    reason = (reason or name).strip()
    text = f"{where}: {short}: {reason}"
    if short in ("AccessDenied", "Unauthorized"):
        return WrongCredentials(
            f"{where}: Odoo refuses the login ({reason}).\nCheck login and API key of the Odoo connection; a key may have expired or been revoked."
        )
    if "does not exist" in reason and reason.startswith(("connection to server", "database", "FATAL")):
        return WrongDatabase(f"{where}: {reason}\nCheck the database name (schema) of the Odoo connection.")
    if short in ("NotFound", "AttributeError") and "method" in reason:
        return Unsupported(f"{where}: {reason}")
    if (short == "NotFound" and "model" in reason) or (short == "UserError" and reason.startswith("Object ") and reason.endswith("doesn't exist")):
        return Unsupported(f"{where}: {reason}\nThe module that brings this model is not installed.")
    if short == "UnprocessableEntity":
        return Unsupported(f"{where}: {reason}")
    if short == "ValueError" and (found := NO_SUCH_FIELD.search(reason)):
        return SchemaMismatch(
            f"{where}: Odoo has no field {found[1]!r} on {found[3]!r} (any more): a module or a custom field was removed since set-up.\n"
            "Run the set-up task again, then clear this task."
        )
    if short == "AccessError":
        return AccessRefused(text, name=name, reason=reason)
    if short == "MemoryError":
        return TooLarge(text)
    if name.startswith("psycopg2") and short not in ROW_DATABASE_ERRORS:
        return TransientError(text)
    if short == "ConcurrencyError" or "could not serialize" in reason or "deadlock detected" in reason:
        return TransientError(text)
    return RowRefused(text, name=name, reason=reason)


def _inside_action(name: str, text: str) -> tuple[str, str]:
    """Class and message of an exception that a server action wrapped. Details of database errors go: they hold whole rows."""
    try:
        text = str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        text = text.strip("'\"")
    if name[0].isupper() and (name in ROW_DATABASE_ERRORS or "DETAIL:" in text or "CONTEXT:" in text):
        return f"psycopg2.errors.{name}", text.splitlines()[0]
    return name, text


@dataclass
class _Http:
    """What both transports share: one POST, and what its failures mean."""

    http: httpx.Client
    base: str

    def post(self, path: str, body: bytes, headers: dict[str, str], where: str, timeout: float | None) -> httpx.Response:
        options: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
        try:
            answer = self.http.post(self.base + path, content=body, headers={"Content-Type": "application/json; charset=utf-8", **headers}, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise OdooUnreachable(
                f"{where}: no connection to {self.base}: {error or type(error).__name__}\n"
                "Is Odoo running, and is the host of the Odoo connection right?"
            ) from None
        except httpx.TimeoutException as error:
            raise UnclearAnswer(f"{where}: no answer in time from {self.base} ({type(error).__name__}).") from None
        except httpx.TransportError as error:
            raise UnclearAnswer(f"{where}: the connection to {self.base} broke: {error or type(error).__name__}") from None
        wait = retry_after(answer)
        if answer.status_code == 429:
            raise TransientError(f"{where}: {self.base} answers 429 Too Many Requests.", wait)
        if answer.status_code == 413:
            raise TooLarge(f"{where}: {self.base} answers 413: a request of {len(body)} bytes is too large for it.")
        if answer.status_code in (502, 503, 504):
            raise UnclearAnswer(f"{where}: {self.base} answers {answer.status_code} {answer.reason_phrase}.", wait)
        return answer

    def json(self, answer: httpx.Response, where: str) -> Any:
        """The body as JSON; anything else leaves open what Odoo did."""
        try:
            return json.loads(answer.content)
        except ValueError:
            kind = answer.headers.get("content-type", "no content type")
            raise UnclearAnswer(
                f"{where}: {self.base} answers {answer.status_code} with {kind} and {len(answer.content)} bytes that are not JSON; "
                "is this really Odoo, or a proxy's page?"
            ) from None


def _json(body: Any) -> bytes:
    """Text as it is: escaped, Cyrillic would be three times as long. Four times as quick as `json`, and Odoo waits for it."""
    return msgspec.json.encode(body)


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds of a Retry-After header; None without one, or when it holds a date."""
    try:
        return float(answer.headers["retry-after"])
    except (KeyError, ValueError):
        return None


class Json2(_Http):
    """``POST /json/2/<model>/<method>`` with a bearer key. Real HTTP status codes, named arguments only."""

    name = "json2"

    def __init__(self, http: httpx.Client, credentials: OdooCredentials) -> None:
        """Asks who we are. Raises WrongCredentials, WrongDatabase, Unsupported (no JSON-2 here)."""
        super().__init__(http, credentials.base)
        self._headers = {"Authorization": f"bearer {credentials.secret}"}
        if credentials.database:
            self._headers["X-Odoo-Database"] = credentials.database
        self.uid = int(self.call("res.users", "context_get", None, {}, {}, None)["uid"])

    def call(self, model: str, method: str, ids: list[int] | None, context: dict[str, Any], named: dict[str, Any], timeout: float | None) -> Any:
        return self._result(self._ask(model, method, ids, context, named, timeout), f"{model}.{method}")

    def call_text(self, model: str, method: str, ids: list[int] | None, context: dict[str, Any], named: dict[str, Any], timeout: float | None) -> str:
        answer = self._ask(model, method, ids, context, named, timeout)
        if answer.status_code == 200 and answer.headers.get("content-type", "").startswith("application/json"):
            return answer.content.decode()
        return json.dumps(self._result(answer, f"{model}.{method}"))

    def _ask(
        self, model: str, method: str, ids: list[int] | None, context: dict[str, Any], named: dict[str, Any], timeout: float | None
    ) -> httpx.Response:
        body: dict[str, Any] = {**named, "context": context}
        if ids is not None:
            body["ids"] = ids
        return self.post(f"/json/2/{model}/{method}", _json(body), self._headers, f"{model}.{method}", timeout)

    def _result(self, answer: httpx.Response, where: str) -> Any:
        if answer.status_code == 404 and "json" not in answer.headers.get("content-type", ""):
            if "X-Odoo-Database" in answer.text or "database" in answer.text:
                raise WrongDatabase(
                    f"{where}: {self.base} does not know the database {self._headers.get('X-Odoo-Database', '')!r}.\n"
                    "Check the database name (schema) of the Odoo connection."
                )
            raise Unsupported(f"{where}: {self.base} has no JSON-2 interface: Odoo before 19, or not an Odoo.")
        data = self.json(answer, where)
        if answer.status_code >= 400:
            if not isinstance(data, dict) or "name" not in data:
                raise UnclearAnswer(f"{where}: {self.base} answers {answer.status_code} without Odoo's error.")
            raise odoo_error(where, str(data["name"]), str(data.get("message") or ""))
        return data


class JsonRpc(_Http):
    """``POST /jsonrpc`` with ``execute_kw``. HTTP status 200 even for errors."""

    name = "jsonrpc"

    def __init__(self, http: httpx.Client, credentials: OdooCredentials) -> None:
        """Logs in. Raises WrongCredentials, WrongDatabase, Unsupported (the module ``rpc`` was removed)."""
        super().__init__(http, credentials.base)
        self._credentials = credentials
        uid = self._rpc("login", "common", "authenticate", [credentials.database, credentials.login, credentials.secret, {}], None)
        if not uid:
            raise WrongCredentials(
                f"login: Odoo at {self.base} refuses user {credentials.login!r} on database {credentials.database!r}.\n"
                "Check login and password or API key of the Odoo connection."
            )
        self.uid = int(uid)

    def call(self, model: str, method: str, ids: list[int] | None, context: dict[str, Any], named: dict[str, Any], timeout: float | None) -> Any:
        keywords = dict(named)
        args: list[Any] = [] if ids is None else [ids]
        for argument in POSITIONAL.get(method, ()):
            if argument not in keywords:
                break
            args.append(keywords.pop(argument))
        secret = self._credentials.secret
        return self._rpc(
            f"{model}.{method}",
            "object",
            "execute_kw",
            [self._credentials.database, self.uid, secret, model, method, args, {**keywords, "context": context}],
            timeout,
        )

    def call_text(self, model: str, method: str, ids: list[int] | None, context: dict[str, Any], named: dict[str, Any], timeout: float | None) -> str:
        # The result is wrapped, and the wrapping says whether it is one.
        return json.dumps(self.call(model, method, ids, context, named, timeout))

    def _rpc(self, where: str, service: str, method: str, args: list[Any], timeout: float | None) -> Any:
        body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": {"service": service, "method": method, "args": args}}
        answer = self.post("/jsonrpc", _json(body), {}, where, timeout)
        if answer.status_code == 404:
            raise Unsupported(f"{where}: {self.base} has no JSON-RPC interface: its module `rpc` is not installed, or this is not an Odoo.")
        data = self.json(answer, where)
        if not isinstance(data, dict) or ("result" not in data and "error" not in data and "jsonrpc" not in data):
            raise UnclearAnswer(f"{where}: {self.base} answers JSON that is not JSON-RPC.")
        if "error" in data:
            error = data["error"].get("data") or {}
            raise odoo_error(where, str(error.get("name") or ""), str(error.get("message") or data["error"].get("message") or ""))
        return data.get("result")
