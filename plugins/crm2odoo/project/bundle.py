"""Everything that is known about one project before any data is read: its files, cross-checked and ordered."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from crm2odoo import OWN_ROOT
from crm2odoo.project.entity_file import Entity
from crm2odoo.project.errors import ConfigError, Problem
from crm2odoo.project.project_file import Project
from crm2odoo.project.source_file import Decision, EntityMapping, FieldLine, Formats, Source
from crm2odoo.project.yaml_file import YamlFile


def package_root() -> Path:
    """Folder that holds the projects' ``mappings/``: $CRM2ODOO_ROOT, or where this package was copied to."""
    return Path(os.environ.get("CRM2ODOO_ROOT") or OWN_ROOT)


@dataclass(frozen=True)
class Feed:
    """One way in which rows of an object become records of an entity."""

    object: str
    number: int
    mapping: EntityMapping


@dataclass(frozen=True)
class Bundle:
    """A project with its source and the entities that the source feeds."""

    project: Project
    source: Source
    entities: dict[str, Entity]
    root: Path

    def root_of(self, part: str) -> Path:
        """The folder ``sql`` or ``samples``: beside this project's mappings, else the one that came with the package."""
        own = self.root / part
        return own if own.is_dir() else OWN_ROOT / part

    @property
    def formats(self) -> Formats:
        return self.project.formats or self.source.formats

    @property
    def decisions(self) -> dict[str, str | bool | int | float]:
        """Every decision that the source or one of its entities asks for, with the project's choice or the default."""
        return {name: self.project.decisions.get(name, question.default) for name, question in self.questions.items()}

    @property
    def questions(self) -> dict[str, Decision]:
        """What the customer has to decide; the source's own words win over an entity's."""
        asked = {name: question for entity in self.entities.values() for name, question in entity.decisions.items()}
        return {**asked, **self.source.decisions}

    def feeds(self, entity: str) -> list[Feed]:
        """The object mappings that feed an entity; those of primary objects first, then as the file lists them."""
        return list(self._feeds.get(entity, []))

    @cached_property
    def _feeds(self) -> dict[str, list[Feed]]:
        """Asked for thousands of times while SQL is written."""
        found: dict[str, list[Feed]] = {}
        for feed in self._all_feeds():
            found.setdefault(feed.mapping.entity, []).append(feed)
        return {entity: sorted(feeds, key=lambda f: not f.mapping.primary) for entity, feeds in found.items()}

    def decided_for(self, name: str) -> bool:
        """Whether apps and decisions leave an object anything that its rows may become."""
        return any(_counts(self.project, self.source, m) for m in self.source.objects[name].entities)

    def only_documents(self, name: str) -> bool:
        """Whether the rows of an object go into the handoff inventory, and nowhere else."""
        return self.source.objects[name].documentation_only and not self.decided_for(name)

    def makes(self, entity: str) -> bool:
        """Whether anything of the source becomes such a record; others are only referred to."""
        return bool(self.entities[entity].records or self.feeds(entity))

    def _all_feeds(self) -> Iterator[Feed]:
        for name, obj in self.source.objects.items():
            for number, mapping in enumerate(obj.entities):
                if not _counts(self.project, self.source, mapping):
                    continue
                fields = dict(mapping.fields)
                for key, line in self.project.map.items():
                    target_object, target_entity, target_input = key.split(".")
                    if (target_object, target_entity) == (name, mapping.entity):
                        fields[target_input] = line
                yield Feed(name, number, mapping.model_copy(update={"fields": fields}))

    @property
    def load_order(self) -> list[str]:
        """Entities in the order in which they must be loaded. Parts are loaded with the records that they are lines of."""
        return [name for name in self.build_order if self.entities[name].part_of is None]

    @property
    def owner_entities(self) -> list[str]:
        """Entities whose records are made only when somebody decides so: people."""
        return [name for name, entity in self.entities.items() if entity.create == "decision"]

    @cached_property
    def build_order(self) -> list[str]:
        """All entities: whatever is referred to comes first, and lines before the record that holds them.

        An entity that refers to itself keeps its place; its own references are written in a second pass.
        """
        order: list[str] = []
        state: dict[str, str] = {}

        def visit(name: str, trail: tuple[str, ...]) -> None:
            if state.get(name) == "done":
                return
            if name in trail:
                raise ConfigError(
                    [Problem(self.root, 0, 0, "load order", f"the entities refer to each other in a circle: {' → '.join((*trail, name))}")]
                )
            entity = self.entities[name]
            parts = {n for n, e in self.entities.items() if e.part_of == name}
            for other in sorted({*entity.references, *entity.after, *parts} & set(self.entities) - {name}):
                visit(other, (*trail, name))
            state[name] = "done"
            order.append(name)

        for name in self.entities:
            visit(name, ())
        return order

    @cached_property
    def mapping_hash(self) -> str:
        """sha256 over everything that decides what is loaded: source, entities, and the project's own choices."""
        project = self.project.model_dump(mode="json", by_alias=True)
        for not_content in (
            "title",
            "locale",
            "connections",
            "pool",
            "documents",
            "approvers",
            "owner",
            "owner_url",
            "tags",
            "active",
            "sample",
            "export",
            "source_url",
            "snapshot",
            "hypercare",
            "runbook_owners",
            "cautions",
        ):
            project.pop(not_content)
        content = {
            "project": project,
            # What is only told to people decides nothing.
            "source": self.source.model_dump(mode="json", by_alias=True, exclude={"documented", "cautions"}),
            "entities": {n: e.model_dump(mode="json", by_alias=True) for n, e in self.entities.items()},
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _counts(project: Project, source: Source, mapping: EntityMapping) -> bool:
    """Whether a mapping applies, as far as apps of Odoo and decisions say."""
    apps = all(project.has_app(app.removeprefix("!")) != app.startswith("!") for app in (mapping.app or "").split())
    return apps and all(str(project.decisions.get(name, source.decisions[name].default)) == choice for name, choice in mapping.decided.items())


Memory = dict[Path, Any]
"""Files that were read already, for whoever reads many projects in one go."""


def load_bundle(root: Path | str, project: str, memory: Memory | None = None, **instead: dict[str, Any]) -> Bundle:
    """Reads ``<root>/mappings/projects/<project>.yaml`` and all that it names. Raises ConfigError with every mistake found.

    ``instead``: what if the project said otherwise? Maps of the project file (``decisions``, ``apps``), whose entries replace the file's.
    """
    memory = {} if memory is None else memory
    root = Path(root)
    mappings = root / "mappings"
    project_yaml = YamlFile(mappings / "projects" / f"{project}.yaml")
    model = project_yaml.model(Project)
    model = model.model_copy(update={key: {**getattr(model, key), **entries} for key, entries in instead.items()})
    problems: list[Problem] = []
    if model.project != project:
        problems.append(project_yaml.problem(("project",), f"the file is {project}.yaml, but it says {model.project!r}", "make the two equal"))
    source_path = _find(root, "sources", model.source)
    if source_path is None:
        known = sorted({p.stem for folder in _folders(root, "sources") for p in folder.glob("*.yaml")})
        close = difflib.get_close_matches(model.source, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known sources: {', '.join(known) or 'none'}"
        raise ConfigError([*problems, project_yaml.problem(("source",), f"there is no source {model.source!r}", hint)])
    if source_path not in memory:
        read = YamlFile(source_path)
        memory[source_path] = (read, read.model(Source))
    source_yaml, source = memory[source_path]
    entities, more = _entities_of(root, source_yaml, source, model, memory)
    problems += more
    problems += _check_overrides(project_yaml, model, source)
    for key, line in model.map.items():
        if len(parts := key.split(".")) == 3 and parts[1] in entities:
            problems += _unanswerable(project_yaml, ("map", key), entities, parts[1], parts[2], line)
    problems += [project_yaml.problem(("privacy", *where), text, hint) for where, text, hint in model.privacy.mistakes(source)]
    if problems:
        raise ConfigError(problems)
    if "user" in entities:
        entities["user"] = entities["user"].model_copy(update={"aliases": {k.strip().lower(): v for k, v in model.owners.aliases.items()}})
    bundle = Bundle(model, source, entities, root)
    for name, entity in entities.items():
        if entity.create_by and bundle.decisions.get(entity.create_by) == "hold":
            entities[name] = entity.model_copy(update={"create": "never", "unmatched": "hold"})
        if entity.match and entity.match.decision and bundle.decisions.get(entity.match.decision) == "rename":
            entities[name] = entity.model_copy(update={"match": None})
    _ = bundle.load_order
    return bundle


def load_source(root: Path | str, name: str) -> Source:
    """One source by name: the project's own file, else the bundled one. Raises ConfigError."""
    path = _find(Path(root), "sources", name)
    if path is None:
        known = sorted({p.stem for folder in _folders(Path(root), "sources") for p in folder.glob("*.yaml")})
        raise ConfigError([Problem(Path(root), 0, 0, name, "there is no such source", f"known sources: {', '.join(known) or 'none'}")])
    return YamlFile(path).model(Source)


@cache
def _folders(root: Path, kind: str) -> list[Path]:
    """Where files of a kind are looked for: the project's own mappings first, then those that came with the package."""
    return list(dict.fromkeys((root / "mappings" / kind, OWN_ROOT / "mappings" / kind)))


def _find(root: Path, kind: str, name: str) -> Path | None:
    return next((path for folder in _folders(root, kind) if (path := folder / f"{name}.yaml").exists()), None)


def _entities_of(root: Path, source_yaml: YamlFile, source: Source, project: Project, memory: Memory) -> tuple[dict[str, Entity], list[Problem]]:
    """The entities that the source feeds, and those they refer to."""
    problems: list[Problem] = []
    entities: dict[str, Entity] = {}

    def load(name: str, where: tuple[str | int, ...]) -> Entity | None:
        if name not in entities:
            path = _find(root, "odoo", name)
            if path is None:
                close = difflib.get_close_matches(name, [p.stem for folder in _folders(root, "odoo") for p in folder.glob("*.yaml")], n=1)
                problems.append(source_yaml.problem(where, f"there is no entity {name!r}", f"did you mean {close[0]!r}?" if close else ""))
                return None
            if path not in memory:
                memory[path] = _entity(root, path)
            entities[name] = memory[path]
            lines = {f.lines for f in entities[name].fields.values() if f.lines}
            for other in sorted(entities[name].one_target | lines):
                load(other, where)
        return entities[name]

    for object_name, obj in source.objects.items():
        for number, mapping in enumerate(obj.entities):
            if not _counts(project, source, mapping):
                continue
            where = ("objects", object_name, "entities", number)
            entity = load(mapping.entity, (*where, "entity"))
            if entity is None:
                continue
            for name in mapping.fields:
                if name not in entity.inputs:
                    close = difflib.get_close_matches(name, list(entity.inputs), n=1)
                    hint = f"did you mean {close[0]!r}?" if close else f"inputs: {', '.join(entity.inputs)}"
                    problems.append(source_yaml.problem((*where, "fields", name), f"{mapping.entity} has no input {name!r}", hint))
            telling = {*entity.identity, *(entity.inputs[i].like for i in entity.identity)}
            if mapping.each is None and entity.identity and not (telling & set(mapping.fields)):
                problems.append(
                    source_yaml.problem(
                        (*where, "fields"), f"{mapping.entity} is told apart by {', '.join(entity.identity)}, and none of them is given"
                    )
                )
    _only_known_targets(root, source_yaml, entities, load, problems)
    for object_name, obj in source.objects.items():
        for number, mapping in enumerate(obj.entities):
            if mapping.entity in entities and _counts(project, source, mapping):
                for name, line in mapping.fields.items():
                    place = ("objects", object_name, "entities", number, "fields", name)
                    problems += _unanswerable(source_yaml, place, entities, mapping.entity, name, line)
    return entities, problems


def _unanswerable(
    file: YamlFile, where: tuple[str | int, ...], entities: dict[str, Entity], entity: str, name: str, line: FieldLine
) -> Iterator[Problem]:
    """A reference by natural key that can never find a record: it gives another number of values than those that tell the records apart.

    Without this it would leave its field empty on every record, and the migration would look whole.
    """
    declared = entities[entity].inputs.get(name)
    if declared is None or declared.type not in ("ref", "refs") or len(declared.targets) != 1 or declared.targets[0] not in entities:
        return
    identity = entities[declared.targets[0]].identity
    step: FieldLine | None = line
    while step is not None:
        given = len(step.keys) if step.keys else 1
        if given != len(identity) and (step.object is None or step.take is not None):
            other = declared.targets[0]
            told = f"told apart by {', '.join(identity)}" if identity else "not told apart by any value"
            text = f"{entity}.{name} would never find a record: those of {other} are {told}, and {given} value(s) are given"
            hint = f"give `object: …`, the object whose rows become {other}: the value is its key then"
            if len(identity) > 1:
                parts = ", ".join(f"<{part}>" for part in identity)
                hint = f'give keys: [{parts}], in this order, {{value: ""}} for one that the source has not; or {hint}'
            yield file.problem(where, text, hint)
        step = step.or_else


def _only_known_targets(
    root: Path,
    source_yaml: YamlFile,
    entities: dict[str, Entity],
    load: Callable[[str, tuple[str | int, ...]], Entity | None],
    problems: list[Problem],
) -> None:
    """A reference that may go to several entities goes to those that this source feeds; only where it feeds none, the first is loaded."""
    done: set[str] = set()
    while rest := sorted(set(entities) - done):
        name = rest[0]
        done.add(name)
        inputs = dict(entities[name].inputs)
        for key, declared in inputs.items():
            for target in declared.entities:
                if target not in entities and _find(root, "odoo", target) is None:
                    problems.append(source_yaml.problem(("objects",), f"{name}.{key} may go to {target!r}, and there is no such entity"))
            if declared.entities and not (known := [t for t in declared.entities if t in entities]):
                load(declared.entities[0], ("objects",))
                known = declared.entities[:1]
            if declared.entities:
                inputs[key] = declared.model_copy(update={"entities": known})
        entities[name] = entities[name].model_copy(update={"inputs": inputs})


def _entity(root: Path, path: Path) -> Entity:
    """One entity, with what it takes over from the entity that it extends."""
    file = YamlFile(path)
    file.data = _whole(root, file, (path,))
    return file.model(Entity)


def _whole(root: Path, file: YamlFile, trail: tuple[Path, ...]) -> Any:
    """The content of an entity file, laid over that of the file that it extends; a file that extends its own name extends the bundled one."""
    data = file.data
    if not isinstance(data, dict) or not isinstance(data.get("extends"), str):
        return data
    name = data["extends"]
    base = OWN_ROOT / "mappings" / "odoo" / f"{name}.yaml" if name == file.path.stem else _find(root, "odoo", name)
    if base is None or not base.exists() or base in trail:
        raise ConfigError([file.problem(("extends",), f"there is no entity {name!r}" if base not in trail else f"{name!r} extends itself")])
    return _joined(_whole(root, YamlFile(base), (*trail, base)), data)


def _joined(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in own.items():
        # A field line is one thing: it is replaced, not joined.
        deeper = isinstance(value, dict) and isinstance(base.get(key), dict) and key in ("inputs", "let", "fields", "custom_fields", "context")
        result[key] = {**base[key], **value} if deeper else value
    return result


def _check_overrides(project_yaml: YamlFile, project: Project, source: Source) -> list[Problem]:
    problems = []
    for key in project.map:
        parts = key.split(".")
        obj = source.objects.get(parts[0]) if len(parts) == 3 else None
        if obj is None or all(m.entity != parts[1] for m in obj.entities):
            problems.append(
                project_yaml.problem(("map", key), "expected object.entity.input of the source", "see mappings/sources/" + source.source + ".yaml")
            )
    for name, headers in project.columns.items():
        if name not in source.objects:
            problems.append(project_yaml.problem(("columns", name), f"the source has no object {name!r}"))
        for header, column in headers.items():
            if column.drop and column.field:
                problems.append(project_yaml.problem(("columns", name, header), "give `drop` or `field`, not both"))
    return problems


def project_names(root: Path | str) -> list[str]:
    """Names of the projects below ``<root>/mappings/projects``, sorted."""
    return sorted(p.stem for p in (Path(root) / "mappings" / "projects").glob("*.yaml"))
