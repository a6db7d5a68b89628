"""Journeys: secrets are sent only where they are permitted, and shown nowhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sla.observation import Outcome
from tests.support.journeys import SECRET, run_journey
from tests.support.scripted_http import Received, as_json, scripted_http
from tests.support.servers import http_response

pytestmark = pytest.mark.usefixtures("journey_secret")


def token_journey(token_url: str, api_url: str, **keys: Any) -> dict[str, Any]:
    """Return a journey that gets a token with a secret, and sends the token."""
    form = {"client_id": "robot", "client_secret": "{{password}}"}
    capture = {"access": "$.access_token"}
    return {
        "secrets": {"password": {"env": "JOURNEY_SECRET"}},
        "steps": [
            {"id": "token", "method": "POST", "http": token_url, "form": form, "capture": capture},
            {"id": "api", "http": api_url, "bearer": "{{access}}", "expect": {"status": 204}},
        ],
        **keys,
    }


async def test_secrets_are_sent_and_shown_nowhere() -> None:
    token = "canary-of-a-token"

    def repeats(request: Received) -> bytes:
        return http_response(b"", f"302 {request.headers['authorization']}", Location=f"/?{token}&{SECRET}")

    async with scripted_http({"POST /token": as_json({"access_token": token}), "GET /api": repeats}) as server:
        result = await run_journey(token_journey(f"{server.url}/token", f"{server.url}/api"))
    assert f"client_secret={SECRET}" in server.requests[0].body
    assert server.requests[1].headers["authorization"] == f"Bearer {token}"
    assert result.reason == "api: http_status"
    assert "302 to" in result.detail
    assert not {word for word in (token, SECRET) if word in repr(result)}


async def test_a_token_is_withheld_from_an_origin_that_a_response_names() -> None:
    """Whatever the discovery document says, the secret leaves to the origins in `secrets_to` only."""
    async with scripted_http({"POST /token": as_json({"access_token": "x"})}) as thief, scripted_http({}) as server:
        server.routes["GET /discovery"] = as_json({"token_endpoint": f"{thief.url}/token"})
        content = token_journey("{{endpoint}}", f"{server.url}/api", secrets_to=[server.url])
        discovery = {"id": "discovery", "http": f"{server.url}/discovery", "capture": {"endpoint": "$.token_endpoint"}}
        content["steps"].insert(0, discovery)
        result = await run_journey(content)
        assert (result.outcome, result.reason) == (Outcome.BAD, "token: secret_withheld")
        assert f"{thief.url} is not in secrets_to" in result.detail
        assert thief.requests == []
        content["secrets_to"] = [server.url, thief.url]
        assert (await run_journey(content)).reason == "api: http_status"
        assert thief.seen == ["POST /token"]


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
async def test_a_redirect_carries_no_secret_elsewhere(status: str) -> None:
    async with (
        scripted_http({"POST /token": as_json({}), "GET /token": as_json({})}) as thief,
        scripted_http({}) as server,
    ):
        moved = http_response(b"", status, Location=f"{thief.url}/token")
        server.routes |= {"POST /token": moved, "GET /api": moved}
        steps = [
            {
                "id": "token",
                "method": "POST",
                "http": f"{server.url}/token",
                "json_body": {"k": "{{password}}"},
                "redirects": 1,
            },
            {"id": "api", "http": f"{server.url}/api", "headers": {"X-Signed": "by {{password}}"}, "redirects": 1},
        ]
        steps[0]["counts"] = False
        await run_journey({"secrets": {"password": {"env": "JOURNEY_SECRET"}}, "steps": steps})
    assert SECRET not in repr(thief.requests)
    assert SECRET in repr(server.requests)


async def test_a_traceparent_links_a_failure_to_its_trace() -> None:
    async with scripted_http({"GET /a": as_json({})}) as server:
        steps = [{"id": "a", "http": f"{server.url}/a"}, {"id": "b", "http": f"{server.url}/b"}]
        result = await run_journey({"steps": steps, "traceparent": True})
        await run_journey({"steps": steps})
    trace = result.detail.rpartition("trace ")[2]
    spans = [request.headers.get("traceparent", "").split("-") for request in server.requests]
    assert re.fullmatch("[0-9a-f]{32}", trace)
    assert [span[:2] for span in spans[:2]] == [["00", trace], ["00", trace]]
    assert spans[0][2] != spans[1][2]
    assert spans[2:] == [[""], [""]]
