"""Lengths that the configuration takes: what the protocols allow, at values of the real world."""

from __future__ import annotations

from typing import Any

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from pydantic import ValidationError

from monitor.blackbox.dns_module import DnsModule
from monitor.blackbox.http_module import HttpModule
from monitor.blackbox.modules import GrpcModule, IcmpModule
from monitor.network.failure import ProbeFailure
from monitor.protocols.dns_expectation import DnsExpect
from monitor.protocols.grpc_health import encode_request
from sla.observation import Outcome
from tests.support.nameserver import framed_for_tcp, nameserver, truncated_response
from tests.support.probing import attempt, load_check

NAME = "s1._domainkey.example.test"
DKIM = (
    "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" + "x" * 344 + "IDAQAB"
)  # of a key of 2048 bits
JWT = ".".join(["e" * 300, "y" * 2_000, "s" * 342])


def txt(text: str, size: int = 255) -> str:
    """Return a text as a TXT record holds it, in strings of so many bytes."""
    return " ".join(f'"{text[at : at + size]}"' for at in range(0, len(text), size))


def judged(expect: dict[str, Any], *strings: str) -> str:
    """Return the reason why an answer of TXT records is bad, empty when it is good."""
    answer = dns.message.make_response(dns.message.make_query(NAME, "TXT"))
    assert isinstance(answer, dns.message.QueryMessage)
    answer.answer.append(dns.rrset.from_text(f"{NAME}.", 300, "IN", "TXT", *strings))
    try:
        DnsExpect.model_validate(expect).judge(answer, dns.rdatatype.TXT, NAME)
    except ProbeFailure as failure:
        return failure.reason
    return ""


@pytest.mark.parametrize("text", [DKIM, "v=spf1 " + "ip4:192.0.2.1 " * 600 + "-all", "x" * 65_000])
async def test_a_long_text_is_taken_and_found_in_an_answer(text: str) -> None:
    def whole(query: dns.message.QueryMessage) -> list[bytes]:
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "TXT", txt(text)))
        return [reply.to_wire(max_size=65_535)]

    async with nameserver(truncated_response, framed_for_tcp(whole)) as port:
        written = {"dns": NAME, "record": "TXT", "resolver": f"127.0.0.1:{port}", "expect": {"answer": [text]}}
        good = (await attempt(written, 10)).result
        other = (await attempt({**written, "expect": {"answer": [f"{text[:-1]}!"]}}, 10)).result
    assert (good.outcome, good.reason) == (Outcome.GOOD, "")
    assert other.reason == "dns_answer"


@pytest.mark.parametrize("size", [255, 40, 7])
@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (r'TXT "v=DKIM1; k=rsa; p=[A-Za-z0-9]+"$', ""),
        ("xxIDAQAB", ""),
        ("xxIDAQABB", "dns_answer"),
        (f"^{NAME.replace('.', '[.]')}[.] 300 IN TXT ", ""),
    ],
)
def test_the_strings_of_a_text_are_joined_for_an_expression(expression: str, reason: str, size: int) -> None:
    assert judged({"answer": {"matches": expression}}, txt(DKIM, size)) == reason


@pytest.mark.parametrize("key", ["not_matches", "all_match", "not_all_match"])
def test_the_strings_are_joined_for_the_other_expressions_too(key: str) -> None:
    split = {"not_matches": "dns_answer", "all_match": "", "not_all_match": "dns_answer"}
    assert judged({"answer": {key: "p=abcdef"}}, '"v=DKIM1; p=abc" "def"') == split[key]


def test_quotes_and_bytes_of_a_text_are_escaped_as_in_a_zone_file() -> None:
    assert judged({"answer": {"matches": r'"say \\"hi\\"\\200"$'}}, r'"say \"hi" "\"\200"') == ""


@pytest.mark.parametrize(
    "written",
    [
        {"http": f"https://a.example/?token={'x' * 20_000}"},
        {"http": "https://a.example/", "headers": {"X-Trace": "x" * 20_000}},
        {"http": "https://a.example/", "method": "POST", "body": "x" * 500_000},
        {"redis": "a.example", "user": "u" * 300, "password": {"env": "PATH"}},
        {"postgres": "a.example", "user": "u" * 300, "database": "d" * 300, "query": "SELECT 1 -- " + "x" * 50_000},
        {"mysql": "a.example", "user": "u" * 300, "query": "SELECT 1", "expect": "x" * 5_000},
        {"prometheus": "http://a.example", "good": "up or " * 2_000 + "up", "total": "up", "at_least": "99%"},
        {"grpc": "a.example:443", "service": "s" * 20_000},
        {"websocket": "wss://a.example/", "send": "x" * 200_000},
        {"tcp": "a.example:25", "script": [{"expect": "^2"}] * 200},
        {"tcp": "a.example:25", "script": [{"send": "x" * 100_000}]},
        {"udp": "a.example:25", "send": "x" * 65_507, "expect": "x"},
        {"tcp": f"{'.'.join(['a' * 62] * 4)}:25"},
        {"dns": ".".join(["a" * 62] * 4) + "."},
    ],
    ids=lambda written: next(iter(written)),
)
def test_what_a_protocol_allows_is_taken(written: dict[str, Any]) -> None:
    load_check(written)


def test_credentials_may_be_as_long_as_a_header_field() -> None:
    basic = {"user": JWT, "password": {"env": "PATH"}}
    oauth2 = {"token_url": "https://a.example/", "client_id": "c" * 300, "client_secret": {"env": "PATH"}}
    scopes = [f"https://graph.example/{'x' * 250}"]
    assert load_check({"http": "https://a.example/", "basic": basic}).basic.user == JWT
    assert load_check({"http": "https://a.example/", "oauth2": {**oauth2, "scopes": scopes}}).oauth2.scopes == (
        scopes[0],
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            {"udp": "a.example:25", "send": "x" * 65_508, "expect": "x"},
            "65507 bytes, the maximum",
        ),
        (
            {"udp": "a.example:25", "send": "x", "expect_hex": "00" * 65_537},
            "65536 bytes, the size of the receive buffer",
        ),
        ({"tcp": f"{'a' * 64}.example:25"}, "neither a host name nor an IP address"),
        ({"tcp": f"{'.'.join(['a' * 63] * 4)}:25"}, "neither a host name nor an IP address"),
    ],
)
def test_what_a_protocol_does_not_allow_is_refused_with_the_limit(written: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        load_check(written)


@pytest.mark.parametrize("size", [1, 127, 128, 300, 16_383, 16_384, 100_000])
def test_a_service_of_any_length_is_encoded(size: int) -> None:
    from grpc_health.v1 import health_pb2

    message = encode_request("s" * size)
    assert int.from_bytes(message[1:5], "big") == len(message) - 5
    assert health_pb2.HealthCheckRequest.FromString(message[5:]).service == "s" * size


def test_modules_take_what_the_exporter_takes() -> None:
    assert HttpModule.model_validate({"method": "BASELINE-CONTROL"}).method == "BASELINE-CONTROL"
    assert GrpcModule.model_validate({"service": "s" * 5_000}).service == "s" * 5_000
    assert IcmpModule.model_validate({"payload_size": 65_507}).payload_size == 65_507
    escaped = ".".join(["\\097" * 60] * 4)  # 240 bytes, written in 963 characters
    assert DnsModule.model_validate({"query_name": escaped}).query_name == escaped
