"""Journeys: values that are captured from responses and used in later steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.journeys import record_journey, run_journey
from tests.support.scripted_http import as_json, scripted_http
from tests.support.servers import http_response

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.record_service import RecordService


async def test_values_are_captured_from_every_source(tmp_path: Path) -> None:
    authority = trustme.CA()
    page = http_response(
        b'<input name="csrf" value="a b/c">', Location="/items/42?x=1", Set_Cookie="SESSION=deadbeef; Path=/"
    )
    context = server_context(authority.issue_cert("127.0.0.1", common_name="journey.example"))
    routes: dict[str, Any] = {"GET /": page, "POST /items/42": as_json({})}
    async with scripted_http(routes, context) as server:
        tls = {"ca": write_ca_bundle(authority, tmp_path)}
        capture = {
            "csrf": {"regex": 'value="([^"]+)"'},
            "item": {"header": "Location", "regex": "/items/([0-9]+)"},
            "session": {"cookie": "SESSION"},
            "subject": {"certificate": "subject"},
            "serial": {"certificate": "serial"},
            "expiry": {"certificate": "not_after"},
            "print": {"certificate": "sha256"},
        }
        form = {name: f"{{{{{name}}}}}" for name in ("csrf", "subject", "serial", "expiry", "print")}
        second = {"method": "POST", "http": f"{server.url}/items/{{{{item}}}}?q={{{{csrf}}}}", "form": form}
        steps = [
            {"id": "page", "http": f"{server.url}/", "capture": capture, "tls": tls},
            {"id": "send", **second, "cookies": {"SESSION": "{{session}}"}, "tls": tls},
        ]
        result = await run_journey({"steps": steps})
    assert result.outcome is Outcome.GOOD, result.detail
    sent = server.requests[1]
    assert sent.path == "/items/42?q=a%20b%2Fc"
    assert sent.headers["cookie"] == "SESSION=deadbeef"
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    assert sent.body.startswith("csrf=a+b%2Fc&subject=journey.example&serial=")
    assert re.search(r"expiry=\d{4}-\d\d-\d\dT.*&print=[0-9a-f]{64}$", sent.body)
    assert result.certificate_expiry is not None


async def test_a_missing_value_is_a_failure_of_its_step(service: RecordService) -> None:
    result = await run_journey(record_journey(service.url, submit={"capture": {"id": "$.none"}}))
    assert (result.outcome, result.reason, result.detail) == (
        Outcome.BAD,
        "submit: capture_missing",
        "the response has no value for id",
    )


async def test_a_url_from_a_response_is_used_as_it_is(service: RecordService) -> None:
    discovery = as_json({"next": f"{service.url}/records?a=b"})
    async with scripted_http({"GET /discovery": discovery}) as server:
        steps = [
            {"id": "discovery", "http": f"{server.url}/discovery", "capture": {"next": "$.next"}},
            {"id": "list", "http": "{{next}}"},
        ]
        assert (await run_journey({"steps": steps})).outcome is Outcome.GOOD


@pytest.mark.parametrize("target", ["javascript:alert(1)", "http://user:pass@127.0.0.1/", ""])
async def test_an_unusable_captured_value_is_a_failure(target: str) -> None:
    async with scripted_http({"GET /": as_json({"next": target})}) as server:
        steps = [
            {"id": "discovery", "http": f"{server.url}/", "capture": {"next": "$.next"}},
            {"id": "list", "http": "{{next}}"},
        ]
        result = await run_journey({"steps": steps})
    assert (result.outcome, result.reason) == (Outcome.BAD, "list: value_unusable")


async def test_a_value_that_makes_a_json_path_invalid_is_a_failure() -> None:
    async with scripted_http({"GET /": as_json({"name": "a b[", "list": []})}) as server:
        steps = [
            {"id": "first", "http": f"{server.url}/", "capture": {"name": "$.name"}},
            {"id": "second", "http": f"{server.url}/", "capture": {"found": "$.{{name}}"}},
        ]
        result = await run_journey({"steps": steps})
    assert (result.outcome, result.reason) == (Outcome.BAD, "second: value_unusable")


async def test_a_line_break_in_a_value_cannot_add_a_header() -> None:
    async with scripted_http({"GET /": as_json({"note": "a\r\nX-Evil: 1"})}) as server:
        steps = [
            {"id": "first", "http": f"{server.url}/", "capture": {"note": "$.note"}},
            {"id": "second", "http": f"{server.url}/", "headers": {"X-Note": "{{note}}"}},
        ]
        result = await run_journey({"steps": steps})
    assert (result.reason, len(server.requests)) == ("second: value_unusable", 1)
