"""What kinds share that read something over HTTP: credentials, TLS options, and whose fault it is when they cannot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field

from monitor.config.model import CheckBase, Headers, HttpUrl, Secret, TlsOptions
from monitor.probes.failure import ProbeFailure
from monitor.probes.http import Basic, HttpCheck
from sla.interval import SECOND
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.probes.http_response import Response

T = TypeVar("T")
_SHARE = 0.95  # of the time-out: what is left is enough to say that it was not the target who was late


class FetchingCheck(CheckBase):
    """A check that reads something over HTTP."""

    headers: Headers = Field(default_factory=dict)
    """Sent with the request."""

    basic: Basic | None = None
    """HTTP Basic credentials."""

    bearer: Secret | None = None
    """A bearer token."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is judged."""

    def request(self, url: HttpUrl, **more: Any) -> HttpCheck:
        """Return the request for a URL with these credentials.

        Raises:
            ValueError: the URL is none.
        """
        written = {"id": self.id, "http": url, "headers": self.headers, "tls": self.tls, **more}
        given = {"basic": self.basic, "bearer": self.bearer}
        return HttpCheck.model_validate(written | {key: value for key, value in given.items() if value is not None})


async def instrument(check: CheckBase, what: str, reading: Awaitable[T]) -> T:
    """Return what was read from an instrument, such as a metrics server, that is not what is watched.

    Raises:
        ProbeFailure: `{what}_unavailable`, unknown: of what is watched, nothing was learnt.
    """
    try:
        async with asyncio.timeout(_SHARE * check.timeout / SECOND):
            return await reading
    except TimeoutError:
        detail = f"no answer within {_SHARE * check.timeout / SECOND:g} s"
    except ProbeFailure as failure:
        detail = f"{failure.reason}: {failure.detail}"
    raise ProbeFailure(f"{what}_unavailable", detail, outcome=Outcome.UNKNOWN)


def document(response: Response) -> Any:
    """Return the JSON that the body holds.

    Raises:
        ProbeFailure: `body_too_large`, `body_mismatch`: it is none.
    """
    if response.cut:
        raise ProbeFailure("body_too_large", f"more than {len(response.body)} bytes")
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        raise ProbeFailure("body_mismatch", "the body is not JSON", status=response.status) from None
