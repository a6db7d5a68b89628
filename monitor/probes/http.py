"""The `http` kind: one request, its redirects if wanted, and what the answer must look like."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import SplitResult, urljoin, urlsplit

from pydantic import Field, model_validator

from monitor.config.model import (
    CheckBase,
    Expect,
    Headers,
    HeaderValue,
    HostName,
    HttpUrl,
    Model,
    Secret,
    Text,
    TlsOptions,
    problem_at,
)
from monitor.log import conceal
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.expectation import Expectation
from monitor.probes.failure import ProbeFailure, quoted
from monitor.probes.http_response import Response
from monitor.probes.resolver import Address, literal
from monitor.probes.tls_context import certificate_expiry, context_for
from monitor.probes.wire import Wire
from monitor.vocabulary import ProbeResult
from sla.observation import Outcome

AGENT = "ninewatch"
REDIRECTS = {301, 302, 303, 307, 308}
_CREDENTIALS = {"authorization", "cookie", "proxy-authorization"}


class Basic(Model):
    """HTTP Basic credentials."""

    user: Text
    """The user name; it holds no colon."""

    password: Secret
    """Where the password is kept."""


class HttpCheck(CheckBase):
    """A request and the answer that counts as good (status 2xx unless `expect` says otherwise)."""

    kind: ClassVar[str] = "http"

    http: HttpUrl
    """The URL to request."""

    method: Literal["GET", "HEAD", "POST"] = "GET"
    """The request's method."""

    headers: Headers = Field(default_factory=dict)
    """Sent with the request; `Accept-Encoding: identity` is sent unless said otherwise."""

    body: HeaderValue | None = None
    """Sent with a POST: text, or a secret."""

    redirects: Annotated[int, Field(ge=0, le=20, strict=True)] = 0
    """How many redirects are followed; 0 judges the first answer. Credentials do not leave the first host."""

    basic: Basic | None = None
    """HTTP Basic credentials."""

    bearer: Secret | None = None
    """A bearer token."""

    resolve_to: HostName | None = None
    """The address to connect to in place of the URL's host; SNI, Host and the certificate's name stay the URL's."""

    body_limit: Annotated[int, Field(ge=1, le=64 * 1024 * 1024, strict=True)] = 1024 * 1024
    """Bytes of the body that are read at the most."""

    expect: Expect = Expect()
    """What the answer must be."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is judged."""

    @property
    def target(self) -> str:
        """The URL without its query, which may hold a key."""
        return self.http.partition("?")[0]

    @model_validator(mode="after")
    def _sends_a_body_only_with_post(self) -> Self:
        if self.body is not None and self.method != "POST":
            raise problem_at("body", f"a {self.method} request carries no body; add method: POST")
        if self.basic is not None and self.bearer is not None:
            raise problem_at("bearer", "a request carries one set of credentials; keep basic or bearer")
        return self


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent.

    `data` is the whole of its bytes; `server_name` is what TLS asks for and verifies; `addresses` is where to connect,
    None when a name has to be looked up first.
    """

    url: SplitResult
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    host: str
    port: int
    server_name: str
    connect_to: str | None
    data: bytes = b""
    addresses: list[Address] | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the request goes over TLS."""
        return self.url.scheme == "https"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: credentials do not leave it."""
        return self.url.scheme, self.host, self.port

    def ready(self) -> Request:
        """Return the request with its bytes made."""
        path = self.url.path or "/"
        target = f"{path}?{self.url.query}" if self.url.query else path
        lines = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        spelled = literal(self.connect_to or self.host, self.port)
        addresses = None if spelled is None else [spelled]
        return replace(self, data="\r\n".join([*lines, "", ""]).encode() + self.body, addresses=addresses)

    def redirected(self, status: int, location: str) -> Request:
        """Return the request that a redirect asks for (RFC 9110, 15.4), without credentials when it leaves the origin.

        Raises:
            ProbeFailure: `redirect_refused`, the location is no http or https URL with a host.
        """
        url = _requested(self.url.geturl(), location)
        host, port = _authority(url)
        moved = (url.scheme, host, port) != self.origin
        method, body = self.method, self.body
        if status == 303 or (status in {301, 302} and method == "POST"):
            method, body = ("HEAD" if method == "HEAD" else "GET"), b""
        headers = tuple(
            (name, url.netloc if name == "Host" else value)
            for name, value in self.headers
            if not (moved and name.lower() in _CREDENTIALS)
        )
        connect_to, server_name = (None, host) if moved else (self.connect_to, self.server_name)
        return Request(url, method, headers, body, host, port, server_name, connect_to).ready()


def _requested(base: str, location: str) -> SplitResult:
    try:
        url = urlsplit(urljoin(base, location))
        _ = url.port  # may raise
    except ValueError as error:
        raise ProbeFailure("redirect_refused", f"{quoted(location)}: {error}") from None
    if url.scheme not in {"http", "https"} or not url.hostname or not url.netloc.isascii():
        raise ProbeFailure("redirect_refused", f"{quoted(location)} is no http or https URL")
    return url._replace(netloc=url.netloc.rpartition("@")[2])


def _authority(url: SplitResult) -> tuple[str, int]:
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


def _first_request(check: HttpCheck) -> Request:
    url = urlsplit(check.http)
    host, port = _authority(url)
    headers = {
        "Host": url.netloc,
        "User-Agent": AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if check.basic is not None:
        pair = f"{check.basic.user}:{check.basic.password.reveal()}"
        conceal(pair)  # in base64 it looks different from the password's own
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    if check.bearer is not None:
        headers["Authorization"] = f"Bearer {check.bearer.reveal()}"
    names = {name.lower(): name for name in headers}
    for name, value in check.headers.items():
        headers[names.get(name.lower(), name)] = _plain(value)
    body = _plain(check.body).encode() if check.body is not None else b""
    server_name = check.tls.server_name or host
    return Request(url, check.method, tuple(headers.items()), body, host, port, server_name, check.resolve_to).ready()


def _plain(value: str | Secret) -> str:
    return value if isinstance(value, str) else value.reveal()


def fetcher(check: HttpCheck) -> Callable[[Frame], Awaitable[Response]]:
    """Return what makes the check's request, follows its redirects, and returns the last answer unjudged."""
    first = _first_request(check)
    context = context_for(check.tls)

    async def fetch(frame: Frame) -> Response:
        request = first
        for _ in range(check.redirects):
            response = await _exchange(frame, request, context, check.body_limit)
            location = response.headers.get("location")
            if response.status not in REDIRECTS or location is None:
                return response
            request = request.redirected(response.status, location)
        response = await _exchange(frame, request, context, check.body_limit)
        if check.redirects and response.status in REDIRECTS:
            raise ProbeFailure("redirect_limit", f"more than {check.redirects} redirects", status=response.status)
        return response

    return fetch


