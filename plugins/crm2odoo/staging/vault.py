"""Encrypts values of people before they reach the staging database, and decrypts them where Odoo is written.

The same value gives the same token under one key (AES-SIV, RFC 5297), so that rows are compared, merged and joined without the key.
A token survives being put into a longer text: ``unseal`` finds it there. Who holds the database learns which values are equal and how
long they are, nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

KEY_BYTES = 64
_TOKEN = re.compile(r"enc1\.([A-Za-z0-9_-]+)\.")
MARK = "enc1."


class VaultClosed(RuntimeError):
    """A value is encrypted and there is no key for it, or the wrong one. The message says what to do."""


def new_key() -> str:
    """A key as it is put into the password of the connection."""
    return base64.b64encode(AESSIV.generate_key(KEY_BYTES * 8)).decode()


@dataclass(frozen=True)
class Vault:
    """Seals and unseals text. Without a key there is nothing that it can do, and it says so when it is asked.

    ``before``: the key that the connection had until now, while it is being changed. ``told``: the fingerprint of the connection's key, once
    ``key`` is the project's data key.
    """

    key: bytes | None = field(default=None, repr=False)
    connection: str = "(none)"
    before: Vault | None = field(default=None, repr=False)
    told: str = ""

    @classmethod
    def of(cls, key: str, connection: str, before: str | None = None) -> Vault:
        """``key`` and the one ``before``: 64 bytes in base64. Raises VaultClosed when it is no such thing."""
        try:
            raw = base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != KEY_BYTES:
            make = "python -c 'from crm2odoo.staging.vault import new_key; print(new_key())'"
            raise VaultClosed(f"the password of the connection {connection!r} is no key of {KEY_BYTES} bytes in base64\nMake one:\n{make}")
        return cls(raw, connection, cls.of(before, connection) if before else None)

    def holding(self, data_key: bytes) -> Vault:
        """The same vault with the project's data key in place of the connection's."""
        return Vault(data_key, self.connection, told=self.fingerprint)

    @property
    def fingerprint(self) -> str:
        """Tells the keys of connections apart without giving them away; empty without one."""
        if self.told or not self.key:
            return self.told
        return hashlib.sha256(b"crm2odoo key " + self.key).hexdigest()[:16]

    def seal(self, text: str) -> str:
        """The token of a value. Raises VaultClosed without a key."""
        return f"{MARK}{base64.urlsafe_b64encode(self._cipher().encrypt(text.encode(), None)).decode().rstrip('=')}."

    def unseal(self, text: str, as_html: bool = False) -> str:
        """The text with every token in it replaced by its value. ``as_html``: a value that is no HTML is written as HTML."""
        return _TOKEN.sub(lambda m: _as_html(self._open(m[1])) if as_html else self._open(m[1]), text) if MARK in text else text

    def unseal_value(self, value: Any, as_html: bool = False) -> Any:
        """``unseal`` for what may be no text at all."""
        return self.unseal(value, as_html) if isinstance(value, str) else value

    def without_values(self, text: str, values: Any) -> str:
        """A message of somebody else without the encrypted values among ``values`` that it quotes."""
        for token in _tokens(values):
            if (secret := self._open(token).strip()) and secret in text:
                text = text.replace(secret, "(encrypted)")
        return text

    def as_known(self, known: Any, found: Any, same: Callable[[str, str], bool]) -> Any:
        """What Odoo holds, as it may be kept beside ``known``, which is encrypted in part: ``known`` itself when the two are ``same``,
        else sealed as a whole; lines are sealed text by text."""
        if not holds_token(known) or not found:
            return found
        if isinstance(found, dict):
            return {name: self.as_known(known, value, same) for name, value in found.items()}
        if isinstance(found, list):
            return [self.as_known(known, value, same) for value in found]
        if not isinstance(found, str):
            return found
        if not isinstance(known, str):
            return self.seal(found)
        return known if same(self.unseal(known), found) or same(self.unseal(known, as_html=True), found) else self.seal(found)

    def _open(self, token: str) -> str:
        try:
            return self._cipher().decrypt(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), None).decode()
        except (InvalidTag, ValueError):
            raise VaultClosed(
                f"an encrypted value cannot be read with the key of the connection {self.connection!r} (fingerprint {self.fingerprint})\n"
                "It was encrypted with another key: put that one back, or land the export again."
            ) from None

    def _cipher(self) -> AESSIV:
        if self.key is None:
            raise VaultClosed(
                "a value is encrypted, and this project has no key\nName its Airflow connection in the project file: privacy: {key: …}."
            )
        return AESSIV(self.key)


def holds_token(value: Any) -> bool:
    """Whether a value, or a part of it, is encrypted."""
    if isinstance(value, str):
        return MARK in value and _TOKEN.search(value) is not None
    if isinstance(value, dict):
        return any(holds_token(v) for v in value.values())
    return isinstance(value, list) and any(holds_token(v) for v in value)


def _tokens(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _TOKEN.findall(value) if MARK in value else ()
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tokens(part)


def _as_html(text: str) -> str:
    """Plain text as HTML; what holds a tag is taken for HTML already, and Odoo sanitises it."""
    return text if re.search(r"<[a-zA-Z/!][^>]*>", text) else html.escape(text, quote=False).replace("\n", "<br>")
