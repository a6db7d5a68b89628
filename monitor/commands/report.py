"""`ninewatch report`: what a product delivered in a window, as a file to read, sign or reckon with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.clock import SystemClock
from monitor.commands.common import loaded
from monitor.errors import NinewatchError
from sla.calendar import Period
from sla.interval import DAY, Interval
from sla.window import Window, parse_instant, parse_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Portfolio, Product
    from monitor.reporting.whole import Told

_RECORDS = Interval(parse_instant("1990-01-01T00:00:00Z"), parse_instant("2190-01-01T00:00:00Z"))
_NO_RECORD = "no record is of that time; write one between 1990 and 2190"
_LONGEST = 3660 * DAY

FORMATS = ("html", "pdf", "xlsx", "csv", "json", "md")


@click.command("report", short_help="Write the report of a month, or of any window, to read and to sign.")
@click.option("--product", "name", required=True, metavar="ID|all", help="Of which product, or of all of them.")
@click.option(
    "--window",
    "window_text",
    default="month",
    show_default=True,
    help='day, week, month, quarter, year, fiscal-year, each also as "last month"; 30d, or START/END.',
)
@click.option("--at", "at_text", metavar="TIME", help="As known at that instant, RFC 3339.  [default: now]")
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), required=True, help="The daemon's configuration."
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="[default: by the file's ending, else md]")
@click.option("--paper", type=click.Choice(["letter", "a4"]), default="letter", show_default=True, help="Of the PDF.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file.  [default: stdout]")
def report_command(
    name: str,
    window_text: str,
    at_text: str | None,
    path: Path,
    form: str | None,
    paper: str,
    output: Path | None,
) -> None:
    """Write what a product delivered: figures with their bounds, incidents, what was left out, budget, trend, proof.

    Reads the record beside a running daemon, or without one; writes nothing but the file. The same record and --at give
    the same bytes, and every format the same figures. What was observed after --at is not in it.
    """
    portfolio = loaded(path)[1]
    at = _instant(at_text, portfolio) if at_text is not None else SystemClock().now()
    window = _window(window_text, at, portfolio)
    products = _chosen(name, portfolio)
    written = _bytes(_told(portfolio, products, window, at), _form(form, output), paper)
    if output is None:
        sys.stdout.buffer.write(written)
        return
    try:
        output.write_bytes(written)
    except OSError as error:
        raise NinewatchError(f"cannot write {output}: {(error.strerror or 'unwritable').lower()}") from None


def _form(form: str | None, output: Path | None) -> str:
    if form is not None:
        return form
    if output is None:
        return "md"
    ending = output.suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        raise NinewatchError(f"{output} does not say which format; write --format {'|'.join(FORMATS)}")
    return ending


def _instant(text: str, portfolio: Portfolio) -> int:
    try:
        at = parse_instant(text, portfolio.zone)
        if not _RECORDS.start <= at <= _RECORDS.end:
            raise ValueError(_NO_RECORD)
    except OverflowError:
        raise click.BadParameter(_NO_RECORD, param_hint="'--at'") from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--at'") from None
    return at


def _window(text: str, at: int, portfolio: Portfolio) -> Window:
    from sla.report import last_complete

    name = text.strip().lower().replace("last-", "last ")
    try:
        if name.startswith("last ") and (period := name.removeprefix("last ").strip()) in tuple(Period):
            found = last_complete(Period(period), at, portfolio.zone)
        else:
            found = parse_window(text, at, portfolio.zone)
        _judge(found)
    except OverflowError:
        raise click.BadParameter(_NO_RECORD, param_hint="'--window'") from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--window'") from None
    if found.measured.length:
        return found
    raise click.BadParameter(
        f'nothing of this {text} is over yet; write --window "last {text}"', param_hint="'--window'"
    )


def _judge(window: Window) -> None:
    """Refuse what no record is of, and what nobody could read: a report is told month by month at the longest.

    Raises:
        ValueError: it is so.
    """
    if not _RECORDS.start <= window.whole.start <= window.whole.end <= _RECORDS.end:
        raise ValueError(_NO_RECORD)
    if window.measured.length > _LONGEST:
        raise ValueError("longer than ten years; write a shorter window")


def _chosen(name: str, portfolio: Portfolio) -> Sequence[Product]:
    if name == "all":
        return portfolio.products
    found = [product for product in portfolio.products if product.id == name]
    if not found:
        known = ", ".join(product.id for product in portfolio.products)
        raise NinewatchError(f'there is no product "{name}"; there are {known}, or all')
    return found


def _told(portfolio: Portfolio, products: Sequence[Product], window: Window, at: int) -> Told:
    from monitor.as_of import ledger_at
    from monitor.reporting.whole import told

    return told(ledger_at(portfolio, portfolio.store, at), products, window, at)


def _bytes(found: Told, form: str, paper: str) -> bytes:
    """Return the report in the format; each is imported only when it is asked for."""
    if form == "json":
        from monitor.reporting.plain import as_json

        return as_json(found).encode()
    document = found.document()
    if form == "pdf":
        from monitor.reporting.pdf import as_pdf

        return as_pdf(document, paper)
    if form == "xlsx":
        from monitor.reporting.workbook import as_xlsx

        return as_xlsx(document)
    write: Callable[[Any], str]
    if form == "html":
        from monitor.reporting.html import as_html as write
    elif form == "csv":
        from monitor.reporting.plain import as_csv as write
    else:
        from monitor.reporting.plain import as_markdown as write
    return write(document).encode()
