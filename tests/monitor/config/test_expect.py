"""What an answer must be: statuses, headers, regular expressions, JSON paths."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.config.expect import Expect, HeaderExpectation, JsonExpectation, JsonPath, Regex, StatusRange


def test_without_a_word_a_status_2xx_is_good() -> None:
    expect = Expect()
    assert [status for status in range(100, 600) if expect.accepts_status(status)] == list(range(200, 300))
    assert not expect.needs_body


@pytest.mark.parametrize(
    ("token", "low", "high", "shown"),
    [
        (200, 200, 200, "200"),
        ("200", 200, 200, "200"),
        ("2xx", 200, 299, "2xx"),
        ("3XX", 300, 399, "3xx"),
        ("200-204", 200, 204, "200-204"),
    ],
)
def test_a_status_is_a_code_a_class_or_a_range(token: Any, low: int, high: int, shown: str) -> None:
    parsed = StatusRange.parse(token)
    assert (parsed.low, parsed.high, str(parsed)) == (low, high, shown)
    assert low in parsed
    assert high in parsed
    assert high + 1 not in parsed


@pytest.mark.parametrize("token", [0, 99, 600, "6xx", "2x", "204-200", "ok", True, None, 200.0, [200], "200-", ""])
def test_what_is_no_status_is_refused(token: Any) -> None:
    with pytest.raises(ValueError, match="write 200, 2xx or 200-204"):
        StatusRange.parse(token)


def test_one_status_needs_no_list() -> None:
    assert Expect.model_validate({"status": "3xx"}) == Expect.model_validate({"status": ["3xx"]})


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        (["application/json; charset=utf-8"], True),
        (["Application/JSON"], True),
        (["text/html", "application/json"], True),
        (["text/html"], False),
        ([], False),
    ],
)
def test_a_header_must_contain_the_text_whatever_its_case(values: list[str], holds: bool) -> None:
    assert HeaderExpectation("Content-Type", "application/json").is_met(values) is holds


def test_a_regular_expression_is_searched_for_in_text_and_in_bytes() -> None:
    regex = Regex(r'"status"\s*:\s*"(up|degraded)"')
    assert regex.search('{"status": "degraded"}')
    assert regex.search(b'\xff{"status":"up"}')
    assert not regex.search(b'{"status":"down"}')


@pytest.mark.parametrize("text", ["(a", "(?=a)b", r"(a)\1", "((a{1000}){1000}){9}", "x" * 1001])
def test_what_has_no_linear_form_or_is_too_large_is_refused(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    """And RE2 itself writes nothing to the terminal."""
    with pytest.raises(ValueError, match=r"RE2|longer than"):
        Regex(text)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("path", "value", "document", "holds"),
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
def test_a_json_path_must_find_something_and_all_of_it_must_be_equal(
    path: str, value: Any, document: Any, holds: bool
) -> None:
    """`true` is not 1: JSON keeps them apart, Python does not."""
    assert JsonExpectation(JsonPath(path), value).is_met(JsonPath(path).values(document)) is holds


@pytest.mark.parametrize("path", ["", "ready", "$.", "$..[", "$[?@.a=", "$" + "[0]" * 2 + "["])
def test_what_is_no_json_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a JSON path"):
        JsonPath(path)


def test_expectations_with_a_body_say_so() -> None:
    assert all(
        Expect.model_validate(each).needs_body for each in ({"contains": "a"}, {"matches": "a"}, {"json": {"$.a": 1}})
    )
