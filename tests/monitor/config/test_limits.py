"""Lengths that the configuration accepts: the limits of the protocols, tested with realistic values."""

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
)  # with a 2048-bit key
JWT = ".".join(["e" * 300, "y" * 2_000, "s" * 342])


def txt(text: str, size: int = 255) -> str:
    """Return the text as the strings of a TXT record, each of at most this many bytes."""
    return " ".join(f'"{text[at : at + size]}"' for at in range(0, len(text), size))


def reason_for(expect: dict[str, Any], *strings: str) -> str:
    """Return the reason code for an answer with these TXT records, empty if the answer is good."""
    answer = dns.message.make_response(dns.message.make_query(NAME, "TXT"))
    assert isinstance(answer, dns.message.QueryMessage)
    answer.answer.append(dns.rrset.from_text(f"{NAME}.", 300, "IN", "TXT", *strings))
    try:
        DnsExpect.model_validate(expect).check_response(answer, dns.rdatatype.TXT, NAME)
    except ProbeFailure as failure:
        return failure.reason
    return ""


@pytest.mark.parametrize("text", [DKIM, "v=spf1 " + "ip4:192.0.2.1 " * 600 + "-all", "x" * 65_000])
async def test_long_text_is_accepted_and_matched(text: str) -> None:
    def answer_completely(query: dns.message.QueryMessage) -> list[bytes]:
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "TXT", txt(text)))
        return [reply.to_wire(max_size=65_535)]

    async with nameserver(truncated_response, framed_for_tcp(answer_completely)) as port:
        check = {"dns": NAME, "record": "TXT", "resolver": f"127.0.0.1:{port}", "expect": {"answer": [text]}}
        good = (await attempt(check, 10)).result
        mismatch = (await attempt({**check, "expect": {"answer": [f"{text[:-1]}!"]}}, 10)).result
    assert (good.outcome, good.reason) == (Outcome.GOOD, "")
    assert mismatch.reason == "dns_answer"


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
def test_strings_of_a_txt_record_are_joined_for_matches(expression: str, reason: str, size: int) -> None:
    assert reason_for({"answer": {"matches": expression}}, txt(DKIM, size)) == reason


@pytest.mark.parametrize("key", ["not_matches", "all_match", "not_all_match"])
def test_strings_of_a_txt_record_are_joined_for_other_conditions(key: str) -> None:
    expected_reasons = {"not_matches": "dns_answer", "all_match": "", "not_all_match": "dns_answer"}
    assert reason_for({"answer": {key: "p=abcdef"}}, '"v=DKIM1; p=abc" "def"') == expected_reasons[key]


def test_txt_record_is_escaped_as_in_a_zone_file() -> None:
    assert reason_for({"answer": {"matches": r'"say \\"hi\\"\\200"$'}}, r'"say \"hi" "\"\200"') == ""


@pytest.mark.parametrize(
    "check",
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
    ids=lambda check: next(iter(check)),
)
def test_length_within_the_protocols_limit_is_accepted(check: dict[str, Any]) -> None:
    load_check(check)


def test_credentials_may_be_as_long_as_a_header_field() -> None:
    basic = {"user": JWT, "password": {"env": "PATH"}}
    oauth2 = {"token_url": "https://a.example/", "client_id": "c" * 300, "client_secret": {"env": "PATH"}}
    scopes = [f"https://graph.example/{'x' * 250}"]
    assert load_check({"http": "https://a.example/", "basic": basic}).basic.user == JWT
    assert load_check({"http": "https://a.example/", "oauth2": {**oauth2, "scopes": scopes}}).oauth2.scopes == (
        scopes[0],
    )


@pytest.mark.parametrize(
    ("check", "expected_error"),
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
def test_length_over_the_protocols_limit_is_rejected(check: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        load_check(check)


@pytest.mark.parametrize("size", [1, 127, 128, 300, 16_383, 16_384, 100_000])
def test_grpc_service_name_of_any_length_is_encoded(size: int) -> None:
    from grpc_health.v1 import health_pb2

    message = encode_request("s" * size)
    assert int.from_bytes(message[1:5], "big") == len(message) - 5
    assert health_pb2.HealthCheckRequest.FromString(message[5:]).service == "s" * size


def test_modules_accept_the_lengths_of_blackbox_exporter() -> None:
    assert HttpModule.model_validate({"method": "BASELINE-CONTROL"}).method == "BASELINE-CONTROL"
    assert GrpcModule.model_validate({"service": "s" * 5_000}).service == "s" * 5_000
    assert IcmpModule.model_validate({"payload_size": 65_507}).payload_size == 65_507
    escaped = ".".join(["\\097" * 60] * 4)  # 240 bytes, in 963 characters
    assert DnsModule.model_validate({"query_name": escaped}).query_name == escaped
