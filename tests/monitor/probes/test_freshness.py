"""The freshness kind: the places and formats of a stamp, and when it is too old."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Outcome
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, read_request, respond_with, serve_tcp

if TYPE_CHECKING:
    import asyncio

    from monitor.probe_result import ProbeResult

NOW = datetime.now(UTC)


async def run_probe(response: bytes, **options: Any) -> ProbeResult:
    async with serve_tcp(respond_with(response)) as port:
        return (await attempt({"freshness": f"http://127.0.0.1:{port}/", **options})).result


def date_at_age(**age: float) -> datetime:
    return NOW - timedelta(**age)


@pytest.mark.parametrize(
    ("response", "stamp"),
    [
        (http_response(Last_Modified=format_datetime(date_at_age(hours=1), usegmt=True)), {}),
        (http_response(X_Run=date_at_age(hours=1).isoformat()), {"header": "X-Run"}),
        (
            http_response(f'{{"run": {{"at": "{date_at_age(hours=1):%Y-%m-%dT%H:%M:%SZ}"}}}}'.encode()),
            {"json": "$.run.at"},
        ),
        (http_response(f'{{"at": {date_at_age(hours=1).timestamp()}}}'.encode()), {"json": "$.at"}),
        (http_response(f'{{"at": {int(date_at_age(hours=1).timestamp() * 1000)}}}'.encode()), {"json": "$.at"}),
        (
            http_response(b"TDI_2020010100.dat TDI_%s.dat" % f"{date_at_age(hours=1):%Y%m%d%H}".encode()),
            {"matches": r"TDI_(\d+)"},
        ),
    ],
    ids=["last-modified", "header", "json", "seconds", "milliseconds", "file names"],
)
@pytest.mark.parametrize(("max_age", "reason"), [("25h", ""), ("30s", "stale")])
async def test_newest_stamp_is_found_at_every_place(
    response: bytes, stamp: dict[str, str], max_age: str, reason: str
) -> None:
    check_keys = {**stamp, "format": "%Y%m%d%H"} if "matches" in stamp else stamp
    result = await run_probe(response, stamp=check_keys, max_age=max_age)
    assert (result.outcome, result.reason) == (Outcome.BAD if reason else Outcome.GOOD, reason)
    assert "old" in result.detail


async def test_stamp_without_an_hour_means_the_end_of_its_day() -> None:
    stamp = {"header": "X", "format": "%Y%m%d"}
    assert (
        await run_probe(http_response(X=f"{datetime.now(UTC):%Y%m%d}"), stamp=stamp, max_age="1s")
    ).outcome is Outcome.GOOD
    assert (
        await run_probe(http_response(X=f"{date_at_age(days=2):%Y%m%d}"), stamp=stamp, max_age="23h")
    ).reason == "stale"


@pytest.mark.parametrize("date_text", ["%Y%m%d", "%Y-%m-%d"])
async def test_date_is_recognized_without_a_format(date_text: str) -> None:
    """Eight digits are not read as Unix time, which would be in the early 1970s."""
    stamp = {"header": "X"}
    today = await run_probe(http_response(X=f"{datetime.now(UTC):{date_text}}"), stamp=stamp, max_age="1s")
    assert today.outcome is Outcome.GOOD, today.detail
    assert (
        await run_probe(http_response(X=f"{date_at_age(days=2):{date_text}}"), stamp=stamp, max_age="23h")
    ).reason == "stale"
    assert (
        await run_probe(http_response(X=f"{date_at_age(days=2):{date_text}}"), stamp=stamp, max_age="3d")
    ).outcome is Outcome.GOOD


async def test_eight_digits_without_a_valid_date_are_unix_time() -> None:
    result = await run_probe(http_response(X="19999999"), stamp={"header": "X"}, max_age="1d")
    assert result.reason == "stale"


@pytest.mark.parametrize("date_format", ["%Q", "abc", "%H:%M", "%d.%m.", "%Y%Y", "%", "%s"])
def test_format_without_a_date_is_rejected(date_format: str) -> None:
    with pytest.raises(ValidationError, match="is not the format of a date with a year"):
        load_check({"freshness": "http://h/", "max_age": "1d", "stamp": {"format": date_format}})


@pytest.mark.parametrize(
    "date_format", ["%Y%m%d%H", "%d/%b/%Y:%H:%M:%S %z", "%Y-W%W-%w", "%G-W%V-%u", "%y%j", "%c", "x%Y"]
)
def test_format_with_a_year_is_accepted(date_format: str) -> None:
    assert (
        load_check({"freshness": "http://h/", "max_age": "1d", "stamp": {"format": date_format}}).stamp.format
        == date_format
    )


@pytest.mark.parametrize(
    ("response", "stamp", "reason"),
    [
        (http_response(), {}, "stamp_missing"),
        (http_response(b'{"at": null}'), {"json": "$.there"}, "stamp_missing"),
        (http_response(b'{"at": "soon"}'), {"json": "$.at"}, "stamp_malformed"),
        (http_response(b'{"at": 1e400}'), {"json": "$.at"}, "stamp_malformed"),
        (http_response(b"<html>"), {"json": "$.at"}, "body_mismatch"),
        (http_response(X=(NOW + timedelta(hours=2)).isoformat()), {"header": "X"}, "stamp_in_future"),
        (http_response(status="503 Service Unavailable"), {}, "http_status"),
    ],
    ids=["no header", "no value", "no time", "too large", "no json", "tomorrow", "an error"],
)
async def test_every_failure_has_its_reason(response: bytes, stamp: dict[str, str], reason: str) -> None:
    result = await run_probe(response, stamp=stamp, max_age="1d")
    assert (result.outcome, result.reason) == (Outcome.BAD, reason)


async def listing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await read_request(reader)
    modified = format_datetime(date_at_age(days=2), usegmt=True)
    body = (
        b'{"file": "/out/today.csv", "elsewhere": "http://192.0.2.1/x", "odd": "http://[::x", "local": "file:///etc"}'
    )
    writer.write(
        http_response(Last_Modified=modified) if head.startswith(b"HEAD /out/today.csv") else http_response(body)
    )
    await writer.drain()


@pytest.mark.parametrize(
    ("path", "reason"),
    [("file", "stale"), ("elsewhere", "file_elsewhere"), ("odd", "stamp_malformed"), ("local", "stamp_malformed")],
)
async def test_linked_file_on_the_same_host_is_requested(path: str, reason: str) -> None:
    async with serve_tcp(listing) as port:
        check_keys = {"freshness": f"http://127.0.0.1:{port}/", "max_age": "1d"}
        result = (await attempt({**check_keys, "stamp": {"json": f"$.{path}", "file": True}})).result
    assert result.reason == reason


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_linked_file_is_relative_to_the_last_response(elsewhere: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a redirect this is another folder or another host, to which no credentials are sent."""
    monkeypatch.setenv("TOKEN", "canary-bearer")
    heads = list[bytes]()

    async def outbox(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_request(reader)
        heads.append(head)
        modified = format_datetime(date_at_age(hours=1), usegmt=True)
        if head.startswith(b"GET /latest "):
            writer.write(
                http_response(status="302 Found", Location=f"http://127.0.0.1:{other if elsewhere else port}/out/")
            )
        else:
            requests_file = head.startswith(b"HEAD /out/a.csv ")
            writer.write(
                http_response(Last_Modified=modified) if requests_file else http_response(b'{"file": "a.csv"}')
            )
        await writer.drain()

    async with serve_tcp(outbox) as port, serve_tcp(outbox) as other:
        check_keys = {"freshness": f"http://127.0.0.1:{port}/latest", "max_age": "1d", "bearer": {"env": "TOKEN"}}
        result = (await attempt({**check_keys, "stamp": {"json": "$.file", "file": True}})).result
    assert result.outcome is Outcome.GOOD, result.detail
    assert [b"canary-bearer" in head for head in heads] == [True, not elsewhere, not elsewhere]


def test_daily_batch_is_due_on_weekdays_only() -> None:
    check = load_check({"freshness": "http://h/", "due": "0 7 * * 1-5", "grace": "30m"})
    monday = int(datetime(2026, 11, 23, 7, tzinfo=UTC).timestamp()) * SECOND
    friday = monday - 3 * DAY
    check.check_age(friday + MINUTE, monday - HOUR)  # nothing is due at the weekend
    check.check_age(friday + MINUTE, monday + 29 * MINUTE)  # within the grace
    check.check_age(monday + MINUTE, monday + 31 * MINUTE)
    with pytest.raises(Exception, match="stale"):
        check.check_age(friday + MINUTE, monday + 31 * MINUTE)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_age": "1d", "due": "0 7 * * *"},
        {"due": "every 1h"},
        {"max_age": "1d", "stamp": {"header": "A", "json": "$.a"}},
        {"max_age": "1d", "stamp": {"json": "nonsense"}},
    ],
)
def test_invalid_option_is_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load_check({"freshness": "http://h/", **options})


def test_check_uses_the_machines_clock() -> None:
    assert abs(NOW.timestamp() - time.time()) < 3600
