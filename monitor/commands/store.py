"""`ninewatch store`: copy the record between SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.plural import plural

if TYPE_CHECKING:
    from pathlib import Path


@click.group("store", short_help="Copy the record between SQLite and PostgreSQL.")
def store() -> None:
    """Copy the record between SQLite and PostgreSQL."""


@store.command("copy", short_help="Copy the record, and prove that the copy is equal.")
@click.argument("source")
@click.argument("target")
@CONFIG
@click.option("--restart", is_flag=True, help="Discard an incomplete copy instead of continuing it.")
def copy_command(source: str, target: str, path: Path, restart: bool) -> None:
    """Copy the record SOURCE to TARGET, which must not exist yet or have no tables.

    Each is the path of a SQLite file, or a PostgreSQL URI (postgresql://USER@HOST/DATABASE) or connection string
    ("host=HOST dbname=DATABASE"). Set the password in PGPASSWORD or in ~/.pgpass, because others can see the arguments
    of a process. Connections to other machines use TLS and verify the server's certificate, unless sslmode is set.

    The daemon may be running; the copy has the record as of the start of the copy. An interrupted copy is continued by
    the same command if the record did not change. At the end, all values of all tables are compared, and the figures of
    each product of the configuration for each month (UTC), all recorded time, and the window of its objective.

    The files next to the record (journal, tokens, audit log) are not copied.

    Exit status: 0, or 2 if the record could not be copied.
    """
    from monitor.backup.copied_record import shown
    from monitor.backup.store_copy import copy_record

    copied = copy_record(source, target, load_config(path)[1], restart=restart, progress=_report)
    rows, figures = sum(copied.rows.values()), plural(copied.figures, "figure")
    click.echo(f"{shown(target)}: {rows:,} rows in {len(copied.rows)} tables and {figures} are equal")


def _report(table: str, rows: int) -> None:
    if rows:
        click.echo(f"copied {rows:,} {'row' if rows == 1 else 'rows'} of {table}", err=True)
