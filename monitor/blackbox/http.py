"""The `http` prober: a request, its redirects, and what the module wants the answer to be."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

from monitor.blackbox.go_syntax import parses
from monitor.blackbox.http_request import check_of, kept_at_most, target_of
from monitor.blackbox.http_response import Answer, Share
from monitor.blackbox.http_validation import judge
from monitor.blackbox.prober import Prober, Trial
from monitor.blackbox.target_address import chosen
from monitor.blackbox.tls import noting, show
from monitor.http import oauth2
from monitor.http.compression import undo
from monitor.http.cookies import Jar
from monitor.http.exchange import REDIRECTS, Exchange, exchange
from monitor.http.request import request_of
from monitor.network.failure import ProbeFailure, quoted
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.http.check import HttpCheck
    from monitor.http.request import Request
    from monitor.http.response import Response
    from monitor.network.attempt import Frame

_PHASES = "probe_http_duration_seconds"
_PATIENCE = 10.0  # seconds for a token
_MOST = 10  # redirects that are followed
_ZEROES = (
    "probe_failed_due_to_regex",
    "probe_http_content_length",
    "probe_http_redirects",
    "probe_http_ssl",
    "probe_http_status_code",
    "probe_http_uncompressed_body_length",
    "probe_http_version",
)


def _begin(trial: Trial) -> None:
    for name in _ZEROES:
        trial.gauges.set(name, 0)


async def _run(trial: Trial, frame: Frame) -> None:
    config = trial.module.http
    url = target_of(trial)
    check = check_of(trial, url)
    if not (config.proxy_url and config.skip_resolve_phase_with_proxy):
        await chosen(trial, frame, url.hostname or "", url.port or 0, config)
    trial.gauges.phases(_PHASES, connect=0, tls=0, processing=0, transfer=0)
    frame.on_secured = noting(trial)
    with Share(trial.room) as share:
        frame.on_answer = partial(_answering, trial, frame, share)
        await _fetching(trial, check)(frame, request_of(check))
        response = trial.response
        assert response is not None, "an exchange has an answer"  # noqa: S101 - for the type checker
        if config.undone:
            undo(response, config.undone, check.body_limit)
        judge(trial, response)


def _answering(trial: Trial, frame: Frame, share: Share, *, limit: int, head_only: bool) -> Answer:
    """Return what takes an answer, of which no more is kept than is looked into."""
    config = trial.module.http
    trial.connected = dict(frame.phases)
    keep = kept_at_most(config) if config.looks_into_body else 0
    trial.response = Answer(share, keep=keep, follows=config.follows, limit=limit, head_only=head_only)
    return trial.response


def _fetching(trial: Trial, check: HttpCheck) -> Exchange:
    """Return what makes the request, with the module's token if it takes one."""
    journey = _journey(trial)
    if check.oauth2 is None:
        return journey
    if "tokens" not in trial.kept:
        patience = round((trial.module.timeout or _PATIENCE) * SECOND)  # this probe's own may be shorter than the next
        trial.kept["tokens"] = oauth2.Tokens(check.model_copy(update={"timeout": patience}), check.oauth2)
    return oauth2.authorized(trial.kept["tokens"], journey)


def _journey(trial: Trial) -> Exchange:
    """Return what follows redirects; the one that is not followed any more is the answer."""
    follows = trial.module.http.follows

    async def journey(frame: Frame, request: Request) -> Response:
        jar = Jar()
        for count in itertools.count(1):
            trial.request, trial.response = request, None
            trial.diary.note("requesting", url=request.url.geturl(), method=request.method)
            response = await exchange(frame, jar.sent_with(request))
            trial.diary.note("answered", status=response.status, version=response.version)
            jar.take(request, response, frame.now())
            location = response.headers.get("location", "")
            if response.status not in REDIRECTS or not location:
                break
            trial.diary.note("redirected", location=location)
            if not parses(location):
                trial.request = trial.response = None
                trial.connected = dict(frame.phases)
                raise ProbeFailure("redirect_refused", f"{quoted(location)} is no URL", status=response.status)
            trial.gauges.set("probe_http_redirects", count)
            if count > _MOST or not follows:
                break
            trial.request = trial.response = None  # what becomes of it now is the answer
            trial.connected = dict(frame.phases)
            request = request.redirected(response.status, location)
        return response

    return journey


def _end(trial: Trial, phases: Mapping[str, float]) -> None:
    gauges = trial.gauges
    if gauges.has("probe_dns_lookup_time_seconds"):
        gauges.phases(_PHASES, resolve=phases.get("resolve", 0))
    if trial.connected:
        gauges.phases(_PHASES, **_durations(trial, phases))
    if trial.request is not None and trial.response is not None and trial.response.started:
        _tell(trial, trial.request, trial.response)


def _durations(trial: Trial, phases: Mapping[str, float]) -> dict[str, float]:
    """Return how long what came to its end took: connections that were made, answers that began, the last one's body.

    So it is there; what failed, and the bodies of redirects, take no time.
    """
    before, response = trial.connected, trial.response
    begun, started = response is not None and response.begun, response is not None and response.started
    return {
        "connect": before.get("connect", 0),
        "tls": before.get("tls", 0),
        "processing": (phases if begun else before).get("first_byte", 0),
        "transfer": phases.get("transfer", 0) - before.get("transfer", 0) if started else 0,
    }


def _tell(trial: Trial, request: Request, response: Answer) -> None:
    """Put the answer into the gauges, as far as it came."""
    gauges = trial.gauges
    gauges.set("probe_http_status_code", response.status)
    gauges.set("probe_http_version", float(response.version))
    gauges.set("probe_http_content_length", _announced(request, response))
    gauges.set("probe_http_uncompressed_body_length", 0 if response.garbled else response.length)
    if (modified := _date(response.headers.get("last-modified", ""))) is not None:
        gauges.set("probe_http_last_modified_timestamp_seconds", modified)
    if request.encrypted:
        gauges.set("probe_http_ssl", 1)
        show(trial)


def _announced(request: Request, response: Response) -> int:
    """Return how long the body is said to be, -1 if it is not said."""
    said = response.headers.get("content-length", "")
    if said.isascii() and said.isdecimal() and "transfer-encoding" not in response.headers:
        return int(said)
    return 0 if response.status in (101, 204, 304) and request.method != "HEAD" else -1


def _date(text: str) -> float | None:
    """Return what a date in a header means, in Unix time; None if it is none."""
    try:
        when = parsedate_to_datetime(text)
        return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


HTTP = Prober(_begin, _run, _end)
