"""Types of values in a module file, parsed like Go's YAML decoder does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    Strict,
    ValidationInfo,
    model_validator,
)
from pydantic_core import core_schema

from monitor.blackbox.go_syntax import has_valid_escapes, seconds, size
from monitor.config.addresses import carries_credentials, is_token
from monitor.config.base import Model
from monitor.config.domain_names import host
from monitor.config.errors import quoted
from monitor.config.file_access import content
from monitor.config.model import Regex
from monitor.config.secret import Secret
from monitor.config.tls import AuthoritiesField, CertificateField, KeyField
from monitor.config.values import AS_TEXT, local_path, problem_at
from monitor.config.yaml_nodes import ParsedText
from monitor.log import conceal

CONCEALED_VALUE = "<secret>"
_NEVER_CREDENTIALS = re.compile(
    "accept(-.*)?|access-control-.*|cache-control|connection|content-(encoding|language|length|type)|date|dnt|expect"
    "|host|if-(modified|unmodified)-since|origin|pragma|range|te|upgrade(-insecure-requests)?|user-agent"
    "|x-forwarded-(host|port|proto)|x-requested-with",
    re.IGNORECASE,
)
_WHITESPACE = re.compile(r"[\s\x00-\x1f\x7f]")


class Block(Model):
    """A block of keys. A key without a value means unset, like in Go."""

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, options: Any) -> Any:
        if not isinstance(options, dict):
            return {} if options is None else options
        return {key: value for key, value in options.items() if value is not None or key not in cls.model_fields}


def _text(value: Any) -> str:
    """Return a scalar as text. As in Go, numbers, booleans and dates keep their text from the file."""
    if isinstance(value, ParsedText):
        return value.text
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return value
    raise ValueError("not text; put it in quotes")


def _secret(value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(_one_line(_text(value)), "the module file")


def _one_line(text: str) -> str:
    """Return a header value; reject line breaks."""
    if re.search(r"[\r\n\x00]", text):
        raise ValueError("contains a line break, which is not allowed in a header; use one line")
    return text


def _secret_file(value: Any, info: ValidationInfo) -> Secret:
    """Return the content of a file as a secret."""
    if isinstance(value, Secret):
        return value
    path = local_path(value, info)
    return Secret(_one_line(_content(path).removesuffix("\n").removesuffix("\r")), f"file {path}")


def _file_text(value: Any, info: ValidationInfo) -> str:
    return _content(local_path(value, info))


def _content(path: Path) -> str:
    try:
        return content(path).decode()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


def _proxy(value: Any) -> Secret:
    """Return a proxy's URL as a secret; its password is concealed in every output."""
    url = _secret(value)
    try:
        parts = urlsplit(url.reveal())
        valid = parts.scheme == "http" and parts.hostname and parts.port != 0 and has_valid_escapes(url.reveal())
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("not a supported proxy; use http://host:port (https and socks are not supported)")
    if parts.password:
        conceal(parts.password)
        conceal(unquote(parts.password))
    return url


def _headers(value: Any) -> dict[str, str | Secret]:
    """Return headers; values of headers that usually contain credentials become secrets."""
    if not isinstance(value, dict):
        raise ValueError("not headers; use name: text")
    headers: dict[str, str | Secret] = {}
    for name, text in value.items():
        try:
            field_text = "" if text is None else text
            headers[_header_name(name)] = (
                _secret(field_text) if carries_credentials(name) else _one_line(_text(field_text))
            )
        except ValueError as error:
            raise problem_at(name, str(error)) from None
    return headers


def _header_name(name: str) -> str:
    if not is_token(name):
        raise ValueError(f"{quoted(name)} is not a header name; use letters, digits and -")
    return name


def _redact(headers: dict[str, str | Secret]) -> dict[str, str]:
    return {
        name: text if isinstance(text, str) and never_has_credentials(name) else CONCEALED_VALUE
        for name, text in headers.items()
    }


def never_has_credentials(name: str) -> bool:
    """Return whether a header of this name never contains credentials, so that outputs may show its value."""
    return _NEVER_CREDENTIALS.fullmatch(name) is not None


def _token_url(value: str) -> str:
    """Return a URL whose password is concealed in every output. Error messages do not quote it.

    Raises:
        ValueError: not an http or https URL.
    """
    try:
        url = urlsplit(value)
        password, name = url.password, host(url.hostname or "")
        valid = name and url.port != 0 and url.scheme in ("http", "https") and not _WHITESPACE.search(value)
    except ValueError:  # not chained: its text quotes the invalid part
        valid = False
    if not valid:
        raise ValueError("not an http or https URL; use https://host/path, with spaces as %20")
    if password:
        conceal(password)
        conceal(unquote(password))
    return value


