"""`ninewatch export observations|runs|incidents|figures`: rows of the record as CSV or JSON lines."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.slo_files import export_command
from monitor.commands.window_option import window_option
from monitor.errors import NinewatchError
from monitor.reporting import record_export as rows
from monitor.storage.reader import reading
from sla.calendar import Period

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.config.model import Portfolio
    from sla.interval import Interval

__all__ = ["export_command"]


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of all exports."""
    for add in (
        CONFIG,
        click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a new file, not to stdout."),
        click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True),
        click.option("--window", "window_text", default="30d", show_default=True, help="As for `ninewatch report`."),
        click.option("--product", "name", metavar="ID", help="Only this product.  [default: all]"),
    ):
        command = add(command)
    return command


@export_command.command("observations")
@_options
def export_observations(name: str | None, window_text: str, form: str, output: Path | None, path: Path) -> None:
    """Print the raw observations of a window, by instant. They are kept for `retention.observations`."""
    portfolio, products, window, _ = _selection(path, name, window_text)
    with reading(portfolio.store) as record:
        _write(rows.OBSERVATIONS, rows.observation_rows(record, window, _checks(portfolio, products)), form, output)


@export_command.command("runs")
@_options
def export_runs(name: str | None, window_text: str, form: str, output: Path | None, path: Path) -> None:
    """Print the closed runs that overlap a window: consecutive observations with the same result."""
    portfolio, products, window, _ = _selection(path, name, window_text)
    with reading(portfolio.store) as record:
        _write(rows.RUNS, rows.run_rows(record, window, _checks(portfolio, products)), form, output)


@export_command.command("incidents")
@_options
def export_incidents(name: str | None, window_text: str, form: str, output: Path | None, path: Path) -> None:
    """Print the incidents of checks that overlap a window."""
    portfolio, products, window, _ = _selection(path, name, window_text)
    with reading(portfolio.store) as record:
        _write(rows.INCIDENTS, rows.incident_rows(record, window, products), form, output)


@export_command.command("figures")
@_options
@click.option(
    "--by", type=click.Choice(["none", *(period.value for period in Period)]), default="day", show_default=True
)
def export_figures(name: str | None, window_text: str, form: str, output: Path | None, path: Path, by: str) -> None:
    """Print availability with bounds, downtime and coverage of each product, by day or another calendar period.

    The figures are before exclusions, as in the API. Days are in the `time_zone` of the portfolio.
    """
    portfolio, products, window, now = _selection(path, name, window_text)
    ledger = ledger_at(portfolio, portfolio.store, now, name)
    period = None if by == "none" else Period(by)
    _write(rows.FIGURES, rows.figure_rows(ledger, window, products, period, now), form, output)


def _selection(path: Path, name: str | None, window_text: str) -> tuple[Portfolio, list[str], Interval, int]:
    """Return the portfolio, the selected products, the window, and the current instant.

    Raises:
        NinewatchError: the configuration is invalid, or does not have the product.
    """
    portfolio, now = load_config(path)[1], SystemClock().now()
    products = [product.id for product in portfolio.products]
    if name is not None and name not in products:
        raise NinewatchError(f'{path}: unknown product "{name}"; use one of: {", ".join(products)}')
    return portfolio, products if name is None else [name], window_option(window_text, now, portfolio).measured, now


def _checks(portfolio: Portfolio, products: Sequence[str]) -> set[str]:
    return {f"{product.id}/{check.id}" for product, check in portfolio.probed() if product.id in products}


def _write(columns: Sequence[str], lines: Iterable[rows.Row], form: str, output: Path | None) -> None:
    """Write the rows to the new file, or to standard output.

    Raises:
        NinewatchError: the file exists or cannot be written.
    """
    if output is None:
        _write_to(sys.stdout, columns, lines, form)
        return
    try:
        with output.open("x", encoding="utf-8", newline="") as file:
            _write_to(file, columns, lines, form)
    except FileExistsError:
        raise NinewatchError(f"{output} exists and was not changed; name a new file") from None
    except OSError as error:
        raise NinewatchError(f"cannot write {output}: {(error.strerror or 'unwritable').lower()}") from None


def _write_to(file: TextIO, columns: Sequence[str], lines: Iterable[rows.Row], form: str) -> None:
    if form == "jsonl":
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        return
    table = csv.DictWriter(file, columns, lineterminator="\n")
    table.writeheader()
    table.writerows({name: _cell(value) for name, value in line.items()} for line in lines)


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
