"""Requests that deliver frames to a centre, their responses, and the measurement of the clock's offset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from monitor.storage.frames import Position
from sla.vantage import ClockOffset

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH: Final = "/vantage/v1/frames"
CONTENT_TYPE: Final = "application/msgpack"
MAX_FRAMES: Final = 50  # of a request
MAX_REQUEST: Final = 2 << 20  # bytes
MEASUREMENTS: Final = 8  # of which the one with the smallest error is used

_Number = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
_Text = Annotated[str, msgspec.Meta(max_length=64)]


class RequestError(ValueError):
    """The request or the response is damaged."""


class SentFrame(msgspec.Struct, array_like=True, frozen=True):
    """A frame with its position."""

    incarnation: _Number
    seq: _Number
    body: bytes

    @property
    def position(self) -> Position:
        """The position of the frame."""
        return Position(self.incarnation, self.seq)


class FrameRequest(msgspec.Struct, frozen=True):
    """A request with frames in their order. Unknown fields are ignored.

    `incarnation` is that of the sending process life, `oldest` the position of the oldest frame that the vantage has.
    `sent` is the time of the vantage's clock, `offset` and `error` the measured offset (microseconds), None before the
    first response. `config` is a digest of the checks that it probes, `version` the version of its ninewatch.
    """

    incarnation: _Number
    sent: _Number
    version: _Text
    config: _Text
    frames: Annotated[list[SentFrame], msgspec.Meta(max_length=MAX_FRAMES)] = []
    oldest: tuple[_Number, _Number] | None = None
    offset: int | None = None
    error: _Number = 0

    @property
    def clock(self) -> ClockOffset | None:
        """The measured offset of the vantage's clock."""
        return None if self.offset is None else ClockOffset(self.offset, self.error)


class FrameResponse(msgspec.Struct, frozen=True):
    """The response of a centre. `have` is the position of the last stored frame; (0, 0) before the first one.

    `received` and `replied` are instants of the centre's clock. `error` is empty if all frames are stored.
    """

    have: tuple[_Number, _Number]
    received: _Number
    replied: _Number
    error: Annotated[str, msgspec.Meta(max_length=500)] = ""
    superseded: bool = False

    @property
    def position(self) -> Position:
        """The position of the last stored frame."""
        return Position(*self.have)


_REQUEST: Final = msgspec.msgpack.Decoder(FrameRequest)
_RESPONSE: Final = msgspec.json.Decoder(FrameResponse)


def encode_request(request: FrameRequest) -> bytes:
    """Return the body of a request."""
    return msgspec.msgpack.encode(request)


def decode_request(body: bytes) -> FrameRequest:
    """Return the request with this body.

    Raises:
        RequestError: the body is damaged.
    """
    try:
        return _REQUEST.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RequestError(f"the request is invalid: {error}") from None


def encode_response(response: FrameResponse) -> bytes:
    """Return the body of a response, JSON."""
    return msgspec.json.encode(response)


def decode_response(body: bytes) -> FrameResponse:
    """Return the response with this body.

    Raises:
        RequestError: the body is damaged, for example the page of a proxy.
    """
    try:
        return _RESPONSE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RequestError(f"the response is invalid: {error}") from None


class OffsetMeasurement:
    """Estimates the offset of a vantage's clock from the times of requests, as NTP does (RFC 5905, section 8)."""

    def __init__(self) -> None:
        self._measured: list[ClockOffset] = []

    def add(self, sent: int, response: FrameResponse, answered: int) -> None:
        """Add a request: `sent` and `answered` are instants of the vantage's clock, the others of the centre's.

        If the result contradicts the earlier ones, a clock was set, and these are discarded.
        """
        offset = ((response.received - sent) + (response.replied - answered)) // 2
        error = max(0, (answered - sent) - (response.replied - response.received)) // 2
        latest = ClockOffset(offset, error)
        if any(abs(one.offset - offset) > one.error + error + _DRIFT for one in self._measured):
            self._measured.clear()
        self._measured = [*self._measured[-(MEASUREMENTS - 1) :], latest]

    @property
    def best(self) -> ClockOffset | None:
        """The measurement with the smallest error, None before the first one."""
        return min(self._measured, key=lambda one: one.error, default=None)


_DRIFT: Final = 1_000  # microseconds by which clocks may drift apart between two requests


def limited(frames: Sequence[SentFrame], size: int) -> list[SentFrame]:
    """Return the first frames whose bodies have at most this size together, and at least one."""
    chosen, total = list[SentFrame](), 0
    for frame in frames:
        total += len(frame.body)
        if chosen and total > size:
            break
        chosen.append(frame)
    return chosen
