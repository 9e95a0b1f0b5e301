"""A project: one migration of one customer from one source into one Odoo. ``mappings/projects/<project>.yaml``."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from crm2odoo.project.entity_file import OdooType
from crm2odoo.project.privacy import Privacy
from crm2odoo.project.source_file import FieldLineShort, Formats, Identifier, Strict

OwnerChoice = Literal["provision", "fallback", "hold", "empty"]


class Connections(Strict):
    """Names of Airflow connections."""

    staging: str = Field("crm2odoo_staging", description="PostgreSQL of the project's schemas.")
    odoo: str = Field("crm2odoo_odoo", description="The production Odoo.")
    files: str | None = Field(None, description="Connection for s3:// exports and documents.")


class Owners(Strict):
    """What happens to owners of the source."""

    aliases: dict[str, str] = Field({}, description="E-mail in the source: e-mail in Odoo. Compared without case and blanks.")
    decisions: dict[str, OwnerChoice] = Field(
        {}, description="E-mail (or name, when the source has no e-mail): what to do when Odoo has no such user."
    )
    fallback: str | None = Field(None, description="Login of the user who takes over records under `fallback`.")
    undecided: OwnerChoice | None = Field(
        None, description="Choice for owners without a decision of their own. None: they wait in the owner queue, and production does not start."
    )
    roles: bool = Field(False, description="Whether provisioned users get the role that the source names.")


class StageLine(Strict):
    """One line of the stage table: where a stage of the source goes."""

    pipeline: str | None = Field(None, description="Name of the pipeline in the source; any when left out.")
    stage: str = Field(description="Name of the stage in the source.")
    team: str | None = Field(None, description="Name of the sales team; the pipeline's when left out.")
    to: str | None = Field(None, description="Name of the stage in Odoo; the source's when left out.")
    outcome: Literal["open", "won", "lost"] | None = Field(None, description="What the stage means; by the source's rules when left out.")
    probability: float | None = Field(None, ge=0, le=100, description="Percent.")
    lost_reason: str | None = Field(None, description="Reason of records that are lost in this stage.")


class CustomColumn(Strict):
    """A decision on a column that the source file does not know."""

    field: str | None = Field(
        None, pattern=r"^x_[a-z0-9_]{1,61}$", description="Name of the custom field in Odoo; derived from the header when left out."
    )
    type: OdooType | None = Field(None, description="Type of the field; inferred from all values when left out.")
    label: str | None = Field(None, description="What users read; the header when left out.")
    options: list[str] = Field([], description="Choices of a pick-list; those found in the values when left out.")
    drop: str | None = Field(None, description="Reason why the column does not migrate.")


class Sample(Strict):
    """The sample run."""

    records: int | Literal["all"] = Field("all", description="Size of the slice, or `all` for a full rehearsal.")
    seed: int = Field(1, description="Another seed takes another slice.")
    keep_sandbox: bool = Field(False, description="Default of the form: the sandbox stays after the run.")


class Snapshot(Strict):
    """Where Odoo's database can be copied as a whole: on one's own server only."""

    connection: str = Field(description="Airflow connection of type Postgres: the server that holds Odoo's database, as a user who may create databases.")
    filestore: str = Field(description="Odoo's folder `filestore`, as the Airflow workers see it. It holds one folder per database.")
    keep: int = Field(2, ge=1, description="Snapshots that are kept besides the first one; older ones are dropped.")


class Hypercare(Strict):
    """Days after the cutover on which the migrated records are looked at, both included."""

    first: date = Field(description="First day.")
    last: date = Field(description="Last day; it ends with the closing report.")


class SeenTo(Strict):
    """Who sees to a caution of the source, and by which day."""

    owner: str = Field(description="Name of the person.")
    due: date = Field(description="The day, as 2026-11-30.")
    settled: str | None = Field(None, description="How it was settled; then nothing is asked any more.")


class Project(Strict):
    """One migration project."""

    project: Identifier = Field(description="Its name: that of the file, of its DAGs and of its schemas in PostgreSQL.")
    title: str = Field(description="What people read in Airflow and in documents.")
    source: Identifier = Field(description="Name of the source file below mappings/sources.")
    export: str = Field(description="Folder, archive or s3:// prefix of the export. A relative path starts at the folder that holds mappings/.")
    source_url: str | None = Field(None, description="Address at which the customer uses the product: discovery checks that it is the product it is taken for.")
    active: bool = Field(True, description="False: Airflow shows no DAGs of it.")
    target: Literal["self_hosted", "odoo_sh", "online"] = Field("self_hosted", description="Where Odoo runs. `online` allows one call a second and no module of ours.")
    timezone: str = Field("UTC", description="IANA name; naive times of the export are in this zone.")
    locale: str = Field("en_US", description="How documents write numbers and dates, as in `de_DE` or `en_GB`.")
    currency: str = Field("USD", description="ISO code of amounts without one.")
    company_currency: str | None = Field(
        None, description="ISO code of the currency of the company in Odoo, when it is another one than `currency`. Revenue of a lead is in it."
    )
    rates: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="ISO code: how much of the company's currency one unit of it is worth. Amounts in a currency without a rate wait."
    )
    formats: Formats | None = Field(None, description="Overrides the source's formats as a whole.")
    connections: Connections = Connections()
    pool: str = Field("crm2odoo_odoo", description="Airflow pool that limits the load on this Odoo.")
    owners: Owners = Owners()
    stages: list[StageLine] = []
    default_team: str = Field("Sales", description="Sales team of records whose source has no pipeline.")
    apps: dict[str, bool] = Field(
        {},
        description="App of Odoo: whether the target has it. What is not said: project, sale and account yes, helpdesk and knowledge no. Preflight checks it.",
    )
    columns: dict[Identifier, dict[str, CustomColumn]] = Field(
        {}, description="Object: header: what to do with a column that the source file does not know."
    )
    map: dict[str, FieldLineShort] = Field({}, description="`object.entity.input`: overrides one line of the source's mapping.")
    decisions: dict[str, str | bool | int | float] = Field({}, description="Question of the source or of an entity: the customer's choice. `<project>.discover` lists questions, choices and effects.")
    vanished: Literal["keep", "archive", "delete"] = Field("keep", description="What becomes of loaded records whose rows a later export no longer has. They are listed first, and a person signs the plan.")
    documents: str = Field("documents", description="Folder or s3:// prefix for reports and documents.")
    sample: Sample = Sample()
    snapshot: Snapshot | None = Field(None, description="A copy of the whole database before each load, for a rollback to it. Self-hosted Odoo only.")
    hypercare: Hypercare | None = Field(None, description="Window of the daily look after the cutover.")
    privacy: Privacy = Privacy()
    cautions: dict[Identifier, SeenTo] = Field({}, description="Caution of the source: who sees to it, by when, how it was settled.")
    runbook_owners: dict[str, str] = Field({}, description="Step of the cutover's runbook: name of the person who does it.")
    error_budget_percent: float = Field(1.0, ge=0, le=100, description="A phase stops when more of its rows than this are refused by Odoo.")
    approvers: list[str] = Field([], description="Airflow users who may sign off; anyone who may answer when empty.")
    owner: str = Field("platform-team", description="Owner of the DAGs in Airflow.")
    owner_url: str | None = Field(None, description="Where the owner is reached: Airflow links there.")
    tags: list[str] = Field([], description="More tags of the DAGs.")

    @property
    def own_currency(self) -> str:
        """The currency of the company in Odoo."""
        return self.company_currency or self.currency

    def has_app(self, name: str) -> bool:
        """Whether the project counts on an app of Odoo."""
        return self.apps.get(name, name in ("project", "sale", "account"))
