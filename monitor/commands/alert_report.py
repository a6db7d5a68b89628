"""`ninewatch alert report` and `alert mark`: count pages, pages at night, and useful pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.alerting.page_report import NIGHT_HOURS, page_report
from monitor.clock import SystemClock
from monitor.commands.config_option import CONFIG, load_config
from monitor.commands.fact_options import by_option, one_line
from monitor.commands.fact_writing import state_fact
from monitor.commands.record_location import location_of
from monitor.commands.span_options import hours, span_of
from monitor.errors import NinewatchError
from monitor.log import conceal_secrets
from monitor.storage.reader import reading
from monitor.views.text_table import aligned_lines
from sla.interval import SECOND
from sla.objective import format_percent
from sla.page_rating import PageRating, Rating, page_ratings
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.alerting.page_report import PageReport, RatingCounts


@click.command("report", short_help="Print pages per receiver and person, at night, useful or noise.")
@click.option("--since", default="7d", show_default=True, metavar="TIME|DURATION", help="Start of the report.")
@click.option("--until", metavar="TIME", help="End of the report (RFC 3339, or local).  [default: now]")
@click.option("--night", default=str(NIGHT_HOURS), show_default=True, help="Hours that count as night.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@CONFIG
def report_command(since: str, until: str | None, night: str, as_json: bool, path: Path) -> None:
    """Print the pages of a time span per receiver and person, pages at night, useful and noise, and the noisiest
    checks.

    Pages are marked with `ninewatch alert mark`. Reads the record, with or without a running daemon; notifications are
    kept as long as observations.
    """
    portfolio = load_config(path)[1]
    span = span_of(since, until, portfolio.zone)
    with reading(portfolio.store) as record:
        rows = record.notifications_since(span.start)
    report = page_report(rows, page_ratings(location_of(path).facts().all), portfolio, span, hours("--night", night))
    click.echo(json.dumps(report.as_json(), indent=2) if as_json else conceal_secrets("\n".join(_lines(report))))


@click.command("mark", short_help="Mark a page as useful or noise.")
@click.argument("key")
@click.argument("mark", type=click.Choice([kind.value for kind in Rating]))
@by_option(text="Name of the person who received the page.")
@CONFIG
def mark_command(key: str, mark: str, author: str, path: Path) -> None:
    """Mark the alert with KEY as useful or noise, for `ninewatch alert report`.

    The key is in the message and in `ninewatch alert list --all`. A mark is a fact of the record; a later mark of the
    same person replaces the earlier one.
    """
    location = location_of(path)
    with reading(location.record) as record:
        row = next((row for row in record.notifications_since(0) if row.key == key), None)
    if row is None:
        raise NinewatchError(f'no notification has the key "{key}"; `ninewatch alert list --all -c {path}` lists them')
    page_rating = PageRating(SystemClock().now(), key, Rating(mark), one_line("--by", author), "", row.product)
    state_fact(location.record, page_rating.fact())
    click.echo(f"marked {key} as {mark}")


def _lines(report: PageReport) -> Iterator[str]:
    start, end = (format_instant(at // SECOND * SECOND) for at in (report.span.start, report.span.end))
    yield f"Pages from {start} to {end}"
    yield ""
    if not report.receivers:
        yield "no notifications"
        return
    night = f"AT NIGHT ({report.night})"
    headings = ("RECEIVER", "PEOPLE", "PAGES", night, "REMINDERS", "TICKETS", "USEFUL", "NOISE", "UNMARKED")
    rows: list[tuple[str, ...]] = [headings]
    for line in report.receivers:
        counts = (str(line.counts[name]) for name in ("pages", "pages_at_night", "reminders", "tickets"))
        rows.append((line.receiver, ", ".join(line.people) or "-", *counts, *_counts(line.rated)))
    yield from aligned_lines(rows)
    yield ""
    share = report.total.share_useful
    useful = "none is marked" if share is None else f"{format_percent(share, 0)} of the marked ones useful"
    yield f"{report.total.alerts} alerts paged; {useful}"
    if report.checks:
        yield ""
        lines = [(name, str(rated.alerts), *_counts(rated)) for name, rated in report.checks]
        yield from aligned_lines([("NOISIEST CHECKS", "ALERTS", "USEFUL", "NOISE", "UNMARKED"), *lines])


def _counts(rated: RatingCounts) -> tuple[str, str, str]:
    return str(rated.useful), str(rated.noise), str(rated.alerts - rated.useful - rated.noise)
