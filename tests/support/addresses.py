"""Host names with several addresses, and loopback addresses that do not accept connections."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from monitor.network.resolver import Resolver

_ATTEMPTS = 100
_RESERVED: list[socket.socket] = []  # by closed_port(), until this process ends
_FULL = 3  # connections that fill the queue of a listener that does not accept any


@contextlib.contextmanager
def unresponsive_address(host: str, port: int) -> Iterator[None]:
    """Drop connection attempts to the address, like an unreachable host, while the `with` block runs."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        with unresponsive_listener(listener):
            yield


@contextlib.contextmanager
def unresponsive_listener(listener: socket.socket) -> Iterator[None]:
    """Listen on the socket, but drop connection attempts like an unreachable host, while the `with` block runs."""
    listener.listen(0)
    with contextlib.ExitStack() as stack:
        for _ in range(_FULL):
            waiting = stack.enter_context(socket.socket(listener.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            waiting.connect_ex(listener.getsockname())
        yield


def resolver_for(name: str, addresses: list[str], folder: Path) -> Resolver:
    """Return a resolver with these addresses for the name, in this order."""
    path = folder / "hosts"
    path.write_text("".join(f"{address} {name}\n" for address in addresses))
    return Resolver(hosts=path)


def bind_to_one_port() -> tuple[socket.socket, socket.socket]:
    """Return a UDP and a TCP socket on the same free port of loopback. The TCP socket does not listen yet."""
    for _ in range(_ATTEMPTS):
        datagrams, stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        datagrams.bind(("127.0.0.1", 0))
        try:
            stream.bind(datagrams.getsockname())
        except OSError:  # another program uses the port over TCP
            datagrams.close()
            stream.close()
        else:
            return datagrams, stream
    raise OSError("no port is free over both UDP and TCP")


def closed_port() -> int:
    """Return a port without a listener over UDP and TCP. No other process gets it while this one runs.

    A bound TCP socket that does not listen refuses connections. A UDP socket that is connected to itself does not
    receive datagrams of other senders, so the kernel answers that the port is unreachable.
    """
    datagrams, stream = bind_to_one_port()
    datagrams.connect(datagrams.getsockname())
    _RESERVED.extend([datagrams, stream])
    port: int = datagrams.getsockname()[1]
    return port
