"""What is kept of an HTTP answer: each header by itself, and of the body what somebody looks into, within bounds."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from monitor.http.exchange import REDIRECTS
from monitor.http.response import Response
from monitor.network.failure import ProbeFailure
from sla.observation import Outcome

TOGETHER = 128 * 1024 * 1024  # bytes that the bodies of all probes under way may take


class Room:
    """The memory for bodies that all probes share."""

    def __init__(self, size: int = TOGETHER) -> None:
        self.left = size


class Share:
    """What one probe has of the room, for as long as the block lasts."""

    def __init__(self, room: Room) -> None:
        self._room, self._taken = room, 0

    def take(self, size: int) -> None:
        """Take so many bytes more.

        Raises:
            ProbeFailure: `bodies_full`, unknown: others have them.
        """
        if size > self._room.left:
            raise ProbeFailure("bodies_full", "other probes fill the room for bodies", outcome=Outcome.UNKNOWN)
        self._room.left -= size
        self._taken += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.left += self._taken


class Answer(Response):
    """A response of which up to `limit` bytes are read and counted, and the first `keep` are kept.

    Nobody looks into the body of a redirect that is followed: it is not waited for.
    """

    __slots__ = ("_follows", "_keep", "_length", "_share", "lines")

    def __init__(self, share: Share, *, keep: int, follows: bool, limit: int, head_only: bool) -> None:
        super().__init__(limit=limit, head_only=head_only)
        self._share, self._keep, self._follows, self._length = share, keep, follows, 0
        self.lines: list[tuple[str, str]] = []

    @property
    def begun(self) -> bool:
        """Whether anything came."""
        return self.started or self._head_bytes > 0

    @property
    def received(self) -> int:
        """Bytes of the body as they came, before any compression was undone."""
        return self._length

    @property
    def length(self) -> int:
        """Bytes of the body without its compression."""
        return len(self.body) if self.coding else self._length

    def values(self, name: str) -> list[str]:
        """Return each value of a header, whose name is given in lower case."""
        return [value for key, value in self.lines if key == name]

    def begin(self, status: int, fields: Iterable[tuple[bytes, bytes]], version: str) -> None:
        """Take status and headers that came by another way."""
        super().begin(status, fields, version)
        self._skip()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, beside the others of its name."""
        if not self.started:
            self.lines.append((name.decode("latin-1").lower(), value.decode("latin-1")))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Tell how the body will end, and whether it is waited for."""
        super().on_headers_complete()
        self._skip()

    def _skip(self) -> None:
        if self._follows and self.started and self.status in REDIRECTS and self.headers.get("location"):
            self.complete = True

    def on_body(self, data: bytes) -> None:
        """Count the body up to the limit, and keep as much of it as is wanted."""
        if self.complete:
            return
        read = data[: self._limit - self._length]
        self._length += len(read)
        if (room := self._keep - len(self.body)) > 0:
            self._share.take(len(read[:room]))
            self.body += read[:room]
        self.cut = self.complete = len(read) < len(data)

    def on_message_complete(self) -> None:
        """Start over after an interim answer; otherwise the response is whole."""
        if not self.started:
            self.lines.clear()
        super().on_message_complete()
