"""Responses that match `degraded` in `expect`: good, with the reason `degraded`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sla.observation import Outcome
from tests.support.probing import attempt
from tests.support.servers import http_response, read_request, serve_tcp

if TYPE_CHECKING:
    import asyncio

GOOD, BAD = Outcome.GOOD, Outcome.BAD


@pytest.mark.parametrize(
    ("body", "expect", "outcome", "reason"),
    [
        (b'{"state": "degraded"}', {"degraded": {"json": {"$.state": "degraded"}}}, GOOD, "degraded"),
        (b'{"state": "up"}', {"degraded": {"json": {"$.state": "degraded"}}}, GOOD, ""),
        (b"<html>", {"degraded": {"json": {"$.state": "degraded"}}}, GOOD, ""),
        (b"ok", {"degraded": [{"status": 203}, {"header": {"Content-Length": "2"}}]}, GOOD, "degraded"),
        (
            b'{"state": "degraded"}',
            {"json": {"$.state": "up"}, "degraded": {"json": {"$.state": "degraded"}}},
            BAD,
            "body_mismatch",
        ),
    ],
)
async def test_degraded_responses(body: bytes, expect: dict[str, Any], outcome: Outcome, reason: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http_response(body))
        await writer.drain()

    async with serve_tcp(serve) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "expect": expect})).result
    assert (result.outcome, result.reason) == (outcome, reason), result.detail
    assert result.status == 200
    assert ("configured as degraded" in result.detail) == (reason == "degraded")
