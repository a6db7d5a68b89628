"""Conditions on headers, cookies and JSON, sizes and versions: their meaning, and messages for mistakes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from monitor.config.conditions import JSON_KEYS, parse_conditions
from monitor.config.expect import Expect
from monitor.config.sizes import SizeRange


@pytest.mark.parametrize(
    ("config", "matching_values", "other_values"),
    [
        ({">": 5}, [6, 5.5], [5, "6", True, None, [9]]),
        ({">=": 5}, [5], [4.9, float("nan")]),
        ({"<": 0.5}, [0.4, -1], [0.5]),
        ({"<=": 5, ">": 1}, [5, 2], [1, 6]),
        ({"!=": "down"}, ["up", 1, None], ["down"]),
        ({"!=": 1}, [True, 2], [1, 1.0]),
        ({"in": ["up", 1, None]}, ["up", 1.0, None], ["down", True, 0]),
        ({"matches": r"^2\.[0-9]+$"}, ["2.14", 2.5], ["3.1", [2.5], {}]),
        ({"matches": "true"}, [True], [False]),
        ({"not_matches": "(?i)error"}, ["fine", 5], ["an Error", ["error"]]),
        ({"length": 2}, ["ab", [1, 2], {"a": 1, "b": 2}], ["a", [1], 2, None]),
        ({"length": {">": 0, "<": 3}}, ["a", [1, 2]], ["", [1, 2, 3], 1]),
        ({"exists": True}, [None, 0, ""], []),
        ({"matches": "x"}, ["\ud800x"], ["\ud800"]),
    ],
)
def test_condition_must_hold_for_every_json_value(
    config: dict[str, Any], matching_values: list[Any], other_values: list[Any]
) -> None:
    parsed = parse_conditions(config, JSON_KEYS)
    assert [value for value in matching_values if not parsed.match([value])] == []
    assert [value for value in other_values if parsed.match([value])] == []
    assert not other_values or not parsed.match([matching_values[0], other_values[0]])
    assert not parsed.match([])


def test_exists_false_and_optional() -> None:
    absent = parse_conditions({"exists": False}, JSON_KEYS)
    optional = parse_conditions({"<": 5, "optional": True}, JSON_KEYS)
    assert absent.match([])
    assert not absent.match([None])
    assert optional.match([])
    assert not optional.match([5])


@pytest.mark.parametrize(
    ("config", "values", "expected"),
    [
        ({"matches": "^nginx"}, ["nginx/1.2"], True),
        ({"matches": "^nginx"}, [], False),
        ({"matches": "^nginx", "optional": True}, [], True),
        ({"contains": "JSON"}, ["application/json"], True),
        ({"not_contains": "php"}, ["PHP/5"], False),
        ({"not_matches": "[0-9]"}, [], True),
        ({"not_matches": "[0-9]", "exists": True}, [], False),
        ({"not_matches": "[0-9]", "exists": True}, ["nginx"], True),
        ({"not_matches": "a", "contains": "b"}, [], False),
        (True, [""], True),
        (True, [], False),
        (False, [], True),
        (False, ["x"], False),
    ],
)
def test_header_condition(config: Any, values: list[str], expected: bool) -> None:
    (condition,) = Expect.model_validate({"header": {"X": config}}).header
    assert condition.is_met(values) is expected


@pytest.mark.parametrize(
    ("config", "expected_error"),
    [
        ({"json": {"$.a": {"=": 1}}}, '"=" is not a condition; use one of <, <=, >, >='),
        ({"json": {"$.a": {}}}, "has no condition"),
        ({"json": {"$.a": {">": "5"}}}, ">: requires a number; remove the quotes"),
        ({"json": {"$.a": {"in": "up"}}}, r"in: requires a list, e.g. \[up, degraded\]"),
        ({"json": {"$.a": {"in": []}}}, "in: requires a list"),
        ({"json": {"$.a": {"matches": "(a"}}}, "matches: not a regular expression of RE2"),
        ({"json": {"$.a": {"length": "3"}}}, 'length: "3" is not a length; use a whole number without quotes'),
        ({"json": {"$.a": {"length": -1}}}, "length: -1 is not a length"),
        ({"json": {"$.a": {"length": 2.5}}}, "length: 2.5 is not a length"),
        ({"json": {"$.a": {"length": {"<": 0}}}}, "length: < 0 is not a length"),
        ({"json": {"$.a": {"length": {">": True}}}}, "length: > true is not a length"),
        ({"json": {"$.a": {"length": {"in": [1]}}}}, 'length: requires a number, or e.g. {">": 0}'),
        ({"json": {"$.a": {"exists": False, ">": 1}}}, "exists: false excludes all other conditions"),
        ({"json": {"$.a": {"exists": "no"}}}, "exists and optional must be true or false"),
        ({"json": {"$.a": {"optional": True}}}, "optional alone has no effect"),
        ({"json": {"$.a": [1]}}, "must be a text, a number"),
        ({"header": {"X": 5}}, r"use true \(present\), false \(absent\), a text"),
        ({"header": {"X": {">": 5}}}, '">" is not a condition; use one of contains'),
        ({"header": {"X": {"contains": ""}}}, "contains: requires a text in quotes"),
        ({"header": {}}, "not headers; use name: text"),
        ({"header": {"X Y": True}}, '"X Y" is not a valid name; use letters, digits and -'),
        ({"header": {"Server:": "nginx"}}, '"Server:" is not a valid name'),
        ({"cookie": {"a=b": True}}, '"a=b" is not a valid name'),
        ({"cookie": ["session"]}, r"not cookies; use name: true, e.g. \{session: true\}"),
        ({"contains": 5}, "not text; put it in quotes"),
        ({"not_contains": []}, "not text; put it in quotes"),
        ({"not_matches": ["a", "(b"]}, "not a regular expression"),
        ({"matches": []}, "is empty"),
        ({"version": 3}, "3 is not an HTTP version here; must be 1.0, 1.1 or 2, or a list of them"),
        ({"version": ["1.1", "h2"]}, '"h2" is not an HTTP version here'),
        ({"version": []}, "must be 1.0, 1.1 or 2"),
        ({"encrypted": "yes"}, "boolean"),
        ({"body_size": 100}, '100 is not a range of sizes; use "<= 100kB", ">= 1kB" or "1kB-100kB"'),
        ({"body_size": "100kb"}, '"100kb" is not a range of sizes; use .*; the units are B, kB, MB, KiB and MiB'),
        ({"body_size": "<= 100kb"}, '"100kb" is not a size; use 100 or 100kB; the units are B, kB, MB, KiB and MiB'),
        ({"body_size": "<= 5GB"}, '"5GB" is not a size; use 100 or 100kB'),
        ({"body_size": {"max": "5GB"}}, '"5GB" is not a size; use 100 or 100kB'),
        ({"body_size": "<= lots"}, '"lots" is not a size'),
        ({"body_size": "< 0"}, "no size is below 0"),
        ({"body_size": {"min": "2kB", "max": 5}}, "min is larger than max"),
        ({"body_size": {"least": 5}}, 'unknown key "least"; the keys are min and max'),
        ({"body_size": {}}, 'is empty; use "<= 100kB"'),
        ({"body_size": {"max": True}}, "is not a size"),
    ],
)
def test_mistake_is_reported(config: dict[str, Any], expected_error: str) -> None:
    with pytest.raises(ValidationError, match=expected_error):
        Expect.model_validate(config)


@pytest.mark.parametrize(
    ("config", "low", "high"),
    [
        ("<= 100kB", 0, 100_000),
        ("<64KiB", 0, 65_535),
        (">= 1", 1, None),
        ("> 1MB", 1_000_001, None),
        ("1kB - 2MiB", 1_000, 2_097_152),
        ({"min": 5}, 5, None),
        ({"min": "5B", "max": 7}, 5, 7),
    ],
)
def test_size_condition_has_a_minimum_a_maximum_or_both(config: Any, low: int, high: int | None) -> None:
    size_range = Expect.model_validate({"body_size": config}).body_size
    assert size_range == SizeRange(low, high)
    assert low in size_range
    assert low - 1 not in size_range
    assert high is None or (high in size_range and high + 1 not in size_range)
    assert Expect.model_validate({"body_size": str(size_range)}).body_size == size_range


@pytest.mark.parametrize("config", [1.1, "1.1", [1.0, "2"], 2, "2.0"])
def test_version_may_be_a_number_or_text(config: Any) -> None:
    assert set(Expect.model_validate({"version": config}).version) <= {"1.0", "1.1", "2"}


def test_single_text_or_expression_needs_no_list() -> None:
    expect = Expect.model_validate({"contains": "a", "not_contains": "b", "matches": "c", "not_matches": "d"})
    assert expect == Expect.model_validate(
        {"contains": ["a"], "not_contains": ["b"], "matches": ["c"], "not_matches": ["d"]}
    )
    assert all(Expect.model_validate({key: "a"}).needs_body for key in ("not_contains", "not_matches"))


def test_dump_describes_the_conditions() -> None:
    config = {"header": {"X": {"matches": "a"}, "Y": False}, "json": {"$.n": {">": 1, "<": 5}}, "version": ["2"]}
    dumped = Expect.model_validate(config).model_dump(mode="json", by_alias=True)
    assert dumped["header"] == {"X": 'to match "a"', "Y": "it not to exist"}
    assert dumped["json"] == {"$.n": "> 1 and < 5"}
    assert dumped["version"] == ["2"]
