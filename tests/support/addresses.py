"""Host names with several addresses, and loopback addresses that do not accept connections."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from monitor.network.resolver import Resolver

_FULL = 3  # connections that fill the queue of a listener that does not accept any


@contextlib.contextmanager
def unresponsive_address(host: str, port: int) -> Iterator[None]:
    """Drop connection attempts to the address, like an unreachable host, while the `with` block runs."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(_FULL):
            waiting = stack.enter_context(socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            waiting.connect_ex((host, port))
        yield


def resolver_for(name: str, addresses: list[str], folder: Path) -> Resolver:
    """Return a resolver with these addresses for the name, in this order."""
    path = folder / "hosts"
    path.write_text("".join(f"{address} {name}\n" for address in addresses))
    return Resolver(hosts=path)


def closed_port() -> int:
    """Return a port without a listener over UDP and TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
