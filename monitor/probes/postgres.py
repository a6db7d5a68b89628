"""The `postgres` kind: connect, log in and run a query. Requires psycopg (`make extras`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import model_validator

from monitor.config.addresses import DefaultPort
from monitor.config.model import HostPort
from monitor.probes.base import Kind
from monitor.protocols.database import REASONS, DatabaseCheck, Driver, query_probe
from monitor.protocols.optional_library import require
from monitor.protocols.postgres_errors import failure_of, system_error
from monitor.protocols.postgres_session import first_row, open_connection, settings

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

    from monitor.network.attempt import Probe


class PostgresCheck(DatabaseCheck):
    """Good if the query returns the expected value, e.g. `False` for `SELECT pg_is_in_recovery()`.

    Requires `make extras`; the container image includes the driver.
    """

    kind: ClassVar[str] = "postgres"

    postgres: Annotated[HostPort, DefaultPort(5432)]
    """`host` or `host:port`; default port 5432."""

    @model_validator(mode="after")
    def _driver_is_installed(self) -> Self:
        require("psycopg", "postgres")
        return self


def prepare(check: PostgresCheck) -> Probe:
    """Return the probe that connects, runs the query and disconnects."""
    import psycopg  # imported here and not in the first attempt, because the import takes 0.2 s

    options = settings(check, check.postgres.host)

    async def connect(address: str, port: int, on_connected: Callable[[], object]) -> PGconn:
        try:
            return await open_connection(
                {**options, "hostaddr": address, "port": port}, check.tls.identity, on_connected
            )
        except psycopg.OperationalError as error:
            raise system_error(error) or error from None  # for an operating system error the next address is tried

    async def rows(connection: PGconn) -> list[Any]:
        return await first_row(connection, check.query)

    driver = Driver(
        connect,
        rows,
        lambda connection: connection.finish(),  # closes without waiting
        (psycopg.Error,),
        partial(failure_of, check),
    )
    return query_probe(check, check.postgres, driver)


KIND = Kind(
    "postgres",
    PostgresCheck,
    prepare,
    example="""\
id: primary
postgres: db.example.org
user: ninewatch
password: {env: POSTGRES_PASSWORD}
query: SELECT pg_is_in_recovery()
expect: "False"
""",
    reasons=REASONS,
    schemes={"postgres": {}, "postgresql": {}},
)
