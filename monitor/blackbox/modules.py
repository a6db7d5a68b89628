"""The module file of blackbox_exporter: its keys and its defaults, so that a file in use is taken as it is.

Keys of later versions than 0.23 are known where we have the same. What is known and cannot be done is refused with the
reason; a key that is not known at all is a mistake, as it is there.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import parse_qsl, urlsplit

import dns.exception
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from monitor.blackbox.go_syntax import admits
from monitor.blackbox.values import (
    Block,
    Body,
    Filed,
    Flag,
    GoDuration,
    Hidden,
    HttpVersion,
    KeptHidden,
    Method,
    OwnCertificate,
    OwnKey,
    Pattern,
    Protocol,
    ProxyUrl,
    Refused,
    Scheme,
    SentHeaders,
    Size,
    SourceAddress,
    Status,
    Str,
    TokenUrl,
    Trusted,
    harmless,
    spelled,
)
from monitor.config.addresses import HostName
from monitor.config.domain_names import to_ascii
from monitor.config.errors import quoted
from monitor.config.secret import plain
from monitor.config.tls import show
from monitor.config.values import problem_at
from monitor.protocols.grpc_health import of_the_call

if TYPE_CHECKING:
    from monitor.config.model import Regex

_Version = Literal["TLS10", "TLS11", "TLS12", "TLS13"]
_Inline = Annotated[None, Refused("write it into a file and name that with ca_file, cert_file or key_file")]
_Managed = Annotated[None, Refused("there is no secret manager here; write the value or name a file")]
_Cel = Annotated[
    None, Refused("CEL is not evaluated here; use fail_if_body_matches_regexp, or an http check with `expect: {json:}`")
]
_MAY_BE_EMPTY = {"ca_file", "cert_file", "key_file", "server_name"}
_METADATA = re.compile(r"[0-9A-Za-z_.-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


class TlsConfig(Block):
    """How TLS is spoken, and the certificate judged."""

    insecure_skip_verify: Flag = False
    ca_file: Trusted | None = None
    cert_file: OwnCertificate | None = None
    key_file: OwnKey | None = None
    server_name: HostName | None = None
    min_version: _Version | None = None
    max_version: _Version | None = None
    ca: _Inline = None
    cert: _Inline = None
    key: _Inline = None
    ca_ref: _Managed = None
    cert_ref: _Managed = None
    key_ref: _Managed = None

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        """An empty text is as good as none, for Go."""
        if not isinstance(given, dict):
            return given
        return {key: value for key, value in given.items() if value != "" or key not in _MAY_BE_EMPTY}

    @property
    def only(self) -> Literal["TLSv1.2", "TLSv1.3"] | None:
        """The one version that may be spoken; None if it may be 1.2 or 1.3. Older ones never are."""
        if self.min_version == "TLS13":
            return "TLSv1.3"
        return "TLSv1.2" if self.max_version == "TLS12" else None

    @model_validator(mode="after")
    def _can_be_spoken(self) -> Self:
        if (self.cert_file is None) is not (self.key_file is None):
            raise problem_at("key_file" if self.key_file is None else "cert_file", "is missing; the two go together")
        if self.max_version in ("TLS10", "TLS11"):
            raise problem_at("max_version", "is not supported; TLS 1.0 and 1.1 are not spoken here, write TLS12")
        if self.min_version == "TLS13" and self.max_version == "TLS12":
            raise problem_at("max_version", "is below min_version, so that no version is left; raise it")
        if self.cert_file is not None and self.key_file is not None:
            try:
                show(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self.cert_file.pem, self.key_file)
            except ValueError as error:
                raise problem_at("key_file", str(error)) from None
        return self


class Reached(Block):
    """Which of a name's addresses is probed. One is, as in blackbox_exporter."""

    preferred_ip_protocol: Protocol = "ip6"
    ip_protocol_fallback: Flag = True


class Sourced(Reached):
    """What may be probed from a chosen address of ours."""

    source_ip_address: SourceAddress = ""


class BasicAuth(Block):
    """HTTP Basic credentials."""

    username: Str = ""
    password: Hidden | None = None
    password_file: KeptHidden | None = None
    username_file: _Managed = None
    username_ref: _Managed = None
    password_ref: _Managed = None


class Authorization(Block):
    """The header of that name."""

    type: Scheme = "Bearer"
    credentials: Hidden | None = None
    credentials_file: KeptHidden | None = None
    credentials_ref: _Managed = None


