"""An API key for a user of Odoo, made as a person makes it.

Odoo refuses to make keys over RPC; they come from a web session, after the password has been given once more.
"""

from __future__ import annotations

import datetime
from typing import Any

import httpx

from .errors import SandboxError

DAYS = 30
"""Days until a key expires. Odoo's form offers 1, 7, 30, 90, 180 and 365."""


def make_api_key(url: str, database: str, login: str, password: str) -> tuple[str, datetime.datetime]:
    """A new key and the time (UTC) at which it expires. Raises SandboxError if Odoo refuses."""
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=DAYS)
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        session = _call(client, "/web/session/authenticate", {"db": database, "login": login, "password": password})
        if not session.get("uid"):
            raise SandboxError("Odoo refuses the new password")
        form = "res.users.apikeys.description"
        form_id = _method(client, form, "create", [{"name": "crm2odoo", "duration": str(DAYS)}])
        action = _method(client, form, "make_key", [[form_id]])
        if action.get("res_model") == "res.users.identitycheck":
            check = "res.users.identitycheck"
            _method(client, check, "write", [[action["res_id"]], {"password": password}])
            action = _method(client, check, "run_check", [[action["res_id"]]], {"context": {"password": password}})
        _call(client, "/web/session/destroy", {})
    return str(action["context"]["default_key"]), expires


def _method(
    client: httpx.Client, model: str, method: str, args: list[Any], kwargs: dict[str, Any] | None = None
) -> Any:
    parameters = {"model": model, "method": method, "args": args, "kwargs": kwargs or {}}
    return _call(client, f"/web/dataset/call_kw/{model}/{method}", parameters)


def _call(client: httpx.Client, path: str, parameters: dict[str, Any]) -> Any:
    try:
        answer = client.post(path, json={"jsonrpc": "2.0", "method": "call", "id": 1, "params": parameters})
        body = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise SandboxError(f"Odoo did not answer {path}: {error}") from None
    if "error" in body:
        # The text may quote our parameters, and so a password: name the class of the error alone.
        raise SandboxError(f"Odoo refused {path}: {body['error'].get('data', {}).get('name', 'unknown error')}")
    return body.get("result")
