"""Follow rate limits of servers (`Retry-After`: RFC 9110, 10.2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from monitor.network.failure import ProbeFailure
from sla.interval import HOUR, SECOND
from sla.observation import Outcome

TOO_MANY_REQUESTS = 429
MAX_WAIT = HOUR
"""The longest wait, in microseconds, so that a server cannot stop its monitoring with a header."""


class RateLimit:
    """The wait that a server requested, shared by all requests of one check."""

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = 0  # microseconds since the Unix epoch; 0 without a wait

    def check_wait(self, now: int) -> None:
        """Check that the wait is over.

        Raises:
            ProbeFailure: `rate_limited`, unknown.
        """
        if now < self.until:
            raise _rate_limit_failure(
                f"no request was sent; the server requested a wait until {_instant_text(self.until)}"
            )
        self.until = 0

    def wait(self, duration: int, now: int) -> str:
        """Start a wait of `duration` microseconds, at most 1 hour; return its end as text."""
        self.until = now + min(duration, MAX_WAIT)
        return f"no request is sent until {_instant_text(self.until)}"

    def check_response(self, status: int, headers: Mapping[str, str], now: int) -> None:
        """Check that the response is not a 429 with `Retry-After`.

        Raises:
            ProbeFailure: `rate_limited`, unknown.
        """
        if status == TOO_MANY_REQUESTS and (duration := retry_after(headers, now)) is not None:
            delay_text = headers["retry-after"][:40]
            raise _rate_limit_failure(
                f"status {status} with Retry-After: {delay_text}; {self.wait(duration, now)}", status
            )


def retry_after(headers: Mapping[str, str], now: int) -> int | None:
    """Return the requested wait in microseconds, None without one; header names are in lower case.

    A date is compared with the server's `Date`, if present, so that the wait does not depend on our clock.
    """
    header = headers.get("retry-after", "").strip()
    if re.fullmatch("[0-9]{1,9}", header):
        return int(header) * SECOND
    instant = _instant(header)
    if instant is None:
        return None
    server_time = _instant(headers.get("date", ""))
    return max(0, instant - (now if server_time is None else server_time))


def _instant(text: str) -> int | None:
    """Return an HTTP date in microseconds since the Unix epoch."""
    try:
        parsed = parsedate_to_datetime(text)
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()) * SECOND
    except (ValueError, TypeError, OverflowError):
        return None


def _rate_limit_failure(detail: str, status: int | None = None) -> ProbeFailure:
    return ProbeFailure("rate_limited", detail, outcome=Outcome.UNKNOWN, status=status)


def _instant_text(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"


REASONS = {"rate_limited": "unknown: the server limits our requests (429 with `Retry-After`)"}
