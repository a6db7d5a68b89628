"""Keys of the steps of a journey, and placeholders `{{name}}` in their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from monitor.config.addresses import HttpUrl, carries_credentials
from monitor.config.base import Model
from monitor.config.errors import quoted
from monitor.config.expect import UnknownField
from monitor.config.json_path import JsonPath
from monitor.config.regex import RegexField
from monitor.config.validation_context import Located
from monitor.config.values import Duration, Flag, Token, Within, problem_at
from sla.interval import MILLISECOND, MINUTE, SECOND

RUN_ID: Final = "run_id"  # the name of the id of a run
_PLACEHOLDER: Final = re.compile(r"\{\{([^{}]*)\}\}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SECRET_NAME: Final = re.compile(r"(.*_)?(token|secret|password|api_?key)")
Value = Callable[[str], str]


def names_in(value: Any) -> set[str]:
    """Return the names of the placeholders `{{name}}` in texts, lists and mappings."""
    if isinstance(value, str):
        return {name.strip() for name in _PLACEHOLDER.findall(value)}
    if isinstance(value, Mapping):
        return {name for key, item in value.items() for name in names_in(key) | names_in(item)}
    if isinstance(value, list | tuple):
        return {name for item in value for name in names_in(item)}
    return set()


def filled(template: Any, value: Value) -> Any:
    """Return texts, lists and mappings with each placeholder `{{name}}` replaced by `value(name)`."""
    if isinstance(template, str):
        return _filled_text(template, value)
    if isinstance(template, Mapping):
        return {filled(key, value): filled(item, value) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [filled(item, value) for item in template]
    return template


def _filled_text(template: str, value: Value) -> str:
    if "{{" not in template:
        return template
    text = _PLACEHOLDER.sub(lambda match: value(match[1].strip()), template)
    return Located.at(text, template.directory) if isinstance(template, Located) else text


def filled_url(template: str, value: Value) -> str:
    """Return a URL with its placeholders replaced: one at the start by a URL, others by encoded values."""
    start = _PLACEHOLDER.match(template)
    end = 0 if start is None else start.end()
    return filled(template[:end], value) + filled(template[end:], lambda name: quote(value(name), safe=""))  # type: ignore[no-any-return]


def has_literal_origin(url: str) -> bool:
    """Return whether scheme, host and port of a URL contain no placeholder."""
    match = re.match(r"https?://[^/?#]*", url)
    return match is not None and not names_in(match[0])


Origin = tuple[str, str, int]


def origin_of(url: str) -> Origin:
    """Return scheme, host and port of an http or https URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{quoted(value)} is not a name; write up to 63 of a-z, 0-9 and _, starting with a-z")
    if value == RUN_ID:
        raise ValueError("is the id of the run; write another name")
    return value


def _path_template(value: str) -> str:
    JsonPath(filled(value, lambda _: "x"))
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.path not in ("", "/") or parts.query:
        raise ValueError("an origin has no path; write https://api.example.org")
    return f"{parts.scheme}://{parts.netloc}"


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
PathTemplate = Annotated[str, AfterValidator(_path_template), WithJsonSchema({"type": "string"})]
OriginField = Annotated[HttpUrl, AfterValidator(_origin)]
Pause = Annotated[Duration, AfterValidator(Within(100 * MILLISECOND, MINUTE, "between 100ms and 1m"))]


class Capture(Model):
    """A value of a response. `regex` may select a part of it: the first group, or the whole match."""

    json_path: PathTemplate | None = Field(None, alias="json")
    """JSON path (RFC 9535) in the body; the first value is captured."""

    header: Token | None = None
    """Name of a header."""

    cookie: Token | None = None
    """Name of a cookie. Its value is a secret."""

    certificate: Literal["subject", "issuer", "serial", "not_after", "sha256"] | None = None
    """A field of the server's certificate; `sha256` is its fingerprint."""

    regex: RegexField | None = None
    """Regular expression (RE2) on the value, or on the body if no other source is given."""

    secret: Flag = False
    """`true`: the value is a secret. Implied for cookies, for headers with credentials, and for names such as `token`.
    """

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        sources = [name for name, field in _SOURCES.items() if getattr(self, field) is not None]
        if len(sources) > 1:
            raise problem_at(sources[1], f"a value has one source; keep {' or '.join(sources)}")
        if not sources and self.regex is None:
            raise ValueError('has no source; write json, header, cookie, certificate or regex, or "$.id"')
        return self

    def is_secret(self, name: str) -> bool:
        """Return whether the value that is captured under this name is a secret."""
        from_header = self.header is not None and carries_credentials(self.header)
        return self.secret or self.cookie is not None or from_header or _SECRET_NAME.fullmatch(name) is not None


def _capture(value: Any) -> Any:
    return {"json": value} if isinstance(value, str) else value


_SOURCES: Final = {"json": "json_path", "header": "header", "cookie": "cookie", "certificate": "certificate"}
CaptureField = Annotated[Capture, BeforeValidator(_capture, json_schema_input_type=str | Capture)]
"""A `Capture`, or the JSON path as text."""


class Retry(Model):
    """Repeat a step until it is good, or until the time is over."""

    every: Pause = SECOND
    """Time between two attempts."""

    for_: Duration = Field(alias="for")
    """The longest time for all attempts of the step together."""

    while_: UnknownField = Field((), alias="while")
    """Repeat only while the response meets these conditions (as in `unknown`). Default: while the step is not good."""
