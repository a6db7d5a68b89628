"""`ninewatch backup` and `ninewatch restore`: back up and restore the record with its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.plural import plural
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.backup.manifest import Manifest


@click.command("backup", short_help="Back up the record, with or without a running daemon.")
@click.argument("file", type=click.Path(path_type=Path))
@CONFIG
def backup_command(file: Path, path: Path) -> None:
    """Write a backup of the record and of the files next to it to FILE, a tar archive (compressed if it ends in .gz).

    The daemon may be running. The backup is consistent. It is written under a temporary name and renamed after it is
    verified: the copied database is sound, has all rows, and no impossible values. It contains the figures of each
    product, which `ninewatch restore` computes again. It is readable by its owner only, because it contains hashes of
    tokens and the key of links. It does not contain the configuration.

    Exit status: 0, or 2 if the backup could not be made.
    """
    from monitor.backup.creation import create_backup

    backup = create_backup(load_config(path)[1], file, SystemClock().now())
    click.echo(f"{file}: {_content(backup.manifest)}; {backup.size:,} bytes, verified")


@click.command("restore", short_help="Restore the record from a backup.")
@click.argument("file", type=click.Path(path_type=Path))
@CONFIG
@click.option("--replace", is_flag=True, help="Rename the existing record and its files to .aside-TIME first.")
@click.option("--verify", "only_verify", is_flag=True, help="Verify the backup, and change nothing.")
@click.option("--ignore-figures", is_flag=True, help="Restore also if figures differ from those at the backup.")
def restore_command(file: Path, path: Path, replace: bool, only_verify: bool, ignore_figures: bool) -> None:
    """Restore the record from the backup FILE to `store:` of the configuration. Stop the daemon first.

    Verifies everything before any file is changed: the digest of each file, the database, the rows of each table, and
    the figures of each product, computed from the restored record. With --verify, stops there; the daemon may be
    running.

    FILE may also be the copy that an upgrade left next to the record (ninewatch.db.schema-N). Then only the database is
    replaced, and has no figures to compare.

    Exit status: 0, or 2 if the backup could not be restored; then nothing was changed.
    """
    from monitor.backup.restoration import restore_backup
    from monitor.backup.rollback import is_copy

    portfolio = load_config(path)[1]
    if is_copy(file):
        _restore_copy(portfolio.store, file, replace=replace, only_verify=only_verify)
        return
    restored = restore_backup(
        portfolio,
        file,
        SystemClock().now(),
        replace=replace,
        only_verify=only_verify,
        ignore_figures=ignore_figures,
    )
    for before, after in restored.renamed:
        click.echo(f"renamed {before} to {after.name}")
    for products, problem in (
        (restored.unconfigured, "not compared, because not configured"),
        (restored.differing, "figures differ from those at the backup"),
    ):
        if products:
            click.echo(f"warning: {problem}: {', '.join(products)}", err=True)
    compared = len(restored.manifest.figures) - len(restored.unconfigured) - len(restored.differing)
    result = f"figures of {plural(compared, 'product')} recomputed and equal"
    if only_verify:
        click.echo(f"{file}: {_content(restored.manifest)}; sound, {result}")
    else:
        click.echo(f"{portfolio.store}: restored {_content(restored.manifest)}; {result}")


def _restore_copy(record: Path, source: Path, *, replace: bool, only_verify: bool) -> None:
    """Restore the copy of the record that an upgrade left, and print its content."""
    from monitor.backup.rollback import restore_copy

    copy = restore_copy(record, source, SystemClock().now(), replace=replace, only_verify=only_verify)
    content = f"schema {copy.schema}, {copy.rows:,} rows, sound"
    click.echo(f"{source}: {content}" if only_verify else f"{record}: restored {source.name}; {content}")


def _content(manifest: Manifest) -> str:
    """Return the content of a backup as text."""
    rows, files = sum(manifest.rows.values()), plural(len(manifest.files), "file")
    return f"{files}, {rows:,} rows as of {format_instant(manifest.made)}"
