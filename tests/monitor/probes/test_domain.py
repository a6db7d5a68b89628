"""The domain kind: what a registry's directory says, and that its silence is not the domain's end."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from monitor.network.failure import ProbeFailure
from monitor.probes import domain as module
from monitor.protocols import rdap
from sla.observation import Outcome
from tests.support.probing import attempt, check_of
from tests.support.servers import answer, saying, serving, silent

if TYPE_CHECKING:
    from monitor.vocabulary import ProbeResult
    from tests.support.servers import Handler

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
LATER = datetime.now(UTC) + timedelta(days=100)


def registration(*status: str, ends: datetime | None = LATER) -> bytes:
    events = [{"eventAction": "registration", "eventDate": "1999-01-01T00:00:00Z"}]
    if ends is not None:
        events.append({"eventAction": "expiration", "eventDate": f"{ends:%Y-%m-%dT%H:%M:%SZ}"})
    return answer(json.dumps({"objectClassName": "domain", "status": status, "events": events}).encode())


async def probed(handler: Handler, **more: Any) -> ProbeResult:
    async with serving(handler) as port:
        written = {"domain": "example.test", "rdap": f"http://127.0.0.1:{port}/rdap/", "timeout": "1s", **more}
        return (await attempt(written)).result


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        (registration("active"), GOOD, ""),
        (registration("active", ends=datetime.now(UTC) + timedelta(days=3)), BAD, "domain_expiring"),
        (registration("redemption period"), BAD, "domain_status"),
        (registration("Client Hold"), BAD, "domain_status"),
        (answer(status="404 Not Found"), BAD, "domain_unregistered"),
        (registration(ends=None), UNKNOWN, "domain_no_expiry"),
        (answer(b'{"events": 5}'), UNKNOWN, "rdap_malformed"),
        (answer(b'{"events": [{"eventAction": "expiration", "eventDate": "soon"}]}'), UNKNOWN, "rdap_malformed"),
        (answer(status="429 Too Many Requests"), UNKNOWN, "rdap_unavailable"),
        (answer(status="500 Oops"), UNKNOWN, "rdap_unavailable"),
    ],
    ids=["good", "ends", "redemption", "hold", "gone", "silent", "no events", "no date", "too many", "error"],
)
async def test_every_answer_has_its_word(said: bytes, outcome: Outcome, reason: str) -> None:
    result = await probed(saying(said))
    assert (result.outcome, result.reason) == (outcome, reason)


async def test_a_directory_that_says_nothing_is_not_the_domains_fault() -> None:
    assert (await probed(silent)).reason == "rdap_unavailable"


async def test_the_server_is_found_as_iana_lists_it_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def directory(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not (head := await reader.readline()).startswith(b"GET "):
            return
        path = head.split()[1].decode()
        asked.append(path)
        services = [
            [["com"], ["https://other.test/"]],
            [["TEST"], ["http://plain.test/", f"https://127.0.0.1:{port}/"]],
        ]
        writer.write(answer(json.dumps({"services": services}).encode()))
        await writer.drain()

    async with serving(directory) as port:
        monkeypatch.setattr(module, "BOOTSTRAP", f"http://127.0.0.1:{port}/dns.json")
        result = (await attempt({"domain": "www.example.test", "timeout": "1s"})).result
    assert asked[0] == "/dns.json"
    assert result.reason == "rdap_unavailable"  # https to a port that speaks http: the right server was asked
    assert "tls" in result.phases


def test_the_longest_suffix_of_the_list_counts() -> None:
    services = [[["ca"], ["https://ca.test/"]], [["gov.ca"], ["https://gov.test/"]]]
    assert rdap.server_of("a.gov.ca", {"services": services}) == "https://gov.test/"
    with pytest.raises(ProbeFailure, match="name one with rdap"):
        rdap.server_of("example.zz", {"services": services})


def test_registries_are_not_asked_every_minute() -> None:
    with pytest.raises(ValidationError, match="registries count queries"):
        check_of({"domain": "example.test", "interval": "1m"})
    assert check_of({"domain": "example.test"}).interval == 6 * 3600 * 1_000_000
