"""The PostgreSQL server behind a self-hosted Odoo: copies of a database with its files, and the proof that a copy is one.

``create database … template`` is PostgreSQL's own way to copy: the server copies page by page, nothing passes through this process, and
new sessions wait meanwhile. It needs that nobody is connected when it begins, so Odoo's sessions are ended; Odoo opens new ones by itself.
A copy is marked as a template: Odoo's list of databases leaves templates out, so its scheduled actions never run in a copy, and no mail is
sent twice. Odoo names a file by the sha1 of its content and never writes to it again, so files are linked where that is possible, and
checked by name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

TRIES = 60
BLOCK = 1 << 20
SIGNALS = "orm_signaling_"
"""Tables by which Odoo's processes tell each other to forget what they know; they are no data."""


class SnapshotFailed(RuntimeError):
    """A copy could not be made or is not one. The message says what, where and what to do; the database is as it was."""


@dataclass(frozen=True)
class Proof:
    """What a database and its files hold. ``tables``: name → (rows, sum over the hashes of all rows); ``digest``: over names and sizes of files."""

    tables: dict[str, tuple[int, str]]
    files: int
    bytes: int
    digest: str

    @property
    def rows(self) -> int:
        return sum(n for n, _ in self.tables.values())

    def as_json(self) -> dict[str, Any]:
        return {"tables": {k: list(v) for k, v in self.tables.items()}, "files": self.files, "bytes": self.bytes, "digest": self.digest}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Proof:
        return cls({k: (int(v[0]), str(v[1])) for k, v in data["tables"].items()}, data["files"], data["bytes"], data["digest"])

    def differences(self, other: Proof) -> list[str]:
        """Sentences about what is not the same."""
        found = []
        for name in sorted(self.tables.keys() | other.tables.keys()):
            mine, theirs = self.tables.get(name), other.tables.get(name)
            if mine != theirs:
                counts = ["absent" if t is None else f"{t[0]} rows" for t in (mine, theirs)]
                found.append(f"table {name}: {counts[0]}, and {counts[1]}{'; same count, other content' if counts[0] == counts[1] else ''}")
        if (self.files, self.digest) != (other.files, other.digest):
            found.append(f"files: {self.files} with {self.bytes} bytes, and {other.files} with {other.bytes} bytes")
        return found


