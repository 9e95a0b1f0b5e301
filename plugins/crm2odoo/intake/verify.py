"""The proof that no row was lost between a file and its clean rows."""

from __future__ import annotations

from crm2odoo.intake.errors import CountsDiffer
from crm2odoo.staging import Workspace


def verify_counts(ws: Workspace, export_id: str) -> None:
    """Raises CountsDiffer unless, for every file that is an object of the source, the records that the reader counted are the clean rows of all
    statuses plus the rejects that have no clean row (wrong number of fields).
    """
    wrong = []
    with ws.connect() as connection:
        files = connection.execute(
            ws.sql(
                "select file_no, name, object, records from {log}.file where export_id = %s and object is not null and records is not null "
                "and status in ('recognised', 'assigned') order by file_no"
            ),
            (export_id,),
        ).fetchall()
        for file in files:
            row = connection.execute(
                ws.sql(
                    "select (select count(*) from {clean}.{object} where _file = %(no)s) as clean, (select count(*) from {clean}.reject as r where r.object = %(name)s "
                    "and r.file_no = %(no)s and not exists (select 1 from {clean}.{object} as c where c._file = r.file_no and c._rec = r.rec)) as raw",
                    object=file["object"],
                ),
                {"no": file["file_no"], "name": file["object"]},
            ).fetchone()
            assert row is not None
            if row["clean"] + row["raw"] != file["records"]:
                wrong.append(f"- {file['name']}: {file['records']:,} records, {row['clean']:,} clean rows and {row['raw']:,} rejects without one")
    if wrong:
        raise CountsDiffer(
            "Rows were lost or doubled between the files and the clean tables:\n" + "\n".join(wrong)
            + "\nThis is a flaw of the intake, not of the export. Keep the export and report it; nothing was loaded."
        )
