"""`ninewatch import log|prometheus`: import the history of configured checks into a new record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.migrate import extent_line, import_command
from monitor.commands.span_options import span_of
from monitor.config.addresses import http_url
from monitor.errors import NinewatchError
from monitor.log import conceal
from monitor.migration.imported_history import HistorySource, imported_checks, refuse_existing, write_history

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.config.model import CheckBase, Portfolio
    from monitor.migration.imported_history import SourceHistory

__all__ = ["import_command"]

_MAP_OPTION = click.option(
    "--map", "pairs", multiple=True, metavar="NAME=CHECK", help="The check (product/check) of a name."
)


@import_command.command("log")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@CONFIG
@_MAP_OPTION
@click.option("--check", "only", metavar="CHECK", help="The check of files without a column `check`.")
def import_log(files: tuple[Path, ...], path: Path, pairs: tuple[str, ...], only: str | None) -> None:
    """Import probe results from FILEs (CSV or JSON lines, as `ninewatch measure` reads them) into the new record.

    The column `check` has product/check, or a name that --map assigns to a check; other names are listed. The record of
    the configuration must not exist. Times without an offset are in the `time_zone` of the configuration.
    """
    from monitor.migration.log_history import log_histories

    portfolio = load_config(path)[1]
    refuse_existing(portfolio.store)
    names = {key: key for key in _checks(portfolio)} | _mapping(pairs, portfolio)
    if only is not None:
        names |= _mapping((f"={only}",), portfolio)
    histories, unused = log_histories(files, names, portfolio.zone)
    for name in unused:
        click.echo(f"note: not imported: {name or 'rows without a check'}; use --map, or --check", err=True)
    _import(portfolio, histories, HistorySource.of_file("log", files[0]))


@import_command.command("prometheus")
@click.argument("url")
@CONFIG
@click.option("--since", default="90d", show_default=True, help="Start: an instant, or a duration before now.")
@click.option("--token-file", type=click.Path(exists=True, path_type=Path), help="File with a bearer token.")
@click.option(
    "--map",
    "pairs",
    multiple=True,
    metavar="CHECK=MATCHERS",
    help='Labels of the series of a check: \'forms/api=job="blackbox",instance="https://..."\'',
)
def import_prometheus(url: str, path: Path, since: str, token_file: Path | None, pairs: tuple[str, ...]) -> None:
    """Import `probe_success` of a Prometheus with blackbox_exporter into the new record of the configuration.

    By default, the series of a check is the one whose label `instance` is the check's target. Samples are read as they
    were scraped. The record of the configuration must not exist.
    """
    from monitor.migration.prometheus_history import PrometheusApi

    portfolio = load_config(path)[1]
    refuse_existing(portfolio.store)
    checks = _checks(portfolio)
    selectors = {key: f'instance="{_escaped(check.target)}"' for key, check in checks.items()}
    for pair in pairs:
        key, _, matchers = pair.partition("=")
        if key not in checks or not matchers:
            raise click.BadParameter(f"{pair}: use product/check=MATCHERS", param_hint="'--map'")
        selectors[key] = matchers
    try:
        token = "" if token_file is None else token_file.read_text().strip()
        conceal(token)
        api = PrometheusApi(http_url(url), token)
    except (OSError, ValueError) as error:
        raise NinewatchError(f"{url}: {error}") from None
    histories = api.histories(selectors, span_of(since, None, portfolio.zone))
    _import(portfolio, histories, HistorySource("prometheus", http_url(url)))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _checks(portfolio: Portfolio) -> Mapping[str, CheckBase]:
    return {f"{product.id}/{check.id}": check for product, check in portfolio.checks()}


def _mapping(pairs: tuple[str, ...], portfolio: Portfolio) -> dict[str, str]:
    """Return the mapping of names to checks from --map."""
    checks, names = _checks(portfolio), {}
    for pair in pairs:
        name, _, key = pair.rpartition("=")
        if key not in checks:
            raise click.BadParameter(
                f"{pair}: use NAME=CHECK, a CHECK is one of: {', '.join(checks)}", param_hint="'--map'"
            )
        names[name] = key
    return names


def _import(portfolio: Portfolio, histories: Mapping[str, SourceHistory], source: HistorySource) -> None:
    now = SystemClock().now()
    imported = imported_checks(_checks(portfolio), histories, source, now)
    write_history(imported, source, portfolio.store, now)
    for item in imported:
        click.echo(extent_line(item))
