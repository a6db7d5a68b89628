"""Copy a record between SQLite and PostgreSQL, and prove that the copy is equal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from monitor.as_of import recorded_at
from monitor.backup.copied_record import copy_errors, open_source, open_target, shown
from monitor.errors import StoreError
from monitor.facts.journal import Journal
from monitor.storage.postgres_schema import tables
from sla.interval import SECOND, Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.backup.copied_record import RecordEnd, Target
    from monitor.config.model import Portfolio
    from monitor.storage.postgres_schema import Table
    from monitor.storage.reader import Reader
    from sla.window import Window

    Span = Interval | Window


@dataclass(frozen=True, slots=True)
class CopiedRecord:
    """The proof of a copy: what is equal in both records.

    `rows`: rows by table. `figures`: the figures of products that were computed from both. `continued`: whether an
    interrupted copy was continued.
    """

    rows: dict[str, int]
    figures: int
    continued: bool


def copy_record(
    source: str,
    target: str,
    portfolio: Portfolio,
    *,
    restart: bool = False,
    progress: Callable[[str, int], None] = lambda table, rows: None,
) -> CopiedRecord:
    """Copy all tables of a record to a new one: paths of files, or connection strings of PostgreSQL.

    An interrupted copy is continued; with `restart`, it is discarded. The new record can be used only after it was
    compared with the source: all values of all tables, and the figures of each product of the portfolio for each month
    (UTC), all recorded time, and the window of its objective. `progress` is called with each table and its new rows.

    Raises:
        StoreError: a record cannot be read or written, there is a record already, or the records differ. An incomplete
            copy remains.
        NinewatchError: psycopg is not installed, or a connection string is invalid.
    """
    with (
        contextlib.closing(open_source(source)) as before,
        contextlib.closing(open_target(target, restart=restart)) as after,
        copy_errors(f"the copy to {shown(target)} stopped"),
    ):
        continued = any(after.last_key(table) is not None for table in tables())
        for table in tables():
            progress(table.name, _copy_table(table, before, after))
        rows = {table.name: _compare_table(table, before, after) for table in tables()}
        figures = _compare_figures(portfolio, before, after)
        after.finish()
    return CopiedRecord(rows, figures, continued)


def _copy_table(table: Table, source: RecordEnd, target: Target) -> int:
    """Copy the rows after the last copied one, and return their number."""
    copied = 0
    for rows in source.chunks(table, target.last_key(table)):
        target.insert(table, rows)
        copied += len(rows)
    return copied


def _compare_table(table: Table, source: RecordEnd, target: Target) -> int:
    """Compare all values of a table, and return the number of its rows."""
    rows, digest = source.digest(table)
    if target.digest(table) != (rows, digest):
        raise StoreError(
            f"the copy differs from {source.name} in the table {table.name}, because the record was changed after the"
            " copy began; discard the copy and begin again with --restart"
        )
    return rows


def _compare_figures(portfolio: Portfolio, source: RecordEnd, target: Target) -> int:
    """Compute the figures of all products and windows from both records, and return their number."""
    at = max(source.reader.last_observed().values(), default=None)
    first = source.reader.first_observed()
    if at is None or first is None or first >= at:
        return 0
    expected, actual = (_figures(portfolio, end.reader, Interval(first, at)) for end in (source, target))
    for (product, window), figures in expected.items():
        if actual[product, window] != figures:
            raise StoreError(f"the figures of {product} differ in {target.name}; report this as a defect")
    return len(expected)


def _figures(portfolio: Portfolio, reader: Reader, recorded: Interval) -> dict[tuple[str, Span], dict[str, Any]]:
    at = recorded.end
    ledger = recorded_at(reader, Journal.of(portfolio.store), at, portfolio).ledger(portfolio)
    return {
        (product.id, window): ledger.measured(product.id, window, at).as_json()
        for product in portfolio.products
        for window in _windows(ledger.own_window(product.id, at), recorded)
    }


def _windows(own: Span, recorded: Interval) -> list[Span]:
    return [own, recorded, *_months(recorded)]


def _months(recorded: Interval) -> Iterator[Interval]:
    """Yield the parts of the recorded time in each calendar month (UTC)."""
    start = recorded.start
    while start < recorded.end:
        day = datetime.fromtimestamp(start // SECOND, UTC)
        following = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        end = min(int(following.timestamp()) * SECOND, recorded.end)
        yield Interval(start, end)
        start = end
