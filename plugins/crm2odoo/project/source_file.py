"""A source product: its objects, their files and columns, and which entities their rows become.

One file ``mappings/sources/<source>.yaml`` per product. A new product needs no Python.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
ColumnType = Literal[
    "id",
    "text",
    "name",
    "email",
    "phone",
    "url",
    "domain",
    "html",
    "enum",
    "date",
    "datetime",
    "money",
    "number",
    "percent",
    "integer",
    "boolean",
    "list",
    "file",
]

Sensitivity = Literal["open", "personal", "health", "secret"]


class Strict(BaseModel):
    """Unknown keys are mistakes, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Column(Strict):
    """One column that the product's export is known to have."""

    headers: list[str] = Field(
        default=[], description="Names of the column in exports, compared without case, blanks and punctuation. The column's own name always counts."
    )
    type: ColumnType = Field("text", description="How its cells are read; see docs/architecture.md.")
    required: bool = Field(False, description="Mandatory: without the column the file is refused, without a value the row is rejected.")
    optional_column: bool = Field(True, description="False for a mandatory column whose absence refuses the whole file; set by `required`.")
    essential: bool = Field(
        False,
        description="A date or amount that the migration cannot do without: an unreadable value rejects the row instead of leaving the field empty.",
    )
    separator: str | None = Field(None, description="For `list`: the separator; the source's default otherwise.")
    sensitive: bool | Sensitivity = Field(
        False, description="Masked in rejects, logs and documents. `true` is `personal`; what happens to `health` and `secret` depends on the project's regime."
    )
    lost: str | None = Field(None, description="Why the column has no place in Odoo. It is listed among the losses, with the number of its values.")
    field: str | None = Field(
        None,
        pattern=r"^x_[a-z0-9_]{1,61}$",
        description="Name of the custom field that the column becomes where no line uses it; made from its header when left out.",
    )
    owner: bool = Field(
        False, description="Names a user of the source. A value that is no e-mail address goes to the owner queue, not into the warnings."
    )
    title: str | None = Field(None, description="What people read instead of its name.")

    @property
    def sensitivity(self) -> Sensitivity:
        """Addresses and numbers of people are personal, whatever the file says."""
        if isinstance(self.sensitive, str):
            return self.sensitive
        return "personal" if self.sensitive or self.type in ("email", "phone") else "open"

    @property
    def hidden(self) -> bool:
        """Whether rejects, logs and documents show only the length of a value."""
        return bool(self.sensitive) and self.sensitive != "open"


class Parent(Strict):
    """A reference of one object's row to another object's row."""

    object: Identifier
    columns: list[Identifier] = Field(description="Columns of this object that hold the parent's key, in its order.")
    by: list[Identifier] | None = Field(None, description="Columns of the parent that they are compared with; the parent's key when left out.")
    required: bool = Field(False, description="True: a row without its parent is rejected as an orphan. False: a warning, and the link stays empty.")
    when: dict[Identifier, list[str]] = Field(
        {},
        description="One column and the values (normalised) for which the reference holds, as in `related_type: [lead, leads]`. Other values reject the row as bad_relation.",
    )


