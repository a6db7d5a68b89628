"""Keys of the steps of a journey."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from monitor.config.addresses import HttpUrl, carries_credentials
from monitor.config.base import Model
from monitor.config.errors import quoted
from monitor.config.expect import UnknownField
from monitor.config.placeholders import RUN_ID, PathTemplate
from monitor.config.regex import RegexField
from monitor.config.values import Duration, Flag, Token, Within, problem_at
from sla.interval import MILLISECOND, MINUTE, SECOND

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SECRET_NAME: Final = re.compile(r"(.*_)?(token|secret|password|api_?key)")


Origin = tuple[str, str, int]


def origin_of(url: str) -> Origin:
    """Return scheme, host and port of an http or https URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{quoted(value)} is not a name; use up to 63 of a-z, 0-9 and _, starting with a-z")
    if value == RUN_ID:
        raise ValueError("is the id of the run; use another name")
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.path not in ("", "/") or parts.query:
        raise ValueError("an origin has no path; use https://api.example.org")
    return f"{parts.scheme}://{parts.netloc}"


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
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
            raise ValueError('has no source; use json, header, cookie, certificate or regex, or "$.id"')
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
    """Repeat a step until it is good, or until the time `for` has passed."""

    every: Pause = SECOND
    """Time between two attempts."""

    for_: Duration = Field(alias="for")
    """The longest total time of all attempts of the step."""

    while_: UnknownField = Field((), alias="while")
    """Repeat only while the response meets these conditions (as in `unknown`). Default: while the step is not good."""
