"""The configuration keys of HTTP checks, and validation of their combinations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from monitor.config.addresses import ProxyUrl, is_token
from monitor.config.errors import quoted
from monitor.config.expect import VERSIONS
from monitor.config.file_access import content
from monitor.config.model import (
    Expect,
    Headers,
    HeaderValue,
    HostName,
    HttpUrl,
    Model,
    NetworkCheck,
    Secret,
    TlsOptions,
    Token,
    problem_at,
)
from monitor.config.secret import plain
from monitor.config.values import AS_TEXT, local_path

_BODILESS = ("GET", "HEAD")
_FRAMING = {  # headers that specify how a request is sent, for this connection only (RFC 9110, 7.6.1 and 10.1.1)
    *("connection", "content-length", "expect", "keep-alive", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
}
_COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")  # RFC 6265, 4.1.1


def _user(value: str) -> str:
    if ":" in value:
        raise ValueError(f"{quoted(value)} contains a colon, which ends the user name (RFC 7617); remove the colon")
    return value


class Basic(Model):
    """HTTP Basic credentials."""

    user: Annotated[Token, AfterValidator(_user)]
    """The user name, without a colon."""

    password: Secret
    """Reference to the password: `{env: NAME}` or `{file: PATH}`."""


def _scopes(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


Scopes = Annotated[
    tuple[Token, ...],
    BeforeValidator(_scopes),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class OAuth2(Model):
    """An access token, obtained with client credentials (RFC 6749, 4.4) and cached until shortly before it expires."""

    token_url: HttpUrl
    """The token endpoint."""

    client_id: Token
    """The client's id."""

    client_secret: Secret
    """Reference to the client's secret."""

    scopes: Scopes = ()
    """Scopes of the token: a list, or one text with spaces."""

    params: dict[str, HeaderValue] = Field(default_factory=dict)
    """Further fields of the token request: `{audience: https://api.example.org}`."""

    auth: Literal["basic", "post"] = "basic"
    """How the client authenticates: `basic` in the `Authorization` header, or `post` in the form."""

    tls: TlsOptions | None = None
    """TLS options for the token server. Default: those of the check, except `server_name`."""


def _cookies(cookies: dict[str, str | Secret]) -> dict[str, str | Secret]:
    for name, value in cookies.items():
        if not is_token(name):
            raise problem_at(name, "is not a cookie name; use letters, digits, - and _")
        if not _COOKIE_VALUE.fullmatch(plain(value)):
            raise problem_at(name, "not a valid cookie value; encode spaces, commas, semicolons and quotes: %20 ...")
    return cookies


@dataclass(frozen=True, slots=True)
class Payload:
    """The content of a file, read when the configuration is loaded."""

    path: Path
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        return str(self.path)


def _payload(value: Any, info: ValidationInfo) -> Payload:
    if isinstance(value, Payload):
        return value
    path = local_path(value, info)
    data = content(path)
    if not data:
        raise ValueError(f"{path} is empty; send a file of 1 byte to 1 MiB")
    return Payload(path, data)


def _protocol(value: Any) -> str:
    """Return `1.1`, `2` or `auto`; YAML reads the first two as numbers."""
    if (version := VERSIONS.get(str(value), value)) in ("1.1", "2", "auto"):
        return str(version)
    raise ValueError(f"unknown protocol {quoted(value)}; use 1.1, 2 or auto")


Cookies = Annotated[dict[str, HeaderValue], AfterValidator(_cookies)]
PayloadField = Annotated[Payload, PlainValidator(_payload), AS_TEXT, WithJsonSchema({"type": "string"})]
Protocol = Annotated[str, BeforeValidator(_protocol), WithJsonSchema({"enum": ["1.1", "2", "auto", 1.1, 2]})]


class HttpClientCheck(NetworkCheck):
    """Keys of checks that send HTTP requests: credentials, proxy and TLS."""

    headers: Headers = Field(default_factory=dict)
    """Request headers. Default: `Accept-Encoding: identity`."""

    basic: Basic | None = None
    """HTTP Basic credentials."""

    bearer: Secret | None = None
    """A bearer token."""

    oauth2: OAuth2 | None = None
    """A bearer token, obtained with client credentials."""

    proxy: ProxyUrl | None = None
    """URL of the proxy, `http://host:port`. The environment's proxy settings are ignored."""

    proxy_basic: Basic | None = None
    """Credentials for the proxy."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is verified."""

    @field_validator("headers")
    @classmethod
    def _has_no_framing_headers(cls, headers: Headers) -> Headers:
        for name in headers:
            if name.lower() in _FRAMING:
                raise problem_at(name, "is set by the HTTP client; remove it")
        return headers

    @model_validator(mode="after")
    def _has_one_set_of_credentials(self) -> Self:
        configured = [name for name in ("basic", "bearer", "oauth2") if getattr(self, name) is not None]
        if len(configured) > 1:
            raise problem_at(configured[1], f"a request has one set of credentials; keep {' or '.join(configured)}")
        if self.oauth2 and "authorization" in self.header_names:
            raise problem_at("oauth2", "the headers already contain Authorization; keep one of the two")
        if self.proxy is None and self.proxy_basic is not None:
            raise problem_at("proxy_basic", "has no effect without a proxy; add proxy: http://host:port")
        return self

    def may_use_tls(self, url: str, redirects: int = 0) -> bool:
        """Return whether a request to the URL may use TLS with the options of `tls`."""
        tokens = self.oauth2 is not None and self.oauth2.tls is None and self.oauth2.token_url.startswith("https:")
        return url.startswith("https:") or redirects > 0 or tokens

    def reject_unused_tls(self, url: str, redirects: int = 0) -> None:
        """Reject TLS options if no request to the URL can use TLS."""
        if self.tls != TlsOptions() and not self.may_use_tls(url, redirects):
            raise problem_at("tls", "has no effect without TLS; use https://")

    @property
    def header_names(self) -> set[str]:
        """The header names in lower case."""
        return {name.lower() for name in self.headers}


