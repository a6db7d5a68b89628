"""JSON paths: their results, and that no document makes them slow."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.config.json_path import JsonPath

NESTED: dict[str, Any] = {"b": 1}
for _ in range(90):
    NESTED = {"a": NESTED, "b": 1}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$[?match(@, '(a|aa)+')]", ["aaaa"]),
        ("$[?match(@, 'a|b')]", ["b"]),
        ("$[?search(@, 'a|b')]", ["aaaa", "b", "xbx", "\ud800b"]),
        ("$[?search(@, '^b')]", ["b"]),
        ("$[?!search(@, 'a')]", ["b", "xbx", 5, ["a"], "\ud800b"]),
        ("$[?length(@) == 1]", ["b", ["a"]]),
    ],
)
def test_patterns_in_a_path_match_text_values(path: str, expected: list[Any]) -> None:
    assert JsonPath(path).values(["aaaa", "b", "xbx", 5, ["a"], "\ud800b"]) == expected


@pytest.mark.fault(39)
def test_ambiguous_pattern_takes_linear_time() -> None:
    """A backtracking matcher would need 2^17000 steps."""
    assert JsonPath("$.a[?match(@, '(a|aa)+')]").values({"a": ["a" * 17_000 + "!"]}) == []


@pytest.mark.parametrize(
    ("path", "expected_error"),
    [
        ("$.a[?match(@, $.p)]", r"match\(\) requires a pattern in quotes; a pattern from the response"),
        ("$.a[?search(@.text, @.pattern)]", r"search\(\) requires a pattern in quotes"),
        ("$.a[?search(@, 5)]", r"search\(\) requires a pattern in quotes"),
        ("$.a[?match(@, '(a')]", "not a regular expression of RE2"),
        ("$.a[?match(@, 'a)|(b')]", "not a regular expression of RE2"),
        ("$.a[?match(@, '(?=a)b')]", "not a regular expression of RE2"),
        ("$.a[?count($.a[*]) > 5]", r"\$ in a filter searches the whole document for each value"),
        ("$.a[?@.b && !(length($.c) > 5)]", r"\$ in a filter"),
        ("$..a..b", "visits a value up to 102 times, at most 16"),
        ("$..[?@..b]", "visits a value up to"),
        ("$..[?count(@..*) > 5]", "visits a value up to"),
        ("$" + "[*,*]" * 5, "visits a value up to 63 times"),
        ("$[?" + " || ".join("search(@, 'a')" for _ in range(30)) + "]", "visits a value up to 32 times"),
        ("$[?@[?@[?@.a || @.b] || @.c]]" + "[?@.a || @.b || @.c]" * 4, "visits a value up to"),
        ("$." + "a" * 1_000, "longer than 1000 characters"),
    ],
)
@pytest.mark.fault(39)
def test_path_that_a_document_can_make_slow_is_rejected(path: str, expected_error: str) -> None:
    with pytest.raises(ValueError, match=expected_error):
        JsonPath(path)


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("$..b", 91),
        ("$..a.b", 90),
        ("$..[?@.b == 1 && @.b < 5].b", 90),
        ("$.a[?@.b == 1 || match(@.c, '[a-z]+')].a['a', 'b']", 2),
        ("$.a.a[?@[?@.b]]", 1),
        ("$[?count(@..b) > 5]", 1),
        ("$.all[?@.name == 'a' && @.env == 'b' && @.region == 'c'].parts[?@.up == true].id", 0),
    ],
)
def test_path_with_linear_cost_is_accepted(path: str, count: int) -> None:
    assert len(JsonPath(path).values(NESTED)) == count
