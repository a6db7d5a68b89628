"""What an animal is: a server that misbehaves in one way, a check of it, and what an attempt at it must find."""

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
from tests.support.certificates import bundle
from tests.support.line_servers import datagrams
from tests.support.nameserver import Answering, naming, nothing
from tests.support.servers import serving

if TYPE_CHECKING:
    from tests.support.servers import Handler

BAD, GOOD, UNKNOWN = Outcome.BAD, Outcome.GOOD, Outcome.UNKNOWN
AMPLE = 10.0  # seconds; nothing that comes to an end by itself takes as long
SHORT = 0.4  # seconds; for what ends at the deadline


class Keeper:
    """Keeps what animals of one zoo share: a folder, and an authority whom the checks trust as `<ca>`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def authority(self) -> trustme.CA:
        """The authority."""
        return trustme.CA()

    @cached_property
    def ca(self) -> str:
        """Where the authority's certificate lies."""
        return bundle(self.authority, self.folder)


Den = Callable[[Keeper], AbstractAsyncContextManager[int]]
Context = Callable[[Keeper], ssl.SSLContext]


@dataclass(frozen=True, slots=True)
class Animal:
    """One server, one check, one verdict.

    `den` serves it for as long as the block lasts and gives its port. In `check`, as YAML would hold it, `<port>`
    stands for that port and `<ca>` for the file of the keeper's authority. `seconds` is the check's time-out, `holds`
    for how long it may keep the event loop (CPU seconds).
    """

    name: str
    den: Den
    check: Mapping[str, Any]
    reason: str
    outcome: Outcome = BAD
    seconds: float = AMPLE
    holds: float = 0.1

    @contextlib.asynccontextmanager
    async def kept(self, keeper: Keeper) -> AsyncIterator[dict[str, Any]]:
        """Serve it for as long as the block lasts; give the check with its places filled in."""
        async with self.den(keeper) as port:
            written: dict[str, Any] = _filled(self.check, {"<port>": str(port), "<ca>": keeper.ca})
            yield {**written, "timeout": f"{round(1000 * self.seconds)}ms"}


def _filled(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for place, text in places.items():
            value = value.replace(place, text)
        return value
    if isinstance(value, Mapping):
        return {key: _filled(each, places) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(each, places) for each in value]
    return value


def listener(handler: Handler, context: Context | None = None) -> Den:
    """Return a den that serves connections with the handler, over TLS if there is a context."""
    return lambda keeper: serving(handler, None if context is None else context(keeper))


def packets(answering: Callable[[bytes], list[bytes]]) -> Den:
    """Return a den that answers datagrams."""
    return lambda keeper: datagrams(answering)


def resolver(over_udp: Answering, over_tcp: Answering = nothing) -> Den:
    """Return a den that answers questions about names."""
    return lambda keeper: naming(over_udp, over_tcp)
