"""Connect through libpq with the check's settings only, and read just the first row of a result."""

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
_NOWHERE = "/nonexistent/file"  # instead of files in ~/.postgresql
_NOT_OPTIONS = ("PGSERVICE", "PGDATESTYLE", "PGTZ", "PGGEQO")  # variables that no connection option overrides
_NEVER = 86_400.0  # seconds: the runner's deadline ends a wait
_READY = 1  # value sent to the driver's generator: readable
_ESTABLISHED = 1  # tcpi_state, the first byte of Linux' struct tcp_info: TCP_ESTABLISHED
_RECEIVED = 128  # offset of the 64-bit tcpi_bytes_received in Linux' struct tcp_info


def settings(check: DatabaseCheck, host: str) -> dict[str, Any]:
    """Return libpq's options, including every option that environment variables or files could set otherwise.

    Variables that no option overrides are removed from the environment.
    """
    from psycopg.pq import Conninfo

    for name in _NOT_OPTIONS:
        os.environ.pop(name, None)
    known = Conninfo.get_defaults()  # which differ from one libpq to the next
    plain = {each.keyword.decode(): (each.compiled or b"").decode() for each in known if each.envvar}
    del plain["service"], plain["host"], plain["hostaddr"], plain["port"]
    ours = {
        "user": check.user_name,
        "password": check.password_text,
        "passfile": _NOWHERE,
        "dbname": check.database or "postgres",
        "application_name": "ninewatch",
        "client_encoding": "UTF8",
        "connect_timeout": "0",
        "gssencmode": "disable",
        "require_auth": "!sspi",  # all but Windows' own; empty would take the environment's
        "min_protocol_version": "3.0",
        "max_protocol_version": "3.0",
        "host": (check.tls.server_name or host).removesuffix("."),
        **_tls(check),
    }
    names = {each.keyword.decode() for each in known}
    return {**plain, **{name: value for name, value in ours.items() if name in names}}


def _tls(check: DatabaseCheck) -> dict[str, str]:
    options = {"sslcert": _NOWHERE, "sslkey": _NOWHERE, "sslrootcert": _NOWHERE, "sslcrl": _NOWHERE}
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
    options: dict[str, Any], identity: tuple[str, Secret] | None, made: Callable[[], object]
) -> PGconn:
    """Return a connection; `identity` is the client certificate and key in PEM form.

    `made` is called once TCP has connected, before the log-in.
    """
    from psycopg import generators
    from psycopg.conninfo import make_conninfo
    from psycopg.waiting import wait_conn_async

    with in_memory(*identity) if identity is not None else nullcontext() as path:
        shown = {"sslcert": path, "sslkey": path} if path is not None else {}
        steps = generators.connect(make_conninfo("", **{**options, **shown}))
        return await wait_conn_async(_connect_limited(steps, made), _NEVER)


async def first_row(connection: PGconn, query: str) -> list[Any]:
    """Return a list with the first row of a query's result, empty without rows; the rest is not read.

    Raises:
        psycopg.Error: the server returned an error, or no result set.
        ProbeFailure: `answer_too_long`, `database_malformed`, or a network failure.
    """
    from psycopg import Error, ProgrammingError, adapt, errors, generators
    from psycopg.pq import ExecStatus
    from psycopg.waiting import wait_async

    connection.send_query(query.encode())
    connection.set_single_row_mode()
    await wait_async(generators.send(connection), connection.socket, _NEVER)
    result: PGresult | None = await _fetch_limited(connection.socket, generators.fetch(connection))
    if result is not None and result.status == ExecStatus.FATAL_ERROR:
        raise errors.error_from_result(result)
    if result is None or result.status not in (ExecStatus.SINGLE_TUPLE, ExecStatus.TUPLES_OK):
        raise ProgrammingError("the query returns no rows")
    reading = adapt.Transformer()
    reading.set_pgresult(result)
    try:
        return reading.load_rows(0, result.ntuples, tuple)
    except (ValueError, ArithmeticError, LookupError, struct.error, Error) as error:  # errors of parsing a value
        raise ProbeFailure("database_malformed", f"a value cannot be parsed: {quoted(str(error), 120)}") from None


def _connect_limited(steps: Generator[Any, Any, Any], made: Callable[[], object]) -> Generator[Any, Any, Any]:
    """Run the driver's connection generator, with the limit on received bytes."""
    ready = None
    while True:
        try:
            descriptor, events = steps.send(ready)
        except StopIteration as end:
            return end.value
        ready = yield descriptor, events
        with socket.socket(fileno=os.dup(descriptor)) as same:
            tcp_info = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
        if tcp_info[0] == _ESTABLISHED:
            made()
        _check_size(struct.unpack_from("=Q", tcp_info, _RECEIVED)[0])


def _check_size(heard: int) -> None:
    if heard > MAX_BYTES:
        raise ProbeFailure("answer_too_long", f"{heard} bytes without a whole row")


async def _fetch_limited(descriptor: int, steps: Generator[Any, Any, Any]) -> Any:
    """Run the driver's fetch generator while feeding its socket with the server's bytes in limited pieces.

    libpq itself reads as long as data is available and buffers a whole row, however long, before returning.
    """
    heard, place = 0, select.poll()
    place.register(descriptor, select.POLLIN)
    with _intercepted(descriptor) as (server, reader):
        try:
            next(steps)
            while True:
                piece = await asyncio.get_running_loop().sock_recv(server, CHUNK_BYTES)
                _check_size(heard := heard + len(piece))
                if piece:
                    reader.sendall(piece)
                else:
                    reader.shutdown(socket.SHUT_WR)
                while place.poll(0):
                    steps.send(_READY)
        except StopIteration as end:
            return end.value
        except OSError as error:
            raise failure_of(error) from None


@contextmanager
def _intercepted(descriptor: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Replace a connection's descriptor by one end of a socket pair; yield the connection and the other end."""
    reader, place = socket.socketpair()
    with socket.socket(fileno=os.dup(descriptor)) as server, reader, place:
        for each in (server, reader, place):
            each.setblocking(False)
        os.dup2(place.fileno(), descriptor, inheritable=False)
        yield server, reader
