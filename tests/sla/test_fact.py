"""Facts: an id that follows from the content, one text for one body, and merging that neither loses nor replaces."""

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


def test_the_text_of_a_body_is_sorted_compact_and_readable() -> None:
    assert NOTE.body == '{"a":[1,null],"b":"ü"}'
    assert NOTE.content() == {"a": [1, None], "b": "ü"}


@given(values)
def test_the_text_of_a_body_reads_back_and_does_not_depend_on_order(body: object) -> None:
    fact = Fact.of(0, "Ana", "note", "", {"x": body, "y": 1})
    assert fact.content() == {"x": body, "y": 1}
    assert Fact.of(0, "Ana", "note", "", {"y": 1, "x": body}) == fact


@pytest.mark.parametrize("body", [float("nan"), [float("inf")], {"a": "\ud800"}])
def test_what_no_json_file_can_hold_is_refused(body: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical(body)


def test_the_id_follows_from_each_part() -> None:
    assert NOTE.id == "f76876365a28" == content_id("note", "forms", 50, "Ana", NOTE.body)
    others = [
        Fact.of(51, "Ana", "note", "forms", NOTE.content()),
        Fact.of(50, "Ben", "note", "forms", NOTE.content()),
        Fact.of(50, "Ana", "drill", "forms", NOTE.content()),
        Fact.of(50, "Ana", "note", "css", NOTE.content()),
        Fact.of(50, "Ana", "note", "forms", {}),
    ]
    assert len({NOTE.id, *(each.id for each in others)}) == 6
    assert all(len(each.id) == 12 for each in others)


def test_merging_keeps_each_id_once_and_the_first_source_takes_precedence() -> None:
    late, early = replace(NOTE, id="b", made=60), replace(NOTE, id="c", made=40)
    same = replace(NOTE, id="a", made=60)
    assert merged([late, NOTE], [early, replace(late, author="Eve")], [same]) == [early, NOTE, same, late]
    assert merged() == []
