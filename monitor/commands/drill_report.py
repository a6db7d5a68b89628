"""`ninewatch drill report`: write the report of a drill."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.as_of import ledger_at
from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.drill_options import instant_of, one_drill
from monitor.commands.report import WRITE_DELAY, bundle_path, write_bundle
from monitor.commands.report_options import BUNDLE, OUTPUT, PAPER
from monitor.commands.window_option import window_option
from monitor.errors import NinewatchError
from monitor.ledger.product_drills import measured_drill
from monitor.storage.reader import reading
from sla.interval import MINUTE
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from monitor.notification import Notification
    from monitor.reporting.drill_report import DrillReport
    from sla.drill_result import DrillResult

FORMATS = ("html", "pdf", "json", "md", "csv")
ALERT_DELAY = 5 * MINUTE  # after the drill's end; alerts about its outage may be decided until then


@click.command("report", short_help="Write the report of a drill.")
@click.argument("name", metavar="DRILL")
@click.option("--at", "at_text", metavar="TIME", help="As known at this RFC 3339 instant.  [default: now]")
@click.option(
    "--format", "format_name", type=click.Choice(FORMATS), help="Output format.  [default: from the file name, or md]"
)
@PAPER
@OUTPUT
@BUNDLE
@CONFIG
def report_command(
    name: str,
    at_text: str | None,
    format_name: str | None,
    paper: str,
    output: Path | None,
    bundle: str | None,
    path: Path,
) -> None:
    """Write the report of DRILL: result, states to the second, alerts, findings, and the controls that it supports.

    --bundle also writes the data of its figures, so that the recipient can recompute them.
    """
    portfolio = load_config(path)[1]
    format_name = format_name or ("md" if output is None else _format_of(output))
    at = instant_of(at_text, portfolio)
    report = drill_report(name, portfolio, at)
    content = _rendered(report, format_name, paper)
    if bundle is not None:
        file_name = f"{report.result.record.id}.{format_name}" if output is None else output.name
        target = bundle_path(bundle, output, report.result.record.id)
        write_bundle(target, _bundle(report, portfolio, file_name, format_name, content))
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        _write(output, content)


def _bundle(report: DrillReport, portfolio: Portfolio, file_name: str, format_name: str, content: bytes) -> bytes:
    """Return a drill's bundle: its figures and those of the product during the drill, with the underlying data."""
    from monitor.bundle.writing import Source, bundle_of, report_entry
    from monitor.reporting.report import portfolio_report

    result = report.result
    drill, end = result.record.drill, result.record.end
    ledger_source = Source.read(portfolio, result.at)
    span = f"{format_instant(drill.started)}/{format_instant(result.at if end is None else end.at)}"
    window = window_option(span, result.at, portfolio)
    ledger = ledger_source.recorded.ledger(portfolio)
    product = ledger.products[drill.product]
    figures = portfolio_report(ledger, [product], window, result.at, SystemClock().now() - WRITE_DELAY)
    return bundle_of(figures, ledger_source, report_entry(file_name, format_name, content), (result.record.id,))


def write_report(name: str, portfolio: Portfolio, at: int, output: Path) -> None:
    """Write the report of the drill, in the format of the file's name.

    Raises:
        NinewatchError: the name has no known extension, or the file cannot be written.
    """
    _write(output, _rendered(drill_report(name, portfolio, at), _format_of(output), "letter"))


def _format_of(output: Path) -> str:
    format_name = output.suffix.removeprefix(".").lower()
    if format_name not in FORMATS:
        raise NinewatchError(f"{output}: unknown file name extension; specify --format {'|'.join(FORMATS)}")
    return format_name


def _write(output: Path, content: bytes) -> None:
    try:
        output.write_bytes(content)
    except OSError as error:
        raise NinewatchError(f"cannot write {output}: {(error.strerror or 'unwritable').lower()}") from None


def drill_report(name: str, portfolio: Portfolio, at: int) -> DrillReport:
    """Return the report of the drill as of the instant."""
    from monitor.reporting.drill_report import DrillReport, chart_span

    record = one_drill(name, portfolio, at)
    product = record.drill.product
    ledger = ledger_at(portfolio, portfolio.store, at, product)
    result = measured_drill(ledger, record, at)
    states = tuple(ledger.compositions[product].pieces(chart_span(result)))
    return DrillReport(
        result, ledger.products[product].name, portfolio.zone, states, _sent_notifications(portfolio, result)
    )


def _sent_notifications(portfolio: Portfolio, result: DrillResult) -> list[Notification]:
    """Return the notifications about the product that were decided during or shortly after the drill."""
    drill, end = result.record.drill, result.record.end
    until = result.at if end is None else min(result.at, end.at + ALERT_DELAY)
    with reading(portfolio.store) as record:
        notifications = record.notifications_since(drill.started)
    return [page for page in notifications if page.product == drill.product and drill.started <= page.made <= until]


def _rendered(report: DrillReport, format_name: str, paper: str) -> bytes:
    """Return the report in the format; the format's module is imported here, when it is needed."""
    if format_name == "json":
        return (json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n").encode()
    document = report.document()
    if format_name == "pdf":
        from monitor.reporting.pdf import as_pdf

        return as_pdf(document, paper)
    if format_name == "html":
        from monitor.reporting.html import as_html

        return as_html(document).encode()
    from monitor.reporting.text_formats import as_csv, as_markdown

    return (as_csv(document) if format_name == "csv" else as_markdown(document)).encode()
