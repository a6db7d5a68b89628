"""A connection of a short-lived probe: a non-blocking socket, plain or in TLS, to an address that may be reached."""

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
from monitor.network.failure import ProbeFailure, failure_of
from monitor.network.happy_eyeballs import first
from monitor.network.tls_context import refused_expiry

if TYPE_CHECKING:
    from monitor.network.attempt import Frame
    from monitor.network.resolver import Address

T = TypeVar("T")

READ, WRITE = select.EPOLLIN | select.EPOLLRDHUP, select.EPOLLOUT
CHUNK = 65_536
EAGER = 4  # pieces taken at a stretch; then the loop gets its turn, or a target that never pauses would hold it


def _ready_now(sock: socket.socket, events: int) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLOUT if events == WRITE else select.POLLIN)
    return bool(poll.poll(0))


class Wire:
    """One connection of one attempt. Waiting is cut short by the runner's deadline, so no method takes a time-out."""

    def __init__(self, frame: Frame, sock: socket.socket) -> None:
        self._frame = frame
        self._socket = sock
        self._descriptor = sock.fileno()
        self._taken = 0

    @classmethod
    async def reach(cls, frame: Frame, host: str, port: int, *, family: Family = Family.ANY) -> Self:
        """Look the host up and return a connection to one of its addresses; raises like `open`."""
        return await cls.open(frame, await frame.addresses(host, port, family))

    @classmethod
    def open(cls, frame: Frame, addresses: Sequence[Address], *, policed: bool = True) -> Awaitable[Self]:
        """Return an awaitable for a connection to the first address that takes one, tried as RFC 8305 says.

        `policed=False` is for a machine of our own settings, such as the system's resolver: no policy is asked for it.

        Raises:
            ProbeFailure: as `first` does.
        """
        frame.enter("connect")
        return first(
            frame,
            addresses,
            lambda where: cls._connect(frame, where, socket.SOCK_STREAM, policed=policed),
            cls.close,
        )

    @classmethod
    async def in_datagrams(
        cls, frame: Frame, addresses: Sequence[Address], talk: Callable[[Wire], Awaitable[T]], *, policed: bool = True
    ) -> T:
        """Return the result of a talk in datagrams with the first address that answers; raises like `open`.

        There is no connection to wait for: an address is asked where the ones before it have not answered within
        250 ms, and the first answer counts. The sockets are connected: what other senders say is dropped.
        """
        frame.enter("connect")

        async def attempt(where: Address) -> T:
            with await cls._connect(frame, where, socket.SOCK_DGRAM, policed=policed) as wire:
                return await talk(wire)

        return await first(frame, addresses, attempt)

    @classmethod
    async def _connect(cls, frame: Frame, where: Address, kind: socket.SocketKind, *, policed: bool) -> Self:
        if policed:
            frame.outbound.check(where)
        family, address = where
        frame.peer = where
        try:
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise failure_of(error) from None
        wire = cls(frame, sock)
        try:
            if frame.source:
                sock.bind((frame.source, 0))
            code = sock.connect_ex(address)
            if code == errno.EINPROGRESS:
                await wire._ready(WRITE)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise failure_of(
                    OSError(code, f"{errno.errorcode.get(code, code)} from {address[0]} port {address[1]}")
                )
        except BaseException:
            wire.close()
            raise
        return wire

    async def encrypt(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLSocket:
        """Do the TLS handshake, verifying as the context says, and return the socket for its certificate.

        The name is asked for and verified without a closing dot, which no certificate has (RFC 6066, 3; RFC 9525).
        When a certificate is refused, the frame tells all the same when it ends.

        Raises:
            ProbeFailure: `tls_expired`, `tls_hostname`, `tls_untrusted`, ... (see `TLS_REASONS`) or `tls_handshake`.
        """
        self._frame.enter("tls")
        plain, name = self._socket, server_name.removesuffix(".")
        try:
            plain.getpeername()  # fails where it was reset meanwhile, upon which wrap_socket would leave it unclosed
            self._socket = wrapped = context.wrap_socket(
                plain, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=True
            )
            while True:
                try:
                    wrapped.do_handshake()
                except ssl.SSLWantReadError:
                    await self._ready(READ)
                except ssl.SSLWantWriteError:
                    await self._ready(WRITE)
                else:
                    if self._frame.on_secured is not None:
                        self._frame.on_secured(wrapped)
                    return wrapped
        except ssl.SSLError as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._frame.certificate_expiry = refused_expiry(wrapped)
            raise tls_failure(error) from None
        except OSError as error:
            close_half_wrapped(error)
            raise failure_of(error) from None

    async def send(self, data: bytes) -> None:
        """Return once the kernel has taken all of the bytes."""
        while data:
            try:
                sent = self._socket.send(data)
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._ready(WRITE)
            except ssl.SSLWantReadError:
                await self._ready(READ)
            except ssl.SSLError as error:
                raise tls_failure(error) from None
            except OSError as error:
                raise failure_of(error) from None
            else:
                data = data[sent:]

    async def receive(self) -> bytes:
        """Return the next bytes, at most 64 KiB; empty at the end of the stream."""
        self._taken += 1
        if self._taken % EAGER == 0:
            await asyncio.sleep(0)
        while True:
            try:
                return self._socket.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError):
                await self._ready(READ)
            except ssl.SSLWantWriteError:
                await self._ready(WRITE)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise tls_failure(error) from None
            except OSError as error:
                raise failure_of(error) from None

    async def _ready(self, events: int) -> None:
        try:
            await self._frame.poller.ready(self._descriptor, events)
        except asyncio.CancelledError:
            # The deadline fired. If the socket is ready by now, the answer was there and we were late to look.
            self._frame.answer_waiting = _ready_now(self._socket, events)
            raise

    def release(self) -> socket.socket:
        """Return the socket, for a library that goes on with it; whoever takes it closes it."""
        self._frame.poller.forget(self._descriptor)
        return self._socket

    def close(self) -> None:
        """Close the connection at once; nothing is sent, so a stalled peer cannot hold it open."""
        self._frame.poller.forget(self._descriptor)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# OpenSSL's X509_V_ERR_* -> reason. Section "verification errors" of its x509_vfy.h.
TLS_REASONS = {
    9: "tls_not_yet_valid",
    10: "tls_expired",
    18: "tls_untrusted",  # self-signed leaf
    19: "tls_untrusted",  # self-signed certificate in the chain
    20: "tls_untrusted",  # issuer not found
    21: "tls_untrusted",  # leaf signature cannot be verified
    23: "tls_revoked",
    62: "tls_hostname",
    64: "tls_hostname",  # the name is an address that the certificate does not list
}


def tls_failure(error: ssl.SSLError) -> ProbeFailure:
    """Return what a TLS error says of the target."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ProbeFailure(TLS_REASONS.get(error.verify_code, "tls_untrusted"), error.verify_message)
    return ProbeFailure("tls_handshake", (error.reason or str(error)).replace("_", " ").lower())


def close_half_wrapped(error: OSError) -> None:
    """Close the socket that `wrap_socket` made and lost when it failed because the peer had reset the connection.

    Python 3.11 leaves it to the garbage collector; only the traceback still has it.
    """
    step = error.__traceback__
    while step is not None:
        made = step.tb_frame.f_locals.get("self")
        if isinstance(made, ssl.SSLSocket):
            made.close()
        step = step.tb_next
