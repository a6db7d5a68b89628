"""Compute the exact probability that a structure is down, with shared parts.

The structure is converted to a reduced ordered binary decision diagram (R. E. Bryant, "Graph-Based Algorithms for
Boolean Function Manipulation", 1986). Each node branches on one part, so a shared part is considered once. Multiplying
the members' probabilities would treat a shared data centre as several independent ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from sla.feasibility.structure import Structure, names

Number = TypeVar("Number")  # float, or Fraction in tests

_TOO_MANY_SHARED_PARTS = "too many parts are shared in too many ways; split the design into smaller ones"
_UP, _DOWN = 0, 1  # the terminal nodes


class TooManySharedPartsError(ValueError):
    """A design has too many shared parts for an exact result."""


class _Node(NamedTuple):
    level: int
    up: int
    down: int


class Diagram:
    """The decision diagram of a structure. Evaluation takes time linear in the number of nodes.

    Raises:
        TooManySharedPartsError: more than `max_nodes` nodes. A tree without shared parts needs a few nodes per part.
    """

    __slots__ = ("_choice_cache", "_index_by_node", "_max_nodes", "_nodes", "_root", "_structure_cache", "parts")

    def __init__(self, structure: Structure, max_nodes: int = 20_000) -> None:
        self.parts: tuple[str, ...] = tuple(dict.fromkeys(names(structure)))
        self._max_nodes = max_nodes
        last = len(self.parts)
        self._nodes = [_Node(last, _UP, _UP), _Node(last, _DOWN, _DOWN)]
        self._index_by_node: dict[_Node, int] = {}
        self._choice_cache: dict[tuple[int, int, int], int] = {}
        self._structure_cache: dict[Structure, int] = {}
        levels = {part: level for level, part in enumerate(self.parts)}
        try:
            self._root = self._node(structure, levels)
        except RecursionError:  # the depth is the number of parts: only with hundreds of shared parts
            raise TooManySharedPartsError(_TOO_MANY_SHARED_PARTS) from None

    def probability_down(self, probabilities: Mapping[str, Number]) -> Number:
        """Return the probability that the structure is down, from the probabilities of its independent parts.

        Uses only sums and products of probabilities, so tiny values keep their precision.
        """
        return self._node_probabilities(self._by_level(probabilities))[self._root]

    def importances(self, probabilities: Mapping[str, float]) -> dict[str, float]:
        """Return each part's importance (Birnbaum, 1969): the increase of the probability if the part goes down."""
        by_level = self._by_level(probabilities)
        node_probabilities = self._node_probabilities(by_level)
        reach_probabilities = [0.0] * len(self._nodes)
        reach_probabilities[self._root] = 1.0
        importance = dict.fromkeys(self.parts, 0.0)
        for index in range(len(self._nodes) - 1, _DOWN, -1):
            level, up, down = self._nodes[index]
            probability, weight = by_level[level], reach_probabilities[index]
            reach_probabilities[up] += weight * (1 - probability)
            reach_probabilities[down] += weight * probability
            importance[self.parts[level]] += weight * (node_probabilities[down] - node_probabilities[up])
        return importance

    def _by_level(self, probabilities: Mapping[str, Number]) -> list[Number]:
        return [probabilities[part] for part in self.parts]

    def _node_probabilities(self, probabilities: Sequence[Number]) -> list[Number]:
        """Return the probability that each node is down. The branches of a node precede the node."""
        by_node: list[Number] = [0, 1]  # type: ignore[list-item]  # the terminal nodes
        for level, up, down in self._nodes[2:]:
            probability = probabilities[level]
            by_node.append(probability * by_node[down] + (1 - probability) * by_node[up])  # type: ignore[operator]
        return by_node

    def _node(self, structure: Structure, levels: Mapping[str, int]) -> int:
        if isinstance(structure, str):
            return self._add_node(_Node(levels[structure], _UP, _DOWN))
        if structure not in self._structure_cache:
            members = [self._node(member, levels) for member in structure.members]
            self._structure_cache[structure] = self._at_least(structure.k, members)
        return self._structure_cache[structure]

    def _at_least(self, k: int, members: Sequence[int]) -> int:
        """Return the node that is up while at least k members are up.

        Processes the members from last to first. `nodes_by_count[j]` is up while j of the processed members are up.
        Entries that cannot reach k are skipped, so that a series of n members takes n steps instead of n x n.
        """
        nodes_by_count = [_UP] + [_DOWN] * k
        for remaining, member in zip(range(len(members) - 1, -1, -1), reversed(members), strict=True):
            for j in range(k, max(0, k - remaining - 1), -1):
                nodes_by_count[j] = self._choose(member, nodes_by_count[j - 1], nodes_by_count[j])
        return nodes_by_count[k]

    def _choose(self, condition: int, up: int, down: int) -> int:
        """Return the node that equals `up` if `condition` is up, and `down` if `condition` is down."""
        if condition == _UP or up == down:
            return up
        if condition == _DOWN:
            return down
        key = (condition, up, down)
        if key not in self._choice_cache:
            level = min(self._nodes[node].level for node in key)
            branches = (self._choose(*(self._branch(node, level, branch) for node in key)) for branch in (1, 2))
            self._choice_cache[key] = self._add_node(_Node(level, *branches))
        return self._choice_cache[key]

    def _branch(self, node: int, level: int, branch: int) -> int:
        """Return the node's branch at a level: up (1) or down (2). A node of another level is returned unchanged."""
        return self._nodes[node][branch] if self._nodes[node].level == level else node

    def _add_node(self, node: _Node) -> int:
        if node.up == node.down:
            return node.up
        if node not in self._index_by_node:
            if len(self._nodes) >= self._max_nodes:
                raise TooManySharedPartsError(_TOO_MANY_SHARED_PARTS)
            self._index_by_node[node] = len(self._nodes)
            self._nodes.append(node)
        return self._index_by_node[node]
