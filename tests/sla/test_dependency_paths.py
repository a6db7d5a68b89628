"""Ways between products that need each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sla.dependency_paths import reversed_dependencies, shortest_paths

NEEDS = {"grants": ["forms", "mail"], "forms": ["login", "mail"], "alone": []}


def test_the_nearest_come_first_each_with_a_shortest_way() -> None:
    assert shortest_paths(NEEDS, "grants") == {
        "forms": ("grants", "forms"),
        "mail": ("grants", "mail"),
        "login": ("grants", "forms", "login"),
    }
    assert list(shortest_paths(NEEDS, "grants")) == ["forms", "mail", "login"]


def test_a_failure_reaches_those_who_need_it() -> None:
    assert shortest_paths(reversed_dependencies(NEEDS), "login") == {
        "forms": ("login", "forms"),
        "grants": ("login", "forms", "grants"),
    }
    assert shortest_paths(reversed_dependencies(NEEDS), "alone") == {}


GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=4), max_size=6)


@given(GRAPHS, st.sampled_from("abcdef"), st.sampled_from("abcdef"))
def test_one_reaches_another_exactly_if_it_is_reached_backwards(
    needs: dict[str, list[str]], one: str, other: str
) -> None:
    """Also where needs go round in a circle, by ways of the same length; each step of a way is a need."""
    there, back = shortest_paths(needs, one), shortest_paths(reversed_dependencies(needs), other)
    assert one not in there
    assert (other in there) == (one in back)
    if other in there:
        assert len(there[other]) == len(back[one])
        assert all(end in needs[start] for start, end in zip(there[other], there[other][1:], strict=False))
