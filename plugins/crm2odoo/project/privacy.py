"""What may be done with columns that hold data of people: classes of sensitivity, and the regimes that decide about them.

A column is kept, encrypted in the staging database, or excluded: then its values never enter the database at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from crm2odoo.project.source_file import Column, Identifier, Sensitivity, Source, Strict

Treatment = Literal["keep", "encrypt", "exclude"]
RegimeName = Literal["none", "gdpr", "hipaa", "phipa"]

ENCRYPTABLE = ("text", "html", "id")
"""Types whose values are carried as they are. Others are parsed (dates, amounts, addresses), which an encrypted value does not survive."""


@dataclass(frozen=True)
class Regime:
    """Defaults of a law. ``never_kept``: classes that must not lie in the staging database as plain text, whoever asks for it."""

    defaults: dict[Sensitivity, Treatment]
    unknown: Treatment
    never_kept: frozenset[Sensitivity]
    asks_for: tuple[str, ...]
    retention_days: int | None


_HEALTH = Regime(
    defaults={"health": "exclude", "secret": "exclude"},
    unknown="exclude",
    never_kept=frozenset({"health", "secret"}),
    asks_for=("agreement", "approved_by"),
    retention_days=30,
)
REGIMES: dict[RegimeName, Regime] = {
    "none": Regime({}, "keep", frozenset(), (), None),
    "gdpr": Regime({"health": "exclude", "secret": "exclude"}, "keep", frozenset({"secret"}), ("agreement",), 90),
    "hipaa": _HEALTH,
    "phipa": _HEALTH,
}


class Privacy(Strict):
    """What a project may do with data of people."""

    regime: RegimeName = Field("none", description="Law whose defaults hold: gdpr, hipaa (USA), phipa (Ontario).")
    agreement: str | None = Field(None, description="The contract that allows the processing: BAA, data processing agreement, with its date.")
    approved_by: str | None = Field(None, description="Who approved, before the first file is read, that this data is migrated.")
    retention_days: int | None = Field(None, ge=1, description="Days after which the values must be purged; the regime's when left out.")
    key: str | None = Field(
        None,
        description="Airflow connection with the key of encrypted columns: 64 bytes in base64 as its password. With `unwrap` "
        "(`package.module:function`) in its extra, the password is what a key service wrapped, and the function gives the key for it.",
    )
    columns: dict[Identifier, dict[Identifier, Treatment]] = Field(
        {}, description="Object: column: keep, encrypt or exclude. What nobody decides follows the regime."
    )

    @property
    def rules(self) -> Regime:
        """The regime's defaults."""
        return REGIMES[self.regime]

    @property
    def days(self) -> int | None:
        """Days until the purge is due; None for never."""
        return self.retention_days or self.rules.retention_days

    def treatment(self, source: Source, object_name: str, column: str) -> Treatment:
        """What happens to a column of an object; ``column`` may be one that the source file does not know."""
        decided = self.columns.get(object_name, {}).get(column)
        if decided:
            return decided
        known = source.objects[object_name].columns.get(column)
        return self.rules.defaults.get(known.sensitivity, "keep") if known else self.rules.unknown

    def mistakes(self, source: Source) -> list[tuple[tuple[str, ...], str, str]]:
        """What does not fit: place below ``privacy``, message, what to do."""
        found: list[tuple[tuple[str, ...], str, str]] = []
        for name in self.rules.asks_for:
            if not getattr(self, name):
                found.append(((), f"the regime {self.regime} asks for `{name}` before any file is read", f"add `{name}: …` to `privacy`"))
        for object_name, columns in self.columns.items():
            if object_name not in source.objects:
                found.append((("columns", object_name), f"the source has no object {object_name!r}", ""))
                continue
            for column in columns:
                if column not in source.objects[object_name].columns and not column.startswith("u_"):
                    known = ", ".join(source.objects[object_name].columns)
                    found.append((("columns", object_name, column), f"{object_name} has no column {column!r}", f"columns: {known}"))
        for object_name, obj in source.objects.items():
            for column, about in obj.columns.items():
                found += self._mistakes_of(source, object_name, column, about)
        return found

    def _mistakes_of(self, source: Source, object_name: str, column: str, about: Column) -> list[tuple[tuple[str, ...], str, str]]:
        treatment = self.treatment(source, object_name, column)
        own = column in self.columns.get(object_name, {})
        where: tuple[str, ...] = ("columns", object_name, column) if own else ()
        what = f"{object_name}.{column}"
        found: list[tuple[tuple[str, ...], str, str]] = []
        if treatment == "keep" and about.sensitivity in self.rules.never_kept:
            found.append((where, f"{what} holds {about.sensitivity} data, which {self.regime} does not let lie open", "say `encrypt` or `exclude`"))
        if treatment == "exclude" and (about.required or column in source.objects[object_name].key):
            how = f"say `columns: {{{object_name}: {{{column}: encrypt}}}}` below `privacy`"
            found.append((where, f"{what} cannot be excluded: without it no row of the object is valid", how))
        if treatment == "encrypt":
            if about.type not in ENCRYPTABLE:
                found.append((where, f"{what} is of the type {about.type}, which cannot be read while it is encrypted", "say `exclude`"))
            if not self.key:
                found.append((where, f"{what} is to be encrypted, and there is no key", "name its Airflow connection: `key: …` below `privacy`"))
        return found
