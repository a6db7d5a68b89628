"""Read the record while a daemon has it open, without lock, writes or checkpoints."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from monitor.errors import StoreError
from monitor.storage import statements as sql
from monitor.storage.alert_responses import open_responses_in, responses_in
from monitor.storage.chain import MANY, chain_in, heads_in, next_head, unchecked_facts
from monitor.storage.connection import has_table, open_connection, remedy
from monitor.storage.latency_days import latency_days_in, recent_latencies_in
from monitor.storage.outbox import (
    latest_in,
    notifications_of,
    notifications_since,
    product_incidents_in,
    unfinished_in,
)
from monitor.storage.rows import (
    DamagedRowError,
    facts_in,
    incidents_in,
    observations_after_last_run,
    observations_between,
    observations_in,
    runs_in,
)
from monitor.storage.schema import check_owner_and_version
from monitor.storage.validation import damage_error, refuse_damage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from monitor.notification import Notification
    from monitor.storage.chain import ClosedDay
    from monitor.storage.connection import Connection
    from sla.chain import Head
    from sla.chain_check import Chain
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.interval import Interval
    from sla.latency_day import LatencyDay
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident


class Reader:
    """All data for rebuilding a ledger, as of one commit."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load_runs(self, checks: Collection[str] | None = None) -> Iterator[Run]:
        """Yield the runs of all checks, or only of `checks`, ordered by check, vantage and `first`."""
        return runs_in(self._connection, checks)

    def load_tail(self, checks: Collection[str] | None = None) -> Iterator[Observation]:
        """Yield the observations after the last run of their check and vantage, of all checks or only of `checks`."""
        return (
            observation
            for observation in observations_after_last_run(self._connection)
            if checks is None or observation.check in checks
        )

    def load_latency_days(self, checks: Collection[str] | None = None) -> Iterator[LatencyDay]:
        """Yield the days of latencies of all checks, or only of `checks`, ordered by check, vantage and `start`.

        A record of an earlier version has none.
        """
        return latency_days_in(self._connection, checks)

    def recent_latencies(self) -> Iterator[tuple[str, int, int]]:
        """Yield `(check, at, latency)` of the good observations that the days may not contain, by `at`."""
        return recent_latencies_in(self._connection)

    def observations(self, check: str, window: Interval) -> list[Observation]:
        """Return the check's observations with `at` in the window, by `at`. Older ones may have been pruned."""
        return observations_in(self._connection, check, window)

    def observations_between(self, window: Interval) -> Iterator[Observation]:
        """Yield the observations of all checks with `at` in the window, by `at`. Older ones may have been pruned."""
        return observations_between(self._connection, window)

    def load_incidents(self) -> list[Incident]:
        """Return all incidents, oldest first."""
        return incidents_in(self._connection)

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return all product incidents, oldest first. A record of an earlier version has none."""
        return product_incidents_in(self._connection)

    def unfinished(self) -> list[Notification]:
        """Return the notifications of all keys with an undelivered or unresolved notification, by creation."""
        return unfinished_in(self._connection)

    def latest_notifications(self, limit: int) -> list[Notification]:
        """Return the latest notifications, newest first."""
        return latest_in(self._connection, limit)

    def notifications_of(self, key: str) -> list[Notification]:
        """Return the notifications of one alert, in the order of their decision."""
        return notifications_of(self._connection, key)

    def load_responses(self) -> list[Response]:
        """Return the unfinished responses to alerts, in the order of their start."""
        return open_responses_in(self._connection)

    def responses(self, span: Interval) -> list[Response]:
        """Return the responses to alerts that started within the interval, in the order of their start."""
        return responses_in(self._connection, span)

    def notifications_since(self, since: int) -> list[Notification]:
        """Return the notifications that were due at the instant or later, in the order of their decision."""
        return notifications_since(self._connection, since)

    def last_observed(self) -> dict[str, int]:
        """Return the instant of the last observation in a run, by check."""
        return dict(self._connection.execute(sql.LAST_OBSERVED).fetchall())

    def first_observed(self) -> int | None:
        """Return the instant of the first observation in a run, or None."""
        instant: int | None = self._connection.execute(sql.FIRST_OBSERVED).fetchone()[0]
        return instant

    def load_heads(self, start: int = 1, limit: int = MANY) -> list[tuple[Head, str]]:
        """Return up to `limit` heads of closed days from number `start`, with their recorded digests."""
        return heads_in(self._connection, start, limit)

    def load_chain(self) -> Chain:
        """Return the chain of heads, with the series and items that it covers."""
        return chain_in(self._connection)

    def load_unchecked_facts(self) -> list[Fact]:
        """Return the facts without validation, including facts that were changed after they were recorded."""
        return unchecked_facts(self._connection)

    def next_head(self, day: int, now: int) -> ClosedDay | None:
        """Return the head that closes the day. None if no head is due."""
        return next_head(self._connection, day, now)

    def load_facts(self) -> list[Fact]:
        """Return all facts in the order of creation. A record of an earlier version has corrections only."""
        return facts_in(self._connection)


@contextlib.contextmanager
def reading(path: Path, *, trusted: bool = False) -> Iterator[Reader]:
    """Open the record read-only, in one transaction, so that all data is from one commit.

    `trusted`: this process has the record open, so its values are not checked again. A read-only connection never
    checkpoints, not even if it is the last one to be closed.

    Raises:
        StoreError: there is no record, it belongs to another program or a newer version, or it cannot be read.
    """
    if not path.exists():
        raise StoreError(f"no record at {path}; specify the daemon's configuration with -c")
    try:
        with contextlib.closing(open_connection(path, "ro")) as connection:
            connection.execute("BEGIN")
            check_owner_and_version(connection, path)
            if not has_table(connection, "runs"):
                raise StoreError(f"the record {path} is empty; start `ninewatch run` and let it run for a while")
            if not trusted:
                refuse_damage(connection, path)
            yield Reader(connection)
    except DamagedRowError as error:
        raise damage_error(path, str(error)) from error
    except sqlite3.Error as error:
        raise StoreError(f"the record {path} cannot be read: {error}{remedy(error)}") from error


def recorded_since(path: Path, since: int) -> list[Notification]:
    """Return the notifications since the instant, by their due instants, of a record that this process has open.

    Raises:
        StoreError: the record cannot be read.
    """
    with reading(path, trusted=True) as record:
        return record.notifications_since(since)


def facts_of(path: Path) -> list[Fact]:
    """Return the facts of a record that a daemon may have open, over a read-only connection.

    The list is empty if there is no record, or a record of a version without facts.

    Raises:
        StoreError: the record cannot be read.
    """
    if not path.exists():
        return []
    try:
        with contextlib.closing(open_connection(path, "ro")) as connection:
            refuse_damage(connection, path)
            return facts_in(connection)
    except DamagedRowError as error:
        raise damage_error(path, str(error)) from error
    except sqlite3.Error as error:
        raise StoreError(f"the record {path} cannot be read: {error}{remedy(error)}") from error
