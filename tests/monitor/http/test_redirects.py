"""Redirects are followed only as far as asked, and take no credentials to another origin."""

from __future__ import annotations

from typing import Any

import pytest

from sla.observation import Outcome
from tests.support.probing import attempt
from tests.support.servers import answer, request_of, saying, serving


async def test_a_redirect_is_followed_when_asked_and_judged_by_where_it_ends() -> None:
    async with (
        serving(saying(answer(b"arrived"))) as end,
        serving(saying(answer(status="301 Moved", Location=f"http://127.0.0.1:{end}/"))) as start,
    ):
        url = {"http": f"http://127.0.0.1:{start}/", "expect": {"contains": "arrived"}}
        assert (await attempt({**url, "redirects": 1})).result.outcome is Outcome.GOOD
        assert (await attempt(url)).result.reason == "http_status"


async def test_a_loop_ends_at_the_limit() -> None:
    async with serving(saying(answer(status="302 Found", Location="/again"))) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "redirects": 5})).result
    assert (result.outcome, result.reason, result.status) == (Outcome.BAD, "redirect_limit", 302)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://[::1", "javascript:1"])
async def test_a_redirect_out_of_the_web_is_refused(location: str) -> None:
    async with serving(saying(answer(status="302 Found", Location=location))) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "redirects": 5})).result
    assert (result.outcome, result.reason) == (Outcome.BAD, "redirect_refused")


async def test_credentials_stay_with_their_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_SECRET", "s3cret")
    seen: list[bytes] = []

    async def target(reader: Any, writer: Any) -> None:
        seen.append(await request_of(reader))
        writer.write(answer())
        await writer.drain()

    async with (
        serving(target) as other,
        serving(saying(answer(status="307 Moved", Location=f"http://127.0.0.1:{other}/"))) as start,
    ):
        secret = {"env": "PROBE_SECRET"}
        given = {"cookies": {"session": secret}, "headers": {"X-Api-Key": secret, "X-Door": secret, "X-Trace": "7"}}
        check = {"http": f"http://127.0.0.1:{start}/", "redirects": 1, "bearer": secret, **given}
        assert (await attempt(check)).result.outcome is Outcome.GOOD
    assert len(seen) == 1
    assert b"s3cret" not in seen[0]
    assert b"\r\nX-Trace: 7\r\n" in seen[0]
