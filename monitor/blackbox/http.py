"""The `http` prober: a request, its redirects, and validation of the response."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

from monitor.blackbox.go_syntax import is_go_url
from monitor.blackbox.http_request import body_limit_of, target_url, to_check
from monitor.blackbox.http_response import BodyAllocation, ProbeResponse
from monitor.blackbox.http_validation import validate_response
from monitor.blackbox.prober import BlackboxProbe, Prober
from monitor.blackbox.target_address import resolve_target
from monitor.blackbox.tls import set_tls_gauges, tls_logger
from monitor.http import oauth2
from monitor.http.compression import undo
from monitor.http.cookies import CookieJar
from monitor.http.exchange import REDIRECTS, Exchange, exchange
from monitor.http.request import request_of
from monitor.network.failure import ProbeFailure, quoted
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.http.check import HttpCheck
    from monitor.http.request import Request
    from monitor.http.response import Response
    from monitor.network.attempt import Attempt

_PHASES = "probe_http_duration_seconds"
_TOKEN_TIMEOUT = 10.0  # seconds
_MAX_REDIRECTS = 10
_INITIALLY_ZERO = (
    "probe_failed_due_to_regex",
    "probe_http_content_length",
    "probe_http_redirects",
    "probe_http_ssl",
    "probe_http_status_code",
    "probe_http_uncompressed_body_length",
    "probe_http_version",
)


def _begin(probe: BlackboxProbe) -> None:
    for name in _INITIALLY_ZERO:
        probe.gauges.set(name, 0)


async def _run(probe: BlackboxProbe, attempt: Attempt) -> None:
    config = probe.module.http
    url = target_url(probe)
    check = to_check(probe, url)
    if not (config.proxy_url and config.skip_resolve_phase_with_proxy):
        await resolve_target(probe, attempt, url.hostname or "", url.port or 0, config)
    probe.gauges.phases(_PHASES, connect=0, tls=0, processing=0, transfer=0)
    attempt.on_tls = tls_logger(probe)
    with BodyAllocation(probe.body_memory) as memory:
        attempt.make_response = partial(_make_response, probe, attempt, memory)
        await _exchange(probe, check)(attempt, request_of(check))
        response = probe.response
        assert response is not None, "the exchange sets the response"  # noqa: S101 - for the type checker
        if config.decompression:
            undo(response, config.decompression, check.body_limit)
        validate_response(probe, response)


def _make_response(
    probe: BlackboxProbe, attempt: Attempt, memory: BodyAllocation, *, limit: int, head_only: bool
) -> ProbeResponse:
    """Return a response object for the attempt. It keeps the body only if the module checks the body."""
    config = probe.module.http
    probe.phases_before_request = dict(attempt.phases)
    keep = body_limit_of(config) if config.needs_body else 0
    probe.response = ProbeResponse(
        memory, keep=keep, follows_redirects=config.follows_redirects, limit=limit, head_only=head_only
    )
    return probe.response


def _exchange(probe: BlackboxProbe, check: HttpCheck) -> Exchange:
    """Return the function that sends the request, with an OAuth 2 token if the module uses one."""
    follow_redirects = _redirect_follower(probe)
    if check.oauth2 is None:
        return follow_redirects
    if "tokens" not in probe.shared:
        # Use the module's timeout, because all its probes share the token and this probe's timeout may be shorter.
        timeout = round((probe.module.timeout or _TOKEN_TIMEOUT) * SECOND)
        probe.shared["tokens"] = oauth2.Tokens(check.model_copy(update={"timeout": timeout}), check.oauth2)
    return oauth2.with_authorization(probe.shared["tokens"], follow_redirects)


def _redirect_follower(probe: BlackboxProbe) -> Exchange:
    """Return a function that follows redirects. A redirect that is not followed is returned as the response."""
    follows_redirects = probe.module.http.follows_redirects

    async def follow_redirects(attempt: Attempt, request: Request) -> Response:
        jar = CookieJar()
        for count in itertools.count(1):
            probe.request, probe.response = request, None
            probe.probe_log.note("sending request", url=request.url.geturl(), method=request.method)
            response = await exchange(attempt, jar.sent_with(request))
            probe.probe_log.note("received response", status=response.status, version=response.version)
            jar.store(request, response, attempt.now())
            location = response.headers.get("location", "")
            if response.status not in REDIRECTS or not location:
                break
            probe.probe_log.note("following redirect", location=location)
            if not is_go_url(location):
                probe.request = probe.response = None
                probe.phases_before_request = dict(attempt.phases)
                raise ProbeFailure("redirect_refused", f"{quoted(location)} is not a URL", status=response.status)
            probe.gauges.set("probe_http_redirects", count)
            if count > _MAX_REDIRECTS or not follows_redirects:
                break
            probe.request = probe.response = None  # the gauges describe only the last request
            probe.phases_before_request = dict(attempt.phases)
            request = request.redirected(response.status, location)
        return response

    return follow_redirects


def _end(probe: BlackboxProbe, phases: Mapping[str, float]) -> None:
    gauges = probe.gauges
    if gauges.has("probe_dns_lookup_time_seconds"):
        gauges.phases(_PHASES, resolve=phases.get("resolve", 0))
    if probe.phases_before_request:
        gauges.phases(_PHASES, **_durations(probe, phases))
    if probe.request is not None and probe.response is not None and probe.response.started:
        _set_gauges(probe, probe.request, probe.response)


def _durations(probe: BlackboxProbe, phases: Mapping[str, float]) -> dict[str, float]:
    """Return the durations of the phases `connect`, `tls`, `processing` and `transfer`.

    As in blackbox_exporter, incomplete phases and the bodies of redirects count as 0.
    """
    before_request, response = probe.phases_before_request, probe.response
    received_any = response is not None and response.received_any
    started = response is not None and response.started
    return {
        "connect": before_request.get("connect", 0),
        "tls": before_request.get("tls", 0),
        "processing": (phases if received_any else before_request).get("first_byte", 0),
        "transfer": phases.get("transfer", 0) - before_request.get("transfer", 0) if started else 0,
    }


def _set_gauges(probe: BlackboxProbe, request: Request, response: ProbeResponse) -> None:
    """Set the gauges of the last response."""
    gauges = probe.gauges
    gauges.set("probe_http_status_code", response.status)
    gauges.set("probe_http_version", float(response.version))
    gauges.set("probe_http_content_length", _content_length(request, response))
    gauges.set("probe_http_uncompressed_body_length", 0 if response.decoding_error else response.length)
    if (modified := _date(response.headers.get("last-modified", ""))) is not None:
        gauges.set("probe_http_last_modified_timestamp_seconds", modified)
    if request.encrypted:
        gauges.set("probe_http_ssl", 1)
        set_tls_gauges(probe)


def _content_length(request: Request, response: Response) -> int:
    """Return the content length like Go's http.Response: -1 if unknown, 0 for responses without a body."""
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdecimal() and "transfer-encoding" not in response.headers:
        return int(declared)
    return 0 if response.status in (101, 204, 304) and request.method != "HEAD" else -1


def _date(text: str) -> float | None:
    """Parse a date of a header and return it in Unix time, None if it is invalid."""
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


HTTP = Prober(_begin, _run, _end)
