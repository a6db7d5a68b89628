"""Write the rows of a batch, in SQLite or PostgreSQL."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

from monitor.storage import statements as sql
from monitor.storage.alert_responses import response_row
from monitor.storage.chain import write_head
from monitor.storage.frames import write_cursors, write_frame
from monitor.storage.incident_failures import failure_rows
from monitor.storage.interned_ids import InternedIds
from monitor.storage.latency_days import write_latency_days
from monitor.storage.outbox import notification_row, product_incident_row
from monitor.storage.rows import incident_row
from sla.observation import PRECEDENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from monitor.storage.connection import Connection
    from monitor.storage.store import Batch
    from sla.observation import Observation, Run


class BatchWriter:
    """Writes batches over a connection. Keeps the ids of series and reasons.

    Call `forget_ids` if a transaction fails, because it may have created ids.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._series = InternedIds[tuple[str, str]](connect, sql.ALL_SERIES, sql.FIND_SERIES, sql.ADD_SERIES)
        self._reasons = InternedIds[str](connect, sql.ALL_REASONS, sql.FIND_REASON, sql.ADD_REASON)

    def forget_ids(self) -> None:
        """Read the ids again at their next use."""
        self._series.clear()
        self._reasons.clear()

    def insert(self, connection: Connection, batch: Batch) -> None:
        """Insert or replace the rows of a batch in the current transaction.

        Raises:
            sqlite3.Error, psycopg.Error: the rows cannot be written.
        """
        if batch.observations:
            connection.executemany(sql.INSERT_OBSERVATION, self._observation_rows(batch.observations))
        if batch.runs:
            connection.executemany(sql.RUN, [self._run_row(run) for run in batch.runs])
        if batch.incidents:
            connection.executemany(sql.INCIDENT, map(incident_row, batch.incidents))
            connection.executemany(sql.FAILURE, [row for incident in batch.incidents for row in failure_rows(incident)])
        connection.executemany(sql.PRODUCT_INCIDENT, map(product_incident_row, batch.product_incidents))
        connection.executemany(sql.NOTIFICATION, map(notification_row, batch.notifications))
        connection.executemany(sql.RESPONSE, map(response_row, batch.responses))
        if batch.facts:
            connection.executemany(sql.ADD_FACT, [astuple(fact) for fact in batch.facts])
        connection.executemany(sql.ADD_STEP, batch.clock_steps)
        write_latency_days(connection, batch.latency_days, self._series)
        for closed in batch.heads:
            write_head(connection, closed, self._series)
        if batch.frame is not None:
            write_frame(connection, batch.frame)
        if batch.cursors:
            write_cursors(connection, batch.cursors)
        if batch.folded_until is not None:
            connection.execute(sql.FOLD_RUN, (batch.folded_until,))

    def _observation_rows(self, observations: Iterable[Observation]) -> list[tuple[int | None, ...]]:
        series, reasons = self._series, self._reasons
        return [
            (o.at, series[o.check, o.vantage], PRECEDENCE[o.outcome], reasons[o.reason], o.latency, o.recheck)
            for o in observations
        ]

    def _run_row(self, run: Run) -> tuple[int, ...]:
        series, reason = self._series[run.check, run.vantage], self._reasons[run.reason]
        rest = (run.latency_count, run.latency_sum, run.latency_max, run.seeded, run.recheck)
        return (series, run.first, run.last, PRECEDENCE[run.outcome], reason, run.count, run.hold, *rest)