class OAuth2(Block):
    """A token fetched by client credentials."""

    client_id: Str
    client_secret: Hidden | None = None
    client_secret_file: KeptHidden | None = None
    client_secret_ref: _Managed = None
    scopes: tuple[Str, ...] = ()
    token_url: TokenUrl
    endpoint_params: dict[str, Body] = Field(default_factory=dict)
    tls_config: TlsConfig = TlsConfig()
    proxy_url: Annotated[None, Refused("the token is fetched as the module's requests are; leave it out")] = None


def _said(pattern: Regex) -> Regex:
    if not pattern.text:
        raise ValueError("is empty; write a regular expression")
    return pattern


class HeaderMatch(Block):
    """A header, and what its value is held against."""

    header: Annotated[Str, Field(min_length=1)]
    regexp: Annotated[Pattern, AfterValidator(_said)]
    allow_missing: Flag = False


def _coding(value: object) -> object:
    if value == "br":
        raise ValueError("br is not supported; Brotli is not undone here, write gzip or deflate")
    return value or None


class HttpModule(Reached):
    """`http:` of a module."""

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
    fail_if_body_json_matches_cel: _Cel = None
    fail_if_body_json_not_matches_cel: _Cel = None
    tls_config: TlsConfig = TlsConfig()
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    bearer_token: Hidden | None = None
    bearer_token_file: KeptHidden | None = None
    oauth2: OAuth2 | None = None
    proxy_url: Annotated[ProxyUrl | None, BeforeValidator(lambda value: value or None)] = None
    no_proxy: Annotated[None, Refused("a module has one proxy or none; write two modules")] = None
    proxy_from_environment: Annotated[
        None, Refused("what is in the environment would change verdicts unseen; write proxy_url")
    ] = None
    proxy_connect_header: Annotated[None, Refused("put the proxy's user and password into proxy_url")] = None
    skip_resolve_phase_with_proxy: Flag = False
    enable_http2: Flag = True
    enable_http3: Annotated[None, Refused("HTTP/3 is not spoken here; leave it out")] = None
    http_headers: Annotated[None, Refused("write headers")] = None
    body: Body = ""
    body_file: Filed | None = None

    @property
    def follows(self) -> bool:
        """Whether redirects are followed; the older key wins, as it does there."""
        return self.follow_redirects if self.no_follow_redirects is None else not self.no_follow_redirects

    @property
    def undone(self) -> Literal["gzip", "deflate"] | None:
        """The compression that is undone, whatever the answer says of itself."""
        return None if self.compression == "identity" else self.compression

    @property
    def looks_into_body(self) -> bool:
        """Whether it is not enough to count the body's bytes."""
        return bool(self.undone or self.fail_if_body_matches_regexp or self.fail_if_body_not_matches_regexp)

    @model_validator(mode="after")
    def _says_it_once(self) -> Self:
        ways = ("basic_auth", "authorization", "bearer_token", "bearer_token_file", "oauth2")
        given = [each for each in ways if getattr(self, each) is not None]
        if len(given) > 1:
            raise problem_at(given[1], f"a request carries one set of credentials; keep this or {given[0]}")
        if self.body and self.body_file is not None:
            raise problem_at("body_file", "body says the same in another way; keep one")
        for name, value in self.headers.items():
            if name.lower() == "accept-encoding" and not admits(plain(value), self.compression):
                raise problem_at("headers", f"Accept-Encoding does not admit {self.compression}, which is undone")
        return self


class Label(Block):
    """A label of `probe_expect_info`."""

    name: Annotated[Str, spelled("[A-Za-z_][A-Za-z0-9_]*", "a label's name; write letters, digits and _")]
    value: Str = ""


class Step(Block):
    """One entry of `query_response`."""

    expect: Pattern | None = None
    expect_bytes: Str = ""
    labels: tuple[Label, ...] = ()
    send: Body = ""
    starttls: Flag = False

    @model_validator(mode="after")
    def _expects_one_thing(self) -> Self:
        if self.expect is not None and self.expect_bytes:
            raise problem_at("expect_bytes", "expect says the same in another way; keep one")
        if self.labels and self.expect is None:
            raise problem_at("labels", "label what expect found; write expect as well")
        return self


class TcpModule(Sourced):
    """`tcp:` of a module."""

    query_response: tuple[Step, ...] = ()
    tls: Flag = False
    tls_config: TlsConfig = TlsConfig()


class Records(Block):
    """What the records of one section must be and must not."""

    fail_if_matches_regexp: tuple[Pattern, ...] = ()
    fail_if_all_match_regexp: tuple[Pattern, ...] = ()
    fail_if_not_matches_regexp: tuple[Pattern, ...] = ()
    fail_if_none_matches_regexp: tuple[Pattern, ...] = ()


