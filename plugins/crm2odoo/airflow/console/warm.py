"""What every first page would have to wait for: templates, the projects' files, and statements that are rendered and checked."""

from __future__ import annotations

import time
from contextlib import suppress

from jinja2 import UndefinedError

from crm2odoo.airflow.console import desk, show
from crm2odoo.project import Bundle, ConfigError, package_root, project_names
from crm2odoo.staging import Workspace

PATIENCE = 1.5
"""Seconds for which the start of the api-server may wait for files to be read: enough for some ten projects. The others follow beside it."""
BREATH = 0.02
"""Seconds that others get between two pieces of work beside them."""
STATEMENTS_OF = 20
"""Of so many projects the statements are prepared; each takes about half a second of the process."""
PLANNED = {"has_plan": True}


def read(seconds: float = PATIENCE) -> None:
    """Templates and projects, as many as there is time for."""
    until = time.monotonic() + seconds
    environment = show.environment()
    for name in environment.list_templates():
        environment.get_template(name)
    for name in show.STATIC:
        show.asset(name)
    stamp = desk.stamp_of_files()
    for project in project_names(package_root()):
        if time.monotonic() > until:
            return
        _bundle(project, stamp)


def up() -> None:
    """The rest. Safe to call at any time."""
    stamp = desk.stamp_of_files()
    for project in project_names(package_root()):
        _bundle(project, stamp)
        time.sleep(BREATH)
    for project in project_names(package_root())[:STATEMENTS_OF]:
        bundle = _bundle(project, stamp)
        if bundle is None:
            continue
        for template in sorted((bundle.root_of("sql") / "console").glob("*.sql.j2")):
            # Those that need a table's name must wait for a page.
            with suppress(UndefinedError, ValueError):
                desk.statement(Workspace(bundle, ""), template.name.removesuffix(".sql.j2"), **(PLANNED if template.name.startswith("open.") else {}))
            time.sleep(BREATH)


def _bundle(project: str, stamp: desk.Stamp) -> Bundle | None:
    """None for a project with a mistake, which its page will show."""
    try:
        return desk.bundle_of(project, stamp)
    except ConfigError:
        return None
