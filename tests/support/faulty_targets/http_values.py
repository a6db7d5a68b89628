"""Faulty targets of the kinds that read a value: `freshness`, `prometheus` and `domain`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.faulty_targets.behaviour import answering, flooding
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

    def seen(name: str, said: Handler, reason: str, seconds: float = AMPLE, **more: Any) -> FaultyTarget:
        check = {"freshness": URL, "max_age": "1d", **more}
        return FaultyTarget(f"freshness-{name}", listener(said), check, reason, BAD if reason else GOOD, seconds)

    def at(moment: datetime) -> Handler:
        return answering(http_response(json.dumps({"at": moment.isoformat()}).encode()))

    field: dict[str, Any] = {"stamp": {"json": "$.at"}}
    lines: dict[str, Any] = {"stamp": {"matches": "(?m)^(.*)$"}}
    yield seen("well", at(NOW), "", **field)
    yield seen("stale", at(NOW - timedelta(days=3)), "stale", **field)
    yield seen("ahead", at(NOW + timedelta(days=3)), "stamp_in_future", **field)
    yield seen("ancient", answering(http_response(b'{"at": -99999999999999}')), "stamp_malformed", **field)
    yield seen("nan", answering(http_response(b'{"at": NaN}')), "body_mismatch", **field)
    yield seen("infinite", answering(http_response(b'{"at": 1e999}')), "stamp_malformed", **field)
    yield seen(
        "digits-by-the-thousand", answering(http_response(b'{"at": "' + b"9" * 900_000 + b'"}')), MALFORMED, **field
    )
    yield seen("in-words", answering(http_response(b'{"at": "the other day"}')), MALFORMED, **field)
    yield seen("elsewhere", answering(http_response(b"{}")), "stamp_missing", **field)
    yield seen("no-header", answering(http_response(b"ok")), "stamp_missing")
    yield seen("odd-header", answering(http_response(b"ok", Last_Modified="Mon, 99 Foo 2026")), MALFORMED)
    yield seen("no-json", answering(http_response(b"<html>")), "body_mismatch", **field)
    yield seen("lines-by-the-thousand", answering(http_response(b"the other day\n" * _LISTING)), MALFORMED, **lines)
    dates = answering(http_response(b"Mon, 02 Jan 2006 15:04:05 GMT\n" * _LISTING))
    yield seen("dates-by-the-thousand", dates, "stale", **lines)
    yield seen("empty-lines", answering(http_response(b"\n" * 1_000_000)), MALFORMED, **lines)
    file = {"stamp": {"matches": "href=(\\S+)", "file": True}}
    yield seen("file-elsewhere", answering(http_response(b"href=http://other.example/x")), "file_elsewhere", **file)
    yield seen("file-of-no-name", answering(http_response(b"href=http://[::bad")), MALFORMED, **file)
    yield seen("unavailable", answering(http_response(b"", "503 Service Unavailable")), "http_status")
    yield seen("endless", flooding(b"x" * 65_536, b"HTTP/1.1 200 OK\r\n\r\n", asked=True), "body_too_large", **field)
    yield seen("silent", send_nothing, "deadline", SHORT)


def _numbers(*values: str) -> bytes:
    result = [{"metric": {}, "value": [0, value]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


def prometheus() -> Iterator[FaultyTarget]:
    """Yield Prometheus servers, which by default give the same response to both queries."""

    def seen(name: str, said: Handler, reason: str, seconds: float = AMPLE) -> FaultyTarget:
        check = {"prometheus": URL, "good": "good", "total": "total", "at_least": "99%"}
        outcome = BAD if reason == "sli_below" else UNKNOWN if reason else GOOD
        return FaultyTarget(f"prometheus-{name}", listener(said), check, reason, outcome, seconds)

    yield seen("well", answering(http_response(_numbers("5"))), "")
    yield seen("no-traffic", answering(http_response(_numbers())), "sli_no_traffic")
    yield seen("nan", answering(http_response(_numbers("NaN"))), "sli_no_traffic")
    yield seen("negative", answering(http_response(_numbers("-1"))), "sli_no_traffic")
    yield seen("two-numbers", answering(http_response(_numbers("1", "2"))), UNAVAILABLE)
    yield seen("error", answering(http_response(b'{"status": "error", "error": "no"}', "400 Bad Request")), UNAVAILABLE)
    yield seen("no-json", answering(http_response(b"<html>", "502 Bad Gateway")), UNAVAILABLE)
    yield seen("other-json", answering(http_response(b'{"status": "success"}')), UNAVAILABLE)
    yield seen("a-list", answering(http_response(b"[]")), UNAVAILABLE)
    series = b'{"metric":{},"value":[0,"1"]},' * 30_000
    many = b'{"status":"success","data":{"resultType":"vector","result":[' + series + b"0]}}"
    yield seen("series-by-the-thousand", answering(http_response(many)), UNAVAILABLE)
    yield seen("silent", send_nothing, UNAVAILABLE, SHORT)


def domain() -> Iterator[FaultyTarget]:
    """Yield directories of registered domain names (RDAP)."""

    def seen(name: str, said: Any, reason: str, *, bad: bool = False, status: str = "200 OK") -> FaultyTarget:
        check = {"domain": "zoo.example", "rdap": URL}
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        outcome = BAD if bad else UNKNOWN if reason else GOOD
        return FaultyTarget(f"domain-{name}", listener(answering(http_response(body, status))), check, reason, outcome)

    def ending(days: int) -> list[dict[str, str]]:
        return [{"eventAction": "expiration", "eventDate": (NOW + timedelta(days=days)).isoformat()}]

    yield seen("well", {"events": ending(90)}, "")
    yield seen("expiring", {"events": ending(3)}, "domain_expiring", bad=True)
    yield seen("on-hold", {"events": ending(90), "status": ["client hold"]}, "domain_status", bad=True)
    said = {"errorCode": 404, "title": "Not Found"}
    yield seen("unregistered", said, "domain_unregistered", bad=True, status="404 Not Found")
    yield seen("a-page-is-missing", b"<html>", "rdap_malformed", status="404 Not Found")
    yield seen("no-expiry", {"events": []}, "domain_no_expiry")
    yield seen("other-json", [1, 2], "rdap_malformed")
    yield seen("odd-date", {"events": [{"eventAction": "expiration", "eventDate": "soon"}]}, "rdap_malformed")
    yield seen("no-json", b"<html>", "rdap_malformed")
    yield seen("too-many-queries", b"", "rdap_unavailable", status="429 Too Many Requests")


def faulty_targets() -> Iterator[FaultyTarget]:
    """Yield all targets of this module."""
    yield from freshness()
    yield from prometheus()
    yield from domain()
