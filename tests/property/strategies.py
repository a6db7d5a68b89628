"""Strategies for small random histories of a few dozen microseconds, in which edges often coincide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from sla.interval import Interval
from sla.observation import Outcome

if TYPE_CHECKING:
    from tests.property.oracle import Seen

outcomes = st.sampled_from(["good", "good", "bad", "unknown"])
histories: st.SearchStrategy[Seen] = st.lists(st.tuples(st.integers(0, 40), outcomes), max_size=25)
holds = st.integers(0, 14)
windows = st.builds(lambda a, b: Interval(min(a, b), max(a, b)), st.integers(-5, 60), st.integers(-5, 60))
EVERYTHING = Interval(-5, 60)


def pairs(observations: Seen) -> list[tuple[int, Outcome]]:
    """Return the history as pairs for `sla`."""
    return [(at, Outcome(outcome)) for at, outcome in observations]
