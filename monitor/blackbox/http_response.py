"""The response of an `http` probe: all header lines, and the start of the body for validation."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from monitor.http.exchange import REDIRECTS
from monitor.http.response import Response
from monitor.network.failure import ProbeFailure
from sla.observation import Outcome

MAX_BODY_MEMORY = 128 * 1024 * 1024  # bytes, for the bodies of all running probes


class BodyMemory:
    """The memory budget for bodies, shared by all probes."""

    def __init__(self, size: int = MAX_BODY_MEMORY) -> None:
        self.left = size


class BodyAllocation:
    """One probe's share of the memory budget, released at the end of the `with` block."""

    def __init__(self, memory: BodyMemory) -> None:
        self._memory, self._allocated = memory, 0

    def allocate(self, size: int) -> None:
        """Allocate `size` more bytes.

        Raises:
            ProbeFailure: `bodies_full`, with the outcome unknown.
        """
        if size > self._memory.left:
            raise ProbeFailure("bodies_full", "the memory for bodies is used by other probes", outcome=Outcome.UNKNOWN)
        self._memory.left -= size
        self._allocated += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.left += self._allocated


class ProbeResponse(Response):
    """A response that reads and counts up to `limit` bytes of its body, and keeps the first `keep` bytes.

    A redirect that is followed is complete after its headers: its body is not read.
    """

    __slots__ = ("_follows_redirects", "_keep", "_length", "_memory", "lines")

    def __init__(
        self, memory: BodyAllocation, *, keep: int, follows_redirects: bool, limit: int, head_only: bool
    ) -> None:
        super().__init__(limit=limit, head_only=head_only)
        self._memory, self._keep, self._follows_redirects, self._length = memory, keep, follows_redirects, 0
        self.lines: list[tuple[str, str]] = []

    @property
    def received_any(self) -> bool:
        """Whether any byte of the response was received."""
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
        """Set status and headers of an HTTP/2 response."""
        super().begin(status, fields, version)
        self._skip_redirect_body()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header line."""
        if not self.started:
            self.lines.append((name.decode("latin-1").lower(), value.decode("latin-1")))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Determine how the body ends, and whether it is read."""
        super().on_headers_complete()
        self._skip_redirect_body()

    def _skip_redirect_body(self) -> None:
        if self._follows_redirects and self.started and self.status in REDIRECTS and self.headers.get("location"):
            self.complete = True

    def on_body(self, data: bytes) -> None:
        """Count the body up to the limit, and keep its beginning."""
        if self.complete:
            return
        counted = data[: self._limit - self._length]
        self._length += len(counted)
        if (missing := self._keep - len(self.body)) > 0:
            self._memory.allocate(len(counted[:missing]))
            self.body += counted[:missing]
        self.truncated = self.complete = len(counted) < len(data)

    def on_message_complete(self) -> None:
        """Reset after an interim response; otherwise mark the response complete."""
        if not self.started:
            self.lines.clear()
        super().on_message_complete()
