"""Validate the addresses and headers of probes when a file is loaded."""

from __future__ import annotations

import ipaddress
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

    def as_destination(self) -> HostPort:
        """Return the address to reach a server that listens here from the same machine: loopback for a wildcard."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:  # a name
            return self
        return HostPort("127.0.0.1" if address.version == 4 else "::1", self.port) if address.is_unspecified else self

    @classmethod
    def parse(cls, value: Any, *, min_port: int = 1) -> HostPort:
        """Parse `host:port` or `[::1]:port`.

        Raises:
            ValueError: the value has another form, or the port is below `min_port`.
        """
        if isinstance(value, HostPort):
            return value
        if not isinstance(value, str):
            raise ValueError("not an address; use host:port in quotes")
        match = _HOST_PORT.fullmatch(value)
        if "@" in value:
            raise ValueError("an address must not contain a user name or password; use host:port")
        if match is None or not min_port <= int(match[3]) <= 65535:
            raise ValueError(f"{quoted(value)} is not an address; use host:port, e.g. 127.0.0.1:9999 or [::1]:9999")
        return cls(host(match[1] or match[2]), int(match[3]))


def loopback(name: str) -> bool:
    """Return whether the host is `localhost` or a loopback address, without brackets.

    >>> loopback("localhost"), loopback("::1"), loopback("127.0.0.1.evil.example")
    (True, True, False)
    """
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


_HOST_PORT_SCHEMA = {"type": "string", "examples": ["127.0.0.1:9999", "db.example.org:5432", "[::1]:9999"]}

HostPortField = Annotated[HostPort, PlainValidator(HostPort.parse), AS_TEXT, WithJsonSchema(_HOST_PORT_SCHEMA)]
"""The address of a target."""


@dataclass(frozen=True, slots=True)
class DefaultPort:
    """The port of an address without a port, in `Annotated[HostPort, DefaultPort(25)]`."""

    port: int

    def parse(self, value: Any) -> HostPort:
        """Parse `host`, `[::1]` or `host:port`. An address without a port gets this port."""
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
    HostPort,
    PlainValidator(lambda value: HostPort.parse(value, min_port=0)),
    AS_TEXT,
    WithJsonSchema(_HOST_PORT_SCHEMA),
]
"""An address to listen on. Port 0 selects any free port."""

HostName = Annotated[str, AfterValidator(host)]


def as_ascii(url: str) -> str:
    """Return a URL in ASCII: the host in IDNA form, other non-ASCII characters and spaces percent-encoded as UTF-8.

    Raises:
        ValueError: the host is invalid.
    """
    parts = urlsplit(url)
    if not parts.netloc.isascii():
        user, separator, _ = parts.netloc.rpartition("@")
        port = "" if parts.port is None else f":{parts.port}"
        url = parts._replace(netloc=f"{user}{separator}{host(parts.hostname or '')}{port}").geturl()
    return re.sub(r"[^!-~]+", lambda match: quote(match[0], errors="surrogateescape"), url)


def http_url(value: str) -> str:
    """Return the URL in ASCII. Error messages never quote the URL, because its query may contain a key."""
    try:
        parts = urlsplit(value)
        port, name = parts.port, parts.hostname
    except ValueError:  # the error's text quotes the invalid part of the URL, which may be a password
        raise ValueError("not a URL; use http://host/path or https://host:port/path") from None
    if parts.scheme not in ("http", "https") or not name:
        raise ValueError("not an http or https URL; use http://host/path or https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "a URL must not contain a user name or password; use basic: {user: ..., password: {env: NAME}}"
        )
    if parts.fragment:
        raise ValueError("the part after # is never sent to a server; remove it")
    if port == 0 or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("a URL must not contain port 0, spaces or control characters; encode a space as %20")
    host(name)
    return as_ascii(value)


HttpUrl = Annotated[
    str,
    AfterValidator(http_url),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://"}),
]
"""An http or https URL without user name, password or fragment: a plain `str` in ASCII."""


def public_url(value: str) -> str:
    """Return the URL of our own pages without the trailing slash.

    Raises:
        ValueError: the URL is invalid, or has a path or a query: the pages are served at the root.
    """
    url = http_url(value)
    parts = urlsplit(url)
    if parts.path not in ("", "/") or parts.query:
        raise ValueError("the pages are served at the root of a host; use https://status.example.org")
    return f"{parts.scheme}://{parts.netloc}"


PublicUrl = Annotated[
    str,
    AfterValidator(public_url),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://[^/?#@]+/?$"}),
]
"""The public URL of our own pages."""


def _proxy_url(value: Any) -> HostPort:
    if isinstance(value, HostPort):
        return value
    match = re.fullmatch(r"http://([^/]+)/?", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a proxy; use http://host:port (only the connection to the proxy is unencrypted)")
    if "@" in match[1]:
        raise ValueError("a URL must not contain a password; use proxy_basic: {user: ..., password: {env: NAME}}")
    return HostPort.parse(match[1])


ProxyUrl = Annotated[
    HostPort,
    PlainValidator(_proxy_url),
    PlainSerializer(lambda value: f"http://{value}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^http://[^/@]+:[0-9]+/?$"}),
]
"""The address of an HTTP proxy, specified as a URL."""


def _websocket_url(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in ("ws", "wss"):
        raise ValueError("not a WebSocket URL; use ws://host/path or wss://host/path")
    return "ws" + http_url(f"http{scheme.removeprefix('ws')}://{rest}").removeprefix("http")


WebSocketUrl = Annotated[
    str,
    AfterValidator(_websocket_url),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^wss?://"}),
]
"""A ws or wss URL without user name, password or fragment: a plain `str` in ASCII."""

# --- Headers -----------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_CREDENTIAL_HEADER = re.compile(
    r"(proxy-)?authorization|(set-)?cookie|.*(api-?key|token|secret|password).*", re.IGNORECASE
)


def is_token(name: str) -> bool:
    """Return whether this is a valid header or cookie name."""
    return _TOKEN.fullmatch(name) is not None


def carries_credentials(name: str) -> bool:
    """Return whether a header with this name carries credentials."""
    return _CREDENTIAL_HEADER.fullmatch(name) is not None


def _header_value(value: Any, info: ValidationInfo) -> str | Secret:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping | Secret):
        return read_secret(value, info)
    raise ValueError("not text; put it in quotes, or use a reference to a secret: {env: NAME} or {file: PATH}")


def _headers(headers: dict[str, str | Secret]) -> dict[str, str | Secret]:
    """Reject invalid names, values with line breaks, and credentials that are not references to secrets."""
    for name, value in headers.items():
        if not is_token(name):
            raise problem_at(name, f"{quoted(name)} is not a header name; use letters, digits and -")
        if isinstance(value, str) and carries_credentials(name):
            raise problem_at(name, f"{name} contains a secret; use a reference to it: {{env: NAME}} or {{file: PATH}}")
        if re.search(r"[\r\n\x00]", plain(value)):
            raise problem_at(name, "contains a line break, which is not allowed in a header; use one line")
    return headers


HeaderValue = Annotated[
    str | Secret, PlainValidator(_header_value), WithJsonSchema({"anyOf": [{"type": "string"}, SECRET_SCHEMA]})
]
Headers = Annotated[dict[str, HeaderValue], AfterValidator(_headers)]
"""Header name -> text or `Secret`. Headers whose names imply credentials require a `Secret`."""
