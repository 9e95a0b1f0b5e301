"""``make demo``: a first migration from end to end, on this machine, with nothing but this repository.

PostgreSQL and Odoo are made by Terraform; then the project's own DAGs ``discover`` and ``sample`` run in this process, and their
sign-offs are answered in the name of "demo". Run it again: the same sandbox, nothing written twice.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from crm2odoo import sandbox
from crm2odoo.airflow import local
from crm2odoo.project import OWN_ROOT, Bundle, ConfigError, load_bundle, package_root, project_names

if TYPE_CHECKING:
    from crm2odoo.airflow.rehearsal import Answer, TaskDone

USER = "demo"
ANSWERS = {"sign_off": ("Approve", "Answered by make demo"), "approve_plan": ("Approve", "Answered by make demo")}


class Demo:
    """One run of the demo. Says on ``out`` what it does; everything else that is printed goes into ``log_file``."""

    def __init__(self, out: TextIO, bundle: Bundle) -> None:
        self.out, self.bundle, self.began = out, bundle, time.monotonic()

    def say(self, text: str = "") -> None:
        self.out.write(text + "\n")
        self.out.flush()

    def step(self, text: str) -> None:
        """A line with the seconds since the start."""
        self.say(f"{time.monotonic() - self.began:6.1f} s  {text}")

    def on_task(self, done: TaskDone) -> None:
        label = f" [{done.label}]" if done.label else ""
        if done.state not in ("skipped", "upstream_failed"):
            self.step(f"  {done.state:<15} {done.task_id}{label}  {done.seconds:.1f} s")

    def on_answer(self, task_id: str, answer: Answer) -> None:
        self.step(f"  sign-off        {task_id}: answered {answer[0]!r} in the name of {USER!r}; in a real project a person does that")

    def run(self, log_file: Path) -> int:
        """Returns the exit status: 0 when both DAGs succeeded."""
        project = self.bundle.project
        self.say(f"A first migration: {project.title}, from {project.export} into an Odoo 19 on this machine")
        airflow = local.prepare(self.step)
        airflow.enter()
        self.step(f"Airflow starts (its log: {log_file})")
        with _quiet(log_file):
            from crm2odoo.airflow.rehearsal import only, rehearse
            from crm2odoo.airflow.versions import dag_bag

            local.add_setup(airflow)
            sandbox_kept = {"target": "sandbox", "fresh_sandbox": False, "keep_sandbox": True, "keep_days": 90}
            runs: list[tuple[str, dict[str, Any]]] = [("discover", {}), ("sample", sandbox_kept)]
            for name, conf in runs:
                dag_id = f"{project.project}.{name}"
                with only(dag_id):
                    bag = dag_bag(str(OWN_ROOT / "dags"))
                dag = bag.dags.get(dag_id)
                if dag is None:
                    self.say(f"There is no DAG {dag_id}: {bag.import_errors or 'see ' + str(log_file)}")
                    return 1
                self.step(f"DAG {dag.dag_id}: {len(dag.tasks)} tasks")
                done = rehearse(dag, conf, ANSWERS, USER, self.on_task, self.on_answer)
                if done.state != "success":
                    for task_id, cause in done.causes.items():
                        self.say(f"\n{task_id} failed:\n{cause}")
                    self.say(f"\nThe whole log: {log_file}")
                    return 1
        self._show(done.run_id)
        return 0

    def _show(self, airflow_run: str) -> None:
        """The table of dispositions, where the report is, and how to look at Odoo."""
        from crm2odoo.airflow.pages import disposition_rows_text, report_location
        from crm2odoo.airflow.run_state import run_key
        from crm2odoo.staging import Workspace

        base = sandbox.ensure_base(log=lambda _: None)
        ws = Workspace.open(self.bundle, base.staging_dsn)
        run_id = run_key(f"{self.bundle.project.project}.sample", airflow_run)
        self.say("\nWhat became of every source row\n")
        self.say(disposition_rows_text(ws, run_id))
        self.say(f"\nReport   {report_location(ws, run_id)}")
        found = next(s for s in sandbox.list_sandboxes() if s.name == self.bundle.project.project)
        self.say(f"Odoo     {found.url}   login {found.login}   password {found.password}")
        for title, address in self.pages(found.url):
            self.say(f"         {address}   {title}")
        self.say("         (its menu CRM › Pipeline shows only one's own deals: take the filter “My Pipeline” away)")
        self.say(f"\nDone in {time.monotonic() - self.began:.0f} s.")
        self.say("`make demo` again: nothing is written twice. `make up`: the same in Airflow's pages. `make down`: nothing is left.")

    def pages(self, url: str) -> list[tuple[str, str]]:
        """Title and address of each list of Odoo in which something of this project is."""
        titles: dict[str, list[str]] = {}
        for name, entity in self.bundle.entities.items():
            if entity.list_action and self.bundle.makes(name):
                titles.setdefault(f"{url}/odoo/action-{entity.list_action}", []).append(entity.title)
        return [(" and ".join(names).capitalize(), address) for address, names in titles.items()]


@contextlib.contextmanager
def _quiet(log_file: Path) -> Iterator[None]:
    """Everything that this process prints, and its children print, goes into the file."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    kept = os.dup(1), os.dup(2)
    with open(log_file, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)


def project_for(source: str) -> str | None:
    """The demo project of a source, ``demo_…`` below mappings/projects; or the project of that very name."""
    if source in project_names(package_root()):
        return source
    for name in project_names(package_root()):
        with contextlib.suppress(ConfigError):
            if name.startswith("demo_") and load_bundle(package_root(), name).project.source == source:
                return name
    return None


def main() -> int:
    """``python -m crm2odoo.airflow.demo [SOURCE or PROJECT]``"""
    source = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SOURCE") or "flash_lead_sales"
    name = project_for(source)
    if name is None:
        wanted = f"a file mappings/projects/demo_….yaml with `source: {source}`"
        print(f"There is no demo project for the source {source!r}: {wanted}", file=sys.stderr)
        return 2
    # A file of our own: descriptor 1 will be redirected.
    with os.fdopen(os.dup(1), "w") as out:
        try:
            bundle = load_bundle(package_root(), name)
            return Demo(out, bundle).run(sandbox.sandbox_home() / "airflow" / "demo.log")
        except sandbox.SandboxError as error:
            out.write(f"\n{error}\n")
            return 1


if __name__ == "__main__":
    sys.exit(main())
