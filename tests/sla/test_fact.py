"""Tests of facts: ids, canonical JSON and merging."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.fact import Fact, canonical, content_id, merged

NOTE = Fact.of(50, "Ana", "note", "forms", {"b": "ü", "a": [1, None]})
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aü \n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
)


def test_canonical_json_is_sorted_and_compact() -> None:
    assert NOTE.body == '{"a":[1,null],"b":"ü"}'
    assert NOTE.content() == {"a": [1, None], "b": "ü"}


@given(values)
def test_canonical_json_round_trips_and_does_not_depend_on_order(body: object) -> None:
    fact = Fact.of(0, "Ana", "note", "", {"x": body, "y": 1})
    assert fact.content() == {"x": body, "y": 1}
    assert Fact.of(0, "Ana", "note", "", {"y": 1, "x": body}) == fact


@pytest.mark.parametrize("body", [float("nan"), [float("inf")], {"a": "\ud800"}])
def test_values_outside_json_are_rejected(body: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical(body)


def test_id_depends_on_each_field() -> None:
    assert NOTE.id == "f76876365a28" == content_id("note", "forms", 50, "Ana", NOTE.body)
    others = [
        Fact.of(51, "Ana", "note", "forms", NOTE.content()),
        Fact.of(50, "Ben", "note", "forms", NOTE.content()),
        Fact.of(50, "Ana", "drill", "forms", NOTE.content()),
        Fact.of(50, "Ana", "note", "css", NOTE.content()),
        Fact.of(50, "Ana", "note", "forms", {}),
    ]
    assert len({NOTE.id, *(other.id for other in others)}) == 6
    assert all(len(other.id) == 12 for other in others)


def test_merged_facts_are_unique_and_the_first_source_has_priority() -> None:
    late, early = replace(NOTE, id="b", made=60), replace(NOTE, id="c", made=40)
    same = replace(NOTE, id="a", made=60)
    assert merged([late, NOTE], [early, replace(late, author="Eve")], [same]) == [early, NOTE, same, late]
    assert merged() == []
