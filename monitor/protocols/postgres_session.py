"""Connect through libpq with only the check's settings, and read the first row of a result."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from monitor.config.tls import in_memory
from monitor.network.connection import CHUNK_BYTES
from monitor.network.failure import ProbeFailure, failure_of, quoted
from monitor.protocols.database import MAX_BYTES

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

    from monitor.config.model import Secret
    from monitor.protocols.database import DatabaseCheck

_SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_NO_FILE = "/nonexistent/file"  # replaces the files in ~/.postgresql
_VARIABLES_WITHOUT_OPTION = ("PGSERVICE", "PGDATESTYLE", "PGTZ", "PGGEQO")  # no connection option overrides them
_NO_TIMEOUT = 86_400.0  # seconds; the runner's deadline ends the wait earlier
_READY = 1  # value sent to the driver's generator: readable
_ESTABLISHED = 1  # tcpi_state, the first byte of Linux' struct tcp_info: TCP_ESTABLISHED
_BYTES_RECEIVED = 128  # offset of the 64-bit tcpi_bytes_received in Linux' struct tcp_info


def settings(check: DatabaseCheck, host: str) -> dict[str, Any]:
    """Return the options for libpq, including all options that environment variables or files would set.

    Environment variables without a corresponding option are removed from the environment.
    """
    from psycopg.pq import Conninfo

    for name in _VARIABLES_WITHOUT_OPTION:
        os.environ.pop(name, None)
    known_options = Conninfo.get_defaults()  # they depend on the version of libpq
    defaults = {option.keyword.decode(): (option.compiled or b"").decode() for option in known_options if option.envvar}
    del defaults["service"], defaults["host"], defaults["hostaddr"], defaults["port"]
    configured = {
        "user": check.user_name,
        "password": check.password_text,
        "passfile": _NO_FILE,
        "dbname": check.database or "postgres",
        "application_name": "ninewatch",
        "client_encoding": "UTF8",
        "connect_timeout": "0",
        "gssencmode": "disable",
        "require_auth": "!sspi",  # every method except Windows' SSPI; an empty text would use the environment variable
        "min_protocol_version": "3.0",
        "max_protocol_version": "3.0",
        "host": (check.tls.server_name or host).removesuffix("."),
        **_tls(check),
    }
    known_names = {option.keyword.decode() for option in known_options}
    return {**defaults, **{name: value for name, value in configured.items() if name in known_names}}


def _tls(check: DatabaseCheck) -> dict[str, str]:
    options = {"sslcert": _NO_FILE, "sslkey": _NO_FILE, "sslrootcert": _NO_FILE, "sslcrl": _NO_FILE}
    if not check.encrypted:
        return {**options, "sslmode": "disable", "sslcertmode": "disable"}
    options["sslmode"] = "verify-full" if check.tls.verify else "require"
    options["sslcertmode"] = "allow" if check.tls.identity else "disable"
    if check.tls.verify:
        options["sslrootcert"] = str(check.tls.ca.path) if check.tls.ca is not None else _SYSTEM_AUTHORITIES
    if check.tls.version is not None:
        options["ssl_min_protocol_version"] = options["ssl_max_protocol_version"] = check.tls.version
    return options


async def open_connection(
    options: dict[str, Any], identity: tuple[str, Secret] | None, on_connect: Callable[[], object]
) -> PGconn:
    """Connect and log in. `identity` is the client certificate and key in PEM format.

    `on_connect` is called when TCP is connected, before the login.
    """
    from psycopg import generators
    from psycopg.conninfo import make_conninfo
    from psycopg.waiting import wait_conn_async

    with in_memory(*identity) if identity is not None else nullcontext() as path:
        certificate_options = {"sslcert": path, "sslkey": path} if path is not None else {}
        steps = generators.connect(make_conninfo("", **{**options, **certificate_options}))
        return await wait_conn_async(_connect_limited(steps, on_connect), _NO_TIMEOUT)


async def first_row(connection: PGconn, query: str) -> list[Any]:
    """Return the values of the first row of a query's result, empty without rows. Further rows are not read.

    Raises:
        psycopg.Error: the server returned an error or no result set.
        ProbeFailure: `answer_too_long`, `database_malformed`, or a network failure.
    """
    from psycopg import Error, ProgrammingError, adapt, errors, generators
    from psycopg.pq import ExecStatus
    from psycopg.waiting import wait_async

    connection.send_query(query.encode())
    connection.set_single_row_mode()
    await wait_async(generators.send(connection), connection.socket, _NO_TIMEOUT)
    result: PGresult | None = await _fetch_limited(connection.socket, generators.fetch(connection))
    if result is not None and result.status == ExecStatus.FATAL_ERROR:
        raise errors.error_from_result(result)
    if result is None or result.status not in (ExecStatus.SINGLE_TUPLE, ExecStatus.TUPLES_OK):
        raise ProgrammingError("the query returns no rows")
    transformer = adapt.Transformer()
    transformer.set_pgresult(result)
    try:
        return transformer.load_rows(0, result.ntuples, tuple)
    except (ValueError, ArithmeticError, LookupError, struct.error, Error) as error:  # the value cannot be parsed
        raise ProbeFailure("database_malformed", f"a value cannot be parsed: {quoted(str(error), 120)}") from None


def _connect_limited(steps: Generator[Any, Any, Any], on_connect: Callable[[], object]) -> Generator[Any, Any, Any]:
    """Run the driver's connection generator, and limit the received bytes."""
    ready = None
    while True:
        try:
            descriptor, events = steps.send(ready)
        except StopIteration as end:
            return end.value
        ready = yield descriptor, events
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            tcp_info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED + 8)
        if tcp_info[0] == _ESTABLISHED:
            on_connect()
        _check_size(struct.unpack_from("=Q", tcp_info, _BYTES_RECEIVED)[0])


def _check_size(received: int) -> None:
    if received > MAX_BYTES:
        raise ProbeFailure("answer_too_long", f"{received} bytes without a complete row")


async def _fetch_limited(descriptor: int, steps: Generator[Any, Any, Any]) -> Any:
    """Run the driver's fetch generator, and feed its socket with the server's data in limited pieces.

    Without this, libpq reads as long as data is available, and buffers a complete row of any length.
    """
    received, poll = 0, select.poll()
    poll.register(descriptor, select.POLLIN)
    with _intercept(descriptor) as (server, driver_socket):
        try:
            next(steps)
            while True:
                piece = await asyncio.get_running_loop().sock_recv(server, CHUNK_BYTES)
                _check_size(received := received + len(piece))
                if piece:
                    driver_socket.sendall(piece)
                else:
                    driver_socket.shutdown(socket.SHUT_WR)
                while poll.poll(0):
                    steps.send(_READY)
        except StopIteration as end:
            return end.value
        except OSError as error:
            raise failure_of(error) from None


@contextmanager
def _intercept(descriptor: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Replace a connection's descriptor with one end of a socket pair; yield the connection and the other end."""
    own_end, server_end = socket.socketpair()
    with socket.socket(fileno=os.dup(descriptor)) as server, own_end, server_end:
        for end in (server, own_end, server_end):
            end.setblocking(False)
        os.dup2(server_end.fileno(), descriptor, inheritable=False)
        yield server, own_end
