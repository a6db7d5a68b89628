"""Compute the exact probability that a structure is down, with shared parts.

A structure becomes a reduced ordered binary decision diagram (R. E. Bryant, "Graph-Based Algorithms for Boolean
Function Manipulation", 1986), in which each node decides on one part, so that each shared part is considered once.
Multiplying the members' probabilities would count a shared data centre as independent data centres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from sla.feasibility.structure import Structure, names

Number = TypeVar("Number")  # float, or Fraction in tests

_ENTANGLED = "too many parts are shared in too many ways; split the design into smaller ones"
_UP, _DOWN = 0, 1  # the terminal nodes


class EntangledError(ValueError):
    """Too many shared parts for an exact result."""


class _Node(NamedTuple):
    level: int
    up: int
    down: int


class Diagram:
    """The decision diagram of a structure; evaluation takes time linear in its nodes.

    Raises:
        EntangledError: more than `limit` nodes; a tree without shared parts takes a few per part.
    """

    __slots__ = ("_held", "_known", "_limit", "_made", "_nodes", "_root", "parts")

    def __init__(self, structure: Structure, limit: int = 20_000) -> None:
        self.parts: tuple[str, ...] = tuple(dict.fromkeys(names(structure)))
        self._limit = limit
        last = len(self.parts)
        self._nodes = [_Node(last, _UP, _UP), _Node(last, _DOWN, _DOWN)]
        self._made: dict[_Node, int] = {}
        self._known: dict[tuple[int, int, int], int] = {}
        self._held: dict[Structure, int] = {}
        levels = {part: level for level, part in enumerate(self.parts)}
        try:
            self._root = self._node(structure, levels)
        except RecursionError:  # the depth is the number of parts; needs hundreds of shared parts
            raise EntangledError(_ENTANGLED) from None

    def down(self, chances: Mapping[str, Number]) -> Number:
        """Return the probability that the whole is down, from those of its independent parts.

        Uses only sums and products of probabilities, so tiny values keep their precision.
        """
        return self._downs(self._by_level(chances))[self._root]

    def importance(self, chances: Mapping[str, float]) -> dict[str, float]:
        """Return each part's importance: the increase of the probability when it goes down (Birnbaum, 1969)."""
        by_level = self._by_level(chances)
        downs = self._downs(by_level)
        reached = [0.0] * len(self._nodes)
        reached[self._root] = 1.0
        found = dict.fromkeys(self.parts, 0.0)
        for index in range(len(self._nodes) - 1, _DOWN, -1):
            level, up, down = self._nodes[index]
            chance, weight = by_level[level], reached[index]
            reached[up] += weight * (1 - chance)
            reached[down] += weight * chance
            found[self.parts[level]] += weight * (downs[down] - downs[up])
        return found

    def _by_level(self, chances: Mapping[str, Number]) -> list[Number]:
        return [chances[part] for part in self.parts]

    def _downs(self, chances: Sequence[Number]) -> list[Number]:
        """Return each node's probability to be down. A node's branches precede it."""
        found: list[Number] = [0, 1]  # type: ignore[list-item]  # the terminal nodes
        for level, up, down in self._nodes[2:]:
            chance = chances[level]
            found.append(chance * found[down] + (1 - chance) * found[up])  # type: ignore[operator]
        return found

    def _node(self, structure: Structure, levels: Mapping[str, int]) -> int:
        if isinstance(structure, str):
            return self._make(_Node(levels[structure], _UP, _DOWN))
        if structure not in self._held:
            members = [self._node(member, levels) for member in structure.members]
            self._held[structure] = self._at_least(structure.k, members)
        return self._held[structure]

    def _at_least(self, k: int, members: Sequence[int]) -> int:
        """Return the node that is up while at least k members are.

        Goes from the last member to the first; `row[j]` is up while j of the members so far are. Entries that cannot
        reach k are skipped, so that a series of n takes n steps instead of n x n.
        """
        row = [_UP] + [_DOWN] * k
        for left, member in zip(range(len(members) - 1, -1, -1), reversed(members), strict=True):
            for j in range(k, max(0, k - left - 1), -1):
                row[j] = self._choose(member, row[j - 1], row[j])
        return row[k]

    def _choose(self, asked: int, up: int, down: int) -> int:
        """Return the node that equals `up` if `asked` is up, and `down` if it is down."""
        if asked == _UP or up == down:
            return up
        if asked == _DOWN:
            return down
        key = (asked, up, down)
        if key not in self._known:
            level = min(self._nodes[node].level for node in key)
            branches = (self._choose(*(self._branch(node, level, which) for node in key)) for which in (1, 2))
            self._known[key] = self._make(_Node(level, *branches))
        return self._known[key]

    def _branch(self, node: int, level: int, which: int) -> int:
        """Return the node's branch at a level, up (1) or down (2); itself if it does not decide at that level."""
        return self._nodes[node][which] if self._nodes[node].level == level else node

    def _make(self, node: _Node) -> int:
        if node.up == node.down:
            return node.up
        if node not in self._made:
            if len(self._nodes) >= self._limit:
                raise EntangledError(_ENTANGLED)
            self._made[node] = len(self._nodes)
            self._nodes.append(node)
        return self._made[node]
