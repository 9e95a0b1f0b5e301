"""The key that a project's values are encrypted with. It lies in ``_log``, wrapped by the key of the connection.

So the key of the connection can be changed: the data key is wrapped anew, and no value, no token and no external id made from one changes.
Whoever has the database alone, or an old key and the present database, opens nothing.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.sql import Composed

from crm2odoo.staging.vault import Vault, VaultClosed, new_key

log = logging.getLogger(__name__)


def open_data_key(connection: psycopg.Connection[dict[str, Any]], sql: Callable[..., Composed], vault: Vault) -> Vault:
    """The vault with the project's data key, which is made at the first time. Without a key the vault as it is.

    Wrapped by the old key of the connection, it is wrapped by the new one. Raises VaultClosed where neither opens it.
    """
    if vault.key is None:
        return vault
    row = connection.execute(sql("select wrapped, fingerprint from {log}.data_key")).fetchone()
    if row is None:
        if connection.execute(sql("select 1 from {log}.decision where name = 'purged' limit 1")).fetchone():
            return vault  # nothing is encrypted any more
        # A project of before had its values encrypted with the key of the connection itself.
        used = connection.execute(sql("select 1 from {log}.export limit 1")).fetchone()
        data = vault.key if used else base64.b64decode(new_key())
        connection.execute(sql("insert into {log}.data_key (wrapped, fingerprint) values (%s, %s)"), (_wrapped(vault, data), vault.fingerprint))
        return vault.holding(data)
    keys = [one for one in (vault, vault.before) if one]
    fitting = next((one for one in keys if one.fingerprint == row["fingerprint"]), None)
    if fitting is None:
        raise VaultClosed(
            f"the values of this project are encrypted under another key (fingerprint {row['fingerprint']}) than the connection "
            f"{vault.connection!r} has ({vault.fingerprint})\n"
            'Put that key back. To change the key, give both: the new one as password, the one before as "old_password" in the extra.'
        )
    data = base64.b64decode(fitting.unseal(row["wrapped"]))
    if fitting is not vault:
        connection.execute(
            sql("update {log}.data_key set wrapped = %s, fingerprint = %s, at = now()"), (_wrapped(vault, data), vault.fingerprint)
        )
        log.warning(
            "the key of %r was changed: fingerprint %s, before %s. Take old_password out of its extra.",
            vault.connection, vault.fingerprint, fitting.fingerprint,
        )  # fmt: skip
    return vault.holding(data)


def _wrapped(vault: Vault, data: bytes) -> str:
    return vault.seal(base64.b64encode(data).decode())
