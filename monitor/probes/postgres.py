"""The `postgres` kind: a connection, a query, an answer. Needs psycopg, over libpq (`make extras`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import model_validator

from monitor.config.addresses import DefaultPort
from monitor.config.model import HostPort
from monitor.probes.base import Kind
from monitor.protocols.database import REASONS, DatabaseCheck, Driver, querying
from monitor.protocols.optional_library import require
from monitor.protocols.postgres_errors import failure_of, system_error
from monitor.protocols.postgres_session import connected, first_row, settings

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

    from monitor.network.attempt import Probe


class PostgresCheck(DatabaseCheck):
    """Good when the query is answered as expected, e.g. `SELECT pg_is_in_recovery()` with `False`.

    Needs `make extras`; the container image includes the driver.
    """

    kind: ClassVar[str] = "postgres"

    postgres: Annotated[HostPort, DefaultPort(5432)]
    """`host` or `host:port`; port 5432 unless written."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        require("psycopg", "postgres")
        return self


def prepare(check: PostgresCheck) -> Probe:
    """Return the probe that connects, asks and hangs up."""
    import psycopg  # takes 0.2 s, which no attempt should

    options = settings(check, check.postgres.host)

    async def connect(address: str, port: int, made: Callable[[], object]) -> PGconn:
        try:
            return await connected({**options, "hostaddr": address, "port": port}, check.tls.identity, made)
        except psycopg.OperationalError as error:
            raise system_error(error) or error from None  # of the system: the next address may do

    async def rows(connection: PGconn) -> list[Any]:
        return await first_row(connection, check.query)

    driver = Driver(
        connect,
        rows,
        lambda connection: connection.finish(),  # at once: a good-bye could be waited for
        (psycopg.Error,),
        partial(failure_of, check),
    )
    return querying(check, check.postgres, driver)


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
