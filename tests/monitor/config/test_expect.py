"""Expectations of a response: statuses, headers, regular expressions, JSON paths."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.config.expect import Expect, HeaderExpectation, JsonExpectation, JsonPath, Regex, StatusRange


def test_default_expectation_is_a_2xx_status() -> None:
    expect = Expect()
    assert [status for status in range(100, 600) if expect.accepts_status(status)] == list(range(200, 300))
    assert not expect.needs_body


@pytest.mark.parametrize(
    ("token", "low", "high", "text"),
    [
        (200, 200, 200, "200"),
        ("200", 200, 200, "200"),
        ("2xx", 200, 299, "2xx"),
        ("3XX", 300, 399, "3xx"),
        ("200-204", 200, 204, "200-204"),
    ],
)
def test_status_is_a_code_a_class_or_a_range(token: Any, low: int, high: int, text: str) -> None:
    parsed = StatusRange.parse(token)
    assert (parsed.low, parsed.high, str(parsed)) == (low, high, text)
    assert low in parsed
    assert high in parsed
    assert high + 1 not in parsed


@pytest.mark.parametrize("token", [0, 99, 600, "6xx", "2x", "204-200", "ok", True, None, 200.0, [200], "200-", ""])
def test_invalid_status_is_rejected(token: Any) -> None:
    with pytest.raises(ValueError, match="use 200, 2xx or 200-204"):
        StatusRange.parse(token)


def test_single_status_needs_no_list() -> None:
    assert Expect.model_validate({"status": "3xx"}) == Expect.model_validate({"status": ["3xx"]})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["application/json; charset=utf-8"], True),
        (["Application/JSON"], True),
        (["text/html", "application/json"], True),
        (["text/html"], False),
        ([], False),
    ],
)
def test_header_must_contain_the_text_ignoring_case(values: list[str], expected: bool) -> None:
    assert HeaderExpectation("Content-Type", "application/json").is_met(values) is expected


def test_regular_expression_is_searched_in_text_and_bytes() -> None:
    regex = Regex(r'"status"\s*:\s*"(up|degraded)"')
    assert regex.search('{"status": "degraded"}')
    assert regex.search(b'\xff{"status":"up"}')
    assert not regex.search(b'{"status":"down"}')


@pytest.mark.parametrize("text", ["(a", "(?=a)b", r"(a)\1", "((a{1000}){1000}){9}", "x" * 1001])
@pytest.mark.fault(39)
def test_unsupported_or_overlong_expression_is_rejected(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    """RE2 itself writes nothing to the terminal."""
    with pytest.raises(ValueError, match=r"RE2|longer than"):
        Regex(text)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("path", "value", "document", "expected"),
    [
        ("$.ready", True, {"ready": True}, True),
        ("$.ready", True, {"ready": 1}, False),
        ("$.ready", 1, {"ready": True}, False),
        ("$.n", 1, {"n": 1.0}, True),
        ("$.ready", None, {"ready": None}, True),
        ("$.ready", None, {}, False),
        ("$", "ok", "ok", True),
        ("$[*].s", "up", [{"s": "up"}, {"s": "up"}], True),
        ("$[*].s", "up", [{"s": "up"}, {"s": "down"}], False),
        ("$[?@.id=='api'].s", "up", [{"id": "api", "s": "up"}, {"id": "b", "s": "down"}], True),
    ],
)
def test_json_path_must_match_and_all_values_must_be_equal(
    path: str, value: Any, document: Any, expected: bool
) -> None:
    """`true` is not 1: they are different in JSON, but equal in Python."""
    assert JsonExpectation(JsonPath(path), value).is_met(JsonPath(path).values(document)) is expected


@pytest.mark.parametrize("path", ["", "ready", "$.", "$..[", "$[?@.a=", "$" + "[0]" * 2 + "["])
def test_invalid_json_path_is_rejected(path: str) -> None:
    with pytest.raises(ValueError, match="not a JSON path"):
        JsonPath(path)


def test_body_expectations_need_the_body() -> None:
    assert all(
        Expect.model_validate(keys).needs_body for keys in ({"contains": "a"}, {"matches": "a"}, {"json": {"$.a": 1}})
    )
