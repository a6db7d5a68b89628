"""The `freshness` kind: the age of the newest timestamp in a response, or of a file that it links to."""

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
from monitor.probe_result import ProbeResult
from monitor.probes.base import Kind
from monitor.probes.http import Fetch, fetcher_factory
from monitor.protocols.age_check import AgeCheck
from monitor.protocols.timestamp import Timestamp
from sla.objective import format_duration
from sla.observation import Outcome

if TYPE_CHECKING:
    from monitor.http.response import Response
    from monitor.network.attempt import Attempt, Probe


class FreshnessCheck(AgeCheck):
    """Good if the newest timestamp in the response is recent enough."""

    kind: ClassVar[str] = "freshness"

    freshness: HttpUrl
    """URL of the response."""

    stamp: Timestamp = Timestamp()
    """Location and format of the timestamp."""

    body_limit: Annotated[int, Field(ge=1, le=64 * 1024 * 1024, strict=True)] = 1024 * 1024
    """Maximum size of the body in bytes."""

    unknown: UnknownField = ()
    """Responses with outcome unknown, as in `expect` of an `http` check."""

    @property
    def rechecks(self) -> bool:
        """A timestamp seldom changes within seconds, so a re-check would evaluate the same one again."""
        return False

    @property
    def target(self) -> str:
        """The URL without its query, which may contain a key."""
        return self.freshness.partition("?")[0]


def prepare(check: FreshnessCheck) -> Probe:
    """Return the probe that reads timestamps and checks the newest."""
    to = fetcher_factory(check)
    expectation = Expectation(Expect(unknown=check.unknown))
    fetch = to(check.freshness, redirects=5, body_limit=check.body_limit)

    async def of_file(attempt: Attempt, answer: Response, name: str) -> list[str]:
        return Timestamp().texts(_good_response(await _file_fetcher(check, to, answer, name)(attempt), expectation))

    async def probe(attempt: Attempt) -> ProbeResult:
        response = _good_response(await fetch(attempt), expectation)
        texts = check.stamp.texts(response)
        if check.stamp.file:
            texts = [stamp for name in texts[-1:] for stamp in await of_file(attempt, response, name)]
        newest = await check.stamp.newest(texts, check.zone, attempt.now())
        check.check_age(newest, attempt.now())
        age = format_duration(max(0, attempt.now() - newest))
        return ProbeResult(Outcome.GOOD, "", response.status, attempt.phases, f"{age} old", attempt.certificate_expiry)

    return probe


def _file_fetcher(check: FreshnessCheck, to: Callable[..., Fetch], answer: Response, name: str) -> Fetch:
    """Return a function that requests the file's headers. The file must be on the host that links to it.

    If a redirect led to another host, credentials are omitted, as in the redirect.
    """
    try:
        url = urljoin(answer.url.geturl(), name)
        fetch = to(url, method="HEAD", without_credentials=answer.url[:2] != urlsplit(check.freshness)[:2])
    except ValueError:
        raise ProbeFailure("stamp_malformed", f"{quoted(name)} is not a file's URL") from None
    if urlsplit(url)[:2] != answer.url[:2]:
        raise ProbeFailure("file_elsewhere", f"{quoted(name)} is on another host")
    return fetch


def _good_response(response: Response, expectation: Expectation) -> Response:
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
        "file_elsewhere": "the file is on another host",
        "inconclusive": "unknown: the response matches `unknown`",
        "stale": "the newest timestamp is too old",
        "stamp_in_future": "the newest timestamp is more than 5 minutes ahead of the monitor's clock",
        "stamp_malformed": "the text found is not a timestamp, or not a file's URL",
        "stamp_missing": "no timestamp at the configured location",
    },
)
