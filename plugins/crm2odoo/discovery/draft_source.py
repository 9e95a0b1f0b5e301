"""From reviewed maps to ``mappings/sources/<source>.yaml``: a draft that loads, for a product that nobody has described yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from crm2odoo.discovery.custom_fields import slug
from crm2odoo.discovery.header_words import words
from crm2odoo.discovery.review_file import ObjectKind, Review, ReviewLine
from crm2odoo.discovery.synonym_packs import Targets

ENTITY: dict[str, str] = {"contact": "contact", "company": "company", "lead": "lead", "deal": "opportunity", "user": "user"}
KEY = "record_id"
"""Column of the key in every object of a draft that has one."""
# Inputs that are records of their own, made on demand from the cell.
_ON_DEMAND = {"source": "source", "medium": "medium", "campaign": "campaign", "lost_reason": "lost_reason", "industry": "industry"}


@dataclass(frozen=True)
class Draft:
    """The text of the source file, and what a person should look at in it."""

    text: str
    remarks: list[str]


def draft_source(
    name: str,
    title: str,
    reviews: Sequence[Review],
    targets: Targets,
    date_order: str | None,
    decimal_mark: str | None,
    outcomes: dict[str, list[str]] | None = None,
) -> Draft:
    """A source file from reviews. ``outcomes``: won and lost → names of stages that the data have."""
    remarks = []
    if date_order is None:
        remarks.append("No date of the export says whether the day or the month comes first: check formats.date_order.")
    if decimal_mark is None:
        remarks.append("No amount of the export says which is the decimal mark: check formats.decimal_mark.")
    kinds = {r.kind: r for r in reviews if r.kind}
    objects = {}
    for review in reviews:
        built = _Object(review, targets, kinds)
        objects[review.object] = built.data()
        remarks += built.remarks
    stage_outcomes = [{"names": names, "outcome": outcome} for outcome, names in (outcomes or {}).items() if names]
    head = {"source": name, "title": title, "about": "Drafted from an export; review every line."}
    formats = {"date_order": date_order or "mdy", "decimal_mark": decimal_mark or ".", "list_separator": ","}
    lines = [
        f"# {title}: drafted from an export and its reviews (mappings/reviews/{name}/). A person looks at every line before the first sample.",
        *(f"# To look at: {r}" for r in remarks),
        _block(head),
        f"formats: {_flow(formats)}",
    ]
    if stage_outcomes:
        lines += [
            "# Which stage names mean won or lost: compared whole, never by likeness.",
            "stage_outcomes:",
            *(f"  - {_flow(o)}" for o in stage_outcomes),
        ]
    lines.append("objects:")
    for object_name, data in objects.items():
        lines += ["", f"  {object_name}:"]
        columns, entities = data.pop("columns"), data.pop("entities")
        lines += [f"    {key}: {_flow(value)}" for key, value in data.items()]
        lines += ["    columns:", *(f"      {column}: {_flow(about)}" for column, about in columns.items())]
        if entities:
            lines.append("    entities:")
            for entity in entities:
                fields = entity.pop("fields")
                if len(fields) > 4:
                    lines += [f"      - {_block(entity, 8).lstrip()}", "        fields:", *(f"          {k}: {_flow(v)}" for k, v in fields.items())]
                else:
                    lines.append(f"      - {_flow({**entity, 'fields': fields})}")
    return Draft("\n".join(lines) + "\n", remarks)


class _Plain(yaml.SafeDumper):
    """Writes everything out: a reviewer should not have to look up anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _flow(value: Any) -> str:
    return (
        yaml.dump(value, Dumper=_Plain, default_flow_style=True, allow_unicode=True, sort_keys=False, width=100_000).removesuffix("\n...\n").strip()
    )


def _block(value: Any, indent: int = 0) -> str:
    text = yaml.dump(value, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=100_000).rstrip()
    return "\n".join(" " * indent + line for line in text.splitlines())


