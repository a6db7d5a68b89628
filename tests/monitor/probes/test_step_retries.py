"""Journeys: steps that are repeated, and steps of other kinds."""

from __future__ import annotations

from typing import Any

from sla.observation import Outcome
from tests.support.journeys import run_journey, step_outcomes
from tests.support.scripted_http import as_json, scripted_http
from tests.support.servers import send_nothing, serve_tcp


def after(count: int, early: bytes, late: bytes) -> Any:
    """Return a response function: `early` for the first requests, then `late`."""
    answers = [early] * count
    return lambda _: answers.pop() if answers else late


RETRY = {"every": "100ms", "for": "3s"}


async def test_a_step_is_repeated_until_it_is_good() -> None:
    created, delivered = as_json({"status": "created"}), as_json({"status": "delivered"})
    async with scripted_http({"GET /": after(2, created, delivered)}) as server:
        step = {"id": "poll", "http": f"{server.url}/", "expect": {"json": {"$.status": "delivered"}}, "retry": RETRY}
        result = await run_journey({"steps": [step]})
    assert (result.outcome, len(server.requests)) == (Outcome.GOOD, 3)
    assert result.steps[0].duration >= 0.2
    assert result.phases["connect"] > 0


async def test_a_step_is_repeated_only_while_the_condition_holds() -> None:
    created, failed = as_json({"status": "created"}), as_json({"status": "permanent-failure"})
    async with scripted_http({"GET /": after(1, created, failed)}) as server:
        retry = {**RETRY, "while": {"json": {"$.status": {"in": ["created", "sending"]}}}}
        step = {"id": "poll", "http": f"{server.url}/", "expect": {"json": {"$.status": "delivered"}}, "retry": retry}
        result = await run_journey({"steps": [step]})
    assert (result.reason, len(server.requests)) == ("poll: body_mismatch", 2)
    assert "permanent-failure" in result.detail


async def test_a_retry_ends_when_its_time_is_over() -> None:
    async with scripted_http({}) as server:
        step = {"id": "poll", "http": f"{server.url}/", "retry": {"every": "100ms", "for": "250ms"}}
        result = await run_journey({"steps": [step]})
    count = len(server.requests)
    assert result.reason == "poll: http_status"
    assert 1 <= count <= 3  # fewer on a busy machine
    assert (f"; {count} attempts in" in result.detail) is (count > 1)


async def test_another_kind_is_a_step() -> None:
    async with scripted_http({"GET /": as_json({"port": 1})}) as server:
        server.routes["GET /"] = as_json({"port": server.port})
        steps = [
            {"id": "where", "http": f"{server.url}/", "capture": {"port": "$.port"}},
            {"id": "fixed", "tcp": f"127.0.0.1:{server.port}"},
            {"id": "filled", "tcp": "127.0.0.1:{{port}}"},
        ]
        result = await run_journey({"steps": steps})
        assert step_outcomes(result) == {"where": "good", "fixed": "good", "filled": "good"}
        server.routes["GET /"] = as_json({"port": "none"})
        assert (await run_journey({"steps": steps})).reason == "filled: value_unusable"
    async with serve_tcp(send_nothing) as port:
        pass
    result = await run_journey({"steps": [{"id": "fixed", "tcp": f"127.0.0.1:{port}"}]})
    assert (result.outcome, result.reason) == (Outcome.BAD, "fixed: connect_refused")
