"""`ninewatch check-config`: is the configuration sound, and what is doubtful in it?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from monitor.commands.common import examined
from monitor.commands.words import plural
from monitor.config.errors import ConfigError


@click.command("check-config", short_help="Check a configuration without running it.")
@click.argument("path", type=click.Path(exists=True, readable=True, path_type=Path))
def check_config(path: Path) -> None:
    """Check the configuration at PATH, a file or a folder, without running it.

    Every mistake is printed as file:line:column with what is allowed. Exit status 0 when there is none, 1 when there
    is any, 2 when PATH is not there or cannot be read.
    """
    found = examined(path)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    if found.portfolio is None:
        click.echo(str(ConfigError(found.problems)), err=True)
        sys.exit(1)
    products = found.portfolio.products
    checks = sum(len(product.checks) for product in products)
    warnings = f", {plural(len(found.warnings), 'warning')}" if found.warnings else ""
    click.echo(f"{path}: {plural(len(products), 'product')}, {plural(checks, 'check')}, no errors{warnings}")
