"""Faulty targets of the kinds that read a value: `freshness`, `prometheus` and `domain`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.faulty_targets.behaviour import answer_with, send_endlessly
from tests.support.faulty_targets.faulty_target import AMPLE, BAD, GOOD, SHORT, UNKNOWN, FaultyTarget, listener
from tests.support.servers import http_response, send_nothing

if TYPE_CHECKING:
    from tests.support.servers import Handler

NOW = datetime.now(UTC)
URL = "http://127.0.0.1:<port>/"
_LISTING = 20_000
MALFORMED, UNAVAILABLE = "stamp_malformed", "sli_unavailable"


def freshness() -> Iterator[FaultyTarget]:
    """Yield pages with the time of the last update."""

    def build_target(name: str, handler: Handler, reason: str, seconds: float = AMPLE, **options: Any) -> FaultyTarget:
        check = {"freshness": URL, "max_age": "1d", **options}
        return FaultyTarget(f"freshness-{name}", listener(handler), check, reason, BAD if reason else GOOD, seconds)

    def at(moment: datetime) -> Handler:
        return answer_with(http_response(json.dumps({"at": moment.isoformat()}).encode()))

    field: dict[str, Any] = {"stamp": {"json": "$.at"}}
    lines: dict[str, Any] = {"stamp": {"matches": "(?m)^(.*)$"}}
    yield build_target("good", at(NOW), "", **field)
    yield build_target("stale", at(NOW - timedelta(days=3)), "stale", **field)
    yield build_target("ahead", at(NOW + timedelta(days=3)), "stamp_in_future", **field)
    yield build_target("ancient", answer_with(http_response(b'{"at": -99999999999999}')), "stamp_malformed", **field)
    yield build_target("nan", answer_with(http_response(b'{"at": NaN}')), "body_mismatch", **field)
    yield build_target("infinite", answer_with(http_response(b'{"at": 1e999}')), "stamp_malformed", **field)
    yield build_target(
        "digits-by-the-thousand", answer_with(http_response(b'{"at": "' + b"9" * 900_000 + b'"}')), MALFORMED, **field
    )
    yield build_target("in-words", answer_with(http_response(b'{"at": "the other day"}')), MALFORMED, **field)
    yield build_target("elsewhere", answer_with(http_response(b"{}")), "stamp_missing", **field)
    yield build_target("no-header", answer_with(http_response(b"ok")), "stamp_missing")
    yield build_target("odd-header", answer_with(http_response(b"ok", Last_Modified="Mon, 99 Foo 2026")), MALFORMED)
    yield build_target("no-json", answer_with(http_response(b"<html>")), "body_mismatch", **field)
    yield build_target(
        "lines-by-the-thousand", answer_with(http_response(b"the other day\n" * _LISTING)), MALFORMED, **lines
    )
    dates = answer_with(http_response(b"Mon, 02 Jan 2006 15:04:05 GMT\n" * _LISTING))
    yield build_target("dates-by-the-thousand", dates, "stale", **lines)
    yield build_target("empty-lines", answer_with(http_response(b"\n" * 1_000_000)), MALFORMED, **lines)
    file = {"stamp": {"matches": "href=(\\S+)", "file": True}}
    yield build_target(
        "file-elsewhere", answer_with(http_response(b"href=http://other.example/x")), "file_elsewhere", **file
    )
    yield build_target("file-of-no-name", answer_with(http_response(b"href=http://[::bad")), MALFORMED, **file)
    yield build_target("unavailable", answer_with(http_response(b"", "503 Service Unavailable")), "http_status")
    yield build_target(
        "endless",
        send_endlessly(b"x" * 65_536, b"HTTP/1.1 200 OK\r\n\r\n", after_request=True),
        "body_too_large",
        **field,
    )
    yield build_target("silent", send_nothing, "deadline", SHORT)


def _numbers(*values: str) -> bytes:
    result = [{"metric": {}, "value": [0, value]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


def prometheus() -> Iterator[FaultyTarget]:
    """Yield Prometheus servers, which by default give the same response to both queries."""

    def build_target(name: str, handler: Handler, reason: str, seconds: float = AMPLE) -> FaultyTarget:
        check = {"prometheus": URL, "good": "good", "total": "total", "at_least": "99%"}
        outcome = BAD if reason == "sli_below" else UNKNOWN if reason else GOOD
        return FaultyTarget(f"prometheus-{name}", listener(handler), check, reason, outcome, seconds)

    yield build_target("good", answer_with(http_response(_numbers("5"))), "")
    yield build_target("no-traffic", answer_with(http_response(_numbers())), "sli_no_traffic")
    yield build_target("nan", answer_with(http_response(_numbers("NaN"))), "sli_no_traffic")
    yield build_target("negative", answer_with(http_response(_numbers("-1"))), "sli_no_traffic")
    yield build_target("two-numbers", answer_with(http_response(_numbers("1", "2"))), UNAVAILABLE)
    yield build_target(
        "error", answer_with(http_response(b'{"status": "error", "error": "no"}', "400 Bad Request")), UNAVAILABLE
    )
    yield build_target("no-json", answer_with(http_response(b"<html>", "502 Bad Gateway")), UNAVAILABLE)
    yield build_target("other-json", answer_with(http_response(b'{"status": "success"}')), UNAVAILABLE)
    yield build_target("a-list", answer_with(http_response(b"[]")), UNAVAILABLE)
    series = b'{"metric":{},"value":[0,"1"]},' * 30_000
    many = b'{"status":"success","data":{"resultType":"vector","result":[' + series + b"0]}}"
    yield build_target("series-by-the-thousand", answer_with(http_response(many)), UNAVAILABLE)
    yield build_target("silent", send_nothing, UNAVAILABLE, SHORT)


def domain() -> Iterator[FaultyTarget]:
    """Yield directories of registered domain names (RDAP)."""

    def build_target(
        name: str, content: Any, reason: str, *, bad: bool = False, status: str = "200 OK"
    ) -> FaultyTarget:
        check = {"domain": "zoo.example", "rdap": URL}
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        outcome = BAD if bad else UNKNOWN if reason else GOOD
        return FaultyTarget(
            f"domain-{name}", listener(answer_with(http_response(body, status))), check, reason, outcome
        )

    def expiration_events(days: int) -> list[dict[str, str]]:
        return [{"eventAction": "expiration", "eventDate": (NOW + timedelta(days=days)).isoformat()}]

    yield build_target("good", {"events": expiration_events(90)}, "")
    yield build_target("expiring", {"events": expiration_events(3)}, "domain_expiring", bad=True)
    yield build_target(
        "on-hold", {"events": expiration_events(90), "status": ["client hold"]}, "domain_status", bad=True
    )
    problem = {"errorCode": 404, "title": "Not Found"}
    yield build_target("unregistered", problem, "domain_unregistered", bad=True, status="404 Not Found")
    yield build_target("a-page-is-missing", b"<html>", "rdap_malformed", status="404 Not Found")
    yield build_target("no-expiry", {"events": []}, "domain_no_expiry")
    yield build_target("other-json", [1, 2], "rdap_malformed")
    yield build_target("odd-date", {"events": [{"eventAction": "expiration", "eventDate": "soon"}]}, "rdap_malformed")
    yield build_target("no-json", b"<html>", "rdap_malformed")
    yield build_target("too-many-queries", b"", "rdap_unavailable", status="429 Too Many Requests")


def faulty_targets() -> Iterator[FaultyTarget]:
    """Yield all targets of this module."""
    yield from freshness()
    yield from prometheus()
    yield from domain()
