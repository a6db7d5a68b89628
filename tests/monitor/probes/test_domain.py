"""The domain kind: answers of a registry's directory, and that a silent directory does not mean an expired domain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import ValidationError

from monitor.network.failure import ProbeFailure
from monitor.probes import domain as module
from monitor.protocols import rdap
from sla.observation import Outcome
from tests.support.probing import attempt, load_check
from tests.support.servers import http_response, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from monitor.probe_result import ProbeResult
    from tests.support.servers import Handler

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
LATER = datetime.now(UTC) + timedelta(days=100)


def registration(*status: str, ends: datetime | None = LATER) -> bytes:
    events = [{"eventAction": "registration", "eventDate": "1999-01-01T00:00:00Z"}]
    if ends is not None:
        events.append({"eventAction": "expiration", "eventDate": f"{ends:%Y-%m-%dT%H:%M:%SZ}"})
    return http_response(json.dumps({"objectClassName": "domain", "status": status, "events": events}).encode())


async def run_probe(handler: Handler, **options: Any) -> ProbeResult:
    async with serve_tcp(handler) as port:
        check_keys = {"domain": "example.test", "rdap": f"http://127.0.0.1:{port}/rdap/", "timeout": "1s", **options}
        return (await attempt(check_keys)).result


@pytest.mark.parametrize(
    ("response", "outcome", "reason"),
    [
        (registration("active"), GOOD, ""),
        (registration("active", ends=datetime.now(UTC) + timedelta(days=3)), BAD, "domain_expiring"),
        (registration("redemption period"), BAD, "domain_status"),
        (registration("Client Hold"), BAD, "domain_status"),
        (http_response(b'{"errorCode": 404, "title": "Not Found"}', "404 Not Found"), BAD, "domain_unregistered"),
        (http_response(status="404 Not Found", Content_Type="Application/RDAP+JSON; x=1"), BAD, "domain_unregistered"),
        (http_response(b"<html>nginx</html>", "404 Not Found"), UNKNOWN, "rdap_malformed"),
        (http_response(b'{"error": "no such page"}', "404 Not Found"), UNKNOWN, "rdap_malformed"),
        (http_response(b"[404]", "404 Not Found", Content_Type="application/json"), UNKNOWN, "rdap_malformed"),
        (registration(ends=None), UNKNOWN, "domain_no_expiry"),
        (http_response(b'{"events": 5}'), UNKNOWN, "rdap_malformed"),
        (http_response(b'{"events": [{"eventAction": "expiration", "eventDate": "soon"}]}'), UNKNOWN, "rdap_malformed"),
        (http_response(status="429 Too Many Requests"), UNKNOWN, "rdap_unavailable"),
        (http_response(status="500 Oops"), UNKNOWN, "rdap_unavailable"),
    ],
    ids=[
        "good",
        "ends",
        "redemption",
        "hold",
        "gone",
        "gone silently",
        "a page",
        "an api",
        "a list",
        "silent",
        "no events",
        "no date",
        "too many",
        "error",
    ],
)
async def test_every_answer_has_its_reason(response: bytes, outcome: Outcome, reason: str) -> None:
    result = await run_probe(respond_with(response))
    assert (result.outcome, result.reason) == (outcome, reason)


async def test_failing_directory_gives_unknown() -> None:
    assert (await run_probe(send_nothing)).reason == "rdap_unavailable"


async def test_server_is_found_in_the_iana_list_and_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = []

    async def directory(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not (head := await reader.readline()).startswith(b"GET "):
            return
        path = head.split()[1].decode()
        requests.append(path)
        services = [
            [["com"], ["https://other.test/"]],
            [["TEST"], ["http://plain.test/", f"https://127.0.0.1:{port}/"]],
        ]
        writer.write(http_response(json.dumps({"services": services}).encode()))
        await writer.drain()

    async with serve_tcp(directory) as port:
        monkeypatch.setattr(module, "BOOTSTRAP", f"http://127.0.0.1:{port}/dns.json")
        result = (await attempt({"domain": "WWW.Example.test.", "timeout": "1s"})).result
    assert requests[0] == "/dns.json"
    assert result.reason == "rdap_unavailable"  # https to an http port: the right server was requested
    assert "tls" in result.phases


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("headers", {"X-Caller": "us"}),
        ("basic", {"user": "us", "password": {"env": "KEY"}}),
        ("bearer", {"env": "KEY"}),
        ("oauth2", {"token_url": "https://h/", "client_id": "us", "client_secret": {"env": "KEY"}}),
    ],
)
def test_no_credentials_are_sent_to_a_server_from_the_list(
    key: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "canary-of-a-registry")
    with pytest.raises(ValidationError, match="would be sent to the server in IANA's list"):
        load_check({"domain": "example.test", key: value})
    check = load_check({"domain": "example.test", "rdap": "https://h/", key: value})
    assert getattr(check.request("https://data.test/"), key)
    assert not getattr(check.request("https://data.test/", without_credentials=True), key)


def test_client_certificate_is_not_sent_to_a_server_from_the_list(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("client.test")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "own.pem"))
    tls = {"certificate": str(tmp_path / "own.pem"), "server_name": "h"}
    with pytest.raises(ValidationError, match="would be sent to the server in IANA's list"):
        load_check({"domain": "example.test", "tls": tls})
    bare = load_check({"domain": "example.test", "rdap": "https://h/", "tls": tls}).request(
        "https://d/", without_credentials=True
    )
    assert (bare.tls.identity, bare.tls.server_name) == (None, None)


@pytest.mark.parametrize(
    "name", ["localhost", "192.0.2.7", "2001:db8::7", "com", "printer.local", "_dmarc.example.org", "x.localhost."]
)
def test_unregistrable_name_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a registrable domain"):
        load_check({"domain": name})


def test_server_url_with_a_query_is_rejected() -> None:
    with pytest.raises(ValidationError, match="a base URL must not contain a query"):
        load_check({"domain": "example.test", "rdap": "https://h/?key=abc"})


def test_longest_suffix_of_the_list_is_used() -> None:
    services = [[["ca"], ["https://ca.test/"]], [["gov.ca"], ["https://gov.test/"]]]
    assert rdap.server_of("a.gov.ca", {"services": services}) == "https://gov.test/"
    with pytest.raises(ProbeFailure, match="specify one with rdap"):
        rdap.server_of("example.zz", {"services": services})


def test_short_interval_is_rejected() -> None:
    with pytest.raises(ValidationError, match="registries limit queries"):
        load_check({"domain": "example.test", "interval": "1m"})
    assert load_check({"domain": "example.test"}).interval == 6 * 3600 * 1_000_000
