"""`crm2odoo`: what a person does at a terminal before and beside Airflow. Works without Airflow, a database or Odoo.

Only `propose --odoo` asks an Odoo, when somebody names one; its key never stands on the command line, where any user of the machine could read it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm2odoo.discovery.proposer import LiveFields

KEY = "CRM2ODOO_ODOO_KEY"
"""Environment variable with the API key of the target, unless `--key-from` names another."""


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 all well, 1 something to mend, 2 wrongly called."""
    parser = argparse.ArgumentParser(prog="crm2odoo", description=__doc__)
    parser.add_argument("--root", type=Path, help="folder that holds mappings/; $CRM2ODOO_ROOT, else the present one")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("lint", help="check projects, sources, entities, reviews and language packs")
    propose = commands.add_parser("propose", help="propose the map of an export that no source file describes")
    propose.add_argument("source", help="name of the source to be, as in my_crm")
    propose.add_argument("export", help="folder, zip or tar.gz with its CSV files")
    propose.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    propose.add_argument(
        "--second-opinion", metavar="MODEL", help="ask a language model about the open lines: headers and shapes only, no values (needs pydantic-ai)"
    )
    target = propose.add_argument_group("the live target: its fields, and those that somebody added, are proposed by their labels")
    target.add_argument("--odoo", metavar="URL", help="as in https://acme.odoo.com")
    target.add_argument("--database", help="database of that Odoo")
    target.add_argument("--login", help="user of that Odoo")
    target.add_argument("--key-from", metavar="VARIABLE", help=f"environment variable that holds the API key ({KEY}); - reads it from standard input")
    target.add_argument("--connection", metavar="ID", help="an Airflow connection of type odoo, in place of all four")
    draft = commands.add_parser("draft", help="write mappings/sources/<source>.yaml from its reviews")
    draft.add_argument("source")
    draft.add_argument("export")
    draft.add_argument("--title", help="name of the product")
    draft.add_argument("--force", action="store_true", help="write over a source file that is there")
    guide = commands.add_parser("guide", help="what to ask the customer to export, object by object")
    guide.add_argument("source")
    templates = commands.add_parser("templates", help="empty CSV files for what people list by hand: automations, reports, custom fields")
    templates.add_argument("source")
    templates.add_argument("folder", type=Path)
    commands.add_parser("schemas", help="write the JSON Schemas of the YAML files into mappings/schemas/")
    told = parser.parse_args(argv)
    root = (told.root or Path(os.environ.get("CRM2ODOO_ROOT") or ".")).resolve()
    if not (root / "mappings").is_dir() and told.command != "schemas":
        print(f"There is no mappings/ in {root}. Go to the folder that holds it, or name it: crm2odoo --root FOLDER {told.command}", file=sys.stderr)
        return 2
    steps: dict[str, Any] = {"lint": _lint, "propose": _propose, "draft": _draft, "guide": _guide, "templates": _templates, "schemas": _schemas}
    try:
        return int(steps[told.command](root, told))
    except (OSError, ValueError) as error:
        # ConfigError and the errors of intake say what, where and what to do.
        print(error, file=sys.stderr)
        return 1


def _lint(root: Path, told: argparse.Namespace) -> int:
    from crm2odoo.discovery import lint as discovery_lint
    from crm2odoo.project import lint as project_lint

    begun = time.perf_counter()
    memory: dict[Path, Any] = {}
    problems, files = project_lint.lint(root, memory)
    more, others = discovery_lint.lint(root, memory)
    found = project_lint.once([*problems, *more])
    here = Path.cwd()
    for problem in found:
        print(str(problem).replace(f"{here}{os.sep}", ""))
    print(f"{len(found)} problem(s) in {files + others} files, {time.perf_counter() - begun:.1f} s")
    return 1 if found else 0


def _propose(root: Path, told: argparse.Namespace) -> int:
    from crm2odoo.discovery import draft, second_opinion
    from crm2odoo.discovery.review_file import open_lines

    live = _live_fields(told)
    second = (lambda review: second_opinion.ask(review, told.second_opinion)) if told.second_opinion else None
    proposed = draft.propose(root, told.source, told.export, live, second)
    if not proposed:
        print(f"{told.export} holds no CSV file\nSave spreadsheets as CSV (UTF-8), and unpack archives that lie in it.", file=sys.stderr)
        return 1
    for one in proposed:
        review = one.review
        waiting = open_lines(review)
        state = "new" if one.new else "changed" if one.diff else "unchanged"
        print(f"{one.path.relative_to(root)}: {state}; {review.records:,} rows, {len(review.columns)} columns, {len(waiting)} to look at")
        if one.diff and not one.new:
            print(one.diff, end="")
        for line in waiting if one.new else ():
            print(f"    {line.confidence:.2f}  {line.header} → {line.target or line.decision}; or {', '.join(line.alternatives)}")
    if told.dry_run:
        print("Nothing was written.")
        return 0
    draft.write(proposed)
    _write_schemas(root)
    print(f"Look at these lines, lock what you decided (`locked: true`), then: crm2odoo draft {told.source} {told.export}")
    return 0


