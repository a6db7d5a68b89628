"""The `http` kind: one request, its redirects if wanted, and what the answer must look like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from monitor.http import http2, oauth2, proxy
from monitor.http.check import HttpCheck
from monitor.http.compression import inflate
from monitor.http.exchange import Exchange, exchange, following
from monitor.http.expectation import Expectation
from monitor.http.request import request_of
from monitor.probes.base import Kind
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.http.fetch import FetchingCheck
    from monitor.http.request import Request
    from monitor.http.response import Response
    from monitor.network.frame import Frame, Probe


Fetch = Callable[["Frame"], Awaitable["Response"]]


def fetcher(check: HttpCheck, tokens: oauth2.Tokens | None = None) -> Fetch:
    """Return what makes the check's request, follows its redirects, and returns the last answer unjudged.

    `tokens` are those of the check whose request this is one of; by default the request's own.
    """
    first, fetch = request_of(check), _exchange(check, tokens or oauth2.Tokens.of(check))
    return lambda frame: fetch(frame, first)


def fetching(check: FetchingCheck) -> Callable[..., Fetch]:
    """Return what makes fetchers, called like `check.request`. Made once a check: they share its tokens."""
    tokens = oauth2.Tokens.of(check)
    return lambda url, **more: fetcher(check.request(url, **more), tokens)


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
    expectation = Expectation(check.expect, check.compression)

    async def probe(frame: Frame) -> ProbeResult:
        response = await fetch(frame)
        failure = expectation.failure(response)
        if failure is not None:
            failure.status = response.status
            raise failure
        return ProbeResult(Outcome.GOOD, "", response.status, frame.phases, "", frame.certificate_expiry)

    return probe


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
    | oauth2.REASONS
    | proxy.REASONS
    | {
        "body_mismatch": "the body is not what is expected",
        "body_size": "the body is longer or shorter than `body_size`",
        "body_too_large": "not decided within `body_limit` bytes, or JSON of more than a value for 80 of them",
        "compression_malformed": "the body cannot be decompressed, ends too early, or is followed by more",
        "compression_mismatch": "the answer has a body, which is not compressed as `compression` asks for",
        "cookie_mismatch": "a cookie is not what is expected; its value is not told",
        "empty_response": "the connection was closed without a word",
        "header_mismatch": "a header is not what is expected",
        "headers_too_large": "the headers are longer than any server's need to be",
        "http_status": "the status is not one of those expected",
        "http_version": "another version of HTTP is spoken than `protocol` or `version` asks for",
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
