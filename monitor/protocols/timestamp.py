"""Find timestamps in a response, parse them, and select the newest."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from monitor import zones
from monitor.config.expect import JsonPath, RegexField
from monitor.config.model import Flag, Model, Text, Token, problem_at
from monitor.http.body import text_of
from monitor.http.json_body import document
from monitor.network.failure import ProbeFailure, quoted
from sla.interval import DAY, SECOND

if TYPE_CHECKING:
    from monitor.http.response import Response

_MAX_TEXTS, _MAX_LENGTH = 10_000, 100  # texts that are parsed, and characters of a text
_BATCH = 500  # texts parsed before yielding to the event loop
_MILLISECONDS = 100_000_000_000  # the least Unix time in milliseconds; in seconds it would be in the year 5138


def _path(value: Any) -> JsonPath:
    if not isinstance(value, str | JsonPath):
        raise ValueError("not a JSON path; put it in quotes")
    return value if isinstance(value, JsonPath) else JsonPath(str(value))


JsonPathField = Annotated[
    JsonPath,
    PlainValidator(_path),
    PlainSerializer(lambda path: path.text, when_used="json"),
    WithJsonSchema({"type": "string"}),
]


_SAMPLE = datetime(2024, 1, 1, tzinfo=UTC)


def _with_date(date_format: str) -> str:
    """Return the format; reject formats without a complete date."""
    try:
        parsed = datetime.strptime(_SAMPLE.strftime(date_format), date_format)  # noqa: DTZ007 - only its date is used
    except (ValueError, re.error):
        parsed = None
    if parsed is None or parsed.date() != _SAMPLE.date():
        raise ValueError(
            f"{quoted(date_format)} is not the format of a date with a year; use a format such as %Y-%m-%d"
        )
    return date_format


Format = Annotated[Text, AfterValidator(_with_date)]


class Timestamp(Model):
    """Location and format of the timestamp. Default: the header `Last-Modified`."""

    header: Token | None = None
    """The header."""

    json_path: JsonPathField | None = Field(None, alias="json")
    """The path in a JSON body (RFC 9535)."""

    matches: RegexField | None = None
    """A regular expression (RE2) that is searched in the body. The timestamp is its first group, or the whole match."""

    file: Flag = False
    """`true`: the text is the URL of a file, relative to the response; the timestamp is the file's `Last-Modified`."""

    format: Format | None = None
    """The format, as in Python's strptime. Default: ISO 8601 (including 8 digits), an HTTP date, or Unix time. A
    timestamp without an hour (`%Y%m%d`) means the end of its day."""

    @model_validator(mode="after")
    def _has_one_location(self) -> Self:
        if sum(location is not None for location in (self.header, self.json_path, self.matches)) > 1:
            raise problem_at("header", "a timestamp has one location; keep one of header, json and matches")
        return self

    @property
    def is_date_only(self) -> bool:
        """Whether the format has no time of day."""
        return self.format is not None and not any(code in self.format for code in ("%H", "%I", "%c", "%X"))

    def texts(self, response: Response) -> list[str]:
        """Return the texts at the configured location."""
        if self.matches is not None:
            return self.matches.captures(bytes(text_of(response)), _MAX_TEXTS)
        if self.json_path is not None:
            try:
                return [str(value) for value in self.json_path.values(document(response))]
            except RecursionError:
                raise ProbeFailure(
                    "body_mismatch", "the JSON in the body is nested too deeply to be searched"
                ) from None
        value = response.headers.get((self.header or "Last-Modified").lower())
        return [] if value is None else [value]

    async def newest(self, texts: list[str], zone: str, now: int) -> int:
        """Return the newest timestamp among the texts, microseconds since the Unix epoch.

        A date without a time means the end of the day, or now if the day has not ended.

        Raises:
            ProbeFailure: `stamp_missing`, `stamp_malformed`.
        """
        if not texts:
            raise ProbeFailure("stamp_missing", "no timestamp at the configured location")
        stamps: list[int] = []
        for start in range(0, min(len(texts), _MAX_TEXTS), _BATCH):
            stamps += self._stamps(texts[start : start + _BATCH], zones.zone(zone), now)
            await asyncio.sleep(0)
        if not stamps:
            raise ProbeFailure("stamp_malformed", f"{quoted(texts[0])} is not a timestamp")
        return max(stamps)

    def _stamps(self, texts: list[str], zone: ZoneInfo, now: int) -> Iterator[int]:
        date_format, date_only = self.format, self.is_date_only
        parsers = (lambda text: datetime.strptime(text, date_format),) if date_format else _PARSERS  # noqa: DTZ007
        for text in (text.strip() for text in texts if len(text) <= _MAX_LENGTH):
            for parse in parsers:
                try:
                    instant = parse(text)
                    microseconds = int(
                        (instant if instant.tzinfo else instant.replace(tzinfo=zone)).timestamp() * SECOND
                    )
                except (ValueError, OverflowError, OSError):
                    continue
                yield max(microseconds, min(microseconds + DAY, now)) if date_only or parse is _date else microseconds
                break


_DATE = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}")


def _date(text: str) -> datetime:
    """Parse a date. 8 digits are a date, because as Unix time they would be in the early 1970s."""
    if _DATE.fullmatch(text) is None:
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _unix_time(text: str) -> datetime:
    number = float(text)
    return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)


_PARSERS = (_date, _unix_time, datetime.fromisoformat, parsedate_to_datetime)
