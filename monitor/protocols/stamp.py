"""Timestamps as targets show them: where one stands in an answer, how it is written, and which is the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from monitor.config.expect import JsonPath, RegexField
from monitor.config.model import Flag, Model, Text, problem_at
from monitor.http.json_body import document
from monitor.network.failure import ProbeFailure, quoted
from sla.interval import DAY, SECOND

if TYPE_CHECKING:
    from monitor.http.response import Response

_MOST, _LONGEST = 10_000, 100  # texts that are looked at, and letters of one that can be a stamp
_STRETCH = 500  # of them at a time; then the loop gets its turn
_MILLISECONDS = 100_000_000_000  # a Unix time from here on counts milliseconds: in seconds it is the year 5138


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


class Stamp(Model):
    """Where the timestamp stands. The header `Last-Modified` unless one of these is written."""

    header: Text | None = None
    """In this header."""

    json_path: JsonPathField | None = Field(None, alias="json")
    """At this path of a JSON body (RFC 9535)."""

    matches: RegexField | None = None
    """Where this regular expression (RE2) matches in the body: its first group, or all of it."""

    file: Flag = False
    """`true`: what is found names a file beside the answer, whose `Last-Modified` counts."""

    format: Text | None = None
    """How it is written, as in strptime. Default: ISO 8601, an HTTP date, or Unix time. Without an hour in it
    (`%Y%m%d`) a stamp stands for the end of its day."""

    @model_validator(mode="after")
    def _stands_in_one_place(self) -> Self:
        if sum(each is not None for each in (self.header, self.json_path, self.matches)) > 1:
            raise problem_at("header", "a stamp stands in one place; keep one of header, json and matches")
        return self

    @property
    def names_days(self) -> bool:
        """Whether a stamp, as it is written, has no time of day."""
        return self.format is not None and not any(code in self.format for code in ("%H", "%I", "%c", "%X"))

    def found(self, response: Response) -> list[str]:
        """Return every text that may be a stamp."""
        if self.matches is not None:
            return self.matches.found(bytes(response.body), _MOST)
        if self.json_path is not None:
            try:
                return [str(value) for value in self.json_path.values(document(response))]
            except RecursionError:
                raise ProbeFailure("body_mismatch", "the body is JSON nested too deeply to be searched") from None
        value = response.headers.get((self.header or "Last-Modified").lower())
        return [] if value is None else [value]

    async def newest(self, found: list[str], zone: str, now: int) -> int:
        """Return the latest of the stamps among the texts, microseconds since the Unix epoch.

        One that names a day stands for its end, or for now as long as that is still to come.

        Raises:
            ProbeFailure: `stamp_missing`, `stamp_malformed`: there is none.
        """
        if not found:
            raise ProbeFailure("stamp_missing", "the answer shows no timestamp where one is expected")
        stamps: list[int] = []
        for start in range(0, min(len(found), _MOST), _STRETCH):
            stamps += _stamps(found[start : start + _STRETCH], self.format, ZoneInfo(zone))
            await asyncio.sleep(0)
        if not stamps:
            raise ProbeFailure("stamp_malformed", f"{quoted(found[0])} is no timestamp")
        newest = max(stamps)
        return max(newest, min(newest + DAY, now)) if self.names_days else newest


def _stamps(found: list[str], written: str | None, zone: ZoneInfo) -> Iterator[int]:
    for text in found:
        if len(text) > _LONGEST:
            continue
        for read in (lambda text: datetime.strptime(text, written),) if written else _READERS:  # noqa: DTZ007
            try:
                instant = read(text.strip())
                yield int((instant if instant.tzinfo else instant.replace(tzinfo=zone)).timestamp() * SECOND)
            except (ValueError, OverflowError, OSError):
                continue
            break


def _unix_time(text: str) -> datetime:
    number = float(text)
    return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)


_READERS = (_unix_time, datetime.fromisoformat, parsedate_to_datetime)
