"""Requests of the http kind: methods, bodies, cookies and protocol versions, and the checks of their responses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import ValidationError

from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.http2_server import serve_response
from tests.support.line_servers import send_on_connect
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, read_request, respond_with, serve_tcp

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.probe_result import ProbeResult

LOOPBACK = "127.0.0.1"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def attempt_and_request(*replies: bytes, length: int = 0, **check_keys: Any) -> tuple[ProbeResult, list[str]]:
    """Return the result of an attempt and the sent request.

    The target gives these replies in turn; `length` is the length of the request's body.
    """
    requests: list[str] = []

    async def target(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_request(reader)
        requests.append((head + await reader.readexactly(length)).decode())
        writer.write(replies[min(len(requests), len(replies)) - 1])
        await writer.drain()

    async with serve_tcp(target) as port:
        url = f"http://{LOOPBACK}:{port}/"
        return (await attempt({"http": url, **check_keys})).result, [
            request.replace(str(port), "PORT") for request in requests
        ]


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_is_sent_with_a_correct_body_length(method: str) -> None:
    result, (head,) = await attempt_and_request(http_response(), method=method)
    assert result.outcome is Outcome.GOOD, result.detail
    assert head.startswith(f"{method} / HTTP/1.1\r\n")
    assert ("Content-Length: 0\r\n" in head) is (method in ("POST", "PUT", "PATCH"))


@pytest.mark.parametrize("method", METHODS[2:])
async def test_body_is_sent_from_text_or_from_a_file(method: str, tmp_path: Path) -> None:
    (tmp_path / "order.json").write_bytes(b'{"a": "\xc3\xa9"}\n')
    _, (text,) = await attempt_and_request(http_response(), length=4, method=method, body="abcd")
    _, (file,) = await attempt_and_request(
        http_response(), length=12, method=method, body_file=str(tmp_path / "order.json")
    )
    assert text.endswith("Content-Length: 4\r\n\r\nabcd")
    assert file.endswith('Content-Length: 12\r\n\r\n{"a": "é"}\n')


# --- Response bodies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expect", "reason"),
    [
        ({"contains": "start"}, ""),
        ({"contains": "end"}, "body_too_large"),
        ({"not_contains": "start"}, "body_mismatch"),
        ({"not_contains": "end"}, "body_too_large"),
        ({"not_matches": "e.d"}, "body_too_large"),
        ({"json": {"$.a": 1}}, "body_too_large"),
        ({"body_size": "<= 1000"}, "body_size"),
        ({"body_size": ">= 1000"}, ""),
    ],
)
async def test_match_in_a_truncated_body_is_certain(expect: dict[str, Any], reason: str) -> None:
    body = b"start" + b"." * 2_000 + b"end"
    result, _ = await attempt_and_request(http_response(body), body_limit=1_000, expect=expect)
    assert result.reason == reason, result.detail


@pytest.mark.parametrize("name", ["Set-Cookie", "X-Api-Key"])
async def test_credential_header_is_not_shown(name: str) -> None:
    reply = http_response(**{name.replace("-", "_"): "session=canary"})
    result, _ = await attempt_and_request(reply, expect={"header": {name: "other"}})
    assert (result.reason, result.detail) == ("header_mismatch", f'{name} is different, expected "other"')


# --- Cookies ------------------------------------------------------------------------------------------------------


def response_with_cookies(*lines: str, location: str = "/next") -> bytes:
    cookies = "".join(f"Set-Cookie: {line}\r\n" for line in lines)
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n{cookies}Content-Length: 0\r\n\r\n".encode()


def cookies_of(head: str) -> str:
    return head.partition("\r\nCookie: ")[2].partition("\r\n")[0]


async def test_text_and_secret_cookies_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION", "canary-session")
    _, (head,) = await attempt_and_request(http_response(), cookies={"lang": "en", "session": {"env": "SESSION"}})
    assert cookies_of(head) == "lang=en; session=canary-session"


async def test_login_by_redirects_sends_its_cookies() -> None:
    replies = (
        response_with_cookies("state=1; Expires=Wed, 09 Jun 2100 10:18:14 GMT; Path=/", "theme=dark"),
        response_with_cookies("session=abc=; HttpOnly; Max-Age=60", "state=; Max-Age=0"),
        http_response(b"welcome"),
    )
    expect = {"cookie": {"session": "ABC", "theme": {"matches": "^dark$"}, "state": False}}
    result, heads = await attempt_and_request(*replies, redirects=5, cookies={"lang": "en"}, expect=expect)
    assert result.outcome is Outcome.GOOD, result.detail
    assert [cookies_of(head) for head in heads] == [
        "lang=en",
        "lang=en; state=1; theme=dark",
        "lang=en; theme=dark; session=abc=",
    ]


@pytest.mark.parametrize(
    ("line", "expected_cookie"),
    [
        ("a=1", "a=1"),
        ("a=1; Secure", ""),
        ("a=1; Max-Age=0", ""),
        ("a=1; Max-Age=-5; Expires=Wed, 09 Jun 2100 10:18:14 GMT", ""),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ""),
        ("a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", ""),
        ("a=1; Expires=soon; Max-Age=never", "a=1"),
        ("nonsense", ""),
        ("=1", ""),
        ("a b=1", ""),
        ("a=caf\u00e9", ""),
        ("a=" + "x" * 5_000, ""),
        ("\u200ba=1", ""),
    ],
)
async def test_cookie_that_cannot_be_sent_back_is_dropped(line: str, expected_cookie: str) -> None:
    _, heads = await attempt_and_request(response_with_cookies(line), http_response(), redirects=1)
    assert cookies_of(heads[1]) == expected_cookie


async def test_number_of_cookies_is_limited() -> None:
    _, heads = await attempt_and_request(
        response_with_cookies(*[f"c{number}=x" for number in range(500)]), http_response(), redirects=1
    )
    assert len(cookies_of(heads[1]).split("; ")) == 50


async def test_cookies_are_sent_to_their_host_only() -> None:
    requests: list[str] = []

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append((await read_request(reader)).decode())
        writer.write(http_response())
        await writer.drain()

    async with serve_tcp(other) as port:
        # "localhost" and 127.0.0.1 are two hosts on the same machine.
        moved = response_with_cookies("session=abc", location=f"http://localhost:{port}/")
        result, _ = await attempt_and_request(
            moved, redirects=1, cookies={"lang": "en"}, expect={"cookie": {"session": False}}
        )
    assert result.outcome is Outcome.GOOD, result.detail
    assert cookies_of(requests[0]) == ""


async def test_missing_cookie_is_bad_and_its_value_is_not_shown() -> None:
    for expected, message in (("other", "different"), ({"matches": "^x"}, "different"), (False, "different")):
        result, _ = await attempt_and_request(
            response_with_cookies("session=canary"), expect={"status": 302, "cookie": {"session": expected}}
        )
        assert (result.outcome, result.reason) == (Outcome.BAD, "cookie_mismatch")
        assert message in result.detail
        assert "canary" not in result.detail
    result, _ = await attempt_and_request(http_response(), expect={"cookie": {"session": True}})
    assert result.detail == "no cookie session, expected it to exist"


async def test_post_redirected_to_get_drops_its_body_and_body_headers() -> None:
    reply = response_with_cookies("a=1")
    _, heads = await attempt_and_request(
        reply, http_response(), method="POST", redirects=1, headers={"Content-Type": "text/plain"}
    )
    assert heads[1].startswith("GET /next HTTP/1.1\r\n")
    assert "Content-" not in heads[1]


# --- Protocol -----------------------------------------------------------------------------------------------------

FIELDS = [(":status", "200"), ("content-type", "text/plain"), ("set-cookie", "a=1, 2"), ("set-cookie", "b=3")]


async def over_tls(agreed: list[str], folder: Path, handler: Any, **check_keys: Any) -> ProbeResult:
    authority = trustme.CA()
    context = server_context(authority.issue_cert(LOOPBACK))
    context.set_alpn_protocols(agreed)
    async with serve_tcp(handler, context) as port:
        check = {
            "http": f"https://{LOOPBACK}:{port}/x?q=1",
            "tls": {"ca": write_ca_bundle(authority, folder)},
            **check_keys,
        }
        return (await attempt(check)).result


@pytest.mark.parametrize("protocol", ["2", 2, 2.0, "auto"])
async def test_http_2_is_used_if_negotiated_by_alpn(protocol: Any, tmp_path: Path) -> None:
    expect = {"version": 2, "contains": "hello", "header": {"Content-Type": "text"}, "cookie": {"a": "1, 2", "b": "3"}}
    handler = serve_response(FIELDS, b"hello")
    result = await over_tls(["h2", "http/1.1"], tmp_path, handler, protocol=protocol, expect=expect)
    assert result.outcome is Outcome.GOOD, result.detail
    assert set(result.phases) == {"resolve", "connect", "tls", "first_byte", "transfer"}


async def test_http_2_without_tls_is_used_if_required() -> None:
    bodies: list[bytes] = []
    async with serve_tcp(serve_response(FIELDS, b"hello", seen=bodies)) as port:
        check_keys = {"http": f"http://{LOOPBACK}:{port}/", "protocol": "2", "method": "POST", "body": "ping"}
        result = (await attempt({**check_keys, "expect": {"version": "2", "contains": "hello"}})).result
    assert result.outcome is Outcome.GOOD, result.detail
    assert bodies == [b"ping"]


async def test_http_1_is_used_if_preferred_unless_http_2_is_required(tmp_path: Path) -> None:
    handler = respond_with(http_response(b"hello"))
    lenient = await over_tls(["http/1.1"], tmp_path, handler, protocol="auto", expect={"version": "1.1"})
    strict = await over_tls(["http/1.1"], tmp_path, handler, protocol="2")
    assert lenient.outcome is Outcome.GOOD, lenient.detail
    assert (strict.outcome, strict.reason) == (Outcome.BAD, "http_version")


async def test_invalid_http_2_has_its_own_reason() -> None:
    async with serve_tcp(send_on_connect(http_response(b"hello"))) as port:
        result = (await attempt({"http": f"http://{LOOPBACK}:{port}/", "protocol": "2"})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "http2_malformed")


@pytest.mark.parametrize(("spoken", "expected", "reason"), [("1.0", 1.1, "http_version"), ("1.0", [1.0, 1.1], "")])
async def test_http_version_of_the_response_is_checked(spoken: str, expected: Any, reason: str) -> None:
    reply = f"HTTP/{spoken} 200 OK\r\nContent-Length: 0\r\n\r\n".encode()
    result, _ = await attempt_and_request(reply, expect={"version": expected})
    assert result.reason == reason, result.detail


@pytest.mark.parametrize(
    ("check_keys", "expected_error"),
    [
        ({"method": "TRACE"}, "GET"),
        ({"body": "x"}, "a GET request has no body; add method: POST"),
        ({"method": "HEAD", "body": "x"}, "a HEAD request has no body"),
        ({"method": "PUT", "body": "x", "body_file": __file__}, "one body; keep body or body_file"),
        ({"method": "PUT", "body_file": "absent.json"}, r"cannot read absent\.json: no such file"),
        ({"method": "PUT", "body_file": "/dev/null"}, "cannot read /dev/null: not a regular file"),
        ({"method": "HEAD", "expect": {"contains": "x"}}, "the response to HEAD has no body"),
        ({"cookies": {"a": "1; b=2"}}, "not a valid cookie value"),
        ({"cookies": {"a b": "1"}}, "is not a cookie name"),
        ({"cookies": {"a": "1"}, "headers": {"cookie": {"env": "HOME"}}}, "already contain Cookie"),
        ({"headers": {"content-length": "0"}}, "is set by the HTTP client"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "is set by the HTTP client"),
        ({"headers": {"Connection": "keep-alive"}}, "is set by the HTTP client"),
        ({"headers": {"Upgrade": "h2c"}}, "is set by the HTTP client"),
        ({"headers": {"Expect": "100-continue"}}, "is set by the HTTP client"),
        ({"protocol": 3}, "unknown protocol 3; use 1.1, 2 or auto"),
        ({"protocol": "1.0"}, 'unknown protocol "1.0"; use 1.1, 2 or auto'),
        ({"protocol": True}, "unknown protocol true"),
        ({"basic": {"user": "a:b", "password": {"env": "HOME"}}}, '"a:b" contains a colon, which ends the user'),
        ({"body_limit": 1000, "expect": {"body_size": "<= 2kB"}}, "too low to decide body_size; raise it to 2000"),
        ({"bearer": {"env": "HOME"}, "basic": {"user": "u", "password": {"env": "HOME"}}}, "keep basic or bearer"),
    ],
)
def test_invalid_option_is_rejected_at_load(check_keys: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        load_check({"http": "http://a.example/", **check_keys})
