"""The `freshness` kind: how old is what a target shows? The age of a timestamp, or of a file, that an answer names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from monitor.config.expect import Expect, JsonPath, RegexField
from monitor.config.maintenance import ZoneName
from monitor.config.model import Duration, Flag, HttpUrl, Model, Text, problem_at
from monitor.config.schedule import ScheduleField
from monitor.probes.base import Frame, Kind, Probe
from monitor.probes.expectation import Expectation
from monitor.probes.failure import ProbeFailure, quoted
from monitor.probes.fetch import FetchingCheck
from monitor.probes.http import fetcher
from monitor.probes.instrument import document
from monitor.vocabulary import ProbeResult
from sla.interval import DAY, MINUTE, SECOND
from sla.objective import format_duration
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.probes.http_response import Response

_AHEAD = 5 * MINUTE  # of our clock: a stamp later than this is wrong, and would be fresh for as long as it is
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
            return self.matches.found(bytes(response.body))
        if self.json_path is not None:
            try:
                return [str(value) for value in self.json_path.values(document(response))]
            except RecursionError:
                raise ProbeFailure("body_mismatch", "the body is JSON nested too deeply to be searched") from None
        value = response.headers.get((self.header or "Last-Modified").lower())
        return [] if value is None else [value]


class FreshnessCheck(FetchingCheck):
    """Good when the newest stamp that the answer shows is young enough."""

    kind: ClassVar[str] = "freshness"

    freshness: HttpUrl
    """The URL that shows it."""

    stamp: Stamp = Stamp()
    """Where the timestamp stands, and how it is written."""

    max_age: Duration | None = None
    """Bad when the newest is older than this."""

    due: ScheduleField | None = None
    """Instead of `max_age`: bad when the newest is from before the last due instant, once its grace is over."""

    grace: Duration = 5 * MINUTE
    """How long after a due instant it may take until the new stamp shows."""

    zone: ZoneName = "UTC"
    """The time zone of `due`, and of a stamp that names none."""

    body_limit: Annotated[int, Field(ge=1, le=64 * 1024 * 1024, strict=True)] = 1024 * 1024
    """Bytes of the body that are read at the most."""

    @property
    def target(self) -> str:
        """The URL without its query, which may hold a key."""
        return self.freshness.partition("?")[0]

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        if (self.max_age is None) is (self.due is None):
            raise problem_at("max_age", "write either max_age or due")
        if self.due is not None and self.due.every is not None:
            raise problem_at("due", "names no instants; write max_age instead")
        return self


def prepare(check: FreshnessCheck) -> Probe:
    """Return the probe that reads the stamps and judges the newest."""
    fetch = fetcher(check.request(check.freshness, redirects=5, body_limit=check.body_limit))
    expectation = Expectation(Expect())

    async def probe(frame: Frame) -> ProbeResult:
        response = await fetch(frame)
        if (failure := expectation.failure(response)) is not None:
            raise failure
        found = check.stamp.found(response)
        if check.stamp.file:
            found = [stamp for name in found[-1:] for stamp in await _of_file(frame, check, name)]
        newest = _newest(found, check)
        if check.stamp.names_days:
            newest = max(newest, min(newest + DAY, frame.now()))
        _judge(check, newest, frame.now())
        age = format_duration(max(0, frame.now() - newest))
        return ProbeResult(Outcome.GOOD, "", response.status, frame.phases, f"{age} old", frame.certificate_expiry)

    return probe


async def _of_file(frame: Frame, check: FreshnessCheck, name: str) -> list[str]:
    """Return the file's Last-Modified. It must lie on the same host: whom we ask is not for a target to say."""
    try:
        url = urljoin(check.freshness, name)
        request = check.request(url, method="HEAD")
    except ValueError:
        raise ProbeFailure("stamp_malformed", f"{quoted(name)} names no file") from None
    if urlsplit(url)[:2] != urlsplit(check.freshness)[:2]:
        raise ProbeFailure("file_elsewhere", f"{quoted(name)} lies on another host")
    response = await fetcher(request)(frame)
    if (failure := Expectation(Expect()).failure(response)) is not None:
        raise failure
    return Stamp().found(response)


def _newest(found: list[str], check: FreshnessCheck) -> int:
    if not found:
        raise ProbeFailure("stamp_missing", "the answer shows no timestamp where one is expected")
    stamps = list(_stamps(found, check.stamp.format, ZoneInfo(check.zone)))
    if not stamps:
        raise ProbeFailure("stamp_malformed", f"{quoted(found[0])} is no timestamp")
    return max(stamps)


def _stamps(found: list[str], written: str | None, zone: ZoneInfo) -> Iterator[int]:
    for text in found[:10_000]:
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


def _judge(check: FreshnessCheck, newest: int, now: int) -> None:
    age = now - newest
    if age < -_AHEAD:
        raise ProbeFailure("stamp_in_future", f"the newest is {format_duration(-age)} ahead of us")
    if check.max_age is not None and age > check.max_age:
        raise ProbeFailure("stale", f"{format_duration(age)} old, at most {format_duration(check.max_age)} wanted")
    if check.due is not None and newest < check.due.last(now - check.grace, check.zone):
        raise ProbeFailure("stale", f"{format_duration(age)} old; nothing came when it was due ({check.due})")


KIND = Kind(
    "freshness",
    FreshnessCheck,
    prepare,
    example="""\
id: daily-file
freshness: https://drop.example.org/reports/
stamp: {matches: 'TDI17_(\\d{8})\\.dat', format: "%Y%m%d"}
due: "0 7 * * 1-5"
zone: America/Vancouver
grace: 30m
""",
    reasons={
        "file_elsewhere": "the file that is named lies on another host",
        "stale": "the newest stamp is too old",
        "stamp_in_future": "the newest stamp is more than 5 minutes ahead of our clock",
        "stamp_malformed": "what is found is no timestamp, or names no file",
        "stamp_missing": "no timestamp is where one is expected",
    },
)
