"""Transactions of two rows in a PostgreSQL table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.continuity.driver import CapturedValues, Description, ReadResult, RefusedError
from monitor.network.failure import ProbeFailure, quoted
from monitor.probes.postgres import PostgresCheck
from monitor.protocols.database import Driver, connect_driver
from monitor.protocols.optional_library import require
from monitor.protocols.postgres_errors import failure_of, system_error
from monitor.protocols.postgres_session import open_connection, settings
from sla.continuity import BEGIN, FINISH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg.pq.abc import PGconn

    from monitor.config.continuity import ContinuityTransaction
    from monitor.config.continuity_kinds import DatabaseRowPair
    from monitor.network.attempt import Attempt
    from sla.intent import Run

# SQLSTATE classes of connection and server failures, after which the statement may have been committed.
_UNCERTAIN_ERROR_CLASSES: Final = frozenset({"08", "57", "58", "XX"})
_NO_TIMEOUT: Final = 86_400.0  # seconds; the attempt's deadline is earlier


@dataclass(frozen=True, slots=True)
class PostgresDriver:
    """Sends the statements of one transaction, each over a separate connection."""

    check: PostgresCheck
    table: str
    finishes: bool = True
    finds: bool = True

    @property
    def _insert(self) -> str:
        return f"INSERT INTO {self.table} (run, step) VALUES ($1, $2)"  # noqa: S608 - the table is a valid identifier

    def describe(self, step: str, run: str, values: Mapping[str, str]) -> Description:
        """Return the statement of a write for the intent log."""
        del values
        password = self.check.password
        return Description(f"{self._insert} -- {run}, {step}", () if password is None else (password.source,))

    async def write(self, attempt: Attempt, step: str, run: Run, secrets: object) -> CapturedValues:
        """Insert the row of a step."""
        del secrets
        await self._execute(attempt, self._insert, run.id, step)
        return CapturedValues()

    async def read(self, attempt: Attempt, run: Run, secrets: object) -> ReadResult:
        """Return the number of rows of each step."""
        del secrets
        counts = ", ".join(f"count(*) FILTER (WHERE step = '{step}')" for step in (BEGIN, FINISH))
        rows = await self._execute(attempt, f"SELECT {counts} FROM {self.table} WHERE run = $1", run.id)  # noqa: S608
        return ReadResult(dict(zip((BEGIN, FINISH), map(int, rows[0]), strict=True)))

    async def clean(self, attempt: Attempt, run: Run, secrets: object) -> None:
        """Delete the rows of the run."""
        del secrets
        await self._execute(attempt, f"DELETE FROM {self.table} WHERE run = $1", run.id)  # noqa: S608

    async def _execute(self, attempt: Attempt, statement: str, *values: str) -> Sequence[Sequence[Any]]:
        """Return the rows of a statement once it is complete.

        Raises:
            RefusedError: the server did not execute it.
            ProbeFailure: the connection failed.
        """
        import psycopg

        try:
            connection = await connect_driver(attempt, self.check.postgres, self.check.family, self._driver())
            try:
                attempt.enter("first_byte")
                return await _rows(connection, statement, values)
            finally:
                connection.finish()
        except psycopg.Error as error:
            raise failure_of(self.check, error) or ProbeFailure("hung_up", "the connection failed") from None

    def _driver(self) -> Driver[PGconn]:
        import psycopg

        options = settings(self.check, self.check.postgres.host)

        async def connect(address: str, port: int, made: Callable[[], object]) -> PGconn:
            try:
                connection_options = {**options, "hostaddr": address, "port": port}
                return await open_connection(connection_options, self.check.tls.identity, made)
            except psycopg.OperationalError as error:
                raise system_error(error) or error from None

        async def no_rows(_: PGconn) -> list[Any]:
            return []

        return Driver(connect, no_rows, lambda connection: connection.finish(), (psycopg.Error,), lambda _: None)


async def _rows(connection: PGconn, statement: str, values: Sequence[str]) -> Sequence[Sequence[Any]]:
    from psycopg import errors, generators
    from psycopg.pq import ExecStatus
    from psycopg.waiting import wait_async

    connection.send_query_params(statement.encode(), [value.encode() for value in values])
    results = await wait_async(generators.execute(connection), connection.socket, _NO_TIMEOUT)
    rows: list[list[Any]] = []
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            error = errors.error_from_result(result)
            if (error.sqlstate or "XX")[:2] in _UNCERTAIN_ERROR_CLASSES:
                raise error
            raise RefusedError(quoted(str(error), 160), final=False)
        rows += [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]
    return rows


def postgres_driver(transaction: ContinuityTransaction, pair: DatabaseRowPair) -> PostgresDriver:
    """Return the driver of a configured transaction.

    Raises:
        ValueError: the driver library is not installed.
    """
    require("psycopg", "postgres")
    check = PostgresCheck.model_construct(
        id=transaction.id,
        interval=transaction.every,
        timeout=transaction.timeout,
        postgres=pair.address,
        user=pair.user,
        password=pair.password,
        database=pair.database,
        encrypted=pair.encrypted,
        tls=pair.tls,
    )
    return PostgresDriver(check, pair.table)