class _Object:
    """One object of the draft."""

    def __init__(self, review: Review, targets: Targets, kinds: dict[ObjectKind, Review]) -> None:
        self.review, self.targets, self.kinds = review, targets, kinds
        self.remarks: list[str] = []
        self.names: dict[int, str] = {}
        self.columns: dict[str, dict[str, Any]] = {}
        self.by_meaning: dict[str, list[str]] = {}
        for place, line in enumerate(review.columns):
            self._column(place, line)

    def _column(self, place: int, line: ReviewLine) -> None:
        used = line.decision == "field" or (line.meaning is not None and self._input(line) is not None)
        wish = line.meaning if used and line.meaning else slug(line.header)
        wish = (wish or "column")[:34]
        wish = wish if wish[0].isalpha() else f"c_{wish}"
        name, number = wish, 2
        while name in self.columns:
            name, number = f"{wish}_{number}", number + 1
        # A field that somebody made in the target before: the values go there, and no second one is made.
        made = line.decision == "field" and line.target is not None and line.target.startswith("x_")
        about: dict[str, Any] = {"type": line.read_as or "text"}
        if " ".join(name.split("_")) != line.header.strip().lower():
            about["headers"] = [line.header.strip()]
        if line.decision == "ignore":
            about["lost"] = line.reason or (line.evidence[1] if len(line.evidence) > 1 else "left out by the review")
        elif made or (line.decision == "custom" and line.target and line.locked):
            about["field"] = line.target
        if line.meaning == "owner":
            about |= {"type": "email", "owner": True}
        self.names[place] = name
        self.columns[name] = about
        if line.meaning and used:
            self.by_meaning.setdefault(line.meaning, []).append(name)
        elif line.decision == "field" and not made:
            self.remarks.append(f"{self.review.object}: “{line.header}” goes to {line.target}, which no entity of mappings/odoo fills yet.")

    def _input(self, line: ReviewLine) -> str | None:
        if self.review.kind is None or line.meaning is None or line.meaning not in self.targets.concepts or line.decision == "ignore":
            return None
        return self.targets.concepts[line.meaning].target("contact" if self.review.kind == "user" else self.review.kind).input

    def _first(self, *meanings: str) -> str | None:
        return next((self.by_meaning[m][0] for m in meanings if m in self.by_meaning), None)

    def _all(self, *meanings: str) -> list[str]:
        return [name for m in meanings for name in self.by_meaning.get(m, [])]

    def data(self) -> dict[str, Any]:
        """The object as the source file wants it."""
        key = next((self.names[i] for i, line in enumerate(self.review.columns) if self.review.key and line.header == self.review.key), None)
        result: dict[str, Any] = {"title": self.review.title, "files": self.review.files}
        if key:
            result["key"] = [key]
        if key and self.columns[key]["type"] == "text":
            self.columns[key]["type"] = "id"
        result["columns"] = self.columns
        entities = self._entities() if self.review.kind else []
        if not entities:
            self.remarks.append(f"{self.review.object}: its rows become nothing in Odoo yet. Give it a `kind` in its review, or entities here.")
        result["entities"] = entities
        return result

    # ---- entities

    def _entities(self) -> list[dict[str, Any]]:
        kind = self.review.kind
        if kind == "user":
            return self._user()
        if kind in ("contact", "company"):
            return self._partner()
        return self._lead()

    def _common(self) -> dict[str, Any]:
        """Inputs that all four entities take in the same way."""
        fields: dict[str, Any] = {}
        for meaning, entity_input in (("email", "email"), ("website", "website"), ("phone", "phone"), ("city", "city"), ("zip", "zip")):
            if name := self._first(meaning):
                fields[entity_input] = name
        if "phone" not in fields and (name := self._first("mobile")):
            fields["phone"] = name
        if (name := self._first("function", "title")) and self.review.kind in ("contact", "lead", "deal"):
            fields["function"] = name
        street = self._all("street", "house_number") or self._all("address")
        if street:
            fields["street"] = _joined(street, " ")
        if (second := self._all("street2")) and self.review.kind in ("contact", "company"):
            fields["street2"] = _joined(second, ", ")
        if country := self._first("country"):
            fields["country"] = country
        if state := self._first("state"):
            fields["state"] = {"keys": [country or {"sql": "null::text"}, state]}
        if owner := self._owner():
            fields["owner"] = owner[0]
        if notes := self._all("notes"):
            fields["notes"] = _joined(notes, "\\n")
        for meaning in ("created", "updated"):
            if name := self._first(meaning):
                fields[meaning] = name
        return fields

    def _on_demand(self, tags: str) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        if owner := self._owner():
            made.append({"entity": "user", "primary": False, **owner[2], "fields": {"login": _login(owner[1]), "email": owner[1]}})
        if name := self._first("tags"):
            made.append({"entity": tags, "primary": False, "each": name, "fields": {"name": "each"}})
        if country := self._first("country"):
            made.append({"entity": "country", "primary": False, "fields": {"name": country}})
        if state := self._first("state"):
            made.append({"entity": "state", "primary": False, "fields": {"country": country if country else {"sql": "null::text"}, "name": state}})
        return made

    def _owner(self) -> tuple[Any, str, dict[str, Any]] | None:
        """The reference to the owner, the column with a name or an address, and when no user is made on demand.

        An id finds the row of the users' file, where the export has one.
        """
        named = [(self.names[i], line) for i, line in enumerate(self.review.columns) if line.meaning == "owner" and line.decision == "field"]
        if not named:
            return None
        ids = [name for name, line in named if {"id", "ids"} & set(words(line.header))]
        column = next((name for name, _ in named if name not in ids), named[0][0])
        users = self.kinds.get("user")
        if ids and users is not None and self._has_key("user"):
            self.columns[ids[0]] = {**self.columns[ids[0]], "type": "id"}
            self.columns[ids[0]].pop("owner", None)
            by_id = {"from": ids[0], "object": users.object}
            return ({**by_id, "or_else": _login(column)} if column not in ids else by_id), column, {"unless": {**by_id, "by": [KEY]}}
        return _login(column), column, {}

    def _user(self) -> list[dict[str, Any]]:
        email, name = self._first("email"), self._person()
        if email is None and name is None:
            return []
        login: Any = {"sql": f"coalesce({email}__key, {email})"} if email else name
        return [{"entity": "user", "fields": {"login": login, **({"email": email} if email else {}), **({"name": name} if name else {})}}]

    def _person(self) -> dict[str, Any] | str | None:
        """The name of a person: in one column, or put together."""
        whole = self._first("full_name", "name", "contact_person")
        parts = self._all("first_name", "middle_name", "last_name")
        if parts and whole:
            return {"sql": f"coalesce({whole}, {_concat(parts, ' ')})"}
        return _joined(parts, " ") if parts else whole

    def _partner(self) -> list[dict[str, Any]]:
        fields = self._common()
        company = self.review.kind == "company"
        name = (self._first("name", "company_name", "account", "customer")) if company else (self._person() or self._first("customer"))
        if name is None:
            self.remarks.append(f"{self.review.object}: no column holds the name, and Odoo needs one.")
            return []
        entities: list[dict[str, Any]] = []
        if company:
            if parent := self._first("parent_company"):
                fields["parent"] = self._link("company", parent)
            for meaning in ("industry", "employees"):
                if column := self._first(meaning):
                    fields[meaning] = column
        else:
            fields.setdefault("email", {"sql": "null::text"})
            if (mobile := self._first("mobile")) and fields.get("phone") != mobile:
                fields["mobile"] = mobile
            if employer := self._company():
                fields["company"] = employer
        if tags := self._first("tags"):
            fields["categories"] = tags
        entities.append({"entity": ENTITY[str(self.review.kind)], "fields": {"name": name, **fields}})
        if not company:
            entities += self._company_on_demand()
        if company and (industry := self._first("industry")):
            entities.append({"entity": "industry", "primary": False, "fields": {"name": industry}})
        return entities + self._on_demand("partner_category")

    def _lead(self) -> list[dict[str, Any]]:
        fields = self._common()
        person = self._person() if self.review.kind == "lead" else self._first("contact_person", "full_name")
        if self.review.kind == "lead" and "name" in self.by_meaning and not self._all("full_name", "first_name", "last_name", "contact_person"):
            person = self._first("name")
        company = self._first("company_name", "account", "customer")
        title = self._first("record_name", "name") or (self._first("title") if self.review.kind == "deal" else None) or person or company
        if title is None:
            self.remarks.append(f"{self.review.object}: no column holds the name, and Odoo needs one.")
            return []
        if person:
            fields["contact_name"] = person
        if company:
            fields["company_name"] = company
        if employer := self._company():
            fields["company"] = employer
        email = fields.get("email")
        contact_key = self._first("contact_record")
        if contact_key and self._has_key("contact"):
            fields["contact"] = {"from": contact_key, "object": self.kinds["contact"].object, **({"or_else": email} if email else {})}
        elif email and person:
            fields["contact"] = email
        team: Any = {"sql": f"coalesce({pipeline}, default_team)"} if (pipeline := self._first("pipeline")) else {"sql": "default_team"}
        fields["team"] = team
        stage = self._first("stage", "status") if self.review.kind == "deal" else self._first("status", "stage")
        if stage:
            fields["stage"] = {"keys": [team, stage]}
        for meaning, entity_input in (
            ("tags", "tags"), ("source", "source"), ("medium", "medium"), ("campaign", "campaign"), ("lost_reason", "lost_reason"),
            ("amount", "amount"), ("probability", "probability"), ("close_date", "deadline"), ("stage_entered", "stage_entered"),
        ):  # fmt: skip
            if name := self._first(meaning):
                fields[entity_input] = name
        if "amount" in fields:
            currency, amount = self._first("currency"), fields["amount"]
            code = f"coalesce({currency}, {amount}__currency)" if currency else f"{amount}__currency"
            fields["currency"] = {"sql": f"case when {code} <> project_currency then {code} end"}
        if closed := self._all("closed_on"):
            fields["closed"] = closed[0] if len(closed) == 1 else {"sql": f"coalesce({', '.join(closed)})"}
        elif close := self._first("close_date"):
            fields["closed"] = close
        entities: list[dict[str, Any]] = [{"entity": ENTITY[str(self.review.kind)], "fields": {"name": title, **fields}}]
        entities += self._company_on_demand()
        if email and person and "contact" in fields and "contact" not in self.kinds:
            made = {"name": person, "email": email, **({"company": fields["company"]} if "company" in fields else {})}
            entities.append({"entity": "contact", "primary": False, "when": f"{email} is not null", "fields": made})
        entities.append({"entity": "team", "primary": False, "fields": {"name": team}})
        if stage:
            entities.append({"entity": "stage", "primary": False, "fields": {"pipeline": team, "stage": stage, "team": team}})
        for meaning, entity in _ON_DEMAND.items():
            if (name := self._first(meaning)) and meaning in fields:
                entities.append({"entity": entity, "primary": False, "fields": {"name": name}})
        return entities + self._on_demand("tag")

    def _has_key(self, kind: ObjectKind) -> bool:
        """Whether other objects can refer to the rows of a kind by their key."""
        review = self.kinds.get(kind)
        first = next((line.header for line in review.columns if line.meaning == KEY and line.decision == "field"), None) if review else None
        return review is not None and review.key is not None and review.key == first

    def _link(self, kind: ObjectKind, column: str) -> Any:
        """A reference by the other object's key; by the name, where that finds nothing."""
        if self._has_key(kind):
            return {"from": column, "object": self.kinds[kind].object, "or_else": column}
        return column

    def _company(self) -> Any:
        """The company of a person, lead or deal: by its key where the export has one, else by its name."""
        key, name = self._first("company_record"), self._first("company_name", "account", "customer")
        if key and self._has_key("company"):
            return {"from": key, "object": self.kinds["company"].object, **({"or_else": name} if name else {})}
        return name

    def _company_on_demand(self) -> list[dict[str, Any]]:
        name = self._first("company_name", "account", "customer")
        if name is None or (self.review.kind == "contact" and name == self._person()):
            return []
        made: dict[str, Any] = {"entity": "company", "primary": False}
        if (key := self._first("company_record")) and self._has_key("company"):
            made["unless"] = {"from": key, "object": self.kinds["company"].object, "by": [KEY]}
        return [{**made, "fields": {"name": name}}]


def _login(column: str) -> dict[str, str]:
    """An owner's address; the name where the source has no address."""
    return {"sql": f"coalesce({column}__key, {column})"}


def _concat(columns: list[str], between: str) -> str:
    quoted = f"E'{between}'" if "\\" in between else f"'{between}'"
    return f"nullif(concat_ws({quoted}, {', '.join(columns)}), '')"


def _joined(columns: list[str], between: str) -> Any:
    return columns[0] if len(columns) == 1 else {"sql": _concat(columns, between)}
