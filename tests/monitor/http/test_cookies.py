"""Cookies that are sent after redirects: those of the host and the path, and no expired ones (RFC 6265)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from monitor.http.cookies import _covers, _path
from sla.observation import Outcome
from tests.support.probing import attempt
from tests.support.servers import read_request, serve_tcp

if TYPE_CHECKING:
    from monitor.probe_result import ProbeResult


async def cookies_on_redirects(
    *stops: tuple[str, str], start: str = "/", **check: Any
) -> tuple[ProbeResult, list[dict[str, str]]]:
    """Follow redirects from `start` through each stop, which sets cookies; return the cookies of each request."""
    observations: list[dict[str, str]] = []

    async def target(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await read_request(reader)).decode()
        actual = re.search(r"\r\nCookie: (.*)\r\n", head)
        observations.append(dict(pair.split("=", 1) for pair in actual[1].split("; ")) if actual else {})
        if len(observations) <= len(stops):
            location, cookies = stops[len(observations) - 1]
            set_by = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in cookies.split("|") if cookie)
            writer.write(f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {location}\r\n{set_by}\r\n".encode())
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with serve_tcp(target) as port:
        check_keys = {"http": f"http://127.0.0.1:{port}{start}", "redirects": 5, **check}
        result = (await attempt(check_keys)).result
    assert result.outcome is Outcome.GOOD, result.detail
    return result, observations


@pytest.mark.parametrize(
    ("set_by", "location", "expected_cookies"),
    [
        ("a=1; Path=/", "/in", {"a": "1"}),
        ("a=1; Path=/app", "/app", {"a": "1"}),
        ("a=1; Path=/app", "/app/in", {"a": "1"}),
        ("a=1; Path=/app/", "/app/in", {"a": "1"}),
        ("a=1; Path=/app/", "/app", {}),
        ("a=1; Path=/app", "/application", {}),
        ("a=1; Path=/other", "/in", {}),
        ("a=1", "/in", {"a": "1"}),
        ("a=1; Path=relative", "/in", {"a": "1"}),
        ("a=1; Path=/|a=2; Path=/app", "/app/in", {"a": "2"}),
        ("a=2; Path=/app|a=1; Path=/", "/app/in", {"a": "2"}),
        ("a=1; Path=/|a=2; Path=/app", "/in", {"a": "1"}),
    ],
)
async def test_cookie_is_sent_to_its_path(set_by: str, location: str, expected_cookies: dict[str, str]) -> None:
    _, observations = await cookies_on_redirects((location, set_by))
    assert observations == [{}, expected_cookies]


async def test_default_path_is_the_folder_of_the_request() -> None:
    _, observations = await cookies_on_redirects(("/a/c", "x=1"), ("/b", ""), start="/a/b")
    assert observations == [{}, {"x": "1"}, {}]


@pytest.mark.parametrize(
    ("set_by", "expected_cookies"),
    [
        ("session=; Max-Age=0", {"lang": "en"}),
        ("session=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/", {"lang": "en"}),
        ("session=new; Path=/", {"lang": "en", "session": "new"}),
        ("session=; Max-Age=0|session=again; Path=/", {"lang": "en", "session": "again"}),
        ("session=new; Path=/elsewhere", {"lang": "en", "session": "old"}),
        ("other=; Max-Age=0", {"lang": "en", "session": "old"}),
    ],
)
async def test_expired_cookie_of_the_check_is_not_sent(set_by: str, expected_cookies: dict[str, str]) -> None:
    _, observations = await cookies_on_redirects(("/in", set_by), ("/in", ""), cookies={"session": "old", "lang": "en"})
    assert observations == [{"session": "old", "lang": "en"}, expected_cookies, expected_cookies]


async def test_set_cookie_is_found_with_any_path() -> None:
    await cookies_on_redirects(("/in", "seen=1; Path=/other"), expect={"cookie": {"seen": {"matches": "^1$"}}})


@pytest.mark.parametrize(
    ("check_keys", "requested", "path"),
    [("/x", "/a/b", "/x"), ("", "/a/b", "/a"), ("x", "/a/b/", "/a/b"), ("", "/a", "/"), ("", "", "/"), ("", "/", "/")],
)
def test_path_of_a_cookie(check_keys: str, requested: str, path: str) -> None:
    assert _path(check_keys, requested) == path


def test_path_matches_itself_and_paths_below() -> None:
    assert _covers("/", "")
    assert not _covers("/a", "")
