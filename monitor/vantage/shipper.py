"""Send the frames of this vantage to its centre, in their order, until the centre has stored them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Final

import structlog

from monitor.clock import random_fraction
from monitor.config.roles import checks_digest
from monitor.config.secret import Secret
from monitor.delivery_status import ShippingStatus
from monitor.errors import StoreError
from monitor.http.check import HttpCheck
from monitor.http.exchange import exchange
from monitor.http.request import request_of
from monitor.network.failure import ProbeFailure, error_text, single_line
from monitor.package_files import version
from monitor.storage.frame_reader import read_frames
from monitor.storage.frames import Position
from monitor.vantage.frame_request import (
    CONTENT_TYPE,
    MAX_FRAMES,
    PATH,
    FrameRequest,
    OffsetMeasurement,
    RequestError,
    SentFrame,
    decode_response,
    encode_request,
    limited,
)
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from monitor.clock import Clock
    from monitor.config.roles import Centre
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.network.attempt import Attempt
    from monitor.storage.frames import FrameMaker
    from monitor.vantage.frame_request import FrameResponse

    MakeAttempt = Callable[[], Attempt]

log = structlog.get_logger()

INTERVAL: Final = 1.0  # seconds between two requests while no frames wait
MIN_BACKOFF: Final = 1.0  # seconds, doubled with each failure, with full jitter
MAX_BACKOFF: Final = 30.0
SUPERSEDED_DELAY: Final = 60.0  # seconds until a vantage that was replaced by another one tries again
MAX_BODIES: Final = 1 << 20  # bytes of the frames of one request
MAX_RESPONSE: Final = 64 << 10  # bytes
START: Final = Position(0, 0)


class DeliveryError(Exception):
    """The centre did not store the frames. `delay` is the time after which to try again, None for a backoff."""

    def __init__(self, problem: str, delay: float | None = None) -> None:
        super().__init__(problem)
        self.delay = delay


@dataclass(slots=True)
class Shipper:
    """Sends frames, one request at a time, and measures the offset of this vantage's clock.

    The centre responds with the position of the last frame that it has stored, and the next request continues after it.
    So a centre that lost its last commits gets these frames again.
    """

    ledger: Ledger
    record: Path
    frames: FrameMaker
    clock: Clock
    health: Health
    _position: Position | None = None  # None until the first response
    _measurement: OffsetMeasurement = field(default_factory=OffsetMeasurement)
    _failures: int = 0
    _url: int = 0  # index of the address that responded last

    def __post_init__(self) -> None:
        self.health.shipping = ShippingStatus()

    async def run(self, make_attempt: MakeAttempt) -> None:
        """Send frames until cancelled."""
        while True:
            delay = await self._delay_after(make_attempt)
            if delay:
                await self.clock.sleep_until(self.clock.monotonic() + delay)

    async def _delay_after(self, make_attempt: MakeAttempt) -> float:
        """Send the next request. Return the seconds until the following one."""
        try:
            more = await self.advance(make_attempt)
        except DeliveryError as error:
            return self._after_failure(str(error), error.delay)
        except StoreError as error:
            return self._after_failure(str(error), None)
        except Exception:  # a defect must not stop the daemon
            log.exception("shipper_defect")
            return self._after_failure("a defect of ninewatch; see the log", None)
        if self._failures:
            log.info("delivery_recovered", waiting=self._status.waiting)
        self._failures = 0
        return 0.0 if more else INTERVAL

    async def advance(self, make_attempt: MakeAttempt) -> bool:
        """Send one request. Return whether frames still wait.

        The first request has no frames: its response has the position to continue after, and the offset of the clock.

        Raises:
            DeliveryError: no address of the centre stored a frame.
            StoreError: the frames cannot be read.
        """
        first = self._position is None
        waiting = await asyncio.to_thread(read_frames, self.record, self._position or START, 1 if first else MAX_FRAMES)
        if not first:
            self._report(waiting=waiting.total, oldest=waiting.since)
        sent = (
            [] if first else limited([SentFrame(*frame.position, frame.body) for frame in waiting.frames], MAX_BODIES)
        )
        response = await self._send_to_any(make_attempt, sent, waiting.oldest)
        before, self._position = self._position, response.position
        self.frames.delivered = response.position
        if first:
            return True
        if sent and response.position == before:
            raise DeliveryError(response.error or "the centre stored no frame of the request")
        later = [frame for frame in waiting.frames if frame.position > response.position]
        left = waiting.total - len(waiting.frames) + len(later)
        self._report(waiting=left, oldest=min((frame.at for frame in later), default=None))
        return left > 0

    @property
    def _status(self) -> ShippingStatus:
        return self.health.shipping or ShippingStatus()

    def _report(self, **changes: Any) -> None:
        self.health.shipping = replace(self._status, **changes)

    async def _send_to_any(
        self, make_attempt: MakeAttempt, sent: list[SentFrame], oldest: Position | None
    ) -> FrameResponse:
        """Send to the address that responded last, then to the others."""
        centre = self._centre()
        addresses = list(islice(cycle(range(len(centre.urls))), self._url, self._url + len(centre.urls)))
        problems: list[DeliveryError] = []
        for number in addresses:
            try:
                response = await self._send(make_attempt(), centre, centre.urls[number], sent, oldest)
            except DeliveryError as error:
                problems.append(error)
                continue
            self._url = number
            self._report(
                url=centre.urls[number], delivered_at=self.clock.now(), problem="", clock=self._measurement.best
            )
            return response
        raise DeliveryError("; ".join(map(str, problems)), max(one.delay or 0.0 for one in problems) or None)

    async def _send(
        self, attempt: Attempt, centre: Centre, url: str, sent: list[SentFrame], oldest: Position | None
    ) -> FrameResponse:
        start = self.clock.now()
        clock = self._measurement.best
        request = FrameRequest(
            incarnation=self.frames.incarnation,
            sent=start,
            version=version()[:64],
            config=checks_digest(self.ledger.portfolio),
            frames=sent,
            oldest=oldest,
            offset=None if clock is None else clock.offset,
            error=0 if clock is None else clock.error,
        )
        status, body, retry_after = await _post(attempt, centre, url + PATH, encode_request(request))
        if status not in (200, 409):
            text = single_line(body[:300].decode(errors="replace"))
            raise DeliveryError(f"{url} responded with status {status}: {text}", retry_after)
        try:
            response = decode_response(body)
        except RequestError as error:
            raise DeliveryError(f"{url}: {error}") from None
        self._measurement.add(start, response, self.clock.now())
        self.frames.clock = self._measurement.best
        if response.superseded:
            raise DeliveryError(f"{url}: {response.error}", SUPERSEDED_DELAY)
        return response

    def _centre(self) -> Centre:
        centre = self.ledger.portfolio.centre
        if centre is None:
            raise DeliveryError("the configuration has no `centre` any more; restart the daemon")
        self.frames.keep = centre.keep  # a reload may change it
        return centre

    def _after_failure(self, problem: str, delay: float | None) -> float:
        """Report the problem, once per outage. Return the seconds until the next attempt."""
        self._failures += 1
        if self._status.problem != problem:
            log.warning("delivery_failed", problem=problem, advice="observations are kept and sent later")
        self._report(problem=problem)
        if delay is not None:
            return delay
        longest: float = min(MAX_BACKOFF, MIN_BACKOFF * 2 ** min(self._failures, 10))
        return max(0.1, longest * random_fraction())


async def _post(attempt: Attempt, centre: Centre, url: str, body: bytes) -> tuple[int, bytes, float | None]:
    """Send a request. Return the status, the body and the seconds of Retry-After, None without it.

    Raises:
        DeliveryError: there is no response.
    """
    check = HttpCheck.model_construct(
        id="centre",
        timeout=centre.timeout,
        http=url,
        method="POST",
        headers={
            "Authorization": Secret(f"Bearer {centre.token.reveal()}", "token"),
            "Content-Type": CONTENT_TYPE,
        },
        body_limit=MAX_RESPONSE,
        tls=centre.tls,
    )
    try:
        async with asyncio.timeout(centre.timeout / SECOND):
            attempt.limit(centre.timeout / SECOND)
            response = await exchange(attempt, replace(request_of(check), body=body).ready())
    except TimeoutError:
        raise DeliveryError(f"{url}: no response in time") from None
    except (ProbeFailure, OSError) as error:
        raise DeliveryError(f"{url}: {error_text(error)}") from None
    finally:
        attempt.close()
    retry_after = response.headers.get("retry-after", "")
    return response.status, bytes(response.body), float(retry_after) if retry_after.isdecimal() else None
