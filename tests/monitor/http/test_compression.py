"""Compressed bodies: decoded within limits before they are checked, and reported if they are invalid."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.http.compression import inflate
from monitor.http.response import Response
from monitor.probe_result import ProbeResult
from monitor.probes.http import fetcher
from sla.observation import Outcome
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, read_request, serve_tcp

TEXT = b'{"ready": true, "filler": "' + b"x" * 5_000 + b'"}'
RAW = zlib.compressobj(wbits=-15)
FORMS = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "deflate": zlib.compress(TEXT),
    "bare": RAW.compress(TEXT) + RAW.flush(),
    "padded": gzip.compress(TEXT, mtime=0) + b"\0" * 1_000,
    "members": gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0),
}


def response(body: bytes, coding: str = "gzip", limit: int = 1 << 20) -> Response:
    response = Response(limit=limit)
    response.feed(http_response(body, Content_Encoding=coding))
    return response


async def result_of(
    body: bytes, coding: str | None = "gzip", status: str = "200 OK", **check_keys: Any
) -> tuple[ProbeResult, bytes]:
    requests: list[bytes] = []

    async def target(reader: Any, writer: Any) -> None:
        requests.append(await read_request(reader))
        writer.write(http_response(body, status, **({"Content_Encoding": coding} if coding else {})))
        await writer.drain()

    async with serve_tcp(target) as port:
        check = {"http": f"http://127.0.0.1:{port}/", "compression": "gzip", **check_keys}
        return (await attempt(check)).result, requests[0]


@pytest.mark.parametrize(
    ("form", "option", "content_encoding"),
    [
        ("gzip", "gzip", "gzip"),
        ("gzip", "gzip", "X-GZip"),
        ("deflate", "deflate", "deflate"),
        ("bare", "deflate", "deflate"),
        ("members", "gzip", "gzip"),
        ("padded", "gzip", "gzip"),
    ],
)
async def test_compressed_body_is_decoded_before_checks(form: str, option: str, content_encoding: str) -> None:
    expect = {"json": {"$.ready": True}, "body_size": f"{len(TEXT)}-{len(TEXT)}"}
    result, head = await result_of(FORMS[form], content_encoding, compression=option, expect=expect)
    assert result.outcome is Outcome.GOOD, result.detail
    assert f"\r\nAccept-Encoding: {option}\r\n".encode() in head


@pytest.mark.parametrize(
    ("body", "coding", "status", "reason"),
    [
        (TEXT, None, "200 OK", "compression_mismatch"),
        (TEXT, "identity", "200 OK", "compression_mismatch"),
        (FORMS["deflate"], "deflate", "200 OK", "compression_mismatch"),
        (FORMS["gzip"], "gzip, gzip", "200 OK", "compression_mismatch"),
        (TEXT, None, "503 Busy", "http_status"),
        (TEXT, "gzip", "200 OK", "compression_malformed"),
        (FORMS["gzip"][:-9], "gzip", "200 OK", "compression_malformed"),
        (FORMS["gzip"] + b"more", "gzip", "200 OK", "compression_malformed"),
        (FORMS["gzip"][:-8] + b"\0" * 8, "gzip", "200 OK", "compression_malformed"),
        (FORMS["padded"] + b"more", "gzip", "200 OK", "compression_malformed"),
        (gzip.compress(b"", mtime=0) * 200, "gzip", "200 OK", "compression_malformed"),
    ],
)
async def test_body_without_the_required_coding_has_its_own_reason(
    body: bytes, coding: str | None, status: str, reason: str
) -> None:
    result, _ = await result_of(body, coding, status)
    assert (result.outcome, result.reason) == (Outcome.BAD, reason), result.detail


@pytest.mark.parametrize("form", ["deflate", "bare"])
async def test_bytes_after_a_deflate_body_are_ignored(form: str) -> None:
    good, _ = await result_of(FORMS[form], "deflate", compression="deflate")
    with_trailing_byte, _ = await result_of(FORMS[form] + b"\0", "deflate", compression="deflate")
    assert (good.outcome, with_trailing_byte.reason) == (Outcome.GOOD, "compression_malformed"), good.detail
    assert with_trailing_byte.detail == "the body is not valid deflate: data after the end"


@pytest.mark.parametrize("coding", ["gzip", None])
@pytest.mark.parametrize(
    ("status", "method"), [("200 OK", "HEAD"), ("304 Not Modified", "GET"), ("404 Not Found", "GET")]
)
async def test_empty_response_needs_no_compression(coding: str | None, status: str, method: str) -> None:
    result, _ = await result_of(b"", coding, status, method=method, expect={"status": [200, 304, 404]})
    assert result.outcome is Outcome.GOOD, result.detail


@pytest.mark.fault(34)
def test_decompression_bomb_costs_no_more_than_the_limit() -> None:
    """50 MB are compressed to 50 kB; another body consists of endless empty members."""
    bomb = response(gzip.compress(b"\0" * 50_000_000, mtime=0))
    tracemalloc.start()
    inflate(bomb, "gzip", 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(bomb.body), bomb.truncated, bomb.decoding_error) == (100_000, True, "")
    assert bomb.received < 60_000
    assert peak < 1_000_000
    empty_members = response(gzip.compress(b"", mtime=0) * 40_000)
    inflate(empty_members, "gzip", 1 << 20)
    assert empty_members.decoding_error == "the body is not valid gzip: more than 100 members"


async def test_decompression_bomb_gives_no_verdict() -> None:
    check_keys = {"body_limit": 100_000, "expect": {"contains": "never"}}
    result, _ = await result_of(gzip.compress(b"\0" * 5_000_000, mtime=0), **check_keys)
    assert (result.outcome, result.reason) == (Outcome.BAD, "body_too_large")


def test_stream_truncated_by_the_limit_is_decoded() -> None:
    truncated = response(FORMS["gzip"], limit=40)
    assert truncated.truncated
    inflate(truncated, "gzip", 40)
    assert truncated.decoding_error == ""
    assert TEXT.startswith(bytes(truncated.body))


async def test_response_has_both_lengths() -> None:
    from monitor.clock import SystemClock
    from monitor.engine.probe_environment import probe_environment
    from monitor.health import Health

    actual: list[Response] = []

    async def target(reader: Any, writer: Any) -> None:
        await read_request(reader)
        writer.write(http_response(FORMS["gzip"], Content_Encoding="gzip"))
        await writer.drain()

    async with serve_tcp(target) as port, probe_environment(SystemClock(), Health()) as (runner, _):
        fetch = fetcher(load_check({"http": f"http://127.0.0.1:{port}/", "compression": "gzip"}))

        async def probe(attempt: Any) -> ProbeResult:
            actual.append(await fetch(attempt))
            return ProbeResult(Outcome.GOOD)

        await runner.attempt(probe, 5)
    (fetched,) = actual
    assert (fetched.received, len(fetched.body)) == (len(FORMS["gzip"]), len(TEXT))
    assert (fetched.version, fetched.encrypted, fetched.redirects) == ("1.1", False, 0)


@pytest.mark.parametrize(
    ("check_keys", "expected_error"),
    [
        ({"compression": "br"}, "gzip"),
        ({"compression": "gzip", "headers": {"accept-encoding": "br"}}, "already contain Accept-Encoding"),
    ],
)
def test_invalid_option_is_rejected_at_load(check_keys: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        load_check({"http": "http://a.example/", **check_keys})