def prepare(check: HttpCheck) -> Probe:
    """Return the probe that makes this check's request."""
    fetch = fetcher(check)
    expectation = Expectation(check.expect)

    async def probe(frame: Frame) -> ProbeResult:
        return _judged(frame, await fetch(frame), expectation)

    return probe


async def _exchange(frame: Frame, request: Request, context: ssl.SSLContext, limit: int) -> Response:
    frame.enter("resolve")
    addresses = request.addresses
    if addresses is None:
        addresses = await frame.resolver.addresses(request.connect_to or request.host, request.port)
    with await Wire.open(frame, addresses) as wire:
        if request.encrypted:
            frame.certificate_expiry = certificate_expiry(await wire.encrypt(context, request.server_name))
        frame.enter("first_byte")
        await wire.send(request.data)
        response = Response(limit=limit, head_only=request.method == "HEAD")
        while not response.complete:
            data = await wire.receive()
            if frame.phase != "transfer":
                frame.enter("transfer")
            if data:
                response.feed(data)
            else:
                response.end()
    frame.close()
    return response


def _judged(frame: Frame, response: Response, expectation: Expectation) -> ProbeResult:
    failure = expectation.failure(response)
    if failure is not None:
        failure.status = response.status
        raise failure
    return ProbeResult(Outcome.GOOD, "", response.status, frame.phases, "", frame.certificate_expiry)


KIND = Kind(
    "http",
    HttpCheck,
    prepare,
    example="""\
id: status
http: https://forms.example.org/app/api/v1/status
expect: {status: 200, json: {"$.ready": true}}
""",
    reasons={
        "body_mismatch": "the body is not what is expected",
        "body_too_large": "not decided within `body_limit` bytes",
        "empty_response": "the connection was closed without a word",
        "header_mismatch": "a header is not what is expected",
        "headers_too_large": "the headers are longer than any server's need to be",
        "http_status": "the status is not one of those expected",
        "malformed_response": "what came is no HTTP answer",
        "redirect_limit": "more redirects than `redirects`",
        "redirect_refused": "a redirect leads to no http or https URL",
        "truncated_response": "the answer ended before it was whole",
    },
    schemes={"http": {}, "https": {}},
    whole_url=True,
)
