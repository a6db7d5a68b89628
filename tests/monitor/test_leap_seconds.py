"""A leap second, 23:59:60, in the dates that servers and files contain: read as the next second, or refused."""

from __future__ import annotations

import json

import pytest

from monitor.http.rate_limit import retry_after
from monitor.measuring.instants import instant
from monitor.status_feeds.formats import FeedError, problems_in
from sla.interval import SECOND
from sla.observation import Outcome
from tests.support.probing import attempt
from tests.support.servers import http_response, respond_with, serve_tcp

ISO, HTTP_DATE = "2016-12-31T23:59:60Z", "Sat, 31 Dec 2016 23:59:60 GMT"
NEXT = 1_483_228_800 * SECOND  # 2017-01-01T00:00:00Z


@pytest.mark.fault(17)
def test_leap_second_of_a_measured_file_is_the_next_second() -> None:
    assert instant(ISO) == NEXT


@pytest.mark.fault(17)
def test_leap_second_of_a_status_feed_is_refused() -> None:
    incident = {"id": "a", "name": "Slow", "impact": "minor", "status": "identified", "created_at": ISO}
    with pytest.raises(FeedError, match="created_at of incident 1"):
        problems_in(json.dumps({"incidents": [incident]}).encode(), "statuspage")


@pytest.mark.fault(17)
def test_leap_second_of_retry_after_is_no_wait() -> None:
    assert retry_after({"retry-after": HTTP_DATE}, NEXT) is None


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("check", "headers", "body", "outcome", "reason"),
    [
        ({"freshness": "<url>", "max_age": "1d"}, {"Last_Modified": HTTP_DATE}, b"", Outcome.BAD, "stamp_malformed"),
        ({"http": "<url>"}, {"Date": HTTP_DATE, "Set_Cookie": f"a=b; Expires={HTTP_DATE}"}, b"", Outcome.GOOD, ""),
        (
            {"domain": "example.test", "rdap": "<url>"},
            {"Content_Type": "application/rdap+json"},
            json.dumps({"events": [{"eventAction": "expiration", "eventDate": ISO}]}).encode(),
            Outcome.UNKNOWN,
            "rdap_malformed",
        ),
    ],
)
async def test_leap_second_of_a_response_causes_no_internal_error(
    check: dict[str, str], headers: dict[str, str], body: bytes, outcome: Outcome, reason: str
) -> None:
    async with serve_tcp(respond_with(http_response(body, **headers))) as port:
        url = f"http://127.0.0.1:{port}/"
        result = (await attempt({key: value.replace("<url>", url) for key, value in check.items()}, 60)).result
    assert (result.outcome, result.reason) == (outcome, reason), result.detail
