"""`ninewatch check-config`: report errors and warnings of a configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor import zones
from monitor.blackbox.modules import ModuleFile
from monitor.clock import SystemClock
from monitor.commands.config_option import examine_config
from monitor.commands.plural import plural
from monitor.config.block_file import load_block
from monitor.config.errors import ConfigError
from monitor.config.former_ids import FormerIdMap
from monitor.config.validation_context import Context
from monitor.errors import NinewatchError
from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal
from monitor.facts.planned_maintenance import late_maintenance
from monitor.ledger.renamed_checks import unconfigured_checks
from monitor.storage.reader import reading

if TYPE_CHECKING:
    from monitor.config.model import Portfolio


@click.command("check-config", short_help="Check a configuration without running it.")
@click.argument("path", type=click.Path(exists=True, readable=True, path_type=Path), required=False)
@click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(exists=True, readable=True, path_type=Path),
    help="The same as PATH, as in the other commands.",
)
@click.option(
    "--blackbox-config",
    "modules",
    type=click.Path(exists=True, readable=True, path_type=Path),
    help="Also check this blackbox_exporter module file, or only this one without PATH.",
)
def check_config(path: Path | None, config: Path | None, modules: Path | None) -> None:
    """Check the configuration at PATH, a file or a folder, without running it.

    Prints every error as file:line:column with what is allowed, and the time zone database in use. Exit status: 0
    without errors, 1 with errors, 2 if PATH does not exist or cannot be read.
    """
    if path is not None and config is not None:
        raise click.UsageError("PATH and -c specify the same; use one of them")
    path = config if path is None else path
    if path is None and modules is None:
        raise click.UsageError("nothing to check; specify PATH or -c PATH, --blackbox-config FILE, or both")
    valid = [_check_configuration(path)] if path is not None else []
    if modules is not None:
        valid.append(_check_modules(modules))
    if not all(valid):
        sys.exit(1)


def _check_configuration(path: Path) -> bool:
    """Print errors and warnings, or a summary. Return whether there are no errors."""
    result = examine_config(path)
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    if result.portfolio is None:
        click.echo(str(ConfigError(result.problems)), err=True)
        return False
    record_warnings = _record_warnings(result.portfolio)
    for message in record_warnings:
        click.echo(f"warning: {result.portfolio.store}: {message}", err=True)
    click.echo(zones.describe_databases())
    products = result.portfolio.products
    checks = sum(len(product.checks) for product in products)
    count = len(result.warnings) + len(record_warnings)
    warnings = f", {plural(count, 'warning')}" if count else ""
    click.echo(f"{path}: {plural(len(products), 'product')}, {plural(checks, 'check')}, no errors{warnings}")
    return True


def _record_warnings(portfolio: Portfolio) -> list[str]:
    """Return warnings about recorded checks that are not configured, and about maintenance that was planned late.

    There are none if the record cannot be read.
    """
    if not portfolio.store.exists():
        return []
    try:
        with reading(portfolio.store) as record:
            recorded = Facts(record.load_facts(), Journal.of(portfolio.store).read())
            last, first = record.last_observed(), record.first_observed()
    except NinewatchError:
        return []
    unconfigured = unconfigured_checks(last, portfolio, recorded.renamings)
    facts = Facts(recorded.all, former_ids=FormerIdMap.of(portfolio, recorded.renamings))
    late = [] if first is None else late_maintenance(portfolio, facts, first, SystemClock().now())
    return [*(f"the check {key} {message}" for key, message in unconfigured.items()), *late]


def _check_modules(path: Path) -> bool:
    try:
        modules = load_block(path, ModuleFile, Context()).modules
    except ConfigError as error:
        click.echo(str(error), err=True)
        return False
    click.echo(f"{path}: {plural(len(modules), 'module')}, no errors")
    return True
