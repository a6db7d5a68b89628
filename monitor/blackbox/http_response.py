"""An HTTP response that keeps all header lines, and a limited part of the body for validation."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from monitor.http.exchange import REDIRECTS
from monitor.http.response import Response
from monitor.network.failure import ProbeFailure
from sla.observation import Outcome

TOGETHER = 128 * 1024 * 1024  # bytes of the bodies of all running probes


class BodyMemory:
    """The memory budget for bodies, shared by all probes."""

    def __init__(self, size: int = TOGETHER) -> None:
        self.left = size


class BodyAllocation:
    """One probe's part of the memory budget, released at the end of the block."""

    def __init__(self, room: BodyMemory) -> None:
        self._room, self._taken = room, 0

    def take(self, size: int) -> None:
        """Allocate `size` bytes more.

        Raises:
            ProbeFailure: `bodies_full`, unknown.
        """
        if size > self._room.left:
            raise ProbeFailure("bodies_full", "the memory for bodies is used by other probes", outcome=Outcome.UNKNOWN)
        self._room.left -= size
        self._taken += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.left += self._taken


class KeptResponse(Response):
    """A response of which up to `limit` bytes are read and counted, and the first `keep` bytes are kept.

    The body of a redirect that is followed is not read.
    """

    __slots__ = ("_follows", "_keep", "_length", "_share", "lines")

    def __init__(self, share: BodyAllocation, *, keep: int, follows: bool, limit: int, head_only: bool) -> None:
        super().__init__(limit=limit, head_only=head_only)
        self._share, self._keep, self._follows, self._length = share, keep, follows, 0
        self.lines: list[tuple[str, str]] = []

    @property
    def begun(self) -> bool:
        """Whether any byte was received."""
        return self.started or self._head_bytes > 0

    @property
    def received(self) -> int:
        """Size of the body in bytes before decompression."""
        return self._length

    @property
    def length(self) -> int:
        """Size of the decompressed body in bytes."""
        return len(self.body) if self.coding else self._length

    def values(self, name: str) -> list[str]:
        """Return all values of a header; `name` is in lower case."""
        return [value for key, value in self.lines if key == name]

    def begin(self, status: int, fields: Iterable[tuple[bytes, bytes]], version: str) -> None:
        """Set status and headers of a response that was not parsed from HTTP/1.1."""
        super().begin(status, fields, version)
        self._skip()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header line."""
        if not self.started:
            self.lines.append((name.decode("latin-1").lower(), value.decode("latin-1")))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Determine how the body ends, and whether it is read."""
        super().on_headers_complete()
        self._skip()

    def _skip(self) -> None:
        if self._follows and self.started and self.status in REDIRECTS and self.headers.get("location"):
            self.complete = True

    def on_body(self, data: bytes) -> None:
        """Count the body up to the limit, and keep its beginning."""
        if self.complete:
            return
        read = data[: self._limit - self._length]
        self._length += len(read)
        if (room := self._keep - len(self.body)) > 0:
            self._share.take(len(read[:room]))
            self.body += read[:room]
        self.truncated = self.complete = len(read) < len(data)

    def on_message_complete(self) -> None:
        """Reset after an interim response; otherwise mark the response complete."""
        if not self.started:
            self.lines.clear()
        super().on_message_complete()
