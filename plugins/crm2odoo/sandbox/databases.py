"""Databases that say whose they are: each one that we make carries a comment, and only those are ever dropped."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from .errors import SandboxError
from .postgres import Cursor, connect
from .postgres_program import Server

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Clone:
    """A fresh Odoo database: what one needs to log in as its administrator."""

    database: str
    database_uuid: str
    login: str
    password: str


def comment(cursor: Cursor, name: str) -> str | None:
    """None: no such database; otherwise its comment, '' if it has none."""
    row = cursor.execute(
        "select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where datname = %s", (name,)
    ).fetchone()
    return row[0] if row else None


def mark(cursor: Cursor, name: str, text: str) -> None:
    cursor.execute(sql.SQL("comment on database {} is {}").format(sql.Identifier(name), sql.Literal(text)))


def drop(cursor: Cursor, name: str) -> None:
    cursor.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def rename(cursor: Cursor, old: str, new: str) -> None:
    cursor.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(old), sql.Identifier(new)))


def clone_database(
    server: Server, template: str, template_data: Path, name: str, data_dir: Path, owner: str, attempt: str
) -> Clone:
    """Clone the template into database `name` and its files into the Odoo data folder `data_dir`.

    `owner` becomes the database's comment; a database that carries it already is replaced. The clone appears under
    its name only when it is complete; until then it is called `attempt`. It gets a password, a uuid and a secret of
    its own.

    Raises SandboxError if the name is bad, is taken by a database of another owner, or there is no template.
    """
    if not NAME.fullmatch(name):
        raise SandboxError(f"{name!r} is no name for a database: a-z, 0-9 and _, at most 40")
    with connect(server) as cursor:
        if comment(cursor, template) is None:
            raise SandboxError(f"template database {template} is missing: apply terraform/sandbox/base first")
        if comment(cursor, name) not in (None, owner):
            raise SandboxError(
                f"database {name} exists already and is not ours: choose another name, or drop it yourself"
            )
        drop(cursor, attempt)
        drop(cursor, name)
        cursor.execute(
            sql.SQL("create database {} template {} owner {}").format(
                sql.Identifier(attempt), sql.Identifier(template), sql.Identifier(server.user)
            )
        )
        mark(cursor, attempt, owner)
        cursor.execute(sql.SQL("alter database {} with allow_connections true").format(sql.Identifier(attempt)))
        password = secrets.token_urlsafe(18)
        with connect(server, attempt, server.user) as inside:
            # Odoo takes a plain password and hashes it at the first login.
            inside.execute("update res_users set password = %s where login = 'admin'", (password,))
            inside.execute(
                "update ir_config_parameter set value = gen_random_uuid()::text"
                " where key in ('database.uuid', 'database.secret')"
            )
            row = inside.execute("select value from ir_config_parameter where key = 'database.uuid'").fetchone()
        rename(cursor, attempt, name)
    copy_filestore(template_data / "filestore" / template, data_dir / "filestore" / name)
    return Clone(name, row[0] if row else "", "admin", password)


def drop_database(server: Server, name: str, owner: str, data_dir: Path | None = None) -> bool:
    """Drop the database if it carries the owner's comment, and its files; whether it was there and ours."""
    with connect(server) as cursor:
        if comment(cursor, name) != owner:
            return False
        drop(cursor, name)
    if data_dir:
        shutil.rmtree(data_dir / "filestore" / name, ignore_errors=True)
    return True


def copy_filestore(source: Path, target: Path) -> None:
    """Link the files: Odoo names an attachment by its hash and never writes to it again, so sharing is safe."""
    shutil.rmtree(target, ignore_errors=True)
    if not source.exists():
        return
    try:
        shutil.copytree(source, target, copy_function=os.link)
    except (OSError, shutil.Error):  # another file system
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)


def create_database(server: Server, name: str, role: str, owner: str) -> None:
    """An empty database for a role. `owner` becomes its comment, as with a clone."""
    with connect(server) as cursor:
        cursor.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(role)))
        mark(cursor, name, owner)


def owned_databases(server: Server, owner: str) -> list[str]:
    """The names of all databases that carry the owner's comment."""
    with connect(server) as cursor:
        found = cursor.execute(
            "select datname from pg_database where shobj_description(oid, 'pg_database') = %s order by 1", (owner,)
        ).fetchall()
    return [row[0] for row in found]
