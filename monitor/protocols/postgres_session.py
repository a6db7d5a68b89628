"""A connection over libpq that depends on nothing but its check, and reads no more of an answer than its first row."""

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
from monitor.network.connection import CHUNK
from monitor.network.failure import ProbeFailure, failure_of, quoted
from monitor.protocols.database import MOST

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

    from monitor.config.model import Secret
    from monitor.protocols.database import DatabaseCheck

_SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_NOWHERE = "/nonexistent/file"  # in place of those in ~/.postgresql
_NOT_OPTIONS = ("PGSERVICE", "PGDATESTYLE", "PGTZ", "PGGEQO")  # which libpq obeys, whatever its options say
_NEVER = 86_400.0  # seconds: it is the runner's deadline that ends a wait
_READY = 1  # what a driver's step is told: there is something to read
_ESTABLISHED = 1  # tcpi_state, the first byte of Linux' struct tcp_info: TCP_ESTABLISHED
_RECEIVED = 128  # where Linux' struct tcp_info holds tcpi_bytes_received, in 64 bits


def settings(check: DatabaseCheck, host: str) -> dict[str, Any]:
    """Return libpq's options: each that an environment variable, or a file in the home, could set is set.

    The few variables that no option overrides are taken out of the environment.
    """
    from psycopg.pq import Conninfo

    for name in _NOT_OPTIONS:
        os.environ.pop(name, None)
    known = Conninfo.get_defaults()  # which differ from one libpq to the next
    plain = {each.keyword.decode(): (each.compiled or b"").decode() for each in known if each.envvar}
    del plain["service"], plain["host"], plain["hostaddr"], plain["port"]
    ours = {
        "user": check.asker,
        "password": check.revealed,
        "passfile": _NOWHERE,
        "dbname": check.database or "postgres",
        "application_name": "ninewatch",
        "client_encoding": "UTF8",
        "connect_timeout": "0",
        "gssencmode": "disable",
        "require_auth": "!sspi",  # all but Windows' own: nothing means none
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


async def connected(options: dict[str, Any], identity: tuple[str, Secret] | None, made: Callable[[], object]) -> PGconn:
    """Return a connection, which shows the certificate and the key in PEM form if there are any.

    `made` is called once TCP has connected, before the log-in.
    """
    from psycopg import generators
    from psycopg.conninfo import make_conninfo
    from psycopg.waiting import wait_conn_async

    with in_memory(*identity) if identity is not None else nullcontext() as path:
        shown = {"sslcert": path, "sslkey": path} if path is not None else {}
        steps = generators.connect(make_conninfo("", **{**options, **shown}))
        return await wait_conn_async(_bounded(steps, made), _NEVER)


async def first_row(connection: PGconn, query: str) -> list[Any]:
    """Return the first row of a query's answer in a list, which is empty if there is none; the rest is not read.

    Raises:
        psycopg.Error: the server refuses, or answers with something else than rows.
        ProbeFailure: `answer_too_long`, `database_malformed`, or the connection broke.
    """
    from psycopg import Error, ProgrammingError, adapt, errors, generators
    from psycopg.pq import ExecStatus
    from psycopg.waiting import wait_async

    connection.send_query(query.encode())
    connection.set_single_row_mode()
    await wait_async(generators.send(connection), connection.socket, _NEVER)
    result: PGresult | None = await _heard_out(connection.socket, generators.fetch(connection))
    if result is not None and result.status == ExecStatus.FATAL_ERROR:
        raise errors.error_from_result(result)
    if result is None or result.status not in (ExecStatus.SINGLE_TUPLE, ExecStatus.TUPLES_OK):
        raise ProgrammingError("the query gives no rows")
    reading = adapt.Transformer()
    reading.set_pgresult(result)
    try:
        return reading.load_rows(0, result.ntuples, tuple)
    except (ValueError, ArithmeticError, LookupError, struct.error, Error) as error:  # the one place that reads values
        raise ProbeFailure("database_malformed", f"a value cannot be read: {quoted(str(error), 120)}") from None


def _bounded(steps: Generator[Any, Any, Any], made: Callable[[], object]) -> Generator[Any, Any, Any]:
    """Go through the driver's steps of connecting, which name their socket, until too much has come."""
    ready = None
    while True:
        try:
            descriptor, events = steps.send(ready)
        except StopIteration as end:
            return end.value
        ready = yield descriptor, events
        with socket.socket(fileno=os.dup(descriptor)) as same:
            told = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
        if told[0] == _ESTABLISHED:
            made()
        _bound(struct.unpack_from("=Q", told, _RECEIVED)[0])


def _bound(heard: int) -> None:
    if heard > MOST:
        raise ProbeFailure("answer_too_long", f"{heard} bytes without a whole row")


async def _heard_out(descriptor: int, steps: Generator[Any, Any, Any]) -> Any:
    """Return what the driver's steps of reading return, whose socket gets the server's bytes from us, in pieces.

    libpq reads on for as long as more is there, which from a fast server is a whole row however long; and it takes a
    whole row into memory before it shows any of it.
    """
    heard, place = 0, select.poll()
    place.register(descriptor, select.POLLIN)
    with _between(descriptor) as (server, reader):
        try:
            next(steps)
            while True:
                piece = await asyncio.get_running_loop().sock_recv(server, CHUNK)
                _bound(heard := heard + len(piece))
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
def _between(descriptor: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Put a pair of sockets in a connection's place; give the connection, and the end that the place now hears."""
    reader, place = socket.socketpair()
    with socket.socket(fileno=os.dup(descriptor)) as server, reader, place:
        for each in (server, reader, place):
            each.setblocking(False)
        os.dup2(place.fileno(), descriptor, inheritable=False)
        yield server, reader
