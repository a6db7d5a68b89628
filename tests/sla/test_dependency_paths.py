"""Tests of the shortest paths between products and their dependencies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sla.dependency_paths import reversed_dependencies, shortest_paths

NEEDS = {"grants": ["forms", "mail"], "forms": ["login", "mail"], "alone": []}


def test_nearest_dependencies_are_first_with_a_shortest_path() -> None:
    assert shortest_paths(NEEDS, "grants") == {
        "forms": ("grants", "forms"),
        "mail": ("grants", "mail"),
        "login": ("grants", "forms", "login"),
    }
    assert list(shortest_paths(NEEDS, "grants")) == ["forms", "mail", "login"]


def test_reversed_dependencies_lead_to_affected_products() -> None:
    assert shortest_paths(reversed_dependencies(NEEDS), "login") == {
        "forms": ("login", "forms"),
        "grants": ("login", "forms", "grants"),
    }
    assert shortest_paths(reversed_dependencies(NEEDS), "alone") == {}


GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=4), max_size=6)


@given(GRAPHS, st.sampled_from("abcdef"), st.sampled_from("abcdef"))
def test_reversed_graph_has_the_same_reachability(needs: dict[str, list[str]], one: str, other: str) -> None:
    """This includes cycles. The paths have the same length, and each step of a path is a dependency."""
    forward, back = shortest_paths(needs, one), shortest_paths(reversed_dependencies(needs), other)
    assert one not in forward
    assert (other in forward) == (one in back)
    if other in forward:
        assert len(forward[other]) == len(back[one])
        assert all(end in needs[start] for start, end in zip(forward[other], forward[other][1:], strict=False))