class HttpCheck(HttpClientCheck):
    """An HTTP request, and the conditions for a good response (status 2xx by default).

    `docs/http.md` has an example of every option.
    """

    kind: ClassVar[str] = "http"

    http: HttpUrl
    """The URL to request."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    """The request method."""

    cookies: Cookies = Field(default_factory=dict)
    """Cookies of the request by name, each a text or a secret. Cookies set by a redirect are sent to the same host and
    path. A cookie that a redirect expires (`Max-Age=0`) is no longer sent."""

    body: HeaderValue | None = None
    """The body, for all methods except GET and HEAD: text, or a secret."""

    body_file: PayloadField | None = None
    """A file to send as the body instead of `body`. A relative path is relative to the configuration file that contains
    the key.
    """

    redirects: Annotated[int, Field(ge=0, le=20, strict=True)] = 0  # 20, as browsers
    """Maximum number of redirects to follow. With 0, the first response is evaluated. Credentials, and headers that
    contain a secret, are sent to the first origin only. A redirect of a secret body to another origin is rejected."""

    resolve_to: HostName | None = None
    """Address to connect to instead of the URL's host. SNI, Host and certificate verification use the URL's host."""

    protocol: Protocol = "1.1"
    """The HTTP version: `1.1`, `2`, or `auto` for the server's preference (over TLS)."""

    compression: Literal["gzip", "deflate"] | None = None
    """Compression to request, which the body must have. Expectations apply to the decompressed body."""

    body_limit: Annotated[int, Field(ge=1, le=64 * 1024 * 1024, strict=True)] = 1024 * 1024
    """Maximum size of the body in bytes, also after decompression."""

    expect: Expect = Expect()
    """Expectations of the response."""

    @property
    def tightens(self) -> bool:
        """Whether the request only reads, so that it may be sent more often during a drill."""
        return self.method in ("GET", "HEAD", "OPTIONS")

    @property
    def target(self) -> str:
        """The URL without its query, which may contain a key."""
        return self.http.partition("?")[0]

    @property
    def payload(self) -> bytes:
        """The bytes of the body."""
        if self.body_file is not None:
            return self.body_file.data
        return b"" if self.body is None else plain(self.body).encode()

    @model_validator(mode="after")
    def _body_is_allowed(self) -> Self:
        key = "body_file" if self.body is None else "body"
        if self.payload and self.method in _BODILESS:
            raise problem_at(key, f"a {self.method} request has no body; add method: POST")
        if self.body is not None and self.body_file is not None:
            raise problem_at("body_file", "a request has one body; keep body or body_file")
        if self.method == "HEAD" and self.expect.needs_body:
            raise problem_at("expect", "the response to HEAD has no body; use method: GET")
        size = self.expect.body_size
        if size is not None and size.min_body_limit > self.body_limit:
            raise problem_at("body_limit", f"is too low to decide body_size; raise it to {size.min_body_limit} or more")
        return self

    @model_validator(mode="after")
    def _has_no_conflicts(self) -> Self:
        if self.cookies and "cookie" in self.header_names:
            raise problem_at("cookies", "the headers already contain Cookie; keep one of the two")
        if self.compression and "accept-encoding" in self.header_names:
            raise problem_at("compression", "the headers already contain Accept-Encoding; keep one of the two")
        if self.proxy is not None and self.resolve_to is not None:
            raise problem_at("resolve_to", "has no effect with a proxy, which resolves the name itself; remove it")
        if self.proxy is not None and self.protocol == "2" and self.http.startswith("http:"):
            raise problem_at("protocol", "a proxy supports HTTP/2 for https URLs only; remove protocol")
        return self

    @model_validator(mode="after")
    def _tls_options_have_effect(self) -> Self:
        self.reject_unused_tls(self.http, self.redirects)
        return self
