"""Values of the configuration: durations, hosts, addresses, URLs."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from monitor.config.addresses import HostPort, HttpUrl, WebSocketUrl, host
from monitor.config.values import Seconds, budget_window, duration
from sla.objective import Objective


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("30s", 30_000_000),
        ("500ms", 500_000),
        ("5m", 300_000_000),
        ("1h30m", 5_400_000_000),
        ("30d", 2_592_000_000_000),
    ],
)
def test_duration_is_in_microseconds(text: str, microseconds: int) -> None:
    assert duration(text) == microseconds


@pytest.mark.parametrize(
    "text", [30, 0.5, "30", "", "s", "5 parsecs", "-5s", "0s", "99999d", "1e3s", True, None, [], "1s" * 90]
)
def test_invalid_duration_is_rejected_with_a_remedy(text: object) -> None:
    with pytest.raises(ValueError, match=r"use 30s|has no unit; use|out of range"):
        duration(text)


def test_seconds_are_floats() -> None:
    assert TypeAdapter(Seconds).validate_python("1500ms") == 1.5


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("h:1", "h:1"),
        ("[::1]:80", "[::1]:80"),
        ("127.0.0.1:65535", "127.0.0.1:65535"),
        ("bücher.example:80", "xn--bcher-kva.example:80"),
    ],
)
def test_formatted_address_is_parsed_to_the_same_address(text: str, formatted: str) -> None:
    assert str(HostPort.parse(text)) == formatted
    assert HostPort.parse(formatted) == HostPort.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "h",
        ":80",
        "h:",
        "h:0",
        "h:65536",
        "::1:80",
        "[::1]",
        "[h]:1",
        "a b:1",
        "u@h:1",
        "h:٣",
        "-h:1",
        "a..b:1",
        80,
        None,
    ],
)
def test_invalid_address_is_rejected(text: object) -> None:
    with pytest.raises(ValueError, match=r"address|host"):
        HostPort.parse(text)


def test_only_a_listen_address_may_have_port_0() -> None:
    assert HostPort.parse("127.0.0.1:0", min_port=0).port == 0


@pytest.mark.parametrize(
    "text", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "1.2.3.4.5", "a_b..c", "x" * 64, "", "a/b", "é" * 300]
)
def test_short_or_numeric_ipv4_address_is_not_a_host(text: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor an IP address"):
        host(text)


@given(st.text(max_size=60))
def test_parsers_raise_no_other_error_than_value_error(text: str) -> None:
    for parse in (duration, HostPort.parse, host, TypeAdapter(HttpUrl).validate_python):
        with contextlib.suppress(ValueError):
            parse(text)


@pytest.mark.parametrize(
    "url", ["http://h", "https://h:8443/a?b=c", "http://[::1]:80/", "https://xn--bcher-kva.example/%20"]
)
def test_ascii_url_is_unchanged(url: str) -> None:
    assert TypeAdapter(HttpUrl).validate_python(url) == url


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("https://Bücher.example:8443/ü?ö=%C3%A4", "https://xn--bcher-kva.example:8443/%C3%BC?%C3%B6=%C3%A4"),
        ("http://h/日本", "http://h/%E6%97%A5%E6%9C%AC"),
    ],
)
def test_non_ascii_url_is_encoded(text: str, encoded: str) -> None:
    assert TypeAdapter(HttpUrl).validate_python(text) == encoded
    assert TypeAdapter(WebSocketUrl).validate_python(text.replace("http", "ws", 1)) == encoded.replace("http", "ws", 1)


@pytest.mark.parametrize(
    "url",
    [
        "h",
        "//h/",
        "file:///etc/passwd",
        "http://",
        "http://h:0/",
        "http://h:99999/",
        "http://a b/",
        "http://h/a b",
        "http://h/\n",
        "http://127.1/",
        "http://[::1/",
        "http://h/#x",
    ],
)
def test_invalid_url_is_rejected(url: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(HttpUrl).validate_python(url)


@pytest.mark.parametrize("text", ["Month", "1 year", "quarters", "30", 30, "0d", "4000d", "soon", [1], True])
def test_invalid_window_is_rejected_with_a_remedy(text: object) -> None:
    allowed = (
        "use a rolling window above 0s and at most 3650d, for example 30d, or a calendar period: day, week, month,"
    )
    with pytest.raises(ValueError, match=allowed):
        budget_window(text)


@pytest.mark.parametrize("text", ["5 minutes", "1y", "10", "", "1h1h", "-1s", "x" * 50])
def test_invalid_duration_error_shows_examples(text: str) -> None:
    with pytest.raises(ValueError, match="use 30s, 5m or 1h"):
        duration(text)


@pytest.mark.parametrize("text", ["999%", "100%", 100, "0%", "-5%", "99,9%", "1000%", "1e3%", "abc", ""])
def test_invalid_objective_is_rejected_with_the_range(text: str | float) -> None:
    with pytest.raises(ValueError, match=r"\(above 0%, below 100%\)"):
        Objective.parse(text)


@pytest.mark.parametrize(
    ("listen", "destination"),
    [
        ("0.0.0.0:9999", "127.0.0.1:9999"),
        ("[::]:9999", "[::1]:9999"),
        ("[0:0::0]:9999", "[::1]:9999"),
        ("10.0.0.7:9999", "10.0.0.7:9999"),
        ("status.example.org:80", "status.example.org:80"),
    ],
)
def test_server_on_all_addresses_is_reached_over_loopback(listen: str, destination: str) -> None:
    assert str(HostPort.parse(listen).as_destination()) == destination
