"""`ninewatch import` and `ninewatch export`: service level objectives in the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.commands.config_option import load_config
from monitor.config.addresses import http_url
from monitor.config.yaml_writer import yaml_text
from monitor.errors import NinewatchError
from monitor.slo_files.openslo_export import export_objects
from monitor.slo_files.openslo_import import import_objects
from monitor.slo_files.prometheus_tools import (
    calendar_notes,
    products_with_other_period,
    pyrra_objects,
    sloth_specifications,
)
from monitor.slo_files.reader import read_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from monitor.config.model import Portfolio
    from monitor.config.yaml_writer import Plain

_CONFIG = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    help="Configuration file or folder (YAML).",
)
_PROMETHEUS = "http://127.0.0.1:9090"


@click.group("import", short_help="Convert files of other tools to a configuration.")
def import_command() -> None:
    """Convert the configuration or the service level objectives of another tool to a configuration."""


@click.group("export", short_help="Export rows of the record, a status page, or SLO files of other tools.")
def export_command() -> None:
    """Export rows of the record, a public status page, or objectives in the format of another tool."""


def _address(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else http_url(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=option) from None


@import_command.command("openslo")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--prometheus", metavar="URL", callback=_address, help="Prometheus to query if no DataSource has an address."
)
def import_openslo(path: Path, prometheus: str | None) -> None:
    """Print the configuration of the OpenSLO v1 file FILE: a product per objective.

    Notes on approximated and unused fields are printed on standard error; docs/openslo.md has the complete list. Exit
    status 2 if the file cannot be converted; each reason is printed with file, line and column.
    """
    result = import_objects(read_objects(path), prometheus)
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    click.echo("# Printed by `ninewatch import openslo`.\n" + yaml_text(result.configuration()), nl=False)


@export_command.command("openslo")
@_CONFIG
@click.option(
    "--prometheus",
    metavar="URL",
    default=_PROMETHEUS,
    show_default=True,
    callback=_address,
    help="Prometheus that scrapes the daemon.",
)
def export_openslo(path: Path, prometheus: str) -> None:
    """Print the products of a configuration as OpenSLO v1 objects."""
    _print(path, lambda portfolio: export_objects(portfolio, prometheus))


@export_command.command("sloth")
@_CONFIG
def export_sloth(path: Path) -> None:
    """Print the products of a configuration as specifications for `sloth generate` (prometheus/v1)."""
    portfolio = _print(path, sloth_specifications)
    _print_notes(portfolio)
    for product, window in products_with_other_period(portfolio):
        note = f"note: {product.id} has a window of {window}: run sloth with --default-slo-period={window} for it"
        click.echo(note, err=True)


@export_command.command("pyrra")
@_CONFIG
@click.option("--namespace", help="Namespace of the objects.")
def export_pyrra(path: Path, namespace: str | None) -> None:
    """Print the products of a configuration as ServiceLevelObjectives of Pyrra (pyrra.dev/v1alpha1)."""
    _print_notes(_print(path, lambda portfolio: pyrra_objects(portfolio, namespace)))


def _print_notes(portfolio: Portfolio) -> None:
    for note in calendar_notes(portfolio):
        click.echo(f"note: {note}", err=True)


def _print(path: Path, convert: Callable[[Portfolio], Iterable[Mapping[str, Plain]]]) -> Portfolio:
    portfolio = load_config(path)[1]
    for product in portfolio.products:
        if product.window.length % 60_000_000:
            raise NinewatchError(
                f"{path}: {product.id}: the window is not a multiple of a minute, as other tools require; change it"
            )
    click.echo(yaml_text(*convert(portfolio)), nl=False)
    return portfolio
