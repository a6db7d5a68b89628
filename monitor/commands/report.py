"""`ninewatch report`: write an availability report of a window."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.commands.report_options import BUNDLE, OUTPUT, PAPER
from monitor.commands.window_option import instant_option, window_option
from monitor.errors import NinewatchError
from monitor.reporting.report_file import FORMATS, rendered
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.bundle.writing import Source
    from monitor.config.model import Portfolio, Product
    from monitor.reporting.report import PortfolioReport
    from sla.window import Window

WRITE_DELAY = SECOND  # a running daemon has written each result after this time, unless its disk fails


@click.command("report", short_help="Write an availability report for a month or another window.")
@click.option("--product", "name", required=True, metavar="ID|all", help="Product to report on, or all.")
@click.option(
    "--window",
    "window_text",
    default="month",
    show_default=True,
    help='day, week, month, quarter, year, fiscal-year, "last month" and so on, 30d, or START/END.',
)
@click.option("--at", "at_text", metavar="TIME", help="Report as of this RFC 3339 instant.  [default: now]")
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), required=True, help="The daemon's configuration."
)
@click.option(
    "--format", "format_name", type=click.Choice(FORMATS), help="Output format.  [default: from the file name, else md]"
)
@PAPER
@OUTPUT
@BUNDLE
def report_command(
    name: str,
    window_text: str,
    at_text: str | None,
    path: Path,
    format_name: str | None,
    paper: str,
    output: Path | None,
    bundle: str | None,
) -> None:
    """Report a product's availability with bounds, incidents, excluded time, budget, trend and confidence.

    Reads the record with or without a running daemon, and writes only the output files. All formats have the same
    figures. The same record and --at give the same bytes. --bundle also writes
    the data of the figures, so that the recipient can recompute them.
    """
    portfolio = load_config(path)[1]
    now = SystemClock().now()
    at = now if at_text is None else instant_option(at_text, portfolio)
    window = window_option(window_text, at, portfolio)
    products = _select_products(name, portfolio)
    format_name = _format_of(format_name, output)
    source = None if bundle is None else _source(portfolio, at)
    report = _portfolio_report(source, portfolio, products, window, at, now)
    content = rendered(report, format_name, paper)
    if bundle is not None and source is not None:
        _write_bundle(bundle_path(bundle, output, name), report, source, _entry(output, name, format_name, content))
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        _write(output, content)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise NinewatchError(f"cannot write {path}: {(error.strerror or 'unwritable').lower()}") from None


def bundle_path(name: str, output: Path | None, product: str) -> Path:
    """Return the path of the bundle: as specified, next to the report, or in the working directory."""
    if name:
        path = Path(name)
    elif output is not None:
        path = output.with_name(f"{output.stem}.bundle.zip")
    else:
        path = Path(f"{product}.bundle.zip")
    if path == output:
        raise NinewatchError(f"the report and its bundle cannot both be {path}; name another file with --bundle")
    return path


def _entry(output: Path | None, product: str, format_name: str, content: bytes) -> dict[str, Any]:
    from monitor.bundle.writing import report_entry

    return report_entry(f"{product}.{format_name}" if output is None else output.name, format_name, content)


def _write_bundle(path: Path, report: PortfolioReport, source: Source, entry: dict[str, Any]) -> None:
    from monitor.bundle.writing import bundle_of

    write_bundle(path, bundle_of(report, source, entry))


def write_bundle(path: Path, content: bytes) -> None:
    """Write a bundle, and print its digest.

    Raises:
        NinewatchError: the file cannot be written.
    """
    _write(path, content)
    click.echo(f"bundle: {path}, SHA-256 {hashlib.sha256(content).hexdigest()}", err=True)


def _format_of(format_name: str | None, output: Path | None) -> str:
    if format_name is not None:
        return format_name
    if output is None:
        return "md"
    extension = output.suffix.removeprefix(".").lower()
    if extension not in FORMATS:
        raise NinewatchError(f"{output}: unknown file name extension; specify --format {'|'.join(FORMATS)}")
    return extension


def _select_products(name: str, portfolio: Portfolio) -> Sequence[Product]:
    if name == "all":
        return portfolio.products
    products = [product for product in portfolio.products if product.id == name]
    if not products:
        known = ", ".join(product.id for product in portfolio.products)
        raise NinewatchError(f'unknown product "{name}"; known products: {known}, or all')
    return products


def _source(portfolio: Portfolio, at: int) -> Source:
    from monitor.bundle.writing import Source

    return Source.read(portfolio, at)


def _portfolio_report(
    source: Source | None, portfolio: Portfolio, products: Sequence[Product], window: Window, at: int, now: int
) -> PortfolioReport:
    from monitor.as_of import ledger_at
    from monitor.reporting.report import portfolio_report

    ledger = ledger_at(portfolio, portfolio.store, at) if source is None else source.recorded.ledger(portfolio)
    return portfolio_report(ledger, products, window, at, now - WRITE_DELAY)
