"""Paths between products and the products that they need."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DependencyPath = tuple[str, ...]


def shortest_paths(needs: Mapping[str, Iterable[str]], start: str) -> dict[str, DependencyPath]:
    """Return everything that `start` needs, directly or not, each with a shortest path to it, nearest first.

    A path begins with `start` and ends with the product that is needed. `start` itself is never in the
    result, also in a cycle. Of several paths of one length the first in the order of `needs` is returned.

    >>> shortest_paths({"grants": ["forms", "mail"], "forms": ["login", "mail"]}, "grants")["login"]
    ('grants', 'forms', 'login')
    """
    paths: dict[str, DependencyPath] = {start: (start,)}
    waiting = deque([start])
    while waiting:
        name = waiting.popleft()
        for other in needs.get(name, ()):
            if other not in paths:
                paths[other] = (*paths[name], other)
                waiting.append(other)
    del paths[start]
    return paths


def reversed_dependencies(needs: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the direct dependents of each. Their `shortest_paths` lead to all that a failure of `start` affects."""
    found: dict[str, list[str]] = {}
    for name, others in needs.items():
        for other in others:
            found.setdefault(other, []).append(name)
    return found
