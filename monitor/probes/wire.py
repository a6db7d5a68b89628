"""Sockets for short-lived probes: non-blocking, one descriptor the event loop watches for all of them.

Why not asyncio's transports or an HTTP client: at a hundred probes a second the cost is not the request, it is waking
up and building objects around it (aiohttp's client 1.2 ms of CPU a probe at that rate, this 0.15 ms). The loop watches
one epoll descriptor, so that the answers of a batch of probes arrive in one callback.
"""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import ssl
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import aiodns
import pycares

from monitor.probes.base import Frame, ProbeFailure, failure_of
from sla.observation import Outcome

READ, WRITE = select.EPOLLIN | select.EPOLLRDHUP, select.EPOLLOUT
CHUNK = 65_536
EAGER = 4  # pieces taken at a stretch; then the loop gets its turn, or a target that never pauses would hold it
Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


class Poller:
    """Tells a probe when its socket is ready. All sockets wait in one epoll, which waits in the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._watched: set[int] = set()
        loop.add_reader(self._epoll.fileno(), self._wake)

    def _wake(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            ready = self._waiting.pop(descriptor, None)
            if ready is not None and not ready.done():
                ready.set_result(None)

    async def ready(self, descriptor: int, events: int) -> None:
        """Return once the descriptor can be read (or written); errors and hang-ups count as ready."""
        watch = self._epoll.modify if descriptor in self._watched else self._epoll.register
        watch(descriptor, events | select.EPOLLONESHOT)
        self._watched.add(descriptor)
        future = self._waiting[descriptor] = self._loop.create_future()
        await future

    def forget(self, descriptor: int) -> None:
        """Take notice that the descriptor is about to be closed, upon which the kernel stops watching it."""
        self._waiting.pop(descriptor, None)
        self._watched.discard(descriptor)

    def close(self) -> None:
        """Release the epoll descriptor."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


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
    async def open(
        cls, frame: Frame, addresses: Iterable[Address], kind: socket.SocketKind = socket.SOCK_STREAM
    ) -> Self:
        """Return a connection to the first address that takes one.

        Raises:
            ProbeFailure: none did; the reason is that of the last address tried, and the detail names it.
        """
        frame.enter("connect")
        failure = ProbeFailure("dns_no_address", "the name has no address")
        for family, address in addresses:
            try:
                return await cls._connect(frame, family, address, kind)
            except ProbeFailure as error:
                failure = error
        raise failure

    @classmethod
    async def _connect(
        cls,
        frame: Frame,
        family: socket.AddressFamily,
        address: tuple[str, int] | tuple[str, int, int, int],
        kind: socket.SocketKind,
    ) -> Self:
        try:
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise failure_of(error) from None
        wire = cls(frame, sock)
        try:
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

        Raises:
            ProbeFailure: `tls_expired`, `tls_hostname`, `tls_untrusted`, ... (see `TLS_REASONS`) or `tls_handshake`.
        """
        self._frame.enter("tls")
        plain = self._socket
        try:
            self._socket = wrapped = context.wrap_socket(
                plain, server_hostname=server_name, do_handshake_on_connect=False, suppress_ragged_eofs=True
            )
            while True:
                try:
                    wrapped.do_handshake()
                except ssl.SSLWantReadError:
                    await self._ready(READ)
                except ssl.SSLWantWriteError:
                    await self._ready(WRITE)
                else:
                    return wrapped
        except ssl.SSLError as error:
            raise tls_failure(error) from None
        except OSError as error:
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


# c-ares status -> (reason, outcome). A resolver that cannot be reached is ours, an answer is the target's.
_DNS_FAULTS = {
    pycares.errno.ARES_ENODATA: ("dns_no_address", Outcome.BAD),
    pycares.errno.ARES_ENOTFOUND: ("dns_nxdomain", Outcome.BAD),
    pycares.errno.ARES_ESERVFAIL: ("dns_servfail", Outcome.BAD),
    pycares.errno.ARES_EREFUSED: ("dns_refused", Outcome.BAD),
    pycares.errno.ARES_EBADNAME: ("dns_bad_name", Outcome.BAD),
    pycares.errno.ARES_EBADRESP: ("dns_malformed", Outcome.BAD),
    pycares.errno.ARES_ETIMEOUT: ("dns_timeout", Outcome.BAD),
    pycares.errno.ARES_ECONNREFUSED: ("resolver_unreachable", Outcome.UNKNOWN),
    pycares.errno.ARES_EFILE: ("resolver_unreachable", Outcome.UNKNOWN),
    pycares.errno.ARES_ENOMEM: ("out_of_memory", Outcome.UNKNOWN),
}


def literal(host: str, port: int) -> Address | None:
    """Return the address that the host spells out, or None when it is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family, (host, port)
    return None


class Resolver:
    """Looks names up without threads and without a cache: a monitor that remembers names hides their failures."""

    def __init__(self, nameservers: list[str] | None = None, udp_port: int | None = None) -> None:
        self._dns = aiodns.DNSResolver(nameservers, timeout=2.0, tries=2, udp_port=udp_port, tcp_port=udp_port)

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return the host's addresses in the resolver's order.

        Raises:
            ProbeFailure: `dns_nxdomain`, `dns_servfail`, `dns_timeout`, ... or `resolver_unreachable` (unknown).
        """
        if (spelled := literal(host, port)) is not None:
            return [spelled]
        try:
            found = await self._dns.getaddrinfo(host, port=port, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            code = error.args[0] if error.args else None
            reason, outcome = _DNS_FAULTS.get(code, ("dns_failure", Outcome.BAD))
            detail = error.args[1] if len(error.args) > 1 else str(error)
            raise ProbeFailure(reason, f"{host}: {detail}", outcome=outcome) from None
        return [_address(node) for node in found.nodes]

    async def close(self) -> None:
        """Give up look-ups under way and release the sockets."""
        await self._dns.close()


def _address(node: pycares.AddrInfoNode) -> Address:
    host, *rest = node.addr
    text = host.decode() if isinstance(host, bytes) else host
    return socket.AddressFamily(node.family), (text, *rest)