def _known_to(read: Callable[[str], object], what: str) -> AfterValidator:
    """Return what takes a text only if dnspython can read it; `what` says what it is not, and what to write."""

    def known(value: str) -> str:
        try:
            read(value)
        except dns.exception.DNSException:
            raise ValueError(f"{quoted(value)} is no {what}") from None
        return value

    return AfterValidator(known)


def _or_default(default: str) -> BeforeValidator:
    """Return what takes an empty text for the default, as Go does."""
    return BeforeValidator(lambda value: default if value == "" else value)


_TYPE = _known_to(dns.rdatatype.from_text, "record type; write A, AAAA, MX, SOA, TXT, ...")
_CLASS = _known_to(dns.rdataclass.from_text, "class of records; write IN, CH or HS")
_RCODE = _known_to(dns.rcode.from_text, "answer code; write NOERROR, NXDOMAIN, SERVFAIL, ...")


class DnsModule(Sourced):
    """`dns:` of a module."""

    query_name: Annotated[Str, Field(min_length=1)]
    query_type: Annotated[Str, _or_default("ANY"), _TYPE] = "ANY"
    query_class: Annotated[Str, _or_default("IN"), _CLASS] = "IN"
    recursion_desired: Flag = True
    transport_protocol: Annotated[Literal["udp", "tcp"], _or_default("udp")] = "udp"
    dns_over_tls: Flag = False
    tls_config: TlsConfig = TlsConfig()
    valid_rcodes: tuple[Annotated[Str, _RCODE], ...] = ()
    validate_answer_rrs: Records = Records()
    validate_authority_rrs: Records = Records()
    validate_additional_rrs: Records = Records()

    @field_validator("query_name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        name = value if value.isascii() else to_ascii(value)
        try:
            dns.name.from_text(name)
        except dns.exception.DNSException:
            raise ValueError(f"{quoted(value)} is no domain name") from None
        return name

    @model_validator(mode="after")
    def _over_tls_means_tcp(self) -> Self:
        if self.dns_over_tls and self.transport_protocol != "tcp":
            raise problem_at("dns_over_tls", "goes over TCP; write transport_protocol: tcp")
        return self


class IcmpModule(Sourced):
    """`icmp:` of a module."""

    dont_fragment: Flag = False
    payload_size: Annotated[int, Field(ge=0, le=65_507, strict=True)] = 0
    ttl: Annotated[int, Field(ge=0, le=255, strict=True)] = 64


class GrpcModule(Reached):
    """`grpc:` of a module."""

    service: Str = ""
    tls: Flag = False
    tls_config: TlsConfig = TlsConfig()
    metadata: dict[str, tuple[Body, ...]] = Field(default_factory=dict)

    @field_validator("metadata")
    @classmethod
    def _can_be_sent(cls, metadata: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, values in metadata.items():
            if not _METADATA.fullmatch(name):
                raise problem_at(name, "is not a name of metadata; write letters, digits, -, _ and .")
            if of_the_call(name):
                raise problem_at(name, "belongs to the call itself; leave it out")
            if not all(map(_PRINTABLE.fullmatch, values)):
                raise problem_at(name, "holds what cannot be sent; write printable ASCII on one line")
        return metadata


class Module(Block):
    """One way to probe, under the name that `?module=` gives."""

    prober: Literal["http", "tcp", "dns", "icmp", "grpc"]
    timeout: GoDuration = 0.0
    http: HttpModule = HttpModule()
    tcp: TcpModule = TcpModule()
    dns: DnsModule | None = None
    icmp: IcmpModule = IcmpModule()
    grpc: GrpcModule = GrpcModule()

    def unshown(self) -> Iterator[str]:
        """Yield what is sent and may be a credential although nothing marks it as one: `debug=true` hides it."""
        for name, value in self.http.headers.items():
            if isinstance(value, str) and not harmless(name):
                yield value
        for values in self.grpc.metadata.values():
            yield from values
        if self.http.oauth2 is not None:
            yield from (value for _, value in parse_qsl(urlsplit(self.http.oauth2.token_url).query))

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.prober == "dns" and self.dns is None:
            return self.model_copy(update={"dns": DnsModule(query_name=".")})  # as there
        return self


class ModuleFile(Block):
    """The whole file."""

    go_yaml: ClassVar[bool] = True
    modules: dict[str, Module] = Field(default_factory=dict)
