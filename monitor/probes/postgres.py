"""The `postgres` kind: a connection, a query, an answer. Needs the extra `postgres` (psycopg, over libpq)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import model_validator

from monitor.config.addresses import DefaultPort
from monitor.config.model import HostPort
from monitor.probes.base import Kind
from monitor.protocols.database import REASONS, DatabaseCheck, Driver, installed, querying
from monitor.protocols.postgres_errors import failure_of

if TYPE_CHECKING:
    import psycopg

    from monitor.network.frame import Probe

_SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


class PostgresCheck(DatabaseCheck):
    """Good when the query is answered as expected, e.g. `SELECT pg_is_in_recovery()` with `False`."""

    kind: ClassVar[str] = "postgres"

    postgres: Annotated[HostPort, DefaultPort(5432)]
    """`host` or `host:port`; port 5432 unless written."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        installed("psycopg", "postgres")
        return self


def prepare(check: PostgresCheck) -> Probe:
    """Return the probe that connects, asks and hangs up."""
    import psycopg  # takes 0.2 s, which no attempt should
    from psycopg.waiting import wait_async

    options = _options(check)

    class Prompt(psycopg.AsyncConnection[Any]):
        """Stop at the deadline: psycopg would try for ten seconds more to have a server that hangs cancel the query."""

        async def wait(self, gen: Any, *more: Any, **options: Any) -> Any:
            return await wait_async(gen, self.pgconn.socket, *more, **options)

    async def connect(address: str, port: int) -> psycopg.AsyncConnection[Any]:
        return await Prompt.connect(hostaddr=address, port=port, autocommit=True, **options)

    async def rows(connection: psycopg.AsyncConnection[Any]) -> list[Any]:
        return await (await connection.execute(check.query)).fetchmany(1)

    driver = Driver(
        connect,
        rows,
        lambda connection: connection.pgconn.finish(),  # at once: a good-bye could be waited for
        (psycopg.Error,),
        partial(failure_of, check),
    )
    return querying(check, check.postgres, driver)


def _options(check: PostgresCheck) -> dict[str, Any]:
    """Return libpq's options. Each that an environment variable could set is set: a probe is what its check says."""
    authorities = str(check.tls.ca.path) if check.tls.ca is not None else _SYSTEM_AUTHORITIES
    verified = {"sslmode": "verify-full", "sslrootcert": authorities} if check.tls.verify else {"sslmode": "require"}
    return {
        "host": check.tls.server_name or check.postgres.host,
        "user": check.asker,
        "password": check.revealed,
        "passfile": "/nonexistent/pgpass",
        "dbname": check.database or "postgres",
        "application_name": "ninewatch",
        "gssencmode": "disable",
        "target_session_attrs": "any",
        **(verified if check.encrypted else {"sslmode": "disable"}),
    }


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
