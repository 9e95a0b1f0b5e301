"""The files of the export that go to Odoo as attachments."""

from __future__ import annotations

import base64
import io
from contextlib import AbstractContextManager, ExitStack
from typing import IO

from crm2odoo.intake.delivery import Delivery, open_delivery
from crm2odoo.staging import Workspace


class FileVanished(RuntimeError):
    """A file that was there when the export was registered is not there any more. The message names it."""


IN_PLACE = "data:;base64,"
"""Stands before a content that the export's own cell holds, instead of a path."""


class ExportFiles:
    """Bytes of the files of one export, by their path in it. Opens the delivery at the first use; ``close`` it at the end.

    A path may also be IN_PLACE and base64.
    """

    def __init__(self, ws: Workspace, plan_id: int) -> None:
        self._ws, self._plan_id = ws, plan_id
        self._stack = ExitStack()
        self._delivery: Delivery | None = None
        self._sizes: dict[str, int] = {}

    def _open(self) -> Delivery:
        if self._delivery is None:
            with self._ws.connect() as connection:
                row = connection.execute(
                    self._ws.sql("select e.location from {log}.plan as p join {log}.export as e using (export_id) where p.plan_id = %s"),
                    [self._plan_id],
                ).fetchone()
            assert row is not None, self._plan_id
            self._delivery = self._stack.enter_context(open_delivery(row["location"]))
            self._sizes = {entry.name: entry.size for entry in self._delivery.files}
        return self._delivery

    def size(self, path: str) -> int:
        """Bytes of a file. Raises FileVanished."""
        if path.startswith(IN_PLACE):
            return len(path) * 3 // 4
        self._open()
        if path not in self._sizes:
            raise FileVanished(
                f"{path} was in the export when it was read and is not there now.\nPut the export back as it was, then clear this task."
            )
        return self._sizes[path]

    def base64(self, path: str) -> str:
        """The content as Odoo takes it. Raises FileVanished."""
        if path.startswith(IN_PLACE):
            return path.removeprefix(IN_PLACE)
        self.size(path)
        with self._open().open(path) as stream:
            return base64.b64encode(stream.read()).decode()

    def open(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """The content as a stream, for a `with`. Raises FileVanished."""
        if path.startswith(IN_PLACE):
            return io.BytesIO(base64.b64decode(path.removeprefix(IN_PLACE)))
        self.size(path)
        return self._open().open(path)

    def close(self) -> None:
        """Closes the delivery."""
        self._stack.close()
