"""Single values: durations, hosts, addresses, URLs."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from monitor.config.addresses import HostPort, HttpUrl, WebSocketUrl, host
from monitor.config.values import Seconds, duration, window
from sla.objective import Objective


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [
        ("30s", 30_000_000),
        ("500ms", 500_000),
        ("5m", 300_000_000),
        ("1h30m", 5_400_000_000),
        ("30d", 2_592_000_000_000),
    ],
)
def test_a_duration_is_whole_microseconds(written: str, microseconds: int) -> None:
    assert duration(written) == microseconds


@pytest.mark.parametrize(
    "written", [30, 0.5, "30", "", "s", "5 parsecs", "-5s", "0s", "99999d", "1e3s", True, None, [], "1s" * 90]
)
def test_what_is_no_duration_is_refused_with_what_to_write(written: object) -> None:
    with pytest.raises(ValueError, match=r"write 30s|has no unit; write|out of range"):
        duration(written)


def test_seconds_are_floats() -> None:
    assert TypeAdapter(Seconds).validate_python("1500ms") == 1.5


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("h:1", "h:1"),
        ("[::1]:80", "[::1]:80"),
        ("127.0.0.1:65535", "127.0.0.1:65535"),
        ("bücher.example:80", "xn--bcher-kva.example:80"),
    ],
)
def test_an_address_reads_back_as_written(written: str, shown: str) -> None:
    assert str(HostPort.parse(written)) == shown
    assert HostPort.parse(shown) == HostPort.parse(written)


@pytest.mark.parametrize(
    "written",
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
def test_what_is_no_address_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"address|host"):
        HostPort.parse(written)


def test_only_a_listener_may_take_port_0() -> None:
    assert HostPort.parse("127.0.0.1:0", min_port=0).port == 0


@pytest.mark.parametrize(
    "written", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "1.2.3.4.5", "a_b..c", "x" * 64, "", "a/b", "é" * 300]
)
def test_what_resolvers_take_for_an_address_by_accident_is_no_host(written: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor an IP address"):
        host(written)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parsers(text: str) -> None:
    """Whatever is written is either taken or refused: no other error comes out of them."""
    for parse in (duration, HostPort.parse, host, TypeAdapter(HttpUrl).validate_python):
        with contextlib.suppress(ValueError):
            parse(text)


@pytest.mark.parametrize(
    "url", ["http://h", "https://h:8443/a?b=c", "http://[::1]:80/", "https://xn--bcher-kva.example/%20"]
)
def test_a_web_address_is_kept_as_written(url: str) -> None:
    assert TypeAdapter(HttpUrl).validate_python(url) == url


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("https://Bücher.example:8443/ü?ö=%C3%A4", "https://xn--bcher-kva.example:8443/%C3%BC?%C3%B6=%C3%A4"),
        ("http://h/日本", "http://h/%E6%97%A5%E6%9C%AC"),
    ],
)
def test_a_web_address_beyond_ascii_is_kept_as_it_is_sent(written: str, sent: str) -> None:
    assert TypeAdapter(HttpUrl).validate_python(written) == sent
    assert TypeAdapter(WebSocketUrl).validate_python(written.replace("http", "ws", 1)) == sent.replace("http", "ws", 1)


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
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(HttpUrl).validate_python(url)


@pytest.mark.parametrize(
    "written", ["month", "1 year", "fiscal-year", "quarters", "30", 30, "0d", "4000d", "soon", [1], True]
)
def test_a_window_that_is_none_says_what_is_allowed(written: object) -> None:
    with pytest.raises(
        ValueError, match="must be a rolling window above 0s and at most 3650d, for example 30d"
    ) as refused:
        window(written)
    calendar = isinstance(written, str) and written in ("month", "1 year", "fiscal-year", "quarters")
    assert ("calendar window" in str(refused.value)) == calendar


@pytest.mark.parametrize("written", ["5 minutes", "1y", "10", "", "1h1h", "-1s", "x" * 50])
def test_a_duration_that_is_none_says_what_to_write(written: str) -> None:
    with pytest.raises(ValueError, match="write 30s, 5m or 1h"):
        duration(written)


@pytest.mark.parametrize("written", ["999%", "100%", 100, "0%", "-5%", "99,9%", "1000%", "1e3%", "abc", ""])
def test_an_objective_that_is_none_says_what_is_allowed(written: str | float) -> None:
    with pytest.raises(ValueError, match=r"\(above 0%, below 100%\)"):
        Objective.parse(written)
