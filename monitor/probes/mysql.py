"""The `mysql` kind, for MySQL and MariaDB: a connection, a query, an answer. Needs aiomysql (`make extras`)."""

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
from monitor.protocols.database import MOST, REASONS, DatabaseCheck, Driver, named_context, querying
from monitor.protocols.mysql_errors import UNREADABLE, failure_of
from monitor.protocols.optional_library import require

if TYPE_CHECKING:
    import aiomysql

    from monitor.network.attempt import Probe

_READS = 10_000  # pieces (two a packet) that may come before the first row is whole
_STRETCH = 200  # pieces; then the loop gets its turn


class MysqlCheck(DatabaseCheck):
    """Good when the query is answered as expected, e.g. `SELECT @@read_only` with `0`.

    Needs `make extras`; the container image includes the driver.
    """

    kind: ClassVar[str] = "mysql"

    mysql: Annotated[HostPort, DefaultPort(3306)]
    """`host` or `host:port`; port 3306 unless written."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        require("aiomysql", "mysql")
        return self


def prepare(check: MysqlCheck) -> Probe:
    """Return the probe that connects, asks and hangs up."""
    import aiomysql  # takes 0.15 s, which no attempt should
    from pymysql.err import Error, OperationalError

    context = named_context(check, check.mysql.host)

    class Bounded(aiomysql.Connection):  # type: ignore[misc]
        """Refuse a long packet, and packets without end: the driver would take any into memory, and not pause."""

        heard = reads = 0
        connected: Callable[[], object] = bool

        def _set_nodelay(self, value: bool) -> None:
            self.connected()  # the driver calls this once the connection is made, before it logs in
            super()._set_nodelay(value)

        async def _read_bytes(self, count: int) -> Any:
            self.heard, self.reads = self.heard + count, self.reads + 1
            if self.heard > MOST or self.reads > _READS:
                raise ProbeFailure("answer_too_long", f"{self.heard} bytes in {self.reads} pieces without a whole row")
            if self.reads % _STRETCH == 0:
                await asyncio.sleep(0)
            return await super()._read_bytes(count)

    async def connect(address: str, port: int, connected: Callable[[], object]) -> aiomysql.Connection:
        try:
            connection = Bounded(
                host=address,
                port=port,
                user=check.asker,
                password=check.revealed,
                db=check.database,
                ssl=context,
                program_name="ninewatch",
            )
            connection.connected = connected
            await connection._connect()  # which is what aiomysql.connect() awaits
        except OperationalError as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise
        # The driver goes on in the clear with a server that does not encrypt, without a word.
        if context is not None and connection._writer.get_extra_info("ssl_object") is None:
            connection.close()
            raise ProbeFailure("tls_handshake", "the server does not encrypt")
        return connection

    async def rows(connection: aiomysql.Connection) -> list[Any]:
        cursor = await connection.cursor(aiomysql.SSCursor)  # which reads the rows that are fetched, and no others
        await cursor.execute(check.query)
        return list(await cursor.fetchmany(1))

    driver = Driver(connect, rows, aiomysql.Connection.close, (*UNREADABLE, Error), partial(failure_of, check))
    return querying(check, check.mysql, driver)


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
