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

_MOST, _LONGEST = 10_000, 100  # number of texts that are parsed, and characters of one
_STRETCH = 500  # texts parsed before yielding to the event loop
_MILLISECONDS = 100_000_000_000  # a Unix time from here on is in milliseconds: in seconds it is the year 5138


def _path(value: Any) -> JsonPath:
    if not isinstance(value, str | JsonPath):
        raise ValueError("not a JSON path; write it in quotes")
    return value if isinstance(value, JsonPath) else JsonPath(str(value))


JsonPathField = Annotated[
    JsonPath,
    PlainValidator(_path),
    PlainSerializer(lambda path: path.text, when_used="json"),
    WithJsonSchema({"type": "string"}),
]


_SAMPLE = datetime(2024, 1, 1, tzinfo=UTC)


def _readable(written: str) -> str:
    """Return the format; reject one that does not define a date with its year."""
    try:
        read = datetime.strptime(_SAMPLE.strftime(written), written)  # noqa: DTZ007 - its date is looked at
    except (ValueError, re.error):
        read = None
    if read is None or read.date() != _SAMPLE.date():
        raise ValueError(f"{quoted(written)} is not the format of a date with a year; use a format such as %Y-%m-%d")
    return written


Format = Annotated[Text, AfterValidator(_readable)]


class Timestamp(Model):
    """Location and format of the timestamp. Default: the header `Last-Modified`."""

    header: Token | None = None
    """The header."""

    json_path: JsonPathField | None = Field(None, alias="json")
    """The path in a JSON body (RFC 9535)."""

    matches: RegexField | None = None
    """A regular expression (RE2) that matches in the body: its first group, or the whole match."""

    file: Flag = False
    """`true`: the text found is the URL of a file, relative to the response, whose `Last-Modified` counts."""

    format: Format | None = None
    """The format, as in Python's strptime. Default: ISO 8601 (including 8 digits), an HTTP date, or Unix time. A
    timestamp without an hour (`%Y%m%d`) means the end of its day."""

    @model_validator(mode="after")
    def _stands_in_one_place(self) -> Self:
        if sum(each is not None for each in (self.header, self.json_path, self.matches)) > 1:
            raise problem_at("header", "a timestamp has one location; keep one of header, json and matches")
        return self

    @property
    def names_days(self) -> bool:
        """Whether the format has no time of day."""
        return self.format is not None and not any(code in self.format for code in ("%H", "%I", "%c", "%X"))

    def found(self, response: Response) -> list[str]:
        """Return every text that may be a timestamp."""
        if self.matches is not None:
            return self.matches.captures(bytes(text_of(response)), _MOST)
        if self.json_path is not None:
            try:
                return [str(value) for value in self.json_path.values(document(response))]
            except RecursionError:
                raise ProbeFailure("body_mismatch", "the body is JSON nested too deeply to be searched") from None
        value = response.headers.get((self.header or "Last-Modified").lower())
        return [] if value is None else [value]

    async def newest(self, found: list[str], zone: str, now: int) -> int:
        """Return the newest timestamp among the texts, microseconds since the Unix epoch.

        A day means its end, or now if the day has not ended.

        Raises:
            ProbeFailure: `stamp_missing`, `stamp_malformed`.
        """
        if not found:
            raise ProbeFailure("stamp_missing", "no timestamp at the configured location")
        stamps: list[int] = []
        for start in range(0, min(len(found), _MOST), _STRETCH):
            stamps += self._stamps(found[start : start + _STRETCH], zones.zone(zone), now)
            await asyncio.sleep(0)
        if not stamps:
            raise ProbeFailure("stamp_malformed", f"{quoted(found[0])} is not a timestamp")
        return max(stamps)

    def _stamps(self, found: list[str], zone: ZoneInfo, now: int) -> Iterator[int]:
        written, days = self.format, self.names_days
        readers = (lambda text: datetime.strptime(text, written),) if written else _READERS  # noqa: DTZ007
        for text in (each.strip() for each in found if len(each) <= _LONGEST):
            for read in readers:
                try:
                    instant = read(text)
                    at = int((instant if instant.tzinfo else instant.replace(tzinfo=zone)).timestamp() * SECOND)
                except (ValueError, OverflowError, OSError):
                    continue
                yield max(at, min(at + DAY, now)) if days or read is _day else at
                break


_DAY = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}")


def _day(text: str) -> datetime:
    """Parse a day. 8 digits are a date, because as Unix time they would be in the early 1970s."""
    if _DAY.fullmatch(text) is None:
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _unix_time(text: str) -> datetime:
    number = float(text)
    return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)


_READERS = (_day, _unix_time, datetime.fromisoformat, parsedate_to_datetime)