class DatabaseServer:
    """``dsn``: any database of the server, as a user who may create databases and owns Odoo's; ``filestore``: Odoo's folder of that name."""

    def __init__(self, dsn: str, filestore: Path) -> None:
        self.dsn, self.filestore = dsn, filestore

    def has(self, name: str) -> bool:
        with self._connect() as connection:
            return connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is not None

    def size(self, name: str) -> int:
        """Bytes of a database on disk, without its files."""
        with self._connect() as connection:
            row = connection.execute("select pg_database_size(oid) as bytes from pg_database where datname = %s", (name,)).fetchone()
        return int(row["bytes"]) if row else 0

    def check(self, database: str) -> None:
        """Raises SnapshotFailed unless the database and its files are here, and this user may copy them. Changes nothing."""
        with self._connect() as connection:
            row = connection.execute(
                "select pg_get_userbyid(d.datdba) as owner, pg_has_role(d.datdba, 'USAGE') as ours, u.rolcreatedb or u.rolsuper as creates, "
                "u.rolsuper "
                "from pg_database as d, pg_roles as u where d.datname = %s and u.rolname = current_user",
                (database,),
            ).fetchone()
        where = f"the server of {self._about()}"
        if row is None:
            raise SnapshotFailed(f"{where} has no database {database!r}. Name the server that holds Odoo's database in the project's `snapshot`.")
        if not row["creates"] or not (row["ours"] or row["rolsuper"]):
            raise SnapshotFailed(
                f"this user of {where} may not copy {database!r}, which belongs to {row['owner']}.\n"
                f"Use a superuser, or one with CREATEDB who is a member of {row['owner']}."
            )
        if not self.filestore.is_dir():
            raise SnapshotFailed(f"there is no folder {self.filestore}. Mount Odoo's filestore on the workers, and name it in `snapshot.filestore`.")
        if not os.access(self.filestore, os.W_OK):
            raise SnapshotFailed(f"the folder {self.filestore} cannot be written to by the workers' account.")

    def copy(self, source: str, name: str, comment: str, again: bool = False) -> None:
        """Makes database ``name`` with its files from ``source``, hidden from Odoo. ``again``: drop what an earlier try left under that name."""
        if again:
            self.drop(name)
        with self._connect() as connection:
            owner = connection.execute("select pg_get_userbyid(datdba) as owner from pg_database where datname = %s", (source,)).fetchone()
            assert owner is not None
            make = sql.SQL("create database {} template {} owner {} is_template true").format(*map(sql.Identifier, (name, source, owner["owner"])))
            self._alone(connection, source, make)
            connection.execute(sql.SQL("comment on database {} is {}").format(sql.Identifier(name), sql.Literal(comment)))
        link_files(self.filestore / source, self.filestore / name)

    def rename(self, old: str, new: str) -> None:
        """Renames a database; its files are renamed by ``rename_files``."""
        with self._connect() as connection:
            self._alone(connection, old, sql.SQL("alter database {} rename to {}").format(sql.Identifier(old), sql.Identifier(new)))

    def rename_files(self, old: str, new: str) -> None:
        """Renames the folder of files, unless that was done."""
        source, target = self.filestore / old, self.filestore / new
        if source.exists() and not target.exists():
            source.rename(target)

    def close(self, name: str, allow: bool = False) -> None:
        """Lets nobody into a database any more, or lets them in again."""
        with self._connect() as connection:
            connection.execute(sql.SQL("alter database {} with allow_connections {}").format(sql.Identifier(name), sql.SQL(str(allow).lower())))

    def hide(self, name: str, hidden: bool = True) -> None:
        """Keeps Odoo's scheduled actions away from a database, or lets Odoo see it again."""
        with self._connect() as connection:
            connection.execute(sql.SQL("alter database {} with is_template {}").format(sql.Identifier(name), sql.SQL(str(hidden).lower())))

    def drop(self, name: str) -> None:
        """Drops a copy and its files, if there are any."""
        if self.has(name):
            self.hide(name, False)  # a template cannot be dropped
        with self._connect() as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        shutil.rmtree(self.filestore / name, ignore_errors=True)

    def proof(self, name: str) -> Proof:
        """Counts and hashes every row of every table, and recomputes the sha1 of every file.

        Raises SnapshotFailed when a file is not what its name says, or one that the database names is missing.
        """
        tables: dict[str, tuple[int, str]] = {}
        with self._connect(name) as connection:
            connection.execute("set timezone to 'UTC'")
            for row in connection.execute("select tablename from pg_tables where schemaname = 'public' order by 1").fetchall():
                table = row["tablename"]
                if table.startswith(SIGNALS):
                    continue
                counted = connection.execute(
                    sql.SQL("select count(*) as n, coalesce(sum(hashtextextended(t::text, 0)), 0)::text as digest from {} as t").format(
                        sql.Identifier("public", table)
                    )
                ).fetchone()
                assert counted is not None
                tables[table] = (counted["n"], counted["digest"])
            known = connection.execute("select distinct store_fname from ir_attachment where store_fname is not null").fetchall()
        digest, count, size, there = hashlib.sha256(), 0, 0, set()
        folder = self.filestore / name
        for path in sorted(p for p in folder.glob("*/*") if p.parent.name != "checklist") if folder.exists() else []:
            relative = path.relative_to(folder).as_posix()
            if _sha1(path) != path.name:
                raise SnapshotFailed(f"the file {path} is not what its name says: it was changed or cut off.")
            there.add(relative)
            count, size = count + 1, size + path.stat().st_size
            digest.update(f"{relative} {path.stat().st_size}\n".encode())
        if missing := sorted(r["store_fname"] for r in known if r["store_fname"] not in there):
            raise SnapshotFailed(
                f"{len(missing)} files that the database {name} names are not in {folder}, such as {missing[0]}.\n"
                "If the folder is right, they were missing before; see whether `snapshot.filestore` is the folder that Odoo uses."
            )
        return Proof(tables, count, size, digest.hexdigest())

    def signal(self, name: str, beyond: str | None) -> None:
        """Makes every Odoo process forget what it knows about this database. ``beyond``: the database that it replaces."""
        highest = max(self._signal_of(name), self._signal_of(beyond) if beyond else 0) + 1
        with self._connect(name) as connection:
            if connection.execute("select to_regclass('orm_signaling_registry') as found").fetchone()["found"]:  # type: ignore[index]
                connection.execute("insert into orm_signaling_registry (id) values (%s) on conflict do nothing", (highest,))
                connection.execute("select setval(pg_get_serial_sequence('orm_signaling_registry', 'id'), %s)", (highest,))
            else:  # until Odoo 18
                connection.execute("select setval('base_registry_signaling', %s)", (highest,))

    def _signal_of(self, name: str) -> int:
        with self._connect(name) as connection:
            if connection.execute("select to_regclass('orm_signaling_registry') as found").fetchone()["found"]:  # type: ignore[index]
                row = connection.execute("select coalesce(max(id), 0) as n from orm_signaling_registry").fetchone()
            else:
                row = connection.execute("select last_value as n from base_registry_signaling").fetchone()
        return int(row["n"]) if row else 0

    def _alone(self, connection: psycopg.Connection[dict[str, Any]], database: str, statement: sql.Composed) -> None:
        """Ends all sessions of a database and does at once what needs it to have none; Odoo may be quicker, so it is tried again."""
        for attempt in range(TRIES):
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()", (database,))
            try:
                connection.execute(statement)
                return
            except psycopg.errors.ObjectInUse:
                if attempt == TRIES - 1:
                    raise SnapshotFailed(
                        f"others connect to {database!r} faster than their sessions can be ended.\n"
                        "Stop Odoo (or its workers) for a moment, and clear this task."
                    ) from None
                time.sleep(0.2)
            except psycopg.errors.InsufficientPrivilege as error:
                raise SnapshotFailed(f"{self._about()}: {str(error).strip()}") from None
            except psycopg.errors.DiskFull as error:
                raise SnapshotFailed(f"the disk of the database server has no room for a copy of {database!r}: {str(error).strip()}") from None

    @contextmanager
    def _connect(self, database: str | None = None) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        dsn = psycopg.conninfo.make_conninfo(self.dsn, dbname=database, connect_timeout=10) if database else self.dsn
        try:
            connection = psycopg.connect(dsn, autocommit=True, row_factory=dict_row)
        except psycopg.OperationalError as error:
            raise SnapshotFailed(f"cannot reach {database or 'the database server'} ({self._about()}): {str(error).strip()}") from None
        with connection:
            yield connection

    def _about(self) -> str:
        parts = psycopg.conninfo.conninfo_to_dict(self.dsn)
        return f"{parts.get('user') or 'this user'} at {parts.get('host') or 'this machine'}"


def link_files(source: Path, target: Path) -> None:
    """A folder with the same files: links where both are on one file system, copies else. Appears only when it is complete."""
    draft = target.with_name(f"{target.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    if not source.exists():
        return
    for folder, _, names in os.walk(source):
        here = draft / Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in names:
            try:
                os.link(Path(folder) / name, here / name)
            except FileNotFoundError:
                continue  # Odoo threw it away meanwhile; the proof looks whether anything needs it
            except OSError:
                shutil.copy2(Path(folder) / name, here / name)
    draft.rename(target)


def _sha1(path: Path) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
