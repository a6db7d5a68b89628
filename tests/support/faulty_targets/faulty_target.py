"""A faulty target: a server with one fault, a check of it, and the expected outcome of an attempt."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme

from sla.observation import Outcome
from tests.support.certificates import write_ca_bundle
from tests.support.line_servers import serve_datagrams
from tests.support.nameserver import Answering, nameserver, no_response
from tests.support.servers import serve_tcp

if TYPE_CHECKING:
    from tests.support.servers import Handler

BAD, GOOD, UNKNOWN = Outcome.BAD, Outcome.GOOD, Outcome.UNKNOWN
AMPLE = 10.0  # seconds; longer than any attempt that ends before its deadline
SHORT = 0.4  # seconds; for attempts that end at the deadline


class TargetAuthority:
    """The certificate authority of the targets, which checks reference as `<ca>`, and a folder for files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def root(self) -> trustme.CA:
        """The root certificate and its key."""
        return trustme.CA()

    @cached_property
    def ca(self) -> str:
        """The path of the root certificate."""
        return write_ca_bundle(self.root, self.folder)


ServeTarget = Callable[[TargetAuthority], AbstractAsyncContextManager[int]]
Context = Callable[[TargetAuthority], ssl.SSLContext]


@dataclass(frozen=True, slots=True)
class FaultyTarget:
    """A server, a check and the expected outcome.

    `serve_target` runs the server while the `with` block runs, and yields its port. `check` has the keys of the check;
    in its values `<port>` stands for the port and `<ca>` for the file of the authority. `seconds` is the check's
    timeout, `max_blocked` the maximum time that an attempt may block the event loop (CPU seconds).
    """

    name: str
    serve_target: ServeTarget
    check: Mapping[str, Any]
    reason: str
    outcome: Outcome = BAD
    seconds: float = AMPLE
    max_blocked: float = 0.1

    @contextlib.asynccontextmanager
    async def served(self, authority: TargetAuthority) -> AsyncIterator[dict[str, Any]]:
        """Run the server while the `with` block runs, and yield the check with port and authority."""
        async with self.serve_target(authority) as port:
            data: dict[str, Any] = _fill(self.check, {"<port>": str(port), "<ca>": authority.ca})
            yield {**data, "timeout": f"{round(1000 * self.seconds)}ms"}


def _fill(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for place, text in places.items():
            value = value.replace(place, text)
        return value
    if isinstance(value, Mapping):
        return {key: _fill(item, places) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(item, places) for item in value]
    return value


def listener(handler: Handler, context: Context | None = None) -> ServeTarget:
    """Return a function that serves connections with the handler, over TLS if there is a context."""
    return lambda authority: serve_tcp(handler, None if context is None else context(authority))


def packets(answering: Callable[[bytes], list[bytes]]) -> ServeTarget:
    """Return a function that answers datagrams."""
    return lambda authority: serve_datagrams(answering)


def resolver(over_udp: Answering, over_tcp: Answering = no_response) -> ServeTarget:
    """Return a function that runs a name server."""
    return lambda authority: nameserver(over_udp, over_tcp)
