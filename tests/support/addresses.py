"""Names with several addresses, and addresses of loopback that take no connection."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from monitor.network.resolver import Resolver

_FULL = 3  # connections that fill the queue of a listener which accepts none


@contextlib.contextmanager
def unresponsive_address(host: str, port: int) -> Iterator[None]:
    """Let the address drop connection attempts, as a dead host does, for as long as the block lasts."""
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
    """Return a resolver that knows these addresses of the name, in this order."""
    path = folder / "hosts"
    path.write_text("".join(f"{address} {name}\n" for address in addresses))
    return Resolver(hosts=path)
