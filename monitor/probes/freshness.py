"""The `freshness` kind: how old is what a target shows? The age of a timestamp, or of a file, that an answer names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar
from urllib.parse import urljoin, urlsplit

from pydantic import Field

from monitor.config.expect import Expect, UnknownField
from monitor.config.model import HttpUrl
from monitor.http import body, rate_limit
from monitor.http.expectation import Expectation
from monitor.network.failure import ProbeFailure, quoted
from monitor.probes.base import Kind
from monitor.probes.http import Fetch, fetching
from monitor.protocols.age_check import AgeCheck
from monitor.protocols.timestamp import Stamp
from monitor.vocabulary import ProbeResult
from sla.objective import format_duration
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.http.response import Response
    from monitor.network.attempt import Frame, Probe


class FreshnessCheck(AgeCheck):
    """Good when the newest stamp that the answer shows is young enough."""

    kind: ClassVar[str] = "freshness"

    freshness: HttpUrl
    """The URL that shows it."""

    stamp: Stamp = Stamp()
    """Where the timestamp stands, and how it is written."""

    body_limit: Annotated[int, Field(ge=1, le=64 * 1024 * 1024, strict=True)] = 1024 * 1024
    """Bytes of the body that are read at the most."""

    unknown: UnknownField = ()
    """Answers that say nothing about the target, as in `expect` of an `http` check."""

    @property
    def target(self) -> str:
        """The URL without its query, which may hold a key."""
        return self.freshness.partition("?")[0]


def prepare(check: FreshnessCheck) -> Probe:
    """Return the probe that reads the stamps and judges the newest."""
    to = fetching(check)
    expectation = Expectation(Expect(unknown=check.unknown))
    fetch = to(check.freshness, redirects=5, body_limit=check.body_limit)

    async def of_file(frame: Frame, answer: Response, name: str) -> list[str]:
        return Stamp().found(_good(await _file(check, to, answer, name)(frame), expectation))

    async def probe(frame: Frame) -> ProbeResult:
        response = _good(await fetch(frame), expectation)
        found = check.stamp.found(response)
        if check.stamp.file:
            found = [stamp for name in found[-1:] for stamp in await of_file(frame, response, name)]
        newest = await check.stamp.newest(found, check.zone, frame.now())
        check.judge(newest, frame.now())
        age = format_duration(max(0, frame.now() - newest))
        return ProbeResult(Outcome.GOOD, "", response.status, frame.phases, f"{age} old", frame.certificate_expiry)

    return probe


def _file(check: FreshnessCheck, to: Callable[..., Fetch], answer: Response, name: str) -> Fetch:
    """Return what asks for the file's head. It must lie on the host that names it: the target does not choose another.

    Where a redirect led to another host, credentials stay behind as they did on the way.
    """
    try:
        url = urljoin(answer.url.geturl(), name)
        fetch = to(url, method="HEAD", bare=answer.url[:2] != urlsplit(check.freshness)[:2])
    except ValueError:
        raise ProbeFailure("stamp_malformed", f"{quoted(name)} names no file") from None
    if urlsplit(url)[:2] != answer.url[:2]:
        raise ProbeFailure("file_elsewhere", f"{quoted(name)} lies on another host")
    return fetch


def _good(response: Response, expectation: Expectation) -> Response:
    if (failure := expectation.failure(response)) is not None:
        failure.status = response.status
        raise failure
    return response


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
    reasons=rate_limit.REASONS
    | body.REASONS
    | {
        "file_elsewhere": "the file that is named lies on another host",
        "inconclusive": "unknown: the answer is one that `unknown` names as saying nothing about the target",
        "stale": "the newest stamp is too old",
        "stamp_in_future": "the newest stamp is more than 5 minutes ahead of our clock",
        "stamp_malformed": "what is found is no timestamp, or names no file",
        "stamp_missing": "no timestamp is where one is expected",
    },
)
