"""Internationalized names (UTS 46, non-transitional, IDNA 2008) and absolute names in every key with a name."""

from __future__ import annotations

from typing import Any

import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from pydantic import ValidationError

from monitor.blackbox.dns_module import DnsModule
from monitor.config.domain_names import host
from monitor.http.check import HttpCheck
from monitor.http.request import request_of
from monitor.network.failure import ProbeFailure
from monitor.protocols.dns_expectation import DnsExpect
from tests.support.probing import load_check


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("faß.de", "xn--fa-hia.de"),  # IDNA 2003 gives fass.de, which is another domain
        ("FAẞ.DE", "xn--fa-hia.de"),
        ("βόλος.com", "xn--nxasmm1c.com"),  # the final sigma, which IDNA 2003 changes
        ("نامه‌ای.com", "xn--mgba3gch31f060k.com"),  # the zero width non-joiner, which IDNA 2003 drops
        ("bücher.example.", "xn--bcher-kva.example."),
        ("sub。bücher．example", "sub.xn--bcher-kva.example"),
        ("_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example"),
        ("r3---sn.bücher.example", "r3---sn.xn--bcher-kva.example"),
        ("xn--fa-hia.bücher.example", "xn--fa-hia.xn--bcher-kva.example"),
        ("☃.example", "xn--n3h.example"),  # not valid in IDNA 2008, but browsers accept it
        ("１９２.0.2.１", "192.0.2.1"),
        ("Name_1.Example.", "Name_1.Example."),
        ("xn--fa-hia.de", "xn--fa-hia.de"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (".".join(["a" * 62] * 4) + ".", ".".join(["a" * 62] * 4) + "."),
    ],
)
def test_name_is_encoded_as_in_browsers(text: str, encoded: str) -> None:
    assert host(text) == encoded


@pytest.mark.parametrize(
    "text",
    ["a b.ß", "́a.de", "a‍b.ß", "bücher..example", "ß/etc", "ü@example", "ü" * 64 + ".example", "א1a.example"],
)
def test_invalid_name_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="host name"):
        host(text)


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ({"http": "https://FAß.de:8443/ä"}, "http", "https://xn--fa-hia.de:8443/%C3%A4"),
        ({"websocket": "wss://faß.de/"}, "websocket", "wss://xn--fa-hia.de/"),
        ({"tcp": "faß.de:25"}, "tcp", "xn--fa-hia.de:25"),
        ({"tls": {"target": "faß.de"}}, "tls.target", "xn--fa-hia.de:443"),
        ({"tls": {"target": "192.0.2.1", "server_name": "faß.de"}}, "tls.server_name", "xn--fa-hia.de"),
        ({"smtp": "faß.de", "helo": "mail.faß.de"}, "helo", "mail.xn--fa-hia.de"),
        ({"dns": "_dmarc.faß.de", "resolver": "faß.de"}, "dns", "_dmarc.xn--fa-hia.de"),
        ({"dns": "faß.de", "resolver": "ns.faß.de"}, "resolver", "ns.xn--fa-hia.de:53"),
        ({"domain": "Faß.de"}, "domain", "xn--fa-hia.de"),
        ({"domain": "faß.de."}, "domain", "xn--fa-hia.de"),
        ({"http": "http://a.example/", "resolve_to": "faß.de"}, "resolve_to", "xn--fa-hia.de"),
        ({"http": "http://a.example/", "proxy": "http://faß.de:3128"}, "proxy", "xn--fa-hia.de:3128"),
    ],
)
def test_every_name_of_a_check_is_encoded(text: dict[str, Any], key: str, expected: str) -> None:
    value: Any = load_check(text)
    for label in key.split("."):
        value = getattr(value, label)
    assert str(value) == expected


def test_redirect_with_an_internationalized_name_is_followed() -> None:
    """Header values are bytes, stored as latin-1; this one is UTF-8."""
    request = request_of(HttpCheck(id="a", http="http://a.example/", redirects=1))
    redirected = request.redirected(302, "https://faß.de/x".encode().decode("latin-1"))
    assert (redirected.host, redirected.server_name, redirected.url.netloc) == ("xn--fa-hia.de",) * 3


def test_redirect_to_an_invalid_name_is_reported() -> None:
    request = request_of(HttpCheck(id="a", http="http://a.example/", redirects=1))
    with pytest.raises(ProbeFailure, match="host name") as caught:
        request.redirected(302, "http://a b.ß/".encode().decode("latin-1"))
    assert caught.value.reason == "redirect_refused"


def test_name_in_an_expected_record_is_encoded() -> None:
    answer = dns.message.make_response(dns.message.make_query("a.example", "CNAME"))
    assert isinstance(answer, dns.message.QueryMessage)
    answer.answer.append(dns.rrset.from_text("a.example.", 1, "IN", "CNAME", "xn--fa-hia.de."))
    expect = DnsExpect.model_validate({"answer": ["faß.de"]})
    expect.check_response(answer, dns.rdatatype.CNAME, "a.example CNAME")


def test_name_in_a_dns_module_is_encoded() -> None:
    assert DnsModule.model_validate({"query_name": "faß.de"}).query_name == "xn--fa-hia.de"


def test_rejected_name_of_a_check_is_quoted() -> None:
    with pytest.raises(ValidationError, match="is not a host name: the joiner at position 2"):
        load_check({"tcp": "a.ü‍:25"})
