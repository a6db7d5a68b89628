"""Read the record while a daemon has it open: without lock, writes and checkpoints."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from monitor.errors import StoreError
from monitor.storage import statements as sql
from monitor.storage.chain import chain_in, heads_in, next_head, unchecked_facts
from monitor.storage.connection import opened, remedy
from monitor.storage.outbox import latest_in, notifications_since, product_incidents_in, unfinished_in
from monitor.storage.responses import open_responses_in, responses_in
from monitor.storage.rows import DamagedRowError, facts_in, incidents_in, observations_in, runs_in, tail_in
from monitor.storage.schema import refuse_strangers
from monitor.storage.validation import damage, refuse_damage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from monitor.notification import Notification
    from monitor.storage.chain import ClosedDay
    from sla.chain import Head
    from sla.chain_check import Chain
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.interval import Interval
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident


class Reader:
    """All data for rebuilding a ledger, as of one commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def load_runs(self, checks: Collection[str] | None = None) -> Iterator[Run]:
        """Yield all runs, or those of these checks, by check and vantage, then `first`."""
        return runs_in(self._connection, checks)

    def load_tail(self, checks: Collection[str] | None = None) -> Iterator[Observation]:
        """Yield what was observed after the last run of its check and vantage, by `at`; of these checks, or of all."""
        return (seen for seen in tail_in(self._connection) if checks is None or seen.check in checks)

    def observations(self, check: str, window: Interval) -> list[Observation]:
        """Return the check's observations with `at` in the window, by `at`, as far back as they are kept."""
        return observations_in(self._connection, check, window)

    def load_incidents(self) -> list[Incident]:
        """Return all incidents, oldest first."""
        return incidents_in(self._connection)

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return all product incidents, oldest first; none of a record of an earlier version."""
        return product_incidents_in(self._connection)

    def unfinished(self) -> list[Notification]:
        """Return the notifications of keys that a receiver has unfinished, in the order of their decision."""
        return unfinished_in(self._connection)

    def latest_notifications(self, limit: int) -> list[Notification]:
        """Return the notifications that were decided last, newest first."""
        return latest_in(self._connection, limit)

    def load_responses(self) -> list[Response]:
        """Return the responses to alerts that are not over, in the order of their start."""
        return open_responses_in(self._connection)

    def responses(self, span: Interval) -> list[Response]:
        """Return the responses to alerts that started within the interval, in the order of their start."""
        return responses_in(self._connection, span)

    def notifications_since(self, since: int) -> list[Notification]:
        """Return the notifications that were due at the instant or later, in the order of their decision."""
        return notifications_since(self._connection, since)

    def last_observed(self) -> dict[str, int]:
        """Return the instant of each recorded check's last observation that is inside a run."""
        return dict(self._connection.execute(sql.LAST_OBSERVED).fetchall())

    def first_observed(self) -> int | None:
        """Return the instant of the first observation that is inside a run, None if there is none."""
        found: int | None = self._connection.execute(sql.FIRST_OBSERVED).fetchone()[0]
        return found

    def load_heads(self, start: int = 1, limit: int = -1) -> list[tuple[Head, str]]:
        """Return the heads of closed days from a number on, with their digests as recorded; at most `limit` of them."""
        return heads_in(self._connection, start, limit)

    def load_chain(self) -> Chain:
        """Return the chain of heads with all that it covers."""
        return chain_in(self._connection)

    def load_unchecked_facts(self) -> list[Fact]:
        """Return the facts as they are, also those that were changed after they were made."""
        return unchecked_facts(self._connection)

    def next_head(self, day: int, now: int) -> ClosedDay | None:
        """Return the head that closes the day; None where none is due."""
        return next_head(self._connection, day, now)

    def load_facts(self) -> list[Fact]:
        """Return all facts by when they were made; of a record of an earlier version, its corrections."""
        return facts_in(self._connection)


@contextlib.contextmanager
def reading(path: Path, *, trusted: bool = False) -> Iterator[Reader]:
    """Open the record read-only, in one transaction, so that all data is of one commit.

    Of a trusted one, which this process has open, the values are not checked once more.

    A connection that cannot write cannot checkpoint either, not even as the last one to close.

    Raises:
        StoreError: there is no record, it is another program's or newer than we are, or it cannot be read.
    """
    if not path.exists():
        raise StoreError(f"no record at {path}; specify the daemon's configuration with -c")
    try:
        with contextlib.closing(opened(path, "ro")) as connection:
            connection.execute("BEGIN")
            refuse_strangers(connection, path)
            if not connection.execute(sql.HAS_TABLES).fetchone():
                raise StoreError(f"the record {path} is empty; start `ninewatch run` and let it run for a while")
            if not trusted:
                refuse_damage(connection, path)
            yield Reader(connection)
    except DamagedRowError as error:
        raise damage(path, str(error)) from error
    except sqlite3.Error as error:
        raise StoreError(f"the record {path} cannot be read: {error}{remedy(error)}") from error


def facts_of(path: Path) -> list[Fact]:
    """Return the facts of a record that a daemon may have open, over a connection that cannot write.

    None if there is no record, or one from before there were any.

    Raises:
        StoreError: it cannot be read.
    """
    if not path.exists():
        return []
    try:
        with contextlib.closing(opened(path, "ro")) as connection:
            refuse_damage(connection, path)
            return facts_in(connection)
    except DamagedRowError as error:
        raise damage(path, str(error)) from error
    except sqlite3.Error as error:
        raise StoreError(f"the record {path} cannot be read: {error}{remedy(error)}") from error
