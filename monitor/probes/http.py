"""The `http` kind: one request, its redirects if wanted, and what the answer must look like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from monitor.http import body, http2, oauth2, proxy, rate_limit
from monitor.http.check import HttpCheck
from monitor.http.compression import inflate
from monitor.http.exchange import Exchange, exchange, following
from monitor.http.expectation import Expectation
from monitor.http.rate_limit import RateLimit, retry_after
from monitor.http.request import request_of
from monitor.probes.base import Kind
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.http.fetching_check import FetchingCheck
    from monitor.http.request import Request
    from monitor.http.response import Response
    from monitor.network.attempt import Frame, Probe
    from monitor.network.failure import ProbeFailure


Fetch = Callable[["Frame"], Awaitable["Response"]]


def fetcher(check: HttpCheck, tokens: oauth2.Tokens | None = None) -> Fetch:
    """Return what makes the check's request, follows its redirects, and returns the last answer unjudged.

    `tokens` are those of the check whose request this is one of; by default the request's own.
    """
    first, fetch = request_of(check), _exchange(check, tokens or oauth2.Tokens.of(check))
    return lambda frame: fetch(frame, first)


def fetching(check: FetchingCheck) -> Callable[..., Fetch]:
    """Return what makes fetchers, called like `check.request`. Made once a check: they share tokens and rate limit.

    They raise `rate_limited`, unknown, for 429 with `Retry-After`, and until that time without asking.
    """
    tokens, limit = oauth2.Tokens.of(check), RateLimit()
    return lambda url, **more: _limited(fetcher(check.request(url, **more), tokens), limit)


def _limited(fetch: Fetch, limit: RateLimit) -> Fetch:
    async def limited(frame: Frame) -> Response:
        limit.respect(frame.now())
        response = await fetch(frame)
        limit.judge(response.status, response.headers, frame.now())
        return response

    return limited


def _exchange(check: HttpCheck, tokens: oauth2.Tokens | None) -> Exchange:
    """Return how the check's requests are answered. What it does not ask for is not on the way."""
    fetch: Exchange = exchange
    if check.protocol != "1.1":
        http2.load()
    if check.redirects or check.expect.cookie:
        fetch = following(check.redirects)
    if tokens is not None and check.oauth2 is not None:
        fetch = oauth2.authorized(tokens, fetch)
    if check.compression is not None:
        fetch = _inflating(check.compression, check.body_limit, fetch)
    return fetch


def _inflating(coding: str, limit: int, onward: Exchange) -> Exchange:
    async def inflating(frame: Frame, request: Request) -> Response:
        response = await onward(frame, request)
        inflate(response, coding, limit)
        return response

    return inflating


def prepare(check: HttpCheck) -> Probe:
    """Return the probe that makes this check's request."""
    fetch = fetcher(check)
    expectation, limit = Expectation(check.expect, check.compression), RateLimit()

    async def probe(frame: Frame) -> ProbeResult:
        if limit.until:
            limit.respect(frame.now())
        response = await fetch(frame)
        failure = expectation.failure(response)
        if failure is not None:
            raise _explained(failure, response, limit, frame.now())
        return ProbeResult(Outcome.GOOD, "", response.status, frame.phases, "", frame.certificate_expiry)

    return probe


def _explained(failure: ProbeFailure, response: Response, limit: RateLimit, now: int) -> ProbeFailure:
    """Return what the failure means where the server asks to be left alone for a while."""
    failure.status = response.status
    if failure.reason == "http_status":
        limit.judge(response.status, response.headers, now)
    if failure.outcome is Outcome.UNKNOWN and (duration := retry_after(response.headers, now)) is not None:
        failure.detail = f"{failure.detail}; {limit.wait(duration, now)}"
    return failure


KIND = Kind(
    "http",
    HttpCheck,
    prepare,
    example="""\
id: status
http: https://forms.example.org/app/api/v1/status
expect: {status: 200, json: {"$.ready": true}}
""",
    reasons=http2.REASONS
    | body.REASONS
    | oauth2.REASONS
    | proxy.REASONS
    | rate_limit.REASONS
    | {
        "body_mismatch": "the body is not what is expected",
        "body_size": "the body is longer or shorter than `body_size`",
        "body_too_large": "not decided within `body_limit` bytes, or JSON of more than a value for 80 of them",
        "compression_mismatch": "the answer has a body, which is not compressed as `compression` asks for",
        "cookie_mismatch": "a cookie is not what is expected; its value is not told",
        "empty_response": "the connection was closed without a word",
        "header_mismatch": "a header is not what is expected",
        "headers_too_large": "the headers are longer than any server's need to be",
        "http_status": "the status is not one of those expected",
        "http_version": "another version of HTTP is spoken than `protocol` or `version` asks for",
        "inconclusive": "unknown: the answer is one that `unknown` names as saying nothing about the target",
        "malformed_response": "what came is no HTTP answer",
        "redirect_limit": "more redirects than `redirects`",
        "redirect_refused": "a redirect leads to no http or https URL, or would take a secret body to another origin",
        "tls_forbidden": "the answer came over TLS, and `encrypted: false` is expected",
        "tls_required": "the answer came in the clear, and `encrypted: true` is expected",
        "truncated_response": "the answer ended before it was whole",
    },
    schemes={"http": {}, "https": {}},
    whole_url=True,
)
