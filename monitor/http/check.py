"""What a check of the `http` kind holds, and which of its options do not go together."""

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
    Reached,
    Secret,
    TlsOptions,
    Token,
    problem_at,
)
from monitor.config.secret import plain
from monitor.config.values import AS_TEXT, local_path

_BODILESS = ("GET", "HEAD")
_FRAMING = {  # headers that say how a request is sent, for this connection only (RFC 9110, 7.6.1 and 10.1.1)
    *("connection", "content-length", "expect", "keep-alive", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
}
_CRUMBS = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")  # RFC 6265, 4.1.1


def _user(value: str) -> str:
    if ":" in value:
        raise ValueError(f"{quoted(value)} holds a colon, which ends a user's name (RFC 7617); write a name without")
    return value


class Basic(Model):
    """HTTP Basic credentials."""

    user: Annotated[Token, AfterValidator(_user)]
    """The user name, without a colon."""

    password: Secret
    """Where the password is kept."""


def _scopes(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


Scopes = Annotated[
    tuple[Token, ...],
    BeforeValidator(_scopes),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class OAuth2(Model):
    """An access token for client credentials (RFC 6749, 4.4), kept until shortly before it expires."""

    token_url: HttpUrl
    """The token endpoint."""

    client_id: Token
    """The client's id."""

    client_secret: Secret
    """Reference to the client's secret."""

    scopes: Scopes = ()
    """Scopes of the token: a list, or words in one text."""

    params: dict[str, HeaderValue] = Field(default_factory=dict)
    """Further fields of the token request: `{audience: https://api.example.org}`."""

    auth: Literal["basic", "post"] = "basic"
    """How the client authenticates: `basic` in the `Authorization` header, or `post` in the form."""

    tls: TlsOptions | None = None
    """TLS options for the token server. Default: those of the check, except `server_name`."""


def _cookies(cookies: dict[str, str | Secret]) -> dict[str, str | Secret]:
    for name, value in cookies.items():
        if not is_token(name):
            raise problem_at(name, "is not a cookie's name; write letters, digits, - and _")
        if not _CRUMBS.fullmatch(plain(value)):
            raise problem_at(name, "holds what a cookie cannot; write spaces, commas, semicolons and quotes as %20 ...")
    return cookies


@dataclass(frozen=True, slots=True)
class Payload:
    """A file's content at the load, ready to be sent."""

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
    """Return the protocol that `1.1`, `2` or `auto` names; YAML reads two of them as numbers."""
    if (version := VERSIONS.get(str(value), value)) in ("1.1", "2", "auto"):
        return str(version)
    raise ValueError(f"{quoted(value)} is no protocol; write 1.1, 2 or auto")


Cookies = Annotated[dict[str, HeaderValue], AfterValidator(_cookies)]
PayloadField = Annotated[Payload, PlainValidator(_payload), AS_TEXT, WithJsonSchema({"type": "string"})]
Protocol = Annotated[str, BeforeValidator(_protocol), WithJsonSchema({"enum": ["1.1", "2", "auto", 1.1, 2]})]


class Requesting(Reached):
    """A check that asks something over HTTP: as whom, and by which way."""

    headers: Headers = Field(default_factory=dict)
    """Sent with the request; `Accept-Encoding: identity` is sent unless said otherwise."""

    basic: Basic | None = None
    """HTTP Basic credentials."""

    bearer: Secret | None = None
    """A bearer token."""

    oauth2: OAuth2 | None = None
    """A bearer token that is fetched with a client's credentials."""

    proxy: ProxyUrl | None = None
    """The proxy to go through, `http://host:port`. It is never taken from the environment."""

    proxy_basic: Basic | None = None
    """Credentials for the proxy."""

    tls: TlsOptions = TlsOptions()
    """How the certificate is judged."""

    @field_validator("headers")
    @classmethod
    def _leaves_sending_to_us(cls, headers: Headers) -> Headers:
        for name in headers:
            if name.lower() in _FRAMING:
                raise problem_at(name, "says how the request is sent, which follows from the rest; leave it out")
        return headers

    @model_validator(mode="after")
    def _asks_as_one_and_by_one_way(self) -> Self:
        given = [name for name in ("basic", "bearer", "oauth2") if getattr(self, name) is not None]
        if len(given) > 1:
            raise problem_at(given[1], f"a request carries one set of credentials; keep {' or '.join(given)}")
        if self.oauth2 and "authorization" in self.named:
            raise problem_at("oauth2", "the headers hold an Authorization already; keep one of the two")
        if self.proxy is None and self.proxy_basic is not None:
            raise problem_at("proxy_basic", "has no effect without a proxy; add proxy: http://host:port")
        return self

    def may_speak_tls(self, url: str, redirects: int = 0) -> bool:
        """Return whether TLS may be spoken on the way to a URL, and be judged by `tls`."""
        tokens = self.oauth2 is not None and self.oauth2.tls is None and self.oauth2.token_url.startswith("https:")
        return url.startswith("https:") or redirects > 0 or tokens

    def refuse_idle_tls(self, url: str, redirects: int = 0) -> None:
        """Refuse options of TLS, as a mistake, where none may be spoken on the way to the URL."""
        if self.tls != TlsOptions() and not self.may_speak_tls(url, redirects):
            raise problem_at("tls", "has no effect where no TLS is spoken; write https://")

    @property
    def named(self) -> set[str]:
        """The headers' names in lower case."""
        return {name.lower() for name in self.headers}


class HttpCheck(Requesting):
    """A request and the answer that counts as good (status 2xx unless `expect` says otherwise).

    `docs/http.md` shows every option in use.
    """

    kind: ClassVar[str] = "http"

    http: HttpUrl
    """The URL to request."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    """The request's method."""

    cookies: Cookies = Field(default_factory=dict)
    """Sent with the request: names to texts or secrets. Those that a redirect sets are sent on to the same host and
    path, and one that it ends (`Max-Age=0`) is not sent any more."""

    body: HeaderValue | None = None
    """Sent with any method but GET and HEAD: text, or a secret."""

    body_file: PayloadField | None = None
    """A file to send as the body, in place of `body`. A relative path starts at this file."""

    redirects: Annotated[int, Field(ge=0, le=20, strict=True)] = 0  # 20, as browsers
    """How many redirects are followed; 0 judges the first answer. Credentials, and headers that hold a
    secret, do not leave the first origin; a body that is a secret does not either, the redirect is refused."""

    resolve_to: HostName | None = None
    """The address to connect to in place of the URL's host; SNI, Host and the certificate's name stay the URL's."""

    protocol: Protocol = "1.1"
    """The HTTP version to speak: `1.1`, `2`, or `auto` for what the server prefers (over TLS)."""

    compression: Literal["gzip", "deflate"] | None = None
    """Ask for this compression, and take no body without it. The body is judged after decompression."""

    body_limit: Annotated[int, Field(ge=1, le=64 * 1024 * 1024, strict=True)] = 1024 * 1024
    """Bytes of the body that are read at the most, and that it may have after decompression."""

    expect: Expect = Expect()
    """What the answer must be."""

    @property
    def target(self) -> str:
        """The URL without its query, which may hold a key."""
        return self.http.partition("?")[0]

    @property
    def payload(self) -> bytes:
        """What is sent as the body."""
        if self.body_file is not None:
            return self.body_file.data
        return b"" if self.body is None else plain(self.body).encode()

    @model_validator(mode="after")
    def _sends_what_the_method_carries(self) -> Self:
        sent = "body_file" if self.body is None else "body"
        if self.payload and self.method in _BODILESS:
            raise problem_at(sent, f"a {self.method} request carries no body; add method: POST")
        if self.body is not None and self.body_file is not None:
            raise problem_at("body_file", "a request carries one body; keep body or body_file")
        if self.method == "HEAD" and self.expect.needs_body:
            raise problem_at("expect", "the answer to HEAD has no body to look into; use method: GET")
        size = self.expect.body_size
        if size is not None and size.needed > self.body_limit:
            raise problem_at("body_limit", f"is too little to tell body_size; raise it to {size.needed} or more")
        return self

    @model_validator(mode="after")
    def _means_one_thing(self) -> Self:
        if self.cookies and "cookie" in self.named:
            raise problem_at("cookies", "the headers hold a Cookie already; keep one of the two")
        if self.compression and "accept-encoding" in self.named:
            raise problem_at("compression", "the headers hold an Accept-Encoding already; keep one of the two")
        if self.proxy is not None and self.resolve_to is not None:
            raise problem_at("resolve_to", "has no effect with a proxy, which looks the name up itself")
        if self.proxy is not None and self.protocol == "2" and self.http.startswith("http:"):
            raise problem_at("protocol", "a proxy takes HTTP/2 for https URLs only; leave protocol out")
        return self

    @model_validator(mode="after")
    def _judges_what_is_shown(self) -> Self:
        self.refuse_idle_tls(self.http, self.redirects)
        return self
