"""The `mysql` kind, for MySQL and MariaDB: connect, log in and run a query. Requires aiomysql (`make extras`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import model_validator

from monitor.config.addresses import DefaultPort
from monitor.config.model import HostPort
from monitor.network.failure import ProbeFailure
from monitor.probes.base import Kind
from monitor.protocols.database import MAX_BYTES, REASONS, DatabaseCheck, Driver, named_context, query_probe
from monitor.protocols.mysql_errors import PARSE_ERRORS, failure_of
from monitor.protocols.optional_library import require

if TYPE_CHECKING:
    import aiomysql

    from monitor.network.attempt import Probe

_MAX_READS = 10_000  # reads (2 per packet) before the first row is complete
_READS_PER_YIELD = 200  # reads before yielding to the event loop


class MysqlCheck(DatabaseCheck):
    """Good if the query returns the expected value, e.g. `0` for `SELECT @@read_only`.

    Requires `make extras`; the container image includes the driver.
    """

    kind: ClassVar[str] = "mysql"

    mysql: Annotated[HostPort, DefaultPort(3306)]
    """`host` or `host:port`; default port 3306."""

    @model_validator(mode="after")
    def _driver_is_installed(self) -> Self:
        require("aiomysql", "mysql")
        return self


def _limited_connection_type() -> Any:
    """Return the driver's connection class with limits on the size and number of packets.

    The driver buffers packets in memory without yielding.
    """
    import aiomysql

    class LimitedConnection(aiomysql.Connection):  # type: ignore[misc]
        received = reads = 0
        on_connected: Callable[[], object] = bool

        def _set_nodelay(self, value: bool) -> None:
            self.on_connected()  # the driver calls this method once TCP is connected, before it logs in
            super()._set_nodelay(value)

        async def _read_bytes(self, count: int) -> Any:
            self.received, self.reads = self.received + count, self.reads + 1
            if self.received > MAX_BYTES or self.reads > _MAX_READS:
                detail = f"{self.received} bytes in {self.reads} reads without a complete row"
                raise ProbeFailure("answer_too_long", detail)
            if self.reads % _READS_PER_YIELD == 0:
                await asyncio.sleep(0)
            return await super()._read_bytes(count)

    return LimitedConnection


def prepare(check: MysqlCheck) -> Probe:
    """Return the probe that connects, runs the query and disconnects."""
    import aiomysql  # imported here and not in the first attempt, because the import takes 0.15 s
    from pymysql.err import Error, OperationalError

    context = named_context(check, check.mysql.host)
    connection_type = _limited_connection_type()

    async def connect(address: str, port: int, on_connected: Callable[[], object]) -> aiomysql.Connection:
        try:
            connection = connection_type(
                host=address,
                port=port,
                user=check.user_name,
                password=check.password_text,
                db=check.database,
                ssl=context,
                program_name="ninewatch",
            )
            connection.on_connected = on_connected
            await connection._connect()  # the part of aiomysql.connect() that is awaited
        except OperationalError as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise
        # The driver silently continues without TLS if the server does not support it.
        if context is not None and connection._writer.get_extra_info("ssl_object") is None:
            connection.close()
            raise ProbeFailure("tls_handshake", "the server does not support TLS")
        return connection

    async def rows(connection: aiomysql.Connection) -> list[Any]:
        cursor = await connection.cursor(aiomysql.SSCursor)  # reads only the fetched rows
        await cursor.execute(check.query)
        return list(await cursor.fetchmany(1))

    driver = Driver(connect, rows, aiomysql.Connection.close, (*PARSE_ERRORS, Error), partial(failure_of, check))
    return query_probe(check, check.mysql, driver)


KIND = Kind(
    "mysql",
    MysqlCheck,
    prepare,
    example="""\
id: writable
mysql: db.example.org
user: ninewatch
password: {env: MYSQL_PASSWORD}
query: SELECT @@read_only
expect: "0"
""",
    reasons=REASONS,
    schemes={"mysql": {}, "mariadb": {}},
)
