"""`ninewatch diff`: list the changes between two configurations."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.config.differences import changes

_PATH = click.Path(exists=True, path_type=Path)


@click.command("diff", short_help="List the differences between two configurations.")
@click.argument("old", type=_PATH)
@click.argument("new", type=_PATH)
@click.option("--exit-code", is_flag=True, help="Exit with status 1 if there is a difference.")
def diff(old: Path, new: Path, exit_code: bool) -> None:
    """List the changes from the configuration OLD to NEW: definitions, checks, alerts, products and settings.

    Values are compared as text, and secrets are not read, so the command works without them, for example in a pull
    request. Check each configuration with `ninewatch check-config`. + is added, - is removed, ~ is changed.
    """
    differences = changes(old, new)
    for change in differences:
        click.echo(str(change))
    if exit_code and differences:
        raise SystemExit(1)
