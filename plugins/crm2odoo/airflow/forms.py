"""The forms with which runs are started, and the check that nobody misspelt a key of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from airflow.sdk import Param

from crm2odoo.project import Bundle


class UnknownParameter(ValueError):
    """The run was started with a key that its form does not have. Airflow itself would ignore it."""


def export_param(bundle: Bundle) -> Param:
    """Which delivery of the source to take."""
    return Param(
        bundle.project.export,
        type="string",
        minLength=1,
        title="Export",
        description_md="Folder, archive or `s3://` prefix of the export. A relative path starts at the folder that holds `mappings/`.",
    )


def target_param() -> Param:
    """Where a sample is loaded."""
    return Param(
        "sandbox",
        type="string",
        enum=["sandbox", "connection"],
        title="Target",
        values_display={"sandbox": "A sandbox made for this run", "connection": "A test database of your own"},
        description_md="**sandbox**: Terraform makes an Odoo for the run. **connection**: the Odoo of the connection below, "
        "a neutralised test database.",
    )


def connection_param(bundle: Bundle) -> Param:
    """Which test database serves for the target *connection*."""
    return Param(
        f"{bundle.project.connections.odoo}_test",
        type="string",
        minLength=1,
        title="Connection of the test database",
        description_md="Airflow connection of type *Odoo*. Only for the target *connection*.",
    )


def reset_param() -> Param:
    """Whether a test database is emptied of what earlier runs loaded."""
    return Param(
        False,
        type="boolean",
        title="Take back earlier runs first",
        description_md="On: what earlier runs of this project loaded into the test database is taken back before this one loads. "
        "A fresh sandbox has nothing to take back.",
    )


def fresh_sandbox_param() -> Param:
    """Whether the sandbox of an earlier run serves again."""
    return Param(
        True,
        type="boolean",
        title="Fresh sandbox",
        description_md="Off: the project's kept sandbox is used again, with what earlier runs loaded into it.",
    )


def keep_sandbox_param(bundle: Bundle) -> Param:
    """Whether people can look at the sandbox after the run."""
    return Param(
        bundle.project.sample.keep_sandbox,
        type="boolean",
        title="Keep the sandbox",
        description_md="Off: the sandbox is destroyed when the run ends, also when it fails.",
    )


def keep_days_param() -> Param:
    """For how long they can."""
    return Param(
        3,
        type="integer",
        minimum=1,
        maximum=90,
        title="Days to keep it",
        description_md="The DAG `crm2odoo_janitor` destroys a kept sandbox after so many days.",
    )


def refuse_unknown(conf: Mapping[str, Any] | None, known: Iterable[str]) -> None:
    """Raises UnknownParameter for keys of a run's configuration that the form does not have."""
    names = list(known)
    for key in conf or {}:
        if key not in names:
            close = difflib.get_close_matches(key, names, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"The form has: {', '.join(names)}."
            raise UnknownParameter(f"The run was started with the unknown parameter {key!r}. {hint} Nothing was done; trigger the DAG again.")