def _live_fields(told: argparse.Namespace) -> LiveFields | None:
    """The fields of the target that the command line names; None when it names none. Raises ValueError, ConnectionError."""
    if not told.connection and not told.odoo:
        if told.database or told.login or told.key_from:
            raise ValueError("--database, --login and --key-from go with --odoo URL")
        return None
    from crm2odoo.odoo.client import OdooClient, OdooCredentials
    from crm2odoo.odoo.errors import OdooError
    from crm2odoo.odoo.live_fields import read_live_fields

    try:
        if told.connection:
            from crm2odoo.airflow.hook import OdooHook

            client = OdooHook(told.connection).get_conn()
        else:
            missing = [f"--{name}" for name in ("database", "login") if not getattr(told, name)]
            if missing:
                raise ValueError(f"--odoo needs {' and '.join(missing)} too")
            client = OdooClient.connect(OdooCredentials(told.odoo, told.database, told.login, _key(told.key_from)))
        return read_live_fields(client)
    except ModuleNotFoundError as error:
        told_instead = "Name the Odoo itself: --odoo, --database, --login"
        raise ValueError(f"--connection needs Airflow, which is not installed here ({error.name})\n{told_instead}") from error
    except OdooError as error:
        raise ValueError(str(error)) from error


def _key(source: str | None) -> str:
    """The API key from standard input or an environment variable. Raises ValueError when there is none."""
    if source == "-":
        key = sys.stdin.readline().strip()
        where = "on standard input"
    else:
        key = os.environ.get(source or KEY, "").strip()
        where = f"in the environment variable {source or KEY}"
    if not key:
        raise ValueError(f"There is no API key {where}\nSet {source or KEY}, or pipe the key in with --key-from -")
    return key


def _draft(root: Path, told: argparse.Namespace) -> int:
    from crm2odoo.discovery import draft
    from crm2odoo.project import Source, YamlFile

    path = root / "mappings" / "sources" / f"{told.source}.yaml"
    if path.exists() and not told.force:
        print(f"{path.relative_to(root)} is there already. --force writes over it.", file=sys.stderr)
        return 1
    made = draft.draft(root, told.source, told.title or told.source.replace("_", " ").title(), told.export)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made.text, encoding="utf-8")
    YamlFile(path).model(Source)
    print(f"{path.relative_to(root)} is written and loads.")
    for remark in made.remarks:
        print(f"- {remark}")
    print("Review it, write mappings/projects/<project>.yaml, and run: crm2odoo lint")
    return 0


def _guide(root: Path, told: argparse.Namespace) -> int:
    from crm2odoo.discovery.guide import as_markdown, guide
    from crm2odoo.project import load_source

    source = load_source(root, told.source)
    print(as_markdown(source, guide(source)), end="")
    return 0


def _templates(root: Path, told: argparse.Namespace) -> int:
    from crm2odoo.discovery.guide import write_templates
    from crm2odoo.project import load_source

    written = write_templates(load_source(root, told.source), told.folder)
    print("\n".join(str(p) for p in written) or "Nothing to write: the files are there, or this source has nothing that people list by hand.")
    return 0


def _schemas(root: Path, told: argparse.Namespace) -> int:
    folder = _write_schemas(root)
    print(f"{folder.relative_to(root)}: {', '.join(schemas())}")
    return 0


def _write_schemas(root: Path) -> Path:
    folder = root / "mappings" / "schemas"
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / f"{name}.json").write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema per kind of YAML file, made from the models that read them."""
    from pydantic import BaseModel

    from crm2odoo.discovery.review_file import Review
    from crm2odoo.discovery.synonym_packs import Pack, Targets
    from crm2odoo.project import Entity, Project, Source

    models: dict[str, type[BaseModel]] = {
        "project": Project,
        "source": Source,
        "entity": Entity,
        "review": Review,
        "synonyms": Pack,
        "targets": Targets,
    }
    return {name: _short_forms(model.model_json_schema(by_alias=True)) for name, model in models.items()}


def _short_forms(schema: Any) -> Any:
    """A field line may be the name of a column alone, which the model reads and its schema does not say."""
    if isinstance(schema, list):
        return [_short_forms(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("$ref") == "#/$defs/FieldLine":
        return {**{k: v for k, v in schema.items() if k != "$ref"}, "anyOf": [{"type": "string"}, {"$ref": schema["$ref"]}]}
    return {key: _short_forms(value) for key, value in schema.items()}


if __name__ == "__main__":
    sys.exit(main())
