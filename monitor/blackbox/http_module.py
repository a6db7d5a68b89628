"""The `http:` options of a blackbox_exporter module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from monitor.blackbox.go_syntax import accepts_coding
from monitor.blackbox.module_options import IpOptions, NoSecretManager, TlsConfig
from monitor.blackbox.values import (
    Block,
    Body,
    FileText,
    Flag,
    HttpVersion,
    Method,
    Pattern,
    ProxyUrl,
    Scheme,
    SecretFile,
    SecretText,
    SentHeaders,
    Size,
    Status,
    Str,
    TokenUrl,
    Unsupported,
)
from monitor.config.secret import plain
from monitor.config.values import problem_at

if TYPE_CHECKING:
    from monitor.config.model import Regex

_NoCel = Annotated[None, Unsupported("use fail_if_body_matches_regexp, or an http check with `expect: {json:}`")]


class BasicAuth(Block):
    """The block `basic_auth:`."""

    username: Str = ""
    password: SecretText | None = None
    password_file: SecretFile | None = None
    username_file: NoSecretManager = None
    username_ref: NoSecretManager = None
    password_ref: NoSecretManager = None


class Authorization(Block):
    """The block `authorization:`, credentials in the Authorization header."""

    type: Scheme = "Bearer"
    credentials: SecretText | None = None
    credentials_file: SecretFile | None = None
    credentials_ref: NoSecretManager = None


class OAuth2(Block):
    """The block `oauth2:`, the client credentials grant."""

    client_id: Str
    client_secret: SecretText | None = None
    client_secret_file: SecretFile | None = None
    client_secret_ref: NoSecretManager = None
    scopes: tuple[Str, ...] = ()
    token_url: TokenUrl
    endpoint_params: dict[str, Body] = Field(default_factory=dict)
    tls_config: TlsConfig = TlsConfig()
    proxy_url: Annotated[None, Unsupported("token requests use the module's proxy; remove it")] = None


def _not_empty(pattern: Regex) -> Regex:
    if not pattern.text:
        raise ValueError("is empty; use a regular expression")
    return pattern


class HeaderMatch(Block):
    """A header and the regular expression for its value."""

    header: Annotated[Str, Field(min_length=1)]
    regexp: Annotated[Pattern, AfterValidator(_not_empty)]
    allow_missing: Flag = False


def _coding(value: object) -> object:
    if value == "br":
        raise ValueError("br (Brotli) is not supported; use gzip or deflate")
    return value or None


class HttpModule(IpOptions):
    """The `http:` options of a blackbox_exporter module."""

    valid_status_codes: tuple[Status, ...] = ()
    valid_http_versions: tuple[HttpVersion, ...] = ()
    method: Method = "GET"
    headers: SentHeaders = Field(default_factory=dict)
    body_size_limit: Size = 0
    compression: Annotated[Literal["gzip", "deflate", "identity"] | None, BeforeValidator(_coding)] = None
    follow_redirects: Flag = True
    no_follow_redirects: Flag | None = None
    fail_if_ssl: Flag = False
    fail_if_not_ssl: Flag = False
    fail_if_body_matches_regexp: tuple[Pattern, ...] = ()
    fail_if_body_not_matches_regexp: tuple[Pattern, ...] = ()
    fail_if_header_matches: tuple[HeaderMatch, ...] = ()
    fail_if_header_not_matches: tuple[HeaderMatch, ...] = ()
    fail_if_body_json_matches_cel: _NoCel = None
    fail_if_body_json_not_matches_cel: _NoCel = None
    tls_config: TlsConfig = TlsConfig()
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    bearer_token: SecretText | None = None
    bearer_token_file: SecretFile | None = None
    oauth2: OAuth2 | None = None
    proxy_url: Annotated[ProxyUrl | None, BeforeValidator(lambda value: value or None)] = None
    no_proxy: Annotated[None, Unsupported("use two modules, one without a proxy")] = None
    proxy_from_environment: Annotated[None, Unsupported("use proxy_url")] = None
    proxy_connect_header: Annotated[None, Unsupported("use user and password in proxy_url")] = None
    skip_resolve_phase_with_proxy: Flag = False
    enable_http2: Flag = True
    enable_http3: Annotated[None, Unsupported("remove it")] = None
    http_headers: Annotated[None, Unsupported("use headers")] = None
    body: Body = ""
    body_file: FileText | None = None

    @property
    def follows_redirects(self) -> bool:
        """Whether the prober follows redirects; `no_follow_redirects`, the older key, takes precedence."""
        return self.follow_redirects if self.no_follow_redirects is None else not self.no_follow_redirects

    @property
    def decompression(self) -> Literal["gzip", "deflate"] | None:
        """The compression with which the body is decoded, regardless of its Content-Encoding."""
        return None if self.compression == "identity" else self.compression

    @property
    def needs_body(self) -> bool:
        """Whether validation needs the content of the body, not only its size."""
        return bool(self.decompression or self.fail_if_body_matches_regexp or self.fail_if_body_not_matches_regexp)

    @model_validator(mode="after")
    def _has_no_conflict(self) -> Self:
        credential_keys = ("basic_auth", "authorization", "bearer_token", "bearer_token_file", "oauth2")
        configured_keys = [key for key in credential_keys if getattr(self, key) is not None]
        if len(configured_keys) > 1:
            raise problem_at(
                configured_keys[1], f"a request has one set of credentials; keep this or {configured_keys[0]}"
            )
        if self.body and self.body_file is not None:
            raise problem_at("body_file", "conflicts with body; keep one")
        for name, value in self.headers.items():
            if name.lower() == "accept-encoding" and not accepts_coding(plain(value), self.compression):
                raise problem_at(
                    "headers", f"Accept-Encoding does not accept {self.compression}; add it or remove compression"
                )
        return self
