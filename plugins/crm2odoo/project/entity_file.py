"""An entity: a model of Odoo plus the rules for it. One file ``mappings/odoo/<entity>.yaml`` each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from crm2odoo.project.source_file import Decision, Identifier, Strict

InputType = Literal[
    "text",
    "name",
    "email",
    "phone",
    "url",
    "domain",
    "html",
    "date",
    "datetime",
    "money",
    "currency",
    "number",
    "integer",
    "boolean",
    "list",
    "ref",
    "refs",
    "file",
]
OdooType = Literal[
    "char",
    "text",
    "html",
    "integer",
    "float",
    "monetary",
    "boolean",
    "date",
    "datetime",
    "selection",
    "many2one",
    "many2many",
    "one2many",
    "many2one_reference",
    "binary",
]


class Input(Strict):
    """Something a source can tell about this entity, in our words and in normalised form."""

    type: InputType = "text"
    entity: Identifier | None = Field(None, description="For `ref` and `refs`: the entity referred to.")
    entities: list[Identifier] = Field(
        [], description="For a reference that may go to several entities, the first that has the key wins; expressions may use `<input>_model`."
    )
    required: bool = Field(False, description="Without it the record is held.")
    bring_fields: list[str] = Field([], description="For `ref`: fields of the record referred to, as they go to Odoo; used like `bring`.")
    bring: list[Identifier] = Field([], description="For `ref`: inputs of the record referred to that expressions may use as `<input>_<name>`.")
    default: str | int | float | bool | None = Field(
        None, description="Where no line of the mapping says anything: the value, or the natural key of the record referred to."
    )
    fill: bool = Field(False, description="Where the first row of a record says nothing, a later row of the same record may: a company in many leads.")
    like: Identifier | None = Field(None, description="Where no line of the mapping says anything: the line of this input.")
    about: str = ""

    @model_validator(mode="after")
    def _reference(self) -> Input:
        if (self.type in ("ref", "refs")) != bool(self.targets):
            raise ValueError("`entity` goes with the types `ref` and `refs`, and only with them")
        if self.entities and (self.entity or self.bring or self.bring_fields):
            raise ValueError("`entities` stands alone, and brings nothing along")
        return self

    @property
    def targets(self) -> list[str]:
        """Entities that the input may refer to."""
        return [self.entity] if self.entity else self.entities


class OdooField(Strict):
    """One field of the record in Odoo: exactly one of `from`, `value`, `sql`."""

    type: OdooType
    from_: Identifier | None = Field(None, alias="from", description="An input, unchanged.")
    value: str | int | float | bool | None = Field(None, description="A constant.")
    sql: str | None = Field(None, description="A PostgreSQL expression over the inputs; references are xids.")
    names: list[str] = Field([], description="Names in other versions of Odoo; the first that the target has is used. The key itself comes first.")
    through: dict[Identifier, str] = Field(
        {}, description="Entity: the field of its records whose value counts instead (`user: partner_id`, the partner of a user)."
    )
    lines: Identifier | None = Field(None, description="For `one2many`: the entity whose records are written as lines of this one.")
    relation: str | None = Field(None, description="For a reference to a record of Odoo itself: its model, with `xml_ids` as the values.")
    send_empty: bool = Field(False, description="Send False when empty: Odoo would fill in something else.")
    required: bool = Field(False, description="Without a value the record is held.")
    on_missing: Literal["hold", "empty"] = Field(
        "empty", description="When the record referred to is not loaded: hold this one, or leave the field empty and say so."
    )
    write: Literal["create", "create_only", "second", "never"] = Field(
        "create",
        description="`never`: only compared; Odoo computes it, or a step brings it about. `second`: written after the records exist. `create_only`: never updated.",
    )
    ours_context: dict[str, Any] = Field(
        {},
        description="For a reference: added to the context when the record referred to is the migration's own, so that Odoo leaves out work whose result is sent anyway.",
    )
    resent_after: list[str] = Field([], description="Fields whose update makes Odoo overwrite this one: it is then written again, in a call of its own (dates of a lead after its stage).")
    kept_when: list[str] = Field([], description="References whose update makes Odoo fill this one anew from the record referred to: where the source gives it, what it held is put back.")
    compare: Literal["equal", "html", "rounded", "url", "case", "none"] = Field(
        "equal", description="How the read-back is compared. Anything but `equal` is a declared transform and is counted as such."
    )
    compare_note: str = ""
    odoo_fills: bool = Field(False, description="Where nothing is sent, Odoo puts in a value of its own: there is nothing to compare it with.")
    optional: bool = Field(False, description="Left out without complaint when the target has no such field.")

    @model_validator(mode="after")
    def _one_source(self) -> OdooField:
        if (self.lines is not None) != (self.type == "one2many"):
            raise ValueError("`lines` goes with the type `one2many`, and only with it")
        if sum(x is not None for x in (self.from_, self.sql, self.lines)) + ("value" in self.model_fields_set) != 1:
            raise ValueError("give exactly one of `from`, `value`, `sql` and `lines`")
        return self


class CustomField(Strict):
    """A field that the migration creates in Odoo."""

    type: OdooType
    label: str
    relation: str | None = None
    options: list[str] = []
    on_form: bool = True
    help: str = ""


class Spared(Strict):
    """A field that Odoo would work out record by record, and that is known for all of them at once."""

    like: Identifier | None = Field(None, description="A reference of the record: the field is what that record holds, if it holds anything.")
    while_none: dict[str, list[tuple[str, str, Any]]] | None = Field(
        None, description="Model: domain. The field is empty as long as the target has none of these records, archived ones included."
    )

    @model_validator(mode="after")
    def _one_reason(self) -> Spared:
        if (self.like is None) == (self.while_none is None):
            raise ValueError("give exactly one of `like` and `while_none`")
        return self


class Match(Strict):
    """How records that the target already has are found."""

    keys: list[dict[str, str]] = Field(
        description="Each entry maps identity inputs, or only some of them, to fields of Odoo; the first entry that finds a record decides."
    )
    domain: list[Any] = []
    archived: bool = True
    lang: str = "en_US"
    duplicates: Literal["ask", "first"] = Field(
        "ask", description="Several records of Odoo with one key: a person decides, or the first one serves (labels only)."
    )
    decision: Identifier | None = Field(
        None, description="A decision between `merge` and `rename`: with `rename`, no record of Odoo is taken, and ours go by another name."
    )


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Skip(Strict):
    """Records that are not made, although rows stand for them."""

    when: str = Field(description="A PostgreSQL condition over the inputs.")
    reason: str


class Hold(Strict):
    """Records that wait for a person, although nothing is missing from their row."""

    when: str = Field(description="A PostgreSQL condition over the inputs.")
    reason: str = Field(description="A PostgreSQL expression over the inputs: what is wrong, and what to do.")


class InOwnCurrency(Strict):
    """An amount in another currency that is entered in the company's: its part of what Odoo has open there, so that exactly that is settled
    and no difference of exchange rates is booked."""

    when: str = Field(description="A PostgreSQL condition over the inputs: for which records.")
    amount: str = Field(description="Field of the wizard with the amount.")
    part: str = Field(description="A PostgreSQL expression: which part of what is open, 1 for all of it.")
    open: str = Field(description="Field of the record: what is open, in the company's currency.")
    own: str = Field(description="Field of the record: the company's currency.")
    currency: str = Field(description="Field of the wizard that takes the company's currency.")
    rate: str = Field(description="Key of the context that takes the rate: the foreign amount by the company's.")


class Wizard(Strict):
    """A dialogue of Odoo, filled in for one record and run."""

    model: str
    values: dict[str, str] = Field({}, description="Field: a PostgreSQL expression over the inputs.")
    in_own_currency: InOwnCurrency | None = None
    xml_ids: dict[str, str] = Field({}, description="Field: XML id of a record of Odoo.")


class Step(Strict):
    """Something that Odoo has to do with records once they exist: post an invoice, register its payment."""

    name: Identifier
    when: str = Field(description="A PostgreSQL condition over the inputs: which records.")
    done: dict[str, list[str]] = Field(description="Field of Odoo: values that say that it was done. Asked before, so a repeated step is harmless.")
    call: str = Field(description="Method of the model, or of the wizard.")
    wizard: Wizard | None = None
    undo: str | None = Field(None, description="Method that takes it back.")


class Entity(Strict):
    """What Odoo will hold, and how."""

    entity: Identifier
    extends: Identifier | None = Field(None, description="Entity whose content this one takes over; its own keys win, maps are joined. Its own name: the bundled entity.")
    model: str
    title: str
    about: str = ""
    requires: list[str] = Field([], description="Odoo modules without which the entity cannot be loaded.")
    part_of: Identifier | None = Field(
        None, description="Written as lines of this entity, within its records; its input of that name refers to the record."
    )
    after: list[Identifier] = Field([], description="Entities loaded earlier, besides those referred to.")
    decisions: dict[Identifier, Decision] = Field(
        {}, description="Questions to the customer that any source with this entity raises; joined with those of the source."
    )
    inputs: dict[Identifier, Input]
    records: list[dict[Identifier, str | int | float | bool]] = Field(
        [], description="Records that every project needs, as inputs: a journal, a tag. Told apart by `identity`."
    )
    identity: list[Identifier] = Field([], description="Inputs that tell records apart (normalised). None: each source row is a record of its own.")
    aliases: dict[str, str] = Field({}, description="Other spellings of the first identity input: spelling (normalised): the value that counts.")
    skip: Skip | None = None
    hold: list[Hold] = []
    match: Match | None = None
    create: Literal["yes", "never", "decision"] = Field(
        "yes", description="Whether records that the target lacks are created. `decision`: as the project decides (users)."
    )
    create_by: Identifier | None = Field(
        None, description="A decision between `create` and `hold`: with `hold`, what the target lacks is not created, and what refers to it waits."
    )
    unmatched: Literal["hold", "empty"] = Field(
        "empty", description="With `create: never`: what becomes of references to a record that was not found."
    )
    let: dict[Identifier, str] = Field({}, description="Names for PostgreSQL expressions over the inputs, for use in `fields`.")
    fields: dict[str, OdooField] = {}
    spared: dict[str, Spared] = Field(
        {}, description="Fields of Odoo that no source fills, and that Odoo need not look for once per record: what it would find is sent (loading.md)."
    )
    steps: list[Step] = []
    custom_fields: dict[str, CustomField] = {}
    custom_target: bool = Field(True, description="Whether unknown source columns become custom fields on this model.")
    form_view: str | None = Field(None, description="XML id of the form on which custom fields are shown.")
    list_action: str | None = Field(None, description="XML id of the action of Odoo that lists all of them, for people who look at the result.")
    context: dict[str, Any] = Field({}, description="Added to the silent context of the load.")
    batch_size: int = Field(500, ge=1, le=5000, description="Rows of the first call; the next follow the time it took (loading.md).")
    order: Annotated[list[str], BeforeValidator(_listed)] = Field(
        [], description="PostgreSQL expressions over the inputs: the order in which records are created."
    )
    keep_together: str | None = Field(
        None, description="A field: records with the same value are loaded by one task, in their order (messages of one record)."
    )
    undo: Literal["unlink", "archive", "keep"] = "unlink"

    @model_validator(mode="after")
    def _names_exist(self) -> Entity:
        for number, record in enumerate(self.records):
            for name in record:
                if name not in self.inputs:
                    raise ValueError(f"records.{number}: {name!r} is no input")
        for name in self.identity:
            if name not in self.inputs:
                raise ValueError(f"identity names {name!r}, which is no input")
        if self.part_of and self.part_of not in self.inputs:
            raise ValueError(f"a part of {self.part_of!r} needs an input of that name")
        for name, value in self.inputs.items():
            if (value.bring or value.bring_fields) and value.type != "ref":
                raise ValueError(f"inputs.{name}: `bring` goes with the type `ref`")
            if value.bring_fields and value.entity == self.entity:
                raise ValueError(f"inputs.{name}: `bring_fields` cannot look into the entity itself")
        for name, spared in self.spared.items():
            if name in self.fields:
                raise ValueError(f"spared.{name}: a field is either filled or spared")
            if spared.like and (self.part_of or spared.like not in self.fields):
                raise ValueError(f"spared.{name}: `like` names {spared.like!r}, which is no field of this entity (lines have no `like`)")
        for name, field in self.fields.items():
            source = self.inputs.get(field.from_ or "")
            if source and source.entity == self.entity and field.write != "second":
                raise ValueError(f"fields.{name}: a reference to the entity itself needs `write: second`")
            if field.from_ and field.from_ not in self.inputs:
                raise ValueError(f"fields.{name}: comes from {field.from_!r}, which is no input")
            if name.startswith("x_") and name not in self.custom_fields:
                raise ValueError(f"fields.{name}: a custom field must be declared under custom_fields")
        return self

    @property
    def one_target(self) -> set[str]:
        """Entities that this one cannot do without."""
        return {i.entity for i in self.inputs.values() if i.entity}

    @property
    def references(self) -> set[str]:
        """Entities that this one refers to, itself included when it does."""
        return {t for i in self.inputs.values() for t in i.targets} - {self.part_of}
