"""What can go wrong between us and Odoo, one class per thing that a person must do about it.

Every message is meant for a task log at night: what happened, where, what to do.
"""

from __future__ import annotations


class OdooError(RuntimeError):
    """Anything that Odoo, or the way to it, answers instead of a result."""


class OdooUnreachable(OdooError):
    """No connection could be made, so nothing was sent. Safe to try again."""


class WrongCredentials(OdooError):
    """Odoo refuses the login, the password or the API key."""


class WrongDatabase(OdooError):
    """Odoo does not know the database, or several exist and none was named."""


class Unsupported(OdooError):
    """The server has no such transport, model or method: another version, a missing module, or not an Odoo."""


class TransientError(OdooError):
    """Odoo did nothing and says so, for a reason that passes: a lock, a serialization failure, too many requests.

    ``retry_after``: seconds that the server asks us to wait, if it does.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnclearAnswer(OdooError):
    """The request was sent, and what came back does not tell whether Odoo did the work: a time-out, a cut, a 502, a page of HTML.

    Whoever writes must ask for the external ids before going on.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooLarge(OdooError):
    """The server or a proxy refuses a request of this size, or runs out of memory or time with it. Send fewer rows.

    ``unclear``: it was cut off by a time limit, so it is not certain that nothing was done.
    """

    def __init__(self, message: str, unclear: bool = False) -> None:
        super().__init__(message)
        self.unclear = unclear


class RowRefused(OdooError):
    """Odoo refuses the values (validation, constraint, wrong selection): the whole call was rolled back.

    ``name`` is Odoo's exception class, ``reason`` its own words.
    """

    def __init__(self, message: str, *, name: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.name = name
        self.reason = reason or message


class AccessRefused(RowRefused):
    """The user may not do this: a right or a record rule is missing."""


class SchemaMismatch(OdooError):
    """Odoo has no such field (any more): the target changed since it was set up. No row can be loaded until that is mended."""


class LoadStopped(RuntimeError):
    """The load of a phase ended on purpose; nothing is half done."""


class ErrorBudgetExceeded(LoadStopped):
    """Odoo refused more rows of the phase than the project allows."""


class Paused(LoadStopped):
    """Somebody paused the load."""
