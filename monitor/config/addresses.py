"""Validate the addresses and headers of probes when a file is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import core_schema

from monitor.config.domain_names import host
from monitor.config.errors import quoted
from monitor.config.secret import SECRET_SCHEMA, Secret, plain, read_secret
from monitor.config.values import AS_TEXT, problem_at

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

_HOST_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/@\s]+)):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host (name or IP address, without brackets) and a port. `str()` gives `host:port`, `[::1]:port`."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, value: Any, *, lowest: int = 1) -> HostPort:
        """Return what `host:port` or `[::1]:port` says.

        Raises:
            ValueError: it says something else; a port below `lowest` is refused.
        """
        if isinstance(value, HostPort):
            return value
        if not isinstance(value, str):
            raise ValueError("not an address; write host:port in quotes")
        match = _HOST_PORT.fullmatch(value)
        if "@" in value:
            raise ValueError("a user name or password has no place in an address; write host:port")
        if match is None or not lowest <= int(match[3]) <= 65535:
            raise ValueError(f"{quoted(value)} is not an address; write host:port, e.g. 127.0.0.1:9999 or [::1]:9999")
        return cls(host(match[1] or match[2]), int(match[3]))


_HOST_PORT_SCHEMA = {"type": "string", "examples": ["127.0.0.1:9999", "db.example.org:5432", "[::1]:9999"]}

HostPortField = Annotated[HostPort, PlainValidator(HostPort.parse), AS_TEXT, WithJsonSchema(_HOST_PORT_SCHEMA)]
"""A target's address."""


@dataclass(frozen=True, slots=True)
class DefaultPort:
    """Makes `Annotated[HostPort, DefaultPort(25)]` an address with an optional port."""

    port: int

    def parse(self, value: Any) -> HostPort:
        """Return what `host`, `[::1]` or `host:port` says, with this port where none is written."""
        if not isinstance(value, str) or _HOST_PORT.fullmatch(value) or ("@" in value):
            return HostPort.parse(value)
        return HostPort(host(value.removeprefix("[").removesuffix("]")), self.port)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "examples": ["host.example.org", f"host.example.org:{self.port}"]}


Listen = Annotated[
    HostPort, PlainValidator(lambda value: HostPort.parse(value, lowest=0)), AS_TEXT, WithJsonSchema(_HOST_PORT_SCHEMA)
]
"""An address to listen on; port 0 takes any free one."""

HostName = Annotated[str, AfterValidator(host)]


def as_ascii(url: str) -> str:
    """Return a URL as it is sent: its host in IDNA form, other letters beyond ASCII and blanks as %C3%BC (of UTF-8).

    Raises:
        ValueError: its host is none.
    """
    parts = urlsplit(url)
    if not parts.netloc.isascii():
        user, at, _ = parts.netloc.rpartition("@")
        port = "" if parts.port is None else f":{parts.port}"
        url = parts._replace(netloc=f"{user}{at}{host(parts.hostname or '')}{port}").geturl()
    return re.sub(r"[^!-~]+", lambda match: quote(match[0], errors="surrogateescape"), url)


def _http_url(value: str) -> str:
    """Return the URL in ASCII. No message quotes one: its query may hold a key."""
    try:
        parts = urlsplit(value)
        port, name = parts.port, parts.hostname
    except ValueError:  # its text quotes the part that is wrong, which may be a password
        raise ValueError("not a URL; write http://host/path or https://host:port/path") from None
    if parts.scheme not in ("http", "https") or not name:
        raise ValueError("not a web address; write http://host/path or https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user name or password has no place in a URL; use basic: {user: ..., password: {env: NAME}}")
    if parts.fragment:
        raise ValueError("the part after # is never sent to a server; leave it out")
    if port == 0 or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("port 0, spaces and control characters have no place in a URL; write a space as %20")
    host(name)
    return as_ascii(value)


HttpUrl = Annotated[
    str,
    AfterValidator(_http_url),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://"}),
]
"""An http or https URL without user name, password or fragment; a plain `str` in ASCII."""


def public_url(value: str) -> str:
    """Return the address of our own pages, without a slash at its end.

    Raises:
        ValueError: it is none, or has more than scheme, host and port: the pages are served at the root.
    """
    url = _http_url(value)
    parts = urlsplit(url)
    if parts.path not in ("", "/") or parts.query:
        raise ValueError("the pages are served at the root of a host; write https://status.example.org")
    return f"{parts.scheme}://{parts.netloc}"


PublicUrl = Annotated[
    str,
    AfterValidator(public_url),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://[^/?#@]+/?$"}),
]
"""The address at which people reach our own pages."""


def _proxy_url(value: Any) -> HostPort:
    if isinstance(value, HostPort):
        return value
    match = re.fullmatch(r"http://([^/]+)/?", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a proxy; write http://host:port (the way to it is in the clear, through it is not)")
    if "@" in match[1]:
        raise ValueError("a password has no place in a URL; use proxy_basic: {user: ..., password: {env: NAME}}")
    return HostPort.parse(match[1])


ProxyUrl = Annotated[
    HostPort,
    PlainValidator(_proxy_url),
    PlainSerializer(lambda value: f"http://{value}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^http://[^/@]+:[0-9]+/?$"}),
]
"""The address of an HTTP proxy, written as a URL."""


def _websocket_url(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in ("ws", "wss"):
        raise ValueError("not a WebSocket address; write ws://host/path or wss://host/path")
    return "ws" + _http_url(f"http{scheme.removeprefix('ws')}://{rest}").removeprefix("http")


WebSocketUrl = Annotated[
    str,
    AfterValidator(_websocket_url),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^wss?://"}),
]
"""A ws or wss URL without user name, password or fragment; a plain `str` in ASCII."""

# --- Headers -----------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_GUARDED = re.compile(r"(proxy-)?authorization|(set-)?cookie|.*(api-?key|token|secret|password).*", re.IGNORECASE)


def is_token(name: str) -> bool:
    """Return whether a header or a cookie may have this name."""
    return _TOKEN.fullmatch(name) is not None


def guarded(name: str) -> bool:
    """Return whether a header of this name carries credentials."""
    return _GUARDED.fullmatch(name) is not None


def _value(value: Any, info: ValidationInfo) -> str | Secret:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping | Secret):
        return read_secret(value, info)
    raise ValueError("not text; put it in quotes, or name where a secret is kept: {env: NAME} or {file: PATH}")


def _headers(headers: dict[str, str | Secret]) -> dict[str, str | Secret]:
    """Refuse what would break out of a header, and a secret that is written in the open."""
    for name, value in headers.items():
        if not is_token(name):
            raise problem_at(name, f"{quoted(name)} is not a header's name; write letters, digits and -")
        if isinstance(value, str) and guarded(name):
            raise problem_at(name, f"{name} carries a secret; name where it is kept: {{env: NAME}} or {{file: PATH}}")
        if re.search(r"[\r\n\x00]", plain(value)):
            raise problem_at(name, "contains a line break, which is not allowed in a header; use one line")
    return headers


HeaderValue = Annotated[
    str | Secret, PlainValidator(_value), WithJsonSchema({"anyOf": [{"type": "string"}, SECRET_SCHEMA]})
]
Headers = Annotated[dict[str, HeaderValue], AfterValidator(_headers)]
"""Header names to text or `Secret`; those that carry credentials by their name must be secrets."""