def _short_input(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


class Collect(Strict):
    """Rows of another object, gathered into one text per row of this one."""

    object: Identifier = Field(description="The object whose rows are gathered.")
    by: list[Identifier] = Field(description="Columns of that object that hold this object's key, in its order.")
    equals: list[Identifier] | None = Field(None, description="Columns of this object that `by` is compared with, instead of its key.")
    sql: str = Field(description="A PostgreSQL expression over that object's clean columns: the text of one row.")
    when: str | None = Field(None, description="A PostgreSQL condition over that object's clean columns.")
    order: str = Field("1", description="A PostgreSQL expression: the order of the rows; that of the file when left out.")
    separator: str = Field("\n", description="What stands between two rows.")


class FieldLine(Strict):
    """Where one input of an entity comes from: exactly one of `from`, `value`, `sql`, `keys`, `collect`.

    For a reference the result is compared with the natural key of the entity referred to, or, with `object`, with the source
    key of that object's rows.
    """

    from_: Identifier | None = Field(None, alias="from", description="A column of the object; `each` inside an `each` mapping.")
    value: str | int | float | bool | None = Field(None, description="A constant.")
    sql: str | None = Field(None, description="A PostgreSQL expression over the object's clean columns.")
    keys: list[FieldLineShort] | None = Field(None, description="For a reference: the parts of a key that has more than one.")
    collect: Collect | None = None
    object: Identifier | None = Field(None, description="For a reference: the value is the source key of this object.")
    by: list[Identifier] | None = Field(
        None,
        description="With `object`: the columns of that object that the value is compared with, instead of its key. Two rows with one value are no answer.",
    )
    take: Identifier | None = Field(None, description="With `object`: the value is this column of the row that is found.")
    when: str | None = Field(None, description="A PostgreSQL condition over the object's clean columns; the line counts only where it holds.")
    also: list[FieldLineShort] = Field([], description="For several references: more of them.")
    or_else: FieldLineShort | None = Field(None, description="Tried when this one is empty or finds no record.")

    @model_validator(mode="after")
    def _one_source(self) -> FieldLine:
        if sum(x is not None for x in (self.from_, self.value, self.sql, self.keys, self.collect)) != 1:
            raise ValueError("give exactly one of `from`, `value`, `sql`, `keys` and `collect`")
        if self.take and not self.object:
            raise ValueError("`take` needs the `object` whose column it is")
        return self


FieldLineShort = Annotated[FieldLine, BeforeValidator(_short_input)]


def _columns_of(line: FieldLine) -> list[str]:
    names = [line.from_] if line.from_ else []
    for part in [*(line.keys or []), *line.also, *([line.or_else] if line.or_else else [])]:
        names += _columns_of(part)
    return names


class EntityMapping(Strict):
    """How the rows of an object feed one entity."""

    entity: Identifier = Field(description="Name of the entity file below mappings/odoo.")
    primary: bool = Field(True, description="The row becomes this record. False: the record is made on demand (tag, source, embedded company).")
    when: str | None = Field(None, description="A PostgreSQL condition over the clean columns; only rows that meet it.")
    unless: FieldLineShort | None = Field(None, description="A reference by `object` and `by`: no record on demand where it finds a row.")
    only_if: FieldLineShort | None = Field(None, description="A reference by `object` and `by`: the record is made only where it finds a row.")
    each: Identifier | None = Field(None, description="A `list` column: one record for each element, which lines call `each`.")
    fields: dict[Identifier, FieldLineShort] = Field({}, description="Input of the entity: the column or line that it comes from.")
    app: str | None = Field(
        None,
        pattern=r"^!?[a-z_]+( !?[a-z_]+)*$",
        description="Only when the project says that these apps of Odoo are (`project`) or are not (`!project`) there: `sale !account`.",
    )
    decided: dict[Identifier, str] = Field({}, description="Only when the customer decided so. Decision of this source: its choice.")
    keep: list[Identifier] = Field([], description="Columns that become custom fields although a line uses them: a second number that is only a substitute.")
    custom_fields: Literal["keep", "ignore"] = Field(
        "keep", description="What happens to columns that no line uses: custom fields on this entity, or nothing."
    )


class MergeBy(Strict):
    """Merge columns that a project decides about."""

    decision: Identifier = Field(description="Name of the decision in the project file; without it the object's `merge` holds.")
    options: dict[str, list[Identifier]] = Field(description="Value of the decision: merge columns.")


class AttachmentColumns(Strict):
    """Where an object of attachments says what a file is called and where its content is: a path, an address, or base64."""

    name: Identifier | None = None
    path: Identifier | None = None
    url: Identifier | None = None
    content: Identifier | None = None
    size: Identifier | None = None
    checksum: Identifier | None = None
    store: str | None = Field(
        None, description="Folder of the delivery for files out of an image store (`vpimg://`, `//server/`): they lie there by the path that their locator has."
    )
    optional: bool = Field(False, description="The row is more than its file: one whose file is missing or unusable stays, without it, and is warned of.")

    @property
    def named(self) -> list[str]:
        """The columns that are given."""
        return [c for c in (self.name, self.path, self.url, self.content, self.size, self.checksum) if c]


class Pivot(Strict):
    """Rows of key and value that are custom fields of other objects' rows."""

    of: dict[Identifier, list[str]] = Field(description="Object: words in the type column that mean it.")
    type: Identifier
    record: Identifier
    field: Identifier
    value: Identifier


class Inventory(Strict):
    """A sheet that somebody wrote by hand: which custom fields the product shows, one row each. Columns of the sheet."""

    object: Identifier = Field(description="Names the object by its title or its name in this file.")
    name: Identifier = Field(description="The header of the field's column.")
    type: Identifier
    options: Identifier | None = Field(None, description="Choices of a pick-list, separated by | or the source's separator.")


class SourceObject(Strict):
    """What the product calls a thing: lead, estimate, ticket."""

    title: str = Field(description="What the product calls it, for people.")
    files: list[str] = Field(description="Patterns of file names, without extension, compared without case, digits, blanks and punctuation.")
    columns: dict[Identifier, Column] = Field(description="Columns that its export is known to have.")
    key: list[Identifier] = Field([], description="Columns of the source key. None: every row is its own record.")
    required_any: list[list[Identifier]] = Field([], description="Of each group at least one column must have a value.")
    merge: list[Identifier] = Field([], description="Rows that agree in these columns (normalised) are one record; the first survives.")
    merge_by: MergeBy | None = None
    deleted: Identifier | None = Field(None, description="Boolean column that marks a deleted row.")
    parents: list[Parent] = Field([], description="Lines that name the same object (and `when`) are alternatives: one that finds a row is enough.")
    attachment: AttachmentColumns | None = Field(
        None, description="For an object whose rows are files: its content is looked for, and a row without usable content is rejected."
    )
    entities: list[EntityMapping] = Field([], description="What its rows become in Odoo.")
    pivot: Pivot | None = None
    inventory: Inventory | None = None
    documentation_only: bool = Field(False, description="Does not migrate, unless an entity is decided for; goes into the handoff inventory.")
    export_from: str | None = Field(None, description="Where the product exports it: menu, filters. Only what the vendor documents.")
    without: str | None = Field(None, description="What is lost when this object is not delivered; then the scope says so.")
    noted: bool = Field(False, description="Discovery says whether there are any, how many and in which format, also when there are none.")
    handoff: str = Field("To be rebuilt in Odoo by hand.", description="For `documentation_only`: what the inventory says to the reader.")
    losses: dict[str, str] = Field({}, description="What Odoo cannot keep of these rows: why. Listed among the losses with the number of rows.")

    @model_validator(mode="after")
    def _names_exist(self) -> SourceObject:
        def check(names: list[str], what: str) -> None:
            for name in names:
                if name not in self.columns:
                    raise ValueError(f"{what} names the column {name!r}, which this object does not have")

        check(self.key, "key")
        check(self.merge, "merge")
        check([n for group in self.required_any for n in group], "required_any")
        check([self.deleted] if self.deleted else [], "deleted")
        for parent in self.parents:
            check([*parent.columns, *parent.when], f"parent {parent.object}")
        check(self.attachment.named if self.attachment else [], "attachment")
        for option, names in (self.merge_by.options if self.merge_by else {}).items():
            check(names, f"merge_by {option}")
        for mapping in self.entities:
            check(mapping.keep, f"{mapping.entity}: keep")
            if mapping.each and (mapping.each not in self.columns or self.columns[mapping.each].type != "list"):
                raise ValueError(f"{mapping.entity}: each names {mapping.each!r}, which is no `list` column")
            for name, line in mapping.fields.items():
                for column in _columns_of(line):
                    if column != "each" and column not in self.columns:
                        raise ValueError(f"{mapping.entity}.{name} comes from {column!r}, which is no column of this object")
        return self


class Formats(Strict):
    """How the product writes dates, numbers and lists. A project may override each."""

    date_order: Literal["dmy", "mdy"] = Field("mdy", description="Order of day and month where a date has slashes, dots or dashes.")
    decimal_mark: Literal[".", ","] = Field(".", description="The mark before the cents.")
    list_separator: str = Field(",", description="What stands between the elements of a list cell.")
    decode_html_entities: bool = Field(False, description="Text holds HTML entities and tags (The Customer Factor).")
    numeric_ids: bool = Field(False, description="`3050.0` is the id `3050` (The Customer Factor).")


class StageRule(Strict):
    """Outcome of stages by name: the first rule whose name matches decides."""

    names: list[str] = Field(description="Names of stages, compared without case and blanks.")
    outcome: Literal["won", "lost", "open"] = Field(description="What they mean.")


class ProductIdentity(Strict):
    """How to tell the product from others with similar names."""

    words: list[str] = Field(description="The address of the customer's account holds one of them, compared without dots and dashes.")
    similar: list[str] = Field([], description="Products that are mixed up with it.")


class Documented(Strict):
    """What the vendor itself says in public about getting data out. Nothing is added to it."""

    says: str = Field(description="What the page says, in our words.")
    at: str = Field(pattern=r"^https://", description="Its address.")


class Caution(Strict):
    """A commercial, legal or technical trap of the product: somebody has to see to it by a day."""

    what: str = Field(description="What can go wrong.")
    do: str = Field(description="What to do about it.")
    owner: str = Field(description="Who sees to it, as a role; a project names the person.")
    due: str = Field(description="By when, in words; a project names the day.")


class Decision(Strict):
    """A question to the customer. Expressions use the answer as ``decision_<name>``."""

    question: str = Field(description="What the customer is asked.")
    options: dict[str, str] = Field({}, description="Choice: what it means. Empty: any value.")
    default: str | bool | int | float = Field(description="What holds until the customer decides.")
    compare: str | bool | int | float | None = Field(
        None, description="For a question without `options`: another answer, to count the records that would be different with it."
    )
    sql: bool = Field(False, description="The answer is a PostgreSQL expression over the clean columns of the object that asks: a rule.")


class Source(Strict):
    """One source product."""

    source: Identifier = Field(description="Its name: that of the file.")
    title: str = Field(description="Name of the product.")
    about: str = Field("", description="What a reader should know about its exports.")
    formats: Formats = Formats()
    identity: ProductIdentity | None = None
    documented: list[Documented] = Field([], description="What the vendor's public pages say about exports. Shown in the export guide.")
    cautions: dict[Identifier, Caution] = Field({}, description="Traps of the product. The scope lists each with its owner and day.")
    stage_outcomes: list[StageRule] = Field([], description="Which stage names mean won or lost; compared normalised and whole, never by likeness.")
    decisions: dict[Identifier, Decision] = {}
    lists: dict[Identifier, list[str]] = Field({}, description="Name: values in lower case, an array for expressions: domains of free-mail services.")
    objects: dict[Identifier, SourceObject]

    @model_validator(mode="after")
    def _objects_exist(self) -> Source:
        for name, obj in self.objects.items():
            for mapping in obj.entities:
                for decision, choice in mapping.decided.items():
                    if decision not in self.decisions or choice not in self.decisions[decision].options:
                        raise ValueError(f"objects.{name}: {mapping.entity} is for {decision}: {choice}, which is no decision of this source with that choice")
            for parent in obj.parents:
                if parent.object not in self.objects:
                    raise ValueError(f"objects.{name}: the parent {parent.object!r} is no object of this source")
                if len(parent.columns) != len(parent.by or self.objects[parent.object].key):
                    raise ValueError(
                        f"objects.{name}: the reference to {parent.object!r} compares {len(parent.columns)} columns with {len(parent.by or self.objects[parent.object].key)}"
                    )
                for column in parent.by or []:
                    if column not in self.objects[parent.object].columns:
                        raise ValueError(f"objects.{name}: the parent {parent.object!r} has no column {column!r}")
        return self
