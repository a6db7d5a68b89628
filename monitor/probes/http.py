"""The `http` kind: one request, optional redirects, and expectations of the response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from monitor.http import body, http2, oauth2, proxy, rate_limit
from monitor.http.check import HttpCheck
from monitor.http.compression import inflate
from monitor.http.exchange import Exchange, exchange, redirect_follower
from monitor.http.expectation import Expectation
from monitor.http.rate_limit import RateLimit, retry_after
from monitor.http.request import request_of
from monitor.log import conceal_secrets
from monitor.network.failure import DETAIL_LIMIT
from monitor.probe_result import DEGRADED, ProbeResult
from monitor.probes.base import Kind
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.http.fetching_check import FetchingCheck
    from monitor.http.request import Request
    from monitor.http.response import Response
    from monitor.network.attempt import Attempt, Probe
    from monitor.network.failure import ProbeFailure


Fetch = Callable[["Attempt"], Awaitable["Response"]]


def fetcher(check: HttpCheck, tokens: oauth2.Tokens | None = None) -> Fetch:
    """Return a function that sends the check's request, follows redirects and returns the final response.

    `tokens` are shared with other requests of a check; by default the request has its own.
    """
    first, fetch = request_of(check), exchange_of(check, tokens or oauth2.Tokens.of(check))
    return lambda attempt: fetch(attempt, first)


def fetcher_factory(check: FetchingCheck) -> Callable[..., Fetch]:
    """Return a function that creates fetchers from the arguments of `check.request`, with shared tokens and rate limit.

    Fetchers raise `rate_limited` (unknown) for 429 with `Retry-After`, and send no request until that time.
    """
    tokens, limit = oauth2.Tokens.of(check), RateLimit()
    return lambda url, **options: _with_rate_limit(fetcher(check.request(url, **options), tokens), limit)


def _with_rate_limit(fetch: Fetch, limit: RateLimit) -> Fetch:
    async def limited(attempt: Attempt) -> Response:
        limit.check_wait(attempt.now())
        response = await fetch(attempt)
        limit.check_response(response.status, response.headers, attempt.now())
        return response

    return limited


def exchange_of(check: HttpCheck, tokens: oauth2.Tokens | None, *, cookies: bool = False) -> Exchange:
    """Return the exchange function with only the features that the check uses, to save time per probe.

    `cookies`: the response has the cookies that were set.
    """
    fetch: Exchange = exchange
    if check.protocol != "1.1":
        http2.load()
    if check.redirects or check.expect.cookie or cookies:
        fetch = redirect_follower(check.redirects)
    if tokens is not None and check.oauth2 is not None:
        fetch = oauth2.with_authorization(tokens, fetch)
    if check.compression is not None:
        fetch = _with_decompression(check.compression, check.body_limit, fetch)
    return fetch


def _with_decompression(coding: str, limit: int, send: Exchange) -> Exchange:
    async def inflating(attempt: Attempt, request: Request) -> Response:
        response = await send(attempt, request)
        inflate(response, coding, limit)
        return response

    return inflating


def prepare(check: HttpCheck) -> Probe:
    """Return the probe that sends this check's request."""
    fetch = fetcher(check)
    expectation, limit = Expectation(check.expect, check.compression), RateLimit()
    may_be_degraded = bool(check.expect.degraded)

    async def probe(attempt: Attempt) -> ProbeResult:
        if limit.until:
            limit.check_wait(attempt.now())
        response = await fetch(attempt)
        failure = expectation.failure(response)
        if failure is not None:
            raise apply_rate_limit(failure, response, limit, attempt.now())
        if may_be_degraded and (detail := expectation.degradation(response)):
            return _degraded(response, attempt, detail)
        return ProbeResult(Outcome.GOOD, "", response.status, attempt.phases, "", attempt.certificate_expiry)

    return probe


def _degraded(response: Response, attempt: Attempt, detail: str) -> ProbeResult:
    expiry = attempt.certificate_expiry
    return ProbeResult(
        Outcome.GOOD, DEGRADED, response.status, attempt.phases, conceal_secrets(detail)[:DETAIL_LIMIT], expiry
    )


def apply_rate_limit(failure: ProbeFailure, response: Response, limit: RateLimit, now: int) -> ProbeFailure:
    """Return the failure, with the rate limit if the response requests a wait."""
    failure.status = response.status
    if failure.reason == "http_status":
        limit.check_response(response.status, response.headers, now)
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
        "body_mismatch": "unexpected body",
        "body_size": "the size of the body is outside `body_size`",
        "body_too_large": "undecided within `body_limit` bytes, or more than 1 JSON value per 80 bytes of it",
        "compression_mismatch": "the body is not compressed as required by `compression`",
        "cookie_mismatch": "unexpected cookie; its value is not reported",
        "degraded": "good: the response matches `degraded`",
        "empty_response": "the connection was closed without a response",
        "header_mismatch": "unexpected header",
        "headers_too_large": "the headers exceed 64 KiB",
        "http_status": "unexpected status",
        "http_version": "the HTTP version does not match `protocol` or `version`",
        "inconclusive": "unknown: the response matches `unknown`",
        "malformed_response": "not a valid HTTP response",
        "redirect_limit": "more redirects than `redirects`",
        "redirect_refused": "a redirect to a URL that is not http or https, or with a secret body to another origin",
        "tls_forbidden": "a response over TLS, but `encrypted: false` is expected",
        "tls_required": "a response without TLS, but `encrypted: true` is expected",
        "truncated_response": "the connection was closed within the response",
    },
    schemes={"http": {}, "https": {}},
    full_url=True,
)
