"""An HTTP request with its bytes, and the request that follows a redirect."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from monitor.config.addresses import as_ascii, carries_credentials
from monitor.config.model import Family, Secret
from monitor.config.secret import plain
from monitor.http.proxy import Proxy
from monitor.log import conceal
from monitor.network.failure import ProbeFailure, quoted
from monitor.network.resolver import Address, literal
from monitor.network.tls_context import context_for

if TYPE_CHECKING:
    from monitor.http.check import Basic, HttpCheck

AGENT = "ninewatch"
_BODY_HEADERS = {"content-type", "content-encoding", "content-language"}
_WITH_LENGTH = {"POST", "PUT", "PATCH"}  # methods that send Content-Length: 0 for an empty body (RFC 9110, 8.6)
_HTTP_1_HEADERS = {"host", "connection"}
_ALPN = {"1.1": (), "2": ("h2",), "auto": ("h2", "http/1.1")}

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """Transport options that all requests of a check share, including redirects and token requests."""

    context: ssl.SSLContext
    limit: int
    family: Family
    protocol: str
    proxy: Proxy | None


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request.

    `data` is its bytes; `server_name` is the name that TLS sends and verifies; `addresses` is where to connect, None if
    a name must be resolved. `secret_headers` are names in lower case; `secret_body`: the body is a secret.
    """

    transport: TransportOptions
    url: SplitResult
    method: str
    headers: Pairs
    cookies: Pairs
    body: bytes
    host: str
    port: int
    server_name: str
    connect_to: str | None
    secret_headers: frozenset[str] = frozenset()
    secret_body: bool = False
    data: bytes = b""
    addresses: list[Address] | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the request uses TLS."""
        return self.url.scheme == "https"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port. Credentials are sent to one origin only."""
        return self.url.scheme, self.host, self.port

    def ready(self) -> Request:
        """Return the request with `data` and `addresses` computed."""
        proxy = None if self.encrypted else self.transport.proxy
        target = self._target if proxy is None else f"http://{self.url.netloc}{self._target}"
        headers = self._all_headers if proxy is None else (*self._all_headers, *proxy.headers)
        lines = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        address = literal(self.connect_to or self.host, self.port) if self.transport.family is Family.ANY else None
        addresses = None if address is None else [address]
        return replace(self, data="\r\n".join([*lines, "", ""]).encode() + self.body, addresses=addresses)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The header fields in HTTP/2: pseudo-headers first, names in lower case (RFC 9113, 8.3.1)."""
        authority = next(value for name, value in self.headers if name == "Host")
        start = {":method": self.method, ":scheme": self.url.scheme, ":authority": authority, ":path": self._target}
        rest = [(name.lower(), value) for name, value in self._all_headers]
        return [*start.items(), *(header for header in rest if header[0] not in _HTTP_1_HEADERS)]

    @property
    def _target(self) -> str:
        path = self.url.path or "/"
        return f"{path}?{self.url.query}" if self.url.query else path

    @property
    def _all_headers(self) -> Pairs:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies)
        counted = self.body or self.method in _WITH_LENGTH
        return (
            *self.headers,
            *((("Cookie", cookies),) if cookies else ()),
            *((("Content-Length", str(len(self.body))),) if counted else ()),
        )

    def with_token(self, token: str) -> Request:
        """Return the request with a bearer token."""
        return replace(self, headers=(*self.headers, ("Authorization", f"Bearer {token}"))).ready()

    @property
    def _https_origin(self) -> tuple[str, str, int]:
        """The origin of the same site over TLS, which may receive the same credentials."""
        return ("https", self.host, 443) if self.origin[::2] == ("http", 80) else self.origin

    def redirected(self, status: int, location: str) -> Request:
        """Return the request that follows a redirect (RFC 9110, 15.4), without credentials for another origin.

        Raises:
            ProbeFailure: `redirect_refused`: not an http or https URL, or another origin would receive a secret body.
        """
        url = _redirect_url(self.url.geturl(), location)
        host, port = _authority(url)
        is_other_origin = (url.scheme, host, port) not in (self.origin, self._https_origin)
        headers = self.headers
        if is_other_origin:
            kept_headers = (
                header
                for header in headers
                if not (carries_credentials(header[0]) or header[0].lower() in self.secret_headers)
            )
            headers = tuple((name, url.netloc if name == "Host" else value) for name, value in kept_headers)
        method, body = self.method, self.body
        if (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST"):
            method, body = "GET", b""
            headers = tuple(header for header in headers if header[0].lower() not in _BODY_HEADERS)
        if is_other_origin and body and self.secret_body:
            raise ProbeFailure("redirect_refused", f"{quoted(location)} is another origin, and the body is a secret")
        following = replace(self, url=url, method=method, headers=headers, body=body, host=host, port=port)
        if is_other_origin:
            following = replace(following, cookies=(), server_name=host, connect_to=None)
        return following.ready()


def _redirect_url(base: str, location: str) -> SplitResult:
    """Return the redirect's URL. The bytes of `location`, stored as latin-1, are decoded as UTF-8 if possible."""
    try:
        text = location.encode("latin-1").decode(errors="surrogateescape")
        url = urlsplit(as_ascii(urljoin(base, text)))
        _ = url.port  # may raise
    except ValueError as error:
        raise ProbeFailure("redirect_refused", f"{quoted(location)}: {quoted(str(error))}") from None
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ProbeFailure("redirect_refused", f"{quoted(location)} is not an http or https URL")
    return url._replace(netloc=url.netloc.rpartition("@")[2])


def _authority(url: SplitResult) -> tuple[str, int]:
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


def request_of(check: HttpCheck) -> Request:
    """Return the check's first request."""
    url = urlsplit(check.http)
    host, port = _authority(url)
    headers = {
        "Host": url.netloc,
        "User-Agent": AGENT,
        "Accept": "*/*",
        "Accept-Encoding": check.compression or "identity",
        "Connection": "close",
    }
    if check.basic is not None:
        headers["Authorization"] = f"Basic {_pair(check.basic)}"
    if check.bearer is not None:
        headers["Authorization"] = f"Bearer {check.bearer.reveal()}"
    names = {name.lower(): name for name in headers}
    for name, value in check.headers.items():
        headers[names.get(name.lower(), name)] = plain(value)
    cookies = tuple((name, plain(value)) for name, value in check.cookies.items())
    return Request(
        transport=_transport_options(check),
        url=url,
        method=check.method,
        headers=tuple(headers.items()),
        cookies=cookies,
        body=check.payload,
        host=host,
        port=port,
        server_name=check.tls.server_name or host,
        connect_to=check.resolve_to,
        secret_headers=frozenset(name.lower() for name, value in check.headers.items() if isinstance(value, Secret)),
        secret_body=isinstance(check.body, Secret),
    ).ready()


def _transport_options(check: HttpCheck) -> TransportOptions:
    proxy = None
    if check.proxy is not None:
        credentials = "" if check.proxy_basic is None else _pair(check.proxy_basic)
        proxy = Proxy(check.proxy.host, check.proxy.port, credentials, check.family, check.timeout)
    context = context_for(check.tls, _ALPN[check.protocol])
    return TransportOptions(context, check.body_limit, check.family, check.protocol, proxy)


def _pair(basic: Basic) -> str:
    pair = f"{basic.user}:{basic.password.reveal()}"
    conceal(pair)  # its base64 form differs from that of the password
    return base64.b64encode(pair.encode()).decode()
