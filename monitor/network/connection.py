"""A probe's connection: a non-blocking socket, plain or TLS, to an address that the outbound policy allows."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from monitor.config.model import Family
from monitor.network.certificate_expiry import rejected_certificate_expiry
from monitor.network.failure import failure_of, tls_failure
from monitor.network.happy_eyeballs import first_success

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.network.resolver import Address

T = TypeVar("T")

READ, WRITE = select.EPOLLIN | select.EPOLLRDHUP, select.EPOLLOUT
CHUNK_BYTES = 65_536
READS_PER_YIELD = 4  # reads before yielding to the event loop, so that a target that sends continuously cannot block it


def _is_ready(sock: socket.socket, events: int) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLOUT if events == WRITE else select.POLLIN)
    return bool(poll.poll(0))


class Connection:
    """One connection of one attempt. The runner's deadline cancels waits, so no method takes a timeout."""

    def __init__(self, attempt: Attempt, sock: socket.socket) -> None:
        self._attempt = attempt
        self._socket = sock
        self._descriptor = sock.fileno()
        self._reads = 0

    @classmethod
    async def connect(cls, attempt: Attempt, host: str, port: int, *, family: Family = Family.ANY) -> Self:
        """Look up the host and return a connection to one of its addresses.

        Raises the errors of `connect_to_addresses`.
        """
        return await cls.connect_to_addresses(attempt, await attempt.addresses(host, port, family))

    @classmethod
    def connect_to_addresses(
        cls, attempt: Attempt, addresses: Sequence[Address], *, check_policy: bool = True
    ) -> Awaitable[Self]:
        """Return an awaitable of a connection to the first address that accepts one, in the order of RFC 8305.

        `check_policy=False` skips the outbound policy, for addresses of the system's configuration such as its
        resolver.

        Raises:
            ProbeFailure: no address accepted a connection; see `first_success`.
        """
        attempt.enter("connect")
        return first_success(
            attempt,
            addresses,
            lambda address: cls._connect(attempt, address, socket.SOCK_STREAM, check_policy=check_policy),
            cls.close,
        )

    @classmethod
    async def exchange_datagrams(
        cls,
        attempt: Attempt,
        addresses: Sequence[Address],
        exchange: Callable[[Connection], Awaitable[T]],
        *,
        check_policy: bool = True,
    ) -> T:
        """Return the result of a datagram exchange with the first address that responds.

        Raises the errors of `connect_to_addresses`.

        UDP has no handshake, so the next address is tried after 250 ms without a response, and the first response is
        used. The sockets are connected, so datagrams from other senders are dropped.
        """
        attempt.enter("connect")

        async def exchange_with(address: Address) -> T:
            with await cls._connect(attempt, address, socket.SOCK_DGRAM, check_policy=check_policy) as connection:
                return await exchange(connection)

        return await first_success(attempt, addresses, exchange_with)

    @classmethod
    async def _connect(cls, attempt: Attempt, address: Address, kind: socket.SocketKind, *, check_policy: bool) -> Self:
        if check_policy:
            attempt.outbound.check(address)
        family, sockaddr = address
        attempt.peer = address
        try:
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise failure_of(error) from None
        connection = cls(attempt, sock)
        try:
            if attempt.source:
                sock.bind((attempt.source, 0))
            code = sock.connect_ex(sockaddr)
            if code == errno.EINPROGRESS:
                await connection._wait_ready(WRITE)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise failure_of(
                    OSError(code, f"{errno.errorcode.get(code, code)} from {sockaddr[0]} port {sockaddr[1]}")
                )
        except BaseException:
            connection.close()
            raise
        return connection

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLSocket:
        """Perform the TLS handshake, verify as the context requires, and return the TLS socket.

        The server name is sent and verified without a trailing dot (RFC 6066, 3; RFC 9525). The attempt records the
        expiry of a rejected certificate too.

        Raises:
            ProbeFailure: `tls_expired`, `tls_hostname`, `tls_untrusted`, ... (see `failure.py`) or `tls_handshake`.
        """
        self._attempt.enter("tls")
        plain_socket, name = self._socket, server_name.removesuffix(".")
        try:
            plain_socket.getpeername()  # fails after a reset; wrap_socket would leave the socket open then
            self._socket = wrapped = context.wrap_socket(
                plain_socket, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=True
            )
            while True:
                try:
                    wrapped.do_handshake()
                except ssl.SSLWantReadError:
                    await self._wait_ready(READ)
                except ssl.SSLWantWriteError:
                    await self._wait_ready(WRITE)
                else:
                    if self._attempt.on_tls is not None:
                        self._attempt.on_tls(wrapped)
                    return wrapped
        except ssl.SSLError as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._attempt.certificate_expiry = rejected_certificate_expiry(wrapped)
            raise tls_failure(error) from None
        except OSError as error:
            close_unfinished_tls_socket(error)
            raise failure_of(error) from None

    async def send(self, data: bytes) -> None:
        """Send the bytes; return once the kernel has accepted all of them."""
        while data:
            try:
                sent_bytes = self._socket.send(data)
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._wait_ready(WRITE)
            except ssl.SSLWantReadError:
                await self._wait_ready(READ)
            except ssl.SSLError as error:
                raise tls_failure(error) from None
            except OSError as error:
                raise failure_of(error) from None
            else:
                data = data[sent_bytes:]

    async def receive(self) -> bytes:
        """Return the next bytes, at most 64 KiB; empty at the end of the stream."""
        self._reads += 1
        if self._reads % READS_PER_YIELD == 0:
            await asyncio.sleep(0)
        while True:
            try:
                return self._socket.recv(CHUNK_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                await self._wait_ready(READ)
            except ssl.SSLWantWriteError:
                await self._wait_ready(WRITE)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise tls_failure(error) from None
            except OSError as error:
                raise failure_of(error) from None

    async def _wait_ready(self, events: int) -> None:
        try:
            await self._attempt.poller.wait_ready(self._descriptor, events)
        except asyncio.CancelledError:
            # The deadline fired. If the socket is ready now, the response had arrived and this process read it late.
            self._attempt.response_unread = _is_ready(self._socket, events)
            raise

    def release(self) -> socket.socket:
        """Return the socket, for a library that continues with it; the caller closes it."""
        self._attempt.poller.forget(self._descriptor)
        return self._socket

    def close(self) -> None:
        """Close the connection at once, without a TLS shutdown that a stalled peer could delay."""
        self._attempt.poller.forget(self._descriptor)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def close_unfinished_tls_socket(error: OSError) -> None:
    """Close the socket that a failed `wrap_socket` call created.

    `wrap_socket` fails if the peer has reset the connection. Python 3.11 leaves the new socket to the garbage
    collector; only the traceback still refers to it.
    """
    step = error.__traceback__
    while step is not None:
        frame_self = step.tb_frame.f_locals.get("self")
        if isinstance(frame_self, ssl.SSLSocket):
            frame_self.close()
        step = step.tb_next
