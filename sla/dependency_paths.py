"""Find the shortest paths from a product to its direct and indirect dependencies."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DependencyPath = tuple[str, ...]


def shortest_paths(needs: Mapping[str, Iterable[str]], start: str) -> dict[str, DependencyPath]:
    """Return the shortest path to each direct and indirect dependency of `start`, nearest first.

    A path begins with `start` and ends with the dependency. `start` itself is not in the result, even in a cycle. If
    several paths have the same length, the first one in the order of `needs` is returned.

    >>> shortest_paths({"grants": ["forms", "mail"], "forms": ["login", "mail"]}, "grants")["login"]
    ('grants', 'forms', 'login')
    """
    paths: dict[str, DependencyPath] = {start: (start,)}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        for other in needs.get(name, ()):
            if other not in paths:
                paths[other] = (*paths[name], other)
                queue.append(other)
    del paths[start]
    return paths


def reversed_dependencies(needs: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the direct dependents of each product, with which `shortest_paths` finds all affected products."""
    dependents: dict[str, list[str]] = {}
    for name, others in needs.items():
        for other in others:
            dependents.setdefault(other, []).append(name)
    return dependents