def _redacted_url(url: str) -> str:
    """Return a URL with its credentials and its query redacted.

    >>> _redacted_url("https://a:b@sso.example.org/token?key=c#d")
    'https://<secret>@sso.example.org/token?<secret>'
    """
    start, mark, _ = re.sub(r"//[^/?#]*@", f"//{CONCEALED_VALUE}@", url).partition("?")
    return f"{start}?{CONCEALED_VALUE}" if mark else start.partition("#")[0]


def _pattern(value: Any) -> Regex:
    if isinstance(value, Regex):
        return value
    return Regex(_text(value))


def _scheme(value: str) -> str:
    if value.strip().lower() == "basic":
        raise ValueError("Basic is not supported here; use basic_auth with username and password")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,50}", value):  # not quoted, because it may contain credentials
        raise ValueError("not a scheme; use one word such as Bearer or Token, and put the rest into credentials")
    return value


def _status(value: Any) -> int:
    number = value.value if isinstance(value, ParsedText) else value
    if not isinstance(number, bool) and isinstance(number, int | float) and int(number) == number:
        return int(number)
    raise ValueError(f"{quoted(value)} is not a status; list the valid numbers")


def _method(value: str) -> str:
    if value and not is_token(value):
        raise ValueError(f"{quoted(value)} is not a method; use GET, HEAD, POST or another word")
    return value or "GET"


def _flag(value: Any) -> Any:
    return value.value if isinstance(value, ParsedText) else value


def _protocol(value: str) -> Literal["ip4", "ip6"]:
    """Return the protocol. Like in blackbox_exporter, `ip6` and the empty text mean `ip6`, every other text `ip4`."""
    return "ip6" if value in ("", "ip6") else "ip4"


def full_match(expression: str, expected: str) -> AfterValidator:
    """Return a validator that requires a full match of a regular expression; `expected` ends the error message."""
    compiled = re.compile(expression)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{quoted(value)} is not {expected}")
        return value

    return AfterValidator(check)


def _address(value: str) -> str:
    try:
        return str(ip_address(value)) if value else ""
    except ValueError:
        raise ValueError(f"{quoted(value)} is not an IP address") from None


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Marks a key as unsupported; `remedy` ends the error message."""

    remedy: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self._refuse)

    def _refuse(self, value: Any) -> None:
        raise ValueError(f"is not supported; {self.remedy}")


Flag = Annotated[bool, Strict(), BeforeValidator(_flag)]
GoDuration = Annotated[float, PlainValidator(seconds), PlainSerializer(lambda s: f"{s:g}s", when_used="json")]
"""Seconds as a float, in Go's syntax `1m30s`."""

Status = Annotated[int, PlainValidator(_status)]
Size = Annotated[int, PlainValidator(size)]
Str = Annotated[str, BeforeValidator(_text)]
Scheme = Annotated[Str, AfterValidator(_scheme)]
HttpVersion = Str
"""Any text, like in blackbox_exporter."""

Method = Annotated[Str, AfterValidator(_method)]
SecretText = Annotated[Secret, PlainValidator(_secret), PlainSerializer(lambda _: CONCEALED_VALUE)]
"""A secret in the module file. No output shows it."""

SecretFile = Annotated[Secret, PlainValidator(_secret_file), PlainSerializer(lambda _: CONCEALED_VALUE)]
"""A secret in a file, read when the modules are loaded."""

Body = Annotated[str, BeforeValidator(_text), PlainSerializer(lambda _: CONCEALED_VALUE)]
"""Text that is sent and may contain credentials. No output shows it."""

TokenUrl = Annotated[Str, AfterValidator(_token_url), PlainSerializer(_redacted_url)]
"""A URL whose password and query are concealed in every output."""

ProxyUrl = Annotated[Secret, PlainValidator(_proxy), PlainSerializer(lambda _: CONCEALED_VALUE)]
SentHeaders = Annotated[dict[str, str | Secret], PlainValidator(_headers), PlainSerializer(_redact)]
FileText = Annotated[str, PlainValidator(_file_text), PlainSerializer(lambda _: CONCEALED_VALUE)]
"""The content of a file, read when the modules are loaded."""

Pattern = Annotated[Regex, PlainValidator(_pattern), AS_TEXT]
"""A regular expression. Go's syntax is RE2's."""

ClientCertificate = Annotated[CertificateField, AS_TEXT]
ClientKey = Annotated[KeyField, PlainSerializer(lambda _: CONCEALED_VALUE)]
TrustedAuthorities = Annotated[AuthoritiesField, PlainSerializer(lambda authorities: str(authorities.path))]
Protocol = Annotated[Literal["ip4", "ip6"], BeforeValidator(_protocol), BeforeValidator(_text)]
SourceAddress = Annotated[Str, AfterValidator(_address)]
