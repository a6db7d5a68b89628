"""Who relies on what: the ways by which one product's failure reaches others."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Way = tuple[str, ...]


def reached(needs: Mapping[str, Iterable[str]], start: str) -> dict[str, Way]:
    """Return everything that `start` needs, directly or not, each with a shortest way to it, nearest first.

    A way begins with `start` and ends with what it leads to; `start` itself is not in the answer, however `needs`
    winds. Among ways of one length the one that is written first stands.

    >>> reached({"grants": ["forms", "mail"], "forms": ["login", "mail"]}, "grants")["login"]
    ('grants', 'forms', 'login')
    """
    ways: dict[str, Way] = {start: (start,)}
    waiting = deque([start])
    while waiting:
        name = waiting.popleft()
        for other in needs.get(name, ()):
            if other not in ways:
                ways[other] = (*ways[name], other)
                waiting.append(other)
    del ways[start]
    return ways


def reversed_needs(needs: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return who needs each: with it, `reached` tells whom the failure of `start` reaches."""
    found: dict[str, list[str]] = {}
    for name, others in needs.items():
        for other in others:
            found.setdefault(other, []).append(name)
    return found
