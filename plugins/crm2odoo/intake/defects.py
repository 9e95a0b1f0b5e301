"""What is wrong with single records, written to ``<p>_land.defect``: some at the end of a file, many already on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crm2odoo.intake.headers import Assignment
from crm2odoo.intake.scan import Scan
from crm2odoo.staging import Connection, Workspace

HELD = 20_000


@dataclass(frozen=True)
class Defects:
    """The defects of one file. Those of an earlier landing go first, in a transaction of their own: a landing that fails is done again."""

    ws: Workspace
    export_id: str
    file_no: int
    column_of: dict[str, str]

    @classmethod
    def of_file(cls, ws: Workspace, export_id: str, file_no: int, assignment: Assignment) -> Defects:
        with ws.connect() as connection:
            connection.execute(ws.sql("delete from {land}.defect where export_id = %s and file_no = %s"), (export_id, file_no))
        return cls(ws, export_id, file_no, {c.header: c.column for c in assignment.cells})

    def write(self, connection: Connection, scan: Scan) -> None:
        """Writes what ``scan`` holds, and empties it."""
        with connection.cursor() as cursor, cursor.copy(self.ws.sql("copy {land}.defect from stdin")) as copy:
            for d in scan.defects:
                copy.write_row((self.export_id, self.file_no, d.rec, d.line, self.column_of.get(d.column or "", d.column), d.code, d.value, d.fatal))
        scan.defects.clear()

    def spilled(self, rows: Iterator[bytes], scan: Scan) -> Iterator[bytes]:
        """The same rows; a file of nothing but faulty records does not fill the memory on the way."""
        for block in rows:
            yield block
            if len(scan.defects) > HELD:
                with self.ws.connect() as connection:
                    self.write(connection, scan)
